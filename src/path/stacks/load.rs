//! How grpc-core and grpc-js load their files, before anyone connects.

use super::pem::{Block, Blocks, Dialect, PemFault};
use super::quirks::Quirks;
use super::reading::{self, KeyReading, LibraryCertificate, Unreadable, is_same_key};
use super::verdict::Failure;
use super::{File, KeyFile, KeyForm, KeyLookup, Stack, text};
use crate::path::finding::{CertificateReference, Role};
use crate::pki::certificate::Certificate;
use crate::pki::element::Element;
use crate::pki::extension::KeyUsage;
use crate::pki::public_key::{Curve, KeyKind, PublicKey};

/// A certificate with its chain, as it is sent.
#[derive(Clone, Debug)]
pub(super) struct Chain {
    /// DER, the end entity first.
    pub(super) sent: Vec<Vec<u8>>,
    /// The kind of key of the end entity, if it is known.
    pub(super) key: Option<KeyKind>,
    /// Whether there is a key for the certificate; Node starts without one.
    pub(super) can_sign: bool,
}

/// Reads a certificate chain and its key as a server or client would.
pub(super) fn chain(
    quirks: &Quirks,
    bytes: &[u8],
    key: Option<&KeyFile>,
    files: (File, File),
) -> Result<Chain, Failure> {
    match quirks.dialect {
        Dialect::BoringSsl => boring_ssl_chain(bytes, key, files),
        Dialect::OpenSsl => openssl_chain(bytes, key, files),
    }
}

/// The anchors in a file: those before the first block that cannot be read.
pub(super) fn anchors(quirks: &Quirks, bytes: &[u8]) -> Vec<Certificate> {
    let bytes = visible(quirks.dialect, bytes);
    let mut anchors = Vec::new();
    for block in Blocks::new(quirks.dialect, bytes) {
        let Ok(block) = block else { break };
        if !AUXILIARY_LABELS.contains(&block.label.as_str()) {
            continue;
        }
        match certificate(&block, quirks.dialect, true) {
            Ok(anchor) => anchors.push(anchor.certificate),
            Err(_) => break,
        }
    }
    anchors
}

/// Why this library, or rustls, finds no anchors in a file.
pub(super) fn no_anchors(dialect: Option<Dialect>, bytes: &[u8]) -> (&'static str, String) {
    let blocks = Blocks::new(dialect.unwrap_or(Dialect::BoringSsl), bytes);
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
    what_else(bytes)
}

/// The rule that a file without a private key breaks, by what is there instead.
pub(super) fn no_key(instead: &str) -> &'static str {
    match instead {
        "an empty file" => "file-empty",
        "an encrypted key" => "key-encrypted",
        "a byte order mark before the key" => "file-byte-order-mark",
        "DER" => "file-der",
        _ => "key-missing",
    }
}

/// grpc passes files on as C strings, which end at the first NUL.
pub(super) fn visible(dialect: Dialect, bytes: &[u8]) -> &[u8] {
    let end = match dialect {
        Dialect::BoringSsl => bytes.iter().position(|byte| *byte == 0),
        Dialect::OpenSsl => None,
    };
    &bytes[..end.unwrap_or(bytes.len())]
}

fn boring_ssl_chain(
    bytes: &[u8],
    key: Option<&KeyFile>,
    (file, key_file): (File, File),
) -> Result<Chain, Failure> {
    let fail = |rule, found: String| Failure::of(rule, file, found, text::of("invalid-chain"));
    let mut blocks = Blocks::new(Dialect::BoringSsl, bytes);
    let first = first_certificate(&mut blocks, bytes).map_err(|(rule, found)| fail(rule, found))?;
    let leaf = certificate(&first, Dialect::BoringSsl, true)
        .map_err(|(what, _)| fail("certificate-unreadable", what.to_owned()))?
        .certificate;
    let reference = CertificateReference::new(Role::EndEntity, 0, leaf.subject());
    let public_key = PublicKey::from_der(leaf.public_key_info()).ok();
    let kind = public_key.as_ref().map(|key| key.kind);
    let bits = public_key.as_ref().and_then(|key| key.bits);
    let reading = KeyReading::of(leaf.public_key_info(), Dialect::BoringSsl);
    if reading != KeyReading::Usable || !kind.is_some_and(boring_ssl_serves) {
        return Err(fail("key-type-unsupported", kind_text(kind)).about(reference));
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
            Ok(issuer) => sent.push(issuer.der),
            Err(_) => break,
        }
    }
    check_key(Stack::GrpcCore, key, &leaf)
        .map_err(|(rule, found)| Failure::of(rule, key_file, found, text::of("invalid-key")))?;
    if file == File::ServerCertificate {
        served_names(&first, &leaf, file)?;
    }
    Ok(Chain {
        sent,
        key: kind,
        can_sign: kind != Some(KeyKind::Rsa) || bits.is_some_and(|bits| bits >= MIN_PSS_BITS),
    })
}

/// A server reads the names of its certificate a second time, and then accepts fewer labels.
fn served_names(first: &Block, leaf: &Certificate, file: File) -> Result<(), Failure> {
    if !LABELS.contains(&first.label.as_str()) {
        let text = text::of("invalid-label");
        return Err(Failure::of("pem-label", file, &first.label, text));
    }
    let Some(fault) = reading::names_fault(leaf) else {
        return Ok(());
    };
    let reference = CertificateReference::new(Role::EndEntity, 0, leaf.subject());
    let text = text::of(&format!("invalid-names.{}", fault.rule()));
    Err(Failure::of(fault.rule(), file, fault.clause(), text).about(reference))
}

fn openssl_chain(
    bytes: &[u8],
    key: Option<&KeyFile>,
    (file, key_file): (File, File),
) -> Result<Chain, Failure> {
    let fail = |rule, found: &str, error: &str| Failure::of(rule, file, found, error);
    let unreadable = |(what, error): Unreadable| fail("certificate-unreadable", what, error);
    let mut blocks = Blocks::new(Dialect::OpenSsl, bytes);
    let first = first_certificate(&mut blocks, bytes).map_err(|(rule, found)| {
        let error = match rule {
            "pem-broken" => text::openssl_pem(blocks_fault(bytes)),
            _ => text::of("no-start-line"),
        };
        fail(rule, &found, error)
    })?;
    let mut chain = vec![certificate(&first, Dialect::OpenSsl, true).map_err(unreadable)?];
    for block in blocks {
        let block =
            block.map_err(|fault| fail("pem-broken", fault.clause(), text::openssl_pem(fault)))?;
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
        return Err(Failure::of(rule, key_file, found, text::openssl_key(rule)));
    }
    Ok(Chain {
        sent: chain.iter().map(|member| member.der.clone()).collect(),
        key: kind,
        can_sign: has_one_slot(kind, key),
    })
}

/// Whether a certificate and a key share a slot of an SSL_CTX; if not, neither is used, without an error.
fn has_one_slot(certificate: Option<KeyKind>, key: Option<&KeyFile>) -> bool {
    let Some(KeyLookup::Key(block)) = key.map(|key| key.lookup(Stack::GrpcJs)) else {
        return true;
    };
    let is_curve = |kind| {
        matches!(
            kind,
            Some(KeyKind::Ec(_) | KeyKind::EcOther | KeyKind::EcExplicit)
        )
    };
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

/// ssl_security_cert at level 1: RSA keys from 1024 bits and hashes from SHA-224.
fn strong_enough(chain: &[LibraryCertificate], file: File) -> Result<(), Failure> {
    for (place, member) in chain.iter().enumerate() {
        let certificate = &member.certificate;
        let is_leaf = place == 0;
        let reading = KeyReading::of(certificate.public_key_info(), Dialect::OpenSsl);
        let fault = match reading {
            KeyReading::TooSmall if is_leaf => Some(("key-short", text::of("ee-key-too-small"))),
            KeyReading::TooSmall => Some(("key-short", text::of("ca-key-too-small"))),
            KeyReading::Undecodable if is_leaf => {
                Some(("key-malformed", text::of("key-decode-error")))
            }
            KeyReading::WrongType if is_leaf => {
                Some(("key-type-unsupported", text::of("unknown-type")))
            }
            KeyReading::Usable | KeyReading::Undecodable | KeyReading::WrongType => None,
        };
        let (rule, found, error) = match fault {
            Some((rule, error)) => (rule, String::new(), error),
            None if super::openssl::is_weakly_signed(certificate) => {
                let algorithm = certificate.signature_algorithm().to_string();
                ("signature-sha1", algorithm, text::of("ca-md-too-weak"))
            }
            None => continue,
        };
        let role = if is_leaf {
            Role::EndEntity
        } else {
            Role::Intermediate
        };
        let reference = CertificateReference::new(role, place, certificate.subject());
        return Err(Failure::of(rule, file, found, error).about(reference));
    }
    Ok(())
}

/// The first block that counts as a certificate.
fn first_certificate(
    blocks: &mut Blocks<'_>,
    bytes: &[u8],
) -> Result<Block, (&'static str, String)> {
    for block in blocks.by_ref() {
        match block {
            Ok(block) if AUXILIARY_LABELS.contains(&block.label.as_str()) => return Ok(block),
            Ok(_) => {}
            Err(fault) => return Err(("pem-broken", fault.clause().to_owned())),
        }
    }
    Err(what_else(bytes))
}

fn blocks_fault(bytes: &[u8]) -> PemFault {
    let mut blocks = Blocks::new(Dialect::OpenSsl, bytes);
    blocks.find_map(Result::err).unwrap_or(PemFault::EndLine)
}

/// What a file without PEM blocks is.
pub(super) fn what_else(bytes: &[u8]) -> (&'static str, String) {
    if bytes.is_empty() {
        ("file-empty", "0 bytes".to_owned())
    } else if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        ("file-utf16", "UTF-16".to_owned())
    } else if bytes.starts_with(&[0xef, 0xbb, 0xbf]) {
        ("file-byte-order-mark", "a UTF-8 byte order mark".to_owned())
    } else if bytes.starts_with(&[0x30]) && Element::first(bytes, "it").is_ok() {
        ("file-der", "DER".to_owned())
    } else if bytes.windows(BEGIN.len()).any(|window| window == BEGIN) {
        let label = crate::pki::pem::blocks(bytes)
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

/// The certificate of a block. Data after it is ignored, unless trust settings may follow.
fn certificate(
    block: &Block,
    dialect: Dialect,
    is_auxiliary: bool,
) -> Result<LibraryCertificate, Unreadable> {
    if !block.headers.is_empty() {
        return Err(("headers before the certificate", text::of("no-start-line")));
    }
    let Ok((element, rest)) = Element::first(&block.contents, "the certificate") else {
        return reading::certificate(&block.contents, dialect);
    };
    if is_auxiliary
        && !rest.is_empty()
        && (rest[0] != SEQUENCE || Element::first(rest, "trust settings").is_err())
    {
        return Err(("data after the certificate", text::of("wrong-tag")));
    }
    reading::certificate(element.whole, dialect)
}

/// Whether the key is one the library reads, and the certificate's.
fn check_key(
    stack: Stack,
    key: Option<&KeyFile>,
    leaf: &Certificate,
) -> Result<(), (&'static str, String)> {
    let Some(key) = key else { return Ok(()) };
    let block = match key.lookup(stack) {
        KeyLookup::Nothing { instead } => return Err((no_key(instead), instead.clone())),
        KeyLookup::Broken { why } => return Err(("pem-broken", why.clone())),
        KeyLookup::Key(block) => block,
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
        return Err(("key-type-unsupported", kind_text(block.kind)));
    }
    let own = block.public_key_info.as_deref();
    if own.is_some_and(|own| !is_same_key(own, leaf.public_key_info())) {
        return Err(("key-mismatch", "another key".to_owned()));
    }
    Ok(())
}

fn kind_text(kind: Option<KeyKind>) -> String {
    kind.map_or_else(|| "no key".to_owned(), |kind| kind.to_string())
}

/// ssl_is_key_type_supported of BoringSSL, and the curves it knows.
fn boring_ssl_serves(kind: KeyKind) -> bool {
    matches!(
        kind,
        KeyKind::Rsa | KeyKind::Ed25519 | KeyKind::Ec(Curve::P256 | Curve::P384 | Curve::P521)
    )
}

const LABELS: [&str; 2] = ["CERTIFICATE", "X509 CERTIFICATE"];
const AUXILIARY_LABELS: [&str; 3] = ["CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE"];
const BEGIN: &[u8] = b"-----BEGIN ";
const SEQUENCE: u8 = 0x30;
/// SHA-256 with as much salt, and two bytes (RFC 8017 §9.1.1).
const MIN_PSS_BITS: usize = 8 * (32 + 32 + 2);
