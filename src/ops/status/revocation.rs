//! The CRLs that were found.

use std::collections::HashMap;

use serde::Serialize;
use time::OffsetDateTime;

use super::certificate::{fraction, seconds};
use super::report::{Level, Thresholds};
use crate::ops::expiry::Left;
use crate::path::is_list_signed_by;
use crate::pki::certificate::Certificate;
use crate::pki::crl::RevocationList;
use crate::pki::element::{Element, INTEGER};
use crate::pki::extension::{CRL_NUMBER, DELTA_CRL_INDICATOR};
use crate::pki::fingerprint::Fingerprint;
use crate::pki::name::DistinguishedName;
use crate::pki::serial::SerialNumber;

/// A CRL and when the next one is due.
#[derive(Clone, Debug, Serialize)]
pub struct RevocationListStatus {
    /// Its file.
    #[serde(serialize_with = "crate::ops::paths::file_or_port")]
    pub path: String,
    /// Who issued it.
    pub issuer: DistinguishedName,
    /// Its number: decimal, or hex above 64 bits.
    pub number: Option<String>,
    /// When it was issued.
    #[serde(with = "time::serde::rfc3339")]
    pub this_update: OffsetDateTime,
    /// When the next one is due.
    #[serde(with = "time::serde::rfc3339::option")]
    pub next_update: Option<OffsetDateTime>,
    /// Seconds until then; negative when it has passed.
    pub expires_in_seconds: Option<i64>,
    /// The fraction of its lifetime that remains, from 0 to 1.
    pub remaining: f64,
    /// How many certificates it lists.
    pub revoked_count: usize,
    /// Whether its issuer signed it; `None` when the issuer's certificate was not found.
    pub signature_valid: Option<bool>,
    /// Whether a newer one of its issuer was found too, which counts instead.
    pub superseded: bool,
    /// How urgent it is.
    pub level: Level,
    /// What is wrong, in one line.
    pub problem: Option<String>,
    #[serde(skip)]
    revoked: HashMap<SerialNumber, OffsetDateTime>,
    #[serde(skip)]
    is_delta: bool,
    #[serde(skip)]
    signer: Option<Fingerprint>,
}

/// The CRLs that were found, by issuer.
#[derive(Debug, Default)]
pub(super) struct RevocationLists {
    pub(super) lists: Vec<RevocationListStatus>,
    by_issuer: HashMap<DistinguishedName, usize>,
}

impl RevocationLists {
    /// Reads CRLs and checks their signatures where the issuer's certificate is known.
    pub(super) fn new(
        found: Vec<(String, RevocationList)>,
        authorities: &[&Certificate],
        thresholds: &Thresholds,
        now: OffsetDateTime,
    ) -> Self {
        let mut by_subject: HashMap<&DistinguishedName, Vec<&Certificate>> = HashMap::new();
        for authority in authorities {
            let namesakes = by_subject.entry(authority.subject()).or_default();
            if namesakes.len() < MAX_NAMESAKES && !namesakes.contains(authority) {
                namesakes.push(authority);
            }
        }
        let mut lists = RevocationLists::default();
        for (location, list) in found {
            let namesakes = by_subject.get(list.issuer()).map_or(&[][..], Vec::as_slice);
            lists.add(RevocationListStatus::of(
                location, &list, namesakes, thresholds, now,
            ));
        }
        lists
    }

    /// Adds a CRL; of two of one issuer the newer counts, and one with an invalid signature never does.
    fn add(&mut self, mut list: RevocationListStatus) {
        let counts = !list.is_delta && list.signature_valid != Some(false);
        if counts {
            match self.by_issuer.get(&list.issuer).copied() {
                Some(other) if self.lists[other].this_update >= list.this_update => {
                    list.supersede();
                }
                Some(other) => {
                    self.lists[other].supersede();
                    self.by_issuer.insert(list.issuer.clone(), self.lists.len());
                }
                None => {
                    self.by_issuer.insert(list.issuer.clone(), self.lists.len());
                }
            }
        }
        self.lists.push(list);
    }

    /// The CRL that covers a certificate.
    fn covering(
        &self,
        certificate: &Certificate,
        issuer: Option<&Certificate>,
    ) -> Option<&RevocationListStatus> {
        if certificate.is_self_issued() {
            return None;
        }
        let index = *self.by_issuer.get(certificate.issuer())?;
        let list = &self.lists[index];
        let is_its_signer = |signer: &Fingerprint| {
            issuer.is_none_or(|issuer| *signer == Fingerprint::sha256(issuer.public_key_info()))
        };
        list.signer
            .as_ref()
            .is_none_or(is_its_signer)
            .then_some(list)
    }

    /// Since when a certificate is revoked.
    pub(super) fn revoked(
        &self,
        certificate: &Certificate,
        issuer: Option<&Certificate>,
    ) -> Option<OffsetDateTime> {
        let list = self.covering(certificate, issuer)?;
        list.revoked.get(certificate.serial()).copied()
    }
}

impl RevocationListStatus {
    fn of(
        location: String,
        list: &RevocationList,
        namesakes: &[&Certificate],
        thresholds: &Thresholds,
        now: OffsetDateTime,
    ) -> Self {
        let extension = |oid| list.extensions().iter().find(|e| e.oid == oid);
        let signer = namesakes
            .iter()
            .find(|issuer| is_list_signed_by(list, issuer));
        let mut status = RevocationListStatus {
            path: location,
            issuer: list.issuer().clone(),
            number: extension(CRL_NUMBER).and_then(|number| decimal(&number.value)),
            this_update: list.this_update(),
            next_update: list.next_update(),
            expires_in_seconds: list.next_update().map(|next| seconds(next, now)),
            remaining: 1.0,
            revoked_count: list.len(),
            signature_valid: (!namesakes.is_empty()).then_some(signer.is_some()),
            superseded: false,
            level: Level::Ok,
            problem: None,
            revoked: list
                .revoked()
                .map(|entry| (entry.serial, entry.revocation_date))
                .collect(),
            is_delta: extension(DELTA_CRL_INDICATOR).is_some(),
            signer: signer.map(|issuer| Fingerprint::sha256(issuer.public_key_info())),
        };
        status.judge(thresholds, now);
        status
    }

    fn judge(&mut self, thresholds: &Thresholds, now: OffsetDateTime) {
        if let Some(next) = self.next_update {
            let (left, lifetime) = (next - now, next - self.this_update);
            self.remaining = fraction(left, lifetime);
            self.level = thresholds.level(left, lifetime);
            let shown = Left(seconds(next, now).abs());
            self.problem = match self.level {
                Level::Ok => None,
                Level::Warning | Level::Critical if left.is_negative() => {
                    Some(format!("the next CRL was due {shown} ago"))
                }
                Level::Warning | Level::Critical => Some(format!("the next CRL is due in {shown}")),
            };
        }
        if seconds(self.this_update, now) > 0 {
            self.level = Level::Critical;
            self.problem = Some("issued in the future".into());
        }
        if self.signature_valid == Some(false) {
            self.level = Level::Critical;
            self.problem = Some("not signed by its issuer, so it is ignored".into());
        }
    }

    fn supersede(&mut self) {
        self.superseded = true;
        self.level = Level::Ok;
        self.problem = None;
    }
}

/// The number in the DER of an INTEGER: decimal up to 64 bits, else hex.
fn decimal(der: &[u8]) -> Option<String> {
    let content = Element::only(der, INTEGER, "cRLNumber").ok()?.content;
    let bytes = content.strip_prefix(&[0]).unwrap_or(content);
    let number = bytes
        .iter()
        .fold(0, |number: u64, byte| number << 8 | u64::from(*byte));
    Some(match bytes.len() {
        0..=8 => number.to_string(),
        _ => SerialNumber::from_der_content(content).to_string(),
    })
}

/// More CAs with one name than anyone has.
const MAX_NAMESAKES: usize = 16;
