//! The command line: one file per command, its doc comment is the help.

mod acme;
mod args;
mod audit;
mod ca;
mod completing;
mod completions;
mod context;
mod crl;
mod csr;
mod custody;
mod dashboard;
mod enroll;
mod exec;
mod explain;
mod export;
mod generate;
mod inspect;
mod issue;
mod list;
mod man;
mod message;
mod mint;
mod notify;
mod pages;
mod passphrase;
mod prompt;
mod renew;
mod revoke;
mod rotate;
mod serve;
mod status;
mod store;
mod template;
mod token;
mod trust;
mod values;
mod verify;
mod verify_chain;
mod watch;
mod wizard;
mod workload;

use std::ffi::OsString;
use std::io::ErrorKind;
use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use time::OffsetDateTime;

use context::{Context, Global};

pub use completions::completion_scripts;
pub use pages::{json_fields, man_pages};

use crate::error::Error;
use crate::ops::{self, Verdict};
use crate::render::{Color, Format, Renderer};

/// Certificates for agent networks: make them, check them, keep them valid.
///
/// Everything is in one directory (`-C`, by default ./certs).
#[derive(Debug, Parser)]
#[command(
    name = "openagents-certs",
    version,
    propagate_version = true,
    arg_required_else_help = true,
    max_term_width = 100
)]
#[command(
    after_help = "Start with:\n  openagents-certs generate --mtls\n  openagents-certs verify-chain"
)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// The commands, each with the summary of its help, so that only the requested command is built: building all of
/// them would take most of the start-up time.
#[derive(Debug, Subcommand)]
#[command(defer = true)]
enum Command {
    /// Generate a whole PKI: a CA, a server pair and client pairs
    Generate(generate::Args),
    /// Create and operate a certificate authority
    Ca(ca::Args),
    /// Issue a certificate for a server, a client, or both
    Issue(issue::Args),
    /// Create and sign certificate signing requests (PKCS #10)
    Csr(csr::Args),
    /// Get certificates of public CAs with ACME (RFC 8555)
    Acme(acme::Args),
    /// Check whether certificates are valid
    Verify(verify::Args),
    /// Check whether a grpcs setup will work, on which TLS stacks, and how to fix it
    VerifyChain(verify_chain::Args),
    /// Show certificates, keys, requests and CRLs
    Inspect(inspect::Args),
    /// Explain a TLS error, a log or a finding
    Explain(explain::Args),
    /// Renew certificates, keeping names, profile, lifetime and key
    Renew(renew::Args),
    /// Run continuously and renew certificates when they are due
    Watch(watch::Args),
    /// Run the CA as a service: ACME, EST, OCSP, CRLs and a dashboard
    Serve(serve::Args),
    /// List issued certificates, soonest expiry first
    List(list::Args),
    /// Show who changed what, when, from where and by which credential, newest first
    Audit(audit::Args),
    /// Revoke certificates and publish a new CRL
    Revoke(revoke::Args),
    /// Release certificates from hold and publish a new CRL
    Unrevoke(revoke::Unrevoke),
    /// Publish a new CRL, or show the current one
    Crl(crl::Args),
    /// Show an issued certificate and what is recorded about it
    Show(list::Show),
    /// Show when the CA, certificates and CRLs expire
    Status(status::Args),
    /// Get a certificate from a server with a token
    Enroll(enroll::Args),
    /// Copy, check and prune the inventory
    Store(store::Args),
    /// Create, list and revoke tokens that let machines enroll
    Token(token::Args),
    /// Sign in to the dashboard of `serve`, list sessions, end them
    Dashboard(dashboard::Args),
    /// Test the notifications of expiry, revocation and failures
    Notify(notify::Args),
    /// Give processes SPIFFE identities, and fetch them as files
    Workload(workload::Args),
    /// Export a certificate as PKCS #12, Kubernetes objects, .env, JWK and more
    Export(export::Args),
    /// Make this machine, its browsers and its runtimes trust the CA, and prove that they do
    Trust(trust::Args),
    /// Show certificate profiles, and write configuration for networks, agents, services and CI
    Template(template::Args),
    /// Set up shell completion of commands, options, files, names and serial numbers
    Completions(completions::Args),
    /// Show a page of the manual, or write all of them
    Man(man::Args),
    /// Sign, seal, verify and open messages between agents, and sign HTTP requests
    Message(message::Args),
    /// Print certificates as a JWK Set, for peers that look keys up there
    #[command(hide = true)]
    Jwks(message::Jwks),
    /// Run a command with a short-lived certificate
    Mint(mint::Args),
}

/// Runs the program on its own arguments by this clock, and gives its exit code: 0 done or yes,
/// 1 no, 2 undetermined.
pub fn main(clock: fn() -> OffsetDateTime) -> ExitCode {
    if let Some(answer) = completing::answer() {
        // A shell that has gone away is no error.
        let _ = json_renderer().raw(&answer);
        return ExitCode::SUCCESS;
    }
    let parsed = command()
        .try_get_matches_from(arguments())
        .and_then(|matches| {
            let mut cli = Cli::from_arg_matches(&matches)?;
            cli.global.note_given(&matches);
            Ok(cli)
        });
    let cli = match parsed {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    let context = Context::new(cli.global, clock);
    let renderer = context.renderer;
    ops::report_waits(move |text| renderer.notice(&text));
    let done = match (renderer.format, cli.command) {
        (Format::Text | Format::Json, command)
        | (Format::Csv, command @ (Command::List(_) | Command::Audit(_)))
        | (Format::Prometheus, command @ Command::Status(_)) => command.run(&context),
        (Format::Csv, _) => Err(not_of_this_command("csv", "list` and `audit")),
        (Format::Prometheus, _) => Err(not_of_this_command("prometheus", "status")),
    };
    match done {
        Ok(Exit(code)) => ExitCode::from(code),
        Err(error) => {
            renderer.error(&error);
            ExitCode::from(EXIT_UNDETERMINED)
        }
    }
}

/// The exit code of a command: that of its verdict, or of the program that it ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Exit(u8);

impl From<Verdict> for Exit {
    fn from(verdict: Verdict) -> Self {
        Exit(match verdict {
            Verdict::Yes => 0,
            Verdict::No => EXIT_NO,
            Verdict::Undetermined => EXIT_UNDETERMINED,
        })
    }
}

/// The whole command tree, for completions and man pages.
///
/// Each command is built when it is requested, or by [`clap::Command::build`].
pub fn command() -> clap::Command {
    let command = Cli::command();
    let template = man::help_template(&command);
    command.help_template(template)
}

/// The command tree with no more than a name and a summary of the commands that these words do not name.
fn named_by(words: &[OsString]) -> clap::Command {
    command().mut_subcommands(|one| {
        if words.iter().any(|word| word == one.get_name()) {
            one
        } else {
            one.defer(std::convert::identity)
        }
    })
}

impl Command {
    fn run(self, context: &Context) -> Result<Exit, Error> {
        Ok(match self {
            Command::Generate(args) => args.run(context)?.into(),
            Command::Ca(args) => args.run(context)?.into(),
            Command::Issue(args) => args.run(context)?.into(),
            Command::Csr(args) => args.run(context)?.into(),
            Command::Acme(args) => args.run(context)?.into(),
            Command::Verify(args) => args.run(context)?.into(),
            Command::VerifyChain(args) => args.run(context)?.into(),
            Command::Inspect(args) => args.run(context)?.into(),
            Command::Renew(args) => args.run(context)?.into(),
            Command::Watch(args) => args.run(context)?.into(),
            Command::Explain(args) => args.run(context)?.into(),
            Command::Serve(args) => args.run(context)?.into(),
            Command::List(args) => args.run(context)?.into(),
            Command::Audit(args) => args.run(context)?.into(),
            Command::Revoke(args) => args.run(context)?.into(),
            Command::Unrevoke(args) => args.run(context)?.into(),
            Command::Crl(args) => args.run(context)?.into(),
            Command::Show(args) => args.run(context)?.into(),
            Command::Status(args) => args.run(context)?,
            Command::Enroll(args) => args.run(context)?.into(),
            Command::Store(args) => args.run(context)?.into(),
            Command::Token(args) => args.run(context)?.into(),
            Command::Dashboard(args) => args.run(context)?.into(),
            Command::Notify(args) => args.run(context)?.into(),
            Command::Workload(args) => args.run(context)?.into(),
            Command::Export(args) => args.run(context)?.into(),
            Command::Trust(args) => args.run(context)?.into(),
            Command::Template(args) => args.run(context)?.into(),
            Command::Completions(args) => args.run(context)?.into(),
            Command::Man(args) => args.run(context)?.into(),
            Command::Message(args) => args
                .run(&context.global, &context.renderer, &context.clock)?
                .into(),
            Command::Jwks(args) => args
                .run(&context.global, &context.renderer, context.now)?
                .into(),
            Command::Mint(args) => args.run(context)?,
        })
    }
}

/// The program's arguments, with OpenAgents' `-cn NAME` and `-cn=NAME` spelled as clap can read them.
/// The program behind `--exec` is rewritten, too: see [`exec::spelled`]. Without arguments, on a terminal, the wizard
/// asks.
fn arguments() -> impl Iterator<Item = OsString> {
    let mut given = std::env::args_os();
    let wizard: &[&str] = if given.len() == 1 && prompt::is_possible() {
        &["generate", "--interactive"]
    } else {
        &[]
    };
    let program = given.next();
    let asked = wizard.iter().map(OsString::from);
    let arguments = program.into_iter().chain(asked).chain(given);
    let arguments = arguments.map(|argument| {
        match argument.to_str().and_then(|text| text.strip_prefix("-cn")) {
            Some(rest) if rest.is_empty() || rest.starts_with('=') => {
                format!("--common-name{rest}").into()
            }
            Some(_) | None => argument,
        }
    });
    exec::spelled(arguments.collect()).into_iter()
}

/// The error for a format that only another command has.
fn not_of_this_command(format: &str, command: &str) -> Error {
    Error::usage(
        format!("`--format {format}` is for `{command}`"),
        "give `--format json`, or leave it out for text",
    )
}

const EXIT_NO: u8 = 1;
const EXIT_UNDETERMINED: u8 = 2;

/// Writes help and versions to standard output, wrong usage to standard error, as JSON if requested.
fn usage(error: &clap::Error) -> ExitCode {
    if error.use_stderr() && arguments().any(|word| word == "--nagios") {
        return status::misused(&usage_error(error));
    }
    if error.use_stderr() && is_json_wanted() {
        json_renderer().error(&usage_error(error));
        return ExitCode::from(EXIT_UNDETERMINED);
    }
    match error.print() {
        Ok(()) if !error.use_stderr() => ExitCode::SUCCESS,
        Err(cause) if cause.kind() == ErrorKind::BrokenPipe && !error.use_stderr() => {
            ExitCode::SUCCESS
        }
        Ok(()) | Err(_) => ExitCode::from(EXIT_UNDETERMINED),
    }
}

/// Whether arguments that cannot be parsed request JSON.
fn is_json_wanted() -> bool {
    let arguments: Vec<OsString> = arguments().skip(1).collect();
    let two_words = arguments
        .windows(2)
        .any(|pair| pair == ["--format", "json"]);
    two_words
        || arguments
            .iter()
            .any(|word| word == "--json" || word == "--format=json")
}

fn json_renderer() -> Renderer {
    Renderer {
        format: Format::Json,
        color: Color::Never,
        quiet: false,
    }
}

/// The first paragraph of an error of clap, and where help is.
fn usage_error(error: &clap::Error) -> Error {
    let text = error.to_string();
    let first = text.split("\n\n").next().unwrap_or_default();
    let words: Vec<&str> = first
        .split_whitespace()
        .skip_while(|word| *word == "error:")
        .collect();
    Error::usage(words.join(" "), "see the same command with `--help`")
}
