//! Revoking certificates, taking a hold back, and what a revocation would mean.

mod blast;
mod report;
mod target;

use std::ffi::{OsStr, OsString};

use time::OffsetDateTime;

pub use blast::{BlastRadius, Exposed, Reason, Scope, Step, Unseen, plan};
pub use report::{Changed, Outcome as CertificateOutcome, Report};
use target::{Meant, Search};

use super::crl;
use super::refused::{Outcome, Refused};
use crate::authority::{Authority, AuthorityAt};
use crate::error::{Error, SelectionError};
use crate::files::Lock;
use crate::pki::revocation::RevocationReason;
use crate::pki::serial::SerialNumber;
use crate::pki::validity::rfc3339;
use crate::store::{Entry, Inventory, Revocation};

/// What is to be revoked.
#[derive(Debug)]
pub struct Request {
    /// Serial numbers, files and names.
    pub targets: Vec<OsString>,
    /// Whether a name of several certificates stands for all of them.
    pub all: bool,
    /// Why; [`RevocationReason::Unspecified`] for no reason.
    pub reason: RevocationReason,
    /// Since when their keys are known or thought to be in other hands.
    pub invalidity_date: Option<OffsetDateTime>,
    /// Show what would be revoked, and revoke nothing.
    pub dry_run: bool,
}

/// Revokes certificates, all or none, and publishes a new list.
///
/// # Errors
/// When one of the targets stands for nothing that can be revoked, the moment of invalidity has not
/// come yet, or the inventory or the list cannot be written.
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
        return Err(Error::Usage {
            message: format!(
                "the date of invalidity, {}, has not come yet",
                rfc3339(date)
            ),
            hint: "give the moment since when the certificate was not to be trusted".into(),
        });
    }
    let mut authority = from.open_all(now)?;
    let next_update = crl::next_update(None, from.directory)?;
    let select = |meant: Meant, target: &OsStr, search: &Search<'_>| match meant {
        Meant::One(entry) => Ok(vec![*entry]),
        Meant::Many(entries) => live(entries, target, request.all, search),
    };
    if request.dry_run {
        let entries = selected(&request.targets, &mut authority, from, select, now)?;
        return Ok(Report::unmade(entries, revocation, now));
    }
    let lock = Lock::acquire(from.directory)?;
    let carried_over = carry_over(&mut authority, from)?;
    let entries = selected(&request.targets, &mut authority, from, select, now)?;
    let serials: Vec<SerialNumber> = entries.iter().map(|entry| entry.serial.clone()).collect();
    let changes = recording(&mut authority)?.revoke_all(&serials, revocation)?;
    let publication = crl::publish(&mut authority, &lock, next_update, now)?;
    let report = Report::of(entries, &changes, revocation, publication.lists, now);
    Ok(report.with_warning(carried_over))
}

/// Takes the hold on certificates back, and publishes a new list. Refuses what was revoked for good.
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
    let select = |meant: Meant, target: &OsStr, search: &Search<'_>| match meant {
        Meant::One(entry) => Ok(vec![*entry]),
        Meant::Many(entries) => on_hold(entries, target, request.all, search),
    };
    let lock = if request.dry_run {
        None
    } else {
        Some(Lock::acquire(from.directory)?)
    };
    let carried_over = match lock {
        Some(_) => carry_over(&mut authority, from)?,
        None => None,
    };
    let entries = selected(&request.targets, &mut authority, from, select, now)?;
    let is_final = |revocation: &Revocation| revocation.reason != RevocationReason::CertificateHold;
    let refused = entries
        .iter()
        .find_map(|entry| Some((entry, entry.revocation.filter(is_final)?)));
    if let Some((entry, revocation)) = refused {
        return Ok(Outcome::Refused(refusal(entry, revocation)));
    }
    let Some(lock) = lock else {
        return Ok(Outcome::Done(Report::unrevoked(entries, Vec::new(), true)));
    };
    for entry in entries.iter().filter(|entry| entry.revocation.is_some()) {
        recording(&mut authority)?.unrevoke(&entry.serial)?;
    }
    let publication = crl::publish(&mut authority, &lock, next_update, now)?;
    let report = Report::unrevoked(entries, publication.lists, false);
    Ok(Outcome::Done(report.with_warning(carried_over)))
}

/// Records what the published CRLs show and the inventory does not, before anything else changes; a
/// warning when there was such a revocation.
fn carry_over(authority: &mut Authority, from: &AuthorityAt<'_>) -> Result<Option<String>, Error> {
    let (issuing, inventory) = authority.issuing();
    let inventory = inventory.ok_or_else(crl::no_inventory)?;
    let authorities: Vec<_> = issuing.iter().map(|one| one.certificate).collect();
    let count = crl::carry_over(from.directory, &authorities, inventory.as_mut())?;
    Ok((count > 0).then(|| crl::carried_over(count)))
}

/// The certificates that every target stands for, each once.
fn selected(
    targets: &[OsString],
    authority: &mut Authority,
    from: &AuthorityAt<'_>,
    select: impl Fn(Meant, &OsStr, &Search<'_>) -> Result<Vec<Entry>, Error>,
    now: OffsetDateTime,
) -> Result<Vec<Entry>, Error> {
    let certificate = authority.certificate().clone();
    let inventory: &dyn Inventory = &**recording(authority)?;
    let search = Search {
        path: from.inventory_path(),
        inventory,
        authority: &certificate,
        now,
    };
    let mut entries: Vec<Entry> = Vec::new();
    let mut seen = std::collections::HashSet::new();
    for target in targets {
        let meant = search.meant(target)?;
        for entry in select(meant, target, &search)? {
            if seen.insert(entry.serial.clone()) {
                entries.push(entry);
            }
        }
    }
    Ok(entries)
}

/// Of the certificates of one name or key those that are live; when none is, the one that was revoked last.
fn live(
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
    match last {
        Some(entry) => Ok(vec![entry]),
        None => Err(SelectionError::Expired {
            text: target.to_string_lossy().into_owned(),
        }
        .into()),
    }
}

/// Of the certificates of one name or key those on hold; when none is, the only one there is.
fn on_hold(
    entries: Vec<Entry>,
    target: &OsStr,
    all: bool,
    search: &Search<'_>,
) -> Result<Vec<Entry>, Error> {
    let is_held = |entry: &Entry| {
        entry
            .revocation
            .is_some_and(|revocation| revocation.reason == RevocationReason::CertificateHold)
    };
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
            "{} was revoked on {} ({}): only a certificate on hold can be taken back",
            entry.serial,
            rfc3339(revocation.at),
            revocation.reason
        ),
        "issue a new certificate in its place",
    )
}

/// The inventory of an authority.
fn recording(authority: &mut Authority) -> Result<&mut Box<dyn Inventory>, Error> {
    authority.split().1.ok_or_else(crl::no_inventory)
}
