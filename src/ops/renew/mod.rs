//! Renewing certificates: which are due, how they are replaced, and what happens afterwards.
//!
//! ```text
//! files + inventory ─► Managed ─► selected, due ─► per directory, locked: sign ─► record ─► replace
//!                                                  └─► program, signal, probe ─► keep or roll back
//! ```
//! The key is kept unless a new one is requested, so that one rename replaces the certificate and no reader
//! finds a pair that does not match.

mod choice;
mod due;
mod follow;
mod hook;
mod pair_files;
mod remote;
mod replace;
mod report;

#[cfg(test)]
pub(super) mod tests;

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use time::OffsetDateTime;

use super::acme::renewal::{self, Orders};
use super::enroll::{self, Enrollment};
use super::managed::{Managed, ManagedCertificate};
use super::{acme, issue, list};
use crate::authority::{self, AuthorityAt, Recording};
use crate::config::Config;
use crate::error::{Error, shown};
use crate::files::{self, Kind};
use crate::pki::algorithm::KeyType;
use crate::pki::certificate::Certificate;
use crate::pki::crl::RevocationReason;
use crate::pki::fingerprint::Fingerprint;
use crate::pki::profile::Profile;
use crate::pki::serial::SerialNumber;
use crate::store::{Inventory, LabelFilter, Opening};

pub use due::{SPREAD, Timing};
pub use follow::{Follow, PortCheck};
pub use hook::{Hook, SignalTo, StepResult};
pub use report::{Outcome, Pending, Renewal, Renewed, State};

pub use super::ErrorReport as Failure;

use remote::{RemoteJob, RenewalSource};
use replace::{Job, JobResult};

/// Which certificates to renew, and how.
#[derive(Debug)]
pub struct Request {
    /// Names, files and serial numbers; `None` for all managed certificates.
    pub names: Option<Vec<OsString>>,
    /// Labels that each must have.
    pub labels: Vec<LabelFilter>,
    /// Whether only due certificates are renewed.
    pub due_only: bool,
    /// When they are due.
    pub timing: Timing,
    /// Whether new keys are generated.
    pub rekey: bool,
    /// The type of the new keys; by default that of the old ones.
    pub key_type: Option<KeyType>,
    /// Whether a file with certificate and key is written too.
    pub combined: bool,
    /// Whether revoked certificates are renewed too.
    pub force: bool,
    /// Whether to report only.
    pub dry_run: bool,
    /// Whether the answer is no when nothing was renewed.
    pub must_renew: bool,
    /// Who requests it, as `user@host`.
    pub requested_by: String,
    /// What happens afterwards.
    pub follow: Follow,
}

/// Renews the selected certificates.
///
/// A certificate that cannot be read or renewed is reported, and the others are renewed; such errors are
/// also in [`Renewal::take_failures`].
///
/// # Errors
/// When the directory, the inventory or the authority cannot be used, or nothing has a given name; then
/// nothing is changed.
pub fn run(
    request: &Request,
    from: &AuthorityAt<'_>,
    now: OffsetDateTime,
) -> Result<Renewal, Error> {
    let inventory = inventory(from)?;
    let mut managed = Managed::read(from.directory, &*inventory)?;
    let mut chosen = match &request.names {
        None => (0..managed.certificates.len()).collect(),
        Some(names) => choice::named(names, &mut managed, &*inventory)?,
    };
    chosen.retain(|index| {
        let labels = &managed.certificates[*index].entry.labels;
        request.labels.iter().all(|label| label.matches(labels))
    });
    let issuer_ends = issuer_ends(&*inventory)?;
    drop(inventory);
    let mut report = Renewal::new(request, from, &mut managed);
    let config = Config::clone(&authority::read_config(from.directory)?);
    let mut choosing = Choosing {
        request,
        directory: from.directory,
        orders: Orders::read(from.directory)?,
        enrollment: Enrollment::read(from.directory)?,
        config,
        issuer_ends,
        profiles: HashMap::new(),
        jobs: BTreeMap::new(),
        remote: Vec::new(),
        now,
    };
    for index in &chosen {
        choosing.look(&managed.certificates[*index], &mut report);
    }
    let Choosing { jobs, remote, .. } = choosing;
    if request.dry_run || (jobs.is_empty() && remote.is_empty()) {
        report.find_next(now);
        return Ok(report);
    }
    let mut replaced = replace_own(jobs, from, request, &mut report, now)?;
    for job in &remote {
        let result = remote::replace(job, from.directory, request, now);
        replaced.extend(report.note(job.index, result, now));
    }
    let others: Vec<SerialNumber> = managed
        .certificates
        .iter()
        .map(|certificate| certificate.entry.serial.clone())
        .filter(|serial| !replaced.iter().any(|one| one.old_serial == *serial))
        .collect();
    request.follow.after(&replaced, &others, &mut report);
    report.find_next(now);
    report.keep_pending(replaced);
    Ok(report)
}

/// Renews the certificates of our own CA, one directory after the other.
fn replace_own(
    jobs: BTreeMap<PathBuf, Vec<Job<'_>>>,
    from: &AuthorityAt<'_>,
    request: &Request,
    report: &mut Renewal,
    now: OffsetDateTime,
) -> Result<Vec<follow::ReplacedPair>, Error> {
    let mut replaced = Vec::new();
    if jobs.is_empty() {
        return Ok(replaced);
    }
    let mut authority = from.open(now)?;
    for (directory, jobs) in jobs {
        match replace::replace_all(&directory, &jobs, &mut authority, request, now) {
            Ok(results) => results.into_iter().for_each(|(index, result)| {
                replaced.extend(report.note(index, result, now));
            }),
            Err(error) => {
                let message = error.to_string();
                jobs.iter().for_each(|job| {
                    let renewed = &mut report.certificates[job.index];
                    (renewed.outcome, renewed.message) = (Outcome::Failed, Some(message.clone()));
                });
                report.fail(error);
            }
        }
    }
    Ok(replaced)
}

/// Whether a directory has no CA, and its certificates come from servers.
///
/// # Errors
/// When it cannot be read.
pub fn has_only_remote(directory: &Path) -> Result<bool, Error> {
    if files::kind(&directory.join(authority::KEY))? != Kind::Absent {
        return Ok(false);
    }
    Ok(Enrollment::read(directory)?.is_some() || !Orders::read(directory)?.is_empty())
}

/// Repeats what failed after a renewal.
pub fn follow_again(
    request: &Request,
    directory: &Path,
    pending: Vec<Pending>,
    now: OffsetDateTime,
) -> Renewal {
    let mut report = Renewal::empty(directory, request);
    let mut replaced = Vec::new();
    for (index, pending) in pending.into_iter().enumerate() {
        report.certificates.push(pending.renewed);
        replaced.push(follow::ReplacedPair {
            index,
            ..pending.replaced
        });
    }
    report.renewed = replaced.len();
    request.follow.after(&replaced, &[], &mut report);
    report.find_next(now);
    report.keep_pending(replaced);
    report
}

impl Renewal {
    fn empty(directory: &Path, request: &Request) -> Self {
        Renewal {
            directory: directory.to_owned(),
            dry_run: request.dry_run,
            managed: 0,
            due: 0,
            renewed: 0,
            next_due: None,
            certificates: Vec::new(),
            signals: Vec::new(),
            probe: None,
            foreign: Vec::new(),
            errors: Vec::new(),
            copied_from: None,
            must_renew: request.must_renew,
            failures: Vec::new(),
            pending: Vec::new(),
        }
    }

    fn new(request: &Request, from: &AuthorityAt<'_>, managed: &mut Managed) -> Self {
        let mut report = Renewal {
            managed: managed.certificates.len(),
            copied_from: managed.copied_from.take(),
            ..Renewal::empty(from.directory, request)
        };
        if request.names.is_none() {
            report.foreign = std::mem::take(&mut managed.foreign);
            managed
                .unreadable
                .drain(..)
                .for_each(|error| report.fail(error));
        }
        report
    }

    /// Determines when the next certificate is due.
    fn find_next(&mut self, now: OffsetDateTime) {
        let later = self.certificates.iter().map(|one| one.due_at);
        self.next_due = later.filter(|due_at| *due_at > now).min();
    }

    /// Records the result for a certificate; returns the pair that was replaced.
    fn note(
        &mut self,
        index: usize,
        result: JobResult,
        now: OffsetDateTime,
    ) -> Option<follow::ReplacedPair> {
        let renewed = &mut self.certificates[index];
        match result {
            JobResult::Replaced(replaced, notes) => {
                renewed.outcome = Outcome::Renewed;
                renewed.state = State::New;
                renewed.old_serial = Some(replaced.old_serial.clone());
                renewed.serial = replaced.serial.clone();
                renewed.expiry = super::Expiry::of(replaced.validity, now);
                renewed.rekeyed = replaced.is_rekeyed;
                renewed.due_at = replaced.due_at[0];
                renewed.combined = replaced.place.combined();
                renewed.notes = notes;
                self.renewed += 1;
                Some(*replaced)
            }
            JobResult::Unchanged(outcome, message) => {
                (renewed.outcome, renewed.message) = (outcome, Some(message));
                None
            }
            JobResult::Failed(error) => {
                (renewed.outcome, renewed.message) =
                    (Outcome::Failed, Some(reason(&error, &renewed.certificate)));
                self.fail(error);
                None
            }
        }
    }
}

/// Decides which certificates are renewed.
struct Choosing<'a> {
    request: &'a Request,
    /// The PKI directory.
    directory: &'a Path,
    /// The certificates that other CAs issued.
    orders: Orders,
    /// The server that the directory is enrolled with.
    enrollment: Option<Enrollment>,
    config: Config,
    issuer_ends: HashMap<Vec<u8>, OffsetDateTime>,
    profiles: HashMap<String, Arc<Profile>>,
    /// By directory.
    jobs: BTreeMap<PathBuf, Vec<Job<'a>>>,
    /// Those whose new certificates come from a server.
    remote: Vec<RemoteJob<'a>>,
    now: OffsetDateTime,
}

impl<'a> Choosing<'a> {
    /// Reports a certificate, and adds a job for it when it is to be renewed.
    fn look(&mut self, of: &'a ManagedCertificate, report: &mut Renewal) {
        let (request, now) = (self.request, self.now);
        let source = self.source(of).unwrap_or_else(|error| {
            report.fail(error);
            RenewalSource::Own
        });
        let due_at = source.due_at(&of.entry, &request.timing);
        let is_due = due_at <= now;
        let mut renewed = Renewed::untouched(of, due_at, Outcome::NotDue, now);
        report.due += usize::from(is_due);
        if is_due || !request.due_only {
            if let Some(message) = revoked(of, request) {
                (renewed.outcome, renewed.message) = (Outcome::Revoked, Some(message));
                report.due -= usize::from(is_due);
            } else {
                let index = report.certificates.len();
                match self.add(of, source, index) {
                    Ok(()) => {
                        renewed.outcome = Outcome::WouldRenew;
                        report.renewed += usize::from(request.dry_run);
                    }
                    Err(error) => {
                        (renewed.outcome, renewed.message) =
                            (Outcome::Failed, Some(reason(&error, &renewed.certificate)));
                        report.fail(error);
                    }
                }
            }
        }
        report.certificates.push(renewed);
    }

    /// Where a new certificate comes from. A server is asked when it wants to be asked, and only then.
    fn source(&self, of: &ManagedCertificate) -> Result<RenewalSource, Error> {
        if let Some(enrollment) = &self.enrollment
            && of.entry.profile == enroll::PROFILE
            && let Some(kept) = enrollment
                .certificates
                .get(&*of.place.base.to_string_lossy())
        {
            let enrolled = (enrollment.clone(), kept.clone());
            return Ok(RenewalSource::Enrolled(Box::new(enrolled)));
        }
        let Some(state) = self.orders.find(&of.place.certificate(), &of.entry)? else {
            return Ok(RenewalSource::Own);
        };
        let asked = if renewal::is_question_due(state, self.now) && !self.request.dry_run {
            renewal::ask_again(self.directory, state, &of.certificate, self.now)?
        } else {
            state.copied()
        };
        Ok(RenewalSource::Acme(Box::new(asked)))
    }

    /// Adds a job for a certificate that is to be renewed.
    fn add(
        &mut self,
        of: &'a ManagedCertificate,
        source: RenewalSource,
        index: usize,
    ) -> Result<(), Error> {
        match source {
            // Our own CA does not take the place of a public one.
            RenewalSource::Own if of.entry.profile == acme::PROFILE => {
                let path = of.place.certificate();
                return Err(Error::usage(
                    format!(
                        "{}: an ACME server issued it, and how it was ordered is not remembered here",
                        shown(&path)
                    ),
                    "order it again with `openagents-certs acme issue … --force`",
                ));
            }
            RenewalSource::Own => {
                let job = self.job(of, index)?;
                let directory = of.place.directory.clone();
                self.jobs.entry(directory).or_default().push(job);
            }
            RenewalSource::Acme(_) | RenewalSource::Enrolled(_) => self.remote.push(RemoteJob {
                index,
                of,
                new_key: self.new_key(of, KeyType::default()),
                source,
            }),
        }
        Ok(())
    }

    /// The type of the new key; `None` when the old key is kept.
    fn new_key(&self, of: &ManagedCertificate, usual: KeyType) -> Option<KeyType> {
        let own = || of.entry.key_type.parse().unwrap_or(usual);
        let rekey = self.request.rekey;
        rekey.then(|| self.request.key_type.unwrap_or_else(own))
    }

    fn job(&mut self, of: &'a ManagedCertificate, index: usize) -> Result<Job<'a>, Error> {
        let profile = match self.profiles.get(&of.entry.profile) {
            Some(profile) => profile.clone(),
            None => {
                let profile = Arc::new(self.config.profile(&of.entry.profile)?);
                self.profiles
                    .insert(of.entry.profile.clone(), profile.clone());
                profile
            }
        };
        let new_key = self.new_key(of, profile.default_key_type());
        Ok(Job {
            index,
            of,
            renewal: issue::Renewal {
                of,
                profile,
                new_key,
                old_issuer_end: self
                    .issuer_ends
                    .get(of.entry.issuer_fingerprint.as_bytes())
                    .copied(),
                requested_by: self.request.requested_by.clone(),
            },
            is_named: self.request.names.is_some() || !self.request.due_only,
        })
    }
}

/// Why a revoked certificate is not renewed.
fn revoked(of: &ManagedCertificate, request: &Request) -> Option<String> {
    let revocation = of.entry.revocation?;
    let reason = revocation.reason;
    let compromised = reason == RevocationReason::KeyCompromise && !request.rekey;
    if !request.force {
        let rekey = if compromised { " --rekey" } else { "" };
        return Some(format!(
            "revoked ({reason}); use `--force{rekey}` to renew it anyway"
        ));
    }
    compromised
        .then(|| format!("revoked ({reason}): its key is compromised; use `--rekey` for a new one"))
}

/// An error's message without the path of the certificate, which precedes it.
fn reason(error: &Error, certificate: &Path) -> String {
    let message = error.to_string();
    let file = format!("{}: ", shown(certificate));
    message.strip_prefix(&file).unwrap_or(&message).to_owned()
}

/// The inventory.
fn inventory(from: &AuthorityAt<'_>) -> Result<Box<dyn Inventory>, Error> {
    match &from.recording {
        Recording::Directory => list::inventory(from.directory),
        Recording::File(path) => authority::open_inventory_file(path, Opening::MustExist),
        Recording::Nowhere => Err(Error::usage(
            "renewal needs an inventory, and `--inventory none` leaves it out",
            "leave out `--inventory none`",
        )),
    }
}

/// When the certificate of each authority expires, by fingerprint.
fn issuer_ends(inventory: &dyn Inventory) -> Result<HashMap<Vec<u8>, OffsetDateTime>, Error> {
    let authorities = inventory.authorities()?.into_iter().filter_map(|record| {
        let fingerprint = Fingerprint::sha256(&record.certificate);
        let certificate = Certificate::from_der(record.certificate).ok()?;
        Some((fingerprint.as_bytes().to_vec(), certificate.not_after()))
    });
    Ok(authorities.collect())
}
