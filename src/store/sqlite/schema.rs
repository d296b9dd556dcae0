//! The tables, and the migrations from older ones.

use rusqlite::{Connection, OptionalExtension as _};

use super::place::Place;
use super::{StoreError, names};
use crate::pki::certificate::Certificate;
use crate::pki::fingerprint::Fingerprint;

/// The version of a schema.
pub(super) enum Version {
    /// The newest.
    Current,
    /// This many migrations older.
    Behind(usize),
}

/// The version of the schema in a database.
///
/// # Errors
/// When the database is not an inventory, is newer than this program, or cannot be read.
pub(super) fn version(connection: &Connection, place: &Place) -> Result<Version, StoreError> {
    let pragma = |name| {
        connection
            .pragma_query_value(None, name, |row| row.get::<_, i64>(0))
            .map_err(|source| place.explain(source))
    };
    if pragma("application_id")? != APPLICATION_ID {
        return Err(StoreError::Foreign {
            path: place.path.clone(),
        });
    }
    let found = pragma("user_version")?;
    let known = MIGRATIONS.len();
    match usize::try_from(found) {
        Ok(found) if found == known => Ok(Version::Current),
        Ok(found) if found < known => Ok(Version::Behind(known - found)),
        Ok(_) => Err(StoreError::Newer {
            path: place.path.clone(),
            found,
            known: known as i64,
        }),
        Err(_) => Err(StoreError::Damaged {
            path: place.path.clone(),
            what: format!("its schema version is {found}"),
        }),
    }
}

/// Runs the last `behind` migrations. Call it within a transaction.
pub(super) fn migrate(connection: &Connection, behind: usize) -> rusqlite::Result<()> {
    for (i, migration) in MIGRATIONS
        .iter()
        .enumerate()
        .skip(MIGRATIONS.len() - behind)
    {
        connection.execute_batch(migration)?;
        if i == PUBLIC_KEYS {
            fill_public_keys(connection)?;
        }
        if i == NAMES {
            names::fill(connection)?;
        }
        if i == LABELS {
            names::index_labels(connection)?;
        }
        connection.pragma_update(None, "user_version", i as i64 + 1)?;
    }
    Ok(())
}

/// Fills the column that a migration cannot compute in SQL.
fn fill_public_keys(connection: &Connection) -> rusqlite::Result<()> {
    let mut last = 0;
    let mut next = connection
        .prepare("SELECT id, certificate FROM entry WHERE id > ?1 ORDER BY id LIMIT 1")?;
    let mut set = connection.prepare("UPDATE entry SET public_key = ?2 WHERE id = ?1")?;
    let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?));
    while let Some((id, der)) = next.query_row([last], read).optional()? {
        // The key of a certificate that cannot be read is unknown: its fingerprint matches no key.
        let certificate: Vec<u8> = der;
        let key = match Certificate::from_der(certificate.clone()) {
            Ok(certificate) => Fingerprint::sha256(certificate.public_key_info()),
            Err(_) => Fingerprint::sha256(&certificate),
        };
        set.execute(rusqlite::params![id, key.as_bytes()])?;
        last = id;
    }
    Ok(())
}

/// An empty inventory of the newest schema, as the content of a database file in WAL mode.
pub(super) fn empty_database() -> rusqlite::Result<Vec<u8>> {
    let mut connection = Connection::open_in_memory()?;
    connection.pragma_update(None, "application_id", APPLICATION_ID)?;
    migrate(&connection, MIGRATIONS.len())?;
    let mut database = connection.serialize("main")?.to_vec();
    database[FORMAT_VERSIONS].fill(WAL_FORMAT);
    Ok(database)
}

/// An empty inventory as the first version of this program created it.
#[cfg(test)]
pub(super) fn first_database(path: &std::path::Path) -> Connection {
    let connection = Connection::open(path).unwrap();
    connection
        .pragma_update(None, "application_id", APPLICATION_ID)
        .unwrap();
    connection.execute_batch(MIGRATIONS[0]).unwrap();
    connection.pragma_update(None, "user_version", 1).unwrap();
    connection
}

/// Marks a SQLite file as an inventory: `OACI`, OpenAgents certificate inventory.
const APPLICATION_ID: i64 = 0x4f41_4349;

/// Where the write and the read version are in a database file, and their value for a file in WAL mode
/// (<https://www.sqlite.org/fileformat2.html#the_database_header>).
const FORMAT_VERSIONS: std::ops::Range<usize> = 18..20;
const WAL_FORMAT: u8 = 2;

/// Each turns the schema of one version into the next. Only ever add to them: databases in use have run
/// the older ones.
///
/// Serial numbers are the bytes they are displayed with; times are seconds since 1970; names and labels are
/// one per line. `directory` has every directory that `entry` names. The ledger has one row; its `changes`
/// are those that add no entry, its `revocations` those that may revoke or release one. The index of public keys covers their first 8 bytes, which is enough to find
/// a few candidates and keeps it small.
const MIGRATIONS: [&str; 12] = [
    "
    CREATE TABLE entry (
        id INTEGER PRIMARY KEY,
        serial BLOB NOT NULL,
        not_before INTEGER NOT NULL,
        not_after INTEGER NOT NULL,
        revoked_at INTEGER,
        revocation_reason INTEGER,
        profile TEXT NOT NULL,
        common_name TEXT NOT NULL,
        names TEXT NOT NULL,
        subject BLOB NOT NULL,
        issuer BLOB NOT NULL,
        issuer_fingerprint BLOB NOT NULL,
        fingerprint BLOB NOT NULL,
        key_type TEXT NOT NULL,
        directory BLOB,
        base TEXT,
        requested_by TEXT NOT NULL,
        note TEXT,
        issued_at INTEGER NOT NULL,
        manifest BLOB,
        manifest_row INTEGER,
        certificate BLOB NOT NULL
    ) STRICT;
    CREATE UNIQUE INDEX entry_serial ON entry (serial);
    CREATE INDEX entry_not_after ON entry (not_after, not_before);
    CREATE INDEX entry_revoked ON entry (revoked_at) WHERE revoked_at IS NOT NULL;
    CREATE TABLE batch (manifest BLOB PRIMARY KEY, rows INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE authority (
        id INTEGER PRIMARY KEY,
        certificate BLOB NOT NULL,
        created_at INTEGER NOT NULL,
        complete INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE ledger (changes INTEGER NOT NULL, crl_number INTEGER NOT NULL) STRICT;
    INSERT INTO ledger VALUES (0, 0);
",
    "
    ALTER TABLE entry ADD COLUMN replaces BLOB;
    CREATE TABLE directory (path BLOB PRIMARY KEY) STRICT, WITHOUT ROWID;
    INSERT INTO directory SELECT DISTINCT directory FROM entry WHERE directory IS NOT NULL;
",
    "ALTER TABLE entry ADD COLUMN invalidity_date INTEGER;",
    "
    CREATE TABLE carried_over (
        serial BLOB PRIMARY KEY,
        revoked_at INTEGER NOT NULL,
        revocation_reason INTEGER NOT NULL,
        invalidity_date INTEGER,
        not_after INTEGER NOT NULL,
        issuer_fingerprint BLOB NOT NULL
    ) STRICT, WITHOUT ROWID;
",
    "
    ALTER TABLE entry ADD COLUMN public_key BLOB NOT NULL DEFAULT x'';
    ALTER TABLE entry ADD COLUMN labels TEXT;
    ALTER TABLE entry ADD COLUMN superseded_by BLOB;
    ALTER TABLE entry ADD COLUMN retired_at INTEGER;
    ALTER TABLE authority ADD COLUMN retired_at INTEGER;
    UPDATE entry SET superseded_by = newer.serial
        FROM entry AS newer WHERE newer.replaces = entry.serial;
    CREATE INDEX entry_replaced ON entry (not_after, not_before, revoked_at, retired_at)
        WHERE superseded_by IS NOT NULL OR retired_at IS NOT NULL;
    CREATE INDEX entry_public_key ON entry (substr(public_key, 1, 8));
",
    "
    CREATE TABLE document (
        kind TEXT NOT NULL,
        key TEXT NOT NULL,
        version INTEGER NOT NULL,
        owner TEXT NOT NULL,
        expires_at INTEGER,
        content TEXT NOT NULL,
        PRIMARY KEY (kind, key)
    ) STRICT;
    CREATE INDEX document_owner ON document (kind, owner, key) WHERE owner <> '';
    CREATE INDEX document_expiry ON document (expires_at) WHERE expires_at IS NOT NULL;
",
    "ALTER TABLE ledger ADD COLUMN revocations INTEGER NOT NULL DEFAULT 0;",
    "CREATE INDEX entry_compromised ON entry (public_key) WHERE revocation_reason IN (1, 2);",
    "
    CREATE TABLE name (
        name TEXT NOT NULL,
        entry INTEGER NOT NULL,
        PRIMARY KEY (name, entry)
    ) STRICT, WITHOUT ROWID;
    CREATE VIRTUAL TABLE search USING fts5 (
        text, content = '', contentless_delete = 1, detail = 'none', tokenize = 'trigram case_sensitive 1'
    );
    ALTER TABLE ledger ADD COLUMN indexed INTEGER NOT NULL DEFAULT 0;
",
    "
    CREATE TABLE audit (
        id INTEGER PRIMARY KEY,
        at INTEGER NOT NULL,
        action TEXT NOT NULL,
        subject TEXT NOT NULL,
        serial BLOB,
        count INTEGER NOT NULL,
        details TEXT NOT NULL,
        actor TEXT NOT NULL,
        credential TEXT NOT NULL,
        origin TEXT NOT NULL
    ) STRICT;
    CREATE INDEX audit_time ON audit (at);
    CREATE INDEX audit_serial ON audit (serial) WHERE serial IS NOT NULL;
    CREATE INDEX audit_rare ON audit (action, at) WHERE action NOT IN ('issued', 'renewed');
    CREATE TRIGGER audit_stays BEFORE UPDATE ON audit
        BEGIN SELECT raise(ABORT, 'the audit trail is append-only'); END;
    CREATE TRIGGER audit_is_kept BEFORE DELETE ON audit
        BEGIN SELECT raise(ABORT, 'the audit trail is append-only'); END;
    CREATE TRIGGER audit_is_not_replaced BEFORE INSERT ON audit
        WHEN EXISTS (SELECT 1 FROM audit WHERE id = new.id)
        BEGIN SELECT raise(ABORT, 'the audit trail is append-only'); END;
",
    "
    INSERT INTO name SELECT '', id FROM entry WHERE id NOT IN (SELECT entry FROM name);
    CREATE INDEX entry_profile ON entry (profile);
    CREATE INDEX entry_fingerprint ON entry (substr(fingerprint, 1, 8));
",
    "
    CREATE INDEX entry_in_use ON entry (profile, not_after)
        WHERE revoked_at IS NULL AND superseded_by IS NULL AND retired_at IS NULL;
",
];

/// The migration that [`fill_public_keys`] belongs to.
const PUBLIC_KEYS: usize = 4;
/// The migration that [`names::fill`] belongs to.
const NAMES: usize = 8;
/// The migration that [`names::index_labels`] belongs to.
const LABELS: usize = 10;
