//! The one path that X509_verify_cert builds and judges: it never tries another.

use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::sync::LazyLock;

use time::OffsetDateTime;

use super::pem::Dialect;
use super::quirks::{self, Quirks, key_usage_allows};
use super::reading::{dates, is_plain};
use crate::path::algorithm::{self, Scheme, SignatureCheck, is_signed_by};
use crate::path::finding::{Drafts, Evidence, Role};
use crate::path::identifiers;
use crate::path::judgement::{self, Profile, Requirements};
use crate::path::pool::{Candidate, Pool, value};
use crate::pki::certificate::Certificate;
use crate::pki::extension::KeyUsage;
use crate::pki::usage::Purpose;

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
pub(super) struct Signatures(RefCell<HashMap<SignedBy, SignatureCheck>>);

/// A certificate and its issuer's SubjectPublicKeyInfo.
type SignedBy = (Vec<u8>, Vec<u8>);

impl Signatures {
    pub(super) fn check(&self, child: &Candidate<'_>, issuer: &Candidate<'_>) -> SignatureCheck {
        let certificate = child.certificate;
        let key_info = issuer.certificate.public_key_info();
        let place = (certificate.as_der().to_vec(), key_info.to_vec());
        let mut known = self.0.borrow_mut();
        *known
            .entry(place)
            .or_insert_with(|| algorithm::of_certificate(certificate, issuer.public_key().as_ref()))
    }
}

/// kMaxChainLength of grpc, and OpenSSL's own limit.
const MAX_DEPTH: usize = 100;

/// A fault of a path, in the order of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    IssuerNotFound,
    IssuerOfIntermediateNotFound,
    LeafUnverifiable,
    SelfSigned,
    SelfSignedInChain,
    ChainTooLong,
    InvalidExtension,
    UnhandledCritical,
    InvalidCa,
    Purpose,
    PathLength,
    CertSign,
    LeafKeyTooSmall,
    CaKeyTooSmall,
    HashTooWeak,
    KeyUndecodable,
    DescribedCurve,
    Signature,
    NotYetValid,
    Expired,
    NotBeforeForm,
    NotAfterForm,
    Permitted,
    Excluded,
    ConstraintType,
    NameSyntax,
    ConstraintsWithoutNames,
    PolicyExtension,
    Policy,
    Unspecified,
}

impl Fault {
    /// X509_verify_cert_error_string.
    pub(super) fn text(self, dialect: Dialect) -> &'static str {
        match dialect {
            Dialect::BoringSsl => self.row().boring_ssl,
            Dialect::OpenSsl => self.row().openssl,
        }
    }

    /// The rule that a fault of the certificate at this place of the pool comes down to.
    pub(super) fn cause(
        self,
        builder: &Builder<'_>,
        index: usize,
        role: Role,
        is_server: bool,
    ) -> Cause {
        let own = |fault: Fault| fault.engine_finding(builder, index, role, is_server);
        let is_issuer_missing = matches!(
            self,
            Fault::IssuerNotFound | Fault::LeafUnverifiable | Fault::SelfSignedInChain
        );
        let cause = if is_issuer_missing && builder.is_invalid(index) {
            own(Fault::InvalidExtension)
        } else if is_issuer_missing {
            missing_issuer(builder, index)
        } else if self == Fault::IssuerOfIntermediateNotFound {
            Some(("anchor-not-self-signed", None, None))
        } else if self == Fault::SelfSigned {
            mistaken_root(builder, index)
        } else if self == Fault::Signature {
            wrong_namesake(builder, index)
        } else {
            own(self)
        };
        cause.unwrap_or_else(|| {
            let rule = self.row().rule;
            let issuer = builder.candidate(index).certificate.issuer();
            let is_missing = rule == "issuer-missing";
            let evidence = is_missing.then(|| Evidence::found(format_args!("issuer {issuer}")));
            (rule, evidence, None)
        })
    }

    /// What the engine finds wrong with the certificate itself, among the rules that the fault may be.
    fn engine_finding(
        self,
        builder: &Builder<'_>,
        index: usize,
        role: Role,
        is_server: bool,
    ) -> Option<Cause> {
        let purpose = if is_server {
            Purpose::Server
        } else {
            Purpose::Client
        };
        let requirements = Requirements {
            purpose: Some(purpose),
            ..Requirements::at(builder.at)
        };
        let drafts = judgement::examine(builder.candidate(index), role, &requirements);
        self.row().narrower_rules.iter().find_map(|rule| {
            let draft = drafts.iter().find(|draft| draft.rule.id == *rule)?;
            Some((draft.rule.id, draft.evidence.clone(), None))
        })
    }

    fn row(self) -> &'static FaultRow {
        // A test checks that the rows are in the order of the variants.
        &ROWS[self as usize]
    }
}

/// The rule, the evidence, and the certificate it is about, if that is another one.
type Cause = (&'static str, Option<Evidence>, Option<usize>);

/// A row of `faults.tsv`.
struct FaultRow {
    boring_ssl: &'static str,
    openssl: &'static str,
    rule: &'static str,
    /// Rules that say more, the most likely first.
    narrower_rules: Vec<&'static str>,
}

impl FaultRow {
    fn read(line: &'static str) -> Option<FaultRow> {
        let mut columns = line.split('\t');
        columns.next()?;
        Some(FaultRow {
            boring_ssl: columns.next()?,
            openssl: columns.next()?,
            rule: columns.next()?,
            narrower_rules: columns
                .next()
                .unwrap_or_default()
                .split_whitespace()
                .collect(),
        })
    }
}

/// Why a certificate that has the issuer's name does not count as the issuer.
fn missing_issuer(builder: &Builder<'_>, index: usize) -> Option<Cause> {
    let candidate = builder.candidate(index);
    for namesake in builder.pool.issuers(index) {
        let issuer = builder.candidate(*namesake);
        if !may_sign(issuer) {
            return Some(("key-usage-cert-sign", None, Some(*namesake)));
        }
        let mut drafts = Drafts::new(Profile::Tls);
        identifiers::examine_issue(candidate, issuer, &mut drafts);
        let mismatch = |rule: &str| MISMATCHES.contains(&rule);
        if let Some(draft) = drafts.all.iter().find(|draft| mismatch(draft.rule.id)) {
            return Some((draft.rule.id, draft.evidence.clone(), None));
        }
    }
    None
}

/// A certificate with its issuer's name that did not issue itself.
fn mistaken_root(builder: &Builder<'_>, index: usize) -> Option<Cause> {
    let certificate = builder.candidate(index).certificate;
    (!is_signed_by(certificate, certificate)).then_some(("named-like-issuer", None, None))
}

/// Another certificate of the issuer's name has the key that was looked for.
fn wrong_namesake(builder: &Builder<'_>, index: usize) -> Option<Cause> {
    let certificate = builder.candidate(index).certificate;
    let namesakes = builder.pool.issuers(index);
    let is_signer =
        |place: &&usize| is_signed_by(certificate, builder.candidate(**place).certificate);
    let is_ambiguous = namesakes
        .iter()
        .take(MAX_NAMESAKES)
        .any(|place| is_signer(&place));
    let found = || {
        Evidence::found(format_args!(
            "{} certificates of this name",
            namesakes.len()
        ))
    };
    (is_ambiguous && certificate.signature_algorithms_agree())
        .then(|| ("anchors-ambiguous", Some(found()), None))
}

const MISMATCHES: [&str; 2] = ["key-identifier-mismatch", "authority-certificate-mismatch"];
const MAX_NAMESAKES: usize = 8;
static ROWS: LazyLock<Vec<FaultRow>> =
    LazyLock::new(|| TEXT.lines().skip(1).filter_map(FaultRow::read).collect());
const TEXT: &str = include_str!("faults.tsv");

#[cfg(test)]
mod fault_tests {
    use super::*;
    use crate::path::finding::Rule;

    #[test]
    fn the_table_has_every_fault_in_its_place_and_names_only_known_rules() {
        let names = TEXT
            .lines()
            .skip(1)
            .map(|line| line.split('\t').next().unwrap());
        assert_eq!(
            names.collect::<Vec<_>>(),
            ALL.map(|fault| format!("{fault:?}"))
        );
        for (place, (fault, row)) in ALL.iter().zip(ROWS.iter()).enumerate() {
            assert_eq!(*fault as usize, place);
            for id in row.narrower_rules.iter().chain([&row.rule]) {
                assert!(Rule::find(id).is_some(), "{fault:?}: {id}");
            }
        }
        assert_eq!(ROWS.len(), ALL.len());
    }

    const ALL: [Fault; 30] = [
        Fault::IssuerNotFound,
        Fault::IssuerOfIntermediateNotFound,
        Fault::LeafUnverifiable,
        Fault::SelfSigned,
        Fault::SelfSignedInChain,
        Fault::ChainTooLong,
        Fault::InvalidExtension,
        Fault::UnhandledCritical,
        Fault::InvalidCa,
        Fault::Purpose,
        Fault::PathLength,
        Fault::CertSign,
        Fault::LeafKeyTooSmall,
        Fault::CaKeyTooSmall,
        Fault::HashTooWeak,
        Fault::KeyUndecodable,
        Fault::DescribedCurve,
        Fault::Signature,
        Fault::NotYetValid,
        Fault::Expired,
        Fault::NotBeforeForm,
        Fault::NotAfterForm,
        Fault::Permitted,
        Fault::Excluded,
        Fault::ConstraintType,
        Fault::NameSyntax,
        Fault::ConstraintsWithoutNames,
        Fault::PolicyExtension,
        Fault::Policy,
        Fault::Unspecified,
    ];
}
