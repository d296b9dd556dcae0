//! The live half: each port, probed and judged.

use std::path::Path;

use time::OffsetDateTime;

use super::{Connect, Files, Request};
use crate::error::Error;
use crate::keys::ReadKey;
use crate::ops::crl::read_lists;
use crate::ops::live::{Dialling, Given, LiveReport, look};
use crate::ops::verify::{read_bundle, read_private_key};
use crate::pki::certificate::Certificate;
use crate::pki::crl::RevocationList;

/// Checks each port, one after the other.
///
/// Files with unusable content are left out if they are judged themselves.
///
/// # Errors
/// When a target is malformed, or a file cannot be read that is not judged itself. An unreachable
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
    let client = match (ClientFiles::read(files), &request.files) {
        (Ok(client), _) => client,
        (Err(_), Some(_)) => ClientFiles::read_usable(files),
        (Err(error), None) => return Err(error),
    };
    let given = client.given(request.at);
    targets
        .iter()
        .map(|target| look(target, &dialling, &given, now))
        .collect()
}

/// The client's files, and the certificate the port should serve.
#[derive(Default)]
struct ClientFiles {
    certificates: Vec<Certificate>,
    anchors: Vec<Certificate>,
    revocation_lists: Vec<RevocationList>,
    client: Option<(Vec<Certificate>, ReadKey)>,
}

impl ClientFiles {
    fn read(files: &Files) -> Result<Self, Error> {
        let read = |path: &Option<_>| path.as_deref().map_or(Ok(Vec::new()), read_certificates);
        let mut revocation_lists = Vec::new();
        for path in files.all_lists() {
            revocation_lists.extend(read_lists(path)?);
        }
        Ok(ClientFiles {
            certificates: read(&files.certificate)?,
            anchors: read(&files.ca)?,
            revocation_lists,
            client: match (&files.client_certificate, &files.client_key) {
                (Some(certificate), Some(key)) => Some((
                    read_certificates(certificate)?,
                    read_private_key(key, None)?,
                )),
                (None, _) | (_, None) => None,
            },
        })
    }

    /// Every part that can be read.
    fn read_usable(files: &Files) -> Self {
        let read = |part: Files| ClientFiles::read(&part).unwrap_or_default();
        let certificate = files.certificate.clone();
        let ca = files.ca.clone();
        let server = Files {
            certificate,
            ..Files::default()
        };
        let anchors = Files {
            ca,
            ..Files::default()
        };
        let lists = Files {
            revocation_lists: files.revocation_lists.clone(),
            lists_beside: files.lists_beside.clone(),
            ..Files::default()
        };
        let client = Files {
            client_certificate: files.client_certificate.clone(),
            client_key: files.client_key.clone(),
            ..Files::default()
        };
        ClientFiles {
            certificates: read(server).certificates,
            anchors: read(anchors).anchors,
            revocation_lists: read(lists).revocation_lists,
            client: read(client).client,
        }
    }

    fn given(&self, at: Option<OffsetDateTime>) -> Given<'_> {
        let client = self.client.as_ref();
        Given {
            certificates: &self.certificates,
            anchors: &self.anchors,
            revocation_lists: &self.revocation_lists,
            client: client.map(|(certificates, key)| (certificates.as_slice(), key.pkcs8())),
            at,
            ..Given::default()
        }
    }
}

fn read_certificates(path: &Path) -> Result<Vec<Certificate>, Error> {
    read_bundle(path).map(|bundle| bundle.certificates)
}
