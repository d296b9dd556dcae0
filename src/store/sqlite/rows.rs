//! Entries as rows.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

use rusqlite::types::Type;
use rusqlite::{Connection, Row, Statement, params};
use time::OffsetDateTime;

use super::super::filter::common_name;
use super::super::{
    BatchRow, Document, DocumentKind, Entry, Labels, Output, Revocation, RevokedCertificate,
    recorded_names,
};
use crate::pki::crl::RevocationReason;
use crate::pki::fingerprint::Fingerprint;
use crate::pki::name::DistinguishedName;
use crate::pki::san::SubjectAltName;
use crate::pki::serial::SerialNumber;
use crate::pki::validity::Validity;

/// The columns [`entry`] reads, in its order.
pub(super) const COLUMNS: &str = "serial, not_before, not_after, revoked_at, revocation_reason, \
     invalidity_date, profile, names, subject, issuer, issuer_fingerprint, fingerprint, key_type, \
     directory, base, requested_by, note, issued_at, manifest, manifest_row, certificate, replaces, \
     public_key, labels, superseded_by, retired_at";

/// The column behind them, where a query asks for the id.
pub(super) const ID: usize = 26;

/// Adds one entry; [`insert`] binds its parameters.
pub(super) const INSERT: &str = "INSERT INTO entry (serial, not_before, not_after, revoked_at, \
     revocation_reason, profile, names, subject, issuer, issuer_fingerprint, fingerprint, key_type, \
     directory, base, requested_by, note, issued_at, manifest, manifest_row, certificate, common_name, replaces, invalidity_date, \
     public_key, labels, superseded_by, retired_at) \
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, \
     ?24, ?25, ?26, ?27)";

/// Adds one entry with the statement [`INSERT`].
pub(super) fn insert(statement: &mut Statement<'_>, entry: &Entry) -> rusqlite::Result<()> {
    let names: Vec<String> = entry.names.iter().map(ToString::to_string).collect();
    let (output, batch) = (entry.output.as_ref(), entry.batch.as_ref());
    statement.execute(params![
        entry.serial.shown_bytes(),
        entry.validity.not_before().unix_timestamp(),
        entry.validity.not_after().unix_timestamp(),
        entry
            .revocation
            .map(|revocation| revocation.at.unix_timestamp()),
        entry.revocation.map(|revocation| revocation.reason.code()),
        entry.profile,
        names.join("\n"),
        entry.subject.as_der(),
        entry.issuer.as_der(),
        entry.issuer_fingerprint.as_bytes(),
        entry.fingerprint.as_bytes(),
        entry.key_type,
        output.map(|output| output.directory.as_os_str().as_bytes()),
        output.map(|output| &output.base),
        entry.requested_by,
        entry.note,
        entry.issued_at.unix_timestamp(),
        batch.map(|batch| batch.manifest.as_bytes()),
        batch
            .map(|batch| i64::try_from(batch.row))
            .transpose()
            .map_err(conversion(18, Type::Integer))?,
        entry.certificate,
        common_name(entry),
        entry.replaces.as_ref().map(SerialNumber::shown_bytes),
        entry
            .revocation
            .and_then(|revocation| revocation.invalidity_date)
            .map(OffsetDateTime::unix_timestamp),
        entry.public_key.as_bytes(),
        entry.labels.lines(),
        entry.superseded_by.as_ref().map(SerialNumber::shown_bytes),
        entry.retired_at.map(OffsetDateTime::unix_timestamp),
    ])?;
    Ok(())
}

/// Adds the directories that entries were written to.
pub(super) fn insert_directories(
    transaction: &Connection,
    entries: &[Entry],
) -> rusqlite::Result<()> {
    let outputs = entries.iter().filter_map(|entry| entry.output.as_ref());
    let directories: BTreeSet<&Path> = outputs.map(|output| output.directory.as_path()).collect();
    let mut statement =
        transaction.prepare_cached("INSERT OR IGNORE INTO directory (path) VALUES (?1)")?;
    for directory in directories {
        statement.execute([directory.as_os_str().as_bytes()])?;
    }
    Ok(())
}

/// Keeps a revocation whose certificate has no entry; the first one counts. False when there is one.
pub(super) fn insert_carried_over(
    transaction: &Connection,
    revoked: &RevokedCertificate,
) -> rusqlite::Result<bool> {
    let revocation = revoked.revocation;
    let added = transaction
        .prepare_cached("INSERT OR IGNORE INTO carried_over VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?
        .execute(params![
            revoked.serial.shown_bytes(),
            revocation.at.unix_timestamp(),
            revocation.reason.code(),
            revocation
                .invalidity_date
                .map(OffsetDateTime::unix_timestamp),
            revoked.not_after.unix_timestamp(),
            revoked.issuer_fingerprint.as_bytes(),
        ])?;
    Ok(added > 0)
}

/// Adds a document unless there is one; gives 1 or 0.
pub(super) fn insert_document(
    transaction: &Connection,
    document: &Document,
) -> rusqlite::Result<usize> {
    let expires_at = document.expires_at.map(OffsetDateTime::unix_timestamp);
    transaction
        .prepare_cached(
            "INSERT INTO document (kind, key, version, owner, expires_at, content) \
             VALUES (?1, ?2, 1, ?3, ?4, ?5) ON CONFLICT DO NOTHING",
        )?
        .execute(params![
            document.kind.name(),
            document.key,
            document.owner,
            expires_at,
            document.content
        ])
}

/// Replaces a document if it has that version; gives 1 or 0.
pub(super) fn update_document(
    transaction: &Connection,
    document: &Document,
) -> rusqlite::Result<usize> {
    let version = i64::try_from(document.version).unwrap_or(i64::MAX);
    let expires_at = document.expires_at.map(OffsetDateTime::unix_timestamp);
    transaction
        .prepare_cached(
            "UPDATE document SET version = version + 1, owner = ?4, expires_at = ?5, content = ?6 \
             WHERE kind = ?1 AND key = ?2 AND version = ?3",
        )?
        .execute(params![
            document.kind.name(),
            document.key,
            version,
            document.owner,
            expires_at,
            document.content
        ])
}

/// The document in a row of key, version, owner, expiry and content.
pub(super) fn document(row: &Row<'_>, kind: DocumentKind) -> rusqlite::Result<Document> {
    Ok(Document {
        kind,
        key: row.get(0)?,
        version: count(row, 1)?,
        owner: row.get(2)?,
        expires_at: optional(row, 3, moment)?,
        content: row.get(4)?,
    })
}

/// The directory in a column.
pub(super) fn directory(row: &Row<'_>, column: usize) -> rusqlite::Result<PathBuf> {
    Ok(PathBuf::from(OsString::from_vec(row.get(column)?)))
}

/// The entry in a row of [`COLUMNS`].
pub(super) fn entry(row: &Row<'_>) -> rusqlite::Result<Entry> {
    let validity = Validity::between(moment(row, 1)?, moment(row, 2)?);
    Ok(Entry {
        serial: serial(row, 0)?,
        validity: validity.map_err(conversion(2, Type::Integer))?,
        revocation: revocation(row, 3)?,
        profile: row.get(6)?,
        names: names(row, 7)?,
        subject: DistinguishedName::from_der(octets(row, 8)?),
        issuer: DistinguishedName::from_der(octets(row, 9)?),
        issuer_fingerprint: Fingerprint::from_bytes(octets(row, 10)?),
        fingerprint: Fingerprint::from_bytes(octets(row, 11)?),
        key_type: row.get(12)?,
        output: output(row, 13)?,
        requested_by: row.get(15)?,
        note: row.get(16)?,
        issued_at: moment(row, 17)?,
        batch: batch(row, 18)?,
        certificate: row.get(20)?,
        replaces: optional(row, 21, serial)?,
        public_key: Fingerprint::from_bytes(octets(row, 22)?),
        labels: optional(row, 23, |row, column| {
            row.get(column)
                .map(|text: String| Labels::from_lines(&text))
        })?
        .unwrap_or_default(),
        superseded_by: optional(row, 24, serial)?,
        retired_at: optional(row, 25, moment)?,
    })
}

/// The revoked certificate in a row of serial number, revocation, notAfter and issuer's fingerprint.
pub(super) fn revoked(row: &Row<'_>) -> rusqlite::Result<RevokedCertificate> {
    Ok(RevokedCertificate {
        serial: serial(row, 0)?,
        revocation: revocation(row, 1)?.ok_or_else(|| conversion(1, Type::Null)(NotRevoked))?,
        not_after: moment(row, 4)?,
        issuer_fingerprint: Fingerprint::from_bytes(octets(row, 5)?),
    })
}

/// The number in a column, at least 0.
pub(super) fn count(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    let number: i64 = row.get(column)?;
    u64::try_from(number).map_err(conversion(column, Type::Integer))
}

/// The serial number in a column.
pub(super) fn serial(row: &Row<'_>, column: usize) -> rusqlite::Result<SerialNumber> {
    let shown = octets(row, column)?;
    Ok(if shown.first().is_some_and(|first| first & 0x80 != 0) {
        SerialNumber::from_der_content(&[&[0], shown].concat())
    } else {
        SerialNumber::from_der_content(shown)
    })
}

/// The revocation in this column and the next two.
pub(super) fn revocation(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Revocation>> {
    if row.get_ref(column)?.data_type() == Type::Null {
        return Ok(None);
    }
    let code: u8 = row.get(column + 1)?;
    let reason = RevocationReason::from_code(code).ok_or(
        rusqlite::Error::IntegralValueOutOfRange(column + 1, code.into()),
    )?;
    Ok(Some(Revocation {
        at: moment(row, column)?,
        reason,
        invalidity_date: optional(row, column + 2, moment)?,
    }))
}

/// The moment in a column.
pub(super) fn moment(row: &Row<'_>, column: usize) -> rusqlite::Result<OffsetDateTime> {
    OffsetDateTime::from_unix_timestamp(row.get(column)?).map_err(conversion(column, Type::Integer))
}

/// What `read` finds in a column; `None` when it is NULL.
pub(super) fn optional<T>(
    row: &Row<'_>,
    column: usize,
    read: impl Fn(&Row<'_>, usize) -> rusqlite::Result<T>,
) -> rusqlite::Result<Option<T>> {
    match row.get_ref(column)?.data_type() {
        Type::Null => Ok(None),
        Type::Integer | Type::Real | Type::Text | Type::Blob => read(row, column).map(Some),
    }
}

/// The bytes in a column, borrowed from the database.
fn octets<'row>(row: &'row Row<'_>, column: usize) -> rusqlite::Result<&'row [u8]> {
    let value = row.get_ref(column)?;
    value.as_blob().map_err(|source| {
        rusqlite::Error::FromSqlConversionFailure(column, value.data_type(), source.into())
    })
}

fn names(row: &Row<'_>, column: usize) -> rusqlite::Result<Vec<SubjectAltName>> {
    let text: String = row.get(column)?;
    recorded_names(&text).ok_or_else(|| conversion(column, Type::Text)(UnknownName))
}

fn output(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Output>> {
    optional(row, column, |row, column| {
        Ok(Output {
            directory: directory(row, column)?,
            base: row.get(column + 1)?,
        })
    })
}

fn batch(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<BatchRow>> {
    optional(row, column, |row, column| {
        Ok(BatchRow {
            manifest: Fingerprint::from_bytes(octets(row, column)?),
            row: count(row, column + 1)?,
        })
    })
}

/// A line of the names that no version of this program wrote.
#[derive(Debug, thiserror::Error)]
#[error("not a name")]
struct UnknownName;

/// A row of a query for revoked certificates that is not revoked.
#[derive(Debug, thiserror::Error)]
#[error("not revoked")]
struct NotRevoked;

pub(super) fn conversion<E: std::error::Error + Send + Sync + 'static>(
    column: usize,
    kind: Type,
) -> impl Fn(E) -> rusqlite::Error {
    move |source| rusqlite::Error::FromSqlConversionFailure(column, kind, Box::new(source))
}
