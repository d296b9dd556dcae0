//! What is wrong with files and keys before anything is dialled.

use super::super::topic::{Telling, Topic, found, outside};

pub(in super::super) static KEY_MISMATCH: Topic = Topic {
    id: "key-mismatch",
    telling: Telling::Cause,
    meaning: "The private key does not belong to the certificate it was given with.",
    causes: &[
        found(
            "key-mismatch",
            "the pair was renewed and only one of its files copied, or the files of two pairs are mixed up",
        ),
        found(
            "wrong-order",
            "the file begins with an intermediate, and the key is compared with that one's",
        ),
    ],
    next: &[
        "openagents-certs verify {cert} --key {key} --ca {ca}",
        "openagents-certs issue server {host} --force",
    ],
};

pub(in super::super) static KEY_UNREADABLE: Topic = Topic {
    id: "private-key-unreadable",
    telling: Telling::Cause,
    meaning: "The private key's file holds no key that this program can read.",
    causes: &[
        found(
            "file-empty",
            "it is empty, or was read while it was being written",
        ),
        found(
            "key-missing",
            "it is another kind of file: certificate and key may have changed places",
        ),
        found("file-der", "it is DER"),
        found("file-byte-order-mark", "it begins with a byte order mark"),
        found(
            "key-unreadable",
            "it is damaged, or in PuTTY's or OpenSSH's form",
        ),
        found(
            "key-form",
            "it is PKCS #8 version 2 (with the public key inside), which grpc-core and OpenSSL do not read",
        ),
        found(
            "key-encrypted",
            "it is encrypted, and no passphrase was given",
        ),
        found(
            "key-mismatch",
            "grpc-core says the same of a key that does not belong to its certificate, and of an empty certificate file",
        ),
        found(
            "key-type-unsupported",
            "its curve is one that this program has not, such as P-521 or secp256k1",
        ),
    ],
    next: &[
        "openagents-certs inspect {key}",
        "openagents-certs verify {cert} --key {key} --ca {ca}",
    ],
};

pub(in super::super) static KEY_ENCRYPTED: Topic = Topic {
    id: "private-key-encrypted",
    telling: Telling::Cause,
    meaning: "A private key or key store is encrypted, and the passphrase is missing or wrong.",
    causes: &[
        found(
            "key-encrypted",
            "no passphrase was given: grpcio, grpc-js and tonic take no encrypted key at all",
        ),
        outside("the passphrase is wrong, or has a line end or a blank too many"),
        outside(
            "it is encrypted with an old cipher (RC2, 3DES) that this program does not offer any more",
        ),
    ],
    next: &[
        "openagents-certs inspect {key}",
        "openssl pkey -in {key} -out {key}.plain",
    ],
};

pub(in super::super) static PEM: Topic = Topic {
    id: "pem-unreadable",
    telling: Telling::Cause,
    meaning: "A file that should hold PEM blocks holds none of the kind that is wanted, or a broken one.",
    causes: &[
        found("file-empty", "the file is empty"),
        found(
            "pem-missing",
            "it is another file than you think (a path that is relative to the working directory)",
        ),
        found("file-der", "it is DER and has to be written as PEM"),
        found(
            "file-byte-order-mark",
            "it begins with a byte order mark, with which some programs find no block",
        ),
        found(
            "pem-broken",
            "its base64 was damaged when it was copied, or a BEGIN or END line is missing",
        ),
        found(
            "pem-label",
            "its block has a label that not every program reads",
        ),
    ],
    next: &[
        "openagents-certs inspect {cert}",
        "openagents-certs inspect {ca}",
    ],
};

pub(in super::super) static ROOTS_UNREADABLE: Topic = Topic {
    id: "ca-file-unreadable",
    telling: Telling::Cause,
    meaning: "The file with the trusted CA could not be read or holds no usable certificate.",
    causes: &[
        outside(
            "the path is wrong: it is relative to the process's working directory, and neither `~` nor variables are expanded",
        ),
        found("file-empty", "it is empty"),
        found(
            "pem-missing",
            "it holds no certificate, but a key or a request",
        ),
        found(
            "certificate-unreadable",
            "the certificate in it cannot be read",
        ),
        found("file-der", "it is DER and has to be PEM"),
        found("file-byte-order-mark", "it begins with a byte order mark"),
    ],
    next: &[
        "openagents-certs inspect {ca}",
        "openagents-certs verify {cert} --ca {ca}",
    ],
};

pub(in super::super) static NO_ROOTS: Topic = Topic {
    id: "no-trust-anchors",
    telling: Telling::Cause,
    meaning: "This program trusts no CA at all: its trust store is empty or was not found.",
    causes: &[
        outside(
            "no ca.crt was given and there are no default roots here, as in a small container without ca-certificates",
        ),
        outside("the trust store's file is empty, or is a key store without trusted entries"),
        outside(
            "a variable names a file that is not there (SSL_CERT_FILE, NODE_EXTRA_CA_CERTS, REQUESTS_CA_BUNDLE, GRPC_DEFAULT_SSL_ROOTS_FILE_PATH)",
        ),
    ],
    next: &[
        "openagents-certs inspect {ca}",
        "env | grep -E 'CERT|CA_|ROOTS'",
    ],
};

pub(in super::super) static CREDENTIALS: Topic = Topic {
    id: "credentials-unusable",
    telling: Telling::Symptom,
    meaning: "TLS credentials could not be made out of this side's own files; nothing was dialled or opened.",
    causes: &[
        found("file-empty", "one of the files is empty"),
        found("file-der", "one of the files is DER"),
        found("pem-missing", "ca.crt holds no certificate"),
        found("pem-broken", "a block of ca.crt is damaged"),
        found("key-encrypted", "the key is encrypted"),
        found("key-form", "the key is PKCS #8 version 2"),
        found(
            "file-byte-order-mark",
            "a file begins with a byte order mark",
        ),
        found("key-mismatch", "the key does not belong to the certificate"),
        found("wrong-order", "the file begins with an intermediate"),
    ],
    next: &[
        "openagents-certs inspect {ca}",
        "openagents-certs verify {client-cert} --key {client-key} --ca {client-ca} --purpose client",
    ],
};

pub(in super::super) static EMPTY_PAIR: Topic = Topic {
    id: "client-pair-empty",
    telling: Telling::Cause,
    meaning: "grpc-core ended the whole process, because the client's certificate or key is empty.",
    causes: &[
        found(
            "file-empty",
            "client.crt or client.key is an empty file, or was read while it was being written",
        ),
        outside("only one of the two was given"),
    ],
    next: &[
        "ls -l {client-cert} {client-key}",
        "openagents-certs verify {client-cert} --key {client-key} --ca {client-ca} --purpose client",
    ],
};

pub(in super::super) static SERVER_CERTIFICATE: Topic = Topic {
    id: "server-certificate-unusable",
    telling: Telling::Cause,
    meaning: "The server does not start: it cannot use its certificate file.",
    causes: &[
        found("file-empty", "the file is empty"),
        found("file-der", "the file is DER"),
        found(
            "file-byte-order-mark",
            "the file begins with a byte order mark",
        ),
        found("pem-missing", "the file holds no PEM block"),
        found(
            "key-usage-only-encipherment",
            "its keyUsage lacks what its key needs (an EC key with keyEncipherment only)",
        ),
        found(
            "key-type-unsupported",
            "its key is of a kind that BoringSSL has not",
        ),
        found("wrong-order", "the file begins with an intermediate"),
        found("extension-malformed", "the certificate is malformed"),
    ],
    next: &[
        "openagents-certs verify {cert} --key {key} --ca {ca}",
        "openagents-certs inspect {cert}",
    ],
};

pub(in super::super) static FILE_MISSING: Topic = Topic {
    id: "file-missing",
    telling: Telling::Cause,
    meaning: "A file that was named is not there.",
    causes: &[
        outside(
            "the path is relative to the process's working directory, not to the YAML it stands in",
        ),
        outside("`~` or a variable in it was not expanded"),
        outside("the file was not made yet, or not mounted into the container"),
    ],
    next: &["openagents-certs generate", "ls -l certs"],
};

pub(in super::super) static PERMISSION: Topic = Topic {
    id: "permission-denied",
    telling: Telling::Cause,
    meaning: "The process may not read a file or open a port.",
    causes: &[
        found(
            "key-owner",
            "the key is 0600 and belongs to another user than the one the service runs as",
        ),
        outside("the port is below 1024"),
    ],
    next: &[
        "ls -l {key} {cert}",
        "openagents-certs verify {cert} --key {key} --ca {ca}",
    ],
};

pub(in super::super) static KEY_STORE: Topic = Topic {
    id: "key-store-unreadable",
    telling: Telling::Cause,
    meaning: "A key store (PKCS #12, JKS) cannot be opened.",
    causes: &[
        outside("its password is wrong"),
        outside("it is another kind of file: PEM where PKCS #12 or JKS is wanted"),
        outside(
            "it uses RC2 or 3DES, which OpenSSL 3 reads only with `-legacy`; or AES, which old Java and macOS do not read",
        ),
    ],
    next: &[
        "openagents-certs inspect keystore.p12",
        "openagents-certs inspect {cert}",
    ],
};

pub(in super::super) static NO_IDENTITY: Topic = Topic {
    id: "server-has-no-certificate",
    telling: Telling::Cause,
    meaning: "The server has no certificate that fits what the client offers, or none at all.",
    causes: &[
        outside(
            "certificate and key were not given to the server, or its key store holds only certificates",
        ),
        found(
            "key-type-rare",
            "its key is of a kind the client does not offer (Ed25519, P-521)",
        ),
        found(
            "key-usage-only-encipherment",
            "its keyUsage does not let it sign",
        ),
    ],
    next: &[
        "openagents-certs verify {cert} --key {key} --ca {ca}",
        "openagents-certs inspect {cert}",
    ],
};

pub(in super::super) static KEY_KIND: Topic = Topic {
    id: "key-kind-unsupported",
    telling: Telling::Cause,
    meaning: "The two sides have no signature algorithm in common that fits the key of the certificate.",
    causes: &[
        found(
            "key-type-not-offered",
            "the key is Ed25519 or P-521, which grpc-core does not take",
        ),
        found("key-type-rare", "the same, as `verify` says it"),
        found(
            "key-type",
            "the key is of a kind that TLS programs do not take",
        ),
        found(
            "key-usage-only-encipherment",
            "the keyUsage does not let it sign, which TLS 1.3 needs",
        ),
        found("key-short", "the RSA key is too short for the signature"),
    ],
    next: &[
        "openagents-certs inspect {cert}",
        "openagents-certs issue server {host} --key-type p256 --force",
    ],
};

pub(in super::super) static KEY_USAGE: Topic = Topic {
    id: "key-usage-lacks-signature",
    telling: Telling::Cause,
    meaning: "The certificate's keyUsage does not allow what its key is used for.",
    causes: &[
        found(
            "key-usage-only-encipherment",
            "it has keyEncipherment alone, and an EC key or TLS 1.3 needs digitalSignature",
        ),
        found("key-usage-digital-signature", "it has no digitalSignature"),
    ],
    next: &[
        "openagents-certs inspect {cert}",
        "openagents-certs issue server {host} --force",
    ],
};
