//! Telling the service manager how a service is ([sd_notify(3)](https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html)).

use std::ffi::OsStr;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// The socket of the service manager that started this process, if one did.
#[derive(Debug, Default)]
pub struct ServiceManager {
    to: Option<(UnixDatagram, SocketAddr)>,
}

impl ServiceManager {
    /// The one behind a socket: what NOTIFY_SOCKET says, a path or `@` and an abstract name. What cannot be a socket
    /// is nobody, for a service has to work without one.
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

    /// The service has started.
    pub fn ready(&self) {
        self.say("READY=1");
    }

    /// What the service is doing, in a line.
    pub fn status(&self, status: &str) {
        self.say(&format!("STATUS={}", status.replace('\n', " ")));
    }

    /// The service is alive.
    pub fn alive(&self) {
        self.say("WATCHDOG=1");
    }

    /// The service ends.
    pub fn stopping(&self) {
        self.say("STOPPING=1");
    }

    fn say(&self, what: &str) {
        if let Some((datagram, address)) = &self.to {
            // Who does not listen is not told.
            let _ = datagram.send_to_addr(what.as_bytes(), address);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_reaches_the_socket_and_nobody_is_told_nothing() {
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
