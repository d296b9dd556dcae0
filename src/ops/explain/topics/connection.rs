//! What is wrong with ports and connections, and what OpenAgents makes of it.

use super::super::topic::{Telling, Topic, found, outside};

pub(in super::super) static PLAINTEXT_PORT: Topic = Topic {
    id: "plaintext-port",
    telling: Telling::Cause,
    meaning: "One side speaks TLS, and what came from the other is not TLS. A client that prints it dialled a \
              plaintext port; a server that prints it was dialled by a plaintext client.",
    causes: &[
        found(
            "grpc-plaintext",
            "the network's `tls:` block is not in effect: misspelt, in the wrong place, or without `enabled: true`",
        ),
        outside("the port is the HTTP transport's, or another program's"),
        outside("the URL has to be `grpc://` or `http://`"),
        outside("a proxy asks to be spoken to in plaintext"),
    ],
    next: &[
        "openagents-certs verify-chain --network network.yaml",
        "openagents-certs verify-chain --connect grpcs://{host}:{port}",
    ],
};

pub(in super::super) static TLS_PORT: Topic = Topic {
    id: "tls-port",
    telling: Telling::Cause,
    meaning: "The port speaks TLS, and the client spoke to it in plaintext.",
    causes: &[
        outside(
            "the client dials `grpc://` or `http://`, or an insecure channel, where `grpcs://` or `https://` is needed",
        ),
        outside("a health check or a load balancer probes the port in plaintext"),
    ],
    next: &[
        "openagents-certs verify-chain --connect grpcs://{host}:{port}",
        "openagents-certs inspect grpcs://{host}:{port}",
    ],
};

pub(in super::super) static CLOSED: Topic = Topic {
    id: "connection-closed",
    telling: Telling::Symptom,
    meaning: "The other side closed the connection without saying why. With TLS 1.3 that is how a server refuses a \
              client's certificate: the client's handshake is finished by then.",
    causes: &[
        found(
            "client-certificate-missing",
            "the server asks for a client certificate, and the client gave none",
        ),
        found(
            "issuer-missing",
            "the server's ca_file is not the CA that issued the client's certificate",
        ),
        found(
            "purpose",
            "the client's certificate is not for clients (clientAuth)",
        ),
        found("expired", "the client's certificate has expired"),
        found(
            "key-type-not-offered",
            "the key of one side is Ed25519 or P-521, which grpcio does not take",
        ),
        outside("one side speaks TLS and the other plaintext"),
        outside("the other process ended, or a proxy or firewall cut the connection"),
    ],
    next: &[
        "openagents-certs verify {client-cert} --key {client-key} --ca {client-ca} --purpose client",
        "openagents-certs verify-chain --connect grpcs://{host}:{port} --ca {ca} --client-cert {client-cert} --client-key {client-key}",
    ],
};

pub(in super::super) static REFUSED: Topic = Topic {
    id: "connection-refused",
    telling: Telling::Cause,
    meaning: "Nothing listens at this address and port; TLS did not even begin.",
    causes: &[
        outside(
            "the server did not start: a fault in its certificate, key or ca_file shows as `Failed to bind to address`",
        ),
        outside(
            "the port is another one, or the server listens at 127.0.0.1 and is dialled from elsewhere",
        ),
        outside("the name leads to ::1 first, and the server listens on IPv4 only"),
    ],
    next: &[
        "openagents-certs verify {cert} --key {key} --ca {ca}",
        "openagents-certs verify-chain --network network.yaml",
    ],
};

pub(in super::super) static TIMEOUT: Topic = Topic {
    id: "timed-out",
    telling: Telling::Symptom,
    meaning: "No answer came in time.",
    causes: &[
        outside("a firewall drops the packets, or the address is wrong"),
        outside("one side waits for TLS and the other for plaintext"),
        outside(
            "the handshake fails again and again, and the client tries until its time is up: the last error before this one says why",
        ),
    ],
    next: &["openagents-certs verify-chain --connect grpcs://{host}:{port} --ca {ca}"],
};

pub(in super::super) static RESOLUTION: Topic = Topic {
    id: "name-not-resolved",
    telling: Telling::Cause,
    meaning: "The name that was dialled has no address, or is none.",
    causes: &[
        outside("it is misspelt, or known only inside of a container network or VPN"),
        outside(
            "the address has a scheme or brackets that this program does not take: OpenAgents breaks on `[::1]`",
        ),
    ],
    next: &[
        "getent hosts {host}",
        "openagents-certs inspect grpcs://{host}:{port}",
    ],
};

pub(in super::super) static BIND: Topic = Topic {
    id: "bind-failed",
    telling: Telling::Symptom,
    meaning: "The server could not open its port. With TLS this is nearly always a fault in its certificate, key or \
              ca_file, and not the port.",
    causes: &[
        found("key-mismatch", "the key does not belong to the certificate"),
        found("file-empty", "one of the files is empty"),
        found("file-der", "one of the files is DER"),
        found("key-encrypted", "the key is encrypted"),
        found(
            "file-byte-order-mark",
            "one of the files begins with a byte order mark",
        ),
        found("key-form", "the key is PKCS #8 version 2"),
        found("key-unreadable", "the key cannot be read"),
        found("pem-missing", "a file holds no PEM block"),
        found(
            "wrong-order",
            "the certificate file begins with an intermediate",
        ),
        found(
            "key-usage-only-encipherment",
            "the certificate's keyUsage lacks what its key needs",
        ),
        found(
            "key-type-unsupported",
            "the key is of a kind that BoringSSL has not",
        ),
        outside("another process has the port, or the address is not this machine's"),
    ],
    next: &[
        "openagents-certs verify {cert} --key {key} --ca {ca}",
        "openagents-certs inspect {key}",
        "ss -ltnp 'sport = :{port}'",
    ],
};

pub(in super::super) static PORT_TAKEN: Topic = Topic {
    id: "port-in-use",
    telling: Telling::Cause,
    meaning: "Another process has the port already.",
    causes: &[
        outside("the server runs already, or another network uses the same port"),
        outside("a process that was ended has not let go of it yet"),
    ],
    next: &[
        "ss -ltnp 'sport = :{port}'",
        "openagents-certs inspect grpcs://{host}:{port}",
    ],
};

pub(in super::super) static UNREACHABLE: Topic = Topic {
    id: "unreachable",
    telling: Telling::Wrapper,
    meaning: "No connection to any of the server's addresses came about; what went wrong with the last stands behind it.",
    causes: &[
        found(
            "live-refused",
            "nothing listens there, or a firewall is in between",
        ),
        found("issuer-missing", "the server's certificate was refused"),
        outside("one side speaks TLS and the other plaintext"),
    ],
    next: &[
        "openagents-certs verify-chain --connect grpcs://{host}:{port} --ca {ca}",
        "openagents-certs verify {cert} --ca {ca} --host {host}",
    ],
};

pub(in super::super) static NOT_HTTP2: Topic = Topic {
    id: "not-http2",
    telling: Telling::Cause,
    meaning: "What answers is no gRPC server: it does not speak HTTP/2, or answers as a web server does.",
    causes: &[
        outside("the port is the HTTP transport's, or a proxy's"),
        outside("one side speaks TLS and the other plaintext HTTP/2"),
    ],
    next: &[
        "openagents-certs verify-chain --connect grpcs://{host}:{port}",
        "openagents-certs verify-chain --network network.yaml",
    ],
};

pub(in super::super) static SETUP: Topic = Topic {
    id: "tls-not-set-up",
    telling: Telling::Cause,
    meaning: "The program was asked for TLS and is not set up for it.",
    causes: &[
        outside("the client was given no TLS configuration, or was built without TLS"),
        outside("certificate or key was given without the other"),
        outside("two cryptographic libraries are built in and none was chosen (rustls)"),
    ],
    next: &[
        "openagents-certs generate --mtls",
        "openagents-certs verify {client-cert} --key {client-key}",
    ],
};

pub(in super::super) static OPENAGENTS_FILES: Topic = Topic {
    id: "openagents-tls-block",
    telling: Telling::Cause,
    meaning: "OpenAgents refuses the `tls:` block: `cert_file` and `key_file` are both needed, and have to be there.",
    causes: &[
        found(
            "tls-file-unnamed",
            "one of the two is missing or misspelt in the block",
        ),
        found(
            "tls-file-missing",
            "a path is relative to the working directory of the process, not to the YAML",
        ),
    ],
    next: &[
        "openagents-certs verify-chain --network network.yaml",
        "openagents-certs generate",
    ],
};

pub(in super::super) static OPENAGENTS_UNVERIFIED: Topic = Topic {
    id: "openagents-ssl-verify-off",
    telling: Telling::Cause,
    meaning: "With `ssl_verify=False` OpenAgents does verify, against the default roots, and drops the CA and the \
              client certificate: a network with a CA of its own is refused.",
    causes: &[outside("leave `ssl_verify` on and give `ssl_ca_cert`")],
    next: &[
        "openagents-certs generate --for grpcs://{host}:{port}",
        "openagents-certs verify {cert} --ca {ca}",
    ],
};

pub(in super::super) static OPENAGENTS_UNDETECTED: Topic = Topic {
    id: "openagents-network-undetected",
    telling: Telling::Symptom,
    meaning: "OpenAgents asks the network over HTTP what it offers before it dials, and got no answer there.",
    causes: &[
        outside(
            "the HTTP transport is not there, or listens on another port; dial `grpcs://HOST:8600` itself",
        ),
        outside(
            "the gRPC server did not start: look for `Failed to start gRPC server` in the network's log",
        ),
        outside("`https://` asks in plaintext first"),
    ],
    next: &[
        "openagents-certs verify-chain --network network.yaml",
        "openagents-certs verify-chain --connect grpcs://{host}:{port}",
    ],
};

pub(in super::super) static OPENAGENTS_WRAPPER: Topic = Topic {
    id: "openagents-connection-failed",
    telling: Telling::Wrapper,
    meaning: "OpenAgents could not talk to the network, or the network not start; what stands behind it says why.",
    causes: &[
        outside("look at the gRPC error on the same line, and at the network's own log"),
        found(
            "issuer-missing",
            "the network's CA is not the one given as ssl_ca_cert",
        ),
        found(
            "host-mismatch",
            "the network's certificate is not for the dialled name",
        ),
    ],
    next: &[
        "openagents-certs verify-chain --connect grpcs://{host}:{port} --ca {ca}",
        "openagents-certs verify {cert} --ca {ca} --host {host}",
    ],
};
