//! Signing a CRL for each CA of a directory and publishing it in place of the old one.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use serde::Serialize;
use time::OffsetDateTime;

use super::read_lists;
use crate::authority::{self, Issuance, Issuing, rotation};
use crate::error::Error;
use crate::files::{self, Kind, Lock, NewFile};
use crate::path;
use crate::pki::certificate::Certificate;
use crate::pki::crl::{RevocationList, RevocationReason, RevokedCertificate as ListEntry};
use crate::pki::crl_plan::{RevocationListPlan, RevokedEntries};
use crate::pki::extension::{CERTIFICATE_ISSUER, INVALIDITY_DATE, KeyUsage};
use crate::pki::extension_value::ExtensionValue;
use crate::pki::fingerprint::Fingerprint;
use crate::pki::name::DistinguishedName;
use crate::pki::pem;
use crate::pki::validity::{Lifetime, ValidityError, rfc3339};
use crate::store::{Inventory, Revocation, RevokedCertificate};

/// When the next CRL is due.
#[derive(Clone, Copy, Debug)]
pub enum NextUpdate {
    /// This long from now.
    After(Lifetime),
    /// At this moment.
    At(OffsetDateTime),
}

/// A CRL that was signed and published.
#[derive(Debug, Serialize)]
pub struct PublishedList {
    /// The CA that signed it.
    pub issuer: DistinguishedName,
    /// Its number, above that of every earlier one.
    pub number: u64,
    /// When it was issued.
    #[serde(with = "time::serde::rfc3339")]
    pub this_update: OffsetDateTime,
    /// When the next one is due.
    #[serde(with = "time::serde::rfc3339")]
    pub next_update: OffsetDateTime,
    /// How many certificates it lists.
    pub entries: usize,
    /// Its size as DER.
    pub size_bytes: usize,
    /// The files it was written to.
    #[serde(serialize_with = "crate::ops::paths::as_text")]
    pub files: Vec<PathBuf>,
    /// The fingerprints of the CA certificates it covers.
    #[serde(skip)]
    pub issuers: HashSet<Fingerprint>,
    /// What may not work.
    #[serde(skip)]
    pub warnings: Vec<String>,
}

/// The CRLs of one publication: the authority's own first, then that of the CA it rotates with.
#[derive(Debug)]
pub struct Publication {
    /// What was signed.
    pub lists: Vec<PublishedList>,
    /// All of them as PEM.
    pub pem: String,
    /// The first as DER.
    pub der: Vec<u8>,
}

/// Signs a CRL for each CA of a directory and publishes them: `crl.pem` holds all of them, `crl.der` the
/// authority's own. Readers find the old ones or the new ones, whole.
///
/// Revocations that the published CRLs show and the inventory does not are carried over first: an
/// inventory that was restored from a backup never takes a revocation back.
///
/// # Errors
/// When there is no inventory, `next_update` is not in the future, or a CRL cannot be signed or written;
/// then the old ones stay.
pub fn publish(
    authority: &mut Issuance,
    lock: &Lock,
    next_update: NextUpdate,
    now: OffsetDateTime,
) -> Result<Publication, Error> {
    let (issuing, inventory) = authority.issuing();
    let inventory = inventory.ok_or_else(no_inventory)?;
    publish_each(&issuing, inventory.as_mut(), lock, next_update, now)
}

/// As [`publish`], of these CAs.
pub(super) fn publish_each(
    issuing: &[Issuing<'_>],
    inventory: &mut dyn Inventory,
    lock: &Lock,
    next_update: NextUpdate,
    now: OffsetDateTime,
) -> Result<Publication, Error> {
    let next_update = moment(next_update, now)?;
    let mut published = PublishedLists::read(lock.path());
    let mut recorded = revoked(inventory)?;
    let certificates: Vec<&Certificate> = issuing.iter().map(|one| one.certificate).collect();
    let carried = published.carry_over(&certificates, inventory, &mut recorded)?;
    if carried > 0 {
        published.warnings.push(carried_over(carried));
    }
    let mut publication = Publication {
        lists: Vec::new(),
        pem: String::new(),
        der: Vec::new(),
    };
    for issuing in issuing {
        let last = published.of(issuing.certificate);
        let times = (whole_seconds(now), next_update);
        let plan = Plan::new(issuing.certificate, last, &recorded, inventory, times)?;
        let (mut list, der) = plan.sign(issuing, inventory)?;
        list.files.push(lock.path().join(authority::CRL));
        list.warnings.append(&mut published.warnings.clone());
        published.warnings.clear();
        publication.pem.push_str(&pem::encode("X509 CRL", &der)?);
        if publication.lists.is_empty() {
            list.files.push(lock.path().join(authority::CRL_DER));
            publication.der = der;
        } else {
            list.files.push(write_rotation_list(lock, &der)?);
        }
        publication.lists.push(list);
    }
    replace(lock, authority::CRL_DER, &publication.der)?;
    replace(lock, authority::CRL, publication.pem.as_bytes())?;
    Ok(publication)
}

/// Records in the inventory every revocation that the CRLs published in a directory show and the
/// inventory does not, and continues CRL numbers above theirs. Returns how many revocations that were.
///
/// Only CRLs signed by one of these CAs count. A hold is carried over only when the CRL is newer than
/// the inventory, because otherwise the hold was released.
///
/// # Errors
/// When the inventory cannot be read or written.
pub fn carry_over(
    directory: &Path,
    authorities: &[&Certificate],
    inventory: &mut dyn Inventory,
) -> Result<usize, Error> {
    let mut recorded = revoked(inventory)?;
    PublishedLists::read(directory).carry_over(authorities, inventory, &mut recorded)
}

/// As [`carry_over`], of CRLs that were read before.
///
/// # Errors
/// As [`carry_over`].
pub fn carry_over_lists(
    lists: Vec<RevocationList>,
    authorities: &[&Certificate],
    inventory: &mut dyn Inventory,
) -> Result<usize, Error> {
    let mut recorded = revoked(inventory)?;
    let warnings = Vec::new();
    PublishedLists { lists, warnings }.carry_over(authorities, inventory, &mut recorded)
}

/// The moment of the next update.
///
/// # Errors
/// When it is not in the future, or later than any date.
pub fn moment(next_update: NextUpdate, now: OffsetDateTime) -> Result<OffsetDateTime, Error> {
    let now = whole_seconds(now);
    let moment = match next_update {
        NextUpdate::After(lifetime) => now
            .checked_add(lifetime.duration())
            .ok_or(ValidityError::TooLate)?,
        NextUpdate::At(moment) => whole_seconds(moment),
    };
    if moment <= now {
        return Err(Error::usage(
            format!("the next update, {}, is not in the future", rfc3339(moment)),
            "give a later moment, or a lifetime with `--ttl 30d`",
        ));
    }
    Ok(moment)
}

/// A moment without fractions of a second, which a CRL cannot hold.
pub fn whole_seconds(moment: OffsetDateTime) -> OffsetDateTime {
    moment.replace_nanosecond(0).unwrap_or(moment)
}

/// That an operation on revocations has no inventory to work on.
pub(in crate::ops) fn no_inventory() -> Error {
    Error::usage(
        "revocation needs an inventory, and `--inventory none` leaves it out",
        "name the inventory with `--inventory FILE`, or the PKI directory with `-C DIR`",
    )
}

/// How many revocations were carried over, as a warning.
pub(in crate::ops) fn carried_over(count: usize) -> String {
    let revocations = if count == 1 {
        "1 revocation".into()
    } else {
        format!("{count} revocations")
    };
    format!(
        "the published CRL lists {revocations} that the inventory did not know, and the inventory now records: it was restored from an older copy"
    )
}

/// The CRLs in a directory, as far as they can be read.
pub(super) struct PublishedLists {
    lists: Vec<RevocationList>,
    warnings: Vec<String>,
}

impl PublishedLists {
    /// Reads `crl.pem`, or `crl.der` when that is absent or cannot be read.
    pub(super) fn read(directory: &Path) -> Self {
        let mut published = PublishedLists {
            lists: Vec::new(),
            warnings: Vec::new(),
        };
        for name in [authority::CRL, authority::CRL_DER] {
            let path = directory.join(name);
            let read = match files::kind(&path) {
                Ok(Kind::Absent) => continue,
                Ok(Kind::File | Kind::SymbolicLink | Kind::Other) => read_lists(&path),
                Err(error) => Err(error),
            };
            match read {
                Ok(lists) => {
                    published.lists = lists;
                    break;
                }
                Err(error) => {
                    let warning = format!("{error}; a new CRL replaces it");
                    published.warnings.push(warning);
                }
            }
        }
        published
    }

    /// The CRL that this CA signed.
    pub(super) fn of(&self, authority: &Certificate) -> Option<&RevocationList> {
        self.lists.iter().find(|list| {
            list.issuer() == authority.subject() && path::is_list_signed_by(list, authority)
        })
    }

    /// Records what `recorded`, everything the inventory knows to be revoked, does not have yet.
    fn carry_over(
        &self,
        authorities: &[&Certificate],
        inventory: &mut dyn Inventory,
        recorded: &mut Vec<RevokedCertificate>,
    ) -> Result<usize, Error> {
        let mut total = 0;
        for authority in authorities {
            let Some(list) = self.of(authority) else {
                continue;
            };
            let number = list.number().unwrap_or(0);
            let is_newer = number > inventory.crl_number()?;
            let known: HashSet<_> = recorded.iter().map(|revoked| &revoked.serial).collect();
            let entries = list.revoked();
            let missing: Vec<RevokedCertificate> = entries
                .filter(|entry| !known.contains(&entry.serial))
                .filter_map(|entry| revocation(&entry, authority, is_newer))
                .collect();
            if is_newer || !missing.is_empty() {
                inventory.carry_over(&missing, number)?;
            }
            total += missing.len();
            recorded.extend(missing);
        }
        Ok(total)
    }
}

/// What a CRL entry says about a certificate of its issuer that the inventory does not know to be revoked.
pub(super) fn revocation(
    entry: &ListEntry,
    issuer: &Certificate,
    is_newer: bool,
) -> Option<RevokedCertificate> {
    let reason = entry.reason.unwrap_or(RevocationReason::Unspecified);
    let is_revoked = match reason {
        RevocationReason::RemoveFromCrl => false,
        RevocationReason::CertificateHold => is_newer,
        _ => true,
    };
    let extension = |oid| entry.extensions.iter().find(move |e| e.oid == oid);
    if !is_revoked || extension(CERTIFICATE_ISSUER).is_some() {
        return None;
    }
    let invalidity_date = match extension(INVALIDITY_DATE).map(ExtensionValue::read) {
        Some(Ok(ExtensionValue::Time(date))) => Some(date),
        Some(Ok(_) | Err(_)) | None => None,
    };
    Some(RevokedCertificate {
        serial: entry.serial.clone(),
        revocation: Revocation {
            at: entry.revocation_date,
            reason,
            invalidity_date,
        },
        // No certificate outlives its CA.
        not_after: issuer.not_after(),
        issuer_fingerprint: Fingerprint::sha256(issuer.as_der()),
    })
}

/// Everything that an inventory knows to be revoked.
pub(super) fn revoked(inventory: &dyn Inventory) -> Result<Vec<RevokedCertificate>, Error> {
    let mut recorded = Vec::new();
    inventory.revoked(&mut |revoked| {
        recorded.push(revoked);
        ControlFlow::Continue(())
    })?;
    Ok(recorded)
}

/// What one CRL will say.
struct Plan {
    this_update: OffsetDateTime,
    next_update: OffsetDateTime,
    issuers: HashSet<Fingerprint>,
    entries: RevokedEntries,
    /// Its number is above this one.
    above: u64,
}

impl Plan {
    fn new(
        certificate: &Certificate,
        last: Option<&RevocationList>,
        recorded: &[RevokedCertificate],
        inventory: &dyn Inventory,
        (this_update, next_update): (OffsetDateTime, OffsetDateTime),
    ) -> Result<Self, Error> {
        let issuers = fingerprints(certificate, inventory)?;
        let mut entries = RevokedEntries::default();
        let since = last.map(|last| last.this_update().min(this_update));
        for revoked in recorded {
            if issuers.contains(&revoked.issuer_fingerprint) && !was_listed_expired(revoked, since)
            {
                let revocation = revoked.revocation;
                entries.add(
                    &revoked.serial,
                    revocation.at,
                    revocation.reason,
                    revocation.invalidity_date,
                );
            }
        }
        Ok(Plan {
            this_update,
            next_update,
            issuers,
            entries,
            above: last.and_then(RevocationList::number).unwrap_or(0),
        })
    }

    fn sign(
        self,
        issuing: &Issuing<'_>,
        inventory: &mut dyn Inventory,
    ) -> Result<(PublishedList, Vec<u8>), Error> {
        let (certificate, signing) = (issuing.certificate, issuing.signing);
        let plan = RevocationListPlan {
            issuer: certificate.subject().clone(),
            authority_key_identifier: signing.issuer.key_identifier.clone(),
            this_update: self.this_update,
            next_update: self.next_update,
            number: inventory.next_crl_number(self.above)?,
        };
        let entries = self.entries.len();
        let der = signing.sign_revocation_list(&plan, self.entries)?;
        let list = PublishedList {
            issuer: plan.issuer,
            number: plan.number,
            this_update: plan.this_update,
            next_update: plan.next_update,
            entries,
            size_bytes: der.len(),
            files: Vec::new(),
            issuers: self.issuers,
            warnings: warnings(certificate, der.len()),
        };
        Ok((list, der))
    }
}

/// The fingerprints of every certificate this CA has had with the same name and key.
pub(in crate::ops) fn fingerprints(
    certificate: &Certificate,
    inventory: &dyn Inventory,
) -> Result<HashSet<Fingerprint>, Error> {
    let is_same = |other: &Certificate| {
        other.subject() == certificate.subject()
            && other.public_key_info() == certificate.public_key_info()
    };
    let records = inventory.authorities()?.into_iter();
    let own = records
        .filter_map(|record| Certificate::from_der(record.certificate).ok())
        .filter(is_same)
        .map(|own| Fingerprint::sha256(own.as_der()));
    Ok(own
        .chain([Fingerprint::sha256(certificate.as_der())])
        .collect())
}

/// Whether the last CRL listed a certificate after it had expired: then it need not be listed again
/// (RFC 5280 §3.3).
pub(super) fn was_listed_expired(
    revoked: &RevokedCertificate,
    last: Option<OffsetDateTime>,
) -> bool {
    last.is_some_and(|last| revoked.not_after < last && revoked.revocation.at < last)
}

fn warnings(certificate: &Certificate, size: usize) -> Vec<String> {
    let mut warnings = Vec::new();
    if let Ok(Some(usage)) = certificate.key_usage()
        && !usage.has(KeyUsage::CRL_SIGN)
    {
        warnings.push("the CA's keyUsage does not include cRLSign, so verifiers reject this CRL; rotate the CA with `openagents-certs ca rotate prepare`".into());
    }
    // PEM adds a third and its line ends.
    if size / 3 * 4 + size / 48 > files::MAX_FILE_BYTES {
        warnings.push("the CRL is larger than the largest file this program reads; shorter lifetimes need fewer revocations".into());
    }
    warnings
}

/// Writes the CRL of the CA that the authority rotates with, as DER, beside the files of the rotation.
fn write_rotation_list(lock: &Lock, der: &[u8]) -> Result<PathBuf, Error> {
    let below = lock.below(rotation::DIRECTORY)?;
    replace(&below, authority::CRL_DER, der)?;
    Ok(below.path().join(authority::CRL_DER))
}

fn replace(lock: &Lock, name: &str, content: &[u8]) -> Result<(), Error> {
    let file = NewFile {
        name: OsStr::new(name),
        content,
        secret: false,
    };
    files::replace(lock, &file)
}
