//! `verify-chain`.

use std::path::PathBuf;

use time::OffsetDateTime;

use super::args::Global;
use super::dialling::Dialling;
use super::finish;
use crate::error::Error;
use crate::ops::Verdict;
use crate::ops::verify_chain::networks::{self, WriteRequest};
use crate::ops::verify_chain::{self, Connect, Files, Request};
use crate::ops::view;
use crate::path::stacks::Stack;
use crate::pki::san::host_of_url;
use crate::pki::validity;
use crate::render::Renderer;

/// Check whether a whole grpcs setup will work, on which TLS stacks, and what mends it
///
/// Says for every client and server stack whether the server starts, whether the client gets through, and the
/// text its user would see. Without files the PKI directory's own are judged: server.crt, client.crt, their keys, ca.crt.
/// Exit code 0: it works, 1: it does not, 2: could not be told.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  openagents-certs verify-chain -C certs --host agents.example.org
  openagents-certs verify-chain --network network.yaml --agent grpcs://localhost:8600 --ca certs/ca.crt --matrix
  openagents-certs verify-chain --network network.yaml --write --cert certs/server.crt
  openagents-certs verify-chain --network network.yaml --html report.html
  openagents-certs verify-chain --connect grpcs://localhost:8600 --ca certs/ca.crt
  openagents-certs verify-chain --cert server.crt --key server.key --ca ca.crt --host localhost --require grpc-core,tonic")]
pub(super) struct Args {
    /// The server's certificate, then those above it
    #[arg(long, value_name = "FILE")]
    cert: Option<PathBuf>,

    /// The server's private key [default: the .key beside --cert]
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,

    /// The trust anchors of the clients [default: the ca.crt beside --cert]
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,

    /// The host name or address that is dialled [default: the certificate's own]
    #[arg(long, value_name = "NAME", allow_hyphen_values = true)]
    host: Option<String>,

    /// The client's certificate, then those above it
    #[arg(long, value_name = "FILE")]
    client_cert: Option<PathBuf>,

    /// The client's private key [default: the .key beside --client-cert]
    #[arg(long, value_name = "FILE")]
    client_key: Option<PathBuf>,

    /// The server's trust anchors for clients, its ca_file [default: as --ca]
    #[arg(long, value_name = "FILE")]
    client_ca: Option<PathBuf>,

    /// Revocation lists; repeat for more
    #[arg(long, value_name = "FILE")]
    crl: Vec<PathBuf>,

    /// The stacks to judge
    #[arg(long = "as", value_enum, value_delimiter = ',', value_name = "STACKS", default_values_t = Stack::ALL)]
    stacks: Vec<Stack>,

    /// The stacks that have to work with each other [default: those of --as]
    #[arg(long, value_enum, value_delimiter = ',', value_name = "STACKS")]
    require: Vec<Stack>,

    /// A network's YAML; repeat for more
    #[arg(long, value_name = "FILE")]
    network: Vec<PathBuf>,

    /// An agent: its URL, its YAML, a directory or 'pattern*' of YAMLs, or a list of
    /// url,name,ca,client_cert,client_key; repeat for more
    #[arg(long, value_name = "URL|FILE")]
    agent: Vec<String>,

    /// Say which agents reach which networks, and why not
    #[arg(long, requires = "agent")]
    matrix: bool,

    /// The directory that networks and agents are started in, which their paths are relative to [default: this one]
    #[arg(long, value_name = "DIR")]
    cwd: Option<PathBuf>,

    /// Put a correct tls: block with --cert, --key and --client-ca into each network's first gRPC transport
    #[arg(long, requires = "network")]
    write: bool,

    /// With --write: show the change, and write nothing
    #[arg(long, requires = "write")]
    dry_run: bool,

    /// A live port to look at too, such as grpcs://host:8600; repeat for more
    #[arg(long, value_name = "URL")]
    connect: Vec<String>,

    /// Make at least this many connections to a live port
    #[arg(long, value_name = "N", value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=100))]
    connections: Option<usize>,

    /// Write the report as a page of HTML too; an earlier page is replaced
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,

    /// Replace whatever is in the page's place
    #[arg(long, requires = "html")]
    force: bool,

    #[command(flatten)]
    dialling: Dialling,

    /// Judge as of this moment instead of now
    #[arg(long, value_name = "RFC3339", value_parser = validity::moment)]
    at: Option<OffsetDateTime>,
}

impl Args {
    pub(super) fn run(
        self,
        global: &Global,
        renderer: &Renderer,
        now: OffsetDateTime,
    ) -> Result<Verdict, Error> {
        let (html, force) = (self.html.clone(), self.force);
        let request = self.request(global)?;
        let report = verify_chain::run(&request, now)?;
        if let Some(path) = html {
            let page = verify_chain::page(&report, request.at.unwrap_or(now));
            view::write_page(&page, &path, force)?;
        }
        finish(renderer, &report)
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

    /// The files as they were named.
    fn files(&self) -> Files {
        Files {
            certificate: self.cert.clone(),
            key: self.key.clone(),
            ca: self.ca.clone(),
            client_certificate: self.client_cert.clone(),
            client_key: self.client_key.clone(),
            client_ca: self.client_ca.clone(),
            revocation_lists: self.crl.clone(),
        }
    }

    /// The networks that get a `tls:` block.
    fn write(&self, named: &Files, global: &Global) -> Vec<WriteRequest> {
        let networks = self.network.iter().filter(|_| self.write);
        let request = |network: &PathBuf| WriteRequest {
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

    /// The files that are judged themselves, where there are some, and those that a client brings to a live port.
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
            // Only what a client brings: which certificate another's port ought to serve nobody said.
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

/// A host as it is dialled: without a URL's scheme and port, without an address's brackets.
fn bare(host: &str) -> String {
    let host = host_of_url(host).unwrap_or(host);
    let inner = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    inner.unwrap_or(host).to_owned()
}
