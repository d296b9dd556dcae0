//! Comparing what a plan says with what the second parser read, field by field.

use std::fmt;
use std::net::IpAddr;

use const_oid::ObjectIdentifier;
use time::OffsetDateTime;
use x509_parser::asn1_rs::Oid;
use x509_parser::extensions as read;
use x509_parser::extensions::{GeneralName, X509Extension};
use x509_parser::time::ASN1Time;
use x509_parser::x509::X509Name;

use super::ReadBackError;
use crate::pki::fingerprint::Colons;
use crate::pki::general_name::{NameConstraints, Subtree};
use crate::pki::name::{AttributeType, DistinguishedName};
use crate::pki::plan::{BasicConstraints, KeyUsage};
use crate::pki::san::SubjectAltName;

pub(super) fn basic_constraints(
    planned: BasicConstraints,
    found: &read::BasicConstraints,
) -> Result<(), ReadBackError> {
    let planned = match planned {
        BasicConstraints::EndEntity => (false, None),
        BasicConstraints::Ca { path_length } => (true, path_length.map(u32::from)),
    };
    same(
        "basic constraints",
        planned,
        (found.ca, found.path_len_constraint),
    )
}

pub(super) fn key_usage(planned: KeyUsage, found: read::KeyUsage) -> Result<(), ReadBackError> {
    let planned = match planned {
        KeyUsage::EndEntity => 1 << 0, // digitalSignature
        KeyUsage::Agreement => 1 << 4,
        KeyUsage::Encipherment => 1 << 2,
        KeyUsage::Ca => 1 << 5 | 1 << 6, // keyCertSign, cRLSign
    };
    same("key usage", planned, found.flags)
}

pub(super) fn object_identifiers(
    field: &'static str,
    planned: &[ObjectIdentifier],
    found: &[Oid<'_>],
) -> Result<(), ReadBackError> {
    let mut bytes = planned.iter().map(ObjectIdentifier::as_bytes);
    if bytes.by_ref().eq(found.iter().map(Oid::as_bytes)) {
        Ok(())
    } else {
        Err(differs(field, Debug(planned), Debug(found)))
    }
}

pub(super) fn alt_names(
    planned: &[SubjectAltName],
    found: &[GeneralName<'_>],
) -> Result<(), ReadBackError> {
    let is_same = |(planned, found): (&SubjectAltName, &GeneralName<'_>)| match (planned, found) {
        (SubjectAltName::Dns(planned), GeneralName::DNSName(found))
        | (SubjectAltName::Email(planned), GeneralName::RFC822Name(found))
        | (SubjectAltName::Uri(planned), GeneralName::URI(found)) => planned == found,
        (SubjectAltName::Ip(planned), GeneralName::IPAddress(found)) => is_address(*planned, found),
        (_, _) => false,
    };
    let is_ascii = |name: &GeneralName<'_>| match name {
        GeneralName::DNSName(text) | GeneralName::RFC822Name(text) | GeneralName::URI(text) => {
            text.is_ascii()
        }
        _ => true,
    };
    let is_planned = planned.len() == found.len()
        && planned.iter().zip(found).all(is_same)
        && found.iter().all(is_ascii);
    if is_planned {
        Ok(())
    } else {
        Err(differs(
            "subject alternative names",
            Debug(planned),
            Debug(found),
        ))
    }
}

fn is_address(planned: IpAddr, found: &[u8]) -> bool {
    match planned {
        IpAddr::V4(address) => address.octets() == found,
        IpAddr::V6(address) => address.octets() == found,
    }
}

pub(super) fn authority_key_identifier(
    planned: &[u8],
    found: &read::AuthorityKeyIdentifier<'_>,
) -> Result<(), ReadBackError> {
    let identifier = found.key_identifier.as_ref().map(|identifier| identifier.0);
    bytes(
        "authority key identifier",
        planned,
        identifier.unwrap_or_default(),
    )?;
    let has_more = found.authority_cert_issuer.is_some() || found.authority_cert_serial.is_some();
    same("authority certificate issuer", false, has_more)
}

pub(super) fn name_constraints(
    planned: &NameConstraints,
    found: &read::NameConstraints<'_>,
) -> Result<(), ReadBackError> {
    let sides = [
        (&planned.permitted, &found.permitted_subtrees),
        (&planned.excluded, &found.excluded_subtrees),
    ];
    for (planned, found) in sides {
        let found = found.as_deref().unwrap_or_default();
        let is_planned = planned.len() == found.len()
            && planned
                .iter()
                .zip(found)
                .all(|(p, f)| is_subtree(p, &f.base));
        if !is_planned {
            return Err(differs("name constraints", Debug(planned), Debug(found)));
        }
    }
    Ok(())
}

fn is_subtree(planned: &Subtree, found: &GeneralName<'_>) -> bool {
    match (planned, found) {
        (Subtree::Dns(planned), GeneralName::DNSName(found))
        | (Subtree::Uri(planned), GeneralName::URI(found)) => planned == found,
        (Subtree::Ip { address, prefix }, GeneralName::IPAddress(found)) => {
            let (base, mask) = found.split_at(found.len() / 2);
            let ones: u32 = mask.iter().map(|byte| byte.count_ones()).sum();
            let leading = mask.iter().take_while(|byte| **byte == 0xff).count();
            let is_prefix = mask
                .get(leading)
                .is_none_or(|byte| byte.count_zeros() == byte.trailing_zeros())
                && mask.iter().skip(leading + 1).all(|byte| *byte == 0);
            is_prefix && ones == u32::from(*prefix) && is_address(*address, base)
        }
        (_, _) => false,
    }
}

pub(super) fn distribution_points(
    planned: &[String],
    found: &read::CRLDistributionPoints<'_>,
) -> Result<(), ReadBackError> {
    let is_same = |(url, point): (&String, &read::CRLDistributionPoint<'_>)| {
        let is_plain = point.reasons.is_none() && point.crl_issuer.is_none();
        match &point.distribution_point {
            Some(read::DistributionPointName::FullName(names)) => {
                is_plain && url.is_ascii() && names[..] == [GeneralName::URI(url)]
            }
            Some(read::DistributionPointName::NameRelativeToCRLIssuer(_)) | None => false,
        }
    };
    if planned.len() == found.points.len() && planned.iter().zip(&found.points).all(is_same) {
        Ok(())
    } else {
        Err(differs(
            "CRL distribution points",
            Debug(planned),
            Debug(found),
        ))
    }
}

pub(super) fn access_descriptions(
    planned: &[(ObjectIdentifier, &Vec<String>)],
    found: &read::AuthorityInfoAccess<'_>,
) -> Result<(), ReadBackError> {
    let all = planned
        .iter()
        .flat_map(|(method, urls)| urls.iter().map(move |url| (method, url)));
    let is_planned = all.clone().count() == found.accessdescs.len()
        && all.zip(&found.accessdescs).all(|((method, url), found)| {
            found.access_method.as_bytes() == method.as_bytes()
                && url.is_ascii()
                && found.access_location == GeneralName::URI(url)
        });
    if is_planned {
        Ok(())
    } else {
        Err(differs(
            "authority information access",
            Debug(planned),
            Debug(found),
        ))
    }
}

/// The subject or the issuer: the planned DER, and the common names that it was built from.
pub(super) fn name(
    field: &'static str,
    planned: &DistinguishedName,
    found: &X509Name<'_>,
) -> Result<(), ReadBackError> {
    bytes(field, planned.as_der(), found.as_raw())?;
    let planned = planned.values(AttributeType::CommonName);
    // The parser reads no BMPString, which the name of an imported CA may have.
    let found = found.iter_common_name().map(|value| value.as_str());
    let is_same = planned
        .iter()
        .zip(found)
        .all(|(p, f)| f.is_err() || f == Ok(p.as_str()));
    same(field, true, is_same)
}

pub(super) fn moment(
    field: &'static str,
    planned: OffsetDateTime,
    found: ASN1Time,
) -> Result<(), ReadBackError> {
    same(field, planned.unix_timestamp(), found.timestamp())?;
    // RFC 5280 §4.1.2.5.
    same(field, planned.year() < 2050, found.is_utctime())
}

pub(super) fn bytes(
    field: &'static str,
    planned: &[u8],
    found: &[u8],
) -> Result<(), ReadBackError> {
    if planned == found {
        Ok(())
    } else {
        Err(differs(field, Colons(planned), Colons(found)))
    }
}

pub(super) fn same<T: PartialEq + fmt::Debug>(
    field: &'static str,
    planned: T,
    found: T,
) -> Result<(), ReadBackError> {
    if planned == found {
        Ok(())
    } else {
        Err(differs(field, Debug(planned), Debug(found)))
    }
}

pub(super) fn differs(
    field: &'static str,
    planned: impl fmt::Display,
    found: impl fmt::Display,
) -> ReadBackError {
    ReadBackError::Differs {
        field,
        planned: planned.to_string(),
        found: found.to_string(),
    }
}

pub(super) fn unexpected(extension: &X509Extension<'_>) -> ReadBackError {
    differs("extension", "none", &extension.oid)
}

struct Debug<T>(T);

impl<T: fmt::Debug> fmt::Display for Debug<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
