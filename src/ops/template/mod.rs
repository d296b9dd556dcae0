//! Templates: profiles, and files to start from.

mod file;

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

/// The templates for the authority in a directory, or for none.
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

/// A profile with the settings of a directory, `certs.toml`, or a file filled in from the directory's certificates;
/// `program` is the path of this program.
///
/// # Errors
/// When the template does not exist, the settings cannot be read, or the file cannot express a path.
pub fn show(directory: &Path, name: &str, program: &Path) -> Result<TemplateView, Error> {
    if let Some(file) = FileTemplate::named(name) {
        return Ok(TemplateView {
            name: name.to_owned(),
            origin: Origin::BuiltIn,
            profile: None,
            text: filled(file, directory, program)?,
        });
    }
    if name == CONFIG {
        return Ok(TemplateView {
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
        return Err(Error::usage(
            format!("no profile or file is named '{}'", Escaped(name)),
            format!(
                "`openagents-certs template list` lists them; add a profile to {CONFIG} as `[profiles.NAME]`"
            ),
        ));
    }
    let profile = settings.profile(name)?;
    let built_in = BuiltIn::named(name).filter(|built_in| built_in.profile() == profile);
    let text = match built_in {
        Some(built_in) => built_in.text.into(),
        None => profile.to_toml(),
    };
    Ok(TemplateView {
        name: name.to_owned(),
        origin: origin(BuiltIn::named(name), settings.mentions(name)),
        profile: Some(profile),
        text,
    })
}

/// Writes a file, filled in from the certificates of a directory.
///
/// # Errors
/// As [`show`]; and when the file exists and `replace` is not set, or it cannot be written.
pub fn write(request: &WriteRequest, program: &Path) -> Result<WriteReport, Error> {
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
    Ok(WriteReport {
        path,
        dry_run: *dry_run,
        text,
    })
}

fn filled(file: &FileTemplate, directory: &Path, program: &Path) -> Result<String, Error> {
    let values = Values::of_directory(directory, program)?;
    file.fill(&values).map_err(|source| {
        Error::usage(
            format!("{}: {source}", file.name),
            "move the certificates to a directory whose path is plain text",
        )
    })
}

fn unknown(name: &str) -> Error {
    let names: Vec<&str> = FILES.iter().map(|file| file.name).collect();
    Error::usage(
        format!("no file template is named '{}'", Escaped(name)),
        format!(
            "choose from {}; `template init` writes certs.toml",
            names.join(", ")
        ),
    )
}

/// Which file to write, and where.
#[derive(Clone, Debug)]
pub struct WriteRequest {
    /// The directory with the certificates.
    pub directory: PathBuf,
    /// The template's name.
    pub name: String,
    /// The file; `None` for the template's name in the working directory.
    pub out: Option<PathBuf>,
    /// Whether to replace an existing file.
    pub replace: bool,
    /// Whether to write nothing.
    pub dry_run: bool,
}

/// A file that was written.
#[derive(Debug, Serialize)]
pub struct WriteReport {
    /// The file.
    #[serde(serialize_with = "crate::ops::paths::as_text")]
    pub path: PathBuf,
    /// Whether nothing was written.
    pub dry_run: bool,
    /// Its content.
    pub text: String,
}

impl fmt::Display for WriteReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.dry_run {
            writeln!(f, "Would write {}:", shown(&self.path))?;
            return f.write_str(&self.text);
        }
        writeln!(f, "Wrote {}", shown(&self.path))
    }
}

impl Report for WriteReport {}

/// Writes a `certs.toml` to start from.
///
/// # Errors
/// When it exists, or cannot be written.
pub fn init(directory: &Path, dry_run: bool) -> Result<ConfigReport, Error> {
    let path = directory.join(CONFIG);
    if dry_run {
        refuse_present(&path)?;
        return Ok(ConfigReport { path, dry_run });
    }
    let lock = Lock::acquire(directory)?;
    refuse_present(&path)?;
    let file = NewFile {
        name: OsStr::new(CONFIG),
        content: CONFIG_TEMPLATE.as_bytes(),
        secret: false,
    };
    files::write_together(&lock, &[file], false)?;
    Ok(ConfigReport { path, dry_run })
}

/// All templates.
#[derive(Debug, Serialize)]
pub struct Templates {
    /// The built-in profiles, then custom ones, then files.
    pub templates: Vec<Template>,
}

impl Templates {
    /// The names and descriptions of the profiles.
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
    /// What it is for; empty for custom profiles.
    pub description: &'static str,
}

/// What a template is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum TemplateKind {
    /// A certificate profile.
    Profile,
    /// A file.
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
pub struct TemplateView {
    /// Its name.
    pub name: String,
    /// Where it comes from.
    pub origin: Origin,
    /// The profile; `None` for a file.
    pub profile: Option<Profile>,
    /// The same as TOML.
    #[serde(rename = "toml")]
    pub text: String,
}

impl fmt::Display for TemplateView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Report for TemplateView {
    fn is_content(&self) -> bool {
        true
    }
}

/// A file that was written.
#[derive(Debug, Serialize)]
pub struct ConfigReport {
    /// The file.
    #[serde(serialize_with = "crate::ops::paths::as_text")]
    pub path: PathBuf,
    /// Whether nothing was written.
    pub dry_run: bool,
}

impl fmt::Display for ConfigReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let done = if self.dry_run { "Would write" } else { "Wrote" };
        writeln!(
            f,
            "{done} {}, with every setting commented out",
            shown(&self.path)
        )
    }
}

impl Report for ConfigReport {}

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
        hint: "edit it; `openagents-certs template show certs.toml` explains every setting".into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certs_toml_is_valid_as_it_is_and_with_every_setting_on() {
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
    fn an_existing_file_is_left_alone() {
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
