//! Sessions: what a browser has after a link.

use std::path::Path;

use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

use super::report::{EndedSession, SessionList};
use super::{Secret, content_of, text_of};
use crate::config::Role;
use crate::error::Error;
use crate::ops::list;
use crate::store::{Document, DocumentKind, Inventory};

/// A session that has not expired.
#[derive(Clone, Debug, Serialize)]
pub struct Session {
    /// Its id: the first 64 bits of SHA-256 of its secret, in hexadecimal.
    pub id: String,
    /// What it may do.
    pub role: Role,
    /// Who created the link, as `user@host`.
    pub created_by: String,
    /// When it began.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// When it ends.
    #[serde(with = "time::serde::rfc3339")]
    pub expires_at: OffsetDateTime,
}

/// A session's document.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Content {
    role: Role,
    created_by: String,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    expires_at: OffsetDateTime,
}

/// A session that has just begun, and its secret.
pub struct NewSession {
    /// What the browser keeps.
    pub secret: Secret,
    /// The session.
    pub session: Session,
}

impl NewSession {
    /// How long a session lasts.
    pub const LIFETIME: Duration = Duration::hours(8);

    /// Begins a session.
    ///
    /// # Errors
    /// When the inventory or the system's randomness cannot be used.
    pub(super) fn start(
        inventory: &mut dyn Inventory,
        role: Role,
        created_by: String,
        now: OffsetDateTime,
    ) -> Result<Self, Error> {
        let secret = Secret::new()?;
        let content = Content {
            role,
            created_by,
            created_at: now,
            expires_at: now.saturating_add(Self::LIFETIME),
        };
        let document = Document {
            kind: DocumentKind::Session,
            key: secret.key(),
            version: 0,
            owner: String::new(),
            expires_at: Some(content.expires_at),
            content: text_of(&content),
        };
        inventory.put_document(&document)?;
        let session = Session::of(&document.key, content);
        Ok(NewSession { secret, session })
    }
}

impl Session {
    /// The session with this secret, if it has neither expired nor been ended.
    ///
    /// # Errors
    /// When the inventory cannot be read.
    pub fn find(
        inventory: &dyn Inventory,
        secret: &str,
        now: OffsetDateTime,
    ) -> Result<Option<Self>, Error> {
        let key = Secret::from(secret).key();
        let Some(document) = inventory.document(DocumentKind::Session, &key)? else {
            return Ok(None);
        };
        let session = Session::of(&key, content_of(&document)?);
        Ok(Some(session).filter(|session| now < session.expires_at))
    }

    fn of(key: &str, content: Content) -> Self {
        Session {
            id: key.chars().take(ID_LENGTH).collect(),
            role: content.role,
            created_by: content.created_by,
            created_at: content.created_at,
            expires_at: content.expires_at,
        }
    }
}

/// Ends the session with this secret.
///
/// # Errors
/// When the inventory cannot be written.
pub fn sign_out(inventory: &mut dyn Inventory, secret: &str) -> Result<(), Error> {
    inventory.remove_document(DocumentKind::Session, &Secret::from(secret).key())?;
    Ok(())
}

/// The sessions that have not expired, the newest first.
///
/// # Errors
/// When there is no authority, or the inventory cannot be read.
pub fn sessions(directory: &Path, now: OffsetDateTime) -> Result<SessionList, Error> {
    sessions_in(&*list::inventory(directory)?, now)
}

/// As [`sessions`], of an open inventory.
///
/// # Errors
/// When the inventory cannot be read.
pub fn sessions_in(inventory: &dyn Inventory, now: OffsetDateTime) -> Result<SessionList, Error> {
    let mut sessions = Vec::new();
    for document in documents(inventory)? {
        let session = Session::of(&document.key, content_of(&document)?);
        sessions.extend((now < session.expires_at).then_some(session));
    }
    sessions.sort_by(|a, b| (b.created_at, &b.id).cmp(&(a.created_at, &a.id)));
    Ok(SessionList { sessions })
}

/// Ends a session: its browser is signed out.
///
/// # Errors
/// When there is no such session, or the inventory cannot be written.
pub fn end_session(directory: &Path, id: &str) -> Result<EndedSession, Error> {
    end_session_in(&mut *list::inventory(directory)?, id)
}

/// As [`end_session`], in an open inventory.
///
/// # Errors
/// As [`end_session`].
pub fn end_session_in(inventory: &mut dyn Inventory, id: &str) -> Result<EndedSession, Error> {
    let documents = documents(inventory)?;
    let is_it = |document: &&Document| id.len() == ID_LENGTH && document.key.starts_with(id);
    let Some(document) = documents.iter().find(is_it) else {
        return Err(Error::NoSession { id: id.to_owned() });
    };
    inventory.remove_document(DocumentKind::Session, &document.key)?;
    Ok(EndedSession::new(id))
}

fn documents(inventory: &dyn Inventory) -> Result<Vec<Document>, Error> {
    let mut all = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let page = inventory.documents(DocumentKind::Session, None, after.as_deref(), PAGE)?;
        after = page.last().map(|last| last.key.clone());
        all.extend(page);
        if after.is_none() {
            return Ok(all);
        }
    }
}

const ID_LENGTH: usize = 16;
const PAGE: usize = 500;
