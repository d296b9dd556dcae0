//! What a server issued, checked: the certificate is for our key, and its chain ends in a trust anchor.

use time::OffsetDateTime;

use crate::authority;
use crate::error::Error;
use crate::net::est::EstError;
use crate::path::is_signed_by;
use crate::pki::certificate::Certificate;
use crate::pki::fingerprint::Fingerprint;

/// A certificate, what is presented behind it, and the trust anchors.
#[derive(Debug)]
pub(super) struct Chain {
    pub(super) certificate: Certificate,
    pub(super) intermediates: Vec<Certificate>,
    pub(super) anchors: Vec<Certificate>,
}

impl Chain {
    /// From the answers of a server to `simpleenroll` and `cacerts`.
    ///
    /// # Errors
    /// When the certificate is for another key, is not valid now, or its issuer is not among the others.
    pub(super) fn new(
        certificate: Certificate,
        certificates: Vec<Certificate>,
        public_key_info: &[u8],
        now: OffsetDateTime,
    ) -> Result<Self, Error> {
        let wrong = |what: &str| EstError::Malformed {
            url: "EST".into(),
            what: what.into(),
        };
        let (anchors, intermediates): (Vec<_>, Vec<_>) = certificates
            .into_iter()
            .partition(Certificate::is_self_issued);
        if certificate.public_key_info() != public_key_info {
            return Err(wrong("the certificate is for another key").into());
        }
        if now < certificate.not_before() || certificate.not_after() < now {
            return Err(
                wrong("the certificate is not valid now: correct this machine's clock").into(),
            );
        }
        let chain = Chain {
            certificate,
            intermediates,
            anchors,
        };
        if !chain.reaches_anchor() {
            return Err(
                wrong("the issuer of the certificate is not among the CA certificates").into(),
            );
        }
        Ok(chain)
    }

    fn reaches_anchor(&self) -> bool {
        let mut at = &self.certificate;
        for _ in 0..=self.intermediates.len() {
            let issued =
                |issuer: &&Certificate| issuer.subject() == at.issuer() && is_signed_by(at, issuer);
            if self.anchors.iter().any(|anchor| issued(&anchor)) {
                return true;
            }
            match self.intermediates.iter().find(issued) {
                Some(issuer) => at = issuer,
                None => return false,
            }
        }
        false
    }

    /// What is presented, as PEM.
    pub(super) fn pem(&self) -> Result<String, Error> {
        let chain = std::iter::once(&self.certificate).chain(&self.intermediates);
        authority::pem_of(chain.map(Certificate::as_der))
    }

    /// SHA-256 of the certificate of the issuer.
    pub(super) fn issuer_fingerprint(&self) -> Fingerprint {
        let mut all = self.intermediates.iter().chain(&self.anchors);
        let issuer = all.find(|issuer| {
            issuer.subject() == self.certificate.issuer() && is_signed_by(&self.certificate, issuer)
        });
        Fingerprint::sha256(issuer.unwrap_or(&self.certificate).as_der())
    }
}
