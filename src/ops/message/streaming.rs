//! Streams of messages: one line in, one line out, in order, on all cores.

use std::path::Path;
use std::thread;

use time::OffsetDateTime;

use crate::error::Error;
use crate::files::{self, Record};
use crate::message::MessageError;
use crate::message::lines::OutgoingLine;
use crate::ops::Verdict;

use super::Reception;

/// What is sent for a line, at this time.
pub type Send<'a> =
    dyn Fn(OutgoingLine, OffsetDateTime) -> Result<String, MessageError> + Sync + 'a;

/// Answers each line of a file, or of standard input, with what `send` makes of it; undetermined if any could not be
/// sent.
///
/// A line that cannot be sent is answered with `{"error":…}`, and the others go on.
///
/// # Errors
/// When the input cannot be read, or `write` fails.
pub fn sign_lines(
    path: Option<&Path>,
    max_size: usize,
    clock: &dyn Fn() -> OffsetDateTime,
    send: &Send<'_>,
    write: &mut dyn FnMut(&str) -> Result<(), Error>,
) -> Result<Verdict, Error> {
    // Text in JSON takes at most six bytes for one.
    let limit = max_size.saturating_mul(6).saturating_add(LINE_MARGIN_BYTES);
    let answer = |line: Option<&[u8]>, now| {
        let outgoing = line.ok_or_else(too_large).and_then(OutgoingLine::read);
        let sized = outgoing.and_then(|line| match line.len() {
            length if length > max_size => Err(too_large()),
            _ => Ok(line),
        });
        match sized.and_then(|line| send(line, now)) {
            Ok(answer) => (answer, true),
            Err(error) => (failure(&error.into()), false),
        }
    };
    let mut verdict = Verdict::Yes;
    files::each_batch(path, limit, &mut |batch| {
        in_parallel(batch, clock(), &answer)
            .into_iter()
            .try_for_each(|(answer, is_sent)| {
                if !is_sent {
                    verdict = Verdict::Undetermined;
                }
                write(&answer)
            })
    })?;
    Ok(verdict)
}

/// The answer to a line at this time, and whether it is a denial; `None` is a line that is too long.
pub type Answer<'a> =
    dyn Fn(Option<&[u8]>, OffsetDateTime) -> Result<(String, bool), Error> + Sync + 'a;

/// Answers each line of a file, or of standard input; no if any was denied. Those of a reception that keeps notes are
/// received in their order, and answered once the notes on all that came together are durable.
///
/// # Errors
/// When the input cannot be read, or `answer` or `write` fails; then the rest is not answered.
pub fn answer_lines(
    path: Option<&Path>,
    (max_size, reception): (usize, Option<&Reception>),
    clock: &dyn Fn() -> OffsetDateTime,
    answer: &Answer<'_>,
    write: &mut dyn FnMut(&str) -> Result<(), Error>,
) -> Result<Verdict, Error> {
    let mut verdict = Verdict::Yes;
    // Other members of a line are ignored, within reason.
    let limit = max_size.saturating_add(LINE_MARGIN_BYTES);
    files::each_batch(path, limit, &mut |batch| {
        let tell = |answer: Result<(String, bool), Error>| {
            let (answer, is_denied) = answer?;
            if is_denied {
                verdict = Verdict::No;
            }
            write(&answer)
        };
        if let Some(reception) = reception.filter(|reception| reception.is_in_order()) {
            let lines = batch.iter();
            let answers = reception.in_batch(|| {
                lines
                    .map(|line| answer(line.as_deref(), clock()))
                    .collect::<Result<Vec<_>, _>>()
            })?;
            return answers.into_iter().map(Ok).try_for_each(tell);
        }
        in_parallel(batch, clock(), answer)
            .into_iter()
            .try_for_each(tell)
    })?;
    Ok(verdict)
}

/// The answers to lines in their order, worked out on all cores.
fn in_parallel<T: std::marker::Send>(
    batch: &[Record],
    now: OffsetDateTime,
    answer: &(dyn Fn(Option<&[u8]>, OffsetDateTime) -> T + Sync),
) -> Vec<T> {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let share = batch.len().div_ceil(cores).max(1);
    let answers = |lines: &[Record]| -> Vec<T> {
        lines
            .iter()
            .map(|line| answer(line.as_deref(), now))
            .collect()
    };
    if share == batch.len() {
        return answers(batch);
    }
    thread::scope(|scope| {
        let (first, others) = batch.split_at(share);
        let others = others.chunks(share);
        let workers: Vec<_> = others
            .map(|lines| scope.spawn(move || answers(lines)))
            .collect();
        let mut all: Vec<T> = answers(first);
        for worker in workers {
            match worker.join() {
                Ok(answers) => all.extend(answers),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        all
    })
}

fn too_large() -> MessageError {
    MessageError::Claim {
        what: "the payload is larger than `--max-size`".into(),
    }
}

fn failure(error: &Error) -> String {
    let (code, message, hint) = (error.code(), error.to_string(), error.hint());
    serde_json::json!({ "error": { "code": code, "message": message, "hint": hint } }).to_string()
}

const LINE_MARGIN_BYTES: usize = 64 << 10;
