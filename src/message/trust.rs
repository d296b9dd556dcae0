//! Signers: whether their certificates lead to an anchor, what their names are, and their keys. Everything that messages
//! need from `pki` and `path` is asked for here.

use ring::digest;
use time::OffsetDateTime;

use super::base64::encode_url;
use super::{Denial, Reason};
use crate::path::finding::{Finding, Severity};
use crate::path::{Candidates, Requirements, judge};
use crate::pki::certificate::Certificate;
use crate::pki::crl::RevocationList;
use crate::pki::extension::KeyUsage;
use crate::pki::general_name::GeneralName;
use crate::pki::name::AttributeType;
use crate::pki::public_key::PublicKey;
use crate::pki::usage::{ANY_EXTENDED_KEY_USAGE, CLIENT_AUTH, SERVER_AUTH};

/// Trust anchors and revocation lists.
#[derive(Debug)]
pub struct Trust {
    anchors: Vec<Certificate>,
    lists: Vec<RevocationList>,
}

impl Trust {
    /// Trust in these anchors. Where lists are given, the whole path of each signer is looked up in them.
    pub fn new(anchors: Vec<Certificate>, lists: Vec<RevocationList>) -> Self {
        Trust { anchors, lists }
    }

    /// The signer with this chain, the leaf first.
    ///
    /// # Errors
    /// When there are no certificates or more than ten, or the leaf may not sign messages now.
    pub(super) fn judge(
        &self,
        chain: &[Certificate],
        now: OffsetDateTime,
    ) -> Result<Signer, Denial> {
        let Some((leaf, intermediates)) = chain.split_first().filter(|_| chain.len() <= MAX_CHAIN)
        else {
            return Err(Denial::malformed(
                "x5c has no certificate, or more than ten",
            ));
        };
        let key = PublicKey::from_der(leaf.public_key_info()).map_err(Denial::malformed)?;
        self.check_path(leaf, intermediates, now)?;
        may_sign(leaf)?;
        let all = intermediates.iter().chain(&self.anchors).chain([leaf]);
        let ends = all.map(Certificate::not_after).filter(|end| *end >= now);
        let updates = self.lists.iter().filter_map(RevocationList::next_update);
        Ok(Signer {
            identities: identities(leaf),
            key,
            trusted_from: now,
            trusted_until: ends.chain(updates).min().unwrap_or(now),
        })
    }

    fn check_path(
        &self,
        leaf: &Certificate,
        intermediates: &[Certificate],
        now: OffsetDateTime,
    ) -> Result<(), Denial> {
        let candidates = Candidates {
            end_entity: leaf,
            intermediates,
            anchors: &self.anchors,
            revocation_lists: &self.lists,
        };
        let judgement = judge(candidates, &Requirements::at(now));
        let faults = judgement.findings.iter().filter(|finding| {
            finding.severity == Severity::Error && finding.id != ANY_PURPOSE
                || !self.lists.is_empty() && finding.id == UNKNOWN_REVOCATION
        });
        let worst =
            faults.min_by_key(|finding| PRECEDENCE.iter().position(|(id, _)| *id == finding.id));
        match worst {
            None if judgement.reaches_anchor => Ok(()),
            None => Err(Denial::new(
                Reason::UntrustedSigner,
                "no path to a trust anchor",
            )),
            Some(finding) => Err(Denial::new(reason(finding), finding.summary())),
        }
    }
}

/// A signer whose certificate is trusted for a while.
#[derive(Debug)]
pub(super) struct Signer {
    pub(super) identities: Vec<String>,
    pub(super) key: PublicKey,
    trusted_from: OffsetDateTime,
    trusted_until: OffsetDateTime,
}

impl Signer {
    pub(super) fn is_trusted_at(&self, now: OffsetDateTime) -> bool {
        self.trusted_from <= now && now <= self.trusted_until
    }
}

/// The names a message may be sent under with this certificate: URI, DNS and e-mail SANs in this order; only
/// without a SubjectAltName the common name.
pub fn identities(certificate: &Certificate) -> Vec<String> {
    let Ok(names) = certificate.subject_alt_names() else {
        return Vec::new();
    };
    let Some(names) = names else {
        return certificate.subject().values(AttributeType::CommonName);
    };
    let of_kind = |kind: fn(&GeneralName) -> Option<&String>| {
        let names = names.iter().filter_map(kind);
        names
            .filter(|name| name.is_ascii())
            .cloned()
            .collect::<Vec<_>>()
    };
    let uris = of_kind(|name| match name {
        GeneralName::Uri(text) => Some(text),
        _ => None,
    });
    let hosts = of_kind(|name| match name {
        GeneralName::Dns(text) => Some(text),
        _ => None,
    });
    let mailboxes = of_kind(|name| match name {
        GeneralName::Email(text) => Some(text),
        _ => None,
    });
    [uris, hosts, mailboxes].concat()
}

/// The SHA-256 thumbprint of a certificate in base64url, as `x5t#S256` has it (RFC 7515 §4.1.8).
pub fn thumbprint(certificate: &Certificate) -> String {
    encode_url(digest::digest(&digest::SHA256, certificate.as_der()).as_ref())
}

/// Whether a leaf may sign: it is not a CA, and keyUsage and extendedKeyUsage, if any, permit it.
fn may_sign(leaf: &Certificate) -> Result<(), Denial> {
    let malformed = |error| Denial::new(Reason::UntrustedSigner, error);
    let untrusted = |detail| Err(Denial::new(Reason::UntrustedSigner, detail));
    if leaf.is_ca().map_err(malformed)? {
        return untrusted("the signer's certificate is a CA's");
    }
    let usage = leaf.key_usage().map_err(malformed)?;
    if usage.is_some_and(|usage| !usage.has(KeyUsage::DIGITAL_SIGNATURE)) {
        return untrusted("the signer's keyUsage does not permit signatures");
    }
    let Some(purposes) = leaf.extended_key_usages().map_err(malformed)? else {
        return Ok(());
    };
    let permitted = [CLIENT_AUTH, SERVER_AUTH, ANY_EXTENDED_KEY_USAGE];
    if purposes
        .iter()
        .any(|purpose| permitted.iter().any(|one| *purpose == *one))
    {
        Ok(())
    } else {
        untrusted("the signer's extendedKeyUsage permits neither clientAuth nor serverAuth")
    }
}

fn reason(finding: &Finding) -> Reason {
    let known = PRECEDENCE.iter().find(|(id, _)| *id == finding.id);
    known.map_or(Reason::UntrustedSigner, |(_, reason)| *reason)
}

/// Findings that have a reason of their own, the one that counts first first. Before them come all others.
const PRECEDENCE: [(&str, Reason); 3] = [
    ("expired", Reason::ExpiredCertificate),
    ("not-yet-valid", Reason::NotYetValid),
    ("revoked", Reason::RevokedCertificate),
];
/// TLS programs do not accept it, but messages do.
const ANY_PURPOSE: &str = "purpose-any";
const UNKNOWN_REVOCATION: &str = "revocation-unknown";
const MAX_CHAIN: usize = 10;
