//! `list` and `show`: issued certificates.

use std::ffi::OsString;

use super::completing;
use super::context::Context;
use crate::error::Error;
use crate::ops::list::{CSV_COLUMNS, Filter, LabelFilter, Line, Listed, Status, csv_line, run};
use crate::ops::{Verdict, show};
use crate::pki::serial::SerialPrefix;
use crate::pki::validity::Lifetime;
use crate::render::{Format, Parts};

/// List issued certificates, soonest expiry first
///
/// Filters combine with AND. The output pipes into `renew -`, `revoke -` and `export -`. `--format csv` writes
/// every field.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  openagents-certs list --expiring 30d --label team=red | openagents-certs renew -
  openagents-certs list --status revoked --name agent-7 --format csv")]
pub(super) struct Args {
    /// Only certificates that expire within this time, such as 30d, and are in use
    #[arg(long, value_name = "LIFETIME")]
    expiring: Option<Lifetime>,

    /// Only certificates with this text in a name or the common name
    #[arg(long, value_name = "TEXT", add = completing::names())]
    name: Option<String>,

    /// Only certificates with this status
    #[arg(long, value_enum, value_name = "STATUS")]
    status: Option<Status>,

    /// Only certificates of this profile
    #[arg(long, value_name = "NAME", add = completing::profiles())]
    profile: Option<String>,

    /// Only certificates whose serial number starts with these hex digits
    #[arg(long, value_name = "HEX", add = completing::serials())]
    serial: Option<SerialPrefix>,

    /// Only certificates with this label, NAME=VALUE or NAME; repeat to require several
    #[arg(long, value_name = "LABEL")]
    label: Vec<LabelFilter>,

    /// Limit the number of results
    #[arg(long, value_name = "N")]
    limit: Option<usize>,

    /// Print serial numbers only, one per line
    #[arg(long)]
    serials: bool,
}

impl Args {
    pub(super) fn run(self, context: &Context) -> Result<Verdict, Error> {
        let filter = Filter {
            expiring_within: self.expiring,
            name: self.name,
            status: self.status,
            profile: self.profile,
            serial: self.serial,
            labels: self.label,
            limit: self.limit,
        };
        let mut parts = context.renderer.parts();
        let directory = context.directory();
        match context.renderer.format {
            Format::Text | Format::Prometheus if self.serials => {
                run(directory, &filter, context.now, &mut |listed| {
                    parts.text(&format!("{}\n", listed.serial))?;
                    Ok(parts.flow())
                })?;
            }
            Format::Text | Format::Prometheus => {
                let mut table = Table {
                    columns: context.renderer.columns(),
                    ..Table::default()
                };
                run(directory, &filter, context.now, &mut |listed| {
                    table.add(listed, &mut parts)?;
                    Ok(parts.flow())
                })?;
                table.write(&mut parts)?;
            }
            Format::Json => {
                run(directory, &filter, context.now, &mut |listed| {
                    parts.element(MEMBER, &listed)?;
                    Ok(parts.flow())
                })?;
                parts.end_elements(MEMBER)?;
            }
            Format::Csv => {
                parts.text(&csv_line(CSV_COLUMNS))?;
                run(directory, &filter, context.now, &mut |listed| {
                    parts.text(&csv_line(listed.csv_fields()))?;
                    Ok(parts.flow())
                })?;
            }
        }
        parts.finish()?;
        Ok(Verdict::Yes)
    }
}

/// Show an issued certificate and what is recorded about it
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  openagents-certs show agent-7.example.org
  openagents-certs show 4f2a90 --pem > agent-7.crt")]
pub(super) struct Show {
    /// Serial number or a unique prefix of it, name, or certificate file
    #[arg(value_name = "CERTIFICATE", add = completing::targets())]
    certificate: OsString,

    /// Write the certificate as PEM
    #[arg(long)]
    pem: bool,
}

impl Show {
    pub(super) fn run(self, context: &Context) -> Result<Verdict, Error> {
        let report = show::run(context.directory(), &self.certificate, context.now)?;
        if self.pem {
            context.renderer.text(&report.pem)?;
            return Ok(Verdict::Yes);
        }
        context.finish(&report)
    }
}

/// Lines; the first few determine the width of a column.
#[derive(Default)]
struct Table {
    waiting: Vec<Listed>,
    profile_width: Option<usize>,
    columns: Option<usize>,
}

impl Table {
    fn add(&mut self, listed: Listed, parts: &mut Parts) -> Result<(), Error> {
        match self.profile_width {
            Some(profile_width) => self.line(Some(&listed), profile_width, parts),
            None => {
                self.waiting.push(listed);
                if self.waiting.len() < MEASURED {
                    Ok(())
                } else {
                    self.write(parts)
                }
            }
        }
    }

    /// Writes the header and the waiting lines, if there are any.
    fn write(&mut self, parts: &mut Parts) -> Result<(), Error> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let profile_width = Line::profile_width(&self.waiting);
        self.profile_width = Some(profile_width);
        let waiting = std::mem::take(&mut self.waiting);
        for listed in std::iter::once(None).chain(waiting.iter().map(Some)) {
            self.line(listed, profile_width, parts)?;
        }
        Ok(())
    }

    fn line(
        &self,
        listed: Option<&Listed>,
        profile_width: usize,
        parts: &mut Parts,
    ) -> Result<(), Error> {
        let columns = self.columns;
        let line = Line {
            listed,
            profile_width,
            columns,
        };
        parts.text(&line.to_string())
    }
}

/// How many lines determine the width.
const MEASURED: usize = 200;
const MEMBER: &str = "certificates";
