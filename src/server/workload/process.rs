//! The process at the other end of a connection: what the kernel says of it.

use std::collections::HashMap;
use std::fmt;
use std::os::fd::OwnedFd;
use std::sync::{Mutex, PoisonError};

use nix::sys::socket::{getsockopt, sockopt};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use tokio::net::UnixStream;

use super::state::{Grant, State};
use crate::error::shown;
use crate::files::Program;
use crate::pki::fingerprint::Fingerprint;

/// A process, as it was when it connected.
pub(super) struct Process {
    /// Its user.
    pub(super) uid: u32,
    gid: u32,
    pid: i32,
    /// Stays with the process: its number may be another's one day.
    descriptor: OwnedFd,
    /// `None` where it may not be seen.
    program: Option<Program>,
}

impl Process {
    /// The process that connected.
    ///
    /// # Errors
    /// When it has ended, or is in a namespace where it has no number.
    pub(super) fn of(stream: &UnixStream) -> std::io::Result<Self> {
        let credentials = getsockopt(stream, sockopt::PeerCredentials)?;
        let pid = credentials.pid();
        let descriptor = match getsockopt(stream, sockopt::PeerPidfd) {
            Ok(descriptor) => descriptor,
            // Linux before 6.5 gives no descriptor, only the number.
            Err(nix::errno::Errno::ENOPROTOOPT) => {
                let number = Pid::from_raw(pid).ok_or(std::io::ErrorKind::NotFound)?;
                pidfd_open(number, PidfdFlags::empty())?
            }
            Err(error) => return Err(error.into()),
        };
        let process = Process {
            uid: credentials.uid(),
            gid: credentials.gid(),
            pid,
            descriptor,
            program: Program::of_process(pid).ok(),
        };
        match process.is_alive() {
            true => Ok(process),
            false => Err(std::io::ErrorKind::NotFound.into()),
        }
    }

    /// Whether it has not ended.
    pub(super) fn is_alive(&self) -> bool {
        let mut ended = [PollFd::new(&self.descriptor, PollFlags::IN)];
        let now = Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        poll(&mut ended, Some(&now)).is_ok() && ended[0].revents().is_empty()
    }

    /// Whether it is what a grant names. Reads the whole program where its digest counts and is not known yet.
    pub(super) fn is_granted(&self, grant: &Grant, state: &State, digests: &Digests) -> bool {
        let selectors = &grant.entry.selectors;
        let is = |given: Option<u32>, own| given.is_none_or(|given| given == own);
        if !is(selectors.unix_uid, self.uid) || !is(selectors.unix_gid, self.gid) {
            return false;
        }
        if let Some(name) = &selectors.unix_user
            && state.users.get(name) != Some(&self.uid)
        {
            return false;
        }
        if !selectors.names_program() {
            return self.is_alive();
        }
        let Some(program) = self.current_program() else {
            return false;
        };
        let is_program = selectors.exe.as_ref().is_none_or(|exe| {
            *exe == program.path || state.programs.get(exe) == Some(&program.path)
        });
        let is_content = || match &selectors.exe_sha256 {
            None => true,
            Some(expected) => digests
                .of(program, self.pid)
                .is_some_and(|digest| digest.as_bytes() == expected.as_bytes()),
        };
        // The number belongs to this process as long as it lives: what was read by number is its own.
        is_program && is_content() && self.is_alive()
    }

    /// The program that it ran when it connected, if it still does. One that connects and then becomes another program
    /// could have left the connection to somebody else.
    fn current_program(&self) -> Option<&Program> {
        let program = self.program.as_ref()?;
        let current = Program::of_process(self.pid).ok()?;
        (current == *program).then_some(program)
    }
}

impl fmt::Display for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "user {}, group {}, process {}",
            self.uid, self.gid, self.pid
        )?;
        match &self.program {
            Some(program) => write!(f, ", program {}", shown(&program.path)),
            None => write!(f, ", a program that may not be seen"),
        }
    }
}

/// The digests of programs that were read.
#[derive(Default)]
pub(super) struct Digests(Mutex<HashMap<Program, Fingerprint>>);

impl Digests {
    /// The digest of a program that a process runs; `None` where it cannot be read.
    fn of(&self, program: &Program, pid: i32) -> Option<Fingerprint> {
        let known = self.lock().get(program).cloned();
        if known.is_some() {
            return known;
        }
        let digest = program.digest(pid).ok()?;
        let mut digests = self.lock();
        if digests.len() >= MAX_DIGESTS {
            digests.clear();
        }
        digests.insert(program.clone(), digest.clone());
        Some(digest)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Program, Fingerprint>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The number of a user; `None` for one that the system does not know.
pub(super) fn user(name: &str) -> Option<u32> {
    let user = nix::unistd::User::from_name(name).ok()?;
    user.map(|user| user.uid.as_raw())
}

const MAX_DIGESTS: usize = 1_024;
