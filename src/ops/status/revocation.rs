//! The revocation lists that were found, and what they say.

use std::collections::HashMap;

use serde::Serialize;
use time::OffsetDateTime;

use super::certificate::{part_left, seconds};
use super::threshold::{Level, Thresholds};
use crate::path::is_list_signed_by;
use crate::pki::certificate::Certificate;
use crate::pki::crl::RevocationList;
use crate::pki::element::{Element, INTEGER};
use crate::pki::extension::{CRL_NUMBER, DELTA_CRL_INDICATOR};
use crate::pki::fingerprint::Fingerprint;
use crate::pki::name::DistinguishedName;
use crate::pki::serial::SerialNumber;

/// A revocation list and how fresh it is.
#[derive(Clone, Debug, Serialize)]
pub struct RevocationListStatus {
    /// Its file.
    pub location: String,
    /// Who issued it.
    pub issuer: DistinguishedName,
    /// Its number, in decimal, or in hex where it is of more than 64 bits.
    pub number: Option<String>,
    /// When it was issued.
    #[serde(with = "time::serde::rfc3339")]
    pub this_update: OffsetDateTime,
    /// When the next one comes at the latest.
    #[serde(with = "time::serde::rfc3339::option")]
    pub next_update: Option<OffsetDateTime>,
    /// Seconds until then; negative when it has passed.
    pub expires_in_seconds: Option<i64>,
    /// What part of its time is left, from 0 to 1.
    pub remaining: f64,
    /// How many certificates it says are revoked.
    pub revoked_count: usize,
    /// Whether its issuer's key signed it; `None` where the issuer's certificate is not there.
    pub signature_valid: Option<bool>,
    /// Whether a newer one of its issuer is there too, so that it does not count.
    pub superseded: bool,
    /// How it is.
    pub level: Level,
    /// Why it is not well, in one line.
    pub problem: Option<String>,
    #[serde(skip)]
    revoked: HashMap<SerialNumber, OffsetDateTime>,
    #[serde(skip)]
    is_delta: bool,
    #[serde(skip)]
    signer: Option<Fingerprint>,
}

/// The revocation lists that were found, by their issuers.
#[derive(Debug, Default)]
pub(super) struct RevocationLists {
    pub(super) lists: Vec<RevocationListStatus>,
    by_issuer: HashMap<DistinguishedName, usize>,
}

impl RevocationLists {
    /// Reads lists, and checks their signatures where an issuer's certificate is known.
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

    /// Adds a list; of two of one issuer the newer counts, and one with a bad signature never.
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

    /// The list that says whether a certificate is revoked.
    pub(super) fn speaking_of(
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
        let list = self.speaking_of(certificate, issuer)?;
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
            location,
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
            self.remaining = part_left(left, lifetime);
            self.level = thresholds.level(left, lifetime);
            let shown = super::text::Left(seconds(next, now).abs());
            self.problem = match self.level {
                Level::Ok => None,
                Level::Warning | Level::Critical if left.is_negative() => {
                    Some(format!("the next one was due {shown} ago"))
                }
                Level::Warning | Level::Critical => Some(format!("the next one is due in {shown}")),
            };
        }
        if seconds(self.this_update, now) > 0 {
            self.level = Level::Critical;
            self.problem = Some("it is of the future".into());
        }
        if self.signature_valid == Some(false) {
            self.level = Level::Critical;
            self.problem = Some("its issuer's key did not sign it, so it does not count".into());
        }
    }

    fn supersede(&mut self) {
        self.superseded = true;
        self.level = Level::Ok;
        self.problem = None;
    }
}

/// The number in the DER of an INTEGER, in decimal as far as it is of 64 bits, else in hex.
fn decimal(der: &[u8]) -> Option<String> {
    let content = Element::only(der, INTEGER, "cRLNumber").ok()?.content;
    let octets = content.strip_prefix(&[0]).unwrap_or(content);
    let number = octets
        .iter()
        .fold(0, |number: u64, octet| number << 8 | u64::from(*octet));
    Some(match octets.len() {
        0..=8 => number.to_string(),
        _ => SerialNumber::from_der_content(content).to_string(),
    })
}

/// More keys than any CA has under one name.
const MAX_NAMESAKES: usize = 16;
