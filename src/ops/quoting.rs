//! Values quoted for shells, .env files and YAML, whatever bytes they contain.

use std::ffi::OsStr;
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
            value.to_str().ok_or_else(|| Error::Usage {
                message: format!(
                    "{}: is not UTF-8, which {} cannot express",
                    Escaped(&value.to_string_lossy()),
                    self.title()
                ),
                hint: "rename it, or use `--shell sh` or `--shell fish`".into(),
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
