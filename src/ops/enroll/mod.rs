//! A certificate from a server, with a token: the first one and its renewals.
//!
//! ```text
//! token ─► key, kept ─► server, checked by its pin ─► simpleenroll ─► inventory ─► BASE.crt BASE.key ca.crt
//!          a killed run continues with it             simplereenroll when it is due
//! ```

mod chain;
mod renewal;
mod report;
mod state;

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::time::Duration;

use time::OffsetDateTime;
use zeroize::Zeroizing;

use super::issue::{base_of, check_base, file_names};
use super::refused::{Outcome, Refused};
use super::token::TokenText;
use crate::authority;
use crate::error::{Error, InFile as _, shown};
use crate::files::{self, Kind, Lock, NewFile};
use crate::keys::{self, PrivateKey, Signer};
use crate::net::est::{EstError, Server};
use crate::net::https::{HttpsError, Trust};
use crate::pki::algorithm::KeyType;
use crate::pki::certificate::Certificate;
use crate::pki::fingerprint::Fingerprint;
use crate::pki::name::{AttributeType, DistinguishedName};
use crate::pki::plan::{BasicConstraints, CsrPlan};
use crate::pki::san::{SubjectAltName, TypedName};
use crate::store::{Entry, Opening, Output};

pub use renewal::{NewPair, due_at, renew};
pub use report::Enrolled;
pub use state::{EnrolledPair, Enrollment, directory_or_here};

use chain::Chain;

/// What to enroll.
#[derive(Debug)]
pub struct Request {
    /// The token.
    pub token: TokenText,
    /// The directory of the files.
    pub out: PathBuf,
    /// Their name, without extension; made of the certificate's first name by default.
    pub base: Option<OsString>,
    /// The names to request; by default the token says, or this machine's name.
    pub names: Vec<TypedName>,
    /// The type of the key.
    pub key_type: KeyType,
    /// Whether files that are already there are replaced.
    pub force: bool,
}

/// Gets a certificate for a key that is generated here, and writes both and the trust anchors. A run that was
/// interrupted, or got no answer, is continued with the same key.
///
/// # Errors
/// When the server cannot be reached or its answer is malformed, or a file cannot be written. A refusal, or a
/// server of another CA, is no error.
pub fn run(request: &Request, now: OffsetDateTime) -> Result<Outcome<Enrolled>, Error> {
    if let Some(base) = &request.base {
        check_base(base)?;
    }
    refuse_authority(&request.out)?;
    files::create_directory(&request.out)?;
    let lock = Lock::acquire(&request.out)?;
    let state = Enrollment::read(&request.out)?;
    let token = &request.token;
    let known = state.as_ref().and_then(|state| {
        let mut all = state.certificates.iter();
        all.find(|(_, one)| one.token == token.id)
            .map(|(base, _)| OsString::from(base))
    });
    if let (Some(base), false) = (&known, request.force)
        && let Some(existing) = report::existing(&request.out, base, now)?
    {
        return Ok(Outcome::Done(existing));
    }
    let key = Key::prepare(request, known.as_deref(), &lock)?;
    match obtain(request, &key, now)? {
        Outcome::Done(chain) => {
            let enrolled = write(request, known, &key, &chain, &lock, state, now)?;
            Ok(Outcome::Done(enrolled))
        }
        Outcome::Refused(refused) => {
            if key.is_new {
                files::remove(&lock, &[&pending(&token.id)])?;
            }
            Ok(Outcome::Refused(refused))
        }
    }
}

/// The certificate and its chain.
fn obtain(request: &Request, key: &Key, now: OffsetDateTime) -> Result<Outcome<Chain>, Error> {
    let token = &request.token;
    let (server, root) = match pinned(token, now)? {
        Outcome::Done(server) => server,
        Outcome::Refused(refused) => return Ok(Outcome::Refused(refused)),
    };
    let csr = csr(&key.signer()?, &request.names, &common_name(request))?;
    let answer = patiently(now, || {
        let certificates = server.ca_certificates(now)?;
        let certificate = server.enroll(&csr, (&token.id, token.secret()), now)?;
        Ok((certificate, certificates))
    });
    let (certificate, certificates) = match answer {
        Ok(answer) => answer,
        Err(error) => return refusal(error, token),
    };
    let chain = Chain::new(certificate, certificates, &key.public_key_info, now)?;
    if chain.anchors.contains(&root) {
        Ok(Outcome::Done(chain))
    } else {
        Ok(Outcome::Refused(another_ca(token)))
    }
}

/// Asks again when the server wants that, and soon.
fn patiently<T>(
    now: OffsetDateTime,
    mut attempt: impl FnMut() -> Result<T, EstError>,
) -> Result<T, EstError> {
    let mut left = PATIENCE;
    loop {
        let error = match attempt() {
            Ok(done) => return Ok(done),
            Err(error) => error,
        };
        let pause = error.retry_at().map(|at| (at - now).unsigned_abs());
        let pause = pause.filter(|_| error.refusal().is_none());
        let Some(rest) = pause.and_then(|pause| left.checked_sub(pause.max(SHORTEST_PAUSE))) else {
            return Err(error);
        };
        std::thread::sleep(left - rest);
        left = rest;
    }
}

/// The server, if it has the CA that the token pins: nothing secret is sent before that is known. Gives the root.
fn pinned(token: &TokenText, now: OffsetDateTime) -> Result<Outcome<(Server, Certificate)>, Error> {
    let url = token.url.to_string();
    let unknown = Server::new(&url, &Trust::Anyone, None)?;
    let certificates = match unknown.ca_certificates(now) {
        Ok(certificates) => certificates,
        Err(error @ EstError::Https(_)) => return Err(error.into()),
        Err(
            error @ EstError::Refused {
                status: 429 | 500..,
                ..
            },
        ) => return Err(error.into()),
        // What answers is not the server of this token.
        Err(EstError::Refused { .. } | EstError::Malformed { .. }) => Vec::new(),
    };
    let is_pinned = |certificate: &&Certificate| {
        Fingerprint::sha256(certificate.public_key_info()) == token.pin
            && certificate.is_self_issued()
            && certificate.not_before() <= now
            && now <= certificate.not_after()
    };
    let Some(root) = certificates.iter().find(is_pinned) else {
        return Ok(Outcome::Refused(another_ca(token)));
    };
    let trust = Trust::Only(vec![root.as_der().to_vec()]);
    Ok(Outcome::Done((
        Server::new(&url, &trust, None)?,
        root.clone(),
    )))
}

fn refusal<T>(error: EstError, token: &TokenText) -> Result<Outcome<T>, Error> {
    if let EstError::Https(HttpsError::Untrusted { .. }) = &error {
        return Ok(Outcome::Refused(another_ca(token)));
    }
    match error.refusal() {
        Some(reason) => {
            let message = format!("{} refuses: {reason}", token.url);
            let hint = "create another token with `openagents-certs token create` on the server";
            Ok(Outcome::Refused(Refused::new("enrollment", message, hint)))
        }
        None => Err(error.into()),
    }
}

fn another_ca(token: &TokenText) -> Refused {
    let message = format!(
        "{} does not prove that it has the CA of the token; the token was not sent",
        token.url
    );
    let hint = "check what answers at this URL; after a rotation of the CA, create another token";
    Refused::new("server-pin", message, hint)
}

/// A directory of an authority is none of a machine that enrolls.
fn refuse_authority(directory: &Path) -> Result<(), Error> {
    let path = directory.join(authority::KEY);
    if files::kind(&path)? == Kind::Absent {
        return Ok(());
    }
    Err(Error::usage(
        format!(
            "{}: is the directory of a CA, not of a machine that enrolls",
            shown(directory)
        ),
        "choose another directory with `--out DIR`",
    ))
}

/// The key of a machine, kept before it is used.
struct Key {
    pem: Zeroizing<String>,
    pkcs8: Zeroizing<Vec<u8>>,
    public_key_info: Vec<u8>,
    /// Whether no earlier run can have used it.
    is_new: bool,
}

impl Key {
    /// The key of an earlier run, or a new one, which is then kept.
    fn prepare(request: &Request, known: Option<&OsStr>, lock: &Lock) -> Result<Self, Error> {
        let pending = pending(&request.token.id);
        let named = known.or(request.base.as_deref()).map(file_names);
        if files::kind(&request.out.join(&pending))? != Kind::Absent {
            return Key::read(&request.out.join(&pending));
        }
        if let Some((certificate, key)) = named {
            let is_there = |name: &OsStr| {
                Ok::<_, Error>(files::kind(&request.out.join(name))? != Kind::Absent)
            };
            if is_there(&key)? && (known.is_some() || !is_there(&certificate)?) {
                return Key::read(&request.out.join(key));
            }
        }
        let key = PrivateKey::generate(request.key_type)?;
        let pem = keys::to_pem(key.pkcs8(), None)?;
        files::write_together(lock, &[NewFile::secret(&pending, pem.as_bytes())], false)?;
        Ok(Key {
            pem,
            pkcs8: Zeroizing::new(key.pkcs8().to_vec()),
            public_key_info: key.public_key_info().to_vec(),
            is_new: true,
        })
    }

    fn read(path: &Path) -> Result<Self, Error> {
        let (key, _) = authority::read_key(path, &authority::no_passphrase)?;
        let signer = Signer::from_pkcs8(key.pkcs8()).in_file(path)?;
        Ok(Key {
            pem: keys::to_pem(key.pkcs8(), None)?,
            public_key_info: signer.public_key_info().to_vec(),
            pkcs8: Zeroizing::new(key.pkcs8().to_vec()),
            is_new: false,
        })
    }

    fn signer(&self) -> Result<Signer, Error> {
        Ok(Signer::from_pkcs8(&self.pkcs8)?)
    }
}

/// The file of a key whose certificate has not come yet.
fn pending(id: &str) -> String {
    format!("enroll-{id}.key")
}

/// What to be called where the token permits more than one name: the name of the files, or of this machine.
fn common_name(request: &Request) -> String {
    let base = request
        .base
        .as_ref()
        .map(|base| base.to_string_lossy().into_owned());
    base.unwrap_or_else(|| {
        let system = rustix::system::uname();
        system.nodename().to_string_lossy().into_owned()
    })
}

/// The DER of a request for these names; without any, the server takes the common name or what the token permits.
fn csr(signer: &Signer, names: &[TypedName], common_name: &str) -> Result<Vec<u8>, Error> {
    let is_short = common_name.chars().count() <= AttributeType::CommonName.upper_bound();
    let attributes: &[_] = match names {
        [] if is_short && !common_name.is_empty() => &[(AttributeType::CommonName, common_name)],
        _ => &[],
    };
    let plan = CsrPlan {
        subject: DistinguishedName::build(attributes)?,
        subject_alt_names: names.iter().map(|typed| typed.name.clone()).collect(),
        basic_constraints: BasicConstraints::EndEntity,
    };
    Ok(signer.request(&plan)?)
}

/// Records the certificate, then writes everything together.
fn write(
    request: &Request,
    known: Option<OsString>,
    key: &Key,
    chain: &Chain,
    lock: &Lock,
    state: Option<Enrollment>,
    now: OffsetDateTime,
) -> Result<Enrolled, Error> {
    let entry = Entry::of(&chain.certificate, chain.issuer_fingerprint(), now)?;
    let first = entry.names.first();
    let base = request
        .base
        .clone()
        .or(known)
        .or_else(|| first.map(base_of));
    let base = base.unwrap_or_else(|| "agent".into());
    check_base(&base)?;
    let text = base.to_string_lossy().into_owned();
    let (certificate_name, key_name) = file_names(&base);
    let state = state.unwrap_or_default();
    if !(request.force || state.certificates.contains_key(&text)) {
        files::absent(lock, &[certificate_name.as_os_str()])?;
        refuse_other_key(&request.out.join(&key_name), key)?;
    }
    let anchors = authority::pem_of(chain.anchors.iter().map(Certificate::as_der))?;
    let state = enrollment(request, state, &text, &anchors)?;
    let entry = Entry {
        profile: PROFILE.into(),
        output: Some(Output {
            directory: files::absolute(&request.out)?,
            base: text,
        }),
        requested_by: super::requested_by(),
        ..entry
    };
    record(&request.out, &entry)?;
    let (certificate, settings) = (chain.pem()?, state.text());
    let contents = [
        NewFile::public(&certificate_name, certificate.as_bytes()),
        NewFile::secret(&key_name, key.pem.as_bytes()),
        NewFile::public(authority::CERTIFICATE, anchors.as_bytes()),
        NewFile::public(state::FILE, settings.as_bytes()),
    ];
    files::write_together(lock, &contents, true)?;
    files::remove(lock, &[&pending(&request.token.id)])?;
    Ok(Enrolled::new(
        &request.out,
        &base,
        &chain.certificate,
        &state,
        now,
    ))
}

/// What is remembered from now on. A directory has the trust anchors of one server.
fn enrollment(
    request: &Request,
    mut state: Enrollment,
    base: &str,
    anchors: &str,
) -> Result<Enrollment, Error> {
    let url = request.token.url.to_string();
    let path = request.out.join(authority::CERTIFICATE);
    if state.server != url {
        let is_there = files::kind(&path)? != Kind::Absent;
        if is_there && !request.force && *files::read(&path)? != *anchors.as_bytes() {
            return Err(Error::ExistingDiffers {
                path,
                what: "it has the trust anchors of another server; replace it with `--force`"
                    .into(),
            });
        }
        state = Enrollment {
            server: url,
            ..Enrollment::default()
        };
    }
    let pair = EnrolledPair {
        token: request.token.id.clone(),
        ..EnrolledPair::default()
    };
    state.certificates.insert(base.to_owned(), pair);
    Ok(state)
}

/// A key that is there already must be the one that was certified.
fn refuse_other_key(path: &Path, key: &Key) -> Result<(), Error> {
    if files::kind(path)? == Kind::Absent {
        return Ok(());
    }
    let is_same = Key::read(path).is_ok_and(|other| other.public_key_info == key.public_key_info);
    if is_same {
        return Ok(());
    }
    Err(Error::Exists {
        path: path.to_owned(),
        hint: format!(
            "choose another name with `--name`, or replace {} with `--force`",
            shown(path)
        ),
    })
}

/// Records a certificate in the inventory of the directory, which gets one if it has none.
fn record(directory: &Path, entry: &Entry) -> Result<(), Error> {
    let mut inventory = authority::open_inventory(directory, Opening::Create)?;
    inventory.adopt(std::slice::from_ref(entry))?;
    Ok(())
}

/// The names of a certificate, to request the same again.
fn names_of(entry: &Entry) -> Vec<TypedName> {
    let typed = |name: &SubjectAltName| TypedName {
        name: name.clone(),
        notes: Vec::new(),
    };
    entry.names.iter().map(typed).collect()
}

/// How long a server that is busy is waited for in all.
const PATIENCE: Duration = Duration::from_secs(35);
const SHORTEST_PAUSE: Duration = Duration::from_secs(1);

/// The profile that the inventory of an enrolled machine shows.
pub const PROFILE: &str = "enrolled";
