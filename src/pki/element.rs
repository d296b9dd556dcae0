//! DER elements, one after the other ([X.690 §8 and §10](https://www.itu.int/rec/T-REC-X.690)).

/// One element: its identifier byte, its content, and the two with the length between.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Element<'a> {
    /// The identifier byte; tags of more than one byte are refused.
    pub(crate) tag: u8,
    /// The content bytes.
    pub(crate) content: &'a [u8],
    /// Identifier, length and content.
    pub(crate) whole: &'a [u8],
}

impl<'a> Element<'a> {
    /// The first element of `bytes` and what follows it. `what` names it in errors.
    pub(crate) fn first(
        bytes: &'a [u8],
        what: &'static str,
    ) -> Result<(Self, &'a [u8]), ElementError> {
        let truncated = ElementError::Truncated { what };
        let (&tag, after_tag) = bytes.split_first().ok_or(ElementError::Missing { what })?;
        if tag & LOW_TAG_BITS == LOW_TAG_BITS {
            return Err(ElementError::LongTag { what });
        }
        let (&first, after_first) = after_tag.split_first().ok_or(truncated)?;
        let (length, after_length) = if first < LONG_LENGTH {
            (usize::from(first), after_first)
        } else {
            long_length(first, after_first, what)?
        };
        if after_length.len() < length {
            return Err(ElementError::Truncated { what });
        }
        let (content, rest) = after_length.split_at(length);
        let whole = &bytes[..bytes.len() - rest.len()];
        let element = Element {
            tag,
            content,
            whole,
        };
        Ok((element, rest))
    }

    /// The one element that `bytes` are, which has this tag.
    pub(crate) fn only(bytes: &'a [u8], tag: u8, what: &'static str) -> Result<Self, ElementError> {
        let mut elements = Elements::new(bytes);
        let element = elements.next(tag, what)?;
        elements.end(what)?;
        Ok(element)
    }

    /// The elements it is made of.
    pub(crate) fn children(&self) -> Elements<'a> {
        Elements::new(self.content)
    }
}

/// What is left of a row of elements.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Elements<'a>(&'a [u8]);

impl<'a> Elements<'a> {
    /// The elements that `bytes` are made of.
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Elements(bytes)
    }

    /// The next element, whatever its tag.
    pub(crate) fn any(&mut self, what: &'static str) -> Result<Element<'a>, ElementError> {
        let (element, rest) = Element::first(self.0, what)?;
        self.0 = rest;
        Ok(element)
    }

    /// The next element, which has this tag.
    pub(crate) fn next(
        &mut self,
        tag: u8,
        what: &'static str,
    ) -> Result<Element<'a>, ElementError> {
        match self.0.first() {
            Some(&found) if found != tag => Err(ElementError::Tag {
                what,
                expected: tag,
                found,
            }),
            Some(_) | None => self.any(what),
        }
    }

    /// The next element if it has this tag.
    pub(crate) fn optional(
        &mut self,
        tag: u8,
        what: &'static str,
    ) -> Result<Option<Element<'a>>, ElementError> {
        if self.peek() == Some(tag) {
            self.any(what).map(Some)
        } else {
            Ok(None)
        }
    }

    /// The next element's identifier byte.
    pub(crate) fn peek(&self) -> Option<u8> {
        self.0.first().copied()
    }

    /// Whether nothing is left.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many bytes are left.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// What `read` makes of each element up to the end, at most [`MAX_ITEMS`].
    pub(crate) fn each<T>(
        mut self,
        what: &'static str,
        mut read: impl FnMut(Element<'a>) -> Result<T, ElementError>,
    ) -> Result<Vec<T>, ElementError> {
        let mut all = Vec::new();
        while !self.is_empty() {
            if all.len() == MAX_ITEMS {
                return Err(ElementError::TooMany { what });
            }
            all.push(read(self.any(what)?)?);
        }
        Ok(all)
    }

    /// As [`Elements::each`], and each has this tag.
    pub(crate) fn each_tagged<T>(
        self,
        tag: u8,
        what: &'static str,
        mut read: impl FnMut(Element<'a>) -> Result<T, ElementError>,
    ) -> Result<Vec<T>, ElementError> {
        self.each(what, |element| {
            let found = element.tag;
            if found == tag {
                read(element)
            } else {
                Err(ElementError::Tag {
                    what,
                    expected: tag,
                    found,
                })
            }
        })
    }

    /// Says that nothing more may follow.
    pub(crate) fn end(self, what: &'static str) -> Result<(), ElementError> {
        match self.0.len() {
            0 => Ok(()),
            bytes => Err(ElementError::Trailing { what, bytes }),
        }
    }
}

/// Why bytes are not the expected DER.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ElementError {
    /// Nothing where an element has to be.
    #[error("{what} is missing")]
    Missing {
        /// The element.
        what: &'static str,
    },
    /// An element's length goes beyond the end.
    #[error("{what} is cut off")]
    Truncated {
        /// The element.
        what: &'static str,
    },
    /// A length that is indefinite, not minimal or absurd, which DER has not.
    #[error("{what} has a length that is not DER")]
    Length {
        /// The element.
        what: &'static str,
    },
    /// A tag of more than one byte, which no X.509 object has.
    #[error("{what} has a tag of more than one byte")]
    LongTag {
        /// The element.
        what: &'static str,
    },
    /// Another element.
    #[error("{what} has the tag {found:02x} instead of {expected:02x}")]
    Tag {
        /// The element.
        what: &'static str,
        /// The identifier byte it should have.
        expected: u8,
        /// The one it has.
        found: u8,
    },
    /// More than there should be.
    #[error("{bytes} bytes follow {what}")]
    Trailing {
        /// What should be the last.
        what: &'static str,
        /// How many follow.
        bytes: usize,
    },
    /// More of them than any real object has.
    #[error("it has more {what} than are read")]
    TooMany {
        /// Of what.
        what: &'static str,
    },
    /// The content is none its type can have.
    #[error("{what} is malformed")]
    Content {
        /// The element.
        what: &'static str,
    },
}

/// The content bytes of a BIT STRING whose last byte is whole.
pub(crate) fn whole_bits<'a>(
    element: Element<'a>,
    what: &'static str,
) -> Result<&'a [u8], ElementError> {
    match element.content.split_first() {
        Some((0, bytes)) => Ok(bytes),
        Some(_) | None => Err(ElementError::Content { what }),
    }
}

/// A non-negative INTEGER of at most 63 bits, minimally encoded.
pub(crate) fn small_integer(element: Element<'_>, what: &'static str) -> Result<u64, ElementError> {
    let wrong = ElementError::Content { what };
    if !is_minimal_integer(element.content) || element.content.len() > 8 {
        return Err(wrong);
    }
    let negative = element.content[0] & 0x80 != 0;
    let value = element
        .content
        .iter()
        .fold(0, |value, byte| value << 8 | u64::from(*byte));
    if negative { Err(wrong) } else { Ok(value) }
}

/// Whether these are the shortest content bytes of their INTEGER (X.690 §8.3.2).
pub(crate) fn is_minimal_integer(content: &[u8]) -> bool {
    match content {
        [] => false,
        [_] => true,
        [first, second, ..] => !matches!((first, second & 0x80), (0, 0) | (0xff, 0x80)),
    }
}

/// Whether a BOOLEAN is true; DER has ff for it, and `None` says that it is something else but not 0.
pub(crate) fn boolean(
    element: Element<'_>,
    what: &'static str,
) -> Result<Option<bool>, ElementError> {
    match element.content {
        [0] => Ok(Some(false)),
        [0xff] => Ok(Some(true)),
        [_] => Ok(None),
        [] | [_, _, ..] => Err(ElementError::Content { what }),
    }
}

pub(crate) const BOOLEAN: u8 = 0x01;
pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const BIT_STRING: u8 = 0x03;
pub(crate) const OCTET_STRING: u8 = 0x04;
pub(crate) const NULL: u8 = 0x05;
pub(crate) const OBJECT_IDENTIFIER: u8 = 0x06;
pub(crate) const ENUMERATED: u8 = 0x0a;
pub(crate) const UTC_TIME: u8 = 0x17;
pub(crate) const GENERALIZED_TIME: u8 = 0x18;
pub(crate) const SEQUENCE: u8 = 0x30;
pub(crate) const SET: u8 = 0x31;

/// The identifier byte of a primitive context-specific element.
pub(crate) const fn context(number: u8) -> u8 {
    0x80 | number
}

/// The identifier byte of a constructed context-specific element.
pub(crate) const fn context_constructed(number: u8) -> u8 {
    0xa0 | number
}

/// The most elements of one row that are kept in memory.
pub(crate) const MAX_ITEMS: usize = 100_000;

const LOW_TAG_BITS: u8 = 0x1f;
const LONG_LENGTH: u8 = 0x80;
const MAX_LENGTH_BYTES: usize = 4;

fn long_length<'a>(
    first: u8,
    after: &'a [u8],
    what: &'static str,
) -> Result<(usize, &'a [u8]), ElementError> {
    let count = usize::from(first & !LONG_LENGTH);
    if count == 0 || count > MAX_LENGTH_BYTES {
        return Err(ElementError::Length { what });
    }
    if after.len() < count {
        return Err(ElementError::Truncated { what });
    }
    let (bytes, rest) = after.split_at(count);
    let length = bytes
        .iter()
        .fold(0, |length, byte| length << 8 | usize::from(*byte));
    let is_minimal = bytes[0] != 0 && length >= usize::from(LONG_LENGTH);
    if is_minimal {
        Ok((length, rest))
    } else {
        Err(ElementError::Length { what })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_minimal_definite_lengths_within_the_input_are_read() {
        let read = |bytes: &[u8]| {
            Element::first(bytes, "it").map(|(e, rest)| (e.content.len(), rest.len()))
        };
        assert_eq!(read(&[0x30, 1, 5, 9]), Ok((1, 1)));
        for (bytes, error) in [
            (&[0x30, 0x80, 0, 0][..], ElementError::Length { what: "it" }),
            (&[0x30, 0x81, 1, 0], ElementError::Length { what: "it" }),
            (
                &[0x30, 0x84, 0xff, 0xff, 0xff, 0xff],
                ElementError::Truncated { what: "it" },
            ),
            (&[0x30, 0xff], ElementError::Length { what: "it" }),
            (&[0x30, 2, 0], ElementError::Truncated { what: "it" }),
            (&[0x3f, 0x81, 1, 0], ElementError::LongTag { what: "it" }),
            (&[], ElementError::Missing { what: "it" }),
        ] {
            assert_eq!(read(bytes), Err(error));
        }
    }

    #[test]
    fn an_integer_is_minimal_when_no_byte_could_be_left_out() {
        for content in [&[0][..], &[0, 0x80], &[0xff], &[0xff, 0x7f], &[1, 0]] {
            assert!(is_minimal_integer(content));
        }
        for content in [&[][..], &[0, 1], &[0xff, 0x80]] {
            assert!(!is_minimal_integer(content));
        }
    }
}
