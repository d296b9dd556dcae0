//! The one path that X509_verify_cert builds and judges: it never tries another.

use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;

use time::OffsetDateTime;

use super::fault::Fault;
use super::quirks::{self, Quirks, key_usage_allows};
use super::reading::{dates, is_plain};
use crate::path::algorithm::Scheme;
use crate::path::extension::value;
use crate::path::identifiers;
use crate::path::pool::{Candidate, Pool};
use crate::path::signature::{self, Outcome};
use crate::pki::certificate::Certificate;
use crate::pki::extension::KeyUsage;

/// A path, from the end entity upwards.
pub(super) struct Chain {
    /// Places in the pool.
    pub(super) members: Vec<usize>,
    /// How many of them came from the peer.
    pub(super) untrusted: usize,
    /// Why it is not valid, if it is not.
    pub(super) fault: Option<Fault>,
}

/// Builds a path from a pool of certificates as one library does.
pub(super) struct Builder<'a> {
    pub(super) pool: Pool<'a>,
    pub(super) quirks: &'static Quirks,
    pub(super) at: OffsetDateTime,
    /// Whether each candidate is invalid, computed on first use.
    invalid: Vec<OnceCell<bool>>,
}

impl<'a> Builder<'a> {
    pub(super) fn new(
        leaf: &'a Certificate,
        intermediates: &'a [Certificate],
        anchors: &'a [Certificate],
        quirks: &'static Quirks,
        at: OffsetDateTime,
    ) -> Self {
        let pool = Pool::new(leaf, intermediates, anchors, &[]);
        Builder {
            invalid: vec![OnceCell::new(); pool.candidates.len()],
            pool,
            quirks,
            at: at.replace_nanosecond(0).unwrap_or(at),
        }
    }

    /// The path of the pool's end entity.
    pub(super) fn build(&self) -> Chain {
        let mut chain = Chain {
            members: vec![0],
            untrusted: 1,
            fault: None,
        };
        if self.quirks.reports_first && self.is_invalid(0) {
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
            if self.quirks.partial_chain {
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

    pub(super) fn candidate(&self, index: usize) -> &Candidate<'a> {
        &self.pool.candidates[index]
    }

    /// Whether the certificate counts as a root: its names are the same and its identifiers agree. Does
    /// not check its signature.
    pub(super) fn is_self_signed(&self, index: usize) -> bool {
        self.candidate(index).is_self_issued() && self.is_issuer(index, index)
    }

    /// Whether one certificate counts as the issuer of another. Does not check the signature.
    pub(super) fn is_issuer(&self, child: usize, issuer: usize) -> bool {
        let (below, above) = (self.candidate(child), self.candidate(issuer));
        below.issuer == above.subject
            && !self.is_invalid(child)
            && !self.is_invalid(issuer)
            && identifiers_fit(below, above)
            && (!self.quirks.issuer_must_sign || may_sign(above))
            && (!self.quirks.compares_algorithms || algorithms_fit(below, above))
    }

    /// Whether the time is within the validity period, if that can be read.
    pub(super) fn is_in_date(&self, index: usize) -> bool {
        let certificate = self.candidate(index).certificate;
        let form = dates(certificate)
            .is_none_or(|dates| dates.iter().all(|(tag, text)| is_plain(*tag, text)));
        form && certificate.not_before() <= self.at && self.at <= certificate.not_after()
    }

    /// Whether an extension makes the certificate invalid.
    pub(super) fn is_invalid(&self, index: usize) -> bool {
        *self.invalid[index].get_or_init(|| quirks::is_invalid(self.candidate(index), self.quirks))
    }

    fn climb_untrusted(&self, chain: &mut Chain) {
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

    fn climb_trusted(&self, chain: &mut Chain) {
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

    /// The anchor that counts as the issuer.
    fn trusted_issuer(&self, child: usize) -> Option<usize> {
        let namesakes = self.pool.issuers(child).iter().copied();
        self.choose(child, namesakes.filter(|index| self.pool.is_anchor(*index)))
    }

    /// The first of these that fits; where that matters, the first in date, or else the one that expired
    /// last.
    fn choose(&self, child: usize, namesakes: impl Iterator<Item = usize>) -> Option<usize> {
        let mut fitting = namesakes.filter(|index| self.is_issuer(child, *index));
        if !self.quirks.prefers_valid_issuer {
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

    fn is_trusted(&self, chain: &mut Chain) -> bool {
        let trusted = &chain.members[chain.untrusted..];
        if !self.quirks.partial_chain {
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

    fn fault_of(&self, chain: &Chain, left_out: Option<usize>) -> Fault {
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

    fn is_same(&self, one: usize, other: usize) -> bool {
        self.candidate(one).certificate.as_der() == self.candidate(other).certificate.as_der()
    }
}

/// keyCertSign, if there is a keyUsage.
pub(super) fn may_sign(candidate: &Candidate<'_>) -> bool {
    key_usage_allows(candidate, &[KeyUsage::KEY_CERT_SIGN])
}

fn trust_leaf(chain: &mut Chain, anchor: usize) {
    chain.members = vec![anchor];
    chain.untrusted = 0;
}

/// X509_check_akid: the authority key identifier matches the issuer.
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
    let fits = |kind| scheme.fits(kind);
    scheme == Scheme::Other || issuer.key_kind().is_none_or(fits)
}

/// Results of checking signatures, by certificate and issuer's key.
#[derive(Default)]
pub(super) struct Signatures(RefCell<HashMap<SignedBy, Outcome>>);

/// A certificate and its issuer's SubjectPublicKeyInfo.
type SignedBy = (Vec<u8>, Vec<u8>);

impl Signatures {
    pub(super) fn check(&self, child: &Candidate<'_>, issuer: &Candidate<'_>) -> Outcome {
        let certificate = child.certificate;
        let key_info = issuer.certificate.public_key_info();
        let place = (certificate.as_der().to_vec(), key_info.to_vec());
        let mut known = self.0.borrow_mut();
        *known
            .entry(place)
            .or_insert_with(|| signature::of_certificate(certificate, issuer.public_key().as_ref()))
    }
}

/// kMaxChainLength of grpc, and OpenSSL's own limit.
const MAX_DEPTH: usize = 100;
