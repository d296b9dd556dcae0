//! tonic: rustls itself loads, verifies and gives the messages.

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::{CryptoProvider, ring};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{ParsedCertificate, WebPkiClientVerifier};
use rustls::{AlertDescription, CertificateError, Error, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use time::OffsetDateTime;

use super::load::{Chain, no_anchors, no_key, what_else};
use super::verdict::Failure;
use super::{File, KeyFile, KeyLookup, Stack};
use crate::path::finding::{CertificateReference, Role};
use crate::path::identifiers::canonical;
use crate::pki::certificate::Certificate;
use crate::pki::public_key::{KeyKind, PublicKey};

/// The anchors of a file: those that rustls can parse; it ignores the others.
///
/// # Errors
/// If any block cannot be read.
pub(super) fn anchors(bytes: &[u8], file: File) -> Result<Arc<RootCertStore>, Failure> {
    let mut store = RootCertStore::empty();
    store.add_parsable_certificates(certificates(bytes, file)?);
    Ok(Arc::new(store))
}

/// A server's verifier.
///
/// # Errors
/// If there are no anchors.
pub(super) fn client_verifier(
    store: Arc<RootCertStore>,
    bytes: &[u8],
    file: File,
) -> Result<Arc<dyn ClientCertVerifier>, Failure> {
    WebPkiClientVerifier::builder_with_provider(store, provider())
        .build()
        .map_err(|error| {
            let (rule, found) = no_anchors(None, bytes);
            Failure::of(rule, file, found, error.to_string())
        })
}

/// A chain and its key, for `with_single_cert`.
pub(super) fn chain(
    bytes: &[u8],
    key: Option<&KeyFile>,
    (file, key_file): (File, File),
) -> Result<Chain, Failure> {
    let certificates = certificates(bytes, file)?;
    let public_half = key.map(|key| private_key(key, key_file)).transpose()?;
    let Some(leaf) = certificates.first() else {
        let (rule, found) = what_else(bytes);
        let error = Error::NoCertificatesPresented.to_string();
        return Err(Failure::of(rule, file, found, error));
    };
    let parsed = ParsedCertificate::try_from(leaf).map_err(|error| {
        let failure = Failure::of(rule_of(&error), file, inner(&error), error.to_string());
        about(failure, leaf)
    })?;
    let own = parsed.subject_public_key_info();
    if let Some(Some(key)) = public_half
        && key != &own[..]
    {
        let error = Error::InconsistentKeys(rustls::InconsistentKeys::KeyMismatch).to_string();
        return Err(Failure::of("key-mismatch", key_file, "another key", error));
    }
    Ok(Chain {
        sent: certificates.iter().map(|der| der.to_vec()).collect(),
        key: PublicKey::from_der(&own).ok().map(|key| key.kind),
        can_sign: true,
    })
}

/// How a client verifies a server's certificates and name.
pub(super) fn verify_server(
    sent: &[Vec<u8>],
    store: &Arc<RootCertStore>,
    host: Option<&str>,
    at: OffsetDateTime,
) -> Result<(), Failure> {
    let file = File::ServerCertificate;
    let verifier = WebPkiServerVerifier::builder_with_provider(store.clone(), provider()).build();
    let (leaf, intermediates) = split(sent);
    let verified = match (verifier, host) {
        // Without anchors there is no verifier, but tonic's client starts.
        (Err(_), _) => ParsedCertificate::try_from(&leaf)
            .and(Err(Error::from(CertificateError::UnknownIssuer))),
        (Ok(verifier), host) => {
            let name = server_name(host.unwrap_or(ANY_HOST))?;
            match verifier.verify_server_cert(&leaf, &intermediates, &name, &[], moment(at)) {
                Err(Error::InvalidCertificate(
                    CertificateError::NotValidForName
                    | CertificateError::NotValidForNameContext { .. },
                )) if host.is_none() => Ok(()),
                Ok(_) => Ok(()),
                Err(error) => Err(error),
            }
        }
    };
    verified.map_err(|error| {
        let failure = refusal(&error, &leaf, file);
        match spelling(sent, store) {
            Some(issuer) if failure.rule == "issuer-missing" => failure.with_rule(SPELLING, issuer),
            Some(_) | None => failure,
        }
    })?;
    signs(&leaf, file)
}

/// How a server verifies a client's certificates.
pub(super) fn verify_client(
    sent: &[Vec<u8>],
    verifier: &dyn ClientCertVerifier,
    at: OffsetDateTime,
) -> Result<(), Failure> {
    let (leaf, intermediates) = split(sent);
    verifier
        .verify_client_cert(&leaf, &intermediates, moment(at))
        .map_err(|error| refusal(&error, &leaf, File::ClientCertificate))?;
    signs(&leaf, File::ClientCertificate)
}

/// The name as TLS can carry it.
pub(super) fn server_name(host: &str) -> Result<ServerName<'_>, Failure> {
    let file = File::ServerCertificate;
    ServerName::try_from(host)
        .map_err(|error| Failure::of("host-form", file, host, error.to_string()))
}

fn certificates(bytes: &[u8], file: File) -> Result<Vec<CertificateDer<'static>>, Failure> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_reader_iter(bytes).collect();
    read.map_err(|error| Failure::of("pem-broken", file, error, CERTIFICATE_ERROR))
}

/// The public half of a key that is accepted, if it is known.
fn private_key(key: &KeyFile, file: File) -> Result<Option<&[u8]>, Failure> {
    let fail = |rule, found: &str| Failure::of(rule, file, found, KEY_ERROR);
    let block = match key.lookup(Stack::Tonic) {
        KeyLookup::Nothing { instead } => return Err(fail(no_key(instead), instead)),
        KeyLookup::Broken { why } => return Err(fail("pem-broken", why)),
        KeyLookup::Key(block) => block,
    };
    if block.rustls_takes_it == Some(false) {
        let (rule, found) = match block.kind {
            Some(kind) => ("key-type-unsupported", kind.to_string()),
            None => ("key-unreadable", "no key".to_owned()),
        };
        let error = Error::General(KEY_REFUSED.to_owned()).to_string();
        return Err(Failure::of(rule, file, found, error));
    }
    Ok(block.public_key_info.as_deref())
}

/// Whether ring verifies signatures of the leaf's key, as in the handshake.
fn signs(leaf: &CertificateDer<'_>, file: File) -> Result<(), Failure> {
    let Ok(certificate) = Certificate::from_der(leaf.to_vec()) else {
        return Ok(());
    };
    let key = PublicKey::from_der(certificate.public_key_info());
    let Ok(key) = key else { return Ok(()) };
    let bits = key.bits.unwrap_or(0);
    let rule = if key.kind == KeyKind::Rsa && !RING_RSA_BITS.contains(&bits) {
        Some("key-short")
    } else if matches!(key.kind, KeyKind::Ec(_)) && key.key.first() != Some(&UNCOMPRESSED)
        || key.kind == KeyKind::Rsa && key.algorithm.parameters.is_none()
    {
        Some("key-malformed")
    } else {
        None
    };
    if let Some(rule) = rule {
        let error = Error::from(CertificateError::BadSignature);
        let found = format!("{}, {bits} bits", key.kind);
        let failure = Failure::of(rule, file, found, error.to_string())
            .with_alert(AlertDescription::DecryptError.into());
        return Err(about(failure, leaf));
    }
    Ok(())
}

/// The issuer of a certificate, if an anchor has the same name in another encoding.
fn spelling(sent: &[Vec<u8>], store: &RootCertStore) -> Option<String> {
    let subjects = store.subjects();
    sent.iter().find_map(|der| {
        let certificate = Certificate::from_der(der.clone()).ok()?;
        let issuer = certificate.issuer();
        let named = canonical(issuer.as_der()).ok()?;
        let is_spelt = |subject: &[u8]| {
            subject != issuer.as_der() && canonical(subject).is_ok_and(|known| known == named)
        };
        subjects
            .iter()
            .any(|subject| is_spelt(subject.as_ref()))
            .then(|| format!("issuer {issuer}"))
    })
}

fn refusal(error: &Error, leaf: &CertificateDer<'_>, file: File) -> Failure {
    let mut failure = Failure::of(rule_of(error), file, inner(error), error.to_string());
    if let Error::InvalidCertificate(error) = error {
        failure.alert = AlertDescription::from(error.clone()).into();
    }
    about(failure, leaf)
}

/// The engine's rule for an error of rustls.
fn rule_of(error: &Error) -> &'static str {
    let Error::InvalidCertificate(error) = error else {
        return "stack-refuses";
    };
    match error {
        CertificateError::BadEncoding => "certificate-unreadable",
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "expired",
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "not-yet-valid"
        }
        CertificateError::UnknownIssuer => "issuer-missing",
        CertificateError::BadSignature => "signature",
        CertificateError::UnsupportedSignatureAlgorithmContext { .. }
        | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
            "signature-unsupported"
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "host-mismatch"
        }
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "purpose"
        }
        CertificateError::Other(_) => {
            let name = inner_name(error);
            let known = OTHERS.iter().find(|(other, _)| name.starts_with(other));
            known.map_or("stack-refuses", |(_, rule)| rule)
        }
        _ => "stack-refuses",
    }
}

fn inner(error: &Error) -> String {
    match error {
        Error::InvalidCertificate(CertificateError::Other(_)) => error
            .to_string()
            .replace("invalid peer certificate: Other(OtherError(", "")
            .replace("))", ""),
        error => error.to_string().replace("invalid peer certificate: ", ""),
    }
}

fn inner_name(error: &CertificateError) -> String {
    match error {
        CertificateError::Other(other) => format!("{:?}", other.0),
        error => format!("{error:?}"),
    }
}

fn about(failure: Failure, leaf: &CertificateDer<'_>) -> Failure {
    match Certificate::from_der(leaf.to_vec()) {
        Ok(leaf) => {
            let reference = CertificateReference::new(Role::EndEntity, 0, leaf.subject());
            failure.about(reference)
        }
        Err(_) => failure,
    }
}

fn split(sent: &[Vec<u8>]) -> (CertificateDer<'_>, Vec<CertificateDer<'_>>) {
    let mut all = sent.iter().map(|der| CertificateDer::from(der.as_slice()));
    let leaf = all.next().unwrap_or_else(|| CertificateDer::from(&[][..]));
    (leaf, all.collect())
}

fn moment(at: OffsetDateTime) -> UnixTime {
    let seconds = u64::try_from(at.unix_timestamp()).unwrap_or(0);
    UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds))
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

/// Errors of webpki that rustls passes on, and their rules.
const OTHERS: [(&str, &str); 12] = [
    ("CaUsedAsEndEntity", "ca-as-end-entity"),
    ("EndEntityUsedAsCa", "not-a-ca"),
    ("NameConstraintViolation", "name-not-permitted"),
    ("PathLenConstraintViolated", "path-length"),
    ("MaximumPathDepthExceeded", "path-deep"),
    ("MaximumPathBuildCallsExceeded", "budget-exhausted"),
    ("MaximumSignatureChecksExceeded", "budget-exhausted"),
    (
        "MaximumNameConstraintComparisonsExceeded",
        "name-constraints-too-many",
    ),
    ("UnsupportedCertVersion", "version"),
    (
        "UnsupportedCriticalExtension",
        "critical-extension-unsupported",
    ),
    ("ExtensionValueInvalid", "extension-malformed"),
    (
        "SignatureAlgorithmMismatch",
        "signature-algorithms-disagree",
    ),
];
const SPELLING: &str = "name-encoding-differs";
const CERTIFICATE_ERROR: &str = "Error parsing TLS certificate.";
const KEY_ERROR: &str = "Error parsing TLS private key - no RSA or PKCS8-encoded keys found.";
const KEY_REFUSED: &str = "failed to parse private key as RSA, ECDSA, or EdDSA";
/// ring counts whole bytes.
const RING_RSA_BITS: std::ops::RangeInclusive<usize> = 2041..=8192;
const UNCOMPRESSED: u8 = 4;
/// Any name is enough if none is dialled.
const ANY_HOST: &str = "localhost";
