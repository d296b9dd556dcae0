//! `generate`.

use std::path::{Path, PathBuf};

use clap::Parser;
use time::OffsetDateTime;

use super::args::{Global, Lasting, PassphraseSource, existing, requested_by};
use super::{finish, prompt, wizard};
use crate::error::Error;
use crate::ops::{Verdict, generate};
use crate::pki::algorithm::KeyType;
use crate::pki::san::{TypedName, host_of_url};
use crate::render::Renderer;
use crate::store::{Label, Labels};

/// Make the whole PKI of a network: a CA, a server pair, client pairs
///
/// A CA that is there already is reused. Prints what was made, the `tls:` block for network.yaml
/// and the lines for an agent.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  openagents-certs generate --mtls
  openagents-certs generate --interactive
  openagents-certs generate -o certs --for grpcs://agents.example.org:8600 --client alice --client bob --ttl 90d")]
pub(super) struct Args {
    /// Write to this directory (the same as -C)
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,

    /// The server's first name [default: the host of --for, or localhost]; -cn for short
    #[arg(long, value_name = "NAME")]
    common_name: Option<String>,

    /// Another name of the server: a host, an IP address, a URI or an e-mail address
    #[arg(long, value_name = "NAME")]
    san: Vec<String>,

    /// A URL the network will be dialled by: its host becomes a name of the server
    #[arg(long = "for", value_name = "URL")]
    dialled: Vec<String>,

    /// Make a client pair too: NAME.crt and NAME.key
    #[arg(long, value_name = "NAME")]
    client: Vec<String>,

    /// Add a pair that messages are encrypted to for each client: NAME.message.crt and NAME.message.key
    #[arg(long)]
    messages: bool,

    /// Make the pair 'client' and print the configuration for mutual TLS
    #[arg(long)]
    mtls: bool,

    #[command(flatten)]
    lasting: Lasting,

    /// The kind of every key that is made [default: p256]
    #[arg(long, value_enum, value_name = "TYPE")]
    key_type: Option<KeyType>,

    /// Replace pairs that are there (never the CA)
    #[arg(long)]
    force: bool,

    /// Keep a CA and pairs that satisfy the request and are not due for renewal; issue the others
    #[arg(long, conflicts_with_all = ["force", "new_ca"])]
    if_needed: bool,

    /// Label for every certificate, such as team=red; repeat for more
    #[arg(long, value_name = "NAME=VALUE")]
    label: Vec<Label>,

    /// Make a new CA though one is there; its files are kept under a dated name
    #[arg(long)]
    new_ca: bool,

    #[command(flatten)]
    passphrase: PassphraseSource,

    /// Show what would be made, and make nothing
    #[arg(long)]
    dry_run: bool,

    /// Ask what the network is like, show the plan and the same as a command line, and then make it
    #[arg(long, exclusive = true)]
    interactive: bool,
}

/// The answers of the wizard, read as the arguments they come to.
#[derive(Parser, Debug)]
#[command(no_binary_name = true)]
struct Answers {
    #[command(flatten)]
    args: Args,
}

impl Args {
    pub(super) fn run(
        self,
        global: &Global,
        renderer: &Renderer,
        now: OffsetDateTime,
    ) -> Result<Verdict, Error> {
        if self.interactive {
            return interactive(global, renderer, now);
        }
        let dry_run = self.dry_run;
        let passphrase = self.passphrase.clone();
        let ask = &|path: &Path| passphrase.ask(path);
        let request = self.request(global)?;
        if dry_run {
            return finish(renderer, &generate::dry_run(&request, ask, now)?);
        }
        finish(renderer, &generate::run(&request, ask, now)?)
    }

    fn request(self, global: &Global) -> Result<generate::Request, Error> {
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
        Ok(generate::Request {
            directory: self.output.unwrap_or_else(|| global.directory().to_owned()),
            server_names: server_names.collect::<Result<Vec<TypedName>, _>>()?,
            messages: self.messages,
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
        })
    }
}

/// Asks, shows what would be made and how to say it without questions, and makes it when that is wanted.
fn interactive(
    global: &Global,
    renderer: &Renderer,
    now: OffsetDateTime,
) -> Result<Verdict, Error> {
    if !prompt::is_possible() {
        return Err(Error::Usage {
            message: "`--interactive` needs a terminal to ask on".into(),
            hint: "say what is wanted by flags, such as `openagents-certs generate --mtls`".into(),
        });
    }
    let arguments = wizard::ask(global.directory())?;
    let answers = |more: &[&str]| {
        let more = more.iter().map(|flag| (*flag).to_owned());
        Answers::try_parse_from(arguments.iter().cloned().chain(more))
            .map(|answers| answers.args)
            .map_err(|error| super::usage_error(&error))
    };
    answers(&["--dry-run"])?.run(global, renderer, now)?;
    let line = wizard::command_line(&arguments);
    renderer.notice(&format_args!("\nThe same without questions:\n  {line}\n"));
    if !prompt::confirm("Make it?", true)? {
        renderer.notice(&"Nothing was made.");
        return Ok(Verdict::Yes);
    }
    answers(&[])?.run(global, renderer, now)
}

/// Every server's certificate is good for a try on its own machine.
const LOOPBACK_NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];
/// The port an OpenAgents network listens on when its network.yaml names none.
const DEFAULT_PORT: u16 = 8600;

fn port_of_url(url: &str) -> Option<u16> {
    let authority = url.split_once("://")?.1.split(['/', '?', '#']).next()?;
    authority.rsplit_once(':')?.1.parse().ok()
}
