//! A token that was created: the only page that shows its secret.

use askama::Template;
use qrcode::{Color, QrCode};
use time::OffsetDateTime;
use zeroize::Zeroizing;

use super::{Frame, Moment};
use crate::ops::token::CreatedToken;

#[derive(Template)]
#[template(path = "token_created.html")]
pub(super) struct CreatedPage {
    frame: Frame,
    token: Zeroizing<String>,
    enroll: Zeroizing<String>,
    /// The name of each program, and its command; none where ACME is switched off.
    acme: Vec<(&'static str, Zeroizing<String>)>,
    names: String,
    expires: Moment,
    uses: u64,
    code: Option<Code>,
}

impl CreatedPage {
    pub(super) fn new(
        frame: Frame,
        token: &CreatedToken,
        has_acme: bool,
        now: OffsetDateTime,
    ) -> Self {
        let names: Vec<String> = token.names.iter().map(ToString::to_string).collect();
        let acme = token.acme_commands().into_iter().filter(|_| has_acme);
        CreatedPage {
            frame,
            token: Zeroizing::new(token.token.reveal().to_owned()),
            enroll: Zeroizing::new(token.enroll_command()),
            acme: acme
                .map(|(name, text)| (name, Zeroizing::new(text)))
                .collect(),
            names: names.join(", "),
            expires: Moment::new(token.expires_at, now),
            uses: token.uses,
            code: Code::of(token.token.reveal()),
        }
    }
}

/// A QR code as the path of an SVG whose unit is a module.
struct Code {
    /// How many modules a side has, with the quiet zone around it.
    side: usize,
    path: Zeroizing<String>,
}

impl Code {
    /// `None` when the text is too long for one.
    fn of(text: &str) -> Option<Self> {
        let code = QrCode::new(text).ok()?;
        let width = code.width();
        let mut path = Zeroizing::new(String::new());
        for (y, row) in code.to_colors().chunks(width).enumerate() {
            let mut x = 0;
            for run in row.chunk_by(|a, b| a == b) {
                if run.first() == Some(&Color::Dark) {
                    let (left, top, length) = (x + QUIET, y + QUIET, run.len());
                    path.push_str(&format!("M{left} {top}h{length}v1h-{length}z"));
                }
                x += run.len();
            }
        }
        Some(Code {
            side: width + 2 * QUIET,
            path,
        })
    }
}

/// The modules around a code that stay light (ISO/IEC 18004 §6.3.8).
const QUIET: usize = 4;
