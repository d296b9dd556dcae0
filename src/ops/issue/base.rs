//! The names of a certificate's files.

use std::ffi::{OsStr, OsString};

use crate::error::Error;
use crate::pki::profile::ProfilePurpose;
use crate::pki::san::SubjectAltName;

/// The names of the certificate's and the key's file.
pub fn file_names(base: &OsStr) -> (OsString, OsString) {
    let with = |extension: &str| {
        let mut name = base.to_owned();
        name.push(extension);
        name
    };
    (with(".crt"), with(".key"))
}

/// The name of a name's files: itself, with what file names cannot have replaced.
pub fn base_of(name: &SubjectAltName) -> OsString {
    let readable = |c: char| {
        if c.is_ascii_alphanumeric() || "._-@".contains(c) {
            c
        } else {
            '_'
        }
    };
    let text: String = name
        .value()
        .trim_start_matches("spiffe://")
        .chars()
        .map(readable)
        .collect();
    text.trim_start_matches(['.', '-'])
        .chars()
        .take(MAX_BASE_OCTETS)
        .collect::<String>()
        .into()
}

/// The name of the files of a certificate for this name: beside a pair that signs, one that messages are encrypted to
/// has a name of its own.
pub fn base_for(name: &SubjectAltName, purpose: ProfilePurpose) -> OsString {
    let mut base = base_of(name);
    if purpose == ProfilePurpose::Message {
        base.push(".message");
    }
    base
}

/// Refuses a file name that is a path, hidden, an option or one of the authority's own files.
///
/// # Errors
/// When it is one of them.
pub fn check_base(base: &OsStr) -> Result<(), Error> {
    let text = base.to_string_lossy();
    let wrong = text.is_empty()
        || text.contains('/')
        || text.starts_with(['.', '-'])
        || text.chars().any(char::is_control)
        || matches!(&*text, "ca" | "issuer" | "crl");
    if wrong {
        let message = format!(
            "'{}' cannot name a certificate's files",
            text.escape_debug()
        );
        let hint = "give a plain file name with `--name`, without directory and ending, other than ca, issuer and crl";
        return Err(Error::Usage {
            message,
            hint: hint.into(),
        });
    }
    Ok(())
}

const MAX_BASE_OCTETS: usize = 200;
