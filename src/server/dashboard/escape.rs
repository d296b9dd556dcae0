//! How values become HTML: markup as entities, and what is unsafe to show as escapes.

use std::fmt::{self, Write};

use askama::filters::Escaper;

use crate::pki::escape::is_unsafe_to_show;

/// The escaping of every value in a template; askama.toml names it. A line feed stays one, for PEM.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::server) struct Html;

impl Escaper for Html {
    fn write_escaped_str<W: Write>(&self, mut to: W, text: &str) -> fmt::Result {
        let is_special = |c: char| {
            matches!(c, '&' | '<' | '>' | '"' | '\'') || (c != '\n' && is_unsafe_to_show(c))
        };
        let mut rest = text;
        while let Some(at) = rest.find(is_special) {
            to.write_str(&rest[..at])?;
            let mut characters = rest[at..].chars();
            match characters.next() {
                Some('&') => to.write_str("&amp;")?,
                Some('<') => to.write_str("&lt;")?,
                Some('>') => to.write_str("&gt;")?,
                Some('"') => to.write_str("&quot;")?,
                Some('\'') => to.write_str("&#39;")?,
                Some(c) => write!(to, "\\u{{{:x}}}", u32::from(c))?,
                None => {}
            }
            rest = characters.as_str();
        }
        to.write_str(rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_value_becomes_markup_or_hides() {
        let mut html = String::new();
        let evil = "</td><script>'x'</script>&\"\u{202e}\u{7}\n";
        Html.write_escaped_str(&mut html, evil).unwrap();
        let expected =
            "&lt;/td&gt;&lt;script&gt;&#39;x&#39;&lt;/script&gt;&amp;&quot;\\u{202e}\\u{7}\n";
        assert_eq!(html, expected);
    }
}
