//! The facts about an authority.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;
use time::OffsetDateTime;

use super::{AuthorityReport, Origin};
use crate::authority;
use crate::error::{Error, shown};
use crate::ops::Report;
use crate::pki::issuer::Issuer;
use crate::pki::name::DistinguishedName;
use crate::store::{Counts, Opening};

/// The facts about the authority in a directory; its key is not used, so no passphrase is needed.
///
/// # Errors
/// When there is none, or one of its files is missing or damaged.
pub fn run(directory: &Path, now: OffsetDateTime) -> Result<AuthorityFacts, Error> {
    if !authority::exists(directory)? {
        return Err(Error::NoAuthority {
            path: directory.to_owned(),
        });
    }
    let inventory = authority::open_inventory(directory, Opening::MustExist)?;
    let certificate = authority::certificate_in(directory, &*inventory)?;
    let issuer = Issuer::of(&certificate).map_err(|source| Error::Issuer {
        path: directory.to_owned(),
        source,
    })?;
    let key = directory.join(authority::KEY);
    Ok(AuthorityFacts {
        issuer: certificate.issuer().clone(),
        path_length: issuer.path_length,
        name_constraints: issuer.name_constraints.clauses(),
        private_key_encrypted: authority::is_key_encrypted(&key)?,
        inventory: directory.join(authority::INVENTORY),
        issued: inventory.counts(now)?,
        authority: AuthorityReport::new(directory, &certificate, Origin::Reused, now)?,
    })
}

/// The facts about an authority.
#[derive(Debug, Serialize)]
pub struct AuthorityFacts {
    /// Its certificate and files.
    #[serde(flatten)]
    pub authority: AuthorityReport,
    /// Its issuer; itself, for a root.
    pub issuer: DistinguishedName,
    /// How many CAs may be below it in a chain; `None` for any number.
    pub path_length: Option<u64>,
    /// The names it may issue for, as text; empty for any.
    pub name_constraints: Vec<String>,
    /// Whether its key needs a passphrase.
    pub private_key_encrypted: bool,
    /// The inventory's file.
    #[serde(serialize_with = "crate::ops::paths::as_text")]
    pub inventory: PathBuf,
    /// How many certificates it has issued, by status.
    pub issued: Counts,
}

impl fmt::Display for AuthorityFacts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let authority = &self.authority;
        let protection = if self.private_key_encrypted {
            "encrypted"
        } else {
            "not encrypted"
        };
        let below = self
            .path_length
            .map_or_else(|| "unlimited".into(), |length| length.to_string());
        writeln!(f, "CA: {}", authority.subject)?;
        writeln!(f, "  issuer       {}", self.issuer)?;
        writeln!(f, "  serial       {}", authority.serial)?;
        writeln!(f, "  expires      {}", authority.expiry)?;
        writeln!(f, "  SHA-256      {}", authority.fingerprint_sha256)?;
        writeln!(f, "  path length  {below}")?;
        for constraint in &self.name_constraints {
            writeln!(f, "  constraint   {constraint}")?;
        }
        writeln!(f, "  certificate  {}", shown(&authority.certificate))?;
        writeln!(
            f,
            "  private key  {} ({protection})",
            shown(&authority.private_key)
        )?;
        writeln!(f, "  inventory    {}", shown(&self.inventory))?;
        writeln!(f, "  issued       {}", self.issued)
    }
}

impl Report for AuthorityFacts {
    fn is_content(&self) -> bool {
        true
    }

    fn warnings(&self) -> Vec<String> {
        self.authority.warnings.clone()
    }
}
