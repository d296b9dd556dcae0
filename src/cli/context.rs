//! What every command runs with.

use std::path::{Path, PathBuf};

use clap::parser::ValueSource;
use clap::{ArgMatches, Args};
use time::OffsetDateTime;

use crate::authority::{Ask, AuthorityAt};
use crate::error::Error;
use crate::ops::{Report, Verdict, enroll};
use crate::render::{Color, Format, Renderer};

/// What every command runs with.
pub(super) struct Context {
    /// The options that every command takes.
    pub(super) global: Global,
    /// Where results go.
    pub(super) renderer: Renderer,
    /// When the program started.
    pub(super) now: OffsetDateTime,
    /// The current time, for commands that run on.
    pub(super) clock: fn() -> OffsetDateTime,
}

impl Context {
    /// These options, at this time.
    pub(super) fn new(global: Global, clock: fn() -> OffsetDateTime) -> Self {
        Context {
            renderer: global.renderer(),
            global,
            now: clock(),
            clock,
        }
    }

    /// The PKI directory.
    pub(super) fn directory(&self) -> &Path {
        &self.global.dir
    }

    /// The authority in the PKI directory.
    pub(super) fn authority<'a>(&'a self, ask: Ask<'a>) -> AuthorityAt<'a> {
        AuthorityAt {
            passphrase: ask,
            ..AuthorityAt::directory(self.directory())
        }
    }

    /// Writes a report and its warnings, and returns its verdict.
    ///
    /// With `--quiet`, text that only confirms what was done is left out.
    pub(super) fn finish(&self, report: &impl Report) -> Result<Verdict, Error> {
        let renderer = &self.renderer;
        for warning in report.warnings() {
            renderer.warning(&warning);
        }
        if report.is_content() || !renderer.is_silent() {
            renderer.report(report)?;
        }
        if let Some(reason) = report.reason() {
            renderer.reason(&report.verdict().to_string(), &reason);
        }
        Ok(report.verdict())
    }

    /// The verdict if nothing failed; otherwise reports all errors but the last, which is returned.
    pub(super) fn conclude(
        &self,
        verdict: Verdict,
        mut errors: Vec<Error>,
    ) -> Result<Verdict, Error> {
        let Some(last) = errors.pop() else {
            return Ok(verdict);
        };
        errors.iter().for_each(|error| self.renderer.error(error));
        Err(last)
    }
}

/// The environment variable that names the PKI directory.
pub(super) const DIRECTORY_VARIABLE: &str = "OPENAGENTS_CERTS_DIR";

/// Options that every command takes.
#[derive(Args, Debug)]
#[command(next_help_heading = "Global options")]
pub(super) struct Global {
    /// Use this PKI directory
    #[arg(
        short = 'C',
        long,
        global = true,
        value_name = "DIR",
        env = DIRECTORY_VARIABLE,
        default_value = "./certs",
        hide_env_values = true
    )]
    dir: PathBuf,

    /// Output format
    #[arg(
        long,
        global = true,
        value_enum,
        default_value_t,
        value_name = "FORMAT"
    )]
    format: Format,

    /// Write JSON, like --format json
    #[arg(long, global = true)]
    json: bool,

    /// Print only what was asked for, and errors
    #[arg(short, long, global = true)]
    quiet: bool,

    /// Print more detail
    #[arg(short, long, global = true, conflicts_with = "quiet")]
    verbose: bool,

    /// When to use colours
    #[arg(long, global = true, value_enum, default_value_t, value_name = "WHEN")]
    color: Color,

    /// Whether the PKI directory was given on the command line.
    #[arg(skip)]
    is_dir_given: bool,
}

impl Global {
    /// The PKI directory.
    pub(super) fn directory(&self) -> &Path {
        &self.dir
    }

    /// The PKI directory, if it was given on the command line.
    pub(super) fn given_directory(&self) -> Option<&Path> {
        self.is_dir_given.then_some(&*self.dir)
    }

    /// Whether more detail is wanted.
    pub(super) fn is_verbose(&self) -> bool {
        self.verbose
    }

    /// Records what was given on the command line. In an enrolled directory, that one is the PKI directory unless
    /// another is named or there.
    pub(super) fn note_given(&mut self, matches: &ArgMatches) {
        let source = matches.value_source("dir");
        self.is_dir_given = source == Some(ValueSource::CommandLine);
        if source == Some(ValueSource::DefaultValue) {
            self.dir = enroll::directory_or_here(std::mem::take(&mut self.dir));
        }
    }

    /// How results are written.
    pub(super) fn renderer(&self) -> Renderer {
        let format = if self.json { Format::Json } else { self.format };
        Renderer {
            format,
            color: self.color,
            quiet: self.quiet,
        }
    }
}
