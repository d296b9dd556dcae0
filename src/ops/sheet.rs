//! Aligned text: labels on the left, what they say on the right.

use std::fmt;

/// Rows of a label and the lines beside it. What is put in must be safe to show; what is long is cut.
#[derive(Default)]
pub(super) struct Sheet {
    rows: Vec<(String, Vec<String>)>,
    indent: usize,
}

impl Sheet {
    /// An empty sheet whose rows begin this many columns in.
    pub(super) fn indented(indent: usize) -> Self {
        Sheet {
            rows: Vec::new(),
            indent,
        }
    }

    /// Adds a row of one line.
    pub(super) fn row(&mut self, label: impl Into<String>, line: impl fmt::Display) {
        self.rows.push((label.into(), vec![line.to_string()]));
    }

    /// Adds a row if there is something to say.
    pub(super) fn optional(&mut self, label: &str, line: Option<impl fmt::Display>) {
        if let Some(line) = line {
            self.row(label, line);
        }
    }

    /// Adds a row of several lines.
    pub(super) fn lines(&mut self, label: impl Into<String>, lines: Vec<String>) {
        self.rows.push((label.into(), lines));
    }

    /// The rows as names and their values.
    pub(super) fn facts(&self) -> Vec<(String, String)> {
        let rows = self.rows.iter();
        rows.map(|(label, lines)| (label.clone(), lines.join(", ")))
            .collect()
    }
}

impl fmt::Display for Sheet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let labels = self.rows.iter().map(|(label, _)| label.chars().count());
        let width = labels.max().unwrap_or(0).min(MAX_LABEL_COLUMNS);
        for (label, lines) in &self.rows {
            let mut label = Cut(label, MAX_LABEL_COLUMNS).to_string();
            for line in lines.iter().take(MAX_LINES) {
                let line = Cut(line, MAX_LINE_CHARACTERS).to_string();
                let text = format!("{:indent$}{label:width$}  {line}", "", indent = self.indent);
                writeln!(f, "{}", text.trim_end())?;
                label.clear();
            }
            if lines.len() > MAX_LINES {
                let more = lines.len() - MAX_LINES;
                writeln!(
                    f,
                    "{:indent$}{:width$}  … and {more} more",
                    "",
                    "",
                    indent = self.indent
                )?;
            }
        }
        Ok(())
    }
}

/// Text cut to so many characters, and how many it had.
struct Cut<'a>(&'a str, usize);

impl fmt::Display for Cut<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Cut(text, most) = *self;
        match text.char_indices().nth(most) {
            None => f.write_str(text),
            Some((at, _)) => write!(f, "{}… ({} characters)", &text[..at], text.chars().count()),
        }
    }
}

const MAX_LABEL_COLUMNS: usize = 40;
const MAX_LINE_CHARACTERS: usize = 400;
const MAX_LINES: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_aligned_and_what_is_long_is_cut() {
        let mut sheet = Sheet::indented(2);
        sheet.row("a", "one");
        sheet.lines("longer", vec!["two".into(), "three".into()]);
        sheet.row("b", "x".repeat(500));
        let text = sheet.to_string();
        assert!(text.starts_with("  a       one\n  longer  two\n          three\n  b       xxx"));
        assert!(text.ends_with("x… (500 characters)\n"));
    }

    #[test]
    fn many_lines_are_counted() {
        let mut sheet = Sheet::default();
        sheet.lines("names", vec!["n".into(); 1000]);
        assert!(sheet.to_string().ends_with("  … and 900 more\n"));
    }
}
