//! `workload`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Subcommand;
use clap::builder::{OsStringValueParser, TypedValueParser as _};

use super::args::Afterwards;
use super::context::Context;
use super::serve;
use super::watch::NOTIFY_SOCKET;
use crate::config::{DnsName, PublicUrl, Selectors, Sha256, WorkloadEntry, WorkloadLifetime};
use crate::error::Error;
use crate::ops::watch::{ServiceManager, Signals};
use crate::ops::workload::{entry, fetch};
use crate::ops::{Verdict, requested_by};
use crate::pki::spiffe::SpiffeId;
use crate::server::{self, AgentRequest, Level};

/// Give processes SPIFFE identities, and fetch them as files
///
/// `serve --workload-socket PATH` gives processes of this machine X.509-SVIDs and JWT-SVIDs over the SPIFFE
/// Workload API. Programs with a SPIFFE library need only SPIFFE_ENDPOINT_SOCKET=unix:PATH; for others,
/// `workload fetch` writes files. Entries, in certs.toml or added here, say which process gets which SPIFFE ID.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  openagents-certs workload entry add spiffe://example.org/agent/alice --uid 1001
  openagents-certs workload fetch --socket /run/certs/workload.sock --out /run/agent")]
pub(super) struct Args {
    #[command(subcommand)]
    command: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    Fetch(Fetch),
    Entry(Entry),
    Agent(Agent),
}

/// Serve the Workload API on another machine, with identities that the server issues
///
/// The machine has enrolled, and its certificate has a SPIFFE ID: it is a node. Entries with this `node` say which
/// of its processes get what. Keys stay on this machine. While the server cannot be reached, identities that are
/// valid are served until they expire. Run `watch` beside it to renew the certificate of the node.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  openagents-certs workload agent --socket /run/certs/workload.sock -C /etc/node
  openagents-certs workload agent --server https://ca.example.org:8443 --socket /run/certs/workload.sock")]
struct Agent {
    /// URL of the server [default: the one that the directory was enrolled with]
    #[arg(long, value_name = "URL")]
    server: Option<PublicUrl>,

    /// Serve the Workload API on this Unix socket
    #[arg(long, value_name = "PATH", value_parser = OsStringValueParser::new().try_map(socket))]
    socket: PathBuf,
}

/// Write the identity of this process as files, and keep them current
///
/// Writes svid.crt, svid.key and bundle.crt, replaced together. With `--watch`, does so whenever the identity or
/// the trust anchors change, until SIGTERM or SIGINT; a socket that cannot be reached is tried again.
///
/// Exit code 0: written; 1: written, but the program or the signal failed; 2: no identity, or it could not be
/// written.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  openagents-certs workload fetch --socket /run/certs/workload.sock --out /run/agent
  openagents-certs workload fetch --socket /run/w.sock --out /run/agent --watch --exec systemctl reload agent

The program runs without a shell, with OPENAGENTS_CERTS_EVENT, _NAME (the SPIFFE ID), _CERT, _KEY, _SERIAL,
_NOT_AFTER and _DIR in its environment.")]
struct Fetch {
    /// Socket of the Workload API
    #[arg(
        long,
        value_name = "PATH",
        env = SOCKET_VARIABLE,
        value_parser = OsStringValueParser::new().try_map(socket),
        hide_env_values = true
    )]
    socket: PathBuf,

    /// Write the files into this directory
    #[arg(long, value_name = "DIR")]
    out: PathBuf,

    /// Choose this identity, if there are several [default: the first]
    #[arg(long, value_name = "ID")]
    spiffe_id: Option<SpiffeId>,

    /// Run until stopped, and replace the files whenever they change
    #[arg(long)]
    watch: bool,

    #[command(flatten)]
    afterwards: Afterwards,
}

/// Add, list and remove entries
///
/// Entries in certs.toml come first, then these, the oldest first. A server serves a change within seconds.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  openagents-certs workload entry add spiffe://example.org/agent/alice --uid 1001
  openagents-certs workload entry list")]
struct Entry {
    #[command(subcommand)]
    command: EntryAction,
}

#[derive(Debug, Subcommand)]
enum EntryAction {
    Add(Box<Add>),
    List(List),
    Remove(Remove),
}

/// Give a SPIFFE ID to processes that match all of these selectors
///
/// The kernel says what a process is; root can be any user. The program of a process is seen only by a server that
/// runs as root or as the same user.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  openagents-certs workload entry add spiffe://example.org/agent/alice --uid 1001 --dns alice.example.org
  openagents-certs workload entry add spiffe://example.org/agent/bob --user bob --exe /usr/bin/bob --ttl 10m")]
#[command(group(
    clap::ArgGroup::new("selectors")
        .required(true)
        .multiple(true)
        .args(["uid", "gid", "user", "exe", "exe_sha256"])
))]
struct Add {
    /// The SPIFFE ID, in the trust domain of certs.toml
    #[arg(value_name = "ID")]
    spiffe_id: SpiffeId,

    /// Match processes of the user with this number
    #[arg(long, value_name = "UID")]
    uid: Option<u32>,

    /// Match processes whose primary group has this number
    #[arg(long, value_name = "GID")]
    gid: Option<u32>,

    /// Match processes of the user with this name
    #[arg(long, value_name = "NAME")]
    user: Option<String>,

    /// Match processes that run the program at this path
    #[arg(long, value_name = "PATH", value_parser = absolute)]
    exe: Option<PathBuf>,

    /// Match processes whose program has this SHA-256 digest
    #[arg(long, value_name = "HEX")]
    exe_sha256: Option<Sha256>,

    /// Validity period of an SVID
    #[arg(long, value_name = "LIFETIME", default_value = "1h")]
    ttl: WorkloadLifetime,

    /// Add a DNS name to the certificate; repeat for more
    #[arg(long, value_name = "NAME")]
    dns: Vec<DnsName>,

    /// Tell programs with several SVIDs what this one is for
    #[arg(long, value_name = "TEXT")]
    hint: Option<String>,

    /// Serve it from the agent of this node, not from this machine
    #[arg(long, value_name = "ID")]
    node: Option<SpiffeId>,
}

/// List entries, in the order of the SVIDs
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  openagents-certs workload entry list
  openagents-certs workload entry list --json")]
struct List {}

/// Remove an entry
///
/// Entries in certs.toml are removed there. SVIDs that were issued stay valid until they expire or are revoked.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  openagents-certs workload entry remove 3f2a8b0c91d4e657
  openagents-certs workload entry remove 3f2a8b0c91d4e657 -C /etc/certs")]
struct Remove {
    /// The entry's id, as `workload entry list` shows it
    #[arg(value_name = "ID")]
    id: String,
}

impl Args {
    pub(super) fn run(self, context: &Context) -> Result<Verdict, Error> {
        let directory = context.directory();
        let Entry { command } = match self.command {
            Action::Fetch(args) => return args.run(context),
            Action::Agent(args) => return args.run(context),
            Action::Entry(entry) => entry,
        };
        match command {
            EntryAction::Add(args) => {
                let entry = args.entry();
                context.finish(&entry::add(directory, entry, requested_by(), context.now)?)
            }
            EntryAction::List(List {}) => context.finish(&entry::list(directory)?),
            EntryAction::Remove(Remove { id }) => context.finish(&entry::remove(directory, &id)?),
        }
    }
}

impl Agent {
    fn run(self, context: &Context) -> Result<Verdict, Error> {
        let request = AgentRequest {
            directory: context.directory().to_owned(),
            server: self.server,
            socket: self.socket,
            service: ServiceManager::at(std::env::var_os(NOTIFY_SOCKET).as_deref()),
            clock: context.clock,
            log_level: match context.global.is_verbose() {
                true => Level::Debug,
                false => Level::Info,
            },
        };
        let renderer = context.renderer;
        server::run_agent(&request, move |event| {
            serve::write(event, &renderer);
        })?;
        Ok(Verdict::Yes)
    }
}

impl Fetch {
    fn run(self, context: &Context) -> Result<Verdict, Error> {
        let request = fetch::Request {
            socket: self.socket,
            out: self.out,
            spiffe_id: self.spiffe_id,
            hook: self.afterwards.hook(Vec::new(), &context.renderer),
            signals: self.afterwards.signal,
        };
        if !self.watch {
            return context.finish(&fetch::run(&request, context.now)?);
        }
        let mut signals = Signals::take()?;
        let mut written = Ok(());
        fetch::watch(
            &request,
            &context.clock,
            &mut |time| signals.sleep(time),
            &mut |event| {
                // A log that cannot be written must not let files expire; the error is returned at the end.
                let line = context.renderer.event(event, event);
                written = std::mem::replace(&mut written, Ok(())).and(line);
            },
        )?;
        written.map(|()| Verdict::Yes)
    }
}

impl Add {
    fn entry(self) -> WorkloadEntry {
        WorkloadEntry {
            spiffe_id: self.spiffe_id,
            node: self.node,
            selectors: Selectors {
                unix_uid: self.uid,
                unix_gid: self.gid,
                unix_user: self.user,
                exe: self.exe,
                exe_sha256: self.exe_sha256,
            },
            ttl: self.ttl,
            dns: self.dns,
            hint: self.hint,
        }
    }
}

/// The path of a socket, also as a URL: `unix:///PATH` or `unix:PATH`.
fn socket(argument: OsString) -> Result<PathBuf, String> {
    let Some(text) = argument.to_str() else {
        return Ok(argument.into());
    };
    let path = text.strip_prefix("unix:").unwrap_or(text);
    let path = path.strip_prefix("//").unwrap_or(path);
    if path.is_empty() || text.starts_with("tcp:") {
        return Err(format!("not the path of a Unix socket: '{text}'"));
    }
    Ok(path.into())
}

fn absolute(text: &str) -> Result<PathBuf, String> {
    match PathBuf::from(text) {
        path if path.is_absolute() => Ok(path),
        _ => Err("not an absolute path".into()),
    }
}

const SOCKET_VARIABLE: &str = "SPIFFE_ENDPOINT_SOCKET";
