//! Certificate revocation lists as they are read.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use serde::Serialize;
use time::OffsetDateTime;

use super::algorithm::AlgorithmIdentifier;
use super::certificate::range_within;
use super::element::{
    BIT_STRING, ENUMERATED, Element, ElementError, Elements, GENERALIZED_TIME, INTEGER, SEQUENCE,
    UTC_TIME, context_constructed, small_integer, whole_bits,
};
use super::extension::{CRL_NUMBER, Extension, REASON_CODE};
use super::name::DistinguishedName;
use super::serial::SerialNumber;
use super::validity::{Moment, MomentError};

/// A revocation list that was read: DER with nothing behind it, each of whose entries reads
/// ([RFC 5280 §5.1](https://www.rfc-editor.org/rfc/rfc5280#section-5.1)).
///
/// Does not check the signature, nor which certificates it speaks of.
#[derive(Clone, PartialEq, Eq)]
pub struct RevocationList {
    der: Vec<u8>,
    version: u8,
    to_be_signed: Range<usize>,
    inner_algorithm: Range<usize>,
    outer_algorithm: Range<usize>,
    signature_algorithm: AlgorithmIdentifier,
    signature: Range<usize>,
    issuer: DistinguishedName,
    this_update: Moment,
    next_update: Option<Moment>,
    revoked: Range<usize>,
    revoked_count: usize,
    has_empty_list: bool,
    extensions: Vec<Extension>,
}

impl RevocationList {
    /// Reads DER.
    ///
    /// # Errors
    /// If it is not a revocation list, something follows it, or one of its dates is none.
    pub fn from_der(der: Vec<u8>) -> Result<Self, MalformedListError> {
        let list = read(&der)?;
        Ok(RevocationList { der, ..list })
    }

    /// The DER.
    pub fn as_der(&self) -> &[u8] {
        &self.der
    }

    /// The version: 1 or 2.
    pub fn version(&self) -> u8 {
        self.version
    }

    /// The DER of the TBSCertList: what is signed.
    pub fn to_be_signed(&self) -> &[u8] {
        &self.der[self.to_be_signed.clone()]
    }

    /// The algorithm it is signed with.
    pub fn signature_algorithm(&self) -> &AlgorithmIdentifier {
        &self.signature_algorithm
    }

    /// The DER of the signatureAlgorithm.
    pub fn signature_algorithm_der(&self) -> &[u8] {
        &self.der[self.outer_algorithm.clone()]
    }

    /// The bytes of the signature.
    pub fn signature(&self) -> &[u8] {
        &self.der[self.signature.clone()]
    }

    /// Who issued it.
    pub fn issuer(&self) -> &DistinguishedName {
        &self.issuer
    }

    /// If it was issued.
    pub fn this_update(&self) -> OffsetDateTime {
        self.this_update.time
    }

    /// If the next one comes at the latest; `None` if it does not say.
    pub fn next_update(&self) -> Option<OffsetDateTime> {
        self.next_update.map(|moment| moment.time)
    }

    /// Its extensions.
    pub fn extensions(&self) -> &[Extension] {
        &self.extensions
    }

    /// Its number; `None` if it has none, or one too large to be ours.
    pub fn number(&self) -> Option<u64> {
        let extension = self.extensions.iter().find(|e| e.oid == CRL_NUMBER)?;
        let number = Element::only(&extension.value, INTEGER, "cRLNumber").ok()?;
        small_integer(number, "cRLNumber").ok()
    }

    /// How many certificates it says are revoked.
    pub fn len(&self) -> usize {
        self.revoked_count
    }

    /// Whether nothing is revoked.
    pub fn is_empty(&self) -> bool {
        self.revoked_count == 0
    }

    /// The certificates it says are revoked, read one by one.
    pub fn revoked(&self) -> impl Iterator<Item = RevokedCertificate> + '_ {
        let mut elements = Elements::new(&self.der[self.revoked.clone()]);
        // Each of them was read once, so that none can fail.
        std::iter::from_fn(move || RevokedCertificate::read(&mut elements).ok())
    }

    /// Whether the signed algorithm is the one outside
    /// ([RFC 5280 §5.1.1.2](https://www.rfc-editor.org/rfc/rfc5280#section-5.1.1.2)).
    pub fn signature_algorithms_agree(&self) -> bool {
        self.der[self.inner_algorithm.clone()] == self.der[self.outer_algorithm.clone()]
    }

    /// What is wrong with the encoding of thisUpdate and nextUpdate: the field and a clause.
    pub fn time_faults(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        let times = [
            ("thisUpdate", Some(self.this_update)),
            ("nextUpdate", self.next_update),
        ];
        let fault = |(field, moment): (_, Option<Moment>)| Some((field, moment?.fault?));
        times.into_iter().filter_map(fault)
    }

    /// Whether revokedCertificates is present but empty, which RFC 5280 §5.1.2.6 forbids.
    pub fn has_empty_list(&self) -> bool {
        self.has_empty_list
    }
}

impl std::fmt::Debug for RevocationList {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "RevocationList({}, {} revoked)",
            self.issuer, self.revoked_count
        )
    }
}

/// Why DER is not a revocation list.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum MalformedListError {
    /// It does not have the structure of one.
    #[error("not a revocation list: {source}")]
    Malformed {
        /// The fault.
        #[from]
        source: ElementError,
    },
    /// One of its dates is malformed.
    #[error("malformed revocation list: {source}")]
    Time {
        /// Which, and what is there.
        #[from]
        source: MomentError,
    },
}

/// One entry of a revocation list ([RFC 5280 §5.3](https://www.rfc-editor.org/rfc/rfc5280#section-5.3)).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevokedCertificate {
    /// Its serial number.
    pub serial: SerialNumber,
    /// Since when it is revoked.
    pub revocation_date: OffsetDateTime,
    /// Why, where that is said.
    pub reason: Option<RevocationReason>,
    /// What else is said of it.
    pub extensions: Vec<Extension>,
}

impl RevokedCertificate {
    fn read(elements: &mut Elements<'_>) -> Result<Self, MalformedListError> {
        let entry = elements.next(SEQUENCE, "an entry")?;
        let mut parts = entry.children();
        let serial = parts.next(INTEGER, "an entry's serial number")?;
        let date = parts.any("an entry's revocationDate")?;
        let date = Moment::read(date, "an entry's revocationDate")?;
        let extensions = parts.optional(SEQUENCE, "an entry's extensions")?;
        parts.end("an entry's extensions")?;
        let extensions = extensions.map_or(Ok(Vec::new()), Extension::read_all)?;
        let reason = extensions.iter().find(|e| e.oid == REASON_CODE);
        let reason = reason
            .map(|e| RevocationReason::read(&e.value))
            .transpose()?;
        Ok(RevokedCertificate {
            serial: SerialNumber::from_der_content(serial.content),
            revocation_date: date.time,
            reason,
            extensions,
        })
    }
}

/// Reads everything but the DER itself.
fn read(der: &[u8]) -> Result<RevocationList, MalformedListError> {
    let list = Element::only(der, SEQUENCE, "the revocation list")?;
    let mut parts = list.children();
    let fields = parts.next(SEQUENCE, "tbsCertList")?;
    let outer_algorithm = parts.next(SEQUENCE, "signatureAlgorithm")?;
    let signature = parts.next(BIT_STRING, "signatureValue")?;
    parts.end("signatureValue")?;

    let mut elements = fields.children();
    let version = match elements.optional(INTEGER, "version")? {
        None => 1,
        Some(element) => match small_integer(element, "version")? {
            1 => 2,
            _ => return Err(ElementError::Content { what: "version" }.into()),
        },
    };
    let inner_algorithm = elements.next(SEQUENCE, "signature")?;
    let issuer = elements.next(SEQUENCE, "issuer")?;
    let this_update = Moment::read(elements.any("thisUpdate")?, "thisUpdate")?;
    let next_update = match elements.peek() {
        Some(UTC_TIME | GENERALIZED_TIME) => {
            Some(Moment::read(elements.any("nextUpdate")?, "nextUpdate")?)
        }
        Some(_) | None => None,
    };
    let revoked = elements.optional(SEQUENCE, "revokedCertificates")?;
    let extensions = elements.optional(context_constructed(0), "crlExtensions")?;
    elements.end("crlExtensions")?;
    let extensions = match extensions {
        None => Vec::new(),
        Some(wrapper) => Element::only(wrapper.content, SEQUENCE, "crlExtensions")
            .and_then(Extension::read_all)?,
    };
    let entries = revoked.map_or(&[][..], |element| element.content);
    Ok(RevocationList {
        der: Vec::new(),
        version,
        to_be_signed: range_within(der, fields.whole),
        inner_algorithm: range_within(der, inner_algorithm.whole),
        outer_algorithm: range_within(der, outer_algorithm.whole),
        signature_algorithm: AlgorithmIdentifier::read(outer_algorithm)?,
        signature: range_within(der, whole_bits(signature, "signatureValue")?),
        issuer: DistinguishedName::from_der(issuer.whole),
        this_update,
        next_update,
        revoked: revoked.map_or(0..0, |element| range_within(der, element.content)),
        revoked_count: count(entries)?,
        has_empty_list: revoked.is_some() && entries.is_empty(),
        extensions,
    })
}

/// Reads every entry and counts them.
fn count(entries: &[u8]) -> Result<usize, MalformedListError> {
    let mut elements = Elements::new(entries);
    let mut count = 0;
    while !elements.is_empty() {
        RevokedCertificate::read(&mut elements)?;
        count += 1;
    }
    Ok(count)
}

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
mod revocation_tests {
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
