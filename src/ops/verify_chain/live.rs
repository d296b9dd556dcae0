//! The live half: each port that was named, looked at and judged.

use std::path::Path;

use time::OffsetDateTime;

use super::Connect;
use crate::error::Error;
use crate::files;
use crate::keys::{ReadKey, read_key, read_pem_key};
use crate::ops::live::{Given, LiveReport, look};
use crate::ops::verify::read_revocation_lists;
use crate::pki::bundle::certificates;
use crate::pki::certificate::Certificate;
use crate::pki::document::{Document, Kind, Part};

/// Looks at each port, one after the other.
///
/// # Errors
/// When one of them is no target, a file cannot be read, or the client's key cannot sign a
/// handshake. A port that cannot be reached is told of in its report.
pub(super) fn run(connect: &Connect, now: OffsetDateTime) -> Result<Vec<LiveReport>, Error> {
    let Connect {
        targets,
        dialling,
        files,
    } = connect;
    // A wrong one is told of before any is dialled.
    let targets = targets
        .iter()
        .map(|text| dialling.target(text))
        .collect::<Result<Vec<_>, _>>()?;
    if targets.is_empty() {
        return Ok(Vec::new());
    }
    let read = |path: &Option<_>| path.as_deref().map_or(Ok(Vec::new()), read_certificates);
    let (certificates, anchors) = (read(&files.certificate)?, read(&files.ca)?);
    let client = match (&files.client_certificate, &files.client_key) {
        (Some(certificate), Some(key)) => {
            Some((read_certificates(certificate)?, read_private(key)?))
        }
        (None, _) | (_, None) => None,
    };
    let mut revocation_lists = Vec::new();
    for path in &files.revocation_lists {
        revocation_lists.extend(read_revocation_lists(path)?);
    }
    let given = Given {
        certificates: &certificates,
        anchors: &anchors,
        revocation_lists: &revocation_lists,
        client: client
            .as_ref()
            .map(|(certificates, key)| (certificates.as_slice(), key.pkcs8())),
        host: None,
    };
    targets
        .iter()
        .map(|target| look(target, dialling, &given, now))
        .collect()
}

fn read_certificates(path: &Path) -> Result<Vec<Certificate>, Error> {
    certificates(&files::read(path)?).map_err(|source| Error::Bundle {
        path: path.to_owned(),
        source,
    })
}

fn read_private(path: &Path) -> Result<ReadKey, Error> {
    let document = Document::read(&files::read(path)?).map_err(|source| Error::Content {
        path: path.to_owned(),
        line: None,
        source: source.into(),
    })?;
    let mut parts = document.parts.iter();
    let part = parts.find(|part| part.kind() == Kind::PrivateKey);
    let key = match part {
        Some(Part::Pem(block)) => read_pem_key(block, None),
        Some(Part::Der { contents, .. }) => read_key(contents),
        None => {
            return Err(Error::NoKey {
                path: path.to_owned(),
            });
        }
    };
    key.map_err(|source| Error::ReadKey {
        path: path.to_owned(),
        source,
    })
}
