//! Each client against each server: what loads, what is sent, what is refused, and by whom.

use std::collections::HashMap;
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::server::danger::ClientCertVerifier;
use time::OffsetDateTime;

use super::deviation::{self, Deviations};
use super::fault::Fault;
use super::load::{self, Chain};
use super::openssl::{self, Refusal, Signatures};
use super::reading;
use super::{
    Affected, Cause, ClientFiles, File, Outcome, ServerFiles, Setup, Side, Stack, Verdicts,
    handshake, host, rule, text, tonic,
};
use crate::path::finding::{CertificateReference, Evidence, Finding, Severity};
use crate::pki::certificate::Certificate;

/// Something a stack refuses.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    rule: &'static str,
    file: File,
    found: String,
    certificate: Option<CertificateReference>,
    /// What the one that refuses says.
    text: String,
}

impl Failure {
    pub(super) fn of(
        rule: &'static str,
        file: File,
        found: impl Into<String>,
        text: String,
    ) -> Self {
        Failure {
            rule,
            file,
            found: found.into(),
            certificate: None,
            text,
        }
    }

    pub(super) fn about(mut self, certificate: CertificateReference) -> Self {
        self.certificate = Some(certificate);
        self
    }
}

/// What each client does with each server.
pub(super) fn judge(setup: &Setup<'_>, at: OffsetDateTime) -> Verdicts {
    let mut bench = Bench {
        setup,
        at,
        signatures: Signatures::default(),
        causes: Causes::default(),
    };
    let servers = Stack::ALL.map(|stack| bench.server(stack));
    let clients = Stack::ALL.map(|stack| bench.client(stack));
    let mut outcomes = Vec::new();
    for (client, loaded) in Stack::ALL.into_iter().zip(&clients) {
        for (server, served) in Stack::ALL.into_iter().zip(&servers) {
            outcomes.push(bench.pair(client, loaded.as_ref(), server, served.as_ref()));
        }
    }
    Verdicts {
        outcomes,
        causes: bench.causes.sorted(),
    }
}

/// A side that has loaded its files.
struct Loaded {
    /// What it sends of its own; `None` for a client without a certificate.
    chain: Option<Chain>,
    roots: Roots,
}

impl Loaded {
    /// Whether it can tell clients whose certificates it takes.
    fn can_name_roots(&self) -> bool {
        match &self.roots {
            Roots::Unasked => true,
            Roots::Certificates(anchors) => {
                handshake::names_fit(anchors.iter().map(|a| a.subject().as_der().len()))
            }
            Roots::Rustls(store) | Roots::Verifier(_, store) => {
                handshake::names_fit(store.subjects().iter().map(|name| name.as_ref().len()))
            }
        }
    }
}

/// Whom a side trusts.
enum Roots {
    /// It asks for no certificate, or it is not known.
    Unasked,
    Certificates(Vec<Certificate>),
    Rustls(Arc<RootCertStore>),
    Verifier(Arc<dyn ClientCertVerifier>, Arc<RootCertStore>),
}

struct Bench<'s> {
    setup: &'s Setup<'s>,
    at: OffsetDateTime,
    signatures: Signatures,
    causes: Causes,
}

impl Bench<'_> {
    fn server(&mut self, stack: Stack) -> Option<Result<Loaded, Failure>> {
        let files = self.setup.server?;
        let loaded = self.load_server(stack, files);
        Some(loaded)
    }

    fn load_server(&self, stack: Stack, files: ServerFiles<'_>) -> Result<Loaded, Failure> {
        let places = (File::ServerCertificate, File::ServerKey);
        let Some(deviations) = deviation::of(stack) else {
            let roots = match files.client_roots {
                None => Roots::Unasked,
                Some(octets) => {
                    let store = tonic::anchors(octets, File::ServerRoots)?;
                    let verifier =
                        tonic::client_verifier(store.clone(), octets, File::ServerRoots)?;
                    Roots::Verifier(verifier, store)
                }
            };
            let chain = tonic::chain(files.certificate, files.key, places)?;
            return Ok(Loaded {
                chain: Some(chain),
                roots,
            });
        };
        let mut chain = load::chain(deviations, files.certificate, files.key, places)?;
        let roots = match files.client_roots {
            None => Roots::Unasked,
            Some(octets) => {
                let anchors = load::anchors(deviations, octets);
                if stack == Stack::GrpcCore && anchors.is_empty() && !is_blank(octets) {
                    let (rule, found) = load::what_else(octets);
                    let text = text::NO_ROOTS.to_owned();
                    return Err(Failure::of(rule, File::ServerRoots, found, text));
                }
                self.complete(&mut chain, &anchors, deviations);
                Roots::Certificates(anchors)
            }
        };
        Ok(Loaded {
            chain: Some(chain),
            roots,
        })
    }

    fn client(&mut self, stack: Stack) -> Option<Result<Loaded, Failure>> {
        let files = self.setup.client?;
        Some(self.load_client(stack, files))
    }

    fn load_client(&self, stack: Stack, files: ClientFiles<'_>) -> Result<Loaded, Failure> {
        let places = (File::ClientCertificate, File::ClientKey);
        let Some(deviations) = deviation::of(stack) else {
            let roots = match files.roots {
                None => Roots::Unasked,
                Some(octets) => Roots::Rustls(tonic::anchors(octets, File::ClientRoots)?),
            };
            let chain = match files.identity {
                None => None,
                Some(own) => Some(tonic::chain(own.certificate, own.key, places)?),
            };
            if let Some(host) = self.setup.host {
                tonic::server_name(host)?;
            }
            return Ok(Loaded { chain, roots });
        };
        let mut chain = match files.identity {
            None => None,
            Some(own) => Some(load::chain(deviations, own.certificate, own.key, places)?),
        };
        let roots = match files.roots {
            None => Roots::Unasked,
            Some(octets) => {
                let anchors = load::anchors(deviations, octets);
                if stack == Stack::GrpcCore && anchors.is_empty() && !is_blank(octets) {
                    let (rule, found) = load::what_else(octets);
                    return Err(Failure::of(rule, File::ClientRoots, found, String::new()));
                }
                if let Some(chain) = &mut chain {
                    self.complete(chain, &anchors, deviations);
                }
                Roots::Certificates(anchors)
            }
        };
        Ok(Loaded { chain, roots })
    }

    /// A lone leaf is sent with what its owner's own anchors lead to.
    fn complete(
        &self,
        chain: &mut Chain,
        anchors: &[Certificate],
        deviations: &'static Deviations,
    ) {
        if deviations.completes_chains
            && let [leaf] = chain.sent.as_slice()
            && let Ok(leaf) = Certificate::from_der(leaf.clone())
        {
            chain.sent = openssl::completed(&leaf, anchors, self.at, deviations);
        }
    }

    fn pair(
        &mut self,
        client: Stack,
        loaded: Option<&Result<Loaded, Failure>>,
        server: Stack,
        served: Option<&Result<Loaded, Failure>>,
    ) -> Outcome {
        let mut outcome = Outcome {
            client,
            server,
            server_starts: served.map(Result::is_ok),
            server_error: None,
            connects: None,
            client_error: None,
        };
        if let Some(Err(failure)) = served {
            self.causes.add(failure, server, Side::Server);
            outcome.server_error = Some(text::of_load(server, Side::Server, &failure.text));
            outcome.connects = Some(false);
            outcome.client_error = Some(text::NOT_STARTED.to_owned());
        }
        if let Some(Err(failure)) = loaded {
            self.causes.add(failure, client, Side::Client);
            outcome.connects = Some(false);
            outcome
                .client_error
                .get_or_insert_with(|| text::of_load(client, Side::Client, &failure.text));
        }
        if let (Some(Ok(loaded)), Some(Ok(served))) = (loaded, served) {
            self.connect(loaded, served, &mut outcome);
        }
        outcome
    }

    fn connect(&mut self, loaded: &Loaded, served: &Loaded, outcome: &mut Outcome) {
        let (client, server) = (outcome.client, outcome.server);
        outcome.connects = Some(false);
        match self.handshake(client, loaded, server, served) {
            Ok(()) if matches!(loaded.roots, Roots::Unasked) => outcome.connects = None,
            Ok(()) => outcome.connects = Some(true),
            Err((failure, side)) => {
                let refusing = match side {
                    Side::Client => client,
                    Side::Server => server,
                };
                self.causes.add(&failure, refusing, side);
                match side {
                    Side::Client => outcome.client_error = Some(failure.text),
                    Side::Server => {
                        let seen = match failure.rule {
                            "host-form" if server == Stack::GrpcJs => text::STREAM_RESET.to_owned(),
                            "host-form" => text::illegal_name(client),
                            "key-type-not-offered" | "key-mismatch"
                                if failure.file != File::ClientCertificate
                                    && failure.file != File::ClientKey =>
                            {
                                text::no_common_signature(client, server)
                            }
                            _ => text::client_refused(client, server),
                        };
                        outcome.client_error = Some(seen);
                        if !failure.text.is_empty() {
                            outcome.server_error = Some(failure.text);
                        }
                    }
                }
            }
        }
    }

    /// The first thing that fails, and who refuses it.
    fn handshake(
        &self,
        client: Stack,
        loaded: &Loaded,
        server: Stack,
        served: &Loaded,
    ) -> Result<(), (Failure, Side)> {
        let by_client = |failure| (failure, Side::Client);
        let by_server = |failure| (failure, Side::Server);
        let Some(chain) = &served.chain else {
            return Ok(());
        };
        if server == Stack::Tonic
            && client != Stack::Tonic
            && let Some(host) = self.setup.host
        {
            self.server_name(host).map_err(by_server)?;
        }
        if !chain.can_sign {
            let failure = Failure::of(
                "key-mismatch",
                File::ServerKey,
                "another kind",
                String::new(),
            );
            return Err((failure, Side::Server));
        }
        if let Some(kind) = chain.key.filter(|kind| !handshake::takes(client, *kind)) {
            let failure = Failure::of(
                "key-type-not-offered",
                File::ServerCertificate,
                kind.to_string(),
                String::new(),
            );
            return Err((failure, Side::Server));
        }
        if server != Stack::GrpcCore && !served.can_name_roots() {
            let failure = Failure::of("roots-large", File::ServerRoots, "", String::new());
            return Err((failure, Side::Server));
        }
        if !handshake::takes_size(client, Side::Client, &chain.sent) {
            let text = text::too_large(client);
            return Err((
                Failure::of("chain-large", File::ServerCertificate, "", text),
                Side::Client,
            ));
        }
        self.verify_server(client, chain, &loaded.roots)
            .map_err(by_client)?;
        if !matches!(served.roots, Roots::Unasked) {
            self.verify_client(server, loaded.chain.as_ref(), &served.roots)
                .map_err(by_server)?;
        }
        match client {
            Stack::GrpcCore => {
                self.call_host(chain).map_err(by_client)?;
                self.authority(server).map_err(by_server)
            }
            Stack::GrpcJs | Stack::Tonic => Ok(()),
        }
    }

    /// rustls refuses a server name that is none; an address is let pass.
    fn server_name(&self, name: &str) -> Result<(), Failure> {
        let mut failure = match tonic::server_name(name) {
            Ok(_) => return Ok(()),
            Err(failure) => failure,
        };
        failure.text = String::new();
        Err(failure)
    }

    fn verify_server(&self, client: Stack, chain: &Chain, roots: &Roots) -> Result<(), Failure> {
        match roots {
            Roots::Unasked | Roots::Verifier(..) => Ok(()),
            Roots::Rustls(store) => {
                tonic::verify_server(&chain.sent, store, self.setup.host, self.at).map_err(
                    |failure| Failure {
                        text: text::tonic_error(&failure.text),
                        ..failure
                    },
                )
            }
            Roots::Certificates(anchors) => {
                let file = File::ServerCertificate;
                let sent = received(client, &chain.sent, file)?;
                self.check_path(client, &sent, anchors, true, file)?;
                self.check_name(client, &sent[0])
            }
        }
    }

    fn verify_client(
        &self,
        server: Stack,
        chain: Option<&Chain>,
        roots: &Roots,
    ) -> Result<(), Failure> {
        let file = File::ClientCertificate;
        let Some(chain) = chain else {
            let text = text::no_client_certificate(server).to_owned();
            return Err(Failure::of(
                "client-certificate-missing",
                file,
                "none",
                text,
            ));
        };
        if !chain.can_sign {
            let text = text::no_client_certificate(server).to_owned();
            return Err(Failure::of(
                "key-mismatch",
                File::ClientKey,
                "another kind",
                text,
            ));
        }
        if let Some(kind) = chain.key.filter(|kind| !handshake::takes(server, *kind)) {
            let text = text::no_client_certificate(server).to_owned();
            return Err(Failure::of(
                "key-type-not-offered",
                file,
                kind.to_string(),
                text,
            ));
        }
        if !handshake::takes_size(server, Side::Server, &chain.sent) {
            return Err(Failure::of("chain-large", file, "", String::new()));
        }
        match roots {
            Roots::Unasked | Roots::Rustls(_) => Ok(()),
            Roots::Verifier(verifier, _) => tonic::verify_client(&chain.sent, &**verifier, self.at),
            Roots::Certificates(anchors) => {
                let sent = received(server, &chain.sent, file)?;
                self.check_path(server, &sent, anchors, false, file)
            }
        }
    }

    fn check_path(
        &self,
        stack: Stack,
        sent: &[Certificate],
        anchors: &[Certificate],
        is_server: bool,
        file: File,
    ) -> Result<(), Failure> {
        let Some(deviations) = deviation::of(stack) else {
            return Ok(());
        };
        let signatures = &self.signatures;
        openssl::verify(sent, anchors, is_server, self.at, deviations, signatures)
            .map_err(|refusal| self.explained(stack, refusal, is_server, file))?;
        match sent.first().and_then(reading::names_fault) {
            Some(fault) if stack == Stack::GrpcCore => {
                let text = text::PEER_UNREADABLE.to_owned();
                Err(Failure::of("ip-name-form", file, fault, text))
            }
            Some(_) | None => Ok(()),
        }
    }

    fn explained(&self, stack: Stack, refusal: Refusal, is_server: bool, file: File) -> Failure {
        let Refusal {
            fault,
            certificate,
            detail,
        } = refusal;
        let text = if is_server {
            text::path_refused(stack, fault, detail)
        } else if stack == Stack::GrpcCore {
            text::client_path_refused(fault, detail)
        } else {
            String::new()
        };
        Failure::of(fault.rule(), file, String::new(), text).about(certificate)
    }

    /// The name during the handshake.
    fn check_name(&self, client: Stack, leaf: &Certificate) -> Result<(), Failure> {
        let Some(name) = self.setup.host else {
            return Ok(());
        };
        let fail = |text| {
            Err(Failure::of(
                "host-mismatch",
                File::ServerCertificate,
                name,
                text,
            ))
        };
        match client {
            Stack::GrpcCore => match host::grpc_core(leaf, name) {
                Err(host::GrpcCoreRefusal::Handshake) => fail(text::HOST_REFUSED.to_owned()),
                Err(host::GrpcCoreRefusal::Call) | Ok(()) => Ok(()),
            },
            Stack::GrpcJs => match host::grpc_js(leaf, name) {
                Err(reason) => fail(text::node_name(&reason)),
                Ok(()) => Ok(()),
            },
            Stack::Tonic => Ok(()),
        }
    }

    /// Node's HTTP/2 refuses a call to a name that is none.
    fn authority(&self, server: Stack) -> Result<(), Failure> {
        match self.setup.host {
            Some(name) if server == Stack::GrpcJs && !handshake::is_authority(name) => Err(
                Failure::of("host-form", File::ServerCertificate, name, String::new()),
            ),
            Some(_) | None => Ok(()),
        }
    }

    /// grpc-core looks at the name once more when the call is made.
    fn call_host(&self, chain: &Chain) -> Result<(), Failure> {
        let leaf = chain
            .sent
            .first()
            .cloned()
            .and_then(|der| Certificate::from_der(der).ok());
        match (self.setup.host, leaf) {
            (Some(name), Some(leaf)) if host::grpc_core(&leaf, name).is_err() => Err(Failure::of(
                "host-mismatch",
                File::ServerCertificate,
                name,
                text::CALL_REFUSED.to_owned(),
            )),
            (Some(_) | None, Some(_) | None) => Ok(()),
        }
    }
}

/// The certificates as the receiver reads them; BoringSSL looks at the leaf's keyUsage before all else.
fn received(stack: Stack, sent: &[Vec<u8>], file: File) -> Result<Vec<Certificate>, Failure> {
    let Some(deviations) = deviation::of(stack) else {
        return Ok(Vec::new());
    };
    let mut certificates = Vec::new();
    for der in sent {
        let held = reading::held(der, deviations.dialect).map_err(|(what, error)| {
            let text = match stack {
                Stack::GrpcCore => text::grpc_core_handshake(text::DECODE_ERROR),
                Stack::GrpcJs | Stack::Tonic => text::grpc_js_error(error),
            };
            Failure::of("certificate-unreadable", file, what, text)
        })?;
        if held.has_broken_dates {
            let text = text::path_refused(stack, Fault::NotAfterForm, "");
            return Err(Failure::of("time-malformed", file, "no date", text));
        }
        certificates.push(held.certificate);
    }
    if stack == Stack::GrpcCore
        && let Some(leaf) = certificates.first()
    {
        if let Some(usage) = load::unsigning_usage(leaf) {
            let text = text::grpc_core_handshake(text::KEY_USAGE_INCORRECT);
            return Err(Failure::of(
                "key-usage-digital-signature",
                file,
                usage,
                text,
            ));
        }
    }
    Ok(certificates)
}

/// grpc-core takes an empty file for no file.
fn is_blank(octets: &[u8]) -> bool {
    octets.first().is_none_or(|first| *first == 0)
}

/// What was refused, each cause once.
#[derive(Default)]
struct Causes {
    all: Vec<Cause>,
    places: HashMap<(&'static str, File, String), usize>,
}

impl Causes {
    fn add(&mut self, failure: &Failure, stack: Stack, role: Side) {
        let subject = failure.certificate.as_ref().map(|c| c.subject.clone());
        let place = (failure.rule, failure.file, subject.unwrap_or_default());
        let index = *self.places.entry(place).or_insert_with(|| {
            let rule = rule::by_id(failure.rule);
            let evidence = (!failure.found.is_empty()).then(|| Evidence::found(&failure.found));
            let certificate = failure.certificate.clone();
            self.all.push(Cause {
                finding: Finding::new(rule, Severity::Error, certificate, evidence),
                file: failure.file,
                affects: Vec::new(),
            });
            self.all.len() - 1
        });
        let affected = Affected { stack, role };
        let affects = &mut self.all[index].affects;
        if !affects.contains(&affected) {
            affects.push(affected);
        }
    }

    fn sorted(mut self) -> Vec<Cause> {
        for cause in &mut self.all {
            cause.affects.sort_unstable();
        }
        self.all
            .sort_by_key(|cause| std::cmp::Reverse(cause.affects.len()));
        self.all
    }
}
