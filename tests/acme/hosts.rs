//! The hosts that are validated: a DNS server with every name on this machine, and a web server.

use std::collections::HashMap;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A DNS server: A records of 127.0.0.1 unless another address is given, and TXT records. `missing.*` does not exist.
pub(crate) struct Dns {
    pub(crate) address: SocketAddr,
    records: Arc<Mutex<Records>>,
}

#[derive(Default)]
struct Records {
    texts: HashMap<String, Vec<String>>,
    addresses: HashMap<String, [u8; 4]>,
}

impl Dns {
    pub(crate) fn start() -> Self {
        let socket = UdpSocket::bind(("127.0.0.1", 0)).unwrap();
        let address = socket.local_addr().unwrap();
        let records = Arc::new(Mutex::new(Records::default()));
        let known = Arc::clone(&records);
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok((length, from)) = socket.recv_from(&mut buffer) {
                if let Some(reply) = reply(&buffer[..length], &known.lock().unwrap()) {
                    let _ = socket.send_to(&reply, from);
                }
            }
        });
        Dns { address, records }
    }

    /// Gives a name a TXT record.
    pub(crate) fn add_text(&self, name: &str, text: &str) {
        let mut records = self.records.lock().unwrap();
        records
            .texts
            .entry(name.to_owned())
            .or_default()
            .push(text.to_owned());
    }

    /// Gives a name another address.
    pub(crate) fn set_address(&self, name: &str, address: [u8; 4]) {
        self.records
            .lock()
            .unwrap()
            .addresses
            .insert(name.to_owned(), address);
    }
}

fn reply(query: &[u8], records: &Records) -> Option<Vec<u8>> {
    let mut name = Vec::new();
    let mut at = 12;
    while *query.get(at)? != 0 {
        let length = usize::from(query[at]);
        name.push(String::from_utf8(query.get(at + 1..=at + length)?.to_vec()).ok()?);
        at += 1 + length;
    }
    let name = name.join(".").to_ascii_lowercase();
    let question = &query[12..at + 5];
    let kind = u16::from_be_bytes([query[at + 1], query[at + 2]]);
    let texts = records.texts.get(&name);
    let data: Vec<Vec<u8>> = match kind {
        1 => vec![
            records
                .addresses
                .get(&name)
                .copied()
                .unwrap_or([127, 0, 0, 1])
                .to_vec(),
        ],
        16 => texts
            .into_iter()
            .flatten()
            .map(|text| [&[text.len() as u8], text.as_bytes()].concat())
            .collect(),
        _ => Vec::new(),
    };
    let is_missing = name.starts_with("missing.") || name.contains(".missing.");
    let data = if is_missing { Vec::new() } else { data };
    let code = if is_missing { 3 } else { 0 };
    let mut reply = query[..2].to_vec();
    reply.extend([0x81, 0x80 | code, 0, 1, 0, data.len() as u8, 0, 0, 0, 0]);
    reply.extend_from_slice(question);
    for data in data {
        reply.extend([0xc0, 12]);
        reply.extend_from_slice(&kind.to_be_bytes());
        reply.extend([0, 1, 0, 0, 0, 0]);
        reply.extend_from_slice(&u16::try_from(data.len()).unwrap().to_be_bytes());
        reply.extend_from_slice(&data);
    }
    Some(reply)
}

/// A web server that answers each path with the bytes it is given, head included; 404 for others.
pub(crate) struct Web {
    pub(crate) port: u16,
    answers: Arc<Mutex<HashMap<String, Vec<u8>>>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Web {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let answers = Arc::new(Mutex::new(HashMap::new()));
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (known, heard) = (Arc::clone(&answers), Arc::clone(&asked));
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (known, heard) = (Arc::clone(&known), Arc::clone(&heard));
                std::thread::spawn(move || serve(stream, &known, &heard));
            }
        });
        Web {
            port,
            answers,
            asked,
        }
    }

    /// Answers a path with these bytes.
    pub(crate) fn answer(&self, path: &str, bytes: impl Into<Vec<u8>>) {
        self.answers
            .lock()
            .unwrap()
            .insert(path.to_owned(), bytes.into());
    }

    /// Answers a challenge.
    pub(crate) fn publish(&self, token: &str, content: &str) {
        let length = content.len();
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{content}");
        self.answer(&format!("/.well-known/acme-challenge/{token}"), answer);
    }

    /// The heads of the requests so far.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

fn serve(
    mut stream: TcpStream,
    answers: &Mutex<HashMap<String, Vec<u8>>>,
    asked: &Mutex<Vec<String>>,
) {
    stream
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    let mut head = Vec::new();
    let mut buffer = [0; 1024];
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) => return,
            Ok(length) => head.extend_from_slice(&buffer[..length]),
        }
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
    asked.lock().unwrap().push(head);
    let missing = || b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_vec();
    let answer = answers.lock().unwrap().get(&path).cloned();
    let _ = stream.write_all(&answer.unwrap_or_else(missing));
}
