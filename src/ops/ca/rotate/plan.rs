//! What a new root and the cross-certificates will say.

use time::OffsetDateTime;

use crate::error::Error;
use crate::ops::ca;
use crate::pki::algorithm::KeyType;
use crate::pki::certificate::Certificate;
use crate::pki::general_name::GeneralName;
use crate::pki::issuer::Issuer;
use crate::pki::name::{AttributeType, DistinguishedName};
use crate::pki::plan::{BasicConstraints, IssuancePlan, KeyUsage};
use crate::pki::serial::SerialNumber;
use crate::pki::subtree::{NameConstraints, Subtree};
use crate::pki::validity::{Lifetime, Validity};

/// The root that is to take the place of the one there.
#[derive(Debug)]
pub struct Request {
    /// Its subject's attributes, in order; made of the old root's when there are none.
    pub subject: Vec<(AttributeType, String)>,
    /// How long it is valid; as long as the old one was when nothing is said.
    pub lifetime: Option<Lifetime>,
    /// Its key; of the usual kind when nothing is said.
    pub key_type: KeyType,
}

/// What the new root will say: another name, the same constraints, and room for the old root below it.
///
/// # Errors
/// When its subject or its end cannot be, the subject is the old root's, or the old root has constraints
/// that cannot be written.
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
        // What is backdated is no part of what was asked for then.
        Lifetime::between(validity.not_before() + BACKDATED, validity.not_after())
    });
    let wanted = ca::Request {
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
    let plan = ca::plan(&wanted, None, serial, now)?;
    let same = old.subject().to_string();
    if plan.subject.to_string().eq_ignore_ascii_case(&same) {
        return Err(Error::Usage {
            message: format!(
                "the new root cannot have the old one's name, {same}: grpc-core mixes up CAs of one name"
            ),
            hint: "give another one with `--common-name`, or none to have one made up".into(),
        });
    }
    Ok(plan)
}

/// A cross-certificate: `subject`'s key under its own name, certified by `issuer`, as long as both are valid.
///
/// # Errors
/// When `issuer` may have no CA below it.
pub(super) fn cross(
    subject: &Issuer,
    issuer: &Issuer,
    now: OffsetDateTime,
) -> Result<IssuancePlan, Error> {
    let below = match issuer.path_length {
        None => None,
        Some(0) => {
            return Err(Error::Usage {
                message: format!(
                    "{} may have no CA below it (path length 0), so that it cannot certify another root",
                    issuer.subject
                ),
                hint:
                    "hand out a new root by itself: `openagents-certs ca init` in another directory"
                        .into(),
            });
        }
        Some(length) => Some(length - 1),
    };
    let path_length = [below, subject.path_length].into_iter().flatten().min();
    let starting = Validity::between(
        now.max(issuer.validity.not_before() + BACKDATED) - BACKDATED,
        subject
            .validity
            .not_after()
            .min(issuer.validity.not_after()),
    )?;
    Ok(IssuancePlan {
        subject: subject.subject.clone(),
        issuer: issuer.subject.clone(),
        validity: starting,
        subject_alt_names: Vec::new(),
        basic_constraints: BasicConstraints::Ca {
            path_length: path_length.map(|length| u8::try_from(length).unwrap_or(u8::MAX)),
        },
        key_usage: KeyUsage::Ca,
        extended_key_usages: Vec::new(),
        authority_key_identifier: Some(issuer.key_identifier.clone()),
        name_constraints: constraints(subject)?,
        crl_distribution_points: Vec::new(),
        ca_issuers: Vec::new(),
        ocsp: Vec::new(),
        certificate_policies: Vec::new(),
    })
}

/// One more CA below than the old root allows, for the old root itself has to fit.
fn deeper(length: u64) -> Result<u8, Error> {
    u8::try_from(length.saturating_add(1)).map_err(|_| Error::Usage {
        message: format!("the old root's path length, {length}, is more than can be written"),
        hint: "make a new root in another directory: `openagents-certs ca init -C DIR`".into(),
    })
}

/// The old name's attributes, with the next generation behind the common name: `Acme Root` becomes
/// `Acme Root G2`, and that `Acme Root G3`. A name that was made up gives way to another.
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
    if common_name.starts_with(MADE_UP) {
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

/// The name constraints a CA has, to be written again.
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
        GeneralName::Ip(octets) if octets.len() == 8 || octets.len() == 32 => {
            let (address, mask) = octets.split_at(octets.len() / 2);
            let prefix: u32 = mask.iter().map(|octet| octet.count_ones()).sum();
            let address: std::net::IpAddr = match <[u8; 4]>::try_from(address) {
                Ok(octets) => octets.into(),
                Err(_) => {
                    let mut octets = [0; 16];
                    octets.copy_from_slice(address);
                    octets.into()
                }
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
        | GeneralName::RegisteredId(_) => Err(Error::Usage {
            message: format!("the old root has a name constraint that is not written here: {name}"),
            hint: "make a new root in another directory: `openagents-certs ca init -C DIR`".into(),
        }),
    }
}

/// What names that were made up begin with.
const MADE_UP: &str = "OpenAgents CA ";
/// As notBefore is ([`Validity::starting`]).
const BACKDATED: time::Duration = time::Duration::minutes(5);

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
        let made_up = [(AttributeType::CommonName, "OpenAgents CA 99cd5140")];
        assert!(next_name(&DistinguishedName::build(&made_up).unwrap()).is_empty());
    }

    #[test]
    fn a_network_is_written_as_it_was_read() {
        let octets = vec![10, 1, 0, 0, 255, 255, 0, 0];
        let written = subtree(&GeneralName::Ip(octets)).unwrap();
        assert_eq!(written, Subtree::ip("10.1.0.0/16").unwrap());
        assert!(subtree(&GeneralName::Email("a@b".into())).is_err());
    }
}
