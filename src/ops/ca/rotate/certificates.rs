//! The contents of a new root and of the cross-certificates.

use time::OffsetDateTime;

use crate::authority::{self, Signing};
use crate::error::Error;
use crate::keys;
use crate::ops::ca;
use crate::pki::algorithm::KeyType;
use crate::pki::certificate::{Certificate, Issuer};
use crate::pki::general_name::{GeneralName, NameConstraints, Subtree};
use crate::pki::name::{AttributeType, DistinguishedName};
use crate::pki::plan::IssuancePlan;
use crate::pki::serial::SerialNumber;
use crate::pki::validity::{Lifetime, Validity};
use crate::store::Entry;

/// The root that replaces the current one.
#[derive(Debug)]
pub struct Request {
    /// Its subject's attributes, in order; derived from the old root's if there are none.
    pub subject: Vec<(AttributeType, String)>,
    /// Its validity period; the old root's if none is given.
    pub lifetime: Option<Lifetime>,
    /// The type of its key.
    pub key_type: KeyType,
}

/// The plan of the new root: another name, the same constraints, and a path length that fits the old root below it.
///
/// # Errors
/// When its subject or validity is not possible, the subject is the old root's, or the old root has constraints
/// that cannot be reproduced.
pub(super) fn root(
    request: &Request,
    old: &Certificate,
    old_issuer: &Issuer,
    serial: &SerialNumber,
    now: OffsetDateTime,
) -> Result<IssuancePlan, Error> {
    let subject = if request.subject.is_empty() {
        next_name(old.subject())
    } else {
        request.subject.clone()
    };
    let lifetime = request.lifetime.or_else(|| {
        let validity = old_issuer.validity;
        // The backdated minutes are not part of the requested period.
        Lifetime::between(validity.not_before() + BACKDATED, validity.not_after())
    });
    let request = ca::Request {
        directory: std::path::PathBuf::new(),
        subject,
        lifetime: lifetime.unwrap_or(crate::ops::ca::USUAL_LIFETIME),
        key_type: request.key_type,
        path_length: match old_issuer.path_length {
            None => None,
            Some(length) => Some(deeper(length)?),
        },
        name_constraints: constraints(old_issuer)?,
    };
    let plan = ca::plan(&request, None, serial, now)?;
    let same = old.subject().to_string();
    if plan.subject.to_string().eq_ignore_ascii_case(&same) {
        return Err(Error::usage(
            format!(
                "the new root cannot have the old root's name, {same}: grpc-core confuses CAs with the same name"
            ),
            "choose another name with `--common-name`, or leave it out to generate one",
        ));
    }
    Ok(plan)
}

/// Certifies the key of one root with another; the result is ready to be recorded.
///
/// # Errors
/// As [`cross`]; and when it cannot be signed.
pub(super) fn cross_sign(
    subject: &Issuer,
    issuer: &Signing,
    requested_by: &str,
    now: OffsetDateTime,
) -> Result<Entry, Error> {
    let plan = cross(subject, &issuer.issuer, now)?;
    let serial = keys::random_serial()?;
    let certificate = {
        let chain = issuer.issuer_chain(now);
        authority::read_back(issuer.cross_sign(&plan, subject, &serial, &chain)?)?
    };
    Ok(Entry {
        profile: ca::INTERMEDIATE.into(),
        requested_by: requested_by.to_owned(),
        note: Some(NOTE.into()),
        ..Entry::of(&certificate, issuer.fingerprint.clone(), now)?
    })
}

/// The plan of a cross-certificate: the subject's key under its own name, certified by the issuer, as long as both
/// are valid.
///
/// # Errors
/// When the issuer may have no CA below it.
pub(super) fn cross(
    subject: &Issuer,
    issuer: &Issuer,
    now: OffsetDateTime,
) -> Result<IssuancePlan, Error> {
    let below = match issuer.path_length {
        None => None,
        Some(0) => {
            return Err(Error::usage(
                format!(
                    "{} cannot certify another root: it may have no CA below it (path length 0)",
                    issuer.subject
                ),
                "distribute a separate new root: `openagents-certs ca init -C DIR`",
            ));
        }
        Some(length) => Some(length - 1),
    };
    let path_length = [below, subject.path_length].into_iter().flatten().min();
    let end = subject
        .validity
        .not_after()
        .min(issuer.validity.not_after());
    let start = now.max(issuer.validity.not_before() + BACKDATED) - BACKDATED;
    Ok(ca::authority_plan(
        subject.subject.clone(),
        Some(issuer),
        Validity::between(start, end)?,
        path_length.map(|length| u8::try_from(length).unwrap_or(u8::MAX)),
        constraints(subject)?,
    ))
}

/// One more than the old root's path length, so that the old root itself fits below.
fn deeper(length: u64) -> Result<u8, Error> {
    u8::try_from(length.saturating_add(1)).map_err(|_| {
        Error::usage(
            format!("the old root's path length, {length}, is too large to add one"),
            "create a new root in another directory: `openagents-certs ca init -C DIR`",
        )
    })
}

/// The old name's attributes, with the next generation after the common name: `Acme Root` becomes
/// `Acme Root G2`, and that `Acme Root G3`. A generated name is replaced by another one.
fn next_name(old: &DistinguishedName) -> Vec<(AttributeType, String)> {
    let kinds = [
        AttributeType::Country,
        AttributeType::StateOrProvince,
        AttributeType::Locality,
        AttributeType::Organization,
        AttributeType::OrganizationalUnit,
    ];
    let common_name = old.values(AttributeType::CommonName);
    let Some(common_name) = common_name.first() else {
        return Vec::new();
    };
    if common_name.starts_with(GENERATED) {
        return Vec::new();
    }
    let mut attributes: Vec<_> = kinds
        .into_iter()
        .flat_map(|kind| old.values(kind).into_iter().map(move |value| (kind, value)))
        .collect();
    let numbered = common_name.rsplit_once(" G").and_then(|(base, number)| {
        let number: u32 = number.parse().ok()?;
        Some(format!("{base} G{}", number.checked_add(1)?))
    });
    let next = numbered.unwrap_or_else(|| format!("{common_name} G2"));
    attributes.push((AttributeType::CommonName, next));
    attributes
}

/// The name constraints of a CA, for another certificate.
fn constraints(issuer: &Issuer) -> Result<NameConstraints, Error> {
    let subtrees = |names: &[GeneralName]| names.iter().map(subtree).collect::<Result<Vec<_>, _>>();
    Ok(NameConstraints {
        permitted: subtrees(&issuer.name_constraints.permitted)?,
        excluded: subtrees(&issuer.name_constraints.excluded)?,
    })
}

fn subtree(name: &GeneralName) -> Result<Subtree, Error> {
    match name {
        GeneralName::Dns(text) if !text.starts_with('.') => Ok(Subtree::dns(text)?),
        GeneralName::Uri(text) => Ok(Subtree::uri(text)?),
        GeneralName::Ip(bytes) if bytes.len() == 8 || bytes.len() == 32 => {
            let (address, mask) = bytes.split_at(bytes.len() / 2);
            let prefix: u32 = mask.iter().map(|byte| byte.count_ones()).sum();
            let address: std::net::IpAddr = match <[u8; 4]>::try_from(address) {
                Ok(bytes) => bytes.into(),
                Err(_) => <[u8; 16]>::try_from(address).unwrap_or_default().into(),
            };
            Ok(Subtree::ip(&format!("{address}/{prefix}"))?)
        }
        GeneralName::Dns(_)
        | GeneralName::Ip(_)
        | GeneralName::Other(..)
        | GeneralName::Email(_)
        | GeneralName::X400(_)
        | GeneralName::Directory(_)
        | GeneralName::EdiParty(_)
        | GeneralName::RegisteredId(_) => Err(Error::usage(
            format!("the old root has a name constraint that cannot be reproduced: {name}"),
            "create a new root in another directory: `openagents-certs ca init -C DIR`",
        )),
    }
}

/// What generated names start with.
const GENERATED: &str = "OpenAgents CA ";
/// As much as [`Validity::starting`] backdates.
const BACKDATED: time::Duration = time::Duration::minutes(5);

/// The note of a cross-certificate in the inventory.
pub(super) const NOTE: &str = "cross-certificate of a rotation";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_followed_by_its_next_generation() {
        for (old, new) in [
            ("Acme Root", "Acme Root G2"),
            ("Acme Root G2", "Acme Root G3"),
            ("Acme Root Gx", "Acme Root Gx G2"),
        ] {
            let attributes = [
                (AttributeType::CommonName, old),
                (AttributeType::Organization, "Acme"),
            ];
            let next = next_name(&DistinguishedName::build(&attributes).unwrap());
            assert_eq!(next[0], (AttributeType::Organization, "Acme".into()));
            assert_eq!(next[1], (AttributeType::CommonName, new.into()));
        }
        let generated = [(AttributeType::CommonName, "OpenAgents CA 99cd5140")];
        assert!(next_name(&DistinguishedName::build(&generated).unwrap()).is_empty());
    }

    #[test]
    fn a_network_is_reproduced_as_it_was_read() {
        let bytes = vec![10, 1, 0, 0, 255, 255, 0, 0];
        let written = subtree(&GeneralName::Ip(bytes)).unwrap();
        assert_eq!(written, Subtree::ip("10.1.0.0/16").unwrap());
        assert!(subtree(&GeneralName::Email("a@b".into())).is_err());
    }
}
