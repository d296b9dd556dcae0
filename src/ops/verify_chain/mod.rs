//! Whether a grpcs setup works.

mod live;

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;
use time::OffsetDateTime;

use super::Verdict;
use super::live::{Dialling, Given, LiveReport};
use crate::error::{Error, shown};
use crate::files;
use crate::keys::{ReadKey, read_key, read_pem_key};
use crate::ops;
use crate::path::finding::{Finding, Severity};
use crate::path::profile::ReferenceName;
use crate::pki::bundle::certificates;
use crate::pki::certificate::Certificate;
use crate::pki::document::{Document, Kind, Part};

/// What is to be looked at.
#[derive(Debug)]
pub struct Request {
    /// The ports.
    pub connect: Vec<String>,
    /// How they are dialled.
    pub dialling: Dialling,
    /// The server's certificates.
    pub certificate: Option<PathBuf>,
    /// The trust anchors.
    pub ca: Option<PathBuf>,
    /// The client's certificates and private key.
    pub client: Option<(PathBuf, PathBuf)>,
    /// The name that is dialled.
    pub host: Option<ReferenceName>,
}

/// What was found.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Each port.
    pub live: Vec<LiveReport>,
    /// Everything that is wrong, the worst first.
    pub findings: Vec<Finding>,
}

/// Looks at everything.
///
/// # Errors
/// When a file cannot be read or a port is none.
pub fn run(request: &Request, now: OffsetDateTime) -> Result<Report, Error> {
    let read = |path: &Option<PathBuf>| match path {
        Some(path) => read_certificates(path),
        None => Ok(Vec::new()),
    };
    let (certificate, ca) = (read(&request.certificate)?, read(&request.ca)?);
    let client = match &request.client {
        Some((certificates, key)) => Some((read_certificates(certificates)?, read_private(key)?)),
        None => None,
    };
    let given = Given {
        certificates: &certificate,
        anchors: &ca,
        client: client
            .as_ref()
            .map(|(certificates, key)| (certificates.as_slice(), key.pkcs8())),
        host: request.host.as_ref(),
        ..Given::default()
    };
    let live = live::run(&request.connect, &request.dialling, &given, now)?;
    let mut findings: Vec<_> = live.iter().flat_map(|live| live.findings.clone()).collect();
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    Ok(Report { live, findings })
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

impl ops::Report for Report {
    fn verdict(&self) -> Verdict {
        let worst = self.findings.iter().map(|finding| finding.severity).max();
        if worst == Some(Severity::Error) {
            Verdict::No
        } else {
            Verdict::Yes
        }
    }

    fn reason(&self) -> Option<String> {
        let first = self.findings.first()?;
        let of = self.live.first().map(|live| shown(Path::new(&live.target)));
        (self.verdict() == Verdict::No)
            .then(|| format!("{}: {}", of.unwrap_or_default(), first.summary()))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for live in &self.live {
            live.fmt(f)?;
        }
        for finding in &self.findings {
            writeln!(f, "{finding}")?;
        }
        Ok(())
    }
}
