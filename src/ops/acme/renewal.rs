//! Renewing ordered certificates: when the server suggests (RFC 9773), else by their lifetime.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64ct::{Base64UrlUnpadded, Encoding as _};
use time::OffsetDateTime;
use zeroize::Zeroizing;

use super::account::{self, Introduction, Session};
use super::order::{Chain, Ordering};
use super::solver::Solver;
use super::state::{self, CertificateState, Failure, Kept, Suggestion};
use super::{PROFILE, foreign_entry, record, server, signer};
use crate::error::Error;
use crate::files;
use crate::keys::{self, PrivateKey};
use crate::net::acme::{self, AcmeError, RenewalInfo};
use crate::ops::renew::Timing;
use crate::pki::algorithm::KeyType;
use crate::pki::certificate::Certificate;
use crate::pki::san::SubjectAltName;
use crate::store::Entry;

/// The certificates of a PKI directory that were ordered, by their files.
#[derive(Debug, Default)]
pub struct Orders(HashMap<PathBuf, CertificateState>);

impl Orders {
    /// Reads what is known of them.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read(pki: &Path) -> Result<Self, Error> {
        let states = state::certificates(pki)?.into_iter();
        Ok(Orders(states.map(|one| (one.certificate(), one)).collect()))
    }

    /// Whether none was ordered.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What is known of the certificate in a file, if it was ordered.
    ///
    /// # Errors
    /// When the path cannot be resolved.
    pub fn find(
        &self,
        certificate: &Path,
        entry: &Entry,
    ) -> Result<Option<&CertificateState>, Error> {
        // Our own CA may have issued another one into the same file since.
        if self.0.is_empty() || entry.profile != PROFILE {
            return Ok(None);
        }
        Ok(self.0.get(&files::absolute(certificate)?))
    }
}

/// When a certificate is to be renewed: when the server suggests, else by its lifetime; after a failure, not
/// before the pause is over.
pub fn due_at(state: &CertificateState, entry: &Entry, timing: &Timing) -> OffsetDateTime {
    let by_lifetime = timing.due_at(entry);
    let suggested = current_suggestion(state).and_then(|suggestion| suggestion.renew_at);
    let due_at = match suggested {
        Some(at) if !timing.is_requested() => at,
        Some(at) => at.min(by_lifetime),
        None => by_lifetime,
    };
    let due_at = due_at.replace_nanosecond(0).unwrap_or(due_at);
    let pause = match &state.failure {
        Some(failure) => Some(failure.retry_at),
        // The new certificate was taken back, and the next one might be, too.
        None if entry.superseded_by.is_some() => state.issued_at.map(|at| at + AFTER_ROLLBACK),
        None => None,
    };
    pause.map_or(due_at, |pause| due_at.max(pause))
}

/// Whether the server is to be asked when it wants the certificate to be renewed.
pub fn is_question_due(state: &CertificateState, now: OffsetDateTime) -> bool {
    current_suggestion(state).is_some_and(|suggestion| suggestion.ask_at <= now)
}

fn current_suggestion(state: &CertificateState) -> Option<&Suggestion> {
    let suggestion = state.suggestion.as_ref();
    suggestion.filter(|one| Some(&one.serial) == state.serial.as_ref())
}

/// Asks when a certificate that was just issued is to be renewed; a server that does not say is not asked again.
pub(super) fn ask(
    session: &mut Session<'_>,
    certificate: &Certificate,
    now: OffsetDateTime,
) -> Option<Suggestion> {
    let url = session.client.directory().renewal_info.clone()?;
    let id = certificate_id(certificate)?;
    let answer = session.client.renewal_info(&url, &id);
    Some(suggestion(certificate, answer, now))
}

/// Asks again, and remembers the answer. A server that cannot be reached is asked again later.
///
/// # Errors
/// When the answer cannot be remembered.
pub fn ask_again(
    pki: &Path,
    state: &CertificateState,
    certificate: &Certificate,
    now: OffsetDateTime,
) -> Result<CertificateState, Error> {
    let kept = Kept::certificate(pki, &state.directory, &state.base)?;
    let mut state: CertificateState = match kept.read()? {
        Some(state) => state,
        None => return Ok(state.copied()),
    };
    let request = server(pki, &state.settings);
    let answer = account::https(&request).and_then(|https| {
        let started = std::time::Instant::now();
        let directory = acme::directory(&https, &request.server, (now, started))?;
        let asked = directory.renewal_info.zip(certificate_id(certificate));
        Ok(asked.map(|(url, id)| acme::renewal_info(&https, &url, &id, now)))
    });
    state.suggestion = match answer {
        Ok(None) => None,
        Ok(Some(answer)) => Some(suggestion(certificate, answer, now)),
        Err(_) => state.suggestion.take().map(|earlier| Suggestion {
            ask_at: now + AFTER_FAILURE,
            ..earlier
        }),
    };
    kept.write(&state)?;
    Ok(state)
}

fn suggestion(
    certificate: &Certificate,
    answer: Result<(RenewalInfo, Option<OffsetDateTime>), AcmeError>,
    now: OffsetDateTime,
) -> Suggestion {
    let serial = certificate.serial().to_string();
    match answer {
        Ok((info, retry_after)) => {
            let window = info.suggested_window;
            // A window that ends before it starts says nothing.
            let renew_at = (window.end > window.start)
                .then(|| window.start + (window.end - window.start) * share(certificate));
            let asked = retry_after.unwrap_or(now + ASK_EVERY);
            Suggestion {
                serial,
                renew_at,
                ask_at: asked.clamp(now + SHORTEST_ASK, now + LONGEST_ASK),
                explanation: info.explanation_url,
            }
        }
        Err(error) => Suggestion {
            serial,
            renew_at: None,
            ask_at: error.retry_after().unwrap_or(now + AFTER_FAILURE),
            explanation: None,
        },
    }
}

/// A number from 0 to 1 that differs between certificates, so that they are not renewed together.
fn share(certificate: &Certificate) -> f64 {
    let bytes = certificate.signature().iter().rev().take(4);
    let number = bytes.fold(0_u32, |number, byte| number << 8 | u32::from(*byte));
    f64::from(number) / f64::from(u32::MAX)
}

/// The identifier of a certificate ([RFC 9773 §4.1](https://www.rfc-editor.org/rfc/rfc9773#section-4.1)).
fn certificate_id(certificate: &Certificate) -> Option<String> {
    let authority = certificate
        .authority_key_identifier()
        .ok()??
        .key_identifier?;
    let serial = certificate.serial().as_bytes();
    let encode = Base64UrlUnpadded::encode_string;
    Some(format!("{}.{}", encode(&authority), encode(serial)))
}

/// A new certificate for the same names, recorded, and not yet in its file.
pub struct Renewed {
    /// The certificate and its intermediates as PEM.
    pub pem: String,
    /// The new key as PEM, if it has one.
    pub new_key: Option<Zeroizing<String>>,
    /// What the inventory says of it.
    pub entry: Entry,
    /// What may not work.
    pub warnings: Vec<String>,
    kept: Kept,
    state: CertificateState,
    certificate: Certificate,
    issued_at: OffsetDateTime,
}

impl Renewed {
    /// When it is due.
    pub fn due_at(&self, timing: &Timing) -> OffsetDateTime {
        due_at(&self.state, &self.entry, timing)
    }

    /// Remembers that the new certificate is in its file.
    ///
    /// # Errors
    /// When that cannot be remembered; the next renewal then finds the order done.
    pub fn finish(mut self) -> Result<(), Error> {
        let suggestion = self.state.suggestion.take();
        self.state.finish(&self.certificate, self.issued_at);
        self.state.suggestion = suggestion;
        self.kept.write(&self.state)
    }
}

/// How a certificate is renewed.
pub struct Renewal<'a> {
    /// The PKI directory.
    pub pki: &'a Path,
    /// The certificate.
    pub old: &'a Certificate,
    /// What the inventory says of it.
    pub entry: &'a Entry,
    /// Its private key's file.
    pub private_key: Option<PathBuf>,
    /// The type of its new key; `None` when the old key is kept.
    pub new_key: Option<KeyType>,
}

/// Orders a new certificate, unless the one to replace is no longer in its file: `is_current` is asked once no
/// other process renews it. A failure is remembered, and delays the next attempt.
///
/// # Errors
/// When the server cannot be reached or refuses; what is there stays.
pub fn renew(
    renewal: &Renewal<'_>,
    state: &CertificateState,
    is_current: &dyn Fn() -> Result<bool, Error>,
    now: OffsetDateTime,
) -> Result<Option<Renewed>, Error> {
    let kept = Kept::certificate(renewal.pki, &state.directory, &state.base)?;
    if !is_current()? {
        return Ok(None);
    }
    let mut state: CertificateState = match kept.read()? {
        Some(state) => state,
        None => state.copied(),
    };
    let error = match obtain(renewal, &kept, &mut state, now) {
        Ok((chain, new_key, entry)) => {
            return Ok(Some(Renewed {
                pem: chain.pem()?,
                new_key,
                warnings: chain.warning.into_iter().collect(),
                certificate: chain.certificates[0].clone(),
                issued_at: entry.issued_at,
                entry,
                kept,
                state,
            }));
        }
        Err(error) => error,
    };
    let count = state.failure.as_ref().map_or(0, |failure| failure.count) + 1;
    let asked = match &error {
        Error::Acme(error) => error.retry_after(),
        _ => None,
    };
    state.failure = Some(Failure {
        count,
        message: error.to_string(),
        retry_at: (now + back_off(count, renewal.old)).max(asked.unwrap_or(now)),
    });
    kept.write(&state)?;
    Err(error)
}

type Obtained = (Chain, Option<Zeroizing<String>>, Entry);

fn obtain(
    renewal: &Renewal<'_>,
    kept: &Kept,
    state: &mut CertificateState,
    now: OffsetDateTime,
) -> Result<Obtained, Error> {
    let names = state.names.iter().map(|name| name.parse());
    let names = names.collect::<Result<Vec<SubjectAltName>, _>>()?;
    let ordered = state.order.as_ref().map(|order| order.key.clone());
    let new_key = match ordered {
        // The order under way is for a key that was chosen then.
        Some(key) => key,
        None => match renewal.new_key {
            Some(key_type) => Some(keys::to_pem(PrivateKey::generate(key_type)?.pkcs8(), None)?),
            None => None,
        },
    };
    let signer = match (&new_key, &renewal.private_key) {
        (Some(key), _) => signer(&kept.path(state::STATE), key)?,
        (None, Some(path)) => signer(path, &String::from_utf8_lossy(&files::read(path)?))?,
        (None, None) => {
            return Err(Error::NoKey {
                path: state.certificate(),
            });
        }
    };
    let solver = Solver::prepare(&state.settings.challenge, state.settings.dns_wait, now)?;
    let request = server(renewal.pki, &state.settings);
    let introduction = Introduction::default();
    let mut session = Session::open(&request, now)?;
    session.introduce(&introduction)?;
    session.release();
    let (directory, base) = (state.directory.clone(), state.base.clone());
    let ordering = Ordering {
        session: &mut session,
        kept,
        state,
        names: &names,
        solver,
        replaces: certificate_id(renewal.old),
        patience: PATIENCE,
    };
    let chain = ordering.obtain(&signer, new_key.clone())?;
    let now = session.now();
    let entry = Entry {
        replaces: Some(renewal.entry.serial.clone()),
        requested_by: renewal.entry.requested_by.clone(),
        note: renewal.entry.note.clone(),
        labels: renewal.entry.labels.clone(),
        ..foreign_entry(&chain, &directory, &base, now)?
    };
    record(renewal.pki, &entry)?;
    state.suggestion = ask(&mut session, &chain.certificates[0], now);
    Ok((chain, new_key, entry))
}

/// The pause after this many failures: doubled each time up to a day, varied by a fifth.
fn back_off(count: u32, certificate: &Certificate) -> time::Duration {
    let doubled = FIRST_BACK_OFF * 2_i32.saturating_pow(count.saturating_sub(1).min(12));
    doubled.min(LONGEST_BACK_OFF) * (0.8 + 0.4 * share(certificate))
}

/// How long the server may take for each step.
pub const PATIENCE: Duration = Duration::from_secs(120);
const FIRST_BACK_OFF: time::Duration = time::Duration::minutes(1);
const LONGEST_BACK_OFF: time::Duration = time::Duration::DAY;
/// Public CAs give few certificates for the same names in a week.
const AFTER_ROLLBACK: time::Duration = time::Duration::DAY;
/// RFC 9773 §4.3: at least a minute and at most a day; six hours when the server does not say.
const SHORTEST_ASK: time::Duration = time::Duration::MINUTE;
const LONGEST_ASK: time::Duration = time::Duration::DAY;
const ASK_EVERY: time::Duration = time::Duration::hours(6);
const AFTER_FAILURE: time::Duration = time::Duration::HOUR;
