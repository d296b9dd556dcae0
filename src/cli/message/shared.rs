//! `message seal-shared`, `message open-shared` and `message key`.

use std::path::PathBuf;

use super::{Clock, Input, LINE_END_BYTES, answer_lines, deny, payload, send_lines, too_large};
use crate::error::{Error, shown};
use crate::message::lines;
use crate::ops::Verdict;
use crate::ops::message::{self, MAX_MESSAGE_BYTES, MAX_PAYLOAD_BYTES};
use crate::render::Renderer;

/// Encrypt under a key that both sides have
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  openagents-certs message seal-shared --shared-key team.key note.txt
  openagents-certs message seal-shared --shared-key team.key --aad build-7 --lines payloads.jsonl")]
pub(super) struct SealShared {
    /// Read the shared key from this file: 32 bytes, raw, in hexadecimal or base64
    #[arg(long, value_name = "FILE")]
    shared_key: PathBuf,

    /// Bind this text to the message; the receiver must give the same text
    #[arg(long, value_name = "TEXT")]
    aad: Option<String>,

    /// Refuse a larger payload, in bytes
    #[arg(long, value_name = "BYTES", default_value_t = MAX_PAYLOAD_BYTES)]
    max_size: usize,

    #[command(flatten)]
    input: Input,
}

impl SealShared {
    pub(super) fn run(self, renderer: &Renderer, clock: Clock<'_>) -> Result<Verdict, Error> {
        let key = message::shared_key(&self.shared_key)?;
        let aad = self.aad.as_deref();
        if self.input.lines {
            let send = &|line: lines::OutgoingLine, _| {
                let sealed = key.seal(line.into_bytes(), aad)?;
                Ok(lines::sent(None, &sealed))
            };
            return send_lines(&self.input, self.max_size, renderer, clock, send);
        }
        let sealed = key.seal(payload(&self.input, self.max_size)?, aad)?;
        self.input
            .write(renderer, &[sealed.as_bytes(), b"\n"].concat())?;
        Ok(Verdict::Yes)
    }
}

/// Decrypt what was encrypted under a key that both sides have
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  openagents-certs message open-shared --shared-key team.key note.jwe
  openagents-certs message open-shared --shared-key team.key --aad build-7 note.jwe")]
pub(super) struct OpenShared {
    /// Read the shared key from this file: 32 bytes, raw, in hexadecimal or base64
    #[arg(long, value_name = "FILE")]
    shared_key: PathBuf,

    /// Require this text to be bound to the message
    #[arg(long, value_name = "TEXT")]
    aad: Option<String>,

    /// Deny a larger message, in bytes
    #[arg(long, value_name = "BYTES", default_value_t = MAX_MESSAGE_BYTES)]
    max_size: usize,

    #[command(flatten)]
    input: Input,
}

impl OpenShared {
    pub(super) fn run(self, renderer: &Renderer, clock: Clock<'_>) -> Result<Verdict, Error> {
        let key = message::shared_key(&self.shared_key)?;
        let aad = self.aad.as_deref();
        if self.input.lines {
            let limits = (self.max_size, None);
            return answer_lines(&self.input, limits, renderer, clock, &|line, _| {
                let opened = line.ok_or_else(too_large).and_then(lines::incoming);
                Ok(match opened.and_then(|message| key.open(&message, aad)) {
                    Ok(plaintext) => (lines::opened(&plaintext), false),
                    Err(denial) => (denial.answer(), true),
                })
            });
        }
        let message = message::input(
            self.input.path(),
            self.max_size.saturating_add(LINE_END_BYTES),
        )?;
        match message
            .ok_or_else(too_large)
            .and_then(|message| key.open(&message, aad))
        {
            Ok(plaintext) => {
                self.input.write(renderer, &plaintext)?;
                Ok(Verdict::Yes)
            }
            Err(denial) => Ok(deny(renderer, &denial)),
        }
    }
}

/// Create a shared key: 32 random bytes in a file that only you can read
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  openagents-certs message key team.key
  openagents-certs message key team.key --force")]
pub(super) struct NewKey {
    /// The file to write
    #[arg(value_name = "FILE", required_unless_present = "out")]
    file: Option<PathBuf>,

    /// The same as FILE
    #[arg(long, value_name = "FILE", conflicts_with = "file")]
    out: Option<PathBuf>,

    /// Replace the file if it is already there
    #[arg(long)]
    force: bool,
}

impl NewKey {
    pub(super) fn run(self, renderer: &Renderer) -> Result<Verdict, Error> {
        let path = self.file.or(self.out).unwrap_or_default();
        let written = message::create_key(&path, self.force)?;
        let report = serde_json::json!({ "path": written.to_string_lossy() });
        if !renderer.is_silent() {
            renderer.result(
                &report,
                &format_args!("{}  shared key, 32 bytes", shown(&path)),
            )?;
        }
        Ok(Verdict::Yes)
    }
}
