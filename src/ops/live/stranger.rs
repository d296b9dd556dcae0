//! A client nobody knows.

use time::OffsetDateTime;

use crate::error::Error;
use crate::keys::{PrivateKey, random_serial};
use crate::net::Identity;
use crate::pki::algorithm::KeyType;
use crate::pki::certificate::Certificate;
use crate::pki::name::{AttributeType, DistinguishedName};
use crate::pki::plan::{BasicConstraints, IssuancePlan, KeyUsage};
use crate::pki::subtree::NameConstraints;
use crate::pki::usage::CLIENT_AUTH;
use crate::pki::validity::{Lifetime, Validity};

/// A self-signed client certificate that is made for this moment and never kept: a server that
/// takes it takes anyone.
pub(super) fn identity(now: OffsetDateTime) -> Result<Identity, Error> {
    let key = PrivateKey::generate(KeyType::P256)?;
    let signer = key.signer()?;
    let subject = DistinguishedName::build(&[(AttributeType::CommonName, COMMON_NAME)])?;
    let plan = IssuancePlan {
        issuer: subject.clone(),
        subject,
        validity: Validity::starting(now, LIFETIME)?,
        subject_alt_names: Vec::new(),
        basic_constraints: BasicConstraints::EndEntity,
        key_usage: KeyUsage::EndEntity,
        extended_key_usages: vec![CLIENT_AUTH],
        authority_key_identifier: None,
        name_constraints: NameConstraints::default(),
        crl_distribution_points: Vec::new(),
        ca_issuers: Vec::new(),
        ocsp: Vec::new(),
        certificate_policies: Vec::new(),
    };
    let der = signer.certificate(&plan, key.public_key_info(), &random_serial()?)?;
    let certificate =
        Certificate::from_der(der).unwrap_or_else(|_| unreachable!("what we sign can be read"));
    Ok(Identity::new(&[certificate], key.pkcs8())?)
}

const COMMON_NAME: &str = "openagents-certs probe";
const LIFETIME: Lifetime = match Lifetime::from_days(1) {
    Some(lifetime) => lifetime,
    None => unreachable!(),
};
