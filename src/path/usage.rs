//! What a key may be used for: keyUsage and extendedKeyUsage
//! ([RFC 5280 §4.2.1.3](https://www.rfc-editor.org/rfc/rfc5280#section-4.2.1.3) and
//! [§4.2.1.12](https://www.rfc-editor.org/rfc/rfc5280#section-4.2.1.12)).

use super::candidate::Candidate;
use super::extension::value;
use super::finding::{Evidence, Role};
use super::profile::Requirements;
use super::public_key::Kind;
use super::rule::{Drafts, Rule, Severities};
use crate::pki::extension::KeyUsage;
use crate::pki::oid::ObjectIdentifier;
use crate::pki::usage::{ANY_EXTENDED_KEY_USAGE, CLIENT_AUTH, Purpose, SERVER_AUTH};

/// What is wrong with a certificate's usages in its role.
pub(super) fn examine(
    candidate: &Candidate<'_>,
    role: Role,
    requirements: &Requirements,
    drafts: &mut Drafts,
) {
    let extensions = candidate.extensions();
    if let Some(usage) = value(&extensions.key_usage) {
        if usage.names().is_empty() {
            drafts.add(&KEY_USAGE_EMPTY);
        }
        match role {
            Role::EndEntity => end_entity(candidate, *usage, requirements, drafts),
            Role::Intermediate | Role::Anchor => {
                if !usage.has(KeyUsage::KEY_CERT_SIGN) {
                    drafts.with(&CERT_SIGN_MISSING, || {
                        Evidence::instead(usage, "keyCertSign")
                    });
                }
            }
        }
    } else if matches!(role, Role::Intermediate | Role::Anchor)
        && extensions.key_usage.is_none()
        && candidate.certificate.version() == 3
    {
        drafts.add(match role {
            Role::EndEntity | Role::Intermediate => &CA_KEY_USAGE_MISSING,
            Role::Anchor => &ANCHOR_KEY_USAGE_MISSING,
        });
    }
    extended(candidate, role, requirements, drafts);
}

fn end_entity(
    candidate: &Candidate<'_>,
    usage: KeyUsage,
    requirements: &Requirements,
    drafts: &mut Drafts,
) {
    let is_ca = candidate.extensions().is_ca();
    if usage.has(KeyUsage::KEY_CERT_SIGN) && !is_ca {
        drafts.add(&CERT_SIGN_WITHOUT_CA);
    }
    if usage.has(KeyUsage::DIGITAL_SIGNATURE) {
        return;
    }
    let evidence = || Evidence::instead(usage, "digitalSignature");
    if requirements.digital_signature {
        drafts.with(&REQUIRED_USAGE, evidence);
    } else if requirements.is_for_connection() || !is_ca {
        let is_rsa = matches!(candidate.public_key().kind, Kind::Rsa { .. });
        if is_rsa && usage.has(KeyUsage::KEY_ENCIPHERMENT) {
            drafts.with(&ONLY_KEY_ENCIPHERMENT, evidence);
        } else {
            drafts.with(&DIGITAL_SIGNATURE_MISSING, evidence);
        }
    }
}

fn extended(
    candidate: &Candidate<'_>,
    role: Role,
    requirements: &Requirements,
    drafts: &mut Drafts,
) {
    let Some(extension) = &candidate.extensions().extended_key_usage else {
        if role == Role::EndEntity && !candidate.extensions().is_ca() {
            drafts.add(&EXTENDED_MISSING);
        }
        return;
    };
    let Ok(usages) = &extension.value else {
        return;
    };
    let allowed = |usage| allows(usages, usage);
    if role == Role::EndEntity && extension.critical {
        drafts.add(&EXTENDED_CRITICAL);
    }
    if role == Role::EndEntity && usages.iter().any(|have| *have == ANY_EXTENDED_KEY_USAGE) {
        drafts.add(&EXTENDED_ANY);
    }
    if role == Role::Anchor {
        drafts.add(&ANCHOR_EXTENDED);
    }
    let fits = match requirements.purpose {
        Some(Purpose::Server) => allowed(SERVER_AUTH),
        Some(Purpose::Client) => allowed(CLIENT_AUTH),
        Some(Purpose::Peer) => allowed(SERVER_AUTH) && allowed(CLIENT_AUTH),
        None => role != Role::EndEntity || allowed(SERVER_AUTH) || allowed(CLIENT_AUTH),
    };
    let named = |purpose| usages.iter().any(|have| *have == purpose);
    let is_named = match requirements.purpose {
        Some(Purpose::Server) => named(SERVER_AUTH),
        Some(Purpose::Client) => named(CLIENT_AUTH),
        Some(Purpose::Peer) => named(SERVER_AUTH) && named(CLIENT_AUTH),
        None => named(SERVER_AUTH) || named(CLIENT_AUTH),
    };
    if role == Role::EndEntity && fits && !is_named {
        drafts.with(&PURPOSE_ANY, || {
            Evidence::instead(list(usages), wanted(requirements.purpose))
        });
    }
    if !fits {
        let rule = match role {
            Role::EndEntity => &PURPOSE,
            Role::Intermediate | Role::Anchor => &CA_PURPOSE,
        };
        drafts.with(rule, || {
            Evidence::instead(list(usages), wanted(requirements.purpose))
        });
    }
}

/// Where no purpose was asked for, whether there is one that the whole path may be used for.
pub(super) fn examine_path(
    path: &[&Candidate<'_>],
    requirements: &Requirements,
    drafts: &mut Drafts,
) {
    if requirements.purpose.is_some() {
        return;
    }
    let mut left = vec![SERVER_AUTH, CLIENT_AUTH];
    for (place, candidate) in path.iter().enumerate() {
        let Some(usages) = value(&candidate.extensions().extended_key_usage) else {
            continue;
        };
        let wanted = left.clone();
        left.retain(|purpose| allows(usages, *purpose));
        if left.is_empty() {
            if place > 0 {
                let wanted: Vec<_> = wanted.into_iter().map(ObjectIdentifier::from).collect();
                drafts.about(place).with(&CA_PURPOSE, || {
                    Evidence::instead(list(usages), list(&wanted))
                });
            }
            return;
        }
    }
}

/// Every rule of this file.
pub(super) static RULES: &[&Rule] = &[
    &KEY_USAGE_EMPTY,
    &CERT_SIGN_MISSING,
    &CA_KEY_USAGE_MISSING,
    &ANCHOR_KEY_USAGE_MISSING,
    &CERT_SIGN_WITHOUT_CA,
    &REQUIRED_USAGE,
    &ONLY_KEY_ENCIPHERMENT,
    &DIGITAL_SIGNATURE_MISSING,
    &EXTENDED_MISSING,
    &EXTENDED_CRITICAL,
    &EXTENDED_ANY,
    &ANCHOR_EXTENDED,
    &PURPOSE,
    &PURPOSE_ANY,
    &CA_PURPOSE,
];

fn allows(usages: &[ObjectIdentifier], purpose: const_oid::ObjectIdentifier) -> bool {
    let mut usages = usages.iter();
    usages.any(|have| *have == purpose || *have == ANY_EXTENDED_KEY_USAGE)
}

fn list(usages: &[ObjectIdentifier]) -> String {
    let name = |usage: &ObjectIdentifier| {
        usage
            .name()
            .map_or_else(|| usage.to_string(), str::to_owned)
    };
    let names: Vec<_> = usages.iter().take(MAX_SHOWN).map(name).collect();
    names.join(", ")
}

fn wanted(purpose: Option<Purpose>) -> &'static str {
    match purpose {
        Some(Purpose::Server) => "id-kp-serverAuth",
        Some(Purpose::Client) => "id-kp-clientAuth",
        Some(Purpose::Peer) => "id-kp-serverAuth and id-kp-clientAuth",
        None => "id-kp-serverAuth or id-kp-clientAuth",
    }
}

const MAX_SHOWN: usize = 8;

static KEY_USAGE_EMPTY: Rule = Rule {
    id: "key-usage-empty",
    sentence: "its keyUsage allows nothing",
    hint: "have it issued anew with digitalSignature, or keyCertSign for a CA",
    reference: "RFC 5280 §4.2.1.3",
    severities: Severities::CONFORMANCE,
};
static CERT_SIGN_MISSING: Rule = Rule {
    id: "key-usage-cert-sign",
    sentence: "it issued a certificate, but its keyUsage does not let it sign any",
    hint: "make the CA anew with keyCertSign; OpenSSL, grpcio and Go refuse it, rustls does not look",
    reference: "RFC 5280 §6.1.4 (n)",
    severities: Severities::DECISIVE,
};
static CA_KEY_USAGE_MISSING: Rule = Rule {
    id: "key-usage-missing",
    sentence: "it is a CA without keyUsage, which OpenSSL's strict check and Python 3.13 refuse",
    hint: "make the CA anew with keyCertSign and cRLSign",
    reference: "RFC 5280 §4.2.1.3",
    severities: Severities::CONFORMANCE,
};
static ANCHOR_KEY_USAGE_MISSING: Rule = Rule {
    id: "anchor-key-usage-missing",
    sentence: "it is a root without keyUsage, as some old ones; OpenSSL's strict check and Python 3.13 refuse it",
    hint: "make the CA anew with keyCertSign and cRLSign",
    reference: "RFC 5280 §4.2.1.3",
    severities: Severities::RFC_ONLY,
};
static CERT_SIGN_WITHOUT_CA: Rule = Rule {
    id: "cert-sign-without-ca",
    sentence: "its keyUsage lets it sign certificates, though it is no CA",
    hint: "have it issued anew without keyCertSign",
    reference: "RFC 5280 §4.2.1.3",
    severities: Severities::CONFORMANCE,
};
static REQUIRED_USAGE: Rule = Rule {
    id: "key-usage-required",
    sentence: "its keyUsage does not let it sign, which was asked for",
    hint: "have it issued anew with digitalSignature",
    reference: "RFC 5280 §4.2.1.3",
    severities: Severities::DECISIVE,
};
static ONLY_KEY_ENCIPHERMENT: Rule = Rule {
    id: "key-usage-only-encipherment",
    sentence: "its keyUsage lets it decrypt but not sign: TLS 1.3 cannot use it",
    hint: "have it issued anew with digitalSignature",
    reference: "RFC 8446 §4.4.2.2",
    severities: Severities::TLS_ONLY,
};
static DIGITAL_SIGNATURE_MISSING: Rule = Rule {
    id: "key-usage-digital-signature",
    sentence: "its keyUsage does not let it sign: TLS cannot use it",
    hint: "have it issued anew with digitalSignature",
    reference: "RFC 8446 §4.4.2.2",
    severities: Severities::TLS_ONLY,
};
static EXTENDED_MISSING: Rule = Rule {
    id: "extended-key-usage-missing",
    sentence: "it does not say what it is for",
    hint: "have it issued anew with serverAuth or clientAuth",
    reference: "CABF BR §7.1.2.7.6",
    severities: Severities::WEBPKI,
};
static EXTENDED_CRITICAL: Rule = Rule {
    id: "extended-key-usage-critical",
    sentence: "its extendedKeyUsage is critical",
    hint: "have it issued anew with an extendedKeyUsage that is not",
    reference: "CABF BR §7.1.2.7.6",
    severities: Severities::WEBPKI,
};
static EXTENDED_ANY: Rule = Rule {
    id: "extended-key-usage-any",
    sentence: "it is for any purpose",
    hint: "have it issued anew with serverAuth or clientAuth alone",
    reference: "CABF BR §7.1.2.7.10",
    severities: Severities::WEBPKI,
};
static ANCHOR_EXTENDED: Rule = Rule {
    id: "anchor-extended-key-usage",
    sentence: "it is a root with an extendedKeyUsage",
    hint: "make a root without it",
    reference: "CABF BR §7.1.2.1.2",
    severities: Severities::WEBPKI,
};
static PURPOSE: Rule = Rule {
    id: "purpose",
    sentence: "it is not for this purpose",
    hint: "issue one with `issue server`, `issue client` or `issue peer`, as it is used",
    reference: "RFC 5280 §4.2.1.12",
    severities: Severities::DECISIVE,
};
static PURPOSE_ANY: Rule = Rule {
    id: "purpose-any",
    sentence: "it is for any purpose, which grpcio, OpenSSL and rustls do not take for this one",
    hint: "have it issued anew with serverAuth or clientAuth",
    reference: "RFC 5280 §4.2.1.12",
    severities: Severities::TLS_ONLY,
};
static CA_PURPOSE: Rule = Rule {
    id: "ca-purpose",
    sentence: "it is a CA that may not issue for this purpose",
    hint: "issue from a CA without extendedKeyUsage, or with the one that is needed",
    reference: "CABF BR §7.1.2.10.6, RFC 5280 §4.2.1.12",
    severities: Severities::DECISIVE,
};
