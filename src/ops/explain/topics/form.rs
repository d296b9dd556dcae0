//! How certificates are written, and what they are signed with.

use super::super::topic::{Telling, Topic, found, outside};

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
