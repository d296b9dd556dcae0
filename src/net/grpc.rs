//! Messages and statuses of gRPC
//! ([PROTOCOL-HTTP2](https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md)), for clients and servers.

use std::fmt;

use hyper::HeaderMap;
use hyper::body::Bytes;
use hyper::header::HeaderValue;
use prost::Message;

/// The status of a call that did not succeed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// The code.
    pub code: Code,
    /// What went wrong, for people.
    pub message: String,
}

/// A status code ([statuscodes](https://github.com/grpc/grpc/blob/master/doc/statuscodes.md)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// The call ended as it should.
    Ok = 0,
    /// The caller cancelled it.
    Cancelled = 1,
    /// No other code fits, or it is not known here.
    Unknown = 2,
    /// The request is wrong.
    InvalidArgument = 3,
    /// It took too long.
    DeadlineExceeded = 4,
    /// The caller may not have this.
    PermissionDenied = 7,
    /// Too much, or too large.
    ResourceExhausted = 8,
    /// There is no such call.
    Unimplemented = 12,
    /// The server failed.
    Internal = 13,
    /// Not now; try again later.
    Unavailable = 14,
}

impl Code {
    const ALL: [Code; 10] = [
        Code::Ok,
        Code::Cancelled,
        Code::Unknown,
        Code::InvalidArgument,
        Code::DeadlineExceeded,
        Code::PermissionDenied,
        Code::ResourceExhausted,
        Code::Unimplemented,
        Code::Internal,
        Code::Unavailable,
    ];
}

impl Status {
    /// A status with a message.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        let message = message.into();
        Status { code, message }
    }

    /// The status in the headers of an answer, or in its trailers; `None` where there is none yet.
    pub fn of_headers(headers: &HeaderMap) -> Option<Self> {
        let number = headers.get(STATUS)?.to_str().ok()?.parse::<i32>().ok();
        let code = Code::ALL
            .into_iter()
            .find(|code| Some(*code as i32) == number);
        let message = headers.get(MESSAGE).map(HeaderValue::as_bytes);
        Some(Status {
            code: code.unwrap_or(Code::Unknown),
            message: percent_decoded(message.unwrap_or_default()),
        })
    }

    /// Headers, or trailers, with this status.
    pub fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(STATUS, HeaderValue::from(self.code as i32));
        if let Ok(message) = HeaderValue::from_str(&percent_encoded(&self.message)) {
            headers.insert(MESSAGE, message);
        }
        headers
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.code, self.message)
    }
}

/// A message as it is sent.
pub fn encode(message: &impl Message) -> Bytes {
    let length = message.encoded_len();
    let mut bytes = Vec::with_capacity(PREFIX_BYTES + length);
    bytes.push(0);
    bytes.extend(u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes());
    match message.encode(&mut bytes) {
        Ok(()) => bytes.into(),
        Err(error) => unreachable!("a Vec grows: {error}"),
    }
}

/// The only message of a request.
///
/// # Errors
/// When there is none or more than one, or it is compressed or malformed.
pub fn decode_only<M: Message + Default>(body: &[u8]) -> Result<M, Status> {
    let mut received = Received::default();
    received.push(body)?;
    let wrong = |what: &str| Status::new(Code::InvalidArgument, what);
    let message = received.message()?;
    let message = message.ok_or_else(|| wrong("the request has no message"))?;
    if received.is_empty() {
        Ok(message)
    } else {
        Err(wrong("the request has more than one message"))
    }
}

/// What has been received of a stream of messages.
#[derive(Default)]
pub struct Received {
    bytes: Vec<u8>,
}

impl Received {
    /// Takes more in.
    ///
    /// # Errors
    /// When a message is compressed, or larger than [`MAX_MESSAGE_BYTES`].
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), Status> {
        self.bytes.extend_from_slice(bytes);
        match self.bytes.first() {
            None | Some(0) => {}
            Some(_) => {
                let what = "compressed messages are not supported";
                return Err(Status::new(Code::Unimplemented, what));
            }
        }
        if self
            .length()
            .is_some_and(|length| length > MAX_MESSAGE_BYTES)
        {
            let what = format!("a message is larger than {MAX_MESSAGE_BYTES} bytes");
            return Err(Status::new(Code::ResourceExhausted, what));
        }
        Ok(())
    }

    /// The next message, if it is complete.
    ///
    /// # Errors
    /// When it is malformed.
    pub fn message<M: Message + Default>(&mut self) -> Result<Option<M>, Status> {
        let Some(end) = self.length().map(|length| PREFIX_BYTES + length) else {
            return Ok(None);
        };
        if self.bytes.len() < end {
            return Ok(None);
        }
        let message = M::decode(&self.bytes[PREFIX_BYTES..end]).map_err(|error| {
            Status::new(Code::InvalidArgument, format!("malformed message: {error}"))
        })?;
        self.bytes.drain(..end);
        // The next one is checked as the first was.
        self.push(&[])?;
        Ok(Some(message))
    }

    /// Whether nothing is left.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The length of the message that is being received.
    fn length(&self) -> Option<usize> {
        let length = self.bytes.get(1..PREFIX_BYTES)?.try_into().ok()?;
        usize::try_from(u32::from_be_bytes(length)).ok()
    }
}

fn percent_encoded(message: &str) -> String {
    let mut text = String::with_capacity(message.len());
    for byte in message.bytes() {
        match byte {
            b'%' => text.push_str("%25"),
            b' '..=b'~' => text.push(char::from(byte)),
            _ => text.push_str(&format!("%{byte:02X}")),
        }
    }
    text
}

/// What is not percent-encoded as it should be stays as it is.
fn percent_decoded(text: &[u8]) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, tail @ ..] = rest {
        let digits = tail.get(..2).and_then(|two| std::str::from_utf8(two).ok());
        let byte = digits.and_then(|two| u8::from_str_radix(two, 16).ok());
        match byte.filter(|_| *first == b'%') {
            Some(byte) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            None => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The content type of requests and answers.
pub const CONTENT_TYPE: &str = "application/grpc";
/// The largest message; certificates and bundles are much smaller.
pub const MAX_MESSAGE_BYTES: usize = 4 * 1024 * 1024;
const STATUS: &str = "grpc-status";
const MESSAGE: &str = "grpc-message";
/// Whether it is compressed, and the length.
const PREFIX_BYTES: usize = 5;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_read_from_any_pieces() {
        let sent = ["one", "", "three"].map(str::to_owned);
        let bytes: Vec<u8> = sent.iter().flat_map(encode).collect();
        let mut received = Received::default();
        let mut read: Vec<String> = Vec::new();
        for byte in bytes {
            received.push(&[byte]).unwrap();
            read.extend(received.message::<String>().unwrap());
        }
        assert_eq!(read, sent);
        assert!(received.is_empty());
    }

    #[test]
    fn a_request_has_one_message_of_limited_size() {
        let one = encode(&"a".to_owned());
        assert_eq!(decode_only::<String>(&one).unwrap(), "a");
        for (bytes, code) in [
            (vec![], Code::InvalidArgument),
            (one[..4].to_vec(), Code::InvalidArgument),
            ([&one[..], &one].concat(), Code::InvalidArgument),
            (vec![0, 0, 0, 0, 1, 0xff], Code::InvalidArgument),
            (vec![1, 0, 0, 0, 0], Code::Unimplemented),
            (vec![0, 0xff, 0xff, 0xff, 0xff], Code::ResourceExhausted),
        ] {
            assert_eq!(decode_only::<String>(&bytes).unwrap_err().code, code);
        }
    }

    #[test]
    fn a_status_survives_its_headers() {
        for message in ["", "no identity issued", "100 % \u{fc}\n"] {
            let status = Status::new(Code::PermissionDenied, message);
            assert_eq!(Status::of_headers(&status.headers()), Some(status));
        }
        assert_eq!(Status::of_headers(&HeaderMap::new()), None);
        let mut headers = HeaderMap::new();
        headers.insert(STATUS, HeaderValue::from_static("99"));
        headers.insert(MESSAGE, HeaderValue::from_static("50%, %zz %"));
        let status = Status::of_headers(&headers).unwrap();
        assert_eq!(
            (status.code, &*status.message),
            (Code::Unknown, "50%, %zz %")
        );
    }
}
