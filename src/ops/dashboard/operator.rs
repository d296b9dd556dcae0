//! Client certificates that have a role.

use time::OffsetDateTime;

use crate::config::{Operators, Role};
use crate::error::Error;
use crate::ops::enrollment;
use crate::pki::certificate::Certificate;
use crate::pki::fingerprint::Fingerprint;
use crate::pki::name::AttributeType;
use crate::pki::san::SubjectAltName;
use crate::pki::serial::SerialNumber;
use crate::pki::usage::CLIENT_AUTH;
use crate::store::Inventory;

/// Who comes with a client certificate that has a role.
#[derive(Clone, Debug)]
pub struct Operator {
    /// The certificate's first name.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// The certificate's serial number.
    pub serial: SerialNumber,
}

impl Operator {
    /// The operator with this certificate, whose key was proved. Nobody if `[serve.operators]` does not name it, or if
    /// it is not recorded, not in date, revoked, retired, or not for clients.
    ///
    /// # Errors
    /// When the inventory cannot be read.
    pub fn find(
        certificate: &Certificate,
        operators: &Operators,
        inventory: &dyn Inventory,
        now: OffsetDateTime,
    ) -> Result<Option<Self>, Error> {
        let usages = certificate.extended_key_usages().ok().flatten();
        if !usages.is_some_and(|usages| usages.iter().any(|usage| *usage == CLIENT_AUTH)) {
            return Ok(None);
        }
        let fingerprint = Fingerprint::sha256(certificate.as_der());
        let entry = inventory.find(certificate.serial())?;
        let Some(entry) = entry.filter(|entry| entry.fingerprint == fingerprint) else {
            return Ok(None);
        };
        if now < entry.validity.not_before() || enrollment::refusal(&entry, None, now).is_some() {
            return Ok(None);
        }
        let common_names = entry.subject.values(AttributeType::CommonName);
        let common_names = common_names.iter().filter_map(|name| name.parse().ok());
        let names: Vec<SubjectAltName> = entry.names.iter().cloned().chain(common_names).collect();
        let Some(role) = operators.role(&names) else {
            return Ok(None);
        };
        let name = names.first().map(|name| name.value().into_owned());
        Ok(Some(Operator {
            name: name.unwrap_or_default(),
            role,
            serial: entry.serial,
        }))
    }
}
