//! The secrets of a Docker Compose file.

use std::path::Path;

use super::material::Material;
use crate::error::{Error, shown};
use crate::files;
use crate::ops::quoting;

/// The top-level `secrets` of a compose file. A service lists them by name and finds each as
/// `/run/secrets/NAME`.
pub(super) fn secrets(material: &Material) -> Result<String, Error> {
    let Some(path) = &material.path else {
        return Err(Error::Usage {
            message: "the certificate has no file on disk".into(),
            hint: "write it with `export fullchain --out FILE`, then export that file".into(),
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

/// An absolute path as a scalar of YAML in which Compose finds no variables.
fn quoted(path: &Path) -> Result<String, Error> {
    let path = files::absolute(path)?;
    let Some(text) = path.to_str() else {
        return Err(Error::Usage {
            message: format!("{}: is not UTF-8, which YAML requires", shown(&path)),
            hint: "rename the file".into(),
        });
    };
    Ok(quoting::yaml(text).replace('$', "$$"))
}
