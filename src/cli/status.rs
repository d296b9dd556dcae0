//! `status`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use time::OffsetDateTime;

use super::Exit;
use super::args::Global;
use crate::error::Error;
use crate::ops::status::{
    Metrics, Plugin, Report, Request, Screen, Threshold, Thresholds, Timeline, page, run,
};
use crate::ops::{Report as _, view};
use crate::pki::validity::Lifetime;
use crate::render::{Color, Format, Renderer};

/// Show what ends when: the authority, its anchors, certificates and revocation list, or any files
///
/// Without a TARGET, the PKI directory. In directories, and those below, files are looked at that are named
/// as certificates and revocation lists are (*.crt, *.pem, *.cer, *.cert, *.der, *.p7b, *.crl). Each
/// certificate ends with the first of it, its chain, its anchor (the ca.crt beside it) and its issuer's
/// revocation list. Exit code 0: all well, 1: something ends soon, has ended, is revoked or does not verify,
/// 2: something could not be read.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  openagents-certs status
  openagents-certs status /etc/nginx/tls '/srv/*/tls.crt' --warn 30d --crit 7d
  openagents-certs status certs network.yaml grpcs://node.internal:8600 --timeline
  openagents-certs status --nagios
  openagents-certs status --format prometheus > /var/lib/node_exporter/certs.prom")]
pub(super) struct Args {
    /// Files, directories, patterns such as 'certs/**/*.crt', a network.yaml, servers such as grpcs://node:8600
    #[arg(value_name = "TARGET")]
    targets: Vec<PathBuf>,

    /// Warn when less is left: 30d, or a part of the lifetime such as 33% or 1/3 [default: 30d, or a third]
    #[arg(long, value_name = "TIME")]
    warn: Option<Threshold>,

    /// Critical when less is left [default: 7d, or a tenth of the lifetime]
    #[arg(long, value_name = "TIME")]
    crit: Option<Threshold>,

    /// The trust anchors [default: the ca.crt beside each file]
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,

    /// Revocation lists beside the crl.pem in the directories; repeat for more
    #[arg(long, value_name = "FILE")]
    crl: Vec<PathBuf>,

    /// Look no more than so many levels of directories deep
    #[arg(long, value_name = "N", default_value_t = DEPTH, value_parser = depth)]
    depth: usize,

    /// Look as deep as the directories go
    #[arg(short, long, conflicts_with = "depth")]
    recursive: bool,

    /// Draw the next 90 days instead
    #[arg(long, conflicts_with = "nagios")]
    timeline: bool,

    /// Answer as a monitoring plugin: one line, and exit code 0, 1, 2 or 3
    #[arg(long)]
    nagios: bool,

    /// Write the report as a page of HTML too; an earlier page is replaced
    #[arg(long, value_name = "FILE", conflicts_with = "nagios")]
    html: Option<PathBuf>,

    /// Replace whatever is in the page's place
    #[arg(long, requires = "html")]
    force: bool,
}

impl Args {
    pub(super) fn run(
        self,
        global: &Global,
        renderer: &Renderer,
        now: OffsetDateTime,
    ) -> Result<Exit, Error> {
        if self.nagios {
            return self.run_as_plugin(global, renderer, now);
        }
        let (report, errors) = run(&self.request(global), now)?;
        let mut errors = errors.into_iter().rev();
        if !report.is_empty() || !report.authorities.is_empty() {
            if let Some(path) = &self.html {
                view::write_page(&page(&report), path, self.force)?;
            }
            self.show(renderer, &report)?;
            if let Some(reason) = report.reason() {
                renderer.reason(&report.verdict().to_string(), &reason);
            }
        }
        let Some(last) = errors.next() else {
            return Ok(report.verdict().into());
        };
        errors.rev().for_each(|error| renderer.error(&error));
        Err(last)
    }

    /// As [`Args::run`], as a monitoring plugin answers, which has exit codes of its own.
    fn run_as_plugin(
        &self,
        global: &Global,
        renderer: &Renderer,
        now: OffsetDateTime,
    ) -> Result<Exit, Error> {
        let answer = run(&self.request(global), now);
        let plugin = match &answer {
            Ok((report, _)) => Plugin::Looked(report),
            Err(error) => Plugin::Failed(error),
        };
        renderer.text(&plugin)?;
        Ok(Exit(plugin.exit_code()))
    }

    fn show(&self, renderer: &Renderer, report: &Report) -> Result<(), Error> {
        let columns = renderer.columns();
        match renderer.format {
            Format::Prometheus => renderer.text(&Metrics(report)),
            Format::Text | Format::Json | Format::Csv if self.timeline => {
                renderer.result(report, &Timeline { report, columns })
            }
            Format::Text | Format::Json | Format::Csv => {
                renderer.result(report, &Screen { report, columns })
            }
        }
    }

    fn request(&self, global: &Global) -> Request {
        Request {
            targets: self.targets.clone(),
            directory: tidy(global.directory()),
            ca: self.ca.clone(),
            revocation_lists: self.crl.clone(),
            thresholds: Thresholds {
                warning: self
                    .warn
                    .unwrap_or_else(|| usual(WARNING_DAYS, WARNING_PART)),
                critical: self
                    .crit
                    .unwrap_or_else(|| usual(CRITICAL_DAYS, CRITICAL_PART)),
            },
            depth: if self.recursive {
                usize::MAX
            } else {
                self.depth
            },
        }
    }
}

/// What a monitoring system is told when the arguments cannot be read.
pub(super) fn misused(error: &Error) -> ExitCode {
    let renderer = Renderer {
        format: Format::Text,
        color: Color::Never,
        quiet: true,
    };
    let plugin = Plugin::Failed(error);
    // Nobody is left to tell when standard output fails.
    let _ = renderer.text(&plugin);
    ExitCode::from(plugin.exit_code())
}

/// So many days, but no more than this part of the lifetime.
fn usual(days: u32, part: f64) -> Threshold {
    match Lifetime::from_days(days) {
        Some(time) => Threshold::Both(time, part),
        None => Threshold::Part(part),
    }
}

/// A path without a leading `./`.
fn tidy(path: &Path) -> PathBuf {
    path.strip_prefix("./")
        .ok()
        .filter(|rest| !rest.as_os_str().is_empty())
        .unwrap_or(path)
        .to_owned()
}

fn depth(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("at least 1: the directory itself".into()),
        Ok(depth) => Ok(depth),
        Err(error) => Err(error.to_string()),
    }
}

/// Deep enough for a directory a host and one a service below that.
const DEPTH: usize = 4;
const WARNING_DAYS: u32 = 30;
const WARNING_PART: f64 = 1.0 / 3.0;
const CRITICAL_DAYS: u32 = 7;
const CRITICAL_PART: f64 = 0.1;
