//! Certificates and extensions.

use serde::Serialize;
use time::{Duration, OffsetDateTime};

use super::object::KeyFields;
use crate::ops::columns::Sheet;
use crate::path::certificate_problems;
use crate::path::finding::Finding;
use crate::pki::algorithm::AlgorithmIdentifier;
use crate::pki::certificate::Certificate;
use crate::pki::extension::{Extension, extension_name};
use crate::pki::extension_value::{Bytes, ExtensionValue};
use crate::pki::fingerprint::Fingerprint;
use crate::pki::general_name::GeneralName;
use crate::pki::name::DistinguishedName;
use crate::pki::oid::ObjectIdentifier;
use crate::pki::serial::SerialNumber;
use crate::pki::validity::rfc3339;

/// A certificate's fields.
#[derive(Debug, Serialize)]
pub(super) struct CertificateFields {
    version: u8,
    subject: DistinguishedName,
    issuer: DistinguishedName,
    serial: SerialNumber,
    serial_decimal: Option<String>,
    #[serde(with = "time::serde::rfc3339")]
    not_before: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    not_after: OffsetDateTime,
    validity: ValidityNow,
    expires_in_seconds: i64,
    #[serde(rename = "subject_alt_names")]
    names: Vec<String>,
    public_key: KeyFields,
    signature_algorithm: AlgorithmIdentifier,
    #[serde(rename = "fingerprint_sha256")]
    sha256: Fingerprint,
    #[serde(rename = "fingerprint_sha1")]
    sha1: Fingerprint,
    extensions: Vec<ExtensionFields>,
    problems: Vec<Finding>,
    #[serde(flatten)]
    relation: Relation,
    #[serde(skip)]
    now: OffsetDateTime,
}

/// The relation of a certificate to the others of its file; positions count from 1.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(super) struct Relation {
    /// Which one issued it, by names and key identifiers; itself when it is self-issued.
    pub(super) issued_by: Option<usize>,
    /// Whether that one's key verifies its signature; false when that cannot be determined, `None` when it
    /// was not checked.
    pub(super) issuer_signature_confirmed: Option<bool>,
    /// Which earlier one it is a copy of.
    pub(super) copy_of: Option<usize>,
    /// Whether the file has other certificates.
    #[serde(skip)]
    pub(super) is_in_bundle: bool,
}

/// Whether a certificate is valid now, by its dates only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum ValidityNow {
    /// Within its dates.
    Valid,
    /// Before them.
    NotYetValid,
    /// After them.
    Expired,
}

impl CertificateFields {
    /// The fields of a certificate as of `now`.
    pub(super) fn of(certificate: &Certificate, now: OffsetDateTime) -> Self {
        let (not_before, not_after) = (certificate.not_before(), certificate.not_after());
        let validity = if now < not_before {
            ValidityNow::NotYetValid
        } else if now > not_after {
            ValidityNow::Expired
        } else {
            ValidityNow::Valid
        };
        let names = certificate.subject_alt_names().ok().flatten();
        CertificateFields {
            version: certificate.version(),
            subject: certificate.subject().clone(),
            issuer: certificate.issuer().clone(),
            serial: certificate.serial().clone(),
            serial_decimal: certificate.serial().decimal(),
            not_before,
            not_after,
            validity,
            expires_in_seconds: (not_after - now).whole_seconds(),
            names: texts(&names.unwrap_or_default()),
            public_key: KeyFields::of(certificate.public_key_info()),
            signature_algorithm: certificate.signature_algorithm().clone(),
            sha256: Fingerprint::sha256(certificate.as_der()),
            sha1: Fingerprint::sha1(certificate.as_der()),
            extensions: ExtensionFields::all(certificate.extensions()),
            problems: certificate_problems(certificate),
            relation: Relation::default(),
            now,
        }
    }

    /// Records its relation to the others of its file.
    pub(super) fn relate(&mut self, relation: Relation) {
        self.relation = relation;
    }

    /// The relation shown beside its title; `position` is its place among several.
    pub(super) fn relation(&self, position: Option<usize>) -> String {
        if let Some(original) = self.relation.copy_of {
            return format!(", a copy of {original}");
        }
        let Some(issuer) = self.relation.issued_by else {
            let missing = if self.relation.is_in_bundle {
                ", its issuer is not in this file"
            } else {
                ""
            };
            return missing.to_owned();
        };
        let is_own = position.is_none_or(|position| position == issuer);
        match (is_own, self.relation.issuer_signature_confirmed) {
            (true, Some(true)) => ", self-signed".into(),
            (true, Some(false) | None) => ", self-issued, signature not confirmed".into(),
            (false, Some(true)) => format!(", issued by {issuer}"),
            (false, Some(false) | None) => {
                format!(", issued by {issuer} by name, signature not confirmed")
            }
        }
    }

    /// Five lines.
    pub(super) fn add_short_to(&self, sheet: &mut Sheet) {
        sheet.row("subject", named(&self.subject));
        sheet.row("issuer", named(&self.issuer));
        sheet.row("valid until", self.until());
        let mut names: Vec<_> = self.names.iter().take(MAX_SHORT_NAMES).cloned().collect();
        if self.names.len() > names.len() {
            names.push(format!("… and {} more", self.names.len() - names.len()));
        }
        sheet.row("names", or_none(&names));
        sheet.row("sha256", &self.sha256);
    }

    /// All rows.
    pub(super) fn add_to(&self, sheet: &mut Sheet) {
        sheet.row("subject", named(&self.subject));
        sheet.row("issuer", named(&self.issuer));
        sheet.row("serial", &self.serial);
        sheet.optional("serial, decimal", self.serial_decimal.as_ref());
        sheet.row("valid from", self.from());
        sheet.row("valid until", self.until());
        self.public_key.add_to(sheet);
        sheet.row("signed with", &self.signature_algorithm);
        sheet.row("version", self.version);
        sheet.row("sha256", &self.sha256);
        sheet.row("sha1", &self.sha1);
        add_extensions(&self.extensions, sheet);
        add_problems(&self.problems, sheet);
    }

    fn from(&self) -> String {
        let from = rfc3339(self.not_before);
        match self.validity {
            ValidityNow::NotYetValid => {
                let left = span(self.not_before - self.now);
                format!("{from} (not yet valid: in {left})")
            }
            ValidityNow::Valid | ValidityNow::Expired => from,
        }
    }

    fn until(&self) -> String {
        let until = rfc3339(self.not_after);
        match self.validity {
            ValidityNow::Expired => {
                format!("{until} (expired {} ago)", span(self.now - self.not_after))
            }
            ValidityNow::Valid | ValidityNow::NotYetValid => {
                format!("{until} ({} left)", span(self.not_after - self.now))
            }
        }
    }
}

/// An extension's fields.
#[derive(Debug, Serialize)]
pub(super) struct ExtensionFields {
    oid: ObjectIdentifier,
    name: Option<&'static str>,
    critical: bool,
    value: ExtensionValue,
    malformed: Option<String>,
}

impl ExtensionFields {
    /// Every extension.
    pub(super) fn all(extensions: &[Extension]) -> Vec<Self> {
        extensions.iter().map(Self::of).collect()
    }

    /// The fields of an extension: its value when it is known and well-formed, otherwise its bytes.
    pub(super) fn of(extension: &Extension) -> Self {
        let (value, malformed) = match ExtensionValue::read(extension) {
            Ok(value) => (value, None),
            Err(error) => {
                let bytes = Bytes(extension.value.clone());
                (ExtensionValue::Unknown(bytes), Some(error.to_string()))
            }
        };
        ExtensionFields {
            oid: extension.oid.clone(),
            name: extension_name(&extension.oid),
            critical: extension.critical,
            value,
            malformed,
        }
    }
}

/// Adds a row for each extension.
pub(super) fn add_extensions(extensions: &[ExtensionFields], sheet: &mut Sheet) {
    for extension in extensions.iter().take(MAX_EXTENSIONS) {
        let name = extension
            .name
            .map_or_else(|| extension.oid.to_string(), str::to_owned);
        let critical = if extension.critical { ", critical" } else { "" };
        let mut lines = extension.value.lines();
        if let Some(malformed) = &extension.malformed {
            lines.insert(0, format!("malformed: {malformed}"));
        }
        sheet.lines(format!("{name}{critical}"), lines);
    }
    if extensions.len() > MAX_EXTENSIONS {
        let more = extensions.len() - MAX_EXTENSIONS;
        sheet.row("", format!("… and {more} more extensions"));
    }
}

/// Adds a row for problems.
pub(super) fn add_problems(problems: &[Finding], sheet: &mut Sheet) {
    if !problems.is_empty() {
        let line = |problem: &Finding| {
            let (summary, id) = (problem.summary(), problem.id);
            format!("{summary} ({id}, {})", problem.reference)
        };
        sheet.lines("problems", problems.iter().map(line).collect());
    }
}

/// Names with their types.
pub(super) fn texts(names: &[GeneralName]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}

/// Names in a line.
pub(super) fn or_none(names: &[String]) -> String {
    match names {
        [] => "none".into(),
        names => names.join(", "),
    }
}

/// A name, or `(empty)`.
pub(super) fn named(name: &DistinguishedName) -> String {
    if name.is_empty() {
        "(empty)".into()
    } else {
        name.to_string()
    }
}

/// A duration in the largest unit of which there are at least two.
pub(super) fn span(duration: Duration) -> String {
    let seconds = duration.whole_seconds().max(0);
    let units = [("day", 86400), ("hour", 3600), ("minute", 60)];
    let unit = units.into_iter().find(|(_, length)| seconds >= 2 * length);
    let (name, count) = unit.map_or(("second", seconds), |(name, length)| {
        (name, seconds / length)
    });
    format!("{count} {name}{}", if count == 1 { "" } else { "s" })
}

const MAX_SHORT_NAMES: usize = 8;
const MAX_EXTENSIONS: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_in_the_largest_unit_of_which_there_are_two() {
        for (seconds, text) in [
            (-5, "0 seconds"),
            (1, "1 second"),
            (119, "119 seconds"),
            (120, "2 minutes"),
            (7200, "2 hours"),
            (86400, "24 hours"),
            (31_536_000, "365 days"),
        ] {
            assert_eq!(span(Duration::seconds(seconds)), text);
        }
    }
}
