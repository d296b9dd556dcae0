//! What is done to an authority as a whole.

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

/// The authority that is wanted.
#[derive(Debug)]
pub struct Request {
    /// Where it will live.
    pub directory: PathBuf,
    /// Its subject's attributes, in order; one is made up when there are none.
    pub subject: Vec<(AttributeType, String)>,
    /// How long it is valid.
    pub lifetime: Lifetime,
    /// Its key.
    pub key_type: KeyType,
    /// How many CAs may follow below it; `None` for any number.
    pub path_length: Option<u8>,
    /// What it may issue for.
    pub name_constraints: NameConstraints,
}

impl Request {
    /// A root of ten years with a P-256 key and a made-up name.
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

/// How long a root lives when nothing is said: ten years.
pub const USUAL_LIFETIME: Lifetime = match Lifetime::from_days(3650) {
    Some(lifetime) => lifetime,
    None => unreachable!(),
};

/// What will be signed: by the authority itself, or by its issuer, which it does not outlive.
///
/// # Errors
/// When the subject, the lifetime or the path length cannot stand in such a certificate.
pub fn plan(
    request: &Request,
    issuer: Option<&Issuer>,
    serial: &SerialNumber,
    now: OffsetDateTime,
) -> Result<IssuancePlan, Error> {
    let made_up = [(AttributeType::CommonName, default_common_name(serial))];
    let attributes = if request.subject.is_empty() {
        &made_up[..]
    } else {
        &request.subject
    };
    let attributes: Vec<_> = attributes
        .iter()
        .map(|(kind, value)| (*kind, value.as_str()))
        .collect();
    let subject = DistinguishedName::build(&attributes)?;
    let wanted = Validity::starting(now, request.lifetime)?;
    let (validity, path_length) = match issuer {
        Some(issuer) => (
            wanted.within(issuer.validity)?,
            Some(below(issuer, request.path_length)?),
        ),
        None => (wanted, request.path_length),
    };
    Ok(IssuancePlan {
        issuer: issuer.map_or_else(|| subject.clone(), |issuer| issuer.subject.clone()),
        subject,
        validity,
        subject_alt_names: Vec::new(),
        basic_constraints: BasicConstraints::Ca { path_length },
        key_usage: KeyUsage::Ca,
        extended_key_usages: Vec::new(),
        authority_key_identifier: issuer.map(|issuer| issuer.key_identifier.clone()),
        name_constraints: request.name_constraints.clone(),
        crl_distribution_points: Vec::new(),
        ca_issuers: Vec::new(),
        ocsp: Vec::new(),
        certificate_policies: Vec::new(),
    })
}

/// What there is to say of an authority's certificate.
#[derive(Debug, Serialize)]
pub struct AuthorityReport {
    /// Where it comes from.
    pub origin: Origin,
    /// The subject.
    pub subject: DistinguishedName,
    /// The serial number.
    pub serial: SerialNumber,
    /// When it ends.
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
    /// What may not work.
    pub warnings: Vec<String>,
}

/// Where an authority comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// It was made just now.
    Made,
    /// It was there before.
    Reused,
    /// Another program made it.
    Imported,
    /// Another program made it, and it could be taken in.
    Importable,
    /// It was restored from a backup.
    Restored,
    /// It exists, and is what was asked for.
    Unchanged,
}

impl AuthorityReport {
    /// What there is to say of the authority with this certificate in a directory.
    ///
    /// # Errors
    /// When the certificate ends before it begins.
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
        let made = match self.origin {
            Origin::Made => "made",
            Origin::Reused => "reused",
            Origin::Imported => "taken in",
            Origin::Importable => "that could be taken in",
            Origin::Restored => "restored",
            Origin::Unchanged => "unchanged",
        };
        writeln!(f, "CA {made}: {}", self.subject)?;
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
        let text = "the CA has a constraint on IP addresses: grpc-core refuses every certificate below it that is for an IP address";
        return vec![text.into()];
    }
    Vec::new()
}

/// A name no other CA has, since stacks mix up CAs of one name.
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

/// How many CAs may follow below a subordinate: none unless more were asked for, and fewer than below its issuer.
pub(super) fn below(issuer: &Issuer, wanted: Option<u8>) -> Result<u8, Error> {
    let wanted = wanted.unwrap_or(0);
    if issuer
        .path_length
        .is_some_and(|length| u64::from(wanted) >= length)
    {
        return Err(Error::Usage {
            message: format!(
                "no CA with path length {wanted} may follow below {}",
                issuer.subject
            ),
            hint: "issue from a CA whose path length is larger, or give a smaller `--path-length`"
                .into(),
        });
    }
    Ok(wanted)
}
