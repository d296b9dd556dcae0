//! What signs and records, without files: all that a server needs of an authority.

use time::OffsetDateTime;

use crate::error::{Error, InFile as _};
use crate::keys::Signer;
use crate::path::IssuerChain;
use crate::path::finding::{Finding, Severity};
use crate::pki::certificate::{Certificate, Issuer};
use crate::pki::crl_plan::{RevocationListPlan, RevokedEntries};
use crate::pki::fingerprint::Fingerprint;
use crate::pki::plan::IssuancePlan;
use crate::pki::serial::SerialNumber;
use crate::pki::{lint, pem};
use crate::store::{Entry, Inventory};

/// A CA that signs, and the inventory it records in.
pub struct Issuance {
    certificate: Certificate,
    signing: Signing,
    anchors: Vec<Certificate>,
    inventory: Option<Box<dyn Inventory>>,
    /// The other root of a rotation, where it was opened too.
    beside: Option<(Certificate, Signing)>,
}

/// The parts of an [`Issuance`].
pub struct Parts {
    /// The CA's certificate.
    pub certificate: Certificate,
    /// What signs.
    pub signing: Signing,
    /// The trust anchors that relying parties need.
    pub anchors: Vec<Certificate>,
    /// Where it records.
    pub inventory: Option<Box<dyn Inventory>>,
    /// The other root of a rotation, where it was opened too.
    pub beside: Option<(Certificate, Signing)>,
}

/// A CA that signs, and its certificate.
#[derive(Clone, Copy)]
pub struct Issuing<'a> {
    /// Its certificate.
    pub certificate: &'a Certificate,
    /// Its key.
    pub signing: &'a Signing,
}

/// A CA's key and the chain above it. Threads may share it.
pub struct Signing {
    /// What certificates take from their issuer.
    pub issuer: Issuer,
    /// SHA-256 of the issuer's certificate.
    pub fingerprint: Fingerprint,
    signer: Signer,
    /// The certificates from the issuer to its trust anchor, as far as they are known.
    path: Vec<Certificate>,
    /// What is served behind a leaf: the chain without the trust anchor.
    served: Vec<Certificate>,
}

impl Issuance {
    /// A CA with its key and the trust anchors of its chain; `inventory` is `None` where nothing is to be
    /// recorded.
    pub fn new(
        certificate: Certificate,
        signing: Signing,
        anchors: Vec<Certificate>,
        inventory: Option<Box<dyn Inventory>>,
    ) -> Self {
        Issuance {
            certificate,
            signing,
            anchors,
            inventory,
            beside: None,
        }
    }

    /// Records entries durably. Do this before anything is released.
    ///
    /// # Errors
    /// When the inventory cannot be written.
    pub fn record(&mut self, entries: &[Entry]) -> Result<(), Error> {
        match &mut self.inventory {
            Some(inventory) => Ok(inventory.record(entries)?),
            None => Ok(()),
        }
    }

    /// Its certificate.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// The trust anchors that relying parties need.
    pub fn anchors(&self) -> &[Certificate] {
        &self.anchors
    }

    /// What signs.
    pub fn signing(&self) -> &Signing {
        &self.signing
    }

    /// What certificates take from their issuer.
    pub fn issuer(&self) -> &Issuer {
        &self.signing.issuer
    }

    /// What was issued, where it is recorded.
    pub fn inventory(&self) -> Option<&dyn Inventory> {
        self.inventory.as_deref()
    }

    /// Every CA that signs revocation lists, its own first; and what records.
    pub fn issuing(&mut self) -> (Vec<Issuing<'_>>, Option<&mut Box<dyn Inventory>>) {
        let own = Issuing {
            certificate: &self.certificate,
            signing: &self.signing,
        };
        let beside = self.beside.as_ref().map(|(certificate, signing)| Issuing {
            certificate,
            signing,
        });
        let all = std::iter::once(own).chain(beside).collect();
        (all, self.inventory.as_mut())
    }

    /// What signs, for any number of threads, and what records, for one.
    pub fn split(&mut self) -> (&Signing, Option<&mut Box<dyn Inventory>>) {
        (&self.signing, self.inventory.as_mut())
    }

    /// The parts, to let several threads use them.
    pub fn into_parts(self) -> Parts {
        Parts {
            certificate: self.certificate,
            signing: self.signing,
            anchors: self.anchors,
            inventory: self.inventory,
            beside: self.beside,
        }
    }

    pub(super) fn set_inventory(&mut self, inventory: Option<Box<dyn Inventory>>) {
        self.inventory = inventory;
    }

    pub(super) fn set_beside(&mut self, beside: Option<(Certificate, Signing)>) {
        self.beside = beside;
    }
}

impl Signing {
    /// What signs for a root.
    ///
    /// # Errors
    /// When nothing can be issued under the certificate.
    pub fn of_root(certificate: &Certificate, signer: Signer) -> Result<Self, Error> {
        let issuer = Issuer::of(certificate).in_file(super::CERTIFICATE)?;
        Ok(Signing::new(certificate, issuer, signer))
    }

    /// What signs for a CA with this certificate, alone in its chain.
    pub(super) fn new(certificate: &Certificate, issuer: Issuer, signer: Signer) -> Self {
        Signing {
            issuer,
            fingerprint: Fingerprint::sha256(certificate.as_der()),
            signer,
            path: vec![certificate.clone()],
            served: Vec::new(),
        }
    }

    /// The same with what is served behind a leaf, and the trust anchors that its chain may end in.
    pub(super) fn with_chain(mut self, served: Vec<Certificate>, anchors: &[Certificate]) -> Self {
        let is_subordinate = self.path.iter().any(|own| !own.is_self_issued());
        if is_subordinate {
            let above = served.iter().filter(|above| !self.path.contains(above));
            let above: Vec<_> = above.cloned().collect();
            self.path.extend(above);
            let issuer = self.path.last().map(|last| last.issuer().clone());
            let mut anchors = anchors.iter();
            self.path.extend(
                anchors
                    .find(|anchor| Some(anchor.subject()) == issuer.as_ref())
                    .cloned(),
            );
        }
        self.served = served;
        self
    }

    /// The chain that certificates are judged under before they are signed: examined once for a batch.
    pub fn issuer_chain(&self, now: OffsetDateTime) -> IssuerChain<'_> {
        IssuerChain::new(&self.path, now)
    }

    /// Signs a certificate for this public key, a DER SubjectPublicKeyInfo: its DER.
    ///
    /// # Errors
    /// When the plan breaks a rule of ours, the certificate would not verify, or it cannot be encoded or
    /// signed.
    pub fn sign(
        &self,
        plan: &IssuancePlan,
        public_key_info: &[u8],
        serial: &SerialNumber,
        chain: &IssuerChain<'_>,
    ) -> Result<Vec<u8>, Error> {
        check(plan)?;
        let der = self.signer.certificate(plan, public_key_info, serial)?;
        judged(der, chain)
    }

    /// Certifies the key of another CA under its own name: the cross-certificate's DER
    /// ([RFC 4949](https://www.rfc-editor.org/rfc/rfc4949), "cross-certification").
    ///
    /// # Errors
    /// As [`Signing::sign`].
    pub fn cross_sign(
        &self,
        plan: &IssuancePlan,
        subject: &Issuer,
        serial: &SerialNumber,
        chain: &IssuerChain<'_>,
    ) -> Result<Vec<u8>, Error> {
        check(plan)?;
        let (key, identifier) = (&subject.public_key_info, &subject.key_identifier);
        let der = self
            .signer
            .cross_certificate(plan, key, identifier, serial)?;
        judged(der, chain)
    }

    /// Signs a revocation list: its DER.
    ///
    /// # Errors
    /// When it cannot be encoded or signed.
    pub fn sign_revocation_list(
        &self,
        plan: &RevocationListPlan,
        entries: RevokedEntries,
    ) -> Result<Vec<u8>, Error> {
        Ok(self.signer.revocation_list(plan, entries)?)
    }

    /// What is served behind a certificate: the chain without the trust anchor.
    pub fn chain(&self) -> &[Certificate] {
        &self.served
    }

    /// The key, for what is neither a certificate nor a revocation list.
    pub fn signer(&self) -> &Signer {
        &self.signer
    }

    /// The PEM that a server presents: a certificate, then the chain without the trust anchor.
    ///
    /// # Errors
    /// Never for what was read or signed.
    pub fn served(&self, certificate: &[u8]) -> Result<String, Error> {
        pem_of(std::iter::once(certificate).chain(self.served.iter().map(Certificate::as_der)))
    }
}

/// Signs a root certificate with its own key: its DER.
///
/// # Errors
/// When the plan breaks a rule of ours, or cannot be encoded or signed.
pub fn sign_root(
    signer: &Signer,
    plan: &IssuancePlan,
    serial: &SerialNumber,
) -> Result<Certificate, Error> {
    check(plan)?;
    let der = signer.certificate(plan, signer.public_key_info(), serial)?;
    read_back(der)
}

/// A certificate that was just signed, parsed.
///
/// # Errors
/// Never for what was signed here.
pub fn read_back(der: Vec<u8>) -> Result<Certificate, Error> {
    Certificate::from_der(der).in_file(super::CERTIFICATE)
}

/// Certificates as PEM, one after the other.
///
/// # Errors
/// Never for certificates that were read or signed.
pub fn pem_of(certificates: impl IntoIterator<Item: AsRef<[u8]>>) -> Result<String, Error> {
    let mut text = String::new();
    for certificate in certificates {
        text.push_str(&pem::encode("CERTIFICATE", certificate.as_ref())?);
    }
    Ok(text)
}

fn check(plan: &IssuancePlan) -> Result<(), Error> {
    let lints = lint::lint(plan);
    if lints.is_empty() {
        Ok(())
    } else {
        Err(Error::Lint(lints))
    }
}

/// The certificate, unless it would not verify under its chain. Such a one never leaves.
fn judged(der: Vec<u8>, chain: &IssuerChain<'_>) -> Result<Vec<u8>, Error> {
    let certificate = read_back(der)?;
    let mut findings = chain.judge(&certificate).into_iter();
    match findings.find(|finding| finding.severity == Severity::Error) {
        Some(finding) => Err(unverifiable(&finding)),
        None => Ok(certificate.into_der()),
    }
}

fn unverifiable(finding: &Finding) -> Error {
    let evidence = finding.evidence.as_ref();
    let evidence = evidence.map_or_else(String::new, |evidence| format!(" ({evidence})"));
    Error::Unverifiable {
        rule: finding.id,
        message: format!("{}{evidence}", finding.message),
        hint: finding.hint.clone(),
    }
}
