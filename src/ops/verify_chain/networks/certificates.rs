//! What grpc-core makes of certificates and keys, each combination judged once, however many agents and
//! networks have it.

use std::collections::HashMap;
use std::rc::Rc;

use time::OffsetDateTime;

use super::contents::{ContentId, Contents};
use crate::ops::verify_chain::key_file;
use crate::path::finding::{Finding, Severity};
use crate::path::judge_alone;
use crate::path::profile::Requirements;
use crate::path::stacks::{
    ClientFiles, Identity, KeyFile, ServerFiles, Setup, Stack, Verdicts, judge_pair,
};
use crate::pki::bundle::Bundle;
use crate::pki::usage::Purpose;

/// The verdicts so far, at one moment.
pub(super) struct Certificates {
    at: OffsetDateTime,
    keys: HashMap<ContentId, Rc<KeyFile>>,
    names: HashMap<ContentId, Rc<Vec<String>>>,
    starts: HashMap<(ContentId, ContentId, Option<ContentId>), Verdict>,
    servers: HashMap<(ContentId, Option<ContentId>, Option<String>), Verdict>,
    clients: HashMap<(ContentId, ContentId, ContentId), Verdict>,
}

/// A TLS port, and what dials it.
pub(super) struct Served<'a> {
    pub(super) chain: ContentId,
    /// Whose clients it takes, where it asks for a certificate.
    pub(super) client_roots: Option<ContentId>,
    /// Whom the clients trust.
    pub(super) roots: ContentId,
    pub(super) host: Option<&'a str>,
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
            keys: HashMap::new(),
            names: HashMap::new(),
            starts: HashMap::new(),
            servers: HashMap::new(),
            clients: HashMap::new(),
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
        let key = self.key(contents, key);
        let server = ServerFiles {
            certificate: contents.octets(certificate),
            key: Some(&key),
            client_roots: client_roots.map(|roots| contents.octets(roots)),
        };
        let setup = Setup {
            server: Some(server),
            ..Setup::default()
        };
        let verdict = Rc::new(self.judge(&setup, |outcome| outcome.0));
        self.starts.insert(combination, verdict.clone());
        verdict
    }

    /// Whether a client that trusts these roots takes a server's chain; for this host, or whatever it is named.
    ///
    /// Without roots only its form, dates and purpose are looked at.
    pub(super) fn client_takes(
        &mut self,
        contents: &Contents,
        chain: ContentId,
        roots: Option<ContentId>,
        host: Option<&str>,
    ) -> Verdict {
        let combination = (chain, roots, host.map(str::to_owned));
        if let Some(known) = self.servers.get(&combination) {
            return known.clone();
        }
        let server = ServerFiles {
            certificate: contents.octets(chain),
            key: None,
            client_roots: None,
        };
        let verdict = Rc::new(match roots {
            None => self.alone(server.certificate),
            Some(roots) => {
                let client = ClientFiles {
                    roots: Some(contents.octets(roots)),
                    identity: None,
                };
                let setup = Setup {
                    server: Some(server),
                    client: Some(client),
                    host,
                };
                self.judge(&setup, |outcome| outcome.1)
            }
        });
        self.servers.insert(combination, verdict.clone());
        verdict
    }

    /// Whether a client starts with this certificate and key, and a server that trusts these roots takes it.
    ///
    /// `server` is any certificate that the server starts with.
    pub(super) fn server_takes(
        &mut self,
        contents: &Contents,
        server: ContentId,
        roots: ContentId,
        identity: (ContentId, Option<ContentId>),
    ) -> Verdict {
        let (certificate, key) = identity;
        let combination = (roots, certificate, key.unwrap_or(certificate));
        if let Some(known) = self.clients.get(&combination) {
            return known.clone();
        }
        let key = key.map(|key| self.key(contents, key));
        let setup = Setup {
            server: Some(ServerFiles {
                certificate: contents.octets(server),
                key: None,
                client_roots: Some(contents.octets(roots)),
            }),
            client: Some(ClientFiles {
                roots: None,
                identity: Some(Identity {
                    certificate: contents.octets(certificate),
                    key: key.as_deref(),
                }),
            }),
            host: None,
        };
        let verdict = Rc::new(self.judge(&setup, |outcome| outcome.1));
        self.clients.insert(combination, verdict.clone());
        verdict
    }

    /// What clients of every stack make of a grpc-core server with this chain.
    pub(super) fn clients(
        &mut self,
        contents: &Contents,
        door: &Served<'_>,
        identity: Option<(ContentId, Option<ContentId>)>,
    ) -> Vec<Verdicts> {
        let key = identity
            .and_then(|(_, key)| key)
            .map(|key| self.key(contents, key));
        let setup = Setup {
            server: Some(ServerFiles {
                certificate: contents.octets(door.chain),
                key: None,
                client_roots: door.client_roots.map(|roots| contents.octets(roots)),
            }),
            client: Some(ClientFiles {
                roots: Some(contents.octets(door.roots)),
                identity: identity.map(|(certificate, _)| Identity {
                    certificate: contents.octets(certificate),
                    key: key.as_deref(),
                }),
            }),
            host: door.host,
        };
        let judge = |client| judge_pair(&setup, self.at, client, Stack::GrpcCore);
        Stack::ALL.into_iter().map(judge).collect()
    }

    /// The host names and addresses of a server's certificate, as text.
    pub(super) fn names(&mut self, contents: &Contents, chain: ContentId) -> Rc<Vec<String>> {
        let names = self.names.entry(chain).or_insert_with(|| {
            let bundle = Bundle::read(contents.octets(chain));
            let names = bundle.ok().and_then(|bundle| {
                let leaf = bundle.certificates.into_iter().next()?;
                leaf.subject_alt_names().ok().flatten()
            });
            let names = names.unwrap_or_default();
            Rc::new(names.iter().map(ToString::to_string).collect())
        });
        names.clone()
    }

    fn key(&mut self, contents: &Contents, key: ContentId) -> Rc<KeyFile> {
        let known = self.keys.entry(key);
        known
            .or_insert_with(|| Rc::new(key_file(contents.octets(key))))
            .clone()
    }

    /// What grpc-core does on both sides; `is_good` picks whether it starts, or connects.
    fn judge(
        &self,
        setup: &Setup<'_>,
        is_good: impl Fn((Option<bool>, Option<bool>)) -> Option<bool>,
    ) -> Result<(), Refusal> {
        let verdicts = judge_pair(setup, self.at, Stack::GrpcCore, Stack::GrpcCore);
        let Some(outcome) = verdicts.outcomes.into_iter().next() else {
            return Ok(());
        };
        if is_good((outcome.server_starts, outcome.connects)) != Some(false) {
            return Ok(());
        }
        let text = outcome
            .client_error
            .or(outcome.server_error)
            .unwrap_or_default();
        Err(match verdicts.causes.into_iter().next() {
            Some(cause) => Refusal {
                why: cause.finding.summary(),
                hint: cause.finding.hint,
            },
            None => Refusal {
                why: text,
                hint: "look at the files with `openagents-certs inspect FILE`".into(),
            },
        })
    }

    /// A server's certificate where nobody knows the CA.
    fn alone(&self, chain: &[u8]) -> Result<(), Refusal> {
        let leaf = Bundle::read(chain)
            .ok()
            .and_then(|bundle| bundle.certificates.into_iter().next());
        let Some(leaf) = leaf else {
            return Ok(());
        };
        let requirements = Requirements {
            purpose: Some(Purpose::Server),
            ..Requirements::at(self.at)
        };
        let findings = judge_alone(&leaf, &requirements);
        let is_error = |finding: &&Finding| finding.severity == Severity::Error;
        match findings.iter().find(is_error) {
            Some(finding) => Err(Refusal {
                why: finding.summary(),
                hint: finding.hint.clone(),
            }),
            None => Ok(()),
        }
    }
}
