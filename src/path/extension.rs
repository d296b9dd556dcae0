//! What a certificate's extensions say, each decoded once.

use crate::pki::certificate::Certificate;
use crate::pki::element::{
    Element, ElementError, Elements, INTEGER, SEQUENCE, context, context_constructed, small_integer,
};
use crate::pki::extension::{
    AUTHORITY_INFORMATION_ACCESS, AUTHORITY_KEY_IDENTIFIER, AuthorityKeyIdentifier,
    BASIC_CONSTRAINTS, BasicConstraints, CERTIFICATE_POLICIES, CRL_DISTRIBUTION_POINTS,
    EXTENDED_KEY_USAGE, Extension, FRESHEST_CRL, INHIBIT_ANY_POLICY, ISSUER_ALT_NAME, KEY_USAGE,
    KeyUsage, NAME_CONSTRAINTS, NameConstraints, POLICY_CONSTRAINTS, POLICY_MAPPINGS,
    SUBJECT_ALT_NAME, SUBJECT_DIRECTORY_ATTRIBUTES, SUBJECT_INFORMATION_ACCESS,
    SUBJECT_KEY_IDENTIFIER, alt_names, extended_key_usages, subject_key_identifier,
};
use crate::pki::general_name::{GeneralName, object_identifier};
use crate::pki::oid::ObjectIdentifier;
use crate::pki::policy::{PolicyConstraints, policy_constraints};

/// The known extensions. Of duplicates, the first counts.
#[derive(Debug, Default)]
pub(super) struct Extensions {
    pub(super) basic_constraints: Option<Known<BasicConstraints>>,
    pub(super) key_usage: Option<Known<KeyUsage>>,
    pub(super) extended_key_usage: Option<Known<Vec<ObjectIdentifier>>>,
    pub(super) subject_alt_name: Option<Known<Vec<GeneralName>>>,
    pub(super) name_constraints: Option<Known<NameConstraints>>,
    pub(super) authority_key_identifier: Option<Known<AuthorityKeyIdentifier>>,
    pub(super) subject_key_identifier: Option<Known<Vec<u8>>>,
    pub(super) certificate_policies: Option<Known<Vec<ObjectIdentifier>>>,
    pub(super) policy_mappings: Option<Known<Vec<(ObjectIdentifier, ObjectIdentifier)>>>,
    pub(super) policy_constraints: Option<Known<PolicyConstraints>>,
    pub(super) inhibit_any_policy: Option<Known<u64>>,
    /// Those that only tell where to look, and of which nothing but the form counts here.
    pub(super) informative: Vec<Informative>,
    /// The places of those that are critical and not understood.
    pub(super) unknown_critical: Vec<usize>,
}

/// One extension that is understood.
#[derive(Debug)]
pub(super) struct Known<T> {
    pub(super) critical: bool,
    pub(super) value: Result<T, ElementError>,
}

/// One extension of which only the form counts.
#[derive(Debug)]
pub(super) struct Informative {
    pub(super) name: &'static str,
    pub(super) critical: bool,
    pub(super) must_not_be_critical: bool,
    pub(super) fault: Option<ElementError>,
}

impl Extensions {
    pub(super) fn read(certificate: &Certificate) -> Self {
        let mut all = Extensions::default();
        for (place, extension) in certificate.extensions().iter().enumerate() {
            if !(all.read_constraint(extension)
                || all.read_policy(extension)
                || all.read_informative(extension))
                && extension.critical
            {
                all.unknown_critical.push(place);
            }
        }
        all
    }

    pub(super) fn is_ca(&self) -> bool {
        value(&self.basic_constraints).is_some_and(|constraints| constraints.ca)
    }

    /// The names of the SubjectAltName, none where there is none or it is malformed.
    pub(super) fn names(&self) -> &[GeneralName] {
        value(&self.subject_alt_name).map_or(&[], Vec::as_slice)
    }

    /// The key identifier of the authorityKeyIdentifier.
    pub(super) fn authority_key(&self) -> Option<&[u8]> {
        value(&self.authority_key_identifier)?
            .key_identifier
            .as_deref()
    }

    pub(super) fn subject_key(&self) -> Option<&[u8]> {
        value(&self.subject_key_identifier).map(Vec::as_slice)
    }

    fn read_constraint(&mut self, e: &Extension) -> bool {
        let octets = &e.value;
        if e.oid == BASIC_CONSTRAINTS {
            keep(&mut self.basic_constraints, e, || {
                BasicConstraints::read(octets).map(|(constraints, _)| constraints)
            })
        } else if e.oid == KEY_USAGE {
            keep(&mut self.key_usage, e, || {
                KeyUsage::read(octets).map(|(usage, _)| usage)
            })
        } else if e.oid == EXTENDED_KEY_USAGE {
            keep(&mut self.extended_key_usage, e, || {
                extended_key_usages(octets)
            })
        } else if e.oid == SUBJECT_ALT_NAME {
            keep(&mut self.subject_alt_name, e, || names(octets))
        } else if e.oid == NAME_CONSTRAINTS {
            keep(&mut self.name_constraints, e, || {
                NameConstraints::read(octets)
            })
        } else if e.oid == AUTHORITY_KEY_IDENTIFIER {
            keep(&mut self.authority_key_identifier, e, || {
                AuthorityKeyIdentifier::read(octets)
            })
        } else if e.oid == SUBJECT_KEY_IDENTIFIER {
            keep(&mut self.subject_key_identifier, e, || {
                subject_key_identifier(octets)
            })
        } else {
            false
        }
    }

    fn read_policy(&mut self, e: &Extension) -> bool {
        let octets = &e.value;
        if e.oid == CERTIFICATE_POLICIES {
            keep(&mut self.certificate_policies, e, || {
                certificate_policies(octets)
            })
        } else if e.oid == POLICY_MAPPINGS {
            keep(&mut self.policy_mappings, e, || policy_mappings(octets))
        } else if e.oid == POLICY_CONSTRAINTS {
            keep(&mut self.policy_constraints, e, || {
                policy_constraints(octets)
            })
        } else if e.oid == INHIBIT_ANY_POLICY {
            keep(&mut self.inhibit_any_policy, e, || {
                let what = "inhibitAnyPolicy";
                small_integer(Element::only(octets, INTEGER, what)?, what)
            })
        } else {
            false
        }
    }

    fn read_informative(&mut self, e: &Extension) -> bool {
        let (name, must_not_be_critical, result) = if e.oid == AUTHORITY_INFORMATION_ACCESS {
            let name = "authorityInfoAccess";
            (name, true, access_descriptions(&e.value))
        } else if e.oid == SUBJECT_INFORMATION_ACCESS {
            ("subjectInfoAccess", true, access_descriptions(&e.value))
        } else if e.oid == CRL_DISTRIBUTION_POINTS {
            let name = "cRLDistributionPoints";
            (name, false, distribution_points(&e.value))
        } else if e.oid == FRESHEST_CRL {
            ("freshestCRL", true, distribution_points(&e.value))
        } else if e.oid == ISSUER_ALT_NAME {
            ("issuerAltName", false, names(&e.value).map(drop))
        } else if e.oid == SUBJECT_DIRECTORY_ATTRIBUTES {
            let read = Element::only(&e.value, SEQUENCE, "subjectDirectoryAttributes");
            ("subjectDirectoryAttributes", true, read.map(drop))
        } else {
            return false;
        };
        self.informative.push(Informative {
            name,
            critical: e.critical,
            must_not_be_critical,
            fault: result.err(),
        });
        true
    }
}

/// The value where the extension is there and is what it should be.
pub(super) fn value<T>(extension: &Option<Known<T>>) -> Option<&T> {
    extension.as_ref()?.value.as_ref().ok()
}

fn keep<T>(
    place: &mut Option<Known<T>>,
    extension: &Extension,
    read: impl FnOnce() -> Result<T, ElementError>,
) -> bool {
    place.get_or_insert_with(|| Known {
        critical: extension.critical,
        value: read(),
    });
    true
}

/// GeneralNames, of which there is at least one.
fn names(octets: &[u8]) -> Result<Vec<GeneralName>, ElementError> {
    let names = alt_names(octets)?;
    if names.is_empty() {
        Err(ElementError::Missing { what: "a name" })
    } else {
        Ok(names)
    }
}

fn certificate_policies(octets: &[u8]) -> Result<Vec<ObjectIdentifier>, ElementError> {
    let what = "a certificate policy";
    let policies = at_least_one(octets, what, |elements| {
        let mut parts = elements.next(SEQUENCE, what)?.children();
        let policy = object_identifier(&mut parts, what)?;
        parts.optional(SEQUENCE, "a policy's qualifiers")?;
        parts.end(what)?;
        Ok(policy)
    })?;
    let mut sorted: Vec<_> = policies.iter().collect();
    sorted.sort_unstable();
    if sorted.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err(ElementError::Content { what });
    }
    Ok(policies)
}

fn policy_mappings(
    octets: &[u8],
) -> Result<Vec<(ObjectIdentifier, ObjectIdentifier)>, ElementError> {
    let what = "a policy mapping";
    at_least_one(octets, what, |elements| {
        let mut parts = elements.next(SEQUENCE, what)?.children();
        let issuer = object_identifier(&mut parts, what)?;
        let subject = object_identifier(&mut parts, what)?;
        parts.end(what)?;
        if [&issuer, &subject].iter().any(|p| **p == ANY_POLICY) {
            return Err(ElementError::Content { what });
        }
        Ok((issuer, subject))
    })
}

fn distribution_points(octets: &[u8]) -> Result<(), ElementError> {
    let what = "a distribution point";
    at_least_one(octets, what, |elements| {
        let mut parts = elements.next(SEQUENCE, what)?.children();
        let name = parts.optional(context_constructed(0), what)?;
        parts.optional(context(1), what)?;
        let issuer = parts.optional(context_constructed(2), what)?;
        parts.end(what)?;
        if name.is_none() && issuer.is_none() {
            return Err(ElementError::Content { what });
        }
        Ok(())
    })
    .map(drop)
}

fn access_descriptions(octets: &[u8]) -> Result<(), ElementError> {
    let what = "an access description";
    at_least_one(octets, what, |elements| {
        let mut parts = elements.next(SEQUENCE, what)?.children();
        object_identifier(&mut parts, what)?;
        GeneralName::read(parts.any(what)?)?;
        parts.end(what)
    })
    .map(drop)
}

/// A SEQUENCE SIZE (1..MAX).
fn at_least_one<'a, T>(
    octets: &'a [u8],
    what: &'static str,
    mut read: impl FnMut(&mut Elements<'a>) -> Result<T, ElementError>,
) -> Result<Vec<T>, ElementError> {
    let mut elements = Element::only(octets, SEQUENCE, what)?.children();
    let mut all = Vec::new();
    while !elements.is_empty() {
        all.push(read(&mut elements)?);
    }
    if all.is_empty() {
        Err(ElementError::Missing { what })
    } else {
        Ok(all)
    }
}

/// anyPolicy (RFC 5280 §4.2.1.4).
pub(super) const ANY_POLICY: const_oid::ObjectIdentifier =
    const_oid::ObjectIdentifier::new_unwrap("2.5.29.32.0");
