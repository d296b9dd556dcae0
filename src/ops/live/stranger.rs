//! A client that no server knows.

use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair};
use time::{Duration, OffsetDateTime};

use crate::error::Error;
use crate::net::{Identity, IdentityError};
use crate::pki::certificate::Certificate;

/// A self-signed client certificate that is never stored: a server that accepts it accepts anyone.
pub(super) fn identity(now: OffsetDateTime) -> Result<Identity, Error> {
    let unusable = |source| IdentityError::Stranger { source };
    let mut params = CertificateParams::default();
    params
        .distinguished_name
        .push(DnType::CommonName, COMMON_NAME);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params.not_before = now - Duration::minutes(5);
    params.not_after = now + Duration::days(1);
    let key = KeyPair::generate().map_err(unusable)?;
    let certificate = params.self_signed(&key).map_err(unusable)?;
    let certificate = Certificate::from_der(certificate.der().to_vec())
        .unwrap_or_else(|_| unreachable!("rcgen issues certificates that can be parsed"));
    Ok(Identity::new(&[certificate], &key.serialize_der())?)
}

const COMMON_NAME: &str = "openagents-certs probe";
