//! Distinguished names compared ([RFC 5280 §7.1](https://www.rfc-editor.org/rfc/rfc5280#section-7.1)).

use crate::pki::attribute;
use crate::pki::element::ElementError;
use crate::pki::name::DistinguishedName;

/// A Name in a form in which equal names have equal octets: text without regard to its string type,
/// case and spacing, the attributes of an RDN sorted.
///
/// Each RDN is framed by its length, so that a name lies within another exactly where its octets
/// begin with the other's.
pub(super) fn canonical(name: &[u8]) -> Result<Vec<u8>, ElementError> {
    let rdns = attribute::read(name)?;
    let mut canonical = Vec::with_capacity(name.len());
    for rdn in rdns {
        let mut attributes = Vec::with_capacity(rdn.len());
        for attribute in rdn {
            let mut folded = Vec::new();
            frame(&mut folded, attribute.oid.as_bytes());
            match attribute.text() {
                Some(text) => frame(&mut folded, fold(&text).as_bytes()),
                None => frame(&mut folded, attribute.value.whole),
            }
            attributes.push(folded);
        }
        attributes.sort_unstable();
        frame(&mut canonical, &attributes.concat());
    }
    Ok(canonical)
}

/// Whether two names are equal ([RFC 5280 §7.1](https://www.rfc-editor.org/rfc/rfc5280#section-7.1)); a
/// malformed name is equal only to itself.
pub(super) fn is_same(name: &DistinguishedName, other: &DistinguishedName) -> bool {
    name == other
        || match (canonical(name.as_der()), canonical(other.as_der())) {
            (Ok(name), Ok(other)) => name == other,
            (Ok(_) | Err(_), Ok(_) | Err(_)) => false,
        }
}

/// Lower case, without white space at the ends, and one space for each run of it within.
fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !folded.is_empty() {
            folded.push(' ');
        }
        if word.is_ascii() {
            folded.extend(word.chars().map(|c| c.to_ascii_lowercase()));
        } else {
            folded.push_str(&word.to_lowercase());
        }
    }
    folded
}

fn frame(into: &mut Vec<u8>, octets: &[u8]) {
    // Nothing that is read has 2^32 octets.
    into.extend_from_slice(&(octets.len() as u32).to_be_bytes());
    into.extend_from_slice(octets);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn string_type_case_and_spacing_do_not_count() {
        let printable = common_name(0x13, b"Good  CA ");
        let utf8 = common_name(0x0c, b"good ca");
        assert_eq!(canonical(&printable), canonical(&utf8));
        assert_ne!(canonical(&utf8), canonical(&common_name(0x0c, b"goodca")));
    }

    #[test]
    fn a_name_lies_within_one_that_its_rdns_begin_with() {
        let whole = canonical(&common_name(0x0c, b"a")).unwrap();
        assert!(whole.starts_with(&canonical(&[0x30, 0]).unwrap()));
        let longer = canonical(&common_name(0x0c, b"ab")).unwrap();
        assert!(!longer.starts_with(&whole));
    }

    fn common_name(tag: u8, text: &[u8]) -> Vec<u8> {
        let wrap = |tag: u8, content: &[u8]| [&[tag, content.len() as u8], content].concat();
        let attribute = [wrap(0x06, &[0x55, 0x04, 0x03]), wrap(tag, text)].concat();
        wrap(0x30, &wrap(0x31, &wrap(0x30, &attribute)))
    }
}
