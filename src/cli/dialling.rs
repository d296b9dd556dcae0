//! How ports are dialled: what several commands share.

use std::time::Duration;

use crate::ops::live::Dialling as Options;

/// How live ports are dialled.
#[derive(clap::Args, Debug)]
#[command(next_help_heading = "Live ports")]
pub(super) struct Dialling {
    /// Ask a live port for this name instead of the host that is dialled
    #[arg(long, value_name = "NAME")]
    servername: Option<String>,

    /// Wait this long for each step with a live port, such as 5s or 500ms; for the whole, three times as long
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = patience)]
    timeout: Duration,
}

impl Dialling {
    /// For an operation, with its usual number of connections or this one.
    pub(super) fn options(self, connections: Option<usize>) -> Options {
        let usual = Options::default();
        Options {
            server_name: self.servername,
            timeout: self.timeout,
            connections: connections.unwrap_or(usual.connections),
        }
    }
}

/// A length of time: a whole number of `ms`, `s` or `m`, or of seconds where no unit stands there.
fn patience(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let milliseconds = match &text[digits.len()..] {
        "ms" => 1,
        "s" | "" => 1000,
        "m" => 60_000,
        _ => return Err(PATIENCE.into()),
    };
    let is_number = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    let count: u64 = digits.parse().map_err(|_| PATIENCE.to_owned())?;
    let patience = Duration::from_millis(count.saturating_mul(milliseconds));
    if is_number && !patience.is_zero() && patience <= MAX_PATIENCE {
        Ok(patience)
    } else {
        Err(PATIENCE.into())
    }
}

const PATIENCE: &str = "give a time from 1ms to 10m, such as 500ms, 5s or 1m";
const MAX_PATIENCE: Duration = Duration::from_secs(600);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patience_is_a_whole_number_and_a_unit() {
        assert_eq!(patience("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(patience("5"), Ok(Duration::from_secs(5)));
        assert_eq!(patience("10m"), Ok(Duration::from_secs(600)));
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
            assert!(patience(text).is_err(), "{text}");
        }
    }
}
