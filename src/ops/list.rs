//! The certificates that an authority issued.

use std::fmt;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use serde::Serialize;
use time::OffsetDateTime;
use unicode_width::UnicodeWidthStr as _;

use super::Expiry;
use super::columns::Cut;
use super::issue::file_names;
use crate::authority;
use crate::error::{Error, shown};
use crate::pki::escape::Escaped;
use crate::pki::fingerprint::Fingerprint;
use crate::pki::name::DistinguishedName;
use crate::pki::san::SubjectAltName;
use crate::pki::serial::SerialNumber;
use crate::pki::validity::rfc3339;
use crate::store::{Entry, Inventory, Labels, Opening, Revocation};

pub use crate::store::{Filter, LabelFilter, Status};

/// Passes each certificate that matches to the visitor, soonest expiry first, until the visitor breaks.
///
/// # Errors
/// When the inventory cannot be read, or the visitor fails.
pub fn run(
    directory: &Path,
    filter: &Filter,
    now: OffsetDateTime,
    visitor: &mut dyn FnMut(Listed) -> Result<ControlFlow<()>, Error>,
) -> Result<(), Error> {
    let inventory = inventory(directory)?;
    let mut failed = None;
    inventory.visit(filter, now, &mut |entry| {
        visitor(Listed::of(entry, now)).unwrap_or_else(|error| {
            failed = Some(error);
            ControlFlow::Break(())
        })
    })?;
    failed.map_or(Ok(()), Err)
}

/// The inventory of the authority in a directory, whose key is not needed.
///
/// # Errors
/// When there is no authority, or the inventory cannot be read.
pub(super) fn inventory(directory: &Path) -> Result<Box<dyn Inventory>, Error> {
    if !authority::has_inventory(directory)? && !authority::exists(directory)? {
        return Err(Error::NoAuthority {
            path: directory.to_owned(),
        });
    }
    authority::open_inventory(directory, Opening::MustExist)
}

/// A certificate that was issued.
#[derive(Debug, Serialize)]
pub struct Listed {
    /// The serial number.
    pub serial: SerialNumber,
    /// Its status now.
    pub status: Status,
    /// The subject; empty when only the names identify it.
    pub subject: DistinguishedName,
    /// The subject alternative names.
    pub subject_alt_names: Vec<SubjectAltName>,
    /// The profile it was issued by.
    pub profile: String,
    /// The type of its key.
    pub key_type: String,
    /// When it is valid.
    #[serde(flatten)]
    pub expiry: Expiry,
    /// When and why it was revoked, if it was.
    pub revocation: Option<Revocation>,
    /// When it was issued.
    #[serde(with = "time::serde::rfc3339")]
    pub issued_at: OffsetDateTime,
    /// Who requested it, as `user@host`.
    pub requested_by: String,
    /// The note stored with it.
    pub note: Option<String>,
    /// Its labels.
    pub labels: Labels,
    /// The certificate that replaced it.
    pub superseded_by: Option<SerialNumber>,
    /// The issuer.
    pub issuer: DistinguishedName,
    /// SHA-256 of the certificate.
    pub fingerprint_sha256: Fingerprint,
    /// Its file.
    #[serde(serialize_with = "crate::ops::paths::as_text")]
    pub certificate: Option<PathBuf>,
    /// The file of its key.
    #[serde(serialize_with = "crate::ops::paths::as_text")]
    pub private_key: Option<PathBuf>,
}

impl Listed {
    /// An entry seen from `now`.
    pub fn of(entry: Entry, now: OffsetDateTime) -> Self {
        let files = entry.output.as_ref().map(|output| {
            let (certificate, key) = file_names(output.base.as_ref());
            (
                output.directory.join(certificate),
                output.directory.join(key),
            )
        });
        let (certificate, private_key) = files.unzip();
        Listed {
            status: entry.status(now),
            serial: entry.serial,
            subject: entry.subject,
            subject_alt_names: entry.names,
            profile: entry.profile,
            key_type: entry.key_type,
            expiry: Expiry::of(entry.validity, now),
            revocation: entry.revocation,
            issued_at: entry.issued_at,
            requested_by: entry.requested_by,
            note: entry.note,
            labels: entry.labels,
            superseded_by: entry.superseded_by,
            issuer: entry.issuer,
            fingerprint_sha256: entry.fingerprint,
            certificate,
            private_key,
        }
    }

    /// Its names, or its subject when it has none.
    pub fn identity(&self) -> String {
        if self.subject_alt_names.is_empty() {
            return self.subject.to_string();
        }
        let names: Vec<String> = self
            .subject_alt_names
            .iter()
            .take(MAX_NAMES_SHOWN)
            .map(|name| Escaped(&name.value()).to_string())
            .collect();
        let left = self.subject_alt_names.len() - names.len();
        let names = names.join(", ");
        if left > 0 {
            format!("{names} and {left} more")
        } else {
            names
        }
    }

    /// The fields of [`CSV_COLUMNS`], in their order.
    pub fn csv_fields(&self) -> [String; 17] {
        let escaped = |text: &str| cell(Escaped(text).to_string());
        let path = |path: &Option<PathBuf>| cell(path.as_deref().map(shown).unwrap_or_default());
        let names: Vec<String> = self
            .subject_alt_names
            .iter()
            .map(|name| escaped(&name.to_string()))
            .collect();
        let revocation = self.revocation.as_ref();
        [
            self.serial.to_string(),
            self.status.to_string(),
            rfc3339(self.expiry.not_before),
            rfc3339(self.expiry.not_after),
            self.expiry.expires_in_seconds.to_string(),
            escaped(&self.profile),
            escaped(&self.key_type),
            cell(self.subject.to_string()),
            names.join(" "),
            rfc3339(self.issued_at),
            escaped(&self.requested_by),
            escaped(self.note.as_deref().unwrap_or_default()),
            self.fingerprint_sha256.to_string(),
            path(&self.certificate),
            revocation
                .map(|revocation| rfc3339(revocation.at))
                .unwrap_or_default(),
            revocation
                .map(|revocation| revocation.reason.to_string())
                .unwrap_or_default(),
            self.labels.to_string(),
        ]
    }
}

/// The names of the fields [`Listed::csv_fields`] gives.
pub const CSV_COLUMNS: [&str; 17] = [
    "serial",
    "status",
    "not_before",
    "not_after",
    "expires_in_seconds",
    "profile",
    "key_type",
    "subject",
    "subject_alt_names",
    "issued_at",
    "requested_by",
    "note",
    "fingerprint_sha256",
    "certificate",
    "revoked_at",
    "revocation_reason",
    "labels",
];

/// A line of a CSV file.
pub fn csv_line(fields: impl IntoIterator<Item = impl AsRef<[u8]>>) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let written = writer
        .write_record(fields)
        .and_then(|()| Ok(writer.into_inner().map_err(|error| error.into_error())?));
    match written {
        Ok(line) => String::from_utf8_lossy(&line).into_owned(),
        Err(error) => unreachable!("memory can be written to: {error}"),
    }
}

/// Text that no spreadsheet takes for a formula.
pub(super) fn cell(text: String) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        format!("'{text}")
    } else {
        text
    }
}

/// A line of the table.
pub struct Line<'a> {
    /// The certificate; `None` for the header.
    pub listed: Option<&'a Listed>,
    /// The width of the profile column.
    pub profile_width: usize,
    /// The width of the terminal, if it is written to one. On a narrow terminal the time, the serial number and the
    /// names are cut; `show` and `revoke` accept the start of a serial number.
    pub columns: Option<usize>,
}

impl Line<'_> {
    /// How wide the profiles of these are, and the column's head.
    pub fn profile_width(listed: &[Listed]) -> usize {
        let widths = listed
            .iter()
            .map(|listed| Escaped(&listed.profile).to_string().width());
        widths.max().unwrap_or(0).max(PROFILE.len())
    }
}

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fields = match self.listed {
            None => ["STATUS", "EXPIRES", "SERIAL", PROFILE, "NAMES"].map(str::to_owned),
            Some(listed) => [
                listed.status.to_string(),
                rfc3339(listed.expiry.not_after),
                listed.serial.to_string(),
                Escaped(&listed.profile).to_string(),
                listed.identity(),
            ],
        };
        let [status, expires, serial, profile, names] = fields;
        let padding = " ".repeat(self.profile_width.saturating_sub(profile.width()));
        let Some(columns) = self.columns.filter(|columns| *columns < ROOMY_COLUMNS) else {
            return writeln!(
                f,
                "{status:13}  {expires:20}  {serial:47}  {profile}{padding}  {names}"
            );
        };
        let line =
            format!("{status:8.8}  {expires:10.10}  {serial:11.11}  {profile}{padding}  {names}");
        writeln!(f, "{}", Cut(&line, Some(columns)))
    }
}

/// Terminals of at least this width get whole lines.
const ROOMY_COLUMNS: usize = 130;

const PROFILE: &str = "PROFILE";
const MAX_NAMES_SHOWN: usize = 5;
