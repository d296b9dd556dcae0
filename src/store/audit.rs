//! The audit trail: who changed what, when, from where, and by which credential.
//!
//! A store adds a record in the transaction of the change it tells of, so that neither is there without the other, and
//! by its own clock, so that the records of several machines are in order. It refuses to change or remove a record.

use serde::Serialize;
use time::OffsetDateTime;

use super::entry::{recorded_names, subject_name};
use super::{Document, DocumentKind, Entry, Revocation};
use crate::pki::certificate::Certificate;
use crate::pki::name::DistinguishedName;
use crate::pki::serial::{SerialNumber, SerialPrefix};

/// Who changes an inventory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Actor {
    /// Who it is: a user as `user@host`, the subject of a certificate, a token's or an account's id.
    pub actor: String,
    /// What proved it, such as `uid:1000`, `token:ID`, `account-key:THUMBPRINT`, `certificate:SERIAL` or `session:ID`;
    /// empty when nothing did.
    pub credential: String,
    /// From where: `cli@HOST`, `serve@HOST`, or the address of a client.
    pub origin: String,
}

impl Actor {
    /// Someone who did not say who they are.
    pub fn unknown() -> Self {
        Actor {
            actor: "unknown".into(),
            credential: String::new(),
            origin: String::new(),
        }
    }

    /// The fields, cut to what a record takes.
    pub(super) fn fields(&self) -> [String; 3] {
        [&self.actor, &self.credential, &self.origin].map(|text| cut(text))
    }
}

/// Defines the actions, each with its name in the inventory, which never changes.
macro_rules! actions {
    ($($(#[$doc:meta])* $action:ident = $name:literal,)*) => {
        /// What was done.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Action {
            $($(#[$doc])* $action,)*
        }

        impl Action {
            /// Every action.
            pub const ALL: &'static [Action] = &[$(Action::$action),*];

            /// Its name in the inventory, in JSON and on the command line.
            pub fn name(self) -> &'static str {
                match self {
                    $(Action::$action => $name,)*
                }
            }
        }
    };
}

actions! {
    /// A certificate was issued.
    Issued = "issued",
    /// A certificate was issued in place of another.
    Renewed = "renewed",
    /// A certificate that was issued earlier or elsewhere was recorded.
    Adopted = "adopted",
    /// A certificate was revoked, or for another reason than before.
    Revoked = "revoked",
    /// A certificate was released from hold.
    Unrevoked = "unrevoked",
    /// Certificates were removed from the inventory.
    Pruned = "pruned",
    /// A CA was created.
    CaCreated = "ca_created",
    /// A CA began to issue.
    CaActivated = "ca_activated",
    /// A CA was rotated out.
    CaRetired = "ca_retired",
    /// A CRL got its number, to be signed next.
    CrlSigned = "crl_signed",
    /// A token was created.
    TokenCreated = "token_created",
    /// A key used a token for the first time.
    TokenUsed = "token_used",
    /// A token was revoked.
    TokenRevoked = "token_revoked",
    /// An ACME account was created.
    AccountCreated = "account_created",
    /// An ACME account got other contacts or another key.
    AccountChanged = "account_changed",
    /// An ACME account was deactivated.
    AccountDeactivated = "account_deactivated",
    /// A workload entry was added.
    EntryAdded = "entry_added",
    /// A workload entry was removed.
    EntryRemoved = "entry_removed",
    /// A link to sign in to the dashboard was created.
    LoginCreated = "login_created",
    /// Somebody signed in to the dashboard.
    SignedIn = "signed_in",
    /// A session of the dashboard was ended.
    SignedOut = "signed_out",
    /// A server read its settings again.
    SettingsReloaded = "settings_reloaded",
}

impl Action {
    /// The action with this name.
    pub fn named(name: &str) -> Option<Self> {
        let mut all = Action::ALL.iter().copied();
        all.find(|action| action.name() == name)
    }

    /// Whether it is one of the few that make up nearly all records.
    pub(super) fn is_frequent(self) -> bool {
        matches!(self, Action::Issued | Action::Renewed)
    }
}

impl std::fmt::Display for Action {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

impl Serialize for Action {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// A change, as the audit trail tells of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AuditEvent {
    /// What was done.
    pub action: Action,
    /// To what: a certificate's name, a token's or an account's id; may be empty.
    pub subject: String,
    /// The serial number of the certificate, where it is one.
    pub serial: Option<SerialNumber>,
    /// To how many.
    pub count: u64,
    /// More about it, such as a reason; may be empty.
    pub details: String,
}

/// A record of the audit trail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AuditRecord {
    /// Its place among the records, from 1; not all numbers are given.
    pub position: u64,
    /// When, by the store's clock; whole seconds.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// What was done.
    #[serde(flatten)]
    pub event: AuditEvent,
    /// Who did it.
    #[serde(flatten)]
    pub by: Actor,
}

/// Which records to select: conditions that combine with AND.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    /// Not before this moment.
    pub since: Option<OffsetDateTime>,
    /// Before this moment.
    pub until: Option<OffsetDateTime>,
    /// The action.
    pub action: Option<Action>,
    /// Text in who did it, the credential or the origin; ASCII letters match in either case.
    pub by: Option<String>,
    /// Text in the subject or the details; ASCII letters match in either case.
    pub subject: Option<String>,
    /// The start of the certificate's serial number.
    pub serial: Option<SerialPrefix>,
    /// Only those behind this one, in the order in which they come: its time, and its position.
    pub after: Option<(OffsetDateTime, u64)>,
    /// The maximum number of records; `None` for all.
    pub limit: Option<usize>,
}

impl AuditFilter {
    /// Whether a record meets the conditions. Does not look at the limit.
    pub fn matches(&self, record: &AuditRecord) -> bool {
        let (event, by) = (&record.event, &record.by);
        let place = (record.at, record.position);
        self.since.is_none_or(|since| record.at >= since)
            && self.until.is_none_or(|until| record.at < until)
            && self.action.is_none_or(|action| event.action == action)
            && self
                .serial
                .as_ref()
                .is_none_or(|prefix| event.serial.as_ref().is_some_and(|own| prefix.matches(own)))
            && self.after.is_none_or(|after| place < after)
            && holds(self.by.as_ref(), &[&by.actor, &by.credential, &by.origin])
            && holds(self.subject.as_ref(), &[&event.subject, &event.details])
    }
}

/// Whether one of these fields has a text.
fn holds(text: Option<&String>, fields: &[&str]) -> bool {
    text.is_none_or(|text| {
        let text = text.to_ascii_lowercase();
        let mut fields = fields.iter();
        fields.any(|field| field.to_ascii_lowercase().contains(&text))
    })
}

impl AuditEvent {
    /// Something done to one thing.
    pub fn new(action: Action, subject: &str, details: &str) -> Self {
        AuditEvent {
            action,
            subject: cut(subject),
            serial: None,
            count: 1,
            details: cut(details),
        }
    }

    /// That entries were recorded together: of a few one record for each, of many one for all, which would otherwise
    /// take a tenth of the time of a batch. What is recorded with each entry tells the rest.
    pub(super) fn recorded(entries: &[Entry], action: Action) -> Vec<Self> {
        let (Some(first), Some(last)) = (entries.first(), entries.last()) else {
            return Vec::new();
        };
        if entries.len() <= MAX_EACH {
            let each = entries.iter();
            return each
                .map(|entry| AuditEvent::recorded_one(entry, action))
                .collect();
        }
        let subject = format!("{} to {}", first.name(), last.name());
        let details = match (&first.batch, &last.batch) {
            (Some(one), Some(other)) => format!(
                "profile {}, rows {} to {} of the manifest {}",
                first.profile, one.row, other.row, one.manifest
            ),
            (_, _) => format!("profile {}", first.profile),
        };
        vec![AuditEvent {
            count: entries.len() as u64,
            ..AuditEvent::new(action, &subject, &details)
        }]
    }

    /// That an entry was recorded.
    fn recorded_one(entry: &Entry, action: Action) -> Self {
        let action = match (action, &entry.replaces) {
            (Action::Issued, Some(_)) => Action::Renewed,
            (action, _) => action,
        };
        let details = match &entry.replaces {
            Some(old) => format!("profile {}, in place of {old}", entry.profile),
            None if entry.profile.is_empty() => String::new(),
            None => format!("profile {}", entry.profile),
        };
        AuditEvent {
            serial: Some(entry.serial.clone()),
            ..AuditEvent::new(action, &entry.name(), &details)
        }
    }

    /// That a certificate is revoked now for another reason, or not any more.
    pub(super) fn revocation(
        serial: &SerialNumber,
        subject: &str,
        revocation: Option<Revocation>,
    ) -> Self {
        let event = match revocation {
            Some(revocation) => {
                AuditEvent::new(Action::Revoked, subject, &revocation.reason.to_string())
            }
            None => AuditEvent::new(Action::Unrevoked, subject, ""),
        };
        AuditEvent {
            serial: Some(serial.clone()),
            ..event
        }
    }

    /// That somebody may use the dashboard, or does in the session with this key.
    fn access(action: Action, content: &serde_json::Value, key: &str) -> Self {
        let text = |name| content.get(name).and_then(|text| text.as_str());
        let role = text("role").unwrap_or_default();
        let details = match key {
            "" => role.to_owned(),
            key => format!("{role}, session {}", session_id(key)),
        };
        AuditEvent::new(action, text("created_by").unwrap_or_default(), &details)
    }

    /// That entries were removed; `None` for none.
    pub(super) fn pruned(count: u64) -> Option<Self> {
        (count > 0).then(|| AuditEvent {
            count,
            ..AuditEvent::new(Action::Pruned, "", "certificates that expired")
        })
    }

    /// Something done to a CA.
    pub(super) fn authority(action: Action, certificate: &[u8]) -> Self {
        let Ok(certificate) = Certificate::from_der(certificate.to_vec()) else {
            return AuditEvent::new(action, "", "");
        };
        AuditEvent {
            serial: Some(certificate.serial().clone()),
            ..AuditEvent::new(action, &subject_name(certificate.subject()), "")
        }
    }

    /// That a CRL has this number.
    pub(super) fn crl(number: u64) -> Self {
        AuditEvent::new(Action::CrlSigned, "", &format!("number {number}"))
    }

    /// What writing a document means; `None` when it is no change that anybody asks about.
    pub(super) fn written(document: &Document) -> Option<Self> {
        let is_new = document.version == 0;
        let key = &document.key;
        let content = || serde_json::from_str(&document.content).unwrap_or_default();
        match document.kind {
            DocumentKind::Token if is_new => {
                let details = token_details(&content());
                Some(AuditEvent::new(Action::TokenCreated, key, &details))
            }
            DocumentKind::Token => {
                let is_revoked = content().get("revoked_at").is_some_and(|at| !at.is_null());
                is_revoked.then(|| AuditEvent::new(Action::TokenRevoked, key, ""))
            }
            DocumentKind::TokenUse if is_new => {
                Some(AuditEvent::new(Action::TokenUsed, &document.owner, ""))
            }
            DocumentKind::Account if is_new => {
                Some(AuditEvent::new(Action::AccountCreated, key, ""))
            }
            DocumentKind::Account => Some(AuditEvent::new(account_action(&content()), key, "")),
            DocumentKind::WorkloadEntry => Some(AuditEvent::new(Action::EntryAdded, key, "")),
            DocumentKind::SignInLink if is_new => {
                Some(AuditEvent::access(Action::LoginCreated, &content(), ""))
            }
            DocumentKind::Session if is_new => {
                Some(AuditEvent::access(Action::SignedIn, &content(), key))
            }
            DocumentKind::SignInLink
            | DocumentKind::Session
            | DocumentKind::CsrfKey
            | DocumentKind::TokenUse
            | DocumentKind::AccountKey
            | DocumentKind::Order
            | DocumentKind::CertificateOrder
            | DocumentKind::Validation
            | DocumentKind::Nonce
            | DocumentKind::AcmeSecret
            | DocumentKind::AnchorsFetch
            | DocumentKind::Notification
            | DocumentKind::ServerUrl
            | DocumentKind::JwtKey
            | DocumentKind::FederatedBundle
            | DocumentKind::BundleSequence => None,
        }
    }

    /// What removing a document means; `None` when it is no change that anybody asks about.
    pub(super) fn removed(kind: DocumentKind, key: &str) -> Option<Self> {
        match kind {
            DocumentKind::WorkloadEntry => Some(AuditEvent::new(Action::EntryRemoved, key, "")),
            DocumentKind::Session => {
                let id = format!("session {}", session_id(key));
                Some(AuditEvent::new(Action::SignedOut, "", &id))
            }
            DocumentKind::SignInLink
            | DocumentKind::CsrfKey
            | DocumentKind::Token
            | DocumentKind::TokenUse
            | DocumentKind::Account
            | DocumentKind::AccountKey
            | DocumentKind::Order
            | DocumentKind::CertificateOrder
            | DocumentKind::Validation
            | DocumentKind::Nonce
            | DocumentKind::AcmeSecret
            | DocumentKind::AnchorsFetch
            | DocumentKind::Notification
            | DocumentKind::ServerUrl
            | DocumentKind::JwtKey
            | DocumentKind::FederatedBundle
            | DocumentKind::BundleSequence => None,
        }
    }
}

/// The start of a session's key, which names it.
fn session_id(key: &str) -> String {
    key.chars().take(SESSION_ID_CHARACTERS).collect()
}

/// What the change of an account is.
fn account_action(content: &serde_json::Value) -> Action {
    let status = content.get("status");
    match status.is_some_and(|status| status == "deactivated") {
        true => Action::AccountDeactivated,
        false => Action::AccountChanged,
    }
}

/// What a token permits. Its hash is no one's business.
fn token_details(content: &serde_json::Value) -> String {
    let names = content.get("names").and_then(|names| names.as_array());
    let names = names.into_iter().flatten();
    let names: Vec<&str> = names.filter_map(|name| name.as_str()).collect();
    let profile = content.get("profile").and_then(|profile| profile.as_str());
    format!(
        "profile {}, for {}",
        profile.unwrap_or_default(),
        names.join(" ")
    )
}

/// The name of a certificate whose names and subject are recorded like this.
pub(super) fn recorded_subject(names: &str, subject: &[u8]) -> String {
    let names = recorded_names(names).unwrap_or_default();
    match names.first() {
        Some(name) => name.value().into_owned(),
        None => subject_name(&DistinguishedName::from_der(subject)),
    }
}

/// The start of a text: names in certificates may be very long.
fn cut(text: &str) -> String {
    text.chars().take(MAX_CHARACTERS).collect()
}

/// How many certificates that are recorded together have a record each.
const MAX_EACH: usize = 16;
const SESSION_ID_CHARACTERS: usize = 16;
/// How much of a name or detail a record has.
const MAX_CHARACTERS: usize = 256;
