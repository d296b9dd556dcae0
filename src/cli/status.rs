//! `status`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use time::OffsetDateTime;

use super::Exit;
use super::context::Context;
use crate::error::Error;
use crate::ops::list::LabelFilter;
use crate::ops::status::{
    Metrics, Plugin, Report, Request, Screen, Threshold, Thresholds, Timeline, page, run,
};
use crate::ops::{Report as _, notify, view};
use crate::render::{Color, Format, Renderer};

/// Show when the CA, certificates and CRLs expire
///
/// Checks the PKI directory, or the given TARGETs. In directories and below, files named like
/// certificates and CRLs are read (*.crt, *.pem, *.cer, *.cert, *.der, *.p7b, *.crl). The effective
/// expiry of a certificate is the earliest of the certificate, its chain and its anchor (from the ca.crt
/// beside it). CRLs are listed separately.
///
/// `--format prometheus` writes metrics. Exit code 0: ok; 1: something expires soon, has expired, is
/// revoked or does not verify; 2: something could not be read.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  openagents-certs status
  openagents-certs status /etc/nginx/tls '/srv/*/tls.crt' --warn 30d --crit 7d
  openagents-certs status certs network.yaml grpcs://node.internal:8600 --timeline
  openagents-certs status --nagios
  openagents-certs status --format prometheus > /var/lib/node_exporter/certs.prom")]
pub(super) struct Args {
    /// Files, directories, patterns such as 'certs/**/*.crt', a network.yaml, or live ports (grpcs://host:port, host:port)
    #[arg(value_name = "TARGET")]
    targets: Vec<PathBuf>,

    /// Warn when less time remains: 30d, or a fraction of the lifetime such as 33% or 1/3 [default: 30d, or a third]
    #[arg(long, value_name = "TIME")]
    warn: Option<Threshold>,

    /// Critical when less time remains [default: 7d, or a tenth of the lifetime]
    #[arg(long, value_name = "TIME")]
    crit: Option<Threshold>,

    /// Trust only the anchors in this file [default: the ca.crt beside each file, or in the PKI directory]
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,

    /// Also read these CRLs, besides the crl.pem in each directory; may be repeated
    #[arg(long, value_name = "FILE")]
    crl: Vec<PathBuf>,

    /// Show only certificates with this label, NAME=VALUE or NAME; repeat to require several
    #[arg(long, value_name = "LABEL")]
    label: Vec<LabelFilter>,

    /// Maximum directory depth
    #[arg(long, value_name = "N", default_value_t = DEPTH, value_parser = depth)]
    depth: usize,

    /// Search directories without a depth limit
    #[arg(short, long, conflicts_with = "depth")]
    recursive: bool,

    /// Show a calendar of the next 90 days
    #[arg(long, conflicts_with = "nagios")]
    timeline: bool,

    /// Write one line and exit with 0, 1, 2 or 3, as a monitoring plugin
    #[arg(long)]
    nagios: bool,

    /// Also write the report as an HTML page; an earlier page is replaced
    #[arg(long, value_name = "FILE", conflicts_with = "nagios")]
    html: Option<PathBuf>,

    /// Send the notifications that certs.toml asks for; each is sent once
    #[arg(long, conflicts_with_all = ["targets", "label"])]
    notify: bool,

    /// Replace any file with the page's name
    #[arg(long, requires = "html")]
    force: bool,
}

impl Args {
    pub(super) fn run(self, context: &Context) -> Result<Exit, Error> {
        if self.nagios {
            return self.run_as_plugin(context);
        }
        let (report, mut errors) = run(&self.request(context), context.now)?;
        if self.notify {
            errors.extend(send(context.directory(), &report, context.now)?);
        }
        if !report.is_empty() || !report.authorities.is_empty() {
            if let Some(path) = &self.html {
                view::write_page(&page(&report), path, self.force)?;
            }
            self.show(&context.renderer, &report)?;
            if let Some(reason) = report.reason() {
                let verdict = report.verdict().to_string();
                context.renderer.reason(&verdict, &reason);
            }
        }
        context.conclude(report.verdict(), errors).map(Exit::from)
    }

    /// Runs as a monitoring plugin, which has exit codes of its own.
    fn run_as_plugin(&self, context: &Context) -> Result<Exit, Error> {
        let answer = run(&self.request(context), context.now);
        if let (Ok((report, _)), true) = (&answer, self.notify) {
            for error in send(context.directory(), report, context.now)? {
                context.renderer.error(&error);
            }
        }
        let plugin = match &answer {
            Ok((report, _)) => Plugin::Checked(report),
            Err(error) => Plugin::Failed(error),
        };
        context.renderer.text(&plugin)?;
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

    fn request(&self, context: &Context) -> Request {
        let usual = Thresholds::default();
        Request {
            targets: self.targets.clone(),
            directory: tidy(context.directory()),
            ca: self.ca.clone(),
            revocation_lists: self.crl.clone(),
            thresholds: Thresholds {
                warning: self.warn.unwrap_or(usual.warning),
                critical: self.crit.unwrap_or(usual.critical),
            },
            depth: if self.recursive {
                usize::MAX
            } else {
                self.depth
            },
            labels: self.label.clone(),
        }
    }
}

/// Sends the notifications of a report; gives why some did not arrive.
fn send(directory: &Path, report: &Report, now: OffsetDateTime) -> Result<Vec<Error>, Error> {
    let settings = notify::settings(directory)?.ok_or_else(|| notify::nobody(directory))?;
    let mut delivery = notify::deliver(directory, &settings, report, None, now)?;
    Ok(delivery.take_failures())
}

/// The answer to a monitoring system when the arguments cannot be parsed.
pub(super) fn misused(error: &Error) -> ExitCode {
    let renderer = Renderer {
        format: Format::Text,
        color: Color::Never,
        quiet: true,
    };
    let plugin = Plugin::Failed(error);
    // There is nowhere to report that standard output failed.
    let _ = renderer.text(&plugin);
    ExitCode::from(plugin.exit_code())
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

/// Enough for one directory per host, with one per service below.
const DEPTH: usize = 4;
