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

pub(in super::super) static DATE_MALFORMED: Topic = Topic {
    id: "date-malformed",
    telling: Telling::Cause,
    meaning: "A date in a certificate or revocation list is not written as the standard says.",
    causes: &[
        found("time-malformed", "a date is not in whole seconds and UTC"),
        found("time-form", "a date is written in the form for other years"),
        found("crl-malformed", "it is the revocation list's date"),
    ],
    next: &[
        "openagents-certs inspect {cert}",
        "openagents-certs verify {cert} --ca {ca} --profile rfc5280",
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

pub(in super::super) static ALGORITHM_WEAK: Topic = Topic {
    id: "signature-algorithm-refused",
    telling: Telling::Cause,
    meaning: "A certificate is signed with an algorithm that this program does not accept.",
    causes: &[
        found(
            "signature-sha1",
            "it is signed over SHA-1, which Go, rustls and OpenSSL refuse",
        ),
        found("signature-broken-hash", "it is signed over MD5 or older"),
        found(
            "signature-unsupported",
            "it is signed with an algorithm, or by a key, that this program has not, such as P-521 or Ed448",
        ),
        found("anchor-signature-weak", "it is the root's own signature"),
    ],
    next: &[
        "openagents-certs verify {cert} --ca {ca}",
        "openagents-certs inspect {cert}",
        "openagents-certs issue server {host} --key-type p256 --force",
    ],
};

pub(in super::super) static KEY_WEAK: Topic = Topic {
    id: "key-too-weak",
    telling: Telling::Cause,
    meaning: "The key of a certificate is shorter or of another kind than this program accepts.",
    causes: &[
        found("key-short", "its RSA key is shorter than 2048 bits"),
        found(
            "key-type",
            "its key is of a kind that TLS programs do not take",
        ),
        found("key-malformed", "its public key cannot be read"),
        found(
            "key-explicit-curve",
            "its curve is written out instead of named",
        ),
    ],
    next: &[
        "openagents-certs inspect {cert}",
        "openagents-certs issue server {host} --key-type p256 --force",
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

pub(in super::super) static CRITICAL_EXTENSION: Topic = Topic {
    id: "unknown-critical-extension",
    telling: Telling::Cause,
    meaning: "A certificate has a critical extension that this program does not understand, and so must refuse.",
    causes: &[
        found(
            "unknown-critical-extension",
            "an extension nobody knows is marked critical",
        ),
        found(
            "informative-extension-critical",
            "an extension that should never be critical is",
        ),
        found("key-identifier-critical", "a key identifier is critical"),
        found(
            "name-constraints-not-critical",
            "old OpenSSL and Java do not understand some name constraints",
        ),
    ],
    next: &[
        "openagents-certs inspect {cert}",
        "openagents-certs verify {cert} --ca {ca}",
    ],
};

pub(in super::super) static EXTENSION: Topic = Topic {
    id: "extension-invalid",
    telling: Telling::Cause,
    meaning: "An extension of a certificate is malformed, stands there twice, or contradicts another.",
    causes: &[
        found(
            "extension-malformed",
            "an extension that decides is malformed",
        ),
        found("extension-twice", "an extension stands there twice"),
        found(
            "extension-encoding",
            "an extension is not encoded as DER has it",
        ),
        found("ip-name-form", "a SubjectAltName is malformed"),
        found("key-usage-empty", "its keyUsage allows nothing"),
    ],
    next: &[
        "openagents-certs inspect {cert}",
        "openagents-certs verify {cert} --ca {ca} --profile rfc5280",
    ],
};

pub(in super::super) static STRICT: Topic = Topic {
    id: "strict-form",
    telling: Telling::Cause,
    meaning: "The certificate works in most programs, but not where RFC 5280 is held to strictly (Python 3.13, \
              `openssl verify -x509_strict`).",
    causes: &[
        found(
            "authority-key-identifier-missing",
            "it has no authorityKeyIdentifier",
        ),
        found(
            "subject-key-identifier-missing",
            "its CA has no subjectKeyIdentifier",
        ),
        found(
            "basic-constraints-not-critical",
            "its CA's basicConstraints are not critical",
        ),
        found("key-usage-missing", "its CA has no keyUsage"),
        found(
            "cert-sign-without-ca",
            "its keyUsage has keyCertSign, though it is no CA",
        ),
        found(
            "san-not-critical",
            "it has no subject, and its SubjectAltName is not critical",
        ),
        found("ca-subject-empty", "its CA has no name"),
        found("key-identifier-critical", "a key identifier is critical"),
    ],
    next: &[
        "openagents-certs verify {cert} --ca {ca} --profile rfc5280",
        "openagents-certs generate --help",
    ],
};

pub(in super::super) static POLICY: Topic = Topic {
    id: "policy-required",
    telling: Telling::Cause,
    meaning: "A CA of the chain requires a certificate policy that the certificate does not have.",
    causes: &[
        found(
            "policy-required",
            "policyConstraints of a CA demand a policy",
        ),
        found(
            "policy-constraints-empty",
            "policyConstraints or certificatePolicies are malformed",
        ),
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

pub(in super::super) static REVOKED: Topic = Topic {
    id: "certificate-revoked",
    telling: Telling::Cause,
    meaning: "The certificate was revoked by its CA.",
    causes: &[
        found("revoked", "it stands on the CA's revocation list"),
        outside("the wrong certificate was revoked: it can only be replaced"),
    ],
    next: &[
        "openagents-certs inspect {cert}",
        "openagents-certs list --status revoked",
        "openagents-certs issue server {host} --force",
    ],
};

pub(in super::super) static CRL_MISSING: Topic = Topic {
    id: "revocation-list-missing",
    telling: Telling::Cause,
    meaning: "Revocation is to be checked, and there is no list of one of the CAs to check it with.",
    causes: &[
        found(
            "revocation-unknown",
            "no revocation list of this CA was given, or it cannot be fetched",
        ),
        found(
            "crl-issuer",
            "the CA's keyUsage does not let it sign revocation lists",
        ),
        outside("the address in the certificate's CRL distribution point does not answer"),
    ],
    next: &[
        "openagents-certs inspect {cert}",
        "openagents-certs verify {cert} --ca {ca} --crl crl.pem",
    ],
};

pub(in super::super) static CRL_EXPIRED: Topic = Topic {
    id: "revocation-list-expired",
    telling: Telling::Cause,
    meaning: "A revocation list is out of date, so that nothing can be told from it, and every certificate is refused.",
    causes: &[
        found("crl-overdue", "the list was not made anew in time"),
        outside("the new list was made, and not handed out or not read again"),
    ],
    next: &[
        "openagents-certs inspect crl.pem",
        "openagents-certs verify {cert} --ca {ca} --crl crl.pem",
        "openagents-certs crl",
    ],
};

pub(in super::super) static CRL_INVALID: Topic = Topic {
    id: "revocation-list-invalid",
    telling: Telling::Cause,
    meaning: "A revocation list cannot be used: its signature, dates or form are wrong.",
    causes: &[
        found(
            "crl-signature",
            "it is not signed by the CA's key: it may be of the CA that was before",
        ),
        found(
            "crl-not-yet-valid",
            "it is from the future, or a clock is wrong",
        ),
        found("crl-malformed", "it is malformed"),
        found(
            "crl-issuer",
            "the CA's keyUsage does not let it sign revocation lists",
        ),
        found(
            "crl-unknown-critical-extension",
            "it has a critical extension that is not understood",
        ),
        found("crl-version", "it is of version 1"),
    ],
    next: &[
        "openagents-certs inspect crl.pem",
        "openagents-certs verify {cert} --ca {ca} --crl crl.pem",
    ],
};

pub(in super::super) static OCSP: Topic = Topic {
    id: "ocsp-failed",
    telling: Telling::Cause,
    meaning: "The CA's OCSP responder was asked, or should have been, and its answer does not do.",
    causes: &[
        found("revoked", "it says that the certificate is revoked"),
        outside(
            "the responder does not answer, or the server staples no answer (grpcio never does)",
        ),
    ],
    next: &[
        "openagents-certs inspect {cert}",
        "openagents-certs inspect grpcs://{host}:{port}",
    ],
};

pub(in super::super) static MALFORMED: Topic = Topic {
    id: "certificate-malformed",
    telling: Telling::Cause,
    meaning: "A certificate cannot be read as one.",
    causes: &[
        found("extension-malformed", "one of its fields is malformed"),
        found("version", "it is of an old version"),
        found("serial-not-positive", "its serial number is not positive"),
        found("serial-long", "its serial number is too long"),
        found("key-malformed", "its public key cannot be read"),
        found("name-malformed", "its subject or issuer is malformed"),
        outside("it was damaged when it was copied"),
    ],
    next: &[
        "openagents-certs inspect {cert}",
        "openagents-certs verify {cert} --ca {ca} --profile rfc5280",
    ],
};

pub(in super::super) static BUDGET: Topic = Topic {
    id: "path-search-given-up",
    telling: Telling::Cause,
    meaning: "There were so many possible chains or names that the search for a good one was given up.",
    causes: &[
        found("budget-exhausted", "there are many CAs of one name"),
        found(
            "name-constraints-too-many",
            "names and name constraints are too many to compare",
        ),
        found(
            "too-many-certificates",
            "there are more certificates than are looked at",
        ),
    ],
    next: &["openagents-certs verify {cert} --ca {ca} --all-paths"],
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
