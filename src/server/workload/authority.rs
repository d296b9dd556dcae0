//! Any `:authority` in front of an HTTP/2 server that only takes some.
//!
//! grpc-core percent-encodes the path of a Unix socket into `:authority`, such as `tmp%2Fagent.sock`; crate `h2`
//! refuses that as a malformed request (RFC 3986 §3.2.2 permits it in a name). On a Unix socket the value means
//! nothing. So it is replaced by a host name of the same length before `h2` sees it. The same length, because the
//! client's table of header fields (RFC 7541 §4.1) must stay the size that the client believes it has. Nothing else
//! is decoded: a header block is a sequence of fields whose lengths are enough to step over them.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A connection whose incoming `:authority` is replaced.
pub(super) struct AnyAuthority<S> {
    stream: S,
    frames: Frames,
    /// What was rewritten and is not read yet, and how much of it was.
    ready: Vec<u8>,
    taken: usize,
}

impl<S> AnyAuthority<S> {
    pub(super) fn new(stream: S) -> Self {
        AnyAuthority {
            stream,
            frames: Frames::default(),
            ready: Vec::new(),
            taken: 0,
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for AnyAuthority<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        while this.taken == this.ready.len() {
            this.ready.clear();
            this.taken = 0;
            let mut bytes = [0; CHUNK_BYTES];
            let mut chunk = ReadBuf::new(&mut bytes);
            ready!(Pin::new(&mut this.stream).poll_read(context, &mut chunk))?;
            if chunk.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
            this.frames.push(chunk.filled(), &mut this.ready);
        }
        let left = &this.ready[this.taken..];
        let length = left.len().min(buffer.remaining());
        buffer.put_slice(&left[..length]);
        this.taken += length;
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for AnyAuthority<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

/// The frames of a client ([RFC 9113 §4.1](https://www.rfc-editor.org/rfc/rfc9113#section-4.1)). What breaks a rule
/// is passed on as it is, for the server to refuse.
struct Frames {
    /// What is passed on before the next frame begins.
    pass: usize,
    /// The start of a frame that is not complete.
    partial: Vec<u8>,
    /// A header block whose frames have not all come: the stream, and what ends it; then the block.
    block: Option<Block>,
}

struct Block {
    /// The bytes as they came, for the case that they break a rule.
    original: Vec<u8>,
    fragment: Vec<u8>,
    stream: [u8; 4],
    end_stream: u8,
}

impl Default for Frames {
    fn default() -> Self {
        Frames {
            pass: PREFACE_BYTES,
            partial: Vec::new(),
            block: None,
        }
    }
}

impl Frames {
    fn push(&mut self, mut bytes: &[u8], out: &mut Vec<u8>) {
        while !bytes.is_empty() {
            if self.pass > 0 {
                let (passed, rest) = bytes.split_at(self.pass.min(bytes.len()));
                out.extend_from_slice(passed);
                self.pass = self.pass.saturating_sub(passed.len());
                bytes = rest;
                continue;
            }
            let wanted = self.wanted() - self.partial.len();
            let (part, rest) = bytes.split_at(wanted.min(bytes.len()));
            self.partial.extend_from_slice(part);
            bytes = rest;
            if self.partial.len() == self.wanted() {
                self.frame(out);
            }
        }
    }

    /// How long the frame is, as far as it has to be seen: only frames of headers are.
    fn wanted(&self) -> usize {
        match Header::of(&self.partial) {
            Some(header) if header.is_of_headers() => HEADER_BYTES + header.length,
            Some(_) | None => HEADER_BYTES,
        }
    }

    fn frame(&mut self, out: &mut Vec<u8>) {
        let Some(header) = Header::of(&self.partial) else {
            return;
        };
        let is_complete = self.partial.len() == HEADER_BYTES + header.length;
        if header.is_of_headers() && !is_complete {
            return;
        }
        let frame = std::mem::take(&mut self.partial);
        let size = |block: &Block| block.original.len() + frame.len();
        match (self.block.take(), header.kind) {
            (None, HEADERS) if header.is_of_headers() => match Block::begin(&header, &frame) {
                Some(block) => self.more(block, header.flags, out),
                None => out.extend(frame),
            },
            (Some(mut block), CONTINUATION)
                if block.stream == header.stream && size(&block) <= MAX_BLOCK_BYTES =>
            {
                block.original.extend_from_slice(&frame);
                block.fragment.extend_from_slice(&frame[HEADER_BYTES..]);
                self.more(block, header.flags, out);
            }
            (block, _) => {
                out.extend(block.map(|block| block.original).unwrap_or_default());
                self.pass = HEADER_BYTES + header.length - frame.len();
                out.extend(frame);
            }
        }
    }

    /// Passes a block on when its last frame has come.
    fn more(&mut self, block: Block, flags: u8, out: &mut Vec<u8>) {
        if flags & END_HEADERS == 0 {
            self.block = Some(block);
            return;
        }
        match rewritten(&block.fragment) {
            Some(fragment) => block.put(&fragment, out),
            None => out.extend(block.original),
        }
    }
}

impl Block {
    /// The block that begins with this frame, without padding and priority; `None` where they do not fit in.
    fn begin(header: &Header, frame: &[u8]) -> Option<Self> {
        let mut fragment = &frame[HEADER_BYTES..];
        if header.flags & PADDED != 0 {
            let (padding, rest) = fragment.split_first()?;
            let length = rest.len().checked_sub(usize::from(*padding))?;
            fragment = &rest[..length];
        }
        if header.flags & PRIORITY != 0 {
            fragment = fragment.get(PRIORITY_BYTES..)?;
        }
        Some(Block {
            original: frame.to_vec(),
            fragment: fragment.to_vec(),
            stream: header.stream,
            end_stream: header.flags & END_STREAM,
        })
    }

    /// Frames of this block with another fragment.
    fn put(&self, fragment: &[u8], out: &mut Vec<u8>) {
        let mut kind = HEADERS;
        let mut flags = self.end_stream;
        let mut rest = fragment;
        loop {
            let (part, after) = rest.split_at(rest.len().min(MAX_FRAME_BYTES));
            if after.is_empty() {
                flags |= END_HEADERS;
            }
            let [_, length @ ..] = u32::try_from(part.len()).unwrap_or(0).to_be_bytes();
            out.extend(length);
            out.extend([kind, flags]);
            out.extend(self.stream);
            out.extend_from_slice(part);
            if after.is_empty() {
                return;
            }
            (kind, flags, rest) = (CONTINUATION, 0, after);
        }
    }
}

/// The header of a frame.
struct Header {
    length: usize,
    kind: u8,
    flags: u8,
    stream: [u8; 4],
}

impl Header {
    fn of(bytes: &[u8]) -> Option<Self> {
        let [a, b, c, kind, flags, stream @ ..] = bytes.first_chunk::<HEADER_BYTES>()?;
        Some(Header {
            length: usize::from(*a) << 16 | usize::from(*b) << 8 | usize::from(*c),
            kind: *kind,
            flags: *flags,
            stream: *stream,
        })
    }

    /// Whether it carries header fields, and is not larger than a frame may be.
    fn is_of_headers(&self) -> bool {
        matches!(self.kind, HEADERS | CONTINUATION) && self.length <= MAX_FRAME_BYTES
    }
}

/// A header block ([RFC 7541 §6](https://www.rfc-editor.org/rfc/rfc7541#section-6)) with another `:authority`; `None`
/// where it is malformed.
fn rewritten(block: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(block.len() + 16);
    let mut rest = block;
    while let Some(&first) = rest.first() {
        let field = rest;
        let prefix_bits = match first {
            // An indexed field.
            0x80.. => 7,
            // A literal that is put into the table.
            0x40.. => 6,
            // A new size of the table.
            0x20.. => 5,
            // A literal that is not, or never, put into it.
            _ => 4,
        };
        let index = integer(&mut rest, prefix_bits)?;
        if first == EMPTY_AUTHORITY {
            out.extend([AUTHORITY, 1, FILLING]);
            continue;
        }
        if !(0x20..0x40).contains(&first) && first < 0x80 {
            let mut name = &[][..];
            if index == 0 {
                name = string(&mut rest)?.1;
            }
            let is_authority = index == usize::from(AUTHORITY) || name == NAME;
            let before = field.len() - rest.len();
            let (is_huffman, value) = string(&mut rest)?;
            if is_authority {
                out.extend_from_slice(&field[..before]);
                let length = if is_huffman {
                    huffman_length(value)?
                } else {
                    value.len()
                };
                // An empty one is refused, too. One that is put into the table has to stay as long as it is.
                let length = if first < 0x40 { length.max(1) } else { length };
                put_integer(&mut out, length);
                out.extend(std::iter::repeat_n(FILLING, length));
                continue;
            }
        }
        out.extend_from_slice(&field[..field.len() - rest.len()]);
    }
    Some(out)
}

/// An integer behind the first bits of a byte (RFC 7541 §5.1).
fn integer(rest: &mut &[u8], prefix_bits: u32) -> Option<usize> {
    let (first, mut after) = rest.split_first()?;
    let most = (1 << prefix_bits) - 1;
    let mut value = usize::from(*first) & most;
    if value == most {
        let mut shift = 0;
        loop {
            let (byte, behind) = after.split_first()?;
            after = behind;
            value += usize::from(byte & 0x7f) << shift;
            shift += 7;
            if byte & 0x80 == 0 {
                break;
            }
            if shift > 21 {
                return None;
            }
        }
    }
    *rest = after;
    Some(value)
}

/// A string (RFC 7541 §5.2): whether it is in Huffman's code, and its bytes as they are there.
fn string<'a>(rest: &mut &'a [u8]) -> Option<(bool, &'a [u8])> {
    let is_huffman = rest.first()? & 0x80 != 0;
    let length = integer(rest, 7)?;
    let (bytes, after) = rest.split_at_checked(length)?;
    *rest = after;
    Some((is_huffman, bytes))
}

/// A length in front of a string that is not in Huffman's code.
fn put_integer(out: &mut Vec<u8>, value: usize) {
    const MOST: usize = 0x7f;
    let byte = |value: usize| u8::try_from(value & 0xff).unwrap_or(0);
    if value < MOST {
        out.push(byte(value));
        return;
    }
    out.push(byte(MOST));
    let mut value = value - MOST;
    while value > MOST {
        out.push(byte(value & MOST) | 0x80);
        value >>= 7;
    }
    out.push(byte(value));
}

/// How many bytes a string in Huffman's code has when it is decoded; `None` for one that ends within a symbol.
///
/// The code is canonical (RFC 7541 Appendix B): those of one length follow one another, so that their numbers are all
/// that is needed to see where a symbol ends.
fn huffman_length(bytes: &[u8]) -> Option<usize> {
    let mut symbols = 0;
    let (mut code, mut first, mut length) = (0_u32, 0_u32, 0_usize);
    for byte in bytes {
        for bit in (0..8).rev() {
            code = code << 1 | u32::from(byte >> bit & 1);
            first <<= 1;
            let count = u32::from(*CODES.get(length)?);
            length += 1;
            if code - first < count {
                symbols += 1;
                (code, first, length) = (0, 0, 0);
            } else {
                first += count;
            }
        }
    }
    // What is left is filled with ones: the start of the longest code (RFC 7541 §5.2).
    let is_filling = length < 8 && code == (1 << length) - 1;
    is_filling.then_some(symbols)
}

/// How many symbols have a code of 1, 2, 3… bits (RFC 7541 Appendix B).
const CODES: [u8; 30] = [
    0, 0, 0, 0, 10, 26, 32, 6, 0, 5, 3, 2, 6, 2, 3, 0, 0, 0, 3, 8, 13, 26, 29, 12, 4, 15, 19, 29,
    0, 4,
];

const PREFACE_BYTES: usize = 24; // RFC 9113 §3.4
const HEADER_BYTES: usize = 9; // RFC 9113 §4.1
const PRIORITY_BYTES: usize = 5; // RFC 9113 §6.2
const MAX_FRAME_BYTES: usize = 16_384; // RFC 9113 §6.5.2, the default
const HEADERS: u8 = 1;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const PADDED: u8 = 8;
const PRIORITY: u8 = 0x20;
/// `:authority` in the static table (RFC 7541 Appendix A): with an empty value, as an indexed field.
const AUTHORITY: u8 = 1;
const EMPTY_AUTHORITY: u8 = 0x80 | AUTHORITY;
const NAME: &[u8] = b":authority";
const FILLING: u8 = b'x';
/// More than any client sends.
const MAX_BLOCK_BYTES: usize = 32 * 1024;
const CHUNK_BYTES: usize = 4 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_value_keeps_its_length_and_its_place_in_the_table() {
        for (block, expected) in [
            // As grpc-core sends it: a literal with indexing.
            (&b"\x41\x0dtmp%2Fab.sock"[..], &b"\x41\x0dxxxxxxxxxxxxx"[..]),
            (b"\x01\x01%", b"\x01\x01x"),
            (b"\x11\x00", b"\x11\x01x"),
            (b"\x81", b"\x01\x01x"),
            (b"\x40\x0a:authority\x02a%", b"\x40\x0a:authority\x02xx"),
            // Others stay: :method POST, :path, a new size, an index of the table.
            (
                b"\x83\x44\x02/a\x3f\xe1\x1f\xbe",
                b"\x83\x44\x02/a\x3f\xe1\x1f\xbe",
            ),
            // RFC 7541 C.4.1: www.example.com in Huffman's code.
            (
                b"\x82\x41\x8c\xf1\xe3\xc2\xe5\xf2\x3a\x6b\xa0\xab\x90\xf4\xff\x84",
                b"\x82\x41\x0fxxxxxxxxxxxxxxx\x84",
            ),
        ] {
            assert_eq!(rewritten(block).as_deref(), Some(expected), "{block:x?}");
        }
        for malformed in [
            &b"\x41"[..],
            b"\x41\x05abc",
            b"\x7f\xff\xff\xff\xff\xff\xff",
            b"\x41\x81\x00",
            b"\x41\x85\xff\xff\xff\xff\xff",
        ] {
            assert_eq!(rewritten(malformed), None, "{malformed:x?}");
        }
    }

    #[test]
    fn long_values_have_long_lengths() {
        for length in [126, 127, 128, 255, 16_000] {
            let mut block = vec![0x41];
            put_integer(&mut block, length);
            block.extend(std::iter::repeat_n(b'%', length));
            let new = rewritten(&block).unwrap();
            assert_eq!(new.len(), block.len());
            let mut rest = &new[1..];
            let (_, value) = string(&mut rest).unwrap();
            assert!(value.len() == length && value.iter().all(|b| *b == FILLING));
        }
    }

    #[test]
    fn frames_come_in_any_pieces() {
        let block = b"\x83\x41\x03a%b\x84";
        let padded = [&[1][..], &[0; 5], block, &[0]].concat();
        let data = frame(0, 0, b"\x41\x01%");
        for (sent, expected) in [
            (
                [
                    frame(HEADERS, END_HEADERS | END_STREAM, block),
                    data.clone(),
                ]
                .concat(),
                [
                    frame(HEADERS, END_HEADERS | END_STREAM, b"\x83\x41\x03xxx\x84"),
                    data.clone(),
                ]
                .concat(),
            ),
            (
                frame(HEADERS, END_HEADERS | PADDED | PRIORITY, &padded),
                frame(HEADERS, END_HEADERS, b"\x83\x41\x03xxx\x84"),
            ),
            (
                [
                    frame(HEADERS, END_STREAM, &block[..3]),
                    frame(CONTINUATION, 0, &block[3..5]),
                    frame(CONTINUATION, END_HEADERS, &block[5..]),
                ]
                .concat(),
                frame(HEADERS, END_HEADERS | END_STREAM, b"\x83\x41\x03xxx\x84"),
            ),
        ] {
            let sent = [PREFACE, &sent, &data].concat();
            let expected = [PREFACE, &expected, &data].concat();
            for size in [1, 2, 7, 24, 33, 1_000] {
                let (mut frames, mut out) = (Frames::default(), Vec::new());
                sent.chunks(size)
                    .for_each(|part| frames.push(part, &mut out));
                assert_eq!(out, expected, "in pieces of {size}");
            }
        }
    }

    #[test]
    fn what_breaks_a_rule_is_passed_on_as_it_is() {
        let data = frame(0, 0, b"data");
        for sent in [
            // A block that another frame interrupts, or that no frame began.
            [frame(HEADERS, 0, b"\x83"), data.clone()].concat(),
            [
                frame(HEADERS, 0, b"\x83"),
                frame(HEADERS, END_HEADERS, b"\x83"),
            ]
            .concat(),
            frame(CONTINUATION, END_HEADERS, b"\x41\x01%"),
            // More padding than there is, a malformed block.
            frame(HEADERS, END_HEADERS | PADDED, b"\x09\x83"),
            frame(HEADERS, END_HEADERS | PADDED, b""),
            frame(HEADERS, END_HEADERS, b"\x41\x05%"),
            // Larger than a frame may be.
            frame(HEADERS, END_HEADERS, &[0x41; MAX_FRAME_BYTES + 1]),
            frame(CONTINUATION, END_HEADERS, &[0x41; MAX_FRAME_BYTES + 1]),
        ] {
            let sent = [PREFACE, &sent, &data].concat();
            let (mut frames, mut out) = (Frames::default(), Vec::new());
            sent.chunks(11).for_each(|part| frames.push(part, &mut out));
            assert_eq!(out, sent);
        }
    }

    #[test]
    fn a_block_without_end_is_not_kept() {
        let (mut frames, mut out) = (Frames::default(), Vec::new());
        frames.push(PREFACE, &mut out);
        frames.push(&frame(HEADERS, 0, b"\x83"), &mut out);
        for _ in 0..1_000 {
            frames.push(&frame(CONTINUATION, 0, &[0x83; 1_000]), &mut out);
            let kept = frames
                .block
                .as_ref()
                .map_or(0, |block| block.original.len());
            assert!(kept + frames.partial.len() <= MAX_BLOCK_BYTES);
        }
        assert!(out.len() > 900_000);
    }

    fn frame(kind: u8, flags: u8, payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        let stream = [0, 0, 0, 1];
        [&length[1..], &[kind, flags], &stream, payload].concat()
    }

    const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
}
