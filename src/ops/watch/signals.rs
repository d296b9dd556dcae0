//! Sleeping until something happens: time, or a signal.

use std::io::Read as _;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::Signal;
use signal_hook::low_level::pipe;

use super::Wake;
use crate::error::Error;

/// Ends a sleep when this process is told to look now or to end.
#[derive(Debug)]
pub struct Signals {
    look: UnixStream,
    end: UnixStream,
}

impl Signals {
    /// Takes SIGHUP for "look now", and SIGTERM and SIGINT for "end".
    ///
    /// # Errors
    /// When the system refuses.
    pub fn take() -> Result<Self, Error> {
        Ok(Signals {
            look: told(&[Signal::HUP])?,
            end: told(&[Signal::TERM, Signal::INT])?,
        })
    }

    /// Sleeps so long, or until one of them comes.
    pub fn sleep(&mut self, time: Duration) -> Wake {
        let timeout = Timespec::try_from(time).unwrap_or(Timespec {
            tv_sec: 1,
            tv_nsec: 0,
        });
        let mut ready = [
            PollFd::new(&self.end, PollFlags::IN),
            PollFd::new(&self.look, PollFlags::IN),
        ];
        // One that is interrupted was only shorter.
        let _ = poll(&mut ready, Some(&timeout));
        let [end, look] = [0, 1].map(|at| !ready[at].revents().is_empty());
        if end {
            Wake::End
        } else if look {
            let mut taken = [0; 64];
            // There is something to read, and how much is no matter.
            let _ = self.look.read(&mut taken);
            Wake::Look
        } else {
            Wake::Time
        }
    }
}

/// What can be read from once one of these signals came.
fn told(signals: &[Signal]) -> Result<UnixStream, Error> {
    let failed = |source| Error::Io {
        action: "wait for",
        path: PathBuf::from("signals"),
        source,
    };
    let (reader, writer) = UnixStream::pair().map_err(failed)?;
    reader.set_nonblocking(true).map_err(failed)?;
    for signal in signals {
        let writer = writer.try_clone().map_err(failed)?;
        pipe::register(signal.as_raw(), writer).map_err(failed)?;
    }
    Ok(reader)
}
