//! `man`, and the top-level help: commands grouped by task.

use std::path::PathBuf;

use clap::builder::{StyledStr, Styles};

use super::args::directory;
use super::context::Context;
use super::{completing, pages};
use crate::error::Error;
use crate::ops::Verdict;
use crate::ops::columns::lines;
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
            return Err(Error::usage(
                format!("there is no page '{}'", Escaped(&self.page.join(" "))),
                "name a command as in `openagents-certs man issue server`, or findings, json or files",
            ));
        };
        if !(context.renderer.is_on_terminal() && placing::is_shown_by_man(&page)) {
            context.renderer.raw(page.as_bytes())?;
        }
        Ok(Verdict::Yes)
    }
}

/// A word that all of our pages contain.
const MARK: &str = "openagents-certs";

/// The help template of the program itself.
pub(super) fn help_template(command: &clap::Command) -> StyledStr {
    let heading = Styles::styled();
    let heading = heading.get_header();
    let name_of = clap::Command::get_name;
    let all: Vec<_> = command
        .get_subcommands()
        .filter(|one| !one.is_hide_set())
        .collect();
    let width = all.iter().map(|one| name_of(one).len()).max().unwrap_or(0);
    let known = |name: &str| TASKS.iter().any(|(_, names)| names.contains(&name));
    let others: Vec<_> = all
        .iter()
        .map(|one| name_of(one))
        .filter(|name| !known(name))
        .collect();
    let mut text = "{about-with-newline}\n{usage-heading} {usage}\n".to_owned();
    for (task, names) in TASKS
        .iter()
        .copied()
        .chain([(OTHER_TASKS, others.as_slice())])
    {
        let of_task: Vec<_> = names
            .iter()
            .filter_map(|name| all.iter().find(|one| name_of(one) == *name))
            .collect();
        if of_task.is_empty() {
            continue;
        }
        text.push_str(&format!("\n{heading}{task}:{heading:#}\n"));
        for one in of_task {
            let about = one.get_about().map(ToString::to_string).unwrap_or_default();
            let indent = width + 4;
            let about = lines(&about, MAX_COLUMNS - indent).join(&format!("\n{:indent$}", ""));
            text.push_str(&format!("  {:width$}  {about}\n", name_of(one)));
        }
    }
    text.push_str(&format!(
        "\n{heading}Options:{heading:#}\n{{options}}{{after-help}}"
    ));
    text.into()
}

const MAX_COLUMNS: usize = 80;

/// Tasks and the commands for them.
const TASKS: &[(&str, &[&str])] = &[
    ("Start", &["generate", "enroll", "mint"]),
    ("Issue", &["ca", "issue", "csr"]),
    ("Check", &["verify", "verify-chain", "inspect", "explain"]),
    (
        "Operate",
        &[
            "serve", "list", "show", "audit", "status", "renew", "watch", "revoke", "unrevoke",
            "crl",
        ],
    ),
    ("Distribute", &["token", "export", "trust", "template"]),
    ("Exchange", &["message"]),
];
/// The heading of all other commands.
const OTHER_TASKS: &str = "Set up";
