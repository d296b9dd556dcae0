//! `generate`.

use time::OffsetDateTime;

use super::args::Global;
use crate::error::Error;
use crate::ops::Verdict;
use crate::render::Renderer;

/// Make the whole PKI of a network
#[derive(clap::Args, Debug)]
pub(super) struct Args {}

impl Args {
    pub(super) fn run(self, _: &Global, _: &Renderer, _: OffsetDateTime) -> Result<Verdict, Error> {
        Ok(Verdict::Yes)
    }
}
