//! Who asks, and whether they may.

use std::net::IpAddr;
use std::sync::Arc;

use axum::Form;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use tokio::sync::OnceCell;
use zeroize::Zeroizing;

use super::overview::SharedOverview;
use super::refusal::Refusal;
use crate::config::Role;
use crate::keys::{hmac_sha256, is_same_secret};
use crate::message::jws::encode_base64url;
use crate::ops::dashboard::{self, Operator, Session};
use crate::pki::certificate::Certificate;
use crate::pki::fingerprint::Fingerprint;
use crate::server::acting;
use crate::server::core::Core;
use crate::server::failure::Failure;
use crate::server::peer::Peer;

/// Someone with a role. A handler that takes one is closed to everybody else.
#[derive(Clone, Debug)]
pub(in crate::server) struct Access {
    /// What they may do.
    pub(in crate::server) role: Role,
    /// Who they are: the creator of the link, as `user@host`, or the certificate's name.
    pub(in crate::server) who: String,
    /// What they proved it with: `session 3f2a8b0c91d4e657`, or `certificate` and its serial number.
    pub(in crate::server) credential: String,
    /// Where they ask from.
    pub(in crate::server) address: IpAddr,
    /// Whether there is a session to sign out of.
    pub(in crate::server) has_session: bool,
    csrf: String,
    /// The host and port that they asked for.
    host: String,
}

impl Access {
    /// What every form has in its field `csrf`.
    pub(in crate::server) fn csrf(&self) -> &str {
        &self.csrf
    }

    /// Whether they may change things.
    pub(in crate::server) fn is_operator(&self) -> bool {
        self.role >= Role::Operator
    }

    /// What the field `confirmed` has when they have seen the page that asks whether they mean this change.
    pub(super) fn confirmation(&self, change: &str) -> String {
        encode_base64url(&hmac_sha256(self.csrf.as_bytes(), change.as_bytes()))
    }

    /// Lets a change pass that comes from a page of ours, by somebody who may make changes.
    ///
    /// # Errors
    /// When the role is not enough, another site sent the request, or the CSRF token is not theirs.
    pub(in crate::server) fn permit_change(
        &self,
        headers: &HeaderMap,
        csrf: &str,
    ) -> Result<(), Refusal> {
        if !self.is_operator() {
            return Err(Refusal::Role(self.role));
        }
        self.permit_request(headers, csrf)
    }

    /// As [`Access::permit_change`], for what every role may do.
    pub(super) fn permit_request(&self, headers: &HeaderMap, csrf: &str) -> Result<(), Refusal> {
        match self.is_from_here(headers) && is_same_secret(csrf.as_bytes(), self.csrf.as_bytes()) {
            true => Ok(()),
            false => Err(Refusal::Foreign),
        }
    }

    /// Whether a browser says that a page of this server sent the request. A client that says nothing is no browser.
    fn is_from_here(&self, headers: &HeaderMap) -> bool {
        let text = |name| Some(headers.get(name)?.to_str().unwrap_or("?"));
        let is_own = |origin: &str| origin.strip_prefix("https://") == Some(&*self.host);
        text(header::ORIGIN).is_none_or(is_own)
            && text(SEC_FETCH_SITE).is_none_or(|site| site == "same-origin")
    }

    async fn find(parts: &Parts, core: &Core) -> Result<Option<Self>, Failure> {
        let extensions = &parts.extensions;
        let (peer, shared) = (extensions.get::<Peer>(), extensions.get::<Arc<Shared>>());
        let Some((peer, shared)) = peer.zip(shared) else {
            return Ok(None);
        };
        let host = host(parts);
        if let Some(secret) = session_secret(&parts.headers) {
            let of_csrf = Zeroizing::new(format!("session {}", *secret));
            let found = core.read(move |inventory, now| Session::find(inventory, &secret, now));
            if let Some(session) = found.await? {
                return Ok(Some(Access {
                    role: session.role,
                    who: session.created_by,
                    credential: format!("session {}", session.id),
                    address: peer.address.ip(),
                    has_session: true,
                    csrf: shared.csrf(core, of_csrf.as_bytes()).await?,
                    host,
                }));
            }
        }
        let Some(der) = &peer.client_certificate else {
            return Ok(None);
        };
        let Ok(certificate) = Certificate::from_der(der.to_vec()) else {
            return Ok(None);
        };
        let config = core.config();
        let found = core.read(move |inventory, now| {
            Operator::find(&certificate, &config.serve().operators, inventory, now)
        });
        let Some(operator) = found.await? else {
            return Ok(None);
        };
        let fingerprint = Fingerprint::sha256(der);
        let of_csrf = [b"certificate ", fingerprint.as_bytes()].concat();
        Ok(Some(Access {
            role: operator.role,
            who: operator.name,
            credential: format!("certificate {}", operator.serial),
            address: peer.address.ip(),
            has_session: false,
            csrf: shared.csrf(core, &of_csrf).await?,
            host,
        }))
    }
}

impl FromRequestParts<Arc<Core>> for Access {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, core: &Arc<Core>) -> Result<Self, Refusal> {
        let access = Access::find(parts, core).await?.ok_or(Refusal::SignIn)?;
        acting::identify(&access.who, &access.credential.replacen(' ', ":", 1));
        Ok(access)
    }
}

/// A change that somebody requests who may make it: a form, from a page of ours. A handler that takes one need check
/// nothing of that.
#[derive(Debug)]
pub(in crate::server) struct Change {
    /// Who requests it.
    pub(in crate::server) access: Access,
    /// The fields of the form.
    pub(in crate::server) fields: Fields,
}

impl Change {
    /// Whether they have confirmed this change on the page that [`super::confirm`] gives. `change` names it together
    /// with what it is about, as in `revoke 3F2A…`, so that no other one is confirmed with it.
    pub(in crate::server) fn is_confirmed(&self, change: &str) -> bool {
        let given = self.fields.one("confirmed").unwrap_or_default();
        is_same_secret(
            given.as_bytes(),
            self.access.confirmation(change).as_bytes(),
        )
    }
}

impl FromRequest<Arc<Core>> for Change {
    type Rejection = Refusal;

    async fn from_request(request: Request, core: &Arc<Core>) -> Result<Self, Refusal> {
        let (access, headers, fields) = form(request, core).await?;
        access.permit_change(&headers, fields.one("csrf").unwrap_or_default())?;
        Ok(Change { access, fields })
    }
}

/// Who sends a form, its headers and its fields.
pub(super) async fn form(
    request: Request,
    core: &Arc<Core>,
) -> Result<(Access, HeaderMap, Fields), Refusal> {
    let (mut parts, body) = request.into_parts();
    let access = Access::from_request_parts(&mut parts, core).await?;
    let headers = parts.headers.clone();
    let form = Form::from_request(Request::from_parts(parts, body), core).await;
    let Form(fields) = form.map_err(|_| Refusal::unreadable("the form cannot be read"))?;
    Ok((access, headers, Fields(fields)))
}

/// The fields of a form, in their order; a name may come more than once.
#[derive(Debug)]
pub(in crate::server) struct Fields(Vec<(String, String)>);

impl Fields {
    /// The first value with this name, without white space around it; `None` when it is missing or empty.
    pub(in crate::server) fn one(&self, name: &str) -> Option<&str> {
        self.all(name).find(|value| !value.is_empty())
    }

    /// Every value with this name, without white space around it.
    pub(in crate::server) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        let of_name = self.0.iter().filter(move |(one, _)| one == name);
        of_name.map(|(_, value)| value.trim())
    }

    /// Every field but those that [`Change`] checks, for a page that asks for confirmation.
    pub(super) fn others(&self) -> Vec<(String, String)> {
        let is_other = |(name, _): &&(String, String)| name != "csrf" && name != "confirmed";
        self.0.iter().filter(is_other).cloned().collect()
    }
}

/// The secret of the session in the cookies of a request.
pub(super) fn session_secret(headers: &HeaderMap) -> Option<Zeroizing<String>> {
    let cookies = headers.get_all(header::COOKIE).into_iter();
    let cookies = cookies.filter_map(|cookies| cookies.to_str().ok());
    let mut secrets = cookies
        .flat_map(|cookies| cookies.split(';'))
        .filter_map(|cookie| cookie.trim().strip_prefix(COOKIE)?.strip_prefix('='));
    secrets
        .next()
        .map(|secret| Zeroizing::new(secret.to_owned()))
}

/// The host and port of a request, in either version of HTTP.
fn host(parts: &Parts) -> String {
    let header = parts
        .headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    let authority = parts.uri.authority().map(|authority| authority.as_str());
    header
        .or(authority)
        .unwrap_or_default()
        .to_ascii_lowercase()
}

/// What the pages share.
#[derive(Default)]
pub(super) struct Shared {
    csrf_key: OnceCell<Zeroizing<Vec<u8>>>,
    pub(super) overview: SharedOverview,
}

impl Shared {
    /// A CSRF token, bound to a session or a certificate.
    async fn csrf(&self, core: &Core, bound_to: &[u8]) -> Result<String, Failure> {
        let key = || core.write(|inventory, _| dashboard::csrf_key(inventory));
        let key = self.csrf_key.get_or_try_init(key).await?;
        Ok(encode_base64url(&hmac_sha256(key, bound_to)))
    }
}

/// The prefix lets only this host set it, for all paths, over https.
pub(super) const COOKIE: &str = "__Host-openagents-certs";
const SEC_FETCH_SITE: header::HeaderName = header::HeaderName::from_static("sec-fetch-site");
