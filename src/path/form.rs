//! What a certificate must be like whatever it is used for
//! ([RFC 5280 §4.1](https://www.rfc-editor.org/rfc/rfc5280#section-4.1) and
//! [§4.2](https://www.rfc-editor.org/rfc/rfc5280#section-4.2)).

use super::candidate::Candidate;
use super::extension::{Extensions, Known};
use super::finding::{Evidence, Role};
use super::rule::{Drafts, Rule, Severities};
use crate::pki::certificate::Certificate;
use crate::pki::element::is_minimal_integer;

/// What is wrong with a certificate's form in its role.
pub(super) fn examine(candidate: &Candidate<'_>, role: Role, drafts: &mut Drafts) {
    let certificate = candidate.certificate;
    version(certificate, role, drafts);
    serial(certificate, role, drafts);
    names(certificate, role, drafts);
    duplicates(certificate, drafts);
    for extension in certificate.extensions() {
        if let Some(fault) = extension.fault {
            let malformed = extension.critical || extension.oid.check("").is_err();
            let rule = if malformed {
                &EXTENSION_MALFORMED
            } else {
                &EXTENSION_ENCODING
            };
            drafts.with(rule, || {
                Evidence::found(format_args!("{}: {fault}", extension.title()))
            });
        }
    }
    let extensions = candidate.extensions();
    for place in extensions.unknown_critical.iter().take(MAX_REPORTED) {
        drafts.with(&UNKNOWN_CRITICAL, || {
            Evidence::found(certificate.extensions()[*place].title())
        });
    }
    malformed(extensions, drafts);
    criticality(certificate, extensions, drafts);
}

/// Every rule of this file.
pub(super) static RULES: &[&Rule] = &[
    &VERSION,
    &VERSION_EXTENSIONS,
    &SERIAL_FORM,
    &SERIAL_SIGN,
    &ANCHOR_SERIAL_SIGN,
    &SERIAL_LONG,
    &NAME_MALFORMED,
    &ISSUER_EMPTY,
    &CA_SUBJECT_EMPTY,
    &DUPLICATE,
    &UNKNOWN_CRITICAL,
    &EXTENSION_MALFORMED,
    &EXTENSION_ENCODING,
    &INFORMATIVE_MALFORMED,
    &INFORMATIVE_CRITICAL,
    &IDENTIFIER_CRITICAL,
    &SAN_NOT_CRITICAL,
    &SAN_CRITICAL,
    &POLICY_NOT_CRITICAL,
];

fn version(certificate: &Certificate, role: Role, drafts: &mut Drafts) {
    let version = certificate.version();
    let found = || Evidence::instead(format_args!("version {version}"), "version 3");
    let has_extensions = !certificate.extensions().is_empty();
    if version < 3 && has_extensions || version < 2 && certificate.has_unique_identifiers() {
        drafts.with(&VERSION_EXTENSIONS, found);
    } else if version < 3 && role != Role::Anchor {
        drafts.with(&VERSION, found);
    }
}

fn serial(certificate: &Certificate, role: Role, drafts: &mut Drafts) {
    let serial = certificate.serial();
    let octets = serial.as_bytes();
    if !is_minimal_integer(octets) {
        drafts.add(&SERIAL_FORM);
    } else if serial.is_negative() || serial.is_zero() {
        let rule = match role {
            Role::EndEntity | Role::Intermediate => &SERIAL_SIGN,
            Role::Anchor => &ANCHOR_SERIAL_SIGN,
        };
        drafts.with(rule, || Evidence::found(serial));
    }
    if octets.len() > MAX_SERIAL_OCTETS {
        drafts.with(&SERIAL_LONG, || {
            Evidence::instead(
                format_args!("{} octets", octets.len()),
                format_args!("at most {MAX_SERIAL_OCTETS}"),
            )
        });
    }
}

fn names(certificate: &Certificate, role: Role, drafts: &mut Drafts) {
    for name in [certificate.subject(), certificate.issuer()] {
        if let Some(fault) = name.fault() {
            drafts.with(&NAME_MALFORMED, || Evidence::found(fault));
        }
    }
    if certificate.issuer().is_empty() {
        drafts.add(&ISSUER_EMPTY);
    }
    if certificate.subject().is_empty() && role != Role::EndEntity {
        drafts.add(&CA_SUBJECT_EMPTY);
    }
}

/// By sorting, for there may be thousands of extensions.
fn duplicates(certificate: &Certificate, drafts: &mut Drafts) {
    let mut sorted: Vec<_> = certificate.extensions().iter().map(|e| &e.oid).collect();
    sorted.sort_unstable();
    let mut twice: Vec<_> = sorted
        .windows(2)
        .filter(|pair| pair[0] == pair[1])
        .map(|pair| pair[0])
        .collect();
    twice.dedup();
    for oid in twice.into_iter().take(MAX_REPORTED) {
        drafts.with(&DUPLICATE, || {
            Evidence::found(oid.name().map_or_else(|| oid.to_string(), str::to_owned))
        });
    }
}

fn malformed(extensions: &Extensions, drafts: &mut Drafts) {
    fn one<T>(extension: &Option<Known<T>>, drafts: &mut Drafts) {
        if let Some(Known {
            value: Err(fault), ..
        }) = extension
        {
            drafts.with(&EXTENSION_MALFORMED, || Evidence::found(fault));
        }
    }
    one(&extensions.basic_constraints, drafts);
    one(&extensions.key_usage, drafts);
    one(&extensions.extended_key_usage, drafts);
    one(&extensions.subject_alt_name, drafts);
    one(&extensions.name_constraints, drafts);
    one(&extensions.authority_key_identifier, drafts);
    one(&extensions.subject_key_identifier, drafts);
    one(&extensions.certificate_policies, drafts);
    one(&extensions.policy_mappings, drafts);
    one(&extensions.policy_constraints, drafts);
    one(&extensions.inhibit_any_policy, drafts);
    for extension in &extensions.informative {
        if let Some(fault) = extension.fault {
            drafts.with(&INFORMATIVE_MALFORMED, || {
                Evidence::found(format_args!("{}: {fault}", extension.name))
            });
        }
    }
}

fn criticality(certificate: &Certificate, extensions: &Extensions, drafts: &mut Drafts) {
    fn is_critical<T>(extension: &Option<Known<T>>) -> Option<bool> {
        extension.as_ref().map(|extension| extension.critical)
    }
    if is_critical(&extensions.authority_key_identifier) == Some(true) {
        drafts.with(&IDENTIFIER_CRITICAL, || {
            Evidence::found("authorityKeyIdentifier")
        });
    }
    if is_critical(&extensions.subject_key_identifier) == Some(true) {
        drafts.with(&IDENTIFIER_CRITICAL, || {
            Evidence::found("subjectKeyIdentifier")
        });
    }
    match is_critical(&extensions.subject_alt_name) {
        Some(false) if certificate.subject().is_empty() => drafts.add(&SAN_NOT_CRITICAL),
        Some(true) if !certificate.subject().is_empty() => drafts.add(&SAN_CRITICAL),
        Some(true | false) | None => {}
    }
    if is_critical(&extensions.policy_constraints) == Some(false) {
        drafts.with(&POLICY_NOT_CRITICAL, || {
            Evidence::found("policyConstraints")
        });
    }
    if is_critical(&extensions.inhibit_any_policy) == Some(false) {
        drafts.with(&POLICY_NOT_CRITICAL, || Evidence::found("inhibitAnyPolicy"));
    }
    for extension in &extensions.informative {
        if extension.critical && extension.must_not_be_critical {
            drafts.with(&INFORMATIVE_CRITICAL, || Evidence::found(extension.name));
        }
    }
}

const MAX_SERIAL_OCTETS: usize = 20; // RFC 5280 §4.1.2.2
const MAX_REPORTED: usize = 8;

static VERSION: Rule = Rule {
    id: "version",
    sentence: "it is of an old version, which rustls and Go refuse",
    hint: "have it issued anew as version 3",
    reference: "RFC 5280 §4.1.2.1",
    severities: Severities::DECISIVE,
};
static VERSION_EXTENSIONS: Rule = Rule {
    id: "version-extensions",
    sentence: "its version has not the fields that it holds",
    hint: "have it issued anew as version 3",
    reference: "RFC 5280 §4.1.2.9",
    severities: Severities::DECISIVE,
};
static SERIAL_FORM: Rule = Rule {
    id: "serial-form",
    sentence: "its serial number is not in its shortest form",
    hint: "have it issued anew",
    reference: "X.690 §8.3.2",
    severities: Severities::CONFORMANCE,
};
static SERIAL_SIGN: Rule = Rule {
    id: "serial-not-positive",
    sentence: "its serial number is not positive, which Go refuses",
    hint: "have it issued anew with a random positive serial number",
    reference: "RFC 5280 §4.1.2.2",
    severities: Severities::CONFORMANCE,
};
static ANCHOR_SERIAL_SIGN: Rule = Rule {
    id: "anchor-serial-not-positive",
    sentence: "its serial number is not positive, as that of some old public roots",
    hint: "make a root with a random positive serial number",
    reference: "RFC 5280 §4.1.2.2",
    severities: Severities::RFC_ONLY,
};
static SERIAL_LONG: Rule = Rule {
    id: "serial-long",
    sentence: "its serial number is too long, which rustls refuses",
    hint: "have it issued anew with a serial number of 128 bits",
    reference: "RFC 5280 §4.1.2.2",
    severities: Severities::CONFORMANCE,
};
static NAME_MALFORMED: Rule = Rule {
    id: "name-malformed",
    sentence: "its subject or issuer is malformed",
    hint: "have it issued anew",
    reference: "RFC 5280 §4.1.2.4",
    severities: Severities::DECISIVE,
};
static ISSUER_EMPTY: Rule = Rule {
    id: "issuer-empty",
    sentence: "its issuer has no name",
    hint: "issue from a CA that has a name",
    reference: "RFC 5280 §4.1.2.4",
    severities: Severities::CONFORMANCE,
};
static CA_SUBJECT_EMPTY: Rule = Rule {
    id: "ca-subject-empty",
    sentence: "it is a CA without a name",
    hint: "make the CA anew with a name",
    reference: "RFC 5280 §4.1.2.6",
    severities: Severities::CONFORMANCE,
};
static DUPLICATE: Rule = Rule {
    id: "extension-twice",
    sentence: "an extension stands there twice",
    hint: "have it issued anew; programs disagree which one counts",
    reference: "RFC 5280 §4.2",
    severities: Severities::DECISIVE,
};
static UNKNOWN_CRITICAL: Rule = Rule {
    id: "unknown-critical-extension",
    sentence: "a critical extension is not understood, so it must be refused",
    hint: "have it issued anew without it, or with it not critical",
    reference: "RFC 5280 §4.2",
    severities: Severities::DECISIVE,
};
static EXTENSION_MALFORMED: Rule = Rule {
    id: "extension-malformed",
    sentence: "an extension that decides is malformed",
    hint: "have it issued anew",
    reference: "RFC 5280 §4.2.1",
    severities: Severities::DECISIVE,
};
static EXTENSION_ENCODING: Rule = Rule {
    id: "extension-encoding",
    sentence: "an extension is not encoded as DER has it",
    hint: "have it issued anew by a CA that leaves out what is the default",
    reference: "X.690 §11.5",
    severities: Severities {
        rfc5280: Severities::ADVICE.rfc5280,
        ..Severities::CONFORMANCE
    },
};
static INFORMATIVE_MALFORMED: Rule = Rule {
    id: "informative-extension-malformed",
    sentence: "an extension that tells where to look is malformed",
    hint: "have it issued anew",
    reference: "RFC 5280 §4.2.2, CABF BR §7.1.2.7.7",
    severities: Severities::CONFORMANCE,
};
static INFORMATIVE_CRITICAL: Rule = Rule {
    id: "informative-extension-critical",
    sentence: "an extension that must not be critical is, and OpenSSL and rustls refuse it",
    hint: "have it issued anew with the extension not critical",
    reference: "RFC 5280 §4.2.2.1",
    severities: Severities::DECISIVE,
};
static IDENTIFIER_CRITICAL: Rule = Rule {
    id: "key-identifier-critical",
    sentence: "a key identifier is critical, which rustls and OpenSSL refuse",
    hint: "have it issued anew with key identifiers that are not critical",
    reference: "RFC 5280 §4.2.1.1",
    severities: Severities::DECISIVE,
};
static SAN_NOT_CRITICAL: Rule = Rule {
    id: "san-not-critical",
    sentence: "its SubjectAltName is not critical, though it has no other name",
    hint: "have it issued anew with a critical SubjectAltName, or with a subject",
    reference: "RFC 5280 §4.2.1.6",
    severities: Severities::CONFORMANCE,
};
static SAN_CRITICAL: Rule = Rule {
    id: "san-critical",
    sentence: "its SubjectAltName is critical, though it has a subject",
    hint: "have it issued anew with a SubjectAltName that is not critical",
    reference: "CABF BR §7.1.2.7.12",
    severities: Severities::WEBPKI,
};
static POLICY_NOT_CRITICAL: Rule = Rule {
    id: "policy-constraint-not-critical",
    sentence: "a constraint on policies is not critical",
    hint: "make the CA anew with the constraint critical",
    reference: "RFC 5280 §4.2.1.11 and §4.2.1.14",
    severities: Severities::CONFORMANCE,
};
