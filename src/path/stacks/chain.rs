//! The one path X509_verify_cert builds and judges: it never comes back to try another.

use std::cell::OnceCell;

use time::OffsetDateTime;

use super::deviation::Deviations;
use super::extension_form::{is_spoilt, key_usage_allows};
use super::fault::Fault;
use super::reading::{dates, is_plain};
use crate::path::algorithm::Scheme;
use crate::path::extension::value;
use crate::path::identifiers;
use crate::path::pool::Candidate;
use crate::path::pool::Pool;
use crate::path::public_key::Kind;
use crate::path::signature::{self, Outcome};
use crate::pki::extension::KeyUsage;
use std::cell::RefCell;
use std::collections::HashMap;

/// A path, from the end entity upwards.
pub(super) struct Chain {
    /// Places in the pool.
    pub(super) members: Vec<usize>,
    /// How many of them came from the peer.
    pub(super) untrusted: usize,
    /// Why it is not valid, if it is not.
    pub(super) fault: Option<Fault>,
}

/// Builds paths of one pool as one library does.
#[derive(Clone, Copy)]
pub(super) struct Builder<'b, 'a> {
    pub(super) pool: &'b Pool<'a>,
    pub(super) deviations: &'static Deviations,
    pub(super) at: OffsetDateTime,
    /// Whether each candidate is spoilt, once it is known.
    pub(super) spoilt: &'b [OnceCell<bool>],
}

/// Room for what is found out about this number of candidates.
pub(super) fn unknown(candidates: usize) -> Vec<OnceCell<bool>> {
    vec![OnceCell::new(); candidates]
}

impl<'b, 'a> Builder<'b, 'a> {
    /// The path of the pool's end entity.
    pub(super) fn build(self) -> Chain {
        let mut chain = Chain {
            members: vec![0],
            untrusted: 1,
            fault: None,
        };
        if self.deviations.tells_first && self.is_spoilt(0) {
            chain.fault = Some(Fault::InvalidExtension);
            return chain;
        }
        self.climb_untrusted(&mut chain);
        let last = chain.members[chain.members.len() - 1];
        let mut left_out = None;
        if self.is_self_signed(last) {
            if chain.members.len() == 1 {
                match self.trusted_issuer(last) {
                    Some(anchor) if self.is_same(anchor, last) => trust_leaf(&mut chain, anchor),
                    Some(_) | None => chain.fault = Some(Fault::SelfSigned),
                }
                return chain;
            }
            if self.deviations.partial_chain {
                left_out = chain.members.pop();
                chain.untrusted -= 1;
            }
        }
        self.climb_trusted(&mut chain);
        if !self.is_trusted(&mut chain) {
            chain.fault = Some(self.fault_of(&chain, left_out));
        }
        chain
    }

    pub(super) fn candidate(self, index: usize) -> &'b Candidate<'a> {
        &self.pool.candidates[index]
    }

    /// Whether the certificate is taken for a root: its names are the same and its identifiers do not
    /// deny it. No signature is looked at.
    pub(super) fn is_self_signed(self, index: usize) -> bool {
        self.candidate(index).is_self_issued() && self.is_issuer(index, index)
    }

    /// Whether one certificate is taken for the issuer of another; no signature is looked at.
    pub(super) fn is_issuer(self, child: usize, issuer: usize) -> bool {
        let (below, above) = (self.candidate(child), self.candidate(issuer));
        below.issuer == above.subject
            && !self.is_spoilt(child)
            && !self.is_spoilt(issuer)
            && identifiers_fit(below, above)
            && (!self.deviations.issuer_must_sign || may_sign(above))
            && (!self.deviations.compares_algorithms || algorithms_fit(below, above))
    }

    /// Whether the moment lies in the period of validity, as far as that can be read.
    pub(super) fn is_in_date(self, index: usize) -> bool {
        let certificate = self.candidate(index).certificate;
        let form = dates(certificate)
            .is_none_or(|dates| dates.iter().all(|(tag, text)| is_plain(*tag, text)));
        form && certificate.not_before() <= self.at && self.at <= certificate.not_after()
    }

    /// Whether an extension that is looked at spoils the certificate.
    pub(super) fn is_spoilt(self, index: usize) -> bool {
        *self.spoilt[index].get_or_init(|| is_spoilt(self.candidate(index), self.deviations))
    }

    fn climb_untrusted(self, chain: &mut Chain) {
        while chain.members.len() <= MAX_DEPTH {
            let last = chain.members[chain.members.len() - 1];
            if self.is_self_signed(last) || self.trusted_issuer(last).is_some() {
                return;
            }
            let namesakes = self.pool.issuers(last).iter().copied();
            let fresh = namesakes
                .filter(|index| !self.pool.is_anchor(*index) && !chain.members.contains(index));
            let Some(issuer) = self.choose(last, fresh) else {
                return;
            };
            chain.members.push(issuer);
            chain.untrusted += 1;
        }
    }

    fn climb_trusted(self, chain: &mut Chain) {
        while chain.members.len() <= MAX_DEPTH {
            let last = chain.members[chain.members.len() - 1];
            if self.is_self_signed(last) {
                return;
            }
            match self.trusted_issuer(last) {
                Some(issuer) if !chain.members.contains(&issuer) => chain.members.push(issuer),
                Some(_) | None => return,
            }
        }
    }

    /// The anchor taken for the issuer.
    fn trusted_issuer(self, child: usize) -> Option<usize> {
        let namesakes = self.pool.issuers(child).iter().copied();
        self.choose(child, namesakes.filter(|index| self.pool.is_anchor(*index)))
    }

    /// The first of these that fits; where that matters, the first in date, or else the one that was
    /// so last.
    fn choose(self, child: usize, namesakes: impl Iterator<Item = usize>) -> Option<usize> {
        let mut fitting = namesakes.filter(|index| self.is_issuer(child, *index));
        if !self.deviations.prefers_valid_issuer {
            return fitting.next();
        }
        let mut latest: Option<usize> = None;
        for index in fitting {
            if self.is_in_date(index) {
                return Some(index);
            }
            let end = |index: usize| self.candidate(index).certificate.not_after();
            if latest.is_none_or(|known| end(index) > end(known)) {
                latest = Some(index);
            }
        }
        latest
    }

    fn is_trusted(self, chain: &mut Chain) -> bool {
        let trusted = &chain.members[chain.untrusted..];
        if !self.deviations.partial_chain {
            return trusted.iter().any(|index| self.is_self_signed(*index));
        }
        if !trusted.is_empty() {
            return true;
        }
        let mut anchors = self.pool.first_anchor..self.pool.candidates.len();
        match anchors.find(|anchor| self.is_same(*anchor, 0)) {
            Some(_) => {
                chain.untrusted = 0;
                true
            }
            None => false,
        }
    }

    fn fault_of(self, chain: &Chain, left_out: Option<usize>) -> Fault {
        let last = chain.members[chain.members.len() - 1];
        let is_issued = |issuer| self.is_issuer(last, issuer);
        if left_out.is_some_and(is_issued) || left_out.is_none() && self.is_self_signed(last) {
            Fault::SelfSignedInChain
        } else if chain.members.len() > MAX_DEPTH {
            Fault::ChainTooLong
        } else if chain.untrusted < chain.members.len() {
            Fault::IssuerOfIntermediateNotFound
        } else {
            Fault::IssuerNotFound
        }
    }

    fn is_same(self, one: usize, other: usize) -> bool {
        self.candidate(one).certificate.as_der() == self.candidate(other).certificate.as_der()
    }
}

/// keyCertSign, where there is a keyUsage.
pub(super) fn may_sign(candidate: &Candidate<'_>) -> bool {
    key_usage_allows(candidate, &[KeyUsage::KEY_CERT_SIGN])
}

fn trust_leaf(chain: &mut Chain, anchor: usize) {
    chain.members = vec![anchor];
    chain.untrusted = 0;
}

/// X509_check_akid: what the authority key identifier says is what the issuer is.
fn identifiers_fit(child: &Candidate<'_>, issuer: &Candidate<'_>) -> bool {
    let Some(authority) = value(&child.extensions().authority_key_identifier) else {
        return true;
    };
    let keys = authority
        .key_identifier
        .as_deref()
        .zip(issuer.extensions().subject_key());
    keys.is_none_or(|(wanted, offered)| wanted == offered) && identifiers::names(authority, issuer)
}

fn algorithms_fit(child: &Candidate<'_>, issuer: &Candidate<'_>) -> bool {
    let scheme = Scheme::of(child.certificate);
    let kind = issuer.public_key().kind;
    scheme == Scheme::Other || kind == Kind::Malformed || scheme.fits(kind)
}

/// Signatures that were checked already, by signed certificate and signing key.
#[derive(Default)]
pub(super) struct Signatures(RefCell<HashMap<SignedBy, Outcome>>);

/// A signed certificate and the key that is to have signed it.
type SignedBy = (Vec<u8>, Vec<u8>);

impl Signatures {
    pub(super) fn check(&self, child: &Candidate<'_>, issuer: &Candidate<'_>) -> Outcome {
        let certificate = child.certificate;
        let key_info = issuer.certificate.public_key_info();
        let place = (certificate.as_der().to_vec(), key_info.to_vec());
        let mut known = self.0.borrow_mut();
        *known.entry(place).or_insert_with(|| {
            signature::check(
                Scheme::of(certificate),
                &issuer.public_key(),
                certificate.to_be_signed(),
                certificate.signature(),
            )
        })
    }
}

/// kMaxChainLength of grpc, and OpenSSL's own limit.
const MAX_DEPTH: usize = 100;
