//! `--as`: what one TLS stack makes of a certificate.

use time::OffsetDateTime;

use super::Subject;
use super::inputs::Anchors;
use super::report::CertificateReport;
use crate::authority::pem_of;
use crate::error::{Error, shown};
use crate::files;
use crate::path::finding::Severity;
use crate::path::profile::ReferenceName;
use crate::path::stacks::{ClientFiles, Identity, ServerFiles, Setup, Stack, judge_pair};
use crate::pki::usage::Purpose;

/// Who looks at it, and for what.
pub(super) struct Question<'a> {
    pub(super) stack: Stack,
    pub(super) purpose: Option<Purpose>,
    pub(super) host: Option<&'a ReferenceName>,
    pub(super) at: OffsetDateTime,
}

/// Lets the stack's verdict take the place of the engine's: what the stack overlooks becomes a warning, what it
/// refuses is an error.
///
/// # Errors
/// When there are no anchors, or the files cannot be read.
pub(super) fn judge(
    report: &mut CertificateReport,
    subject: &Subject,
    anchors: Option<&Anchors>,
    question: &Question<'_>,
) -> Result<(), Error> {
    let Some(anchors) = anchors else {
        return Err(Error::Usage {
            message: format!("{}: no trust anchors to judge it by", shown(&subject.path)),
            hint: "give them with `--ca FILE`: a stack judges nothing without".into(),
        });
    };
    let chain = if subject.dialled.is_some() {
        let certificates = subject.bundle.certificates.iter();
        pem_of(certificates.map(|certificate| certificate.as_der()))?.into_bytes()
    } else {
        files::read(&subject.path)?.to_vec()
    };
    let roots = files::read(&anchors.path)?;
    let host = question.host.map(ToString::to_string);
    let is_client = question.purpose == Some(Purpose::Client);
    let setup = Setup {
        // Who is dialled with a client's certificate is not looked at.
        server: Some(ServerFiles {
            certificate: &chain,
            key: None,
            client_roots: is_client.then_some(&roots),
        }),
        client: Some(ClientFiles {
            roots: (!is_client).then_some(&roots),
            identity: is_client.then_some(Identity {
                certificate: &chain,
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
    Ok(())
}
