//! The `verify-chain` command.

use std::path::PathBuf;

use time::OffsetDateTime;

use super::args::{Dialling, Global};
use super::context::Context;

use crate::error::Error;
use crate::ops::verify_chain::networks::{self, EditRequest};
use crate::ops::verify_chain::{self, Connect, Files, Request};
use crate::ops::{Verdict, view};
use crate::path::stacks::Stack;
use crate::pki::san::host_of_url;
use crate::pki::validity;

/// Check whether a grpcs setup will work, on which TLS stacks, and how to fix it
///
/// Shows for every client and server stack whether the server starts, whether the client connects, and the message its
/// user would see. Without files, those of the PKI directory are checked: server.crt, client.crt, their keys, ca.crt.
/// The exit code is 0 if every required stack connects, 1 if one does not, and 2 if that cannot be determined.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  openagents-certs verify-chain -C certs --host agents.example.org
  openagents-certs verify-chain --network network.yaml --connect grpcs://localhost:8600 --ca certs/ca.crt --html report.html")]
pub(super) struct Args {
    /// Use this server certificate and chain
    #[arg(long, value_name = "FILE")]
    cert: Option<PathBuf>,

    /// Use this server key [default: the .key file beside --cert]
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,

    /// Use these trust anchors for clients [default: the ca.crt beside --cert, then the PKI directory's]
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,

    /// Dial this host name or address [default: from the certificate]
    #[arg(long, value_name = "NAME", allow_hyphen_values = true)]
    host: Option<String>,

    /// Use this client certificate and chain
    #[arg(long, value_name = "FILE")]
    client_cert: Option<PathBuf>,

    /// Use this client key [default: the .key file beside --client-cert]
    #[arg(long, value_name = "FILE")]
    client_key: Option<PathBuf>,

    /// Use these trust anchors for the server, as in its ca_file [default: same as --ca]
    #[arg(long, value_name = "FILE")]
    client_ca: Option<PathBuf>,

    /// Check revocation with this CRL; every certificate must be covered (repeatable)
    #[arg(long, value_name = "FILE")]
    crl: Vec<PathBuf>,

    /// Simulate these stacks
    #[arg(long = "as", value_enum, value_delimiter = ',', value_name = "STACKS", default_values_t = Stack::ALL)]
    stacks: Vec<Stack>,

    /// Require these stacks to connect to each other [default: those of --as]
    #[arg(long, value_enum, value_delimiter = ',', value_name = "STACKS")]
    require: Vec<Stack>,

    /// Check this network's YAML file (repeatable)
    #[arg(long, value_name = "FILE")]
    network: Vec<PathBuf>,

    /// Check this agent: a URL, a YAML file, a directory or 'pattern*' of YAML files, or a CSV
    /// file with the columns url,name,ca,client_cert,client_key (repeatable)
    #[arg(long, value_name = "URL|FILE")]
    agent: Vec<String>,

    /// Show which agents reach which networks, and why not
    #[arg(long, requires = "agent")]
    matrix: bool,

    /// Resolve the paths of networks and agents from this directory [default: the current one]
    #[arg(long, value_name = "DIR")]
    cwd: Option<PathBuf>,

    /// Add a tls: block with --cert, --key and --client-ca to each network's first gRPC transport
    #[arg(long, requires = "network")]
    write: bool,

    /// With --write: show the change without writing it
    #[arg(long, requires = "write")]
    dry_run: bool,

    /// Check this live port, such as grpcs://host:8600 (repeatable)
    #[arg(long, value_name = "URL")]
    connect: Vec<String>,

    /// Make at least this many connections to each live port
    #[arg(long, value_name = "N", value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=100))]
    connections: Option<usize>,

    /// Also write the report as an HTML page; replaces an earlier page
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,

    /// Replace any existing file with the HTML page
    #[arg(long, requires = "html")]
    force: bool,

    #[command(flatten)]
    dialling: Dialling,

    /// Check as of this moment instead of now
    #[arg(long, value_name = "RFC3339", value_parser = validity::moment)]
    at: Option<OffsetDateTime>,
}

impl Args {
    pub(super) fn run(self, context: &Context) -> Result<Verdict, Error> {
        let (html, force) = (self.html.clone(), self.force);
        let request = self.request(&context.global)?;
        let report = verify_chain::run(&request, context.now)?;
        if let Some(path) = html {
            let page = verify_chain::page(&report, request.at.unwrap_or(context.now));
            view::write_page(&page, &path, force)?;
        }
        context.finish(&report)
    }

    fn request(self, global: &Global) -> Result<Request, Error> {
        let named = self.files();
        let host = self.host.as_deref().map(bare);
        let networks = networks::Request {
            networks: self.network.clone(),
            agents: self.agent.clone(),
            ca: named.ca.clone(),
            client_certificate: named.client_certificate.clone(),
            client_key: named.client_key.clone(),
            cwd: self.cwd.clone(),
            host: host.clone(),
            directory: global.directory().to_owned(),
            matrix: self.matrix,
            source: networks::Source::Disk,
        };
        let write = self.write(&named, global);
        let (files, brought) = self.judged(named, global)?;
        let mut stacks = self.stacks;
        stacks.extend(&self.require);
        Ok(Request {
            files,
            host,
            networks,
            write,
            connect: Connect {
                targets: self.connect,
                dialling: self.dialling.options(self.connections),
                files: brought,
            },
            require: if self.require.is_empty() {
                stacks.clone()
            } else {
                self.require
            },
            stacks,
            at: self.at,
        })
    }

    /// The named files.
    fn files(&self) -> Files {
        Files {
            certificate: self.cert.clone(),
            key: self.key.clone(),
            ca: self.ca.clone(),
            client_certificate: self.client_cert.clone(),
            client_key: self.client_key.clone(),
            client_ca: self.client_ca.clone(),
            revocation_lists: self.crl.clone(),
            lists_beside: Vec::new(),
        }
    }

    /// The networks to add a `tls:` block to.
    fn write(&self, named: &Files, global: &Global) -> Vec<EditRequest> {
        let networks = self.network.iter().filter(|_| self.write);
        let request = |network: &PathBuf| EditRequest {
            network: network.clone(),
            certificate: named.certificate.clone(),
            key: named.key.clone(),
            client_ca: named.client_ca.clone(),
            directory: global.directory().to_owned(),
            cwd: self.cwd.clone(),
            dry_run: self.dry_run,
        };
        networks.map(request).collect()
    }

    /// The files to check, if any, and those to probe live ports with.
    fn judged(&self, named: Files, global: &Global) -> Result<(Option<Files>, Files), Error> {
        let is_other =
            !self.connect.is_empty() || !self.network.is_empty() || !self.agent.is_empty();
        let is_server_named = named.certificate.is_some() || named.key.is_some();
        if named.is_empty() {
            if !is_other {
                let mut found = Files::of_directory(global.directory())?;
                found.revocation_lists.extend(named.revocation_lists);
                return Ok((Some(found), Files::default()));
            }
            // Only the client's files: which certificate the port should serve is not known.
            let found = Files::of_directory(global.directory()).unwrap_or_default();
            let (certificate, key) = (None, None);
            return Ok((
                None,
                Files {
                    certificate,
                    key,
                    ..found
                },
            ));
        }
        let files = named.completed(Some(global.directory()));
        let is_judged = (is_server_named && !self.write) || !is_other;
        Ok((is_judged.then(|| files.clone()), files))
    }
}

/// A host without a URL's scheme and port, and without an address's brackets.
fn bare(host: &str) -> String {
    let host = host_of_url(host).unwrap_or(host);
    let inner = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    inner.unwrap_or(host).to_owned()
}
