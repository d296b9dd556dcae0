//! PKCS #7 as a bag of certificates.

use const_oid::ObjectIdentifier as KnownObjectIdentifier;

use super::element::{Element, ElementError, INTEGER, SEQUENCE, SET, context_constructed};
use super::general_name::object_identifier;
use super::pem::MAX_BLOCKS;

/// The DER of the certificates and of the revocation lists in a SignedData
/// ([RFC 5652 §5.1](https://www.rfc-editor.org/rfc/rfc5652#section-5.1)), as `.p7b` files are.
///
/// Whatever is signed is not looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SignedData {
    /// The certificates, in the order they are there.
    pub certificates: Vec<Vec<u8>>,
    /// The revocation lists.
    pub revocation_lists: Vec<Vec<u8>>,
}

impl SignedData {
    /// Reads DER.
    ///
    /// # Errors
    /// If it is not a SignedData, or something follows it.
    pub fn from_der(der: &[u8]) -> Result<Self, ElementError> {
        let info = Element::only(der, SEQUENCE, "the PKCS #7")?;
        let mut parts = info.children();
        let kind = object_identifier(&mut parts, "its content's type")?;
        if kind != SIGNED_DATA {
            return Err(ElementError::Content {
                what: "its content's type",
            });
        }
        let wrapper = parts.next(context_constructed(0), "its content")?;
        parts.end("its content")?;
        let content = Element::only(wrapper.content, SEQUENCE, "signedData")?;
        let mut fields = content.children();
        fields.next(INTEGER, "version")?;
        fields.next(SET, "digestAlgorithms")?;
        fields.next(SEQUENCE, "encapContentInfo")?;
        let certificates = fields.optional(context_constructed(0), "certificates")?;
        let revocation_lists = fields.optional(context_constructed(1), "crls")?;
        fields.next(SET, "signerInfos")?;
        fields.end("signerInfos")?;
        Ok(SignedData {
            certificates: members(certificates)?,
            revocation_lists: members(revocation_lists)?,
        })
    }
}

/// id-signedData (RFC 5652 §5.1).
pub(crate) const SIGNED_DATA: KnownObjectIdentifier =
    KnownObjectIdentifier::new_unwrap("1.2.840.113549.1.7.2");

/// The members of a set that are SEQUENCEs; other kinds of certificate, which no one uses, are tagged.
fn members(set: Option<Element<'_>>) -> Result<Vec<Vec<u8>>, ElementError> {
    let Some(set) = set else {
        return Ok(Vec::new());
    };
    let members = set
        .children()
        .each_tagged(SEQUENCE, "a member", |element| Ok(element.whole.to_vec()))?;
    if members.len() > MAX_BLOCKS {
        return Err(ElementError::TooMany { what: "members" });
    }
    Ok(members)
}
