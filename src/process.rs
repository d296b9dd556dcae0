//! The only one that starts other programs.

use std::ffi::OsString;
use std::io::{ErrorKind, Read};
use std::os::fd::OwnedFd;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open, pidfd_send_signal};
use signal_hook::iterator::Signals;

use crate::error::Error;

/// Runs a program with our own streams but for its standard input, which is this, and waits for its end;
/// whether it could be started and ended well.
pub fn is_taken(program: &OsString, arguments: &[OsString], input: &[u8]) -> bool {
    let mut command = Command::new(program);
    let Ok(mut child) = command.args(arguments).stdin(Stdio::piped()).spawn() else {
        return false;
    };
    if let Some(mut stdin) = child.stdin.take() {
        // A reader who leaves early wants no more.
        let _ = std::io::Write::write_all(&mut stdin, input);
    }
    child.wait().is_ok_and(|status| status.success())
}

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

/// A program that is run in the background, in a process group of its own, for a limited time.
#[derive(Debug)]
pub struct Limited<'a> {
    /// The program.
    pub program: &'a OsString,
    /// Its arguments, as they are.
    pub arguments: &'a [OsString],
    /// Variables that are added to our environment.
    pub environment: &'a [(&'a str, OsString)],
    /// Variables that are taken out of it.
    pub withheld: &'a [OsString],
    /// How long it may take; then it is told to end, and killed with all that it started.
    pub timeout: Duration,
    /// Where its standard output goes; nowhere when there is none.
    pub output: Option<&'a OwnedFd>,
}

/// Runs a program that has nothing to read, and waits for its end; nothing when it had to be killed.
///
/// # Errors
/// When it cannot be started.
pub fn run_limited(limited: &Limited<'_>) -> std::io::Result<Option<ExitStatus>> {
    let output = match limited.output.map(OwnedFd::try_clone) {
        Some(copy) => Stdio::from(copy?),
        None => Stdio::null(),
    };
    let mut command = Command::new(limited.program);
    command
        .args(limited.arguments)
        .stdin(Stdio::null())
        .stdout(output)
        .process_group(0);
    limited.withheld.iter().for_each(|name| {
        command.env_remove(name);
    });
    command.envs(
        limited
            .environment
            .iter()
            .map(|(name, value)| (name, value)),
    );
    let mut child = command.spawn()?;
    if let Some(status) = wait_until(&mut child, Instant::now() + limited.timeout)? {
        return Ok(Some(status));
    }
    for signal in [Signal::TERM, Signal::KILL] {
        // What has ended in the meantime needs no signal.
        let _ = kill_process_group(Pid::from_child(&child), signal);
        if wait_until(&mut child, Instant::now() + GRACE)?.is_some() {
            break;
        }
    }
    Ok(None)
}

/// How long a program that was told to end may take to do so.
const GRACE: Duration = Duration::from_secs(2);
const LONGEST_PAUSE: Duration = Duration::from_millis(50);

/// Waits for a process, more and more patiently; nothing when it has not ended by then.
fn wait_until(child: &mut Child, end: Instant) -> std::io::Result<Option<ExitStatus>> {
    let mut pause = Duration::from_millis(1);
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if Instant::now() >= end {
            return Ok(None);
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// What a program said, and how it ended.
#[derive(Debug)]
pub struct Said {
    /// Its exit code; `None` where a signal ended it or it took too long.
    pub code: Option<i32>,
    /// The start of what it wrote to its standard output and error, in that order.
    pub text: String,
}

/// Runs a program without input until it has ended, or kills it when it takes longer than `patience`; `None`
/// where there is no such program.
///
/// # Errors
/// When it is there and cannot be started.
pub fn asked(
    program: &OsString,
    arguments: &[OsString],
    environment: &[(String, OsString)],
    patience: Duration,
) -> Result<Option<Said>, Error> {
    let variables = environment.iter().map(|(name, value)| (name, value));
    let mut command = Command::new(program);
    command.args(arguments).envs(variables).process_group(0);
    let spawned = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = match spawned {
        Ok(child) => child,
        Err(source) if source.kind() == ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(failed(program, source)),
    };
    let streams = (child.stdout.take(), child.stderr.take());
    let readers = [
        streams
            .0
            .map(|stream| std::thread::spawn(|| start_of(stream))),
        streams
            .1
            .map(|stream| std::thread::spawn(|| start_of(stream))),
    ];
    let code = code_within(&mut child, patience).map_err(|source| failed(program, source))?;
    let texts = readers.into_iter().flatten();
    let texts: Vec<String> = texts
        .map(|reader| reader.join().unwrap_or_default())
        .collect();
    Ok(Some(Said {
        code,
        text: texts.concat(),
    }))
}

/// The exit code, unless it has to be killed with all that it has started.
fn code_within(child: &mut Child, patience: Duration) -> std::io::Result<Option<i32>> {
    if let Some(status) = wait_until(child, Instant::now() + patience)? {
        return Ok(status.code());
    }
    // What has ended in the meantime needs no signal.
    let _ = kill_process_group(Pid::from_child(child), Signal::KILL);
    child.wait()?;
    Ok(None)
}

/// Reads a stream to its end, and gives as much of it as is worth showing.
fn start_of(mut stream: impl Read) -> String {
    let mut start = Vec::new();
    let mut buffer = [0; 4096];
    while let Ok(count @ 1..) = stream.read(&mut buffer) {
        let room = MAX_SAID_OCTETS - start.len();
        start.extend_from_slice(&buffer[..count.min(room)]);
    }
    String::from_utf8_lossy(&start).into_owned()
}

const MAX_SAID_OCTETS: usize = 64 * 1024;

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
