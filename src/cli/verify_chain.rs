//! `verify-chain`.

use std::path::PathBuf;

use time::OffsetDateTime;

use super::args::Global;
use super::dialling::Dialling;
use super::finish;
use crate::error::Error;
use crate::ops::Verdict;
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

    /// Make at least this many connections to a live port
    #[arg(long, value_name = "N", value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=100))]
    connections: Option<usize>,

    #[command(flatten)]
    dialling: Dialling,
}

impl Args {
    pub(super) fn run(
        self,
        _: &Global,
        renderer: &Renderer,
        now: OffsetDateTime,
    ) -> Result<Verdict, Error> {
        let request = Request {
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
