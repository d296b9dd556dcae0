//! `show`.

use std::ffi::OsString;

use time::OffsetDateTime;

use super::args::Global;
use super::{completing, finish};
use crate::error::Error;
use crate::ops::Verdict;
use crate::ops::show::run;
use crate::render::Renderer;

/// Show an issued certificate and what is recorded about it
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  openagents-certs show agent-7.example.org
  openagents-certs show 4f2a90 --pem > agent-7.crt")]
pub(super) struct Args {
    /// Serial number or a unique prefix of it, name, or certificate file
    #[arg(value_name = "CERTIFICATE", add = completing::targets())]
    certificate: OsString,

    /// Write the certificate as PEM
    #[arg(long)]
    pem: bool,
}

impl Args {
    pub(super) fn run(
        self,
        global: &Global,
        renderer: &Renderer,
        now: OffsetDateTime,
    ) -> Result<Verdict, Error> {
        let report = run(global.directory(), &self.certificate, now)?;
        if self.pem {
            renderer.text(&report.pem)?;
            return Ok(Verdict::Yes);
        }
        finish(renderer, &report)
    }
}
