//! How many certificates end on each day, as bars.

use time::{Duration, OffsetDateTime};

use crate::server::dashboard::page::number;

/// The days to come.
pub(super) struct Timeline {
    /// One for each day that has certificates.
    pub(super) bars: Vec<Bar>,
    /// The width of the drawing, in units of [`DAY_WIDTH`] a day.
    pub(super) width: usize,
    /// The same in words: weeks, and how many certificates end in each.
    pub(super) weeks: Vec<(String, String)>,
    /// How many end on the day that has most.
    pub(super) most: String,
    /// The dates below the drawing.
    pub(super) dates: Vec<String>,
}

/// A bar, in units of the drawing.
pub(super) struct Bar {
    pub(super) x: usize,
    pub(super) y: u64,
    pub(super) height: u64,
    pub(super) title: String,
    pub(super) tone: &'static str,
}

impl Timeline {
    /// The days from the one of `now` on.
    pub(super) fn new(days: &[u64], now: OffsetDateTime) -> Self {
        let most = days.iter().copied().max().unwrap_or(0);
        let date = |day: usize| {
            let date = now.date().saturating_add(Duration::days(day as i64));
            date.to_string()
        };
        let bars = days.iter().enumerate().filter(|(_, count)| **count > 0);
        let bars = bars.map(|(day, &count)| {
            let height = (count * HEIGHT / most.max(1)).max(LEAST_HEIGHT);
            Bar {
                x: day * DAY_WIDTH,
                y: HEIGHT - height,
                height,
                title: format!("{}: {} {}", date(day), number(count), certificates(count)),
                tone: if day < 7 { "near" } else { "far" },
            }
        });
        let weeks = days.chunks(7).enumerate().filter_map(|(week, days)| {
            let count: u64 = days.iter().sum();
            let first = week * 7;
            let dates = format!("{} – {}", date(first), date(first + days.len() - 1));
            (count > 0).then(|| (dates, number(count)))
        });
        Timeline {
            bars: bars.collect(),
            width: days.len() * DAY_WIDTH,
            weeks: weeks.collect(),
            most: number(most),
            dates: (0..=3).map(|part| date(part * days.len() / 3)).collect(),
        }
    }
}

/// The noun for a number of them.
fn certificates(count: u64) -> &'static str {
    match count {
        1 => "certificate",
        _ => "certificates",
    }
}

const DAY_WIDTH: usize = 10;
const HEIGHT: u64 = 100;
/// What is there is seen, however little it is.
const LEAST_HEIGHT: u64 = 3;
