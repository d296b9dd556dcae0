//! Text that fits the columns of a terminal, and aligned text: labels on the left, what they say on the right.

use std::fmt;

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// Text of which no more is shown than fits, cut at its end.
pub(super) struct Cut<'a>(pub(super) &'a str, pub(super) Option<usize>);

impl fmt::Display for Cut<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.1 {
            Some(room) if self.0.width() > room => {
                let kept = fitting(self.0.chars(), room);
                write!(f, "{}…", kept.into_iter().collect::<String>())
            }
            Some(_) | None => f.write_str(self.0),
        }
    }
}

/// Text of which no more is shown than fits, cut at its front, as paths are told apart by their ends.
pub(super) struct CutFront<'a>(pub(super) &'a str, pub(super) usize);

impl fmt::Display for CutFront<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.width() <= self.1 {
            return f.write_str(self.0);
        }
        let kept = fitting(self.0.chars().rev(), self.1);
        write!(f, "…{}", kept.into_iter().rev().collect::<String>())
    }
}

/// The lines of a text, broken at spaces so that each has less than so many characters where that is possible.
pub fn lines(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for (i, word) in text.split(' ').enumerate() {
        let last = lines.len() - 1;
        let line = &mut lines[last];
        if i == 0 {
            line.push_str(word);
        } else if line.is_empty() || line.chars().count() + word.chars().count() < width {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}

/// As many characters as leave a column for the mark that says that there are more.
fn fitting(characters: impl Iterator<Item = char>, room: usize) -> Vec<char> {
    let mut left = room.saturating_sub(1);
    characters
        .take_while(|c| {
            let width = c.width().unwrap_or(0);
            let fits = width <= left;
            left = left.saturating_sub(width);
            fits
        })
        .collect()
}

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
            let mut label = limited(label, MAX_LABEL_COLUMNS);
            for line in lines.iter().take(MAX_LINES) {
                let line = limited(line, MAX_LINE_CHARACTERS);
                let text = format!("{:indent$}{label:width$}  {line}", "", indent = self.indent);
                writeln!(f, "{}", text.trim_end())?;
                label.clear();
            }
            if lines.len() > MAX_LINES {
                let more = lines.len() - MAX_LINES;
                let indent = self.indent + width;
                writeln!(f, "{:indent$}  … and {more} more", "")?;
            }
        }
        Ok(())
    }
}

/// Text cut to so many characters, and how many it had.
fn limited(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        None => text.to_owned(),
        Some((at, _)) => format!("{}… ({} characters)", &text[..at], text.chars().count()),
    }
}

const MAX_LABEL_COLUMNS: usize = 40;
const MAX_LINE_CHARACTERS: usize = 400;
const MAX_LINES: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_characters_are_cut_where_the_columns_end() {
        assert_eq!(Cut("漢字漢字", Some(5)).to_string(), "漢字…");
        assert_eq!(Cut("漢字", Some(4)).to_string(), "漢字");
        assert_eq!(CutFront("certs/server.crt", 11).to_string(), "…server.crt");
    }
}

#[cfg(test)]
mod sheet_tests {
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
