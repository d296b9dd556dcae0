//! Signing with a private key.

use std::fmt;

use der::Decode as _;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P256_SHA256_FIXED_SIGNING,
    ECDSA_P384_SHA384_ASN1_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair,
    EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaEncoding, RsaKeyPair,
};

use super::KeyError;
use crate::pki::algorithm::{
    ID_EC_PUBLIC_KEY, ID_ED25519, ID_X25519, RSA_ENCRYPTION, SECP256R1, SECP384R1,
    SignatureAlgorithm,
};
use crate::pki::crl_plan::{RevocationListPlan, RevokedEntries};
use crate::pki::element::ElementError;
use crate::pki::encoding::{bit_string, sequence};
use crate::pki::plan::{self, CsrPlan, IssuancePlan};
use crate::pki::read_back::{self, Expected, ReadBackError};
use crate::pki::serial::SerialNumber;

/// A private key that is ready to sign, and its public half.
pub struct Signer {
    pair: RingPair,
    public_key_info: Vec<u8>,
}

enum RingPair {
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
        Self::with_form(pkcs8, EcdsaForm::Der)
    }

    /// Reads an unencrypted PKCS #8 key, whose ECDSA signatures will have this form.
    ///
    /// # Errors
    /// As [`Signer::from_pkcs8`].
    pub fn with_form(pkcs8: &[u8], form: EcdsaForm) -> Result<Self, KeyError> {
        super::forbid_core_dumps();
        let signer = Self::read(pkcs8, form);
        super::scrub_stack();
        signer
    }

    #[inline(never)]
    fn read(pkcs8: &[u8], form: EcdsaForm) -> Result<Self, KeyError> {
        let info =
            ::pkcs8::PrivateKeyInfoRef::from_der(pkcs8).map_err(|_| KeyError::Unsupported)?;
        let refused = |e: ring::error::KeyRejected| KeyError::Refused(e.to_string());
        let ecdsa = |algorithm: &'static EcdsaSigningAlgorithm| {
            EcdsaKeyPair::from_pkcs8(algorithm, pkcs8, &SystemRandom::new()).map_err(refused)
        };
        let algorithm = info.algorithm.oid;
        let pair = if algorithm == ID_EC_PUBLIC_KEY {
            match info.algorithm.parameters_oid() {
                Ok(SECP256R1) => {
                    let pair = ecdsa(match form {
                        EcdsaForm::Der => &ECDSA_P256_SHA256_ASN1_SIGNING,
                        EcdsaForm::Fixed => &ECDSA_P256_SHA256_FIXED_SIGNING,
                    })?;
                    RingPair::Ecdsa(pair, SignatureAlgorithm::EcdsaWithSha256)
                }
                Ok(SECP384R1) => {
                    let pair = ecdsa(match form {
                        EcdsaForm::Der => &ECDSA_P384_SHA384_ASN1_SIGNING,
                        EcdsaForm::Fixed => &ECDSA_P384_SHA384_FIXED_SIGNING,
                    })?;
                    RingPair::Ecdsa(pair, SignatureAlgorithm::EcdsaWithSha384)
                }
                Ok(_) | Err(_) => return Err(KeyError::Unsupported),
            }
        } else if algorithm == ID_ED25519 {
            RingPair::Ed25519(Ed25519KeyPair::from_pkcs8_maybe_unchecked(pkcs8).map_err(refused)?)
        } else if algorithm == ID_X25519 {
            return Err(KeyError::CannotSign);
        } else if algorithm == RSA_ENCRYPTION {
            RingPair::Rsa(RsaKeyPair::from_pkcs8(pkcs8).map_err(refused)?)
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
            RingPair::Ecdsa(_, algorithm) => *algorithm,
            RingPair::Ed25519(_) => SignatureAlgorithm::Ed25519,
            RingPair::Rsa(_) => SignatureAlgorithm::RsaWithSha256,
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
        self.sign_with(&RSA_PKCS1_SHA256, message)
    }

    /// The signature over `message`, with this padding and hash if it is an RSA key.
    ///
    /// # Errors
    /// As [`Signer::sign`].
    pub fn sign_with(
        &self,
        rsa: &'static dyn RsaEncoding,
        message: &[u8],
    ) -> Result<Vec<u8>, KeyError> {
        let random = SystemRandom::new();
        let failed = |ring::error::Unspecified| KeyError::Randomness;
        match &self.pair {
            RingPair::Ecdsa(pair, _) => Ok(pair
                .sign(&random, message)
                .map_err(failed)?
                .as_ref()
                .to_vec()),
            RingPair::Ed25519(pair) => Ok(pair.sign(message).as_ref().to_vec()),
            RingPair::Rsa(pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(rsa, &random, message, &mut signature)
                    .map_err(failed)?;
                Ok(signature)
            }
        }
    }
}

/// How ECDSA signatures are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EcdsaForm {
    /// As DER, as in certificates (RFC 3279 §2.2.3).
    Der,
    /// As two numbers of fixed length, as in JWS (RFC 7518 §3.4).
    Fixed,
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signer(..)")
    }
}

fn public_key_info(
    pair: &RingPair,
    algorithm: ::pkcs8::AlgorithmIdentifierRef<'_>,
) -> Result<Vec<u8>, KeyError> {
    use der::Encode as _;
    let key = match pair {
        RingPair::Ecdsa(pair, _) => pair.public_key().as_ref(),
        RingPair::Ed25519(pair) => pair.public_key().as_ref(),
        RingPair::Rsa(pair) => pair.public_key().as_ref(),
    };
    let algorithm = algorithm
        .to_der()
        .map_err(|source| KeyError::Encoding { source })?;
    Ok(sequence(&[&algorithm, &bit_string(key)]))
}

impl Signer {
    /// Signs a certificate for this public key (a DER SubjectPublicKeyInfo): its DER.
    ///
    /// Whether the plan follows the rules is for [`crate::pki::lint`] to say.
    ///
    /// # Errors
    /// If it cannot be encoded or signed, or differs from the plan when it is read back.
    pub fn certificate(
        &self,
        plan: &IssuancePlan,
        public_key_info: &[u8],
        serial: &SerialNumber,
    ) -> Result<Vec<u8>, SigningError> {
        self.certificate_with(plan, public_key_info, None, serial)
    }

    /// The same for a subject that already has a key identifier, as in a cross-certificate.
    ///
    /// # Errors
    /// As [`Signer::certificate`].
    pub fn cross_certificate(
        &self,
        plan: &IssuancePlan,
        public_key_info: &[u8],
        key_identifier: &[u8],
        serial: &SerialNumber,
    ) -> Result<Vec<u8>, SigningError> {
        self.certificate_with(plan, public_key_info, Some(key_identifier), serial)
    }

    /// Signs a revocation list: its DER.
    ///
    /// # Errors
    /// As [`Signer::certificate`].
    pub fn revocation_list(
        &self,
        plan: &RevocationListPlan,
        entries: RevokedEntries,
    ) -> Result<Vec<u8>, SigningError> {
        let algorithm = self.algorithm();
        let digest = entries.digest();
        let der = self.signed(&plan.to_be_signed(entries, algorithm))?;
        read_back::revocation_list(&der, plan, digest, self.public_key_info(), algorithm)?;
        Ok(der)
    }

    /// Signs a certificate signing request for its own public key: its DER.
    ///
    /// # Errors
    /// As [`Signer::certificate`].
    pub fn request(&self, plan: &CsrPlan) -> Result<Vec<u8>, SigningError> {
        let public_key_info = self.public_key_info();
        let der = self.signed(&plan.to_be_signed(public_key_info))?;
        read_back::request(&der, plan, public_key_info, self.algorithm())?;
        Ok(der)
    }

    fn certificate_with(
        &self,
        plan: &IssuancePlan,
        public_key_info: &[u8],
        key_identifier: Option<&[u8]>,
        serial: &SerialNumber,
    ) -> Result<Vec<u8>, SigningError> {
        let algorithm = self.algorithm();
        let to_be_signed = match key_identifier {
            None => plan.to_be_signed(public_key_info, serial, algorithm)?,
            Some(identifier) => {
                plan.to_be_signed_for(public_key_info, identifier, serial, algorithm)
            }
        };
        let der = self.signed(&to_be_signed)?;
        let expected = Expected {
            public_key_info,
            key_identifier,
            serial,
            issuer_public_key_info: self.public_key_info(),
            algorithm,
        };
        read_back::certificate(&der, plan, expected)?;
        Ok(der)
    }

    fn signed(&self, to_be_signed: &[u8]) -> Result<Vec<u8>, SigningError> {
        let signature = self.sign(to_be_signed)?;
        Ok(plan::signed(to_be_signed, self.algorithm(), &signature))
    }
}

/// Why nothing was signed.
#[derive(Debug, thiserror::Error)]
pub enum SigningError {
    /// The key does not sign.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The public key is malformed.
    #[error("the public key to certify is malformed")]
    PublicKey(#[from] ElementError),
    /// What was signed is not what was planned.
    #[error(transparent)]
    ReadBack(#[from] ReadBackError),
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

#[cfg(test)]
mod signing_tests {
    use const_oid::ObjectIdentifier;
    use time::macros::datetime;
    use time::{Duration, OffsetDateTime};

    use super::*;
    use crate::keys::PrivateKey;
    use crate::pki::algorithm::{KeyType, SignatureAlgorithm};
    use crate::pki::crl::RevocationReason;
    use crate::pki::general_name::{NameConstraints, Subtree};
    use crate::pki::name::{AttributeType, DistinguishedName};
    use crate::pki::plan::{BasicConstraints, KeyUsage};
    use crate::pki::usage::{CLIENT_AUTH, SERVER_AUTH};
    use crate::pki::validity::Validity;

    const NOW: OffsetDateTime = datetime!(2026-11-20 08:05:00 UTC);

    type Fault = fn(&mut IssuancePlan);
    type BoxedFault = Box<dyn Fn(&mut IssuancePlan)>;

    #[test]
    fn what_is_signed_with_any_key_is_what_was_planned() {
        for key_type in [KeyType::P256, KeyType::P384, KeyType::Ed25519] {
            let signer = signer(key_type);
            let issued = signer.certificate(&plan(), signer.public_key_info(), &serial(1));
            issued.unwrap();
            let issued = signer.certificate(&ca_plan(), signer.public_key_info(), &serial(0xff));
            issued.unwrap();
            signer.request(&request_plan()).unwrap();
            for count in [0, 1, 255] {
                signer
                    .revocation_list(&list_plan(), entries(count))
                    .unwrap();
            }
        }
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "one row per field")]
    fn a_certificate_that_differs_from_its_plan_in_any_field_is_not_released() {
        let signer = signer(KeyType::P256);
        let key = signer.public_key_info();
        let oid = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.99999.1");
        let name = || DistinguishedName::build(&[(AttributeType::CommonName, "Other")]).unwrap();
        let faults: [(&str, Fault); 16] = [
            ("extension", |p| p.no_check = true),
            ("notBefore", |p| p.validity = validity(1, 24)),
            ("notAfter", |p| p.validity = validity(0, 25)),
            ("subject alternative names", |p| {
                p.subject_alt_names[0] = "b.example".parse().unwrap();
            }),
            ("subject alternative names", |p| {
                p.subject_alt_names.swap(0, 1)
            }),
            ("subject alternative names", |p| {
                drop(p.subject_alt_names.pop())
            }),
            ("basic constraints", |p| {
                p.basic_constraints = BasicConstraints::Ca { path_length: None };
            }),
            ("key usage", |p| p.key_usage = KeyUsage::Ca),
            ("extended key usages", |p| {
                p.extended_key_usages = vec![CLIENT_AUTH]
            }),
            ("extended key usages", |p| {
                p.extended_key_usages.push(CLIENT_AUTH)
            }),
            ("extension", |p| p.extended_key_usages.clear()),
            ("authority key identifier", |p| {
                p.authority_key_identifier = Some(vec![8; 20]);
            }),
            ("CRL distribution points", |p| {
                p.crl_distribution_points = vec!["http://crl.example/b.crl".into()];
            }),
            ("authority information access", |p| {
                std::mem::swap(&mut p.ocsp, &mut p.ca_issuers);
            }),
            ("extension", |p| {
                p.ocsp.append(&mut p.crl_distribution_points)
            }),
            ("extension", |p| {
                p.name_constraints.permitted = vec![Subtree::dns("example").unwrap()];
            }),
        ];
        let named: [(&str, BoxedFault); 3] = [
            ("subject", Box::new(move |p| p.subject = name())),
            ("issuer", Box::new(move |p| p.issuer = name())),
            (
                "certificate policies",
                Box::new(move |p| p.certificate_policies = vec![oid]),
            ),
        ];
        let faults = faults.into_iter().map(|(field, fault)| {
            let fault: BoxedFault = Box::new(fault);
            (field, fault)
        });
        for (field, fault) in faults.chain(named) {
            let mut wrong = plan();
            fault(&mut wrong);
            let serial = serial(1);
            let der = signer.certificate(&wrong, key, &serial).unwrap();
            assert_eq!(
                differing(read_back::certificate(
                    &der,
                    &plan(),
                    expected(&signer, &serial)
                )),
                field
            );
        }
        let der = signer.certificate(&plan(), key, &serial(1)).unwrap();
        let other = serial(2);
        let result = read_back::certificate(&der, &plan(), expected(&signer, &other));
        assert_eq!(differing(result), "serial number");
        let other = self::signer(KeyType::P256);
        let serial = serial(1);
        let expected_key = Expected {
            public_key_info: other.public_key_info(),
            ..expected(&signer, &serial)
        };
        assert_eq!(
            differing(read_back::certificate(&der, &plan(), expected_key)),
            "public key"
        );
        let identifier = Expected {
            key_identifier: Some(&[9; 20]),
            ..expected(&signer, &serial)
        };
        assert_eq!(
            differing(read_back::certificate(&der, &plan(), identifier)),
            "subject key identifier"
        );
        let algorithm = Expected {
            algorithm: SignatureAlgorithm::Ed25519,
            ..expected(&signer, &serial)
        };
        assert_eq!(
            differing(read_back::certificate(&der, &plan(), algorithm)),
            "signature algorithm"
        );
        let issuer = Expected {
            issuer_public_key_info: other.public_key_info(),
            ..expected(&signer, &serial)
        };
        let result = read_back::certificate(&der, &plan(), issuer);
        assert!(matches!(result, Err(ReadBackError::Signature { .. })));
    }

    #[test]
    fn the_constraints_of_a_ca_are_read_back() {
        let signer = signer(KeyType::Ed25519);
        let serial = serial(1);
        let der = signer
            .certificate(&ca_plan(), signer.public_key_info(), &serial)
            .unwrap();
        let mut longer = ca_plan();
        longer.basic_constraints = BasicConstraints::Ca {
            path_length: Some(1),
        };
        let result = read_back::certificate(&der, &longer, expected(&signer, &serial));
        assert_eq!(differing(result), "basic constraints");
        for subtree in [
            Subtree::dns("b.example"),
            Subtree::uri("a.example"),
            Subtree::ip("10.0.0.0/9"),
        ] {
            for place in 0..2 {
                let mut other = ca_plan();
                let subtrees = [
                    &mut other.name_constraints.permitted,
                    &mut other.name_constraints.excluded,
                ];
                let [permitted, excluded] = subtrees;
                [permitted, excluded][place][0] = subtree.as_ref().unwrap().clone();
                let result = read_back::certificate(&der, &other, expected(&signer, &serial));
                assert_eq!(differing(result), "name constraints");
            }
        }
    }

    #[test]
    fn no_bit_of_a_certificate_a_request_or_a_list_can_change_unnoticed() {
        let signer = signer(KeyType::Ed25519);
        let (serial, key, algorithm) = (serial(1), signer.public_key_info(), signer.algorithm());
        let der = signer.certificate(&plan(), key, &serial).unwrap();
        each_flip(der, |der| {
            read_back::certificate(der, &plan(), expected(&signer, &serial))
        });
        let der = signer.request(&request_plan()).unwrap();
        each_flip(der, |der| {
            read_back::request(der, &request_plan(), key, algorithm)
        });
        let der = signer.revocation_list(&list_plan(), entries(3)).unwrap();
        each_flip(der, |der| {
            read_back::revocation_list(der, &list_plan(), entries(3).digest(), key, algorithm)
        });
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "one check per field")]
    fn a_list_that_differs_from_its_plan_is_not_released() {
        let signer = signer(KeyType::P256);
        let der = signer.revocation_list(&list_plan(), entries(3)).unwrap();
        let read = |plan: RevocationListPlan, entries: RevokedEntries| {
            let (key, algorithm) = (signer.public_key_info(), signer.algorithm());
            differing(read_back::revocation_list(
                &der,
                &plan,
                entries.digest(),
                key,
                algorithm,
            ))
        };
        let day = Duration::DAY;
        let plan = list_plan;
        assert_eq!(
            read(
                RevocationListPlan {
                    number: 8,
                    ..plan()
                },
                entries(3)
            ),
            "CRL number"
        );
        assert_eq!(
            read(
                RevocationListPlan {
                    this_update: NOW - day,
                    ..plan()
                },
                entries(3)
            ),
            "thisUpdate"
        );
        assert_eq!(
            read(
                RevocationListPlan {
                    next_update: NOW + day,
                    ..plan()
                },
                entries(3)
            ),
            "nextUpdate"
        );
        let authority_key_identifier = vec![8; 20];
        let other = RevocationListPlan {
            authority_key_identifier,
            ..plan()
        };
        assert_eq!(read(other, entries(3)), "authority key identifier");
        let other = RevocationListPlan {
            issuer: DistinguishedName::empty(),
            ..plan()
        };
        assert_eq!(read(other, entries(3)), "issuer");
        assert_eq!(read(plan(), entries(2)), "entries");
        for (other, at, reason, invalid) in [
            (4, NOW, RevocationReason::KeyCompromise, Some(NOW - day)),
            (
                0,
                NOW + day,
                RevocationReason::KeyCompromise,
                Some(NOW - day),
            ),
            (0, NOW, RevocationReason::Superseded, Some(NOW - day)),
            (0, NOW, RevocationReason::KeyCompromise, Some(NOW)),
            (0, NOW, RevocationReason::KeyCompromise, None),
        ] {
            let mut changed = RevokedEntries::default();
            changed.add(&serial(other), at, reason, invalid);
            let der = signer.revocation_list(&plan(), entries(1)).unwrap();
            let (key, algorithm) = (signer.public_key_info(), signer.algorithm());
            let result =
                read_back::revocation_list(&der, &plan(), changed.digest(), key, algorithm);
            assert_eq!(differing(result), "entries");
        }
    }

    #[test]
    fn a_request_that_differs_from_its_plan_is_not_released() {
        let signer = signer(KeyType::P384);
        let der = signer.request(&request_plan()).unwrap();
        let read = |plan: CsrPlan, key: &[u8]| {
            differing(read_back::request(&der, &plan, key, signer.algorithm()))
        };
        let key = signer.public_key_info();
        let plan = request_plan;
        let subject_alt_names = vec!["b.example".parse().unwrap()];
        assert_eq!(
            read(
                CsrPlan {
                    subject_alt_names,
                    ..plan()
                },
                key
            ),
            "subject alternative names"
        );
        assert_eq!(
            read(
                CsrPlan {
                    subject_alt_names: Vec::new(),
                    ..plan()
                },
                key
            ),
            "extension"
        );
        let subject = DistinguishedName::build(&[(AttributeType::CommonName, "b")]).unwrap();
        assert_eq!(read(CsrPlan { subject, ..plan() }, key), "subject");
        let basic_constraints = BasicConstraints::Ca {
            path_length: Some(0),
        };
        assert_eq!(
            read(
                CsrPlan {
                    basic_constraints,
                    ..plan()
                },
                key
            ),
            "basic constraints"
        );
        assert_eq!(
            read(plan(), self::signer(KeyType::P384).public_key_info()),
            "public key"
        );
    }

    fn each_flip(mut der: Vec<u8>, read_back: impl Fn(&[u8]) -> Result<(), ReadBackError>) {
        read_back(&der).unwrap();
        for at in 0..der.len() {
            for bit in 0..8 {
                der[at] ^= 1 << bit;
                assert!(read_back(&der).is_err(), "byte {at}, bit {bit}");
                der[at] ^= 1 << bit;
            }
        }
        der.push(0);
        assert!(read_back(&der).is_err());
    }

    fn differing(result: Result<(), ReadBackError>) -> &'static str {
        match result {
            Err(ReadBackError::Differs { field, .. }) => field,
            other => panic!("{other:?}"),
        }
    }

    fn expected<'a>(signer: &'a Signer, serial: &'a SerialNumber) -> Expected<'a> {
        Expected {
            public_key_info: signer.public_key_info(),
            key_identifier: None,
            serial,
            issuer_public_key_info: signer.public_key_info(),
            algorithm: signer.algorithm(),
        }
    }

    fn signer(key_type: KeyType) -> Signer {
        PrivateKey::generate(key_type).unwrap().signer().unwrap()
    }

    fn serial(first: u8) -> SerialNumber {
        SerialNumber::from_random([first; 16])
    }

    fn validity(from_hours: i64, to_hours: i64) -> Validity {
        Validity::between(
            NOW + Duration::hours(from_hours),
            NOW + Duration::hours(to_hours),
        )
        .unwrap()
    }

    fn plan() -> IssuancePlan {
        let name = |text| DistinguishedName::build(&[(AttributeType::CommonName, text)]).unwrap();
        let names = [
            "a.example",
            "10.0.0.1",
            "fd00::1",
            "uri:spiffe://td/a",
            "email:a@b.example",
        ];
        IssuancePlan {
            subject: name("a.example"),
            issuer: name("Root"),
            validity: validity(0, 24),
            subject_alt_names: names.map(|name| name.parse().unwrap()).into(),
            basic_constraints: BasicConstraints::EndEntity,
            key_usage: KeyUsage::EndEntity,
            extended_key_usages: vec![SERVER_AUTH],
            authority_key_identifier: Some(vec![7; 20]),
            name_constraints: NameConstraints::default(),
            crl_distribution_points: vec!["http://crl.example/a.crl".into()],
            ca_issuers: vec!["http://ca.example/a.crt".into()],
            ocsp: vec!["http://ocsp.example".into()],
            certificate_policies: vec![ObjectIdentifier::new_unwrap("2.23.140.1.2.1")],
            no_check: false,
        }
    }

    fn ca_plan() -> IssuancePlan {
        let subtrees = || {
            vec![
                Subtree::dns("a.example").unwrap(),
                Subtree::ip("10.0.0.0/12").unwrap(),
                Subtree::ip("fd00::/8").unwrap(),
                Subtree::uri(".a.example").unwrap(),
            ]
        };
        IssuancePlan {
            subject_alt_names: Vec::new(),
            basic_constraints: BasicConstraints::Ca {
                path_length: Some(0),
            },
            key_usage: KeyUsage::Ca,
            extended_key_usages: Vec::new(),
            authority_key_identifier: None,
            name_constraints: NameConstraints {
                permitted: subtrees(),
                excluded: subtrees(),
            },
            validity: Validity::between(NOW, datetime!(2055-01-01 0:00 UTC)).unwrap(),
            ..plan()
        }
    }

    fn request_plan() -> CsrPlan {
        CsrPlan {
            subject: plan().subject,
            subject_alt_names: plan().subject_alt_names,
            basic_constraints: BasicConstraints::Ca { path_length: None },
        }
    }

    fn list_plan() -> RevocationListPlan {
        RevocationListPlan {
            issuer: plan().issuer,
            authority_key_identifier: vec![7; 20],
            this_update: NOW,
            next_update: datetime!(2051-01-01 0:00 UTC),
            number: 7,
        }
    }

    fn entries(count: u8) -> RevokedEntries {
        let mut entries = RevokedEntries::default();
        for first in 0..count {
            let (reason, invalid) = match first % 2 {
                0 => (RevocationReason::KeyCompromise, Some(NOW - Duration::DAY)),
                _ => (RevocationReason::Unspecified, None),
            };
            entries.add(&serial(first), NOW, reason, invalid);
        }
        entries
    }
}
