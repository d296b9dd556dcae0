//! Results that are written part by part, for they may be larger than memory.

use std::io::{self, Write as _};
use std::ops::ControlFlow;

use anstream::AutoStream;
use serde::Serialize;

use super::json::json;
use super::{going_on, written};
use crate::error::Error;

/// A result of many parts. What was written is there when [`Parts::finish`] returns.
pub struct Parts {
    out: io::BufWriter<AutoStream<io::Stdout>>,
    written: usize,
    flow: ControlFlow<()>,
}

impl Parts {
    pub(super) fn new(out: AutoStream<io::Stdout>) -> Self {
        Parts {
            out: io::BufWriter::new(out),
            written: 0,
            flow: ControlFlow::Continue(()),
        }
    }

    /// Writes a part as text; nothing when the reader has gone away.
    ///
    /// # Errors
    /// When standard output takes nothing more.
    pub fn text(&mut self, text: &str) -> Result<(), Error> {
        if self.flow.is_continue() {
            self.written += 1;
            self.flow = going_on(self.out.write_all(text.as_bytes()))?;
        }
        Ok(())
    }

    /// Whether there is still a reader.
    pub fn flow(&self) -> ControlFlow<()> {
        self.flow
    }

    /// Writes a part as an element of the array that is an object's only member, `name`.
    ///
    /// # Errors
    /// As [`Parts::text`].
    pub fn element(&mut self, name: &str, data: &impl Serialize) -> Result<(), Error> {
        let before = if self.written > 0 {
            ",".into()
        } else {
            format!("{{\n  \"{name}\": [")
        };
        // A string in JSON holds no line end, so each of these is one between its parts.
        let element = json(data).replace('\n', "\n    ");
        self.text(&format!("{before}\n    {element}"))
    }

    /// Ends the array that [`Parts::element`] has begun, or writes an empty one.
    ///
    /// # Errors
    /// As [`Parts::text`].
    pub fn end_elements(&mut self, name: &str) -> Result<(), Error> {
        let end = if self.written > 0 {
            "\n  ]\n}\n".into()
        } else {
            format!("{{\n  \"{name}\": []\n}}\n")
        };
        self.text(&end)
    }

    /// Writes out what is left.
    ///
    /// # Errors
    /// As [`Parts::text`].
    pub fn finish(mut self) -> Result<(), Error> {
        match self.flow {
            ControlFlow::Continue(()) => written(self.out.flush()),
            ControlFlow::Break(()) => Ok(()),
        }
    }
}
