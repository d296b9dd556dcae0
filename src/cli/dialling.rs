//! How to dial live ports: options of several commands.

use std::time::Duration;

use crate::ops::live::Dialling as Options;

/// How to dial live ports.
#[derive(clap::Args, Debug)]
#[command(next_help_heading = "Live ports")]
pub(super) struct Dialling {
    /// Send this server name (SNI) to live ports instead of the host
    #[arg(long, value_name = "NAME")]
    servername: Option<String>,

    /// Time limit of each step with a live port, such as 5s or 500ms; three times as long for the whole
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = duration)]
    timeout: Duration,
}

impl Dialling {
    /// For an operation, with its default number of connections or this one.
    pub(super) fn options(self, connections: Option<usize>) -> Options {
        let usual = Options::default();
        Options {
            server_name: self.servername,
            timeout: self.timeout,
            connections: connections.unwrap_or(usual.connections),
        }
    }
}

/// A duration: a whole number and `ms`, `s` or `m`; seconds without a unit.
fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let milliseconds = match &text[digits.len()..] {
        "ms" => 1,
        "s" | "" => 1000,
        "m" => 60_000,
        _ => return Err(DURATION.into()),
    };
    let is_number = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    let count: u64 = digits.parse().map_err(|_| DURATION.to_owned())?;
    let duration = Duration::from_millis(count.saturating_mul(milliseconds));
    if is_number && !duration.is_zero() && duration <= MAX_DURATION {
        Ok(duration)
    } else {
        Err(DURATION.into())
    }
}

const DURATION: &str = "give a duration from 1ms to 10m, such as 500ms, 5s or 1m";
const MAX_DURATION: Duration = Duration::from_secs(600);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn duration_is_a_whole_number_and_a_unit() {
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("5"), Ok(Duration::from_secs(5)));
        assert_eq!(duration("10m"), Ok(Duration::from_secs(600)));
        for text in [
            "",
            "0",
            "0ms",
            "11m",
            "+5s",
            "-1s",
            "5h",
            "1.5s",
            "s",
            "99999999999999999999s",
        ] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
