//! Each client against each server: what starts, what is refused and by whom, and the causes.

use time::OffsetDateTime;

use super::chain::Signatures;
use super::side::{self, Endpoint, Files, Roots, Verifier};
use super::{Affected, Cause, File, Outcome, Setup, Side, Stack, Verdicts, svid, text, tonic};
use crate::path::finding::{CertificateReference, Evidence, Finding, Rule, Severity};

/// Judges each of these clients with each of these servers.
pub(super) fn judge(
    setup: &Setup<'_>,
    at: OffsetDateTime,
    clients: &[Stack],
    servers: &[Stack],
) -> Verdicts {
    let mut bench = Bench {
        verifier: Verifier {
            host: setup.host,
            at,
            signatures: Signatures::default(),
        },
        causes: Causes::default(),
    };
    let listening = servers.iter().map(|stack| {
        let files = Files::of_server(setup.server?);
        Some(files.load(*stack, None, at))
    });
    let dialling = clients.iter().map(|stack| {
        let files = Files::of_client(setup.client?);
        Some(files.load(*stack, setup.host, at))
    });
    let (listening, dialling): (Vec<_>, Vec<_>) = (listening.collect(), dialling.collect());
    let mut outcomes = Vec::new();
    for (client, loaded) in clients.iter().zip(&dialling) {
        for (server, served) in servers.iter().zip(&listening) {
            outcomes.push(bench.pair(*client, loaded.as_ref(), *server, served.as_ref()));
        }
    }
    let mut causes = bench.causes.sorted();
    svid::advise(&mut causes, setup);
    Verdicts { outcomes, causes }
}

struct Bench<'s> {
    verifier: Verifier<'s>,
    causes: Causes,
}

impl Bench<'_> {
    fn pair(
        &mut self,
        client: Stack,
        loaded: Option<&Result<Endpoint, Failure>>,
        server: Stack,
        served: Option<&Result<Endpoint, Failure>>,
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

    fn connect(&mut self, loaded: &Endpoint, served: &Endpoint, outcome: &mut Outcome) {
        let (client, server) = (outcome.client, outcome.server);
        outcome.connects = Some(false);
        match self.handshake(client, loaded, server, served) {
            Ok(()) if matches!(loaded.roots, Roots::Unasked) => outcome.connects = None,
            Ok(()) => outcome.connects = Some(true),
            Err((failure, side)) => {
                let failing = failing(&failure, side);
                let stack = match failing {
                    Side::Client => client,
                    Side::Server => server,
                };
                self.causes.add(&failure, stack, failing);
                match side {
                    Side::Client => outcome.client_error = Some(failure.text),
                    Side::Server => {
                        let seen = match failure.rule {
                            "host-form" if server == Stack::GrpcJs => {
                                text::of("stream-reset").to_owned()
                            }
                            "host-form" => text::by_stack("illegal-name", client).to_owned(),
                            "key-type-not-offered" | "key-mismatch"
                                if failure.file != File::ClientCertificate
                                    && failure.file != File::ClientKey =>
                            {
                                text::no_common_signature(client, server).to_owned()
                            }
                            _ => text::client_refused(client, server, failure.alert),
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

    /// The first failure, and which side refuses.
    fn handshake(
        &self,
        client: Stack,
        loaded: &Endpoint,
        server: Stack,
        served: &Endpoint,
    ) -> Result<(), (Failure, Side)> {
        let by_client = |failure| (failure, Side::Client);
        let by_server = |failure| (failure, Side::Server);
        let Some(chain) = &served.chain else {
            return Ok(());
        };
        if server == Stack::Tonic
            && client != Stack::Tonic
            && let Some(host) = self.verifier.host
        {
            self.server_name(host).map_err(by_server)?;
        }
        if !chain.can_sign {
            let failure = Failure::of("key-mismatch", File::ServerKey, "another kind", "");
            return Err(by_server(failure));
        }
        if let Some(kind) = chain.key.filter(|kind| !side::accepts(client, *kind)) {
            let file = File::ServerCertificate;
            let failure = Failure::of("key-type-not-offered", file, kind, "");
            return Err(by_server(failure));
        }
        if server != Stack::GrpcCore && !served.can_name_roots() {
            let failure = Failure::of("roots-large", File::ServerRoots, "", "");
            return Err(by_server(failure));
        }
        if !side::accepts_size(client, Side::Client, &chain.sent) {
            let text = text::by_stack("too-large", client);
            let failure = Failure::of("chain-large", File::ServerCertificate, "", text);
            return Err(by_client(failure));
        }
        self.verifier
            .verify_server(client, chain, &loaded.roots)
            .map_err(|failure| by_client(loaded.explain(failure, File::ClientRoots)))?;
        if !matches!(served.roots, Roots::Unasked) {
            self.verifier
                .own_signature(client, loaded.chain.as_ref(), server)
                .map_err(by_client)?;
            self.verifier
                .verify_client(server, loaded.chain.as_ref(), &served.roots)
                .map_err(|failure| by_server(served.explain(failure, File::ServerRoots)))?;
        }
        match client {
            Stack::GrpcCore => {
                self.verifier.call_host(chain).map_err(by_client)?;
                self.authority(server).map_err(by_server)
            }
            Stack::GrpcJs | Stack::Tonic => Ok(()),
        }
    }

    /// rustls refuses a malformed server name, but not an address.
    fn server_name(&self, name: &str) -> Result<(), Failure> {
        tonic::server_name(name)
            .map(drop)
            .map_err(|failure| Failure {
                text: String::new(),
                ..failure
            })
    }

    /// Node's HTTP/2 refuses a call to a malformed name.
    fn authority(&self, server: Stack) -> Result<(), Failure> {
        match self.verifier.host {
            Some(name) if server == Stack::GrpcJs && !side::is_authority(name) => {
                Err(Failure::of("host-form", File::ServerCertificate, name, ""))
            }
            Some(_) | None => Ok(()),
        }
    }
}

/// Which side fails: for a key type, the peer that does not support it, whichever side ends the handshake.
fn failing(failure: &Failure, refusing: Side) -> Side {
    match (failure.rule, failure.file) {
        ("key-type-not-offered", File::ServerCertificate) => Side::Client,
        ("key-type-not-offered", File::ClientCertificate) => Side::Server,
        _ => refusing,
    }
}

/// Why a stack refuses.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    /// The rule that is broken.
    pub(super) rule: &'static str,
    /// The file it is about.
    pub(super) file: File,
    pub(super) evidence: Option<Box<Evidence>>,
    pub(super) certificate: Option<Box<CertificateReference>>,
    /// The message of the side that refuses.
    pub(super) text: String,
    /// The alert that it sends, if its peer can see one.
    pub(super) alert: u8,
}

impl Failure {
    pub(super) fn of(
        rule: &'static str,
        file: File,
        found: impl ToString,
        text: impl Into<String>,
    ) -> Self {
        let found = found.to_string();
        Failure {
            rule,
            file,
            evidence: (!found.is_empty()).then(|| Box::new(Evidence::found(found))),
            certificate: None,
            text: text.into(),
            alert: 0,
        }
    }

    /// The same, with the number of the alert that it sends.
    pub(super) fn with_alert(self, alert: u8) -> Self {
        Failure { alert, ..self }
    }

    /// The same, as a breach of another rule.
    pub(super) fn with_rule(mut self, rule: &'static str, found: String) -> Self {
        self.rule = rule;
        self.evidence = Some(Box::new(Evidence::found(found)));
        self
    }

    pub(super) fn about(mut self, certificate: CertificateReference) -> Self {
        self.certificate = Some(Box::new(certificate));
        self
    }
}

/// Causes of refusals, each once.
#[derive(Default)]
pub(super) struct Causes {
    all: Vec<Cause>,
}

impl Causes {
    pub(super) fn add(&mut self, failure: &Failure, stack: Stack, role: Side) {
        let index = match self.place(failure, stack) {
            Some(index) => index,
            None => {
                self.all.push(Cause {
                    finding: Finding::new(
                        Rule::named(failure.rule),
                        Severity::Error,
                        failure.certificate.as_deref().cloned(),
                        failure.evidence.as_deref().cloned(),
                    ),
                    file: failure.file,
                    affects: Vec::new(),
                });
                self.all.len() - 1
            }
        };
        let affected = Affected { stack, role };
        let affects = &mut self.all[index].affects;
        if !affects.contains(&affected) {
            affects.push(affected);
        }
    }

    /// The place of a cause that is already known. rustls does not name the certificate and has its own
    /// errors for some faults, so a finding of another stack about the same file counts as the same cause.
    fn place(&self, failure: &Failure, stack: Stack) -> Option<usize> {
        let subject = failure.certificate.as_ref().map(|c| &c.subject);
        let is_same = |cause: &Cause| {
            let known = cause.finding.certificate.as_ref().map(|c| &c.subject);
            cause.finding.id == failure.rule
                && cause.file == failure.file
                && (known == subject || failure.rule == "host-mismatch")
        };
        let is_like = |cause: &Cause| {
            let alike = |pair: &&(&str, &str)| **pair == (failure.rule, cause.finding.id);
            cause.file == failure.file
                && (cause.finding.id == failure.rule || ALIKE.iter().any(|pair| alike(&pair)))
        };
        let exact = self.all.iter().position(is_same);
        match stack {
            Stack::Tonic => exact.or_else(|| self.all.iter().position(is_like)),
            Stack::GrpcCore | Stack::GrpcJs => exact,
        }
    }

    pub(super) fn sorted(mut self) -> Vec<Cause> {
        for cause in &mut self.all {
            cause.affects.sort_unstable();
        }
        self.all
            .sort_by_key(|cause| std::cmp::Reverse(cause.affects.len()));
        self.all
    }
}

/// Rules for rustls's errors, and the more exact rules that they may stand for.
const ALIKE: [(&str, &str); 8] = [
    ("signature-unsupported", "signature-sha1"),
    ("signature-unsupported", "signature-broken-hash"),
    ("purpose", "purpose-any"),
    ("name-not-permitted", "name-excluded"),
    ("issuer-missing", "self-signed"),
    ("extension-malformed", "extension-twice"),
    (
        "critical-extension-unsupported",
        "unknown-critical-extension",
    ),
    ("certificate-unreadable", "time-malformed"),
];
