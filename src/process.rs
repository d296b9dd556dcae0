//! The only one that starts other programs.

use std::ffi::OsString;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Command};

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use signal_hook::iterator::Signals;

use crate::error::Error;

/// Runs a program with our own streams, hands on to it the signals that we get, and waits for its end.
///
/// It has our environment with these variables added, but for those that are withheld. Gives its exit code, or 128 and the signal's number where one ended it, as a shell does.
///
/// # Errors
/// When it cannot be started.
pub fn run(
    program: &OsString,
    arguments: &[OsString],
    environment: &[(String, OsString)],
    withheld: &[OsString],
) -> Result<u8, Error> {
    // From here on a signal waits for the program to be there, and then reaches it.
    let mut signals = Signals::new(HANDED_ON).map_err(|source| failed(program, source))?;
    let handle = signals.handle();
    let mut command = Command::new(program);
    command
        .args(arguments)
        .envs(environment.iter().map(|(name, value)| (name, value)));
    withheld.iter().for_each(|name| {
        command.env_remove(name);
    });
    let mut child = command.spawn().map_err(|source| failed(program, source))?;
    let descriptor = pidfd(&child).map_err(|source| failed(program, source))?;
    let is_terminal = std::io::IsTerminal::is_terminal(&std::io::stdin());
    let status = std::thread::scope(|scope| {
        scope.spawn(|| {
            for number in signals.forever() {
                // What is typed on a terminal reaches the whole group by itself.
                let is_typed = [SIGINT, SIGQUIT].contains(&number) && is_terminal;
                if let Some(signal) = Signal::from_named_raw(number)
                    && !is_typed
                {
                    // It may have ended meanwhile, and then there is nobody to tell.
                    let _ = pidfd_send_signal(&descriptor, signal);
                }
            }
        });
        let status = child.wait();
        handle.close();
        status
    })
    .map_err(|source| failed(program, source))?;
    let code = status.code().or(status.signal().map(|number| number + 128));
    Ok(code
        .and_then(|code| u8::try_from(code).ok())
        .unwrap_or(u8::MAX))
}

fn pidfd(child: &Child) -> std::io::Result<std::os::fd::OwnedFd> {
    let pid = Pid::from_child(child);
    Ok(pidfd_open(pid, PidfdFlags::empty())?)
}

fn failed(program: &OsString, source: std::io::Error) -> Error {
    Error::Io {
        action: "run",
        path: program.into(),
        source,
    }
}

const SIGINT: i32 = Signal::INT.as_raw();
const SIGQUIT: i32 = Signal::QUIT.as_raw();
const HANDED_ON: [i32; 6] = [
    SIGINT,
    SIGQUIT,
    Signal::TERM.as_raw(),
    Signal::HUP.as_raw(),
    Signal::USR1.as_raw(),
    Signal::USR2.as_raw(),
];
