//! Text that fits the columns of a terminal.

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
