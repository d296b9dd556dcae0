//! What a file holds: PEM blocks or one DER object, each told by its kind.

use zeroize::Zeroizing;

use super::bundle::SIGNED_DATA;
use super::element::{
    BIT_STRING, Element, Elements, GENERALIZED_TIME, INTEGER, OBJECT_IDENTIFIER, OCTET_STRING,
    SEQUENCE, UTC_TIME, context_constructed,
};
use super::pem::{self, Block, PemError};

/// The parts of a file, none of them read yet.
#[derive(Debug)]
pub struct Document {
    /// The parts, in their order; at least one.
    pub parts: Vec<Part>,
    /// How they are written.
    pub encoding: Encoding,
    /// Whether a byte order mark stands before all, which some stacks stumble over.
    pub byte_order_mark: bool,
}

impl Document {
    /// Takes a file apart.
    ///
    /// # Errors
    /// If it is neither PEM nor DER of a known kind, or a PEM block is broken.
    pub fn read(bytes: &[u8]) -> Result<Self, DocumentError> {
        if is_der(bytes) {
            let kind = Kind::of_der(bytes).ok_or(DocumentError::UnknownDer)?;
            return Ok(Document {
                parts: vec![Part::Der {
                    kind,
                    contents: Zeroizing::new(bytes.to_vec()),
                }],
                encoding: Encoding::Der,
                byte_order_mark: false,
            });
        }
        let blocks = pem::blocks(bytes)?;
        if blocks.is_empty() {
            return Err(DocumentError::Nothing {
                what: unreadable(bytes),
            });
        }
        Ok(Document {
            parts: blocks.into_iter().map(Part::Pem).collect(),
            encoding: Encoding::Pem,
            byte_order_mark: pem::has_byte_order_mark(bytes),
        })
    }
}

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Encoding {
    /// Text ([RFC 7468](https://www.rfc-editor.org/rfc/rfc7468)).
    Pem,
    /// One binary object.
    Der,
}

/// One object of a file.
#[derive(Debug)]
pub enum Part {
    /// A PEM block.
    Pem(Block),
    /// All of a DER file.
    Der {
        /// What it looks like.
        kind: Kind,
        /// The DER; wiped on drop, for it may be a key.
        contents: Zeroizing<Vec<u8>>,
    },
}

impl Part {
    /// What it says it is, or in DER looks like.
    pub fn kind(&self) -> Kind {
        match self {
            Part::Pem(block) => Kind::of_label(&block.label),
            Part::Der { kind, .. } => *kind,
        }
    }

    /// The DER.
    pub fn contents(&self) -> &[u8] {
        match self {
            Part::Pem(block) => &block.contents,
            Part::Der { contents, .. } => contents,
        }
    }

    /// The line of its BEGIN; `None` in DER.
    pub fn line(&self) -> Option<usize> {
        match self {
            Part::Pem(block) => Some(block.line),
            Part::Der { .. } => None,
        }
    }
}

/// What an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A certificate.
    Certificate,
    /// A certificate with OpenSSL's notes on what it is trusted for behind it.
    TrustedCertificate,
    /// A PKCS #10 request.
    SigningRequest,
    /// A revocation list.
    RevocationList,
    /// A SubjectPublicKeyInfo.
    PublicKey,
    /// An RSAPublicKey.
    RsaPublicKey,
    /// A private key: PKCS #8, PKCS #1 or SEC 1.
    PrivateKey,
    /// An encrypted PKCS #8 key.
    EncryptedPrivateKey,
    /// A key of OpenSSH's own form.
    OpenSshPrivateKey,
    /// A PKCS #7 bag of certificates.
    Pkcs7,
    /// A PKCS #12 file.
    Pkcs12,
    /// Something else in PEM, which is only named.
    Other,
}

impl Kind {
    /// What a PEM label means (RFC 7468, and what other programs write).
    pub fn of_label(label: &str) -> Self {
        match label {
            "CERTIFICATE" | "X509 CERTIFICATE" => Kind::Certificate,
            "TRUSTED CERTIFICATE" => Kind::TrustedCertificate,
            "CERTIFICATE REQUEST" | "NEW CERTIFICATE REQUEST" => Kind::SigningRequest,
            "X509 CRL" => Kind::RevocationList,
            "PUBLIC KEY" => Kind::PublicKey,
            "RSA PUBLIC KEY" => Kind::RsaPublicKey,
            "PRIVATE KEY" | "RSA PRIVATE KEY" | "EC PRIVATE KEY" | "DSA PRIVATE KEY" => {
                Kind::PrivateKey
            }
            "ENCRYPTED PRIVATE KEY" => Kind::EncryptedPrivateKey,
            "OPENSSH PRIVATE KEY" => Kind::OpenSshPrivateKey,
            "PKCS7" | "CMS" => Kind::Pkcs7,
            _ => Kind::Other,
        }
    }

    /// What DER looks like, judged by its first elements; `None` if like nothing we know.
    pub fn of_der(der: &[u8]) -> Option<Self> {
        let outer = Element::only(der, SEQUENCE, "").ok()?;
        let mut parts = outer.children();
        let first = parts.any("").ok()?;
        let second = parts.any("").ok()?;
        match (first.tag, second.tag, parts.peek()) {
            (SEQUENCE, SEQUENCE, Some(BIT_STRING)) => Some(signed_kind(first.children())),
            (SEQUENCE, BIT_STRING, None) => Some(Kind::PublicKey),
            (SEQUENCE, OCTET_STRING, None) => Some(Kind::EncryptedPrivateKey),
            (INTEGER, INTEGER, None) => Some(Kind::RsaPublicKey),
            (INTEGER, INTEGER, Some(INTEGER)) | (INTEGER, OCTET_STRING, _) => {
                Some(Kind::PrivateKey)
            }
            (INTEGER, SEQUENCE, Some(OCTET_STRING)) => Some(Kind::PrivateKey),
            (INTEGER, SEQUENCE, Some(SEQUENCE) | None) if first.content == [3] => {
                Some(Kind::Pkcs12)
            }
            (OBJECT_IDENTIFIER, tag, None)
                if tag == context_constructed(0) && first.content == SIGNED_DATA.as_bytes() =>
            {
                Some(Kind::Pkcs7)
            }
            _ => None,
        }
    }

    /// Its name.
    pub fn title(self) -> &'static str {
        match self {
            Kind::Certificate | Kind::TrustedCertificate => "certificate",
            Kind::SigningRequest => "certificate signing request",
            Kind::RevocationList => "revocation list",
            Kind::PublicKey | Kind::RsaPublicKey => "public key",
            Kind::PrivateKey | Kind::EncryptedPrivateKey | Kind::OpenSshPrivateKey => "private key",
            Kind::Pkcs7 => "PKCS #7",
            Kind::Pkcs12 => "PKCS #12",
            Kind::Other => "something else",
        }
    }
}

/// Why a file cannot be taken apart.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    /// A PEM block is broken.
    #[error(transparent)]
    Pem(#[from] PemError),
    /// DER that is like nothing we know.
    #[error(
        "neither a certificate, request, revocation list, key, PKCS #7 nor PKCS #12: damaged, or something else"
    )]
    UnknownDer,
    /// Neither PEM nor DER.
    #[error("nothing to show in it: {what}")]
    Nothing {
        /// What it looks like.
        what: &'static str,
    },
}

/// Whether bytes are to be read as DER and not as PEM.
///
/// They start as a SEQUENCE does, which is also the digit 0, and it ends where they end, or there
/// is no PEM in them.
pub fn is_der(bytes: &[u8]) -> bool {
    bytes.first() == Some(&SEQUENCE)
        && (Element::only(bytes, SEQUENCE, "").is_ok()
            || !bytes.windows(BEGIN.len()).any(|w| w == BEGIN))
}

/// What bytes look like that are neither PEM nor DER, as a clause.
pub fn unreadable(bytes: &[u8]) -> &'static str {
    let text = bytes.trim_ascii_start();
    match text {
        [] => "it is empty",
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => "it is UTF-16, and PEM is ASCII",
        [0, b'-', 0, b'-', ..] | [b'-', 0, b'-', 0, ..] => "it is UTF-16, and PEM is ASCII",
        [b'<', ..] => "it looks like HTML or XML",
        [b'{' | b'[', ..] => "it looks like JSON",
        _ if text.starts_with(b"ssh-") || text.starts_with(b"ecdsa-sha2-") => {
            "it is an SSH public key"
        }
        _ => "it is neither PEM nor DER",
    }
}

const BEGIN: &[u8] = b"-----BEGIN ";

/// Which of the three signed objects it is, by the fields of what is signed.
fn signed_kind(mut fields: Elements<'_>) -> Kind {
    let tags: Vec<u8> = std::iter::from_fn(|| fields.any("").ok().map(|field| field.tag))
        .take(4)
        .collect();
    match tags.as_slice() {
        // version, subject, public key, attributes: a certificate's third field is its issuer.
        [INTEGER, SEQUENCE, SEQUENCE, tag] if *tag == context_constructed(0) => {
            Kind::SigningRequest
        }
        [INTEGER, SEQUENCE, SEQUENCE] => Kind::SigningRequest,
        // version 2, algorithm, issuer, thisUpdate; or without the version.
        [INTEGER, SEQUENCE, SEQUENCE, UTC_TIME | GENERALIZED_TIME] => Kind::RevocationList,
        [SEQUENCE, SEQUENCE, UTC_TIME | GENERALIZED_TIME, ..] => Kind::RevocationList,
        _ => Kind::Certificate,
    }
}
