//! Profiles and files to start from.

mod file;
mod quote;

use std::ffi::OsStr;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;

pub use file::FILES;
use file::{FileTemplate, Values};

use super::Report;
use crate::authority::{CONFIG, read_config};
use crate::error::{Error, shown};
use crate::files::{self, Kind, Lock, NewFile};
use crate::pki::escape::Escaped;
use crate::pki::profile::{BuiltIn, Profile};

/// The templates there are for the authority in a directory, or for none.
///
/// # Errors
/// When its settings cannot be read.
pub fn list(directory: &Path) -> Result<Templates, Error> {
    let settings = read_config(directory)?;
    let profiles = settings.names().into_iter().map(|name| Template {
        name: name.to_owned(),
        kind: TemplateKind::Profile,
        origin: origin(BuiltIn::named(name), settings.mentions(name)),
        description: BuiltIn::named(name)
            .map(BuiltIn::description)
            .unwrap_or_default(),
    });
    let file = Template {
        name: CONFIG.into(),
        kind: TemplateKind::File,
        origin: Origin::BuiltIn,
        description: "The settings of an authority, for `template init`.",
    };
    let files = FILES.iter().map(|file| Template {
        name: file.name.into(),
        kind: TemplateKind::File,
        origin: Origin::BuiltIn,
        description: file.description,
    });
    Ok(Templates {
        templates: profiles.chain([file]).chain(files).collect(),
    })
}

/// A profile as it comes out in a directory, the file `certs.toml`, or another file to start from, filled in
/// from the certificates of the directory; `program` is where this program is.
///
/// # Errors
/// When there is no such template, the settings cannot be read, or a path cannot be said in the file.
pub fn show(directory: &Path, name: &str, program: &Path) -> Result<Shown, Error> {
    if let Some(file) = FileTemplate::named(name) {
        return Ok(Shown {
            name: name.to_owned(),
            origin: Origin::BuiltIn,
            profile: None,
            text: filled(file, directory, program)?,
        });
    }
    if name == CONFIG {
        return Ok(Shown {
            name: CONFIG.into(),
            origin: Origin::BuiltIn,
            profile: None,
            text: CONFIG_TEMPLATE.into(),
        });
    }
    let settings = read_config(directory)?;
    if !settings.names().contains(&name)
        && let Some(file) = FileTemplate::of_stem(name)
    {
        return show(directory, file.name, program);
    }
    if !settings.names().contains(&name) {
        return Err(Error::Usage {
            message: format!("there is no profile and no file '{}'", Escaped(name)),
            hint: format!(
                "`openagents-certs template list` lists them; a new profile goes into {CONFIG} as `[profiles.NAME]`"
            ),
        });
    }
    let profile = settings.profile(name)?;
    let built_in = BuiltIn::named(name).filter(|built_in| built_in.profile() == profile);
    let text = match built_in {
        Some(built_in) => built_in.text.into(),
        None => profile.to_toml(),
    };
    Ok(Shown {
        name: name.to_owned(),
        origin: origin(BuiltIn::named(name), settings.mentions(name)),
        profile: Some(profile),
        text,
    })
}

/// Writes a file to start from, filled in from the certificates of a directory.
///
/// # Errors
/// As [`show`]; and when there is no such file to start from, one is there already and `replace` is not
/// set, or it cannot be written.
pub fn write(request: &WriteRequest, program: &Path) -> Result<Written, Error> {
    let WriteRequest {
        directory,
        name,
        out,
        replace,
        dry_run,
    } = request;
    let Some(file) = FileTemplate::named(name).or_else(|| FileTemplate::of_stem(name)) else {
        return Err(unknown(name));
    };
    let text = filled(file, directory, program)?;
    let path = out.clone().unwrap_or_else(|| PathBuf::from(file.name));
    let (parent, base) = files::place(&path)?;
    if !*dry_run {
        let lock = Lock::acquire(parent)?;
        let file = NewFile {
            name: base,
            content: text.as_bytes(),
            secret: false,
        };
        files::write_together(&lock, &[file], *replace)?;
    }
    Ok(Written {
        path,
        dry_run: *dry_run,
        text,
    })
}

fn filled(file: &FileTemplate, directory: &Path, program: &Path) -> Result<String, Error> {
    let values = Values::of_directory(directory, program)?;
    file.fill(&values).map_err(|source| Error::Usage {
        message: format!("{}: {source}", file.name),
        hint: "move the certificates to a directory whose path is plain text".into(),
    })
}

fn unknown(name: &str) -> Error {
    let names: Vec<&str> = FILES.iter().map(|file| file.name).collect();
    Error::Usage {
        message: format!("there is no file '{}' to start from", Escaped(name)),
        hint: format!(
            "there are {}; `certs.toml` is written by `template init`",
            names.join(", ")
        ),
    }
}

/// Which file is to be written, and where.
#[derive(Clone, Debug)]
pub struct WriteRequest {
    /// The directory whose certificates fill it in.
    pub directory: PathBuf,
    /// The template's name.
    pub name: String,
    /// The file; the template's name in the working directory otherwise.
    pub out: Option<PathBuf>,
    /// Whether one that is there is replaced.
    pub replace: bool,
    /// Whether nothing is written after all.
    pub dry_run: bool,
}

/// A file that was written.
#[derive(Debug, Serialize)]
pub struct Written {
    /// The file.
    #[serde(serialize_with = "crate::ops::paths::as_text")]
    pub path: PathBuf,
    /// Whether nothing was written after all.
    pub dry_run: bool,
    /// What is in it.
    pub text: String,
}

impl fmt::Display for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.dry_run {
            writeln!(f, "Would write {}:", shown(&self.path))?;
            return f.write_str(&self.text);
        }
        writeln!(f, "Wrote {}", shown(&self.path))
    }
}

impl Report for Written {}

/// Writes the file `certs.toml` to start from.
///
/// # Errors
/// When there is one, or it cannot be written.
pub fn init(directory: &Path, dry_run: bool) -> Result<Made, Error> {
    let path = directory.join(CONFIG);
    if dry_run {
        refuse_present(&path)?;
        return Ok(Made { path, dry_run });
    }
    let lock = Lock::acquire(directory)?;
    refuse_present(&path)?;
    let file = NewFile {
        name: OsStr::new(CONFIG),
        content: CONFIG_TEMPLATE.as_bytes(),
        secret: false,
    };
    files::write_together(&lock, &[file], false)?;
    Ok(Made { path, dry_run })
}

/// The templates there are.
#[derive(Debug, Serialize)]
pub struct Templates {
    /// The built-in profiles, then one's own, then files.
    pub templates: Vec<Template>,
}

impl Templates {
    /// The names of the profiles, and what each is for.
    pub fn profiles(&self) -> impl Iterator<Item = (&str, &'static str)> {
        let is_profile = |template: &&Template| matches!(template.kind, TemplateKind::Profile);
        let profiles = self.templates.iter().filter(is_profile);
        profiles.map(|template| (&*template.name, template.description))
    }
}

/// A template.
#[derive(Debug, Serialize)]
pub struct Template {
    /// Its name, for `template show`.
    pub name: String,
    /// What it is.
    pub kind: TemplateKind,
    /// Where it comes from.
    pub origin: Origin,
    /// What it is for; empty for one's own.
    pub description: &'static str,
}

/// What a template is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum TemplateKind {
    /// What a kind of certificate is like.
    Profile,
    /// A file to start from.
    File,
}

/// Where a template comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// It is part of this program.
    BuiltIn,
    /// It is part of this program, and `certs.toml` changes it.
    Changed,
    /// It is in `certs.toml` alone.
    Own,
}

impl fmt::Display for Templates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.templates.iter().map(|template| template.name.len());
        let width = width.max().unwrap_or(0);
        self.templates.iter().try_for_each(|template| {
            let note = match template.origin {
                Origin::BuiltIn => "",
                Origin::Changed => " (changed in certs.toml)",
                Origin::Own => "(from certs.toml)",
            };
            let Template {
                name, description, ..
            } = template;
            writeln!(f, "{name:width$}  {description}{note}")
        })
    }
}

impl Report for Templates {
    fn is_content(&self) -> bool {
        true
    }
}

/// A template.
#[derive(Debug, Serialize)]
pub struct Shown {
    /// Its name.
    pub name: String,
    /// Where it comes from.
    pub origin: Origin,
    /// What it comes to; `None` for a file.
    pub profile: Option<Profile>,
    /// The same as TOML.
    #[serde(rename = "toml")]
    pub text: String,
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Report for Shown {
    fn is_content(&self) -> bool {
        true
    }
}

/// A file that was written.
#[derive(Debug, Serialize)]
pub struct Made {
    /// The file.
    #[serde(serialize_with = "crate::ops::paths::as_text")]
    pub path: PathBuf,
    /// Whether nothing was written after all.
    pub dry_run: bool,
}

impl fmt::Display for Made {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let done = if self.dry_run { "Would write" } else { "Wrote" };
        writeln!(
            f,
            "{done} {}, with everything commented out",
            shown(&self.path)
        )
    }
}

impl Report for Made {}

const CONFIG_TEMPLATE: &str = include_str!("../../../templates/certs.toml");

fn origin(built_in: Option<BuiltIn>, is_mentioned: bool) -> Origin {
    match (built_in, is_mentioned) {
        (Some(_), false) => Origin::BuiltIn,
        (Some(_), true) => Origin::Changed,
        (None, _) => Origin::Own,
    }
}

fn refuse_present(path: &Path) -> Result<(), Error> {
    if files::kind(path)? == Kind::Absent {
        return Ok(());
    }
    Err(Error::Exists {
        path: path.to_owned(),
        hint: "edit it; what it can say is shown by `openagents-certs template show certs.toml`"
            .into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_to_start_from_is_good_as_it_is_and_with_everything_said() {
        let directory = tempfile::tempdir().unwrap();
        init(directory.path(), false).unwrap();
        read_config(directory.path()).unwrap();
        let path = directory.path().join(CONFIG);
        let said: String = CONFIG_TEMPLATE
            .lines()
            .map(|line| {
                let setting = line
                    .strip_prefix("# ")
                    .filter(|rest| rest.contains(" = ") || rest.starts_with('['));
                setting.unwrap_or(line).to_owned() + "\n"
            })
            .collect();
        std::fs::write(&path, said).unwrap();
        let settings = read_config(directory.path()).unwrap();
        assert_eq!(
            settings
                .profile("ci")
                .unwrap()
                .max_lifetime
                .unwrap()
                .to_string(),
            "1h"
        );
        let server = settings.profile("server").unwrap();
        assert_eq!(server.policy.wildcards, Some(false));
        assert_eq!(
            server.subject.organization.as_deref(),
            Some("Example Agents")
        );
    }

    #[test]
    fn a_file_that_is_there_is_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        init(directory.path(), true).unwrap();
        assert!(!directory.path().join(CONFIG).exists());
        init(directory.path(), false).unwrap();
        assert!(matches!(
            init(directory.path(), false),
            Err(Error::Exists { .. })
        ));
    }
}
