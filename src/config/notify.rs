//! `[notify]` of `certs.toml`: who is told of what.

use std::path::PathBuf;
use std::str::FromStr;

use serde::Deserialize;

use crate::pki::validity::Lifetime;

/// Who is told of what.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Notify {
    /// The URL that messages are posted to.
    pub webhook: Option<WebhookUrl>,
    /// The CA of the webhook's server; the system's by default.
    pub webhook_ca_file: Option<PathBuf>,
    /// The file of the key that signs what is posted.
    pub webhook_secret_file: Option<PathBuf>,
    /// A program that runs with each message on its standard input, and its arguments.
    pub command: Vec<String>,
    /// The mail server.
    pub smtp: Option<MailServer>,
    /// The CA of the mail server; the system's by default.
    pub smtp_ca_file: Option<PathBuf>,
    /// The user to log in as.
    pub smtp_user: Option<String>,
    /// The file of the user's password.
    pub smtp_password_file: Option<PathBuf>,
    /// The sender of mails.
    pub from: Option<String>,
    /// The recipients of mails.
    pub to: Recipients,
    /// How long before its expiry a certificate is told of.
    pub before: Option<Vec<Lifetime>>,
    /// The events that are told of; all by default.
    pub on: Option<Vec<EventKind>>,
}

/// Recipients of mails: one, or several.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(from = "OneOrMore")]
pub struct Recipients(pub Vec<String>);

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMore {
    One(String),
    More(Vec<String>),
}

impl From<OneOrMore> for Recipients {
    fn from(given: OneOrMore) -> Self {
        Recipients(match given {
            OneOrMore::One(one) => vec![one],
            OneOrMore::More(more) => more,
        })
    }
}

/// What can be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EventKind {
    /// A certificate expires soon, or has expired.
    Expiry,
    /// A certificate is due and could not be renewed.
    RenewalFailed,
    /// A certificate that is in use was revoked.
    Revoked,
    /// A CA expires soon, or has expired.
    CaExpiry,
    /// A revocation list is out of date.
    CrlStale,
}

impl EventKind {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            EventKind::Expiry => "expiry",
            EventKind::RenewalFailed => "renewal-failed",
            EventKind::Revoked => "revoked",
            EventKind::CaExpiry => "ca-expiry",
            EventKind::CrlStale => "crl-stale",
        }
    }

    /// All of them.
    pub const ALL: [EventKind; 5] = [
        EventKind::Expiry,
        EventKind::RenewalFailed,
        EventKind::Revoked,
        EventKind::CaExpiry,
        EventKind::CrlStale,
    ];
}

impl Notify {
    /// Whether anybody is told.
    pub fn is_configured(&self) -> bool {
        self.webhook.is_some() || !self.command.is_empty() || self.smtp.is_some()
    }

    /// Whether this event is told of.
    pub fn includes(&self, event: EventKind) -> bool {
        self.on.as_ref().is_none_or(|on| on.contains(&event))
    }

    /// What is missing, as a clause.
    pub(super) fn fault(&self) -> Option<&'static str> {
        if self.smtp.is_some() && (self.from.is_none() || self.to.0.is_empty()) {
            return Some("smtp needs `from` and `to`");
        }
        if self.smtp_user.is_some() != self.smtp_password_file.is_some() {
            return Some("smtp_user and smtp_password_file belong together");
        }
        None
    }
}

/// An `https` URL. It may contain a secret, so only its host is shown.
#[derive(Clone, Deserialize)]
#[serde(try_from = "String")]
pub struct WebhookUrl(String);

impl WebhookUrl {
    /// The whole URL.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Scheme and host.
    pub fn shown(&self) -> String {
        let rest = self.0.trim_start_matches("https://");
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        format!("https://{host}/…")
    }
}

impl TryFrom<String> for WebhookUrl {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, &'static str> {
        match text.strip_prefix("https://") {
            Some(rest) if !rest.is_empty() && !rest.starts_with('/') => Ok(WebhookUrl(text)),
            Some(_) | None => Err("a webhook is a URL that starts with https://"),
        }
    }
}

impl std::fmt::Debug for WebhookUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.shown())
    }
}

/// A mail server: `smtp://host:port` (STARTTLS; optional for this machine), or `smtps://host:port` (TLS).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct MailServer {
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Whether TLS starts at once.
    pub is_tls: bool,
}

impl MailServer {
    /// Whether it is this machine, where a connection needs no TLS.
    pub fn is_local(&self) -> bool {
        let address = self.host.parse::<std::net::IpAddr>();
        self.host == "localhost" || address.is_ok_and(|address| address.is_loopback())
    }
}

impl FromStr for MailServer {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        const WRONG: &str = "a mail server is smtp://host:port or smtps://host:port";
        let (is_tls, rest) = match (text.strip_prefix("smtps://"), text.strip_prefix("smtp://")) {
            (Some(rest), _) => (true, rest),
            (None, Some(rest)) => (false, rest),
            (None, None) => return Err(WRONG),
        };
        let rest = rest.trim_end_matches('/');
        let usual = if is_tls { 465 } else { 587 };
        let (host, port) = match rest.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (host, port.parse().map_err(|_| WRONG)?),
            Some(_) | None => (rest, usual),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        if host.is_empty() || host.contains(['@', '/', '?']) {
            return Err(WRONG);
        }
        Ok(MailServer {
            host: host.to_owned(),
            port,
            is_tls,
        })
    }
}

impl TryFrom<String> for MailServer {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, &'static str> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_server_has_a_scheme_and_perhaps_a_port() {
        let parse = |text: &str| text.parse::<MailServer>();
        let local = parse("smtp://127.0.0.1:2525").unwrap();
        assert!(local.is_local() && !local.is_tls && local.port == 2525);
        assert_eq!(parse("smtps://mail.example.org").unwrap().port, 465);
        assert_eq!(parse("smtp://[::1]:25").unwrap().host, "::1");
        for text in [
            "mail.example.org",
            "smtp://",
            "smtp://a:b",
            "smtp://u@a:25",
            "http://a",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn nothing_behind_the_host_of_a_webhook_is_shown() {
        let url = WebhookUrl::try_from("https://hooks.test/services/SECRET?key=1".to_owned());
        assert_eq!(format!("{:?}", url.unwrap()), "https://hooks.test/…");
        assert!(WebhookUrl::try_from("http://hooks.test/".to_owned()).is_err());
    }
}
