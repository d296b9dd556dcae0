//! `generate`.

use std::path::{Path, PathBuf};

use clap::Parser;

use super::args::{Lasting, existing, requested_by};
use super::context::Context;
use super::passphrase::PassphraseSource;
use super::{prompt, wizard};
use crate::error::{Error, shown};
use crate::ops::issue::{Label, Labels};
use crate::ops::refused::Outcome;
use crate::ops::{Verdict, acme, generate};
use crate::pki::algorithm::KeyType;
use crate::pki::san::{TypedName, host_of_url};

/// Generate a whole PKI: a CA, a server pair and client pairs
///
/// Reuses an existing CA. Prints what was generated, the `tls:` block for network.yaml and the connection code for
/// an agent.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  openagents-certs generate --mtls
  openagents-certs generate --interactive
  openagents-certs generate -o certs --for grpcs://agents.example.org:8600 --client alice --client bob --ttl 90d")]
pub(super) struct Args {
    /// Write to this directory (the same as -C)
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,

    /// First name of the server [default: the host of --for, or localhost]; -cn for short
    #[arg(long, value_name = "NAME")]
    common_name: Option<String>,

    /// Another name of the server: host, IP address, URI or e-mail address
    #[arg(long, value_name = "NAME")]
    san: Vec<String>,

    /// URL of the network; its host becomes a name of the server
    #[arg(long = "for", value_name = "URL")]
    dialled: Vec<String>,

    /// Where the server's certificate comes from: this CA, or a public CA with `acme issue` before
    #[arg(
        long,
        value_enum,
        value_name = "SOURCE",
        default_value = "ca",
        hide_default_value = true
    )]
    server_from: ServerFrom,

    /// Add a client pair: NAME.crt and NAME.key
    #[arg(long, value_name = "NAME")]
    client: Vec<String>,

    /// Add a pair that messages are encrypted to for each client: NAME.message.crt and NAME.message.key
    #[arg(long)]
    messages: bool,

    /// Add the client pair 'client' and print the configuration for mutual TLS
    #[arg(long)]
    mtls: bool,

    #[command(flatten)]
    lasting: Lasting,

    /// Type of all keys [default: p256]
    #[arg(long, value_enum, value_name = "TYPE")]
    key_type: Option<KeyType>,

    /// Replace existing pairs (never the CA)
    #[arg(long)]
    force: bool,

    /// Keep a CA and pairs that satisfy the request and are not due for renewal; issue the others
    #[arg(long, conflicts_with_all = ["force", "new_ca"])]
    if_needed: bool,

    /// Label for every certificate, such as team=red; repeat for more
    #[arg(long, value_name = "NAME=VALUE")]
    label: Vec<Label>,

    /// Create a new CA even if one exists, and keep the files of the old one under a dated name
    #[arg(long)]
    new_ca: bool,

    #[command(flatten)]
    passphrase: PassphraseSource,

    /// Show what would be generated without writing anything
    #[arg(long)]
    dry_run: bool,

    /// Ask questions, show the plan and the equivalent command line, then generate
    #[arg(long, exclusive = true)]
    interactive: bool,
}

/// Where the server's certificate comes from.
#[derive(clap::ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
enum ServerFrom {
    /// The CA in the directory
    Ca,
    /// A public CA: the certificate that `acme issue` has put into the directory
    Acme,
}

/// The arguments that the answers of the wizard amount to.
#[derive(Parser, Debug)]
#[command(no_binary_name = true)]
struct Answers {
    #[command(flatten)]
    args: Args,
}

impl Args {
    pub(super) fn run(self, context: &Context) -> Result<Verdict, Error> {
        if self.interactive {
            return interactive(context);
        }
        let dry_run = self.dry_run;
        let passphrase = self.passphrase.clone();
        let ask = &|path: &Path| passphrase.ask(path);
        let request = self.request(context.directory())?;
        if dry_run {
            return context.finish(&generate::dry_run(&request, ask, context.now)?);
        }
        context.finish(&generate::run(&request, ask, context.now)?)
    }

    fn request(self, directory: &Path) -> Result<generate::Request, Error> {
        let hosts = self
            .dialled
            .iter()
            .map(|url| host_of_url(url))
            .collect::<Result<Vec<_>, _>>()?;
        let first = self
            .common_name
            .as_deref()
            .or(hosts.first().copied())
            .unwrap_or("localhost");
        let given = self.san.iter().map(String::as_str);
        let server_names = std::iter::once(first)
            .chain(given)
            .chain(hosts.iter().copied())
            .chain(LOOPBACK_NAMES)
            .map(str::parse);
        let mut clients = self.client;
        if self.mtls && !clients.iter().any(|name| name == "client") {
            clients.insert(0, "client".into());
        }
        let directory = self.output.unwrap_or_else(|| directory.to_owned());
        let server = match self.server_from {
            ServerFrom::Ca => None,
            ServerFrom::Acme => {
                let name = self.common_name.as_deref().or(hosts.first().copied());
                Some(acme::ordered_pair(&directory, name)?)
            }
        };
        Ok(generate::Request {
            directory,
            server,
            server_names: server_names.collect::<Result<Vec<TypedName>, _>>()?,
            messages: self.messages,
            ca_subject: None,
            clients: clients
                .iter()
                .map(|name| name.parse())
                .collect::<Result<Vec<TypedName>, _>>()?,
            end: self.lasting.end(),
            key_type: self.key_type,
            port: self
                .dialled
                .iter()
                .find_map(|url| port_of_url(url))
                .unwrap_or(DEFAULT_PORT),
            requested_by: requested_by(),
            existing: existing(self.force, self.if_needed),
            labels: Labels::new(self.label),
            new_ca: self.new_ca,
            encrypt: self.passphrase.given().is_some(),
        })
    }
}

/// Asks, shows the plan and the equivalent command line, and generates after confirmation.
fn interactive(context: &Context) -> Result<Verdict, Error> {
    if !prompt::is_possible() {
        return Err(Error::usage(
            "`--interactive` needs a terminal",
            "use flags instead, such as `openagents-certs generate --mtls`",
        ));
    }
    let (arguments, encrypt) = wizard::ask(context.directory())?;
    let answers = |more: &[&str]| {
        let more = more.iter().map(|flag| (*flag).to_owned());
        Answers::try_parse_from(arguments.iter().cloned().chain(more))
            .map(|answers| answers.args)
            .map_err(|error| super::usage_error(&error))
    };
    let request = answers(&[])?.request(context.directory())?;
    let ask = &|path: &Path| match encrypt {
        true => prompt::new_passphrase(&shown(path)),
        false => prompt::passphrase(&shown(path)),
    };
    let planned = generate::dry_run(&request, ask, context.now)?;
    context.finish(&planned)?;
    let Outcome::Done(planned) = planned else {
        return Ok(Verdict::No);
    };
    let line = wizard::command_line(&arguments, encrypt);
    context
        .renderer
        .notice(&format_args!("\nEquivalent command line:\n  {line}\n"));
    if !prompt::confirm("Generate?", true)? {
        context.renderer.notice(&"Nothing written.");
        return Ok(Verdict::Yes);
    }
    // The CA gets the name that was shown.
    let ca_subject = planned.authority.map(|plan| plan.subject);
    let request = generate::Request {
        ca_subject,
        encrypt,
        ..request
    };
    context.finish(&generate::run(&request, ask, context.now)?)
}

/// Every server certificate is valid on the server's own machine.
const LOOPBACK_NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];
/// The port an OpenAgents network listens on when its network.yaml names none.
const DEFAULT_PORT: u16 = 8600;

fn port_of_url(url: &str) -> Option<u16> {
    let authority = url.split_once("://")?.1.split(['/', '?', '#']).next()?;
    authority.rsplit_once(':')?.1.parse().ok()
}
