//! Text from a certificate, made safe to show.

use std::fmt;

/// Shows a string with every control, bidirectional, invisible, private-use and unassigned-by-design
/// character as `\u{hex}`, so that nothing in it can move the cursor, forge a line or hide.
///
/// A backslash is doubled, so that the result tells an escape from text that looks like one.
pub struct Escaped<'a>(pub &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '\\' => f.write_str("\\\\")?,
                c if is_unsafe_to_show(c) => write!(f, "\\u{{{:x}}}", u32::from(c))?,
                c => fmt::Write::write_char(f, c)?,
            }
        }
        Ok(())
    }
}

/// Whether a character changes how its neighbours are shown, or is not shown at all.
pub fn is_unsafe_to_show(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{e000}'..='\u{f8ff}' | '\u{fdd0}'..='\u{fdef}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
            | '\u{e0000}'..='\u{10ffff}')
        || u32::from(c) & 0xfffe == 0xfffe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_forge_a_line_or_hide_is_escaped() {
        let shown = Escaped("a\nb\u{1b}[31m\u{202e}\u{200b}é漢\\").to_string();
        assert_eq!(shown, "a\\u{a}b\\u{1b}[31m\\u{202e}\\u{200b}é漢\\\\");
    }
}
