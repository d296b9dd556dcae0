//! The contents of files and live ports.

mod certificate;
mod object;
mod reading;

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;
use time::OffsetDateTime;

use super::columns::Sheet;
use super::live::{self, Dialling, LiveReport};
use crate::error::{ContentError, Error, InFile as _, shown};
use crate::keys::{KeyReader, Password};
use crate::path::finding::Finding;
use crate::path::{self, request_problems};
use crate::pki::algorithm::AlgorithmIdentifier;
use crate::pki::bundle;
use crate::pki::csr::{CertificateSigningRequest, EXTENSION_REQUEST};
use crate::pki::document::{Document, Encoding};
use crate::pki::element::ElementError;
use crate::pki::extension_value::Named;
use crate::pki::fingerprint::Fingerprint;
use crate::pki::name::DistinguishedName;
use crate::pki::pem::MAX_BLOCKS;
use crate::{files, ops};
use certificate::{ExtensionFields, Relation, add_extensions, add_problems, named, or_none, texts};
use object::{Entry, KeyFields};

/// What to show.
#[derive(Debug)]
pub struct Request {
    /// Files, `-` for standard input, and live ports, in this order.
    pub files: Vec<PathBuf>,
    /// How ports are dialled.
    pub dialling: Dialling,
    /// The file whose first line is the password for encrypted objects.
    pub password_file: Option<PathBuf>,
    /// The level of detail.
    pub detail: Detail,
}

/// The level of detail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Detail {
    /// Everything.
    #[default]
    Full,
    /// Five lines per object.
    Short,
    /// Only clean PEM of each object, without private keys.
    Pem,
}

/// The contents of each file, and what could not be read.
#[derive(Debug, Serialize)]
pub struct Report {
    files: Vec<FileReport>,
    #[serde(skip)]
    detail: Detail,
    #[serde(skip)]
    errors: Vec<Error>,
}

impl Report {
    /// Whether there is nothing to show.
    pub fn is_empty(&self) -> bool {
        self.files.iter().all(|file| file.objects.is_empty())
    }

    /// What could not be read, in the order of the files.
    pub fn into_errors(self) -> Vec<Error> {
        self.errors
    }
}

/// The contents of one file.
#[derive(Debug, Serialize)]
struct FileReport {
    path: String,
    encoding: Option<Encoding>,
    byte_order_mark: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    connection: Option<Box<LiveReport>>,
    objects: Vec<Entry>,
    notes: Vec<String>,
    error: Option<String>,
}

/// Reads every file. A file that cannot be read is reported with its error.
///
/// # Errors
/// When the password file cannot be read.
pub fn run(request: &Request, now: OffsetDateTime) -> Result<Report, Error> {
    let password = match &request.password_file {
        Some(path) => Some(Password::from_file(&files::read(path)?)),
        None => None,
    };
    let mut report = Report {
        files: Vec::new(),
        detail: request.detail,
        errors: Vec::new(),
    };
    for path in &request.files {
        let mut file = FileReport {
            path: path.to_string_lossy().into_owned(),
            encoding: None,
            byte_order_mark: false,
            connection: None,
            objects: Vec::new(),
            notes: Vec::new(),
            error: None,
        };
        let read = if live::is_port(path)? {
            file.dial(&request.dialling, now)
        } else {
            file.read(path, password.as_ref(), now)
        };
        file.relate();
        if request.detail == Detail::Pem {
            file.objects.iter_mut().for_each(Entry::add_pem);
        }
        if let Err(error) = read {
            file.error = Some(error.to_string());
            report.errors.push(error);
        }
        report.files.push(file);
    }
    Ok(report)
}

/// Everything that a certificate says, DER, as names and their values.
///
/// # Errors
/// When it cannot be read.
pub fn certificate_facts(
    certificate: &[u8],
    now: OffsetDateTime,
) -> Result<Vec<(String, String)>, ContentError> {
    let entry = reading::read_certificate(certificate, now)?;
    let mut sheet = Sheet::default();
    entry.object.add_to(&mut sheet);
    Ok(sheet.facts())
}

/// The number of signatures checked per file: more than real bundles have, and few enough that the
/// slowest keys take a fraction of a second.
const MAX_SIGNATURES: usize = 300;

impl FileReport {
    /// Reads a file as far as possible.
    fn read(
        &mut self,
        path: &Path,
        password: Option<&Password>,
        now: OffsetDateTime,
    ) -> Result<(), Error> {
        let document = Document::read(&files::read_input(path)?).in_content(path, None)?;
        self.encoding = Some(document.encoding);
        self.byte_order_mark = document.byte_order_mark;
        if document.byte_order_mark {
            self.notes
                .push("the file starts with a byte order mark, which grpc-core rejects".into());
        }
        let mut keys = KeyReader::new(password);
        let mut outcome = Ok(());
        for part in document.parts {
            let line = part.line();
            match reading::read(&part, &mut keys, now) {
                Ok(entries) if self.objects.len() + entries.len() > MAX_BLOCKS => {
                    let too_many = ElementError::TooMany { what: "objects" };
                    outcome = Err(too_many).in_content(path, line);
                    break;
                }
                Ok(entries) => self.objects.extend(entries),
                Err(source) => {
                    outcome = Err(source).in_content(path, line);
                    break;
                }
            }
        }
        outcome
    }

    /// Reads what a live port serves, and describes the connection.
    fn dial(&mut self, dialling: &Dialling, now: OffsetDateTime) -> Result<(), Error> {
        let target = dialling.target(&self.path)?;
        let (connection, probe) = live::facts(&target, dialling, None, None, now);
        self.path = target.to_string();
        let mut outcome = Ok(());
        for certificate in &connection.served {
            match reading::read_certificate(certificate, now) {
                Ok(entry) => self.objects.push(entry),
                Err(source) => outcome = Err(source).in_content(&self.path, None),
            }
        }
        if self.objects.is_empty() && outcome.is_ok() {
            outcome = Err(Error::Probe(probe.into_error(&target)));
        }
        self.connection = Some(Box::new(connection));
        outcome
    }

    /// Determines which certificate issued which, and notes what is wrong with the file.
    fn relate(&mut self) {
        let mut at = Vec::new();
        let mut certificates = Vec::new();
        for (i, entry) in self.objects.iter().enumerate() {
            if let Some(certificate) = entry.object.certificate() {
                at.push(i);
                certificates.push(certificate);
            }
        }
        let relations = bundle::relations(&certificates);
        let relation = |i: usize| {
            let issuer = relations.issuers[i];
            let confirmed =
                |issuer: usize| path::is_signed_by(certificates[i], certificates[issuer]);
            Relation {
                issued_by: issuer.map(|issuer| at[issuer] + 1),
                issuer_signature_confirmed: issuer.filter(|_| i < MAX_SIGNATURES).map(confirmed),
                copy_of: relations.copy_of[i].map(|original| at[original] + 1),
                is_in_bundle: at.len() > 1,
            }
        };
        let all: Vec<Relation> = (0..at.len()).map(relation).collect();
        for (place, relation) in at.iter().zip(all) {
            self.objects[*place].relate(relation);
        }
        if let Some(issuer) = relations.misplaced {
            self.notes.push(format!(
                "wrong order: certificate {} precedes one that it issued; a TLS server needs its own certificate first, then each issuer",
                at[issuer] + 1
            ));
        }
        let is_key = |entry: &&Entry| entry.object.is_private_key();
        let keys = self.objects.iter().filter(is_key).count();
        if keys > 0 && keys < self.objects.len() {
            self.notes.push(
                "the file contains a private key beside objects that may be distributed".into(),
            );
        }
    }

    /// Writes the objects, with the file's name when there are several files or objects.
    fn write(&self, f: &mut fmt::Formatter<'_>, detail: Detail, is_alone: bool) -> fmt::Result {
        let is_titled = match detail {
            Detail::Full => true,
            Detail::Short => !is_alone || self.objects.len() > 1,
            Detail::Pem => false,
        };
        if is_titled {
            writeln!(f, "{}: {}", shown(&self.path), self.summary())?;
        }
        if let (Some(connection), Detail::Full) = (&self.connection, detail) {
            let mut sheet = Sheet::indented(2);
            connection.add_to(&mut sheet);
            write!(f, "\nconnection\n{sheet}")?;
        }
        for (i, entry) in self.objects.iter().enumerate() {
            let position = (self.objects.len() > 1).then_some(i + 1);
            entry.write(f, detail, position)?;
        }
        if detail == Detail::Full {
            for note in &self.notes {
                writeln!(f, "\nnote: {note}")?;
            }
        }
        Ok(())
    }

    /// The number of objects of each kind.
    fn summary(&self) -> String {
        let mut counted: Vec<(&str, usize)> = Vec::new();
        for entry in &self.objects {
            let title = entry.object.title();
            match counted.iter_mut().find(|(known, _)| *known == title) {
                Some((_, count)) => *count += 1,
                None => counted.push((title, 1)),
            }
        }
        let parts: Vec<String> = counted
            .into_iter()
            .map(|(title, count)| format!("{count} {title}{}", if count > 1 { "s" } else { "" }))
            .collect();
        match (self.encoding, parts.is_empty()) {
            (_, true) => "nothing to show".into(),
            (None, false) if self.connection.is_some() => format!("{} (served)", parts.join(", ")),
            (Some(Encoding::Der), false) => format!("{} (DER)", parts.join(", ")),
            (Some(Encoding::Pem) | None, false) => format!("{} (PEM)", parts.join(", ")),
        }
    }
}

impl ops::Report for Report {
    fn is_content(&self) -> bool {
        true
    }

    fn warnings(&self) -> Vec<String> {
        let left_out = |file: &&FileReport| file.objects.iter().any(|e| e.object.is_private_key());
        match self.detail {
            Detail::Pem => self
                .files
                .iter()
                .filter(left_out)
                .map(|file| format!("{}: private keys are omitted", shown(&file.path)))
                .collect(),
            Detail::Full | Detail::Short => Vec::new(),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let readable = self.files.iter().filter(|file| !file.objects.is_empty());
        for (i, file) in readable.enumerate() {
            if i > 0 && self.detail != Detail::Pem {
                writeln!(f)?;
            }
            file.write(f, self.detail, self.files.len() == 1)?;
        }
        Ok(())
    }
}

/// A request's fields, without the values of attributes: one of them is a password.
#[derive(Debug, Serialize)]
struct RequestFields {
    subject: DistinguishedName,
    #[serde(rename = "subject_alt_names")]
    names: Vec<String>,
    public_key: KeyFields,
    signature_algorithm: AlgorithmIdentifier,
    signature_confirmed: bool,
    #[serde(rename = "fingerprint_sha256")]
    sha256: Fingerprint,
    extensions: Vec<ExtensionFields>,
    other_attributes: Vec<Named>,
    problems: Vec<Finding>,
}

impl RequestFields {
    /// The fields of a request.
    fn of(request: &CertificateSigningRequest) -> Self {
        let names = request.subject_alt_names().ok().flatten();
        let others = request.attributes().iter();
        let others = others.filter(|oid| **oid != EXTENSION_REQUEST);
        RequestFields {
            subject: request.subject().clone(),
            names: texts(&names.unwrap_or_default()),
            public_key: KeyFields::of(request.public_key_info()),
            signature_algorithm: request.signature_algorithm().clone(),
            signature_confirmed: path::is_signed_by_its_key(request),
            sha256: Fingerprint::sha256(request.as_der()),
            extensions: ExtensionFields::all(request.extensions()),
            other_attributes: others.cloned().map(Named::from).collect(),
            problems: request_problems(request),
        }
    }

    /// Four lines.
    fn add_short_to(&self, sheet: &mut Sheet) {
        sheet.row("subject", named(&self.subject));
        sheet.row("names", or_none(&self.names));
        sheet.row("key", self.public_key.title());
        sheet.row("sha256", &self.sha256);
    }

    /// All rows.
    fn add_to(&self, sheet: &mut Sheet) {
        sheet.row("subject", named(&self.subject));
        self.public_key.add_to(sheet);
        sheet.row("signed with", &self.signature_algorithm);
        let confirmed = match self.signature_confirmed {
            true => "by the key in it",
            false => "not confirmed",
        };
        sheet.row("signature", confirmed);
        sheet.row("sha256", &self.sha256);
        add_extensions(&self.extensions, sheet);
        if !self.other_attributes.is_empty() {
            let names = self.other_attributes.iter();
            let lines = names.map(|name| format!("{name} (not shown)"));
            sheet.lines("attributes", lines.collect());
        }
        add_problems(&self.problems, sheet);
    }
}
