//! One certificate for a server, a client or both.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;
use time::OffsetDateTime;

use super::passphrase::Ask;
use super::{DryRun, Expiry, Report};
use crate::authority::{self, Authority};
use crate::error::{Error, shown};
use crate::files::{self, Lock};
use crate::keys::{self, PrivateKey};
use crate::pki::algorithm::KeyType;
use crate::pki::certificate::Certificate;
use crate::pki::fingerprint::Fingerprint;
use crate::pki::issuer::Issuer;
use crate::pki::name::{AttributeType, DistinguishedName};
use crate::pki::plan::{BasicConstraints, IssuancePlan, KeyUsage, NameConstraints};
use crate::pki::san::{SubjectAltName, TypedName};
use crate::pki::serial::SerialNumber;
use crate::pki::usage::Purpose;
use crate::pki::validity::{Lifetime, Validity, rfc3339};
use crate::store::{Entry, Output};

/// The certificate that is wanted.
#[derive(Clone, Debug)]
pub struct Request {
    /// What it is for.
    pub purpose: Purpose,
    /// Its names; the first becomes the common name where it can be one.
    pub names: Vec<TypedName>,
    /// When it ends.
    pub end: End,
    /// Its key.
    pub key_type: KeyType,
    /// The name of its files, without `.crt` and `.key`.
    pub base: OsString,
    /// Who asks for it, as `user@host`.
    pub requested_by: String,
    /// What is to be said of it in the inventory.
    pub note: Option<String>,
}

/// The authority to issue from.
pub struct AuthorityAt<'a> {
    /// Its directory.
    pub directory: &'a Path,
    /// Gives its key's passphrase.
    pub passphrase: Ask<'a>,
}

/// When a certificate ends, as it was asked for.
#[derive(Clone, Copy, Debug)]
pub enum End {
    /// So long from now.
    After(Lifetime),
    /// At this moment.
    At(OffsetDateTime),
}

/// A request that can be signed, and what its reader should know of it.
#[derive(Clone, Debug)]
pub struct Planned {
    /// What will be signed.
    pub plan: IssuancePlan,
    /// News: names that were changed, a lifetime that was capped.
    pub notes: Vec<String>,
    /// What may not work.
    pub warnings: Vec<String>,
    request: Request,
}

/// What will be signed for a request.
///
/// # Errors
/// When a name, a time or a file name cannot be used.
pub fn plan(request: &Request, issuer: &Issuer, now: OffsetDateTime) -> Result<Planned, Error> {
    let wanted = match request.end {
        End::After(lifetime) => Validity::starting(now, lifetime)?,
        End::At(moment) => Validity::until(moment, now)?,
    };
    let validity = wanted.within(issuer.validity)?;
    let names = distinct(&request.names);
    let plan = IssuancePlan {
        subject: subject(request.purpose, &names)?,
        issuer: issuer.subject.clone(),
        validity,
        subject_alt_names: names,
        basic_constraints: BasicConstraints::EndEntity,
        key_usage: KeyUsage::EndEntity,
        extended_key_usages: request.purpose.extended_key_usages().to_vec(),
        authority_key_identifier: Some(issuer.key_identifier.clone()),
        name_constraints: NameConstraints::default(),
        crl_distribution_points: Vec::new(),
        ca_issuers: Vec::new(),
        ocsp: Vec::new(),
        certificate_policies: Vec::new(),
    };
    let (mut notes, mut warnings) = (Vec::new(), Vec::new());
    for note in request.names.iter().flat_map(|typed| &typed.notes) {
        if note.is_warning() {
            &mut warnings
        } else {
            &mut notes
        }
        .push(note.to_string());
    }
    if validity.not_after() < wanted.not_after() {
        notes.push(format!(
            "ends on {}, with its CA, and not on {}",
            rfc3339(validity.not_after()),
            rfc3339(wanted.not_after())
        ));
    }
    if request.key_type == KeyType::Ed25519 {
        warnings.push("grpc-core (Python, C++, Go through it) cannot use Ed25519 keys: it fails with `Socket closed`".into());
    }
    Ok(Planned {
        plan,
        notes,
        warnings,
        request: request.clone(),
    })
}

/// Issues one certificate from the authority in a directory.
///
/// # Errors
/// When the authority, the request or the files are not as they must be.
pub fn run(
    request: &Request,
    from: &AuthorityAt<'_>,
    out: &Path,
    replace: bool,
    now: OffsetDateTime,
) -> Result<Issued, Error> {
    check_base(&request.base)?;
    let mut authority = Authority::open(from.directory, from.passphrase, now)?;
    let planned = plan(request, authority.issuer(), now)?;
    apply(&planned, &mut authority, &Lock::acquire(out)?, replace, now)
}

/// What would be issued, with nothing written.
///
/// # Errors
/// As [`run`].
pub fn dry_run(
    request: &Request,
    from: &AuthorityAt<'_>,
    out: &Path,
    now: OffsetDateTime,
) -> Result<DryRun, Error> {
    check_base(&request.base)?;
    let authority = Authority::open(from.directory, from.passphrase, now)?;
    let planned = plan(request, authority.issuer(), now)?;
    let files = <[OsString; 2]>::from(file_names(&request.base)).map(|name| out.join(name));
    Ok(DryRun {
        dry_run: true,
        files: files.into(),
        authority: None,
        certificates: vec![planned.plan],
    })
}

/// Makes the key, signs the certificate, records it, and writes both into the locked directory.
///
/// # Errors
/// When the key cannot be made, or the inventory or the files cannot be written.
pub fn apply(
    planned: &Planned,
    authority: &mut Authority,
    out: &Lock,
    replace: bool,
    now: OffsetDateTime,
) -> Result<Issued, Error> {
    let (certificate_name, key_name) = file_names(&planned.request.base);
    if !replace {
        files::absent(out, &[&key_name, &certificate_name])?;
    }
    let key = PrivateKey::generate(planned.request.key_type)?;
    let serial = keys::random_serial()?;
    let certificate = authority.sign(&planned.plan, key.public_key_info(), &serial)?;
    let output = Output {
        directory: files::absolute(out.path())?,
        base: planned.request.base.to_string_lossy().into_owned(),
    };
    authority.record(&[entry(
        planned,
        authority,
        &serial,
        &certificate,
        Some(output),
        now,
    )])?;
    let served = authority.served(&certificate)?;
    authority::write(
        out,
        (&key_name, key.pkcs8(), None),
        &[(&certificate_name, &served)],
        replace,
    )?;
    Ok(Issued::of(planned, &certificate, serial, out.path(), now))
}

fn entry(
    planned: &Planned,
    authority: &Authority,
    serial: &SerialNumber,
    certificate: &Certificate,
    output: Option<Output>,
    now: OffsetDateTime,
) -> Entry {
    Entry {
        serial: serial.clone(),
        certificate: certificate.as_der().to_vec(),
        subject: planned.plan.subject.clone(),
        issuer: planned.plan.issuer.clone(),
        issuer_fingerprint: authority.fingerprint(),
        names: planned.plan.subject_alt_names.clone(),
        profile: planned.request.purpose.to_string(),
        validity: planned.plan.validity,
        fingerprint: Fingerprint::sha256(certificate.as_der()),
        key_type: planned.request.key_type.to_string(),
        output,
        requested_by: planned.request.requested_by.clone(),
        note: planned.request.note.clone(),
        issued_at: now,
        revocation: None,
        batch: None,
    }
}

/// The names of the certificate's and the key's file.
pub fn file_names(base: &OsStr) -> (OsString, OsString) {
    let with = |extension: &str| {
        let mut name = base.to_owned();
        name.push(extension);
        name
    };
    (with(".crt"), with(".key"))
}

/// The name of a name's files: itself, with what file names cannot have replaced.
pub fn base_of(name: &SubjectAltName) -> OsString {
    let readable = |c: char| {
        if c.is_ascii_alphanumeric() || "._-@".contains(c) {
            c
        } else {
            '_'
        }
    };
    let text: String = name
        .value()
        .trim_start_matches("spiffe://")
        .chars()
        .map(readable)
        .collect();
    text.trim_start_matches(['.', '-'])
        .chars()
        .take(MAX_BASE_OCTETS)
        .collect::<String>()
        .into()
}

/// Refuses a file name that is a path, hidden, an option or one of the authority's own files.
///
/// # Errors
/// When it is one of them.
pub fn check_base(base: &OsStr) -> Result<(), Error> {
    let text = base.to_string_lossy();
    let wrong = text.is_empty()
        || text.contains('/')
        || text.starts_with(['.', '-'])
        || text.chars().any(char::is_control)
        || matches!(&*text, "ca" | "issuer" | "crl");
    if wrong {
        let message = format!(
            "'{}' cannot name a certificate's files",
            text.escape_debug()
        );
        let hint = "give a plain file name with `--name`, without directory and ending, other than ca, issuer and crl";
        return Err(Error::Usage {
            message,
            hint: hint.into(),
        });
    }
    Ok(())
}

/// One certificate that was issued.
#[derive(Debug, Serialize)]
pub struct Issued {
    /// What it is for.
    pub purpose: Purpose,
    /// The subject; empty when only the names identify it.
    pub subject: DistinguishedName,
    /// Its names.
    pub subject_alt_names: Vec<SubjectAltName>,
    /// The serial number.
    pub serial: SerialNumber,
    /// When it ends.
    #[serde(flatten)]
    pub expiry: Expiry,
    /// The kind of its key.
    pub key_type: KeyType,
    /// SHA-256 over the certificate.
    pub fingerprint_sha256: Fingerprint,
    /// The certificate's file.
    pub certificate: PathBuf,
    /// The private key's file.
    pub private_key: PathBuf,
    /// What its reader should know.
    pub notes: Vec<String>,
    /// What may not work.
    pub warnings: Vec<String>,
}

impl Issued {
    fn of(
        planned: &Planned,
        certificate: &Certificate,
        serial: SerialNumber,
        out: &Path,
        now: OffsetDateTime,
    ) -> Self {
        let (certificate_name, key_name) = file_names(&planned.request.base);
        Issued {
            purpose: planned.request.purpose,
            subject: planned.plan.subject.clone(),
            subject_alt_names: planned.plan.subject_alt_names.clone(),
            serial,
            expiry: Expiry::of(planned.plan.validity, now),
            key_type: planned.request.key_type,
            fingerprint_sha256: Fingerprint::sha256(certificate.as_der()),
            certificate: out.join(certificate_name),
            private_key: out.join(key_name),
            notes: planned.notes.clone(),
            warnings: planned.warnings.clone(),
        }
    }
}

impl fmt::Display for Issued {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self
            .subject_alt_names
            .iter()
            .map(SubjectAltName::value)
            .collect();
        writeln!(f, "{} certificate for {}", self.purpose, names.join(", "))?;
        writeln!(f, "  certificate  {}", shown(&self.certificate))?;
        writeln!(
            f,
            "  private key  {} ({})",
            shown(&self.private_key),
            self.key_type
        )?;
        writeln!(f, "  expires      {}", self.expiry)?;
        writeln!(f, "  serial       {}", self.serial)?;
        writeln!(f, "  SHA-256      {}", self.fingerprint_sha256)?;
        self.notes
            .iter()
            .try_for_each(|note| writeln!(f, "  note         {note}"))
    }
}

impl Report for Issued {
    fn warnings(&self) -> Vec<String> {
        self.warnings.clone()
    }
}

const MAX_BASE_OCTETS: usize = 200;

/// The names without repetition, in the order given.
fn distinct(names: &[TypedName]) -> Vec<SubjectAltName> {
    let mut seen = std::collections::HashSet::new();
    names
        .iter()
        .map(|typed| typed.name.clone())
        .filter(|name| seen.insert(name.clone()))
        .collect()
}

/// The first name as common name, where it can be one: a host, an address, or a client's e-mail
/// address, of at most 64 characters. Otherwise no subject at all (RFC 5280 §4.1.2.6).
fn subject(purpose: Purpose, names: &[SubjectAltName]) -> Result<DistinguishedName, Error> {
    let common_name = match (names.first(), purpose) {
        (Some(name @ (SubjectAltName::Dns(_) | SubjectAltName::Ip(_))), _) => name.value(),
        (Some(name @ SubjectAltName::Email(_)), Purpose::Client) => name.value(),
        (Some(SubjectAltName::Uri(_) | SubjectAltName::Email(_)) | None, _) => {
            return Ok(DistinguishedName::empty());
        }
    };
    if common_name.chars().count() > AttributeType::CommonName.upper_bound() {
        return Ok(DistinguishedName::empty());
    }
    Ok(DistinguishedName::build(&[(
        AttributeType::CommonName,
        &common_name,
    )])?)
}
