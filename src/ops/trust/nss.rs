//! The databases of NSS: Chromium's and Firefox's.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::nickname;
use super::plan::{Call, Step};
use crate::error::Error;
use crate::files::{self, Target};
use crate::pki::certificate::Certificate;

/// The databases of a user: Chromium's, and those of Firefox's profiles.
pub(super) fn databases(home: Option<&Path>) -> Vec<PathBuf> {
    let Some(home) = home else {
        return Vec::new();
    };
    let mut directories = vec![home.join(".pki/nssdb")];
    for profiles in [
        ".mozilla/firefox",
        "snap/firefox/common/.mozilla/firefox",
        "Library/Application Support/Firefox/Profiles",
    ] {
        directories.extend(files::list(&home.join(profiles)).unwrap_or_default());
    }
    directories.retain(|directory| {
        matches!(
            files::target(&directory.join(DATABASE)),
            Ok(Target::File(_))
        )
    });
    directories
}

/// The steps that have a database trust those of these anchors that it does not; `files` has a file for each.
pub(super) fn install(
    database: &Path,
    anchors: &[Certificate],
    files: &[PathBuf],
) -> Result<Vec<Step>, Error> {
    let mut steps = Vec::new();
    for (anchor, file) in anchors.iter().zip(files) {
        if holds(database, anchor)? {
            continue;
        }
        let mut call = of(database, "-A");
        let name = nickname(anchor);
        call.arguments
            .extend(["-t", TRUSTED, "-n", name.as_str(), "-i"].map(OsString::from));
        call.arguments.push(file.into());
        steps.push(Step::Run(call));
    }
    Ok(steps)
}

/// The steps that take the trust back, from what holds it.
pub(super) fn uninstall(database: &Path, anchors: &[Certificate]) -> Result<Vec<Step>, Error> {
    let mut steps = Vec::new();
    for anchor in anchors {
        if holds(database, anchor)? {
            steps.push(Step::Run(named(database, "-D", anchor)));
        }
    }
    Ok(steps)
}

/// Whether a database trusts an anchor.
pub(super) fn holds(database: &Path, anchor: &Certificate) -> Result<bool, Error> {
    let said = named(database, "-L", anchor).ask()?;
    Ok(said.code == Some(0) && said.text.contains("Trusted CA"))
}

fn named(database: &Path, action: &str, anchor: &Certificate) -> Call {
    let mut call = of(database, action);
    call.arguments
        .extend(["-n".into(), nickname(anchor).into()]);
    call
}

fn of(database: &Path, action: &str) -> Call {
    let mut directory = OsString::from("sql:");
    directory.push(database);
    Call::new("certutil", [action.into(), "-d".into(), directory])
}

const DATABASE: &str = "cert9.db";
/// Trusted to issue servers' certificates, and for nothing else.
const TRUSTED: &str = "C,,";
