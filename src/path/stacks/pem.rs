//! PEM as BoringSSL and OpenSSL read it, line by line; for rustls, its own reader is called. The three disagree on byte order marks, blank lines, labels and what follows END.

use rustls_pki_types::pem::{Error, PemObject, SectionKind};
use zeroize::Zeroizing;

use super::Stack;

/// The block that a stack reads as the private key.
pub struct PrivateKeyBlock {
    /// The label after BEGIN.
    pub label: String,
    /// Its decoded base64; wiped on drop.
    pub contents: Zeroizing<Vec<u8>>,
    /// Whether its headers say that it is encrypted.
    pub is_encrypted: bool,
}

/// The block that this stack reads as the private key; `None` if it finds none.
///
/// # Errors
/// What is wrong with the file, as a clause, if the stack stops before it reaches one.
pub fn private_key_block(
    stack: Stack,
    bytes: &[u8],
) -> Result<Option<PrivateKeyBlock>, &'static str> {
    let dialect = match stack {
        Stack::GrpcCore => Dialect::BoringSsl,
        Stack::GrpcJs => Dialect::OpenSsl,
        Stack::Tonic => return rustls_private_key(bytes),
    };
    let mut blocks = Blocks::new(dialect, bytes);
    let mut fault = None;
    loop {
        let Some(block) = blocks.next() else {
            return fault.map_or(Ok(None), Err);
        };
        let block = match block {
            Ok(block) => block,
            // OpenSSL 3 continues after a block that is not base64.
            Err(PemFault::Base64) if dialect == Dialect::OpenSsl => {
                fault = Some(PemFault::Base64.clause());
                blocks.is_done = false;
                continue;
            }
            Err(fault) => return Err(fault.clause()),
        };
        if KEY_LABELS.contains(&block.label.as_str()) {
            let is_encrypted = block.label == ENCRYPTED_LABEL || !block.headers.is_empty();
            return Ok(Some(PrivateKeyBlock {
                label: block.label,
                contents: block.contents,
                is_encrypted,
            }));
        }
    }
}

/// Which library reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    BoringSsl,
    OpenSsl,
}

/// One block.
pub(super) struct Block {
    pub(super) label: String,
    pub(super) contents: Zeroizing<Vec<u8>>,
    /// The lines between BEGIN and the first blank line.
    pub(super) headers: Zeroizing<Vec<u8>>,
}

/// Why a block cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PemFault {
    EndLine,
    Base64,
    Empty,
    Header,
}

impl PemFault {
    pub(super) fn clause(self) -> &'static str {
        match self {
            PemFault::EndLine => "a block does not end as it should",
            PemFault::Base64 => "a block is not base64",
            PemFault::Empty => "a block is empty",
            PemFault::Header => "a block has a blank line in it",
        }
    }
}

/// The blocks of a text, up to the first that cannot be read.
pub(super) struct Blocks<'a> {
    dialect: Dialect,
    rest: &'a [u8],
    is_done: bool,
}

impl<'a> Blocks<'a> {
    pub(super) fn new(dialect: Dialect, bytes: &'a [u8]) -> Self {
        Blocks {
            dialect,
            rest: bytes,
            is_done: false,
        }
    }

    /// The next line, cut where the library's buffer ends, without what it strips from the end of
    /// lines, and whether more of the line follows.
    fn line(&mut self) -> Option<(&'a [u8], bool)> {
        if self.rest.is_empty() {
            return None;
        }
        let longest = match self.dialect {
            Dialect::BoringSsl => BORING_SSL_LINE,
            Dialect::OpenSsl => OPENSSL_LINE,
        };
        let window = &self.rest[..self.rest.len().min(longest)];
        let end = window.iter().position(|byte| *byte == b'\n');
        let (line, rest) = self.rest.split_at(end.map_or(window.len(), |end| end + 1));
        self.rest = rest;
        // Both compare signed characters with the space, so they strip non-ASCII bytes too.
        let kept = line.iter().rposition(|byte| (0x21..0x80).contains(byte));
        let is_cut = end.is_none() && line.len() == longest;
        Some((&line[..kept.map_or(0, |last| last + 1)], is_cut))
    }

    /// The label of the next BEGIN.
    fn begin(&mut self) -> Option<String> {
        let mut is_first = true;
        while let Some((line, _)) = self.line() {
            let line = match self.dialect {
                // It looks for a mark before each block, not only at the beginning of the file.
                Dialect::OpenSsl if is_first => line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line),
                Dialect::OpenSsl | Dialect::BoringSsl => line,
            };
            is_first = false;
            let label = line
                .strip_prefix(b"-----BEGIN ")
                .and_then(|rest| rest.strip_suffix(b"-----"));
            if let Some(label) = label {
                return Some(String::from_utf8_lossy(label).into_owned());
            }
        }
        None
    }

    fn read(&mut self) -> Option<Result<Block, PemFault>> {
        let label = self.begin()?;
        let parts = match self.dialect {
            Dialect::BoringSsl => self.boring_ssl_body(&label),
            Dialect::OpenSsl => self.openssl_body(&label),
        };
        Some(parts.and_then(|(headers, base64)| {
            let contents = decode_base64(&base64, self.dialect).ok_or(PemFault::Base64)?;
            if contents.is_empty() {
                return Err(PemFault::Empty);
            }
            Ok(Block {
                label,
                contents,
                headers,
            })
        }))
    }

    /// Everything up to the first blank line is a header, unless END comes before one.
    fn boring_ssl_body(&mut self, label: &str) -> Result<Parts, PemFault> {
        let mut headers = Zeroizing::new(Vec::new());
        let mut body = Zeroizing::new(Vec::with_capacity(self.rest.len().min(MAX_RESERVED)));
        let mut is_header = true;
        while let Some((line, _)) = self.line() {
            if is_header && line.is_empty() {
                is_header = false;
                std::mem::swap(&mut headers, &mut body);
                continue;
            }
            if line.starts_with(b"-----END ") {
                return is_end(line, label)
                    .then_some((headers, body))
                    .ok_or(PemFault::EndLine);
            }
            body.extend_from_slice(line);
            body.push(b'\n');
        }
        Err(PemFault::EndLine)
    }

    /// One blank line ends the headers, a second is an error. After it, only the last line may have another
    /// length.
    fn openssl_body(&mut self, label: &str) -> Result<Parts, PemFault> {
        let mut headers = Zeroizing::new(Vec::new());
        let mut body = Zeroizing::new(Vec::with_capacity(self.rest.len().min(MAX_RESERVED)));
        let (mut is_behind_blank, mut is_over, mut was_cut) = (false, false, false);
        while let Some((line, is_cut)) = self.line() {
            let follows_cut = std::mem::replace(&mut was_cut, is_cut);
            if line.is_empty() {
                if follows_cut {
                    continue;
                }
                if is_behind_blank {
                    return Err(PemFault::EndLine);
                }
                is_behind_blank = true;
                std::mem::swap(&mut headers, &mut body);
                continue;
            }
            if line.starts_with(b"-----END ") {
                return is_end(line, label)
                    .then_some((headers, body))
                    .ok_or(PemFault::EndLine);
            }
            if is_over {
                return Err(PemFault::EndLine);
            }
            body.extend_from_slice(line);
            body.push(b'\n');
            if is_behind_blank {
                if line.len() > FULL_LINE {
                    return Err(PemFault::Header);
                }
                is_over = line.len() < FULL_LINE;
            }
        }
        Err(PemFault::EndLine)
    }
}

impl Iterator for Blocks<'_> {
    type Item = Result<Block, PemFault>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_done {
            return None;
        }
        let block = self.read();
        self.is_done = !matches!(block, Some(Ok(_)));
        block
    }
}

/// Headers and base64.
type Parts = (Zeroizing<Vec<u8>>, Zeroizing<Vec<u8>>);

fn is_end(line: &[u8], label: &str) -> bool {
    line.strip_prefix(b"-----END ")
        .and_then(|rest| rest.strip_suffix(b"-----"))
        .is_some_and(|found| found == label.as_bytes())
}

/// Base64 with white space anywhere; unused bits after the last byte are ignored.
fn decode_base64(base64: &[u8], dialect: Dialect) -> Option<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(base64.len() / 4 * 3 + 3));
    let (mut bits, mut count, mut padding) = (0_u32, 0, 0);
    for byte in base64 {
        let value = match byte {
            b' ' | b'\t' | b'\r' | b'\n' => continue,
            // OpenSSL treats a hyphen as the end, so the next BEGIN ends a block without END.
            b'-' if dialect == Dialect::OpenSsl => break,
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            b'=' if count >= 2 => {
                padding += 1;
                0
            }
            _ => return None,
        };
        if padding > 0 && *byte != b'=' {
            return None;
        }
        bits = bits << 6 | u32::from(value);
        count += 1;
        if count == 4 {
            bytes.extend_from_slice(&bits.to_be_bytes()[1..4 - padding]);
            (bits, count) = (0, 0);
        }
    }
    (count == 0).then_some(bytes)
}

/// The key rustls finds: the first block with one of the three labels it knows.
fn rustls_private_key(bytes: &[u8]) -> Result<Option<PrivateKeyBlock>, &'static str> {
    for section in <(SectionKind, Vec<u8>)>::pem_reader_iter(bytes) {
        let (kind, contents) = match section {
            Ok((kind, contents)) => (kind, Zeroizing::new(contents)),
            Err(Error::Base64Decode(_)) => return Err(PemFault::Base64.clause()),
            Err(_) => return Err(PemFault::EndLine.clause()),
        };
        let label = match kind {
            SectionKind::RsaPrivateKey => "RSA PRIVATE KEY",
            SectionKind::PrivateKey => "PRIVATE KEY",
            SectionKind::EcPrivateKey => "EC PRIVATE KEY",
            _ => continue,
        };
        return Ok(Some(PrivateKeyBlock {
            label: label.to_owned(),
            contents,
            is_encrypted: false,
        }));
    }
    Ok(None)
}

const ENCRYPTED_LABEL: &str = "ENCRYPTED PRIVATE KEY";
const KEY_LABELS: [&str; 5] = [
    "PRIVATE KEY",
    ENCRYPTED_LABEL,
    "RSA PRIVATE KEY",
    "EC PRIVATE KEY",
    "DSA PRIVATE KEY",
];
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
/// The size of the buffer for a line; the rest of a longer one is read as the next.
const BORING_SSL_LINE: usize = 253;
const OPENSSL_LINE: usize = 254;
/// The length of every line after a blank one, except the last.
const FULL_LINE: usize = 64;
const MAX_RESERVED: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_two_libraries_read_blocks_as_their_sources_have_it() {
        for (text, boring_ssl, openssl) in [
            ("-----BEGIN X-----\nAAEC\n-----END X-----", 1, 1),
            ("-----BEGIN X-----\r\nAAEC\r\n-----END X-----\r\n", 1, 1),
            (
                "before\n-----BEGIN X-----  \n  AAEC  \n-----END X-----\nafter",
                1,
                1,
            ),
            ("\u{feff}-----BEGIN X-----\nAAEC\n-----END X-----\n", 0, 1),
            (" -----BEGIN X-----\nAAEC\n-----END X-----\n", 0, 0),
            ("-----BEGIN X-----\nAAEC\n-----END X-----garbage\n", 0, 0),
            ("-----BEGIN X-----\n\nAAEC\n\n-----END X-----\n", 1, 0),
            ("-----BEGIN X-----\nAA!C\n-----END X-----\n", 0, 0),
            ("-----BEGIN X-----\nAAEC\n-----END Y-----\n", 0, 0),
            ("-----BEGIN X-----\nAAEC\n", 0, 0),
            ("-----BEGIN X-----\nAA==AAEC\n-----END X-----\n", 0, 0),
            (
                "-----BEGIN X-----\nAAEC\n-----BEGIN X-----\nAAED\n-----END X-----\n",
                0,
                1,
            ),
        ] {
            let count = |dialect| {
                let blocks = Blocks::new(dialect, text.as_bytes());
                blocks.filter(Result::is_ok).count()
            };
            assert_eq!(count(Dialect::BoringSsl), boring_ssl, "{text:?}");
            assert_eq!(count(Dialect::OpenSsl), openssl, "{text:?}");
        }
    }

    #[test]
    fn lines_longer_than_the_buffer_are_put_together() {
        let base64 = "AAEC".repeat(300);
        let text = format!("-----BEGIN X-----\n{base64}\n-----END X-----\n");
        for dialect in [Dialect::BoringSsl, Dialect::OpenSsl] {
            let mut blocks = Blocks::new(dialect, text.as_bytes());
            let block = blocks
                .next()
                .unwrap()
                .unwrap_or_else(|fault| panic!("{fault:?}"));
            assert_eq!(*block.contents, [0, 1, 2].repeat(300));
        }
    }

    #[test]
    fn every_stack_looks_past_certificates_for_the_key() {
        let text = "-----BEGIN CERTIFICATE-----\nAAEC\n-----END CERTIFICATE-----\n-----BEGIN PRIVATE KEY-----\nAAED\n-----END PRIVATE KEY-----\n";
        for stack in Stack::ALL {
            let block = private_key_block(stack, text.as_bytes()).unwrap().unwrap();
            assert_eq!(*block.contents, [0, 1, 3]);
        }
    }

    #[test]
    fn floods_end_at_once() {
        for flood in ["-----BEGIN X-----\n".repeat(100_000), "-".repeat(5 << 20)] {
            for stack in Stack::ALL {
                assert!(!matches!(
                    private_key_block(stack, flood.as_bytes()),
                    Ok(Some(_))
                ));
            }
        }
    }

    proptest::proptest! {
        #[test]
        fn what_we_write_both_read(bytes in proptest::collection::vec(proptest::num::u8::ANY, 1..400)) {
            let text = crate::pki::pem::encode("X", &bytes).unwrap();
            for dialect in [Dialect::BoringSsl, Dialect::OpenSsl] {
                let mut blocks = Blocks::new(dialect, text.as_bytes());
                let block = blocks.next().and_then(Result::ok);
                proptest::prop_assert_eq!(block.map(|block| block.contents.to_vec()), Some(bytes.clone()));
            }
        }
    }
}
