//! The files that networks and agents name, each read once, and what grpc-core does with them, each
//! combination judged once, however many agents and networks share it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use time::OffsetDateTime;
use zeroize::Zeroizing;

use super::source::Source;
use crate::error::Error;
use crate::ops::anchors::Anchors;
use crate::ops::verify_chain::key_file;
use crate::path::finding::{Finding, Severity};
use crate::path::stacks::{
    ClientFiles, File, Identity, KeyFile, Outcome, ServerFiles, Setup, Stack, Verdicts,
    examine_svids, judge_pair,
};
use crate::path::{Requirements, judge_alone};
use crate::pki::bundle::Bundle;
use crate::pki::certificate::Certificate;
use crate::pki::fingerprint::Fingerprint;
use crate::pki::pem;
use crate::pki::usage::Purpose;

/// The files and verdicts so far, at one moment.
pub(super) struct Pool {
    cwd: PathBuf,
    source: Source,
    at: OffsetDateTime,
    by_path: HashMap<PathBuf, Result<ContentId, Rc<Error>>>,
    by_digest: HashMap<Fingerprint, ContentId>,
    contents: Vec<Zeroizing<Vec<u8>>>,
    keys: HashMap<ContentId, Rc<KeyFile>>,
    names: HashMap<ContentId, Rc<Vec<String>>>,
    verdicts: HashMap<Combination, Verdict>,
}

/// The content of a file, whatever the file's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct ContentId(usize);

/// A certificate and, if known, its private key.
pub(super) type Pair = (ContentId, Option<ContentId>);

/// What a TLS port serves with.
#[derive(Clone, Debug)]
pub(super) struct Material {
    pub(super) certificate: ContentId,
    pub(super) certificate_path: PathBuf,
    /// The CAs of the clients, if every client needs a certificate.
    pub(super) client_roots: Option<ContentId>,
    /// The CA that the network's own clients trust, if it is known.
    pub(super) roots: Option<ContentId>,
}

/// Yes, or why not.
pub(super) type Verdict = Rc<Result<(), Refusal>>;

/// Why files or a certificate are rejected.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    /// A clause.
    pub(super) why: String,
    /// How to fix it.
    pub(super) hint: String,
}

/// The contents that a verdict depends on.
#[derive(PartialEq, Eq, Hash)]
enum Combination {
    Server(ContentId, Option<ContentId>, Option<ContentId>),
    ServerForClient(ContentId, Option<ContentId>, Option<String>),
    ClientForServer(ContentId, Pair),
}

impl Pool {
    pub(super) fn new(cwd: PathBuf, source: Source, at: OffsetDateTime) -> Self {
        Pool {
            cwd,
            source,
            at,
            by_path: HashMap::new(),
            by_digest: HashMap::new(),
            contents: Vec::new(),
            keys: HashMap::new(),
            names: HashMap::new(),
            verdicts: HashMap::new(),
        }
    }

    /// A path as a process sees it that is started in the working directory.
    pub(super) fn resolved(&self, path: impl AsRef<Path>) -> PathBuf {
        self.cwd.join(path)
    }

    /// The content of a file; read once.
    pub(super) fn read(&mut self, path: &Path) -> Result<ContentId, Rc<Error>> {
        if let Some(known) = self.by_path.get(path) {
            return known.clone();
        }
        let read = match self.source.read(path) {
            Ok(bytes) => Ok(self.keep(bytes)),
            Err(error) => Err(Rc::new(error)),
        };
        self.by_path.insert(path.to_owned(), read.clone());
        read
    }

    /// The content of a file that the command line names.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(super) fn read_named(&mut self, path: &Path) -> Result<ContentId, Error> {
        // The known error is shared; a second attempt has one of its own.
        self.read(path)
            .or_else(|_| Ok(self.keep(self.source.read(path)?)))
    }

    /// Where files are read from.
    pub(super) fn source(&self) -> &Source {
        &self.source
    }

    fn keep(&mut self, bytes: Zeroizing<Vec<u8>>) -> ContentId {
        let next = ContentId(self.contents.len());
        let digest = Fingerprint::sha256(&bytes);
        let id = *self.by_digest.entry(digest).or_insert(next);
        if id == next {
            self.contents.push(bytes);
        }
        id
    }

    pub(super) fn bytes(&self, id: ContentId) -> &[u8] {
        &self.contents[id.0]
    }

    /// The certificates in a content; none where there is no usable one.
    pub(super) fn certificates(&self, id: ContentId) -> Vec<Certificate> {
        let bundle = Bundle::read(self.bytes(id));
        bundle.map_or_else(|_| Vec::new(), |bundle| bundle.certificates)
    }

    /// Those of the system's trust anchors that may be above a chain; `None` where none is.
    pub(super) fn system_roots(&mut self, chain: ContentId) -> Option<ContentId> {
        let chain = self.certificates(chain);
        let system = Anchors::of_system();
        let of_interest = system.of_interest(&chain);
        let mut text = Zeroizing::new(Vec::new());
        for anchor in of_interest.iter() {
            let block = pem::encode("CERTIFICATE", anchor.as_der()).ok()?;
            text.extend_from_slice(block.as_bytes());
        }
        (!text.is_empty()).then(|| self.keep(text))
    }

    /// Whether a server starts with this chain and key, which is assumed to match if it is not known, and these CAs
    /// for its clients.
    pub(super) fn server_starts(
        &mut self,
        certificate: ContentId,
        key: Option<ContentId>,
        client_roots: Option<ContentId>,
    ) -> Verdict {
        let combination = Combination::Server(certificate, key, client_roots);
        self.remembered(combination, |pool| {
            let key = key.map(|key| pool.key(key));
            let mut server = pool.server(certificate, client_roots);
            server.key = key.as_deref();
            let setup = Setup {
                server: Some(server),
                ..Setup::default()
            };
            pool.judge(&setup, |outcome| outcome.server_starts)
        })
    }

    /// Whether a client that trusts these roots accepts a server's chain, for this host if one is given.
    ///
    /// Without roots, checks only form, dates and purpose.
    pub(super) fn client_accepts(
        &mut self,
        chain: ContentId,
        roots: Option<ContentId>,
        host: Option<&str>,
    ) -> Verdict {
        let combination = Combination::ServerForClient(chain, roots, host.map(str::to_owned));
        self.remembered(combination, |pool| {
            let Some(roots) = roots else {
                return pool.alone(chain);
            };
            let setup = Setup {
                server: Some(pool.server(chain, None)),
                client: Some(pool.client(Some(roots), None, None)),
                host,
            };
            pool.judge(&setup, |outcome| outcome.connects)
        })
    }

    /// Whether a client starts with this pair, and a server that trusts these roots accepts it.
    ///
    /// `server` is any certificate that the server starts with.
    pub(super) fn server_accepts(
        &mut self,
        server: ContentId,
        roots: ContentId,
        identity: Pair,
    ) -> Verdict {
        let combination = Combination::ClientForServer(roots, identity);
        self.remembered(combination, |pool| {
            let key = identity.1.map(|key| pool.key(key));
            let setup = Setup {
                server: Some(pool.server(server, Some(roots))),
                client: Some(pool.client(None, Some(identity), key.as_deref())),
                host: None,
            };
            pool.judge(&setup, |outcome| outcome.connects)
        })
    }

    /// What clients of every stack do with a grpc-core server that serves this.
    pub(super) fn clients(
        &mut self,
        material: &Material,
        host: Option<&str>,
        identity: Option<Pair>,
    ) -> Vec<Verdicts> {
        let key = identity.and_then(|(_, key)| key).map(|key| self.key(key));
        let setup = Setup {
            server: Some(self.server(material.certificate, material.client_roots)),
            client: Some(self.client(material.roots, identity, key.as_deref())),
            host,
        };
        let judge = |client| judge_pair(&setup, self.at, client, Stack::GrpcCore);
        Stack::ALL.into_iter().map(judge).collect()
    }

    /// What is wrong with the SVIDs of the two sides, and in which file.
    pub(super) fn svids(
        &self,
        server: ContentId,
        client: Option<ContentId>,
    ) -> Vec<(File, Finding)> {
        let (server, client) = (self.leaf(server), client.and_then(|id| self.leaf(id)));
        examine_svids(server.as_ref(), client.as_ref(), self.at)
    }

    /// The host names and addresses of a server's certificate, as text.
    pub(super) fn names(&mut self, chain: ContentId) -> Rc<Vec<String>> {
        if let Some(known) = self.names.get(&chain) {
            return known.clone();
        }
        let names = self.leaf(chain).map(|leaf| leaf.subject_alt_names());
        let names = names.and_then(Result::ok).flatten().unwrap_or_default();
        let names: Rc<Vec<String>> = Rc::new(names.iter().map(ToString::to_string).collect());
        self.names.insert(chain, names.clone());
        names
    }

    fn remembered(
        &mut self,
        combination: Combination,
        judge: impl FnOnce(&mut Self) -> Result<(), Refusal>,
    ) -> Verdict {
        if let Some(known) = self.verdicts.get(&combination) {
            return known.clone();
        }
        let verdict = Rc::new(judge(self));
        self.verdicts.insert(combination, verdict.clone());
        verdict
    }

    fn server(&self, chain: ContentId, client_roots: Option<ContentId>) -> ServerFiles<'_> {
        ServerFiles {
            certificate: self.bytes(chain),
            key: None,
            client_roots: client_roots.map(|roots| self.bytes(roots)),
        }
    }

    fn client<'a>(
        &'a self,
        roots: Option<ContentId>,
        identity: Option<Pair>,
        key: Option<&'a KeyFile>,
    ) -> ClientFiles<'a> {
        ClientFiles {
            roots: roots.map(|roots| self.bytes(roots)),
            identity: identity.map(|(certificate, _)| Identity {
                certificate: self.bytes(certificate),
                key,
            }),
        }
    }

    fn key(&mut self, id: ContentId) -> Rc<KeyFile> {
        let read = || Rc::new(key_file(&self.contents[id.0]));
        self.keys.entry(id).or_insert_with(read).clone()
    }

    fn leaf(&self, chain: ContentId) -> Option<Certificate> {
        let bundle = Bundle::read(self.bytes(chain)).ok()?;
        bundle.certificates.into_iter().next()
    }

    /// What grpc-core does on both sides; `answer` is whether it starts, or connects.
    fn judge(
        &self,
        setup: &Setup<'_>,
        answer: fn(&Outcome) -> Option<bool>,
    ) -> Result<(), Refusal> {
        let verdicts = judge_pair(setup, self.at, Stack::GrpcCore, Stack::GrpcCore);
        let Some(outcome) = verdicts.outcomes.into_iter().next() else {
            return Ok(());
        };
        if answer(&outcome) != Some(false) {
            return Ok(());
        }
        Err(match verdicts.causes.into_iter().next() {
            Some(cause) => Refusal::of(&cause.finding),
            None => Refusal {
                why: (outcome.client_error.or(outcome.server_error)).unwrap_or_default(),
                hint: "look at the files with `openagents-certs inspect FILE`".into(),
            },
        })
    }

    /// A server's certificate if the CA is not known.
    fn alone(&self, chain: ContentId) -> Result<(), Refusal> {
        let Some(leaf) = self.leaf(chain) else {
            return Ok(());
        };
        let requirements = Requirements {
            purpose: Some(Purpose::Server),
            ..Requirements::at(self.at)
        };
        let findings = judge_alone(&leaf, &requirements);
        let is_error = |finding: &&Finding| finding.severity == Severity::Error;
        let error = findings.iter().find(is_error);
        error.map_or(Ok(()), |finding| Err(Refusal::of(finding)))
    }
}

impl Refusal {
    fn of(finding: &Finding) -> Self {
        Refusal {
            why: finding.summary(),
            hint: finding.hint.clone(),
        }
    }
}
