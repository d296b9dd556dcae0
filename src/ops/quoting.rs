//! Values as shells and files of settings take them, whatever octets are in them.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;

use crate::error::Error;
use crate::pki::escape::Escaped;

/// What reads the lines that set variables.
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
    /// The line that sets a variable, with its end.
    ///
    /// # Errors
    /// When the value has what the shell cannot be told: octets that are not UTF-8, but for sh and fish.
    pub fn assignment(self, name: &str, value: &OsStr) -> Result<Vec<u8>, Error> {
        let octets = value.as_bytes();
        let text = || {
            value.to_str().ok_or_else(|| Error::Usage {
                message: format!(
                    "{}: is not UTF-8, which {} cannot be told",
                    Escaped(&value.to_string_lossy()),
                    self.title()
                ),
                hint: "rename it, or use `--shell sh` or `--shell fish`".into(),
            })
        };
        Ok(match self {
            Shell::Sh => [b"export ", name.as_bytes(), b"=", &posix(octets), b"\n"].concat(),
            Shell::Fish => [b"set -gx ", name.as_bytes(), b" ", &fish(octets), b"\n"].concat(),
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

/// Octets as one word of a POSIX shell.
pub fn posix(octets: &[u8]) -> Vec<u8> {
    let is_plain = |octet: &u8| octet.is_ascii_alphanumeric() || b"/._-+:@%,".contains(octet);
    if !octets.is_empty() && octets.iter().all(is_plain) {
        return octets.to_vec();
    }
    let mut quoted = vec![b'\''];
    for octet in octets {
        match octet {
            b'\'' => quoted.extend_from_slice(b"'\\''"),
            octet => quoted.push(*octet),
        }
    }
    quoted.push(b'\'');
    quoted
}

fn fish(octets: &[u8]) -> Vec<u8> {
    let mut quoted = vec![b'\''];
    for chunk in octets.utf8_chunks() {
        for octet in chunk.valid().bytes() {
            if octet == b'\'' || octet == b'\\' {
                quoted.push(b'\\');
            }
            quoted.push(octet);
        }
        // Octets by their numbers stand outside of quotes.
        if !chunk.invalid().is_empty() {
            quoted.push(b'\'');
            for octet in chunk.invalid() {
                quoted.extend_from_slice(format!("\\X{octet:02x}").as_bytes());
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
        // PowerShell takes the curly ones for quotes as well.
        if matches!(c, '\'' | '\u{2018}'..='\u{201b}') {
            quoted.push(c);
        }
        quoted.push(c);
    }
    quoted.push('\'');
    quoted
}

/// What stands between the quotes of an Environment= line: C escapes, and no specifiers.
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

fn dotenv(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:@%,".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.to_owned();
    }
    if !text.contains(['\'', '\\', '\n', '\r']) {
        return format!("'{text}'");
    }
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '"' | '\\' | '$' => quoted.extend(['\\', c]),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    const ODD: &[u8] = b"/a b'c\"d$e\\f%g\nh";

    #[test]
    fn every_shell_has_its_quotes() {
        let value = OsStr::from_bytes(ODD);
        for (shell, line) in [
            (Shell::Sh, "export X='/a b'\\''c\"d$e\\f%g\nh'\n"),
            (Shell::Fish, "set -gx X '/a b\\'c\"d$e\\\\f%g\nh'\n"),
            (Shell::Powershell, "$Env:X = '/a b''c\"d$e\\f%g\nh'\n"),
            (
                Shell::Systemd,
                "Environment=\"X=/a b'c\\\"d$e\\\\f%%g\\nh\"\n",
            ),
            (Shell::Dotenv, "X=\"/a b'c\\\"d\\$e\\\\f%g\\nh\"\n"),
        ] {
            let found = shell.assignment("X", value).unwrap();
            assert_eq!(String::from_utf8(found).unwrap(), line);
        }
    }

    #[test]
    fn octets_that_are_not_utf_8_go_where_they_can() {
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
