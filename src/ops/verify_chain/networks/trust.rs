//! Which side of a port trusts what, and when each part ends: the server's certificate may come from a public CA,
//! and those of the clients from a private one.

use std::fmt;
use std::path::Path;

use serde::Serialize;
use time::OffsetDateTime;

use super::pool::{ContentId, Material, Pool};
use crate::error::shown;
use crate::pki::certificate::Certificate;
use crate::pki::escape::Escaped;
use crate::pki::validity::rfc3339;

/// A certificate that one side presents, and what the other side trusts it by.
#[derive(Clone, Debug, Serialize)]
pub struct Trust {
    /// Who presents it.
    pub side: Side,
    /// Its file; none when only the CA of the clients is known.
    pub certificate: Option<String>,
    /// When it expires.
    #[serde(with = "time::serde::rfc3339::option")]
    pub not_after: Option<OffsetDateTime>,
    /// The file with the CA that the other side trusts, or `the system's trust store`.
    pub trusted_by: String,
    /// The CA.
    pub anchor: Option<String>,
    /// When the CA expires.
    #[serde(with = "time::serde::rfc3339::option")]
    pub anchor_not_after: Option<OffsetDateTime>,
}

/// A side of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// The network.
    Server,
    /// Its agents.
    Client,
}

impl fmt::Display for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let until = |at: Option<OffsetDateTime>| {
            at.map_or(String::new(), |at| format!(" until {}", rfc3339(at)))
        };
        match (&self.certificate, self.side) {
            (Some(file), Side::Server) => write!(
                f,
                "server: {}{}",
                shown(Path::new(file)),
                until(self.not_after)
            )?,
            (Some(file), Side::Client) => write!(
                f,
                "client: {}{}",
                shown(Path::new(file)),
                until(self.not_after)
            )?,
            (None, _) => f.write_str("client: certificates")?,
        }
        write!(f, ", trusted by {}", shown(Path::new(&self.trusted_by)))?;
        if let Some(anchor) = &self.anchor {
            write!(f, " ({}{})", Escaped(anchor), until(self.anchor_not_after))?;
        }
        Ok(())
    }
}

/// The trust of a port in both directions.
pub(super) fn of(
    material: &Material,
    checked_against: Option<&str>,
    ca_file: Option<&str>,
    client: Option<(ContentId, &Path)>,
    pool: &Pool,
) -> Vec<Trust> {
    let mut parts = Vec::new();
    if let (Some(roots), Some(file)) = (material.roots, checked_against) {
        let presented = (material.certificate, &*material.certificate_path);
        parts.push(part(Side::Server, Some(presented), roots, file, pool));
    }
    if let (Some(roots), Some(file)) = (material.client_roots, ca_file) {
        parts.push(part(Side::Client, client, roots, file, pool));
    }
    parts
}

fn part(
    side: Side,
    presented: Option<(ContentId, &Path)>,
    roots: ContentId,
    trusted_by: &str,
    pool: &Pool,
) -> Trust {
    let chain = presented
        .map(|(id, _)| pool.certificates(id))
        .unwrap_or_default();
    let anchors = pool.certificates(roots);
    let is_above = |anchor: &&Certificate| {
        chain
            .iter()
            .any(|one| one.issuer() == anchor.subject() || one == *anchor)
    };
    let anchor = anchors.iter().find(is_above).or(anchors.first());
    Trust {
        side,
        certificate: presented.map(|(_, path)| path.to_string_lossy().into_owned()),
        not_after: chain.first().map(Certificate::not_after),
        trusted_by: trusted_by.to_owned(),
        anchor: anchor.map(|anchor| anchor.subject().to_string()),
        anchor_not_after: anchor.map(Certificate::not_after),
    }
}
