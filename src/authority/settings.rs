//! An authority's settings.

use std::path::Path;

use crate::config::Config;
use crate::error::Error;
use crate::files::{self, Kind};

/// The settings of the authority in a directory; without a file, none.
///
/// # Errors
/// When the file cannot be read, or something in it is wrong.
pub fn settings(directory: &Path) -> Result<Config, Error> {
    let path = directory.join(SETTINGS);
    if files::kind(&path)? == Kind::Absent {
        return Ok(Config::default());
    }
    Ok(Config::read(&path, Some(&files::read(&path)?))?)
}

/// The file of the authority's settings and profiles.
pub const SETTINGS: &str = "certs.toml";
