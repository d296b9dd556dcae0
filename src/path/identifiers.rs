//! Which certificate issued which: names and key identifiers ([RFC 5280 §4.2.1.1](https://www.rfc-editor.org/rfc/rfc5280#section-4.2.1.1) and
//! [§4.2.1.2](https://www.rfc-editor.org/rfc/rfc5280#section-4.2.1.2)).

use icu_normalizer::ComposingNormalizerBorrowed;

use super::finding::{Drafts, Evidence, Role};
use super::pool::{Candidate, value};
use crate::pki::element::ElementError;
use crate::pki::extension::AuthorityKeyIdentifier;
use crate::pki::fingerprint::Colons;
use crate::pki::general_name::GeneralName;
use crate::pki::name::{self, DistinguishedName};

/// What is wrong with a certificate's key identifiers in its role.
pub(super) fn examine(candidate: &Candidate<'_>, role: Role, drafts: &mut Drafts) {
    let extensions = candidate.extensions();
    if extensions.subject_key_identifier.is_none()
        && (role != Role::EndEntity || extensions.is_ca())
    {
        drafts.add("subject-key-identifier-missing");
    }
    let own = extensions.subject_key();
    if own.is_some_and(<[u8]>::is_empty) {
        drafts.add("subject-key-identifier-empty");
    }
    // RFC 5280 lets only self-signed certificates leave the identifier out.
    let is_root = candidate.is_self_issued();
    if extensions.authority_key_identifier.is_none() {
        match role {
            Role::EndEntity | Role::Intermediate if !is_root => {
                drafts.add("authority-key-identifier-missing");
            }
            Role::Anchor if !is_root => drafts.add("anchor-authority-key-identifier-missing"),
            Role::EndEntity | Role::Intermediate | Role::Anchor => {}
        }
        return;
    }
    let Some(authority) = value(&extensions.authority_key_identifier) else {
        return;
    };
    if authority.key_identifier.is_none() {
        drafts.add(if is_root {
            "root-authority-key-identifier-without-key"
        } else {
            "authority-key-identifier-without-key"
        });
    }
    if !authority.issuer.is_empty() || authority.serial.is_some() {
        drafts.add("authority-key-identifier-named");
    }
    if authority.issuer.is_empty() == authority.serial.is_some() {
        drafts.add("authority-key-identifier-half");
    }
    if is_root
        && role != Role::Intermediate
        && let (Some(found), Some(expected)) = (extensions.authority_key(), own)
        && found != expected
    {
        drafts.with("root-key-identifiers-differ", || {
            Evidence::instead(Colons(found), Colons(expected))
        });
    }
}

/// Whether a certificate's issuer and authority key identifier are those of this issuer.
pub(super) fn examine_issue(
    candidate: &Candidate<'_>,
    issuer: &Candidate<'_>,
    drafts: &mut Drafts,
) {
    let (named, subject) = (candidate.certificate.issuer(), issuer.certificate.subject());
    if named != subject {
        drafts.with("name-encoding-differs", || {
            Evidence::instead(named, subject)
        });
    }
    let Some(authority) = value(&candidate.extensions().authority_key_identifier) else {
        return;
    };
    let issuers = issuer.extensions().subject_key();
    if let (Some(found), Some(expected)) = (authority.key_identifier.as_deref(), issuers)
        && found != expected
    {
        drafts.with("key-identifier-mismatch", || {
            Evidence::instead(Colons(found), Colons(expected))
        });
    }
    if !names(authority, issuer) {
        drafts.add("authority-certificate-mismatch");
    }
}

/// What confuses programs that look for issuers differently. `namesakes` is the number of anchors with the last
/// certificate's subject, including itself, `issuers` that of anchors with its issuer's name.
pub(super) fn examine_path(
    path: &[&Candidate<'_>],
    namesakes: usize,
    issuers: usize,
    drafts: &mut Drafts,
) {
    let [end_entity, .., anchor] = path else {
        return;
    };
    if end_entity.is_self_issued() {
        drafts.about(0).add("named-like-issuer");
    }
    let last = path.len() - 1;
    if issuers == 0 {
        drafts.about(last).with("anchor-not-self-signed", || {
            Evidence::found(format_args!("issuer {}", anchor.certificate.issuer()))
        });
    }
    let below = path[last - 1].extensions();
    if namesakes > 1
        && (below.authority_key().is_none() || anchor.extensions().subject_key().is_none())
    {
        drafts.about(last).with("anchors-ambiguous", || {
            Evidence::found(format_args!("{namesakes} anchors of this name"))
        });
    }
}

/// Whether the issuer and serial number in the identifier, if present, match this certificate.
pub(super) fn names(authority: &AuthorityKeyIdentifier, issuer: &Candidate<'_>) -> bool {
    let certificate = issuer.certificate;
    let serial = authority.serial.as_deref();
    if serial.is_some_and(|serial| serial != certificate.serial().as_bytes()) {
        return false;
    }
    let mut directory = authority
        .issuer
        .iter()
        .filter_map(GeneralName::directory)
        .peekable();
    directory.peek().is_none() || directory.any(|name| is_same(name, certificate.issuer()))
}

/// A Name in a form in which equal names have equal bytes: text prepared for comparison, of any string type,
/// the attributes of an RDN sorted.
///
/// Each RDN is preceded by its length, so that a name lies within another exactly if its bytes begin with the
/// other's.
pub(super) fn canonical(name: &[u8]) -> Result<Vec<u8>, ElementError> {
    let rdns = name::attributes(name)?;
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

fn frame(into: &mut Vec<u8>, bytes: &[u8]) {
    // No input has 2^32 bytes.
    into.extend_from_slice(&(bytes.len() as u32).to_be_bytes());
    into.extend_from_slice(bytes);
}

const NFKC: ComposingNormalizerBorrowed<'static> = ComposingNormalizerBorrowed::new_nfkc();

#[cfg(test)]
mod distinguished_name_tests {
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
