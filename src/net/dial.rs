//! From a host name to TCP connections.

use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs as _};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use super::target::{Host, Target};

/// An attempt to connect to one address.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// The address.
    pub address: SocketAddr,
    /// The result.
    pub reached: Reached,
    /// How long it took.
    pub took: Duration,
}

/// Whether an address accepts TCP connections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reached {
    /// It does.
    Connected,
    /// The connection was refused.
    Refused,
    /// The connection timed out.
    TimedOut,
    /// There is no route, or another system error.
    Unreachable(String),
}

impl Reached {
    /// The name in JSON.
    pub fn name(&self) -> &'static str {
        match self {
            Reached::Connected => "connected",
            Reached::Refused => "refused",
            Reached::TimedOut => "timed_out",
            Reached::Unreachable(_) => "unreachable",
        }
    }
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = self.address;
        match &self.reached {
            Reached::Connected => write!(f, "{address}: connected"),
            Reached::Refused => write!(f, "{address}: connection refused"),
            Reached::TimedOut => write!(f, "{address}: timed out"),
            Reached::Unreachable(what) => write!(f, "{address}: {what}"),
        }
    }
}

/// The addresses of a target in the resolver's order, without duplicates.
///
/// # Errors
/// When there are none, or none in time.
pub(super) fn resolve(target: &Target, timeout: Duration) -> Result<Vec<SocketAddr>, io::Error> {
    let port = target.port();
    let name = match target.host() {
        Host::Ip(address) => return Ok(vec![SocketAddr::new(*address, port)]),
        Host::Dns(name) => name.clone(),
    };
    // The system's resolver has its own timeout; its thread is abandoned at ours.
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

/// Connects to every address at once; the results have the order of the addresses.
pub(super) fn connect_all(
    addresses: &[SocketAddr],
    timeout: Duration,
) -> Vec<(Attempt, Option<TcpStream>)> {
    parallel(addresses, MAX_ADDRESSES, |address| {
        connect(*address, timeout)
    })
}

/// Connects to the first address that accepts, within one timeout for all of them.
pub(super) fn connect_first(
    addresses: &[SocketAddr],
    timeout: Duration,
) -> Result<(SocketAddr, TcpStream), Vec<Attempt>> {
    let end = Instant::now() + timeout;
    let mut attempts = Vec::new();
    for (address, left) in addresses.iter().zip((1..=addresses.len()).rev()) {
        let time_left = end.saturating_duration_since(Instant::now());
        let share = time_left / u32::try_from(left).unwrap_or(u32::MAX);
        match connect(*address, share) {
            (_, Some(stream)) => return Ok((*address, stream)),
            (attempt, None) => attempts.push(attempt),
        }
    }
    Err(attempts)
}

/// Connects to one address.
pub(super) fn connect(address: SocketAddr, timeout: Duration) -> (Attempt, Option<TcpStream>) {
    let started = Instant::now();
    let connected = TcpStream::connect_timeout(&address, timeout.max(Duration::from_millis(1)));
    let took = started.elapsed();
    let (reached, stream) = match connected {
        // On loopback, a free port in the ephemeral range may connect to itself.
        Ok(stream) if is_itself(&stream) => (Reached::Refused, None),
        Ok(stream) => (Reached::Connected, Some(stream)),
        Err(error) => (failure(&error), None),
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

fn failure(error: &io::Error) -> Reached {
    match error.kind() {
        io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionReset => Reached::Refused,
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => Reached::TimedOut,
        _ => Reached::Unreachable(error.to_string()),
    }
}

/// Works on the items with this many threads, or as many as the system has. The results keep the
/// items' order.
pub(super) fn parallel<T: Sync, R: Send>(
    items: &[T],
    threads: usize,
    work: impl Fn(&T) -> R + Sync,
) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::with_capacity(items.len()));
    let worker = || {
        while let Some((index, item)) = {
            let index = next.fetch_add(1, Ordering::Relaxed);
            items.get(index).map(|item| (index, item))
        } {
            let result = work(item);
            done.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push((index, result));
        }
    };
    thread::scope(|scope| {
        // This thread works too, so that everything is done even if no other can be started.
        for _ in 1..threads.min(items.len()) {
            let _ = thread::Builder::new().spawn_scoped(scope, worker);
        }
        worker();
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, result)| result).collect()
}

const MAX_ADDRESSES: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_item_is_worked_on_once_and_results_keep_their_order() {
        let items: Vec<usize> = (0..100).collect();
        assert_eq!(
            parallel(&items, 7, |n| n * 2),
            items.iter().map(|n| n * 2).collect::<Vec<_>>()
        );
        assert!(parallel(&[] as &[usize], 7, |n| *n).is_empty());
    }

    #[test]
    fn eight_addresses_that_never_answer_cost_one_timeout() {
        // A listener whose backlog is full answers no more SYNs.
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let patience = Duration::from_millis(20);
        let mut fill = Vec::new();
        while let (_, Some(stream)) = connect(address, patience) {
            fill.push(stream);
            if fill.len() > 5000 {
                return;
            }
        }
        let started = Instant::now();
        let attempts = connect_first(&[address; 8], Duration::from_millis(400)).unwrap_err();
        assert_eq!(attempts.len(), 8);
        assert!(started.elapsed() < Duration::from_secs(1));
    }
}
