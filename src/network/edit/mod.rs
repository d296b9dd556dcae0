//! A correct `tls:` block in a network.yaml: a few characters at one place, the rest left octet for octet.

mod compare;
mod place;

use super::NetworkFile;
use super::file::NetworkFileError;
use super::tls::Tls;
use super::transport::Kind;
use crate::pki::escape::is_unsafe_to_show;
use place::{Insertion, Layout};

/// The files a `tls:` block is to name, as the network will read them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The server's certificate chain.
    pub cert_file: String,
    /// Its private key.
    pub key_file: String,
    /// The CA of the clients; with it, every client needs one.
    pub ca_file: Option<String>,
}

/// What became of a network.yaml.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edited {
    /// The whole text.
    pub text: String,
    /// Whether anything had to be changed.
    pub changed: bool,
}

/// Puts a `tls:` block that is effective into the first gRPC transport; makes the transport where there is none.
///
/// Comments, order and line ends stay. A block that is there is mended: `enabled` set, what is missing added.
/// One that is effective and says the same is left as it is.
///
/// # Errors
/// When the file cannot be read, an effective block says something else, the place is written in a way that a text
/// cannot be put into, or the text would not say what it should.
pub fn with_tls(octets: &[u8], files: &TlsFiles) -> Result<Edited, EditError> {
    let file = NetworkFile::read(octets)?;
    let text = std::str::from_utf8(octets).map_err(|_| EditError::Unsure)?;
    let unchanged = Edited {
        text: text.to_owned(),
        changed: false,
    };
    if let Some(tls) =
        effective(&file).filter(|tls| tls.cert_file.is_some() && tls.key_file.is_some())
    {
        return if says(&tls, files) {
            Ok(unchanged)
        } else {
            Err(EditError::Effective { line: tls.line })
        };
    }
    let insertions = place::insertions(&file, &Layout::of(text), files)?;
    let text = applied(text, insertions);
    let after = NetworkFile::read(text.as_bytes()).map_err(|_| EditError::Unsure)?;
    let is_effective =
        effective(&after).is_some_and(|tls| tls.cert_file.is_some() && tls.key_file.is_some());
    if is_effective && compare::same_but_for_tls(&file, &after) {
        Ok(Edited {
            text,
            changed: true,
        })
    } else {
        Err(EditError::Unsure)
    }
}

/// Why a network.yaml is left as it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// It cannot be read.
    #[error(transparent)]
    File(#[from] NetworkFileError),
    /// TLS is on already, with other files or settings.
    #[error("line {line}: the `tls:` block is already in effect, with other values")]
    Effective {
        /// The line of `tls:`.
        line: usize,
    },
    /// The transport's settings stand elsewhere, behind an alias.
    #[error("line {line}: the settings are shared through an alias")]
    Alias {
        /// The line of the key.
        line: usize,
    },
    /// A value where a mapping or list is needed.
    #[error("line {line}: `{key}:` is {found}, which OpenAgents rejects too")]
    Kind {
        /// The line of the key.
        line: usize,
        /// The key.
        key: &'static str,
        /// What stands there.
        found: &'static str,
    },
    /// The old single transport, of another kind.
    #[error("line {line}: the network's single `transport:` is not grpc")]
    Legacy {
        /// The line of the key.
        line: usize,
    },
    /// The result would not be what is wanted.
    #[error("the `tls:` block cannot be added without risk to the rest of the file")]
    Unsure,
}

impl EditError {
    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            EditError::File(error) => error.hint(),
            EditError::Effective { .. } => {
                "TLS is already on: edit the block by hand; `openagents-certs verify-chain --network FILE` shows what is wrong with it".into()
            }
            EditError::Alias { .. } => "write out the transport's `config:` without an alias".into(),
            EditError::Kind { key, .. } => format!("make `{key}:` a mapping or a list, as in the examples"),
            EditError::Legacy { .. } => {
                "replace `transport:` with a `transports:` list that has a gRPC transport".into()
            }
            EditError::Unsure => {
                "add the block by hand below the `config:` of the gRPC transport; `openagents-certs generate` prints it".into()
            }
        }
    }
}

fn effective(file: &NetworkFile) -> Option<Tls> {
    let transports = file.transports();
    let first = transports
        .iter()
        .find(|transport| transport.kind == Kind::Grpc)?;
    Tls::effective(&file.document, first)
}

/// Whether a block names these files, and asks clients for certificates where that is wanted.
fn says(tls: &Tls, files: &TlsFiles) -> bool {
    let names = |name: &Option<super::tls::FileName>, wanted: &str| {
        let path = name.as_ref().and_then(|name| name.path.as_deref());
        path.is_some_and(|path| without_dot(path) == without_dot(wanted))
    };
    names(&tls.cert_file, &files.cert_file)
        && names(&tls.key_file, &files.key_file)
        && files
            .ca_file
            .as_ref()
            .is_none_or(|ca_file| names(&tls.ca_file, ca_file) && tls.require_client_cert)
}

/// `./certs` and `certs` are one place.
fn without_dot(path: &str) -> &str {
    path.trim_start_matches("./")
}

/// The text with each place replaced; the places do not overlap.
fn applied(text: &str, mut insertions: Vec<Insertion>) -> String {
    insertions.sort_by_key(|insertion| insertion.at.start);
    let mut result = String::with_capacity(text.len() + 512);
    let mut done = 0;
    for insertion in insertions {
        result.push_str(&text[done..insertion.at.start]);
        result.push_str(&insertion.text);
        done = insertion.at.end;
    }
    result.push_str(&text[done..]);
    result
}

/// The change from one text to another as a unified diff; empty if there is none.
pub fn unified_diff(before: &str, after: &str) -> String {
    let diff = similar::TextDiff::from_lines(before, after);
    let text = diff
        .unified_diff()
        .context_radius(CONTEXT_LINES)
        .to_string();
    // A character that could move the cursor is shown as its code.
    let shown = |c: char| match is_unsafe_to_show(c) && c != '\t' {
        true => format!("\\u{{{:x}}}", u32::from(c)),
        false => c.to_string(),
    };
    let lines = text.lines();
    lines
        .map(|line| line.chars().map(shown).collect::<String>() + "\n")
        .collect()
}

const CONTEXT_LINES: usize = 3;

#[cfg(test)]
mod tests;
