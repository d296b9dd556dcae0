//! What keeps a certificate from leading to a trust anchor.

use super::super::topic::{Telling, Topic, found, outside};

pub(in super::super) static ISSUER_UNKNOWN: Topic = Topic {
    id: "issuer-unknown",
    telling: Telling::Cause,
    meaning: "The certificate that was presented does not lead to any CA that this side trusts: the issuer of \
              one of its certificates is not to be found.",
    causes: &[
        found(
            "issuer-missing",
            "the CA's certificate is not among those trusted here, or an intermediate is not sent by the server",
        ),
        found(
            "signature",
            "the CA was made anew under the same name, and one side still has the old ca.crt or the old certificate",
        ),
        found(
            "key-identifier-mismatch",
            "the CA that is trusted has the right name and another key",
        ),
        found(
            "wrong-order",
            "the file holds its certificates in the wrong order, so that intermediates are not used",
        ),
        found(
            "name-encoding-differs",
            "issuer and subject are the same name written differently, which rustls and Go do not match",
        ),
        outside(
            "a broken block in ca.crt was skipped without a word, or the program reads other roots than you think",
        ),
    ],
    next: &[
        "openagents-certs verify {cert} --ca {ca}",
        "openagents-certs inspect grpcs://{host}:{port}",
        "openagents-certs verify-chain --connect grpcs://{host}:{port} --ca {ca}",
    ],
};

pub(in super::super) static NO_PATH: Topic = Topic {
    id: "no-certification-path",
    telling: Telling::Cause,
    meaning: "Java found no good path from the certificate to a CA that it trusts. It says the same of an unknown \
              CA and of nearly every other fault on the way, such as an expired certificate.",
    causes: &[
        found(
            "issuer-missing",
            "the CA is not in Java's trust store (cacerts, or the one that was given), or an intermediate is not sent",
        ),
        found("expired", "a certificate of the chain has expired"),
        found("signature", "the CA was made anew under the same name"),
        found(
            "not-yet-valid",
            "a certificate is not valid yet, or a clock is wrong",
        ),
        found("self-signed", "the server's certificate is self-signed"),
        found(
            "not-a-ca",
            "one of the issuers is no CA, or its keyUsage does not let it sign",
        ),
        found("path-length", "there are more CAs than one of them allows"),
        found("name-not-permitted", "a CA may not issue for this name"),
        found(
            "unknown-critical-extension",
            "a critical extension is not understood",
        ),
        found(
            "key-identifier-mismatch",
            "the certificate names another key of its issuer",
        ),
    ],
    next: &[
        "openagents-certs verify {cert} --ca {ca}",
        "keytool -importcert -noprompt -trustcacerts -alias network -file {ca} -keystore truststore.p12 -storetype PKCS12",
        "openagents-certs inspect grpcs://{host}:{port}",
    ],
};

pub(in super::super) static FIRST_UNVERIFIABLE: Topic = Topic {
    id: "first-certificate-unverifiable",
    telling: Telling::Cause,
    meaning: "The server sent one certificate alone, and who issued it is neither sent nor trusted: nearly always \
              the intermediate is missing from the server's certificate file.",
    causes: &[
        found(
            "issuer-missing",
            "the server's file holds the leaf without its intermediates, or the CA is not trusted here",
        ),
        found(
            "signature",
            "the CA was made anew under the same name, and the certificate is from the old one",
        ),
        outside("the program was given no ca.crt and uses its built-in roots"),
    ],
    next: &[
        "openagents-certs verify {cert} --ca {ca}",
        "openagents-certs inspect {cert}",
        "openagents-certs verify-chain --connect grpcs://{host}:{port} --ca {ca}",
    ],
};

pub(in super::super) static SELF_SIGNED: Topic = Topic {
    id: "self-signed-certificate",
    telling: Telling::Cause,
    meaning: "The certificate that was presented issued itself, and it is not itself trusted here.",
    causes: &[
        found(
            "self-signed",
            "it was made without a CA; this side needs this very certificate as its ca.crt, or better one that a CA issued",
        ),
        found(
            "named-like-issuer",
            "its subject is its CA's name, so that it is taken for self-signed",
        ),
        outside("the server serves another file than you think, or a proxy answers in its place"),
    ],
    next: &[
        "openagents-certs inspect grpcs://{host}:{port}",
        "openagents-certs verify {cert} --ca {ca}",
        "openagents-certs issue server {host} --force",
    ],
};

pub(in super::super) static ROOT_UNTRUSTED: Topic = Topic {
    id: "self-signed-in-chain",
    telling: Telling::Cause,
    meaning: "The chain that was presented ends in a root that is not trusted here.",
    causes: &[
        found(
            "issuer-missing",
            "this side was given no ca.crt, or another CA's",
        ),
        found(
            "signature",
            "the CA was made anew and this side has the old ca.crt",
        ),
        outside("a company's proxy breaks TLS open and presents a chain of its own"),
    ],
    next: &[
        "openagents-certs verify {cert} --ca {ca}",
        "openagents-certs inspect grpcs://{host}:{port}",
        "openagents-certs inspect {ca}",
    ],
};

pub(in super::super) static ISSUER_OF_INTERMEDIATE: Topic = Topic {
    id: "issuer-of-intermediate-missing",
    telling: Telling::Cause,
    meaning: "The chain goes on from the certificate to an intermediate, whose own issuer is missing.",
    causes: &[
        found(
            "anchor-not-self-signed",
            "an intermediate was given as the CA; OpenSSL, Node and Python want the root as well",
        ),
        found(
            "issuer-missing",
            "a second intermediate is missing, or the root is not trusted here",
        ),
    ],
    next: &[
        "openagents-certs verify {cert} --ca {ca} --all-paths",
        "openagents-certs inspect {ca}",
    ],
};

pub(in super::super) static EXPIRED: Topic = Topic {
    id: "certificate-expired",
    telling: Telling::Cause,
    meaning: "A certificate of the chain has expired: the end entity's, an intermediate's or the CA's.",
    causes: &[
        found(
            "expired",
            "one of them has run out; look at the CA's date too",
        ),
        outside(
            "the server was not restarted after renewal and serves the old certificate: grpcio does not read files again",
        ),
        outside("the clock of the side that complains is ahead"),
    ],
    next: &[
        "openagents-certs verify {cert} --ca {ca}",
        "openagents-certs inspect grpcs://{host}:{port}",
        "openagents-certs issue server {host} --force",
    ],
};

pub(in super::super) static NOT_YET_VALID: Topic = Topic {
    id: "certificate-not-yet-valid",
    telling: Telling::Cause,
    meaning: "A certificate of the chain is not valid yet, by the clock of the side that complains.",
    causes: &[
        found(
            "not-yet-valid",
            "the clock of this machine is behind, or that of the one that issued it was ahead",
        ),
        outside("a container or virtual machine woke up with an old time"),
    ],
    next: &["openagents-certs verify {cert} --ca {ca}", "date -u"],
};

pub(in super::super) static VALIDITY: Topic = Topic {
    id: "outside-validity",
    telling: Telling::Symptom,
    meaning: "A certificate of the chain has expired, or is not valid yet.",
    causes: &[
        found("expired", "it has run out"),
        found("not-yet-valid", "it is not valid yet, or a clock is wrong"),
    ],
    next: &[
        "openagents-certs verify {cert} --ca {ca}",
        "openagents-certs inspect grpcs://{host}:{port}",
    ],
};

pub(in super::super) static SIGNATURE: Topic = Topic {
    id: "signature-wrong",
    telling: Telling::Cause,
    meaning: "A signature does not fit the key of the CA that is said to have made it.",
    causes: &[
        found(
            "signature",
            "the CA was made anew under the same name: certificate and ca.crt are of different ones",
        ),
        found(
            "anchors-ambiguous",
            "ca.crt holds two CAs of one name without key identifiers, and the wrong one was tried",
        ),
        found(
            "signature-unsupported",
            "the signature is of a kind that this program does not know",
        ),
        outside("the certificate was changed after it was signed"),
    ],
    next: &[
        "openagents-certs verify {cert} --ca {ca}",
        "openagents-certs inspect {ca}",
        "openagents-certs issue server {host} --force",
    ],
};

pub(in super::super) static NOT_A_CA: Topic = Topic {
    id: "issuer-is-no-ca",
    telling: Telling::Cause,
    meaning: "A certificate of the chain issued another one, and may not: it is no CA, or its keyUsage does not \
              let it sign certificates.",
    causes: &[
        found(
            "not-a-ca",
            "it has no basicConstraints with CA:TRUE: a server's certificate was used as a CA",
        ),
        found("key-usage-cert-sign", "its keyUsage has no keyCertSign"),
        found(
            "anchor-version-1",
            "it is of version 1, which has no basicConstraints",
        ),
        found(
            "basic-constraints-not-critical",
            "its basicConstraints are not critical",
        ),
    ],
    next: &[
        "openagents-certs verify {cert} --ca {ca}",
        "openagents-certs inspect {ca}",
        "openagents-certs ca init --help",
    ],
};

pub(in super::super) static CA_AS_LEAF: Topic = Topic {
    id: "ca-as-end-entity",
    telling: Telling::Cause,
    meaning: "A CA's certificate is used as a server's or client's own, which rustls refuses.",
    causes: &[found(
        "ca-as-end-entity",
        "the certificate has CA:TRUE: it is the CA's, or was made self-signed by `openssl req -x509`",
    )],
    next: &[
        "openagents-certs inspect {cert}",
        "openagents-certs issue server {host} --force",
    ],
};

pub(in super::super) static PATH_LENGTH: Topic = Topic {
    id: "path-too-long",
    telling: Telling::Cause,
    meaning: "There are more CAs in the chain than one of them, or this program, allows.",
    causes: &[
        found(
            "path-length",
            "a CA's pathLenConstraint allows fewer CAs below it",
        ),
        found("path-deep", "the chain is deeper than this program follows"),
        found(
            "path-length-without-ca",
            "a certificate that is no CA has a pathLenConstraint",
        ),
    ],
    next: &[
        "openagents-certs verify {cert} --ca {ca} --all-paths",
        "openagents-certs inspect {ca}",
    ],
};

pub(in super::super) static PURPOSE: Topic = Topic {
    id: "wrong-purpose",
    telling: Telling::Cause,
    meaning: "The certificate is not for this use: a client's is used by a server, or a server's by a client.",
    causes: &[
        found(
            "purpose",
            "its extendedKeyUsage lacks serverAuth (a server's) or clientAuth (a client's)",
        ),
        found("ca-purpose", "a CA above it may not issue for this use"),
        found(
            "purpose-any",
            "it is for any purpose, which grpcio, OpenSSL and rustls do not take for this one",
        ),
        found(
            "key-usage-digital-signature",
            "its keyUsage does not let it sign",
        ),
        found(
            "not-a-ca",
            "OpenSSL says the same of an issuer that is no CA",
        ),
    ],
    next: &[
        "openagents-certs verify {cert} --ca {ca} --purpose server",
        "openagents-certs verify {client-cert} --ca {client-ca} --purpose client",
        "openagents-certs issue peer {host} --force",
    ],
};

pub(in super::super) static NOT_TRUSTED: Topic = Topic {
    id: "not-trusted",
    telling: Telling::Cause,
    meaning: "The certificate leads to a root that is there, but is marked as not trusted for this use.",
    causes: &[
        found("purpose", "certificate or root is not for this use"),
        found("issuer-missing", "the root is not among those trusted"),
        outside("the root is distrusted in this machine's store"),
    ],
    next: &[
        "openagents-certs verify {cert} --ca {ca}",
        "openagents-certs inspect {ca}",
    ],
};

pub(in super::super) static KEY_IDENTIFIER: Topic = Topic {
    id: "key-identifier-mismatch",
    telling: Telling::Cause,
    meaning: "The certificate names its issuer's key, and the CA that is at hand has another one.",
    causes: &[
        found(
            "key-identifier-mismatch",
            "the CA was made anew with another key; the certificate is from the old one",
        ),
        found(
            "authority-certificate-mismatch",
            "it names its issuer's serial number, and the CA was renewed",
        ),
        found("signature", "ca.crt is another CA's with the same name"),
    ],
    next: &[
        "openagents-certs inspect {cert}",
        "openagents-certs inspect {ca}",
        "openagents-certs verify {cert} --ca {ca}",
    ],
};

pub(in super::super) static UNSPECIFIED: Topic = Topic {
    id: "verification-failed",
    telling: Telling::Wrapper,
    meaning: "The other side's certificate was refused by this side; this text alone does not say why.",
    causes: &[
        found("issuer-missing", "its CA is not trusted here"),
        found("expired", "it has expired"),
        found("host-mismatch", "it is not for the name that was dialled"),
        found("purpose", "it is not for this use"),
        found("self-signed", "it is self-signed"),
    ],
    next: &[
        "openagents-certs verify {cert} --ca {ca} --host {host}",
        "openagents-certs verify-chain --connect grpcs://{host}:{port} --ca {ca}",
    ],
};
