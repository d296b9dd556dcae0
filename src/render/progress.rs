//! How far long work has come.

use std::io::{self, IsTerminal as _};
use std::time::{Duration, Instant};

use super::Renderer;

/// How far long work has come, on standard error: a bar with rate and time left on a terminal, otherwise a line
/// every few seconds.
pub struct Progress {
    bar: indicatif::ProgressBar,
    renderer: Renderer,
    every: Duration,
    started: Instant,
    told: Instant,
}

impl Progress {
    /// Work of `total` steps, each called `unit`.
    pub fn new(renderer: Renderer, total: u64, unit: &str) -> Self {
        let template = format!("{{wide_bar}} {{pos}}/{{len}} {unit}  {{per_sec}}  {{eta}} left");
        let bar = if io::stderr().is_terminal() && !renderer.quiet {
            indicatif::ProgressBar::new(total)
        } else {
            indicatif::ProgressBar::hidden()
        };
        if let Ok(style) = indicatif::ProgressStyle::with_template(&template) {
            bar.set_style(style);
        }
        bar.set_length(total);
        let now = Instant::now();
        Progress {
            bar,
            renderer,
            every: Duration::from_secs(5),
            started: now,
            told: now,
        }
    }

    /// So many steps are done.
    pub fn set(&mut self, done: u64) {
        self.bar.set_position(done);
        if self.bar.is_hidden() && !self.renderer.quiet && self.told.elapsed() >= self.every {
            self.told = Instant::now();
            let seconds = self.started.elapsed().as_secs().max(1);
            let total = self.bar.length().unwrap_or(done).max(done);
            self.renderer.stderr_line(&format!(
                "{done} of {total} done, {} a second",
                done / seconds
            ));
        }
    }

    /// A warning that does not disturb the bar.
    pub fn warning(&self, message: &str) {
        self.bar.suspend(|| self.renderer.warning(message));
    }

    /// Takes the bar away.
    pub fn finish(self) {
        self.bar.finish_and_clear();
    }
}
