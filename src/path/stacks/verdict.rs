//! Each client against each server: what starts, what is refused, and by whom.

use time::OffsetDateTime;

use super::chain::Signatures;
use super::failure::{Causes, Failure};
use super::peer::Verifier;
use super::side::{self, Loaded, Roots};
use super::{File, Outcome, Setup, Side, Stack, Verdicts, text, tonic};

/// What each of these clients does with each of these servers.
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
        let files = setup.server?;
        Some(side::server(*stack, files, at))
    });
    let dialling = clients.iter().map(|stack| {
        let files = setup.client?;
        Some(side::client(*stack, files, setup.host, at))
    });
    let (listening, dialling): (Vec<_>, Vec<_>) = (listening.collect(), dialling.collect());
    let mut outcomes = Vec::new();
    for (client, loaded) in clients.iter().zip(&dialling) {
        for (server, served) in servers.iter().zip(&listening) {
            outcomes.push(bench.pair(*client, loaded.as_ref(), *server, served.as_ref()));
        }
    }
    Verdicts {
        outcomes,
        causes: bench.causes.sorted(),
    }
}

struct Bench<'s> {
    verifier: Verifier<'s>,
    causes: Causes,
}

impl Bench<'_> {
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
                            "host-form" if server == Stack::GrpcJs => text::STREAM_RESET.to_owned(),
                            "host-form" => text::illegal_name(client),
                            "key-type-not-offered" | "key-mismatch"
                                if failure.file != File::ClientCertificate
                                    && failure.file != File::ClientKey =>
                            {
                                text::no_common_signature(client, server)
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
            && let Some(host) = self.verifier.host
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
        if let Some(kind) = chain.key.filter(|kind| !side::takes(client, *kind)) {
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
        if !side::takes_size(client, Side::Client, &chain.sent) {
            let text = text::too_large(client);
            return Err((
                Failure::of("chain-large", File::ServerCertificate, "", text),
                Side::Client,
            ));
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

    /// rustls refuses a server name that is none; an address is let pass.
    fn server_name(&self, name: &str) -> Result<(), Failure> {
        let mut failure = match tonic::server_name(name) {
            Ok(_) => return Ok(()),
            Err(failure) => failure,
        };
        failure.text = String::new();
        Err(failure)
    }

    /// Node's HTTP/2 refuses a call to a name that is none.
    fn authority(&self, server: Stack) -> Result<(), Failure> {
        match self.verifier.host {
            Some(name) if server == Stack::GrpcJs && !side::is_authority(name) => Err(Failure::of(
                "host-form",
                File::ServerCertificate,
                name,
                String::new(),
            )),
            Some(_) | None => Ok(()),
        }
    }
}

/// Whose program fails. Whoever ends the handshake, a key type fails at the peer that does not support it.
fn failing(failure: &Failure, refusing: Side) -> Side {
    match (failure.rule, failure.file) {
        ("key-type-not-offered", File::ServerCertificate) => Side::Client,
        ("key-type-not-offered", File::ClientCertificate) => Side::Server,
        _ => refusing,
    }
}
