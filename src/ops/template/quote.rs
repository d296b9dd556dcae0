//! Strings in other languages: every path is written exactly, or not at all.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::os::unix::ffi::OsStrExt as _;

use crate::ops::quoting::posix;

/// A value that a language cannot express.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{language} cannot express '{}'", value.escape_debug())]
pub struct Unwritable {
    /// The language.
    pub language: &'static str,
    /// The value, as far as it is text.
    pub value: String,
}

/// The language of a string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Language {
    /// YAML's double-quoted style: text only.
    Yaml,
    /// The same for a Compose file, in which `$` begins a variable.
    Compose,
    /// A str; bytes that are not text by `os.fsdecode`'s surrogates.
    Python,
    /// JavaScript and TypeScript: text only.
    JavaScript,
    /// Go: any bytes.
    Go,
    /// Rust: text only.
    Rust,
    /// A word of ExecStart=: any bytes.
    Systemd,
    /// A path of ReadWritePaths=, in which `$` is nothing special: any bytes.
    SystemdPath,
    /// A parameter of nginx: any bytes but a line's end.
    Nginx,
    /// A token of a Caddyfile: text without placeholders, quotes and controls.
    Caddy,
    /// A word of a POSIX shell: text only.
    Shell,
}

impl Language {
    /// The one of this name; templates name no other.
    pub(super) fn named(name: &str) -> Self {
        match name {
            "yaml" => Language::Yaml,
            "compose" => Language::Compose,
            "python" => Language::Python,
            "javascript" => Language::JavaScript,
            "go" => Language::Go,
            "rust" => Language::Rust,
            "systemd" => Language::Systemd,
            "systemd_path" => Language::SystemdPath,
            "nginx" => Language::Nginx,
            "caddy" => Language::Caddy,
            "sh" => Language::Shell,
            name => unreachable!("no template is written in {name}"),
        }
    }

    /// The value as a string of the language.
    pub(super) fn quote(self, value: &OsStr) -> Result<String, Unwritable> {
        let unwritable = |language| Unwritable {
            language,
            value: value.to_string_lossy().into_owned(),
        };
        let text = |language| value.to_str().ok_or_else(|| unwritable(language));
        Ok(match self {
            Language::Yaml => escaped(text("YAML")?, &['"', '\\'], yaml_control),
            Language::Compose => {
                let dollars = text("YAML")?.replace('$', "$$");
                escaped(&dollars, &['"', '\\'], yaml_control)
            }
            Language::Python => python(value),
            Language::JavaScript => escaped(text("JavaScript")?, &['"', '\\'], |c| {
                format!("\\u{:04x}", u32::from(c))
            }),
            Language::Rust => escaped(text("Rust")?, &['"', '\\'], |c| {
                format!("\\u{{{:x}}}", u32::from(c))
            }),
            Language::Go => bytes(value, &['"', '\\'], &[]),
            // $ begins a variable, % a specifier.
            Language::Systemd => bytes(value, &['"', '\\'], &['$', '%']),
            Language::SystemdPath => bytes(value, &['"', '\\'], &['%']),
            Language::Nginx => {
                let breaks = |byte: &u8| [b'\n', b'\r', 0].contains(byte);
                if value.as_bytes().iter().any(breaks) || value.as_bytes().contains(&b'$') {
                    return Err(unwritable("nginx"));
                }
                escaped(text("nginx")?, &['"', '\\'], String::from)
            }
            Language::Caddy => {
                let text = text("a Caddyfile")?;
                let is_special = |c: char| is_hidden(c) || ['{', '}', '"', '\\', '`'].contains(&c);
                if text.contains(is_special) {
                    return Err(unwritable("a Caddyfile"));
                }
                format!("\"{text}\"")
            }
            Language::Shell => {
                let quoted = String::from_utf8(posix(value.as_bytes()));
                quoted.map_err(|_| unwritable("a shell script"))?
            }
        })
    }
}

/// In double quotes, with a backslash before these characters.
fn escaped(text: &str, special: &[char], control: fn(char) -> String) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        if special.contains(&c) {
            out.extend(['\\', c]);
        } else if is_hidden(c) {
            out.push_str(&control(c));
        } else {
            out.push(c);
        }
    }
    out.push('"');
    out
}

/// In double quotes, with every byte that is not plain ASCII as `\xNN`, and some characters doubled.
fn bytes(value: &OsStr, special: &[char], doubled: &[char]) -> String {
    let mut out = String::from("\"");
    for byte in value.as_bytes() {
        let c = char::from(*byte);
        if special.contains(&c) {
            out.extend(['\\', c]);
        } else if doubled.contains(&c) {
            out.extend([c, c]);
        } else if c == ' ' || c.is_ascii_graphic() {
            out.push(c);
        } else {
            // Writing to a String does not fail.
            let _ = write!(out, "\\x{byte:02x}");
        }
    }
    out.push('"');
    out
}

/// Python names what is no text in a file's name by lone surrogates (PEP 383).
fn python(value: &OsStr) -> String {
    let mut out = String::from("\"");
    for chunk in value.as_bytes().utf8_chunks() {
        let text = escaped(chunk.valid(), &['"', '\\'], |c| match u32::from(c) {
            code @ 0..=0xffff => format!("\\u{code:04x}"),
            code => format!("\\U{code:08x}"),
        });
        out.push_str(&text[1..text.len() - 1]);
        for byte in chunk.invalid() {
            // Writing to a String does not fail.
            let _ = write!(out, "\\udc{byte:02x}");
        }
    }
    out.push('"');
    out
}

fn yaml_control(c: char) -> String {
    match u32::from(c) {
        code @ 0..=0xff => format!("\\x{code:02x}"),
        code @ 0..=0xffff => format!("\\u{code:04x}"),
        code => format!("\\U{code:08x}"),
    }
}

/// Controls, and what turns or hides the text around it.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_comes_out_as_it_is_in_each_language_or_not_at_all() {
        let path = OsStr::new("/a b/\"c\"/$d/100%\n");
        let quoted = |language: Language| language.quote(path).unwrap();
        assert_eq!(quoted(Language::Yaml), r#""/a b/\"c\"/$d/100%\x0a""#);
        assert_eq!(quoted(Language::Compose), r#""/a b/\"c\"/$$d/100%\x0a""#);
        assert_eq!(quoted(Language::Python), r#""/a b/\"c\"/$d/100%\u000a""#);
        assert_eq!(
            quoted(Language::JavaScript),
            r#""/a b/\"c\"/$d/100%\u000a""#
        );
        assert_eq!(quoted(Language::Rust), r#""/a b/\"c\"/$d/100%\u{a}""#);
        assert_eq!(quoted(Language::Go), r#""/a b/\"c\"/$d/100%\x0a""#);
        assert_eq!(quoted(Language::Systemd), r#""/a b/\"c\"/$$d/100%%\x0a""#);
        assert_eq!(
            quoted(Language::SystemdPath),
            r#""/a b/\"c\"/$d/100%%\x0a""#
        );
        assert!(Language::Nginx.quote(path).is_err());
        assert!(Language::Caddy.quote(path).is_err());
        assert_eq!(
            Language::Caddy.quote(OsStr::new("/a b")).unwrap(),
            "\"/a b\""
        );
        assert!(quoted(Language::Shell).starts_with("'/a b/\"c\"/$d/100%"));
    }

    #[test]
    fn bytes_that_are_not_text_are_written_where_the_language_can() {
        let path = OsStr::from_bytes(b"/a\xff");
        assert_eq!(Language::Python.quote(path).unwrap(), r#""/a\udcff""#);
        assert_eq!(Language::Go.quote(path).unwrap(), r#""/a\xff""#);
        assert_eq!(Language::Systemd.quote(path).unwrap(), r#""/a\xff""#);
        let refused = Language::Yaml.quote(path).unwrap_err();
        assert_eq!(refused.to_string(), "YAML cannot express '/a\u{fffd}'");
    }
}
