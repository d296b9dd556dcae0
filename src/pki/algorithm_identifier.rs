//! Algorithm identifiers as they are read.

use std::fmt;

use super::element::{Element, ElementError, NULL};
use super::general_name::object_identifier;
use super::oid::ObjectIdentifier;

/// An AlgorithmIdentifier ([RFC 5280 §4.1.1.2](https://www.rfc-editor.org/rfc/rfc5280#section-4.1.1.2)).
///
/// Shown by the name its RFC gives it, or else in dots.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlgorithmIdentifier {
    /// Which algorithm.
    pub oid: ObjectIdentifier,
    /// The DER of its parameters, if there are any.
    pub parameters: Option<Vec<u8>>,
}

impl AlgorithmIdentifier {
    /// Reads the SEQUENCE.
    pub(crate) fn read(sequence: Element<'_>) -> Result<Self, ElementError> {
        let mut elements = sequence.children();
        let oid = object_identifier(&mut elements, "the algorithm")?;
        let parameters = if elements.is_empty() {
            None
        } else {
            Some(elements.any("the algorithm's parameters")?.whole.to_vec())
        };
        elements.end("the algorithm's parameters")?;
        Ok(AlgorithmIdentifier { oid, parameters })
    }

    /// Whether it has no parameters, or NULL for them.
    pub fn has_no_parameters(&self) -> bool {
        matches!(self.parameters.as_deref(), None | Some([NULL, 0]))
    }

    /// Whether it has parameters that a signature algorithm does not have: only RSASSA-PSS has any.
    pub(crate) fn has_foreign_parameters(&self) -> bool {
        self.oid != RSASSA_PSS && !self.has_no_parameters()
    }
}

impl fmt::Display for AlgorithmIdentifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.oid.name() {
            Some(name) => f.write_str(name),
            None => self.oid.fmt(f),
        }
    }
}

impl serde::Serialize for AlgorithmIdentifier {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// id-RSASSA-PSS (RFC 4055 §3.1).
pub(crate) const RSASSA_PSS: const_oid::ObjectIdentifier =
    const_oid::ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.10");
