//! The certificate that the server presents: issued by its own authority, or given.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use time::OffsetDateTime;

use super::authority::{Passphrase, Stamps};
use super::settings::Settings;
use super::tls::Presented;
use crate::authority::{self, AuthorityAt};
use crate::config::Config;
use crate::error::{Error, InFile as _};
use crate::files::{self, Lock};
use crate::keys::ReadKey;
use crate::ops::issue::{self, End, Key};
use crate::ops::refused::Outcome;
use crate::path;
use crate::pki::algorithm::KeyType;
use crate::pki::certificate::{Certificate, Issuer};
use crate::pki::general_name::GeneralName;
use crate::pki::profile::{Policy, Profile};
use crate::pki::san::TypedName;
use crate::pki::validity::Lifetime;
use crate::store::Opening;

/// The pair that the server presents, and the files it is read from.
pub(super) struct ServerCertificate {
    certificate: PathBuf,
    key: PathBuf,
    /// Whether the authority issues it; otherwise somebody else keeps it.
    is_own: bool,
    directory: PathBuf,
    passphrase: Passphrase,
    presented: Arc<Presented>,
    read: Mutex<Read>,
}

/// What was read from the files last.
struct Read {
    stamps: Stamps,
    not_after: OffsetDateTime,
}

impl ServerCertificate {
    /// The pair in these files; without any, `serve.crt` and `serve.key` in the directory, issued if they are not
    /// there or due for renewal.
    pub(super) fn open(
        directory: &Path,
        given: Option<(PathBuf, PathBuf)>,
        passphrase: &Passphrase,
        (config, settings): (&Config, &Settings),
        now: OffsetDateTime,
    ) -> Result<Self, Error> {
        let is_own = given.is_none();
        if is_own {
            issue_if_due(directory, passphrase, config, settings, now)?;
        }
        let own = || {
            (
                directory.join(authority::SERVE),
                directory.join("serve.key"),
            )
        };
        let (certificate, key) = given.unwrap_or_else(own);
        // Another server of this directory may be replacing both.
        let lock = is_own.then(|| Lock::acquire(directory)).transpose()?;
        let stamps = Stamps::of([certificate.clone(), key.clone()]);
        let (chain, read_key) = read(&certificate, &key, passphrase)?;
        drop(lock);
        let presented = Presented::new(&chain, &read_key).in_file(&certificate)?;
        Ok(ServerCertificate {
            certificate,
            key,
            is_own,
            directory: directory.to_owned(),
            passphrase: Arc::clone(passphrase),
            presented: Arc::new(presented),
            read: Mutex::new(Read {
                stamps,
                not_after: chain[0].not_after(),
            }),
        })
    }

    /// What TLS presents.
    pub(super) fn presented(&self) -> &Arc<Presented> {
        &self.presented
    }

    /// When it expires.
    pub(super) fn not_after(&self) -> OffsetDateTime {
        self.read
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .not_after
    }

    /// Renews it if it is due, or if its names or its CA have changed.
    pub(super) fn renew(
        &self,
        config: &Config,
        settings: &Settings,
        now: OffsetDateTime,
    ) -> Result<(), Error> {
        if self.is_own {
            issue_if_due(&self.directory, &self.passphrase, config, settings, now)?;
        }
        Ok(())
    }

    /// Presents what is in the files, if they have changed. Whether they have.
    pub(super) fn reload(&self) -> Result<bool, Error> {
        let stamps = || Stamps::of([self.certificate.clone(), self.key.clone()]);
        let mut last = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if stamps() == last.stamps {
            return Ok(false);
        }
        let lock = self.is_own.then(|| Lock::acquire(&self.directory));
        let lock = lock.transpose()?;
        let stamps = stamps();
        let (chain, key) = read(&self.certificate, &self.key, &self.passphrase)?;
        drop(lock);
        let replaced = self.presented.replace(&chain, &key);
        replaced.in_file(&self.certificate)?;
        *last = Read {
            stamps,
            not_after: chain[0].not_after(),
        };
        Ok(true)
    }
}

fn read(
    certificate: &Path,
    key: &Path,
    passphrase: &Passphrase,
) -> Result<(Vec<Certificate>, ReadKey), Error> {
    let ask = |path: &Path| passphrase(path);
    let (key, _) = authority::read_key(key, &ask)?;
    Ok((authority::read_certificates(certificate)?, key))
}

/// Issues `serve.crt` and `serve.key`, unless they are there and not due.
fn issue_if_due(
    directory: &Path,
    passphrase: &Passphrase,
    config: &Config,
    settings: &Settings,
    now: OffsetDateTime,
) -> Result<(), Error> {
    let ask = |path: &Path| passphrase(path);
    let from = AuthorityAt {
        passphrase: &ask,
        ..AuthorityAt::directory(directory)
    };
    refuse_foreign(directory)?;
    let inventory = authority::open_inventory(directory, Opening::MustExist)?;
    let certificate = authority::certificate_in(directory, &*inventory)?;
    let issuer =
        authority::valid_issuer(&directory.join(authority::CERTIFICATE), &certificate, now)?;
    let request = request(config.profile(PROFILE)?, names(settings, &issuer)?);
    match issue::run_if_needed(&request, &from, directory, now)? {
        Outcome::Done(_) => Ok(()),
        Outcome::Refused(refused) => Err(Error::ServerNames {
            message: refused.message,
        }),
    }
}

/// The profile `server` as certs.toml has it, but for any name: nobody outside asked for this certificate.
fn request(profile: Profile, names: Vec<TypedName>) -> issue::Request {
    let lifetime = profile
        .max_lifetime
        .map_or(LIFETIME, |most| most.min(LIFETIME));
    let profile = Profile {
        policy: Policy::default(),
        key_types: vec![KeyType::P256],
        ..profile
    };
    issue::Request {
        end: Some(End::After(lifetime)),
        key: Key::New(Some(KeyType::P256)),
        base: Some(BASE.into()),
        requested_by: crate::ops::requested_by(),
        ..issue::Request::new(Arc::new(profile), names)
    }
}

/// The host of the public URL, and this machine's own names as far as the CA may issue for them.
fn names(settings: &Settings, issuer: &Issuer) -> Result<Vec<TypedName>, Error> {
    let public: TypedName = settings.public_url.host().parse()?;
    let mut names = vec![public];
    for own in OWN_NAMES {
        let own: TypedName = own.parse()?;
        let is_permitted =
            path::is_permitted(&GeneralName::from(&own.name), &issuer.name_constraints);
        if is_permitted && names.iter().all(|name| name.name != own.name) {
            names.push(own);
        }
    }
    Ok(names)
}

/// Refuses to replace a `serve.crt` that this authority has not issued.
fn refuse_foreign(directory: &Path) -> Result<(), Error> {
    let path = directory.join(authority::SERVE);
    if !files::exists(&path)? {
        return Ok(());
    }
    let inventory = authority::open_inventory(directory, Opening::MustExist)?;
    let first = authority::read_certificates(&path)?.swap_remove(0);
    match inventory.find(first.serial())? {
        Some(entry) if entry.certificate == first.as_der() => Ok(()),
        Some(_) | None => Err(Error::Exists {
            path,
            hint: "it was not issued by this CA: move it away, or present it with `--tls-cert` and `--tls-key`"
                .into(),
        }),
    }
}

const PROFILE: &str = "server";
const BASE: &str = "serve";
const OWN_NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];
const LIFETIME: Lifetime = Lifetime::from_seconds(30 * 24 * 60 * 60);
