//! From a name to connections.

use std::io;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs as _};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use super::parallel;
use super::target::{Host, Target};

/// What came of dialling one address.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// The address.
    pub address: SocketAddr,
    /// What came of it.
    pub reached: Reached,
    /// How long it took.
    pub took: Duration,
}

/// Whether an address can be reached over TCP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reached {
    /// It took the connection.
    Connected,
    /// Nobody listens there.
    Refused,
    /// No answer in time.
    TimedOut,
    /// No way there, as the system says.
    Unreachable(String),
}

impl Reached {
    /// The stable name.
    pub fn name(&self) -> &'static str {
        match self {
            Reached::Connected => "connected",
            Reached::Refused => "refused",
            Reached::TimedOut => "timed_out",
            Reached::Unreachable(_) => "unreachable",
        }
    }
}

/// The addresses of a target, in the resolver's order, each once.
///
/// # Errors
/// When there are none, or none in time.
pub(super) fn resolve(target: &Target, timeout: Duration) -> Result<Vec<SocketAddr>, io::Error> {
    let port = target.port();
    let name = match target.host() {
        Host::Ip(address) => return Ok(vec![SocketAddr::new(*address, port)]),
        Host::Dns(name) => name.clone(),
    };
    // The system's resolver has a patience of its own, so it is left behind when ours is over.
    let (sender, receiver) = mpsc::channel();
    thread::Builder::new().spawn(move || {
        let found = (name.as_str(), port).to_socket_addrs();
        let _ = sender.send(found.map(Iterator::collect::<Vec<_>>));
    })?;
    let found = receiver
        .recv_timeout(timeout)
        .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
    let mut addresses: Vec<SocketAddr> = Vec::new();
    for address in found {
        if !addresses.contains(&address) && addresses.len() < MAX_ADDRESSES {
            addresses.push(address);
        }
    }
    if addresses.is_empty() {
        return Err(io::Error::new(
            io::ErrorKind::NotFound,
            "the name has no address",
        ));
    }
    Ok(addresses)
}

/// Dials every address at once; the connections come in the order of the addresses.
pub(super) fn connect_all(
    addresses: &[SocketAddr],
    timeout: Duration,
) -> Vec<(Attempt, Option<TcpStream>)> {
    parallel::map(addresses, MAX_ADDRESSES, |address| {
        connect(*address, timeout)
    })
}

/// Dials one address.
pub(super) fn connect(address: SocketAddr, timeout: Duration) -> (Attempt, Option<TcpStream>) {
    let started = Instant::now();
    let connected = TcpStream::connect_timeout(&address, timeout.max(Duration::from_millis(1)));
    let took = started.elapsed();
    let (reached, stream) = match connected {
        // A port of our own that nobody listens on can be dialled by dialling itself.
        Ok(stream) if is_itself(&stream) => (Reached::Refused, None),
        Ok(stream) => (Reached::Connected, Some(stream)),
        Err(error) => (unreached(&error), None),
    };
    let attempt = Attempt {
        address,
        reached,
        took,
    };
    (attempt, stream)
}

fn is_itself(stream: &TcpStream) -> bool {
    match (stream.local_addr(), stream.peer_addr()) {
        (Ok(here), Ok(there)) => here == there,
        (_, _) => false,
    }
}

fn unreached(error: &io::Error) -> Reached {
    match error.kind() {
        io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionReset => Reached::Refused,
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => Reached::TimedOut,
        _ => Reached::Unreachable(error.to_string()),
    }
}

const MAX_ADDRESSES: usize = 8;
