//! A new revocation list, signed and put in the place of the old one.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fmt;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use serde::Serialize;
use time::OffsetDateTime;

use crate::authority::{self, Authority, Issuing, rotation};
use crate::error::{Error, shown};
use crate::files::{self, Kind, Lock, NewFile};
use crate::path;
use crate::pki::certificate::Certificate;
use crate::pki::crl::RevocationList;
use crate::pki::crl_plan::{RevocationListPlan, RevokedEntries};
use crate::pki::document::{Document, Kind as DocumentKind};
use crate::pki::extension::KeyUsage;
use crate::pki::fingerprint::Fingerprint;
use crate::pki::name::DistinguishedName;
use crate::pki::pem;
use crate::pki::validity::{Lifetime, ValidityError, rfc3339};
use crate::store::{Inventory, RevokedCertificate};

/// When the next list comes at the latest, as it was asked for.
#[derive(Clone, Copy, Debug)]
pub enum NextUpdate {
    /// So long from now.
    After(Lifetime),
    /// At this moment.
    At(OffsetDateTime),
}

/// A revocation list that was signed and put in place.
#[derive(Debug, Serialize)]
pub struct Published {
    /// Who signed it.
    pub issuer: DistinguishedName,
    /// Its number, above that of every list before it.
    pub number: u64,
    /// When it was issued.
    #[serde(with = "time::serde::rfc3339")]
    pub this_update: OffsetDateTime,
    /// When the next one comes at the latest.
    #[serde(with = "time::serde::rfc3339")]
    pub next_update: OffsetDateTime,
    /// How many certificates it lists.
    pub entries: usize,
    /// Its size as DER.
    pub size_octets: usize,
    /// The files it stands in.
    #[serde(serialize_with = "crate::ops::paths::as_text")]
    pub files: Vec<PathBuf>,
    /// The fingerprints of the certificates whose issue it speaks of.
    #[serde(skip)]
    pub issuers: HashSet<Fingerprint>,
    /// What may not work.
    #[serde(skip)]
    pub warnings: Vec<String>,
}

impl fmt::Display for Published {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entries = match self.entries {
            0 => "nothing is revoked".into(),
            1 => "1 certificate".into(),
            entries => format!("{entries} certificates"),
        };
        writeln!(
            f,
            "CRL number {} of {}: {entries}",
            self.number, self.issuer
        )?;
        writeln!(f, "  next update  {}", rfc3339(self.next_update))?;
        let files: Vec<_> = self.files.iter().map(|path| shown(path)).collect();
        writeln!(f, "  files        {}", files.join(", "))
    }
}

/// The lists of one publication: the authority's own first, then those of CAs it is taking turns with.
#[derive(Debug)]
pub struct Publication {
    /// What was signed.
    pub lists: Vec<Published>,
    /// All of them as PEM.
    pub pem: String,
    /// The first as DER.
    pub der: Vec<u8>,
}

/// Signs a new list for each CA of a directory and puts them in place of the old: `crl.pem` has all
/// of them, `crl.der` the authority's own. Readers find the old ones or the new ones, whole.
///
/// # Errors
/// When there is no inventory, the moment of the next update cannot be, or a list cannot be signed or
/// written; then the old ones stand.
pub fn publish(
    authority: &mut Authority,
    lock: &Lock,
    next_update: NextUpdate,
    now: OffsetDateTime,
) -> Result<Publication, Error> {
    let next_update = moment(next_update, now)?;
    let (standing, mut warnings) = standing_lists(lock.path());
    let (issuing, inventory) = authority.issuing();
    let Some(inventory) = inventory else {
        return Err(Error::Usage {
            message: "without an inventory nothing is known of what was revoked".into(),
            hint: "name the inventory with `--inventory FILE`, or the PKI directory with `-C DIR`"
                .into(),
        });
    };
    let mut publication = Publication {
        lists: Vec::new(),
        pem: String::new(),
        der: Vec::new(),
    };
    for issuing in issuing {
        let (mut published, der) = sign(issuing, &standing, inventory.as_mut(), next_update, now)?;
        let place = lock.path().join(authority::CRL);
        published.files.push(place);
        published.warnings.append(&mut warnings);
        publication.pem.push_str(&pem::encode("X509 CRL", &der)?);
        if publication.lists.is_empty() {
            published.files.push(lock.path().join(authority::CRL_DER));
            publication.der = der;
        } else {
            published.files.push(write_beside(lock.path(), &der)?);
        }
        publication.lists.push(published);
    }
    replace(lock, authority::CRL_DER, &publication.der)?;
    replace(lock, authority::CRL, publication.pem.as_bytes())?;
    Ok(publication)
}

/// Writes the list of the CA that the authority is taking turns with, as DER, among the files of the roll-over.
fn write_beside(directory: &Path, der: &[u8]) -> Result<PathBuf, Error> {
    let place = rotation::place(directory);
    replace(&Lock::acquire(&place)?, authority::CRL_DER, der)?;
    Ok(place.join(authority::CRL_DER))
}

fn replace(lock: &Lock, name: &str, content: &[u8]) -> Result<(), Error> {
    let file = NewFile {
        name: OsStr::new(name),
        content,
        secret: false,
    };
    files::replace(lock, &file)
}

/// The moment of the next update.
///
/// # Errors
/// When it is not later than now, or later than any date.
pub fn moment(next_update: NextUpdate, now: OffsetDateTime) -> Result<OffsetDateTime, Error> {
    let now = whole_seconds(now);
    let moment = match next_update {
        NextUpdate::After(lifetime) => now
            .checked_add(lifetime.duration())
            .ok_or(ValidityError::TooLate)?,
        NextUpdate::At(moment) => whole_seconds(moment),
    };
    if moment <= now {
        return Err(Error::Usage {
            message: format!("the next update, {}, is not in the future", rfc3339(moment)),
            hint: "give a later moment, or a lifetime with `--ttl 30d`".into(),
        });
    }
    Ok(moment)
}

/// A moment without its part of a second, which no list can say.
pub fn whole_seconds(moment: OffsetDateTime) -> OffsetDateTime {
    moment.replace_nanosecond(0).unwrap_or(moment)
}

/// The lists in a file, PEM or DER.
///
/// # Errors
/// When it cannot be read, or there is none in it.
pub fn read_lists(path: &Path) -> Result<Vec<RevocationList>, Error> {
    let content = |line, source| Error::Content {
        path: path.to_owned(),
        line,
        source,
    };
    let document =
        Document::read(&files::read(path)?).map_err(|source| content(None, source.into()))?;
    let lists = document
        .parts
        .iter()
        .filter(|part| part.kind() == DocumentKind::RevocationList)
        .map(|part| {
            RevocationList::from_der(part.contents().to_vec())
                .map_err(|source| content(part.line(), source.into()))
        })
        .collect::<Result<Vec<_>, _>>()?;
    if lists.is_empty() {
        return Err(Error::NoRevocationList {
            path: path.to_owned(),
        });
    }
    Ok(lists)
}

/// The lists that are published, as far as they can be read; and what is to be said when they cannot.
fn standing_lists(directory: &Path) -> (Vec<RevocationList>, Vec<String>) {
    let path = directory.join(authority::CRL);
    let read = match files::kind(&path) {
        Ok(Kind::Absent) => return (Vec::new(), Vec::new()),
        Ok(Kind::File | Kind::SymbolicLink | Kind::Other) => read_lists(&path),
        Err(error) => Err(error),
    };
    match read {
        Ok(lists) => (lists, Vec::new()),
        Err(error) => (
            Vec::new(),
            vec![format!("{error}; a new one takes its place")],
        ),
    }
}

/// Signs the list of one CA.
fn sign(
    issuing: Issuing<'_>,
    standing: &[RevocationList],
    inventory: &mut dyn Inventory,
    next_update: OffsetDateTime,
    now: OffsetDateTime,
) -> Result<(Published, Vec<u8>), Error> {
    let (certificate, signing) = (issuing.certificate, issuing.signing);
    // What another signed says nothing of our numbers.
    let last = standing.iter().find(|list| {
        list.issuer() == certificate.subject() && path::is_list_signed_by(list, certificate)
    });
    let issuers = fingerprints(certificate, inventory)?;
    let this_update = whole_seconds(now);
    let mut entries = RevokedEntries::default();
    let mut failed = None;
    inventory.revoked(&mut |revoked| {
        if !issuers.contains(&revoked.issuer_fingerprint)
            || has_been_listed_expired(&revoked, last, this_update)
        {
            return ControlFlow::Continue(());
        }
        let revocation = revoked.revocation;
        let added = entries.add(
            &revoked.serial,
            revocation.at,
            revocation.reason,
            revocation.invalidity_date,
        );
        added.map_or_else(
            |error| {
                failed = Some(error);
                ControlFlow::Break(())
            },
            ControlFlow::Continue,
        )
    })?;
    if let Some(error) = failed {
        return Err(error.into());
    }
    let above = last.and_then(RevocationList::number).unwrap_or(0);
    let plan = RevocationListPlan {
        issuer: certificate.subject().clone(),
        authority_key_identifier: signing.issuer.key_identifier.clone(),
        this_update,
        next_update,
        number: inventory.next_crl_number(above)?,
    };
    let count = entries.len();
    let der = signing.sign_revocation_list(&plan, entries)?;
    let published = Published {
        issuer: plan.issuer,
        number: plan.number,
        this_update,
        next_update,
        entries: count,
        size_octets: der.len(),
        files: Vec::new(),
        issuers,
        warnings: warnings(certificate, der.len()),
    };
    Ok((published, der))
}

/// The fingerprints of every certificate this CA has had with the same name and key.
fn fingerprints(
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

/// Whether a certificate expired before the last list was issued, which listed it once more: then it
/// need not be listed any longer (RFC 5280 §3.3).
fn has_been_listed_expired(
    revoked: &RevokedCertificate,
    last: Option<&RevocationList>,
    this_update: OffsetDateTime,
) -> bool {
    last.is_some_and(|last| {
        let last = last.this_update();
        revoked.not_after < last && revoked.not_after < this_update && revoked.revocation.at < last
    })
}

fn warnings(certificate: &Certificate, octets: usize) -> Vec<String> {
    let mut warnings = Vec::new();
    if let Ok(Some(usage)) = certificate.key_usage()
        && !usage.has(KeyUsage::CRL_SIGN)
    {
        warnings.push("the CA's keyUsage does not let it sign revocation lists: verifiers refuse this one; make the CA anew (`openagents-certs ca rotate prepare`)".into());
    }
    // As PEM it is longer by a third and its line ends.
    if octets / 3 * 4 + octets / 48 > files::MAX_FILE_OCTETS {
        warnings.push("the list is longer than what this program reads: of short-lived certificates fewer have to be revoked".into());
    }
    warnings
}
