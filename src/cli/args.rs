//! Arguments that several commands share.

use std::cell::OnceCell;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::parser::ValueSource;
use clap::{ArgMatches, Args};
use time::OffsetDateTime;

use super::prompt;
use crate::authority::{AuthorityAt, Material, Recording, Source as MaterialSource};
use crate::error::{Error, shown};
use crate::ops::issue::{End, Existing};
use crate::ops::passphrase::{Ask, Password, Source};
use crate::pki::validity::{self, Lifetime};
use crate::render::{Color, Format, Renderer};

/// The environment variable that names the PKI directory.
pub(super) const DIRECTORY_VARIABLE: &str = "OPENAGENTS_CERTS_DIR";

/// Options that every command takes.
#[derive(Args, Debug)]
#[command(next_help_heading = "Global options")]
pub(super) struct Global {
    /// Use this PKI directory
    #[arg(
        short = 'C',
        long,
        global = true,
        value_name = "DIR",
        env = DIRECTORY_VARIABLE,
        default_value = "./certs",
        hide_env_values = true
    )]
    dir: PathBuf,

    /// Output format
    #[arg(
        long,
        global = true,
        value_enum,
        default_value_t,
        value_name = "FORMAT"
    )]
    format: Format,

    /// Write JSON, like --format json
    #[arg(long, global = true)]
    json: bool,

    /// Print only what was asked for, and errors
    #[arg(short, long, global = true)]
    quiet: bool,

    /// Print more detail
    #[arg(short, long, global = true, conflicts_with = "quiet")]
    verbose: bool,

    /// When to use colours
    #[arg(long, global = true, value_enum, default_value_t, value_name = "WHEN")]
    color: Color,

    /// Whether the PKI directory was given on the command line.
    #[arg(skip)]
    is_dir_given: bool,
}

impl Global {
    /// The PKI directory.
    pub(super) fn directory(&self) -> &Path {
        &self.dir
    }

    /// The PKI directory, if it was given on the command line.
    pub(super) fn given_directory(&self) -> Option<&Path> {
        self.is_dir_given.then_some(&*self.dir)
    }

    /// Records what was given on the command line.
    pub(super) fn note_given(&mut self, matches: &ArgMatches) {
        let source = matches.value_source("dir");
        self.is_dir_given = source == Some(ValueSource::CommandLine);
    }

    /// How results are written.
    pub(super) fn renderer(&self) -> Renderer {
        let format = if self.json { Format::Json } else { self.format };
        Renderer {
            format,
            color: self.color,
            quiet: self.quiet,
        }
    }
}

/// The validity period of a certificate.
#[derive(Args, Debug)]
#[group(multiple = false)]
pub(super) struct Lasting {
    /// Validity in days [default: 365]
    #[arg(short, long, value_name = "N", value_parser = validity::days, allow_hyphen_values = true)]
    days: Option<Lifetime>,

    /// Validity period, such as 15m, 24h, 90d or 1y
    #[arg(long, value_name = "LIFETIME")]
    ttl: Option<Lifetime>,

    /// Expiry time, such as 2027-01-31T00:00:00Z
    #[arg(long, value_name = "TIME", value_parser = validity::moment)]
    not_after: Option<OffsetDateTime>,
}

impl Lasting {
    /// When it expires; `None` for the profile's default.
    pub(super) fn end(&self) -> Option<End> {
        let lifetime = self.ttl.or(self.days);
        self.not_after.map(End::At).or(lifetime.map(End::After))
    }
}

/// Where to read the passphrase of an existing key.
#[derive(Args, Clone, Debug)]
#[group(id = "passphrase_source", multiple = false)]
pub(super) struct PassphraseSource {
    /// Read the CA key's passphrase from the first line of this file
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,

    /// Read the CA key's passphrase from this environment variable
    #[arg(long, value_name = "NAME")]
    passphrase_env: Option<OsString>,

    /// Read the CA key's passphrase from this file descriptor
    #[arg(long, value_name = "N")]
    passphrase_fd: Option<u32>,
}

impl PassphraseSource {
    /// The source that one of the options names.
    pub(super) fn given(&self) -> Option<Source> {
        let file = self.passphrase_file.clone().map(Source::File);
        let environment = || self.passphrase_env.clone().map(Source::Environment);
        file.or_else(environment)
            .or_else(|| self.passphrase_fd.map(Source::Descriptor))
    }

    /// Like [`PassphraseSource::ask`], but reads the source only once.
    pub(super) fn remembering(&self) -> impl Fn(&Path) -> Result<Password, Error> {
        let found: OnceCell<Password> = OnceCell::new();
        move |path| {
            let password = match found.get() {
                Some(password) => password.again(),
                None => {
                    let password = self.ask(path)?;
                    let again = password.again();
                    // Cannot fail: the cell is local and was empty.
                    let _ = found.set(password);
                    again
                }
            };
            Ok(password)
        }
    }

    /// The passphrase of an encrypted key: from an option, or asked for on a terminal.
    pub(super) fn ask(&self, path: &Path) -> Result<Password, Error> {
        match self.given() {
            Some(source) => source.read(),
            None if prompt::is_possible() => {
                Source::Typed(prompt::passphrase(&shown(path))?).read()
            }
            None => Err(Error::PassphraseNeeded {
                path: path.to_owned(),
            }),
        }
    }
}

/// Where to read the passphrase of the parent's key.
#[derive(Args, Debug)]
pub(super) struct ParentPassphrase {
    /// Read the passphrase of the parent's key from the first line of this file
    #[arg(long, value_name = "FILE")]
    parent_passphrase_file: Option<PathBuf>,

    /// Read the passphrase of the parent's key from this environment variable
    #[arg(long, value_name = "NAME", conflicts_with = "parent_passphrase_file")]
    parent_passphrase_env: Option<OsString>,
}

impl ParentPassphrase {
    /// The passphrase of an encrypted key: from an option, or asked for on a terminal.
    pub(super) fn ask(&self, path: &Path) -> Result<Password, Error> {
        let source = PassphraseSource {
            passphrase_file: self.parent_passphrase_file.clone(),
            passphrase_env: self.parent_passphrase_env.clone(),
            passphrase_fd: None,
        };
        source.ask(path)
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
            let hint = "without a terminal, use `--passphrase-file FILE`, `--passphrase-env NAME` or `--passphrase-fd N`";
            return Err(Error::Usage {
                message: "`--passphrase` needs a terminal to ask on".into(),
                hint: hint.into(),
            });
        }
        Source::Typed(prompt::new_passphrase("the CA's key")?)
            .read()
            .map(Some)
    }
}

/// Who makes the request, as `user@host`.
pub(super) fn requested_by() -> String {
    let user = ["USER", "LOGNAME"]
        .into_iter()
        .find_map(|name| std::env::var(name).ok());
    let user = user.or_else(user_name);
    let user = user.unwrap_or_else(|| rustix::process::getuid().as_raw().to_string());
    format!(
        "{user}@{}",
        rustix::system::uname().nodename().to_string_lossy()
    )
}

/// The name of our user in /etc/passwd.
fn user_name() -> Option<String> {
    let own = rustix::process::getuid().as_raw().to_string();
    let accounts = crate::files::read(Path::new("/etc/passwd")).ok()?;
    let accounts = String::from_utf8_lossy(&accounts);
    let mut accounts = accounts
        .lines()
        .map(|line| line.split(':').collect::<Vec<_>>());
    let account = accounts.find(|fields| fields.get(2) == Some(&&*own))?;
    account.first().map(|name| (*name).to_owned())
}

/// Where the certificate goes.
#[derive(Args, Debug)]
pub(super) struct Output {
    /// Write to this directory [default: the PKI directory]
    #[arg(long, value_name = "DIR", value_parser = directory())]
    pub(super) out: Option<PathBuf>,

    /// Base name of the files, BASE.crt and BASE.key [default: the first name]
    #[arg(long, value_name = "BASE")]
    pub(super) name: Option<OsString>,

    /// Replace existing files
    #[arg(long)]
    pub(super) force: bool,

    /// Do nothing if the existing files satisfy the request and are not due for renewal, otherwise replace them
    #[arg(long, conflicts_with = "force")]
    pub(super) if_needed: bool,

    /// Write certificate and key to standard output as PEM; on disk only the inventory changes
    #[arg(long, conflicts_with_all = ["out", "name", "force", "if_needed"])]
    pub(super) stdout: bool,
}

/// What `--force` and `--if-needed` say about files that exist.
pub(super) fn existing(force: bool, if_needed: bool) -> Existing {
    match (force, if_needed) {
        (_, true) => Existing::KeepIfSatisfied,
        (true, false) => Existing::Replace,
        (false, false) => Existing::Refuse,
    }
}

/// The authority that issues.
#[derive(Args, Debug)]
pub(super) struct Issuer {
    /// CA certificate, if not in the PKI directory: FILE, env:NAME (PEM or its base64) or - (stdin)
    #[arg(long, value_name = "SOURCE", requires = "ca_key")]
    ca_cert: Option<OsString>,

    /// CA private key: FILE, env:NAME or - (stdin)
    #[arg(long, value_name = "SOURCE", requires = "ca_cert")]
    ca_key: Option<OsString>,

    /// Record in this inventory; with 'none' the certificate can be neither listed nor revoked
    #[arg(long, value_name = "FILE")]
    inventory: Option<OsString>,

    #[command(flatten)]
    pub(super) passphrase: PassphraseSource,
}

impl Issuer {
    /// The environment variables that contain the CA's key or its passphrase.
    pub(super) fn secret_variables(&self) -> Vec<OsString> {
        use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
        let name = |source: &OsString| source.as_bytes().strip_prefix(b"env:").map(<[u8]>::to_vec);
        let key = self.ca_key.as_ref().and_then(name).map(OsString::from_vec);
        let passphrase = self.passphrase.passphrase_env.clone();
        key.into_iter().chain(passphrase).collect()
    }

    /// The authority for an operation.
    pub(super) fn at<'a>(&self, directory: &'a Path, ask: Ask<'a>) -> AuthorityAt<'a> {
        let material = self.ca_cert.as_ref().zip(self.ca_key.as_ref());
        AuthorityAt {
            directory,
            material: material.map(|(certificate, key)| Material {
                certificate: MaterialSource::named(certificate),
                key: MaterialSource::named(key),
            }),
            recording: match &self.inventory {
                None => Recording::Directory,
                Some(name) if name == "none" => Recording::Nowhere,
                Some(path) => Recording::File(path.into()),
            },
            passphrase: ask,
        }
    }
}

/// Parses a directory's path; refuses a URL, because nothing is written over a network.
pub(super) fn directory() -> impl clap::builder::TypedValueParser<Value = PathBuf> {
    use clap::builder::{PathBufValueParser, TypedValueParser as _};
    PathBufValueParser::new().try_map(|path| {
        if path.to_string_lossy().contains("://") {
            Err("a URL, not a local directory")
        } else {
            Ok(path)
        }
    })
}
