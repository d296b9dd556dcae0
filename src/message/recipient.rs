//! Content keys wrapped for certificates: ECDH-ES+A256KW ([RFC 7518 §4.6](https://www.rfc-editor.org/rfc/rfc7518#section-4.6),
//! [RFC 8037 §3.2](https://www.rfc-editor.org/rfc/rfc8037#section-3.2)) and RSA-OAEP-256
//! ([RFC 7518 §4.3](https://www.rfc-editor.org/rfc/rfc7518#section-4.3)).

use std::fmt;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use zeroize::Zeroizing;

use super::base64::{decode_url, encode_url};
use super::json::present;
use super::trust::thumbprint;
use super::{Denial, MessageError};
use crate::pki::certificate::Certificate;
use crate::pki::extension::KeyUsage;
use crate::pki::public_key::{Curve, KeyKind, PublicKey};

/// A key of AES-256, for the content or around it.
pub(super) type ContentKey = Zeroizing<[u8; 32]>;

/// A certificate that messages are encrypted to.
#[derive(Clone, Debug)]
pub struct Recipient {
    kid: String,
    key: EncryptionKey,
}

#[derive(Clone, Debug)]
enum EncryptionKey {
    /// An uncompressed point, or the bytes of an X25519 key.
    Agreement(AgreementCurve, Vec<u8>),
    /// A SubjectPublicKeyInfo.
    Rsa(Vec<u8>),
}

impl Recipient {
    /// The owner of this certificate.
    ///
    /// Does not check who issued it.
    ///
    /// # Errors
    /// When it is not valid now, its keyUsage does not permit encryption, or its key is of another kind.
    pub fn new(certificate: &Certificate, now: OffsetDateTime) -> Result<Self, MessageError> {
        let (not_before, not_after) = (certificate.not_before(), certificate.not_after());
        if now < not_before || now > not_after {
            return Err(MessageError::RecipientValidity {
                not_before,
                not_after,
            });
        }
        let key = public_key(certificate)?;
        let (needed, name) = match key.kind {
            KeyKind::Rsa => (KeyUsage::KEY_ENCIPHERMENT, "keyEncipherment"),
            _ => (KeyUsage::KEY_AGREEMENT, "keyAgreement"),
        };
        let encryption_key = match AgreementCurve::of(key.kind) {
            Some(curve) if key.key.len() == curve.key_bytes() => {
                EncryptionKey::Agreement(curve, key.key)
            }
            None if key.kind == KeyKind::Rsa && key.bits >= Some(2048) => {
                EncryptionKey::Rsa(certificate.public_key_info().to_vec())
            }
            Some(_) | None => return Err(MessageError::CannotReceive { kind: key.kind }),
        };
        let usage = certificate.key_usage().map_err(unusable)?;
        if usage.is_some_and(|usage| !usage.has(needed)) {
            return Err(MessageError::RecipientUsage { usage: name });
        }
        Ok(Recipient {
            kid: thumbprint(certificate),
            key: encryption_key,
        })
    }

    /// Its `kid`: the SHA-256 thumbprint of the certificate.
    pub(super) fn kid(&self) -> &str {
        &self.kid
    }

    /// The content key wrapped for it, and the header that says how.
    pub(super) fn wrap(&self, content: &ContentKey) -> Result<(KeyHeader, Vec<u8>), MessageError> {
        let (alg, epk, wrapped) = match &self.key {
            EncryptionKey::Agreement(curve, public) => {
                let (ephemeral, wrapped) = engine::agree_and_wrap(*curve, public, content)?;
                (AGREEMENT, Some(curve.epk(&ephemeral)), wrapped)
            }
            EncryptionKey::Rsa(info) => (RSA_OAEP, None, engine::encrypt(info, content)?),
        };
        let header = KeyHeader {
            alg: Some(alg.into()),
            kid: Some(self.kid.clone()),
            epk,
            ..KeyHeader::default()
        };
        Ok((header, wrapped))
    }
}

/// A certificate with its private key, which opens what is sealed for it.
pub struct OpeningKey {
    kid: String,
    key: engine::PrivateKey,
}

impl OpeningKey {
    /// A certificate and its private key as PKCS #8. What the certificate may be used for is not checked.
    ///
    /// # Errors
    /// When the key cannot decrypt, or the two are no pair.
    pub fn new(certificate: &Certificate, pkcs8: &[u8]) -> Result<Self, MessageError> {
        let key = engine::PrivateKey::read(&public_key(certificate)?, pkcs8)?;
        Ok(OpeningKey {
            kid: thumbprint(certificate),
            key,
        })
    }

    pub(super) fn kid(&self) -> &str {
        &self.kid
    }

    /// The content key of a recipient that has our `kid`.
    pub(super) fn unwrap(&self, header: &KeyHeader, wrapped: &[u8]) -> Result<ContentKey, Denial> {
        self.key.unwrap(header, wrapped)
    }
}

impl fmt::Debug for OpeningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OpeningKey(..)")
    }
}

/// How a content key is wrapped for one recipient.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct KeyHeader {
    #[serde(deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub(super) alg: Option<String>,
    #[serde(deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub(super) kid: Option<String>,
    #[serde(deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub(super) epk: Option<EphemeralKey>,
    #[serde(deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub(super) apu: Option<String>,
    #[serde(deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub(super) apv: Option<String>,
}

impl KeyHeader {
    /// The members of this header and of another one, which may not share any.
    pub(super) fn with(self, other: &KeyHeader) -> Result<Self, Denial> {
        Ok(KeyHeader {
            alg: either(self.alg, other.alg.as_ref())?,
            kid: either(self.kid, other.kid.as_ref())?,
            epk: either(self.epk, other.epk.as_ref())?,
            apu: either(self.apu, other.apu.as_ref())?,
            apv: either(self.apv, other.apv.as_ref())?,
        })
    }

    /// Checks the form: a `kid`, an algorithm we know with an `epk` on its curve or none, and a key of its length.
    pub(super) fn check(&self, wrapped: &[u8]) -> Result<(), Denial> {
        if self.kid.is_none() {
            return Err(Denial::malformed("a recipient has no kid"));
        }
        match (self.alg.as_deref(), &self.epk) {
            (Some(AGREEMENT), Some(epk)) => {
                epk.point()?;
                if wrapped.len() != WRAPPED_KEY_BYTES {
                    return Err(Denial::malformed("an encrypted key has the wrong length"));
                }
            }
            (Some(RSA_OAEP), None) => {}
            _ => {
                return Err(Denial::malformed(
                    "a recipient's algorithm is not supported",
                ));
            }
        }
        for info in [&self.apu, &self.apv].into_iter().flatten() {
            decode_url(info).ok_or_else(|| Denial::malformed("apu or apv is not base64url"))?;
        }
        Ok(())
    }
}

fn either<T: Clone>(one: Option<T>, other: Option<&T>) -> Result<Option<T>, Denial> {
    match (one, other) {
        (Some(_), Some(_)) => Err(Denial::malformed("a header member is in two places")),
        (one, other) => Ok(one.or_else(|| other.cloned())),
    }
}

/// The sender's one-time public key, as a JWK with nothing else in it.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EphemeralKey {
    kty: String,
    crv: String,
    x: String,
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    y: Option<String>,
}

impl EphemeralKey {
    /// The curve, and the key as a recipient's is written.
    fn point(&self) -> Result<(AgreementCurve, Vec<u8>), Denial> {
        let wrong = || Denial::malformed("epk is not a key that is supported");
        let curve = AgreementCurve::ALL
            .into_iter()
            .find(|curve| curve.name() == self.crv);
        let curve = curve.ok_or_else(wrong)?;
        let coordinate = |text: &str| decode_url(text).filter(|x| x.len() == curve.field_bytes());
        let x = coordinate(&self.x).ok_or_else(wrong)?;
        match (curve, &*self.kty, &self.y) {
            (AgreementCurve::X25519, "OKP", None) => Ok((curve, x)),
            (AgreementCurve::P256 | AgreementCurve::P384, "EC", Some(y)) => {
                let y = coordinate(y).ok_or_else(wrong)?;
                Ok((curve, [&[UNCOMPRESSED], &*x, &*y].concat()))
            }
            _ => Err(wrong()),
        }
    }
}

/// A curve that keys are agreed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum AgreementCurve {
    P256,
    P384,
    X25519,
}

impl AgreementCurve {
    const ALL: [AgreementCurve; 3] = [
        AgreementCurve::P256,
        AgreementCurve::P384,
        AgreementCurve::X25519,
    ];

    fn of(kind: KeyKind) -> Option<Self> {
        match kind {
            KeyKind::Ec(Curve::P256) => Some(AgreementCurve::P256),
            KeyKind::Ec(Curve::P384) => Some(AgreementCurve::P384),
            KeyKind::X25519 => Some(AgreementCurve::X25519),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            AgreementCurve::P256 => "P-256",
            AgreementCurve::P384 => "P-384",
            AgreementCurve::X25519 => "X25519",
        }
    }

    fn field_bytes(self) -> usize {
        match self {
            AgreementCurve::P256 | AgreementCurve::X25519 => 32,
            AgreementCurve::P384 => 48,
        }
    }

    fn key_bytes(self) -> usize {
        match self {
            AgreementCurve::X25519 => 32,
            AgreementCurve::P256 | AgreementCurve::P384 => 1 + 2 * self.field_bytes(),
        }
    }

    /// A public key as a JWK.
    fn epk(self, key: &[u8]) -> EphemeralKey {
        let crv = self.name().to_owned();
        if self == AgreementCurve::X25519 {
            return EphemeralKey {
                kty: "OKP".into(),
                crv,
                x: encode_url(key),
                y: None,
            };
        }
        let (x, y) = key[1..].split_at(self.field_bytes());
        EphemeralKey {
            kty: "EC".into(),
            crv,
            x: encode_url(x),
            y: Some(encode_url(y)),
        }
    }
}

/// How content keys are wrapped for a key of this kind.
pub(super) fn encryption_algorithm(kind: KeyKind) -> Option<&'static str> {
    match AgreementCurve::of(kind) {
        Some(_) => Some(AGREEMENT),
        None => (kind == KeyKind::Rsa).then_some(RSA_OAEP),
    }
}

fn public_key(certificate: &Certificate) -> Result<PublicKey, MessageError> {
    PublicKey::from_der(certificate.public_key_info()).map_err(unusable)
}

fn unusable(error: impl fmt::Display) -> MessageError {
    MessageError::Certificate {
        what: error.to_string(),
    }
}

const AGREEMENT: &str = "ECDH-ES+A256KW";
const RSA_OAEP: &str = "RSA-OAEP-256";
const UNCOMPRESSED: u8 = 4; // SEC 1 §2.3.3
const WRAPPED_KEY_BYTES: usize = 40; // RFC 3394 §2.2.1

/// What needs AWS-LC: agreement with a key that is kept, AES key wrap, RSA decryption.
#[cfg(feature = "rsa")]
mod engine {
    use aws_lc_rs::agreement::{self, UnparsedPublicKey};
    use aws_lc_rs::error::Unspecified;
    use aws_lc_rs::key_wrap::{AES_256, AesKek, KeyWrap as _};
    use aws_lc_rs::rsa::{
        OAEP_SHA256_MGF1SHA256, OaepPrivateDecryptingKey, OaepPublicEncryptingKey,
        PrivateDecryptingKey, PublicEncryptingKey,
    };
    use ring::digest::{Context, SHA256};

    use super::*;
    use crate::keys::system_random;
    use crate::message::Reason;

    pub(super) enum PrivateKey {
        Agreement(AgreementCurve, agreement::PrivateKey),
        Rsa(OaepPrivateDecryptingKey),
    }

    impl PrivateKey {
        pub(super) fn read(public: &PublicKey, pkcs8: &[u8]) -> Result<Self, MessageError> {
            let mismatch = || MessageError::KeyMismatch;
            let Some(curve) = AgreementCurve::of(public.kind) else {
                if public.kind != KeyKind::Rsa {
                    return Err(MessageError::CannotReceive { kind: public.kind });
                }
                let key = PrivateDecryptingKey::from_pkcs8(pkcs8).map_err(|_| mismatch())?;
                let own = aws_lc_rs::encoding::AsDer::<aws_lc_rs::encoding::PublicKeyX509Der<'_>>::as_der(&key.public_key())
                    .map_err(|Unspecified| mismatch())?;
                let own = PublicKey::from_der(own.as_ref()).map_err(unusable)?;
                let key = OaepPrivateDecryptingKey::new(key).map_err(|Unspecified| mismatch())?;
                return if own.key == public.key {
                    Ok(PrivateKey::Rsa(key))
                } else {
                    Err(mismatch())
                };
            };
            let key = if curve == AgreementCurve::X25519 {
                let private = pkcs8.get(X25519_HEADER_BYTES..).unwrap_or_default();
                agreement::PrivateKey::from_private_key(curve.algorithm(), private)
            } else {
                agreement::PrivateKey::from_private_key_der(curve.algorithm(), pkcs8)
            };
            let key = key.map_err(|_| mismatch())?;
            let own = key.compute_public_key().map_err(|Unspecified| mismatch())?;
            if own.as_ref() == public.key {
                Ok(PrivateKey::Agreement(curve, key))
            } else {
                Err(mismatch())
            }
        }

        pub(super) fn unwrap(
            &self,
            header: &KeyHeader,
            wrapped: &[u8],
        ) -> Result<ContentKey, Denial> {
            let failed =
                || Denial::new(Reason::BadSignature, "the content key cannot be unwrapped");
            let mut content = Zeroizing::new([0; 32]);
            match (self, &header.epk) {
                (PrivateKey::Agreement(curve, key), Some(epk)) => {
                    let (epk_curve, point) = epk.point()?;
                    if epk_curve != *curve {
                        return Err(Denial::malformed(
                            "epk is on another curve than the recipient's key",
                        ));
                    }
                    let point = UnparsedPublicKey::new(curve.algorithm(), &point);
                    let info = |text: &Option<String>| {
                        text.as_deref().and_then(decode_url).unwrap_or_default()
                    };
                    let (apu, apv) = (info(&header.apu), info(&header.apv));
                    let kek = agreement::agree(key, point, Unspecified, |secret| {
                        derive(secret, &apu, &apv)
                    })
                    .map_err(|Unspecified| Denial::malformed("epk is not a point on its curve"))?;
                    let kek = AesKek::new(&AES_256, &*kek).map_err(|Unspecified| failed())?;
                    kek.unwrap(wrapped, &mut *content)
                        .map_err(|Unspecified| failed())?;
                }
                (PrivateKey::Rsa(key), None) => {
                    let mut plain = Zeroizing::new(vec![0; key.min_output_size()]);
                    let plain = key
                        .decrypt(&OAEP_SHA256_MGF1SHA256, wrapped, &mut plain, None)
                        .map_err(|Unspecified| failed())?;
                    if plain.len() != content.len() {
                        return Err(failed());
                    }
                    content.copy_from_slice(plain);
                }
                _ => {
                    return Err(Denial::malformed(
                        "the algorithm does not fit the recipient's key",
                    ));
                }
            }
            Ok(content)
        }
    }

    /// A content key wrapped under a key agreed with a new ephemeral one, whose public half comes first.
    pub(super) fn agree_and_wrap(
        curve: AgreementCurve,
        public: &[u8],
        content: &ContentKey,
    ) -> Result<(Vec<u8>, Vec<u8>), MessageError> {
        use ring::agreement::{EphemeralPrivateKey, UnparsedPublicKey, agree_ephemeral};
        // ring draws the key from the system, where AWS-LC first spends 25 ms on its own generator.
        let algorithm = curve.ephemeral();
        let failed = |_: ring::error::Unspecified| unusable("its key is not a point on its curve");
        let unusable = |Unspecified| unusable("its key cannot be used");
        let ephemeral =
            EphemeralPrivateKey::generate(algorithm, &system_random()).map_err(failed)?;
        let own = ephemeral.compute_public_key().map_err(failed)?;
        let peer = UnparsedPublicKey::new(algorithm, public);
        let kek = agree_ephemeral(ephemeral, &peer, |secret| derive(secret, &[], &[]));
        let kek = kek
            .map_err(failed)?
            .and_then(|kek| AesKek::new(&AES_256, &*kek))
            .map_err(unusable)?;
        let mut wrapped = vec![0; WRAPPED_KEY_BYTES];
        kek.wrap(&**content, &mut wrapped).map_err(unusable)?;
        Ok((own.as_ref().to_vec(), wrapped))
    }

    /// RSA-OAEP with SHA-256 and MGF1 with SHA-256.
    pub(super) fn encrypt(info: &[u8], content: &ContentKey) -> Result<Vec<u8>, MessageError> {
        let key = PublicEncryptingKey::from_der(info).map_err(unusable)?;
        let failed = |Unspecified| unusable("its key cannot encrypt");
        let key = OaepPublicEncryptingKey::new(key).map_err(failed)?;
        let mut wrapped = vec![0; key.ciphertext_size()];
        key.encrypt(&OAEP_SHA256_MGF1SHA256, &**content, &mut wrapped, None)
            .map_err(failed)?;
        Ok(wrapped)
    }

    /// Concat KDF in one round (RFC 7518 §4.6.2, NIST SP 800-56A §5.8.1). A secret of zeros, which X25519 gives for
    /// points of low order, is refused.
    fn derive(secret: &[u8], apu: &[u8], apv: &[u8]) -> Result<ContentKey, Unspecified> {
        if secret.iter().all(|byte| *byte == 0) {
            return Err(Unspecified);
        }
        let mut hash = Context::new(&SHA256);
        hash.update(&1_u32.to_be_bytes());
        hash.update(secret);
        for info in [AGREEMENT.as_bytes(), apu, apv] {
            hash.update(&(info.len() as u32).to_be_bytes());
            hash.update(info);
        }
        hash.update(&256_u32.to_be_bytes());
        let mut key = Zeroizing::new([0; 32]);
        key.copy_from_slice(hash.finish().as_ref());
        Ok(key)
    }

    const X25519_HEADER_BYTES: usize = 16; // RFC 8410 §7, PKCS #8 version 1

    impl AgreementCurve {
        fn ephemeral(self) -> &'static ring::agreement::Algorithm {
            match self {
                AgreementCurve::P256 => &ring::agreement::ECDH_P256,
                AgreementCurve::P384 => &ring::agreement::ECDH_P384,
                AgreementCurve::X25519 => &ring::agreement::X25519,
            }
        }

        fn algorithm(self) -> &'static agreement::Algorithm {
            match self {
                AgreementCurve::P256 => &agreement::ECDH_P256,
                AgreementCurve::P384 => &agreement::ECDH_P384,
                AgreementCurve::X25519 => &agreement::X25519,
            }
        }
    }
}

#[cfg(not(feature = "rsa"))]
mod engine {
    use super::*;

    pub(super) enum PrivateKey {}

    impl PrivateKey {
        pub(super) fn read(_: &PublicKey, _: &[u8]) -> Result<Self, MessageError> {
            Err(MessageError::NotInThisBuild)
        }

        pub(super) fn unwrap(&self, _: &KeyHeader, _: &[u8]) -> Result<ContentKey, Denial> {
            match *self {}
        }
    }

    pub(super) fn agree_and_wrap(
        _: AgreementCurve,
        _: &[u8],
        _: &ContentKey,
    ) -> Result<(Vec<u8>, Vec<u8>), MessageError> {
        Err(MessageError::NotInThisBuild)
    }

    pub(super) fn encrypt(_: &[u8], _: &ContentKey) -> Result<Vec<u8>, MessageError> {
        Err(MessageError::NotInThisBuild)
    }
}
