//! Certificates of public CAs, ordered with ACME: the first one and its renewals.
//!
//! ```text
//! names ─► checks ─► account ─► order ─► proof ─► certificate ─► inventory ─► files
//!                    kept       kept: a killed run continues here
//! ```
//! A certificate is recorded in the inventory of the PKI directory like any other. A directory without a CA
//! gets an inventory of its own for this.

pub mod account;
mod checks;
mod order;
mod pair;
pub mod renewal;
mod report;
mod solver;
pub mod state;

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64ct::{Base64UrlUnpadded, Encoding as _};
use time::OffsetDateTime;
use zeroize::Zeroizing;

use crate::authority;
use crate::error::{Error, InFile as _, shown};
use crate::files::{self, Kind, Lock, NewFile};
use crate::keys::{self, PrivateKey, Signer};
use crate::ops::Expiry;
use crate::ops::issue::{base_of, check_base, file_names};
use crate::ops::renew::Timing;
use crate::pki::algorithm::KeyType;
use crate::pki::certificate::Certificate;
use crate::pki::fingerprint::Fingerprint;
use crate::pki::general_name::GeneralName;
use crate::pki::san::{SubjectAltName, TypedName};
use crate::store::{Entry, Labels, Output};

pub use pair::{OrderedPair, ordered_pair};
pub use report::OrderedCertificate;

use account::{Introduction, Session};
use order::{Chain, Ordering};
use pair::Pair;
use solver::Solver;
use state::{CertificateState, Kept, Settings};

/// The certificate to order.
#[derive(Debug)]
pub struct Request {
    /// The PKI directory, with the inventory and the account.
    pub directory: PathBuf,
    /// The directory of the files.
    pub out: PathBuf,
    /// Their name up to `.crt` and `.key`; made of the first name by default.
    pub base: Option<OsString>,
    /// The names: DNS names, wildcards among them, and IP addresses.
    pub names: Vec<TypedName>,
    /// How it is ordered.
    pub settings: Settings,
    /// How a new account introduces itself.
    pub introduction: Introduction,
    /// Whether to order even if a certificate that satisfies the request is there, or other files are.
    pub force: bool,
    /// How long the server may take for each step.
    pub patience: Duration,
    /// Who requests it, as `user@host`.
    pub requested_by: String,
    /// A note for the inventory.
    pub note: Option<String>,
    /// Labels for the inventory.
    pub labels: Labels,
}

/// Orders a certificate, or continues an order that an earlier run placed.
///
/// # Errors
/// When the names cannot be ordered, files are in the way, the server cannot be reached or refuses, or the files
/// cannot be written. Existing files stay as they are.
pub fn issue(request: &Request, now: OffsetDateTime) -> Result<OrderedCertificate, Error> {
    let names = names(request)?;
    let base = base(request, &names[0])?;
    let key_type: KeyType = parsed_key_type(&request.settings.key_type)?;
    let out = files::absolute(&request.out)?;
    let kept = Kept::certificate(&request.directory, &out, &base)?;
    let earlier: Option<CertificateState> = kept.read()?;
    let texts: Vec<String> = names.iter().map(ToString::to_string).collect();
    let is_known = earlier
        .as_ref()
        .is_some_and(|earlier| earlier.names == texts);
    let mut state = state_for(request, earlier, texts, &out, &base);
    let pair = Pair::at(&out, &base);
    if let Some(done) = satisfied(request, &state, &names, &pair, now)? {
        return Ok(done);
    }
    if !request.force && !is_known {
        pair.refuse_existing()?;
    }
    let solver = Solver::prepare(&state.settings.challenge, state.settings.dns_wait, now)?;
    let server = server(&request.directory, &state.settings);
    let mut session = Session::open(&server, now)?;
    let is_continued = state
        .order
        .as_ref()
        .is_some_and(|order| order.url.is_some());
    let mut warnings = Vec::new();
    if !is_continued {
        let meta = &session.client.directory().meta;
        warnings = checks::run(&state.settings, &names, meta)?;
    }
    session.introduce(&request.introduction)?;
    session.release();
    let new_key = order_key(&state, key_type)?;
    let signer = signer(&kept.path(state::STATE), &new_key)?;
    let ordering = Ordering {
        session: &mut session,
        kept: &kept,
        state: &mut state,
        names: &names,
        solver,
        replaces: None,
        patience: request.patience,
    };
    let chain = ordering.obtain(&signer, Some(new_key.clone()))?;
    let now = session.now();
    let entry = entry(request, &chain, &out, &base, now)?;
    record(&request.directory, &entry)?;
    let replace = request.force || is_known;
    write(&out, &base, &chain.pem()?, &new_key, replace)?;
    state.finish(&chain.certificates[0], now);
    state.suggestion = renewal::ask(&mut session, &chain.certificates[0], now);
    kept.write_lazily(&state)?;
    warnings.extend(chain.warning.clone());
    Ok(OrderedCertificate {
        unchanged: false,
        warnings,
        ..ordered(&state, &entry, &pair, now)
    })
}

/// The key of the order under way, or a new one.
fn order_key(state: &CertificateState, key_type: KeyType) -> Result<Zeroizing<String>, Error> {
    let kept = state.order.as_ref().and_then(|order| order.key.clone());
    match kept {
        Some(key) => Ok(key),
        None => Ok(keys::to_pem(PrivateKey::generate(key_type)?.pkcs8(), None)?),
    }
}

/// Writes a certificate and its key together.
fn write(
    directory: &Path,
    base: &str,
    certificate: &str,
    key: &str,
    replace: bool,
) -> Result<(), Error> {
    let (certificate_name, key_name) = file_names(OsStr::new(base));
    let files = [
        NewFile::secret(&key_name, key.as_bytes()),
        NewFile::public(&certificate_name, certificate.as_bytes()),
    ];
    files::write_together(&Lock::acquire(directory)?, &files, replace)
}

impl CertificateState {
    /// Notes that this certificate is in place.
    fn finish(&mut self, certificate: &Certificate, now: OffsetDateTime) {
        self.issued_at = Some(now);
        self.serial = Some(certificate.serial().to_string());
        self.order = None;
        self.suggestion = None;
        self.failure = None;
    }
}

/// The names, which are those of hosts; at least one.
fn names(request: &Request) -> Result<Vec<SubjectAltName>, Error> {
    let usage = |message: String, hint: &str| Error::usage(message, hint);
    let is_dns = matches!(
        request.settings.challenge,
        state::Challenge::Dns01Hook { .. } | state::Challenge::Dns01Update { .. }
    );
    let mut names: Vec<SubjectAltName> = Vec::new();
    for name in request.names.iter().map(|typed| &typed.name) {
        match name {
            SubjectAltName::Dns(text) if text.starts_with("*.") && !is_dns => {
                return Err(usage(
                    format!("{text}: a wildcard can be proven by DNS only"),
                    "use `--dns-01-hook CMD`, or name the hosts one by one",
                ));
            }
            SubjectAltName::Ip(address) if is_dns => {
                return Err(usage(
                    format!("{address}: an address cannot be proven by DNS"),
                    "use `--http-01` or `--tls-alpn-01`",
                ));
            }
            SubjectAltName::Uri(_) | SubjectAltName::Email(_) => {
                return Err(usage(
                    format!(
                        "{}: ACME certifies DNS names and IP addresses only",
                        name.value()
                    ),
                    "issue it from your own CA with `openagents-certs issue`",
                ));
            }
            SubjectAltName::Dns(_) | SubjectAltName::Ip(_) => {}
        }
        if !names.contains(name) {
            names.push(name.clone());
        }
    }
    if names.is_empty() {
        return Err(usage(
            "a certificate needs a name".into(),
            "name the host it is for, such as agents.example.org",
        ));
    }
    Ok(names)
}

fn base(request: &Request, first: &SubjectAltName) -> Result<String, Error> {
    let base = request.base.clone().unwrap_or_else(|| base_of(first));
    check_base(&base)?;
    base.into_string().map_err(|base| {
        Error::usage(
            format!("'{}' is not UTF-8", shown(Path::new(&base))),
            "give another name with `--name`",
        )
    })
}

fn parsed_key_type(text: &str) -> Result<KeyType, Error> {
    let key_type = text.parse();
    key_type.map_err(|error: crate::pki::algorithm::UnknownKeyType| {
        Error::usage(
            error.to_string(),
            "choose another `--key-type`, such as p256",
        )
    })
}

/// The state of this request: an order under way is continued only when it is for the same names and server.
fn state_for(
    request: &Request,
    earlier: Option<CertificateState>,
    names: Vec<String>,
    out: &Path,
    base: &str,
) -> CertificateState {
    let settings = request.settings.clone();
    let fresh = CertificateState {
        directory: out.to_owned(),
        base: base.to_owned(),
        names,
        settings,
        serial: None,
        issued_at: None,
        order: None,
        suggestion: None,
        failure: None,
    };
    let Some(earlier) = earlier else {
        return fresh;
    };
    let is_same = earlier.names == fresh.names
        && earlier.settings.server == fresh.settings.server
        && earlier.settings.profile == fresh.settings.profile
        && earlier.settings.key_type == fresh.settings.key_type;
    CertificateState {
        order: earlier.order.filter(|_| is_same),
        serial: earlier.serial.filter(|_| is_same),
        issued_at: earlier.issued_at.filter(|_| is_same),
        suggestion: earlier.suggestion.filter(|_| is_same),
        failure: earlier.failure.filter(|_| is_same),
        ..fresh
    }
}

/// The report of the certificate that is there, if it satisfies the request and is not due.
fn satisfied(
    request: &Request,
    state: &CertificateState,
    names: &[SubjectAltName],
    pair: &Pair,
    now: OffsetDateTime,
) -> Result<Option<OrderedCertificate>, Error> {
    if request.force || state.order.is_some() {
        return Ok(None);
    }
    let Some(leaf) = pair.read() else {
        return Ok(None);
    };
    let own = leaf.subject_alt_names().ok().flatten().unwrap_or_default();
    let has_names = names
        .iter()
        .all(|name| own.contains(&GeneralName::from(name)));
    let is_ours = state.serial.as_deref() == Some(&*leaf.serial().to_string());
    if !has_names || own.len() != names.len() || !is_ours {
        return Ok(None);
    }
    let inventory = authority::open_client_inventory(&request.directory)?;
    let Some(entry) = inventory.find(leaf.serial())? else {
        return Ok(None);
    };
    let done = ordered(state, &entry, pair, now);
    let is_usable = entry.revocation.is_none() && done.due_at > now;
    Ok(is_usable.then_some(done))
}

fn ordered(
    state: &CertificateState,
    entry: &Entry,
    pair: &Pair,
    now: OffsetDateTime,
) -> OrderedCertificate {
    OrderedCertificate {
        server: state.settings.server.clone(),
        subject_alt_names: entry.names.clone(),
        serial: entry.serial.clone(),
        issuer: entry.issuer.to_string(),
        expiry: Expiry::of(entry.validity, now),
        key_type: entry.key_type.clone(),
        fingerprint_sha256: entry.fingerprint.clone(),
        certificate: pair.certificate.clone(),
        private_key: pair.private_key.clone(),
        due_at: renewal::due_at(state, entry, &Timing::default()),
        unchanged: true,
        warnings: Vec::new(),
    }
}

/// Who is asked for a certificate.
fn server(directory: &Path, settings: &Settings) -> account::Request {
    account::Request {
        directory: directory.to_owned(),
        server: settings.server.clone(),
        ca_bundle: settings.ca_bundle.clone(),
    }
}

fn signer(path: &Path, key: &str) -> Result<Signer, Error> {
    let (key, _) = authority::read_key_in(path, key.as_bytes(), &authority::no_passphrase)?;
    Signer::from_pkcs8(key.pkcs8()).in_file(path)
}

/// The entry of a new certificate.
fn entry(
    request: &Request,
    chain: &Chain,
    directory: &Path,
    base: &str,
    now: OffsetDateTime,
) -> Result<Entry, Error> {
    Ok(Entry {
        requested_by: request.requested_by.clone(),
        note: request.note.clone(),
        labels: request.labels.clone(),
        ..foreign_entry(chain, directory, base, now)?
    })
}

/// The inventory's entry of a certificate of another CA.
fn foreign_entry(
    chain: &Chain,
    directory: &Path,
    base: &str,
    now: OffsetDateTime,
) -> Result<Entry, Error> {
    // A CA that gives no intermediates is known by its name alone.
    let issuer = match chain.certificates.get(1) {
        Some(issuer) => Fingerprint::sha256(issuer.as_der()),
        None => Fingerprint::sha256(chain.certificates[0].issuer().as_der()),
    };
    Ok(Entry {
        profile: PROFILE.into(),
        output: Some(Output {
            directory: directory.to_owned(),
            base: base.to_owned(),
        }),
        ..Entry::of(&chain.certificates[0], issuer, now)?
    })
}

/// Records a certificate in the inventory of a directory, which gets one if it has none.
fn record(directory: &Path, entry: &Entry) -> Result<(), Error> {
    files::create_directory(directory)?;
    let mut inventory = authority::open_client_inventory(directory)?;
    inventory.adopt(std::slice::from_ref(entry))?;
    Ok(())
}

/// The profile that the inventory shows for certificates of other CAs.
pub const PROFILE: &str = "acme";

/// The HMAC key of an external account in a file: base64, as CAs give it, or base64url.
///
/// # Errors
/// When the file cannot be read, or is not base64.
pub fn read_external_key(path: &Path) -> Result<Zeroizing<Vec<u8>>, Error> {
    let content = files::read(path)?;
    let text = Zeroizing::new(String::from_utf8_lossy(&content).into_owned());
    let text = text.trim().trim_end_matches('=');
    let url = Zeroizing::new(text.replace('+', "-").replace('/', "_"));
    match Base64UrlUnpadded::decode_vec(&url) {
        Ok(key) if !key.is_empty() => Ok(Zeroizing::new(key)),
        Ok(_) | Err(_) => Err(Error::usage(
            format!(
                "{}: not the HMAC key of an external account in base64",
                shown(path)
            ),
            "copy the key from the CA's web interface into the file, and nothing else",
        )),
    }
}

/// A program with its path absolute, if it is one; otherwise as it is given.
///
/// # Errors
/// When the working directory is gone.
pub fn absolute_program(command: &str) -> Result<String, Error> {
    let path = Path::new(command);
    let is_path = command.contains('/') && files::kind(path)? != Kind::Absent;
    let absolute = if is_path {
        files::absolute(path)?.into_os_string().into_string().ok()
    } else {
        None
    };
    Ok(absolute.unwrap_or_else(|| command.to_owned()))
}
