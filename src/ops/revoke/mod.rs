//! Revoking certificates, releasing holds, and what a revocation would affect.

mod plan;
mod report;
mod survey;
mod target;

use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::ops::ControlFlow;

use time::OffsetDateTime;

pub use plan::{BlastRadius, Exposed, Reason, Scope, Step, Unseen};
pub use report::{Effect, Report, RevokedEntry};
pub use survey::plan;
use target::{Matches, Search};

use super::crl;
use super::refused::{Outcome, Refused};
use crate::authority::{AuthorityAt, Issuance};
use crate::error::{Error, SelectionError};
use crate::files::Lock;
use crate::pki::crl::RevocationReason;
use crate::pki::serial::SerialNumber;
use crate::pki::validity::rfc3339;
use crate::store::{Entry, Filter, Inventory, LabelFilter, Revocation, RevocationChange, Status};

/// The certificates to revoke, or whose hold to release.
#[derive(Debug)]
pub struct Request {
    /// Serial numbers, files and names.
    pub targets: Vec<OsString>,
    /// Labels that each must have; without targets, all live certificates that have them.
    pub labels: Vec<LabelFilter>,
    /// Whether a name that several certificates have selects all of them.
    pub all: bool,
    /// The reason; [`RevocationReason::Unspecified`] for none.
    pub reason: RevocationReason,
    /// Since when the keys are known or suspected to be compromised.
    pub invalidity_date: Option<OffsetDateTime>,
    /// Whether to report only.
    pub dry_run: bool,
}

/// Revokes certificates, all or none, and publishes a new CRL. A compromised key takes every certificate
/// for it along.
///
/// # Errors
/// When a target selects nothing that can be revoked, the invalidity date is in the future, or the
/// inventory or the CRL cannot be written.
pub fn run(
    request: &Request,
    from: &AuthorityAt<'_>,
    now: OffsetDateTime,
) -> Result<Report, Error> {
    let now = crl::whole_seconds(now);
    let revocation = Revocation {
        at: now,
        reason: request.reason,
        invalidity_date: request.invalidity_date.map(crl::whole_seconds),
    };
    if let Some(date) = revocation.invalidity_date.filter(|date| *date > now) {
        return Err(Error::usage(
            format!("the invalidity date, {}, is in the future", rfc3339(date)),
            "give the time since when the certificate is not to be trusted",
        ));
    }
    let mut authority = from.open_all(now)?;
    let next_update = crl::next_update(None, from.directory)?;
    let lock = lock(request, from)?;
    let carried_over = carry_over(lock.as_ref(), &mut authority, from)?;
    let mut entries = selected(request, &mut authority, from, current, now)?;
    if request.reason == RevocationReason::KeyCompromise {
        add_those_with_the_same_keys(&mut entries, recording(&mut authority)?.as_ref(), now)?;
    }
    let Some(lock) = lock else {
        return Ok(Report::planned(entries, revocation, now));
    };
    let serials: Vec<SerialNumber> = entries.iter().map(|entry| entry.serial.clone()).collect();
    let changes = recording(&mut authority)?.revoke_all(&serials, revocation)?;
    let publication = crl::publish(&mut authority, &lock, next_update, now)?;
    let report = Report::revoked(entries, &changes, revocation, publication.lists, now);
    Ok(report.with_warning(carried_over))
}

/// Revokes recorded certificates in an inventory, all or none, where something else publishes the CRL. A compromised key
/// takes every certificate for it along. Gives the effect on each; what is not recorded is left out.
///
/// # Errors
/// When the inventory cannot be read or written.
pub fn run_in(
    inventory: &mut dyn Inventory,
    serials: &[SerialNumber],
    reason: RevocationReason,
    now: OffsetDateTime,
) -> Result<Vec<(Entry, RevocationChange)>, Error> {
    let now = crl::whole_seconds(now);
    let serials: Vec<&SerialNumber> = serials.iter().collect();
    let mut entries: Vec<Entry> = inventory
        .find_each(&serials)?
        .into_iter()
        .flatten()
        .collect();
    if reason == RevocationReason::KeyCompromise {
        add_those_with_the_same_keys(&mut entries, inventory, now)?;
    }
    let serials: Vec<SerialNumber> = entries.iter().map(|entry| entry.serial.clone()).collect();
    let revocation = Revocation {
        at: now,
        reason,
        invalidity_date: None,
    };
    let changes = inventory.revoke_all(&serials, revocation)?;
    Ok(entries.into_iter().zip(changes).collect())
}

/// Releases holds and publishes a new CRL. Refuses what is revoked for good.
///
/// # Errors
/// As [`run`].
pub fn unrevoke(
    request: &Request,
    from: &AuthorityAt<'_>,
    now: OffsetDateTime,
) -> Result<Outcome<Report>, Error> {
    let now = crl::whole_seconds(now);
    let mut authority = from.open_all(now)?;
    let next_update = crl::next_update(None, from.directory)?;
    let lock = lock(request, from)?;
    let carried_over = carry_over(lock.as_ref(), &mut authority, from)?;
    let entries = selected(request, &mut authority, from, on_hold, now)?;
    let is_final = |revocation: &Revocation| revocation.reason != RevocationReason::CertificateHold;
    let refused = entries
        .iter()
        .find_map(|entry| Some((entry, entry.revocation.filter(is_final)?)));
    if let Some((entry, revocation)) = refused {
        return Ok(Outcome::Refused(refusal(entry, revocation)));
    }
    let Some(lock) = lock else {
        return Ok(Outcome::Done(Report::released(
            entries,
            Vec::new(),
            true,
            now,
        )));
    };
    for entry in entries.iter().filter(|entry| entry.revocation.is_some()) {
        recording(&mut authority)?.unrevoke(&entry.serial)?;
    }
    let publication = crl::publish(&mut authority, &lock, next_update, now)?;
    let report = Report::released(entries, publication.lists, false, now);
    Ok(Outcome::Done(report.with_warning(carried_over)))
}

/// The directory's lock, unless nothing is to change.
fn lock(request: &Request, from: &AuthorityAt<'_>) -> Result<Option<Lock>, Error> {
    if request.dry_run {
        return Ok(None);
    }
    Lock::acquire(from.directory).map(Some)
}

/// Records what the published CRLs show and the inventory does not, before anything else changes; a
/// warning when there was such a revocation.
fn carry_over(
    lock: Option<&Lock>,
    authority: &mut Issuance,
    from: &AuthorityAt<'_>,
) -> Result<Option<String>, Error> {
    if lock.is_none() {
        return Ok(None);
    }
    let (issuing, inventory) = authority.issuing();
    let inventory = inventory.ok_or_else(crl::no_inventory)?;
    let authorities: Vec<_> = issuing.iter().map(|one| one.certificate).collect();
    let count = crl::carry_over(from.directory, &authorities, inventory.as_mut())?;
    Ok((count > 0).then(|| crl::carried_over(count)))
}

/// Which entries a name or key with several certificates selects.
type Select = fn(Vec<Entry>, &OsStr, bool, &Search<'_>) -> Result<Vec<Entry>, Error>;

/// The selected certificates, each once.
fn selected(
    request: &Request,
    authority: &mut Issuance,
    from: &AuthorityAt<'_>,
    select: Select,
    now: OffsetDateTime,
) -> Result<Vec<Entry>, Error> {
    let certificate = authority.certificate().clone();
    let search = Search {
        path: from.inventory_path(),
        inventory: &**recording(authority)?,
        authority: &certificate,
        now,
    };
    let mut entries = Vec::new();
    if request.targets.is_empty() {
        entries = labelled(request, search.inventory, now)?;
    }
    for target in &request.targets {
        match search.matches(target)? {
            Matches::One(entry) => entries.push(*entry),
            Matches::Many(found) => {
                entries.extend(select(found, target, request.all, &search)?);
            }
        }
    }
    let has_labels = |entry: &Entry| {
        request
            .labels
            .iter()
            .all(|label| label.matches(&entry.labels))
    };
    let mut seen = HashSet::new();
    entries.retain(|entry| has_labels(entry) && seen.insert(entry.serial.clone()));
    Ok(entries)
}

/// Every certificate with the labels that a revocation, or the release of a hold, concerns.
fn labelled(
    request: &Request,
    inventory: &dyn Inventory,
    now: OffsetDateTime,
) -> Result<Vec<Entry>, Error> {
    let mut entries = Vec::new();
    if request.labels.is_empty() {
        return Ok(entries);
    }
    let filter = Filter {
        labels: request.labels.clone(),
        ..Filter::default()
    };
    inventory.visit(&filter, now, &mut |entry| {
        let status = entry.status(now);
        if status.is_live() || status == Status::OnHold {
            entries.push(entry);
        }
        ControlFlow::Continue(())
    })?;
    Ok(entries)
}

/// Adds every other certificate for the keys of these that is not revoked or expired.
fn add_those_with_the_same_keys(
    entries: &mut Vec<Entry>,
    inventory: &dyn Inventory,
    now: OffsetDateTime,
) -> Result<(), Error> {
    let mut seen: HashSet<SerialNumber> =
        entries.iter().map(|entry| entry.serial.clone()).collect();
    let keys: HashSet<_> = entries
        .iter()
        .map(|entry| entry.public_key.clone())
        .collect();
    for key in keys {
        for other in inventory.find_by_public_key(&key)? {
            let status = other.status(now);
            let is_affected = status.is_live() || status == Status::OnHold;
            if is_affected && seen.insert(other.serial.clone()) {
                entries.push(other);
            }
        }
    }
    Ok(())
}

/// Of the certificates with one name or key: the current one, or with `all` every live one; when none is
/// live, the one that was revoked last.
fn current(
    entries: Vec<Entry>,
    target: &OsStr,
    all: bool,
    search: &Search<'_>,
) -> Result<Vec<Entry>, Error> {
    let (mut live, others): (Vec<_>, Vec<_>) = entries
        .into_iter()
        .partition(|entry| entry.status(search.now).is_live());
    let is_current = |entry: &Entry| entry.superseded_by.is_none() && entry.retired_at.is_none();
    if !all && live.iter().any(is_current) {
        live.retain(is_current);
    }
    match live.len() {
        0 => {}
        1 => return Ok(live),
        _ if all => return Ok(live),
        _ => return Err(search.several(target, &live).into()),
    }
    let revoked = others
        .into_iter()
        .filter(|entry| entry.revocation.is_some());
    let last = revoked.max_by_key(|entry| entry.revocation.map(|revocation| revocation.at));
    last.map(|entry| vec![entry]).ok_or_else(|| {
        let text = target.to_string_lossy().into_owned();
        SelectionError::Expired { text }.into()
    })
}

/// Of the certificates with one name or key: those on hold; when none is, the only one there is.
fn on_hold(
    entries: Vec<Entry>,
    target: &OsStr,
    all: bool,
    search: &Search<'_>,
) -> Result<Vec<Entry>, Error> {
    let is_held = |entry: &Entry| entry.status(search.now) == Status::OnHold;
    let (held, others): (Vec<_>, Vec<_>) = entries.into_iter().partition(is_held);
    let chosen = if held.is_empty() { others } else { held };
    if chosen.len() == 1 || all {
        Ok(chosen)
    } else {
        Err(search.several(target, &chosen).into())
    }
}

fn refusal(entry: &Entry, revocation: Revocation) -> Refused {
    Refused::new(
        "RFC 5280 §5.3.1",
        format!(
            "{} was revoked on {} ({}), and only a hold can be released",
            entry.serial,
            rfc3339(revocation.at),
            revocation.reason
        ),
        "issue a new certificate with `openagents-certs issue`",
    )
}

/// The inventory of an authority.
fn recording(authority: &mut Issuance) -> Result<&mut Box<dyn Inventory>, Error> {
    authority.split().1.ok_or_else(crl::no_inventory)
}
