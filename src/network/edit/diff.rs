//! What an edit changes, as a unified diff of one hunk.

use std::fmt;

use crate::pki::escape::is_unsafe_to_show;

/// Two versions of a text, shown as what changed between them.
#[derive(Clone, Copy, Debug)]
pub struct Diff<'a> {
    /// The text as it is.
    pub before: &'a str,
    /// The text as it will be.
    pub after: &'a str,
}

impl fmt::Display for Diff<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let before: Vec<&str> = self.before.lines().collect();
        let after: Vec<&str> = self.after.lines().collect();
        let shorter = before.len().min(after.len());
        let head = (0..shorter).take_while(|i| before[*i] == after[*i]).count();
        let tail = (0..shorter - head)
            .take_while(|i| before[before.len() - 1 - i] == after[after.len() - 1 - i])
            .count();
        let (old_end, new_end) = (before.len() - tail, after.len() - tail);
        let start = head.saturating_sub(CONTEXT);
        let (old_last, new_last) = (
            (old_end + CONTEXT).min(before.len()),
            (new_end + CONTEXT).min(after.len()),
        );
        writeln!(
            f,
            "@@ -{},{} +{},{} @@",
            start + 1,
            old_last - start,
            start + 1,
            new_last - start
        )?;
        let mut lines = |sign: char, lines: &[&str]| -> fmt::Result {
            lines
                .iter()
                .try_for_each(|line| writeln!(f, "{sign}{}", Shown(line)))
        };
        lines(' ', &before[start..head])?;
        lines('-', &before[head..old_end])?;
        lines('+', &after[head..new_end])?;
        lines(' ', &before[old_end..old_last])
    }
}

/// A line of a file: what could move the cursor is shown as an escape, the rest as it is.
struct Shown<'a>(&'a str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| {
            if is_unsafe_to_show(c) && c != '\t' {
                write!(f, "\\u{{{:x}}}", u32::from(c))
            } else {
                fmt::Write::write_char(f, c)
            }
        })
    }
}

const CONTEXT: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_diff_shows_the_change_and_three_lines_around_it() {
        let before = "a\nb\nc\nd\ne\nf\ng\n";
        let after = "a\nb\nc\nd\nx\ny\ne\nf\ng\n";
        let shown = Diff { before, after }.to_string();
        assert_eq!(shown, "@@ -2,6 +2,8 @@\n b\n c\n d\n+x\n+y\n e\n f\n g\n");
    }
}
