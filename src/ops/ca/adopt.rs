//! Certificates that the authority issued before it had this inventory, recorded so that they can be listed, renewed
//! and revoked.

mod index;

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;
use time::OffsetDateTime;

use self::index::Index;
use crate::error::{Error, shown};
use crate::files::{self, Target};
use crate::ops::{Report, Verdict};
use crate::pki::certificate::Certificate;
use crate::pki::document::{Document, Kind};
use crate::pki::escape::Escaped;
use crate::pki::fingerprint::Fingerprint;
use crate::pki::name::DistinguishedName;
use crate::pki::serial::SerialNumber;
use crate::pki::usage::{CLIENT_AUTH, SERVER_AUTH};
use crate::store::{
    Entry, Inventory, Opening, Output, Revocation, RevocationChange, RevokedCertificate, Status,
};
use crate::{authority, path};

/// What to record.
#[derive(Debug)]
pub struct Request {
    /// The authority's directory.
    pub directory: PathBuf,
    /// Files of certificates, directories of them, and `index.txt` files of OpenSSL.
    pub files: Vec<PathBuf>,
    /// Where the certificates of an `index.txt` are; `newcerts` or `certs` beside it by default.
    pub index_certificates: Option<PathBuf>,
    /// Check everything, and record nothing.
    pub dry_run: bool,
    /// Who asks, as `user@host`.
    pub requested_by: String,
}

/// What became of the certificates.
#[derive(Debug, Serialize)]
pub struct Adoption {
    /// Whether nothing was recorded, and this is what would be.
    pub dry_run: bool,
    /// How many are recorded now that were not before.
    pub adopted: usize,
    /// How many were recorded already.
    pub unchanged: usize,
    /// How many were not recorded.
    pub refused: usize,
    /// Each of them.
    pub certificates: Vec<Candidate>,
}

/// A certificate that was given.
#[derive(Debug, Serialize)]
pub struct Candidate {
    /// The file it is in, or the index that names it.
    #[serde(serialize_with = "crate::ops::paths::as_text")]
    pub path: PathBuf,
    /// The line of the index.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// Its serial number.
    pub serial: Option<SerialNumber>,
    /// Its subject.
    pub subject: Option<DistinguishedName>,
    /// What became of it.
    pub outcome: AdoptionOutcome,
    /// Its status in the inventory.
    pub status: Option<Status>,
    /// Why it was refused.
    pub reason: Option<String>,
}

/// What became of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum AdoptionOutcome {
    /// It was recorded.
    Adopted,
    /// It was recorded before.
    Unchanged,
    /// It was recorded before, and is revoked now.
    Revoked,
    /// It was not recorded.
    Refused,
}

/// Records certificates. Only those that this CA, or one that it replaced, has signed are accepted.
///
/// # Errors
/// When there is no authority, or the inventory cannot be read or written. A file that cannot be read is reported
/// among the certificates.
pub fn run(request: &Request, now: OffsetDateTime) -> Result<Adoption, Error> {
    authority::require(&request.directory)?;
    let mut inventory = authority::open_inventory(&request.directory, Opening::MustExist)?;
    let mut adopting = Adopting {
        request,
        authorities: authorities(inventory.as_ref())?,
        inventory: inventory.as_mut(),
        now,
        candidates: Vec::new(),
    };
    for path in &request.files {
        match files::target(path) {
            Ok(Target::Directory(_)) => {
                for file in files::walk(path, MAX_DEPTH) {
                    match file {
                        Ok(file) => adopting.file(&file, true)?,
                        Err(error) => adopting.refuse(path, None, error.to_string()),
                    }
                }
            }
            Ok(Target::File(_) | Target::Special) => adopting.file(path, false)?,
            Err(error) => adopting.refuse(path, None, error.to_string()),
        }
    }
    let candidates = adopting.candidates;
    let count = |outcome| {
        candidates
            .iter()
            .filter(|one| one.outcome == outcome)
            .count()
    };
    Ok(Adoption {
        dry_run: request.dry_run,
        adopted: count(AdoptionOutcome::Adopted),
        unchanged: count(AdoptionOutcome::Unchanged) + count(AdoptionOutcome::Revoked),
        refused: count(AdoptionOutcome::Refused),
        certificates: candidates,
    })
}

/// The certificates of this CA and of those before it.
fn authorities(inventory: &dyn Inventory) -> Result<Vec<Certificate>, Error> {
    let records = inventory.authorities()?.into_iter();
    let complete = records.filter(|record| record.complete);
    Ok(complete
        .filter_map(|record| Certificate::from_der(record.certificate).ok())
        .collect())
}

struct Adopting<'a> {
    request: &'a Request,
    authorities: Vec<Certificate>,
    inventory: &'a mut dyn Inventory,
    now: OffsetDateTime,
    candidates: Vec<Candidate>,
}

impl Adopting<'_> {
    /// Everything in one file. In a directory, files without certificates are passed over.
    fn file(&mut self, path: &Path, is_in_directory: bool) -> Result<(), Error> {
        let Some(content) = self.accept(path, files::read(path)) else {
            return Ok(());
        };
        if Index::is_index(&content) {
            return self.index(path, &content);
        }
        let document = match Document::read(&content) {
            Err(_) if is_in_directory => return Ok(()),
            document => document,
        };
        let Some(document) = self.accept(path, document) else {
            return Ok(());
        };
        let parts = document.parts.iter();
        let parts: Vec<_> = parts
            .filter(|part| part.kind() == Kind::Certificate)
            .collect();
        if parts.is_empty() && !is_in_directory {
            self.refuse(path, None, "contains no certificate");
        }
        for (i, part) in parts.iter().enumerate() {
            let certificate = Certificate::from_der(part.contents().to_vec());
            let Some(certificate) = self.accept(path, certificate) else {
                continue;
            };
            // What follows the first is its chain; the CA's own certificates are recorded as such.
            if self.authorities.contains(&certificate)
                || i > 0 && certificate.is_ca().unwrap_or(false)
            {
                continue;
            }
            let output = if i == 0 { output(path)? } else { None };
            self.certificate(path, None, &certificate, output, None)?;
        }
        Ok(())
    }

    /// Everything that an `index.txt` lists.
    fn index(&mut self, path: &Path, content: &[u8]) -> Result<(), Error> {
        let mut index = Index::read(path, content, self.request.index_certificates.as_deref());
        for (line, row) in std::mem::take(&mut index.rows) {
            let row = match row {
                Ok(row) => row,
                Err(reason) => {
                    self.refuse(path, Some(line), reason);
                    continue;
                }
            };
            match index.certificate(&row) {
                Ok(certificate) => {
                    self.certificate(path, Some(line), &certificate, None, row.revocation)?;
                }
                Err(mut reason) => {
                    if let Some(revocation) = row.revocation
                        && !self.request.dry_run
                    {
                        self.keep_revocation(&row.serial, revocation, row.not_after)?;
                        reason.push_str("; its revocation is kept for the CRL");
                    }
                    self.candidates.push(Candidate {
                        serial: Some(row.serial),
                        ..Candidate::refused(path, Some(line), reason)
                    });
                }
            }
        }
        Ok(())
    }

    /// Keeps the revocation of a certificate that is not at hand.
    fn keep_revocation(
        &mut self,
        serial: &SerialNumber,
        revocation: Revocation,
        not_after: OffsetDateTime,
    ) -> Result<(), Error> {
        let Some(issuer) = self.authorities.last() else {
            return Ok(());
        };
        let revoked = RevokedCertificate {
            serial: serial.clone(),
            revocation,
            not_after,
            issuer_fingerprint: Fingerprint::sha256(issuer.as_der()),
        };
        Ok(self.inventory.carry_over(&[revoked], 0)?)
    }

    /// One certificate.
    fn certificate(
        &mut self,
        path: &Path,
        line: Option<usize>,
        certificate: &Certificate,
        output: Option<Output>,
        revocation: Option<Revocation>,
    ) -> Result<(), Error> {
        let candidate = match self.record(path, certificate, output, revocation)? {
            Ok((outcome, status)) => Candidate {
                outcome,
                status: Some(status),
                reason: None,
                ..Candidate::refused(path, line, "")
            },
            Err(reason) => Candidate::refused(path, line, reason),
        };
        self.candidates.push(Candidate {
            serial: Some(certificate.serial().clone()),
            subject: Some(certificate.subject().clone()),
            ..candidate
        });
        Ok(())
    }

    fn record(
        &mut self,
        path: &Path,
        certificate: &Certificate,
        output: Option<Output>,
        revocation: Option<Revocation>,
    ) -> Result<Result<(AdoptionOutcome, Status), String>, Error> {
        let is_by = |authority: &&Certificate| {
            authority.subject() == certificate.issuer()
                && path::is_signed_by(certificate, authority)
        };
        let Some(issuer) = self.authorities.iter().find(is_by) else {
            let issuer = certificate.issuer();
            return Ok(Err(format!(
                "was not signed by this CA, but issued by {issuer}"
            )));
        };
        let serial = certificate.serial();
        if serial.is_negative() || serial.is_zero() {
            return Ok(Err("has a serial number that is not positive".into()));
        }
        let fingerprint = Fingerprint::sha256(issuer.as_der());
        let issued_at = certificate.not_before();
        let mut entry = match Entry::of(certificate, fingerprint, issued_at) {
            Ok(entry) => entry,
            Err(error) => return Ok(Err(error.to_string())),
        };
        if let Some(known) = self.inventory.find(serial)? {
            if known.fingerprint != entry.fingerprint {
                return Ok(Err("has the serial number of another certificate".into()));
            }
            return self.known(known, revocation).map(Ok);
        }
        entry.profile = profile(certificate).into();
        entry.output = output;
        entry.requested_by.clone_from(&self.request.requested_by);
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        entry.note = Some(format!("adopted from {}", Escaped(&name)));
        entry.revocation = revocation;
        let status = entry.status(self.now);
        if !self.request.dry_run {
            self.inventory.adopt(std::slice::from_ref(&entry))?;
        }
        Ok(Ok((AdoptionOutcome::Adopted, status)))
    }

    /// A certificate that is recorded already, and perhaps was revoked elsewhere.
    fn known(
        &mut self,
        mut known: Entry,
        revocation: Option<Revocation>,
    ) -> Result<(AdoptionOutcome, Status), Error> {
        let Some(revocation) = revocation else {
            return Ok((AdoptionOutcome::Unchanged, known.status(self.now)));
        };
        let (change, stands) = revocation.over(known.revocation);
        known.revocation = Some(stands);
        let outcome = match change {
            RevocationChange::Done | RevocationChange::Amended(_) => AdoptionOutcome::Revoked,
            RevocationChange::Stands(_)
            | RevocationChange::NotRevoked
            | RevocationChange::Unknown => AdoptionOutcome::Unchanged,
        };
        if outcome == AdoptionOutcome::Revoked && !self.request.dry_run {
            self.inventory.revoke(&known.serial, revocation)?;
        }
        Ok((outcome, known.status(self.now)))
    }

    /// What was read; an error is reported among the certificates.
    fn accept<T>(&mut self, path: &Path, read: Result<T, impl fmt::Display>) -> Option<T> {
        read.map_err(|error| self.refuse(path, None, error.to_string()))
            .ok()
    }

    fn refuse(&mut self, path: &Path, line: Option<usize>, reason: impl Into<String>) {
        let candidate = Candidate::refused(path, line, reason);
        self.candidates.push(candidate);
    }
}

impl Candidate {
    fn refused(path: &Path, line: Option<usize>, reason: impl Into<String>) -> Self {
        Candidate {
            path: path.to_owned(),
            line,
            serial: None,
            subject: None,
            outcome: AdoptionOutcome::Refused,
            status: None,
            reason: Some(reason.into()),
        }
    }
}

/// The files of a pair, if the certificate is in one of them.
fn output(path: &Path) -> Result<Option<Output>, Error> {
    let path = files::absolute(path)?;
    let is_pair = path.extension().is_some_and(|extension| extension == "crt")
        && files::exists(&path.with_extension("key"))?;
    let place = path.parent().zip(path.file_stem());
    Ok(place.filter(|_| is_pair).map(|(directory, base)| Output {
        directory: directory.to_owned(),
        base: base.to_string_lossy().into_owned(),
    }))
}

/// The built-in profile whose purposes a certificate has.
fn profile(certificate: &Certificate) -> &'static str {
    if certificate.is_ca().unwrap_or(false) {
        return "intermediate";
    }
    let usages = certificate.extended_key_usages().ok().flatten();
    let has = |usage| {
        usages
            .as_ref()
            .is_some_and(|usages| usages.iter().any(|one| *one == usage))
    };
    match (has(SERVER_AUTH), has(CLIENT_AUTH)) {
        (true, true) => "peer",
        (false, true) => "client",
        (true | false, false) => "server",
    }
}

impl fmt::Display for Adoption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.dry_run {
            writeln!(f, "Nothing was recorded. This would be the result:")?;
        }
        for one in &self.certificates {
            let outcome = match one.outcome {
                AdoptionOutcome::Adopted => "adopted  ",
                AdoptionOutcome::Unchanged => "unchanged",
                AdoptionOutcome::Revoked => "revoked  ",
                AdoptionOutcome::Refused => "refused  ",
            };
            write!(f, "{outcome}  {}", shown(&one.path))?;
            if let Some(line) = one.line {
                write!(f, ":{line}")?;
            }
            if let Some(subject) = &one.subject {
                write!(f, "  {subject}")?;
            }
            if let Some(status) = one.status.filter(|status| *status != Status::Valid) {
                write!(f, "  ({status})")?;
            }
            match &one.reason {
                Some(reason) => writeln!(f, ": {}", Escaped(reason))?,
                None => writeln!(f)?,
            }
        }
        let Adoption {
            adopted,
            unchanged,
            refused,
            ..
        } = self;
        writeln!(
            f,
            "{adopted} adopted, {unchanged} unchanged, {refused} refused"
        )?;
        let is_revoked = |one: &Candidate| {
            one.outcome == AdoptionOutcome::Revoked
                || one.outcome == AdoptionOutcome::Adopted
                    && matches!(one.status, Some(Status::Revoked | Status::OnHold))
        };
        if !self.dry_run && self.certificates.iter().any(is_revoked) {
            writeln!(f, "Publish the revocations with `openagents-certs crl`")?;
        }
        Ok(())
    }
}

impl Report for Adoption {
    fn verdict(&self) -> Verdict {
        if self.refused == 0 {
            Verdict::Yes
        } else {
            Verdict::No
        }
    }

    fn reason(&self) -> Option<String> {
        let mut refused = self.certificates.iter();
        let first = refused.find(|one| one.outcome == AdoptionOutcome::Refused)?;
        let reason = first.reason.as_deref().unwrap_or_default();
        let others = match self.refused - 1 {
            0 => String::new(),
            more => format!("; and {more} more"),
        };
        Some(format!(
            "{}: {}{others}",
            shown(&first.path),
            Escaped(reason)
        ))
    }
}

/// Directories below this are not looked at.
const MAX_DEPTH: usize = 8;
