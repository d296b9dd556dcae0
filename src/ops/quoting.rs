//! Values quoted for shells, .env files and YAML, whatever bytes they contain.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::os::unix::ffi::OsStrExt as _;

use crate::error::Error;
use crate::pki::escape::{Escaped, is_unsafe_to_show};

/// The syntax of lines that set variables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shell {
    /// A POSIX shell, bash and zsh too.
    Sh,
    /// fish.
    Fish,
    /// PowerShell.
    Powershell,
    /// The `[Service]` section of a systemd unit.
    Systemd,
    /// A .env file, as Docker Compose and the dotenv libraries read it.
    Dotenv,
}

impl Shell {
    /// The line that sets a variable, with its line end.
    ///
    /// # Errors
    /// When the value is not UTF-8, except for sh and fish.
    pub fn assignment(self, name: &str, value: &OsStr) -> Result<Vec<u8>, Error> {
        let bytes = value.as_bytes();
        let text = || {
            value.to_str().ok_or_else(|| {
                Error::usage(
                    format!(
                        "{}: is not UTF-8, which {} cannot express",
                        Escaped(&value.to_string_lossy()),
                        self.title()
                    ),
                    "rename it, or use `--shell sh` or `--shell fish`",
                )
            })
        };
        Ok(match self {
            Shell::Sh => [b"export ", name.as_bytes(), b"=", &posix(bytes), b"\n"].concat(),
            Shell::Fish => [b"set -gx ", name.as_bytes(), b" ", &fish(bytes), b"\n"].concat(),
            Shell::Powershell => format!("$Env:{name} = {}\n", powershell(text()?)).into_bytes(),
            Shell::Systemd => format!("Environment=\"{name}={}\"\n", systemd(text()?)).into_bytes(),
            Shell::Dotenv => format!("{name}={}\n", dotenv(text()?)).into_bytes(),
        })
    }

    fn title(self) -> &'static str {
        match self {
            Shell::Sh => "sh",
            Shell::Fish => "fish",
            Shell::Powershell => "PowerShell",
            Shell::Systemd => "systemd",
            Shell::Dotenv => "a .env file",
        }
    }
}

/// Bytes as one word of a POSIX shell.
pub fn posix(bytes: &[u8]) -> Vec<u8> {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"/._-+:@%,".contains(byte);
    if !bytes.is_empty() && bytes.iter().all(is_plain) {
        return bytes.to_vec();
    }
    let mut quoted = vec![b'\''];
    for byte in bytes {
        match byte {
            b'\'' => quoted.extend_from_slice(b"'\\''"),
            byte => quoted.push(*byte),
        }
    }
    quoted.push(b'\'');
    quoted
}

fn fish(bytes: &[u8]) -> Vec<u8> {
    let mut quoted = vec![b'\''];
    for chunk in bytes.utf8_chunks() {
        for byte in chunk.valid().bytes() {
            if byte == b'\'' || byte == b'\\' {
                quoted.push(b'\\');
            }
            quoted.push(byte);
        }
        // Numeric escapes are read outside of quotes only.
        if !chunk.invalid().is_empty() {
            quoted.push(b'\'');
            for byte in chunk.invalid() {
                quoted.extend_from_slice(format!("\\X{byte:02x}").as_bytes());
            }
            quoted.push(b'\'');
        }
    }
    quoted.push(b'\'');
    quoted
}

fn powershell(text: &str) -> String {
    let mut quoted = String::from("'");
    for c in text.chars() {
        // PowerShell treats typographic quotes as quotes, too.
        if matches!(c, '\'' | '\u{2018}'..='\u{201b}') {
            quoted.push(c);
        }
        quoted.push(c);
    }
    quoted.push('\'');
    quoted
}

/// The text between the quotes of an Environment= line: C escapes, without specifiers.
fn systemd(text: &str) -> String {
    let mut quoted = String::new();
    for c in text.chars() {
        match c {
            '\\' => quoted.push_str("\\\\"),
            '"' => quoted.push_str("\\\""),
            '\n' => quoted.push_str("\\n"),
            '%' => quoted.push_str("%%"),
            c if c.is_ascii_control() => quoted.push_str(&format!("\\x{:02x}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted
}

/// A value of a .env file. In double quotes, everything that a dotenv library or a shell would interpret is
/// escaped.
fn dotenv(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:@%,".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.to_owned();
    }
    if !text.contains(['\'', '\\', '\n', '\r']) {
        return format!("'{text}'");
    }
    // At most two characters for each, so that a secret is never copied by growing.
    let mut quoted = String::with_capacity(2 * text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '"' | '\\' | '$' | '`' => quoted.extend(['\\', c]),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// Text as a double-quoted scalar of YAML; what is unsafe to show is escaped.
pub fn yaml(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if is_unsafe_to_show(c) => quoted.push_str(&format!("\\U{:08x}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

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

    const ODD: &[u8] = b"/a b'c\"d$e\\f%g\nh`i";

    #[test]
    fn every_shell_has_its_own_quotes() {
        let value = OsStr::from_bytes(ODD);
        for (shell, line) in [
            (Shell::Sh, "export X='/a b'\\''c\"d$e\\f%g\nh`i'\n"),
            (Shell::Fish, "set -gx X '/a b\\'c\"d$e\\\\f%g\nh`i'\n"),
            (Shell::Powershell, "$Env:X = '/a b''c\"d$e\\f%g\nh`i'\n"),
            (
                Shell::Systemd,
                "Environment=\"X=/a b'c\\\"d$e\\\\f%%g\\nh`i\"\n",
            ),
            (Shell::Dotenv, "X=\"/a b'c\\\"d\\$e\\\\f%g\\nh\\`i\"\n"),
        ] {
            let assignment = shell.assignment("X", value).unwrap();
            assert_eq!(String::from_utf8(assignment).unwrap(), line);
        }
    }

    #[test]
    fn bytes_that_are_not_utf_8_go_where_they_can() {
        let value = OsStr::from_bytes(b"/a\xff");
        let line = |shell: Shell| shell.assignment("X", value);
        assert_eq!(line(Shell::Sh).unwrap(), b"export X='/a\xff'\n");
        assert_eq!(line(Shell::Fish).unwrap(), b"set -gx X '/a'\\Xff''\n");
        for shell in [Shell::Powershell, Shell::Systemd, Shell::Dotenv] {
            assert_eq!(line(shell).unwrap_err().code(), "usage");
        }
    }

    #[test]
    fn a_real_shell_reads_what_was_written() {
        let mut script = Shell::Sh.assignment("X", OsStr::from_bytes(ODD)).unwrap();
        script.extend_from_slice(b"printf %s \"$X\"");
        let output = std::process::Command::new("sh")
            .arg("-c")
            .arg(OsStr::from_bytes(&script))
            .output()
            .unwrap();
        assert_eq!(output.stdout, ODD);
    }
}

#[cfg(test)]
mod quote_tests {
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
