//! `show`.

use time::OffsetDateTime;

use super::args::Global;
use super::{completing, finish};
use crate::error::Error;
use crate::ops::Verdict;
use crate::ops::show::run;
use crate::pki::serial::SerialPrefix;
use crate::render::Renderer;

/// Show one certificate that was issued, and what is known of it
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  openagents-certs show 4f:2a:90
  openagents-certs show 4f2a90 --pem > agent-7.crt")]
pub(super) struct Args {
    /// The serial number in hex, or as many of its first digits as no other has
    #[arg(add = completing::serials())]
    serial: SerialPrefix,

    /// Write the certificate itself, as PEM
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
        let report = run(global.directory(), &self.serial, now)?;
        if self.pem {
            renderer.text(&report.pem)?;
            return Ok(Verdict::Yes);
        }
        finish(renderer, &report)
    }
}
