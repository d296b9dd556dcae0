//! The rules a network's and an agent's files can break, and how a finding about a line is made.

use std::fmt;

use crate::path::finding::{Evidence, Finding, Severity};
use crate::path::rule::{Rule, Severities};

/// Every rule of this room.
pub fn rules() -> impl Iterator<Item = &'static Rule> {
    RULES.iter().copied()
}

/// A finding about a line of a file.
pub fn at(rule: &Rule, line: usize) -> Finding {
    let mut finding = whole(rule);
    finding.message = format!("line {line}: {}", rule.message);
    finding
}

/// A finding about a file as a whole.
pub fn whole(rule: &Rule) -> Finding {
    let severity = rule.severities.tls.unwrap_or(Severity::Note);
    Finding::new(rule, severity, None, None)
}

/// What can be said of a finding beside its rule.
pub trait Tell: Sized {
    /// What stands there.
    fn found(self, found: impl fmt::Display) -> Self;
    /// What stands there, and what should.
    fn instead(self, found: impl fmt::Display, expected: impl fmt::Display) -> Self;
    /// What mends just this.
    fn mended_by(self, hint: impl Into<String>) -> Self;
    /// That it counts more or less than its rule mostly does.
    fn counting(self, severity: Severity) -> Self;
}

impl Tell for Finding {
    fn found(mut self, found: impl fmt::Display) -> Self {
        self.evidence = Some(Evidence::found(found));
        self
    }

    fn instead(mut self, found: impl fmt::Display, expected: impl fmt::Display) -> Self {
        self.evidence = Some(Evidence::instead(found, expected));
        self
    }

    fn mended_by(mut self, hint: impl Into<String>) -> Self {
        self.hint = hint.into();
        self
    }

    fn counting(mut self, severity: Severity) -> Self {
        self.severity = severity;
        self
    }
}

const NOTE: Severities = Severities {
    tls: Some(Severity::Note),
    rfc5280: Some(Severity::Note),
    webpki: Some(Severity::Note),
};
const WARNING: Severities = Severities::ADVICE;
const ERROR: Severities = Severities::DECISIVE;

const NETWORK: &str = "OpenAgents 0.9.3, sdk/network.py";
const TOPOLOGY: &str = "OpenAgents 0.9.3, sdk/topology.py";
const GRPC: &str = "OpenAgents 0.9.3, sdk/transports/grpc.py";
const HTTP: &str = "OpenAgents 0.9.3, sdk/transports/http.py";
const CONFIG: &str = "OpenAgents 0.9.3, models/network_config.py";
const CLIENT: &str = "OpenAgents 0.9.3, sdk/client.py";
const RUNNER: &str = "OpenAgents 0.9.3, agents/runner.py";
const AGENT_CLI: &str = "OpenAgents 0.9.3, client/cli_agent.py";

macro_rules! rules {
    ($($(#[$doc:meta])* $name:ident: $id:literal, $severities:expr, $reference:expr, $sentence:literal, $hint:literal;)*) => {
        $(
            $(#[$doc])*
            pub static $name: Rule = Rule {
                id: $id,
                message: $sentence,
                hint: $hint,
                reference: $reference,
                why: "",
                severities: $severities,
            };
        )*
        static RULES: &[&Rule] = &[$(&$name),*];
    };
}

rules! {
    /// A value that OpenAgents' own checks refuse.
    SETTING_REFUSED: "network-setting-refused", ERROR, CONFIG,
        "OpenAgents refuses this setting, and the network does not start",
        "give the setting a value of the kind that is named";
    /// An exception in one transport ends them all.
    NETWORK_STOPS: "network-stops", ERROR, TOPOLOGY,
        "this transport cannot listen, and an HTTP transport that cannot listen ends the whole network",
        "give it a host of this machine and a free port between 1 and 65535";
    /// No transport at all came up.
    NOTHING_LISTENS: "network-nothing-listens", ERROR, TOPOLOGY,
        "no transport starts, so the network ends",
        "mend the transports below `transports:`";
    /// The port is not there although the log says that the network is online.
    ONLINE_ALL_THE_SAME: "network-online-without-grpc", WARNING, TOPOLOGY,
        "the gRPC transport does not start, and the network says that it is online all the same, over HTTP alone",
        "look for `Failed to start gRPC server` in its log, and mend what is said here of the gRPC transport";
    /// A network for HTTP alone.
    NO_GRPC: "network-without-grpc", NOTE, TOPOLOGY,
        "there is no gRPC transport, so nothing answers grpc:// or grpcs://",
        "add `- type: grpc` with a `config:` below `transports:`, or let `verify-chain --network FILE --write` do it";
    /// Only the first gRPC transport is started.
    SECOND_GRPC: "network-second-grpc-ignored", WARNING, TOPOLOGY,
        "a second gRPC transport is never started once the first one is",
        "keep one gRPC transport, the one with `tls:`";
    /// The first fails, so the second is taken.
    FALLS_BACK: "network-falls-back", ERROR, TOPOLOGY,
        "the first gRPC transport does not start, so the second one is started in its place",
        "mend the first transport, and take the second one out";
    /// Nothing asks for TLS.
    PLAINTEXT: "grpc-plaintext", NOTE, GRPC,
        "the gRPC port serves plaintext: there is no `tls:` in its config",
        "add one with `openagents-certs verify-chain --network FILE --write`";
    /// Turned off on purpose.
    TLS_DISABLED: "tls-disabled", WARNING, GRPC,
        "`enabled` is false, so the port serves plaintext in spite of the `tls:` block",
        "write `enabled: true`, or take the block out";
    /// The key that turns it on is not there.
    TLS_ENABLED_MISSING: "tls-enabled-missing", ERROR, GRPC,
        "the `tls:` block has no `enabled: true`, so the port serves plaintext",
        "add `enabled: true`, or let `verify-chain --network FILE --write` do it";
    /// A text that is true whatever it says.
    TLS_ENABLED_TEXT: "tls-enabled-text", WARNING, GRPC,
        "a text is true to Python whatever it says, so TLS is on",
        "write true or false without quotes";
    /// `tls: true` and the like.
    TLS_NOT_A_MAPPING: "tls-not-a-mapping", ERROR, GRPC,
        "`tls:` is not a mapping, so it is ignored and the port serves plaintext",
        "make it a mapping with enabled, cert_file and key_file, or let `verify-chain --network FILE --write` do it";
    /// A tls block at another level.
    TLS_MISPLACED: "tls-misplaced", ERROR, GRPC,
        "TLS settings here are ignored: they are read in the `config:` of a gRPC transport alone",
        "move them into the `config:` of the gRPC transport";
    /// `ssl:` and other names.
    TLS_MISNAMED: "tls-misnamed", ERROR, GRPC,
        "this key is ignored; TLS is read from `tls:` alone",
        "name it `tls:`";
    /// A key in the tls block that nothing reads.
    TLS_KEY_IGNORED: "tls-key-ignored", WARNING, GRPC,
        "nothing reads this key of the `tls:` block",
        "the keys are enabled, cert_file, key_file, ca_file and require_client_cert";
    /// `min_version`, which nothing reads.
    TLS_VERSION_IGNORED: "tls-version-ignored", WARNING, GRPC,
        "nothing reads a TLS version: the port takes TLS 1.2 and 1.3, whatever stands here",
        "take it out";
    /// `require_client_cert` without `ca_file`.
    MTLS_WITHOUT_CA: "mtls-without-ca", ERROR, GRPC,
        "client certificates are required, but there is no CA to check them with, so the port takes anyone without one",
        "give `ca_file: certs/ca.crt`";
    /// A text in the place of a truth value.
    MTLS_TEXT: "mtls-text", WARNING, GRPC,
        "a text is true to Python whatever it says, so client certificates are required",
        "write true or false without quotes";
    /// `ca_file` alone does not ask for certificates.
    CA_WITHOUT_MTLS: "mtls-not-required", NOTE, GRPC,
        "there is a `ca_file`, but without `require_client_cert: true` no client is asked for a certificate",
        "write `require_client_cert: true` for mutual TLS";
    /// A file that is not named.
    TLS_FILE_UNNAMED: "tls-file-unnamed", ERROR, GRPC,
        "TLS is on without both cert_file and key_file, so the gRPC transport does not start",
        "give both: `openagents-certs generate` makes them";
    /// A file name that is none.
    TLS_FILE_NO_NAME: "tls-file-no-name", ERROR, GRPC,
        "this is no file name, so the gRPC transport does not start",
        "give the path of one file";
    /// `~` and `${VAR}`.
    TLS_FILE_UNEXPANDED: "tls-file-unexpanded", ERROR, GRPC,
        "`~` and `$VARIABLE` are not expanded in a path",
        "write the path out, or relative to the directory the network is started in";
    /// A file that is not where Python looks.
    TLS_FILE_MISSING: "tls-file-missing", ERROR, GRPC,
        "this file cannot be read, so the gRPC transport does not start; the log blames the port",
        "make the files with `openagents-certs generate`, or mend the path";
    /// It would be found beside the YAML.
    TLS_FILE_BESIDE: "tls-file-beside-yaml", ERROR, GRPC,
        "this file lies beside the network's YAML, but paths start from the directory the network is started in",
        "start the network in the directory of its YAML, or write the path from the directory it is started in";
    /// The server refuses to start with them.
    SERVER_REFUSES: "tls-credentials-refused", ERROR, GRPC,
        "grpc-core refuses these files, so the gRPC transport does not start; the log blames the port",
        "look at them with `openagents-certs verify-chain --cert FILE --key FILE`";
    /// It starts, but no client takes it.
    CLIENTS_REFUSE: "tls-certificate-refused", ERROR, GRPC,
        "the port serves TLS, but a client that trusts the CA refuses the certificate",
        "issue a new one with `openagents-certs issue server HOST`";
    /// mTLS that takes nobody's certificate.
    CLIENT_REFUSED: "mtls-client-refused", ERROR, GRPC,
        "the port requires client certificates and refuses the one that is there",
        "issue a new one with `openagents-certs issue client NAME`, under the CA in `ca_file`";
    /// No CA to judge it by.
    CA_UNKNOWN: "tls-ca-unknown", NOTE, GRPC,
        "no CA was found to check the server's certificate with; only its form and dates were looked at",
        "give the one its clients have with `--ca ca.crt`";
    /// A host it cannot bind.
    ADDRESS: "grpc-address", ERROR, GRPC,
        "the gRPC transport cannot listen here",
        "give `host: 0.0.0.0` or an address of this machine, and a port between 1 and 65535";
    /// `port: 0`.
    PORT_ANY: "grpc-port-any", ERROR, GRPC,
        "port 0 is any free port, and no agent can know which",
        "give a port, such as 8600";
    /// `port: null`.
    PORT_NONE: "grpc-port-none", ERROR, TOPOLOGY,
        "without a port the gRPC transport does not listen",
        "give a port, such as 8600";
    /// A name nobody resolved here.
    HOST_NAME: "grpc-host-name", NOTE, GRPC,
        "the transport listens where this name leads, if that is an address of the machine it runs on",
        "give `host: 0.0.0.0` to listen everywhere";
    /// Two transports on one port.
    PORT_TAKEN: "network-port-taken", ERROR, TOPOLOGY,
        "another transport of this network has this port already",
        "give each transport a port of its own";
    /// Two networks on one gRPC port.
    PORT_SHARED: "networks-share-port", ERROR, GRPC,
        "another network listens on this gRPC port too: on one machine the system lets both, and answers from one or the other in turn",
        "give each network a port of its own";
    /// Two networks on one HTTP port.
    HTTP_PORT_SHARED: "networks-share-http-port", ERROR, HTTP,
        "another network has this HTTP port: on one machine the one that starts second does not start at all",
        "give each network a port of its own";
    /// TLS on a transport that has none.
    TLS_ON_OTHER: "tls-on-plaintext-transport", WARNING, HTTP,
        "this transport has no TLS: its `tls:` is ignored and it serves plaintext",
        "take it out, and put a TLS proxy before the port if it is reached from elsewhere";
    /// HTTP beside TLS.
    HTTP_BESIDE_TLS: "http-beside-tls", NOTE, HTTP,
        "plaintext HTTP is served beside TLS; whoever reaches it needs no certificate, and its /api/health shows the `tls:` block with the path of the key",
        "bind HTTP to 127.0.0.1 where only this machine needs it";
    /// A secret that anyone can read.
    HEALTH_SHOWS_SECRET: "health-shows-secret", WARNING, NETWORK,
        "/api/health shows this value to anyone who asks",
        "take it from the environment instead, or bind HTTP to 127.0.0.1";
    /// 0.0.0.0 given to clients.
    ADVERTISES_ANY: "network-advertises-any", WARNING, CLIENT,
        "0.0.0.0 is handed to agents as the address to dial; it is good to listen on, but not to dial",
        "advertise a name that the certificate has, and dial grpcs://NAME:PORT directly";
    /// encryption_enabled and its like.
    ENCRYPTION_IGNORED: "network-encryption-ignored", WARNING, CONFIG,
        "nothing reads `encryption_enabled` and `encryption_type`, and nothing here is encrypted",
        "TLS is a `tls:` block in the `config:` of a gRPC transport";
    /// A key that stands twice.
    DUPLICATE_KEY: "yaml-duplicate-key", WARNING, "PyYAML 6, constructor.py",
        "this key stands twice in one mapping, and only the last one counts",
        "keep one of them";
    /// A key that resembles one that is read.
    KEY_MISSPELT: "network-key-misspelt", WARNING, CONFIG,
        "nothing reads this key",
        "correct its spelling";
    /// Settings beside `config:`.
    KEY_MISPLACED: "transport-key-misplaced", WARNING, CONFIG,
        "nothing reads this key here: a transport has `type:` and `config:`, and all else stands in `config:`",
        "move it into `config:`";
    /// The file is written anew on the first start.
    REWRITTEN: "network-file-rewritten", NOTE, NETWORK,
        "without `created_by_version` the file is written anew on the first start, and its comments go",
        "keep a copy, or add `created_by_version: 0.9.3` below `network:`";
    /// An agent's URL that OpenAgents does not take.
    AGENT_URL: "agent-url", ERROR, RUNNER,
        "OpenAgents cannot dial this",
        "give grpcs://HOST:8600 with a name or an IPv4 address";
    /// `[::1]`.
    AGENT_IPV6: "agent-ipv6", ERROR, RUNNER,
        "OpenAgents takes the brackets off an IPv6 address and then cannot tell the port from it",
        "dial a name, such as grpcs://localhost:8600";
    /// An agent's YAML that wants TLS.
    AGENT_YAML_NO_TLS: "agent-yaml-without-tls", WARNING, AGENT_CLI,
        "`openagents agent start` reads no TLS settings: an agent started from a YAML speaks plaintext",
        "start it from Python with `async_start(url=\"grpcs://…\", ssl_ca_cert=…)`";
    /// A key of `connection:` that nothing reads.
    AGENT_KEY_IGNORED: "agent-key-ignored", WARNING, AGENT_CLI,
        "nothing reads this key of `connection:`",
        "it has host, port, network_id and password_hash";
    /// `transport:` in a connection.
    AGENT_TRANSPORT_IGNORED: "agent-transport-ignored", NOTE, AGENT_CLI,
        "nothing reads `transport:`: the agent asks the HTTP port, and takes the transport that the network recommends",
        "set `recommended_transport: grpc` in the network";
    /// A client certificate without its key, or the other way round.
    AGENT_HALF_PAIR: "agent-half-pair", ERROR, "OpenAgents 0.9.3, sdk/connectors/grpc_connector.py",
        "a client certificate needs its key, and a key its certificate",
        "give both `--client-cert` and `--client-key`";
    /// A file of the agent's that cannot be used.
    AGENT_FILE: "agent-file", ERROR, "OpenAgents 0.9.3, sdk/connectors/grpc_connector.py",
        "the agent cannot use this file",
        "look at it with `openagents-certs inspect FILE`";
    /// None of the networks that were given.
    AGENT_REACHES_NONE: "agent-reaches-no-network", ERROR, CLIENT,
        "the agent reaches none of the networks",
        "give it the URL of its network, the CA and, where the port asks for one, a client certificate; `--matrix` shows each pair";
    /// TLS over https:// asks in plaintext first.
    AGENT_HTTPS: "agent-https", WARNING, RUNNER,
        "https:// asks http://HOST:PORT/api/health in plaintext first, and dials what it is told there",
        "dial grpcs://HOST:8600 directly";
}
