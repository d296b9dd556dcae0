//! Distinguished names compared ([RFC 5280 §7.1](https://www.rfc-editor.org/rfc/rfc5280#section-7.1)).

use icu_normalizer::ComposingNormalizerBorrowed;

use crate::pki::attribute;
use crate::pki::element::ElementError;
use crate::pki::name::DistinguishedName;

/// A Name in a form in which equal names have equal bytes: text prepared for comparison, of any string type,
/// the attributes of an RDN sorted.
///
/// Each RDN is preceded by its length, so that a name lies within another exactly if its bytes begin with the
/// other's.
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
pub fn is_same(name: &DistinguishedName, other: &DistinguishedName) -> bool {
    name == other
        || match (canonical(name.as_der()), canonical(other.as_der())) {
            (Ok(name), Ok(other)) => name == other,
            (Ok(_) | Err(_), Ok(_) | Err(_)) => false,
        }
}

/// Text prepared for comparison ([RFC 4518](https://www.rfc-editor.org/rfc/rfc4518)): without regard to case,
/// compatibility forms and composition, invisible characters and the number of spaces.
fn fold(text: &str) -> String {
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return without_extra_spaces(text).to_ascii_lowercase();
    }
    let visible = text.chars().filter_map(map_character);
    let unified: String = NFKC.normalize_iter(visible).collect();
    // By way of upper case, so that all letters that have one in common are equal (B.2 of RFC 3454).
    let folded = unified
        .chars()
        .flat_map(char::to_uppercase)
        .flat_map(char::to_lowercase);
    let unified: String = NFKC.normalize_iter(folded).collect();
    without_extra_spaces(&unified)
}

/// A character as it counts: nothing for an invisible one, a space for all white space (RFC 4518 §2.2).
fn map_character(c: char) -> Option<char> {
    match c {
        '\t'..='\r' | '\u{85}' => Some(' '),
        '\u{ad}' | '\u{34f}' | '\u{1806}' | '\u{180b}'..='\u{180e}' | '\u{fe00}'..='\u{fe0f}' => {
            None
        }
        '\u{6dd}' | '\u{70f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' => None,
        '\u{2060}'..='\u{2063}' | '\u{206a}'..='\u{206f}' | '\u{feff}' => None,
        '\u{fff9}'..='\u{fffc}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0001}'..='\u{e007f}' => None,
        c if c.is_control() => None,
        c if c.is_whitespace() => Some(' '),
        c => Some(c),
    }
}

/// Without spaces at the ends, and with one for each run of them within.
fn without_extra_spaces(text: &str) -> String {
    let words: Vec<_> = text.split_whitespace().collect();
    words.join(" ")
}

fn frame(into: &mut Vec<u8>, octets: &[u8]) {
    // No input has 2^32 bytes.
    into.extend_from_slice(&(octets.len() as u32).to_be_bytes());
    into.extend_from_slice(octets);
}

const NFKC: ComposingNormalizerBorrowed<'static> = ComposingNormalizerBorrowed::new_nfkc();

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
    fn composition_compatibility_forms_and_unseen_characters_do_not_count() {
        let name = |text: &str| canonical(&common_name(0x0c, text.as_bytes())).unwrap();
        for (one, other) in [
            ("Caf\u{e9}", "cafe\u{301}"),
            ("Stra\u{df}e", "STRASSE"),
            ("\u{ff21}B", "ab"),
            ("a\u{200b}b\u{ad}c", "abc"),
            ("a\u{a0}\u{2003}b", "a b"),
            ("a\u{0}b\u{202e}", "ab"),
            ("\u{3a3}\u{3c2}", "\u{3c3}\u{3c3}"),
        ] {
            assert_eq!(name(one), name(other), "{one:?} {other:?}");
        }
        assert_ne!(name("cafe"), name("caf\u{e9}"));
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
