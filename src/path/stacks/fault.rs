//! What X509_verify_cert can find, in the words of the two libraries that have it, and the rule it is.

use super::pem::Dialect;

/// A fault of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    IssuerNotFound,
    IssuerOfIntermediateNotFound,
    LeafUnverifiable,
    SelfSigned,
    SelfSignedInChain,
    ChainTooLong,
    InvalidExtension,
    UnhandledCritical,
    InvalidCa,
    Purpose,
    PathLength,
    CertSign,
    LeafKeyTooSmall,
    CaKeyTooSmall,
    HashTooWeak,
    KeyUndecodable,
    DescribedCurve,
    Signature,
    NotYetValid,
    Expired,
    NotBeforeForm,
    NotAfterForm,
    Permitted,
    Excluded,
    ConstraintType,
    NameSyntax,
    ConstraintsWithoutNames,
    PolicyExtension,
    Policy,
    Unspecified,
}

impl Fault {
    /// X509_verify_cert_error_string.
    pub(super) fn text(self, dialect: Dialect) -> &'static str {
        let (_, [boring_ssl, openssl], _) = self.row();
        match dialect {
            Dialect::BoringSsl => boring_ssl,
            Dialect::OpenSsl => openssl,
        }
    }

    /// The rule that is broken.
    pub(super) fn rule(self) -> &'static str {
        self.row().2
    }

    fn row(self) -> &'static Row {
        // A test sees to it that the table has them all, in their order.
        &ROWS[self as usize]
    }
}

/// A fault, how BoringSSL and OpenSSL call it, and the rule that is broken.
type Row = (Fault, [&'static str; 2], &'static str);

const fn row(fault: Fault, text: &'static str, rule: &'static str) -> Row {
    (fault, [text, text], rule)
}

static ROWS: [Row; 30] = [
    row(
        Fault::IssuerNotFound,
        "unable to get local issuer certificate",
        "issuer-missing",
    ),
    row(
        Fault::IssuerOfIntermediateNotFound,
        "unable to get issuer certificate",
        "issuer-missing",
    ),
    row(
        Fault::LeafUnverifiable,
        "unable to verify the first certificate",
        "issuer-missing",
    ),
    (
        Fault::SelfSigned,
        ["self signed certificate", "self-signed certificate"],
        "self-signed",
    ),
    (
        Fault::SelfSignedInChain,
        [
            "self signed certificate in certificate chain",
            "self-signed certificate in certificate chain",
        ],
        "issuer-missing",
    ),
    row(
        Fault::ChainTooLong,
        "certificate chain too long",
        "max-depth",
    ),
    (
        Fault::InvalidExtension,
        [
            "invalid or inconsistent certificate extension",
            "unable to verify the first certificate",
        ],
        "extension-malformed",
    ),
    row(
        Fault::UnhandledCritical,
        "unhandled critical extension",
        "unknown-critical-extension",
    ),
    row(Fault::InvalidCa, "invalid CA certificate", "not-a-ca"),
    (
        Fault::Purpose,
        [
            "unsupported certificate purpose",
            "unsuitable certificate purpose",
        ],
        "purpose",
    ),
    row(
        Fault::PathLength,
        "path length constraint exceeded",
        "path-length",
    ),
    row(
        Fault::CertSign,
        "key usage does not include certificate signing",
        "key-usage-cert-sign",
    ),
    row(
        Fault::LeafKeyTooSmall,
        "EE certificate key too weak",
        "key-short",
    ),
    row(
        Fault::CaKeyTooSmall,
        "CA certificate key too weak",
        "key-short",
    ),
    row(
        Fault::HashTooWeak,
        "CA signature digest algorithm too weak",
        "signature-sha1",
    ),
    row(
        Fault::KeyUndecodable,
        "unable to decode issuer public key",
        "signature-unsupported",
    ),
    row(
        Fault::DescribedCurve,
        "Certificate public key has explicit ECC parameters",
        "key-explicit-curve",
    ),
    row(
        Fault::Signature,
        "certificate signature failure",
        "signature",
    ),
    row(
        Fault::NotYetValid,
        "certificate is not yet valid",
        "not-yet-valid",
    ),
    row(Fault::Expired, "certificate has expired", "expired"),
    row(
        Fault::NotBeforeForm,
        "format error in certificate's notBefore field",
        "time-malformed",
    ),
    row(
        Fault::NotAfterForm,
        "format error in certificate's notAfter field",
        "time-malformed",
    ),
    row(
        Fault::Permitted,
        "permitted subtree violation",
        "name-not-permitted",
    ),
    row(
        Fault::Excluded,
        "excluded subtree violation",
        "name-excluded",
    ),
    row(
        Fault::ConstraintType,
        "unsupported name constraint type",
        "name-constraint-ip",
    ),
    row(
        Fault::NameSyntax,
        "unsupported or invalid name syntax",
        "name-constraint-undecidable",
    ),
    row(
        Fault::ConstraintsWithoutNames,
        "Issuer has name constraints but leaf has no SANs",
        "no-names",
    ),
    row(
        Fault::PolicyExtension,
        "invalid or inconsistent certificate policy extension",
        "extension-malformed",
    ),
    row(Fault::Policy, "no explicit policy", "policy-required"),
    (
        Fault::Unspecified,
        [
            "unknown certificate verification error",
            "unspecified certificate verification error",
        ],
        "budget-exhausted",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::path::rule::Rule;

    #[test]
    fn the_table_has_every_fault_in_its_place_and_names_rules_there_are() {
        for (place, (fault, _, id)) in ROWS.iter().enumerate() {
            assert_eq!(*fault as usize, place, "{fault:?}");
            assert_eq!(Rule::named(id).id, *id);
        }
        assert_eq!(ROWS.len(), Fault::Unspecified as usize + 1);
    }
}
