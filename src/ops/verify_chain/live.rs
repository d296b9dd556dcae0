//! The live half: each port that was named, looked at and judged.

use time::OffsetDateTime;

use crate::error::Error;
use crate::ops::live::{Dialling, Given, LiveReport, look};

/// Looks at each port, one after the other.
///
/// # Errors
/// When one of them is no target, or the client's key cannot sign a handshake. A port that cannot
/// be reached is told of in its report.
pub(super) fn run(
    targets: &[String],
    dialling: &Dialling,
    given: &Given<'_>,
    now: OffsetDateTime,
) -> Result<Vec<LiveReport>, Error> {
    // A wrong one is told of before any is dialled.
    let targets = targets
        .iter()
        .map(|text| dialling.target(text))
        .collect::<Result<Vec<_>, _>>()?;
    targets
        .iter()
        .map(|target| look(target, dialling, given, now))
        .collect()
}
