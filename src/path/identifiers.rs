//! Which certificate issued which: names and key identifiers ([RFC 5280 §4.2.1.1](https://www.rfc-editor.org/rfc/rfc5280#section-4.2.1.1) and
//! [§4.2.1.2](https://www.rfc-editor.org/rfc/rfc5280#section-4.2.1.2)).

use super::distinguished_name::is_same;
use super::extension::value;
use super::finding::{Evidence, Role};
use super::pool::Candidate;
use super::rule::Drafts;
use crate::pki::extension::AuthorityKeyIdentifier;
use crate::pki::fingerprint::Colons;
use crate::pki::general_name::GeneralName;

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
