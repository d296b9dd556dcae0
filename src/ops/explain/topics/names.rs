//! What is wrong with names.

use super::super::topic::{Telling, Topic, found, outside};

pub(in super::super) static HOST: Topic = Topic {
    id: "hostname-mismatch",
    telling: Telling::Cause,
    meaning: "The server's certificate is good, but it is not for the name that was dialled.",
    causes: &[
        found(
            "host-mismatch",
            "the dialled name is not among its SubjectAltNames; the common name does not count",
        ),
        found(
            "dns-name-address",
            "the address was written into it as a DNS name: it must be an IP address",
        ),
        found("no-names", "it has no SubjectAltName at all"),
        outside(
            "another server answers at this address, or the name was overridden (target name override, SNI)",
        ),
    ],
    next: &[
        "openagents-certs verify {cert} --ca {ca} --host {host}",
        "openagents-certs inspect grpcs://{host}:{port}",
        "openagents-certs generate --for grpcs://{host}:{port} --force",
    ],
};

pub(in super::super) static ADDRESS: Topic = Topic {
    id: "address-mismatch",
    telling: Telling::Cause,
    meaning: "An IP address was dialled, and the server's certificate is not for it.",
    causes: &[
        found(
            "host-mismatch",
            "the address is not among its SubjectAltNames as an IP address",
        ),
        found(
            "dns-name-address",
            "the address was written into it as a DNS name, as `openagents certs generate --san` does",
        ),
        outside("dial the DNS name it is for instead"),
    ],
    next: &[
        "openagents-certs verify {cert} --ca {ca} --host {host}",
        "openagents-certs inspect {cert}",
        "openagents-certs generate --san {host} --force",
    ],
};

pub(in super::super) static EMAIL: Topic = Topic {
    id: "email-mismatch",
    telling: Telling::Cause,
    meaning: "A mailbox was asked for, and the certificate is not for it.",
    causes: &[found(
        "host-mismatch",
        "the mailbox is not among its SubjectAltNames",
    )],
    next: &["openagents-certs inspect {cert}"],
};

pub(in super::super) static NO_NAMES: Topic = Topic {
    id: "no-subject-alt-name",
    telling: Telling::Cause,
    meaning: "The server's certificate has only a common name and no SubjectAltName, which this program insists on.",
    causes: &[
        found(
            "no-names",
            "it was made by hand or by an old tool, without SubjectAltName",
        ),
        found(
            "host-mismatch",
            "it has SubjectAltNames, but none of the kind that was dialled",
        ),
    ],
    next: &[
        "openagents-certs inspect {cert}",
        "openagents-certs issue server {host} --force",
    ],
};

pub(in super::super) static NOT_PERMITTED: Topic = Topic {
    id: "name-not-permitted",
    telling: Telling::Cause,
    meaning: "A CA of the chain may issue for certain names only, and this certificate has another.",
    causes: &[
        found(
            "name-not-permitted",
            "one of its names lies outside of the CA's permitted subtrees",
        ),
        found(
            "name-excluded",
            "one of its names lies in an excluded subtree",
        ),
        found(
            "common-name-twice",
            "its common name counts as a DNS name where there is no SubjectAltName",
        ),
    ],
    next: &[
        "openagents-certs verify {cert} --ca {ca}",
        "openagents-certs inspect {ca}",
    ],
};

pub(in super::super) static EXCLUDED: Topic = Topic {
    id: "name-excluded",
    telling: Telling::Cause,
    meaning: "A CA of the chain may not issue for a name that this certificate has.",
    causes: &[
        found(
            "name-excluded",
            "one of its names lies in an excluded subtree of the CA's name constraints",
        ),
        found(
            "name-not-permitted",
            "one of its names lies outside of the permitted subtrees",
        ),
    ],
    next: &[
        "openagents-certs verify {cert} --ca {ca}",
        "openagents-certs inspect {ca}",
    ],
};

pub(in super::super) static CONSTRAINT_UNSUPPORTED: Topic = Topic {
    id: "name-constraint-unsupported",
    telling: Telling::Cause,
    meaning: "A CA of the chain constrains names in a way that this program cannot compare, and so refuses.",
    causes: &[
        found(
            "name-constraint-ip",
            "it constrains IP addresses and the certificate has one: grpcio refuses that, whatever the address",
        ),
        found(
            "name-constraint-malformed",
            "a name constraint is malformed",
        ),
        found(
            "name-constraint-leading-dot",
            "a DNS constraint begins with a dot",
        ),
        found(
            "name-constraint-undecidable",
            "a name of the certificate is of a form that cannot be compared",
        ),
        found(
            "uri-name-form",
            "a URI in it, as of SPIFFE, has no host to compare",
        ),
    ],
    next: &[
        "openagents-certs verify {cert} --ca {ca}",
        "openagents-certs inspect {ca}",
    ],
};

pub(in super::super) static NAME_FORM: Topic = Topic {
    id: "name-invalid",
    telling: Telling::Cause,
    meaning: "A name in a certificate, or the name that was dialled, is none that can be compared.",
    causes: &[
        found(
            "dns-name-form",
            "a DNS name of the certificate is malformed",
        ),
        found("dns-name-underscore", "a DNS name has an underscore"),
        found(
            "ip-name-form",
            "an IP name of the certificate is no IP address",
        ),
        found("email-name-form", "a mailbox is malformed"),
        outside(
            "the dialled name has a port, a scheme or another character in it that a host name has not",
        ),
    ],
    next: &[
        "openagents-certs inspect {cert}",
        "openagents-certs verify {cert} --ca {ca} --host {host}",
    ],
};

pub(in super::super) static CALL_HOST: Topic = Topic {
    id: "call-host-mismatch",
    telling: Telling::Cause,
    meaning: "The connection was made, but a call on it is for a host that the server's certificate is not for.",
    causes: &[
        found(
            "host-mismatch",
            "the dialled name is not among its SubjectAltNames",
        ),
        outside(
            "the authority of the call was overridden, or the dialled name is written in another way (case, dot at its end)",
        ),
    ],
    next: &["openagents-certs verify {cert} --ca {ca} --host {host}"],
};

pub(in super::super) static SERVER_NAME: Topic = Topic {
    id: "server-name-unknown",
    telling: Telling::Cause,
    meaning: "The server does not know the name the client asks for (SNI), or has no certificate for it.",
    causes: &[
        outside("the client dials another name than the server is configured for"),
        outside("a proxy in front chooses by name, and has no entry for this one"),
        found(
            "host-mismatch",
            "the server's certificate is not for this name",
        ),
    ],
    next: &[
        "openagents-certs inspect grpcs://{host}:{port}",
        "openagents-certs verify {cert} --ca {ca} --host {host}",
    ],
};
