//! The results of the operations on links and sessions.

use std::fmt;

use serde::Serialize;
use time::OffsetDateTime;
use zeroize::Zeroizing;

use super::{Link, Secret, Session};
use crate::config::{PublicUrl, Role};
use crate::ops::Report;
use crate::pki::validity::rfc3339;

/// A link that was created. This is the only time that it is shown.
#[derive(Serialize)]
pub struct Login {
    /// The URL, which signs in once.
    pub url: Zeroizing<String>,
    /// What its session may do.
    pub role: Role,
    /// When it can no longer be used.
    #[serde(with = "time::serde::rfc3339")]
    pub expires_at: OffsetDateTime,
}

impl Login {
    pub(super) fn new(url: &PublicUrl, secret: &Secret, link: &Link) -> Self {
        Login {
            url: Zeroizing::new(format!("{url}/login/{}", secret.reveal())),
            role: link.role,
            expires_at: link.expires_at,
        }
    }
}

impl fmt::Display for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", *self.url)
    }
}

impl Report for Login {
    fn is_content(&self) -> bool {
        true
    }
}

/// The sessions that have not expired, the newest first.
#[derive(Debug, Serialize)]
pub struct SessionList {
    /// The sessions.
    pub sessions: Vec<Session>,
}

impl fmt::Display for SessionList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.sessions.is_empty() {
            return writeln!(
                f,
                "No sessions: sign in with `openagents-certs dashboard login`"
            );
        }
        writeln!(
            f,
            "ID                ROLE      SIGNED IN             EXPIRES               LINK CREATED BY"
        )?;
        for session in &self.sessions {
            writeln!(
                f,
                "{}  {:8}  {}  {}  {}",
                session.id,
                session.role,
                rfc3339(session.created_at),
                rfc3339(session.expires_at),
                session.created_by,
            )?;
        }
        Ok(())
    }
}

impl Report for SessionList {
    fn is_content(&self) -> bool {
        true
    }
}

/// A session that was ended.
#[derive(Debug, Serialize)]
pub struct EndedSession {
    /// Its id.
    pub id: String,
    /// Always true.
    pub ended: bool,
}

impl EndedSession {
    pub(super) fn new(id: &str) -> Self {
        EndedSession {
            id: id.to_owned(),
            ended: true,
        }
    }
}

impl fmt::Display for EndedSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Ended session {}: its browser is signed out", self.id)
    }
}

impl Report for EndedSession {}
