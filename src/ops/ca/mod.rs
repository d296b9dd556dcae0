//! Operations on an authority as a whole.

pub mod adopt;
pub mod backup;
pub mod import;
pub mod init;
pub mod intermediate;
pub mod passphrase;
pub mod restore;
pub mod rotate;
pub mod show;

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;
use time::OffsetDateTime;

use crate::authority;
use crate::error::{Error, shown};
use crate::ops::{Expiry, Report};
use crate::pki::algorithm::KeyType;
use crate::pki::certificate::Certificate;
use crate::pki::fingerprint::Fingerprint;
use crate::pki::general_name::GeneralName;
use crate::pki::issuer::Issuer;
use crate::pki::name::{AttributeType, DistinguishedName};
use crate::pki::plan::{BasicConstraints, IssuancePlan, KeyUsage};
use crate::pki::serial::SerialNumber;
use crate::pki::subtree::NameConstraints;
use crate::pki::validity::{Lifetime, Validity};

/// The authority to create.
#[derive(Debug)]
pub struct Request {
    /// Where it will live.
    pub directory: PathBuf,
    /// Its subject's attributes, in order; a name is generated if there are none.
    pub subject: Vec<(AttributeType, String)>,
    /// Its validity period.
    pub lifetime: Lifetime,
    /// The type of its key.
    pub key_type: KeyType,
    /// How many CAs may follow below it; `None` for any number.
    pub path_length: Option<u8>,
    /// The names it may issue for.
    pub name_constraints: NameConstraints,
}

impl Request {
    /// A root for ten years with a P-256 key and a generated name.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Request {
            directory: directory.into(),
            subject: Vec::new(),
            lifetime: USUAL_LIFETIME,
            key_type: KeyType::default(),
            path_length: None,
            name_constraints: NameConstraints::default(),
        }
    }
}

/// The default validity period of a root: ten years.
pub const USUAL_LIFETIME: Lifetime = match Lifetime::from_days(3650) {
    Some(lifetime) => lifetime,
    None => unreachable!(),
};

/// The plan of its certificate, issued by itself or by an issuer that it does not outlive.
///
/// # Errors
/// When the subject, the validity or the path length is not possible.
pub fn plan(
    request: &Request,
    issuer: Option<&Issuer>,
    serial: &SerialNumber,
    now: OffsetDateTime,
) -> Result<IssuancePlan, Error> {
    let generated = [(AttributeType::CommonName, default_common_name(serial))];
    let attributes = if request.subject.is_empty() {
        &generated[..]
    } else {
        &request.subject
    };
    let attributes: Vec<_> = attributes
        .iter()
        .map(|(kind, value)| (*kind, value.as_str()))
        .collect();
    let subject = DistinguishedName::build(&attributes)?;
    if issuer.is_some_and(|issuer| issuer.subject == subject) {
        return Err(Error::Usage {
            message: format!(
                "a subordinate CA cannot have its issuer's name, {subject}: it would pass for the issuer itself"
            ),
            hint: "choose another name with `--common-name`, or leave it out to generate one"
                .into(),
        });
    }
    let validity = Validity::starting(now, request.lifetime)?;
    let (validity, path_length) = match issuer {
        Some(issuer) => (
            validity.within(issuer.validity)?,
            Some(below(issuer, request.path_length)?),
        ),
        None => (validity, request.path_length),
    };
    let constraints = request.name_constraints.clone();
    Ok(authority_plan(
        subject,
        issuer,
        validity,
        path_length,
        constraints,
    ))
}

/// The plan of a CA's certificate; without an issuer it issues itself.
fn authority_plan(
    subject: DistinguishedName,
    issuer: Option<&Issuer>,
    validity: Validity,
    path_length: Option<u8>,
    name_constraints: NameConstraints,
) -> IssuancePlan {
    IssuancePlan {
        issuer: issuer.map_or_else(|| subject.clone(), |issuer| issuer.subject.clone()),
        subject,
        validity,
        subject_alt_names: Vec::new(),
        basic_constraints: BasicConstraints::Ca { path_length },
        key_usage: KeyUsage::Ca,
        extended_key_usages: Vec::new(),
        authority_key_identifier: issuer.map(|issuer| issuer.key_identifier.clone()),
        name_constraints,
        crl_distribution_points: Vec::new(),
        ca_issuers: Vec::new(),
        ocsp: Vec::new(),
        certificate_policies: Vec::new(),
    }
}

/// An authority's certificate and files.
#[derive(Debug, Serialize)]
pub struct AuthorityReport {
    /// Its origin.
    pub origin: Origin,
    /// The subject.
    pub subject: DistinguishedName,
    /// The serial number.
    pub serial: SerialNumber,
    /// When it expires.
    #[serde(flatten)]
    pub expiry: Expiry,
    /// SHA-256 over the certificate.
    pub fingerprint_sha256: Fingerprint,
    /// The certificate's file.
    #[serde(serialize_with = "crate::ops::paths::as_text")]
    pub certificate: PathBuf,
    /// The private key's file.
    #[serde(serialize_with = "crate::ops::paths::as_text")]
    pub private_key: PathBuf,
    /// What may not work with it.
    pub warnings: Vec<String>,
}

/// The origin of an authority.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// It was created by this command.
    Created,
    /// It existed before.
    Reused,
    /// Another program created it.
    Imported,
    /// Another program created it, and it can be imported.
    Importable,
    /// It was restored from a backup.
    Restored,
    /// It exists, and is what was asked for.
    Unchanged,
}

impl AuthorityReport {
    /// The authority with this certificate in a directory.
    ///
    /// # Errors
    /// When the certificate ends before it starts.
    pub fn new(
        directory: &Path,
        certificate: &Certificate,
        origin: Origin,
        now: OffsetDateTime,
    ) -> Result<Self, Error> {
        let validity = Validity::between(certificate.not_before(), certificate.not_after())?;
        let file = if certificate.is_self_issued() {
            authority::CERTIFICATE
        } else {
            authority::ISSUER
        };
        Ok(AuthorityReport {
            origin,
            subject: certificate.subject().clone(),
            serial: certificate.serial().clone(),
            expiry: Expiry::of(validity, now),
            fingerprint_sha256: Fingerprint::sha256(certificate.as_der()),
            certificate: directory.join(file),
            private_key: directory.join(authority::KEY),
            warnings: warnings(&Issuer::of(certificate).map_err(|source| Error::Issuer {
                path: directory.join(file),
                source,
            })?),
        })
    }
}

impl fmt::Display for AuthorityReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let origin = match self.origin {
            Origin::Created => "created",
            Origin::Reused => "reused",
            Origin::Imported => "imported",
            Origin::Importable => "can be imported",
            Origin::Restored => "restored",
            Origin::Unchanged => "unchanged",
        };
        writeln!(f, "CA {origin}: {}", self.subject)?;
        writeln!(f, "  certificate  {}", shown(&self.certificate))?;
        writeln!(f, "  private key  {}", shown(&self.private_key))?;
        writeln!(f, "  expires      {}", self.expiry)?;
        writeln!(f, "  SHA-256      {}", self.fingerprint_sha256)
    }
}

impl Report for AuthorityReport {
    fn warnings(&self) -> Vec<String> {
        self.warnings.clone()
    }
}

fn warnings(issuer: &Issuer) -> Vec<String> {
    let constraints = &issuer.name_constraints;
    let is_ip = |name: &GeneralName| matches!(name, GeneralName::Ip(_));
    if constraints
        .permitted
        .iter()
        .chain(&constraints.excluded)
        .any(is_ip)
    {
        let text = "the CA has a name constraint on IP addresses: grpc-core refuses every certificate below it that contains an IP address";
        return vec![text.into()];
    }
    Vec::new()
}

/// A name that no other CA has, because some stacks confuse CAs with the same name.
fn default_common_name(serial: &SerialNumber) -> String {
    let hex: String = serial
        .as_bytes()
        .iter()
        .rev()
        .take(4)
        .map(|octet| format!("{octet:02x}"))
        .collect();
    format!("OpenAgents CA {hex}")
}

/// The path length of a subordinate: 0 unless requested otherwise, and less than its issuer's.
pub(super) fn below(issuer: &Issuer, requested: Option<u8>) -> Result<u8, Error> {
    let length = requested.unwrap_or(0);
    if issuer
        .path_length
        .is_some_and(|limit| u64::from(length) >= limit)
    {
        return Err(Error::Usage {
            message: format!(
                "a CA with path length {length} is not allowed below {}",
                issuer.subject
            ),
            hint: "issue from a CA with a larger path length, or give a smaller `--path-length`"
                .into(),
        });
    }
    Ok(length)
}
