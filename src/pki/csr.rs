//! Certificate signing requests as they are read.

use const_oid::ObjectIdentifier as KnownObjectIdentifier;

use super::algorithm::AlgorithmIdentifier;
use super::element::{
    BIT_STRING, Element, ElementError, Elements, INTEGER, SEQUENCE, SET, context_constructed,
    small_integer, whole_bits,
};
use super::extension::{Extension, SUBJECT_ALT_NAME, alt_names};
use super::general_name::{GeneralName, object_identifier};
use super::name::DistinguishedName;
use super::oid::{ObjectIdentifier, known_oid};

/// A PKCS #10 request that was read: DER with nothing behind it
/// ([RFC 2986 §4](https://www.rfc-editor.org/rfc/rfc2986#section-4)).
///
/// Does not check the signature, nor whether it may be granted.
#[derive(Clone, PartialEq, Eq)]
pub struct CertificateSigningRequest {
    der: Vec<u8>,
    to_be_signed: Vec<u8>,
    subject: DistinguishedName,
    public_key_info: Vec<u8>,
    extensions: Vec<Extension>,
    attributes: Vec<ObjectIdentifier>,
    signature_algorithm: AlgorithmIdentifier,
    signature: Vec<u8>,
}

impl CertificateSigningRequest {
    /// Reads DER.
    ///
    /// # Errors
    /// If it is not a request, or something follows it.
    pub fn from_der(der: Vec<u8>) -> Result<Self, ElementError> {
        let request = Element::only(&der, SEQUENCE, "the request")?;
        let mut parts = request.children();
        let info = parts.next(SEQUENCE, "certificationRequestInfo")?;
        let algorithm = parts.next(SEQUENCE, "signatureAlgorithm")?;
        let signature = parts.next(BIT_STRING, "signature")?;
        parts.end("signature")?;
        let mut fields = info.children();
        let version = small_integer(fields.next(INTEGER, "version")?, "version")?;
        if version != 0 {
            return Err(ElementError::Content { what: "version" });
        }
        let subject = fields.next(SEQUENCE, "subject")?;
        let public_key_info = fields.next(SEQUENCE, "subjectPKInfo")?;
        let attributes = match fields.optional(context_constructed(0), "attributes")? {
            Some(element) => attributes(element.children())?,
            None => Attributes::default(),
        };
        fields.end("attributes")?;
        Ok(CertificateSigningRequest {
            to_be_signed: info.whole.to_vec(),
            subject: DistinguishedName::from_der(subject.whole),
            public_key_info: public_key_info.whole.to_vec(),
            extensions: attributes.extensions,
            attributes: attributes.types,
            signature_algorithm: AlgorithmIdentifier::read(algorithm)?,
            signature: whole_bits(signature, "signature")?.to_vec(),
            der,
        })
    }

    /// The DER.
    pub fn as_der(&self) -> &[u8] {
        &self.der
    }

    /// The DER of the CertificationRequestInfo: what is signed.
    pub fn to_be_signed(&self) -> &[u8] {
        &self.to_be_signed
    }

    /// The subject that is asked for.
    pub fn subject(&self) -> &DistinguishedName {
        &self.subject
    }

    /// The DER of the SubjectPublicKeyInfo.
    pub fn public_key_info(&self) -> &[u8] {
        &self.public_key_info
    }

    /// The extensions that are asked for (extensionRequest, [RFC 2985 §5.4.2](https://www.rfc-editor.org/rfc/rfc2985#section-5.4.2)).
    pub fn extensions(&self) -> &[Extension] {
        &self.extensions
    }

    /// The names that are asked for; `None` if there are none.
    ///
    /// # Errors
    /// If the extension is malformed.
    pub fn subject_alt_names(&self) -> Result<Option<Vec<GeneralName>>, ElementError> {
        let extension = self.extensions.iter().find(|e| e.oid == SUBJECT_ALT_NAME);
        extension.map(|e| alt_names(&e.value)).transpose()
    }

    /// The types of the attributes it has, extensionRequest among them. Their values may be secret:
    /// challengePassword is a password.
    pub fn attributes(&self) -> &[ObjectIdentifier] {
        &self.attributes
    }

    /// The algorithm it is signed with.
    pub fn signature_algorithm(&self) -> &AlgorithmIdentifier {
        &self.signature_algorithm
    }

    /// The bytes of the signature.
    pub fn signature(&self) -> &[u8] {
        &self.signature
    }
}

impl std::fmt::Debug for CertificateSigningRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CertificateSigningRequest({})", self.subject)
    }
}

/// extensionRequest (RFC 2985 §5.4.2).
pub const EXTENSION_REQUEST: KnownObjectIdentifier = known_oid("1.2.840.113549.1.9.14");

#[derive(Default)]
struct Attributes {
    extensions: Vec<Extension>,
    types: Vec<ObjectIdentifier>,
}

fn attributes(elements: Elements<'_>) -> Result<Attributes, ElementError> {
    let mut extensions = Vec::new();
    let types = elements.each_tagged(SEQUENCE, "an attribute", |attribute| {
        let mut parts = attribute.children();
        let kind = object_identifier(&mut parts, "an attribute's type")?;
        let values = parts.next(SET, "an attribute's values")?;
        parts.end("an attribute's values")?;
        if kind == EXTENSION_REQUEST {
            let list = Element::only(values.content, SEQUENCE, "extensionRequest")?;
            extensions.extend(Extension::read_all(list)?);
        }
        Ok(kind)
    })?;
    Ok(Attributes { extensions, types })
}
