//! Operations on an authority as a whole.

pub mod adopt;
pub mod backup;
pub mod import;
pub mod init;
pub mod passphrase;
pub mod restore;
pub mod rotate;

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;
use time::OffsetDateTime;

use crate::authority;
use crate::error::{Error, InFile as _, shown};
use crate::ops::{Expiry, Report};
use crate::pki::algorithm::KeyType;
use crate::pki::certificate::{Certificate, Issuer};
use crate::pki::fingerprint::Fingerprint;
use crate::pki::general_name::{GeneralName, NameConstraints};
use crate::pki::name::{AttributeType, DistinguishedName};
use crate::pki::plan::{BasicConstraints, IssuancePlan, KeyUsage};
use crate::pki::serial::SerialNumber;
use crate::pki::validity::{Lifetime, Validity};
use crate::store::{Counts, Opening};

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
        return Err(Error::usage(
            format!(
                "a subordinate CA cannot have its issuer's name, {subject}: it would pass for the issuer itself"
            ),
            "choose another name with `--common-name`, or leave it out to generate one",
        ));
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
        no_check: false,
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
            warnings: warnings(&Issuer::of(certificate).in_file(directory.join(file))?),
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

/// The facts about the authority in a directory; its key is not used, so no passphrase is needed.
///
/// # Errors
/// When there is none, or one of its files is missing or damaged.
pub fn facts(directory: &Path, now: OffsetDateTime) -> Result<AuthorityFacts, Error> {
    authority::require(directory)?;
    let inventory = authority::open_inventory(directory, Opening::MustExist)?;
    let certificate = authority::certificate_in(directory, &*inventory)?;
    let issuer = Issuer::of(&certificate).in_file(directory)?;
    let key = directory.join(authority::KEY);
    Ok(AuthorityFacts {
        issuer: certificate.issuer().clone(),
        path_length: issuer.path_length,
        name_constraints: issuer.name_constraints.clauses(),
        private_key_encrypted: authority::is_key_encrypted(&key)?,
        inventory: authority::inventory_name(directory),
        issued: inventory.counts(now)?,
        authority: AuthorityReport::new(directory, &certificate, Origin::Reused, now)?,
    })
}

/// The facts about an authority.
#[derive(Debug, Serialize)]
pub struct AuthorityFacts {
    /// Its certificate and files.
    #[serde(flatten)]
    pub authority: AuthorityReport,
    /// Its issuer; itself, for a root.
    pub issuer: DistinguishedName,
    /// How many CAs may be below it in a chain; `None` for any number.
    pub path_length: Option<u64>,
    /// The names it may issue for, as text; empty for any.
    pub name_constraints: Vec<String>,
    /// Whether its key needs a passphrase.
    pub private_key_encrypted: bool,
    /// The inventory's file.
    #[serde(serialize_with = "crate::ops::paths::as_text")]
    pub inventory: PathBuf,
    /// How many certificates it has issued, by status.
    pub issued: Counts,
}

impl fmt::Display for AuthorityFacts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let authority = &self.authority;
        let protection = if self.private_key_encrypted {
            "encrypted"
        } else {
            "not encrypted"
        };
        let below = self
            .path_length
            .map_or_else(|| "unlimited".into(), |length| length.to_string());
        writeln!(f, "CA: {}", authority.subject)?;
        writeln!(f, "  issuer       {}", self.issuer)?;
        writeln!(f, "  serial       {}", authority.serial)?;
        writeln!(f, "  expires      {}", authority.expiry)?;
        writeln!(f, "  SHA-256      {}", authority.fingerprint_sha256)?;
        writeln!(f, "  path length  {below}")?;
        for constraint in &self.name_constraints {
            writeln!(f, "  constraint   {constraint}")?;
        }
        writeln!(f, "  certificate  {}", shown(&authority.certificate))?;
        writeln!(
            f,
            "  private key  {} ({protection})",
            shown(&authority.private_key)
        )?;
        writeln!(f, "  inventory    {}", shown(&self.inventory))?;
        writeln!(f, "  issued       {}", self.issued)
    }
}

impl Report for AuthorityFacts {
    fn is_content(&self) -> bool {
        true
    }

    fn warnings(&self) -> Vec<String> {
        self.authority.warnings.clone()
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

/// The built-in profile of CAs that another CA certified.
const INTERMEDIATE: &str = "intermediate";

/// A name that no other CA has, because some stacks confuse CAs with the same name.
fn default_common_name(serial: &SerialNumber) -> String {
    let hex: String = serial
        .as_bytes()
        .iter()
        .rev()
        .take(4)
        .map(|byte| format!("{byte:02x}"))
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
        return Err(Error::usage(
            format!(
                "a CA with path length {length} is not allowed below {}",
                issuer.subject
            ),
            "issue from a CA with a larger path length, or give a smaller `--path-length`",
        ));
    }
    Ok(length)
}
