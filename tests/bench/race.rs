//! Whole processes timed side by side: from before the start to after the exit, in turn, so that
//! what else the machine does falls on all alike.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// A program in a race: its name, and how it is started in a given round.
pub(crate) struct Runner<'a> {
    pub(crate) name: &'a str,
    pub(crate) command: Box<dyn Fn(usize) -> Command + 'a>,
}

impl<'a> Runner<'a> {
    /// The same command in every round must be made anew, for a command starts only once here.
    pub(crate) fn new(name: &'a str, command: impl Fn(usize) -> Command + 'a) -> Self {
        let command = Box::new(command);
        Runner { name, command }
    }
}

/// Runs every runner once a round, prints the median and the fastest time of each, and gives the
/// medians in the order of the runners. The first round is for the caches and not counted.
pub(crate) fn race(rounds: usize, runners: &[Runner<'_>]) -> Vec<Duration> {
    let mut times = vec![Vec::with_capacity(rounds); runners.len()];
    for round in 0..=rounds {
        for (runner, times) in runners.iter().zip(&mut times) {
            let time = time(runner, round);
            if round > 0 {
                times.push(time);
            }
        }
    }
    let medians = times.iter_mut().zip(runners).map(|(times, runner)| {
        times.sort();
        let (fastest, median) = (times[0], times[times.len() / 2]);
        println!(
            "  {:<44} median {:>9.3?}  fastest {:>9.3?}  ({rounds} runs)",
            runner.name, median, fastest
        );
        median
    });
    medians.collect()
}

/// How many times the second duration goes into the first.
pub(crate) fn ratio(one: Duration, other: Duration) -> f64 {
    one.as_secs_f64() / other.as_secs_f64()
}

/// The program under test: the one `OPENAGENTS_CERTS_BIN` names, or the one built with the bench.
pub(crate) fn program() -> PathBuf {
    std::env::var_os("OPENAGENTS_CERTS_BIN").map_or_else(
        || env!("CARGO_BIN_EXE_openagents-certs").into(),
        PathBuf::from,
    )
}

fn time(runner: &Runner<'_>, round: usize) -> Duration {
    let mut command = (runner.command)(round);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let start = Instant::now();
    let status = command.status();
    let time = start.elapsed();
    assert!(
        status.as_ref().is_ok_and(std::process::ExitStatus::success),
        "{}: {status:?}",
        runner.name
    );
    time
}
