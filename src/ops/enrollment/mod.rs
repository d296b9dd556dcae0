//! Enrollment: what a machine is granted with a token, and with its certificate when it comes again.

mod anchors;

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::Path;
use std::sync::Arc;

use time::OffsetDateTime;

use super::issue::{self, End, Key, Planned};
use super::managed::{ManagedCertificate, Place};
use super::refused::{Outcome, Refused};
use super::token::Token;
use crate::config::Config;
use crate::error::Error;
use crate::pki::certificate::{Certificate, Issuer};
use crate::pki::csr::CertificateSigningRequest;
use crate::pki::fingerprint::Fingerprint;
use crate::pki::general_name::GeneralName;
use crate::pki::name::AttributeType;
use crate::pki::profile::{NamePattern, Profile};
use crate::pki::san::{SubjectAltName, TypedName};
use crate::pki::validity::{Lifetime, rfc3339};
use crate::store::{Entry, Inventory};

pub use anchors::{
    Fetch, Machine, enrolled, fetches, machines, needs_note, note_fetch, note_renewal,
};

/// What a token grants of a request: the names that it asks for, if the token permits every one of them. A request
/// that names nothing gets its common name, if that is permitted, else the names of the token.
///
/// # Errors
/// When the names of the request cannot be read.
pub fn request(
    token: &Token,
    csr: CertificateSigningRequest,
    profile: Arc<Profile>,
    requested_by: String,
) -> Result<Outcome<issue::Request>, Error> {
    names(token, &csr)?.and_then(|names| {
        let lifetime = token.certificate_lifetime();
        Ok(Outcome::Done(issue::Request {
            end: lifetime.map(End::After),
            key: Key::Requested(PATH.into(), Box::new(csr)),
            base: Some(BASE.into()),
            requested_by,
            ..issue::Request::new(profile, names)
        }))
    })
}

fn names(token: &Token, csr: &CertificateSigningRequest) -> Result<Outcome<Vec<TypedName>>, Error> {
    let refuse = |what: String| {
        let hint = "request only names that the token permits";
        Ok(Outcome::Refused(Refused::new("token-names", what, hint)))
    };
    let asked = issue::asked_names(Path::new(PATH), csr)?;
    let mut names = Vec::with_capacity(asked.len());
    for name in &asked {
        let typed = typed(name).filter(|typed| token.permits(&typed.name));
        let Some(typed) = typed else {
            return refuse(format!("the token does not permit {name}"));
        };
        names.push(typed);
    }
    if names.is_empty() {
        let common_names = csr.subject().values(AttributeType::CommonName);
        let common_name = common_names.first().and_then(|name| name.parse().ok());
        names.extend(common_name.filter(|name: &TypedName| token.permits(&name.name)));
    }
    if names.is_empty() {
        let literals = token.names().iter().filter_map(NamePattern::literal);
        names.extend(literals.map(|name| TypedName {
            name,
            notes: Vec::new(),
        }));
    }
    if names.is_empty() {
        return refuse("the request contains no name, and the token only patterns".into());
    }
    Ok(Outcome::Done(names))
}

/// A requested name of a type that is issued. Its text must be what a person would read, so only ASCII.
fn typed(name: &GeneralName) -> Option<TypedName> {
    let text = name.to_string();
    let typed: TypedName = text.is_ascii().then(|| text.parse().ok())??;
    let is_same_type = match (name, &typed.name) {
        (GeneralName::Dns(_), SubjectAltName::Dns(_))
        | (GeneralName::Ip(_), SubjectAltName::Ip(_))
        | (GeneralName::Uri(_), SubjectAltName::Uri(_))
        | (GeneralName::Email(_), SubjectAltName::Email(_)) => true,
        (
            GeneralName::Dns(_)
            | GeneralName::Ip(_)
            | GeneralName::Uri(_)
            | GeneralName::Email(_)
            | GeneralName::Other(..)
            | GeneralName::X400(_)
            | GeneralName::Directory(_)
            | GeneralName::EdiParty(_)
            | GeneralName::RegisteredId(_),
            _,
        ) => false,
    };
    is_same_type.then_some(typed)
}

/// A certificate that comes back to be replaced, its key proved.
#[derive(Debug)]
pub struct Renewable {
    certificate: Certificate,
    entry: Entry,
    old_issuer_end: Option<OffsetDateTime>,
}

impl Renewable {
    /// The entry of a certificate, if it may be replaced: it is recorded and not revoked, and it is in date or
    /// expired no longer ago than `grace`.
    ///
    /// # Errors
    /// When the inventory cannot be read.
    pub fn find(
        certificate: Certificate,
        grace: Option<Lifetime>,
        inventory: &dyn Inventory,
        now: OffsetDateTime,
    ) -> Result<Outcome<Self>, Error> {
        let entry = inventory.find(certificate.serial())?;
        let fingerprint = Fingerprint::sha256(certificate.as_der());
        let Some(entry) = entry.filter(|entry| entry.fingerprint == fingerprint) else {
            let what = "the client certificate is not in the inventory of this authority";
            let hint = "enroll with a token";
            return Ok(Outcome::Refused(Refused::new(
                "unknown-certificate",
                what,
                hint,
            )));
        };
        if let Some(refused) = refusal(&entry, grace, now) {
            return Ok(Outcome::Refused(refused));
        }
        let ends: HashMap<Fingerprint, OffsetDateTime> = inventory
            .authorities()?
            .into_iter()
            .filter_map(|record| {
                let fingerprint = Fingerprint::sha256(&record.certificate);
                let certificate = Certificate::from_der(record.certificate).ok()?;
                Some((fingerprint, certificate.not_after()))
            })
            .collect();
        let old_issuer_end = ends.get(&entry.issuer_fingerprint).copied();
        Ok(Outcome::Done(Renewable {
            certificate,
            entry,
            old_issuer_end,
        }))
    }

    /// The entry.
    pub fn entry(&self) -> &Entry {
        &self.entry
    }

    /// What will be signed in its place, for the key of a request: the same subject, names, usages and lifetime.
    ///
    /// # Errors
    /// When its profile is gone, or the names of the request cannot be read.
    pub fn plan(
        &self,
        csr: &CertificateSigningRequest,
        config: &Config,
        issuer: &Issuer,
        requested_by: String,
        now: OffsetDateTime,
    ) -> Result<Outcome<Planned>, Error> {
        let of = ManagedCertificate {
            place: Place {
                directory: Default::default(),
                base: OsString::from(BASE),
                has_key: false,
                has_combined: false,
            },
            certificate: self.certificate.clone(),
            chain: Vec::new(),
            entry: self.entry.clone(),
        };
        let renewal = issue::Renewal {
            of: &of,
            profile: Arc::new(config.profile(&self.entry.profile)?),
            new_key: None,
            old_issuer_end: self.old_issuer_end,
            requested_by,
        };
        issue::reenrollment(&renewal, Path::new(PATH), csr, issuer, now)
    }
}

/// Why a recorded certificate may not be replaced, if it may not.
pub fn refusal(entry: &Entry, grace: Option<Lifetime>, now: OffsetDateTime) -> Option<Refused> {
    let not_after = entry.validity.not_after();
    let grace = grace.map_or(time::Duration::ZERO, Lifetime::duration);
    let hint = "enroll again with a new token: `openagents-certs token create`";
    if let Some(revocation) = entry.revocation {
        let what = format!("the client certificate is revoked ({})", revocation.reason);
        return Some(Refused::new("revoked-certificate", what, hint));
    }
    if entry.retired_at.is_some() {
        let what = "the client certificate is of an authority that was retired";
        return Some(Refused::new("retired-certificate", what, hint));
    }
    if now > not_after.saturating_add(grace) {
        let expired = rfc3339(not_after);
        let what = if grace.is_zero() {
            format!("the client certificate expired on {expired}")
        } else {
            let end = rfc3339(not_after.saturating_add(grace));
            format!("the client certificate expired on {expired} and could be renewed until {end}")
        };
        return Some(Refused::new("expired-certificate", what, hint));
    }
    None
}

/// What a request is called in messages.
const PATH: &str = "CSR";
/// No file is written by this name.
const BASE: &str = "enrolled";

#[cfg(test)]
mod tests;
