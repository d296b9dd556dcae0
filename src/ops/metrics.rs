//! Metrics in the [text format of Prometheus](https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format).

use std::fmt::{self, Write as _};

use crate::pki::escape::is_unsafe_to_show;

/// Families of metrics, in the order they were added.
#[derive(Default)]
pub struct Exposition(String);

/// A sample: its labels and its value.
pub type Sample = (Vec<(&'static str, String)>, i64);

impl Exposition {
    /// Adds a gauge with its samples; nothing when there are none.
    pub fn gauge(&mut self, name: &str, help: &str, samples: impl IntoIterator<Item = Sample>) {
        self.family("gauge", name, help, samples);
    }

    /// Adds a counter without labels.
    pub fn counter(&mut self, name: &str, help: &str, value: i64) {
        self.family("counter", name, help, [(Vec::new(), value)]);
    }

    /// Adds a counter with its samples; nothing when there are none.
    pub fn counters(&mut self, name: &str, help: &str, samples: impl IntoIterator<Item = Sample>) {
        self.family("counter", name, help, samples);
    }

    /// Adds histograms of times in microseconds, shown in seconds: for each its labels, how many took at most each
    /// bound, how many there are, and their sum.
    pub fn histograms(
        &mut self,
        name: &str,
        help: &str,
        histograms: impl IntoIterator<Item = (Vec<(&'static str, String)>, Vec<(u64, u64)>, u64, u64)>,
    ) {
        for (i, (labels, buckets, count, sum)) in histograms.into_iter().enumerate() {
            if i == 0 {
                self.line(format_args!("# HELP {PREFIX}{name} {help}"));
                self.line(format_args!("# TYPE {PREFIX}{name} histogram"));
            }
            let own: String = labels
                .iter()
                .map(|(name, value)| format!("{name}=\"{}\",", Label(value)))
                .collect();
            for (bound, reached) in buckets {
                let bound = seconds(bound);
                self.line(format_args!(
                    "{PREFIX}{name}_bucket{{{own}le=\"{bound}\"}} {reached}"
                ));
            }
            self.line(format_args!(
                "{PREFIX}{name}_bucket{{{own}le=\"+Inf\"}} {count}"
            ));
            let own = own.trim_end_matches(',');
            let own = if own.is_empty() {
                String::new()
            } else {
                format!("{{{own}}}")
            };
            self.line(format_args!("{PREFIX}{name}_sum{own} {}", seconds(sum)));
            self.line(format_args!("{PREFIX}{name}_count{own} {count}"));
        }
    }

    fn family(
        &mut self,
        kind: &str,
        name: &str,
        help: &str,
        samples: impl IntoIterator<Item = Sample>,
    ) {
        for (i, (labels, value)) in samples.into_iter().enumerate() {
            if i == 0 {
                self.line(format_args!("# HELP {PREFIX}{name} {help}"));
                self.line(format_args!("# TYPE {PREFIX}{name} {kind}"));
            }
            let labels: Vec<String> = labels
                .iter()
                .map(|(name, value)| format!("{name}=\"{}\"", Label(value)))
                .collect();
            let labels = match labels.is_empty() {
                true => String::new(),
                false => format!("{{{}}}", labels.join(",")),
            };
            self.line(format_args!("{PREFIX}{name}{labels} {value}"));
        }
    }

    fn line(&mut self, line: fmt::Arguments<'_>) {
        // A String takes everything that is written to it.
        let _ = writeln!(self.0, "{line}");
    }
}

impl fmt::Display for Exposition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Microseconds as seconds, exactly.
fn seconds(microseconds: u64) -> String {
    let text = format!(
        "{}.{:06}",
        microseconds / 1_000_000,
        microseconds % 1_000_000
    );
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A label's value: its quotes and line ends escaped, and what is unsafe to show as `\u{…}`.
struct Label<'a>(&'a str);

impl fmt::Display for Label<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| match c {
            '\\' => f.write_str("\\\\"),
            '"' => f.write_str("\\\""),
            '\n' => f.write_str("\\n"),
            c if is_unsafe_to_show(c) => write!(f, "\\\\u{{{:x}}}", u32::from(c)),
            c => f.write_char(c),
        })
    }
}

const PREFIX: &str = "openagents_certs_";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_ends_no_line_and_hides_nothing() {
        let mut exposition = Exposition::default();
        let label = vec![("name", "a\"b\\\n\u{202e}".to_owned())];
        exposition.gauge("due", "Certificates.", [(label, 1)]);
        assert_eq!(
            exposition.to_string().lines().last(),
            Some(r#"openagents_certs_due{name="a\"b\\\n\\u{202e}"} 1"#)
        );
    }
}
