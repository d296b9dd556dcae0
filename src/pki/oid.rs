//! Object identifiers as they are read.

use std::fmt;

use super::element::ElementError;

/// An object identifier as its DER content bytes
/// ([X.690 §8.19](https://www.itu.int/rec/T-REC-X.690)): arcs of any size, such as the 128 bits of a UUID.
///
/// Shown in dots; of more than [`MAX_ARCS_SHOWN`] arcs or with an arc of more than 128 bits, in hex.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectIdentifier(Vec<u8>);

/// An object identifier that is known when the program is built, from its dots.
pub(crate) const fn known_oid(dots: &str) -> const_oid::ObjectIdentifier {
    const_oid::ObjectIdentifier::new_unwrap(dots)
}

impl ObjectIdentifier {
    /// The object identifier with these content bytes, taken as they are.
    pub fn from_der_content(content: &[u8]) -> Self {
        ObjectIdentifier(content.to_vec())
    }

    /// The content bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The name its RFC gives it, where it is a known one.
    pub fn name(&self) -> Option<&'static str> {
        let oid = const_oid::ObjectIdentifier::from_bytes(&self.0).ok()?;
        const_oid::db::DB.by_oid(&oid)
    }

    /// Says whether the bytes are DER: at least one, none of them padding, the last arc whole.
    ///
    /// # Errors
    /// When they are not.
    pub(crate) fn check(&self, what: &'static str) -> Result<(), ElementError> {
        let mut starts_arc = true;
        for byte in &self.0 {
            if starts_arc && *byte == PADDING {
                return Err(ElementError::Content { what });
            }
            starts_arc = byte & MORE == 0;
        }
        if self.0.is_empty() || !starts_arc {
            return Err(ElementError::Content { what });
        }
        Ok(())
    }

    /// The arcs, or `None` if there are too many or one is too large to show.
    fn arcs(&self) -> Option<Vec<u128>> {
        let mut arcs = Vec::new();
        let mut arc: u128 = 0;
        for byte in &self.0 {
            if arc > u128::MAX >> 7 || arcs.len() > MAX_ARCS_SHOWN {
                return None;
            }
            arc = arc << 7 | u128::from(byte & !MORE);
            if byte & MORE == 0 {
                match arcs.is_empty() {
                    true => arcs.extend([arc.min(80) / 40, arc - arc.min(80) / 40 * 40]),
                    false => arcs.push(arc),
                }
                arc = 0;
            }
        }
        let is_whole = self.check("").is_ok();
        is_whole.then_some(arcs)
    }
}

/// How many arcs an object identifier is shown with.
pub const MAX_ARCS_SHOWN: usize = 64;

impl fmt::Display for ObjectIdentifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(arcs) = self.arcs() else {
            let shown = &self.0[..self.0.len().min(MAX_BYTES_SHOWN)];
            write!(
                f,
                "malformed or too long: {}",
                super::fingerprint::Colons(shown)
            )?;
            if shown.len() < self.0.len() {
                write!(f, "… ({} bytes)", self.0.len())?;
            }
            return Ok(());
        };
        for (i, arc) in arcs.iter().enumerate() {
            write!(f, "{}{arc}", if i > 0 { "." } else { "" })?;
        }
        Ok(())
    }
}

impl fmt::Debug for ObjectIdentifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ObjectIdentifier({self})")
    }
}

impl PartialEq<const_oid::ObjectIdentifier> for ObjectIdentifier {
    fn eq(&self, other: &const_oid::ObjectIdentifier) -> bool {
        self.0 == other.as_bytes()
    }
}

impl From<const_oid::ObjectIdentifier> for ObjectIdentifier {
    fn from(oid: const_oid::ObjectIdentifier) -> Self {
        ObjectIdentifier(oid.as_bytes().to_vec())
    }
}

impl serde::Serialize for ObjectIdentifier {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

const MORE: u8 = 0x80;
const PADDING: u8 = 0x80;
const MAX_BYTES_SHOWN: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_shown_in_dots() {
        for (bytes, text) in [
            (&[0x55, 0x1d, 0x0f][..], "2.5.29.15"),
            (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d], "1.2.840.113549"),
            (&[0x88, 0x37, 0x03], "2.999.3"),
            (&[0x27], "0.39"),
        ] {
            assert_eq!(ObjectIdentifier::from_der_content(bytes).to_string(), text);
        }
    }

    #[test]
    fn an_arc_of_128_bits_is_shown_and_a_larger_one_is_not() {
        let mut uuid = vec![0x69, 0x83];
        uuid.extend([0xff; 17]);
        uuid.push(0x7f);
        let shown = ObjectIdentifier::from_der_content(&uuid).to_string();
        assert_eq!(shown, "2.25.340282366920938463463374607431768211455");
        uuid.insert(1, 0x81);
        assert!(
            ObjectIdentifier::from_der_content(&uuid)
                .to_string()
                .starts_with("malformed")
        );
    }

    #[test]
    fn padding_and_an_arc_without_end_are_no_der() {
        for bytes in [&[][..], &[0x55, 0x80, 0x01], &[0x55, 0x81]] {
            assert!(
                ObjectIdentifier::from_der_content(bytes)
                    .check("it")
                    .is_err()
            );
        }
    }
}
