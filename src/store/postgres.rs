//! The inventory in a PostgreSQL database, which several machines share.
//!
//! **Cost of a certificate.** One statement records it, its names and its directory: one exchange with the server, one
//! commit. What comes again on a connection is prepared.
//!
//! **Faults.** An answer is waited for for seconds, not for ever, and a broken connection is replaced by the next use.
//! Reading is tried again then; a change is not, for it may have happened: [`transaction`] finds out.
//!
//! **Long lists** come in pages, so that no statement takes long, memory stays small, and a visitor may ask the
//! inventory something itself.

mod address;
mod query;
mod rows;
mod schema;
mod session;
mod tls;
mod transaction;

use std::cell::RefCell;
use std::collections::HashMap;
use std::iter::Peekable;
use std::ops::ControlFlow;
use std::os::unix::ffi::OsStringExt as _;
use std::path::PathBuf;
use std::sync::LazyLock;
use std::time::Duration;

use time::OffsetDateTime;
use tokio_postgres::Row;
use tokio_postgres::types::Type;

use address::Address;
use query::Query;
use rows::Unreadable;
use session::{ANSWER_TIME, Failed, Parameter, Session, Waiting};

use super::filter::index_key;
use super::revocation::without_hold;
use super::{
    AuthorityRecord, Counts, Document, DocumentKind, Entry, Fault, Filter, Inventory, Opening,
    Revocation, RevocationChange, RevokedCertificate, StoreError, untyped,
};
use crate::pki::fingerprint::Fingerprint;
use crate::pki::serial::SerialNumber;

/// The inventory in one schema of a database.
#[derive(Debug)]
pub(super) struct Postgres {
    address: Address,
    session: RefCell<Option<Session>>,
    /// Ends after the session.
    waiting: Waiting,
    /// The transaction that is open.
    open: Option<Open>,
    depth: usize,
}

/// An open transaction.
#[derive(Debug)]
struct Open {
    /// The server's number of it.
    id: String,
    /// A certificate that is recorded in it.
    recorded: Option<SerialNumber>,
}

/// The address in a URL as messages show it.
pub(super) fn shown(url: &str, variables: address::Variables<'_>) -> Result<String, StoreError> {
    Ok(Address::read(url, variables)?.shown)
}

impl Postgres {
    /// The inventory in the database with this URL.
    ///
    /// # Errors
    /// As [`super::open_server`].
    pub(super) fn open(
        url: &str,
        variables: address::Variables<'_>,
        opening: Opening,
    ) -> Result<Self, StoreError> {
        let address = Address::read(url, variables)?;
        let waiting = Waiting::new(&address.shown)?;
        let session = Session::open(&waiting, &address)?;
        let postgres = Postgres {
            address,
            session: RefCell::new(Some(session)),
            waiting,
            open: None,
            depth: 0,
        };
        postgres.set_up(opening)?;
        Ok(postgres)
    }

    /// The address, for messages.
    fn shown(&self) -> &str {
        &self.address.shown
    }

    fn fault(&self, fault: Fault, what: impl Into<String>) -> StoreError {
        StoreError::Server {
            store: self.shown().to_owned(),
            fault,
            what: what.into(),
        }
    }

    fn close(&self) {
        self.session.replace(None);
    }

    /// Does something on the connection: a new one when the old one is broken and no transaction was open on it.
    fn on_session<T>(
        &self,
        work: impl FnOnce(&Session, &Waiting) -> Result<T, Failed>,
    ) -> Result<Result<T, Failed>, StoreError> {
        if self.open.is_none() {
            let session = self.session.borrow();
            let is_alive = session
                .as_ref()
                .is_some_and(|session| session.is_alive(&self.waiting));
            drop(session);
            if !is_alive {
                self.close();
                let session = Session::open(&self.waiting, &self.address)?;
                self.session.replace(Some(session));
                self.set_up(Opening::MustExist)
                    .inspect_err(|_| self.close())?;
            }
        }
        let done = match &*self.session.borrow() {
            Some(session) => work(session, &self.waiting),
            None => return Err(self.fault(Fault::Unreachable, "the connection was closed")),
        };
        if matches!(&done, Err(failed) if failed.is_broken()) {
            self.close();
        }
        Ok(done)
    }

    /// The rows of a query that changes nothing: asked again when the connection breaks.
    fn rows(&self, text: &str, parameters: &[Parameter<'_>]) -> Result<Vec<Row>, StoreError> {
        let run = || self.on_session(|session, waiting| session.rows(waiting, text, parameters));
        self.twice(run)
    }

    /// The same of a query that comes again.
    fn again(
        &self,
        text: &'static str,
        parameters: &[Parameter<'_>],
    ) -> Result<Vec<Row>, StoreError> {
        let run = || self.on_session(|session, waiting| session.again(waiting, text, parameters));
        self.twice(run)
    }

    fn twice<T>(
        &self,
        run: impl Fn() -> Result<Result<T, Failed>, StoreError>,
    ) -> Result<T, StoreError> {
        match run()? {
            Err(failed @ Failed::Refused(_)) if self.open.is_none() && failed.is_broken() => {
                run()?.map_err(|failed| failed.explain(self.shown()))
            }
            done => done.map_err(|failed| failed.explain(self.shown())),
        }
    }

    /// Changes something with one statement, and gives its rows.
    fn change(
        &self,
        text: &'static str,
        parameters: &[Parameter<'_>],
    ) -> Result<Vec<Row>, StoreError> {
        let done = self.on_session(|session, waiting| session.again(waiting, text, parameters))?;
        done.map_err(|failed| failed.explain(self.shown()))
    }

    /// Runs statements, and gives the columns of the last row.
    fn batch(&self, text: &str) -> Result<Vec<Option<String>>, StoreError> {
        self.batch_within(text, ANSWER_TIME)
    }

    fn batch_within(&self, text: &str, limit: Duration) -> Result<Vec<Option<String>>, StoreError> {
        let done = match &*self.session.borrow() {
            Some(session) => session.batch(&self.waiting, text, limit),
            None => return Err(self.fault(Fault::Unreachable, "the connection was closed")),
        };
        if matches!(&done, Err(failed) if failed.is_broken()) {
            self.close();
        }
        done.map_err(|failed| failed.explain(self.shown()))
    }

    fn read<T>(&self, read: Result<T, Unreadable>) -> Result<T, StoreError> {
        read.map_err(|what| StoreError::Damaged {
            path: self.shown().into(),
            what,
        })
    }

    fn read_all<T>(
        &self,
        rows: &[Row],
        read: impl Fn(&Row) -> Result<T, Unreadable>,
    ) -> Result<Vec<T>, StoreError> {
        rows.iter().map(|row| self.read(read(row))).collect()
    }

    fn entries(
        &self,
        condition: &str,
        parameters: &[Parameter<'_>],
    ) -> Result<Vec<Entry>, StoreError> {
        let query = format!("SELECT {} FROM certs_entry {condition}", rows::COLUMNS);
        self.read_all(&self.rows(&query, parameters)?, rows::entry)
    }

    /// A number that one statement gives.
    fn number(&self, text: &'static str) -> Result<u64, StoreError> {
        let found = self.again(text, &[])?;
        self.read(found.first().map_or(Ok(0), |row| rows::count(row, 0)))
    }

    /// The first of these serial numbers that is taken.
    fn taken(&self, entries: &[Entry]) -> Result<Option<SerialNumber>, StoreError> {
        let serials: Vec<_> = entries.iter().map(|entry| &entry.serial).collect();
        let mut seen = std::collections::HashSet::new();
        let found = self.find_each(&serials)?;
        let mut all = serials.into_iter().zip(found);
        let taken = all.find(|(serial, found)| found.is_some() || !seen.insert(*serial));
        Ok(taken.map(|(serial, _)| serial.clone()))
    }

    /// Changes how the revocations of certificates stand, as `decide` says of each.
    fn change_revocations(
        &mut self,
        serials: &[SerialNumber],
        decide: impl Fn(usize, Option<Revocation>) -> (RevocationChange, Option<Revocation>),
    ) -> Result<Vec<RevocationChange>, StoreError> {
        self.change(COUNT_REVOCATIONS, &[])?;
        let octets: Vec<&[u8]> = serials.iter().map(SerialNumber::shown_octets).collect();
        let found = self.again(query::REVOCATIONS, &[(&octets, Type::BYTEA_ARRAY)])?;
        let mut standing: HashMap<Vec<u8>, Option<Revocation>> = HashMap::new();
        for row in &found {
            let serial: Vec<u8> = self.read(rows::get(row, 0))?;
            standing.insert(serial, self.read(rows::revocation(row, 1))?);
        }
        let mut changes = Vec::with_capacity(serials.len());
        let mut changed = HashMap::new();
        for (i, serial) in octets.iter().enumerate() {
            let Some(known) = standing.get_mut(*serial) else {
                changes.push(RevocationChange::Unknown);
                continue;
            };
            let (change, revocation) = decide(i, *known);
            if revocation != *known {
                *known = revocation;
                changed.insert(*serial, revocation);
            }
            changes.push(change);
        }
        if !changed.is_empty() {
            let moment = |moment: OffsetDateTime| moment.unix_timestamp();
            let of = |read: &dyn Fn(Revocation) -> Option<i64>| -> Vec<Option<i64>> {
                changed
                    .values()
                    .map(|revocation| revocation.and_then(read))
                    .collect()
            };
            let serials: Vec<&[u8]> = changed.keys().copied().collect();
            let at = of(&|revocation| Some(moment(revocation.at)));
            let reason = of(&|revocation| Some(revocation.reason.code().into()));
            let since = of(&|revocation| revocation.invalidity_date.map(moment));
            self.change(
                query::SET_REVOCATIONS,
                &[
                    (&serials, Type::BYTEA_ARRAY),
                    (&at, Type::INT8_ARRAY),
                    (&reason, Type::INT8_ARRAY),
                    (&since, Type::INT8_ARRAY),
                ],
            )?;
        }
        Ok(changes)
    }

    fn carried_over(&self, serial: Option<&[u8]>) -> Result<Vec<RevokedCertificate>, StoreError> {
        let found = self.again(query::CARRIED_OVER, &[(&serial, Type::BYTEA)])?;
        self.read_all(&found, rows::revoked)
    }
}

impl Inventory for Postgres {
    fn record(&mut self, entries: &[Entry]) -> Result<(), StoreError> {
        let Some(first) = entries.first() else {
            return Ok(());
        };
        let columns = rows::Columns::of(entries);
        let parameters = columns.parameters();
        let insert = |this: &Self| {
            this.on_session(|session, waiting| session.again(waiting, &INSERT, &parameters))
        };
        let failed = if self.open.is_some() {
            // A statement that fails in a transaction takes it along, but for a savepoint.
            self.batch("SAVEPOINT entries")?;
            let done = insert(self)?;
            let end = match &done {
                Ok(_) => "RELEASE entries",
                Err(_) => "ROLLBACK TO entries; RELEASE entries",
            };
            if !matches!(&done, Err(failed) if failed.is_broken()) {
                self.batch(end)?;
            }
            if let Some(open) = self.open.as_mut().filter(|_| done.is_ok()) {
                open.recorded = Some(first.serial.clone());
            }
            done.err()
        } else {
            insert(self)?.err()
        };
        match failed {
            None => Ok(()),
            Some(failed) if failed.is_not_unique() => match self.taken(entries)? {
                Some(serial) => Err(StoreError::SerialTaken {
                    path: self.shown().into(),
                    serial,
                }),
                None => Err(failed.explain(self.shown())),
            },
            Some(failed) if failed.is_broken() && self.open.is_none() => {
                self.find_out(&failed, None, Some(&first.serial))
            }
            Some(failed) => Err(failed.explain(self.shown())),
        }
    }

    fn find(&self, serial: &SerialNumber) -> Result<Option<Entry>, StoreError> {
        let found = self.again(&FIND, &[(&serial.shown_octets(), Type::BYTEA)])?;
        let found = self.read_all(&found, rows::entry)?.pop();
        match found {
            Some(entry) if Fingerprint::sha256(&entry.certificate) != entry.fingerprint => self
                .read(Err(format!(
                    "the certificate {} is not what was recorded",
                    entry.serial
                ))),
            found => Ok(found),
        }
    }

    fn find_each(&self, serials: &[&SerialNumber]) -> Result<Vec<Option<Entry>>, StoreError> {
        let mut each = Vec::with_capacity(serials.len());
        for page in serials.chunks(PAGE) {
            let octets: Vec<&[u8]> = page.iter().map(|serial| serial.shown_octets()).collect();
            let found = self.entries("WHERE serial = ANY($1)", &[(&octets, Type::BYTEA_ARRAY)])?;
            let found: HashMap<SerialNumber, Entry> = found
                .into_iter()
                .map(|entry| (entry.serial.clone(), entry))
                .collect();
            each.extend(page.iter().map(|serial| found.get(serial).cloned()));
        }
        Ok(each)
    }

    fn find_by_public_key(&self, public_key: &Fingerprint) -> Result<Vec<Entry>, StoreError> {
        let key = public_key.as_bytes();
        self.entries("WHERE public_key = $1 ORDER BY id", &[(&key, Type::BYTEA)])
    }

    fn find_compromised(&self, public_key: &Fingerprint) -> Result<Option<Entry>, StoreError> {
        let key = public_key.as_bytes();
        let query = "WHERE public_key = $1 AND revocation_reason IN (1, 2) LIMIT 1";
        let found = self.entries(query, &[(&key, Type::BYTEA)])?;
        Ok(found.into_iter().next())
    }

    fn find_by_name(&self, name: &str, _now: OffsetDateTime) -> Result<Vec<Entry>, StoreError> {
        let keys = [
            rows::text(&index_key(name)),
            rows::text(&index_key(untyped(name))),
        ];
        let mut found = self.entries(
            "WHERE id = ANY(ARRAY(SELECT entry FROM certs_name WHERE name = ANY($1))) \
             ORDER BY not_after, not_before, id",
            &[(&keys.as_slice(), Type::TEXT_ARRAY)],
        )?;
        found.retain(|entry| entry.is_named(name));
        Ok(found)
    }

    fn directories(&self) -> Result<Vec<PathBuf>, StoreError> {
        let found = self.again("SELECT path FROM certs_directory ORDER BY path", &[])?;
        self.read_all(&found, |row| {
            let path: Vec<u8> = rows::get(row, 0)?;
            Ok(PathBuf::from(std::ffi::OsString::from_vec(path)))
        })
    }

    fn visit(
        &self,
        filter: &Filter,
        now: OffsetDateTime,
        visitor: &mut dyn FnMut(Entry) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        let mut left = filter.limit.unwrap_or(usize::MAX);
        let mut size = left.clamp(1, PAGE);
        let mut after = None;
        while left > 0 {
            let query = Query::page(filter, now, after, size);
            let found = self.rows(&query.text, &query.parameters())?;
            for row in &found {
                let entry = self.read(rows::entry(row))?;
                let number = |column| self.read(rows::get::<i64>(row, column));
                after = Some((number(2)?, number(1)?, number(ID)?));
                if filter.matches(&entry, now) {
                    left -= 1;
                    if visitor(entry).is_break() || left == 0 {
                        return Ok(());
                    }
                }
            }
            if found.len() < size {
                break;
            }
            size = PAGE;
        }
        Ok(())
    }

    fn counts(&self, now: OffsetDateTime) -> Result<Counts, StoreError> {
        let found = self.again(query::COUNTS, &[(&now.unix_timestamp(), Type::INT8)])?;
        let Some(row) = found.first() else {
            return Ok(Counts::default());
        };
        let count = |column| self.read(rows::count(row, column));
        Ok(Counts {
            valid: count(0)?,
            revoked: count(1)?,
            expired: count(2)?,
            not_yet_valid: count(3)?,
            on_hold: count(4)?,
            superseded: count(5)?,
            retired: count(6)?,
        })
    }

    fn rows_released(&self, manifest: &Fingerprint) -> Result<u64, StoreError> {
        let query = "SELECT rows FROM certs_batch WHERE manifest = $1";
        let found = self.again(query, &[(&manifest.as_bytes(), Type::BYTEA)])?;
        self.read(found.first().map_or(Ok(0), |row| rows::count(row, 0)))
    }

    fn note_rows_released(&mut self, manifest: &Fingerprint, rows: u64) -> Result<(), StoreError> {
        let rows = i64::try_from(rows).unwrap_or(i64::MAX);
        self.change(
            "INSERT INTO certs_batch (manifest, rows) VALUES ($1, $2)
            ON CONFLICT (manifest) DO UPDATE SET rows = $2",
            &[(&manifest.as_bytes(), Type::BYTEA), (&rows, Type::INT8)],
        )?;
        Ok(())
    }

    fn record_authority(
        &mut self,
        certificate: &[u8],
        created_at: OffsetDateTime,
    ) -> Result<(), StoreError> {
        self.transact(|this| {
            this.change(
                "INSERT INTO certs_authority (certificate, created_at, complete) SELECT $1, $2, false
                WHERE NOT EXISTS (SELECT FROM certs_authority WHERE certificate = $1)",
                &[
                    (&certificate, Type::BYTEA),
                    (&created_at.unix_timestamp(), Type::INT8),
                ],
            )
            .map(drop)
        })
    }

    fn complete_authority(&mut self, certificate: &[u8]) -> Result<bool, StoreError> {
        let changed = self.change(
            "UPDATE certs_authority SET complete = true WHERE certificate = $1 RETURNING id",
            &[(&certificate, Type::BYTEA)],
        )?;
        Ok(!changed.is_empty())
    }

    fn retire_authority(
        &mut self,
        certificate: &[u8],
        serials: &[SerialNumber],
        retired_at: OffsetDateTime,
    ) -> Result<bool, StoreError> {
        let retired_at = retired_at.unix_timestamp();
        let octets: Vec<&[u8]> = serials.iter().map(SerialNumber::shown_octets).collect();
        self.transact(|this| {
            this.change(
                "UPDATE certs_entry SET retired_at = $2 WHERE serial = ANY($1)",
                &[(&octets, Type::BYTEA_ARRAY), (&retired_at, Type::INT8)],
            )?;
            let changed = this.change(
                "UPDATE certs_authority SET retired_at = $2 WHERE certificate = $1 RETURNING id",
                &[(&certificate, Type::BYTEA), (&retired_at, Type::INT8)],
            )?;
            Ok(!changed.is_empty())
        })
    }

    fn authorities(&self) -> Result<Vec<AuthorityRecord>, StoreError> {
        let found = self.again(
            "SELECT certificate, created_at, complete, retired_at FROM certs_authority ORDER BY id",
            &[],
        )?;
        self.read_all(&found, |row| {
            Ok(AuthorityRecord {
                certificate: rows::get(row, 0)?,
                created_at: rows::moment(row, 1)?,
                complete: rows::get(row, 2)?,
                retired_at: rows::optional_moment(row, 3)?,
            })
        })
    }

    fn revoke_all(
        &mut self,
        serials: &[SerialNumber],
        revocation: Revocation,
    ) -> Result<Vec<RevocationChange>, StoreError> {
        self.transact(|this| {
            this.change_revocations(serials, |_, standing| {
                let (change, stands) = revocation.over(standing);
                (change, Some(stands))
            })
        })
    }

    fn unrevoke(&mut self, serial: &SerialNumber) -> Result<RevocationChange, StoreError> {
        let serials = std::slice::from_ref(serial);
        let changes = self.transact(|this| {
            this.change_revocations(serials, |_, standing| without_hold(standing))
        })?;
        Ok(changes
            .first()
            .copied()
            .unwrap_or(RevocationChange::Unknown))
    }

    fn revoked(
        &self,
        visitor: &mut dyn FnMut(RevokedCertificate) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        let mut carried: Peekable<_> = self.carried_over(None)?.into_iter().peekable();
        let mut after = (i64::MIN, i64::MIN);
        let limit = i64::try_from(PAGE).unwrap_or(i64::MAX);
        loop {
            let parameters: [Parameter<'_>; 3] = [
                (&after.0, Type::INT8),
                (&after.1, Type::INT8),
                (&limit, Type::INT8),
            ];
            let found = self.again(query::REVOKED, &parameters)?;
            for row in &found {
                let revoked = self.read(rows::revoked(row))?;
                after = (self.read(rows::get(row, 1))?, self.read(rows::get(row, 6))?);
                while let Some(earlier) =
                    carried.next_if(|one| one.revocation.at < revoked.revocation.at)
                {
                    if visitor(earlier).is_break() {
                        return Ok(());
                    }
                }
                if visitor(revoked).is_break() {
                    return Ok(());
                }
            }
            if found.len() < PAGE {
                break;
            }
        }
        // Whether the visitor breaks does not matter any more.
        let _ = carried.try_for_each(visitor);
        Ok(())
    }

    fn carry_over(
        &mut self,
        revoked: &[RevokedCertificate],
        crl_number: u64,
    ) -> Result<(), StoreError> {
        let crl_number = i64::try_from(crl_number).unwrap_or(i64::MAX);
        let serials: Vec<_> = revoked.iter().map(|one| one.serial.clone()).collect();
        self.transact(|this| {
            let changes = this.change_revocations(&serials, |i, standing| {
                let revocation = standing.unwrap_or(revoked[i].revocation);
                (RevocationChange::Done, Some(revocation))
            })?;
            let unknown: Vec<&RevokedCertificate> = revoked
                .iter()
                .zip(changes)
                .filter(|(_, change)| *change == RevocationChange::Unknown)
                .map(|(one, _)| one)
                .collect();
            this.add_carried_over(&unknown)?;
            this.change(
                "UPDATE certs_ledger SET crl_number = greatest(crl_number, $1)",
                &[(&crl_number, Type::INT8)],
            )
            .map(drop)
        })
    }

    fn find_carried_over(
        &self,
        serial: &SerialNumber,
    ) -> Result<Option<RevokedCertificate>, StoreError> {
        Ok(self.carried_over(Some(serial.shown_octets()))?.pop())
    }

    fn revocation_version(&self) -> Result<u64, StoreError> {
        self.number("SELECT revocations FROM certs_ledger")
    }

    fn crl_number(&self) -> Result<u64, StoreError> {
        self.number("SELECT crl_number FROM certs_ledger")
    }

    fn next_crl_number(&mut self, above: u64) -> Result<u64, StoreError> {
        let above = i64::try_from(above).unwrap_or(i64::MAX);
        let found = self.change(
            "UPDATE certs_ledger SET crl_number = greatest(crl_number, $1) + 1 RETURNING crl_number",
            &[(&above, Type::INT8)],
        )?;
        self.read(found.first().map_or(Ok(0), |row| rows::count(row, 0)))
    }

    fn document(&self, kind: DocumentKind, key: &str) -> Result<Option<Document>, StoreError> {
        let key = rows::text(key);
        let found = self.again(
            query::DOCUMENT,
            &[(&kind.name(), Type::TEXT), (&key, Type::TEXT)],
        )?;
        let found = self.read_all(&found, |row| rows::document(row, kind))?;
        Ok(found.into_iter().next())
    }

    fn put_document(&mut self, document: &Document) -> Result<bool, StoreError> {
        let version = i64::try_from(document.version).unwrap_or(i64::MAX);
        let expires_at = document.expires_at.map(OffsetDateTime::unix_timestamp);
        let kind = document.kind.name();
        let [key, owner] = [&document.key, &document.owner].map(|value| rows::text(value));
        let content = document.content.as_bytes();
        let mut parameters: Vec<Parameter<'_>> = vec![
            (&kind, Type::TEXT),
            (&key, Type::TEXT),
            (&owner, Type::TEXT),
            (&expires_at, Type::INT8),
            (&content, Type::BYTEA),
        ];
        let written = if version == 0 {
            self.change(query::ADD_DOCUMENT, &parameters)?
        } else {
            parameters.push((&version, Type::INT8));
            self.change(query::REPLACE_DOCUMENT, &parameters)?
        };
        Ok(!written.is_empty())
    }

    fn documents(
        &self,
        kind: DocumentKind,
        owner: Option<&str>,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Document>, StoreError> {
        let (name, after) = (kind.name(), rows::text(after.unwrap_or_default()));
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let owner = owner.map(rows::text);
        let mut parameters: Vec<Parameter<'_>> = vec![
            (&name, Type::TEXT),
            (&after, Type::TEXT),
            (&limit, Type::INT8),
        ];
        let found = match &owner {
            Some(owner) => {
                parameters.push((owner, Type::TEXT));
                self.again(query::DOCUMENTS_OF_OWNER, &parameters)?
            }
            None => self.again(query::DOCUMENTS, &parameters)?,
        };
        self.read_all(&found, |row| rows::document(row, kind))
    }

    fn remove_document(&mut self, kind: DocumentKind, key: &str) -> Result<bool, StoreError> {
        let key = rows::text(key);
        let removed = self.change(
            "DELETE FROM certs_document WHERE kind = $1 AND key = $2 RETURNING version",
            &[(&kind.name(), Type::TEXT), (&key, Type::TEXT)],
        )?;
        Ok(!removed.is_empty())
    }

    fn remove_expired(&mut self, now: OffsetDateTime, limit: usize) -> Result<u64, StoreError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let removed = self.change(
            query::REMOVE_EXPIRED,
            &[(&now.unix_timestamp(), Type::INT8), (&limit, Type::INT8)],
        )?;
        self.read(removed.first().map_or(Ok(0), |row| rows::count(row, 0)))
    }

    fn together(
        &mut self,
        work: &mut dyn FnMut(&mut dyn Inventory) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        self.transact(|this| work(this))
    }

    fn snapshot(&mut self) -> Result<Vec<u8>, StoreError> {
        Err(self.fault(Fault::Other, "no snapshot yet"))
    }
}

impl Postgres {
    fn add_carried_over(&self, revoked: &[&RevokedCertificate]) -> Result<(), StoreError> {
        let moment = |moment: OffsetDateTime| moment.unix_timestamp();
        let numbers = |of: &dyn Fn(&RevokedCertificate) -> Option<i64>| -> Vec<Option<i64>> {
            revoked.iter().map(|one| of(one)).collect()
        };
        let serials: Vec<&[u8]> = revoked
            .iter()
            .map(|one| one.serial.shown_octets())
            .collect();
        let at = numbers(&|one| Some(moment(one.revocation.at)));
        let reason = numbers(&|one| Some(one.revocation.reason.code().into()));
        let since = numbers(&|one| one.revocation.invalidity_date.map(moment));
        let end = numbers(&|one| Some(moment(one.not_after)));
        let issuers: Vec<&[u8]> = revoked
            .iter()
            .map(|one| one.issuer_fingerprint.as_bytes())
            .collect();
        self.change(
            query::ADD_CARRIED_OVER,
            &[
                (&serials, Type::BYTEA_ARRAY),
                (&at, Type::INT8_ARRAY),
                (&reason, Type::INT8_ARRAY),
                (&since, Type::INT8_ARRAY),
                (&end, Type::INT8_ARRAY),
                (&issuers, Type::BYTEA_ARRAY),
            ],
        )?;
        Ok(())
    }

    /// Commits, undoes and the like, where the caller wants to know how it failed.
    fn try_batch(&self, text: &str) -> Result<(), Failed> {
        let done = match &*self.session.borrow() {
            Some(session) => session.batch(&self.waiting, text, ANSWER_TIME),
            None => return Err(Failed::Slow),
        };
        done.map(drop)
    }
}

static INSERT: LazyLock<String> = LazyLock::new(rows::insert);
static FIND: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT {} FROM certs_entry WHERE serial = $1",
        rows::COLUMNS
    )
});

/// Says to those who keep statuses that some may have changed.
const COUNT_REVOCATIONS: &str = "UPDATE certs_ledger SET revocations = revocations + 1";
/// The column behind those of an entry.
const ID: usize = 26;
/// How many rows come at once.
const PAGE: usize = 1_000;
