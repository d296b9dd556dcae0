//! Why certificates are revoked.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

use super::element::{ENUMERATED, Element, ElementError, small_integer};

/// The reason a certificate was revoked: the CRLReason extension of a CRL entry
/// ([RFC 5280 §5.3.1](https://www.rfc-editor.org/rfc/rfc5280#section-5.3.1)).
///
/// `Display` spells it as the RFC does; `FromStr` takes that and `key-compromise`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default, Serialize)]
#[serde(into = "&'static str")]
pub enum RevocationReason {
    /// None is given; the extension is left out of the CRL.
    #[default]
    Unspecified,
    /// Its private key is, or may be, in other hands.
    KeyCompromise,
    /// The private key of a CA is, or may be, in other hands.
    CaCompromise,
    /// The subject's name or other information changed.
    AffiliationChanged,
    /// Another certificate has taken its place.
    Superseded,
    /// It is no longer needed.
    CessationOfOperation,
    /// For a time; the only reason that can be taken back.
    CertificateHold,
    /// It was on hold and no longer is. Only delta CRLs say so, which are not made here.
    RemoveFromCrl,
    /// A privilege it states was withdrawn.
    PrivilegeWithdrawn,
    /// The private key of an attribute authority is, or may be, in other hands.
    AaCompromise,
}

impl RevocationReason {
    /// All of them, in the order of their codes.
    pub const ALL: [RevocationReason; 10] = [
        RevocationReason::Unspecified,
        RevocationReason::KeyCompromise,
        RevocationReason::CaCompromise,
        RevocationReason::AffiliationChanged,
        RevocationReason::Superseded,
        RevocationReason::CessationOfOperation,
        RevocationReason::CertificateHold,
        RevocationReason::RemoveFromCrl,
        RevocationReason::PrivilegeWithdrawn,
        RevocationReason::AaCompromise,
    ];

    /// Those a certificate can be revoked for: all but `removeFromCRL`, which belongs to delta CRLs.
    pub const REQUESTABLE: [RevocationReason; 9] = [
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

    /// The CRLReason's value; 7 is not used.
    pub fn code(self) -> u8 {
        match self {
            RevocationReason::Unspecified => 0,
            RevocationReason::KeyCompromise => 1,
            RevocationReason::CaCompromise => 2,
            RevocationReason::AffiliationChanged => 3,
            RevocationReason::Superseded => 4,
            RevocationReason::CessationOfOperation => 5,
            RevocationReason::CertificateHold => 6,
            RevocationReason::RemoveFromCrl => 8,
            RevocationReason::PrivilegeWithdrawn => 9,
            RevocationReason::AaCompromise => 10,
        }
    }

    /// How much it weighs against another: a hold least, then no reason, then any that was given, and
    /// a key in other hands most.
    pub fn weight(self) -> u8 {
        match self {
            RevocationReason::CertificateHold | RevocationReason::RemoveFromCrl => 0,
            RevocationReason::Unspecified => 1,
            RevocationReason::AffiliationChanged
            | RevocationReason::Superseded
            | RevocationReason::CessationOfOperation
            | RevocationReason::PrivilegeWithdrawn => 2,
            RevocationReason::KeyCompromise
            | RevocationReason::CaCompromise
            | RevocationReason::AaCompromise => 3,
        }
    }

    /// Reads the value of a reasonCode extension.
    pub(crate) fn read(value: &[u8]) -> Result<Self, ElementError> {
        let what = "reasonCode";
        let code = small_integer(Element::only(value, ENUMERATED, what)?, what)?;
        u8::try_from(code)
            .ok()
            .and_then(Self::from_code)
            .ok_or(ElementError::Content { what })
    }

    /// The reason with this CRLReason value.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.code() == code)
    }
}

impl fmt::Display for RevocationReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str((*self).into())
    }
}

impl From<RevocationReason> for &'static str {
    fn from(reason: RevocationReason) -> &'static str {
        match reason {
            RevocationReason::Unspecified => "unspecified",
            RevocationReason::KeyCompromise => "keyCompromise",
            RevocationReason::CaCompromise => "cACompromise",
            RevocationReason::AffiliationChanged => "affiliationChanged",
            RevocationReason::Superseded => "superseded",
            RevocationReason::CessationOfOperation => "cessationOfOperation",
            RevocationReason::CertificateHold => "certificateHold",
            RevocationReason::RemoveFromCrl => "removeFromCRL",
            RevocationReason::PrivilegeWithdrawn => "privilegeWithdrawn",
            RevocationReason::AaCompromise => "aACompromise",
        }
    }
}

impl FromStr for RevocationReason {
    type Err = UnknownReason;

    fn from_str(text: &str) -> Result<Self, UnknownReason> {
        let plain = |spelling: &str| spelling.replace('-', "").to_ascii_lowercase();
        Self::REQUESTABLE
            .into_iter()
            .find(|reason| plain(&reason.to_string()) == plain(text))
            .ok_or_else(|| UnknownReason {
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
    fn each_reason_reads_back_from_its_code() {
        for reason in RevocationReason::ALL {
            assert_eq!(RevocationReason::from_code(reason.code()), Some(reason));
        }
        assert_eq!(RevocationReason::from_code(7), None);
    }

    #[test]
    fn each_reason_one_can_give_reads_back_from_its_text() {
        for reason in &RevocationReason::REQUESTABLE {
            let read: RevocationReason = reason.to_string().parse().unwrap();
            assert_eq!(read, *reason);
        }
    }

    #[test]
    fn reasons_are_spelled_in_either_way() {
        for (text, reason) in [
            ("key-compromise", RevocationReason::KeyCompromise),
            ("keyCompromise", RevocationReason::KeyCompromise),
            ("cACompromise", RevocationReason::CaCompromise),
            ("certificateHold", RevocationReason::CertificateHold),
        ] {
            assert_eq!(text.parse::<RevocationReason>().unwrap(), reason);
        }
        assert!("removeFromCRL".parse::<RevocationReason>().is_err());
    }
}
