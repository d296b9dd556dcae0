//! The forms of other programs: Kubernetes objects as YAML, JSON Web Keys, .env lines, Docker Compose secrets.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::path::Path;

use base64ct::{Base64, Base64UrlUnpadded, Encoding as _};
use zeroize::Zeroizing;

use super::ders;
use super::material::Material;
use crate::authority::{Ask, pem_of};
use crate::error::{Error, InFile as _, shown};
use crate::files;
use crate::keys::{self, Jwk};
use crate::ops::quoting::{self, Shell};
use crate::pki::fingerprint::Fingerprint;
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
pub(super) fn kubernetes_secret(
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
                return Err(Error::usage(
                    format!("'{}' is not a valid object name", name.escape_debug()),
                    "lower-case letters, digits, `-` and `.`, at most 253; give one with `--k8s-name`",
                ));
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

/// The key as JSON, public unless `private` is set, with `x5c` and `x5t#S256`
/// ([RFC 7517 §4.7](https://www.rfc-editor.org/rfc/rfc7517#section-4.7)); and whether it is private.
pub(super) fn jwk(
    material: &Material,
    private: bool,
    passphrase: Ask<'_>,
) -> Result<(Zeroizing<Vec<u8>>, bool), Error> {
    let path = material.path.as_deref();
    let path = path.unwrap_or(Path::new(&material.name));
    let jwk = Jwk::public(material.certificate.public_key_info()).in_content(path, None)?;
    let mut jwk = jwk.ok_or_else(|| {
        Error::usage(
            "this key type has no JWK form",
            "JWK supports P-256, P-384, P-521, RSA and Ed25519",
        )
    })?;
    if private {
        let key = material.key(passphrase)?;
        jwk.add_private(key.pkcs8()).in_content(path, None)?;
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

/// The variables with the paths of a certificate's files, or with `contents` with what is in them; and
/// whether that includes a private key.
pub(super) fn environment(
    material: &Material,
    contents: bool,
    passphrase: Ask<'_>,
) -> Result<(Zeroizing<Vec<u8>>, bool), Error> {
    // Large enough for any export, so that growing leaves no copy of the key behind.
    let mut lines = Zeroizing::new(Vec::with_capacity(LARGEST));
    let mut line = |name: &str, value: &OsStr| {
        let line = Zeroizing::new(Shell::Dotenv.assignment(name, value)?);
        lines.extend_from_slice(&line);
        Ok::<(), Error>(())
    };
    if contents {
        let key = material.key(passphrase)?;
        line(CERTIFICATE, pem_of(material.served())?.as_ref())?;
        line(KEY, keys::to_pem(key.pkcs8(), None)?.as_str().as_ref())?;
        if let Some((_, anchors)) = &material.anchors {
            line(CA, pem_of(ders(anchors))?.as_ref())?;
        }
        return Ok((lines, true));
    }
    let key = material.key_path()?;
    let Some(path) = &material.path else {
        return Err(Error::usage(
            "the certificate has no file on disk",
            "export its contents with `--contents`, or write it with `export fullchain --out FILE`",
        ));
    };
    line(CERTIFICATE, files::absolute(path)?.as_os_str())?;
    line(KEY, files::absolute(key)?.as_os_str())?;
    if let Some((path, _)) = &material.anchors {
        line(CA, files::absolute(path)?.as_os_str())?;
    }
    Ok((lines, false))
}

const CERTIFICATE: &str = "OPENAGENTS_CERTS_CERT";
const KEY: &str = "OPENAGENTS_CERTS_KEY";
const CA: &str = "OPENAGENTS_CERTS_CA";

/// The top-level `secrets` of a compose file. A service lists them by name and finds each as
/// `/run/secrets/NAME`.
pub(super) fn docker_secrets(material: &Material) -> Result<String, Error> {
    let Some(path) = &material.path else {
        return Err(Error::usage(
            "the certificate has no file on disk",
            "write it with `export fullchain --out FILE`, then export that file",
        ));
    };
    let mut files = vec![("crt", path.as_path()), ("key", material.key_path()?)];
    if let Some((path, _)) = &material.anchors {
        files.push(("ca", path));
    }
    let base: String = material
        .name
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() {
                c.to_ascii_lowercase()
            } else {
                '_'
            }
        })
        .collect();
    let names = files.iter().map(|(part, _)| format!("{base}_{part}"));
    let names: Vec<String> = names.collect();
    let mut yaml = format!(
        "# In a service:  secrets: [{}]\n# There the files are /run/secrets/{}, …\nsecrets:\n",
        names.join(", "),
        names[0]
    );
    for (name, (_, path)) in names.iter().zip(&files) {
        yaml.push_str(&format!("  {name}:\n    file: {}\n", quoted(path)?));
    }
    Ok(yaml)
}

/// An absolute path as a scalar of YAML in which Compose finds no variables.
fn quoted(path: &Path) -> Result<String, Error> {
    let path = files::absolute(path)?;
    let Some(text) = path.to_str() else {
        return Err(Error::usage(
            format!("{}: is not UTF-8, which YAML requires", shown(&path)),
            "rename the file",
        ));
    };
    Ok(quoting::yaml(text).replace('$', "$$"))
}

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
