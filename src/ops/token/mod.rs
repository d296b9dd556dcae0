//! Tokens: what lets a machine enroll without a person.
//!
//! A token permits names of a profile, for some time, to a number of keys. The inventory keeps a hash of its
//! secret, from which the key of an external account binding is derived. So a copy of the inventory contains
//! neither the secret nor the password of EST; it does contain what an ACME account can be bound with.

mod commands;
mod report;
mod text;

use std::path::{Path, PathBuf};

use base64ct::{Base64UrlUnpadded, Encoding as _};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::issue;
use super::refused::{Outcome, Refused};
use crate::authority::{self, INVENTORY};
use crate::config::PublicUrl;
use crate::error::Error;
use crate::keys::{self, is_same_secret};
use crate::pki::certificate::Certificate;
use crate::pki::fingerprint::{Fingerprint, Hex};
use crate::pki::profile::{NamePattern, Profile};
use crate::pki::san::SubjectAltName;
use crate::pki::validity::Lifetime;
use crate::store::{Document, DocumentKind, Inventory, StoreError};

pub use report::{CreatedToken, ListedToken, RevokedToken, TokenList};
pub use text::{TokenText, TokenTextError, read_stdin};

/// A token to create.
#[derive(Debug)]
pub struct Request {
    /// The authority's directory.
    pub directory: PathBuf,
    /// The names it permits.
    pub names: Vec<NamePattern>,
    /// The profile of its certificates.
    pub profile: String,
    /// How long it can be used.
    pub lifetime: Lifetime,
    /// How many keys, or ACME accounts, can use it.
    pub uses: u64,
    /// How long its certificates are valid; `None` for the profile's default.
    pub certificate_lifetime: Option<Lifetime>,
    /// The URL of the server; `None` for `public_url` of `[serve]`, otherwise that of the server that started last,
    /// otherwise the one that a server has by default.
    pub url: Option<PublicUrl>,
    /// Who requests it, as `user@host`.
    pub requested_by: String,
}

/// Creates a token.
///
/// # Errors
/// When there is no authority or no such profile, the URL is not that of a server, or the inventory cannot be
/// written.
pub fn create(request: &Request, now: OffsetDateTime) -> Result<Outcome<CreatedToken>, Error> {
    let mut inventory = super::list::inventory(&request.directory)?;
    create_in(&mut *inventory, request, now)
}

/// As [`create`], in an inventory that is open: that of the request's directory.
///
/// # Errors
/// As [`create`].
pub fn create_in(
    inventory: &mut dyn Inventory,
    request: &Request,
    now: OffsetDateTime,
) -> Result<Outcome<CreatedToken>, Error> {
    let profile = issue::profile(&request.directory, &request.profile)?;
    if let Some(refused) = refusal(request, &profile) {
        return Ok(Outcome::Refused(refused));
    }
    let url = match &request.url {
        Some(url) => url.clone(),
        None => server_url(&request.directory, inventory)?,
    };
    let root = root(&request.directory, inventory)?;
    let pin = Fingerprint::sha256(root.public_key_info());
    let id = Hex(&keys::random_bytes::<{ text::ID_BYTES }>()?).to_string();
    let secret = zeroize::Zeroizing::new(keys::random_bytes::<{ text::SECRET_BYTES }>()?);
    let text = TokenText::new(id.clone(), url, pin, &secret);
    let now = now.replace_nanosecond(0).unwrap_or(now);
    let token = Token {
        id,
        version: 0,
        content: TokenRecord {
            names: request.names.clone(),
            profile: profile.name.clone(),
            uses: request.uses,
            used: 0,
            certificate_lifetime: request.certificate_lifetime,
            created_at: now,
            created_by: request.requested_by.clone(),
            expires_at: now.saturating_add(request.lifetime.duration()),
            revoked_at: None,
            secret_hash: base64url(text::secret_hash(text.secret()).as_bytes()),
        },
    };
    inventory.put_document(&token.document())?;
    Ok(Outcome::Done(CreatedToken::of(&token, &text)))
}

/// Every token, the newest first.
///
/// # Errors
/// When there is no authority, or the inventory cannot be read.
pub fn list(directory: &Path, now: OffsetDateTime) -> Result<TokenList, Error> {
    list_in(&*super::list::inventory(directory)?, now)
}

/// As [`list`], of an inventory that is open.
///
/// # Errors
/// When it cannot be read.
pub fn list_in(inventory: &dyn Inventory, now: OffsetDateTime) -> Result<TokenList, Error> {
    let mut tokens = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let page = inventory.documents(DocumentKind::Token, None, after.as_deref(), PAGE)?;
        after = page.last().map(|last| last.key.clone());
        for document in page {
            tokens.push(Token::of(document)?);
        }
        if after.is_none() {
            break;
        }
    }
    tokens.sort_by(|a, b| {
        let key = |token: &Token| (token.content.created_at, token.id.clone());
        key(b).cmp(&key(a))
    });
    Ok(TokenList::of(&tokens, now))
}

/// Revokes a token: it can no longer be used. Certificates that it was used for stay valid.
///
/// # Errors
/// When there is no such token, or the inventory cannot be written.
pub fn revoke(directory: &Path, id: &str, now: OffsetDateTime) -> Result<RevokedToken, Error> {
    revoke_in(&mut *super::list::inventory(directory)?, id, now)
}

/// As [`revoke`], in an inventory that is open.
///
/// # Errors
/// As [`revoke`].
pub fn revoke_in(
    inventory: &mut dyn Inventory,
    id: &str,
    now: OffsetDateTime,
) -> Result<RevokedToken, Error> {
    loop {
        let Some(mut token) = Token::find(inventory, id)? else {
            return Err(Error::NoToken { id: id.to_owned() });
        };
        let now = now.replace_nanosecond(0).unwrap_or(now);
        let was_revoked = token.content.revoked_at.is_some();
        token.content.revoked_at.get_or_insert(now);
        if was_revoked || inventory.put_document(&token.document())? {
            return Ok(RevokedToken::of(&token, was_revoked));
        }
    }
}

/// The token with this id if the secret is its own and it can be used now. Whether its uses are exhausted is
/// for [`count_use`] to say.
///
/// # Errors
/// When the inventory cannot be read.
pub fn authenticate(
    inventory: &dyn Inventory,
    id: &str,
    secret: &str,
    now: OffsetDateTime,
) -> Result<Option<Token>, Error> {
    let given = text::secret_hash(secret);
    let token = Token::find(inventory, id)?;
    Ok(token.filter(|token| {
        is_same_secret(given.as_bytes(), token.secret_hash().as_bytes()) && token.is_live(now)
    }))
}

/// Counts a key, or an ACME account's key, among those that use a token. A key that was counted before is
/// counted no more. False when the token is exhausted, expired or revoked.
///
/// # Errors
/// When the inventory cannot be read or written.
pub fn count_use(
    inventory: &mut dyn Inventory,
    id: &str,
    public_key: &Fingerprint,
    now: OffsetDateTime,
) -> Result<bool, Error> {
    loop {
        let mut counted = None;
        inventory.together(&mut |inventory| {
            counted = counted_once(inventory, id, public_key, now)?;
            Ok(())
        })?;
        if let Some(counted) = counted {
            return Ok(counted);
        }
    }
}

/// `None` when another process counted at the same time.
fn counted_once(
    inventory: &mut dyn Inventory,
    id: &str,
    public_key: &Fingerprint,
    now: OffsetDateTime,
) -> Result<Option<bool>, StoreError> {
    let Some(mut token) = Token::find(inventory, id)?.filter(|token| token.is_live(now)) else {
        return Ok(Some(false));
    };
    let document = Document {
        kind: DocumentKind::TokenUse,
        key: format!("{id}/{}", base64url(public_key.as_bytes())),
        version: 0,
        owner: id.to_owned(),
        expires_at: Some(token.content.expires_at),
        content: "{}".into(),
    };
    if inventory
        .document(DocumentKind::TokenUse, &document.key)?
        .is_some()
    {
        return Ok(Some(true));
    }
    if token.content.used >= token.content.uses {
        return Ok(Some(false));
    }
    if !inventory.put_document(&document)? {
        return Ok(None);
    }
    token.content.used += 1;
    if inventory.put_document(&token.document())? {
        return Ok(Some(true));
    }
    inventory.remove_document(DocumentKind::TokenUse, &document.key)?;
    Ok(None)
}

/// A token, as the inventory has it.
#[derive(Clone, Debug)]
pub struct Token {
    /// Its id, which is no secret.
    pub id: String,
    version: u64,
    content: TokenRecord,
}

/// What a token can be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// By more keys.
    Usable,
    /// Only by the keys that used it before.
    UsedUp,
    /// By none: it has expired.
    Expired,
    /// By none: it was revoked.
    Revoked,
}

impl Token {
    /// The token with this id, usable or not.
    ///
    /// # Errors
    /// When the inventory cannot be read.
    pub fn find(inventory: &dyn Inventory, id: &str) -> Result<Option<Self>, StoreError> {
        let document = inventory.document(DocumentKind::Token, id)?;
        document.map(Token::of).transpose()
    }

    /// What it can be used for now.
    pub fn state(&self, now: OffsetDateTime) -> State {
        let TokenRecord {
            uses,
            used,
            expires_at,
            revoked_at,
            ..
        } = &self.content;
        match revoked_at {
            Some(_) => State::Revoked,
            None if now >= *expires_at => State::Expired,
            None if used >= uses => State::UsedUp,
            None => State::Usable,
        }
    }

    /// Whether it has neither expired nor been revoked.
    pub fn is_live(&self, now: OffsetDateTime) -> bool {
        match self.state(now) {
            State::Usable | State::UsedUp => true,
            State::Expired | State::Revoked => false,
        }
    }

    /// The names that it permits.
    pub fn names(&self) -> &[NamePattern] {
        &self.content.names
    }

    /// Whether it permits a name.
    pub fn permits(&self, name: &SubjectAltName) -> bool {
        self.content
            .names
            .iter()
            .any(|pattern| pattern.covers(name))
    }

    /// The profile of its certificates.
    pub fn profile(&self) -> &str {
        &self.content.profile
    }

    /// How long its certificates are valid; `None` for the profile's default.
    pub fn certificate_lifetime(&self) -> Option<Lifetime> {
        self.content.certificate_lifetime
    }

    /// When it expires.
    pub fn expires_at(&self) -> OffsetDateTime {
        self.content.expires_at
    }

    /// The HMAC key of its external account binding
    /// ([RFC 8555 §7.3.4](https://www.rfc-editor.org/rfc/rfc8555#section-7.3.4)); the key's id is the token's.
    pub fn eab_key(&self) -> [u8; 32] {
        text::eab_key(&self.secret_hash())
    }

    fn secret_hash(&self) -> Fingerprint {
        let hash = Base64UrlUnpadded::decode_vec(&self.content.secret_hash);
        // What cannot be read is the hash of no secret.
        Fingerprint::from_bytes(&hash.unwrap_or_default())
    }

    fn of(document: Document) -> Result<Self, StoreError> {
        let content = serde_json::from_str(&document.content);
        Ok(Token {
            version: document.version,
            content: content.map_err(|error| StoreError::Damaged {
                path: INVENTORY.into(),
                what: format!("the token {}: {error}", document.key),
            })?,
            id: document.key,
        })
    }

    fn document(&self) -> Document {
        Document {
            kind: DocumentKind::Token,
            key: self.id.clone(),
            version: self.version,
            owner: String::new(),
            expires_at: None,
            content: match serde_json::to_string(&self.content) {
                Ok(content) => content,
                Err(error) => unreachable!("a token has only text and numbers: {error}"),
            },
        }
    }
}

/// A token's document.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct TokenRecord {
    names: Vec<NamePattern>,
    profile: String,
    uses: u64,
    used: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    certificate_lifetime: Option<Lifetime>,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
    created_by: String,
    #[serde(with = "time::serde::rfc3339")]
    expires_at: OffsetDateTime,
    #[serde(default, with = "time::serde::rfc3339::option")]
    revoked_at: Option<OffsetDateTime>,
    secret_hash: String,
}

/// Why no certificate could be issued with such a token.
fn refusal(request: &Request, profile: &Profile) -> Option<Refused> {
    let see = || {
        format!(
            "see the profile with `openagents-certs template show {}`",
            profile.name
        )
    };
    if profile.purpose.end_entity().is_none() {
        return Some(Refused::new(
            "token-profile",
            format!(
                "a token cannot be for CA certificates, and profile '{}' is",
                profile.name
            ),
            "choose a profile of end entities, such as `--profile peer`",
        ));
    }
    let most = profile.max_lifetime;
    if let (Some(lifetime), Some(most)) = (request.certificate_lifetime, most)
        && lifetime > most
    {
        let message = format!(
            "a lifetime of {lifetime} is more than the {most} of profile '{}'",
            profile.name
        );
        return Some(Refused::new("max_lifetime", message, see()));
    }
    let literals: Option<Vec<_>> = request.names.iter().map(NamePattern::literal).collect();
    let refusal = profile.permits_names(&literals?).err()?;
    Some(Refused::new(refusal.rule, refusal.to_string(), see()))
}

/// Notes the URL of a server that starts, for the tokens to come.
///
/// # Errors
/// When the inventory cannot be written.
pub fn note_server(inventory: &mut dyn Inventory, url: &PublicUrl) -> Result<(), Error> {
    let known = inventory.document(DocumentKind::ServerUrl, SERVER_URL)?;
    let content = url.to_string();
    if known.as_ref().is_some_and(|known| known.content == content) {
        return Ok(());
    }
    // Where another server wrote at the same time, its URL is as good.
    inventory.put_document(&Document {
        kind: DocumentKind::ServerUrl,
        key: SERVER_URL.into(),
        version: known.map_or(0, |known| known.version),
        owner: String::new(),
        expires_at: None,
        content,
    })?;
    Ok(())
}

/// The URL of the server, as far as it is known.
pub(super) fn server_url(directory: &Path, inventory: &dyn Inventory) -> Result<PublicUrl, Error> {
    let config = authority::read_config(directory)?;
    if let Some(url) = &config.serve().public_url {
        return Ok(url.clone());
    }
    let noted = inventory.document(DocumentKind::ServerUrl, SERVER_URL)?;
    let noted = noted.and_then(|noted| noted.content.parse().ok());
    Ok(noted.unwrap_or_else(|| PublicUrl::of_listener(config.serve().listen())))
}

const SERVER_URL: &str = "public-url";

/// The root that the authority's chains end in.
fn root(directory: &Path, inventory: &dyn Inventory) -> Result<Certificate, Error> {
    let own = authority::certificate_in(directory, inventory)?;
    if own.is_self_issued() {
        return Ok(own);
    }
    let chain = authority::read_certificates(&directory.join(authority::ISSUER))?;
    let top = chain.last().unwrap_or(&own).issuer().clone();
    let path = directory.join(authority::CERTIFICATE);
    let anchors = authority::anchors(directory)?;
    let anchor = anchors.into_iter().find(|anchor| *anchor.subject() == top);
    anchor.ok_or(Error::NoRoot { path })
}

fn base64url(bytes: &[u8]) -> String {
    Base64UrlUnpadded::encode_string(bytes)
}

const PAGE: usize = 500;

#[cfg(test)]
mod tests;
