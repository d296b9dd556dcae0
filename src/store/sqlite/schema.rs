//! The tables, and how older ones become them.

use rusqlite::Connection;

use super::StoreError;
use super::place::Place;

/// What became of looking at the schema.
pub(super) enum Version {
    /// It is the newest.
    Current,
    /// It is this many migrations old.
    Behind(usize),
}

/// How the schema in a database relates to ours.
///
/// # Errors
/// When the database is not ours, is newer than this program, or cannot be read.
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

/// Runs the last `behind` migrations. To be called within a transaction.
pub(super) fn migrate(connection: &Connection, behind: usize) -> rusqlite::Result<()> {
    for (i, migration) in MIGRATIONS
        .iter()
        .enumerate()
        .skip(MIGRATIONS.len() - behind)
    {
        connection.execute_batch(migration)?;
        connection.pragma_update(None, "user_version", i as i64 + 1)?;
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

/// An empty inventory as the first version of this program made it.
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

/// Says that a SQLite file is one of ours: `OACI`, OpenAgents certificate inventory.
const APPLICATION_ID: i64 = 0x4f41_4349;

/// Where the write and the read version stand in a database file, and what they are for a file in
/// WAL mode (<https://www.sqlite.org/fileformat2.html#the_database_header>).
const FORMAT_VERSIONS: std::ops::Range<usize> = 18..20;
const WAL_FORMAT: u8 = 2;

/// Each makes the schema of one version from that of the version before. They are only ever added
/// to: a database in use has run the older ones.
///
/// Serial numbers are the octets they are shown with; times are seconds since 1970; names are one
/// to a line. `directory` has every directory that `entry` names. The ledger has one row; its `changes` are those that add no entry.
const MIGRATIONS: [&str; 4] = [
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
];
