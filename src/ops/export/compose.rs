//! The secrets of a Docker Compose file.

use std::path::Path;

use super::material::Material;
use crate::error::{Error, shown};
use crate::files;

/// The top-level `secrets` of a compose file, which a service then lists by name; each stands in the container
/// as `/run/secrets/NAME`.
pub(super) fn secrets(material: &Material) -> Result<String, Error> {
    let Some(path) = &material.path else {
        return Err(Error::Usage {
            message: "the certificate is in no file that could be named".into(),
            hint: "write it with `export fullchain --out FILE`, and export that".into(),
        });
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

/// An absolute path as a double-quoted scalar of YAML, in which Compose finds no variables.
fn quoted(path: &Path) -> Result<String, Error> {
    let path = files::absolute(path)?;
    let Some(text) = path.to_str() else {
        return Err(Error::Usage {
            message: format!("{}: is not UTF-8, which YAML is", shown(&path)),
            hint: "rename it".into(),
        });
    };
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '$' => quoted.push_str("$$"),
            c if crate::pki::escape::is_unsafe_to_show(c) => {
                quoted.push_str(&format!("\\U{:08x}", u32::from(c)));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    Ok(quoted)
}
