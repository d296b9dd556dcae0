//! What grpc-core and grpc-js make of the files they are given, before anyone connects.

use super::deviation::Deviations;
use super::failure::Failure;
use super::file::{FoundKey, KeyForm};
use super::pem::{Block, Blocks, Dialect, PemFault};
use super::public_key::{self, Reading};
use super::reading::{self, Held, NamesFault, Unreadable};
use super::text;
use super::{File, KeyFile, Stack};
use crate::path::finding::{CertificateReference, Role};
use crate::pki::certificate::Certificate;
use crate::pki::element::Element;
use crate::pki::extension::KeyUsage;
use crate::pki::public_key::{Curve, KeyKind, PublicKey};

/// A certificate with the chain behind it, as it is sent.
#[derive(Clone, Debug)]
pub(super) struct Chain {
    /// DER, the end entity first.
    pub(super) sent: Vec<Vec<u8>>,
    /// The kind of key of the end entity, where it is known.
    pub(super) key: Option<KeyKind>,
    /// Whether there is a key that goes with the certificate; Node starts without.
    pub(super) can_sign: bool,
}

/// Reads a certificate chain and its key as a server or client would.
pub(super) fn chain(
    deviations: &Deviations,
    octets: &[u8],
    key: Option<&KeyFile>,
    files: (File, File),
) -> Result<Chain, Failure> {
    match deviations.dialect {
        Dialect::BoringSsl => boring_ssl_chain(octets, key, files),
        Dialect::OpenSsl => openssl_chain(octets, key, files),
    }
}

/// The anchors in a file: those before the first block that cannot be read.
pub(super) fn anchors(deviations: &Deviations, octets: &[u8]) -> Vec<Certificate> {
    let octets = visible(deviations.dialect, octets);
    let mut anchors = Vec::new();
    for block in Blocks::new(deviations.dialect, octets) {
        let Ok(block) = block else { break };
        if !AUXILIARY_LABELS.contains(&block.label.as_str()) {
            continue;
        }
        match certificate(&block, deviations.dialect, true) {
            Ok(held) => anchors.push(held.certificate),
            Err(_) => break,
        }
    }
    anchors
}

/// Why a file of anchors holds none for this library, or for rustls.
pub(super) fn no_anchors(dialect: Option<Dialect>, octets: &[u8]) -> (&'static str, String) {
    let blocks = Blocks::new(dialect.unwrap_or(Dialect::BoringSsl), octets);
    for block in blocks {
        match block {
            Err(fault) => return ("pem-broken", fault.clause().to_owned()),
            Ok(block) if block.label == LABELS[0] => {
                return ("certificate-unreadable", "no certificate".to_owned());
            }
            Ok(block) if AUXILIARY_LABELS.contains(&block.label.as_str()) => {
                return ("pem-label", block.label);
            }
            Ok(_) => {}
        }
    }
    what_else(octets)
}

/// The rule that a file breaks in which no private key is found, by what is there instead.
pub(super) fn no_key(instead: &str) -> &'static str {
    match instead {
        "an empty file" => "file-empty",
        "an encrypted key" => "key-encrypted",
        "a byte order mark before the key" => "file-byte-order-mark",
        "DER" => "file-der",
        _ => "key-missing",
    }
}

/// grpc hands files on as C strings, which end at the first NUL.
pub(super) fn visible(dialect: Dialect, octets: &[u8]) -> &[u8] {
    let end = match dialect {
        Dialect::BoringSsl => octets.iter().position(|octet| *octet == 0),
        Dialect::OpenSsl => None,
    };
    &octets[..end.unwrap_or(octets.len())]
}

fn boring_ssl_chain(
    octets: &[u8],
    key: Option<&KeyFile>,
    (file, key_file): (File, File),
) -> Result<Chain, Failure> {
    let fail = |rule, found: String| Failure::of(rule, file, found, text::INVALID_CHAIN.into());
    let mut blocks = Blocks::new(Dialect::BoringSsl, octets);
    let first =
        first_certificate(&mut blocks, octets).map_err(|(rule, found)| fail(rule, found))?;
    let leaf = certificate(&first, Dialect::BoringSsl, true)
        .map_err(|(what, _)| fail("certificate-unreadable", what.to_owned()))?
        .certificate;
    let reference = CertificateReference::new(Role::EndEntity, 0, leaf.subject());
    let public_key = PublicKey::from_der(leaf.public_key_info()).ok();
    let kind = public_key.as_ref().map(|key| key.kind);
    let bits = public_key.as_ref().and_then(|key| key.bits);
    let is_read =
        public_key::reading(leaf.public_key_info(), Dialect::BoringSsl) == Reading::Usable;
    if !is_read || !kind.is_some_and(boring_ssl_serves) {
        return Err(fail("key-type-unsupported", shown(kind)).about(reference));
    }
    if let Some(found) = unsigning_usage(&leaf)
        && matches!(kind, Some(KeyKind::Ec(_)))
    {
        return Err(fail("key-usage-digital-signature", found).about(reference));
    }
    let mut sent = vec![leaf.as_der().to_vec()];
    for block in blocks {
        let Ok(block) = block else { break };
        if !LABELS.contains(&block.label.as_str()) {
            continue;
        }
        match certificate(&block, Dialect::BoringSsl, false) {
            Ok(held) => sent.push(held.der),
            Err(_) => break,
        }
    }
    check_key(Stack::GrpcCore, key, &leaf)
        .map_err(|(rule, found)| Failure::of(rule, key_file, found, text::INVALID_KEY.into()))?;
    if file == File::ServerCertificate {
        served_names(&first, &leaf, file)?;
    }
    Ok(Chain {
        sent,
        key: kind,
        can_sign: kind != Some(KeyKind::Rsa) || bits.is_some_and(|bits| bits >= MIN_PSS_BITS),
    })
}

/// A server looks for the names of its certificate once more, and reads fewer labels then.
fn served_names(first: &Block, leaf: &Certificate, file: File) -> Result<(), Failure> {
    if !LABELS.contains(&first.label.as_str()) {
        let text = text::INVALID_LABEL.to_owned();
        return Err(Failure::of("pem-label", file, first.label.clone(), text));
    }
    match reading::names_fault(leaf) {
        None => Ok(()),
        Some(fault) => {
            let reference = CertificateReference::new(Role::EndEntity, 0, leaf.subject());
            let text = match fault {
                NamesFault::Address => text::INVALID_NAMES,
                NamesFault::CommonName => text::INVALID_COMMON_NAME,
            };
            let failure = Failure::of(fault.rule(), file, fault.clause(), text.to_owned());
            Err(failure.about(reference))
        }
    }
}

fn openssl_chain(
    octets: &[u8],
    key: Option<&KeyFile>,
    (file, key_file): (File, File),
) -> Result<Chain, Failure> {
    let fail = |rule, found: String, error: &str| Failure::of(rule, file, found, error.to_owned());
    let unreadable =
        |(what, error): Unreadable| fail("certificate-unreadable", what.to_owned(), error);
    let mut blocks = Blocks::new(Dialect::OpenSsl, octets);
    let first = first_certificate(&mut blocks, octets).map_err(|(rule, found)| {
        let error = match rule {
            "pem-broken" => text::openssl_pem(blocks_fault(octets)),
            _ => text::NO_START_LINE,
        };
        fail(rule, found, error)
    })?;
    let mut chain = vec![certificate(&first, Dialect::OpenSsl, true).map_err(unreadable)?];
    for block in blocks {
        let block = block.map_err(|fault| {
            fail(
                "pem-broken",
                fault.clause().to_owned(),
                text::openssl_pem(fault),
            )
        })?;
        if LABELS.contains(&block.label.as_str()) {
            chain.push(certificate(&block, Dialect::OpenSsl, false).map_err(unreadable)?);
        }
    }
    let leaf = &chain[0].certificate;
    strong_enough(&chain, file)?;
    let kind = PublicKey::from_der(leaf.public_key_info())
        .ok()
        .map(|key| key.kind);
    let fits = check_key(Stack::GrpcJs, key, leaf);
    if let Err((rule, found)) = fits
        && (rule != "key-mismatch" || has_one_slot(kind, key))
    {
        let error = text::openssl_key(rule).to_owned();
        return Err(Failure::of(rule, key_file, found, error));
    }
    Ok(Chain {
        sent: chain.iter().map(|held| held.der.clone()).collect(),
        key: kind,
        can_sign: has_one_slot(kind, key),
    })
}

/// Whether a certificate and a key go into the same place of an SSL_CTX; where they do not, neither is
/// used and nobody complains.
fn has_one_slot(certificate: Option<KeyKind>, key: Option<&KeyFile>) -> bool {
    let Some(FoundKey::Key(block)) = key.map(|key| key.found_by(Stack::GrpcJs)) else {
        return true;
    };
    let is_curve = |kind| matches!(kind, Some(KeyKind::Ec(_) | KeyKind::EcExplicit));
    certificate == block.kind || is_curve(certificate) && is_curve(block.kind)
}

/// The keyUsage of an end entity that does not let it sign.
pub(super) fn unsigning_usage(leaf: &Certificate) -> Option<String> {
    match leaf.key_usage() {
        Ok(None) => None,
        Ok(Some(usage)) if usage.has(KeyUsage::DIGITAL_SIGNATURE) => None,
        Ok(Some(usage)) => Some(usage.to_string()),
        Err(_) => Some("a malformed keyUsage".to_owned()),
    }
}

/// ssl_security_cert at level 1: keys of 1024 bits of RSA and hashes from SHA-224 on.
fn strong_enough(chain: &[Held], file: File) -> Result<(), Failure> {
    for (place, held) in chain.iter().enumerate() {
        let certificate = &held.certificate;
        let is_leaf = place == 0;
        let role = if is_leaf {
            Role::EndEntity
        } else {
            Role::Intermediate
        };
        let reference = || CertificateReference::new(role, place, certificate.subject());
        let fail = |rule, found: String, error: &str| {
            Failure::of(rule, file, found, error.to_owned()).about(reference())
        };
        match public_key::reading(certificate.public_key_info(), Dialect::OpenSsl) {
            Reading::TooSmall if is_leaf => {
                return Err(fail("key-short", String::new(), text::EE_KEY_TOO_SMALL));
            }
            Reading::TooSmall => {
                return Err(fail("key-short", String::new(), text::CA_KEY_TOO_SMALL));
            }
            Reading::Undecodable if is_leaf => {
                return Err(fail("key-malformed", String::new(), text::KEY_DECODE_ERROR));
            }
            Reading::WrongType if is_leaf => {
                return Err(fail(
                    "key-type-unsupported",
                    String::new(),
                    text::UNKNOWN_TYPE,
                ));
            }
            Reading::Usable | Reading::Undecodable | Reading::WrongType => {}
        }
        if super::openssl::is_weakly_signed(certificate) {
            let found = certificate.signature_algorithm().to_string();
            return Err(fail("signature-sha1", found, text::CA_MD_TOO_WEAK));
        }
    }
    Ok(())
}

/// The first block that is taken for a certificate.
fn first_certificate(
    blocks: &mut Blocks<'_>,
    octets: &[u8],
) -> Result<Block, (&'static str, String)> {
    for block in blocks.by_ref() {
        match block {
            Ok(block) if AUXILIARY_LABELS.contains(&block.label.as_str()) => return Ok(block),
            Ok(_) => {}
            Err(fault) => return Err(("pem-broken", fault.clause().to_owned())),
        }
    }
    Err(what_else(octets))
}

fn blocks_fault(octets: &[u8]) -> PemFault {
    let mut blocks = Blocks::new(Dialect::OpenSsl, octets);
    blocks.find_map(Result::err).unwrap_or(PemFault::EndLine)
}

/// What a file is in which no block is found.
pub(super) fn what_else(octets: &[u8]) -> (&'static str, String) {
    if octets.is_empty() {
        ("file-empty", "0 bytes".to_owned())
    } else if octets.starts_with(&[0xff, 0xfe]) || octets.starts_with(&[0xfe, 0xff]) {
        ("file-utf16", "UTF-16".to_owned())
    } else if octets.starts_with(&[0xef, 0xbb, 0xbf]) {
        ("file-byte-order-mark", "a UTF-8 byte order mark".to_owned())
    } else if octets.starts_with(&[0x30]) && Element::first(octets, "it").is_ok() {
        ("file-der", "DER".to_owned())
    } else if octets.windows(BEGIN.len()).any(|window| window == BEGIN) {
        let label = crate::pki::pem::blocks(octets)
            .ok()
            .and_then(|blocks| blocks.into_iter().next())
            .map(|block| block.label);
        match label {
            Some(label) if !LABELS.contains(&label.as_str()) => ("pem-label", label),
            Some(_) | None => (
                "pem-indented",
                "BEGIN not at the start of a line".to_owned(),
            ),
        }
    } else {
        ("pem-missing", "no PEM block".to_owned())
    }
}

/// The certificate of a block. What follows it is overlooked, unless trust settings may follow.
fn certificate(block: &Block, dialect: Dialect, is_auxiliary: bool) -> Result<Held, Unreadable> {
    if !block.headers.is_empty() {
        return Err(("headers before the certificate", text::NO_START_LINE));
    }
    let Ok((element, rest)) = Element::first(&block.contents, "the certificate") else {
        return reading::held(&block.contents, dialect);
    };
    if is_auxiliary
        && !rest.is_empty()
        && (rest[0] != SEQUENCE || Element::first(rest, "trust settings").is_err())
    {
        return Err(("data after the certificate", text::WRONG_TAG));
    }
    reading::held(element.whole, dialect)
}

/// Whether the key is one the library reads, and the certificate's.
fn check_key(
    stack: Stack,
    key: Option<&KeyFile>,
    leaf: &Certificate,
) -> Result<(), (&'static str, String)> {
    let Some(key) = key else { return Ok(()) };
    let block = match key.found_by(stack) {
        FoundKey::Nothing { instead } => return Err((no_key(instead), instead.clone())),
        FoundKey::Broken { why } => return Err(("pem-broken", why.clone())),
        FoundKey::Key(block) => block,
    };
    match block.form {
        KeyForm::Encrypted => return Err(("key-encrypted", "an encrypted key".to_owned())),
        KeyForm::Pkcs8WithPublicKey => {
            return Err(("key-form", "PKCS #8 version 2".to_owned()));
        }
        KeyForm::Unreadable => return Err(("key-unreadable", "no key".to_owned())),
        KeyForm::Pkcs1 | KeyForm::Sec1 | KeyForm::Pkcs8 => {}
    }
    let is_described = block.kind == Some(KeyKind::EcExplicit);
    if stack == Stack::GrpcCore && !is_described && !block.kind.is_some_and(boring_ssl_serves) {
        return Err(("key-type-unsupported", shown(block.kind)));
    }
    let own = block.public_key_info.as_deref();
    if own.is_some_and(|own| !public_key::is_same(own, leaf.public_key_info())) {
        return Err(("key-mismatch", "another key".to_owned()));
    }
    Ok(())
}

fn shown(kind: Option<KeyKind>) -> String {
    kind.map_or_else(|| "no key".to_owned(), |kind| kind.to_string())
}

/// ssl_is_key_type_supported of BoringSSL, and the curves it knows.
fn boring_ssl_serves(kind: KeyKind) -> bool {
    match kind {
        KeyKind::Rsa | KeyKind::Ed25519 => true,
        KeyKind::Ec(curve) => match curve {
            Curve::P256 | Curve::P384 | Curve::P521 => true,
            Curve::P224
            | Curve::Secp256k1
            | Curve::BrainpoolP256r1
            | Curve::BrainpoolP384r1
            | Curve::BrainpoolP512r1 => false,
        },
        KeyKind::RsaPss
        | KeyKind::EcExplicit
        | KeyKind::Ed448
        | KeyKind::X25519
        | KeyKind::X448
        | KeyKind::Dsa
        | KeyKind::Other => false,
    }
}

const LABELS: [&str; 2] = ["CERTIFICATE", "X509 CERTIFICATE"];
const AUXILIARY_LABELS: [&str; 3] = ["CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE"];
const BEGIN: &[u8] = b"-----BEGIN ";
const SEQUENCE: u8 = 0x30;
/// SHA-256 with as much salt, and two bytes (RFC 8017 §9.1.1).
const MIN_PSS_BITS: usize = 8 * (32 + 32 + 2);
