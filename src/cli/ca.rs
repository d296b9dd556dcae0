//! `ca`: creating and showing an authority.

use std::path::{Path, PathBuf};

use clap::Subcommand;

use super::args::requested_by;
use super::context::Context;
use super::passphrase::{NewPassphrase, ParentPassphrase, PassphraseSource};
use super::{custody, rotate};
use crate::authority::AuthorityAt;
use crate::error::Error;
use crate::ops::Verdict;
use crate::ops::ca::{self, import, init};
use crate::pki::algorithm::KeyType;
use crate::pki::general_name::{NameConstraints, Subtree, SubtreeError};
use crate::pki::name::AttributeType;
use crate::pki::validity::Lifetime;

/// Create and operate a certificate authority
#[derive(clap::Args, Debug)]
#[command(
    arg_required_else_help = true,
    after_help = "Examples:
  openagents-certs ca init --ttl 10y
  openagents-certs ca backup ca.backup"
)]
pub(super) struct Args {
    #[command(subcommand)]
    command: CaCommand,
}

#[derive(Debug, Subcommand)]
enum CaCommand {
    Init(Init),
    Intermediate(Intermediate),
    Import(Import),
    Show(Show),
    Rotate(rotate::Args),
    Passphrase(custody::Passphrase),
    Backup(custody::Backup),
    Restore(custody::Restore),
    Adopt(custody::Adopt),
}

impl Args {
    pub(super) fn run(self, context: &Context) -> Result<Verdict, Error> {
        match self.command {
            CaCommand::Init(init) => init.run(context),
            CaCommand::Intermediate(intermediate) => intermediate.run(context),
            CaCommand::Import(import) => import.run(context),
            CaCommand::Show(Show {}) => {
                context.finish(&ca::facts(context.directory(), context.now)?)
            }
            CaCommand::Rotate(rotate) => rotate.run(context),
            CaCommand::Passphrase(passphrase) => passphrase.run(context),
            CaCommand::Backup(backup) => backup.run(context),
            CaCommand::Restore(restore) => restore.run(context),
            CaCommand::Adopt(adopt) => adopt.run(context),
        }
    }
}

/// Create a root CA: ca.crt, ca.key and the inventory of issued certificates
///
/// An existing CA is never replaced.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  openagents-certs ca init --common-name 'Acme Agents Root' --organization Acme --country CH
  openagents-certs ca init -C pki --path-length 1 --permit-dns agents.example.org --passphrase-file ca.pass")]
struct Init {
    #[command(flatten)]
    subject: Subject,

    /// Validity period of the root [default: 10 years]
    #[arg(long, value_name = "LIFETIME", default_value_t = ca::USUAL_LIFETIME, hide_default_value = true)]
    ttl: Lifetime,

    /// Key type [default: p256]
    #[arg(long, value_enum, value_name = "TYPE")]
    key_type: Option<KeyType>,

    /// Number of CAs allowed below it in a chain [default: unlimited]
    #[arg(long, value_name = "N")]
    path_length: Option<u8>,

    #[command(flatten)]
    constraints: Constraints,

    #[command(flatten)]
    passphrase: NewPassphrase,

    /// Do nothing if a CA with this name and key type exists and has not expired
    #[arg(long)]
    if_needed: bool,

    /// Show what would be created, and write nothing
    #[arg(long)]
    dry_run: bool,
}

impl Init {
    fn run(self, context: &Context) -> Result<Verdict, Error> {
        let request = ca::Request {
            directory: context.directory().to_owned(),
            subject: self.subject.attributes(),
            lifetime: self.ttl,
            key_type: self.key_type.unwrap_or_default(),
            path_length: self.path_length,
            name_constraints: self.constraints.parse()?,
        };
        if self.if_needed
            && let Some(existing) = init::existing(&request, self.key_type, context.now)?
        {
            return context.finish(&existing);
        }
        if self.dry_run {
            return context.finish(&init::dry_run(&request, context.now)?);
        }
        let passphrase = self.passphrase.ask()?;
        let created = match init::run(&request, passphrase.as_ref(), context.now) {
            // Another process was faster.
            Err(exists @ Error::Exists { .. }) if self.if_needed => {
                init::existing(&request, self.key_type, context.now)?.ok_or(exists)?
            }
            created => created?,
        };
        context.finish(&created)
    }
}

/// Create a subordinate CA in its own directory, signed by a parent CA
///
/// Its certificates are served together with the intermediate certificates up to the root.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  openagents-certs ca intermediate -C team --parent root --common-name 'Team CA'
  openagents-certs ca intermediate -C ci --parent root --ttl 90d --permit-dns ci.example.org")]
struct Intermediate {
    /// Directory of the CA that signs it
    #[arg(long, value_name = "DIR")]
    parent: PathBuf,

    #[command(flatten)]
    subject: Subject,

    /// Validity period; it ends with the parent's at the latest
    #[arg(long, value_name = "LIFETIME", default_value = "5y")]
    ttl: Lifetime,

    /// Key type
    #[arg(long, value_enum, default_value_t, value_name = "TYPE")]
    key_type: KeyType,

    /// Number of CAs allowed below it in a chain
    #[arg(long, value_name = "N", default_value_t = 0)]
    path_length: u8,

    #[command(flatten)]
    constraints: Constraints,

    #[command(flatten)]
    passphrase: NewPassphrase,

    #[command(flatten)]
    parent_passphrase: ParentPassphrase,

    /// Show what would be created, and write nothing
    #[arg(long)]
    dry_run: bool,
}

impl Intermediate {
    fn run(self, context: &Context) -> Result<Verdict, Error> {
        let request = ca::Request {
            directory: context.directory().to_owned(),
            subject: self.subject.attributes(),
            lifetime: self.ttl,
            key_type: self.key_type,
            path_length: Some(self.path_length),
            name_constraints: self.constraints.parse()?,
        };
        let ask = |path: &Path| self.parent_passphrase.ask(path);
        let parent = AuthorityAt {
            passphrase: &ask,
            ..AuthorityAt::directory(&self.parent)
        };
        if self.dry_run {
            return context.finish(&init::dry_run_below(&request, &parent, context.now)?);
        }
        let passphrase = self.passphrase.ask()?;
        context.finish(&init::run_below(
            &request,
            &parent,
            &requested_by(),
            passphrase.as_ref(),
            context.now,
        )?)
    }
}

/// Import a CA created by another program: OpenSSL, mkcert, step, cfssl, easy-rsa, GnuTLS
///
/// The key may be PKCS #1, SEC 1 or PKCS #8, encrypted or not; an encrypted key keeps its passphrase. Record
/// the certificates it has issued with `ca adopt`.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  openagents-certs ca import -C pki --cert rootCA.pem --key rootCA-key.pem
  openagents-certs ca import -C sub --cert sub.crt --chain root.crt")]
struct Import {
    /// The CA's certificate
    #[arg(long, value_name = "FILE")]
    cert: PathBuf,

    /// Its private key [default: the ca.key in the directory]
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,

    /// The certificates above it, up to the root
    #[arg(long, value_name = "FILE")]
    chain: Option<PathBuf>,

    #[command(flatten)]
    passphrase: PassphraseSource,

    /// Check the CA, and write nothing
    #[arg(long)]
    dry_run: bool,
}

impl Import {
    fn run(self, context: &Context) -> Result<Verdict, Error> {
        let request = import::Request {
            directory: context.directory().to_owned(),
            certificate: self.cert,
            key: self.key,
            chain: self.chain,
            dry_run: self.dry_run,
        };
        context.finish(&import::run(
            &request,
            &|path| self.passphrase.ask(path),
            context.now,
        )?)
    }
}

/// Show the CA: identity, expiry, constraints, key, and what it has issued
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  openagents-certs ca show
  openagents-certs ca show -C pki --json")]
struct Show {}

/// The attributes of a subject.
#[derive(clap::Args, Debug)]
pub(super) struct Subject {
    /// Common name [default for a CA: a generated, unique name]
    #[arg(long, value_name = "TEXT")]
    common_name: Option<String>,

    /// Organization
    #[arg(long, value_name = "TEXT")]
    organization: Option<String>,

    /// Organizational unit
    #[arg(long, value_name = "TEXT")]
    organizational_unit: Option<String>,

    /// Country, as two capital letters
    #[arg(long, value_name = "CC")]
    country: Option<String>,

    /// State or province
    #[arg(long, value_name = "TEXT")]
    state: Option<String>,

    /// Locality
    #[arg(long, value_name = "TEXT")]
    locality: Option<String>,
}

impl Subject {
    /// The given attributes, in the order of a name.
    pub(super) fn attributes(self) -> Vec<(AttributeType, String)> {
        let all = [
            (AttributeType::Country, self.country),
            (AttributeType::StateOrProvince, self.state),
            (AttributeType::Locality, self.locality),
            (AttributeType::Organization, self.organization),
            (AttributeType::OrganizationalUnit, self.organizational_unit),
            (AttributeType::CommonName, self.common_name),
        ];
        all.into_iter()
            .filter_map(|(kind, value)| Some((kind, value?)))
            .collect()
    }
}

/// The names a CA may issue for.
#[derive(clap::Args, Debug)]
pub(super) struct Constraints {
    /// Permit only this domain and its subdomains
    #[arg(long, value_name = "DOMAIN")]
    permit_dns: Vec<String>,

    /// Exclude this domain and its subdomains
    #[arg(long, value_name = "DOMAIN")]
    exclude_dns: Vec<String>,

    /// Permit only addresses in this network, such as 10.0.0.0/8
    #[arg(long, value_name = "NETWORK")]
    permit_ip: Vec<String>,

    /// Exclude addresses in this network
    #[arg(long, value_name = "NETWORK")]
    exclude_ip: Vec<String>,

    /// Permit only URIs with this host, or a subdomain if it starts with a dot
    #[arg(long, value_name = "HOST")]
    permit_uri: Vec<String>,
}

impl Constraints {
    fn parse(self) -> Result<NameConstraints, Error> {
        let all = |texts: &[String], parse: fn(&str) -> Result<Subtree, SubtreeError>| {
            texts
                .iter()
                .map(|text| parse(text))
                .collect::<Result<Vec<_>, _>>()
        };
        let permitted = [
            all(&self.permit_dns, Subtree::dns)?,
            all(&self.permit_ip, Subtree::ip)?,
            all(&self.permit_uri, Subtree::uri)?,
        ];
        let excluded = [
            all(&self.exclude_dns, Subtree::dns)?,
            all(&self.exclude_ip, Subtree::ip)?,
        ];
        Ok(NameConstraints {
            permitted: permitted.concat(),
            excluded: excluded.concat(),
        })
    }
}
