//! The command line: one file per command, its doc comment is the help.

mod args;
mod ca;
mod completing;
mod completions;
mod csr;
mod explain;
mod generate;
mod inspect;
mod issue;
mod list;
mod man;
mod pages;
mod prompt;
mod show;
mod template;
mod verify;

use std::ffi::OsString;
use std::io::ErrorKind;
use std::process::ExitCode;

use clap::builder::{StyledStr, Styles};
use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use time::OffsetDateTime;

pub use completions::completion_scripts;
pub use pages::{json_fields, man_pages};

use crate::error::Error;
use crate::ops::{Report, Verdict};
use crate::render::{Color, Format, Renderer};

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
    Ca(ca::Args),
    Issue(issue::Args),
    Csr(csr::Args),
    Verify(verify::Args),
    Inspect(inspect::Args),
    Explain(explain::Args),
    List(list::Args),
    Show(show::Args),
    Template(template::Args),
    Completions(completions::Args),
    Man(man::Args),
}

/// Runs the program on its own arguments at this moment, and gives its exit code: 0 done or yes,
/// 1 no, 2 could not tell.
pub fn main(now: OffsetDateTime) -> ExitCode {
    if let Some(answer) = completing::answer() {
        // A shell that has gone away is no error.
        let _ = json_renderer().raw(&answer);
        return ExitCode::SUCCESS;
    }
    let parsed = command()
        .try_get_matches_from(arguments())
        .and_then(|matches| {
            let mut cli = Cli::from_arg_matches(&matches)?;
            cli.global.note_given(&matches);
            Ok(cli)
        });
    let cli = match parsed {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    let renderer = cli.global.renderer();
    let done = match (renderer.format, &cli.command) {
        (Format::Text | Format::Json, _) | (Format::Csv, Command::List(_)) => {
            cli.command.run(&cli.global, &renderer, now)
        }
        (Format::Csv, _) => Err(not_a_table()),
    };
    match done {
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
    let command = Cli::command();
    let template = first_help(&command);
    command.help_template(template)
}

/// The help of the program itself: its commands by what they are for.
fn first_help(command: &clap::Command) -> StyledStr {
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
            text.push_str(&format!(
                "  {:width$}  {}\n",
                name_of(one),
                wrapped(&about, width + 4)
            ));
        }
    }
    text.push_str(&format!(
        "\n{heading}Options:{heading:#}\n{{options}}{{after-help}}"
    ));
    text.into()
}

/// A text of which the lines after the first are indented, and none is broader than any terminal.
fn wrapped(text: &str, indent: usize) -> String {
    let mut lines = String::new();
    let mut column = indent;
    for word in text.split(' ') {
        let length = word.chars().count();
        if column + length >= MAX_COLUMNS && column > indent {
            lines.push_str(&format!("\n{:indent$}", ""));
            column = indent;
        } else if column > indent {
            lines.push(' ');
            column += 1;
        }
        lines.push_str(word);
        column += length;
    }
    lines
}

const MAX_COLUMNS: usize = 80;

/// What one wants to do, and the commands for it.
const TASKS: &[(&str, &[&str])] = &[
    ("Start", &["generate", "mint"]),
    ("Issue", &["ca", "issue", "csr"]),
    ("Check", &["verify", "verify-chain", "inspect", "explain"]),
    (
        "Look after",
        &["list", "show", "status", "renew", "watch", "revoke", "crl"],
    ),
    ("Hand out", &["export", "trust", "template"]),
];
/// The heading of those that stand nowhere else.
const OTHER_TASKS: &str = "This program";

impl Command {
    fn run(
        self,
        global: &args::Global,
        renderer: &Renderer,
        now: OffsetDateTime,
    ) -> Result<Verdict, Error> {
        match self {
            Command::Generate(args) => args.run(global, renderer, now),
            Command::Ca(args) => args.run(global, renderer, now),
            Command::Issue(args) => args.run(global, renderer, now),
            Command::Csr(args) => args.run(global, renderer, now),
            Command::Verify(args) => args.run(global, renderer, now),
            Command::Inspect(args) => args.run(global, renderer, now),
            Command::Explain(args) => args.run(global, renderer, now),
            Command::List(args) => args.run(global, renderer, now),
            Command::Show(args) => args.run(global, renderer, now),
            Command::Template(args) => args.run(global, renderer),
            Command::Completions(args) => args.run(global, renderer),
            Command::Man(args) => args.run(global, renderer),
        }
    }
}

/// The program's arguments, with OpenAgents' `-cn NAME` and `-cn=NAME` spelled as clap can read them.
fn arguments() -> impl Iterator<Item = OsString> {
    std::env::args_os().map(|argument| {
        match argument.to_str().and_then(|text| text.strip_prefix("-cn")) {
            Some(rest) if rest.is_empty() || rest.starts_with('=') => {
                format!("--common-name{rest}").into()
            }
            Some(_) | None => argument,
        }
    })
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

/// What is said where CSV is asked for and is none.
fn not_a_table() -> Error {
    Error::Usage {
        message: "`--format csv` is for `list`".into(),
        hint: "give `--format json`, or leave it out for text".into(),
    }
}

const EXIT_NO: u8 = 1;
const EXIT_UNKNOWN: u8 = 2;

/// Help and versions go to standard output, wrong usage to standard error, as JSON where that is wanted.
fn usage(error: &clap::Error) -> ExitCode {
    if error.use_stderr() && is_json_wanted() {
        json_renderer().error(&usage_error(error));
        return ExitCode::from(EXIT_UNKNOWN);
    }
    match error.print() {
        Ok(()) if !error.use_stderr() => ExitCode::SUCCESS,
        Err(cause) if cause.kind() == ErrorKind::BrokenPipe && !error.use_stderr() => {
            ExitCode::SUCCESS
        }
        Ok(()) | Err(_) => ExitCode::from(EXIT_UNKNOWN),
    }
}

/// Whether JSON is asked for by arguments that as a whole could not be read.
fn is_json_wanted() -> bool {
    let arguments: Vec<OsString> = arguments().skip(1).collect();
    let two_words = arguments
        .windows(2)
        .any(|pair| pair == ["--format", "json"]);
    two_words
        || arguments
            .iter()
            .any(|word| word == "--json" || word == "--format=json")
}

fn json_renderer() -> Renderer {
    Renderer {
        format: Format::Json,
        color: Color::Never,
        quiet: false,
    }
}

/// What clap says up to its first blank line, and where help is.
fn usage_error(error: &clap::Error) -> Error {
    let text = error.to_string();
    let first = text.split("\n\n").next().unwrap_or_default();
    let words: Vec<&str> = first
        .split_whitespace()
        .skip_while(|word| *word == "error:")
        .collect();
    Error::Usage {
        message: words.join(" "),
        hint: "see the same command with `--help`".into(),
    }
}
