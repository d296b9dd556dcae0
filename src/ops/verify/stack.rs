//! `--as`: what one TLS stack makes of a certificate.

use time::OffsetDateTime;

use super::report::CertificateReport;
use crate::path::ReferenceName;
use crate::path::finding::Severity;
use crate::path::stacks::{ClientFiles, Identity, ServerFiles, Setup, Stack, judge_pair};
use crate::pki::usage::Purpose;

/// The stack, and what it judges the certificate for.
pub(super) struct Question<'a> {
    pub(super) stack: Stack,
    pub(super) purpose: Option<Purpose>,
    pub(super) host: Option<&'a ReferenceName>,
    pub(super) at: OffsetDateTime,
}

/// Replaces the verdict of the rules by the stack's: what the stack overlooks becomes a warning, what it
/// refuses is an error. `chain` and `roots` are files as the stack would load them.
pub(super) fn judge(
    report: &mut CertificateReport,
    chain: &[u8],
    roots: &[u8],
    question: &Question<'_>,
) {
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
    for finding in &mut report.findings {
        finding.severity = finding.severity.min(Severity::Warning);
    }
    let is_refused = verdicts
        .outcomes
        .iter()
        .any(|pair| pair.connects == Some(false) || pair.server_starts == Some(false));
    report.stack = Some(question.stack);
    if is_refused {
        for cause in verdicts.causes {
            let id = cause.finding.id;
            report.findings.retain(|finding| finding.id != id);
            report.findings.push(cause.finding);
        }
    }
    report.refused_by_stack = is_refused;
}
