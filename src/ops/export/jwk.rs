//! A JSON Web Key with the certificate it belongs to.

use base64ct::{Base64, Base64UrlUnpadded, Encoding as _};
use zeroize::Zeroizing;

use super::material::Material;
use crate::authority::Ask;
use crate::error::{ContentError, Error};
use crate::keys::Jwk;
use crate::pki::fingerprint::Fingerprint;

/// The key as JSON, public unless `private` is set, with `x5c` and `x5t#S256`
/// ([RFC 7517 §4.7](https://www.rfc-editor.org/rfc/rfc7517#section-4.7)); and whether it is private.
pub(super) fn jwk(
    material: &Material,
    private: bool,
    passphrase: Ask<'_>,
) -> Result<(Zeroizing<Vec<u8>>, bool), Error> {
    let failed = |source| Error::Content {
        path: material
            .path
            .clone()
            .unwrap_or_else(|| material.name.clone().into()),
        line: None,
        source: ContentError::Element(source),
    };
    let jwk = Jwk::public(material.certificate.public_key_info()).map_err(failed)?;
    let mut jwk = jwk.ok_or_else(|| Error::Usage {
        message: "this key type has no JWK form".into(),
        hint: "JWK supports P-256, P-384, P-521, RSA and Ed25519".into(),
    })?;
    if private {
        let key = material.key(passphrase)?;
        jwk.add_private(key.pkcs8()).map_err(failed)?;
    }
    // Large enough for any key and chain, so that growing leaves no copy of the key behind.
    let mut json = Zeroizing::new(String::with_capacity(LARGEST));
    json.push_str("{\n");
    for (name, value) in &jwk.members {
        json.push_str(&format!("  \"{name}\": \"{}\",\n", value.as_str()));
    }
    let digest = Fingerprint::sha256(material.certificate.as_der());
    let digest = Base64UrlUnpadded::encode_string(digest.as_bytes());
    let chain: Vec<String> = material
        .served()
        .map(|der| format!("    \"{}\"", Base64::encode_string(der)))
        .collect();
    json.push_str(&format!("  \"x5t#S256\": \"{digest}\",\n"));
    json.push_str(&format!("  \"x5c\": [\n{}\n  ]\n}}\n", chain.join(",\n")));
    Ok((super::bytes_of(json), private))
}

const LARGEST: usize = 1 << 20;
