//! OCSP answers by GET over 64 connections, about a hundred thousand certificates, against `openssl ocsp`.
//!
//! `cargo bench --bench ocsp`; `ENTRIES` says how many certificates, `SECONDS` how long each is asked. The load comes
//! from this process, on the same cores.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "it prints what it measured"
)]

#[expect(dead_code, reason = "of it, where the program is")]
mod race;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64ct::{Base64, Encoding as _};
use openagents_certs::pki::bundle;
use openagents_certs::pki::certificate::Certificate;
use openagents_certs::pki::fingerprint::Fingerprint;
use openagents_certs::pki::ocsp::{HashAlgorithm, IssuerHashes};
use openagents_certs::pki::serial::SerialNumber;
use openagents_certs::pki::validity::Validity;
use openagents_certs::store::{self, Entry, Opening};
use time::OffsetDateTime;

fn main() {
    let directory = tempfile::tempdir().unwrap();
    let authority = directory.path().join("certs");
    let made = Command::new(race::program())
        .args(["ca", "init", "-C"])
        .arg(&authority)
        .output();
    assert!(made.unwrap().status.success());
    let number = |name, usual| std::env::var(name).map_or(usual, |text| text.parse().unwrap());
    let entries = number("ENTRIES", 100_000);
    let time = Duration::from_secs(number("SECONDS", 10));
    let anchors = std::fs::read(authority.join("ca.crt")).unwrap();
    let ca = bundle::certificates(&anchors).unwrap().remove(0);
    let now = OffsetDateTime::now_utc();
    fill(&authority, &ca, entries, now);
    let hashes = IssuerHashes::of(ca.subject(), ca.public_key_info()).unwrap();
    let paths: Vec<String> = (0..entries).map(|n| path(&hashes, n)).collect();
    let paths = Arc::new(paths);

    println!("OCSP by GET, {entries} certificates, {CONNECTIONS} connections, {time:?}");
    let (ours, http) = serve(&authority);
    let first = load(http, &paths, time, true);
    println!("  serve, from its start      {first}");
    let warm = load(http, &paths, time, true);
    println!("  serve, afterwards          {warm}");
    drop(ours);
    let (theirs, port) = openssl(directory.path(), &authority, entries, now);
    let other = load(port, &paths, time.min(Duration::from_secs(5)), false);
    println!("  openssl ocsp               {other}");
    drop(theirs);
    println!("  {:.1} times", warm.rate / other.rate);
}

/// How many answers came in a second, and how long they took.
struct Rate {
    rate: f64,
    median: Duration,
    p99: Duration,
}

impl std::fmt::Display for Rate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Rate { rate, median, p99 } = self;
        write!(f, "{rate:>8.0}/s  median {median:>8.2?}  p99 {p99:>8.2?}")
    }
}

/// Asks over all connections at once, each as soon as it has been answered.
fn load(address: SocketAddr, paths: &Arc<Vec<String>>, time: Duration, keep: bool) -> Rate {
    let started = Instant::now();
    let threads: Vec<_> = (0..THREADS)
        .map(|thread| {
            let paths = Arc::clone(paths);
            std::thread::spawn(move || ask(address, &paths, (thread, started + time), keep))
        })
        .collect();
    let times = threads
        .into_iter()
        .flat_map(|thread| thread.join().unwrap());
    let mut times: Vec<Duration> = times.collect();
    let spent = started.elapsed();
    times.sort();
    Rate {
        rate: times.len() as f64 / spent.as_secs_f64(),
        median: times[times.len() / 2],
        p99: times[times.len() * 99 / 100],
    }
}

/// One thread's connections in turn: a request on each, then the answer of each. Without `keep` each request has a
/// connection of its own, one after the other, and the path is the request alone, as `openssl ocsp` needs it.
fn ask(
    address: SocketAddr,
    paths: &[String],
    (thread, end): (usize, Instant),
    keep: bool,
) -> Vec<Duration> {
    let connect = || {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(10)))
            .unwrap();
        stream
    };
    let connections = if keep { CONNECTIONS / THREADS } else { 0 };
    let mut streams: Vec<_> = (0..connections).map(|_| connect()).collect();
    let mut times = Vec::new();
    let mut buffer = vec![0; 16 * 1024];
    let mut state = thread as u64 + 1;
    let mut request = || {
        // Any certificate: a linear congruential generator is random enough.
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let path = &paths[(state >> 33) as usize % paths.len()];
        let path = if keep {
            path
        } else {
            path.trim_start_matches("/ocsp")
        };
        format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n")
    };
    while Instant::now() < end {
        let mut sent = Vec::with_capacity(streams.len());
        for stream in &mut streams {
            sent.push(Instant::now());
            stream.write_all(request().as_bytes()).unwrap();
        }
        for (stream, sent) in streams.iter_mut().zip(sent) {
            answer(stream, &mut buffer, keep);
            times.push(sent.elapsed());
        }
        if !keep {
            let sent = Instant::now();
            let mut stream = connect();
            stream.write_all(request().as_bytes()).unwrap();
            answer(&mut stream, &mut buffer, keep);
            times.push(sent.elapsed());
        }
    }
    times
}

/// Reads one answer, which must be a successful one.
fn answer(stream: &mut TcpStream, buffer: &mut [u8], keep: bool) {
    let mut length = 0;
    loop {
        let read = stream.read(&mut buffer[length..]).unwrap();
        length += read;
        let text = &buffer[..length];
        let end = text.windows(4).position(|four| four == b"\r\n\r\n");
        let Some(end) = end.map(|end| end + 4) else {
            assert!(read > 0, "the connection ended");
            continue;
        };
        let head = std::str::from_utf8(&text[..end]).unwrap();
        assert_eq!(&head[9..12], "200");
        let size = head.lines().find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            let is_it = name.eq_ignore_ascii_case("content-length");
            is_it.then(|| value.parse::<usize>().unwrap())
        });
        match size {
            Some(size) if length >= end + size => return,
            None if read == 0 && !keep => return,
            Some(_) | None => assert!(read > 0, "the connection ended"),
        }
    }
}

/// A process that ends with this one.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn serve(authority: &Path) -> (Running, SocketAddr) {
    let mut command = Command::new(race::program());
    command.args(["serve", "--log-format", "json", "--listen", "127.0.0.1:0"]);
    command
        .args(["--http-listen", "127.0.0.1:0", "-C"])
        .arg(authority);
    let mut process = command.stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
    let line = lines.find_map(|line| line.ok().filter(|line| line.contains("listening")));
    let line: serde_json::Value = serde_json::from_str(&line.unwrap()).unwrap();
    std::thread::spawn(move || lines.for_each(drop));
    let http = line["http"].as_str().unwrap().parse().unwrap();
    (Running(process), http)
}

/// `openssl ocsp` as a responder, with the CA's own key.
fn openssl(
    directory: &Path,
    authority: &Path,
    entries: u64,
    now: OffsetDateTime,
) -> (Running, SocketAddr) {
    let index = directory.join("index.txt");
    let year = now.year() % 100 + 1;
    let lines: String = (0..entries)
        .map(|number| {
            let serial = serial(number).to_string().replace(':', "").to_uppercase();
            format!("V\t{year:02}0101000000Z\t\t{serial}\tunknown\t/CN={number}\n")
        })
        .collect();
    std::fs::write(&index, lines).unwrap();
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let ca = authority.join("ca.crt");
    let mut command = Command::new("openssl");
    command.args(["ocsp", "-port", &address.port().to_string(), "-nmin", "60"]);
    command.arg("-index").arg(&index).arg("-CA").arg(&ca);
    command
        .arg("-rsigner")
        .arg(&ca)
        .arg("-rkey")
        .arg(authority.join("ca.key"));
    let mut process = command.stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
    // A connection without a request would stop it.
    assert!(lines.any(|line| line.unwrap().contains("waiting for")));
    std::thread::spawn(move || lines.for_each(drop));
    (Running(process), address)
}

/// Records certificates, in one transaction.
fn fill(authority: &Path, ca: &Certificate, entries: u64, now: OffsetDateTime) {
    let mut inventory = store::open(&authority.join("inventory.db"), Opening::MustExist).unwrap();
    let issuer = Fingerprint::sha256(ca.as_der());
    let template = Entry::of(ca, issuer, now).unwrap();
    let validity = Validity::between(now, now + Duration::from_secs(86_400 * 90)).unwrap();
    let entry = |number: u64| {
        // Nobody reads them: only their hash is compared.
        let certificate = [template.certificate.as_slice(), &number.to_be_bytes()].concat();
        Entry {
            serial: serial(number),
            fingerprint: Fingerprint::sha256(&certificate),
            certificate,
            validity,
            profile: "server".into(),
            ..template.clone()
        }
    };
    let entries: Vec<_> = (0..entries).map(entry).collect();
    inventory.record(&entries).unwrap();
}

fn serial(number: u64) -> SerialNumber {
    let digest = Fingerprint::sha256(&number.to_be_bytes());
    SerialNumber::from_random(*digest.as_bytes().first_chunk().unwrap())
}

/// The path that asks about a certificate.
fn path(hashes: &IssuerHashes, number: u64) -> String {
    let id = hashes.cert_id(HashAlgorithm::Sha1, true, &serial(number));
    let wrap =
        |content: Vec<u8>| [vec![0x30, u8::try_from(content.len()).unwrap()], content].concat();
    let request = wrap(wrap(wrap(wrap(id))));
    let text = Base64::encode_string(&request);
    format!(
        "/ocsp/{}",
        text.replace('+', "%2B")
            .replace('/', "%2F")
            .replace('=', "%3D")
    )
}

const CONNECTIONS: usize = 64;
const THREADS: usize = 4;
