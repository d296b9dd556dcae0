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
        let [boring_ssl, openssl] = self.row().0;
        match dialect {
            Dialect::BoringSsl => boring_ssl,
            Dialect::OpenSsl => openssl,
        }
    }

    /// The rule that is broken.
    pub(super) fn rule(self) -> &'static str {
        self.row().1
    }

    fn row(self) -> ([&'static str; 2], &'static str) {
        let same = |text| [text, text];
        match self {
            Fault::IssuerNotFound => (
                same("unable to get local issuer certificate"),
                "issuer-missing",
            ),
            Fault::IssuerOfIntermediateNotFound => {
                (same("unable to get issuer certificate"), "issuer-missing")
            }
            Fault::LeafUnverifiable => (
                same("unable to verify the first certificate"),
                "issuer-missing",
            ),
            Fault::SelfSigned => (
                ["self signed certificate", "self-signed certificate"],
                "self-signed",
            ),
            Fault::SelfSignedInChain => (
                [
                    "self signed certificate in certificate chain",
                    "self-signed certificate in certificate chain",
                ],
                "issuer-missing",
            ),
            Fault::ChainTooLong => (same("certificate chain too long"), "max-depth"),
            Fault::InvalidExtension => (
                [
                    "invalid or inconsistent certificate extension",
                    "unable to verify the first certificate",
                ],
                "extension-malformed",
            ),
            Fault::UnhandledCritical => (
                same("unhandled critical extension"),
                "unknown-critical-extension",
            ),
            Fault::InvalidCa => (same("invalid CA certificate"), "not-a-ca"),
            Fault::Purpose => (
                [
                    "unsupported certificate purpose",
                    "unsuitable certificate purpose",
                ],
                "purpose",
            ),
            Fault::PathLength => (same("path length constraint exceeded"), "path-length"),
            Fault::CertSign => (
                same("key usage does not include certificate signing"),
                "key-usage-cert-sign",
            ),
            Fault::LeafKeyTooSmall => (same("EE certificate key too weak"), "key-short"),
            Fault::CaKeyTooSmall => (same("CA certificate key too weak"), "key-short"),
            Fault::HashTooWeak => (
                same("CA signature digest algorithm too weak"),
                "signature-sha1",
            ),
            Fault::KeyUndecodable => (
                same("unable to decode issuer public key"),
                "signature-unsupported",
            ),
            Fault::Signature => (same("certificate signature failure"), "signature"),
            Fault::NotYetValid => (same("certificate is not yet valid"), "not-yet-valid"),
            Fault::Expired => (same("certificate has expired"), "expired"),
            Fault::NotBeforeForm => (
                same("format error in certificate's notBefore field"),
                "time-malformed",
            ),
            Fault::NotAfterForm => (
                same("format error in certificate's notAfter field"),
                "time-malformed",
            ),
            Fault::Permitted => (same("permitted subtree violation"), "name-not-permitted"),
            Fault::Excluded => (same("excluded subtree violation"), "name-excluded"),
            Fault::ConstraintType => (
                same("unsupported name constraint type"),
                "name-constraint-ip",
            ),
            Fault::NameSyntax => (
                same("unsupported or invalid name syntax"),
                "name-constraint-undecidable",
            ),
            Fault::ConstraintsWithoutNames => (
                same("issuer has name constraints but leaf has no SANs"),
                "no-names",
            ),
            Fault::PolicyExtension => (
                same("invalid or inconsistent certificate policy extension"),
                "extension-malformed",
            ),
            Fault::Policy => (same("no explicit policy"), "policy-required"),
            Fault::Unspecified => (
                [
                    "unknown certificate verification error",
                    "unspecified certificate verification error",
                ],
                "budget-exhausted",
            ),
        }
    }
}
