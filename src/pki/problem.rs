//! What is wrong with something that was read all the same.

use std::collections::HashSet;
use std::fmt;

use serde::Serialize;

use super::element::is_minimal_integer;
use super::extension::{
    BASIC_CONSTRAINTS, BasicConstraints, Extension, ISSUER_ALT_NAME, KEY_USAGE, KeyUsage,
    SUBJECT_ALT_NAME, SUBJECT_KEY_IDENTIFIER, alt_names, subject_key_identifier,
};
use super::extension_value::ExtensionValue;
use super::general_name::GeneralName;
use super::serial::SerialNumber;

/// A rule that a certificate, request or revocation list breaks; its id is one of the rule table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The rule's short name.
    pub id: &'static str,
    /// What is wrong, as a lower-case clause, safe to show.
    pub message: String,
    /// Where the rule stands.
    pub reference: &'static str,
    /// Whether its form is broken, so that a verifier has to refuse it, and not just unusual.
    pub malformed: bool,
}

impl Problem {
    /// A broken form.
    pub(crate) fn malformed(
        id: &'static str,
        reference: &'static str,
        message: impl fmt::Display,
    ) -> Self {
        Problem {
            id,
            message: message.to_string(),
            reference,
            malformed: true,
        }
    }

    /// Something that most programs take all the same.
    pub(crate) fn unusual(
        id: &'static str,
        reference: &'static str,
        message: impl fmt::Display,
    ) -> Self {
        Problem {
            malformed: false,
            ..Self::malformed(id, reference, message)
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}, {})", self.message, self.id, self.reference)
    }
}

/// What is wrong with a serial number.
pub(crate) fn serial_problem(serial: &SerialNumber, problems: &mut Vec<Problem>) {
    let bytes = serial.as_bytes();
    let fault = if !is_minimal_integer(bytes) {
        Some((
            "serial-form",
            "serial number is not encoded in its shortest form",
        ))
    } else if serial.is_negative() {
        Some(("serial-not-positive", "serial number is negative"))
    } else if serial.is_zero() {
        Some(("serial-not-positive", "serial number is zero"))
    } else if bytes.len() > MAX_SERIAL_BYTES {
        Some(("serial-long", "serial number is longer than 20 bytes"))
    } else {
        None
    };
    let reference = "RFC 5280 §4.1.2.2";
    problems.extend(fault.map(|(id, message)| Problem::unusual(id, reference, message)));
}

/// What is wrong with extensions: none may are there twice, and the known ones have to read.
pub(crate) fn extension_problems(extensions: &[Extension], problems: &mut Vec<Problem>) {
    let mut seen = HashSet::new();
    for extension in extensions {
        if !seen.insert(&extension.oid) {
            problems.push(Problem::malformed(
                "extension-twice",
                "RFC 5280 §4.2",
                format_args!("duplicate extension {}", extension.title()),
            ));
        }
        if let Some(fault) = extension.fault {
            problems.push(Problem::unusual(
                "extension-encoding",
                "X.690 §11",
                format_args!("extension {}: {fault}", extension.title()),
            ));
        }
        value_problems(extension, problems);
    }
}

/// What is wrong with the first of these names that has something wrong with it.
fn names_problem(names: &[GeneralName]) -> Option<Problem> {
    let reference = "RFC 5280 §4.2.1.6";
    if names.is_empty() {
        return Some(Problem::unusual(
            "extension-malformed",
            reference,
            "subjectAltName has no names",
        ));
    }
    let (name, fault) = names.iter().find_map(|name| Some((name, name.fault()?)))?;
    let shown: String = name.to_string().chars().take(MAX_NAME_SHOWN).collect();
    Some(Problem::unusual(
        form_rule(name),
        reference,
        format_args!("name '{shown}' {fault}"),
    ))
}

/// The rule that a name breaks by its form.
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

/// What is wrong with the value of a standard extension.
fn value_problems(extension: &Extension, problems: &mut Vec<Problem>) {
    let (oid, value) = (&extension.oid, extension.value.as_slice());
    let fault = if *oid == BASIC_CONSTRAINTS {
        BasicConstraints::read(value).map(|(_, fault)| fault)
    } else if *oid == KEY_USAGE {
        KeyUsage::read(value).map(|(_, fault)| fault)
    } else if *oid == SUBJECT_KEY_IDENTIFIER {
        subject_key_identifier(value).map(|octets| octets.is_empty().then_some("it is empty"))
    } else if *oid == SUBJECT_ALT_NAME || *oid == ISSUER_ALT_NAME {
        alt_names(value).map(|names| {
            problems.extend(names_problem(&names));
            None
        })
    } else {
        ExtensionValue::read(extension).map(|_| None)
    };
    match fault {
        Ok(None) => {}
        Ok(Some(fault)) => problems.push(Problem::unusual(
            "extension-encoding",
            "RFC 5280 §4.2.1",
            format_args!("{}: {fault}", extension.title()),
        )),
        Err(source) => problems.push(Problem::malformed(
            "extension-malformed",
            "RFC 5280 §4.2.1",
            format_args!("{} is malformed: {source}", extension.title()),
        )),
    }
}

const MAX_SERIAL_BYTES: usize = 20; // RFC 5280 §4.1.2.2
const MAX_NAME_SHOWN: usize = 80;
