//! Reading back what was signed, with a parser that shares no code with ours (x509-parser).
//!
//! A mistake in our encoder would otherwise be found by whoever receives the certificate. Every object
//! that [`crate::keys::Signer`] signs is compared with its plan here before it is released.

mod compare;

use const_oid::ObjectIdentifier;
use x509_parser::asn1_rs::{Any, BitString, Class, FromDer, Oid};
use x509_parser::certificate::X509Certificate;
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::cri_attributes::ParsedCriAttribute;
use x509_parser::error::X509Error;
use x509_parser::extensions::{ParsedExtension, X509Extension};
use x509_parser::nom;
use x509_parser::num_bigint::BigUint;
use x509_parser::revocation_list::RevokedCertificate;
use x509_parser::verify::verify_signature;
use x509_parser::x509::{AlgorithmIdentifier, SubjectPublicKeyInfo, X509Version};

use crate::pki::algorithm::SignatureAlgorithm;
use crate::pki::crl_plan::{EntryDigest, RevocationListPlan};
use crate::pki::element::NULL;
use crate::pki::extension::OCSP_NO_CHECK;
use crate::pki::oid::known_oid;
use crate::pki::plan::{BasicConstraints, CsrPlan, IssuancePlan, KeyUsage};
use crate::pki::serial::SerialNumber;
use compare::{
    access_descriptions, alt_names, authority_key_identifier, basic_constraints, bytes, differs,
    distribution_points, key_usage, moment, name, name_constraints, object_identifiers, same,
    unexpected,
};

/// What a certificate has to say beside what its plan says.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// The subject's public key, a DER SubjectPublicKeyInfo.
    pub public_key_info: &'a [u8],
    /// The subject key identifier; `None` for the hash of the key (RFC 7093 §2 method 1).
    pub key_identifier: Option<&'a [u8]>,
    /// The serial number.
    pub serial: &'a SerialNumber,
    /// The issuer's public key, a DER SubjectPublicKeyInfo.
    pub issuer_public_key_info: &'a [u8],
    /// The algorithm it is signed with.
    pub algorithm: SignatureAlgorithm,
}

/// Reads a certificate and compares everything in it with its plan; verifies its signature.
///
/// # Errors
/// If it cannot be read, differs from the plan, or the signature is not the issuer's.
pub fn certificate(
    der: &[u8],
    plan: &IssuancePlan,
    expected: Expected<'_>,
) -> Result<(), ReadBackError> {
    let certificate: X509Certificate<'_> = only(der)?;
    let fields = &certificate.tbs_certificate;
    same("version", X509Version::V3, fields.version())?;
    bytes(
        "serial number",
        expected.serial.minimal(),
        fields.raw_serial(),
    )?;
    name("issuer", &plan.issuer, &fields.issuer)?;
    let validity = &fields.validity;
    moment("notBefore", plan.validity.not_before(), validity.not_before)?;
    moment("notAfter", plan.validity.not_after(), validity.not_after)?;
    name("subject", &plan.subject, &fields.subject)?;
    let key = &fields.subject_pki;
    bytes("public key", expected.public_key_info, key.raw)?;
    let has_unique_identifiers = fields.issuer_uid.is_some() || fields.subject_uid.is_some();
    same("unique identifiers", false, has_unique_identifiers)?;
    let own_identifier = match expected.key_identifier {
        Some(identifier) => identifier.to_vec(),
        None => key_hash(key),
    };
    certificate_extensions(plan, &own_identifier, fields.extensions())?;
    let (algorithm, issuer) = (expected.algorithm, expected.issuer_public_key_info);
    algorithm_identifier(algorithm, &fields.signature)?;
    signature(der, algorithm, issuer)
}

/// Reads a request and compares everything in it with its plan; verifies its signature.
///
/// # Errors
/// If it cannot be read, differs from the plan, or the signature is not the key's own.
pub fn request(
    der: &[u8],
    plan: &CsrPlan,
    public_key_info: &[u8],
    algorithm: SignatureAlgorithm,
) -> Result<(), ReadBackError> {
    let request: X509CertificationRequest<'_> = only(der)?;
    let fields = &request.certification_request_info;
    same("version", X509Version::V1, fields.version)?;
    name("subject", &plan.subject, &fields.subject)?;
    bytes("public key", public_key_info, fields.subject_pki.raw)?;
    let mut extensions: &[X509Extension<'_>] = &[];
    for attribute in fields.attributes() {
        let ParsedCriAttribute::ExtensionRequest(requested) = attribute.parsed_attribute() else {
            return Err(differs("attributes", "extensionRequest", &attribute.oid));
        };
        extensions = &requested.extensions;
    }
    let is_ca = plan.basic_constraints != BasicConstraints::EndEntity;
    let names = !plan.subject_alt_names.is_empty();
    let planned = [
        (names, SUBJECT_ALT_NAME, plan.subject.is_empty()),
        (is_ca, BASIC_CONSTRAINTS, true),
        (is_ca, KEY_USAGE, true),
    ];
    are_planned(&planned, extensions)?;
    for extension in extensions {
        match extension.parsed_extension() {
            ParsedExtension::SubjectAlternativeName(found) => {
                alt_names(&plan.subject_alt_names, &found.general_names)?;
            }
            ParsedExtension::BasicConstraints(found) => {
                basic_constraints(plan.basic_constraints, found)?;
            }
            ParsedExtension::KeyUsage(found) => key_usage(KeyUsage::Ca, *found)?,
            _ => return Err(unexpected(extension)),
        }
    }
    signature(der, algorithm, public_key_info)
}

/// Reads a revocation list, entry by entry so that a long one needs no more memory, and compares
/// everything in it with its plan; verifies its signature.
///
/// # Errors
/// If it cannot be read, differs from the plan, or the signature is not the issuer's.
pub fn revocation_list(
    der: &[u8],
    plan: &RevocationListPlan,
    entries: EntryDigest,
    issuer_public_key_info: &[u8],
    algorithm: SignatureAlgorithm,
) -> Result<(), ReadBackError> {
    let (signed, _) = split(content(der, Class::Universal, SEQUENCE)?)?;
    let (fields, version) = next(content(signed, Class::Universal, SEQUENCE)?)?;
    same("version", X509Version::V2, X509Version(version))?;
    let (fields, found) = next(fields)?;
    algorithm_identifier(algorithm, &found)?;
    let (fields, issuer) = next(fields)?;
    name("issuer", &plan.issuer, &issuer)?;
    let (fields, this_update) = next(fields)?;
    moment("thisUpdate", plan.this_update, this_update)?;
    let (fields, next_update) = next(fields)?;
    moment("nextUpdate", plan.next_update, next_update)?;
    let (revoked, wrapper) = match split(fields)? {
        (wrapper, []) => (&[][..], wrapper),
        (revoked, wrapper) => (content(revoked, Class::Universal, SEQUENCE)?, wrapper),
    };
    same("entries", entries.finish(), digest_of(revoked)?)?;
    list_extensions(plan, wrapper)?;
    signature(der, algorithm, issuer_public_key_info)
}

/// Why what was signed is not released. Every one of them is a bug of this program.
#[derive(Debug, thiserror::Error)]
pub enum ReadBackError {
    /// The second parser cannot read it.
    #[error("what was signed cannot be read back")]
    Unreadable {
        /// The parser's error.
        source: X509Error,
    },
    /// Something follows it.
    #[error("what was signed has {count} more bytes than it should")]
    Trailing {
        /// How many bytes.
        count: usize,
    },
    /// It does not say what was planned.
    #[error("what was signed has another {field} than planned: {found}, not {planned}")]
    Differs {
        /// The field.
        field: &'static str,
        /// The value in the plan.
        planned: String,
        /// The value that was read.
        found: String,
    },
    /// Its signature is not the issuer's.
    #[error("the new signature does not verify")]
    Signature {
        /// The verifier's error.
        source: X509Error,
    },
}

#[expect(clippy::too_many_lines, reason = "one arm per extension")]
fn certificate_extensions(
    plan: &IssuancePlan,
    own_identifier: &[u8],
    extensions: &[X509Extension<'_>],
) -> Result<(), ReadBackError> {
    let access = [(OCSP, &plan.ocsp), (CA_ISSUERS, &plan.ca_issuers)];
    let has_access = access.iter().any(|(_, urls)| !urls.is_empty());
    let planned = [
        (true, BASIC_CONSTRAINTS, true),
        (true, KEY_USAGE, true),
        (
            !plan.extended_key_usages.is_empty(),
            EXTENDED_KEY_USAGE,
            false,
        ),
        (
            !plan.subject_alt_names.is_empty(),
            SUBJECT_ALT_NAME,
            plan.subject.is_empty(),
        ),
        (true, SUBJECT_KEY_IDENTIFIER, false),
        (true, AUTHORITY_KEY_IDENTIFIER, false),
        (!plan.name_constraints.is_empty(), NAME_CONSTRAINTS, true),
        (
            !plan.crl_distribution_points.is_empty(),
            CRL_DISTRIBUTION_POINTS,
            false,
        ),
        (has_access, AUTHORITY_INFORMATION_ACCESS, false),
        (
            !plan.certificate_policies.is_empty(),
            CERTIFICATE_POLICIES,
            false,
        ),
        (plan.no_check, OCSP_NO_CHECK, false),
    ];
    are_planned(&planned, extensions)?;
    for extension in extensions {
        match extension.parsed_extension() {
            ParsedExtension::BasicConstraints(found) => {
                basic_constraints(plan.basic_constraints, found)?;
            }
            ParsedExtension::KeyUsage(found) => key_usage(plan.key_usage, *found)?,
            ParsedExtension::ExtendedKeyUsage(_) => {
                let found: Vec<Oid<'_>> = only(extension.value)?;
                let planned = &plan.extended_key_usages;
                object_identifiers("extended key usages", planned, &found)?;
            }
            ParsedExtension::SubjectAlternativeName(found) => {
                alt_names(&plan.subject_alt_names, &found.general_names)?;
            }
            ParsedExtension::SubjectKeyIdentifier(found) => {
                bytes("subject key identifier", own_identifier, found.0)?;
            }
            ParsedExtension::AuthorityKeyIdentifier(found) => {
                let planned = plan.authority_key_identifier.as_deref();
                authority_key_identifier(planned.unwrap_or(own_identifier), found)?;
            }
            ParsedExtension::NameConstraints(found) => {
                name_constraints(&plan.name_constraints, found)?;
            }
            ParsedExtension::CRLDistributionPoints(found) => {
                distribution_points(&plan.crl_distribution_points, found)?;
            }
            ParsedExtension::AuthorityInfoAccess(found) => access_descriptions(&access, found)?,
            ParsedExtension::CertificatePolicies(found) => {
                let found: Vec<_> = found
                    .iter()
                    .map(|policy| policy.policy_id.clone())
                    .collect();
                let planned = &plan.certificate_policies;
                object_identifiers("certificate policies", planned, &found)?;
            }
            _ if extension.oid.as_bytes() == OCSP_NO_CHECK.as_bytes() => {
                bytes("ocsp-nocheck", &[NULL, 0], extension.value)?;
            }
            _ => return Err(unexpected(extension)),
        }
    }
    Ok(())
}

fn list_extensions(plan: &RevocationListPlan, wrapper: &[u8]) -> Result<(), ReadBackError> {
    let extensions: Vec<X509Extension<'_>> = only(content(wrapper, Class::ContextSpecific, 0)?)?;
    let planned = [
        (true, AUTHORITY_KEY_IDENTIFIER, false),
        (true, CRL_NUMBER, false),
    ];
    are_planned(&planned, &extensions)?;
    for extension in &extensions {
        match extension.parsed_extension() {
            ParsedExtension::AuthorityKeyIdentifier(found) => {
                authority_key_identifier(&plan.authority_key_identifier, found)?;
            }
            ParsedExtension::CRLNumber(found) => {
                same("CRL number", &BigUint::from(plan.number), found)?;
            }
            _ => return Err(unexpected(extension)),
        }
    }
    Ok(())
}

/// Whether exactly the planned extensions are there, in their order, with their criticality.
fn are_planned(
    planned: &[(bool, ObjectIdentifier, bool)],
    extensions: &[X509Extension<'_>],
) -> Result<(), ReadBackError> {
    let mut found = extensions.iter();
    for (_, oid, critical) in planned.iter().filter(|(is_planned, ..)| *is_planned) {
        let extension = found.next();
        let is_it = extension
            .is_some_and(|e| e.oid.as_bytes() == oid.as_bytes() && e.critical == *critical);
        if !is_it {
            let found = extension.map(|e| format!("{} (critical: {})", e.oid, e.critical));
            let found = found.as_deref().unwrap_or("none");
            return Err(differs(
                "extension",
                format_args!("{oid} (critical: {critical})"),
                found,
            ));
        }
    }
    found
        .next()
        .map_or(Ok(()), |extension| Err(unexpected(extension)))
}

/// The digest of the entries of a list, as [`EntryDigest`] makes it of those that were planned.
fn digest_of(mut rest: &[u8]) -> Result<(usize, Vec<u8>), ReadBackError> {
    let mut digest = EntryDigest::default();
    while !rest.is_empty() {
        let (after, entry) = next::<RevokedCertificate<'_>, _>(rest)?;
        let (mut reason, mut invalidity_date) = (0, None);
        for extension in entry.extensions() {
            match extension.parsed_extension() {
                ParsedExtension::ReasonCode(found) if !extension.critical => reason = found.0,
                ParsedExtension::InvalidityDate(found) if !extension.critical => {
                    invalidity_date = Some(found.to_datetime());
                }
                _ => return Err(unexpected(extension)),
            }
        }
        let revoked_at = entry.revocation_date.to_datetime();
        digest.add(entry.raw_serial(), revoked_at, reason, invalidity_date);
        rest = after;
    }
    Ok(digest.finish())
}

fn algorithm_identifier(
    planned: SignatureAlgorithm,
    found: &AlgorithmIdentifier<'_>,
) -> Result<(), ReadBackError> {
    let planned: AlgorithmIdentifier<'_> = only(planned.identifier_der())?;
    same("signature algorithm", &planned, found)
}

/// Takes a signed object apart, and verifies the signature in it over the rest.
fn signature(
    der: &[u8],
    planned: SignatureAlgorithm,
    issuer_public_key_info: &[u8],
) -> Result<(), ReadBackError> {
    let (signed, rest) = split(content(der, Class::Universal, SEQUENCE)?)?;
    let (algorithm, value) = split(rest)?;
    bytes("signature algorithm", planned.identifier_der(), algorithm)?;
    // The parser takes other classes for a BIT STRING, too.
    same("signature's tag", Some(&BIT_STRING), value.first())?;
    let value: BitString<'_> = only(value)?;
    same("unused bits of the signature", 0, value.unused_bits)?;
    let issuer: SubjectPublicKeyInfo<'_> = only(issuer_public_key_info)?;
    verify_signature(&issuer, &only(algorithm)?, &value, signed)
        .map_err(|source| ReadBackError::Signature { source })
}

/// The key identifier that RFC 7093 §2 method 1 makes of a key.
fn key_hash(key: &SubjectPublicKeyInfo<'_>) -> Vec<u8> {
    let digest = ring::digest::digest(&ring::digest::SHA256, &key.subject_public_key.data);
    digest.as_ref()[..20].to_vec()
}

/// The one object that `der` is.
fn only<'a, T, E>(der: &'a [u8]) -> Result<T, ReadBackError>
where
    T: FromDer<'a, E>,
    X509Error: From<nom::Err<E>>,
{
    match next(der)? {
        ([], object) => Ok(object),
        (rest, _) => Err(ReadBackError::Trailing { count: rest.len() }),
    }
}

/// What follows the first object of `der`, and the object.
fn next<'a, T, E>(der: &'a [u8]) -> Result<(&'a [u8], T), ReadBackError>
where
    T: FromDer<'a, E>,
    X509Error: From<nom::Err<E>>,
{
    T::from_der(der).map_err(|source| ReadBackError::Unreadable {
        source: source.into(),
    })
}

/// The content of the one element that `der` is, which has this tag.
fn content(der: &[u8], class: Class, tag: u32) -> Result<&[u8], ReadBackError> {
    let any: Any<'_> = only(der)?;
    let is_it = any.class() == class && any.tag().0 == tag && any.header.is_constructed();
    same("structure", true, is_it)?;
    Ok(any.data)
}

/// The first element of `der`, and what follows it.
fn split(der: &[u8]) -> Result<(&[u8], &[u8]), ReadBackError> {
    let (rest, _) = next::<Any<'_>, _>(der)?;
    Ok(der.split_at(der.len() - rest.len()))
}

const SEQUENCE: u32 = 16;

const BIT_STRING: u8 = 3;

const BASIC_CONSTRAINTS: ObjectIdentifier = known_oid("2.5.29.19");

const KEY_USAGE: ObjectIdentifier = known_oid("2.5.29.15");

const EXTENDED_KEY_USAGE: ObjectIdentifier = known_oid("2.5.29.37");

const SUBJECT_ALT_NAME: ObjectIdentifier = known_oid("2.5.29.17");

const SUBJECT_KEY_IDENTIFIER: ObjectIdentifier = known_oid("2.5.29.14");

const AUTHORITY_KEY_IDENTIFIER: ObjectIdentifier = known_oid("2.5.29.35");

const NAME_CONSTRAINTS: ObjectIdentifier = known_oid("2.5.29.30");

const CRL_DISTRIBUTION_POINTS: ObjectIdentifier = known_oid("2.5.29.31");

const AUTHORITY_INFORMATION_ACCESS: ObjectIdentifier = known_oid("1.3.6.1.5.5.7.1.1");

const CERTIFICATE_POLICIES: ObjectIdentifier = known_oid("2.5.29.32");

const CRL_NUMBER: ObjectIdentifier = known_oid("2.5.29.20");

const OCSP: ObjectIdentifier = known_oid("1.3.6.1.5.5.7.48.1");

const CA_ISSUERS: ObjectIdentifier = known_oid("1.3.6.1.5.5.7.48.2");
