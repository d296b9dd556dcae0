//! Certificates whose successors come from a server.

use std::path::Path;

use time::OffsetDateTime;

use super::pair_files::PairFiles;
use super::replace::{self, JobResult, NewCertificate};
use super::report::Outcome;
use super::{Request, Timing};
use crate::error::{Error, shown};
use crate::files::Lock;
use crate::ops::acme::renewal;
use crate::ops::acme::state::CertificateState;
use crate::ops::enroll::{self, EnrolledPair, Enrollment};
use crate::ops::managed::ManagedCertificate;
use crate::ops::refused;
use crate::pki::algorithm::KeyType;
use crate::store::Entry;

/// Where a new certificate comes from.
pub(super) enum RenewalSource {
    /// Our own CA.
    Own,
    /// An ACME server.
    Acme(Box<CertificateState>),
    /// The server that the machine is enrolled with.
    Enrolled(Box<(Enrollment, EnrolledPair)>),
}

impl RenewalSource {
    /// When a certificate from there is due.
    pub(super) fn due_at(&self, entry: &Entry, timing: &Timing) -> OffsetDateTime {
        match self {
            RenewalSource::Own => timing.due_at(entry),
            RenewalSource::Acme(state) => renewal::due_at(state, entry, timing),
            RenewalSource::Enrolled(enrolled) => enroll::due_at(&enrolled.1, entry, timing),
        }
    }
}

/// A certificate to renew from a server.
pub(super) struct RemoteJob<'a> {
    /// Its index among the certificates of the report.
    pub(super) index: usize,
    pub(super) of: &'a ManagedCertificate,
    /// The type of its new key; `None` when the old key is kept.
    pub(super) new_key: Option<KeyType>,
    pub(super) source: RenewalSource,
}

/// Renews one certificate. The directory is locked only while its files are replaced.
pub(super) fn replace(
    job: &RemoteJob<'_>,
    pki: &Path,
    request: &Request,
    now: OffsetDateTime,
) -> JobResult {
    let replaced = match &job.source {
        RenewalSource::Acme(state) => from_acme(job, state, pki, request, now),
        RenewalSource::Enrolled(enrolled) => from_server(job, enrolled, request, now),
        // The jobs of our own CA are done together.
        RenewalSource::Own => Ok(None),
    };
    match replaced {
        Ok(Some(result)) => result,
        Ok(None) => {
            let message = "another process has renewed it".to_owned();
            JobResult::Unchanged(Outcome::RenewedElsewhere, message)
        }
        Err(error) => JobResult::Failed(error),
    }
}

/// Orders a certificate and puts it in the place of the old one; `None` when another process did.
fn from_acme(
    job: &RemoteJob<'_>,
    state: &CertificateState,
    pki: &Path,
    request: &Request,
    now: OffsetDateTime,
) -> Result<Option<JobResult>, Error> {
    let of = job.of;
    let read = || PairFiles::read(of, job.new_key.is_some(), request);
    let renewal = renewal::Renewal {
        pki,
        old: &of.certificate,
        entry: &of.entry,
        private_key: of.place.private_key(),
        new_key: job.new_key,
    };
    let is_current = || Ok(read()?.is_some());
    let Some(mut renewed) = renewal::renew(&renewal, state, &is_current, now)? else {
        return Ok(None);
    };
    let lock = Lock::acquire(&of.place.directory)?;
    let Some(files) = read()? else {
        return Ok(None);
    };
    let new = NewCertificate {
        certificate: std::mem::take(&mut renewed.pem),
        new_key: renewed.new_key.take(),
        entry: renewed.entry.clone(),
        due_at: [
            renewed.due_at(&request.timing),
            renewal::due_at(state, &of.entry, &request.timing),
        ],
        notes: std::mem::take(&mut renewed.warnings),
    };
    let pair = new.pair(of, job.index, files);
    let written = replace::write(&lock, &[&pair]).and_then(|()| renewed.finish());
    Ok(Some(pair.result(written).1))
}

/// Re-enrolls and puts the new certificate in the place of the old one; `None` when another process did.
fn from_server(
    job: &RemoteJob<'_>,
    (enrollment, kept): &(Enrollment, EnrolledPair),
    request: &Request,
    now: OffsetDateTime,
) -> Result<Option<JobResult>, Error> {
    let of = job.of;
    let read = || PairFiles::read(of, job.new_key.is_some(), request);
    if read()?.is_none() {
        return Ok(None);
    }
    let mut new = match enroll::renew(enrollment, of, job.new_key, now)? {
        refused::Outcome::Done(new) => new,
        refused::Outcome::Refused(refused) => {
            let message = format!("{}; {}", refused.message, refused.hint);
            return Ok(Some(JobResult::Unchanged(Outcome::Refused, message)));
        }
    };
    let lock = Lock::acquire(&of.place.directory)?;
    let Some(files) = read()? else {
        return Ok(None);
    };
    let mut notes = Vec::new();
    if let Some(path) = new.write_anchors(&lock)? {
        notes.push(format!("{} has the new trust anchors", shown(&path)));
    }
    let due_at = [
        request.timing.due_at(&new.entry),
        enroll::due_at(kept, &of.entry, &request.timing),
    ];
    let new = NewCertificate {
        certificate: std::mem::take(&mut new.pem),
        new_key: new.new_key.take(),
        entry: new.entry,
        due_at,
        notes,
    };
    let pair = new.pair(of, job.index, files);
    let written = replace::write(&lock, &[&pair]);
    Ok(Some(pair.result(written).1))
}
