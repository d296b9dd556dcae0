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
mod audit;
mod connection;
mod documents;
mod ends;
mod entries;
mod query;
mod revocations;
mod rows;
mod schema;
mod search;
mod session;
mod tls;
mod transaction;

use std::cell::RefCell;
use std::ops::ControlFlow;
use std::os::unix::ffi::OsStringExt as _;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock};

use time::OffsetDateTime;
use tokio_postgres::Row;
use tokio_postgres::types::Type;

use address::Address;
use rows::Unreadable;
use session::{ANSWER_TIME, Session, Waiting};

use super::revocation::without_hold;
use super::{
    Action, Actor, AuditEvent, AuditFilter, AuditRecord, AuthorityRecord, Counts, Document,
    DocumentKind, Ends, Entry, Fault, Filter, Inventory, Opening, Place, Revocation,
    RevocationChange, RevokedCertificate, Search, StoreError,
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
    /// Who changes it; `None` when nobody is to be told.
    actor: Option<Arc<Actor>>,
}

/// An open transaction.
#[derive(Debug, Default)]
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
            actor: Some(Arc::new(Actor::unknown())),
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

    /// A number that one statement gives.
    fn number(&self, text: &'static str) -> Result<u64, StoreError> {
        let found = self.again(text, &[])?;
        self.read(found.first().map_or(Ok(0), |row| rows::count(row, 0)))
    }
}

impl Inventory for Postgres {
    fn act_as(&mut self, actor: Option<Arc<Actor>>) -> Option<Arc<Actor>> {
        std::mem::replace(&mut self.actor, actor)
    }

    fn note(&mut self, event: AuditEvent) -> Result<(), StoreError> {
        self.tell([event])
    }

    fn keep_audit(&mut self, records: &[AuditRecord]) -> Result<(), StoreError> {
        self.keep_records(records)
    }

    fn audit(
        &self,
        filter: &AuditFilter,
        visitor: &mut dyn FnMut(AuditRecord) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        self.walk_audit(filter, visitor)
    }

    fn audit_after(&self, position: u64, limit: usize) -> Result<Vec<AuditRecord>, StoreError> {
        self.audit_behind(position, limit)
    }

    fn record_as(&mut self, entries: &[Entry], action: Action) -> Result<(), StoreError> {
        self.add(entries, action)
    }

    fn find(&self, serial: &SerialNumber) -> Result<Option<Entry>, StoreError> {
        let found = self.again(&FIND, &[(&serial.shown_bytes(), Type::BYTEA)])?;
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
        self.each_of(serials)
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
        self.named(name)
    }

    fn entries_after(&self, position: u64, limit: usize) -> Result<Vec<(u64, Entry)>, StoreError> {
        self.behind(position, limit)
    }

    fn remove_entries(&mut self, serials: &[SerialNumber]) -> Result<u64, StoreError> {
        self.drop_entries(serials)
    }

    fn check_indexes(&self) -> Result<Vec<String>, StoreError> {
        let found = self.rows(query::NAMES_ASTRAY, &[])?;
        let counts = self.read_all(&found, |row| rows::count(row, 0))?;
        let astray = counts.into_iter().filter(|count| *count > 0);
        Ok(astray
            .map(|count| format!("{count} indexed names have no certificate"))
            .collect())
    }

    fn manifests(&self) -> Result<Vec<(Fingerprint, u64)>, StoreError> {
        let found = self.again(
            "SELECT manifest, rows FROM certs_batch ORDER BY manifest",
            &[],
        )?;
        self.read_all(&found, |row| {
            let manifest: &[u8] = rows::get(row, 0)?;
            Ok((Fingerprint::from_bytes(manifest), rows::count(row, 1)?))
        })
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
        self.walk(filter, now, visitor)
    }

    fn page(
        &self,
        search: &Search,
        now: OffsetDateTime,
    ) -> Result<Vec<(Place, Entry)>, StoreError> {
        self.search(search, now)
    }

    fn counts(&self, now: OffsetDateTime) -> Result<Counts, StoreError> {
        self.count(now)
    }

    fn ends(&self, now: OffsetDateTime, days: u16) -> Result<Vec<Ends>, StoreError> {
        self.count_ends(now, days)
    }

    fn ending(
        &self,
        from: OffsetDateTime,
        until: OffsetDateTime,
        limit: usize,
    ) -> Result<Vec<Entry>, StoreError> {
        self.next_ends(from, until, limit)
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
            let added = this.change(
                "INSERT INTO certs_authority (certificate, created_at, complete) SELECT $1, $2, false
                WHERE NOT EXISTS (SELECT FROM certs_authority WHERE certificate = $1) RETURNING id",
                &[
                    (&certificate, Type::BYTEA),
                    (&created_at.unix_timestamp(), Type::INT8),
                ],
            )?;
            let event = || AuditEvent::authority(Action::CaCreated, certificate);
            this.tell((!added.is_empty()).then(event))
        })
    }

    fn complete_authority(&mut self, certificate: &[u8]) -> Result<bool, StoreError> {
        self.transact(|this| {
            let changed = this.change(
                "UPDATE certs_authority SET complete = true WHERE certificate = $1 AND NOT complete RETURNING id",
                &[(&certificate, Type::BYTEA)],
            )?;
            let event = || AuditEvent::authority(Action::CaActivated, certificate);
            this.tell((!changed.is_empty()).then(event))?;
            let query = "SELECT FROM certs_authority WHERE certificate = $1";
            Ok(!this.rows(query, &[(&certificate, Type::BYTEA)])?.is_empty())
        })
    }

    fn retire_authority(
        &mut self,
        certificate: &[u8],
        serials: &[SerialNumber],
        retired_at: OffsetDateTime,
    ) -> Result<bool, StoreError> {
        let retired_at = retired_at.unix_timestamp();
        let octets: Vec<&[u8]> = serials.iter().map(SerialNumber::shown_bytes).collect();
        self.transact(|this| {
            this.change(
                "UPDATE certs_entry SET retired_at = $2 WHERE serial = ANY($1)",
                &[(&octets, Type::BYTEA_ARRAY), (&retired_at, Type::INT8)],
            )?;
            let changed = this.change(
                "UPDATE certs_authority SET retired_at = $2 WHERE certificate = $1 RETURNING id",
                &[(&certificate, Type::BYTEA), (&retired_at, Type::INT8)],
            )?;
            let event = || AuditEvent::authority(Action::CaRetired, certificate);
            this.tell((!changed.is_empty()).then(event))?;
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
        self.walk_revoked(visitor)
    }

    fn carry_over(
        &mut self,
        revoked: &[RevokedCertificate],
        crl_number: u64,
    ) -> Result<(), StoreError> {
        self.take_over(revoked, crl_number)
    }

    fn find_carried_over(
        &self,
        serial: &SerialNumber,
    ) -> Result<Option<RevokedCertificate>, StoreError> {
        Ok(self.carried_over(Some(serial.shown_bytes()))?.pop())
    }

    fn revocation_version(&self) -> Result<u64, StoreError> {
        self.number("SELECT revocations FROM certs_ledger")
    }

    fn crl_number(&self) -> Result<u64, StoreError> {
        self.number("SELECT crl_number FROM certs_ledger")
    }

    fn next_crl_number(&mut self, above: u64) -> Result<u64, StoreError> {
        let above = i64::try_from(above).unwrap_or(i64::MAX);
        self.transact(|this| {
            let found = this.change(
                "UPDATE certs_ledger SET crl_number = greatest(crl_number, $1) + 1 RETURNING crl_number",
                &[(&above, Type::INT8)],
            )?;
            let number = this.read(found.first().map_or(Ok(0), |row| rows::count(row, 0)))?;
            this.tell([AuditEvent::crl(number)])?;
            Ok(number)
        })
    }

    fn document(&self, kind: DocumentKind, key: &str) -> Result<Option<Document>, StoreError> {
        self.read_document(kind, key)
    }

    fn put_document(&mut self, document: &Document) -> Result<bool, StoreError> {
        self.write_document(document)
    }

    fn documents(
        &self,
        kind: DocumentKind,
        owner: Option<&str>,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Document>, StoreError> {
        self.list_documents(kind, owner, after, limit)
    }

    fn remove_document(&mut self, kind: DocumentKind, key: &str) -> Result<bool, StoreError> {
        self.drop_document(kind, key)
    }

    fn remove_expired(&mut self, now: OffsetDateTime, limit: usize) -> Result<u64, StoreError> {
        self.drop_expired(now, limit)
    }

    fn together(
        &mut self,
        work: &mut dyn FnMut(&mut dyn Inventory) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        self.transact(|this| work(this))
    }

    fn snapshot(&mut self) -> Result<Vec<u8>, StoreError> {
        let failed = |source| StoreError::Io {
            action: "create a copy of",
            path: self.shown().into(),
            source,
        };
        let directory = tempfile::tempdir().map_err(failed)?;
        let mut file = super::open(&directory.path().join("inventory.db"), Opening::Create)?;
        // What others record meanwhile is not seen.
        self.on_session(|session, waiting| session.batch(waiting, SNAPSHOT, ANSWER_TIME))?
            .map_err(|failed| failed.explain(self.shown()))?;
        self.open = Some(Open::default());
        let copied = super::copy(self, &mut *file, &mut |_| {});
        let _ = self.batch("COMMIT");
        self.open = None;
        copied?;
        file.snapshot()
    }
}

static INSERT: LazyLock<String> = LazyLock::new(rows::insert);
static INSERT_AUDIT: LazyLock<String> = LazyLock::new(|| audit::insert(1));
static FIND: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT {} FROM certs_entry WHERE serial = $1",
        rows::COLUMNS
    )
});

/// Begins a transaction that sees one state.
const SNAPSHOT: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
/// Says to those who keep statuses that some may have changed.
const COUNT_REVOCATIONS: &str = "UPDATE certs_ledger SET revocations = revocations + 1";
/// The column behind those of an entry.
const ID: usize = 26;
/// How many rows come at once.
const PAGE: usize = 1_000;
