//! A client that no server knows.

use time::{Duration, OffsetDateTime};

use crate::authority::read_back;
use crate::error::Error;
use crate::keys::{self, PrivateKey};
use crate::net::Identity;
use crate::pki::algorithm::KeyType;
use crate::pki::extension::NameConstraints;
use crate::pki::issuer::Issuer;
use crate::pki::name::{AttributeType, DistinguishedName};
use crate::pki::plan::IssuancePlan;
use crate::pki::usage::CLIENT_AUTH;
use crate::pki::validity::Validity;

/// A self-signed client certificate that is never stored: a server that accepts it accepts anyone.
pub(super) fn identity(now: OffsetDateTime) -> Result<Identity, Error> {
    let key = PrivateKey::generate(KeyType::P256)?;
    let signer = key.signer()?;
    let subject = DistinguishedName::build(&[(AttributeType::CommonName, COMMON_NAME)])?;
    let issuer = Issuer {
        subject: subject.clone(),
        key_identifier: Vec::new(),
        validity: Validity::between(now - Duration::minutes(5), now + Duration::days(1))?,
        is_ca: false,
        path_length: None,
        name_constraints: NameConstraints::default(),
        public_key_info: Vec::new(),
    };
    let mut plan = IssuancePlan::end_entity(subject, &issuer, issuer.validity);
    plan.extended_key_usages = vec![CLIENT_AUTH.into()];
    plan.authority_key_identifier = None;
    let serial = keys::random_serial()?;
    let der = signer.certificate(&plan, signer.public_key_info(), &serial)?;
    Ok(Identity::new(&[read_back(der)?], key.pkcs8())?)
}

const COMMON_NAME: &str = "openagents-certs probe";
