//! The ways a message takes.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use zeroize::Zeroizing;

use super::message::Message;
use crate::authority;
use crate::config::{MailServer, Notify, WebhookUrl};
use crate::error::{Error, shown};
use crate::files;
use crate::net::https::Trust;
use crate::net::mail::{Encryption, MailRelay};
use crate::net::webhook::Webhook;
use crate::pki::escape::Escaped;
use crate::process::{self, Limited};

/// A way a message takes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Channel<'a> {
    /// Posted to a URL.
    Webhook(&'a WebhookUrl),
    /// On a program's standard input.
    Command(&'a [String]),
    /// By mail.
    Mail(&'a MailServer),
}

impl<'a> Channel<'a> {
    /// Those that are set.
    pub(super) fn all(settings: &'a Notify) -> Vec<Self> {
        let webhook = settings.webhook.as_ref().map(Channel::Webhook);
        let command = Some(&*settings.command).filter(|command| !command.is_empty());
        let mail = settings.smtp.as_ref().map(Channel::Mail);
        [webhook, command.map(Channel::Command), mail]
            .into_iter()
            .flatten()
            .collect()
    }

    /// Its name.
    pub(super) fn name(self) -> &'static str {
        match self {
            Channel::Webhook(_) => "webhook",
            Channel::Command(_) => "command",
            Channel::Mail(_) => "smtp",
        }
    }

    /// Sends a message. Relative paths in the settings start at the PKI directory.
    ///
    /// # Errors
    /// When it does not arrive.
    pub(super) fn send(
        self,
        message: &Message,
        settings: &Notify,
        directory: &Path,
    ) -> Result<(), Error> {
        let beside = |path: &PathBuf| directory.join(path);
        match self {
            Channel::Webhook(url) => {
                let secret = settings.webhook_secret_file.as_ref().map(beside);
                let secret = secret.map(|path| secret_in(&path)).transpose()?;
                let shown = url.shown();
                let webhook = Webhook {
                    url: url.as_str(),
                    shown: &shown,
                    trust: trust(settings.webhook_ca_file.as_ref().map(beside))?,
                    secret: secret.as_ref().map(|secret| secret.as_slice()),
                };
                Ok(webhook.post(&message.json()?)?)
            }
            Channel::Command(command) => run(command, message),
            Channel::Mail(server) => {
                let password = settings.smtp_password_file.as_ref().map(beside);
                let password = password.map(|path| secret_in(&path)).transpose()?;
                let password = password.map(|text| String::from_utf8_lossy(&text).into_owned());
                let relay = MailRelay {
                    host: server.host.clone(),
                    port: server.port,
                    encryption: match (server.is_tls, server.is_local()) {
                        (true, _) => Encryption::Immediate,
                        (false, true) => Encryption::Opportunistic,
                        (false, false) => Encryption::Upgraded,
                    },
                    ca: match trust(settings.smtp_ca_file.as_ref().map(beside))? {
                        Trust::System | Trust::Anyone | Trust::Spiffe { .. } => Vec::new(),
                        Trust::Only(certificates) => certificates,
                    },
                    login: settings.smtp_user.clone().zip(password),
                };
                let from = settings.from.as_deref().unwrap_or_default();
                let (title, body) = (message.title(), message.body());
                Ok(relay.send(from, &settings.to.0, &title, &body)?)
            }
        }
    }
}

fn trust(path: Option<PathBuf>) -> Result<Trust, Error> {
    let Some(path) = path else {
        return Ok(Trust::System);
    };
    let certificates = authority::read_certificates(&path)?;
    Ok(Trust::Only(
        certificates.into_iter().map(|one| one.into_der()).collect(),
    ))
}

/// A secret in a file, without the line end.
fn secret_in(path: &Path) -> Result<Zeroizing<Vec<u8>>, Error> {
    let mut content = files::read(path)?;
    while content.last().is_some_and(u8::is_ascii_whitespace) {
        content.pop();
    }
    Ok(content)
}

/// Runs a program with the message on its standard input, and its parts in the environment.
fn run(command: &[String], message: &Message) -> Result<(), Error> {
    let words: Vec<OsString> = command.iter().map(OsString::from).collect();
    let json = message.json()?;
    let environment: [(&str, OsString); 5] = [
        ("OPENAGENTS_CERTS_EVENT", message.event.into()),
        (
            "OPENAGENTS_CERTS_SUBJECT",
            Escaped(&message.subject).to_string().into(),
        ),
        (
            "OPENAGENTS_CERTS_SERIAL",
            message.serial.clone().unwrap_or_default().into(),
        ),
        ("OPENAGENTS_CERTS_PATH", message.path.clone().into()),
        ("OPENAGENTS_CERTS_TEXT", message.text.clone().into()),
    ];
    let failed = |reason: String| Error::Notification {
        to: shown(Path::new(&words[0])),
        reason,
    };
    let ended = process::run_limited(&Limited {
        program: &words[0],
        arguments: &words[1..],
        environment: &environment,
        withheld: &[],
        timeout: PATIENCE,
        output: None,
        input: &json,
    });
    match ended {
        Ok(Some(status)) if status.success() => Ok(()),
        Ok(Some(status)) => Err(failed(format!("failed: {status}"))),
        Ok(None) => Err(failed(format!(
            "did not finish within {} s",
            PATIENCE.as_secs()
        ))),
        Err(error) => Err(failed(format!("cannot be started: {error}"))),
    }
}

const PATIENCE: Duration = Duration::from_secs(30);
