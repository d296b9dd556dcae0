//! Who issued whom: names and key identifiers ([RFC 5280 §4.2.1.1](https://www.rfc-editor.org/rfc/rfc5280#section-4.2.1.1) and
//! [§4.2.1.2](https://www.rfc-editor.org/rfc/rfc5280#section-4.2.1.2)).

use super::candidate::Candidate;
use super::distinguished_name::canonical;
use super::extension::value;
use super::finding::{Evidence, Role};
use super::rule::{Drafts, Rule, Severities};
use crate::pki::extension::AuthorityKeyIdentifier;
use crate::pki::fingerprint::Colons;
use crate::pki::general_name::GeneralName;

/// What is wrong with a certificate's key identifiers in its role.
pub(super) fn examine(candidate: &Candidate<'_>, role: Role, drafts: &mut Drafts) {
    let extensions = candidate.extensions();
    if extensions.subject_key_identifier.is_none()
        && (role != Role::EndEntity || extensions.is_ca())
    {
        drafts.add(&SUBJECT_MISSING);
    }
    let own = extensions.subject_key();
    if own.is_some_and(<[u8]>::is_empty) {
        drafts.add(&SUBJECT_EMPTY);
    }
    // RFC 5280 lets only self-signed certificates leave the identifier out.
    let is_root = candidate.is_self_issued();
    if extensions.authority_key_identifier.is_none() {
        if !is_root {
            drafts.add(&AUTHORITY_MISSING);
        }
        return;
    }
    let Some(authority) = value(&extensions.authority_key_identifier) else {
        return;
    };
    if authority.key_identifier.is_none() {
        drafts.add(if is_root {
            &ROOT_WITHOUT_KEY
        } else {
            &AUTHORITY_WITHOUT_KEY
        });
    }
    if !authority.issuer.is_empty() || authority.serial.is_some() {
        drafts.add(&AUTHORITY_NAMED);
    }
    if authority.issuer.is_empty() == authority.serial.is_some() {
        drafts.add(&AUTHORITY_HALF);
    }
    if is_root
        && role != Role::Intermediate
        && let (Some(found), Some(expected)) = (extensions.authority_key(), own)
        && found != expected
    {
        drafts.with(&ROOT_MISMATCH, || {
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
        drafts.with(&NAME_ENCODING, || Evidence::instead(named, subject));
    }
    let Some(authority) = value(&candidate.extensions().authority_key_identifier) else {
        return;
    };
    let issuers = issuer.extensions().subject_key();
    if let (Some(found), Some(expected)) = (authority.key_identifier.as_deref(), issuers)
        && found != expected
    {
        drafts.with(&MISMATCH, || {
            Evidence::instead(Colons(found), Colons(expected))
        });
    }
    if !names(authority, issuer) {
        drafts.add(&NAMED_MISMATCH);
    }
}

/// What programs stumble over that look for issuers in another way: `namesakes` are the anchors with
/// the last certificate's subject, itself among them, and `issuers` those that have its issuer's.
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
        drafts.about(0).add(&NAMED_LIKE_CA);
    }
    let last = path.len() - 1;
    if issuers == 0 {
        drafts.about(last).with(&ANCHOR_ISSUED, || {
            Evidence::found(format_args!("issuer {}", anchor.certificate.issuer()))
        });
    }
    let below = path[last - 1].extensions();
    if namesakes > 1
        && (below.authority_key().is_none() || anchor.extensions().subject_key().is_none())
    {
        drafts.about(last).with(&AMBIGUOUS, || {
            Evidence::found(format_args!("{namesakes} anchors of this name"))
        });
    }
}

/// Every rule of this file.
pub(super) static RULES: &[&Rule] = &[
    &SUBJECT_MISSING,
    &SUBJECT_EMPTY,
    &AUTHORITY_MISSING,
    &AUTHORITY_WITHOUT_KEY,
    &AUTHORITY_NAMED,
    &AUTHORITY_HALF,
    &ROOT_WITHOUT_KEY,
    &ROOT_MISMATCH,
    &MISMATCH,
    &NAMED_MISMATCH,
    &NAME_ENCODING,
    &NAMED_LIKE_CA,
    &ANCHOR_ISSUED,
    &AMBIGUOUS,
];

/// Whether the issuer and serial number in the identifier, where they are there, are this certificate's.
pub(super) fn names(authority: &AuthorityKeyIdentifier, issuer: &Candidate<'_>) -> bool {
    let certificate = issuer.certificate;
    let serial = authority.serial.as_deref();
    if serial.is_some_and(|serial| serial != certificate.serial().as_bytes()) {
        return false;
    }
    let mut directory = authority.issuer.iter().filter_map(|name| match name {
        GeneralName::Directory(name) => Some(name),
        GeneralName::Other(..)
        | GeneralName::Email(_)
        | GeneralName::Dns(_)
        | GeneralName::X400(_)
        | GeneralName::EdiParty(_)
        | GeneralName::Uri(_)
        | GeneralName::Ip(_)
        | GeneralName::RegisteredId(_) => None,
    });
    let wanted = certificate.issuer();
    directory.next().is_none_or(|first| {
        std::iter::once(first)
            .chain(directory)
            .any(|name| name == wanted || canonical(name.as_der()) == canonical(wanted.as_der()))
    })
}

static SUBJECT_MISSING: Rule = Rule {
    id: "subject-key-identifier-missing",
    sentence: "it is a CA without subjectKeyIdentifier, which Python 3.13 and OpenSSL's strict check refuse",
    hint: "make the CA anew with a subjectKeyIdentifier",
    reference: "RFC 5280 §4.2.1.2",
    severities: Severities::CONFORMANCE,
};
static SUBJECT_EMPTY: Rule = Rule {
    id: "subject-key-identifier-empty",
    sentence: "its subjectKeyIdentifier is empty",
    hint: "have it issued anew",
    reference: "RFC 5280 §4.2.1.2",
    severities: Severities::CONFORMANCE,
};
static AUTHORITY_MISSING: Rule = Rule {
    id: "authority-key-identifier-missing",
    sentence: "it has no authorityKeyIdentifier, which Python 3.13 and OpenSSL's strict check refuse",
    hint: "have it issued anew with an authorityKeyIdentifier",
    reference: "RFC 5280 §4.2.1.1",
    severities: Severities::CONFORMANCE,
};
static AUTHORITY_WITHOUT_KEY: Rule = Rule {
    id: "authority-key-identifier-without-key",
    sentence: "its authorityKeyIdentifier does not identify a key",
    hint: "have it issued anew with a keyIdentifier",
    reference: "RFC 5280 §4.2.1.1",
    severities: Severities::CONFORMANCE,
};
static AUTHORITY_NAMED: Rule = Rule {
    id: "authority-key-identifier-named",
    sentence: "its authorityKeyIdentifier names a certificate and not only a key, so that it breaks when its issuer is renewed",
    hint: "have it issued anew with a keyIdentifier alone",
    reference: "CABF BR §7.1.2.11.1",
    severities: Severities::WEBPKI,
};
static AUTHORITY_HALF: Rule = Rule {
    id: "authority-key-identifier-half",
    sentence: "its authorityKeyIdentifier has only one of issuer and serial number",
    hint: "have it issued anew with a keyIdentifier alone",
    reference: "RFC 5280 §4.2.1.1",
    severities: Severities::CONFORMANCE,
};
static ROOT_WITHOUT_KEY: Rule = Rule {
    id: "root-authority-key-identifier-without-key",
    sentence: "its authorityKeyIdentifier does not identify a key",
    hint: "make a root with a keyIdentifier, or without authorityKeyIdentifier",
    reference: "CABF BR §7.1.2.1.3",
    severities: Severities::WEBPKI_WARNED,
};
static ROOT_MISMATCH: Rule = Rule {
    id: "root-key-identifiers-differ",
    sentence: "its authorityKeyIdentifier is not its own subjectKeyIdentifier, though it issued itself",
    hint: "make a root whose two key identifiers are the same",
    reference: "CABF BR §7.1.2.1.3",
    severities: Severities::WEBPKI_WARNED,
};
static MISMATCH: Rule = Rule {
    id: "key-identifier-mismatch",
    sentence: "its authorityKeyIdentifier is not its issuer's subjectKeyIdentifier; OpenSSL and grpcio look for another issuer",
    hint: "give the CA certificate it was really issued from",
    reference: "RFC 5280 §4.2.1.2",
    severities: Severities::DECISIVE,
};
static NAMED_MISMATCH: Rule = Rule {
    id: "authority-certificate-mismatch",
    sentence: "its authorityKeyIdentifier names another certificate than its issuer's; OpenSSL and grpcio look for another one",
    hint: "give the CA certificate it was really issued from",
    reference: "RFC 5280 §4.2.1.1",
    severities: Severities::DECISIVE,
};
static NAME_ENCODING: Rule = Rule {
    id: "name-encoding-differs",
    sentence: "its issuer's name is the same, but written differently; rustls and Go compare octets and find no issuer",
    hint: "have it issued anew with the issuer copied from the CA's certificate octet for octet",
    reference: "RFC 5280 §7.1",
    severities: Severities::ADVICE,
};
static NAMED_LIKE_CA: Rule = Rule {
    id: "named-like-issuer",
    sentence: "it has its issuer's name; without key identifiers grpcio and OpenSSL take it for self-signed",
    hint: "give the CA a name of its own",
    reference: "RFC 5280 §4.1.2.6",
    severities: Severities::TLS_ADVICE,
};
static ANCHOR_ISSUED: Rule = Rule {
    id: "anchor-not-self-signed",
    sentence: "it was issued by a CA that is no anchor: Node and Python's ssl look on for a self-signed one",
    hint: "give the root with `--ca`, and put the intermediate behind the certificate in its file",
    reference: "RFC 5280 §6.1",
    severities: Severities::TLS_ADVICE,
};
static AMBIGUOUS: Rule = Rule {
    id: "anchors-ambiguous",
    sentence: "other anchors have its name, and no key identifier tells them apart: grpcio and OpenSSL may try the wrong one",
    hint: "make CAs with key identifiers, or give the one anchor that is needed",
    reference: "RFC 5280 §4.2.1.1",
    severities: Severities::TLS_ADVICE,
};
