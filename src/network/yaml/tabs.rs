//! Tabs: PyYAML takes one within quotes, block scalars and comments, and nowhere else.

use std::ops::Range;

use super::error::YamlError;

/// Looks at every tab; `quoted` are the octets of scalars that may hold some, in their order.
pub(super) fn check(text: &str, quoted: &[Range<usize>]) -> Result<(), YamlError> {
    if !text.contains('\t') {
        return Ok(());
    }
    let is_quoted = |at: usize| {
        let next = quoted.partition_point(|range| range.end <= at);
        quoted.get(next).is_some_and(|range| range.start <= at)
    };
    let mut is_comment = false;
    let mut line = 1;
    let mut before = '\n';
    for (at, c) in text.char_indices() {
        match c {
            '\n' => {
                line += 1;
                is_comment = false;
            }
            '\r' => {
                line += usize::from(!text[at + 1..].starts_with('\n'));
                is_comment = false;
            }
            '#' if before.is_whitespace() || before == '\u{feff}' => is_comment |= !is_quoted(at),
            '\t' if !is_comment && !is_quoted(at) => return Err(YamlError::Tab { line }),
            _ => {}
        }
        before = c;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::network::yaml::{Document, YamlError};

    #[test]
    fn a_tab_stands_in_quotes_blocks_and_comments_alone() {
        for text in [
            "a: 'x\ty' # z\t",
            "a: \"\t\"\n#\tb\n",
            "a: |\n  x\ty\n  \tz\nb: 1\n",
        ] {
            Document::read(text.as_bytes()).unwrap();
        }
        for text in ["a:\t1", "x: 1\na: 1\t# b", "x: y\na: b\tc", "x:\n\t\n"] {
            let error = Document::read(text.as_bytes()).unwrap_err();
            let is_tab = matches!(error, YamlError::Tab { .. } | YamlError::Syntax { .. });
            assert!(is_tab, "{text:?}: {error}");
        }
    }
}
