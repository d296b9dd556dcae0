//! `man`.

use std::path::PathBuf;

use super::args::directory;
use super::context::Context;
use super::{completing, pages};
use crate::error::Error;
use crate::ops::Verdict;
use crate::ops::placing::{self, Action, Request};
use crate::pki::escape::Escaped;

/// Show a page of the manual, or write all of them
///
/// On a terminal the page is shown by man(1), otherwise its source is printed. Besides the commands there
/// are `findings` (all findings), `json` (each field of each report) and `files`
/// (what is on disk).
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  openagents-certs man issue server
  openagents-certs man findings
  openagents-certs man --out ~/.local/share/man/man1")]
pub(super) struct Args {
    /// Command, or findings, json or files [default: the program itself]
    #[arg(value_name = "PAGE", add = completing::pages())]
    page: Vec<String>,

    /// Write every page to this directory
    #[arg(long, value_name = "DIR", value_parser = directory(), conflicts_with = "page")]
    out: Option<PathBuf>,

    /// Show which pages would be written
    #[arg(long, requires = "out")]
    dry_run: bool,
}

impl Args {
    pub(super) fn run(self, context: &Context) -> Result<Verdict, Error> {
        if let Some(directory) = self.out {
            let request = Request {
                directory,
                files: pages::man_pages(),
                action: Action::Place,
                mark: MARK,
                note: None,
                dry_run: self.dry_run,
            };
            return context.finish(&placing::run(&request)?);
        }
        let Some(page) = pages::page(&self.page) else {
            return Err(Error::Usage {
                message: format!("there is no page '{}'", Escaped(&self.page.join(" "))),
                hint: "name a command as in `openagents-certs man issue server`, or findings, json or files".into(),
            });
        };
        if !(context.renderer.is_on_terminal() && placing::is_shown_by_man(&page)) {
            context.renderer.raw(page.as_bytes())?;
        }
        Ok(Verdict::Yes)
    }
}

/// A word that all of our pages contain.
const MARK: &str = "openagents-certs";
