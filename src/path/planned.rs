//! A certificate judged before it leaves: would it verify under the chain of its issuer?

use std::sync::OnceLock;

use time::OffsetDateTime;

use super::extension::value;
use super::finding::{CertificateReference, Draft, Drafts, Evidence, Finding, Role, sort};
use super::identifiers::is_same;
use super::pool::Candidate;
use super::{Requirements, judgement, name_constraints};
use crate::pki::certificate::Certificate;
use crate::pki::extension::KeyUsage;
use crate::pki::usage::{CLIENT_AUTH, OCSP_SIGNING, Purpose, SERVER_AUTH};

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
        judgement::examine_path(&path, &requirements, &mut drafts);
        self.findings(&path, &drafts.all)
    }

    /// What is wrong with the certificate by itself, in its role and inside its own dates.
    fn examine(&self, planned: &Candidate<'_>, requirements: &Requirements) -> Vec<Draft> {
        let certificate = planned.certificate;
        let mut own = requirements.clone();
        own.at = self.at.max(certificate.not_before());
        judgement::examine(planned, role(planned), &own)
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
                let own = judgement::examine(candidate, role, requirements);
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
    judgement::examine_issue(candidate, issuer, None, drafts);
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
