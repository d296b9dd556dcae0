//! Renewing certificates: when they are due, by what they are replaced, and what follows.
//!
//! ```text
//! files + inventory ─► Managed ─► chosen, due ─► per directory, locked: sign ─► record ─► replace
//!                                                └─► program, signal, port ─► stays, or goes back
//! ```
//! The key stays unless a new one is asked for, so that one rename replaces the certificate and no reader
//! finds a pair that does not match.

mod choice;
mod due;
mod follow;
mod hook;
mod replace;
mod report;
mod standing;

#[cfg(test)]
pub(super) mod tests;

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use time::OffsetDateTime;

use super::issue;
use super::list;
use super::managed::{Managed, ManagedCertificate};
use crate::authority::{self, AuthorityAt, Recording};
use crate::config::Config;
use crate::error::{Error, shown};
use crate::pki::algorithm::KeyType;
use crate::pki::certificate::Certificate;
use crate::pki::fingerprint::Fingerprint;
use crate::pki::profile::Profile;
use crate::pki::revocation::RevocationReason;
use crate::pki::serial::SerialNumber;
use crate::store::{Inventory, LabelFilter, Opening};

pub use due::{SPREAD, Timing};
pub use follow::{Follow, Served};
pub use hook::{Done, Hook, SignalTo};
pub use report::{Failure, Outcome, Pending, Renewal, Renewed, State};

use replace::{Made, Wanted};

/// The certificates that are to be renewed, and how.
#[derive(Debug)]
pub struct Request {
    /// Names, files and serial numbers; `None` for all managed certificates.
    pub names: Option<Vec<OsString>>,
    /// Labels that each must have.
    pub labels: Vec<LabelFilter>,
    /// Only what is due.
    pub due_only: bool,
    /// When they are due.
    pub timing: Timing,
    /// Make new keys.
    pub rekey: bool,
    /// The kind of the new keys; that of the old ones when nothing is said.
    pub key_type: Option<KeyType>,
    /// Keep a file with certificate and key as well.
    pub combined: bool,
    /// Renew what is revoked, too.
    pub force: bool,
    /// Say what would be renewed, and renew nothing.
    pub dry_run: bool,
    /// Whether the answer is no when nothing was renewed.
    pub must_renew: bool,
    /// Who asks for it, as `user@host`.
    pub requested_by: String,
    /// What is to follow.
    pub follow: Follow,
}

/// Renews what is asked for.
///
/// What cannot be read or renewed is told of in the report, and the rest goes on; it is all among
/// [`Renewal::take_failures`] as well.
///
/// # Errors
/// When the directory, the inventory or the authority cannot be used, or a name is nobody's: then nothing is
/// changed.
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
        config,
        issuer_ends,
        profiles: HashMap::new(),
        wanted: BTreeMap::new(),
        now,
    };
    for index in &chosen {
        choosing.look(&managed.certificates[*index], &mut report);
    }
    let wanted = choosing.wanted;
    if request.dry_run || wanted.is_empty() {
        report.find_next(now);
        return Ok(report);
    }
    let mut authority = from.open(now)?;
    let mut replaced = Vec::new();
    for (directory, wanted) in wanted {
        match replace::replace_all(&directory, &wanted, &mut authority, request, now) {
            Ok(made) => made.into_iter().for_each(|(index, made)| {
                replaced.extend(report.note(index, made, now));
            }),
            Err(error) => {
                let message = error.to_string();
                wanted.iter().for_each(|one| {
                    let renewed = &mut report.certificates[one.index];
                    (renewed.outcome, renewed.message) = (Outcome::Failed, Some(message.clone()));
                });
                report.fail(error);
            }
        }
    }
    drop(authority);
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

/// Does again what follows a renewal and failed.
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
        replaced.push(follow::Replaced {
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

    /// Notes when the next one is due.
    fn find_next(&mut self, now: OffsetDateTime) {
        let later = self.certificates.iter().map(|one| one.due_at);
        self.next_due = later.filter(|due_at| *due_at > now).min();
    }

    /// Notes what became of a certificate; what was replaced is given back.
    fn note(&mut self, index: usize, made: Made, now: OffsetDateTime) -> Option<follow::Replaced> {
        let renewed = &mut self.certificates[index];
        match made {
            Made::Replaced(replaced, notes) => {
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
            Made::Not(outcome, message) => {
                (renewed.outcome, renewed.message) = (outcome, Some(message));
                None
            }
            Made::Failed(error) => {
                (renewed.outcome, renewed.message) =
                    (Outcome::Failed, Some(reason(&error, &renewed.certificate)));
                self.fail(error);
                None
            }
        }
    }
}

/// Deciding which certificates are renewed.
struct Choosing<'a> {
    request: &'a Request,
    config: Config,
    issuer_ends: HashMap<Vec<u8>, OffsetDateTime>,
    profiles: HashMap<String, Arc<Profile>>,
    /// By directory.
    wanted: BTreeMap<PathBuf, Vec<Wanted<'a>>>,
    now: OffsetDateTime,
}

impl<'a> Choosing<'a> {
    /// Notes a certificate in the report, and takes it in where it is to be renewed.
    fn look(&mut self, of: &'a ManagedCertificate, report: &mut Renewal) {
        let (request, now) = (self.request, self.now);
        let due_at = request.timing.due_at(&of.entry);
        let is_due = due_at <= now;
        let mut renewed = Renewed::untouched(of, due_at, Outcome::NotDue, now);
        report.due += usize::from(is_due);
        if is_due || !request.due_only {
            if let Some(message) = revoked(of, request) {
                (renewed.outcome, renewed.message) = (Outcome::Revoked, Some(message));
                report.due -= usize::from(is_due);
            } else {
                let index = report.certificates.len();
                match self.wanted(of, index) {
                    Ok(wanted) => {
                        renewed.outcome = Outcome::WouldRenew;
                        report.renewed += usize::from(request.dry_run);
                        let directory = of.place.directory.clone();
                        self.wanted.entry(directory).or_default().push(wanted);
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

    fn wanted(&mut self, of: &'a ManagedCertificate, index: usize) -> Result<Wanted<'a>, Error> {
        let profile = match self.profiles.get(&of.entry.profile) {
            Some(profile) => profile.clone(),
            None => {
                let profile = Arc::new(self.config.profile(&of.entry.profile)?);
                self.profiles
                    .insert(of.entry.profile.clone(), profile.clone());
                profile
            }
        };
        let new_key = match (self.request.rekey, self.request.key_type) {
            (false, _) => None,
            (true, Some(key_type)) => Some(key_type),
            (true, None) => Some(
                of.entry
                    .key_type
                    .parse()
                    .unwrap_or(profile.default_key_type()),
            ),
        };
        Ok(Wanted {
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

/// Why a certificate is not renewed because it is revoked, if that is so.
fn revoked(of: &ManagedCertificate, request: &Request) -> Option<String> {
    let revocation = of.entry.revocation?;
    let reason = revocation.reason;
    let compromised = reason == RevocationReason::KeyCompromise && !request.rekey;
    if !request.force {
        let rekey = if compromised { " --rekey" } else { "" };
        return Some(format!(
            "revoked ({reason}); renew it all the same with `--force{rekey}`"
        ));
    }
    compromised.then(|| {
        format!("revoked ({reason}): its key is in other hands; give it a new one with `--rekey`")
    })
}

/// An error's message without the name of the certificate's file, which stands before it.
fn reason(error: &Error, certificate: &Path) -> String {
    let message = error.to_string();
    let file = format!("{}: ", shown(certificate));
    message.strip_prefix(&file).unwrap_or(&message).to_owned()
}

/// The inventory that knows what was issued.
fn inventory(from: &AuthorityAt<'_>) -> Result<Box<dyn Inventory>, Error> {
    match &from.recording {
        Recording::Directory => list::inventory(from.directory),
        Recording::File(path) => authority::open_inventory_file(path, Opening::MustExist),
        Recording::Nowhere => Err(Error::Usage {
            message: "without an inventory there is nothing to renew".into(),
            hint: "leave out `--inventory none`".into(),
        }),
    }
}

/// When the certificate of each authority ends, by its fingerprint.
fn issuer_ends(inventory: &dyn Inventory) -> Result<HashMap<Vec<u8>, OffsetDateTime>, Error> {
    let authorities = inventory.authorities()?.into_iter().filter_map(|record| {
        let fingerprint = Fingerprint::sha256(&record.certificate);
        let certificate = Certificate::from_der(record.certificate).ok()?;
        Some((fingerprint.as_bytes().to_vec(), certificate.not_after()))
    });
    Ok(authorities.collect())
}
