//! Objects of Kubernetes, as YAML.

use std::fmt::Write as _;

use base64ct::{Base64, Encoding as _};
use zeroize::Zeroizing;

use super::material::Material;
use crate::error::Error;
use crate::pki::validity::rfc3339;

/// The name of an object.
#[derive(Clone, Debug, Default)]
pub struct Naming {
    /// Its name; otherwise derived from the certificate's name.
    pub name: Option<String>,
    /// Its namespace; otherwise none.
    pub namespace: Option<String>,
}

/// A Secret of type `kubernetes.io/tls`
/// ([Kubernetes](https://kubernetes.io/docs/concepts/configuration/secret/#tls-secrets)): `tls.crt`, `tls.key`, and `ca.crt` where there are anchors.
pub(super) fn secret(
    material: &Material,
    certificate: &str,
    key: &str,
    anchors: Option<&str>,
    naming: &Naming,
) -> Result<Zeroizing<String>, Error> {
    let name = naming.name_or(&material.name)?;
    let data = |text: &str| Zeroizing::new(Base64::encode_string(text.as_bytes()));
    // Base64 adds a third; growing would leave a copy of the key behind.
    let anchors_size = anchors.map_or(0, str::len);
    let size = 2 * (certificate.len() + key.len() + anchors_size) + OVERHEAD;
    let mut yaml = Zeroizing::new(String::with_capacity(size));
    yaml.push_str("apiVersion: v1\nkind: Secret\n");
    yaml.push_str(&metadata(&name, naming, &ends(material)));
    yaml.push_str("type: kubernetes.io/tls\ndata:\n");
    for (field, content) in [("tls.crt", certificate), ("tls.key", key)] {
        yaml.push_str(&format!("  {field}: {}\n", data(content).as_str()));
    }
    if let Some(anchors) = anchors {
        yaml.push_str(&format!("  ca.crt: {}\n", data(anchors).as_str()));
    }
    Ok(yaml)
}

/// A ConfigMap with the anchors under `ca.crt`, as pods mount trust bundles.
pub(super) fn config_map(
    material: &Material,
    anchors: &str,
    naming: &Naming,
) -> Result<String, Error> {
    let name = match naming.name {
        Some(_) => naming.name_or("")?,
        None if material.is_authority() => naming.name_or(&format!("{}-bundle", material.name))?,
        None => naming.name_or(&format!("{}-ca-bundle", material.name))?,
    };
    let mut yaml = String::from("apiVersion: v1\nkind: ConfigMap\n");
    yaml.push_str(&metadata(&name, naming, ""));
    yaml.push_str("data:\n  ca.crt: |\n");
    for line in anchors.lines() {
        // A String takes everything that is written to it.
        let _ = writeln!(yaml, "    {line}");
    }
    Ok(yaml)
}

impl Naming {
    /// The given name, or one derived from another.
    fn name_or(&self, other: &str) -> Result<String, Error> {
        let name = match &self.name {
            Some(name) => name.clone(),
            None => object_name(other),
        };
        for name in std::iter::once(&name).chain(&self.namespace) {
            if !is_name(name) {
                return Err(Error::Usage {
                    message: format!("'{}' is not a valid object name", name.escape_debug()),
                    hint: "lower-case letters, digits, `-` and `.`, at most 253; give one with `--k8s-name`".into(),
                });
            }
        }
        Ok(name)
    }
}

fn ends(material: &Material) -> String {
    let end = rfc3339(material.certificate.not_after());
    format!("  annotations:\n    openagents-certs/not-after: \"{end}\"\n")
}

fn metadata(name: &str, naming: &Naming, annotations: &str) -> String {
    let namespace = naming.namespace.as_ref();
    let namespace = namespace.map_or_else(String::new, |name| format!("  namespace: \"{name}\"\n"));
    format!(
        "metadata:\n  name: \"{name}\"\n{namespace}  labels:\n    app.kubernetes.io/managed-by: openagents-certs\n{annotations}"
    )
}

/// A name with only characters that Kubernetes allows.
fn object_name(name: &str) -> String {
    let lower = name.to_lowercase();
    let plain: String = lower
        .chars()
        .map(|c| {
            if c.is_ascii_lowercase() || c.is_ascii_digit() || c == '.' {
                c
            } else {
                '-'
            }
        })
        .take(MAX_NAME)
        .collect();
    let labels = plain.split('.').map(|label| label.trim_matches('-'));
    let labels: Vec<&str> = labels.filter(|label| !label.is_empty()).collect();
    labels.join(".")
}

/// Whether it is a DNS subdomain name as Kubernetes defines it.
fn is_name(name: &str) -> bool {
    let is_label = |label: &str| {
        let edges = [label.chars().next(), label.chars().last()];
        let is_alphanumeric = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        edges.iter().all(|edge| edge.is_some_and(is_alphanumeric))
            && label.chars().all(|c| is_alphanumeric(c) || c == '-')
    };
    name.len() <= MAX_NAME && name.split('.').all(is_label)
}

const MAX_NAME: usize = 253; // RFC 1123 §2.1
/// More than everything but the data takes.
const OVERHEAD: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_name_becomes_one_that_kubernetes_accepts() {
        for (name, object) in [
            ("node.internal", "node.internal"),
            ("Älter Knoten_7", "lter-knoten-7"),
            ("_.example.org", "example.org"),
            ("-a-..b", "a.b"),
        ] {
            assert_eq!(object_name(name), object);
            assert!(is_name(object));
        }
        for name in ["", "A", "a_b", "-a", "a.", "a..b"] {
            assert!(!is_name(name), "{name}");
        }
    }
}
