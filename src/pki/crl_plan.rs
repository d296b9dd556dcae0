//! Revocation lists as they will be signed.

use ring::digest;
use time::OffsetDateTime;

use super::algorithm::SignatureAlgorithm;
use super::crl::RevocationReason;
use super::element::{ENUMERATED, INTEGER, context, context_constructed};
use super::encoding::{element, extension, generalized_time, sequence, time_der, unsigned_integer};
use super::extension as known;
use super::name::DistinguishedName;
use super::serial::SerialNumber;

/// Everything a revocation list will say but for its entries: of version 2, complete, for every
/// certificate of its issuer ([RFC 5280 §5](https://www.rfc-editor.org/rfc/rfc5280#section-5)).
///
/// The same plan and entries give the same bytes.
#[derive(Clone, Debug)]
pub struct RevocationListPlan {
    /// The issuer's subject, byte for byte.
    pub issuer: DistinguishedName,
    /// The issuer's subject key identifier.
    pub authority_key_identifier: Vec<u8>,
    /// If it is issued; whole seconds.
    pub this_update: OffsetDateTime,
    /// If the next one comes at the latest.
    pub next_update: OffsetDateTime,
    /// Its number, larger than that of every list before it.
    pub number: u64,
}

impl RevocationListPlan {
    /// The DER of the TBSCertList with these entries, to be signed with this algorithm.
    pub fn to_be_signed(&self, entries: RevokedEntries, algorithm: SignatureAlgorithm) -> Vec<u8> {
        let revoked = if entries.is_empty() {
            // Absent if nothing is revoked (RFC 5280 §5.1.2.6).
            Vec::new()
        } else {
            sequence(&[&entries.der])
        };
        drop(entries);
        let extensions = sequence(&[&self.extensions()]);
        sequence(&[
            &VERSION_2,
            algorithm.identifier_der(),
            self.issuer.as_der(),
            &time_der(self.this_update),
            &time_der(self.next_update),
            &revoked,
            &element(context_constructed(0), &[&extensions]),
        ])
    }

    fn extensions(&self) -> Vec<u8> {
        let authority = element(context(0), &[&self.authority_key_identifier]);
        let number = unsigned_integer(&self.number.to_be_bytes());
        [
            extension(
                known::AUTHORITY_KEY_IDENTIFIER,
                false,
                &sequence(&[&authority]),
            ),
            extension(known::CRL_NUMBER, false, &number),
        ]
        .concat()
    }
}

/// The entries of a revocation list, encoded one by one as they come.
#[derive(Default)]
pub struct RevokedEntries {
    der: Vec<u8>,
    digest: EntryDigest,
}

impl RevokedEntries {
    /// Adds a certificate that was revoked at this time for this reason, and that was not to be
    /// trusted since an earlier one ([RFC 5280 §5.3](https://www.rfc-editor.org/rfc/rfc5280#section-5.3)).
    pub fn add(
        &mut self,
        serial: &SerialNumber,
        revoked_at: OffsetDateTime,
        reason: RevocationReason,
        invalidity_date: Option<OffsetDateTime>,
    ) {
        let mut extensions = Vec::new();
        // "unspecified" is left out (§5.3.1).
        if reason != RevocationReason::Unspecified {
            let value = element(ENUMERATED, &[&[reason.code()]]);
            extensions.extend(extension(known::REASON_CODE, false, &value));
        }
        if let Some(time) = invalidity_date {
            let value = generalized_time(time);
            extensions.extend(extension(known::INVALIDITY_DATE, false, &value));
        }
        if !extensions.is_empty() {
            extensions = sequence(&[&extensions]);
        }
        let entry = sequence(&[&serial.to_der(), &time_der(revoked_at), &extensions]);
        self.der.extend(entry);
        self.digest
            .add(serial.minimal(), revoked_at, reason.code(), invalidity_date);
    }

    /// Their number.
    pub fn len(&self) -> usize {
        self.digest.count
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.digest.count == 0
    }

    /// What the entries say, for comparison with those that are read back.
    pub(crate) fn digest(&self) -> EntryDigest {
        self.digest.clone()
    }
}

impl std::fmt::Debug for RevokedEntries {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RevokedEntries({})", self.len())
    }
}

/// The number of entries and a hash over what they say: enough to compare two long lists entry by
/// entry without keeping either in memory.
#[derive(Clone)]
pub struct EntryDigest {
    count: usize,
    hash: digest::Context,
}

impl EntryDigest {
    /// Adds an entry. `reason` is the CRLReason; unspecified (0) is the same as none.
    pub(crate) fn add(
        &mut self,
        serial: &[u8],
        revoked_at: OffsetDateTime,
        reason: u8,
        invalidity_date: Option<OffsetDateTime>,
    ) {
        let invalidity_date = invalidity_date.map_or(i64::MIN, OffsetDateTime::unix_timestamp);
        self.count += 1;
        self.hash.update(&serial.len().to_be_bytes());
        self.hash.update(serial);
        self.hash.update(&revoked_at.unix_timestamp().to_be_bytes());
        self.hash.update(&[reason]);
        self.hash.update(&invalidity_date.to_be_bytes());
    }

    /// The number of entries and the hash over all of them.
    pub(crate) fn finish(self) -> (usize, Vec<u8>) {
        (self.count, self.hash.finish().as_ref().to_vec())
    }
}

impl Default for EntryDigest {
    fn default() -> Self {
        EntryDigest {
            count: 0,
            hash: digest::Context::new(&digest::SHA256),
        }
    }
}

const VERSION_2: [u8; 3] = [INTEGER, 1, 1];

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;
    use crate::pki::crl::RevocationList;
    use crate::pki::extension::{AUTHORITY_KEY_IDENTIFIER, CRL_NUMBER, INVALIDITY_DATE};
    use crate::pki::extension_value::ExtensionValue;
    use crate::pki::name::AttributeType;
    use crate::pki::plan::signed;

    #[test]
    fn a_list_without_entries_has_no_list_of_entries() {
        let list = read(RevokedEntries::default());
        assert!(list.is_empty());
        assert!(crate::path::list_problems(&list).is_empty());
        assert_eq!(list.version(), 2);
        assert_eq!(list.next_update(), Some(datetime!(2026-12-20 8:00 UTC)));
        let number = list.extensions().iter().find(|e| e.oid == CRL_NUMBER);
        assert!(matches!(
            ExtensionValue::read(number.unwrap()),
            Ok(ExtensionValue::Number(number)) if number.to_string() == "ff"
        ));
        let authority = |e: &&crate::pki::extension::Extension| e.oid == AUTHORITY_KEY_IDENTIFIER;
        assert!(list.extensions().iter().any(|e| authority(&e)));
        assert!(list.extensions().iter().all(|e| !e.critical));
    }

    #[test]
    fn entries_say_why_and_since_when_unless_there_is_nothing_to_say() {
        let serial = |first: u8| SerialNumber::from_random([first; 16]);
        let at = datetime!(2026-11-20 8:00 UTC);
        let before = Some(datetime!(2026-11-19 0:00 UTC));
        let mut entries = RevokedEntries::default();
        let (unspecified, stolen) = (
            RevocationReason::Unspecified,
            RevocationReason::KeyCompromise,
        );
        entries.add(&serial(1), at, unspecified, None);
        entries.add(&serial(0xff), at, stolen, before);
        let list = read(entries);
        let revoked: Vec<_> = list.revoked().collect();
        assert_eq!(
            (&revoked[0].serial, &revoked[1].serial),
            (&serial(1), &serial(0xff))
        );
        assert_eq!((revoked[0].reason, revoked[1].reason), (None, Some(stolen)));
        assert!(revoked[0].extensions.is_empty());
        let dated = |e: &&crate::pki::extension::Extension| e.oid == INVALIDITY_DATE;
        let date = revoked[1].extensions.iter().find(dated).unwrap();
        assert!(!date.critical);
        assert_eq!(&date.value[2..], b"20261119000000Z");
    }

    fn read(entries: RevokedEntries) -> RevocationList {
        let plan = RevocationListPlan {
            issuer: DistinguishedName::build(&[(AttributeType::CommonName, "CA")]).unwrap(),
            authority_key_identifier: vec![7; 20],
            this_update: datetime!(2026-11-20 8:00 UTC),
            next_update: datetime!(2026-12-20 8:00 UTC),
            number: 0xff,
        };
        let algorithm = SignatureAlgorithm::Ed25519;
        let to_be_signed = plan.to_be_signed(entries, algorithm);
        RevocationList::from_der(signed(&to_be_signed, algorithm, &[0; 64])).unwrap()
    }
}
