//! `ca passphrase`, `ca backup`, `ca restore`, `ca adopt`: keeping an authority.

use std::path::PathBuf;

use clap::Subcommand;

use super::args::requested_by;
use super::context::Context;
use super::passphrase::{BackupPassphrase, PassphraseSource, ReplacementPassphrase};
use crate::error::Error;
use crate::ops::Verdict;
use crate::ops::ca::passphrase::{Change, Passphrases};
use crate::ops::ca::{adopt, backup, passphrase, restore};

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
    Remove(PassphraseSource),
}

#[derive(clap::Args, Debug)]
struct PassphraseArgs {
    #[command(flatten)]
    current: PassphraseSource,

    #[command(flatten)]
    new: ReplacementPassphrase,
}

impl Passphrase {
    pub(super) fn run(self, context: &Context) -> Result<Verdict, Error> {
        let (change, current, new) = match self.command {
            PassphraseCommand::Add(args) => (Change::Add, args.current, Some(args.new)),
            PassphraseCommand::Change(args) => (Change::Change, args.current, Some(args.new)),
            PassphraseCommand::Remove(current) => (Change::Remove, current, None),
        };
        let supply = || match (&new, current.given()) {
            // A key without a passphrase has only one that can be meant.
            (Some(new), Some(only)) if change == Change::Add && new.given().is_none() => {
                only.read()
            }
            (Some(new), _) => new.choose("the CA's key"),
            (None, _) => current.choose("the CA's key"),
        };
        let passphrases = Passphrases {
            current: &|path| current.ask(path),
            new: &supply,
        };
        let report = passphrase::run(context.directory(), change, &passphrases)?;
        context.finish(&report)
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
    passphrase: BackupPassphrase,

    /// Replace an existing file
    #[arg(long)]
    force: bool,
}

impl Backup {
    pub(super) fn run(self, context: &Context) -> Result<Verdict, Error> {
        let request = backup::Request {
            directory: context.directory().to_owned(),
            file: self.file,
            force: self.force,
        };
        let supply = || self.passphrase.choose("the backup");
        context.finish(&backup::run(&request, &supply, context.now)?)
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
    passphrase: BackupPassphrase,

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
    pub(super) fn run(self, context: &Context) -> Result<Verdict, Error> {
        let request = restore::Request {
            directory: context.directory().to_owned(),
            crl: self.crl,
            force: self.force,
            dry_run: self.dry_run,
            file: self.file,
        };
        let supply = || self.passphrase.ask(&request.file);
        context.finish(&restore::run(&request, &supply, context.now)?)
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
    pub(super) fn run(self, context: &Context) -> Result<Verdict, Error> {
        let request = adopt::Request {
            directory: context.directory().to_owned(),
            files: self.files,
            index_certificates: self.newcerts,
            dry_run: self.dry_run,
            requested_by: requested_by(),
        };
        context.finish(&adopt::run(&request, context.now)?)
    }
}
