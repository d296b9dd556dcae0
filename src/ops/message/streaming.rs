//! Streams of messages: one line in, one line out, in order.

use std::ops::ControlFlow;
use std::path::Path;

use crate::error::Error;
use crate::files;
use crate::message::MessageError;
use crate::message::lines::OutgoingLine;
use crate::ops::Verdict;

/// Answers each line of a file, or of standard input, with what `send` makes of it; whether all lines could be sent.
///
/// A line that cannot be sent is answered with `{"error":…}`, and the others go on.
///
/// # Errors
/// When the input cannot be read, or `write` fails.
pub fn sign_lines(
    path: Option<&Path>,
    max_size: usize,
    send: &dyn Fn(OutgoingLine) -> Result<String, MessageError>,
    write: &mut dyn FnMut(&str) -> Result<(), Error>,
) -> Result<bool, Error> {
    let mut all = true;
    // Text in JSON takes at most six bytes for one.
    let limit = max_size.saturating_mul(6).saturating_add(LINE_MARGIN_BYTES);
    files::each_record(path, limit, &mut |line| {
        let outgoing = line
            .ok_or_else(too_large)
            .and_then(OutgoingLine::read)
            .and_then(|line| {
                if line.len() > max_size {
                    Err(too_large())
                } else {
                    Ok(line)
                }
            });
        match outgoing.and_then(send) {
            Ok(answer) => write(&answer)?,
            Err(error) => {
                all = false;
                write(&failure(error.into()))?;
            }
        }
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(all)
}

/// The answer to a line, and whether it is a denial; `None` is a line that is too long.
pub type Answer<'a> = dyn FnMut(Option<&[u8]>) -> Result<(String, bool), Error> + 'a;

/// Answers each line of a file, or of standard input; no if any was denied.
///
/// # Errors
/// When the input cannot be read, or `answer` or `write` fails; then the rest is not answered.
pub fn answer_lines(
    path: Option<&Path>,
    max_size: usize,
    answer: &mut Answer<'_>,
    write: &mut dyn FnMut(&str) -> Result<(), Error>,
) -> Result<Verdict, Error> {
    let mut verdict = Verdict::Yes;
    // Other members of a line are ignored, within reason.
    files::each_record(
        path,
        max_size.saturating_add(LINE_MARGIN_BYTES),
        &mut |line| {
            let (answer, is_denied) = answer(line)?;
            if is_denied {
                verdict = Verdict::No;
            }
            write(&answer)?;
            Ok(ControlFlow::Continue(()))
        },
    )?;
    Ok(verdict)
}

fn too_large() -> MessageError {
    MessageError::Claim {
        what: "the payload is larger than `--max-size`".into(),
    }
}

fn failure(error: Error) -> String {
    let (code, message, hint) = (error.code(), error.to_string(), error.hint());
    serde_json::json!({ "error": { "code": code, "message": message, "hint": hint } }).to_string()
}

const LINE_MARGIN_BYTES: usize = 64 << 10;
