//! Whether certificates are valid: their dates, names and purpose, and the path to a trust anchor.
//!
//! ```text
//! file or port ─► Subject ─► judged under each trust store until one ends the chain ─► CertificateReport
//! ```
//! "Yes" needs a path to an anchor, and for a live port the proof that it has the private key.

mod inputs;
mod report;

use std::path::{Path, PathBuf};

use serde::Serialize;
use time::OffsetDateTime;

use super::anchors::AnchorSource;
use super::expiry::Span;
use super::live::{self, Dialling};
use crate::authority::pem_of;
use crate::error::{Error, shown};
use crate::files;
use crate::keys::ReadKey;
use crate::net::presented_chain;
use crate::path::finding::{CertificateReference, Evidence, Finding, Role, Severity};
use crate::path::stacks::{ClientFiles, Identity, ServerFiles, Setup, Stack, judge_pair};
use crate::path::{Candidates, Judgement, Profile, ReferenceName, Requirements, judge};
use crate::pki::bundle::{Bundle, relations};
use crate::pki::certificate::Certificate;
use crate::pki::crl::RevocationList;
use crate::pki::document::Encoding;
use crate::pki::usage::{CLIENT_AUTH, Purpose, SERVER_AUTH};
use crate::pki::validity::Lifetime;
use inputs::{Inputs, STORES, TrustStore};

pub(super) use inputs::{read_bundle, read_private_key};
pub use report::{CertificateReport, Report};

/// What to verify, and for what.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// Files, `-` for standard input, or live ports; the first certificate of each is judged, others may be
    /// its intermediates.
    pub files: Vec<PathBuf>,
    /// The trust anchors, and no others; otherwise the `ca.crt` beside each file, the PKI directory's, and
    /// the system's trust store are tried.
    pub ca: Option<PathBuf>,
    /// The PKI directory.
    pub directory: PathBuf,
    /// Whether the system's trust store is tried.
    pub system_roots: bool,
    /// How ports are dialled.
    pub dialling: Dialling,
    /// Further intermediates.
    pub untrusted: Vec<PathBuf>,
    /// CRLs.
    pub revocation_lists: Vec<PathBuf>,
    /// The private key that must match each certificate.
    pub key: Option<PathBuf>,
    /// The password of the private key.
    pub password_file: Option<PathBuf>,
    /// The name that is dialled.
    pub host: Option<ReferenceName>,
    /// What the certificate is used for.
    pub purpose: Option<Purpose>,
    /// How strictly it is judged.
    pub profile: Profile,
    /// The moment to judge at; otherwise now.
    pub at: Option<OffsetDateTime>,
    /// How much time must remain.
    pub expires_in: Option<Lifetime>,
    /// The maximum number of intermediates.
    pub max_depth: Option<usize>,
    /// Whether every candidate path is reported.
    pub all_paths: bool,
    /// The TLS stack whose verdict counts, rather than the rules.
    pub stack: Option<Stack>,
}

impl Request {
    /// Whether a file's certificate is valid under the `ca.crt` beside it.
    pub fn new(file: impl Into<PathBuf>) -> Self {
        Request {
            files: vec![file.into()],
            ..Request::default()
        }
    }
}

/// Verifies every file that can be read; the others are returned as errors, one per file.
///
/// # Errors
/// When the anchors, intermediates, CRLs or key that were named cannot be read.
pub fn run(request: &Request, now: OffsetDateTime) -> Result<(Report, Vec<Error>), Error> {
    let inputs = Inputs::read(request)?;
    let mut certificates = Vec::new();
    let mut errors = Vec::new();
    for file in &request.files {
        let subject = Subject::of(file, request);
        match subject.and_then(|subject| verify(&subject, &inputs, request, now)) {
            Ok(certificate) => certificates.push(certificate),
            Err(error) => errors.push(error),
        }
    }
    Ok((Report::new(certificates), errors))
}

fn verify(
    subject: &Subject,
    inputs: &Inputs,
    request: &Request,
    now: OffsetDateTime,
) -> Result<CertificateReport, Error> {
    let certificate = subject.certificate();
    let beside = inputs.beside(subject.beside.as_deref())?;
    let at = request.at.unwrap_or(now);
    let host = request.host.clone().or(subject.dialled.clone());
    let requirements = Requirements {
        profile: request.profile,
        host: host.clone(),
        purpose: request.purpose.or(host.as_ref().map(|_| Purpose::Server)),
        max_depth: request.max_depth,
        all_paths: request.all_paths,
        ..Requirements::at(at)
    };
    let judging = Judging {
        certificate,
        intermediates: &[&subject.bundle.certificates[1..], &inputs.untrusted].concat(),
        inputs,
        requirements: &requirements,
    };
    let (judgement, store) = judging.under_the_first_that_ends_the_chain(beside.as_ref());
    let has_store = (0..STORES - 1).any(|place| inputs.store(place, beside.as_ref()).is_some());
    let reaches_anchor = judgement.reaches_anchor;
    if !reaches_anchor && !inputs.revocation_lists.is_empty() && !has_store {
        return Err(Error::usage(
            format!(
                "{}: a CRL cannot be checked without the CA that issued it",
                shown(&subject.path)
            ),
            "name the CA's certificate with `--ca FILE`",
        ));
    }
    let mut findings = judgement.findings.clone();
    if inputs.revocation_lists.is_empty() {
        let beside = store.map(|store| &store.beside);
        findings = with_lists_beside(findings, &judging, beside, reaches_anchor);
    }
    let mut report = CertificateReport::new(&subject.path, certificate, at);
    let is_given = store.is_some_and(|store| store.anchors.source.is_given());
    report.judged(judgement, findings, is_given);
    report.anchors = store
        .filter(|_| reaches_anchor || is_given)
        .map(|store| store.anchors.source.clone());
    report.tried = judging.tried(beside.as_ref());
    if let (Some(stack), Some(store), true) = (request.stack, store, reaches_anchor || is_given) {
        let question = Question {
            stack,
            purpose: requirements.purpose,
            host: host.as_ref(),
            at,
        };
        judge_as(&mut report, &subject.content, &roots(store)?, &question);
    }
    report.extend(of_certificate(
        certificate,
        inputs.key.as_ref(),
        request,
        at,
    ));
    report.extend(of_file(&subject.bundle, subject.encoding));
    report.conclude(subject.has_proven_key);
    Ok(report)
}

/// Judging one certificate under one trust store after the other.
struct Judging<'a> {
    certificate: &'a Certificate,
    intermediates: &'a [Certificate],
    inputs: &'a Inputs,
    requirements: &'a Requirements,
}

impl<'a> Judging<'a> {
    /// The judgement under the first store that ends the chain; else under the one that came nearest, where
    /// a wrong signature comes nearer than an unknown issuer.
    fn under_the_first_that_ends_the_chain(
        &self,
        beside: Option<&'a TrustStore>,
    ) -> (Judgement, Option<&'a TrustStore>) {
        let mut nearest: Option<(Judgement, &TrustStore)> = None;
        for store in (0..STORES).filter_map(|place| self.inputs.store(place, beside)) {
            let judgement = self.under(store);
            if judgement.reaches_anchor {
                return (judgement, Some(store));
            }
            let is_nearer = nearest.is_none() || has_finding(&judgement, "signature");
            if is_nearer {
                nearest = Some((judgement, store));
            }
        }
        match nearest {
            Some((judgement, store)) => (judgement, Some(store)),
            None => (self.judged(&[], &[]), None),
        }
    }

    fn under(&self, store: &TrustStore) -> Judgement {
        let chain = std::iter::once(self.certificate).chain(self.intermediates);
        let anchors = store.anchors.of_interest(chain);
        // CRLs that were named replace the ones that happen to be there.
        let lists = match &self.inputs.revocation_lists[..] {
            [] => store.beside.as_deref().unwrap_or_default(),
            named => named,
        };
        self.judged(&anchors, lists)
    }

    fn judged(&self, anchors: &[Certificate], revocation_lists: &[RevocationList]) -> Judgement {
        let candidates = Candidates {
            end_entity: self.certificate,
            intermediates: self.intermediates,
            anchors,
            revocation_lists,
        };
        judge(candidates, self.requirements)
    }

    /// The sources that were tried.
    fn tried(&self, beside: Option<&TrustStore>) -> Vec<AnchorSource> {
        let stores = (0..STORES).filter_map(|place| self.inputs.store(place, beside));
        stores.map(|store| store.anchors.source.clone()).collect()
    }

    /// Whether none of these CRLs was issued by a CA of the chain or its anchors.
    fn are_foreign(&self, lists: &[RevocationList]) -> bool {
        let mut names: Vec<_> = vec![self.certificate.issuer()];
        names.extend(self.intermediates.iter().map(Certificate::issuer));
        !lists.is_empty() && !lists.iter().any(|list| names.contains(&list.issuer()))
    }
}

fn has_finding(judgement: &Judgement, id: &str) -> bool {
    judgement.findings.iter().any(|finding| finding.id == id)
}

/// The anchors as PEM, for a TLS stack.
fn roots(store: &TrustStore) -> Result<Vec<u8>, Error> {
    match store.anchors.source.path() {
        Some(path) => Ok(files::read(path)?.to_vec()),
        None => {
            let anchors = store.anchors.certificates.iter();
            Ok(pem_of(anchors.map(Certificate::as_der))?.into_bytes())
        }
    }
}

/// What is judged: the contents of a file, or what a port serves.
struct Subject {
    path: PathBuf,
    bundle: Bundle,
    /// The file as it is, or what is served as PEM.
    content: Vec<u8>,
    encoding: Encoding,
    /// The name that was dialled.
    dialled: Option<ReferenceName>,
    /// The file beside which a `ca.crt` may be.
    beside: Option<PathBuf>,
    /// Whether whoever serves it has proven that it has the private key; true for files.
    has_proven_key: bool,
}

impl Subject {
    fn of(path: &Path, request: &Request) -> Result<Self, Error> {
        if live::is_port(path)? {
            return Subject::served(path, request);
        }
        let (content, bundle, encoding) = inputs::read_with_content(path)?;
        Ok(Subject {
            path: path.to_owned(),
            bundle,
            content,
            encoding,
            dialled: None,
            beside: (path != Path::new("-")).then(|| path.to_owned()),
            has_proven_key: true,
        })
    }

    fn served(path: &Path, request: &Request) -> Result<Self, Error> {
        let target = request.dialling.target(&path.to_string_lossy())?;
        let path = PathBuf::from(target.to_string());
        let presented = presented_chain(&target, None, request.dialling.timeout)?;
        let has_proven_key = presented.is_key_proven;
        let certificates = presented.certificates;
        let content = pem_of(&certificates)?;
        Ok(Subject {
            path,
            content: content.into_bytes(),
            bundle: Bundle {
                certificates,
                private_keys: 0,
                others: Vec::new(),
                byte_order_mark: false,
            },
            encoding: Encoding::Pem,
            dialled: Some(live::reference_name(&target)),
            beside: None,
            has_proven_key,
        })
    }

    /// The certificate that is judged.
    fn certificate(&self) -> &Certificate {
        let first = self.bundle.certificates.first();
        first.unwrap_or_else(|| unreachable!("a bundle that was read has a certificate"))
    }
}

/// What the CRLs that happen to be beside the anchors amount to: what they revoke is revoked, but a fault in
/// them, or a certificate that they do not cover, decides nothing.
fn with_lists_beside(
    findings: Vec<Finding>,
    judging: &Judging<'_>,
    beside: Option<&Result<Vec<RevocationList>, String>>,
    reaches_anchor: bool,
) -> Vec<Finding> {
    let mut findings: Vec<Finding> = findings
        .into_iter()
        .filter(|finding| finding.id != UNKNOWN_REVOCATION)
        .map(|mut finding| {
            if finding.id.starts_with(LIST_RULES) {
                finding.severity = finding.severity.min(Severity::Warning);
            }
            finding
        })
        .collect();
    match beside {
        Some(Err(message)) => {
            let unreadable = Finding::of("crl-unreadable");
            findings.push(unreadable.with_evidence(Evidence::found(message)));
        }
        Some(Ok(lists)) if reaches_anchor && judging.are_foreign(lists) => {
            let issuer = lists[0].issuer();
            let foreign = Finding::of("crl-foreign");
            findings.push(foreign.with_evidence(Evidence::found(format_args!("issuer {issuer}"))));
        }
        Some(Ok(_)) | None => {}
    }
    findings
}

/// What was asked for besides the path.
fn of_certificate(
    certificate: &Certificate,
    key: Option<&ReadKey>,
    request: &Request,
    at: OffsetDateTime,
) -> Vec<Finding> {
    let reference = CertificateReference::new(Role::EndEntity, 0, certificate.subject());
    let mut findings = Vec::new();
    if let Some(lifetime) = request.expires_in {
        let left = certificate.not_after() - at;
        if left < lifetime.duration() && left.is_positive() {
            let evidence = Evidence::instead(Span(left), format_args!("at least {lifetime}"));
            findings.push(Finding::of("expires-soon").with_evidence(evidence));
        }
    }
    if let Some(key) = key
        && key.public_key_info() != Some(certificate.public_key_info())
    {
        let evidence = Evidence::found(format_args!("a key of type {}", key.kind()));
        findings.push(Finding::of("key-mismatch").with_evidence(evidence));
    }
    let about = |finding: Finding| finding.about(reference.clone());
    findings.into_iter().map(about).collect()
}

/// What is wrong with the file of a certificate.
fn of_file(bundle: &Bundle, encoding: Encoding) -> Vec<Finding> {
    let is_first_issuer = relations(&bundle.certificates).misplaced == Some(0);
    [
        (is_first_issuer, "wrong-order"),
        (bundle.private_keys > 0, "private-key-beside"),
        (bundle.byte_order_mark, "byte-order-mark"),
        (encoding == Encoding::Der, "not-pem"),
    ]
    .into_iter()
    .filter(|(is_so, _)| *is_so)
    .map(|(_, rule)| Finding::of(rule))
    .collect()
}

/// The ids of all rules about CRLs start with this.
const LIST_RULES: &str = "crl-";
const UNKNOWN_REVOCATION: &str = "revocation-unknown";

/// The stack, and what it judges the certificate for.
struct Question<'a> {
    stack: Stack,
    purpose: Option<Purpose>,
    host: Option<&'a ReferenceName>,
    at: OffsetDateTime,
}

/// Replaces the verdict of the rules by the stack's: what the stack overlooks becomes a warning, what it
/// refuses is an error. `chain` and `roots` are files as the stack would load them.
fn judge_as(report: &mut CertificateReport, chain: &[u8], roots: &[u8], question: &Question<'_>) {
    let verdict = ask(chain, roots, question);
    for finding in &mut report.findings {
        finding.severity = finding.severity.min(Severity::Warning);
    }
    report.stack = Some(question.stack);
    for reason in verdict.reasons {
        report.findings.retain(|finding| finding.id != reason.id);
        report.findings.push(reason);
    }
    report.refused_by_stack = !verdict.accepts;
}

/// Whether a stack accepts a certificate.
#[derive(Clone, Debug, Serialize)]
pub struct StackVerdict {
    /// The stack.
    pub stack: Stack,
    /// Whether it was judged as a client's certificate, and otherwise as a server's.
    pub is_client: bool,
    /// Whether it accepts the certificate.
    pub accepts: bool,
    /// Why it does not.
    pub reasons: Vec<Finding>,
}

/// What each stack makes of a certificate, for each of the roles that it may have. `chain` and `roots` are files as the
/// stack would load them.
pub fn by_stack(
    certificate: &Certificate,
    chain: &[u8],
    roots: &[u8],
    now: OffsetDateTime,
) -> Vec<StackVerdict> {
    let usages = certificate.extended_key_usages().ok().flatten();
    let may_have = |role| {
        let usages = usages.as_ref();
        usages.is_none_or(|usages| usages.iter().any(|usage| *usage == role))
    };
    let mut verdicts = Vec::new();
    for (purpose, role) in [
        (Purpose::Server, SERVER_AUTH),
        (Purpose::Client, CLIENT_AUTH),
    ] {
        if !may_have(role) {
            continue;
        }
        for stack in Stack::ALL {
            let question = Question {
                stack,
                purpose: Some(purpose),
                host: None,
                at: now,
            };
            verdicts.push(ask(chain, roots, &question));
        }
    }
    verdicts
}

/// Asks a stack.
fn ask(chain: &[u8], roots: &[u8], question: &Question<'_>) -> StackVerdict {
    let host = question.host.map(ToString::to_string);
    let is_client = question.purpose == Some(Purpose::Client);
    let setup = Setup {
        // A client's certificate is judged without its server.
        server: Some(ServerFiles {
            certificate: chain,
            key: None,
            client_roots: is_client.then_some(roots),
        }),
        client: Some(ClientFiles {
            roots: (!is_client).then_some(roots),
            identity: is_client.then_some(Identity {
                certificate: chain,
                key: None,
            }),
        }),
        host: host.as_deref().filter(|_| !is_client),
    };
    let verdicts = judge_pair(&setup, question.at, question.stack, question.stack);
    let mut outcomes = verdicts.outcomes.iter();
    let is_refused =
        outcomes.any(|pair| pair.connects == Some(false) || pair.server_starts == Some(false));
    let causes = verdicts.causes.into_iter().filter(|_| is_refused);
    StackVerdict {
        stack: question.stack,
        is_client,
        accepts: !is_refused,
        reasons: causes.map(|cause| cause.finding).collect(),
    }
}
