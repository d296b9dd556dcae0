//! A path that was looked at, and how near it came.

use super::rule::Draft;

/// A path that was looked at, from the end entity upwards, by its candidates' places in the pool.
#[derive(Clone, Debug)]
pub(super) struct Attempt {
    pub(super) path: Vec<usize>,
    pub(super) end: End,
    pub(super) drafts: Vec<Draft>,
}

/// Where a path ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum End {
    /// Nothing that is at hand issued its last certificate.
    IssuerMissing,
    /// Its last certificate issued itself, and is not trusted.
    SelfSigned,
    /// Something has the issuer's name, but not its key; its place in the pool.
    WrongKey(usize),
    /// It is longer than was asked for.
    TooDeep,
    /// At a trust anchor.
    Anchor,
}

impl Attempt {
    /// Whether it came nearer to a good path than another one.
    pub(super) fn is_nearer_than(&self, other: &Attempt) -> bool {
        let key = |attempt: &Attempt| {
            let (errors, length) = match attempt.end {
                End::Anchor => (errors(&attempt.drafts), 0),
                End::IssuerMissing | End::SelfSigned | End::WrongKey(_) | End::TooDeep => {
                    (0, attempt.path.len())
                }
            };
            (attempt.end.rank(), std::cmp::Reverse(errors), length)
        };
        key(self) > key(other)
    }
}

impl End {
    /// How near a path that ends so came to one that is good.
    fn rank(self) -> u8 {
        match self {
            End::IssuerMissing => 0,
            End::SelfSigned => 1,
            End::WrongKey(_) => 2,
            End::TooDeep => 3,
            End::Anchor => 4,
        }
    }
}

/// How many of these are errors.
pub(super) fn errors(drafts: &[Draft]) -> usize {
    drafts.iter().filter(|draft| draft.is_error()).count()
}
