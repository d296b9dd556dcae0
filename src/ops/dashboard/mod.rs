//! Who may use the dashboard: links that sign in once, sessions, and client certificates with a role.
//!
//! The inventory keeps SHA-256 of a link's secret and of a session's, so that a copy of it signs nobody in. Both
//! secrets have 256 random bits: they need no protection against guessing.

mod operator;
mod report;
mod session;

use std::path::PathBuf;

use base64ct::{Base64UrlUnpadded, Encoding as _};
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};
use zeroize::Zeroizing;

use super::{list, token};
use crate::authority::INVENTORY;
use crate::config::Role;
use crate::error::Error;
use crate::keys;
use crate::pki::fingerprint::Fingerprint;
use crate::store::{Document, DocumentKind, Inventory, StoreError};

pub use operator::Operator;
pub use report::{EndedSession, Login, SessionList};
pub use session::{
    NewSession, Session, end_session, end_session_in, sessions, sessions_in, sign_out,
};

/// A link to create.
#[derive(Debug)]
pub struct Request {
    /// The authority's directory.
    pub directory: PathBuf,
    /// What its session may do.
    pub role: Role,
    /// Who requests it, as `user@host`.
    pub requested_by: String,
}

/// Creates a link that signs in once, within 15 minutes.
///
/// # Errors
/// When there is no authority, or the inventory cannot be written.
pub fn login(request: &Request, now: OffsetDateTime) -> Result<Login, Error> {
    let mut inventory = list::inventory(&request.directory)?;
    let url = token::server_url(&request.directory, &*inventory)?;
    let now = now.replace_nanosecond(0).unwrap_or(now);
    let secret = Secret::new()?;
    let link = Link {
        role: request.role,
        created_by: request.requested_by.clone(),
        expires_at: now.saturating_add(LINK_LIFETIME),
        used_at: None,
    };
    inventory.put_document(&link.document(secret.key(), 0))?;
    Ok(Login::new(&url, &secret, &link))
}

/// A link, as the inventory has it.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Link {
    role: Role,
    created_by: String,
    #[serde(with = "time::serde::rfc3339")]
    expires_at: OffsetDateTime,
    #[serde(default, with = "time::serde::rfc3339::option")]
    used_at: Option<OffsetDateTime>,
}

/// Why a link signs nobody in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkRefusal {
    /// There is none with this secret, or it has long expired.
    Unknown,
    /// It was used before.
    Used,
    /// It has expired.
    Expired,
}

/// Signs in by a link, which is used up then. The session that the browser had before ends.
///
/// # Errors
/// When the inventory cannot be read or written.
pub fn sign_in(
    inventory: &mut dyn Inventory,
    secret: &str,
    previous: Option<&str>,
    now: OffsetDateTime,
) -> Result<Result<NewSession, LinkRefusal>, Error> {
    let key = Secret::from(secret).key();
    let Some(document) = inventory.document(DocumentKind::SignInLink, &key)? else {
        return Ok(Err(LinkRefusal::Unknown));
    };
    let mut link: Link = content_of(&document)?;
    if link.used_at.is_some() {
        return Ok(Err(LinkRefusal::Used));
    }
    if now >= link.expires_at {
        return Ok(Err(LinkRefusal::Expired));
    }
    let now = now.replace_nanosecond(0).unwrap_or(now);
    link.used_at = Some(now);
    // Only the first of two at once finds the version that it read.
    if !inventory.put_document(&link.document(key, document.version))? {
        return Ok(Err(LinkRefusal::Used));
    }
    if let Some(previous) = previous {
        session::sign_out(inventory, previous)?;
    }
    NewSession::start(inventory, link.role, link.created_by, now).map(Ok)
}

impl Link {
    fn document(&self, key: String, version: u64) -> Document {
        Document {
            kind: DocumentKind::SignInLink,
            key,
            version,
            owner: String::new(),
            // Whoever comes too late, or again, is told so for a day.
            expires_at: Some(self.expires_at.saturating_add(Duration::DAY)),
            content: text_of(self),
        }
    }
}

/// The key of CSRF tokens: the same for all servers on one store, created with the first one.
///
/// # Errors
/// When the inventory or the system's randomness cannot be used.
pub fn csrf_key(inventory: &mut dyn Inventory) -> Result<Zeroizing<Vec<u8>>, Error> {
    let kind = DocumentKind::CsrfKey;
    loop {
        if let Some(document) = inventory.document(kind, CSRF_KEY)? {
            return Ok(Zeroizing::new(document.content.into_bytes()));
        }
        inventory.put_document(&Document {
            kind,
            key: CSRF_KEY.into(),
            version: 0,
            owner: String::new(),
            expires_at: None,
            content: text_of(&*Secret::new()?.0),
        })?;
    }
}

/// 256 random bits in base64url. Wiped on drop.
pub struct Secret(Zeroizing<String>);

impl Secret {
    fn new() -> Result<Self, Error> {
        let random = Zeroizing::new(keys::random_bytes::<32>()?);
        let text = Base64UrlUnpadded::encode_string(&*random);
        Ok(Secret(Zeroizing::new(text)))
    }

    /// The text.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What it is found by: SHA-256 in hexadecimal.
    fn key(&self) -> String {
        let hash = Fingerprint::sha256(self.0.as_bytes());
        hash.as_bytes()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Secret(Zeroizing::new(text.to_owned()))
    }
}

fn content_of<T: for<'a> Deserialize<'a>>(document: &Document) -> Result<T, StoreError> {
    serde_json::from_str(&document.content).map_err(|error| StoreError::Damaged {
        path: INVENTORY.into(),
        what: format!("a {} of the dashboard: {error}", document.kind.name()),
    })
}

fn text_of(content: &(impl Serialize + ?Sized)) -> String {
    match serde_json::to_string(content) {
        Ok(text) => text,
        Err(error) => unreachable!("it has only text and times: {error}"),
    }
}

const LINK_LIFETIME: Duration = Duration::minutes(15);
const CSRF_KEY: &str = "csrf";
