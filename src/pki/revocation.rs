//! Why certificates are revoked.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

/// The reason a certificate was revoked: the CRLReason extension of a CRL entry
/// ([RFC 5280 §5.3.1](https://www.rfc-editor.org/rfc/rfc5280#section-5.3.1)).
///
/// `FromStr` takes `key-compromise` and the RFC's own `keyCompromise`; `Display` gives the first.
/// removeFromCRL is none of them: it only stands in delta CRLs, which are not made here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, clap::ValueEnum, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RevocationReason {
    /// None is given; the extension is left out of the CRL.
    #[default]
    #[value(alias = "Unspecified")]
    Unspecified,
    /// Its private key is, or may be, in other hands.
    #[value(alias = "keyCompromise")]
    KeyCompromise,
    /// The private key of a CA is, or may be, in other hands.
    #[value(alias = "cACompromise", alias = "caCompromise")]
    CaCompromise,
    /// The subject's name or other information changed.
    #[value(alias = "affiliationChanged")]
    AffiliationChanged,
    /// Another certificate has taken its place.
    #[value(alias = "superseded")]
    Superseded,
    /// It is no longer needed.
    #[value(alias = "cessationOfOperation")]
    CessationOfOperation,
    /// For a time; the only reason that can be taken back.
    #[value(alias = "certificateHold")]
    CertificateHold,
    /// A privilege it states was withdrawn.
    #[value(alias = "privilegeWithdrawn")]
    PrivilegeWithdrawn,
    /// The private key of an attribute authority is, or may be, in other hands.
    #[value(alias = "aACompromise", alias = "aaCompromise")]
    AaCompromise,
}

impl RevocationReason {
    /// All of them, in the order of their codes.
    pub const ALL: [RevocationReason; 9] = [
        RevocationReason::Unspecified,
        RevocationReason::KeyCompromise,
        RevocationReason::CaCompromise,
        RevocationReason::AffiliationChanged,
        RevocationReason::Superseded,
        RevocationReason::CessationOfOperation,
        RevocationReason::CertificateHold,
        RevocationReason::PrivilegeWithdrawn,
        RevocationReason::AaCompromise,
    ];

    /// The CRLReason's value; 7 is not used, and 8 is removeFromCRL.
    pub fn code(self) -> u8 {
        match self {
            RevocationReason::Unspecified => 0,
            RevocationReason::KeyCompromise => 1,
            RevocationReason::CaCompromise => 2,
            RevocationReason::AffiliationChanged => 3,
            RevocationReason::Superseded => 4,
            RevocationReason::CessationOfOperation => 5,
            RevocationReason::CertificateHold => 6,
            RevocationReason::PrivilegeWithdrawn => 9,
            RevocationReason::AaCompromise => 10,
        }
    }

    /// The reason with this CRLReason value.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.code() == code)
    }
}

impl fmt::Display for RevocationReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            RevocationReason::Unspecified => "unspecified",
            RevocationReason::KeyCompromise => "key-compromise",
            RevocationReason::CaCompromise => "ca-compromise",
            RevocationReason::AffiliationChanged => "affiliation-changed",
            RevocationReason::Superseded => "superseded",
            RevocationReason::CessationOfOperation => "cessation-of-operation",
            RevocationReason::CertificateHold => "certificate-hold",
            RevocationReason::PrivilegeWithdrawn => "privilege-withdrawn",
            RevocationReason::AaCompromise => "aa-compromise",
        })
    }
}

impl FromStr for RevocationReason {
    type Err = UnknownReason;

    fn from_str(text: &str) -> Result<Self, UnknownReason> {
        <Self as clap::ValueEnum>::from_str(text, true).map_err(|_| UnknownReason {
            text: text.to_owned(),
        })
    }
}

/// Not a reason for a revocation.
#[derive(Debug, thiserror::Error)]
#[error("no such reason for a revocation: '{}' (such as key-compromise, superseded, certificate-hold)", text.escape_debug())]
pub struct UnknownReason {
    text: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_reads_back_from_its_text_and_its_code() {
        for reason in RevocationReason::ALL {
            assert_eq!(
                reason.to_string().parse::<RevocationReason>().unwrap(),
                reason
            );
            assert_eq!(RevocationReason::from_code(reason.code()), Some(reason));
        }
        assert_eq!(RevocationReason::from_code(8), None);
    }

    #[test]
    fn reasons_are_also_spelled_as_the_rfc_spells_them() {
        for (text, reason) in [
            ("keyCompromise", RevocationReason::KeyCompromise),
            ("cACompromise", RevocationReason::CaCompromise),
            ("certificateHold", RevocationReason::CertificateHold),
        ] {
            assert_eq!(text.parse::<RevocationReason>().unwrap(), reason);
        }
        assert!("removeFromCRL".parse::<RevocationReason>().is_err());
    }
}
