//! The live half: each port, probed and judged.

use std::path::{Path, PathBuf};

use time::OffsetDateTime;

use super::{Connect, Files, Request};
use crate::error::Error;
use crate::keys::ReadKey;
use crate::ops::crl::read_lists;
use crate::ops::live::{Basis, Dialling, LiveReport, look};
use crate::ops::verify::{read_bundle, read_private_key};
use crate::pki::certificate::Certificate;
use crate::pki::crl::RevocationList;

/// Checks each port, one after the other.
///
/// Leaves out files with unusable content if their own check reports them.
///
/// # Errors
/// When a target is malformed, or a file that is not checked itself cannot be read. An unreachable
/// port is an answer, not an error.
pub(super) fn run(request: &Request, now: OffsetDateTime) -> Result<Vec<LiveReport>, Error> {
    let Connect {
        targets,
        dialling,
        files,
    } = &request.connect;
    // A client asks for the name it dials.
    let dialling = Dialling {
        server_name: dialling.server_name.clone().or(request.host.clone()),
        ..dialling.clone()
    };
    // All are parsed before the first is dialled.
    let targets = targets
        .iter()
        .map(|text| dialling.target(text))
        .collect::<Result<Vec<_>, _>>()?;
    if targets.is_empty() {
        return Ok(Vec::new());
    }
    let client = ClientFiles::read(files, request.files.is_some())?;
    let basis = client.basis(request.at);
    targets
        .iter()
        .map(|target| look(target, &dialling, &basis, now))
        .collect()
}

/// The client's files, and the certificate the port should serve.
struct ClientFiles {
    certificates: Vec<Certificate>,
    anchors: Vec<Certificate>,
    revocation_lists: Vec<RevocationList>,
    client: Option<(Vec<Certificate>, ReadKey)>,
}

impl ClientFiles {
    /// Reads every part; `lenient` leaves out those that cannot be used.
    fn read(files: &Files, lenient: bool) -> Result<Self, Error> {
        let certificates = |path: &Option<PathBuf>| {
            let bundle = path.as_deref().map_or(Ok(Vec::new()), read_certificates);
            part(bundle, lenient)
        };
        let lists = files.all_lists().map(|path| read_lists(path));
        let lists = part(lists.collect::<Result<Vec<_>, _>>(), lenient)?;
        let client = match (&files.client_certificate, &files.client_key) {
            (Some(certificate), Some(key)) => part(read_pair(certificate, key).map(Some), lenient)?,
            (None, _) | (_, None) => None,
        };
        Ok(ClientFiles {
            certificates: certificates(&files.certificate)?,
            anchors: certificates(&files.ca)?,
            revocation_lists: lists.into_iter().flatten().collect(),
            client,
        })
    }

    fn basis(&self, at: Option<OffsetDateTime>) -> Basis<'_> {
        let client = self.client.as_ref();
        Basis {
            certificates: &self.certificates,
            anchors: &self.anchors,
            revocation_lists: &self.revocation_lists,
            client: client.map(|(certificates, key)| (certificates.as_slice(), key.pkcs8())),
            at,
            ..Basis::default()
        }
    }
}

fn part<T: Default>(read: Result<T, Error>, lenient: bool) -> Result<T, Error> {
    match read {
        Err(_) if lenient => Ok(T::default()),
        read => read,
    }
}

fn read_pair(certificate: &Path, key: &Path) -> Result<(Vec<Certificate>, ReadKey), Error> {
    Ok((
        read_certificates(certificate)?,
        read_private_key(key, None)?,
    ))
}

fn read_certificates(path: &Path) -> Result<Vec<Certificate>, Error> {
    read_bundle(path).map(|bundle| bundle.certificates)
}
