//! `verify-chain`.

use std::path::PathBuf;

use time::OffsetDateTime;

use super::args::Global;
use super::dialling::Dialling;
use super::finish;
use crate::error::Error;
use crate::ops::Verdict;
use crate::ops::verify_chain::networks::{self, WriteRequest};
use crate::ops::verify_chain::{Request, run};
use crate::render::Renderer;

/// Say whether a grpcs setup works, and what mends it
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Examples:\n  openagents-certs verify-chain --connect grpcs://localhost:8600 --ca certs/ca.crt\n  openagents-certs verify-chain --connect localhost:8600 --cert certs/server.crt"
)]
pub(super) struct Args {
    /// A live port, such as grpcs://host:8600; repeat for more
    #[arg(long, value_name = "URL")]
    connect: Vec<String>,

    /// The server's certificates
    #[arg(long, value_name = "FILE")]
    cert: Option<PathBuf>,

    /// The trust anchors
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,

    /// The client's certificates
    #[arg(long, value_name = "FILE", requires = "client_key")]
    client_cert: Option<PathBuf>,

    /// The client's private key
    #[arg(long, value_name = "FILE", requires = "client_cert")]
    client_key: Option<PathBuf>,

    /// A network's YAML; repeat for more
    #[arg(long, value_name = "FILE")]
    network: Vec<PathBuf>,

    /// An agent: its URL, its YAML, a directory or 'pattern*' of YAMLs, or a list of url,name,ca,client_cert,client_key; repeat for more
    #[arg(long, value_name = "URL|FILE")]
    agent: Vec<String>,

    /// Say which agents reach which networks
    #[arg(long)]
    matrix: bool,

    /// The directory that networks and agents are started in [default: this one]
    #[arg(long, value_name = "DIR")]
    cwd: Option<PathBuf>,

    /// The host that is dialled
    #[arg(long, value_name = "NAME")]
    host: Option<String>,

    /// Put a correct `tls:` block into each network
    #[arg(long, requires = "network")]
    write: bool,

    /// The server's private key
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,

    /// The CA of the clients
    #[arg(long, value_name = "FILE")]
    client_ca: Option<PathBuf>,

    /// Write nothing
    #[arg(long)]
    dry_run: bool,

    /// Judge as of this moment instead of now
    #[arg(long, value_name = "RFC3339", value_parser = super::verify::moment)]
    at: Option<OffsetDateTime>,

    /// Make at least this many connections to a live port
    #[arg(long, value_name = "N", value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=100))]
    connections: Option<usize>,

    #[command(flatten)]
    dialling: Dialling,
}

impl Args {
    pub(super) fn run(
        self,
        global: &Global,
        renderer: &Renderer,
        now: OffsetDateTime,
    ) -> Result<Verdict, Error> {
        let now = self.at.unwrap_or(now);
        let write = self.network.iter().filter(|_| self.write);
        let write = write.map(|network| WriteRequest {
            network: network.clone(),
            certificate: self.cert.clone(),
            key: self.key.clone(),
            client_ca: self.client_ca.clone(),
            directory: global.directory().to_owned(),
            cwd: self.cwd.clone(),
            dry_run: self.dry_run,
        });
        let request = Request {
            write: write.collect(),
            networks: networks::Request {
                networks: self.network,
                agents: self.agent,
                ca: self.ca.clone(),
                client_certificate: self.client_cert.clone(),
                client_key: self.client_key.clone(),
                cwd: self.cwd,
                host: self.host,
                directory: global.directory().to_owned(),
                matrix: self.matrix,
            },
            connect: self.connect,
            dialling: self.dialling.options(self.connections),
            certificate: self.cert,
            ca: self.ca,
            client: self.client_cert.zip(self.client_key),
            host: None,
        };
        finish(renderer, &run(&request, now)?)
    }
}
