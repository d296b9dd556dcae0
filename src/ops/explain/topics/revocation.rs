//! Revocation, and what is to be known of it.

use super::super::topic::{Telling, Topic, found, outside};

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
