//! Starting other programs: the only place that does.

use std::ffi::OsString;
use std::io::{ErrorKind, Read};
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::io::{FdFlags, fcntl_setfd};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open, pidfd_send_signal};
use signal_hook::iterator::Signals;

use crate::error::Error;

/// Runs a program with this standard input and our own other streams; returns whether it succeeded.
pub fn is_taken(program: &OsString, arguments: &[OsString], input: &[u8]) -> bool {
    let mut command = Command::new(program);
    let Ok(mut child) = command.args(arguments).stdin(Stdio::piped()).spawn() else {
        return false;
    };
    if let Some(mut stdin) = child.stdin.take() {
        // A reader that leaves early needs no more.
        let _ = std::io::Write::write_all(&mut stdin, input);
    }
    child.wait().is_ok_and(|status| status.success())
}

/// Keeps an inherited descriptor from the programs that this one starts; the three standard streams excepted.
#[expect(
    unsafe_code,
    reason = "a descriptor known only by its number cannot be borrowed otherwise"
)]
pub fn withhold_descriptor(number: u32) {
    let Some(number) = i32::try_from(number).ok().filter(|number| *number > 2) else {
        return;
    };
    // SAFETY: fcntl(2) refuses a number that is not open, and the borrow ends with this call.
    let set = unsafe { fcntl_setfd(BorrowedFd::borrow_raw(number), FdFlags::CLOEXEC) };
    // One that is not open is reported when the passphrase is read.
    let _ = set;
}

/// Signals that wait until a program runs, which then receives them.
#[derive(Debug)]
pub struct HeldSignals(Signals);

/// Holds the signals that end or stop a process, from now on.
///
/// # Errors
/// When the system refuses.
pub fn hold_signals() -> Result<HeldSignals, Error> {
    let signals = Signals::new(HANDED_ON).map_err(|source| Error::Io {
        action: "wait for signals in",
        path: "the process".into(),
        source,
    })?;
    Ok(HeldSignals(signals))
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
    HeldSignals(mut signals): HeldSignals,
) -> Result<u8, Error> {
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

/// A program to run in the background, in its own process group, for a limited time.
#[derive(Debug)]
pub struct Limited<'a> {
    /// The program.
    pub program: &'a OsString,
    /// Its arguments.
    pub arguments: &'a [OsString],
    /// Variables to add to our environment.
    pub environment: &'a [(&'a str, OsString)],
    /// Variables to remove from it.
    pub withheld: &'a [OsString],
    /// The time limit; then the process group is terminated, and at last killed.
    pub timeout: Duration,
    /// Where its standard output goes; `None` discards it.
    pub output: Option<&'a OwnedFd>,
    /// Its standard input.
    pub input: &'a [u8],
}

/// Runs a program and waits for its end; `None` when it had to be killed.
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
        .stdin(if limited.input.is_empty() {
            Stdio::null()
        } else {
            Stdio::piped()
        })
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
    if let Some(mut stdin) = child.stdin.take() {
        let input = limited.input.to_vec();
        std::thread::spawn(move || {
            // A reader that leaves early needs no more.
            let _ = std::io::Write::write_all(&mut stdin, &input);
        });
    }
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

/// How long a terminated program may take to end, and its output to arrive.
const GRACE: Duration = Duration::from_secs(2);
const LONGEST_PAUSE: Duration = Duration::from_millis(50);

/// Waits for a process with growing pauses; `None` when it has not ended by then.
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

/// What a program printed, and how it ended.
#[derive(Debug)]
pub struct Answer {
    /// Its exit code; `None` where a signal ended it or it took too long.
    pub code: Option<i32>,
    /// The start of its standard output, then of its standard error.
    pub text: String,
}

/// Runs a program without input for a limited time, and collects what it prints; `None` where there is no such
/// program. Descendants that keep its output open do not extend the time.
///
/// # Errors
/// When it exists and cannot be started.
pub fn ask(
    program: &OsString,
    arguments: &[OsString],
    environment: &[(String, OsString)],
    withheld: &[OsString],
    timeout: Duration,
) -> Result<Option<Answer>, Error> {
    let end = Instant::now() + timeout;
    let variables = environment.iter().map(|(name, value)| (name, value));
    let mut command = Command::new(program);
    command.args(arguments).process_group(0);
    withheld.iter().for_each(|name| {
        command.env_remove(name);
    });
    let spawned = command
        .envs(variables)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = match spawned {
        Ok(child) => child,
        Err(source) if source.kind() == ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(failed(program, source)),
    };
    let output = child.stdout.take().map(Output::of);
    let errors = child.stderr.take().map(Output::of);
    let status = wait_until(&mut child, end).map_err(|source| failed(program, source))?;
    if status.is_none() {
        // What has ended in the meantime needs no signal.
        let _ = kill_process_group(Pid::from_child(&child), Signal::KILL);
        child.wait().map_err(|source| failed(program, source))?;
    }
    let end = end.min(Instant::now() + GRACE);
    let texts = [output, errors].into_iter().flatten();
    Ok(Some(Answer {
        code: status.and_then(|status| status.code()),
        text: texts.map(|output| output.text(end)).collect(),
    }))
}

/// The start of a stream, read in the background.
struct Output {
    start: Arc<Mutex<Vec<u8>>>,
    is_over: Receiver<()>,
}

impl Output {
    fn of(mut stream: impl Read + Send + 'static) -> Self {
        let start = Arc::new(Mutex::new(Vec::new()));
        let (over, is_over) = std::sync::mpsc::channel();
        let shared = Arc::clone(&start);
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = stream.read(&mut buffer) {
                let mut start = shared.lock().unwrap_or_else(PoisonError::into_inner);
                let room = MAX_OUTPUT_BYTES - start.len();
                start.extend_from_slice(&buffer[..count.min(room)]);
            }
            // Nobody waits any more when this fails.
            let _ = over.send(());
        });
        Output { start, is_over }
    }

    /// What has been read when the stream ends, or at this time.
    fn text(&self, end: Instant) -> String {
        // Either way, what was read so far counts.
        let _ = self
            .is_over
            .recv_timeout(end.saturating_duration_since(Instant::now()));
        let start = self.start.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&start).into_owned()
    }
}

const MAX_OUTPUT_BYTES: usize = 64 * 1024;

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

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, timeout: Duration) -> (Answer, Duration) {
        let begin = Instant::now();
        let arguments = ["-c".into(), script.into()];
        let answer = ask(&"sh".into(), &arguments, &[], &[], timeout).unwrap();
        (answer.unwrap(), begin.elapsed())
    }

    #[test]
    fn a_program_that_leaves_a_child_behind_does_not_extend_the_time() {
        let (answer, elapsed) = shell("setsid sleep 5 & echo one", Duration::from_millis(300));
        assert_eq!((answer.code, answer.text.as_str()), (Some(0), "one\n"));
        assert!(elapsed < Duration::from_secs(4), "{elapsed:?}");
    }

    #[test]
    fn a_program_that_takes_too_long_is_killed_and_what_it_printed_is_kept() {
        let (answer, elapsed) = shell("echo one; exec sleep 60", Duration::from_millis(300));
        assert_eq!((answer.code, answer.text.as_str()), (None, "one\n"));
        assert!(elapsed < Duration::from_secs(20), "{elapsed:?}");
    }

    #[test]
    fn withheld_variables_do_not_reach_the_program() {
        let arguments = ["-c".into(), "echo [$HOME]".into()];
        let withheld = ["HOME".into()];
        let limit = Duration::from_secs(20);
        let answer = ask(&"sh".into(), &arguments, &[], &withheld, limit).unwrap();
        assert_eq!(answer.unwrap().text, "[]\n");
    }
}
