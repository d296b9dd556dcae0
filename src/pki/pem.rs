//! PEM: the textual encoding ([RFC 7468](https://www.rfc-editor.org/rfc/rfc7468)).

use base64ct::{Base64, Encoding as _};
use der::pem::LineEnding;
use zeroize::Zeroizing;

use super::escape::Escaped;

/// One block of a PEM text.
pub struct Block {
    /// What stands behind BEGIN.
    pub label: String,
    /// What its base64 says; wiped on drop, for it may be a key.
    pub contents: Zeroizing<Vec<u8>>,
    /// The line of its BEGIN, the first being 1.
    pub line: usize,
    /// Its RFC 1421 headers, such as `DEK-Info`, as name and value.
    pub headers: Vec<(String, String)>,
}

impl Block {
    /// The value of the header with this name.
    pub fn header(&self, name: &str) -> Option<&str> {
        let header = self
            .headers
            .iter()
            .find(|(n, _)| n.eq_ignore_ascii_case(name));
        header.map(|(_, value)| value.as_str())
    }

    /// Whether its headers say that it is encrypted the old way ([RFC 1421 §4.6.1.1](https://www.rfc-editor.org/rfc/rfc1421#section-4.6.1.1)).
    pub fn is_encrypted(&self) -> bool {
        self.header("DEK-Info").is_some()
            || self
                .header("Proc-Type")
                .is_some_and(|v| v.contains("ENCRYPTED"))
    }

    /// Whether its label says that it holds a private key.
    pub fn is_private_key(&self) -> bool {
        self.label.ends_with("PRIVATE KEY")
    }
}

impl std::fmt::Debug for Block {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Block({}, line {})", Escaped(&self.label), self.line)
    }
}

/// Every block of a text, in their order; none when there is none.
///
/// Reads what real stacks read: any text around, LF, CRLF or CR, blank lines, indentation, spaces,
/// lines of any length, a byte order mark before all. In time linear in the input.
///
/// # Errors
/// If any block is broken, wherever it stands: what looks like a boundary but is none, a BEGIN
/// without its END, labels that differ, what is not base64.
pub fn blocks(text: &[u8]) -> Result<Vec<Block>, PemError> {
    let mut blocks = Vec::new();
    let mut open: Option<Open> = None;
    for (line, content) in lines(text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text)) {
        match boundary(content) {
            None => {
                if let Some(open) = &mut open {
                    open.take(line, content)?;
                }
            }
            Some(Boundary::Broken) => {
                return Err(PemError::Boundary {
                    line,
                    text: excerpt(content),
                });
            }
            Some(Boundary::Begin(label)) => match open {
                Some(open) => {
                    return Err(PemError::NoEnd {
                        line: open.line,
                        label: open.label,
                    });
                }
                None => open = Some(Open::new(line, label)),
            },
            Some(Boundary::End(label)) => match open.take() {
                Some(open) => blocks.push(open.close(line, label)?),
                None => {
                    return Err(PemError::NoBegin {
                        line,
                        label: label.to_owned(),
                    });
                }
            },
        }
        if blocks.len() > MAX_BLOCKS {
            return Err(PemError::TooMany);
        }
    }
    match open {
        Some(open) => Err(PemError::NoEnd {
            line: open.line,
            label: open.label,
        }),
        None => Ok(blocks),
    }
}

/// Whether a text begins with a UTF-8 byte order mark, which some stacks stumble over.
pub fn has_byte_order_mark(text: &[u8]) -> bool {
    text.starts_with(BYTE_ORDER_MARK)
}

/// The PEM text of one block, 64 columns, LF line ends. Wiped on drop, for it may be a key's.
///
/// # Errors
/// If the label is none RFC 7468 allows.
pub fn encode(label: &str, der: &[u8]) -> der::Result<Zeroizing<String>> {
    Ok(Zeroizing::new(der::pem::encode_string(
        label,
        LineEnding::LF,
        der,
    )?))
}

/// Why a PEM text cannot be read. Lines count from 1.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PemError {
    /// It looks like a boundary, but no program would take it for one.
    #[error(
        "line {line}: not a BEGIN or END line, though it looks like one: '{}'",
        Escaped(text)
    )]
    Boundary {
        /// The line.
        line: usize,
        /// How it begins.
        text: String,
    },
    /// An END without a BEGIN.
    #[error("line {line}: END {} without its BEGIN", Escaped(label))]
    NoBegin {
        /// The line.
        line: usize,
        /// The block's label.
        label: String,
    },
    /// A BEGIN without an END.
    #[error("line {line}: BEGIN {} without its END", Escaped(label))]
    NoEnd {
        /// The line of the BEGIN.
        line: usize,
        /// The block's label.
        label: String,
    },
    /// BEGIN and END do not go together.
    #[error(
        "line {line}: END {} ends the block {} of line {begin}",
        Escaped(end_label),
        Escaped(label)
    )]
    Mismatch {
        /// The line of the END.
        line: usize,
        /// What END says.
        end_label: String,
        /// The line of the BEGIN.
        begin: usize,
        /// What BEGIN says.
        label: String,
    },
    /// A character that base64 has not.
    #[error("line {line}: {} holds a character that is not base64: '{}'", Escaped(label), Escaped(&character.to_string()))]
    Character {
        /// The line.
        line: usize,
        /// The block's label.
        label: String,
        /// The character.
        character: char,
    },
    /// The base64 does not add up: cut off, or padded wrongly.
    #[error(
        "line {line}: the base64 of {} is cut off or wrongly padded",
        Escaped(label)
    )]
    Base64 {
        /// The line of the BEGIN.
        line: usize,
        /// The block's label.
        label: String,
        /// The decoder's error.
        source: base64ct::Error,
    },
    /// Nothing between BEGIN and END.
    #[error("line {line}: {} is empty", Escaped(label))]
    Empty {
        /// The line of the BEGIN.
        line: usize,
        /// The block's label.
        label: String,
    },
    /// Headers without the blank line that ends them.
    #[error("line {line}: the headers of {} do not end", Escaped(label))]
    Headers {
        /// The line of the BEGIN.
        line: usize,
        /// The block's label.
        label: String,
    },
    /// More blocks than any real file has.
    #[error("more than {MAX_BLOCKS} PEM blocks")]
    TooMany,
}

/// The most blocks that are read from one text: sixty times what the largest trust store has.
pub const MAX_BLOCKS: usize = 10_000;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
const MAX_LABEL_BYTES: usize = 64;
const MAX_HEADERS: usize = 32;
const EXCERPT_CHARACTERS: usize = 40;

/// A block whose END has not come yet.
struct Open {
    label: String,
    line: usize,
    headers: Vec<(String, String)>,
    in_headers: bool,
    base64: Zeroizing<Vec<u8>>,
}

impl Open {
    fn new(line: usize, label: &str) -> Self {
        Open {
            label: label.to_owned(),
            line,
            headers: Vec::new(),
            in_headers: false,
            base64: Zeroizing::default(),
        }
    }

    /// Takes one line between the boundaries.
    fn take(&mut self, line: usize, content: &[u8]) -> Result<(), PemError> {
        if self.base64.is_empty() && self.headers.len() < MAX_HEADERS {
            if let Some(header) = header(content) {
                self.headers.push(header);
                self.in_headers = true;
                return Ok(());
            }
            if self.in_headers {
                self.in_headers = !content.is_empty();
                return Ok(());
            }
        }
        // Grown by hand, so that no freed memory holds a part of a key.
        if self.base64.capacity() < self.base64.len() + content.len() {
            let capacity = (self.base64.len() + content.len())
                .next_power_of_two()
                .max(4096);
            let mut larger = Zeroizing::new(Vec::with_capacity(capacity));
            larger.extend_from_slice(&self.base64);
            self.base64 = larger;
        }
        for &byte in content {
            match byte {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'+' | b'/' | b'=' => {
                    self.base64.push(byte)
                }
                b' ' | b'\t' => {}
                _ => {
                    return Err(PemError::Character {
                        line,
                        label: self.label.clone(),
                        character: char::from(byte),
                    });
                }
            }
        }
        Ok(())
    }

    fn close(self, line: usize, end_label: &str) -> Result<Block, PemError> {
        let Open {
            label,
            line: begin,
            headers,
            in_headers,
            base64,
        } = self;
        if label != end_label {
            return Err(PemError::Mismatch {
                line,
                end_label: end_label.to_owned(),
                begin,
                label,
            });
        }
        if in_headers {
            return Err(PemError::Headers { line: begin, label });
        }
        let mut contents = Zeroizing::new(vec![0; base64.len() / 4 * 3]);
        let length = match Base64::decode(&base64[..], &mut contents) {
            Ok(bytes) => bytes.len(),
            Err(source) => {
                return Err(PemError::Base64 {
                    line: begin,
                    label,
                    source,
                });
            }
        };
        contents.truncate(length);
        if contents.is_empty() {
            return Err(PemError::Empty { line: begin, label });
        }
        Ok(Block {
            label,
            contents,
            line: begin,
            headers,
        })
    }
}

enum Boundary<'a> {
    Begin(&'a str),
    End(&'a str),
    Broken,
}

/// What a line bounds; `None` for text and base64.
fn boundary(line: &[u8]) -> Option<Boundary<'_>> {
    let first = *line.first()?;
    if first != b'-' && first != UNICODE_DASH {
        return None;
    }
    if let Some(inner) = line
        .strip_prefix(b"-----")
        .and_then(|rest| rest.strip_suffix(b"-----"))
    {
        if let Some(label) = inner.strip_prefix(b"BEGIN ").and_then(label) {
            return Some(Boundary::Begin(label));
        }
        if let Some(label) = inner.strip_prefix(b"END ").and_then(label) {
            return Some(Boundary::End(label));
        }
    }
    looks_like_boundary(line).then_some(Boundary::Broken)
}

/// A label of RFC 7468 §3 without lower-case letters, which no program looks for, and of at most 64
/// bytes.
fn label(bytes: &[u8]) -> Option<&str> {
    let is_label = bytes.len() <= MAX_LABEL_BYTES
        && bytes.first().is_some_and(u8::is_ascii_graphic)
        && bytes
            .iter()
            .all(|&b| b == b' ' || (b.is_ascii_graphic() && !b.is_ascii_lowercase()));
    std::str::from_utf8(bytes).ok().filter(|_| is_label)
}

/// Two dashes or more of any kind, perhaps a space, and BEGIN or END in any case.
fn looks_like_boundary(line: &[u8]) -> bool {
    let head = String::from_utf8_lossy(&line[..line.len().min(MAX_LABEL_BYTES)]);
    let after_dashes = head.trim_start_matches([
        '-', '\u{2010}', '\u{2011}', '\u{2012}', '\u{2013}', '\u{2014}', '\u{2015}', '\u{2212}',
    ]);
    let word = after_dashes.trim_start().as_bytes();
    head.len() - after_dashes.len() >= 2
        && [&b"BEGIN"[..], b"END"].iter().any(|name| {
            word.get(..name.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(name))
                && !word.get(name.len()).is_some_and(u8::is_ascii_alphanumeric)
        })
}

/// A line `Name: value` of RFC 1421.
fn header(line: &[u8]) -> Option<(String, String)> {
    let text = std::str::from_utf8(line).ok()?;
    let (name, value) = text.split_once(':')?;
    let is_name = name.len() <= MAX_LABEL_BYTES
        && !name.is_empty()
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    is_name.then(|| (name.to_owned(), value.trim().to_owned()))
}

/// The lines of a text with their numbers, without what is white at either end.
fn lines(text: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let mut rest = Some(text);
    let lines = std::iter::from_fn(move || {
        let text = rest?;
        let end = text.iter().position(|b| matches!(b, b'\n' | b'\r'));
        let (line, after) = match end {
            Some(at) if text[at..].starts_with(b"\r\n") => (&text[..at], Some(&text[at + 2..])),
            Some(at) => (&text[..at], Some(&text[at + 1..])),
            None => (text, None),
        };
        rest = after;
        Some(line.trim_ascii())
    });
    (1..).zip(lines)
}

/// The beginning of a line, for a message.
fn excerpt(line: &[u8]) -> String {
    let head = &line[..line.len().min(EXCERPT_CHARACTERS * 4)];
    String::from_utf8_lossy(head)
        .chars()
        .take(EXCERPT_CHARACTERS)
        .collect()
}

/// The first byte of the dashes that word processors make (U+2010 to U+2015, U+2212).
const UNICODE_DASH: u8 = 0xe2;

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "-----BEGIN X-----\nAAEC\n-----END X-----\n";

    #[test]
    fn text_around_line_ends_and_white_space_do_not_matter() {
        for text in [
            format!("hello\n{GOOD}bye"),
            GOOD.replace('\n', "\r\n"),
            GOOD.replace('\n', "\r"),
            GOOD.replace('\n', "\n\n"),
            GOOD.replace('\n', " \t\n    "),
            GOOD.replace("AAEC", "AA\nEC"),
            format!("\u{feff}{GOOD}"),
            GOOD.trim_end().to_owned(),
        ] {
            let blocks = blocks(text.as_bytes()).unwrap();
            assert_eq!(blocks.len(), 1, "{text:?}");
            assert_eq!(blocks[0].label, "X");
            assert_eq!(*blocks[0].contents, [0, 1, 2]);
        }
    }

    #[test]
    fn a_broken_block_is_an_error_wherever_it_stands() {
        for broken in [
            "-----BEGIN X-----\nAAEC\n",
            "-----BEGIN X-----\nAAEC\n-----END Y-----\n",
            "-----BEGIN X-----\nAA\n-----END X-----\n",
            "-----BEGIN X-----\nAAEC=\n-----END X-----\n",
            "-----BEGIN X-----\n====\n-----END X-----\n",
            "-----BEGIN X-----\n-----END X-----\n",
            "-----BEGIN X-----\nA\0EC\n-----END X-----\n",
            "----BEGIN X-----\nAAEC\n-----END X-----\n",
            "-----begin x-----\nAAEC\n-----end x-----\n",
            "-----BEGIN x-----\nAAEC\n-----END x-----\n",
            "-----BEGIN X----\nAAEC\n-----END X-----\n",
            "-----BEGIN -----\nAAEC\n-----END -----\n",
            "-----BEGIN ZERTIFIKÄT-----\nAAEC\n-----END ZERTIFIKÄT-----\n",
            "——BEGIN X——\nAAEC\n——END X——\n",
            "-----END X-----\n",
        ] {
            for text in [
                broken.to_owned(),
                format!("{GOOD}{broken}"),
                format!("{broken}{GOOD}"),
            ] {
                assert!(blocks(text.as_bytes()).is_err(), "{text:?}");
            }
        }
    }

    #[test]
    fn an_error_names_the_line_and_the_label() {
        let text = format!("{GOOD}{GOOD}-----BEGIN CERTIFICATE-----\nAA!C\n");
        assert_eq!(
            blocks(text.as_bytes()).unwrap_err().to_string(),
            "line 8: CERTIFICATE holds a character that is not base64: '!'"
        );
    }

    #[test]
    fn headers_of_old_encrypted_keys_are_read() {
        let text = "-----BEGIN K-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nAAEC\n-----END K-----";
        let blocks = blocks(text.as_bytes()).unwrap();
        assert!(blocks[0].is_encrypted());
        assert_eq!(blocks[0].header("dek-info"), Some("AES-128-CBC,00"));
    }

    #[test]
    fn floods_end_at_once() {
        assert!(blocks("-----BEGIN X-----\n".repeat(200_000).as_bytes()).is_err());
        assert!(blocks(&vec![b'-'; 5 << 20]).unwrap().is_empty());
        assert_eq!(
            blocks(GOOD.repeat(MAX_BLOCKS + 1).as_bytes()).unwrap_err(),
            PemError::TooMany
        );
    }

    proptest::proptest! {
        #[test]
        fn what_is_encoded_reads_back(bytes in proptest::collection::vec(proptest::num::u8::ANY, 1..400)) {
            let text = encode("CERTIFICATE", &bytes).unwrap();
            let blocks = blocks(text.as_bytes()).unwrap();
            proptest::prop_assert_eq!(&*blocks[0].contents, &bytes);
        }
    }
}
