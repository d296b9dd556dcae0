//! Paths in reports.

use std::path::{Path, PathBuf};

use serde::{Serialize, Serializer};

use crate::files;

/// A path in JSON, or several: absolute, as text, with U+FFFD for bytes that are not UTF-8.
///
/// # Errors
/// The serializer's own.
pub(super) fn as_text<P: AsText, S: Serializer>(paths: &P, to: S) -> Result<S::Ok, S::Error> {
    paths.text().serialize(to)
}

/// A file's path in JSON, or a live port as it was given.
///
/// # Errors
/// The serializer's own.
pub(super) fn file_or_port<S: Serializer>(path: &str, to: S) -> Result<S::Ok, S::Error> {
    absolute_or_port(path).serialize(to)
}

/// Several of them.
///
/// # Errors
/// The serializer's own.
pub(super) fn files_or_ports<S: Serializer>(paths: &[String], to: S) -> Result<S::Ok, S::Error> {
    to.collect_seq(paths.iter().map(|path| absolute_or_port(path)))
}

fn absolute_or_port(path: &str) -> String {
    if path.contains("://") || path == "-" {
        path.to_owned()
    } else {
        lossy(Path::new(path))
    }
}

/// One path or several.
pub(super) trait AsText {
    /// What they are in JSON.
    type Text: Serialize;
    /// Their text.
    fn text(&self) -> Self::Text;
}

impl AsText for PathBuf {
    type Text = String;

    fn text(&self) -> String {
        lossy(self)
    }
}

impl AsText for Option<PathBuf> {
    type Text = Option<String>;

    fn text(&self) -> Option<String> {
        self.as_deref().map(lossy)
    }
}

impl AsText for Vec<PathBuf> {
    type Text = Vec<String>;

    fn text(&self) -> Vec<String> {
        self.iter().map(|path| lossy(path)).collect()
    }
}

fn lossy(path: &Path) -> String {
    if path.starts_with("postgres:") {
        // The URL of an inventory.
        return path.to_string_lossy().into_owned();
    }
    let absolute = files::absolute(path);
    let path = absolute.as_deref().unwrap_or(path);
    path.to_string_lossy().into_owned()
}
