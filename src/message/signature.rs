//! Signatures of messages and requests: JWS ([RFC 7518 §3](https://www.rfc-editor.org/rfc/rfc7518#section-3),
//! [RFC 8037](https://www.rfc-editor.org/rfc/rfc8037)) and HTTP ([RFC 9421 §3.3](https://www.rfc-editor.org/rfc/rfc9421#section-3.3)).

use std::fmt;

use ring::signature::{
    self, ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, RsaEncoding,
    UnparsedPublicKey, VerificationAlgorithm,
};

use super::MessageError;
use crate::keys::{EcdsaForm, KeyError, Signer};
use crate::pki::public_key::{Curve, KeyKind, PublicKey};

/// How a message or a request is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// ECDSA on P-384 with SHA-384.
    Es384,
    /// Ed25519.
    EdDsa,
    /// RSASSA-PSS with SHA-256.
    Ps256,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// RSASSA-PSS with SHA-512, of requests only.
    Ps512,
}

impl Algorithm {
    /// The algorithm of this name in a JWS.
    pub fn from_jose_name(name: &str) -> Option<Self> {
        Some(match name {
            "ES256" => Algorithm::Es256,
            "ES384" => Algorithm::Es384,
            "EdDSA" | "Ed25519" => Algorithm::EdDsa,
            "PS256" => Algorithm::Ps256,
            "RS256" => Algorithm::Rs256,
            _ => return None,
        })
    }

    /// The name in a JWS.
    pub fn jose_name(self) -> &'static str {
        match self {
            Algorithm::Es256 => "ES256",
            Algorithm::Es384 => "ES384",
            Algorithm::EdDsa => "EdDSA",
            Algorithm::Ps256 => "PS256",
            Algorithm::Rs256 => "RS256",
            Algorithm::Ps512 => "PS512",
        }
    }

    /// The name in an HTTP message signature; none for what that has not.
    pub fn http_name(self) -> Option<&'static str> {
        match self {
            Algorithm::Es256 => Some("ecdsa-p256-sha256"),
            Algorithm::Es384 => Some("ecdsa-p384-sha384"),
            Algorithm::EdDsa => Some("ed25519"),
            Algorithm::Ps512 => Some("rsa-pss-sha512"),
            Algorithm::Ps256 | Algorithm::Rs256 => None,
        }
    }

    /// What a key of this kind signs messages with; none where it cannot.
    pub fn of_message(kind: KeyKind) -> Option<Self> {
        match kind {
            KeyKind::Ec(Curve::P256) => Some(Algorithm::Es256),
            KeyKind::Ec(Curve::P384) => Some(Algorithm::Es384),
            KeyKind::Ed25519 => Some(Algorithm::EdDsa),
            KeyKind::Rsa => Some(Algorithm::Ps256),
            KeyKind::RsaPss
            | KeyKind::Ec(_)
            | KeyKind::EcOther
            | KeyKind::EcExplicit
            | KeyKind::Ed448
            | KeyKind::X25519
            | KeyKind::X448
            | KeyKind::Dsa
            | KeyKind::Other => None,
        }
    }

    /// What a key of this kind signs requests with; none where it cannot.
    pub fn of_request(kind: KeyKind) -> Option<Self> {
        match Algorithm::of_message(kind)? {
            Algorithm::Ps256 => Some(Algorithm::Ps512),
            other => Some(other),
        }
    }

    /// Whether `signature` is this key's over `message`; no where the algorithm does not fit the key.
    pub(super) fn verifies(self, key: &PublicKey, message: &[u8], signature: &[u8]) -> bool {
        self.fits(key.kind)
            && UnparsedPublicKey::new(self.verification(), &key.key)
                .verify(message, signature)
                .is_ok()
    }

    fn fits(self, kind: KeyKind) -> bool {
        match self {
            Algorithm::Es256 => kind == KeyKind::Ec(Curve::P256),
            Algorithm::Es384 => kind == KeyKind::Ec(Curve::P384),
            Algorithm::EdDsa => kind == KeyKind::Ed25519,
            Algorithm::Ps256 | Algorithm::Rs256 | Algorithm::Ps512 => kind == KeyKind::Rsa,
        }
    }

    fn verification(self) -> &'static dyn VerificationAlgorithm {
        match self {
            Algorithm::Es256 => &ECDSA_P256_SHA256_FIXED,
            Algorithm::Es384 => &ECDSA_P384_SHA384_FIXED,
            Algorithm::EdDsa => &ED25519,
            Algorithm::Ps256 => &signature::RSA_PSS_2048_8192_SHA256,
            Algorithm::Rs256 => &signature::RSA_PKCS1_2048_8192_SHA256,
            Algorithm::Ps512 => &signature::RSA_PSS_2048_8192_SHA512,
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.jose_name())
    }
}

/// A private key that signs messages and requests.
pub struct SigningKey {
    signer: Signer,
    kind: KeyKind,
}

impl SigningKey {
    /// Reads the PKCS #8 key that belongs to `public`.
    ///
    /// # Errors
    /// When a key of this kind cannot sign messages, or the two are no pair.
    pub fn new(pkcs8: &[u8], public: &PublicKey) -> Result<Self, MessageError> {
        let kind = public.kind;
        Algorithm::of_message(kind).ok_or(MessageError::CannotSign { kind })?;
        let mismatch = |_: KeyError| MessageError::KeyMismatch;
        let signer = Signer::with_form(pkcs8, EcdsaForm::Fixed).map_err(mismatch)?;
        match PublicKey::from_der(signer.public_key_info()) {
            Ok(own) if own.key == public.key => Ok(SigningKey { signer, kind }),
            Ok(_) | Err(_) => Err(MessageError::KeyMismatch),
        }
    }

    /// What it signs messages with when nothing is asked for, or what was asked for.
    ///
    /// # Errors
    /// When the key cannot sign so.
    pub fn algorithm(&self, wanted: Option<Algorithm>) -> Result<Algorithm, MessageError> {
        let cannot = |algorithm| MessageError::Algorithm {
            algorithm,
            kind: self.kind,
        };
        match wanted {
            Some(algorithm) if algorithm.fits(self.kind) => Ok(algorithm),
            Some(algorithm) => Err(cannot(algorithm)),
            None => {
                Algorithm::of_message(self.kind).ok_or(MessageError::CannotSign { kind: self.kind })
            }
        }
    }

    /// What it signs requests with.
    ///
    /// # Errors
    /// When the key cannot sign.
    pub fn request_algorithm(&self) -> Result<Algorithm, MessageError> {
        Algorithm::of_request(self.kind).ok_or(MessageError::CannotSign { kind: self.kind })
    }

    /// The signature over a message; ECDSA's has a fixed length.
    ///
    /// # Errors
    /// When the key cannot sign.
    pub fn sign(&self, algorithm: Algorithm, message: &[u8]) -> Result<Vec<u8>, MessageError> {
        let padding: &'static dyn RsaEncoding = match algorithm {
            Algorithm::Rs256 => &signature::RSA_PKCS1_SHA256,
            Algorithm::Ps512 => &signature::RSA_PSS_SHA512,
            Algorithm::Ps256 | Algorithm::Es256 | Algorithm::Es384 | Algorithm::EdDsa => {
                &signature::RSA_PSS_SHA256
            }
        };
        let failed = |_: KeyError| MessageError::Signing;
        self.signer.sign_with(padding, message).map_err(failed)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::super::base64::decode_url;
    use super::*;

    #[test]
    fn the_examples_of_rfc_7515_and_rfc_8037_verify() {
        let decode = |text: &str| decode_url(text).unwrap();
        // RFC 7515 appendix A.3.
        let point = [
            vec![4],
            decode("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"),
            decode("x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"),
        ];
        let es256 = (
            [&P256_INFO[..], &point.concat()].concat(),
            "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ",
            "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
        );
        // RFC 8037 appendix A.4.
        let eddsa = (
            [
                &ED25519_INFO[..],
                &decode("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"),
            ]
            .concat(),
            "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc",
            "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg",
        );
        for (algorithm, (info, signed, signature)) in
            [(Algorithm::Es256, es256), (Algorithm::EdDsa, eddsa)]
        {
            let key = PublicKey::from_der(&info).unwrap();
            let mut signature = decode(signature);
            assert!(algorithm.verifies(&key, signed.as_bytes(), &signature));
            assert!(!Algorithm::Rs256.verifies(&key, signed.as_bytes(), &signature));
            signature[7] ^= 1;
            assert!(!algorithm.verifies(&key, signed.as_bytes(), &signature));
        }
    }

    /// A SubjectPublicKeyInfo up to the point, for P-256.
    const P256_INFO: [u8; 26] = [
        0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08,
        0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
    ];
    /// The same up to the key, for Ed25519.
    const ED25519_INFO: [u8; 12] = [
        0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
    ];
}
