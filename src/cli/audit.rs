//! `audit`: who changed what.

use time::OffsetDateTime;

use super::completing;
use super::context::Context;
use crate::error::Error;
use crate::ops::Verdict;
use crate::ops::audit::{Action, AuditFilter, CSV_COLUMNS, Line, csv_fields, run};
use crate::ops::list::csv_line;
use crate::pki::serial::SerialPrefix;
use crate::pki::validity::{self, Lifetime};
use crate::render::Format;

/// Show who changed what, when, from where and by which credential, newest first
///
/// Every change by a command, ACME, EST, the Workload API or the dashboard is in the trail, which is kept with the
/// inventory and only ever grows. Filters combine with AND. `--format csv` writes every field.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  openagents-certs audit --since 7d --action revoked
  openagents-certs audit --by joe --json")]
pub(super) struct Args {
    /// Only changes since this time, or within this lifetime until now, such as 7d
    #[arg(long, value_name = "TIME", value_parser = moment)]
    since: Option<Moment>,

    /// Only changes before this time, or longer ago than this lifetime
    #[arg(long, value_name = "TIME", value_parser = moment)]
    until: Option<Moment>,

    /// Only this kind of change, such as issued, revoked or token_created
    #[arg(long, value_name = "ACTION", value_enum)]
    action: Option<Action>,

    /// Only changes by someone with this text in the name, the credential or the origin
    #[arg(long, value_name = "TEXT")]
    by: Option<String>,

    /// Only changes with this text in what was changed, or in the details
    #[arg(long, value_name = "TEXT")]
    subject: Option<String>,

    /// Only changes of certificates whose serial number starts with these hex digits
    #[arg(long, value_name = "HEX", add = completing::serials())]
    serial: Option<SerialPrefix>,

    /// Limit the number of results
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
}

impl Args {
    pub(super) fn run(self, context: &Context) -> Result<Verdict, Error> {
        let at = |moment: Option<Moment>| moment.map(|moment| moment.before(context.now));
        let filter = AuditFilter {
            since: at(self.since),
            until: at(self.until),
            action: self.action,
            by: self.by,
            subject: self.subject,
            serial: self.serial,
            after: None,
            limit: self.limit,
        };
        let mut parts = context.renderer.parts();
        let columns = context.renderer.columns();
        let format = context.renderer.format;
        if format == Format::Csv {
            parts.text(&csv_line(CSV_COLUMNS))?;
        }
        let mut is_first = true;
        run(context.directory(), &filter, &mut |record| {
            match format {
                Format::Json => parts.element(MEMBER, &record)?,
                Format::Csv => parts.text(&csv_line(csv_fields(&record)))?,
                Format::Text | Format::Prometheus => {
                    let header = Line {
                        record: None,
                        columns,
                    };
                    if std::mem::take(&mut is_first) {
                        parts.text(&header.to_string())?;
                    }
                    let line = Line {
                        record: Some(&record),
                        columns,
                    };
                    parts.text(&line.to_string())?;
                }
            }
            Ok(parts.flow())
        })?;
        if format == Format::Json {
            parts.end_elements(MEMBER)?;
        }
        parts.finish()?;
        Ok(Verdict::Yes)
    }
}

/// A moment, or a time before now.
#[derive(Clone, Copy, Debug)]
enum Moment {
    At(OffsetDateTime),
    Ago(Lifetime),
}

impl Moment {
    fn before(self, now: OffsetDateTime) -> OffsetDateTime {
        match self {
            Moment::At(moment) => moment,
            Moment::Ago(lifetime) => now.saturating_sub(lifetime.duration()),
        }
    }
}

fn moment(text: &str) -> Result<Moment, String> {
    if let Ok(lifetime) = text.parse() {
        return Ok(Moment::Ago(lifetime));
    }
    let moment = validity::moment(text).map(Moment::At);
    moment.map_err(|_| "give a time such as 2026-11-01T00:00:00Z, or a lifetime such as 7d".into())
}

const MEMBER: &str = "records";
