//! Signing with a private key.

use std::fmt;

use der::Decode as _;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair,
    EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
};

use super::KeyError;
use crate::pki::algorithm::{
    ID_EC_PUBLIC_KEY, ID_ED25519, ID_X25519, RSA_ENCRYPTION, SECP256R1, SECP384R1,
    SignatureAlgorithm,
};
use crate::pki::encoding::{bit_string, sequence};

/// A private key that is ready to sign, and its public half.
pub struct Signer {
    pair: Pair,
    public_key_info: Vec<u8>,
}

enum Pair {
    Ecdsa(EcdsaKeyPair, SignatureAlgorithm),
    Ed25519(Ed25519KeyPair),
    Rsa(RsaKeyPair),
}

impl Signer {
    /// Reads an unencrypted PKCS #8 key.
    ///
    /// # Errors
    /// If it is not a such key, its halves do not fit, or it is of a type we do not sign with.
    pub fn from_pkcs8(pkcs8: &[u8]) -> Result<Self, KeyError> {
        super::forbid_core_dumps();
        let signer = Self::read(pkcs8);
        super::scrub_stack();
        signer
    }

    #[inline(never)]
    fn read(pkcs8: &[u8]) -> Result<Self, KeyError> {
        let info =
            ::pkcs8::PrivateKeyInfoRef::from_der(pkcs8).map_err(|_| KeyError::Unsupported)?;
        let refused = |e: ring::error::KeyRejected| KeyError::Refused(e.to_string());
        let ecdsa = |algorithm: &'static EcdsaSigningAlgorithm| {
            EcdsaKeyPair::from_pkcs8(algorithm, pkcs8, &SystemRandom::new()).map_err(refused)
        };
        let algorithm = info.algorithm.oid;
        let pair = if algorithm == ID_EC_PUBLIC_KEY {
            match info.algorithm.parameters_oid() {
                Ok(SECP256R1) => Pair::Ecdsa(
                    ecdsa(&ECDSA_P256_SHA256_ASN1_SIGNING)?,
                    SignatureAlgorithm::EcdsaWithSha256,
                ),
                Ok(SECP384R1) => Pair::Ecdsa(
                    ecdsa(&ECDSA_P384_SHA384_ASN1_SIGNING)?,
                    SignatureAlgorithm::EcdsaWithSha384,
                ),
                Ok(_) | Err(_) => return Err(KeyError::Unsupported),
            }
        } else if algorithm == ID_ED25519 {
            Pair::Ed25519(Ed25519KeyPair::from_pkcs8_maybe_unchecked(pkcs8).map_err(refused)?)
        } else if algorithm == ID_X25519 {
            return Err(KeyError::CannotSign);
        } else if algorithm == RSA_ENCRYPTION {
            Pair::Rsa(RsaKeyPair::from_pkcs8(pkcs8).map_err(refused)?)
        } else {
            return Err(KeyError::Unsupported);
        };
        let public_key_info = public_key_info(&pair, info.algorithm)?;
        Ok(Signer {
            pair,
            public_key_info,
        })
    }

    /// The algorithm it signs with.
    pub fn algorithm(&self) -> SignatureAlgorithm {
        match &self.pair {
            Pair::Ecdsa(_, algorithm) => *algorithm,
            Pair::Ed25519(_) => SignatureAlgorithm::Ed25519,
            Pair::Rsa(_) => SignatureAlgorithm::RsaWithSha256,
        }
    }

    /// The public half as a DER SubjectPublicKeyInfo.
    pub fn public_key_info(&self) -> &[u8] {
        &self.public_key_info
    }

    /// The signature over `message`, as a certificate's signatureValue holds it.
    ///
    /// # Errors
    /// If the system gives no randomness.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let random = SystemRandom::new();
        let failed = |ring::error::Unspecified| KeyError::Randomness;
        match &self.pair {
            Pair::Ecdsa(pair, _) => Ok(pair
                .sign(&random, message)
                .map_err(failed)?
                .as_ref()
                .to_vec()),
            Pair::Ed25519(pair) => Ok(pair.sign(message).as_ref().to_vec()),
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature)
                    .map_err(failed)?;
                Ok(signature)
            }
        }
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signer(..)")
    }
}

fn public_key_info(
    pair: &Pair,
    algorithm: ::pkcs8::AlgorithmIdentifierRef<'_>,
) -> Result<Vec<u8>, KeyError> {
    use der::Encode as _;
    let key = match pair {
        Pair::Ecdsa(pair, _) => pair.public_key().as_ref(),
        Pair::Ed25519(pair) => pair.public_key().as_ref(),
        Pair::Rsa(pair) => pair.public_key().as_ref(),
    };
    let algorithm = algorithm
        .to_der()
        .map_err(|source| KeyError::Encoding { source })?;
    Ok(sequence(&[&algorithm, &bit_string(key)]))
}

#[cfg(test)]
mod tests {
    use crate::keys::PrivateKey;
    use crate::pki::algorithm::KeyType;

    #[test]
    fn a_generated_key_signs_and_has_the_public_half_it_says() {
        for key_type in [KeyType::P256, KeyType::P384, KeyType::Ed25519] {
            let key = PrivateKey::generate(key_type).unwrap();
            let signer = key.signer().unwrap();
            assert_eq!(signer.public_key_info(), key.public_key_info());
            assert_eq!(Some(signer.algorithm()), key_type.signature_algorithm());
            assert!(!signer.sign(b"message").unwrap().is_empty());
        }
    }

    #[cfg(feature = "rsa")]
    #[test]
    fn an_x25519_key_does_not_sign() {
        let key = PrivateKey::generate(KeyType::X25519).unwrap();
        assert!(matches!(key.signer(), Err(super::KeyError::CannotSign)));
    }
}
