//! What can be wrong with a port.

use crate::path::finding::Severity;
use crate::path::rule::{Rule, Severities};

/// Every rule of live ports.
pub static RULES: &[&Rule] = &[
    &UNRESOLVED,
    &REFUSED,
    &NO_ANSWER,
    &UNREACHABLE,
    &SOME_ADDRESSES,
    &PLAINTEXT,
    &PLAINTEXT_HTTP1,
    &NOT_TLS,
    &NO_TLS,
    &TLS_UNEXPECTED,
    &HANDSHAKE,
    &ALPN,
    &NO_SETTINGS,
    &CLOSED,
    &CERTIFICATE_REQUIRED,
    &CERTIFICATE_REFUSED,
    &CLIENT_KEY,
    &CERTIFICATE_UNASKED,
    &CERTIFICATE_OPTIONAL,
    &STRANGER_TAKEN,
    &KEY_UNPROVEN,
    &MALFORMED,
    &OLD_CERTIFICATE,
    &OTHER_CERTIFICATE,
    &INCOMPLETE,
    &ORDER,
    &ROOT,
    &DUPLICATE,
    &ANCHOR,
    &CHAINS_DIFFER,
    &CONNECTIONS_DIFFER,
    &CLOCK,
];

pub(super) static UNRESOLVED: Rule = Rule {
    id: "live-unresolved",
    message: "the name has no address",
    hint: "check the name, or dial an address and give the name with `--servername`",
    reference: "RFC 1035 §4.3",
    why: "",
    severities: Severities::DECISIVE,
};
pub(super) static REFUSED: Rule = Rule {
    id: "live-refused",
    message: "nobody listens on the port",
    hint: "start the server, and look in its log for `Failed to bind to address`, which a fault in its certificate files causes too: `openagents-certs verify-chain --network FILE`",
    reference: "RFC 9293 §3.10.7.1",
    why: "",
    severities: Severities::DECISIVE,
};
pub(super) static NO_ANSWER: Rule = Rule {
    id: "live-timeout",
    message: "the port does not answer in time",
    hint: "check address and firewall, or wait longer with `--timeout`",
    reference: "RFC 9293 §3.8.3",
    why: "",
    severities: Severities::DECISIVE,
};
pub(super) static UNREACHABLE: Rule = Rule {
    id: "live-unreachable",
    message: "there is no way to the address",
    hint: "check the address and this machine's network",
    reference: "RFC 1122 §3.2.2.1",
    why: "",
    severities: Severities::DECISIVE,
};
pub(super) static SOME_ADDRESSES: Rule = Rule {
    id: "live-some-addresses",
    message: "not every address of the name takes connections",
    hint: "clients try the next one; where one does not, let the server listen on all of them or dial an address",
    reference: "RFC 8305 §5",
    why: "",
    severities: NOTE,
};
pub(super) static PLAINTEXT: Rule = Rule {
    id: "live-plaintext",
    message: "the port speaks plaintext gRPC (HTTP/2) where TLS belongs",
    hint: "turn TLS on in the network's YAML: `openagents-certs verify-chain --network FILE` says why it is off, and `--write` adds the block",
    reference: "RFC 9113 §3.3",
    why: "",
    severities: Severities::DECISIVE,
};
pub(super) static PLAINTEXT_HTTP1: Rule = Rule {
    id: "live-plaintext-http",
    message: "the port speaks plaintext HTTP/1 where TLS belongs",
    hint: "dial the gRPC transport's port; OpenAgents' HTTP transport is always plaintext",
    reference: "RFC 9112 §3",
    why: "",
    severities: Severities::DECISIVE,
};
pub(super) static NOT_TLS: Rule = Rule {
    id: "live-not-tls",
    message: "what the port speaks is neither TLS nor HTTP",
    hint: "check the port: another service listens there",
    reference: "RFC 8446 §5.1",
    why: "",
    severities: Severities::DECISIVE,
};
pub(super) static NO_TLS: Rule = Rule {
    id: "live-no-tls",
    message: "the port takes connections, but answers neither TLS nor HTTP",
    hint: "look in the server's log, and whether a proxy stands between",
    reference: "RFC 8446 §4",
    why: "",
    severities: Severities::DECISIVE,
};
pub(super) static TLS_UNEXPECTED: Rule = Rule {
    id: "live-tls-unexpected",
    message: "the port speaks TLS where plaintext was dialled",
    hint: "dial it as grpcs:// or https://, and give its clients the CA",
    reference: "RFC 8446 §4",
    why: "",
    severities: Severities::DECISIVE,
};
pub(super) static HANDSHAKE: Rule = Rule {
    id: "live-handshake",
    message: "the TLS handshake does not come to its end",
    hint: "look in the server's log; `openagents-certs explain` says what its text means",
    reference: "RFC 8446 §4",
    why: "",
    severities: Severities::DECISIVE,
};
pub(super) static ALPN: Rule = Rule {
    id: "live-alpn",
    message: "the server does not agree on h2 in ALPN, which gRPC needs",
    hint: "the port is no gRPC server's, or a proxy before it strips h2: dial the server itself, or let the proxy pass TLS through",
    reference: "RFC 7301 §3.2, RFC 9113 §3.2",
    why: "",
    severities: Severities::DECISIVE,
};
pub(super) static NO_SETTINGS: Rule = Rule {
    id: "live-no-settings",
    message: "the handshake is finished, but no HTTP/2 SETTINGS follow, so nobody speaks gRPC there",
    hint: "check the port: a TLS server that is no gRPC server listens there",
    reference: "RFC 9113 §3.4",
    why: "",
    severities: Severities::DECISIVE,
};
pub(super) static CLOSED: Rule = Rule {
    id: "live-closed",
    message: "the server ends the connection after the handshake",
    hint: "look in the server's log for the reason",
    reference: "RFC 9113 §3.4",
    why: "",
    severities: Severities::DECISIVE,
};
pub(super) static CERTIFICATE_REQUIRED: Rule = Rule {
    id: "live-client-certificate-required",
    message: "the server wants a client certificate, and none was given",
    hint: "give `--client-cert` and `--client-key`; `openagents-certs issue client NAME` makes a pair",
    reference: "RFC 8446 §4.4.2.4",
    why: "",
    severities: Severities::DECISIVE,
};
pub(super) static CERTIFICATE_REFUSED: Rule = Rule {
    id: "live-client-certificate-refused",
    message: "the server refuses our client certificate",
    hint: "issue one with `openagents-certs issue client NAME` from the CA in the server's `ca_file`, or put our CA there and restart the server",
    reference: "RFC 8446 §4.4.2.4",
    why: "",
    severities: Severities::DECISIVE,
};
pub(super) static CLIENT_KEY: Rule = Rule {
    id: "live-client-key",
    message: "the client's private key cannot sign a handshake here, so it was left out",
    hint: "issue a client pair with a P-256 key, which every stack takes: `openagents-certs issue client NAME`",
    reference: "RFC 8446 §4.4.3",
    why: "",
    severities: Severities::ADVICE,
};
pub(super) static CERTIFICATE_UNASKED: Rule = Rule {
    id: "live-client-certificate-unasked",
    message: "a client certificate was given, but the server does not ask for any: it takes everyone",
    hint: "set `require_client_cert: true` and `ca_file` in the network's YAML and restart it: `openagents-certs verify-chain --network FILE`",
    reference: "RFC 8446 §4.3.2",
    why: "",
    severities: Severities::ADVICE,
};
pub(super) static CERTIFICATE_OPTIONAL: Rule = Rule {
    id: "live-client-certificate-optional",
    message: "the server asks for a client certificate, but takes clients without one",
    hint: "let the server require it: `require_client_cert: true` in the network's YAML",
    reference: "RFC 8446 §4.4.2.4",
    why: "",
    severities: Severities::ADVICE,
};
pub(super) static STRANGER_TAKEN: Rule = Rule {
    id: "live-stranger-taken",
    message: "the server takes a client certificate that was made a moment ago and is signed by nobody: it does not verify them",
    hint: "give the server a `ca_file` with your CA, so that it verifies client certificates",
    reference: "RFC 8446 §4.4.2.4",
    why: "",
    severities: Severities::DECISIVE,
};
pub(super) static KEY_UNPROVEN: Rule = Rule {
    id: "live-key-unproven",
    message: "the server's signature in the handshake is not by the key of its certificate",
    hint: "give the server the key that belongs to its certificate",
    reference: "RFC 8446 §4.4.3",
    why: "",
    severities: Severities::DECISIVE,
};
pub(super) static MALFORMED: Rule = Rule {
    id: "live-malformed",
    message: "a certificate that is served cannot be read",
    hint: "look at the server's file with `openagents-certs inspect`",
    reference: "RFC 5280 §4.1",
    why: "",
    severities: Severities::DECISIVE,
};
pub(super) static OLD_CERTIFICATE: Rule = Rule {
    id: "live-other-serial",
    message: "the server serves another certificate for the same names than the file holds: a replaced file is not read again",
    hint: "restart the server, so that it reads the file",
    reference: "RFC 8446 §4.4.2",
    why: "",
    severities: Severities::DECISIVE,
};
pub(super) static OTHER_CERTIFICATE: Rule = Rule {
    id: "live-other-certificate",
    message: "the server serves another certificate than the file holds, for other names",
    hint: "check which file the server reads, or whether another process listens on the port",
    reference: "RFC 8446 §4.4.2",
    why: "",
    severities: Severities::DECISIVE,
};
pub(super) static INCOMPLETE: Rule = Rule {
    id: "live-chain-incomplete",
    message: "an intermediate is not served, though it is needed to reach the anchor",
    hint: "put the intermediates behind the certificate in the server's file and restart it",
    reference: "RFC 8446 §4.4.2",
    why: "",
    severities: Severities::DECISIVE,
};
pub(super) static ORDER: Rule = Rule {
    id: "live-wrong-order",
    message: "the certificates are not served in the order in which each is issued by the next",
    hint: "put each issuer behind what it issued in the server's file and restart it",
    reference: "RFC 8446 §4.4.2",
    why: "",
    severities: Severities::ADVICE,
};
pub(super) static ROOT: Rule = Rule {
    id: "live-root-served",
    message: "a root is served too, which no client needs: it trusts its own copy or none",
    hint: "leave the root out of the server's file",
    reference: "RFC 8446 §4.4.2",
    why: "",
    severities: NOTE,
};
pub(super) static DUPLICATE: Rule = Rule {
    id: "live-duplicate",
    message: "a certificate is served twice",
    hint: "leave the copy out of the server's file",
    reference: "RFC 8446 §4.4.2",
    why: "",
    severities: Severities::ADVICE,
};
pub(super) static ANCHOR: Rule = Rule {
    id: "live-anchor-mismatch",
    message: "what is served does not lead to the CA that was given",
    hint: "give the server's CA with `--ca`, or issue the server's certificate from this one: `openagents-certs issue server NAME`",
    reference: "RFC 5280 §6.1.1 (d)",
    why: "",
    severities: Severities::DECISIVE,
};
pub(super) static CHAINS_DIFFER: Rule = Rule {
    id: "live-certificates-differ",
    message: "different connections are served different certificates: several processes share the port",
    hint: "stop the other process; an old one may still listen beside the one that was started anew",
    reference: "socket(7), SO_REUSEPORT",
    why: "",
    severities: Severities::DECISIVE,
};
pub(super) static CONNECTIONS_DIFFER: Rule = Rule {
    id: "live-connections-differ",
    message: "the same connection is taken one time and refused another: several processes share the port, or one is failing",
    hint: "stop the other process; an old one may still listen beside the one that was started anew",
    reference: "socket(7), SO_REUSEPORT",
    why: "",
    severities: Severities::DECISIVE,
};
pub(super) static CLOCK: Rule = Rule {
    id: "live-clock",
    message: "the server's clock and ours do not agree, and dates are judged by both",
    hint: "set both clocks by NTP",
    reference: "RFC 5280 §6.1.3 (a)",
    why: "",
    severities: Severities::ADVICE,
};

/// Worth knowing.
const NOTE: Severities = Severities {
    tls: Some(Severity::Note),
    rfc5280: Some(Severity::Note),
    webpki: Some(Severity::Note),
};
