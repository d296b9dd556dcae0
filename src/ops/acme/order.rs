//! One order, from the request for it to the certificate. What has been reached is kept, so that a run that was
//! killed at any step is continued by the next one.

use std::time::{Duration, Instant};

use time::OffsetDateTime;
use zeroize::Zeroizing;

use super::account::Session;
use super::solver::Solver;
use super::state::{CertificateState, Kept, PendingOrder};
use crate::error::Error;
use crate::keys::Signer;
use crate::net::acme::{
    AcmeError, Authorization, Challenge, Identifier, IssuedChain, Order, Problem, Status,
};
use crate::pki::certificate::Certificate;
use crate::pki::general_name::GeneralName;
use crate::pki::name::{AttributeType, DistinguishedName};
use crate::pki::plan::{BasicConstraints, CsrPlan};
use crate::pki::san::SubjectAltName;
use crate::pki::{bundle, pem};

/// An order, and all it needs.
pub(super) struct Ordering<'a, 'b> {
    pub(super) session: &'a mut Session<'b>,
    pub(super) kept: &'a Kept,
    pub(super) state: &'a mut CertificateState,
    pub(super) names: &'a [SubjectAltName],
    pub(super) solver: Solver,
    /// The certificate that is replaced (RFC 9773 §4.1).
    pub(super) replaces: Option<String>,
    /// How long the server may take for each step.
    pub(super) patience: Duration,
}

/// A certificate and its intermediates.
pub(super) struct Chain {
    pub(super) certificates: Vec<Certificate>,
    /// Set when no chain leads to the preferred root.
    pub(super) warning: Option<String>,
}

impl Ordering<'_, '_> {
    /// Obtains a certificate for a key. `new_key` is the key as PEM when it is not on disk yet.
    pub(super) fn obtain(
        mut self,
        signer: &Signer,
        new_key: Option<Zeroizing<String>>,
    ) -> Result<Chain, Error> {
        let (url, mut order) = match self.order(new_key.clone()) {
            Err(Error::Acme(error))
                if error.problem_code() == Some("accountDoesNotExist")
                    && self.session.introduce_again()? =>
            {
                self.state.order = None;
                self.order(new_key)?
            }
            ordered => ordered?,
        };
        if order.status == Status::Pending {
            self.prove(&order)?;
            order = self.wait(&url, "the validation", |status| status != Status::Pending)?;
            // What was published is not needed any more; what cannot be removed does not spoil the certificate.
            let _ = self.solver.clear();
        }
        if order.status == Status::Ready {
            order = self.finalize(&url, &order, signer)?;
        }
        let is_over = |status| !matches!(status, Status::Processing | Status::Ready);
        if !is_over(order.status) {
            order = self.wait(&url, "the certificate", is_over)?;
        }
        match (order.status, &order.certificate) {
            (Status::Valid, Some(certificate)) => self.chain(certificate, signer),
            (_, _) => Err(self.failed(&order)),
        }
    }

    /// The order under way, or a new one.
    fn order(&mut self, new_key: Option<Zeroizing<String>>) -> Result<(String, Order), Error> {
        if let Some(found) = self.existing()? {
            return Ok(found);
        }
        self.state.order = Some(PendingOrder {
            url: None,
            key: new_key,
        });
        self.kept.write_lazily(&self.state)?;
        let ordered = self.place();
        let (url, order) = match ordered {
            Err(Error::Acme(error)) if error.is_outcome_unknown() => match self.listed()? {
                Some(found) => found,
                None => self.place()?,
            },
            Err(error) => {
                self.state.order = None;
                self.kept.write(&self.state)?;
                return Err(error);
            }
            Ok(placed) => placed,
        };
        if let Some(pending) = &mut self.state.order {
            pending.url = Some(url.clone());
        }
        self.kept.write(&self.state)?;
        Ok((url, order))
    }

    fn place(&mut self) -> Result<(String, Order), Error> {
        let identifiers = self.identifiers();
        let profile = self.state.settings.profile.clone();
        let offers = self.session.client.directory().renewal_info.is_some();
        let replaces = self.replaces.clone().filter(|_| offers);
        let client = &mut self.session.client;
        let placed = client.new_order(&identifiers, profile.as_deref(), replaces.as_deref());
        // Another order may have replaced it, and the server may know nothing of it: it is no reason not to renew.
        let is_about_replacing = |error: &AcmeError| {
            matches!(
                error.problem_code(),
                Some("alreadyReplaced" | "malformed" | "unauthorized")
            )
        };
        let placed = match placed {
            Err(error) if replaces.is_some() && is_about_replacing(&error) => {
                client.new_order(&identifiers, profile.as_deref(), None)
            }
            placed => placed,
        };
        self.session.noted(placed)
    }

    /// The order that an earlier run placed, while it can still be used.
    fn existing(&mut self) -> Result<Option<(String, Order)>, Error> {
        let Some(pending) = &self.state.order else {
            return Ok(None);
        };
        let Some(url) = pending.url.clone() else {
            return self.listed();
        };
        match self.session.client.order(&url) {
            Ok((order, _)) => Ok(self.is_usable(&order).then_some((url, order))),
            // The server has forgotten it.
            Err(AcmeError::Malformed { .. }) => Ok(None),
            Err(AcmeError::Refused { problem, .. }) if problem.code() != "accountDoesNotExist" => {
                Ok(None)
            }
            Err(error) => self.session.noted(Err(error)),
        }
    }

    /// An order for the same names among those that the server lists.
    fn listed(&mut self) -> Result<Option<(String, Order)>, Error> {
        let Ok(urls) = self.session.client.orders() else {
            return Ok(None);
        };
        for url in urls.into_iter().rev().take(MAX_LISTED) {
            if let Ok((order, _)) = self.session.client.order(&url)
                && matches!(order.status, Status::Pending | Status::Ready)
                && self.is_usable(&order)
            {
                return Ok(Some((url, order)));
            }
        }
        Ok(None)
    }

    fn is_usable(&self, order: &Order) -> bool {
        let sorted = |mut identifiers: Vec<Identifier>| {
            identifiers
                .iter_mut()
                .for_each(|one| one.value.make_ascii_lowercase());
            identifiers.sort();
            identifiers
        };
        order.status != Status::Invalid
            && sorted(order.identifiers.clone()) == sorted(self.identifiers())
    }

    fn identifiers(&self) -> Vec<Identifier> {
        let identifier = |name: &SubjectAltName| Identifier {
            kind: match name {
                SubjectAltName::Ip(_) => "ip".into(),
                SubjectAltName::Dns(_) | SubjectAltName::Uri(_) | SubjectAltName::Email(_) => {
                    "dns".into()
                }
            },
            value: name.value().into_owned(),
        };
        self.names.iter().map(identifier).collect()
    }

    /// Publishes the proofs for all names, then asks the server to look.
    fn prove(&mut self, order: &Order) -> Result<(), Error> {
        let kind = self.state.settings.challenge.kind();
        let mut ready = Vec::new();
        for url in &order.authorizations {
            let authorization = self.session.client.authorization(url);
            let authorization = self.session.noted(authorization)?;
            if authorization.status == Status::Valid {
                continue;
            }
            let challenges = &authorization.challenges;
            let Some(challenge) = challenges.iter().find(|one| one.kind == kind) else {
                return Err(no_challenge(&authorization, kind));
            };
            let proof = self
                .session
                .client
                .key()
                .key_authorization(&challenge.token);
            self.solver
                .publish(&authorization, &challenge.token, &proof)?;
            if challenge.status == Status::Pending {
                ready.push((url, challenge.url.clone()));
            }
        }
        self.solver.settle();
        for (authorization, challenge) in ready {
            self.start(authorization, &challenge)?;
        }
        Ok(())
    }

    /// Lets the server validate a challenge; says so again while it has not heard.
    fn start(&mut self, authorization: &str, challenge: &str) -> Result<(), Error> {
        for attempt in 1.. {
            match self.session.client.challenge_is_ready(challenge) {
                Err(error) if error.is_outcome_unknown() && attempt < ATTEMPTS => {
                    self.pause(error)?;
                }
                started => return self.session.noted(started),
            }
            let known = self.session.client.authorization(authorization);
            let known = self.session.noted(known)?;
            let is_waiting =
                |one: &Challenge| one.url == challenge && one.status == Status::Pending;
            if !known.challenges.iter().any(is_waiting) {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Sends the certificate signing request, again while the server has not heard. Gives the order.
    fn finalize(&mut self, url: &str, order: &Order, signer: &Signer) -> Result<Order, Error> {
        let csr = self.request(signer)?;
        for attempt in 1.. {
            match self.session.client.finalize(&order.finalize, &csr) {
                Err(error) if error.is_outcome_unknown() && attempt < ATTEMPTS => {
                    self.pause(error)?;
                }
                finalized => return self.session.noted(finalized),
            }
            let (known, _) = self.refresh(url)?;
            if known.status != Status::Ready {
                return Ok(known);
            }
        }
        Ok(self.refresh(url)?.0)
    }

    /// Waits a moment after a failure, unless the server asks for more.
    fn pause(&self, error: AcmeError) -> Result<(), Error> {
        let now = self.session.client.now();
        let asked = error
            .retry_after()
            .map(|at| (at - now).max(time::Duration::ZERO));
        let pause = asked.map_or(AFTER_FAILURE, |asked| asked.unsigned_abs());
        if pause > LONGEST_PAUSE {
            return Err(error.into());
        }
        std::thread::sleep(pause);
        Ok(())
    }

    /// Asks for the order until its status is one of those, in growing intervals.
    fn wait(
        &mut self,
        url: &str,
        what: &'static str,
        is_done: impl Fn(Status) -> bool,
    ) -> Result<Order, Error> {
        let started = Instant::now();
        let mut pause = FIRST_POLL;
        loop {
            std::thread::sleep(pause);
            let (order, retry_after) = self.refresh(url)?;
            if is_done(order.status) {
                return match order.status {
                    Status::Invalid => Err(self.failed(&order)),
                    _ => Ok(order),
                };
            }
            pause = (pause * 2).min(LONGEST_POLL);
            let now = self.session.client.now();
            if let Some(after) = retry_after.filter(|after| *after > now) {
                pause = pause.max((after - now).unsigned_abs());
            }
            if started.elapsed() + pause > self.patience {
                return Err(Error::Acme(AcmeError::Unfinished {
                    server: self.session.client.server().to_owned(),
                    what,
                    waited: started.elapsed().as_secs(),
                }));
            }
        }
    }

    fn refresh(&mut self, url: &str) -> Result<(Order, Option<OffsetDateTime>), Error> {
        let order = self.session.client.order(url);
        self.session.noted(order)
    }

    /// Why an order failed; it is forgotten, so that the next run places another one.
    fn failed(&mut self, order: &Order) -> Error {
        let server = self.session.client.server().to_owned();
        let mut failure = None;
        for url in &order.authorizations {
            let Ok(authorization) = self.session.client.authorization(url) else {
                continue;
            };
            let failed = authorization
                .challenges
                .iter()
                .find(|one| one.error.is_some());
            if let Some(challenge) = failed {
                failure = Some(AcmeError::Validation {
                    name: authorization.name(),
                    challenge: challenge.kind.clone(),
                    problem: challenge.error.clone().unwrap_or_default(),
                });
                break;
            }
        }
        let unknown = Problem {
            detail: "the order failed".into(),
            ..Problem::default()
        };
        let error = failure.unwrap_or_else(|| AcmeError::Refused {
            server,
            problem: order.error.clone().unwrap_or(unknown),
        });
        self.state.order = None;
        match self.kept.write(&self.state) {
            Ok(()) => error.into(),
            Err(error) => error,
        }
    }

    /// The certificate signing request: the names alone, because an address is no common name.
    fn request(&self, signer: &Signer) -> Result<Vec<u8>, Error> {
        let plan = CsrPlan {
            subject: DistinguishedName::empty(),
            subject_alt_names: self.names.to_vec(),
            basic_constraints: BasicConstraints::EndEntity,
        };
        Ok(signer.request(&plan)?)
    }

    /// The certificate with the preferred chain, if there is one.
    fn chain(&mut self, url: &str, signer: &Signer) -> Result<Chain, Error> {
        let first = self.session.client.certificate(url);
        let first = self.session.noted(first)?;
        let certificates = self.read(url, &first, signer)?;
        let Some(preferred) = self.state.settings.preferred_chain.clone() else {
            return Ok(Chain {
                certificates,
                warning: None,
            });
        };
        let leads = |chain: &[Certificate]| {
            let top = chain.last().map(Certificate::issuer);
            let names = top.map(|issuer| issuer.values(AttributeType::CommonName));
            names.is_some_and(|names| names.contains(&preferred))
        };
        if leads(&certificates) {
            return Ok(Chain {
                certificates,
                warning: None,
            });
        }
        for url in first.alternates.iter().take(MAX_ALTERNATES) {
            let other = self.session.client.certificate(url);
            let other = self.session.noted(other)?;
            let other = self.read(url, &other, signer)?;
            if leads(&other) {
                return Ok(Chain {
                    certificates: other,
                    warning: None,
                });
            }
        }
        let warning = format!("no chain leads to '{preferred}'; the CA's default chain is used");
        Ok(Chain {
            certificates,
            warning: Some(warning),
        })
    }

    /// Checks that a chain starts with our certificate, and leaves out a root.
    fn read(
        &self,
        url: &str,
        chain: &IssuedChain,
        signer: &Signer,
    ) -> Result<Vec<Certificate>, Error> {
        let malformed = |reason: String| AcmeError::Malformed {
            url: url.to_owned(),
            reason,
        };
        let mut certificates =
            bundle::certificates(&chain.pem).map_err(|error| malformed(error.to_string()))?;
        let leaf = &certificates[0];
        if leaf.public_key_info() != signer.public_key_info() {
            return Err(malformed("the certificate is for another key".into()).into());
        }
        let names = leaf.subject_alt_names().ok().flatten().unwrap_or_default();
        let is_missing = |name: &&SubjectAltName| !names.contains(&GeneralName::from(*name));
        if let Some(missing) = self.names.iter().find(is_missing) {
            let reason = format!("the certificate is not for {}", missing.value());
            return Err(malformed(reason).into());
        }
        let mut is_leaf = true;
        certificates.retain(|one| std::mem::take(&mut is_leaf) || !one.is_self_issued());
        Ok(certificates)
    }
}

impl Chain {
    /// The content of the certificate's file.
    pub(super) fn pem(&self) -> Result<String, Error> {
        let mut text = String::new();
        for certificate in &self.certificates {
            text.push_str(&pem::encode("CERTIFICATE", certificate.as_der())?);
        }
        Ok(text)
    }
}

fn no_challenge(authorization: &Authorization, kind: &str) -> Error {
    let offered: Vec<&str> = authorization
        .challenges
        .iter()
        .map(|one| &*one.kind)
        .collect();
    let name = authorization.name();
    let hint = if name.starts_with("*.") {
        "a wildcard is proven by DNS: use `--dns-01-hook CMD`".to_owned()
    } else {
        "choose another challenge: `--http-01`, `--tls-alpn-01` or `--dns-01-hook`".to_owned()
    };
    Error::usage(
        format!(
            "{name}: the server does not offer {kind}, but {}",
            offered.join(", ")
        ),
        hint,
    )
}

const FIRST_POLL: Duration = Duration::from_millis(2);
const LONGEST_POLL: Duration = Duration::from_secs(5);
/// How often the server is told something that it may not have heard.
const ATTEMPTS: usize = 3;
const AFTER_FAILURE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// How many of the listed orders are looked at, newest first.
const MAX_LISTED: usize = 20;
const MAX_ALTERNATES: usize = 10;
