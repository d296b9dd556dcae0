//! Notifying the service manager ([sd_notify(3)](https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html)).

use std::ffi::OsStr;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// The service manager that started this process, if there is one.
#[derive(Debug, Default)]
pub struct ServiceManager {
    to: Option<(UnixDatagram, SocketAddr)>,
}

impl ServiceManager {
    /// The service manager at the socket in NOTIFY_SOCKET: a path, or `@` and an abstract name.
    /// Anything else is ignored: the service also works without one.
    pub fn at(socket: Option<&OsStr>) -> Self {
        let address = socket.and_then(|socket| match socket.as_bytes() {
            [b'@', name @ ..] => SocketAddr::from_abstract_name(name).ok(),
            [b'/', ..] => SocketAddr::from_pathname(socket).ok(),
            [..] => None,
        });
        let to = address.and_then(|address| {
            let datagram = UnixDatagram::unbound().ok()?;
            datagram.set_nonblocking(true).ok()?;
            Some((datagram, address))
        });
        ServiceManager { to }
    }

    /// Reports that the service has started.
    pub fn ready(&self) {
        self.notify("READY=1");
    }

    /// Reports that the service is reading its settings again, and then that it has started, too.
    pub fn reloading(&self) {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
        let microseconds = now.tv_sec * 1_000_000 + now.tv_nsec / 1_000;
        self.notify(&format!("RELOADING=1\nMONOTONIC_USEC={microseconds}"));
    }

    /// Reports what the service is doing, in one line.
    pub fn status(&self, status: &str) {
        self.notify(&format!("STATUS={}", status.replace('\n', " ")));
    }

    /// Resets the watchdog.
    pub fn alive(&self) {
        self.notify("WATCHDOG=1");
    }

    /// Reports that the service is stopping.
    pub fn stopping(&self) {
        self.notify("STOPPING=1");
    }

    fn notify(&self, state: &str) {
        if let Some((datagram, address)) = &self.to {
            // Nothing depends on whether it listens.
            let _ = datagram.send_to_addr(state.as_bytes(), address);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notifications_reach_the_socket_and_a_missing_one_is_ignored() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        let manager = ServiceManager::at(Some(path.as_os_str()));
        manager.ready();
        manager.status("one\ntwo");
        let mut message = [0; 64];
        for expected in ["READY=1", "STATUS=one two"] {
            let length = socket.recv(&mut message).unwrap();
            assert_eq!(&message[..length], expected.as_bytes());
        }
        for nobody in [
            None,
            Some(OsStr::new("")),
            Some(OsStr::new("relative")),
            Some(OsStr::new("/nonexistent")),
        ] {
            ServiceManager::at(nobody).ready();
        }
    }
}
