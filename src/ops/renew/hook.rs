//! Programs and signals after a renewal.

use std::ffi::OsString;
use std::fmt;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde::Serialize;

use crate::error::{Error, shown};
use crate::files;
use crate::pki::escape::Escaped;
use crate::process::{self, Limited};

/// A program that runs for each certificate, without a shell.
#[derive(Debug)]
pub struct Hook {
    /// The program.
    pub program: OsString,
    /// Its arguments.
    pub arguments: Vec<OsString>,
    /// Its time limit; then it is terminated, and killed.
    pub timeout: Duration,
    /// Environment variables with secrets, which it does not receive.
    pub hidden: Vec<OsString>,
    /// The destination of its standard output; `None` discards it.
    pub output: Option<OwnedFd>,
}

/// The result of a program or a signal.
#[derive(Clone, Debug, Serialize)]
pub struct StepResult {
    /// The program with its arguments, or the signal and the PID file.
    pub what: String,
    /// Whether it succeeded.
    pub succeeded: bool,
    /// Its exit code.
    pub exit_code: Option<i32>,
    /// Why it failed, as a clause.
    pub message: Option<String>,
}

impl Hook {
    /// Runs it with these environment variables and waits for it.
    pub(in crate::ops) fn run(&self, environment: &[(&str, OsString)]) -> StepResult {
        let ended = process::run_limited(&Limited {
            program: &self.program,
            arguments: &self.arguments,
            environment,
            withheld: &self.hidden,
            timeout: self.timeout,
            output: self.output.as_ref(),
            input: &[],
        });
        match ended {
            Ok(Some(status)) if status.success() => self.done(true, status.code(), None),
            Ok(Some(status)) => self.done(false, status.code(), Some(format!("failed: {status}"))),
            Ok(None) => {
                let message = format!(
                    "did not finish within {} s and was killed",
                    self.timeout.as_secs_f32()
                );
                self.done(false, None, Some(message))
            }
            Err(error) => self.done(false, None, Some(format!("cannot be started: {error}"))),
        }
    }

    fn done(&self, succeeded: bool, exit_code: Option<i32>, message: Option<String>) -> StepResult {
        let words = std::iter::once(&self.program).chain(&self.arguments);
        let words: Vec<_> = words
            .map(|word| Escaped(&word.to_string_lossy()).to_string())
            .collect();
        StepResult {
            what: words.join(" "),
            succeeded,
            exit_code,
            message,
        }
    }
}

/// A signal to the process whose PID is in a file, written `FILE` or `FILE:USR1`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignalTo {
    file: PathBuf,
    signal: &'static str,
    number: Signal,
}

impl SignalTo {
    /// Sends it.
    pub(in crate::ops) fn send(&self) -> StepResult {
        let sent = self.process().and_then(|process| {
            kill_process(process, self.number)
                .map_err(|source| format!("process {}: {source}", process.as_raw_nonzero()))
        });
        StepResult {
            what: self.to_string(),
            succeeded: sent.is_ok(),
            exit_code: None,
            message: sent.err(),
        }
    }

    fn process(&self) -> Result<Pid, String> {
        let content = files::read(&self.file).map_err(|error| error.to_string())?;
        let text = String::from_utf8_lossy(&content);
        let number = text.trim().parse::<i32>().ok().filter(|number| *number > 1);
        number
            .and_then(Pid::from_raw)
            .ok_or_else(|| format!("{}: contains no PID", shown(&self.file)))
    }
}

impl fmt::Display for SignalTo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} to {}", self.signal, shown(&self.file))
    }
}

impl FromStr for SignalTo {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let (file, name) = match text.rsplit_once(':') {
            Some((file, name)) if !name.contains('/') => (file, name),
            Some(_) | None => (text, "HUP"),
        };
        let plain = name.strip_prefix("SIG").unwrap_or(name);
        let known = SIGNALS.iter().find(|(known, _)| *known == plain);
        match known {
            Some((signal, number)) if !file.is_empty() => Ok(SignalTo {
                file: file.into(),
                signal,
                number: *number,
            }),
            Some(_) | None => Err(Error::usage(
                format!(
                    "'{}' is not a PID file with an optional signal",
                    text.escape_debug()
                ),
                "give FILE, or FILE:SIGNAL with HUP, USR1, USR2, INT, QUIT, TERM or WINCH",
            )),
        }
    }
}

const SIGNALS: [(&str, Signal); 7] = [
    ("HUP", Signal::HUP),
    ("USR1", Signal::USR1),
    ("USR2", Signal::USR2),
    ("INT", Signal::INT),
    ("QUIT", Signal::QUIT),
    ("TERM", Signal::TERM),
    ("WINCH", Signal::WINCH),
];

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn arguments_and_environment_reach_the_program_unchanged() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("said");
        let hook = hook(
            "sh",
            &[
                "-c",
                "printf '%s|%s|%s' \"$1\" \"$NAME\" \"$HOME\" > \"$0\"",
                file.to_str().unwrap(),
                "a b; *",
            ],
        );
        let done = hook.run(&[("NAME", "x 'y'".into())]);
        assert!(done.succeeded, "{done:?}");
        assert_eq!(std::fs::read_to_string(file).unwrap(), "a b; *|x 'y'|");
    }

    #[test]
    fn a_program_that_fails_is_missing_or_does_not_finish_is_reported() {
        let failed = hook("sh", &["-c", "exit 3"]).run(&[]);
        assert_eq!((failed.succeeded, failed.exit_code), (false, Some(3)));
        let missing = hook("/nonexistent/hook", &[]).run(&[]);
        assert!(missing.message.unwrap().starts_with("cannot be started"));
        let endless = Hook {
            timeout: Duration::from_millis(20),
            ..hook("sleep", &["60"])
        };
        assert!(endless.run(&[]).message.unwrap().contains("killed"));
    }

    #[test]
    fn a_signal_goes_to_the_process_in_the_file_and_to_no_other() {
        for (text, shown) in [
            ("/run/a.pid", "HUP to /run/a.pid"),
            ("a:b.pid:SIGUSR1", "USR1 to a:b.pid"),
        ] {
            assert_eq!(text.parse::<SignalTo>().unwrap().to_string(), shown);
        }
        for text in ["", ":HUP", "a:KILLALL"] {
            assert!(text.parse::<SignalTo>().is_err(), "{text}");
        }
        let file = tempfile::NamedTempFile::new().unwrap();
        for content in ["", "1", "-1", "0", "x", "99999999999"] {
            std::fs::write(file.path(), content).unwrap();
            let done = file
                .path()
                .to_str()
                .unwrap()
                .parse::<SignalTo>()
                .unwrap()
                .send();
            assert!(
                done.message.unwrap().ends_with("contains no PID"),
                "{content}"
            );
        }
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        std::fs::write(file.path(), format!("{}\n", child.id())).unwrap();
        let done = format!("{}:TERM", file.path().display())
            .parse::<SignalTo>()
            .unwrap()
            .send();
        assert!(done.succeeded);
        assert!(!child.wait().unwrap().success());
    }

    fn hook(program: &str, arguments: &[&str]) -> Hook {
        Hook {
            program: program.into(),
            arguments: arguments.iter().map(OsString::from).collect(),
            timeout: Duration::from_secs(20),
            hidden: vec!["HOME".into()],
            output: None,
        }
    }
}
