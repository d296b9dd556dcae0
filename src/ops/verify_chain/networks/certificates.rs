//! What grpc-core makes of certificates and keys, each combination judged once, however many agents and
//! networks have it.

use std::collections::HashMap;
use std::rc::Rc;

use time::OffsetDateTime;

use super::contents::{ContentId, Contents};
use crate::keys::read_pem_key;
use crate::path::finding::{Finding, Severity};
use crate::path::profile::{ReferenceName, Requirements};
use crate::path::{Candidates, judge, judge_alone};
use crate::pki::bundle::Bundle;
use crate::pki::document::is_der;
use crate::pki::pem;
use crate::pki::usage::Purpose;

/// The verdicts so far, at one moment.
pub(super) struct Certificates {
    at: OffsetDateTime,
    starts: HashMap<(ContentId, ContentId, Option<ContentId>), Verdict>,
    verified: HashMap<(ContentId, Option<ContentId>, Purpose, Option<String>), Verdict>,
    names: HashMap<ContentId, Rc<Vec<String>>>,
}

/// Yes, or what speaks against it.
pub(super) type Verdict = Rc<Result<(), Refusal>>;

/// Why files or a certificate are refused.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    /// In a clause.
    pub(super) why: String,
    /// What mends it.
    pub(super) hint: String,
}

impl Certificates {
    pub(super) fn new(at: OffsetDateTime) -> Self {
        Certificates {
            at,
            starts: HashMap::new(),
            verified: HashMap::new(),
            names: HashMap::new(),
        }
    }

    /// Whether a server starts with this chain and key, and these CAs for its clients.
    pub(super) fn server_starts(
        &mut self,
        contents: &Contents,
        certificate: ContentId,
        key: ContentId,
        client_roots: Option<ContentId>,
    ) -> Verdict {
        let combination = (certificate, key, client_roots);
        if let Some(known) = self.starts.get(&combination) {
            return known.clone();
        }
        let octets = |id| contents.octets(id);
        let verdict =
            Rc::new(
                pair(octets(certificate), octets(key)).and_then(|()| match client_roots {
                    Some(roots) => some_certificate(octets(roots), "the CA file"),
                    None => Ok(()),
                }),
            );
        self.starts.insert(combination, verdict.clone());
        verdict
    }

    /// Whether a client that trusts these roots takes a server's chain for this host.
    pub(super) fn client_takes(
        &mut self,
        contents: &Contents,
        chain: ContentId,
        roots: Option<ContentId>,
        host: Option<&str>,
    ) -> Verdict {
        self.verify(contents, chain, roots, Purpose::Server, host)
    }

    /// Whether a server that trusts these roots takes a client's chain.
    pub(super) fn server_takes(
        &mut self,
        contents: &Contents,
        chain: ContentId,
        roots: ContentId,
    ) -> Verdict {
        self.verify(contents, chain, Some(roots), Purpose::Client, None)
    }

    /// The host names and addresses of a server's certificate, as text.
    pub(super) fn names(&mut self, contents: &Contents, chain: ContentId) -> Rc<Vec<String>> {
        let names = self.names.entry(chain).or_insert_with(|| {
            let bundle = Bundle::read(contents.octets(chain));
            let names = bundle.ok().and_then(|bundle| {
                let leaf = bundle.certificates.into_iter().next()?;
                leaf.subject_alt_names().ok().flatten()
            });
            Rc::new(
                names
                    .unwrap_or_default()
                    .iter()
                    .map(ToString::to_string)
                    .collect(),
            )
        });
        names.clone()
    }

    fn verify(
        &mut self,
        contents: &Contents,
        chain: ContentId,
        roots: Option<ContentId>,
        purpose: Purpose,
        host: Option<&str>,
    ) -> Verdict {
        let combination = (chain, roots, purpose, host.map(str::to_owned));
        if let Some(known) = self.verified.get(&combination) {
            return known.clone();
        }
        let requirements = Requirements {
            purpose: Some(purpose),
            host: host.map(reference_name),
            ..Requirements::at(self.at)
        };
        let roots = roots.map(|roots| contents.octets(roots));
        let verdict = Rc::new(path(contents.octets(chain), roots, &requirements));
        self.verified.insert(combination, verdict.clone());
        verdict
    }
}

fn path(chain: &[u8], roots: Option<&[u8]>, requirements: &Requirements) -> Result<(), Refusal> {
    let chain = bundle(chain, "the certificate file")?;
    let Some((end_entity, intermediates)) = chain.certificates.split_first() else {
        return Ok(());
    };
    let findings = match roots {
        None => judge_alone(end_entity, requirements),
        Some(roots) => {
            let anchors = bundle(roots, "the CA file")?;
            let candidates = Candidates {
                end_entity,
                intermediates,
                anchors: &anchors.certificates,
                revocation_lists: &[],
            };
            judge(candidates, requirements).findings
        }
    };
    worst(&findings)
}

fn worst(findings: &[Finding]) -> Result<(), Refusal> {
    let error = findings
        .iter()
        .find(|finding| finding.severity == Severity::Error);
    match error {
        Some(finding) => Err(Refusal {
            why: finding.summary(),
            hint: finding.hint.clone(),
        }),
        None => Ok(()),
    }
}

fn pair(certificate: &[u8], key: &[u8]) -> Result<(), Refusal> {
    let chain = bundle(certificate, "the certificate file")?;
    let inspect = "look at both with `openagents-certs inspect FILE`";
    let refusal = |why: String| Refusal {
        why,
        hint: inspect.into(),
    };
    if is_der(key) {
        return Err(refusal(
            "the private key is in DER, and PEM is read alone".into(),
        ));
    }
    let blocks =
        pem::blocks(key).map_err(|error| refusal(format!("the private key file: {error}")))?;
    let block = blocks.iter().find(|block| block.is_private_key());
    let block = block.ok_or_else(|| refusal("there is no private key in the key file".into()))?;
    let key = read_pem_key(block, None).map_err(|error| refusal(error.to_string()))?;
    let leaf = chain
        .certificates
        .first()
        .map(|leaf| leaf.public_key_info());
    if key.public_key_info() == leaf {
        Ok(())
    } else {
        Err(refusal(
            "the private key does not belong to the first certificate of the file".into(),
        ))
    }
}

fn some_certificate(octets: &[u8], what: &str) -> Result<(), Refusal> {
    bundle(octets, what).map(drop)
}

fn bundle(octets: &[u8], what: &str) -> Result<Bundle, Refusal> {
    let refusal = |why| Refusal {
        why,
        hint: "look at it with `openagents-certs inspect FILE`".into(),
    };
    if is_der(octets) {
        return Err(refusal(format!("{what} is in DER, and PEM is read alone")));
    }
    Bundle::read(octets).map_err(|error| refusal(format!("{what}: {error}")))
}

fn reference_name(host: &str) -> ReferenceName {
    match host.parse() {
        Ok(address) => ReferenceName::Ip(address),
        Err(_) => ReferenceName::Dns(host.to_owned()),
    }
}
