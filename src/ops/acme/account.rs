//! Accounts: created once for each server, kept in the PKI directory and used again.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::json;
use time::OffsetDateTime;
use zeroize::Zeroizing;

use super::state::{self, AccountState, KEY, Kept, Limit, NEXT_KEY};
use crate::authority;
use crate::error::{Error, InFile as _, shown};
use crate::files::{self, Kind};
use crate::keys::{self, EcdsaForm, Jwk, PrivateKey, Signer};
use crate::net::acme::{AccountKey, AcmeError, Client, ExternalAccount};
use crate::net::https::{Https, Limits, Trust, check_url};
use crate::ops::Report;
use crate::pki::algorithm::KeyType;

/// The server, and who asks.
#[derive(Debug)]
pub struct Request {
    /// The PKI directory.
    pub directory: PathBuf,
    /// The URL of the server's directory.
    pub server: String,
    /// The CA of the server's own certificate; the system's by default.
    pub ca_bundle: Option<PathBuf>,
}

/// How a new account introduces itself.
#[derive(Debug, Default)]
pub struct Introduction {
    /// How the server can reach the owner, such as `mailto:admin@example.org`.
    pub contact: Vec<String>,
    /// The external account: its identifier and HMAC key.
    pub external: Option<(String, Zeroizing<Vec<u8>>)>,
}

/// An account, and the client that uses it. What is kept of it is locked until [`Session::release`].
pub(super) struct Session<'a> {
    pub(super) client: Client,
    request: &'a Request,
    introduction: Option<&'a Introduction>,
    kept: Option<Kept>,
    state: AccountState,
}

impl<'a> Session<'a> {
    /// Opens the account with a server, if there is one.
    ///
    /// # Errors
    /// When the server's rate limit is known to be exceeded, and when the server cannot be reached.
    pub(super) fn open(request: &'a Request, now: OffsetDateTime) -> Result<Self, Error> {
        let https = https(request)?;
        let kept = Kept::account(&request.directory, &request.server)?;
        let mut state: AccountState = kept.read()?.unwrap_or_default();
        check_limit(request, state.limit.as_ref(), now)?;
        state.server.clone_from(&request.server);
        state.ca_bundle.clone_from(&request.ca_bundle);
        let key = key(&kept)?;
        let client = Client::open(https, &request.server, key, now)?;
        let mut session = Session {
            client,
            request,
            introduction: None,
            kept: None,
            state,
        };
        session.finish_rollover(&kept)?;
        session.kept = Some(kept);
        if let Some(url) = &session.state.url {
            session.client.set_account(url);
        }
        Ok(session)
    }

    /// Opens the account with a server.
    ///
    /// # Errors
    /// As [`Session::open`]; and when there is no account.
    fn existing(request: &'a Request, now: OffsetDateTime) -> Result<Self, Error> {
        let known = state::accounts(&request.directory)?;
        if !known
            .iter()
            .any(|one| one.server == request.server && one.url.is_some())
        {
            return Err(no_account(&request.server));
        }
        Session::open(request, now)
    }

    /// Creates the account unless there is one.
    ///
    /// # Errors
    /// When the server refuses.
    pub(super) fn introduce(&mut self, introduction: &'a Introduction) -> Result<(), Error> {
        self.introduction = Some(introduction);
        match self.state.url {
            Some(_) => Ok(()),
            None => self.create(introduction),
        }
    }

    /// Creates the account once more, for a server that has forgotten it. False when it was not introduced.
    ///
    /// # Errors
    /// When the server refuses.
    pub(super) fn introduce_again(&mut self) -> Result<bool, Error> {
        match self.introduction.take() {
            Some(introduction) => self.create(introduction).map(|()| true),
            None => Ok(false),
        }
    }

    /// The current time.
    pub(super) fn now(&self) -> OffsetDateTime {
        self.client.now()
    }

    fn create(&mut self, introduction: &Introduction) -> Result<(), Error> {
        let meta = &self.client.directory().meta;
        if meta.external_account_required && introduction.external.is_none() {
            return Err(Error::usage(
                format!(
                    "{}: the CA gives accounts only to those who have an account with it already",
                    self.client.server()
                ),
                "give that external account with `--eab-kid K --eab-key-file FILE`",
            ));
        }
        let external = introduction.external.as_ref();
        let external = external.map(|(id, key)| ExternalAccount::new(id.clone(), key));
        let contact = match &introduction.contact[..] {
            [] => self.state.contact.clone(),
            given => given.to_vec(),
        };
        let created = self.client.create_account(&contact, external.as_ref());
        let (url, account) = self.noted(created)?;
        self.change(|state| {
            state.url = Some(url);
            state.contact = account.contact;
            state.external_account = introduction.external.as_ref().map(|(id, _)| id.clone());
        })
    }

    /// Lets other processes use the account at the same time.
    pub(super) fn release(&mut self) {
        self.kept = None;
    }

    /// Remembers a rate limit.
    pub(super) fn noted<T>(&mut self, result: Result<T, AcmeError>) -> Result<T, Error> {
        if let Err(AcmeError::RateLimited { until, detail, .. }) = &result {
            let limit = Limit {
                until: *until,
                detail: detail.clone(),
            };
            self.change(|state| state.limit = Some(limit))?;
        }
        Ok(result?)
    }

    /// Changes what is kept of the account.
    fn change(&mut self, change: impl FnOnce(&mut AccountState)) -> Result<(), Error> {
        let taken;
        let kept = match &self.kept {
            Some(kept) => kept,
            None => {
                taken = Kept::account(&self.request.directory, &self.request.server)?;
                if let Some(state) = taken.read()? {
                    self.state = state;
                }
                &taken
            }
        };
        change(&mut self.state);
        kept.write(&self.state)
    }

    /// Finishes a rollover whose answer was lost: the server knows the old key or the new one.
    fn finish_rollover(&mut self, kept: &Kept) -> Result<(), Error> {
        let path = kept.path(NEXT_KEY);
        if files::kind(&path)? == Kind::Absent {
            return Ok(());
        }
        if let Some(url) = self.state.url.clone() {
            self.client.set_account(&url);
            match self.client.account() {
                Ok(_) => {}
                Err(error) if error.is_refusal() => {
                    let pem = text(&path)?;
                    kept.write_key(KEY, &pem)?;
                    self.client.set_key(account_key(&path, &pem)?);
                }
                Err(error) => return Err(error.into()),
            }
        }
        kept.remove(&[NEXT_KEY])
    }
}

/// What the server and we know of an account.
#[derive(Debug, Serialize)]
pub struct AccountReport {
    /// The URL of the server's directory.
    pub server: String,
    /// The account's URL.
    pub account: Option<String>,
    /// `valid`, `deactivated` or `revoked`; none when the server was not asked.
    pub status: Option<String>,
    /// How the server can reach the owner.
    pub contact: Vec<String>,
    /// The external account it is bound to.
    pub external_account: Option<String>,
    /// The key's file.
    #[serde(serialize_with = "crate::ops::paths::as_text")]
    pub private_key: PathBuf,
    /// The key's thumbprint (RFC 7638).
    pub thumbprint: String,
    /// Until when the server's rate limit is exceeded.
    #[serde(with = "time::serde::rfc3339::option")]
    pub limited_until: Option<OffsetDateTime>,
    /// What was done.
    #[serde(skip)]
    done: &'static str,
}

impl fmt::Display for AccountReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} with {}", self.done, self.server)?;
        if let Some(account) = &self.account {
            writeln!(f, "  account      {account}")?;
        }
        if let Some(status) = &self.status {
            writeln!(f, "  status       {status}")?;
        }
        if !self.contact.is_empty() {
            writeln!(f, "  contact      {}", self.contact.join(", "))?;
        }
        if let Some(external) = &self.external_account {
            writeln!(f, "  external     {external}")?;
        }
        if let Some(until) = self.limited_until {
            let until = crate::pki::validity::rfc3339(until);
            writeln!(f, "  rate limit   exceeded until {until}")?;
        }
        writeln!(f, "  private key  {}", shown(&self.private_key))
    }
}

impl Report for AccountReport {}

/// Asks the server for the account.
///
/// # Errors
/// When there is no account, or the server cannot be reached or refuses.
pub fn show(request: &Request, now: OffsetDateTime) -> Result<AccountReport, Error> {
    let mut session = Session::existing(request, now)?;
    let account = session.client.account();
    let account = session.noted(account)?;
    session.change(|state| state.contact.clone_from(&account.contact))?;
    session.report("account", Some(account.status), now)
}

/// Replaces the contacts.
///
/// # Errors
/// As [`show`].
pub fn contact(
    request: &Request,
    contact: &[String],
    now: OffsetDateTime,
) -> Result<AccountReport, Error> {
    let mut session = Session::existing(request, now)?;
    let account = session.client.change_account(&json!({"contact": contact}));
    let account = session.noted(account)?;
    session.change(|state| state.contact = account.contact)?;
    session.report("contacts changed", Some(account.status), now)
}

/// Gives the account a new key. The new key is on disk before the server learns of it.
///
/// # Errors
/// As [`show`].
pub fn roll_over(request: &Request, now: OffsetDateTime) -> Result<AccountReport, Error> {
    let mut session = Session::existing(request, now)?;
    let pem = new_key()?;
    let path = session.kept()?.path(NEXT_KEY);
    session.kept()?.write_key(NEXT_KEY, &pem)?;
    let rolled = session.client.roll_over(account_key(&path, &pem)?);
    if rolled.as_ref().is_err_and(AcmeError::is_refusal) {
        session.kept()?.remove(&[NEXT_KEY])?;
    }
    session.noted(rolled)?;
    session.kept()?.write_key(KEY, &pem)?;
    session.kept()?.remove(&[NEXT_KEY])?;
    session.report("key replaced", None, now)
}

/// Deactivates the account for good, and forgets it.
///
/// # Errors
/// As [`show`].
pub fn deactivate(request: &Request, now: OffsetDateTime) -> Result<AccountReport, Error> {
    let mut session = Session::existing(request, now)?;
    let change = json!({"status": "deactivated"});
    let account = session.client.change_account(&change);
    let account = session.noted(account)?;
    let report = session.report("account deactivated", Some(account.status), now)?;
    session.kept()?.remove(&[state::STATE, KEY])?;
    Ok(report)
}

/// Forgets the account without asking the server.
///
/// # Errors
/// When there is no account.
pub fn forget(request: &Request, now: OffsetDateTime) -> Result<AccountReport, Error> {
    let known = state::accounts(&request.directory)?;
    if !known.iter().any(|one| one.server == request.server) {
        return Err(no_account(&request.server));
    }
    let kept = Kept::account(&request.directory, &request.server)?;
    let state: AccountState = kept.read()?.ok_or_else(|| no_account(&request.server))?;
    let thumbprint = key(&kept)?.thumbprint();
    let report = report(&state, kept.path(KEY), thumbprint, now);
    kept.remove(&[state::STATE, KEY, NEXT_KEY])?;
    Ok(AccountReport {
        done: "account forgotten",
        ..report
    })
}

/// The only server with an account, for commands that name none.
///
/// # Errors
/// When there is none, or several.
pub fn only_server(directory: &Path) -> Result<(String, Option<PathBuf>), Error> {
    let mut accounts = state::accounts(directory)?;
    match (accounts.pop(), accounts.is_empty()) {
        (Some(only), true) => Ok((only.server, only.ca_bundle)),
        (Some(_), false) => Err(Error::usage(
            "there are accounts with several servers",
            "name one with `--server`",
        )),
        (None, _) => Err(no_account(&shown(directory))),
    }
}

/// The CA that the account with a server was opened with.
///
/// # Errors
/// When the state cannot be read.
pub fn known_ca_bundle(directory: &Path, server: &str) -> Result<Option<PathBuf>, Error> {
    let accounts = state::accounts(directory)?;
    let known = accounts.into_iter().find(|one| one.server == server);
    Ok(known.and_then(|one| one.ca_bundle))
}

impl Session<'_> {
    /// What is kept of the account, locked.
    fn kept(&mut self) -> Result<&Kept, Error> {
        if self.kept.is_none() {
            let kept = Kept::account(&self.request.directory, &self.request.server)?;
            self.kept = Some(kept);
        }
        self.kept
            .as_ref()
            .ok_or_else(|| no_account(&self.request.server))
    }

    fn report(
        &mut self,
        done: &'static str,
        status: Option<String>,
        now: OffsetDateTime,
    ) -> Result<AccountReport, Error> {
        let thumbprint = self.client.key().thumbprint();
        let path = self.kept()?.path(KEY);
        Ok(AccountReport {
            done,
            status,
            ..report(&self.state, path, thumbprint, now)
        })
    }
}

fn report(
    state: &AccountState,
    private_key: PathBuf,
    thumbprint: String,
    now: OffsetDateTime,
) -> AccountReport {
    let limit = state.limit.as_ref().map(|limit| limit.until);
    AccountReport {
        server: state.server.clone(),
        account: state.url.clone(),
        status: None,
        contact: state.contact.clone(),
        external_account: state.external_account.clone(),
        private_key,
        thumbprint,
        limited_until: limit.filter(|until| *until > now),
        done: "account",
    }
}

/// Refuses while a rate limit is known to be exceeded.
fn check_limit(request: &Request, limit: Option<&Limit>, now: OffsetDateTime) -> Result<(), Error> {
    match limit.filter(|limit| limit.until > now) {
        None => Ok(()),
        Some(limit) => Err(Error::Acme(AcmeError::RateLimited {
            server: crate::net::https::host_of(&request.server).unwrap_or_default(),
            until: limit.until,
            detail: limit.detail.clone(),
        })),
    }
}

/// An HTTPS client that trusts the CA of a server.
pub(super) fn https(request: &Request) -> Result<Https, Error> {
    let failed = |error| Error::Acme(AcmeError::Https(error));
    check_url(&request.server).map_err(failed)?;
    let trust = match &request.ca_bundle {
        None => Trust::System,
        Some(path) => {
            let certificates = authority::read_certificates(path)?;
            Trust::Only(certificates.into_iter().map(|one| one.into_der()).collect())
        }
    };
    Https::new(&trust, Limits::default()).map_err(failed)
}

/// The account's key; a new one where there is none.
fn key(kept: &Kept) -> Result<AccountKey, Error> {
    let path = kept.path(KEY);
    let pem = match files::kind(&path)? {
        Kind::Absent => {
            let pem = new_key()?;
            kept.write_key(KEY, &pem)?;
            pem
        }
        Kind::File | Kind::SymbolicLink | Kind::Other => text(&path)?,
    };
    account_key(&path, &pem)
}

fn new_key() -> Result<Zeroizing<String>, Error> {
    let key = PrivateKey::generate(KeyType::P256)?;
    Ok(keys::to_pem(key.pkcs8(), None)?)
}

fn text(path: &Path) -> Result<Zeroizing<String>, Error> {
    let content = files::read(path)?;
    Ok(Zeroizing::new(
        String::from_utf8_lossy(&content).into_owned(),
    ))
}

/// A key that signs requests: P-256.
fn account_key(path: &Path, pem: &str) -> Result<AccountKey, Error> {
    let (key, _) = authority::read_key_in(path, pem.as_bytes(), &authority::no_passphrase)?;
    let signer = Signer::with_form(key.pkcs8(), EcdsaForm::Fixed).in_file(path)?;
    let jwk = Jwk::public(signer.public_key_info()).ok().flatten();
    let member = |name: &str| jwk.as_ref()?.member(name).map(str::to_owned);
    match (member("crv").as_deref(), member("x"), member("y")) {
        (Some("P-256"), Some(x), Some(y)) => {
            // Without randomness the signature is empty, and the server rejects it.
            let sign = move |message: &[u8]| signer.sign(message).unwrap_or_default();
            Ok(AccountKey::new(x, y, Box::new(sign)))
        }
        _ => Err(Error::usage(
            format!("{}: an account's key must be P-256", shown(path)),
            "restore the key from a backup, or forget the account with `openagents-certs acme account deactivate --forget`",
        )),
    }
}

fn no_account(what: &str) -> Error {
    Error::usage(
        format!("{what}: there is no account"),
        "the first `openagents-certs acme issue NAME --server URL` creates one",
    )
}
