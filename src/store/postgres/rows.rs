//! Entries as rows.

use std::collections::HashMap;
use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::PathBuf;

use time::OffsetDateTime;
use tokio_postgres::Row;
use tokio_postgres::types::{FromSql, Type};

use super::super::filter::{index_names, searchable};
use super::super::{
    BatchRow, Document, DocumentKind, Entry, Labels, Output, Revocation, RevokedCertificate,
    recorded_names,
};
use super::audit;
use super::session::Parameter;
use crate::pki::crl::RevocationReason;
use crate::pki::fingerprint::Fingerprint;
use crate::pki::name::DistinguishedName;
use crate::pki::serial::SerialNumber;
use crate::pki::validity::Validity;

/// The columns [`entry`] reads and [`Columns`] writes, in their order.
pub(super) const COLUMNS: &str = "serial, not_before, not_after, revoked_at, revocation_reason, \
     invalidity_date, profile, names, subject, issuer, issuer_fingerprint, fingerprint, key_type, \
     directory, base, requested_by, note, issued_at, manifest, manifest_row, certificate, replaces, \
     public_key, labels, superseded_by, retired_at";

/// Adds entries, their names and directories, marks what they replace, and tells the audit trail.
pub(super) fn insert() -> String {
    format!(
        "WITH given AS (SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, \
            $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27) WITH ORDINALITY \
            AS given ({COLUMNS}, search, number)), \
        new AS (INSERT INTO certs_entry ({COLUMNS}, search) \
            SELECT {COLUMNS}, search FROM given ORDER BY number RETURNING id, serial), \
        directories AS (INSERT INTO certs_directory \
            SELECT DISTINCT directory FROM given WHERE directory IS NOT NULL ON CONFLICT DO NOTHING), \
        names AS (INSERT INTO certs_name SELECT n.name, new.id \
            FROM unnest($28, $29) AS n (serial, name) JOIN new USING (serial) ON CONFLICT DO NOTHING), \
        old AS (UPDATE certs_entry SET superseded_by = ($31::bytea[])[array_position($30, serial)] \
            WHERE serial = ANY($30)), \
        told AS ({}) \
        SELECT count(*) FROM new",
        audit::insert(32)
    )
}

/// Entries as columns, for [`insert`].
#[derive(Default)]
pub(super) struct Columns<'a> {
    serial: Vec<&'a [u8]>,
    not_before: Vec<i64>,
    not_after: Vec<i64>,
    revoked_at: Vec<Option<i64>>,
    revocation_reason: Vec<Option<i64>>,
    invalidity_date: Vec<Option<i64>>,
    profile: Vec<String>,
    names: Vec<String>,
    subject: Vec<&'a [u8]>,
    issuer: Vec<&'a [u8]>,
    issuer_fingerprint: Vec<&'a [u8]>,
    fingerprint: Vec<&'a [u8]>,
    key_type: Vec<String>,
    directory: Vec<Option<&'a [u8]>>,
    base: Vec<Option<String>>,
    requested_by: Vec<String>,
    note: Vec<Option<String>>,
    issued_at: Vec<i64>,
    manifest: Vec<Option<&'a [u8]>>,
    manifest_row: Vec<Option<i64>>,
    certificate: Vec<&'a [u8]>,
    replaces: Vec<Option<&'a [u8]>>,
    public_key: Vec<&'a [u8]>,
    labels: Vec<Option<String>>,
    superseded_by: Vec<Option<&'a [u8]>>,
    retired_at: Vec<Option<i64>>,
    search: Vec<String>,
    /// The names to index, each with its entry's serial number.
    name_of: Vec<&'a [u8]>,
    name: Vec<String>,
    /// The serial numbers of what is replaced, and of what replaces it.
    replaced: Vec<&'a [u8]>,
    replacing: Vec<&'a [u8]>,
}

impl<'a> Columns<'a> {
    /// The columns of entries that are recorded together.
    pub(super) fn of(entries: &'a [Entry]) -> Self {
        let mut columns = Columns::default();
        // The statement does not see the rows it adds: what replaces one of them is said here.
        let mut replaced_here = HashMap::new();
        for entry in entries {
            if let Some(old) = &entry.replaces {
                replaced_here.insert(old.shown_bytes(), entry.serial.shown_bytes());
                columns.replaced.push(old.shown_bytes());
                columns.replacing.push(entry.serial.shown_bytes());
            }
        }
        for entry in entries {
            columns.add(entry, &replaced_here);
        }
        columns
    }

    fn add(&mut self, entry: &'a Entry, replaced_here: &HashMap<&'a [u8], &'a [u8]>) {
        let serial = entry.serial.shown_bytes();
        let moment = |moment: OffsetDateTime| moment.unix_timestamp();
        let revocation = entry.revocation;
        let (output, batch) = (entry.output.as_ref(), entry.batch.as_ref());
        let superseded_by = entry.superseded_by.as_ref().map(SerialNumber::shown_bytes);
        self.serial.push(serial);
        self.not_before.push(moment(entry.validity.not_before()));
        self.not_after.push(moment(entry.validity.not_after()));
        self.revoked_at
            .push(revocation.map(|revocation| moment(revocation.at)));
        let reason = revocation.map(|revocation| revocation.reason.code().into());
        self.revocation_reason.push(reason);
        let since = revocation.and_then(|revocation| revocation.invalidity_date);
        self.invalidity_date.push(since.map(moment));
        self.profile.push(text(&entry.profile));
        let names: Vec<String> = entry.names.iter().map(ToString::to_string).collect();
        self.names.push(text(&names.join("\n")));
        self.subject.push(entry.subject.as_der());
        self.issuer.push(entry.issuer.as_der());
        self.issuer_fingerprint
            .push(entry.issuer_fingerprint.as_bytes());
        self.fingerprint.push(entry.fingerprint.as_bytes());
        self.key_type.push(text(&entry.key_type));
        self.directory
            .push(output.map(|output| output.directory.as_os_str().as_bytes()));
        self.base.push(output.map(|output| text(&output.base)));
        self.requested_by.push(text(&entry.requested_by));
        self.note.push(entry.note.as_deref().map(text));
        self.issued_at.push(moment(entry.issued_at));
        self.manifest
            .push(batch.map(|batch| batch.manifest.as_bytes()));
        let row = batch.map(|batch| i64::try_from(batch.row).unwrap_or(i64::MAX));
        self.manifest_row.push(row);
        self.certificate.push(&entry.certificate);
        self.replaces
            .push(entry.replaces.as_ref().map(SerialNumber::shown_bytes));
        self.public_key.push(entry.public_key.as_bytes());
        self.labels.push(entry.labels.lines().as_deref().map(text));
        self.superseded_by
            .push(replaced_here.get(serial).copied().or(superseded_by));
        self.retired_at.push(entry.retired_at.map(moment));
        self.search.push(text(&searchable(entry)));
        for name in index_names(entry) {
            self.name_of.push(serial);
            self.name.push(text(&name));
        }
    }

    pub(super) fn parameters(&self) -> Vec<Parameter<'_>> {
        const BYTES: Type = Type::BYTEA_ARRAY;
        const NUMBER: Type = Type::INT8_ARRAY;
        const TEXT: Type = Type::TEXT_ARRAY;
        vec![
            (&self.serial, BYTES),
            (&self.not_before, NUMBER),
            (&self.not_after, NUMBER),
            (&self.revoked_at, NUMBER),
            (&self.revocation_reason, NUMBER),
            (&self.invalidity_date, NUMBER),
            (&self.profile, TEXT),
            (&self.names, TEXT),
            (&self.subject, BYTES),
            (&self.issuer, BYTES),
            (&self.issuer_fingerprint, BYTES),
            (&self.fingerprint, BYTES),
            (&self.key_type, TEXT),
            (&self.directory, BYTES),
            (&self.base, TEXT),
            (&self.requested_by, TEXT),
            (&self.note, TEXT),
            (&self.issued_at, NUMBER),
            (&self.manifest, BYTES),
            (&self.manifest_row, NUMBER),
            (&self.certificate, BYTES),
            (&self.replaces, BYTES),
            (&self.public_key, BYTES),
            (&self.labels, TEXT),
            (&self.superseded_by, BYTES),
            (&self.retired_at, NUMBER),
            (&self.search, TEXT),
            (&self.name_of, BYTES),
            (&self.name, TEXT),
            (&self.replaced, BYTES),
            (&self.replacing, BYTES),
        ]
    }
}

/// Text as PostgreSQL can hold it.
pub(super) fn text(text: &str) -> String {
    text.replace('\0', NO_NUL.encode_utf8(&mut [0; 4]))
}

/// What stands for a NUL.
pub(super) const NO_NUL: char = '\u{fffd}';

/// Why a row cannot be read, as a clause.
pub(super) type Unreadable = String;

/// The entry in a row of [`COLUMNS`].
pub(super) fn entry(row: &Row) -> Result<Entry, Unreadable> {
    let validity = Validity::between(moment(row, 1)?, moment(row, 2)?);
    let directory: Option<Vec<u8>> = get(row, 13)?;
    let base: Option<String> = get(row, 14)?;
    let output = directory.zip(base).map(|(directory, base)| Output {
        directory: PathBuf::from(OsString::from_vec(directory)),
        base,
    });
    let manifest: Option<&[u8]> = get(row, 18)?;
    let number: Option<i64> = get(row, 19)?;
    let batch = manifest.zip(number).map(|(manifest, number)| BatchRow {
        manifest: Fingerprint::from_bytes(manifest),
        row: number.unsigned_abs(),
    });
    let names: &str = get(row, 7)?;
    Ok(Entry {
        serial: serial(get(row, 0)?),
        validity: validity.map_err(|error| error.to_string())?,
        revocation: revocation(row, 3)?,
        profile: get(row, 6)?,
        names: recorded_names(names).ok_or("a name is malformed")?,
        subject: DistinguishedName::from_der(get(row, 8)?),
        issuer: DistinguishedName::from_der(get(row, 9)?),
        issuer_fingerprint: fingerprint(row, 10)?,
        fingerprint: fingerprint(row, 11)?,
        key_type: get(row, 12)?,
        output,
        requested_by: get(row, 15)?,
        note: get(row, 16)?,
        issued_at: moment(row, 17)?,
        batch,
        certificate: get(row, 20)?,
        replaces: get::<Option<&[u8]>>(row, 21)?.map(serial),
        public_key: fingerprint(row, 22)?,
        labels: get::<Option<&str>>(row, 23)?
            .map(Labels::from_lines)
            .unwrap_or_default(),
        superseded_by: get::<Option<&[u8]>>(row, 24)?.map(serial),
        retired_at: optional_moment(row, 25)?,
    })
}

/// The revoked certificate in a row of serial number, revocation, notAfter and issuer's fingerprint.
pub(super) fn revoked(row: &Row) -> Result<RevokedCertificate, Unreadable> {
    Ok(RevokedCertificate {
        serial: serial(get(row, 0)?),
        revocation: revocation(row, 1)?.ok_or("a certificate is not revoked")?,
        not_after: moment(row, 4)?,
        issuer_fingerprint: fingerprint(row, 5)?,
    })
}

/// The document in a row of key, version, owner, expiry and content.
pub(super) fn document(row: &Row, kind: DocumentKind) -> Result<Document, Unreadable> {
    Ok(Document {
        kind,
        key: get(row, 0)?,
        version: count(row, 1)?,
        owner: get(row, 2)?,
        expires_at: optional_moment(row, 3)?,
        content: String::from_utf8(get(row, 4)?).map_err(|error| error.to_string())?,
    })
}

/// The revocation in this column and the next two.
pub(super) fn revocation(row: &Row, column: usize) -> Result<Option<Revocation>, Unreadable> {
    let Some(at) = optional_moment(row, column)? else {
        return Ok(None);
    };
    let code: i64 = get(row, column + 1)?;
    let reason = u8::try_from(code)
        .ok()
        .and_then(RevocationReason::from_code);
    Ok(Some(Revocation {
        at,
        reason: reason.ok_or_else(|| format!("there is no revocation reason {code}"))?,
        invalidity_date: optional_moment(row, column + 2)?,
    }))
}

/// The serial number of the octets that are recorded.
pub(super) fn serial(shown: &[u8]) -> SerialNumber {
    if shown.first().is_some_and(|first| first & 0x80 != 0) {
        SerialNumber::from_der_content(&[&[0], shown].concat())
    } else {
        SerialNumber::from_der_content(shown)
    }
}

/// The value in a column.
pub(super) fn get<'a, T: FromSql<'a>>(row: &'a Row, column: usize) -> Result<T, Unreadable> {
    row.try_get(column).map_err(|error| error.to_string())
}

/// The number in a column, at least 0.
pub(super) fn count(row: &Row, column: usize) -> Result<u64, Unreadable> {
    let number: i64 = get(row, column)?;
    u64::try_from(number).map_err(|error| error.to_string())
}

pub(super) fn moment(row: &Row, column: usize) -> Result<OffsetDateTime, Unreadable> {
    optional_moment(row, column)?.ok_or_else(|| "a time is missing".into())
}

pub(super) fn optional_moment(
    row: &Row,
    column: usize,
) -> Result<Option<OffsetDateTime>, Unreadable> {
    let seconds: Option<i64> = get(row, column)?;
    let moment = seconds.map(OffsetDateTime::from_unix_timestamp);
    moment.transpose().map_err(|error| error.to_string())
}

fn fingerprint(row: &Row, column: usize) -> Result<Fingerprint, Unreadable> {
    Ok(Fingerprint::from_bytes(get(row, column)?))
}
