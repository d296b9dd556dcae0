//! Identities as files, for programs that do not speak the Workload API.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;
use time::OffsetDateTime;

use crate::authority;
use crate::error::{Error, InFile as _, shown};
use crate::files::{self, Lock, NewFile};
use crate::keys::{self, Signer};
use crate::net::workload::messages::{X509Svid, X509SvidResponse};
use crate::net::workload::{Client, ClientError};
use crate::ops::renew::{Hook, SignalTo, StepResult};
use crate::ops::watch::Wake;
use crate::ops::{Expiry, Report, Verdict};
use crate::pki::certificate::{Certificate, CertificateError};
use crate::pki::element::Elements;
use crate::pki::spiffe::SpiffeId;
use crate::pki::validity::{Validity, rfc3339};

/// What to fetch, and where to write it.
#[derive(Debug)]
pub struct Request {
    /// The socket of the Workload API.
    pub socket: PathBuf,
    /// The directory of the files.
    pub out: PathBuf,
    /// Which identity, where there are several; `None` for the first.
    pub spiffe_id: Option<SpiffeId>,
    /// Runs after the files are replaced.
    pub hook: Option<Hook>,
    /// Sent then.
    pub signals: Vec<SignalTo>,
}

/// Fetches an identity once.
///
/// # Errors
/// When the socket cannot be reached or its answer is malformed, it grants nothing, or a file cannot be written.
pub fn run(request: &Request, now: OffsetDateTime) -> Result<Fetched, Error> {
    let client = Client::new(&request.socket)?;
    let mut updates = client.x509_svids()?;
    let Some(response) = updates.next(FIRST_WAIT)? else {
        let what = "no identity came".to_owned();
        let path = request.socket.clone();
        return Err(ClientError::Malformed { path, what }.into());
    };
    write(request, &response, now)
}

/// Keeps the files of an identity current until the end is requested. A socket that cannot be reached, or grants
/// nothing, is asked again.
///
/// # Errors
/// When the directory cannot be used at the start.
pub fn watch(
    request: &Request,
    clock: &dyn Fn() -> OffsetDateTime,
    sleep: &mut dyn FnMut(Duration) -> Wake,
    observer: &mut dyn FnMut(&Event),
) -> Result<(), Error> {
    files::create_directory(&request.out)?;
    drop(Lock::acquire(&request.out)?);
    let mut pause = FIRST_PAUSE;
    loop {
        let mut has_fetched = false;
        let ended = follow(request, clock, sleep, &mut |fetched| {
            has_fetched = true;
            observer(&Event::of(fetched, clock()));
        });
        let Err(error) = ended else {
            return Ok(());
        };
        observer(&Event::failed(&error, clock()));
        pause = if has_fetched {
            FIRST_PAUSE
        } else {
            LONGEST_PAUSE.min(pause * 2)
        };
        if matches!(sleep(pause), Wake::End) {
            return Ok(());
        }
    }
}

/// Writes what comes on one stream, until the end is requested.
fn follow(
    request: &Request,
    clock: &dyn Fn() -> OffsetDateTime,
    sleep: &mut dyn FnMut(Duration) -> Wake,
    observer: &mut dyn FnMut(Fetched),
) -> Result<(), Error> {
    let client = Client::new(&request.socket)?;
    let mut updates = client.x509_svids()?;
    loop {
        if let Some(response) = updates.next(LOOK_EVERY)? {
            observer(write(request, &response, clock())?);
        }
        if matches!(sleep(Duration::ZERO), Wake::End) {
            return Ok(());
        }
    }
}

/// Writes the three files together, then runs what follows.
fn write(
    request: &Request,
    response: &X509SvidResponse,
    now: OffsetDateTime,
) -> Result<Fetched, Error> {
    let svid = chosen(request, response)?;
    let chain = certificates(&request.socket, &svid.x509_svid)?;
    let anchors = certificates(&request.socket, &svid.bundle)?;
    let malformed = |what: &str| ClientError::Malformed {
        path: request.socket.clone(),
        what: what.to_owned(),
    };
    let leaf = chain
        .first()
        .ok_or_else(|| malformed("the SVID has no certificate"))?;
    let signer = Signer::from_pkcs8(&svid.x509_svid_key)?;
    if signer.public_key_info() != leaf.public_key_info() {
        return Err(malformed("the key is not that of the SVID").into());
    }
    let pem = authority::pem_of(chain.iter().map(Certificate::as_der))?;
    let key = keys::to_pem(&svid.x509_svid_key, None)?;
    let bundle = authority::pem_of(anchors.iter().map(Certificate::as_der))?;
    let files = [
        NewFile::public(CERTIFICATE, pem.as_bytes()),
        NewFile::secret(KEY, key.as_bytes()),
        NewFile::public(BUNDLE, bundle.as_bytes()),
    ];
    files::create_directory(&request.out)?;
    let lock = Lock::acquire(&request.out)?;
    files::write_together(&lock, &files, true)?;
    drop(lock);
    let validity = Validity::between(leaf.not_before(), leaf.not_after())?;
    let mut fetched = Fetched {
        spiffe_id: svid.spiffe_id.clone(),
        serial: leaf.serial().to_string(),
        expiry: Expiry::of(validity, now),
        certificate: request.out.join(CERTIFICATE),
        private_key: request.out.join(KEY),
        bundle: request.out.join(BUNDLE),
        steps: Vec::new(),
    };
    fetched.steps = steps(request, &fetched);
    Ok(fetched)
}

fn chosen<'a>(request: &Request, response: &'a X509SvidResponse) -> Result<&'a X509Svid, Error> {
    let mut svids = response.svids.iter();
    let svid = match &request.spiffe_id {
        None => svids.next(),
        Some(id) => svids.find(|svid| svid.spiffe_id == id.as_str()),
    };
    let wanted = request.spiffe_id.as_ref().map(ToString::to_string);
    svid.ok_or_else(|| {
        let path = request.socket.clone();
        let what = format!(
            "it does not grant {}",
            wanted.as_deref().unwrap_or("anything")
        );
        ClientError::Malformed { path, what }.into()
    })
}

fn certificates(path: &Path, der: &[u8]) -> Result<Vec<Certificate>, Error> {
    let mut elements = Elements::new(der);
    let mut certificates = Vec::new();
    while !elements.is_empty() {
        let next = elements.any("the certificate");
        let whole = next.map_err(CertificateError::from).in_file(path)?.whole;
        certificates.push(Certificate::from_der(whole.to_vec()).in_file(path)?);
    }
    Ok(certificates)
}

/// What follows once the files are in place.
fn steps(request: &Request, fetched: &Fetched) -> Vec<StepResult> {
    let absolute = |path: &Path| -> OsString {
        files::absolute(path)
            .unwrap_or_else(|_| path.to_owned())
            .into()
    };
    let environment: [(&str, OsString); 7] = [
        ("OPENAGENTS_CERTS_EVENT", "renewed".into()),
        ("OPENAGENTS_CERTS_NAME", (&*fetched.spiffe_id).into()),
        ("OPENAGENTS_CERTS_DIR", absolute(&request.out)),
        ("OPENAGENTS_CERTS_CERT", absolute(&fetched.certificate)),
        ("OPENAGENTS_CERTS_KEY", absolute(&fetched.private_key)),
        ("OPENAGENTS_CERTS_SERIAL", (&*fetched.serial).into()),
        (
            "OPENAGENTS_CERTS_NOT_AFTER",
            rfc3339(fetched.expiry.not_after).into(),
        ),
    ];
    let hook = request.hook.iter().map(|hook| hook.run(&environment));
    let signals = request.signals.iter().map(SignalTo::send);
    hook.chain(signals).collect()
}

/// An identity whose files were written.
#[derive(Debug, Serialize)]
pub struct Fetched {
    /// Its SPIFFE ID.
    pub spiffe_id: String,
    /// The certificate's serial number.
    pub serial: String,
    /// When it is valid.
    #[serde(flatten)]
    pub expiry: Expiry,
    /// The file of the certificate and its chain.
    #[serde(serialize_with = "crate::ops::paths::as_text")]
    pub certificate: PathBuf,
    /// The file of the key.
    #[serde(serialize_with = "crate::ops::paths::as_text")]
    pub private_key: PathBuf,
    /// The file of the trust anchors.
    #[serde(serialize_with = "crate::ops::paths::as_text")]
    pub bundle: PathBuf,
    /// The program that was run and the signals that were sent.
    pub steps: Vec<StepResult>,
}

impl Fetched {
    fn failures(&self) -> impl Iterator<Item = String> {
        let failed = self.steps.iter().filter(|step| !step.succeeded);
        failed.map(|step| {
            let message = step.message.as_deref().unwrap_or("failed");
            format!("{}: {message}", step.what)
        })
    }
}

impl fmt::Display for Fetched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Fetched {}", self.spiffe_id.escape_debug())?;
        writeln!(f, "  serial       {}", self.serial)?;
        writeln!(f, "  expires      {}", rfc3339(self.expiry.not_after))?;
        writeln!(f, "  certificate  {}", shown(&self.certificate))?;
        writeln!(f, "  private key  {}", shown(&self.private_key))?;
        writeln!(f, "  bundle       {}", shown(&self.bundle))
    }
}

impl Report for Fetched {
    fn verdict(&self) -> Verdict {
        match self.steps.iter().all(|step| step.succeeded) {
            true => Verdict::Yes,
            false => Verdict::No,
        }
    }

    fn reason(&self) -> Option<String> {
        self.failures().next()
    }
}

/// Something that happened while files were kept current: one line, or one JSON object.
#[derive(Debug, Serialize)]
pub struct Event {
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    pub time: OffsetDateTime,
    /// What: `fetched`, `follow_failed`, `failed`.
    pub event: &'static str,
    /// A description.
    pub message: String,
    /// What was fetched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity: Option<Fetched>,
}

impl Event {
    fn of(fetched: Fetched, now: OffsetDateTime) -> Self {
        let id = fetched.spiffe_id.escape_debug();
        let end = rfc3339(fetched.expiry.not_after);
        let failures: Vec<_> = fetched.failures().collect();
        let (event, message) = match failures.as_slice() {
            [] => ("fetched", format!("{id}, valid until {end}")),
            failures => ("follow_failed", format!("{id}: {}", failures.join("; "))),
        };
        Event {
            time: now,
            event,
            message,
            identity: Some(fetched),
        }
    }

    fn failed(error: &Error, now: OffsetDateTime) -> Self {
        Event {
            time: now,
            event: "failed",
            message: error.to_string(),
            identity: None,
        }
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (time, event) = (rfc3339(self.time), self.event);
        writeln!(f, "{time}  {event}  {}", self.message)
    }
}

/// The file of the certificate and its chain.
pub(crate) const CERTIFICATE: &str = "svid.crt";
/// The file of the key.
pub(crate) const KEY: &str = "svid.key";
/// The file of the trust anchors.
pub(crate) const BUNDLE: &str = "bundle.crt";
const FIRST_WAIT: Duration = Duration::from_secs(30);
/// How soon a signal is seen.
const LOOK_EVERY: Duration = Duration::from_millis(250);
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
