//! What a certificate must be like whatever it is used for
//! ([RFC 5280 §4.1](https://www.rfc-editor.org/rfc/rfc5280#section-4.1) and
//! [§4.2](https://www.rfc-editor.org/rfc/rfc5280#section-4.2)).

use super::extension::{Extensions, Known};
use super::finding::{Evidence, Role};
use super::pool::Candidate;
use super::rule::Drafts;
use crate::pki::certificate::Certificate;
use crate::pki::element::is_minimal_integer;
use crate::pki::moment::EARLY_GENERALIZED_TIME;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

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
                "extension-malformed"
            } else {
                "extension-encoding"
            };
            drafts.with(rule, || {
                Evidence::found(format_args!("{}: {fault}", extension.title()))
            });
        }
    }
    let extensions = candidate.extensions();
    for place in extensions.unknown_critical.iter().take(MAX_REPORTED) {
        drafts.with("unknown-critical-extension", || {
            Evidence::found(certificate.extensions()[*place].title())
        });
    }
    malformed(extensions, drafts);
    criticality(certificate, extensions, drafts);
}

fn version(certificate: &Certificate, role: Role, drafts: &mut Drafts) {
    let version = certificate.version();
    let found = || Evidence::instead(format_args!("version {version}"), "version 3");
    let has_extensions = !certificate.extensions().is_empty();
    if version < 3 && has_extensions || version < 2 && certificate.has_unique_identifiers() {
        drafts.with("version-extensions", found);
    } else if version < 3 && role != Role::Anchor {
        drafts.with("version", found);
    }
}

fn serial(certificate: &Certificate, role: Role, drafts: &mut Drafts) {
    let serial = certificate.serial();
    let octets = serial.as_bytes();
    if !is_minimal_integer(octets) {
        drafts.add("serial-form");
    } else if serial.is_negative() || serial.is_zero() {
        let rule = match role {
            Role::EndEntity | Role::Intermediate => "serial-not-positive",
            Role::Anchor => "anchor-serial-not-positive",
        };
        drafts.with(rule, || Evidence::found(serial));
    }
    if octets.len() > MAX_SERIAL_OCTETS {
        drafts.with("serial-long", || {
            Evidence::instead(
                format_args!("{} bytes", octets.len()),
                format_args!("at most {MAX_SERIAL_OCTETS}"),
            )
        });
    }
}

fn names(certificate: &Certificate, role: Role, drafts: &mut Drafts) {
    for name in [certificate.subject(), certificate.issuer()] {
        if let Some(fault) = name.fault() {
            drafts.with("name-malformed", || Evidence::found(fault));
        }
    }
    if certificate.issuer().is_empty() {
        drafts.add("issuer-empty");
    }
    if certificate.subject().is_empty() && role != Role::EndEntity {
        drafts.add("ca-subject-empty");
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
        drafts.with("extension-twice", || {
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
            drafts.with("extension-malformed", || Evidence::found(fault));
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
            drafts.with("informative-extension-malformed", || {
                Evidence::found(format_args!("{}: {fault}", extension.name()))
            });
        }
    }
}

fn criticality(certificate: &Certificate, extensions: &Extensions, drafts: &mut Drafts) {
    fn is_critical<T>(extension: &Option<Known<T>>) -> Option<bool> {
        extension.as_ref().map(|extension| extension.critical)
    }
    if is_critical(&extensions.authority_key_identifier) == Some(true) {
        drafts.with("key-identifier-critical", || {
            Evidence::found("authorityKeyIdentifier")
        });
    }
    if is_critical(&extensions.subject_key_identifier) == Some(true) {
        drafts.with("key-identifier-critical", || {
            Evidence::found("subjectKeyIdentifier")
        });
    }
    match is_critical(&extensions.subject_alt_name) {
        Some(false) if certificate.subject().is_empty() => drafts.add("san-not-critical"),
        Some(true) if !certificate.subject().is_empty() => drafts.add("san-critical"),
        Some(true | false) | None => {}
    }
    if is_critical(&extensions.policy_constraints) == Some(false) {
        drafts.with("policy-constraint-not-critical", || {
            Evidence::found("policyConstraints")
        });
    }
    if is_critical(&extensions.inhibit_any_policy) == Some(false) {
        drafts.with("policy-constraint-not-critical", || {
            Evidence::found("inhibitAnyPolicy")
        });
    }
    for extension in &extensions.informative {
        if extension.critical && extension.must_not_be_critical {
            drafts.with("informative-extension-critical", || {
                Evidence::found(extension.name())
            });
        }
    }
}

/// What is wrong with a certificate's dates at this moment. Anchors expire like the others.
pub(super) fn examine_dates(candidate: &Candidate<'_>, at: OffsetDateTime, drafts: &mut Drafts) {
    let certificate = candidate.certificate;
    let (begin, end) = (certificate.not_before(), certificate.not_after());
    // Validity has whole seconds, and its last second lasts until the next begins.
    let at = at.replace_nanosecond(0).unwrap_or(at);
    if end < begin {
        drafts.with("validity-reversed", || {
            Evidence::found(format_args!("{} to {}", text(begin), text(end)))
        });
    } else if at < begin {
        drafts.with("not-yet-valid", || {
            Evidence::instead(
                format_args!("valid from {}", text(begin)),
                format_args!("no later than {}", text(at)),
            )
        });
    }
    if at > end {
        drafts.with("expired", || {
            Evidence::instead(
                format_args!("valid until {}", text(end)),
                format_args!("no earlier than {}", text(at)),
            )
        });
    }
    for fault in certificate.time_faults() {
        let rule = if fault == EARLY_GENERALIZED_TIME {
            "time-form"
        } else {
            "time-malformed"
        };
        drafts.with(rule, || Evidence::found(fault));
    }
}

/// Whether a certificate ends before its issuer does.
pub(super) fn examine_lifetimes(
    candidate: &Candidate<'_>,
    issuer: &Candidate<'_>,
    drafts: &mut Drafts,
) {
    let own = candidate.certificate.not_after();
    let issuers = issuer.certificate.not_after();
    if own > issuers {
        drafts.with("outlives-issuer", || {
            Evidence::instead(
                text(own),
                format_args!("no later than its issuer's {}", text(issuers)),
            )
        });
    }
}

/// A moment as RFC 3339 has it.
pub(super) fn text(moment: OffsetDateTime) -> String {
    moment
        .format(&Rfc3339)
        .unwrap_or_else(|_| moment.to_string())
}

const MAX_SERIAL_OCTETS: usize = 20; // RFC 5280 §4.1.2.2
const MAX_REPORTED: usize = 8;
