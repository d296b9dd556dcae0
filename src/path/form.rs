//! The form of certificates, requests and revocation lists, whatever their use
//! ([RFC 5280 §4.1](https://www.rfc-editor.org/rfc/rfc5280#section-4.1) and
//! [§4.2](https://www.rfc-editor.org/rfc/rfc5280#section-4.2)).

use std::collections::HashSet;
use std::fmt;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::Profile;
use super::finding::{Draft, Drafts, Evidence, Finding, Role, Severity};
use super::pool::{Candidate, Extensions, Known};
use crate::pki::certificate::Certificate;
use crate::pki::crl::RevocationList;
use crate::pki::csr::CertificateSigningRequest;
use crate::pki::element::{ElementError, is_minimal_integer};
use crate::pki::extension::{
    BASIC_CONSTRAINTS, BasicConstraints, Extension, ISSUER_ALT_NAME, KEY_USAGE, KeyUsage,
    SUBJECT_ALT_NAME, SUBJECT_KEY_IDENTIFIER, alt_names, subject_key_identifier,
};
use crate::pki::extension_value::ExtensionValue;
use crate::pki::general_name::GeneralName;
use crate::pki::name::DistinguishedName;
use crate::pki::public_key::PublicKey;
use crate::pki::validity::EARLY_GENERALIZED_TIME;

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
    let bytes = serial.as_bytes();
    if !is_minimal_integer(bytes) {
        drafts.add("serial-form");
    } else if serial.is_negative() || serial.is_zero() {
        let rule = match role {
            Role::EndEntity | Role::Intermediate => "serial-not-positive",
            Role::Anchor => "anchor-serial-not-positive",
        };
        drafts.with(rule, || Evidence::found(serial));
    }
    if bytes.len() > MAX_SERIAL_BYTES {
        drafts.with("serial-long", || {
            Evidence::instead(
                format_args!("{} bytes", bytes.len()),
                format_args!("at most {MAX_SERIAL_BYTES}"),
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
        reversed(certificate, drafts);
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
    for (_, fault) in certificate.time_faults() {
        drafts.with(time_rule(fault), || Evidence::found(fault));
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

fn reversed(certificate: &Certificate, drafts: &mut Drafts) {
    let (begin, end) = (certificate.not_before(), certificate.not_after());
    drafts.with("validity-reversed", || {
        Evidence::found(format_args!("{} to {}", text(begin), text(end)))
    });
}

fn time_rule(fault: &str) -> &'static str {
    if fault == EARLY_GENERALIZED_TIME {
        "time-form"
    } else {
        "time-malformed"
    }
}

/// Everything that is wrong with the form of a certificate, whatever it is used for.
pub fn certificate_problems(certificate: &Certificate) -> Vec<Finding> {
    let mut drafts = Drafts::new(Profile::Tls);
    version(certificate, Role::EndEntity, &mut drafts);
    serial(certificate, Role::EndEntity, &mut drafts);
    names(certificate, Role::EndEntity, &mut drafts);
    if certificate.not_after() < certificate.not_before() {
        reversed(certificate, &mut drafts);
    }
    if !certificate.signature_algorithms_agree() {
        drafts.add("signature-algorithms-disagree");
    }
    let is_about_form = |draft: &&Draft| !["version", "issuer-empty"].contains(&draft.rule.id);
    let drafts = drafts.all.iter().filter(is_about_form);
    let mut problems = Problems(drafts.map(|draft| draft.finding(None)).collect());
    problems.times(certificate.time_faults());
    problems.extensions(certificate.extensions());
    problems.key(certificate.public_key_info());
    if certificate.signature_algorithm().has_foreign_parameters() {
        let algorithm = certificate.signature_algorithm();
        problems.malformed("signature-parameters", algorithm);
    }
    problems.0
}

/// Everything that is wrong with the form of a certificate signing request.
///
/// An error is a form that an authority has to refuse.
pub fn request_problems(request: &CertificateSigningRequest) -> Vec<Finding> {
    let mut problems = Problems::default();
    problems.name(request.subject());
    problems.extensions(request.extensions());
    problems.key(request.public_key_info());
    problems.0
}

/// Everything that is wrong with the form of a certificate revocation list.
///
/// An error is a form that a verifier has to refuse.
pub fn list_problems(list: &RevocationList) -> Vec<Finding> {
    let mut problems = Problems::default();
    if list.version() < 2 && !list.extensions().is_empty() {
        problems.malformed("crl-version", "extensions in version 1");
    }
    if !list.signature_algorithms_agree() {
        problems.malformed("signature-algorithms-disagree", list.signature_algorithm());
    }
    problems.name(list.issuer());
    problems.times(list.time_faults());
    if list.has_empty_list() {
        problems.malformed("crl-malformed", "an empty list of revoked certificates");
    }
    problems.extensions(list.extensions());
    problems.0
}

/// Collects problems of form: an error for one that has to be refused, a warning for one that most
/// programs accept.
#[derive(Default)]
struct Problems(Vec<Finding>);

impl Problems {
    fn malformed(&mut self, id: &str, found: impl fmt::Display) {
        let finding = Finding::of(id).with_severity(Severity::Error);
        self.0.push(finding.found(found));
    }

    fn unusual(&mut self, id: &str, found: impl fmt::Display) {
        let finding = Finding::of(id).with_severity(Severity::Warning);
        self.0.push(finding.found(found));
    }

    fn name(&mut self, name: &DistinguishedName) {
        if let Some(fault) = name.fault() {
            self.malformed("name-malformed", fault);
        }
    }

    fn times(&mut self, faults: impl Iterator<Item = (&'static str, &'static str)>) {
        for (field, fault) in faults {
            self.unusual(time_rule(fault), format_args!("{field}: {fault}"));
        }
    }

    fn key(&mut self, public_key_info: &[u8]) {
        match PublicKey::from_der(public_key_info) {
            Err(fault) => self.malformed("key-malformed", fault),
            Ok(key) => {
                for fault in key.faults {
                    match fault.is_malformed {
                        true => self.malformed("key-malformed", fault.clause),
                        false => self.unusual("key-malformed", fault.clause),
                    }
                }
            }
        }
    }

    fn extensions(&mut self, extensions: &[Extension]) {
        let mut seen = HashSet::new();
        for extension in extensions {
            let title = extension.title();
            if !seen.insert(&extension.oid) {
                self.malformed("extension-twice", &title);
            }
            if let Some(fault) = extension.fault {
                self.unusual("extension-encoding", format_args!("{title}: {fault}"));
            }
            match self.value_fault(extension) {
                Ok(None) => {}
                Ok(Some(fault)) => {
                    self.unusual("extension-encoding", format_args!("{title}: {fault}"));
                }
                Err(fault) => {
                    self.malformed("extension-malformed", format_args!("{title}: {fault}"));
                }
            }
        }
    }

    /// What is unusual about the encoding of a known extension.
    fn value_fault(&mut self, extension: &Extension) -> Result<Option<&'static str>, ElementError> {
        let (oid, value) = (&extension.oid, extension.value.as_slice());
        if *oid == BASIC_CONSTRAINTS {
            BasicConstraints::read(value).map(|(_, fault)| fault)
        } else if *oid == KEY_USAGE {
            KeyUsage::read(value).map(|(_, fault)| fault)
        } else if *oid == SUBJECT_KEY_IDENTIFIER {
            let is_empty = subject_key_identifier(value)?.is_empty();
            Ok(is_empty.then_some("it is empty"))
        } else if *oid == SUBJECT_ALT_NAME || *oid == ISSUER_ALT_NAME {
            self.alternative_names(&alt_names(value)?);
            Ok(None)
        } else {
            ExtensionValue::read(extension).map(|_| None)
        }
    }

    /// The first of these names that is malformed.
    fn alternative_names(&mut self, names: &[GeneralName]) {
        if names.is_empty() {
            self.unusual("extension-malformed", "no names");
        }
        let fault = |name: &GeneralName| Some((form_rule(name), name.to_string(), name.fault()?));
        if let Some((rule, name, fault)) = names.iter().find_map(fault) {
            let name: String = name.chars().take(MAX_NAME_CHARACTERS).collect();
            self.unusual(rule, format_args!("'{name}' {fault}"));
        }
    }
}

/// The rule that a malformed name breaks.
fn form_rule(name: &GeneralName) -> &'static str {
    match name {
        GeneralName::Dns(_) => "dns-name-form",
        GeneralName::Ip(_) => "ip-name-form",
        GeneralName::Email(_) => "email-name-form",
        GeneralName::Uri(_) => "uri-name-form",
        GeneralName::Other(..)
        | GeneralName::X400(_)
        | GeneralName::Directory(_)
        | GeneralName::EdiParty(_)
        | GeneralName::RegisteredId(_) => "name-malformed",
    }
}

/// A time in RFC 3339 form.
pub(super) fn text(moment: OffsetDateTime) -> String {
    moment
        .format(&Rfc3339)
        .unwrap_or_else(|_| moment.to_string())
}

const MAX_SERIAL_BYTES: usize = 20; // RFC 5280 §4.1.2.2
const MAX_REPORTED: usize = 8;
const MAX_NAME_CHARACTERS: usize = 80;
