//! The findings about a port.

use std::collections::HashSet;
use std::fmt;

use time::OffsetDateTime;

use super::facts::{LiveReport, names};
use super::{ClientCertificate, Scheme, Serves, Target, is_taken, reference_name};
use crate::net::probe::Probe;
use crate::net::{Failure, KeyProof, Outcome, Plaintext, Reached, Session};
use crate::path::finding::{CertificateReference, Evidence, Finding, Role};
use crate::path::{Candidates, ReferenceName, Requirements, Verdict, judge, judge_alone};
use crate::pki::bundle::relations;
use crate::pki::certificate::Certificate;
use crate::pki::crl::RevocationList;
use crate::pki::fingerprint::Fingerprint;
use crate::pki::usage::Purpose;
use crate::pki::validity::rfc3339;

/// What to judge a port by; every part is optional.
#[derive(Clone, Copy, Debug, Default)]
pub struct Basis<'a> {
    /// The server's certificate file: its certificate, then intermediates.
    pub certificates: &'a [Certificate],
    /// The client's trust anchors; without any, no path is judged.
    pub anchors: &'a [Certificate],
    /// CRLs.
    pub revocation_lists: &'a [RevocationList],
    /// The client's certificates, and its private key as unencrypted PKCS #8.
    pub client: Option<(&'a [Certificate], &'a [u8])>,
    /// The name the certificate must be valid for, if not the dialled one.
    pub host: Option<&'a ReferenceName>,
    /// The moment to judge certificates at, if not now.
    pub at: Option<OffsetDateTime>,
}

/// The report with its findings, most severe first.
pub(super) fn judge_report(
    mut report: LiveReport,
    probe: &Probe,
    target: &Target,
    given: &Basis<'_>,
    now: OffsetDateTime,
) -> LiveReport {
    let mut judge = Judge {
        probe,
        target,
        given,
        now,
        findings: std::mem::take(&mut report.findings),
        known: HashSet::new(),
    };
    judge.tcp();
    judge.plaintext(&report);
    if let Some(main) = probe.main() {
        judge.handshake(main);
        judge.http2(main, &report);
        judge.clients(main, &report);
    }
    judge.connections(&report);
    let is_good = judge.chains();
    report.findings = judge.findings;
    report
        .findings
        .sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    report.reached = reached(&report, probe, target, is_good);
    report
}

/// Whether a client connects: TLS, gRPC, and certificates it can verify.
fn reached(
    report: &LiveReport,
    probe: &Probe,
    target: &Target,
    is_good: Option<bool>,
) -> Option<bool> {
    let Some(main) = probe.main() else {
        return Some(false);
    };
    if target.scheme().is_some_and(|scheme| !scheme.is_tls()) {
        return Some(report.serves == Serves::Plaintext);
    }
    let is_unsteady = |finding: &Finding| finding.id == "live-connections-differ";
    if is_key_refuted(probe) || report.findings.iter().any(is_unsteady) {
        return Some(false);
    }
    let is_spoken = if is_grpc(target) {
        is_taken(main)
            .map(|taken| taken && report.http2_settings && report.alpn.as_deref() == Some("h2"))
    } else {
        Some(main.outcome == Outcome::Finished && is_taken(main) != Some(false))
    };
    match (is_spoken, is_good) {
        (Some(false), _) | (_, Some(false)) => Some(false),
        // A client that cannot check the signature either does not connect; another might.
        (Some(true), _) if !is_key_proven(probe) => None,
        (Some(true), is_good) => is_good,
        // Without SETTINGS in time, a client waits as well.
        (None, _) => Some(false),
    }
}

/// Whether a server signed a handshake with another key than its certificate's.
fn is_key_refuted(probe: &Probe) -> bool {
    probe
        .as_given()
        .any(|session| session.key_proof == Some(KeyProof::Failed))
}

/// Whether every server that presented a certificate proved that it holds the key.
fn is_key_proven(probe: &Probe) -> bool {
    let mut presented = probe
        .as_given()
        .filter(|session| !session.certificates.is_empty());
    presented.all(Session::is_key_proven)
}

fn is_grpc(target: &Target) -> bool {
    target.scheme().is_none_or(Scheme::is_grpc)
}

struct Judge<'a> {
    probe: &'a Probe,
    target: &'a Target,
    given: &'a Basis<'a>,
    now: OffsetDateTime,
    findings: Vec<Finding>,
    known: HashSet<(&'static str, String)>,
}

impl Judge<'_> {
    fn tcp(&mut self) {
        if let Some(error) = &self.probe.unresolved {
            return self.add_found("live-unresolved", error);
        }
        let attempts = &self.probe.attempts;
        let mut failed = attempts.clone();
        failed.retain(|attempt| attempt.reached != Reached::Connected);
        let Some(first) = failed.first() else {
            return;
        };
        let texts: Vec<String> = failed.iter().map(ToString::to_string).collect();
        let addresses = failed.iter().map(|attempt| attempt.address.to_string());
        let addresses = addresses.collect::<Vec<_>>().join(", ");
        if failed.len() < attempts.len() {
            return self.add_found("live-some-addresses", texts.join("; "));
        }
        match &first.reached {
            Reached::Refused | Reached::Connected => self.add_found("live-refused", addresses),
            Reached::TimedOut => self.add_found("live-timeout", addresses),
            Reached::Unreachable(_) => self.add_found("live-unreachable", texts.join("; ")),
        }
    }

    /// Plaintext instead of TLS, and TLS instead of plaintext.
    fn plaintext(&mut self, report: &LiveReport) {
        let is_tls_expected = self.target.scheme().is_none_or(Scheme::is_tls);
        let is_tls = matches!(report.serves, Serves::Tls | Serves::Mtls);
        if is_tls && !is_tls_expected {
            self.add(Finding::of("live-tls-unexpected"));
        }
        match &self.probe.plaintext {
            Some(Plaintext::Http2) if is_tls_expected => self.add(Finding::of("live-plaintext")),
            Some(Plaintext::Http1) if is_tls_expected => {
                self.add(Finding::of("live-plaintext-http"))
            }
            Some(Plaintext::Http2 | Plaintext::Http1) | None => {}
            Some(Plaintext::Ssh) => self.add_found("live-not-tls", "SSH"),
            Some(Plaintext::Other(first)) => {
                self.add_found("live-not-tls", first.escape_ascii());
            }
            Some(Plaintext::Nothing) if !is_tls => {
                let finding = Finding::of("live-no-tls");
                self.add(match &report.handshake_error {
                    Some(error) => finding.found(error),
                    None => finding,
                });
            }
            Some(Plaintext::Nothing) => {}
        }
    }

    fn handshake(&mut self, main: &Session) {
        if is_key_refuted(self.probe) {
            self.add(Finding::of("live-key-unproven"));
        } else if main.outcome == Outcome::Finished
            && main.end_entity().is_some()
            && !is_key_proven(self.probe)
        {
            self.add(Finding::of("live-key-unchecked"));
        }
        let Outcome::Failed(failure) = &main.outcome else {
            return;
        };
        if self.probe.plaintext.is_some() {
            return;
        }
        match failure {
            Failure::Alert(alert) if alert.is_no_application_protocol() => {
                self.add_found("live-alpn", failure);
            }
            // TLS 1.2 rejects a client during the handshake, TLS 1.3 after it.
            Failure::Alert(_) | Failure::Closed | Failure::Reset if main.request.is_some() => {
                self.refused(main, Evidence::found(failure));
            }
            Failure::Alert(_)
            | Failure::Closed
            | Failure::Reset
            | Failure::TimedOut
            | Failure::NotTls(_)
            | Failure::Incompatible(_)
            | Failure::Misbehaved(_)
            | Failure::TooMuch
            | Failure::System(_) => {
                self.add_found("live-handshake", failure);
            }
        }
    }

    /// What follows the handshake.
    fn http2(&mut self, main: &Session, report: &LiveReport) {
        if main.outcome != Outcome::Finished || !is_grpc(self.target) {
            return;
        }
        let agreed = main.protocol.as_deref();
        if agreed != Some("h2") {
            let agreed = agreed.unwrap_or("none");
            self.add(Finding::of("live-alpn").instead(agreed, "h2"));
        }
        let end = report.http2_end.unwrap_or_default().replace('_', " ");
        let evidence = match &report.http2_detail {
            Some(detail) => Evidence::found(format_args!("{end}: {detail}")),
            None => Evidence::found(end),
        };
        match is_taken(main) {
            Some(true) if report.http2_settings || agreed != Some("h2") => {}
            Some(true) => self.add_evidence("live-no-settings", evidence),
            Some(false) if main.request.is_some() => self.refused(main, evidence),
            // The missing h2 explains it.
            Some(false) | None if agreed != Some("h2") => {}
            Some(false) => self.add_evidence("live-closed", evidence),
            None => self.add_evidence("live-no-settings", evidence),
        }
    }

    /// The server ended a connection on which it requested a certificate.
    fn refused(&mut self, main: &Session, evidence: Evidence) {
        let request = main.request.as_ref();
        let rule = match request.is_some_and(|request| request.answered) {
            true => "live-client-certificate-refused",
            false => "live-client-certificate-required",
        };
        self.add_evidence(rule, evidence);
    }

    fn clients(&mut self, main: &Session, report: &LiveReport) {
        if self.given.client.is_some() && report.client_certificate == ClientCertificate::NotAsked {
            self.add(Finding::of("live-client-certificate-unasked"));
        }
        if main.request.is_some() && report.none_refused == Some(false) {
            self.add(Finding::of("live-client-certificate-optional"));
        }
        if report.foreign_refused == Some(false) {
            self.add(Finding::of("live-stranger-taken"));
        }
    }

    /// Whether all connections behave the same.
    fn connections(&mut self, report: &LiveReport) {
        if let [_, _, ..] = report.chains.as_slice() {
            let chains = report.chains.iter().map(|chain| {
                let first = chain.fingerprints_sha256.first();
                let first = first.map_or_else(String::new, short);
                format!("{first} on {} of {}", chain.connections, report.connections)
            });
            let chains: Vec<String> = chains.collect();
            self.add_found("live-certificates-differ", chains.join(", "));
        }
        let alike: Vec<_> = self.probe.as_given().collect();
        if let Some(evidence) = difference(&alike) {
            self.add_found("live-connections-differ", evidence);
        }
        if let Some(seconds) = report.clock_difference_seconds
            && seconds.abs() > MAX_CLOCK_DIFFERENCE_SECONDS
        {
            self.add_found("live-clock", format!("a difference of {seconds} s"));
        }
    }

    /// Whether every served chain is valid; `None` without anchors.
    fn chains(&mut self) -> Option<bool> {
        let mut is_good = Some(true);
        let chains = self.probe.distinct_chains();
        if chains.is_empty() {
            return Some(false);
        }
        for (session, _) in chains.into_iter().take(MAX_CHAINS_JUDGED) {
            match self.chain(session) {
                Some(good) => is_good = is_good.map(|all| all && good),
                None => is_good = None,
            }
        }
        is_good
    }

    fn chain(&mut self, session: &Session) -> Option<bool> {
        for served in &session.certificates {
            if let Err(error) = &served.certificate {
                self.add_found("live-malformed", error);
            }
        }
        let served: Vec<Certificate> = session.parsed_certificates().into_iter().cloned().collect();
        let is_first_read = session
            .certificates
            .first()
            .is_some_and(|first| first.certificate.is_ok());
        let (Some((end_entity, others)), true) = (served.split_first(), is_first_read) else {
            return Some(false);
        };
        self.order(&served);
        self.against_file(end_entity);
        self.path(end_entity, others)
    }

    /// The order of the certificates.
    fn order(&mut self, served: &[Certificate]) {
        let relations = relations(served);
        for (i, certificate) in served.iter().enumerate() {
            if relations.copy_of[i].is_some() {
                self.about("live-duplicate", i, certificate, None);
            } else if i > 0 && certificate.is_self_issued() {
                self.about("live-root-served", i, certificate, None);
            }
        }
        if let Some(misplaced) = relations.misplaced {
            self.about("live-wrong-order", misplaced, &served[misplaced], None);
        }
    }

    /// Whether the certificate is the one in the file.
    fn against_file(&mut self, end_entity: &Certificate) {
        let Some(expected) = self.given.certificates.first() else {
            return;
        };
        if expected == end_entity {
            return;
        }
        let evidence = Evidence::instead(identity(end_entity), identity(expected));
        let are_same =
            names(end_entity) == names(expected) && end_entity.subject() == expected.subject();
        let rule = if are_same {
            "live-other-serial"
        } else {
            "live-other-certificate"
        };
        self.about(rule, 0, end_entity, Some(evidence));
    }

    /// Whether the served certificates alone reach an anchor.
    fn path(&mut self, end_entity: &Certificate, others: &[Certificate]) -> Option<bool> {
        let dialled = reference_name(self.target);
        let requirements = Requirements {
            host: Some(self.given.host.unwrap_or(&dialled).clone()),
            purpose: Some(Purpose::Server),
            ..Requirements::at(self.given.at.unwrap_or(self.now))
        };
        if self.given.anchors.is_empty() {
            self.take_over(judge_alone(end_entity, &requirements));
            return None;
        }
        let candidates = Candidates {
            end_entity,
            intermediates: others,
            anchors: self.given.anchors,
            revocation_lists: self.given.revocation_lists,
        };
        let judgement = judge(candidates, &requirements);
        let is_good = judgement.verdict() != Verdict::No;
        if !judgement.reaches_anchor {
            let intermediates = [others, self.given.certificates].concat();
            let completed = Candidates {
                intermediates: &intermediates,
                ..candidates
            };
            let is_incomplete = judge(completed, &requirements).reaches_anchor;
            let rule = if is_incomplete {
                "live-chain-incomplete"
            } else {
                "live-anchor-mismatch"
            };
            self.about(
                rule,
                0,
                end_entity,
                Some(Evidence::found(issuer(end_entity))),
            );
        }
        self.take_over(judgement.findings);
        Some(is_good)
    }

    /// Adds findings of the path engine, each once for all chains.
    fn take_over(&mut self, findings: Vec<Finding>) {
        for finding in findings {
            if self.known.insert((finding.id, finding.summary())) {
                self.findings.push(finding);
            }
        }
    }

    fn add(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    fn add_found(&mut self, rule: &str, found: impl fmt::Display) {
        self.add(Finding::of(rule).found(found));
    }

    fn add_evidence(&mut self, rule: &str, evidence: Evidence) {
        self.add(Finding::of(rule).with_evidence(evidence));
    }

    fn about(
        &mut self,
        rule: &'static str,
        place: usize,
        certificate: &Certificate,
        evidence: Option<Evidence>,
    ) {
        let role = match place {
            0 => Role::EndEntity,
            _ => Role::Intermediate,
        };
        let reference = CertificateReference::new(role, place, certificate.subject());
        let finding = Finding::of(rule).about(reference);
        self.take_over(vec![Finding {
            evidence,
            ..finding
        }]);
    }
}

/// How connections differ that all began in the same way.
fn difference(alike: &[&Session]) -> Option<String> {
    let all = alike.len();
    let is_taken = |session: &&&Session| is_taken(session) == Some(true);
    let taken = alike.iter().filter(is_taken).count();
    if taken > 0 && taken < all {
        let other = alike.iter().find(|session| !is_taken(session))?;
        let reason = match &other.outcome {
            Outcome::Finished => "the connection is closed after the handshake".to_owned(),
            Outcome::Failed(failure) => failure.to_string(),
        };
        return Some(format!(
            "{taken} of {all} are accepted; on others, {reason}"
        ));
    }
    let finished: Vec<_> = alike
        .iter()
        .filter(|session| session.outcome == Outcome::Finished)
        .collect();
    let asked = finished.iter().filter(|session| session.request.is_some());
    let (asked, all) = (asked.count(), finished.len());
    let text = format!("a client certificate is requested on {asked} of {all}");
    (asked > 0 && asked < all).then_some(text)
}

fn issuer(certificate: &Certificate) -> String {
    format!("issued by {}", certificate.issuer())
}

/// What distinguishes certificates with the same name.
fn identity(certificate: &Certificate) -> String {
    let fingerprint = Fingerprint::sha256(certificate.as_der());
    format!(
        "serial {}, valid from {}, SHA-256 {}",
        certificate.serial(),
        rfc3339(certificate.not_before()),
        short(&fingerprint)
    )
}

/// As much of a fingerprint as people compare.
fn short(fingerprint: &Fingerprint) -> String {
    let text = fingerprint.to_string();
    text.chars().take(FINGERPRINT_CHARACTERS).collect()
}

const MAX_CLOCK_DIFFERENCE_SECONDS: i64 = 60;
const MAX_CHAINS_JUDGED: usize = 8;
const FINGERPRINT_CHARACTERS: usize = 23; // eight bytes
