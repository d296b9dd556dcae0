//! Why it is not known which certificate is meant, or why it cannot be the one.

use std::path::PathBuf;

use super::shown;
use crate::pki::escape::Escaped;
use crate::pki::name::DistinguishedName;
use crate::pki::serial::SerialNumber;

/// Why a serial number, file or name stands for no certificate that can be revoked.
#[derive(Debug, thiserror::Error)]
pub enum SelectionError {
    /// Nothing that was issued has it.
    #[error(
        "{}: no certificate has the serial number or the name '{}'",
        shown(inventory),
        Escaped(text)
    )]
    Unknown {
        /// The inventory.
        inventory: PathBuf,
        /// What was given.
        text: String,
    },
    /// Another CA issued it.
    #[error("{}: was issued by {issuer}, not by this CA, {authority}", shown(path))]
    Foreign {
        /// The certificate's file.
        path: PathBuf,
        /// Who issued it.
        issuer: DistinguishedName,
        /// The CA here.
        authority: DistinguishedName,
    },
    /// It names this CA as its issuer, whose key did not sign it.
    #[error(
        "{}: names {issuer} as its issuer, but is not signed by its key",
        shown(path)
    )]
    Forged {
        /// The certificate's file.
        path: PathBuf,
        /// Whom it names.
        issuer: DistinguishedName,
    },
    /// This CA issued it and did not record it here.
    #[error(
        "{}: is not in {}, which lists what can be revoked: serial number {serial}",
        shown(path),
        shown(inventory)
    )]
    NotRecorded {
        /// The certificate's file.
        path: PathBuf,
        /// The inventory.
        inventory: PathBuf,
        /// Its serial number.
        serial: SerialNumber,
    },
    /// It is the CA itself.
    #[error("{subject} is the CA itself: {}", if *subordinate { "only the CA above it can revoke it" } else { "no list can revoke the CA that signs it" })]
    Authority {
        /// The CA.
        subject: DistinguishedName,
        /// Whether there is a CA above it.
        subordinate: bool,
    },
    /// More than one.
    #[error(
        "'{}' stands for {count} certificates: {}{}",
        Escaped(text),
        certificates.join("; "),
        if *count > certificates.len() { "; …" } else { "" }
    )]
    Several {
        /// What was given.
        text: String,
        /// How many.
        count: usize,
        /// Some of them: serial number, end and name.
        certificates: Vec<String>,
    },
    /// It is the name of one and the serial number of another.
    #[error(
        "'{}' is the name of one certificate and the start of another's serial number, {serial}",
        Escaped(text)
    )]
    Ambiguous {
        /// What was given.
        text: String,
        /// The other's serial number.
        serial: SerialNumber,
    },
    /// All of this name have expired.
    #[error("'{}': every certificate of this name has expired", Escaped(text))]
    Expired {
        /// What was given.
        text: String,
    },
}

impl SelectionError {
    /// What to do about it.
    pub(super) fn hint(&self) -> String {
        match self {
            SelectionError::Unknown { .. } => "see what there is with `openagents-certs list`".into(),
            SelectionError::Foreign { .. } => {
                "revoke it where it was issued: give that CA's directory with `-C DIR`".into()
            }
            SelectionError::Forged { path, .. } => format!(
                "look at it with `openagents-certs inspect {}`: a CA of the same name made it",
                shown(path)
            ),
            SelectionError::NotRecorded { .. } => {
                "give the inventory it was recorded in with `--inventory FILE`".into()
            }
            SelectionError::Authority {
                subordinate: false, ..
            } => "replace it with `openagents-certs ca rotate prepare`, and take the old one out of every ca.crt".into(),
            SelectionError::Authority {
                subordinate: true, ..
            } => "revoke it there: `openagents-certs revoke -C PARENT issuer.crt --reason ca-compromise`"
                .into(),
            SelectionError::Several { .. } => {
                "give the serial number of the one that is meant, or `--all` for all of them".into()
            }
            SelectionError::Ambiguous { .. } => {
                "give the whole serial number, or the name with its type, as in `dns:NAME`".into()
            }
            SelectionError::Expired { .. } => {
                "give the serial number to revoke one all the same; `openagents-certs list --name NAME` shows it"
                    .into()
            }
        }
    }
}

/// Why standard input names no certificates.
#[derive(Debug, thiserror::Error)]
pub enum TargetListError {
    /// The JSON is malformed.
    #[error("standard input: malformed JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// The CSV is malformed.
    #[error("standard input: malformed CSV: {0}")]
    Csv(#[from] csv::Error),
    /// A JSON value without a serial number or a name.
    #[error("standard input: no serial or name in {}", Escaped(.0))]
    NoSerial(String),
    /// A line of the table without its columns.
    #[error("standard input: not a line of `list`: {}", Escaped(.0))]
    Line(String),
}

impl TargetListError {
    /// How to fix it.
    pub(super) fn hint(&self) -> String {
        "pipe `openagents-certs list` into it, or give one serial number or name per line".into()
    }
}
