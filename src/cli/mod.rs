//! The command line: one file per command, its doc comment is the help.

mod args;
mod generate;
mod inspect;

use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use time::OffsetDateTime;

use crate::error::Error;
use crate::ops::{Report, Verdict};
use crate::render::Renderer;

/// Certificates for agent networks: create a CA, issue, inspect and verify.
///
/// Everything lives in one directory (`-C`, by default ./certs).
#[derive(Debug, Parser)]
#[command(
    name = "openagents-certs",
    version,
    propagate_version = true,
    arg_required_else_help = true,
    max_term_width = 100
)]
#[command(
    after_help = "Start with:\n  openagents-certs generate --mtls\n  openagents-certs verify certs/server.crt"
)]
struct Cli {
    #[command(flatten)]
    global: args::Global,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Generate(generate::Args),
    Inspect(inspect::Args),
}

/// Runs the program on its own arguments at this moment, and gives its exit code: 0 done or yes,
/// 1 no, 2 could not tell.
pub fn main(now: OffsetDateTime) -> ExitCode {
    let parsed = command()
        .try_get_matches()
        .and_then(|matches| Cli::from_arg_matches(&matches));
    let cli = match parsed {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    let renderer = cli.global.renderer();
    match cli.command.run(&cli.global, &renderer, now) {
        Ok(Verdict::Yes) => ExitCode::SUCCESS,
        Ok(Verdict::No) => ExitCode::from(EXIT_NO),
        Err(error) => {
            renderer.error(&error);
            ExitCode::from(EXIT_UNKNOWN)
        }
    }
}

/// The whole command tree, for completions and man pages.
pub fn command() -> clap::Command {
    Cli::command()
}

impl Command {
    fn run(
        self,
        global: &args::Global,
        renderer: &Renderer,
        now: OffsetDateTime,
    ) -> Result<Verdict, Error> {
        match self {
            Command::Generate(args) => args.run(global, renderer, now),
            Command::Inspect(args) => args.run(global, renderer, now),
        }
    }
}

/// Writes a report and what goes with it, and gives its verdict.
fn finish(renderer: &Renderer, report: &impl Report) -> Result<Verdict, Error> {
    for warning in report.warnings() {
        renderer.warning(&warning);
    }
    renderer.result(report, report)?;
    if let Some(reason) = report.reason() {
        renderer.reason(&reason);
    }
    Ok(report.verdict())
}

const EXIT_NO: u8 = 1;
const EXIT_UNKNOWN: u8 = 2;

/// Help and versions go to standard output, wrong usage to standard error.
fn usage(error: &clap::Error) -> ExitCode {
    match error.print() {
        Ok(()) if !error.use_stderr() => ExitCode::SUCCESS,
        Err(cause) if cause.kind() == std::io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Ok(()) | Err(_) => ExitCode::from(EXIT_UNKNOWN),
    }
}
