//! The question a certificate is judged by, and the answer.

use std::fmt;
use std::net::IpAddr;
use std::sync::OnceLock;

use serde::Serialize;
use time::OffsetDateTime;

use super::algorithm::SignatureCheck;
use super::building::{Attempt, End, Search};
use super::finding::{
    CertificateReference, Draft, Drafts, Evidence, Finding, Role, Rule, Severity, sort,
};
use super::identifiers::{self, is_same};
use super::pool::{Candidate, Origin, Pool, value};
use super::{algorithm, form, name_constraints, names, usage};
use crate::pki::certificate::Certificate;
use crate::pki::crl::RevocationList;
use crate::pki::extension::KeyUsage;
use crate::pki::usage::{CLIENT_AUTH, OCSP_SIGNING, Purpose, SERVER_AUTH};

/// What a path is to be built from.
#[derive(Clone, Copy, Debug)]
pub struct Candidates<'a> {
    /// The certificate that is judged.
    pub end_entity: &'a Certificate,
    /// Certificates that may lie between it and an anchor, in any order. They are not trusted.
    pub intermediates: &'a [Certificate],
    /// The certificates that are trusted. They need not be self-signed.
    pub anchors: &'a [Certificate],
    /// Revocation lists of any of the CAs. If there are any, every certificate below the anchor is looked up.
    pub revocation_lists: &'a [RevocationList],
}

/// The answer to a question, or that there is none.
///
/// "Yes" is given only for what was really checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Done, or the answer is yes: exit code 0.
    Yes,
    /// The answer is no: exit code 1.
    No,
    /// There was not enough to decide by, such as no trust anchor: exit code 2.
    Undetermined,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Verdict::Yes => "yes",
            Verdict::No => "no",
            Verdict::Undetermined => "undetermined",
        })
    }
}

/// Whether a certificate is valid, and why.
#[derive(Clone, Debug)]
pub struct Judgement {
    /// The chosen path, from the end entity upwards: one without errors, or else the closest to one.
    pub path: Vec<Member>,
    /// Whether the path reaches a trust anchor.
    pub reaches_anchor: bool,
    /// Everything that is wrong with the path, the worst first.
    pub findings: Vec<Finding>,
    /// Whether the search was abandoned because it took too long.
    pub exhausted: bool,
    /// Every path that was examined, if all were requested.
    pub all_paths: Vec<CandidatePath>,
}

impl Judgement {
    /// Yes when the path reaches an anchor without an error, and every certificate below the anchor is covered by a
    /// revocation list where lists were given.
    pub fn verdict(&self) -> Verdict {
        let is_unknown = |finding: &Finding| finding.id == "revocation-unknown";
        if !self.reaches_anchor || self.worst() == Some(Severity::Error) {
            Verdict::No
        } else if self.findings.iter().any(is_unknown) {
            Verdict::Undetermined
        } else {
            Verdict::Yes
        }
    }

    /// Whether the verdict is yes.
    pub fn is_good(&self) -> bool {
        self.verdict() == Verdict::Yes
    }

    /// The severity of the worst finding.
    pub fn worst(&self) -> Option<Severity> {
        self.findings.iter().map(|finding| finding.severity).max()
    }
}

/// One certificate of a path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Member {
    /// Its role and its subject.
    #[serde(flatten)]
    pub reference: CertificateReference,
    /// Where it comes from.
    pub origin: Origin,
}

/// A path that was examined.
#[derive(Clone, Debug, Serialize)]
pub struct CandidatePath {
    /// From the end entity upwards.
    #[serde(rename = "chain")]
    pub path: Vec<Member>,
    /// Whether it reaches a trust anchor.
    pub reaches_anchor: bool,
    /// Everything that is wrong with it, the worst first.
    pub findings: Vec<Finding>,
}

/// Judges a certificate under these anchors.
///
/// Takes at most about 50 ms for any input.
pub fn judge(candidates: Candidates<'_>, requirements: &Requirements) -> Judgement {
    let pool = Pool::new(
        candidates.end_entity,
        candidates.intermediates,
        candidates.anchors,
        candidates.revocation_lists,
    );
    let mut search = Search::new(&pool, requirements);
    search.run();
    let (best, all, exhausted) = (search.best, search.all, search.exhausted);
    let best = best.unwrap_or(Attempt {
        path: vec![0],
        end: End::IssuerMissing,
        drafts: Vec::new(),
    });
    let chosen = candidate_path(&pool, &best);
    let mut findings = chosen.findings;
    let mut whole = |id| {
        let rule = Rule::named(id);
        let severity = rule.severities.under(requirements.profile);
        findings.extend(severity.map(|severity| Finding::new(rule, severity, None, None)));
    };
    let is_good = chosen.reaches_anchor && !best.drafts.iter().any(Draft::is_error);
    if exhausted && !is_good {
        whole("budget-exhausted");
    }
    if pool.overflowed {
        whole("too-many-certificates");
    }
    sort(&mut findings);
    Judgement {
        path: chosen.path,
        reaches_anchor: chosen.reaches_anchor,
        findings,
        exhausted: exhausted && !is_good,
        all_paths: all
            .iter()
            .map(|attempt| candidate_path(&pool, attempt))
            .collect(),
    }
}

/// What is wrong with a certificate by itself, when there is no anchor: its dates, form, names and purposes.
/// Does not verify its signature.
pub fn judge_alone(certificate: &Certificate, requirements: &Requirements) -> Vec<Finding> {
    let pool = Pool::new(certificate, &[], &[], &[]);
    let drafts = examine(&pool.candidates[0], Role::EndEntity, requirements);
    let attempt = Attempt {
        path: vec![0],
        end: End::Anchor,
        drafts: drafts
            .into_iter()
            .map(|draft| Draft {
                place: Some(0),
                ..draft
            })
            .collect(),
    };
    candidate_path(&pool, &attempt).findings
}

/// A path with its findings.
fn candidate_path(pool: &Pool<'_>, attempt: &Attempt) -> CandidatePath {
    let reaches_anchor = attempt.end == End::Anchor;
    let path: Vec<_> = attempt
        .path
        .iter()
        .enumerate()
        .map(|(place, index)| member(pool, place, *index))
        .collect();
    let about = |place: usize| path.get(place).map(|member| member.reference.clone());
    let mut findings: Vec<_> = attempt
        .drafts
        .iter()
        .map(|draft| {
            let certificate = draft.place.and_then(about);
            draft.finding(certificate)
        })
        .collect();
    let last = attempt.path.len() - 1;
    let certificate = pool.candidates[attempt.path[last]].certificate;
    let issuer = certificate.issuer();
    let end = match attempt.end {
        End::Anchor => None,
        End::TooDeep => Some(("max-depth", format!("{last} intermediates so far"))),
        End::IssuerMissing => Some(("issuer-missing", format!("issuer {issuer}"))),
        End::SelfSigned => Some(("self-signed", format!("issuer {issuer}"))),
        End::WrongKey(candidate) => {
            let key = pool.candidates[candidate].public_key();
            let key = key.map_or_else(|| "unreadable key".to_owned(), |key| key.to_string());
            Some(("signature", format!("key of {issuer} ({key})")))
        }
    };
    findings.extend(end.map(|(id, found)| {
        let evidence = Some(Evidence::found(found));
        Finding::new(Rule::named(id), Severity::Error, about(last), evidence)
    }));
    sort(&mut findings);
    CandidatePath {
        path,
        reaches_anchor,
        findings,
    }
}

fn member(pool: &Pool<'_>, place: usize, index: usize) -> Member {
    let role = match pool.origins[index] {
        Origin::EndEntity => Role::EndEntity,
        Origin::Intermediate(_) => Role::Intermediate,
        Origin::Anchor(_) => Role::Anchor,
    };
    let subject = pool.candidates[index].certificate.subject();
    Member {
        reference: CertificateReference::new(role, place, subject),
        origin: pool.origins[index],
    }
}

/// A set of severities: how strictly a path is held to each rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// What decides a TLS connection is an error, the rest a warning.
    #[default]
    Tls,
    /// Every MUST of RFC 5280 is an error.
    Rfc5280,
    /// RFC 5280 and the CA/Browser Forum's Baseline Requirements.
    Webpki,
}

/// What a path is checked for.
#[derive(Clone, Debug)]
pub struct Requirements {
    /// The time of the check; fractions of a second are ignored.
    pub at: OffsetDateTime,
    /// How strictly.
    pub profile: Profile,
    /// The dialed name, if there is one.
    pub host: Option<ReferenceName>,
    /// Other names that must all be in the certificate.
    pub names: Vec<ReferenceName>,
    /// The purpose of the end entity; `None` if either of server and client is enough.
    pub purpose: Option<Purpose>,
    /// Whether the end entity must be permitted to sign.
    pub digital_signature: bool,
    /// The maximum number of intermediates, not counting self-issued ones; `None` for no limit.
    pub max_depth: Option<usize>,
    /// Whether to return every candidate path, not only the chosen one.
    pub all_paths: bool,
}

impl Requirements {
    /// The defaults: the path has to be valid at this time.
    pub fn at(at: OffsetDateTime) -> Self {
        Requirements {
            at,
            profile: Profile::default(),
            host: None,
            names: Vec::new(),
            purpose: None,
            digital_signature: false,
            max_depth: None,
            all_paths: false,
        }
    }

    /// Whether the check is for a TLS connection, not only for a valid path.
    pub(super) fn is_for_connection(&self) -> bool {
        self.host.is_some() || self.purpose.is_some()
    }
}

/// A name a certificate is checked against ([RFC 9525 §1.3](https://www.rfc-editor.org/rfc/rfc9525)'s reference identifier).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReferenceName {
    /// A host name: A-labels, no trailing dot; compared without case.
    Dns(String),
    /// An address.
    Ip(IpAddr),
    /// A mailbox.
    Email(String),
    /// A URI such as a SPIFFE ID, compared byte for byte.
    Uri(String),
}

impl fmt::Display for ReferenceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReferenceName::Dns(name) | ReferenceName::Email(name) | ReferenceName::Uri(name) => {
                f.write_str(name)
            }
            ReferenceName::Ip(address) => address.fmt(f),
        }
    }
}

/// What is wrong with a certificate in its role, in any path.
pub(super) fn examine(
    candidate: &Candidate<'_>,
    role: Role,
    requirements: &Requirements,
) -> Vec<Draft> {
    let mut drafts = Drafts::new(requirements.profile);
    form::examine_dates(candidate, requirements.at, &mut drafts);
    form::examine(candidate, role, &mut drafts);
    algorithm::examine(candidate, role, requirements, &mut drafts);
    usage::examine_constraints(candidate, role, requirements, &mut drafts);
    usage::examine(candidate, role, requirements, &mut drafts);
    identifiers::examine(candidate, role, &mut drafts);
    name_constraints::examine(candidate, role, &mut drafts);
    usage::examine_policies(candidate, role, &mut drafts);
    names::examine(candidate, role, requirements, &mut drafts);
    names::examine_public(candidate, role, &mut drafts);
    drafts.all
}

/// What is wrong with a certificate and its issuer together, in any path; `signature` is the result of
/// checking the signature.
pub(super) fn examine_issue(
    candidate: &Candidate<'_>,
    issuer: &Candidate<'_>,
    signature: Option<SignatureCheck>,
    drafts: &mut Drafts,
) {
    match signature {
        Some(SignatureCheck::Valid) | None => {}
        Some(SignatureCheck::Invalid) => drafts.add("signature"),
        Some(SignatureCheck::Unsupported) => drafts.add("signature-unsupported"),
    }
    form::examine_lifetimes(candidate, issuer, drafts);
    identifiers::examine_issue(candidate, issuer, drafts);
}

/// What is wrong with all of a path's certificates taken together, the end entity first.
pub(super) fn examine_path(
    path: &[&Candidate<'_>],
    requirements: &Requirements,
    drafts: &mut Drafts,
) {
    usage::examine_path_length(path, requirements, drafts);
    usage::examine_path(path, requirements, drafts);
    usage::examine_path_policies(path, drafts);
}

/// The certificates above what is issued, examined once for a whole batch.
///
/// How to use it, in a single issue as in a batch:
/// ```text
/// let chain = IssuerChain::new(&certificates, now);   // the issuer first, its trust anchor last
/// let findings = chain.judge(&planned);               // once per certificate, from any thread
/// if findings.iter().any(|finding| finding.severity == Severity::Error) { /* release nothing */ }
/// ```
/// A root that issues directly is a chain of one. If the anchor is not available, the last certificate counts
/// as one.
#[derive(Debug)]
pub struct IssuerChain<'a> {
    above: Vec<Candidate<'a>>,
    at: OffsetDateTime,
    /// What is wrong with the chain itself, for each purpose.
    own: [OnceLock<Vec<Draft>>; 5],
}

impl<'a> IssuerChain<'a> {
    /// The chain of these certificates at this moment: the issuer first, the trust anchor last.
    pub fn new(certificates: &'a [Certificate], at: OffsetDateTime) -> Self {
        IssuerChain {
            above: certificates.iter().map(Candidate::alone).collect(),
            at,
            own: [const { OnceLock::new() }; 5],
        }
    }

    /// Everything wrong with a certificate under this chain, the worst first; no error means that it verifies.
    ///
    /// Looks at names and constraints, usages and purposes, path lengths, critical extensions, policies, keys and
    /// dates, for the purposes that the certificate itself names. Does not look at its signature, so that a plan
    /// can be judged with any bytes for one, nor at revocation. A certificate that is not valid yet is judged
    /// as if it were. Takes some 10 µs.
    pub fn judge(&self, certificate: &Certificate) -> Vec<Finding> {
        let planned = Candidate::alone(certificate);
        let requirements = Requirements {
            purpose: purpose(&planned),
            ..Requirements::at(self.at)
        };
        let mut drafts = Drafts::new(requirements.profile);
        drafts.all.extend_from_slice(self.own(&requirements));
        let own = self.examine(&planned, &requirements);
        // An OCSP responder's certificate is for nothing else, and not for TLS (RFC 6960 §4.2.2.2).
        let usages = value(&planned.extensions().extended_key_usage);
        let is_responder = usages.is_some_and(|usages| usages[..] == [OCSP_SIGNING]);
        let counts = |draft: &&Draft| !is_responder || draft.rule.id != "purpose";
        let own: Vec<_> = own.iter().filter(counts).cloned().collect();
        drafts.extend(0, &own);
        let path: Vec<_> = std::iter::once(&planned).chain(&self.above).collect();
        drafts.about(0);
        examine_under(&planned, &self.above, &mut drafts);
        if planned.extensions().is_ca() {
            self.examine_room(&mut drafts);
        }
        examine_path(&path, &requirements, &mut drafts);
        self.findings(&path, &drafts.all)
    }

    /// What is wrong with the certificate by itself, in its role and inside its own dates.
    fn examine(&self, planned: &Candidate<'_>, requirements: &Requirements) -> Vec<Draft> {
        let certificate = planned.certificate;
        let mut own = requirements.clone();
        own.at = self.at.max(certificate.not_before());
        examine(planned, role(planned), &own)
    }

    /// What is wrong with the chain itself.
    fn own(&self, requirements: &Requirements) -> &[Draft] {
        let place = match requirements.purpose {
            None => 0,
            Some(Purpose::Server) => 1,
            Some(Purpose::Client) => 2,
            Some(Purpose::Peer) => 3,
            Some(Purpose::Message) => 4,
        };
        self.own[place].get_or_init(|| {
            let mut drafts = Drafts::new(requirements.profile);
            let last = self.above.len().saturating_sub(1);
            for (place, candidate) in self.above.iter().enumerate() {
                let role = if place == last {
                    Role::Anchor
                } else {
                    Role::Intermediate
                };
                let own = examine(candidate, role, requirements);
                drafts.extend(place + 1, &own);
                drafts.about(place + 1);
                examine_under(candidate, &self.above[place + 1..], &mut drafts);
            }
            drafts.all
        })
    }

    /// Whether a CA fits below this chain, so that what it issues in turn verifies.
    fn examine_room(&self, drafts: &mut Drafts) {
        let mut below = 1;
        for (place, candidate) in self.above.iter().enumerate() {
            let limit = value(&candidate.extensions().basic_constraints)
                .and_then(|constraints| constraints.path_length);
            if let Some(limit) = limit.filter(|limit| below > *limit) {
                drafts.about(place + 1).with("path-length", || {
                    Evidence::instead(
                        format_args!("{below} below it"),
                        format_args!("at most {limit}"),
                    )
                });
            }
            below += u64::from(!candidate.is_self_issued());
        }
    }

    fn findings(&self, path: &[&Candidate<'_>], drafts: &[Draft]) -> Vec<Finding> {
        let last = path.len() - 1;
        let about = |place: usize| {
            let role = match place {
                0 => role(path[0]),
                place if place == last => Role::Anchor,
                _ => Role::Intermediate,
            };
            CertificateReference::new(role, place, path[place].certificate.subject())
        };
        let mut findings: Vec<_> = drafts
            .iter()
            .map(|draft| draft.finding(draft.place.map(about)))
            .collect();
        sort(&mut findings);
        findings
    }
}

/// What is wrong with a certificate and the CAs above it taken together.
fn examine_under(candidate: &Candidate<'_>, above: &[Candidate<'_>], drafts: &mut Drafts) {
    let Some(issuer) = above.first() else {
        return;
    };
    let (named, subject) = (candidate.certificate.issuer(), issuer.certificate.subject());
    if !is_same(named, subject) {
        drafts.with("issuer-missing", || Evidence::instead(named, subject));
    }
    examine_issue(candidate, issuer, None, drafts);
    // Self-issued CAs are free of name constraints (RFC 5280 §6.1.3).
    if candidate.extensions().is_ca() && candidate.is_self_issued() {
        return;
    }
    let mut comparisons = 0;
    for ca in above {
        name_constraints::examine_below(candidate, ca, &mut comparisons, drafts);
    }
}

fn role(planned: &Candidate<'_>) -> Role {
    if planned.extensions().is_ca() {
        Role::Intermediate
    } else {
        Role::EndEntity
    }
}

/// The purpose that the certificate's own usages name.
fn purpose(planned: &Candidate<'_>) -> Option<Purpose> {
    let extensions = planned.extensions();
    let Some(usages) = value(&extensions.extended_key_usage) else {
        let encrypts =
            |usage: &KeyUsage| !usage.has(KeyUsage::DIGITAL_SIGNATURE) && !extensions.is_ca();
        return value(&extensions.key_usage)
            .filter(|usage| encrypts(usage))
            .map(|_| Purpose::Message);
    };
    let names = |purpose| usages.iter().any(|usage| *usage == purpose);
    match (names(SERVER_AUTH), names(CLIENT_AUTH)) {
        (true, true) => Some(Purpose::Peer),
        (true, false) => Some(Purpose::Server),
        (false, true) => Some(Purpose::Client),
        (false, false) => None,
    }
}
