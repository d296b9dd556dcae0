//! Files put where other programs look for them: completions and man pages.

use std::ffi::OsStr;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::error::{Error, shown};
use crate::files::{self, Kind, Lock, NewFile};
use crate::{ops, process};

/// Files for a directory, and whether they are to be there.
#[derive(Clone, Debug)]
pub struct Request {
    /// The directory.
    pub directory: PathBuf,
    /// Their names and contents.
    pub files: Vec<(String, String)>,
    /// Whether they are put there, or taken away.
    pub action: Action,
    /// Words by which a file is known to be ours, so that nobody else's is replaced or taken away.
    pub mark: &'static str,
    /// What is still to be done by hand, where there is something.
    pub note: Option<String>,
    /// Only say what would be done.
    pub dry_run: bool,
}

/// What is done with the files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// They are put there.
    Place,
    /// They are taken away.
    Remove,
}

/// What became of the files.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The directory.
    #[serde(serialize_with = "crate::ops::paths::as_text")]
    pub directory: PathBuf,
    /// Each file.
    pub files: Vec<Placed>,
    /// What is still to be done by hand.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Whether nothing was done but said.
    pub dry_run: bool,
}

/// What became of a file.
#[derive(Clone, Debug, Serialize)]
pub struct Placed {
    /// The file.
    #[serde(serialize_with = "crate::ops::paths::as_text")]
    pub path: PathBuf,
    /// What became of it, or would.
    pub outcome: Placement,
}

/// What became of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Placement {
    /// It was written.
    Written,
    /// It was there as it should be.
    Unchanged,
    /// It was taken away.
    Removed,
    /// There was none to take away.
    Absent,
}

/// Puts files in their place or takes them away; twice is the same as once.
///
/// # Errors
/// When another program's file has one of the names, or the directory cannot be written to.
pub fn run(request: &Request) -> Result<Report, Error> {
    let mut placed = Vec::new();
    for (name, content) in &request.files {
        let path = request.directory.join(name);
        let outcome = outcome(&path, content, request)?;
        placed.push(Placed { path, outcome });
    }
    let is_to_do = |placed: &&Placed| match placed.outcome {
        Placement::Written | Placement::Removed => true,
        Placement::Unchanged | Placement::Absent => false,
    };
    if !request.dry_run && placed.iter().any(|placed| is_to_do(&placed)) {
        let lock = Lock::acquire(&request.directory)?;
        match request.action {
            Action::Place => {
                let files: Vec<_> = request.files.iter().map(new_file).collect();
                files::write_together(&lock, &files, true)?;
            }
            Action::Remove => {
                let names = placed.iter().filter(is_to_do);
                let names: Vec<_> = names
                    .filter_map(|placed| placed.path.file_name()?.to_str())
                    .collect();
                files::remove(&lock, &names)?;
            }
        }
    }
    Ok(Report {
        directory: request.directory.clone(),
        files: placed,
        note: request.note.clone(),
        dry_run: request.dry_run,
    })
}

/// Whether man(1) is there and has shown a page of the manual on the terminal.
pub fn is_shown_by_man(page: &str) -> bool {
    process::is_taken(&"man".into(), &["-l".into(), "-".into()], page.as_bytes())
}

/// What has to be done with a file.
fn outcome(path: &Path, content: &str, request: &Request) -> Result<Placement, Error> {
    match files::kind(path)? {
        Kind::Absent => {
            return Ok(match request.action {
                Action::Place => Placement::Written,
                Action::Remove => Placement::Absent,
            });
        }
        Kind::SymbolicLink | Kind::Other => {
            return Err(Error::SymbolicLink {
                path: path.to_owned(),
            });
        }
        Kind::File => {}
    }
    let found = files::read(path)?;
    let is_same = *found == content.as_bytes();
    let is_ours = is_same || String::from_utf8_lossy(&found).contains(request.mark);
    match request.action {
        Action::Place if is_same => Ok(Placement::Unchanged),
        Action::Place if is_ours => Ok(Placement::Written),
        Action::Remove if is_ours => Ok(Placement::Removed),
        Action::Place | Action::Remove => Err(Error::Exists {
            path: path.to_owned(),
            hint: "it is not from this program; move it away first".into(),
        }),
    }
}

fn new_file((name, content): &(String, String)) -> NewFile<'_> {
    NewFile {
        name: OsStr::new(name),
        content: content.as_bytes(),
        secret: false,
    }
}

impl ops::Report for Report {}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for placed in &self.files {
            let done = match (placed.outcome, self.dry_run) {
                (Placement::Written, false) => "wrote",
                (Placement::Written, true) => "would write",
                (Placement::Removed, false) => "removed",
                (Placement::Removed, true) => "would remove",
                (Placement::Unchanged, _) => "is there already:",
                (Placement::Absent, _) => "is not there:",
            };
            writeln!(f, "{done} {}", shown(&placed.path))?;
        }
        match &self.note {
            Some(note) => writeln!(f, "\n{note}"),
            None => Ok(()),
        }
    }
}
