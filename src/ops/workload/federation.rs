//! The bundles of other trust domains, fetched from their endpoints
//! ([SPIFFE Federation §5](https://github.com/spiffe/spiffe/blob/main/standards/SPIFFE_Federation.md)).

use std::path::Path;

use base64ct::{Base64, Encoding as _};
use serde_json::{Map, Value, json};

use crate::config::{EndpointProfile, Federation};
use crate::error::Error;
use crate::files;
use crate::net::https::{Https, Limits, Method, Trust};
use crate::net::workload::NodeError;
use crate::pki::certificate::Certificate;
use crate::store::{Document, DocumentKind, Inventory};

/// The bundle of another trust domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForeignBundle {
    /// Its trust anchors, DER.
    pub anchors: Vec<Vec<u8>>,
    /// The keys of its JWT-SVIDs, a JWK Set.
    pub jwt_keys: String,
    /// Its number.
    pub sequence: Option<u64>,
    /// How often it should be fetched, in seconds.
    pub refresh_hint: Option<u64>,
    text: String,
}

impl ForeignBundle {
    /// The bundle in a document of the SPIFFE format.
    ///
    /// # Errors
    /// What is wrong with it, as a clause.
    pub fn read(text: &str) -> Result<Self, String> {
        let document: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let keys = document.get("keys").and_then(Value::as_array);
        let keys = keys.ok_or("the bundle has no `keys`")?;
        let (mut anchors, mut jwt_keys) = (Vec::new(), Vec::new());
        for key in keys {
            match key.get("use").and_then(Value::as_str) {
                Some("x509-svid") => anchors.push(anchor(key)?),
                Some("jwt-svid") => jwt_keys.push(jwt_key(key)?),
                // A use that is not known is to be ignored.
                Some(_) | None => {}
            }
        }
        let number = |name: &str| document.get(name).and_then(Value::as_u64);
        Ok(ForeignBundle {
            anchors,
            jwt_keys: json!({"keys": jwt_keys}).to_string(),
            sequence: number("spiffe_sequence"),
            refresh_hint: number("spiffe_refresh_hint"),
            text: text.to_owned(),
        })
    }

    /// The bundle in the inventory.
    ///
    /// # Errors
    /// When the inventory cannot be read.
    pub fn find(inventory: &dyn Inventory, of: &Federation) -> Result<Option<Self>, Error> {
        let kind = DocumentKind::FederatedBundle;
        let document = inventory.document(kind, of.trust_domain.name())?;
        Ok(document.and_then(|document| ForeignBundle::read(&document.content).ok()))
    }

    /// Keeps it in the inventory, unless that has a newer one. False when nothing changed.
    ///
    /// # Errors
    /// When the inventory cannot be read or written.
    pub fn keep(&self, inventory: &mut dyn Inventory, of: &Federation) -> Result<bool, Error> {
        let kind = DocumentKind::FederatedBundle;
        let name = of.trust_domain.name();
        let known = inventory.document(kind, name)?;
        if let Some(known) = &known
            && let Ok(bundle) = ForeignBundle::read(&known.content)
            && (bundle == *self || bundle.sequence > self.sequence)
        {
            return Ok(false);
        }
        Ok(inventory.put_document(&Document {
            kind,
            key: name.to_owned(),
            version: known.map_or(0, |known| known.version),
            owner: String::new(),
            expires_at: None,
            content: self.text.clone(),
        })?)
    }
}

/// Fetches the bundle of another trust domain. `known` is the one that it had last.
///
/// # Errors
/// When its endpoint cannot be reached, does not prove itself, or its bundle is malformed.
pub fn fetch(
    directory: &Path,
    of: &Federation,
    known: Option<&ForeignBundle>,
) -> Result<ForeignBundle, Error> {
    let url = of.url.as_str();
    let malformed = |what: String| {
        let url = url.to_owned();
        Error::Workload(NodeError::Malformed { url, what }.into())
    };
    let file = of.bundle.as_ref().map(|path| directory.join(path));
    let trust = match of.profile {
        EndpointProfile::HttpsWeb => match &file {
            None => Trust::System,
            Some(path) => {
                let anchors = crate::authority::read_certificates(path)?;
                Trust::Only(anchors.into_iter().map(Certificate::into_der).collect())
            }
        },
        EndpointProfile::HttpsSpiffe => {
            let anchors = match (known, &file) {
                (Some(known), _) => known.anchors.clone(),
                (None, Some(path)) => {
                    let text = files::read(path)?;
                    let text = String::from_utf8_lossy(&text);
                    ForeignBundle::read(&text).map_err(malformed)?.anchors
                }
                (None, None) => Vec::new(),
            };
            let id = of.endpoint_spiffe_id.clone();
            let id = id.ok_or_else(|| malformed("no endpoint_spiffe_id".into()))?;
            Trust::Spiffe { anchors, id }
        }
    };
    let https = Https::new(&trust, Limits::default());
    let answer = https.and_then(|https| https.send(&Method::GET, url, &[], Vec::new()));
    let answer = answer.map_err(|error| Error::Workload(NodeError::from(error).into()))?;
    if !answer.is_success() {
        return Err(malformed(format!("it answers HTTP {}", answer.status)));
    }
    let text = String::from_utf8_lossy(&answer.body);
    ForeignBundle::read(&text).map_err(malformed)
}

fn anchor(key: &Value) -> Result<Vec<u8>, String> {
    let chain = key.get("x5c").and_then(Value::as_array);
    let [Value::String(one)] = chain.map(Vec::as_slice).unwrap_or_default() else {
        return Err("an x509-svid key does not have exactly one certificate in `x5c`".into());
    };
    let der = Base64::decode_vec(one).map_err(|error| error.to_string())?;
    let certificate = Certificate::from_der(der).map_err(|error| error.to_string())?;
    Ok(certificate.into_der())
}

fn jwt_key(key: &Value) -> Result<Value, String> {
    let mut members: Map<String, Value> = key.as_object().cloned().unwrap_or_default();
    members.remove("use");
    match members.get("kid").and_then(Value::as_str) {
        Some(kid) if !kid.is_empty() => Ok(Value::Object(members)),
        Some(_) | None => Err("a jwt-svid key has no `kid`".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Opening, open};

    #[test]
    fn an_older_bundle_does_not_replace_a_newer_one() {
        let directory = tempfile::tempdir().unwrap();
        let mut inventory = open(&directory.path().join("inventory.db"), Opening::Create).unwrap();
        let of = Federation {
            trust_domain: "example.com".parse().unwrap(),
            url: "https://ca.example.com/bundle".parse().unwrap(),
            profile: EndpointProfile::HttpsWeb,
            endpoint_spiffe_id: None,
            bundle: None,
        };
        let bundle = |number: u64| {
            let text = json!({"keys": [], "spiffe_sequence": number}).to_string();
            ForeignBundle::read(&text).unwrap()
        };
        for (number, is_new) in [(2, true), (2, false), (1, false), (3, true)] {
            let kept = bundle(number).keep(&mut *inventory, &of).unwrap();
            assert_eq!(kept, is_new, "{number}");
        }
        let found = ForeignBundle::find(&*inventory, &of).unwrap().unwrap();
        assert_eq!(found.sequence, Some(3));
    }

    #[test]
    fn a_malformed_bundle_is_refused_and_an_unknown_use_ignored() {
        for text in [
            "",
            "{}",
            r#"{"keys":[{"use":"x509-svid","kty":"EC"}]}"#,
            r#"{"keys":[{"use":"x509-svid","x5c":["AAAA"]}]}"#,
            r#"{"keys":[{"use":"x509-svid","x5c":["AAAA","AAAA"]}]}"#,
            r#"{"keys":[{"use":"jwt-svid","kty":"EC"}]}"#,
        ] {
            assert!(ForeignBundle::read(text).is_err(), "{text}");
        }
        let known =
            r#"{"keys":[{"use":"other"},{"use":"jwt-svid","kid":"k"}],"spiffe_refresh_hint":7}"#;
        let bundle = ForeignBundle::read(known).unwrap();
        assert_eq!(bundle.jwt_keys, r#"{"keys":[{"kid":"k"}]}"#);
        assert_eq!((bundle.anchors.len(), bundle.refresh_hint), (0, Some(7)));
    }
}
