//! Where revocation lists are found, and what they speak of.

use std::fmt;

use serde::Serialize;

use super::element::{
    Element, ElementError, Elements, SEQUENCE, boolean, context, context_constructed,
};
use super::general_name::GeneralName;

/// Where a revocation list is found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct DistributionPoint {
    /// Its names, mostly URLs.
    pub names: Vec<GeneralName>,
    /// Whether its name is relative to the issuer's, which no one uses.
    pub relative: bool,
    /// The reasons it is for; all when empty.
    pub reasons: Vec<&'static str>,
    /// Who signs the list, when that is another than the certificate's issuer.
    pub crl_issuer: Vec<GeneralName>,
}

impl DistributionPoint {
    pub(crate) fn read(element: Element<'_>) -> Result<Self, ElementError> {
        let mut parts = element.children();
        let mut point = DistributionPoint::default();
        if let Some(name) = parts.optional(context_constructed(0), "distributionPoint")? {
            (point.names, point.relative) = point_name(name)?;
        }
        if let Some(reasons) = parts.optional(context(1), "reasons")? {
            point.reasons = reason_names(reasons)?;
        }
        if let Some(issuer) = parts.optional(context_constructed(2), "cRLIssuer")? {
            point.crl_issuer = GeneralName::read_all(issuer.children())?;
        }
        parts.end("the distribution point")?;
        Ok(point)
    }
}

impl fmt::Display for DistributionPoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = joined(&self.names);
        f.write_str(if self.relative {
            "relative to the issuer"
        } else if names.is_empty() {
            "(no name)"
        } else {
            &names
        })?;
        if !self.reasons.is_empty() {
            write!(f, " for {}", self.reasons.join(", "))?;
        }
        if !self.crl_issuer.is_empty() {
            write!(f, " signed by {}", joined(&self.crl_issuer))?;
        }
        Ok(())
    }
}

/// What a revocation list speaks of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct IssuingDistributionPoint {
    /// Its own name.
    pub names: Vec<GeneralName>,
    /// Only certificates of end entities.
    pub only_user_certificates: bool,
    /// Only certificates of CAs.
    pub only_ca_certificates: bool,
    /// Only these reasons; all when empty.
    pub only_some_reasons: Vec<&'static str>,
    /// Also certificates of other issuers.
    pub indirect: bool,
    /// Only attribute certificates.
    pub only_attribute_certificates: bool,
}

impl IssuingDistributionPoint {
    pub(crate) fn read(value: &[u8]) -> Result<Self, ElementError> {
        let mut parts = Element::only(value, SEQUENCE, "issuingDistributionPoint")?.children();
        let mut point = IssuingDistributionPoint::default();
        if let Some(name) = parts.optional(context_constructed(0), "distributionPoint")? {
            point.names = point_name(name)?.0;
        }
        let flag = |number, parts: &mut Elements<'_>| {
            let element = parts.optional(context(number), "issuingDistributionPoint")?;
            let value = element.map(|e| boolean(e, "issuingDistributionPoint"));
            Ok(value.transpose()?.is_some_and(|value| value != Some(false)))
        };
        point.only_user_certificates = flag(1, &mut parts)?;
        point.only_ca_certificates = flag(2, &mut parts)?;
        if let Some(reasons) = parts.optional(context(3), "onlySomeReasons")? {
            point.only_some_reasons = reason_names(reasons)?;
        }
        point.indirect = flag(4, &mut parts)?;
        point.only_attribute_certificates = flag(5, &mut parts)?;
        parts.end("issuingDistributionPoint")?;
        Ok(point)
    }
}

impl fmt::Display for IssuingDistributionPoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = vec![joined(&self.names)];
        for (holds, text) in [
            (self.only_user_certificates, "only end entities"),
            (self.only_ca_certificates, "only CAs"),
            (
                self.only_attribute_certificates,
                "only attribute certificates",
            ),
            (self.indirect, "of other issuers too"),
        ] {
            parts.extend(holds.then(|| text.to_owned()));
        }
        if !self.only_some_reasons.is_empty() {
            parts.push(format!("only for {}", self.only_some_reasons.join(", ")));
        }
        parts.retain(|part| !part.is_empty());
        f.write_str(&parts.join("; "))
    }
}

/// The names of a DistributionPointName, or that it is relative.
fn point_name(wrapper: Element<'_>) -> Result<(Vec<GeneralName>, bool), ElementError> {
    let mut choice = wrapper.children();
    let name = choice.any("distributionPoint")?;
    choice.end("distributionPoint")?;
    match name.tag {
        tag if tag == context_constructed(0) => {
            Ok((GeneralName::read_all(name.children())?, false))
        }
        tag if tag == context_constructed(1) => Ok((Vec::new(), true)),
        _ => Err(ElementError::Content {
            what: "distributionPoint",
        }),
    }
}

/// The names of ReasonFlags (RFC 5280 §4.2.1.13); at least one must be set.
fn reason_names(flags: Element<'_>) -> Result<Vec<&'static str>, ElementError> {
    let wrong = ElementError::Content {
        what: "the reasons",
    };
    let (unused, octets) = flags.content.split_first().ok_or(wrong)?;
    let at = |i: usize| u16::from(octets.get(i).copied().unwrap_or(0));
    let bits = at(0) << 8 | at(1);
    let names: Vec<_> = (0..)
        .zip(REASON_FLAGS)
        .filter(|(bit, _)| bits << bit & 0x8000 != 0)
        .map(|(_, name)| name)
        .collect();
    if *unused > 7 || names.is_empty() {
        Err(wrong)
    } else {
        Ok(names)
    }
}

fn joined(names: &[GeneralName]) -> String {
    names
        .iter()
        .map(GeneralName::to_string)
        .collect::<Vec<_>>()
        .join(", ")
}

const REASON_FLAGS: [&str; 9] = [
    "unused",
    "keyCompromise",
    "cACompromise",
    "affiliationChanged",
    "superseded",
    "cessationOfOperation",
    "certificateHold",
    "privilegeWithdrawn",
    "aACompromise",
];
