//! Proving control of names, and clearing away what proved it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use time::OffsetDateTime;

use super::state::Challenge;
use crate::error::{Error, shown};
use crate::files::{self, Kind, Lock, NewFile};
use crate::net::acme::{Authorization, txt_value};
use crate::net::dns::{Update, UpdateKey};
use crate::net::{ChallengeListener, Protocol, WELL_KNOWN};
use crate::process::{self, Limited};

/// Proves control of names in one way. Clears away what it published when it is dropped.
pub(super) struct Solver {
    way: Way,
    published: Vec<Published>,
    /// How long to wait after a DNS record is published.
    dns_wait: Duration,
}

enum Way {
    Listener(Protocol, ChallengeListener),
    Webroot(PathBuf),
    Hook(String),
    Update(Box<Update>),
}

/// What was published, and is to be removed.
enum Published {
    File(String),
    Record { name: String, value: String },
}

impl Solver {
    /// Prepares a way: binds its port, or looks whether its directory, program or key is there.
    ///
    /// # Errors
    /// When it cannot be used.
    pub(super) fn prepare(
        challenge: &Challenge,
        dns_wait: u64,
        now: OffsetDateTime,
    ) -> Result<Self, Error> {
        let listen = |protocol, address| {
            let listener = ChallengeListener::start(protocol, address);
            let listener = listener.map_err(|source| Error::Listen {
                address,
                flag: match protocol {
                    Protocol::Http01 => "--http-01",
                    Protocol::TlsAlpn01 => "--tls-alpn-01",
                },
                source,
            })?;
            Ok::<_, Error>(Way::Listener(protocol, listener))
        };
        let way = match challenge {
            Challenge::Http01 { listen: address } => listen(Protocol::Http01, *address)?,
            Challenge::TlsAlpn01 { listen: address } => listen(Protocol::TlsAlpn01, *address)?,
            Challenge::Http01Webroot { directory } => {
                if files::kind(directory)? == Kind::Absent {
                    return Err(Error::usage(
                        format!("{}: there is no such directory", shown(directory)),
                        "name the directory that the web server publishes as `/`",
                    ));
                }
                Way::Webroot(directory.clone())
            }
            Challenge::Dns01Hook { command } => Way::Hook(command.clone()),
            Challenge::Dns01Update { server, key } => {
                let text = files::read(key)?;
                let parsed = UpdateKey::read(&String::from_utf8_lossy(&text));
                let parsed = parsed.map_err(|reason| {
                    Error::usage(
                        format!("{}: {reason}", shown(key)),
                        "create a key with `tsig-keygen NAME`, and give its file",
                    )
                })?;
                Way::Update(Box::new(Update::new(*server, parsed, now)))
            }
        };
        Ok(Solver {
            way,
            published: Vec::new(),
            dns_wait: Duration::from_secs(dns_wait),
        })
    }

    /// Publishes the proof for one name.
    ///
    /// # Errors
    /// When it cannot be published.
    pub(super) fn publish(
        &mut self,
        authorization: &Authorization,
        token: &str,
        key_authorization: &str,
    ) -> Result<(), Error> {
        let name = &authorization.identifier.value;
        match &self.way {
            Way::Listener(Protocol::Http01, listener) => {
                listener.add_file(token, key_authorization);
            }
            Way::Listener(Protocol::TlsAlpn01, listener) => {
                let added = listener.add_certificate(name, key_authorization);
                added.map_err(|source| Error::Io {
                    action: "create a certificate for",
                    path: name.into(),
                    source,
                })?;
            }
            Way::Webroot(directory) => {
                let lock = challenge_directory(directory)?;
                let file = NewFile::public(token, key_authorization.as_bytes());
                self.published.push(Published::File(token.to_owned()));
                files::replace(&lock, &file)?;
            }
            Way::Hook(_) | Way::Update(_) => {
                let record = format!("_acme-challenge.{name}");
                let value = txt_value(key_authorization);
                self.published.push(Published::Record {
                    name: record.clone(),
                    value: value.clone(),
                });
                self.change_record("present", &record, &value)?;
            }
        }
        Ok(())
    }

    /// Waits until what was published can be seen.
    pub(super) fn settle(&self) {
        let is_record = |one: &Published| matches!(one, Published::Record { .. });
        if self.published.iter().any(is_record) {
            std::thread::sleep(self.dns_wait);
        }
    }

    /// Removes what was published.
    ///
    /// # Errors
    /// When something cannot be removed; the rest is.
    pub(super) fn clear(&mut self) -> Result<(), Error> {
        let mut cleared = Ok(());
        for published in std::mem::take(&mut self.published) {
            let removed = match (&self.way, &published) {
                (Way::Webroot(directory), Published::File(token)) => {
                    challenge_directory(directory).and_then(|lock| files::remove(&lock, &[token]))
                }
                (_, Published::Record { name, value }) => {
                    self.change_record("cleanup", name, value)
                }
                (_, Published::File(_)) => Ok(()),
            };
            cleared = cleared.and(removed);
        }
        cleared
    }

    fn change_record(&self, action: &str, name: &str, value: &str) -> Result<(), Error> {
        match &self.way {
            Way::Hook(command) => run_hook(command, action, name, value),
            Way::Update(update) => {
                let changed = if action == "present" {
                    update.add_txt(name, value)
                } else {
                    update.remove_txt(name, value)
                };
                changed.map_err(|source| Error::DnsUpdate {
                    name: name.to_owned(),
                    source,
                })
            }
            Way::Listener(..) | Way::Webroot(_) => Ok(()),
        }
    }
}

impl Drop for Solver {
    fn drop(&mut self) {
        // What could not be removed is no secret, and is replaced by the next run.
        let _ = self.clear();
    }
}

/// Runs the program that changes the DNS: `CMD present|cleanup NAME VALUE`.
fn run_hook(command: &str, action: &str, name: &str, value: &str) -> Result<(), Error> {
    let is_path = files::kind(Path::new(command)).is_ok_and(|kind| kind != Kind::Absent);
    let mut words = if is_path {
        vec![OsString::from(command)]
    } else {
        command.split_whitespace().map(OsString::from).collect()
    };
    words.extend([action, name, value].map(OsString::from));
    let failed = |why: String| Error::ProgramFailed {
        call: format!("{command} {action} {name}:"),
        why,
        hint: "run it by hand; it gets `present` or `cleanup`, the record's name and its value",
    };
    let ended = process::run_limited(&Limited {
        program: &words[0],
        arguments: &words[1..],
        environment: &[],
        withheld: &[],
        timeout: HOOK_PATIENCE,
        output: None,
        input: &[],
    });
    match ended {
        Ok(Some(status)) if status.success() => Ok(()),
        Ok(Some(status)) => Err(failed(format!("failed: {status}"))),
        Ok(None) => Err(failed(format!(
            "did not finish within {} s",
            HOOK_PATIENCE.as_secs()
        ))),
        Err(error) => Err(failed(format!("cannot be started: {error}"))),
    }
}

/// The directory of the files of challenges below a webroot.
fn challenge_directory(webroot: &Path) -> Result<Lock, Error> {
    Lock::acquire(&webroot.join(WELL_KNOWN.trim_matches('/')))
}

const HOOK_PATIENCE: Duration = Duration::from_secs(300);
