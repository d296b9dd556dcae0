//! What the other side says when it gives up ([RFC 8446 §6](https://www.rfc-editor.org/rfc/rfc8446#section-6)).

use super::super::topic::{Telling, Topic, found, outside};

pub(in super::super) static UNKNOWN_CA: Topic = Topic {
    id: "alert-unknown-ca",
    telling: Telling::Symptom,
    meaning: "The other side refused this side's certificate: it does not trust the CA that issued it.",
    causes: &[
        found(
            "issuer-missing",
            "printed by a server: the client was given no ca.crt, or another; by a client: the server's ca_file is another CA's",
        ),
        found(
            "signature",
            "the CA was made anew, and one side still has the old files",
        ),
        found("self-signed", "this side's certificate is self-signed"),
    ],
    next: &[
        "openagents-certs verify {client-cert} --ca {client-ca} --purpose client",
        "openagents-certs verify {cert} --ca {ca}",
    ],
};

pub(in super::super) static BAD_CERTIFICATE: Topic = Topic {
    id: "alert-bad-certificate",
    telling: Telling::Symptom,
    meaning: "The other side refused this side's certificate, or the lack of one; it does not say why. Its own log does.",
    causes: &[
        found(
            "host-mismatch",
            "printed by a server: the client dialled a name that the server's certificate is not for",
        ),
        found(
            "issuer-missing",
            "it is from a CA that the other side does not trust",
        ),
        outside("the server asks for a client certificate and got none"),
        found("signature", "a signature in it is wrong"),
    ],
    next: &[
        "openagents-certs verify {cert} --ca {ca} --host {host}",
        "openagents-certs verify {client-cert} --ca {client-ca} --purpose client",
    ],
};

pub(in super::super) static UNSUPPORTED_CERTIFICATE: Topic = Topic {
    id: "alert-unsupported-certificate",
    telling: Telling::Symptom,
    meaning: "The other side refused this side's certificate as of the wrong kind: usually it is not for this use.",
    causes: &[
        found(
            "purpose",
            "a server's certificate was presented by a client, or the other way round",
        ),
        found(
            "key-type",
            "its key is of a kind that the other side does not take",
        ),
        found(
            "key-usage-digital-signature",
            "its keyUsage does not let it sign",
        ),
    ],
    next: &[
        "openagents-certs verify {client-cert} --ca {client-ca} --purpose client",
        "openagents-certs verify {cert} --ca {ca} --purpose server",
        "openagents-certs issue client NAME",
    ],
};

pub(in super::super) static CERTIFICATE_REVOKED: Topic = Topic {
    id: "alert-certificate-revoked",
    telling: Telling::Symptom,
    meaning: "The other side refused this side's certificate: it was revoked.",
    causes: &[found("revoked", "it stands on its CA's revocation list")],
    next: &[
        "openagents-certs list --status revoked",
        "openagents-certs verify {client-cert} --ca {client-ca} --crl crl.pem",
    ],
};

pub(in super::super) static CERTIFICATE_EXPIRED: Topic = Topic {
    id: "alert-certificate-expired",
    telling: Telling::Symptom,
    meaning: "The other side refused this side's certificate: by its clock it has expired or is not valid yet.",
    causes: &[
        found(
            "expired",
            "this side's certificate, or its CA's, has run out",
        ),
        found("not-yet-valid", "the other side's clock is behind"),
        outside("it was renewed, and this process still presents the old one"),
    ],
    next: &[
        "openagents-certs verify {client-cert} --ca {client-ca} --purpose client",
        "openagents-certs verify {cert} --ca {ca}",
        "openagents-certs list --expiring 30d",
    ],
};

pub(in super::super) static CERTIFICATE_UNKNOWN: Topic = Topic {
    id: "alert-certificate-unknown",
    telling: Telling::Symptom,
    meaning: "The other side refused this side's certificate for a reason of its own; its own log has it.",
    causes: &[
        found(
            "host-mismatch",
            "Java and browsers say so of a name that does not fit",
        ),
        found(
            "issuer-missing",
            "Java says so of a CA that is not in its trust store",
        ),
        found("expired", "it has expired"),
        found("purpose", "it is not for this use"),
    ],
    next: &[
        "openagents-certs verify {cert} --ca {ca} --host {host}",
        "openagents-certs verify {client-cert} --ca {client-ca} --purpose client",
    ],
};

pub(in super::super) static CERTIFICATE_REQUIRED: Topic = Topic {
    id: "client-certificate-missing",
    telling: Telling::Cause,
    meaning: "The server asks for a client certificate (mutual TLS), and the client presented none.",
    causes: &[
        found(
            "client-certificate-missing",
            "the client was given no certificate and key, or only one of them; with `ssl_verify=False` OpenAgents drops them",
        ),
        outside("an agent started from YAML (`openagents agent start`) cannot present one at all"),
        found(
            "issuer-missing",
            "the client kept its certificate back because its issuer is none of those the server asks for",
        ),
        found(
            "key-type-not-offered",
            "the client's key is of a kind the server does not take",
        ),
    ],
    next: &[
        "openagents-certs issue client NAME",
        "openagents-certs verify {client-cert} --key {client-key} --ca {client-ca} --purpose client",
        "openagents-certs verify-chain --connect grpcs://{host}:{port} --ca {ca} --client-cert {client-cert} --client-key {client-key}",
    ],
};

pub(in super::super) static ACCESS_DENIED: Topic = Topic {
    id: "alert-access-denied",
    telling: Telling::Symptom,
    meaning: "The other side took this side's certificate, and does not let its bearer in.",
    causes: &[
        outside("its list of permitted names has not this certificate's subject or SubjectAltName"),
        outside("a proxy's policy refuses it"),
    ],
    next: &["openagents-certs inspect {client-cert}"],
};

pub(in super::super) static DECRYPT_ERROR: Topic = Topic {
    id: "alert-decrypt-error",
    telling: Telling::Symptom,
    meaning: "The other side could not verify a signature: this side's certificate and key, or certificate and CA, do not fit.",
    causes: &[
        found(
            "signature",
            "certificate and CA of the same name do not fit: the CA was made anew",
        ),
        found(
            "key-mismatch",
            "this side signs with a key that is not its certificate's",
        ),
        found(
            "signature-unsupported",
            "a signature is of a kind the other side has not",
        ),
    ],
    next: &[
        "openagents-certs verify {cert} --key {key} --ca {ca}",
        "openagents-certs verify {client-cert} --key {client-key} --ca {client-ca} --purpose client",
    ],
};

pub(in super::super) static HANDSHAKE_FAILURE: Topic = Topic {
    id: "handshake-failure",
    telling: Telling::Symptom,
    meaning: "The two sides have no cipher suite, curve or signature algorithm in common, or the server wants what \
              the client did not give.",
    causes: &[
        found(
            "key-type-not-offered",
            "the server's key is Ed25519 or P-521, and the client does not offer that",
        ),
        outside("the server asks for a client certificate and got none (Java says so)"),
        found(
            "key-type",
            "the server's certificate has a key of a kind the client does not take",
        ),
        outside("cipher suites or curves were narrowed on one side"),
    ],
    next: &[
        "openagents-certs inspect grpcs://{host}:{port}",
        "openagents-certs inspect {cert}",
    ],
};

pub(in super::super) static PROTOCOL_VERSION: Topic = Topic {
    id: "protocol-version",
    telling: Telling::Cause,
    meaning: "The two sides have no TLS version in common. gRPC speaks TLS 1.2 and 1.3 only.",
    causes: &[
        outside("one side is old, or was told to use TLS 1.0 or 1.1 only"),
        outside("one side insists on TLS 1.3 and the other ends at TLS 1.2"),
        outside("the port does not speak TLS at all"),
    ],
    next: &["openagents-certs inspect grpcs://{host}:{port}"],
};

pub(in super::super) static INSUFFICIENT_SECURITY: Topic = Topic {
    id: "security-level",
    telling: Telling::Cause,
    meaning: "One side thinks what was offered too weak.",
    causes: &[
        found("key-short", "an RSA key is too short"),
        found("signature-sha1", "a certificate is signed over SHA-1"),
        outside("the Diffie-Hellman parameters or cipher suites of an old program are too weak"),
    ],
    next: &[
        "openagents-certs inspect grpcs://{host}:{port}",
        "openagents-certs verify {cert} --ca {ca}",
    ],
};

pub(in super::super) static NO_ALPN: Topic = Topic {
    id: "alpn-missing",
    telling: Telling::Cause,
    meaning: "The two sides did not agree on HTTP/2 (ALPN `h2`), without which there is no gRPC.",
    causes: &[
        outside("the port is an HTTPS server, not a gRPC one"),
        outside("a proxy in between ends TLS and does not offer h2"),
        outside("the client is no gRPC client: a browser or `openssl s_client` without `-alpn h2`"),
    ],
    next: &[
        "openagents-certs verify-chain --connect grpcs://{host}:{port} --ca {ca}",
        "openagents-certs inspect grpcs://{host}:{port}",
    ],
};

pub(in super::super) static PROTOCOL_FAULT: Topic = Topic {
    id: "protocol-fault",
    telling: Telling::Symptom,
    meaning: "The other side sent something that TLS does not allow there, or could not read what it got.",
    causes: &[
        outside(
            "something between the two sides changes the traffic: a proxy, a load balancer with the PROXY protocol",
        ),
        outside("the port speaks something else than TLS"),
        outside("one of the two programs is faulty or very old"),
    ],
    next: &[
        "openagents-certs inspect grpcs://{host}:{port}",
        "openagents-certs verify-chain --connect grpcs://{host}:{port}",
    ],
};

pub(in super::super) static INTERNAL_ERROR: Topic = Topic {
    id: "alert-internal-error",
    telling: Telling::Symptom,
    meaning: "The other side gave up for a reason of its own; its own log has it.",
    causes: &[
        outside(
            "the server has no certificate for the name that was asked for, or could not read its own files",
        ),
        outside("a program on the other side failed while it checked the certificate"),
    ],
    next: &["openagents-certs inspect grpcs://{host}:{port}"],
};

pub(in super::super) static RENEGOTIATION: Topic = Topic {
    id: "renegotiation-refused",
    telling: Telling::Cause,
    meaning: "One side wants to negotiate anew in the old, unsafe way, and the other does not.",
    causes: &[outside(
        "the server is very old, or a proxy in front of it is",
    )],
    next: &["openagents-certs inspect grpcs://{host}:{port}"],
};

pub(in super::super) static HANDSHAKE: Topic = Topic {
    id: "handshake-failed",
    telling: Telling::Wrapper,
    meaning: "The TLS handshake failed; this text alone does not say why. Look for another in the log, and in the other side's.",
    causes: &[
        found("issuer-missing", "the server's CA is not trusted here"),
        found(
            "host-mismatch",
            "the server's certificate is not for the dialled name",
        ),
        found("expired", "a certificate has expired"),
        outside("the server asks for a client certificate"),
        outside("the port does not speak TLS"),
    ],
    next: &[
        "openagents-certs verify-chain --connect grpcs://{host}:{port} --ca {ca}",
        "openagents-certs verify {cert} --ca {ca} --host {host}",
    ],
};
