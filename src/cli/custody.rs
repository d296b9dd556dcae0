//! `ca passphrase`, `ca backup`, `ca restore`, `ca adopt`: keeping an authority.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Subcommand;
use time::OffsetDateTime;

use super::args::{Global, PassphraseSource, requested_by};
use super::{finish, prompt};
use crate::error::Error;
use crate::ops::Verdict;
use crate::ops::ca::passphrase::{Change, Passphrases};
use crate::ops::ca::{adopt, backup, passphrase, restore};
use crate::ops::passphrase::{Password, Source};
use crate::render::Renderer;

/// Add, change or remove the passphrase of the CA's key
///
/// During a rotation the keys of both roots change. Certificates are not affected.
#[derive(clap::Args, Debug)]
#[command(
    arg_required_else_help = true,
    after_help = "Examples:
  openagents-certs ca passphrase add
  openagents-certs ca passphrase change --passphrase-file old.pass --new-passphrase-file new.pass"
)]
pub(super) struct Passphrase {
    #[command(subcommand)]
    command: PassphraseCommand,
}

#[derive(Debug, Subcommand)]
enum PassphraseCommand {
    /// Encrypt a key that is not encrypted
    #[command(after_help = "Examples:
  openagents-certs ca passphrase add
  openagents-certs ca passphrase add -C pki --new-passphrase-file ca.pass")]
    Add(PassphraseArgs),
    /// Encrypt the key with another passphrase
    #[command(after_help = "Examples:
  openagents-certs ca passphrase change
  openagents-certs ca passphrase change --passphrase-file old.pass --new-passphrase-file new.pass")]
    Change(PassphraseArgs),
    /// Store the key unencrypted
    #[command(after_help = "Examples:
  openagents-certs ca passphrase remove
  openagents-certs ca passphrase remove -C pki --passphrase-file ca.pass")]
    Remove(CurrentPassphrase),
}

#[derive(clap::Args, Debug)]
struct PassphraseArgs {
    #[command(flatten)]
    current: PassphraseSource,

    #[command(flatten)]
    new: ReplacementPassphrase,
}

#[derive(clap::Args, Debug)]
struct CurrentPassphrase {
    #[command(flatten)]
    current: PassphraseSource,
}

/// Where to read a passphrase that replaces another.
#[derive(clap::Args, Debug)]
#[group(id = "new_passphrase_source", multiple = false)]
struct ReplacementPassphrase {
    /// Read the new passphrase from the first line of this file
    #[arg(long, value_name = "FILE")]
    new_passphrase_file: Option<PathBuf>,

    /// Read the new passphrase from this environment variable
    #[arg(long, value_name = "NAME")]
    new_passphrase_env: Option<OsString>,

    /// Read the new passphrase from this file descriptor
    #[arg(long, value_name = "N")]
    new_passphrase_fd: Option<u32>,
}

impl ReplacementPassphrase {
    fn given(&self) -> Option<Source> {
        let file = self.new_passphrase_file.clone().map(Source::File);
        let environment = || self.new_passphrase_env.clone().map(Source::Environment);
        file.or_else(environment)
            .or_else(|| self.new_passphrase_fd.map(Source::Descriptor))
    }
}

impl Passphrase {
    pub(super) fn run(self, global: &Global, renderer: &Renderer) -> Result<Verdict, Error> {
        let (change, current, new) = match self.command {
            PassphraseCommand::Add(args) => (Change::Add, args.current, Some(args.new)),
            PassphraseCommand::Change(args) => (Change::Change, args.current, Some(args.new)),
            PassphraseCommand::Remove(args) => (Change::Remove, args.current, None),
        };
        let supply = || {
            let given = new.as_ref().and_then(ReplacementPassphrase::given);
            // A key without a passphrase has only one that can be meant.
            let only = || (change == Change::Add).then(|| current.given()).flatten();
            new_passphrase(given.or_else(only), "--new-passphrase", "the CA's key")
        };
        let passphrases = Passphrases {
            current: &|path| current.ask(path),
            new: &supply,
        };
        let report = passphrase::run(global.directory(), change, &passphrases)?;
        finish(renderer, &report)
    }
}

/// Write the CA to one encrypted file: keys, certificates, inventory, settings, CRL
///
/// The file is encrypted with a passphrase in the format of age: `age -d FILE | tar x` opens it, too. The CA's
/// key keeps its own passphrase inside.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  openagents-certs ca backup ca.backup
  openagents-certs ca backup -C pki /mnt/backup/ca.backup --passphrase-file backup.pass --force")]
pub(super) struct Backup {
    /// File to write
    #[arg(value_name = "FILE")]
    file: PathBuf,

    #[command(flatten)]
    passphrase: ArchivePassphrase,

    /// Replace an existing file
    #[arg(long)]
    force: bool,
}

impl Backup {
    pub(super) fn run(
        self,
        global: &Global,
        renderer: &Renderer,
        now: OffsetDateTime,
    ) -> Result<Verdict, Error> {
        let request = backup::Request {
            directory: global.directory().to_owned(),
            file: self.file,
            force: self.force,
        };
        let supply = || new_passphrase(self.passphrase.given(), "--passphrase", "the backup");
        finish(renderer, &backup::run(&request, &supply, now)?)
    }
}

/// Restore a CA from a backup
///
/// Everything is checked before anything is written. Revocations in the published CRL are carried over, so that an
/// older backup does not make a revoked certificate valid: the crl.pem in the directory is used, and another one is
/// named with --crl.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  openagents-certs ca restore ca.backup -C pki
  openagents-certs ca restore ca.backup -C pki --crl /srv/www/crl.pem --passphrase-file backup.pass")]
pub(super) struct Restore {
    /// Backup to restore
    #[arg(value_name = "FILE")]
    file: PathBuf,

    #[command(flatten)]
    passphrase: ArchivePassphrase,

    /// Published CRL whose revocations are carried over
    #[arg(long, value_name = "FILE")]
    crl: Option<PathBuf>,

    /// Replace existing files; they are kept in a subdirectory
    #[arg(long)]
    force: bool,

    /// Check the backup, and write nothing
    #[arg(long)]
    dry_run: bool,
}

impl Restore {
    pub(super) fn run(
        self,
        global: &Global,
        renderer: &Renderer,
        now: OffsetDateTime,
    ) -> Result<Verdict, Error> {
        let request = restore::Request {
            directory: global.directory().to_owned(),
            crl: self.crl,
            force: self.force,
            dry_run: self.dry_run,
            file: self.file,
        };
        let supply = || match self.passphrase.given() {
            Some(source) => source.read(),
            None if prompt::is_possible() => {
                Source::Typed(prompt::passphrase(&crate::error::shown(&request.file))?).read()
            }
            None => Err(Error::PassphraseNeeded {
                path: request.file.clone(),
            }),
        };
        finish(renderer, &restore::run(&request, &supply, now)?)
    }
}

/// Where to read the passphrase of a backup.
#[derive(clap::Args, Debug)]
#[group(id = "archive_passphrase_source", multiple = false)]
struct ArchivePassphrase {
    /// Read the backup's passphrase from the first line of this file
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,

    /// Read the backup's passphrase from this environment variable
    #[arg(long, value_name = "NAME")]
    passphrase_env: Option<OsString>,

    /// Read the backup's passphrase from this file descriptor
    #[arg(long, value_name = "N")]
    passphrase_fd: Option<u32>,
}

impl ArchivePassphrase {
    fn given(&self) -> Option<Source> {
        let file = self.passphrase_file.clone().map(Source::File);
        let environment = || self.passphrase_env.clone().map(Source::Environment);
        file.or_else(environment)
            .or_else(|| self.passphrase_fd.map(Source::Descriptor))
    }
}

/// Record certificates that this CA issued before it had this inventory
///
/// Takes PEM and DER files, directories, and the index.txt of OpenSSL with its revocations. Certificates that
/// this CA did not sign are refused. Exit code 1: at least one was refused; all others are recorded.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  openagents-certs ca adopt old/*.crt
  openagents-certs ca adopt -C pki demoCA/index.txt --newcerts demoCA/newcerts")]
pub(super) struct Adopt {
    /// Files of certificates, directories, index.txt files
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,

    /// Directory of the certificates that an index.txt lists [default: newcerts or certs beside it]
    #[arg(long, value_name = "DIR")]
    newcerts: Option<PathBuf>,

    /// Check the certificates, and record nothing
    #[arg(long)]
    dry_run: bool,
}

impl Adopt {
    pub(super) fn run(
        self,
        global: &Global,
        renderer: &Renderer,
        now: OffsetDateTime,
    ) -> Result<Verdict, Error> {
        let request = adopt::Request {
            directory: global.directory().to_owned(),
            files: self.files,
            index_certificates: self.newcerts,
            dry_run: self.dry_run,
            requested_by: requested_by(),
        };
        finish(renderer, &adopt::run(&request, now)?)
    }
}

/// A passphrase to encrypt with: from an option, or asked for twice on a terminal.
fn new_passphrase(given: Option<Source>, option: &str, what: &str) -> Result<Password, Error> {
    match given {
        Some(source) => source.read(),
        None if prompt::is_possible() => Source::Typed(prompt::new_passphrase(what)?).read(),
        None => Err(Error::Usage {
            message: format!("no passphrase was given for {what}"),
            hint: format!("use `{option}-file FILE`, `{option}-env NAME` or `{option}-fd N`"),
        }),
    }
}
