//! The certificates that a network.yaml names.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::error::{Error, shown};
use crate::files::{self, Target};
use crate::network::{Credentials, NetworkFile, start};

/// Whether a file is named as a network.yaml is.
pub(super) fn is_network(path: &Path) -> bool {
    let extension = path.extension().and_then(OsStr::to_str).unwrap_or_default();
    extension.eq_ignore_ascii_case("yaml") || extension.eq_ignore_ascii_case("yml")
}

/// The files of certificates that the TLS settings of a network name.
///
/// A path that is not absolute is one from the working directory, as OpenAgents has it; where there is no such
/// file, one from the network.yaml's directory.
pub(super) fn files(path: &Path) -> Result<Vec<PathBuf>, Error> {
    let said = |message: String, hint: String| Error::Usage {
        message: format!("{}: {message}", shown(path)),
        hint,
    };
    let network = NetworkFile::read(&files::read(path)?)
        .map_err(|error| said(error.to_string(), error.hint()))?;
    let mut named = Vec::new();
    start(&network, &mut |tls| {
        let files = [&tls.cert_file, &tls.ca_file].into_iter().flatten();
        named.extend(files.filter_map(|file| file.path.clone()));
        Credentials::ServerOnly(Vec::new())
    });
    if named.is_empty() {
        return Err(said(
            "no TLS is in effect in it, so it names no certificate".into(),
            format!(
                "look at it with `openagents-certs verify-chain --network {}`",
                shown(path)
            ),
        ));
    }
    let beside = path.parent().unwrap_or(Path::new(""));
    let resolved = named.into_iter().map(|name| {
        let from_beside = beside.join(&name);
        let is_there = |path: &Path| matches!(files::target(path), Ok(Target::File(_)));
        match is_there(Path::new(&name)) || !is_there(&from_beside) {
            true => name.into(),
            false => from_beside,
        }
    });
    Ok(resolved.collect())
}
