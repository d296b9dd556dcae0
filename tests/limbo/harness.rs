//! Cases of the suite, and what our engine makes of them.

use openagents_certs::path::{Candidates, Profile, ReferenceName, Requirements, judge};
use openagents_certs::pki::certificate::Certificate;
use openagents_certs::pki::crl::RevocationList;
use openagents_certs::pki::pem;
use openagents_certs::pki::usage::Purpose;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

#[derive(Deserialize)]
pub(crate) struct Suite {
    pub(crate) testcases: Vec<Case>,
}

#[derive(Deserialize)]
pub(crate) struct Case {
    pub(crate) id: String,
    pub(crate) trusted_certs: Vec<String>,
    pub(crate) untrusted_intermediates: Vec<String>,
    pub(crate) peer_certificate: String,
    validation_kind: ValidationKind,
    pub(crate) validation_time: Option<String>,
    #[serde(default)]
    key_usage: Vec<String>,
    #[serde(default)]
    extended_key_usage: Vec<String>,
    pub(crate) expected_peer_name: Option<PeerName>,
    #[serde(default)]
    expected_peer_names: Vec<PeerName>,
    max_chain_depth: Option<usize>,
    #[serde(default)]
    crls: Vec<String>,
    #[allow(dead_code, reason = "the harness does not look at the answer")]
    pub(crate) expected_result: Verdict,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum Verdict {
    Success,
    Failure,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum ValidationKind {
    Server,
    Client,
}

#[derive(Deserialize)]
pub(crate) struct PeerName {
    kind: NameKind,
    value: String,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum NameKind {
    Dns,
    Ip,
    Rfc822,
}

#[derive(Serialize)]
pub(crate) struct CaseResult<'a> {
    pub(crate) id: &'a str,
    pub(crate) actual_result: Verdict,
    pub(crate) context: Option<String>,
}

impl Case {
    pub(crate) fn judge(&self, now: OffsetDateTime) -> CaseResult<'_> {
        let (actual_result, context) = match self.answer(now) {
            Ok(findings) if findings.is_empty() => (Verdict::Success, None),
            Ok(findings) => (Verdict::Failure, Some(findings)),
            Err(error) => (Verdict::Failure, Some(error)),
        };
        CaseResult {
            id: &self.id,
            actual_result,
            context,
        }
    }

    /// What speaks against the certificate; empty when nothing does.
    fn answer(&self, now: OffsetDateTime) -> Result<String, String> {
        let end_entity = certificate(&self.peer_certificate)?;
        let anchors = certificates(&self.trusted_certs);
        let intermediates = certificates(&self.untrusted_intermediates);
        let lists = self.crls.iter().map(|text| revocation_list(text));
        let lists = lists.collect::<Result<Vec<_>, _>>()?;
        let candidates = Candidates {
            end_entity: &end_entity,
            intermediates: &intermediates,
            anchors: &anchors,
            revocation_lists: &lists,
        };
        let judgement = judge(candidates, &self.requirements(now)?);
        if judgement.is_good() {
            return Ok(String::new());
        }
        // The first ones decide: errors, or what leaves the answer open.
        let worst = judgement.worst();
        let deciding = judgement.findings.iter();
        let errors: Vec<_> = deciding
            .filter(|finding| Some(finding.severity) == worst)
            .map(|finding| format!("{}: {}", finding.id, finding.summary()))
            .collect();
        Ok(errors.join("; "))
    }

    pub(crate) fn requirements(&self, now: OffsetDateTime) -> Result<Requirements, String> {
        let at = match &self.validation_time {
            Some(text) => OffsetDateTime::parse(text, &Rfc3339).map_err(|e| e.to_string())?,
            None => now,
        };
        let public = ["webpki::", "online::"].iter();
        let profile = if public.into_iter().any(|start| self.id.starts_with(start)) {
            Profile::Webpki
        } else {
            Profile::Rfc5280
        };
        let names = self.expected_peer_names.iter().map(PeerName::name);
        Ok(Requirements {
            profile,
            host: self
                .expected_peer_name
                .as_ref()
                .map(PeerName::name)
                .transpose()?,
            names: names.collect::<Result<_, _>>()?,
            purpose: Some(self.purpose()),
            digital_signature: self
                .key_usage
                .iter()
                .any(|usage| usage == "digitalSignature"),
            max_depth: self.max_chain_depth,
            ..Requirements::at(at)
        })
    }

    fn purpose(&self) -> Purpose {
        let asked = |usage: &str| self.extended_key_usage.iter().any(|have| have == usage);
        match (asked("serverAuth"), asked("clientAuth")) {
            (true, true) => Purpose::Peer,
            (true, false) => Purpose::Server,
            (false, true) => Purpose::Client,
            (false, false) if self.validation_kind == ValidationKind::Client => Purpose::Client,
            (false, false) => Purpose::Server,
        }
    }
}

impl PeerName {
    pub(crate) fn name(&self) -> Result<ReferenceName, String> {
        match self.kind {
            NameKind::Dns => Ok(ReferenceName::Dns(self.value.clone())),
            NameKind::Rfc822 => Ok(ReferenceName::Email(self.value.clone())),
            NameKind::Ip => {
                let address = self.value.parse();
                address
                    .map(ReferenceName::Ip)
                    .map_err(|error| format!("{}: {error}", self.value))
            }
        }
    }
}

/// The DER in a PEM text of one block.
pub(crate) fn der(text: &str) -> Result<Vec<u8>, String> {
    let blocks = pem::blocks(text.as_bytes()).map_err(|error| error.to_string())?;
    let first = blocks.into_iter().next();
    first
        .map(|block| block.contents.to_vec())
        .ok_or_else(|| "no PEM".into())
}

fn certificate(text: &str) -> Result<Certificate, String> {
    Certificate::from_der(der(text)?).map_err(|error| error.to_string())
}

/// Those that can be read; nothing is built on the others.
fn certificates(texts: &[String]) -> Vec<Certificate> {
    texts
        .iter()
        .filter_map(|text| certificate(text).ok())
        .collect()
}

fn revocation_list(text: &str) -> Result<RevocationList, String> {
    RevocationList::from_der(der(text)?).map_err(|error| error.to_string())
}
