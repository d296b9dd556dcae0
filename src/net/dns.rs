//! DNS: dynamic updates ([RFC 2136](https://www.rfc-editor.org/rfc/rfc2136)) signed with TSIG
//! ([RFC 8945](https://www.rfc-editor.org/rfc/rfc8945)), over TCP.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use base64ct::{Base64, Encoding as _};
use ring::hmac;
use time::OffsetDateTime;

use crate::pki::escape::Escaped;

/// Adds and removes records on one server.
pub struct Update {
    server: SocketAddr,
    key: UpdateKey,
    /// When it was created; signatures have the time of sending.
    created: (OffsetDateTime, Instant),
}

/// A TSIG key.
pub struct UpdateKey {
    name: String,
    algorithm: &'static str,
    key: hmac::Key,
}

/// Why a record was not changed.
#[derive(Debug, thiserror::Error)]
pub enum UpdateError {
    /// The server cannot be reached.
    #[error("{server}: {source}")]
    Unreachable {
        /// The server.
        server: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The server refuses.
    #[error("{server}: refused: {reason}")]
    Refused {
        /// The server.
        server: SocketAddr,
        /// Why.
        reason: String,
    },
    /// The server has no zone that the name is in.
    #[error("{server}: has no zone for {}", Escaped(name))]
    NoZone {
        /// The server.
        server: SocketAddr,
        /// The name.
        name: String,
    },
}

impl UpdateKey {
    /// The key in a file as `tsig-keygen` writes it: `key "NAME" { algorithm hmac-sha256; secret "…"; };`
    ///
    /// # Errors
    /// What is wrong with it, as a clause.
    pub fn read(text: &str) -> Result<Self, String> {
        let words: Vec<&str> = text
            .split(|c: char| c.is_whitespace() || "{};\"".contains(c))
            .filter(|word| !word.is_empty())
            .collect();
        let after = |name: &str| {
            let at = words.iter().position(|word| *word == name)?;
            words.get(at + 1).copied()
        };
        let (Some(name), Some(secret)) = (after("key"), after("secret")) else {
            return Err("contains no TSIG key".into());
        };
        let (algorithm, kind) = match after("algorithm").unwrap_or("hmac-sha256") {
            "hmac-sha256" | "hmac-sha256." => ("hmac-sha256", hmac::HMAC_SHA256),
            "hmac-sha384" => ("hmac-sha384", hmac::HMAC_SHA384),
            "hmac-sha512" => ("hmac-sha512", hmac::HMAC_SHA512),
            other => return Err(format!("the algorithm {} is not supported", Escaped(other))),
        };
        let secret = Base64::decode_vec(secret).map_err(|_| "the secret is not base64")?;
        Ok(UpdateKey {
            name: name.trim_end_matches('.').to_ascii_lowercase(),
            algorithm,
            key: hmac::Key::new(kind, &secret),
        })
    }
}

impl Update {
    /// Updates on this server with this key, from now on.
    pub fn new(server: SocketAddr, key: UpdateKey, now: OffsetDateTime) -> Self {
        Update {
            server,
            key,
            created: (now, Instant::now()),
        }
    }

    /// Adds a TXT record.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub fn add_txt(&self, name: &str, value: &str) -> Result<(), UpdateError> {
        self.change(name, value, CLASS_IN, TTL)
    }

    /// Removes a TXT record; others of the same name stay.
    ///
    /// # Errors
    /// As [`Update::add_txt`].
    pub fn remove_txt(&self, name: &str, value: &str) -> Result<(), UpdateError> {
        self.change(name, value, CLASS_NONE, 0)
    }

    fn change(&self, name: &str, value: &str, class: u16, ttl: u32) -> Result<(), UpdateError> {
        let zone = self.zone(name)?;
        let mut message = header(UPDATE, [1, 0, 1, 0]);
        message.extend(question(&zone, TYPE_SOA));
        message.extend(domain_name(name));
        message.extend(TYPE_TXT.to_be_bytes());
        message.extend(class.to_be_bytes());
        message.extend(ttl.to_be_bytes());
        let text = value.as_bytes();
        message.extend((text.len() as u16 + 1).to_be_bytes());
        message.push(text.len() as u8);
        message.extend(text);
        let answer = self.ask(&self.signed(message))?;
        match rcode(&answer) {
            0 => Ok(()),
            code => Err(UpdateError::Refused {
                server: self.server,
                reason: rcode_name(code),
            }),
        }
    }

    /// The zone that a name is in: the longest suffix for which the server has an SOA record.
    fn zone(&self, name: &str) -> Result<String, UpdateError> {
        let mut zone = name;
        loop {
            let mut message = header(QUERY, [1, 0, 0, 0]);
            message.extend(question(zone, TYPE_SOA));
            let answer = self.ask(&message)?;
            let has_answer = answer.get(6..8).is_some_and(|count| count != [0, 0]);
            if rcode(&answer) == 0 && has_answer {
                return Ok(zone.to_owned());
            }
            zone = match zone.split_once('.') {
                Some((_, rest)) if !rest.is_empty() => rest,
                Some(_) | None => {
                    return Err(UpdateError::NoZone {
                        server: self.server,
                        name: name.to_owned(),
                    });
                }
            };
        }
    }

    /// A message with its signature.
    fn signed(&self, mut message: Vec<u8>) -> Vec<u8> {
        let time = self.created.0 + self.created.1.elapsed();
        let time = time.unix_timestamp().to_be_bytes();
        let (name, algorithm) = (domain_name(&self.key.name), domain_name(self.key.algorithm));
        let mut variables = name.clone();
        variables.extend(CLASS_ANY.to_be_bytes());
        variables.extend(0_u32.to_be_bytes());
        variables.extend(&algorithm);
        variables.extend(&time[2..]);
        variables.extend(FUDGE_SECONDS.to_be_bytes());
        variables.extend([0; 4]);
        let mac = hmac::sign(&self.key.key, &[&message[..], &variables].concat());
        let mac = mac.as_ref();
        let mut data = algorithm;
        data.extend(&time[2..]);
        data.extend(FUDGE_SECONDS.to_be_bytes());
        data.extend((mac.len() as u16).to_be_bytes());
        data.extend(mac);
        data.extend(&message[..2]);
        data.extend([0; 4]);
        message.extend(name);
        message.extend(TYPE_TSIG.to_be_bytes());
        message.extend(CLASS_ANY.to_be_bytes());
        message.extend(0_u32.to_be_bytes());
        message.extend((data.len() as u16).to_be_bytes());
        message.extend(data);
        message[11] = 1;
        message
    }

    fn ask(&self, message: &[u8]) -> Result<Vec<u8>, UpdateError> {
        let exchange = || -> io::Result<Vec<u8>> {
            let mut stream = TcpStream::connect_timeout(&self.server, PATIENCE)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            stream.set_write_timeout(Some(PATIENCE))?;
            let mut framed = (message.len() as u16).to_be_bytes().to_vec();
            framed.extend(message);
            stream.write_all(&framed)?;
            let mut length = [0; 2];
            stream.read_exact(&mut length)?;
            let mut answer = vec![0; u16::from_be_bytes(length).into()];
            stream.read_exact(&mut answer)?;
            if answer.len() < HEADER_BYTES || answer[..2] != message[..2] {
                return Err(io::Error::other("an answer to another question"));
            }
            Ok(answer)
        };
        exchange().map_err(|source| UpdateError::Unreachable {
            server: self.server,
            source,
        })
    }
}

/// The header of a message; a connection of its own makes its identifier unimportant.
fn header(opcode: u8, counts: [u16; 4]) -> Vec<u8> {
    let mut header = vec![0x4f, 0x41, opcode << 3, 0];
    counts
        .iter()
        .for_each(|count| header.extend(count.to_be_bytes()));
    header
}

fn question(name: &str, kind: u16) -> Vec<u8> {
    let mut question = domain_name(name);
    question.extend(kind.to_be_bytes());
    question.extend(CLASS_IN.to_be_bytes());
    question
}

/// A name as labels; each is at most 63 bytes, which the names of certificates are.
fn domain_name(name: &str) -> Vec<u8> {
    let mut labels = Vec::new();
    for label in name
        .trim_end_matches('.')
        .split('.')
        .filter(|label| !label.is_empty())
    {
        let bytes = &label.as_bytes()[..label.len().min(MAX_LABEL_BYTES)];
        labels.push(bytes.len() as u8);
        labels.extend(bytes);
    }
    labels.push(0);
    labels
}

fn rcode(answer: &[u8]) -> u8 {
    answer.get(3).map_or(u8::MAX, |flags| flags & 15)
}

fn rcode_name(code: u8) -> String {
    match code {
        1 => "it does not understand the update (FORMERR)".into(),
        2 => "it failed (SERVFAIL)".into(),
        4 => "it takes no updates (NOTIMP)".into(),
        5 => "the key may not do this (REFUSED)".into(),
        9 => "the key or its signature is not accepted (NOTAUTH)".into(),
        10 => "the name is not in its zone (NOTZONE)".into(),
        other => format!("response code {other}"),
    }
}

const QUERY: u8 = 0;
const UPDATE: u8 = 5;
const TYPE_SOA: u16 = 6;
const TYPE_TXT: u16 = 16;
const TYPE_TSIG: u16 = 250;
const CLASS_IN: u16 = 1;
const CLASS_NONE: u16 = 254;
const CLASS_ANY: u16 = 255;
const HEADER_BYTES: usize = 12;
const MAX_LABEL_BYTES: usize = 63; // RFC 1035 §2.3.4
const FUDGE_SECONDS: u16 = 300; // RFC 8945 §10
const TTL: u32 = 60;
const PATIENCE: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_as_tsig_keygen_writes_it() {
        let text = "key \"acme.\" {\n\talgorithm hmac-sha256;\n\tsecret \"c2VjcmV0\";\n};\n";
        let key = UpdateKey::read(text).unwrap();
        assert_eq!((key.name.as_str(), key.algorithm), ("acme", "hmac-sha256"));
        for (text, expected) in [
            ("", "no TSIG key"),
            ("key a { secret \"?\"; };", "not base64"),
            (
                "key a { algorithm hmac-md5; secret \"c2VjcmV0\"; };",
                "hmac-md5",
            ),
        ] {
            let error = UpdateKey::read(text).err().unwrap();
            assert!(error.contains(expected), "{error}");
        }
    }
}
