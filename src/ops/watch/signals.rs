//! Sleeping until a time, or a signal.

use std::io::Read as _;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::Signal;
use signal_hook::low_level::pipe;

use super::Wake;
use crate::error::Error;

/// Ends a sleep when a check or the end is requested.
#[derive(Debug)]
pub struct Signals {
    look: UnixStream,
    end: UnixStream,
}

impl Signals {
    /// Handles SIGHUP as a request to check, SIGTERM and SIGINT as requests to end.
    ///
    /// # Errors
    /// When the handlers cannot be installed.
    pub fn take() -> Result<Self, Error> {
        Ok(Signals {
            look: pipe_for(&[Signal::HUP])?,
            end: pipe_for(&[Signal::TERM, Signal::INT])?,
        })
    }

    /// Sleeps for this long, or until a signal.
    pub fn sleep(&mut self, time: Duration) -> Wake {
        let timeout = Timespec::try_from(time).unwrap_or(Timespec {
            tv_sec: 1,
            tv_nsec: 0,
        });
        let mut ready = [
            PollFd::new(&self.end, PollFlags::IN),
            PollFd::new(&self.look, PollFlags::IN),
        ];
        // An interrupted sleep is only shorter.
        let _ = poll(&mut ready, Some(&timeout));
        let [end, look] = [0, 1].map(|at| !ready[at].revents().is_empty());
        if end {
            Wake::End
        } else if look {
            let mut taken = [0; 64];
            // How much there is to read does not matter.
            let _ = self.look.read(&mut taken);
            Wake::Look
        } else {
            Wake::Time
        }
    }
}

/// A stream that becomes readable when one of these signals arrives.
fn pipe_for(signals: &[Signal]) -> Result<UnixStream, Error> {
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
