//! What the server does by itself: it follows its files, renews its certificate, and reloads its settings.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use super::authority::{Authority, Stamps};
use super::certificate::ServerCertificate;
use super::core::Core;
use super::log::Event;
use super::settings::Settings;
use super::{Overrides, Passphrase, Request, Signals};
use crate::authority::{self, CONFIG, INVENTORY};
use crate::error::Error;
use crate::files;
use crate::net::ServiceManager;
use crate::ops::notify;
use crate::store::{Action, AuditEvent};

/// Follows the files of the directory, and the signals of the process.
pub(super) struct Upkeep<'a> {
    core: Arc<Core>,
    own: Arc<ServerCertificate>,
    directory: PathBuf,
    passphrase: Passphrase,
    overrides: &'a Overrides,
    service: &'a ServiceManager,
    alive_every: Option<Duration>,
    /// `None` after they could not be used.
    authority_files: Option<Stamps>,
    inventory: Option<u64>,
    /// The last error of each step, so that it is not repeated all the time.
    reported: [Option<String>; 2],
}

/// The files of a directory as they were before the server read them.
pub(super) struct Before {
    authority: Stamps,
    inventory: Option<u64>,
}

impl Before {
    /// The files as they are now.
    pub(super) fn reading(directory: &Path) -> Self {
        Before {
            authority: Stamps::of_authority(directory),
            inventory: inventory_in(directory),
        }
    }
}

/// The number of the inventory's file, if there is one.
fn inventory_in(directory: &Path) -> Option<u64> {
    files::stamp(&directory.join(INVENTORY)).map(|stamp| stamp.inode())
}

impl<'a> Upkeep<'a> {
    /// Begins with the files as they were before the server read them.
    pub(super) fn new(
        core: Arc<Core>,
        own: ServerCertificate,
        request: &'a Request,
        before: Before,
    ) -> Self {
        Upkeep {
            core,
            own: Arc::new(own),
            authority_files: Some(before.authority),
            inventory: before.inventory,
            directory: request.directory.clone(),
            passphrase: Arc::clone(&request.passphrase),
            overrides: &request.overrides,
            service: &request.service,
            alive_every: request.alive_every,
            reported: [None, None],
        }
    }

    /// Works until SIGTERM or SIGINT.
    pub(super) async fn until_stopped(&mut self, signals: &mut Signals) {
        let mut look = interval(LOOK_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut renew = interval(RENEW_EVERY);
        renew.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // The certificate was looked at when the server started.
        renew.reset();
        let mut notify = interval(NOTIFY_EVERY);
        notify.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut alive = Instant::now();
        loop {
            tokio::select! {
                _ = signals.terminate.recv() => return,
                _ = signals.interrupt.recv() => return,
                _ = signals.hangup.recv() => self.reload().await,
                _ = look.tick() => self.look().await,
                _ = renew.tick() => {
                    self.renew().await;
                    tokio::spawn(remove_expired(Arc::clone(&self.core)));
                }
                _ = notify.tick() => {
                    let core = Arc::clone(&self.core);
                    tokio::spawn(notify_once(core, self.directory.clone()));
                }
                () = sleep_until(alive), if self.alive_every.is_some() => {
                    self.service.alive();
                    alive = Instant::now() + self.alive_every.unwrap_or(RENEW_EVERY);
                }
            }
        }
    }

    /// Reads certs.toml again; keeps what it had when that is wrong.
    async fn reload(&mut self) {
        self.service.reloading();
        let now = self.core.now();
        match authority::read_config(&self.directory) {
            Ok(config) => {
                let https = self.core.settings().https;
                let settings = Settings::new(&config, self.overrides, https);
                self.core.replace_config(config, settings);
                let message = "certs.toml was read again; new addresses count after a restart";
                self.core.log(Event::new("reloaded", message, now));
                let told = AuditEvent::new(Action::SettingsReloaded, CONFIG, "");
                let told = self.core.write(|inventory, _| Ok(inventory.note(told)?));
                // A failure is in the log.
                let _ = told.await;
                self.look().await;
                self.renew().await;
            }
            Err(error) => self.core.log(Event::of_error("not reloaded", &error, now)),
        }
        self.service.ready();
    }

    /// Follows the files of the authority, the inventory and the server's certificate.
    async fn look(&mut self) {
        let stamps = Some(Stamps::of_authority(&self.directory));
        if stamps != self.authority_files {
            let (directory, passphrase) = (self.directory.clone(), Arc::clone(&self.passphrase));
            let now = self.core.now();
            let opened =
                tokio::task::spawn_blocking(move || Authority::open(&directory, &passphrase, now));
            let Ok(opened) = opened.await else {
                return;
            };
            // Files that cannot be used are tried again, for they may be half replaced.
            self.authority_files = stamps.filter(|_| opened.is_ok());
            if opened.is_ok() {
                let message = "the CA's files have changed, and are used from now on";
                self.core.log(Event::new("authority", message, now));
                self.reported[0] = None;
            }
            let error = opened.as_ref().err().map(ToString::to_string);
            let is_new = error.is_some() && error != self.reported[0];
            self.core.replace_authority(opened, is_new);
            self.reported[0] = error;
            self.renew().await;
        }
        let inventory = inventory_in(&self.directory);
        if inventory != self.inventory {
            self.inventory = inventory;
            self.core.store().reopen();
        }
        let own = Arc::clone(&self.own);
        self.own_step(move || own.reload()).await;
    }

    /// Renews the server's certificate if it is due.
    async fn renew(&mut self) {
        let (own, core) = (Arc::clone(&self.own), Arc::clone(&self.core));
        self.own_step(move || {
            own.renew(&core.config(), &core.settings(), core.now())?;
            own.reload()
        })
        .await;
    }

    /// Does something with the server's certificate, and says so.
    async fn own_step(&mut self, step: impl FnOnce() -> Result<bool, Error> + Send + 'static) {
        let now = self.core.now();
        match tokio::task::spawn_blocking(step).await {
            Ok(Ok(changed)) => {
                self.core.note_own_expiry(self.own.not_after());
                self.reported[1] = None;
                if changed {
                    let message = "the server presents a new certificate";
                    self.core
                        .log(Event::new("server certificate", message, now));
                }
            }
            Ok(Err(error)) => {
                let message = Some(error.to_string());
                if message != self.reported[1] {
                    self.core
                        .log(Event::of_error("server certificate", &error, now));
                    self.reported[1] = message;
                }
            }
            Err(_) => {}
        }
    }
}

/// Sends the notifications that certs.toml asks for. What another process has sent is not sent again.
async fn notify_once(core: Arc<Core>, directory: PathBuf) {
    let now = core.now();
    let checked = tokio::task::spawn_blocking(move || notify::check(&directory, None, now)).await;
    let failures = match checked {
        Ok(Ok(mut delivery)) => delivery.take_failures(),
        Ok(Err(error)) => vec![error],
        // The process is about to end.
        Err(_) => Vec::new(),
    };
    for error in failures {
        core.log(Event::of_error("not notified", &error, now));
    }
}

/// Removes what has expired of the server's state, a part at a time.
async fn remove_expired(core: Arc<Core>) {
    let removed = core.write(|inventory, now| Ok(inventory.remove_expired(now, MAX_REMOVED)?));
    // A failure is in the log, and the next round tries again.
    let _ = removed.await;
}

const LOOK_EVERY: Duration = Duration::from_secs(2);
/// How often the state of the directory is looked at for notifications.
const NOTIFY_EVERY: Duration = Duration::from_secs(60);
const RENEW_EVERY: Duration = Duration::from_secs(60);
const MAX_REMOVED: usize = 10_000;
