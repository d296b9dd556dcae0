//! What answers for a CA whether its certificates are revoked: a delegated OCSP responder
//! ([RFC 6960 §4.2.2.2](https://www.rfc-editor.org/rfc/rfc6960#section-4.2.2.2)).
//!
//! Its key is generated for the process that answers and is never written. Its certificate is valid for a week, is
//! recorded like any other, and is replaced by a new one, with a new key, after half of that.

use std::collections::HashSet;

use time::OffsetDateTime;

use super::crl;
use crate::authority::{self, Issuing, Signing};
use crate::error::Error;
use crate::keys::{self, PrivateKey, Signer};
use crate::pki::algorithm::KeyType;
use crate::pki::certificate::Certificate;
use crate::pki::fingerprint::Fingerprint;
use crate::pki::name::{AttributeType, DistinguishedName};
use crate::pki::ocsp::{self, CertId, CertStatus, IssuerHashes, ResponsePlan};
use crate::pki::plan::IssuancePlan;
use crate::pki::serial::SerialNumber;
use crate::pki::usage::OCSP_SIGNING;
use crate::pki::validity::{Lifetime, Validity};
use crate::store::{Entry, Inventory, Revocation};

/// A responder for one CA: its key, its certificate, and which certificates it answers about.
pub struct Responder {
    issuer: IssuerHashes,
    /// Every certificate this CA has had with the same name and key.
    authorities: HashSet<Fingerprint>,
    /// The one of the CA that issued the responder's.
    authority: Fingerprint,
    certificate: Certificate,
    key_hash: Vec<u8>,
    signer: Signer,
}

impl Responder {
    /// Issues and records the certificate of a new responder, in the place of an older one of the same CA.
    ///
    /// # Errors
    /// When nothing can be issued under the CA's certificate, or the inventory cannot be written.
    pub fn issue(
        issuing: &Issuing<'_>,
        inventory: &mut dyn Inventory,
        replaces: Option<&Responder>,
        now: OffsetDateTime,
    ) -> Result<Self, Error> {
        let signing = issuing.signing;
        // P-256 whatever the CA's key: each answer is a signature.
        let key = PrivateKey::generate(KeyType::P256)?;
        let validity = Validity::starting(now, LIFETIME)?.within(signing.issuer.validity)?;
        let subject = DistinguishedName::build(&[(AttributeType::CommonName, NAME)])?;
        let plan = IssuancePlan {
            extended_key_usages: vec![OCSP_SIGNING],
            no_check: true,
            ..IssuancePlan::end_entity(subject, &signing.issuer, validity)
        };
        let serial = keys::random_serial()?;
        let chain = signing.issuer_chain(now);
        let der = signing.sign(&plan, key.public_key_info(), &serial, &chain)?;
        let certificate = authority::read_back(der)?;
        let issuer_of = |certificate: &Certificate, info: &[u8]| {
            IssuerHashes::of(certificate.subject(), info).map_err(Error::PublicKey)
        };
        let issuer = issuer_of(issuing.certificate, issuing.certificate.public_key_info())?;
        let own = issuer_of(&certificate, key.public_key_info())?;
        let responder = Responder {
            issuer,
            authorities: crl::fingerprints(issuing.certificate, inventory)?,
            authority: signing.fingerprint.clone(),
            key_hash: own.sha1_of_key().to_vec(),
            signer: key.signer()?,
            certificate,
        };
        inventory.record(&[Entry {
            profile: PROFILE.into(),
            requested_by: super::requested_by(),
            replaces: replaces.map(|old| old.certificate.serial().clone()),
            ..Entry::of(&responder.certificate, signing.fingerprint.clone(), now)?
        }])?;
        Ok(responder)
    }

    /// Whether it is time for a new one: half of its lifetime has passed.
    pub fn is_due(&self, now: OffsetDateTime) -> bool {
        let (start, end) = (self.certificate.not_before(), self.certificate.not_after());
        now - start >= (end - start) / 2
    }

    /// SHA-256 of the certificate of the CA it answers for.
    pub fn authority(&self) -> &Fingerprint {
        &self.authority
    }

    /// Whether it answers for this CA.
    pub fn is_of(&self, signing: &Signing) -> bool {
        self.authority == signing.fingerprint
    }

    /// Whether an entry is of a certificate of its CA.
    pub fn has_issued(&self, entry: &Entry) -> bool {
        self.authorities.contains(&entry.issuer_fingerprint)
    }

    /// Its certificate.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// The CA it answers for, as CertIDs name it.
    pub fn issuer(&self) -> &IssuerHashes {
        &self.issuer
    }

    /// The status of a certificate of its CA, as the inventory has it now.
    ///
    /// # Errors
    /// When the inventory cannot be read.
    pub fn status(
        &self,
        serial: &SerialNumber,
        inventory: &dyn Inventory,
    ) -> Result<CertStatus, Error> {
        if serial.is_negative() || serial.is_zero() {
            return Ok(CertStatus::Unknown);
        }
        if let Some(entry) = inventory.find(serial)? {
            return Ok(match entry.revocation {
                _ if !self.has_issued(&entry) => CertStatus::Unknown,
                Some(revocation) => revoked(revocation),
                None => CertStatus::Good,
            });
        }
        let carried_over = inventory.find_carried_over(serial)?;
        let ours = carried_over.filter(|one| self.authorities.contains(&one.issuer_fingerprint));
        Ok(ours.map_or(CertStatus::Unknown, |one| revoked(one.revocation)))
    }

    /// When an answer given now is to be replaced at the latest.
    pub fn next_update(
        &self,
        status: CertStatus,
        lifetime: Lifetime,
        now: OffsetDateTime,
    ) -> OffsetDateTime {
        let lifetime = match status {
            CertStatus::Good | CertStatus::Revoked { .. } => lifetime.duration(),
            // It may be issued in the next moment.
            CertStatus::Unknown => UNKNOWN_LIFETIME,
        };
        (crl::whole_seconds(now) + lifetime).min(self.certificate.not_after())
    }

    /// The SHA-1 of its key, which names it in its answers.
    pub fn key_hash(&self) -> &[u8] {
        &self.key_hash
    }

    /// The signature of an answer.
    ///
    /// # Errors
    /// When the system gives no randomness.
    pub fn sign(&self, plan: &ResponsePlan<'_>) -> Result<Vec<u8>, Error> {
        Ok(self.signer.sign(&plan.to_be_signed())?)
    }

    /// The DER of an answer and its signature, with the responder's certificate.
    pub fn response(&self, plan: &ResponsePlan<'_>, signature: &[u8]) -> Vec<u8> {
        let to_be_signed = plan.to_be_signed();
        let certificate = self.certificate.as_der();
        ocsp::response(
            &to_be_signed,
            self.signer.algorithm(),
            signature,
            certificate,
        )
    }

    /// Whether a CertID is of a certificate of its CA.
    pub fn answers_for(&self, id: &CertId<'_>) -> bool {
        self.issuer.matches(id)
    }
}

impl std::fmt::Debug for Responder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Responder({})", self.certificate.issuer())
    }
}

fn revoked(revocation: Revocation) -> CertStatus {
    CertStatus::Revoked {
        at: revocation.at,
        reason: revocation.reason,
    }
}

/// The profile in the entries of responders.
pub const PROFILE: &str = "ocsp-responder";

/// How long an answer about a certificate that was never issued may be used.
pub const UNKNOWN_LIFETIME: time::Duration = time::Duration::seconds(60);

const NAME: &str = "OCSP responder";
const LIFETIME: Lifetime = match Lifetime::from_days(7) {
    Some(lifetime) => lifetime,
    None => unreachable!(),
};

#[cfg(test)]
mod tests {
    use time::Duration;

    use super::*;
    use crate::ops::managed::tests::{NOW, authority_at, issue, make_authority};
    use crate::pki::crl::RevocationReason;
    use crate::pki::ocsp::{HashAlgorithm, SingleResponse};

    #[test]
    fn a_responder_is_recorded_and_replaced_after_half_of_a_week() {
        let directory = tempfile::tempdir().unwrap();
        make_authority(directory.path());
        let mut authority = authority_at(directory.path()).open_all(NOW).unwrap();
        let (issuing, inventory) = authority.issuing();
        let inventory = inventory.unwrap();
        let first = Responder::issue(&issuing[0], inventory.as_mut(), None, NOW).unwrap();
        assert!(!first.is_due(NOW + Duration::days(3)));
        assert!(first.is_due(NOW + Duration::days(4)));
        let later = NOW + Duration::days(4);
        Responder::issue(&issuing[0], inventory.as_mut(), Some(&first), later).unwrap();
        let entry = inventory.find(first.certificate.serial()).unwrap().unwrap();
        assert_eq!(entry.profile, PROFILE);
        assert!(entry.superseded_by.is_some());
    }

    #[test]
    fn the_status_is_that_of_the_inventory_and_of_this_ca_only() {
        let directory = tempfile::tempdir().unwrap();
        let [own, other] = ["own", "other"].map(|name| directory.path().join(name));
        make_authority(&own);
        make_authority(&other);
        issue(&own, "a", &own, "90d");
        let mut authority = authority_at(&own).open_all(NOW).unwrap();
        let (issuing, inventory) = authority.issuing();
        let inventory = inventory.unwrap();
        let responder = Responder::issue(&issuing[0], inventory.as_mut(), None, NOW).unwrap();
        let issued = inventory.find_by_name("a.test", NOW).unwrap().remove(0);
        let status = |serial, inventory: &dyn Inventory| {
            let status = responder.status(serial, inventory).unwrap();
            (responder.next_update(status, Lifetime::SECOND, NOW), status)
        };
        let (_, good) = status(&issued.serial, inventory.as_ref());
        assert_eq!(good, CertStatus::Good);
        let never = SerialNumber::from_random([9; 16]);
        let expected = (NOW + UNKNOWN_LIFETIME, CertStatus::Unknown);
        assert_eq!(status(&never, inventory.as_ref()), expected);
        let reason = RevocationReason::Superseded;
        let revocation = Revocation {
            at: NOW,
            reason,
            invalidity_date: None,
        };
        inventory.revoke(&issued.serial, revocation).unwrap();
        let (_, revoked) = status(&issued.serial, inventory.as_ref());
        assert_eq!(revoked, CertStatus::Revoked { at: NOW, reason });
        let mut other = authority_at(&other).open_all(NOW).unwrap();
        let (issuing, others) = other.issuing();
        let other = Responder::issue(&issuing[0], others.unwrap().as_mut(), None, NOW).unwrap();
        let foreign = other.status(&issued.serial, inventory.as_ref()).unwrap();
        assert_eq!(foreign, CertStatus::Unknown);
    }

    #[test]
    fn an_answer_contains_the_status_and_the_certificate_of_who_signed_it() {
        let directory = tempfile::tempdir().unwrap();
        make_authority(directory.path());
        let mut authority = authority_at(directory.path()).open_all(NOW).unwrap();
        let (issuing, inventory) = authority.issuing();
        let responder =
            Responder::issue(&issuing[0], inventory.unwrap().as_mut(), None, NOW).unwrap();
        let serial = SerialNumber::from_random([5; 16]);
        let id = responder
            .issuer()
            .cert_id(HashAlgorithm::Sha1, true, &serial);
        assert!(responder.answers_for(&CertId::from_der(&id).unwrap()));
        let single = SingleResponse {
            certificate: &id,
            status: CertStatus::Good,
            this_update: NOW,
            next_update: NOW + Duration::HOUR,
        };
        let plan = ResponsePlan {
            responder: responder.key_hash(),
            produced_at: NOW,
            responses: &[single],
            nonce: Some(&[7; 16]),
        };
        let der = responder.response(&plan, &responder.sign(&plan).unwrap());
        let contains = |part: &[u8]| der.windows(part.len()).any(|window| window == part);
        assert!(contains(&id) && contains(&[7; 16]));
        assert!(contains(responder.certificate().as_der()));
    }
}
