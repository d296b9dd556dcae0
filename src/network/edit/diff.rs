//! The change of an edit, as a unified diff.

use std::fmt;

use crate::pki::escape::is_unsafe_to_show;

/// Two versions of a text, displayed as the change between them.
#[derive(Clone, Copy, Debug)]
pub struct Diff<'a> {
    /// The current text.
    pub before: &'a str,
    /// The new text.
    pub after: &'a str,
}

impl fmt::Display for Diff<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let diff = similar::TextDiff::from_lines(self.before, self.after);
        let text = diff.unified_diff().context_radius(CONTEXT).to_string();
        text.lines()
            .try_for_each(|line| writeln!(f, "{}", Visible(line)))
    }
}

/// A line with an escape for each character that could move the cursor.
struct Visible<'a>(&'a str);

impl fmt::Display for Visible<'_> {
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
