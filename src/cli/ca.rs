//! `ca`.

use clap::Subcommand;
use time::OffsetDateTime;

use super::args::{Global, NewPassphrase};
use super::finish;
use crate::error::Error;
use crate::ops::ca::init;
use crate::ops::{Verdict, generate};
use crate::pki::algorithm::KeyType;
use crate::pki::name::AttributeType;
use crate::pki::plan::{NameConstraints, Subtree, SubtreeError};
use crate::pki::validity::Lifetime;
use crate::render::Renderer;

/// Create and look after a certificate authority
#[derive(clap::Args, Debug)]
#[command(arg_required_else_help = true)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Init(Init),
}

impl Args {
    pub(super) fn run(
        self,
        global: &Global,
        renderer: &Renderer,
        now: OffsetDateTime,
    ) -> Result<Verdict, Error> {
        match self.command {
            Command::Init(init) => init.run(global, renderer, now),
        }
    }
}

/// Create a root: ca.crt, ca.key and the inventory of what it will issue
///
/// Never replaces an authority that is there.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  openagents-certs ca init --common-name 'Acme Agents Root' --organization Acme --country CH
  openagents-certs ca init -C pki --path-length 1 --permit-dns agents.example.org --passphrase-file ca.pass")]
struct Init {
    #[command(flatten)]
    subject: Subject,

    /// How long the root is valid [default: 10 years]
    #[arg(long, value_name = "LIFETIME", default_value_t = generate::CA_LIFETIME, hide_default_value = true)]
    ttl: Lifetime,

    /// The kind of its key
    #[arg(long, value_enum, default_value_t, value_name = "TYPE")]
    key_type: KeyType,

    /// How many CAs may follow below it [default: any number]
    #[arg(long, value_name = "N")]
    path_length: Option<u8>,

    #[command(flatten)]
    constraints: Constraints,

    #[command(flatten)]
    passphrase: NewPassphrase,

    /// Show what would be made, and make nothing
    #[arg(long)]
    dry_run: bool,
}

impl Init {
    fn run(
        self,
        global: &Global,
        renderer: &Renderer,
        now: OffsetDateTime,
    ) -> Result<Verdict, Error> {
        let request = init::Request {
            directory: global.directory().to_owned(),
            subject: self.subject.attributes(),
            lifetime: self.ttl,
            key_type: self.key_type,
            path_length: self.path_length,
            name_constraints: self.constraints.parse()?,
        };
        if self.dry_run {
            return finish(renderer, &init::dry_run(&request, now)?);
        }
        let passphrase = self.passphrase.ask()?;
        finish(renderer, &init::run(&request, passphrase.as_ref(), now)?)
    }
}

/// The attributes of a subject.
#[derive(clap::Args, Debug)]
pub(super) struct Subject {
    /// The common name [default: a name of its own for a CA]
    #[arg(long, value_name = "TEXT")]
    common_name: Option<String>,

    /// The organization
    #[arg(long, value_name = "TEXT")]
    organization: Option<String>,

    /// The organizational unit
    #[arg(long, value_name = "TEXT")]
    organizational_unit: Option<String>,

    /// The country, as two capital letters
    #[arg(long, value_name = "CC")]
    country: Option<String>,

    /// The state or province
    #[arg(long, value_name = "TEXT")]
    state: Option<String>,

    /// The locality
    #[arg(long, value_name = "TEXT")]
    locality: Option<String>,
}

impl Subject {
    /// The attributes that were given, in the order names have them.
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

/// What a CA may issue for.
#[derive(clap::Args, Debug)]
pub(super) struct Constraints {
    /// Issue only for this domain and those below it
    #[arg(long, value_name = "DOMAIN")]
    permit_dns: Vec<String>,

    /// Never issue for this domain or those below it
    #[arg(long, value_name = "DOMAIN")]
    exclude_dns: Vec<String>,

    /// Issue only for addresses of this network, such as 10.0.0.0/8
    #[arg(long, value_name = "NETWORK")]
    permit_ip: Vec<String>,

    /// Never issue for addresses of this network
    #[arg(long, value_name = "NETWORK")]
    exclude_ip: Vec<String>,

    /// Issue only for URIs of this host, or below it when it starts with a dot
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
