//! What one side makes of the certificates of the other.

use time::OffsetDateTime;

use super::chain::Signatures;
use super::deviation;
use super::failure::Failure;
use super::fault::Fault;
use super::load::{self, Chain};
use super::openssl::{self, Refusal};
use super::public_key::{self, Reading};
use super::reading::{self, NamesFault};
use super::side::Roots;
use super::{File, Side, Stack, host, side, text, tonic};
use crate::path::finding::{Evidence, Role};
use crate::pki::certificate::Certificate;

/// Judges peers at one moment.
pub(super) struct Verifier<'s> {
    /// The name the client dials, where it is known.
    pub(super) host: Option<&'s str>,
    pub(super) at: OffsetDateTime,
    pub(super) signatures: Signatures,
}

impl Verifier<'_> {
    /// What a client says of a server's certificates, and of its name.
    pub(super) fn verify_server(
        &self,
        client: Stack,
        chain: &Chain,
        roots: &Roots,
    ) -> Result<(), Failure> {
        match roots {
            Roots::Unasked | Roots::Verifier(..) => Ok(()),
            Roots::Rustls(store) => tonic::verify_server(&chain.sent, store, self.host, self.at)
                .map_err(|failure| Failure {
                    text: text::tonic_error(&failure.text),
                    ..failure
                }),
            Roots::Certificates(anchors) => {
                let file = File::ServerCertificate;
                let sent = received(client, &chain.sent, file)?;
                self.check_path(client, &sent, anchors, true, file)?;
                match sent.first() {
                    Some(leaf) => self.check_name(client, leaf),
                    None => Ok(()),
                }
            }
        }
    }

    /// BoringSSL gives up itself where the server takes no signature of its key.
    pub(super) fn own_signature(
        &self,
        client: Stack,
        chain: Option<&Chain>,
        server: Stack,
    ) -> Result<(), Failure> {
        let kind = chain.and_then(|chain| chain.key);
        match kind.filter(|kind| !side::takes(server, *kind)) {
            Some(kind) if client == Stack::GrpcCore => {
                let text = text::grpc_core_handshake(text::NO_COMMON_SIGNATURE);
                let file = File::ClientCertificate;
                Err(Failure::of(
                    "key-type-not-offered",
                    file,
                    kind.to_string(),
                    text,
                ))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// What a server says of a client's certificates, or of there being none.
    pub(super) fn verify_client(
        &self,
        server: Stack,
        chain: Option<&Chain>,
        roots: &Roots,
    ) -> Result<(), Failure> {
        let file = File::ClientCertificate;
        let Some(chain) = chain else {
            return Err(missing("client-certificate-missing", file, "none", server));
        };
        if !chain.can_sign {
            return Err(missing(
                "key-mismatch",
                File::ClientKey,
                "another kind",
                server,
            ));
        }
        if let Some(kind) = chain.key.filter(|kind| !side::takes(server, *kind)) {
            return Err(missing(
                "key-type-not-offered",
                file,
                &kind.to_string(),
                server,
            ));
        }
        if !side::takes_size(server, Side::Server, &chain.sent) {
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
            .map_err(|refusal| Self::explained(stack, *refusal, is_server, file))?;
        match sent.first().and_then(reading::names_fault) {
            Some(fault) if stack == Stack::GrpcCore => {
                let text = match fault {
                    NamesFault::Address => text::PEER_UNREADABLE,
                    NamesFault::CommonName => text::PEER_NAMELESS,
                };
                Err(Failure::of(
                    fault.rule(),
                    file,
                    fault.clause(),
                    text.to_owned(),
                ))
            }
            Some(_) | None => Ok(()),
        }
    }

    fn explained(stack: Stack, refusal: Refusal, is_server: bool, file: File) -> Failure {
        let Refusal {
            fault,
            rule,
            certificate,
            evidence,
            detail,
        } = refusal;
        let text = if is_server {
            text::path_refused(stack, fault, detail)
        } else if stack == Stack::GrpcCore {
            text::client_path_refused(fault, detail)
        } else {
            String::new()
        };
        let file = match (certificate.role, is_server) {
            (Role::EndEntity | Role::Intermediate, _) => file,
            (Role::Anchor, true) => File::ClientRoots,
            (Role::Anchor, false) => File::ServerRoots,
        };
        let mut failure = Failure::of(rule, file, String::new(), text).about(certificate);
        failure.evidence = evidence.map(Box::new);
        failure
    }

    /// The name during the handshake.
    fn check_name(&self, client: Stack, leaf: &Certificate) -> Result<(), Failure> {
        let Some(name) = self.host else {
            return Ok(());
        };
        let fail = |text| Err(host_mismatch(leaf, name, text));
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

    /// grpc-core looks at the name once more when the call is made.
    pub(super) fn call_host(&self, chain: &Chain) -> Result<(), Failure> {
        let leaf = chain
            .sent
            .first()
            .cloned()
            .and_then(|der| Certificate::from_der(der).ok());
        match (self.host, leaf) {
            (Some(name), Some(leaf)) if host::grpc_core(&leaf, name).is_err() => {
                Err(host_mismatch(&leaf, name, text::CALL_REFUSED.to_owned()))
            }
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
        if held.has_broken_dates && certificates.is_empty() {
            let text = text::path_refused(stack, Fault::NotAfterForm, "");
            return Err(Failure::of("time-malformed", file, "no date", text));
        }
        certificates.push(held.certificate);
    }
    if stack == Stack::GrpcCore
        && let Some(leaf) = certificates.first()
    {
        let key = leaf.public_key_info();
        if public_key::reading(key, deviations.dialect) != Reading::Usable {
            let text = text::grpc_core_handshake(text::PEER_KEY_UNDECODABLE);
            return Err(Failure::of("key-malformed", file, "", text));
        }
        if let Some(usage) = load::unsigning_usage(leaf) {
            let text = text::grpc_core_handshake(match leaf.key_usage() {
                Ok(_) => text::KEY_USAGE_INCORRECT,
                Err(_) => text::LEAF_UNPARSABLE,
            });
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

/// A certificate is not for the name that is dialled.
fn host_mismatch(leaf: &Certificate, name: &str, text: String) -> Failure {
    let mut failure = Failure::of("host-mismatch", File::ServerCertificate, "", text);
    let evidence = Evidence::instead(host::shown(leaf), name);
    failure.evidence = Some(Box::new(evidence));
    failure
}

/// A server that must have a certificate gets none.
fn missing(rule: &'static str, file: File, found: &str, server: Stack) -> Failure {
    let text = text::no_client_certificate(server).to_owned();
    let mut failure = Failure::of(rule, file, found, text);
    failure.alert = text::CERTIFICATE_REQUIRED;
    failure
}
