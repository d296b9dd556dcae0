//! Objects of Kubernetes, as YAML.

use std::fmt::Write as _;

use base64ct::{Base64, Encoding as _};
use zeroize::Zeroizing;

use super::material::Material;
use crate::error::Error;
use crate::pki::validity::rfc3339;

/// What an object is called.
#[derive(Clone, Debug, Default)]
pub struct Naming {
    /// Its name; otherwise what the certificate is called, in characters that Kubernetes takes.
    pub name: Option<String>,
    /// Its namespace; otherwise none is said.
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
    let mut yaml = Zeroizing::new(String::new());
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

/// A ConfigMap with the anchors under `ca.crt`, as trust bundles are handed to pods.
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
        // Memory takes all that is written to it.
        let _ = writeln!(yaml, "    {line}");
    }
    Ok(yaml)
}

impl Naming {
    /// The name that was given, or one made from another.
    fn name_or(&self, other: &str) -> Result<String, Error> {
        let name = match &self.name {
            Some(name) => name.clone(),
            None => made(other),
        };
        for name in std::iter::once(&name).chain(&self.namespace) {
            if !is_name(name) {
                return Err(Error::Usage {
                    message: format!("'{}' is no name of an object", name.escape_debug()),
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

/// Another name in characters that Kubernetes takes.
fn made(name: &str) -> String {
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

/// Whether it is a DNS subdomain name as Kubernetes has it.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_name_becomes_one_that_kubernetes_takes() {
        for (name, object) in [
            ("node.internal", "node.internal"),
            ("Älter Knoten_7", "lter-knoten-7"),
            ("_.example.org", "example.org"),
            ("-a-..b", "a.b"),
        ] {
            assert_eq!(made(name), object);
            assert!(is_name(object));
        }
        for name in ["", "A", "a_b", "-a", "a.", "a..b"] {
            assert!(!is_name(name), "{name}");
        }
    }
}
