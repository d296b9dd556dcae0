//! Where passphrases come from: a file, an environment variable, a descriptor, or a question on the terminal.

use std::cell::OnceCell;
use std::ffi::OsString;
use std::path::Path;

use clap::builder::{OsStringValueParser, PathBufValueParser, TypedValueParser as _};
use clap::{Arg, ArgGroup, ArgMatches, Args, Command, FromArgMatches, ValueHint};

use super::prompt;
use crate::error::{Error, shown};
use crate::ops::passphrase::{Password, Source};

/// The options that name the source of a passphrase, for the secret at this index of [`SECRETS`].
#[derive(Clone, Debug)]
pub(super) struct PassphraseSource<const SECRET: usize = 0> {
    source: Option<Source>,
}

/// The source of the passphrase of a parent CA's key.
pub(super) type ParentPassphrase = PassphraseSource<1>;
/// The source of a passphrase that replaces another.
pub(super) type ReplacementPassphrase = PassphraseSource<2>;
/// The source of a backup's passphrase.
pub(super) type BackupPassphrase = PassphraseSource<3>;

struct Secret {
    group: &'static str,
    passphrase: &'static str,
    options: [&'static str; 3],
}

const SECRETS: [Secret; 4] = [
    Secret {
        group: "passphrase_source",
        passphrase: "the CA key's passphrase",
        options: OPTIONS,
    },
    Secret {
        group: "parent_passphrase_source",
        passphrase: "the passphrase of the parent's key",
        options: [
            "parent-passphrase-file",
            "parent-passphrase-env",
            "parent-passphrase-fd",
        ],
    },
    Secret {
        group: "new_passphrase_source",
        passphrase: "the new passphrase",
        options: [
            "new-passphrase-file",
            "new-passphrase-env",
            "new-passphrase-fd",
        ],
    },
    Secret {
        group: "backup_passphrase_source",
        passphrase: "the backup's passphrase",
        options: OPTIONS,
    },
];
const OPTIONS: [&str; 3] = ["passphrase-file", "passphrase-env", "passphrase-fd"];

impl<const SECRET: usize> PassphraseSource<SECRET> {
    /// The source that one of the options names.
    pub(super) fn given(&self) -> Option<&Source> {
        self.source.as_ref()
    }

    /// The environment variable that contains the passphrase.
    pub(super) fn variable(&self) -> Option<OsString> {
        match &self.source {
            Some(Source::Environment(name)) => Some(name.clone()),
            Some(Source::File(_) | Source::Descriptor(_)) | None => None,
        }
    }

    /// The passphrase of an encrypted file: from an option, or asked for on a terminal.
    pub(super) fn ask(&self, path: &Path) -> Result<Password, Error> {
        match &self.source {
            Some(source) => source.read(),
            None if prompt::is_possible() => prompt::passphrase(&shown(path)),
            None => Err(Error::PassphraseNeeded {
                path: path.to_owned(),
            }),
        }
    }

    /// Like [`PassphraseSource::ask`], but reads the source only once.
    pub(super) fn remembering(&self) -> impl Fn(&Path) -> Result<Password, Error> {
        let known: OnceCell<Password> = OnceCell::new();
        move |path| {
            if let Some(password) = known.get() {
                return Ok(password.again());
            }
            let password = self.ask(path)?;
            Ok(known.get_or_init(|| password).again())
        }
    }

    /// A passphrase to encrypt with: from an option, or typed twice on a terminal.
    pub(super) fn choose(&self, what: &str) -> Result<Password, Error> {
        match &self.source {
            Some(source) => source.read(),
            None if prompt::is_possible() => prompt::new_passphrase(what),
            None => {
                let [file, environment, descriptor] = SECRETS[SECRET].options;
                Err(Error::usage(
                    format!("no passphrase was given for {what}"),
                    format!("use `--{file} FILE`, `--{environment} NAME` or `--{descriptor} N`"),
                ))
            }
        }
    }
}

impl<const SECRET: usize> Args for PassphraseSource<SECRET> {
    fn augment_args(command: Command) -> Command {
        let secret = &SECRETS[SECRET];
        let [file, environment, descriptor] = secret.options;
        let option = |name: &'static str, value: &'static str, place: &str| {
            let option = Arg::new(name).long(name).value_name(value);
            option
                .help(format!("Read {} from {place}", secret.passphrase))
                .group(secret.group)
        };
        let file = option(file, "FILE", "the first line of this file")
            .value_hint(ValueHint::AnyPath)
            .value_parser(PathBufValueParser::new().map(Source::File));
        let environment = option(environment, "NAME", "this environment variable")
            .value_parser(OsStringValueParser::new().map(Source::Environment));
        let descriptor = option(descriptor, "N", "this file descriptor")
            .value_parser(clap::value_parser!(u32).map(Source::descriptor));
        command
            .args([file, environment, descriptor])
            .group(ArgGroup::new(secret.group).multiple(false))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl<const SECRET: usize> FromArgMatches for PassphraseSource<SECRET> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut options = SECRETS[SECRET].options.into_iter();
        let source = options.find_map(|option| matches.get_one(option).cloned());
        Ok(PassphraseSource { source })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// Whether to encrypt a new key, and with what.
#[derive(Args, Debug)]
pub(super) struct NewPassphrase {
    #[command(flatten)]
    source: PassphraseSource,

    /// Ask for a passphrase and encrypt the CA's key with it
    #[arg(long, conflicts_with = "passphrase_source")]
    passphrase: bool,
}

impl NewPassphrase {
    /// The passphrase of an existing key.
    pub(super) fn of_existing(&self, path: &Path) -> Result<Password, Error> {
        self.source.ask(path)
    }

    /// The passphrase to encrypt with; `None` to leave the key unencrypted.
    pub(super) fn ask(&self) -> Result<Option<Password>, Error> {
        if !self.passphrase {
            return self.source.given().map(Source::read).transpose();
        }
        if !prompt::is_possible() {
            return Err(Error::usage(
                "`--passphrase` needs a terminal to ask on",
                "without a terminal, use `--passphrase-file FILE`, `--passphrase-env NAME` or `--passphrase-fd N`",
            ));
        }
        prompt::new_passphrase("the CA's key").map(Some)
    }
}
