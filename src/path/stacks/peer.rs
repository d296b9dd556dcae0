//! How one side verifies the certificates of the other.

use time::OffsetDateTime;

use super::chain::Signatures;
use super::fault::Fault;
use super::load::{self, Chain};
use super::openssl::{self, Refusal};
use super::quirks::Quirks;
use super::reading::{self, KeyReading};
use super::side::Roots;
use super::verdict::Failure;
use super::{File, Side, Stack, host, side, text, tonic};
use crate::path::finding::{Evidence, Role};
use crate::pki::certificate::Certificate;

/// Judges peers at one moment.
pub(super) struct Verifier<'s> {
    /// The name that the client dials, if it is known.
    pub(super) host: Option<&'s str>,
    pub(super) at: OffsetDateTime,
    pub(super) signatures: Signatures,
}

impl Verifier<'_> {
    /// How a client verifies a server's certificates and name.
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
                let sent = receive(client, &chain.sent, file)?;
                self.check_path(client, &sent, anchors, true, file)?;
                match sent.first() {
                    Some(leaf) => self.check_name(client, leaf),
                    None => Ok(()),
                }
            }
        }
    }

    /// BoringSSL gives up itself if the server does not accept signatures of its key.
    pub(super) fn own_signature(
        &self,
        client: Stack,
        chain: Option<&Chain>,
        server: Stack,
    ) -> Result<(), Failure> {
        let kind = chain.and_then(|chain| chain.key);
        match kind.filter(|kind| !side::accepts(server, *kind)) {
            Some(kind) if client == Stack::GrpcCore => {
                let text = text::grpc_core_handshake(text::NO_COMMON_SIGNATURE);
                let file = File::ClientCertificate;
                Err(Failure::of("key-type-not-offered", file, kind, text))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// How a server verifies a client's certificates, or their absence.
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
            let file = File::ClientKey;
            return Err(missing("key-mismatch", file, "another kind", server));
        }
        if let Some(kind) = chain.key.filter(|kind| !side::accepts(server, *kind)) {
            return Err(missing("key-type-not-offered", file, kind, server));
        }
        if !side::accepts_size(server, Side::Server, &chain.sent) {
            return Err(Failure::of("chain-large", file, "", ""));
        }
        match roots {
            Roots::Unasked | Roots::Rustls(_) => Ok(()),
            Roots::Verifier(verifier, _) => tonic::verify_client(&chain.sent, &**verifier, self.at),
            Roots::Certificates(anchors) => {
                let sent = receive(server, &chain.sent, file)?;
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
        let Some(quirks) = Quirks::of(stack) else {
            return Ok(());
        };
        let signatures = &self.signatures;
        openssl::verify(sent, anchors, is_server, self.at, quirks, signatures)
            .map_err(|refusal| failure(stack, *refusal, is_server, file))?;
        match sent.first().and_then(reading::names_fault) {
            Some(fault) if stack == Stack::GrpcCore => {
                let text = text::unreadable_peer(fault);
                Err(Failure::of(fault.rule(), file, fault.clause(), text))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Checks the name during the handshake.
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

    /// grpc-core checks the name a second time when the call is made.
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

/// A refusal as a failure of a file.
fn failure(stack: Stack, refusal: Refusal, is_server: bool, file: File) -> Failure {
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
    let mut failure = Failure::of(rule, file, "", text).about(certificate);
    failure.evidence = evidence.map(Box::new);
    failure
}

/// The certificates as the receiver reads them; BoringSSL checks the leaf's keyUsage first.
fn receive(stack: Stack, sent: &[Vec<u8>], file: File) -> Result<Vec<Certificate>, Failure> {
    let Some(quirks) = Quirks::of(stack) else {
        return Ok(Vec::new());
    };
    let mut certificates = Vec::new();
    for der in sent {
        let certificate = reading::certificate(der, quirks.dialect).map_err(|(what, error)| {
            let text = match stack {
                Stack::GrpcCore => text::grpc_core_handshake(text::DECODE_ERROR),
                Stack::GrpcJs | Stack::Tonic => text::grpc_js_error(error),
            };
            Failure::of("certificate-unreadable", file, what, text)
        })?;
        if certificate.has_broken_dates && certificates.is_empty() {
            let text = text::path_refused(stack, Fault::NotAfterForm, "");
            return Err(Failure::of("time-malformed", file, "no date", text));
        }
        certificates.push(certificate.certificate);
    }
    if stack == Stack::GrpcCore
        && let Some(leaf) = certificates.first()
    {
        let key = leaf.public_key_info();
        if KeyReading::of(key, quirks.dialect) != KeyReading::Usable {
            let text = text::grpc_core_handshake(text::PEER_KEY_UNDECODABLE);
            return Err(Failure::of("key-malformed", file, "", text));
        }
        if let Some(usage) = load::unsigning_usage(leaf) {
            let text = text::grpc_core_handshake(match leaf.key_usage() {
                Ok(_) => text::KEY_USAGE_INCORRECT,
                Err(_) => text::LEAF_UNPARSABLE,
            });
            let rule = "key-usage-digital-signature";
            return Err(Failure::of(rule, file, usage, text));
        }
    }
    Ok(certificates)
}

/// The certificate is not valid for the dialled name.
fn host_mismatch(leaf: &Certificate, name: &str, text: String) -> Failure {
    let mut failure = Failure::of("host-mismatch", File::ServerCertificate, "", text);
    let evidence = Evidence::instead(host::summary(leaf), name);
    failure.evidence = Some(Box::new(evidence));
    failure
}

/// A server that requires a certificate gets none.
fn missing(rule: &'static str, file: File, found: impl ToString, server: Stack) -> Failure {
    let text = text::no_client_certificate(server);
    Failure::of(rule, file, found, text).with_alert(text::CERTIFICATE_REQUIRED)
}
