//! What PyYAML takes for a date or a time.

/// `YYYY-MM-DD`, or a date with shorter numbers, a time and perhaps a zone.
pub(super) fn is_timestamp(text: &str) -> bool {
    let mut rest = text.as_bytes();
    if !digits(&mut rest, 4, 4) || !one(&mut rest, b"-") {
        return false;
    }
    let date = rest;
    let full = digits(&mut rest, 2, 2) && one(&mut rest, b"-") && digits(&mut rest, 2, 2);
    if full && rest.is_empty() {
        return true;
    }
    rest = date;
    digits(&mut rest, 1, 2) && one(&mut rest, b"-") && digits(&mut rest, 1, 2) && is_time(rest)
}

fn is_time(mut rest: &[u8]) -> bool {
    let is_separated = one(&mut rest, b"Tt") || blanks(&mut rest);
    let is_clock = digits(&mut rest, 1, 2)
        && one(&mut rest, b":")
        && digits(&mut rest, 2, 2)
        && one(&mut rest, b":")
        && digits(&mut rest, 2, 2);
    if !is_separated || !is_clock {
        return false;
    }
    if one(&mut rest, b".") {
        digits(&mut rest, 0, usize::MAX);
    }
    blanks(&mut rest);
    if one(&mut rest, b"Z") {
        return rest.is_empty();
    }
    if one(&mut rest, b"+-") && !digits(&mut rest, 1, 2) {
        return false;
    }
    rest.is_empty() || (one(&mut rest, b":") && digits(&mut rest, 2, 2) && rest.is_empty())
}

fn digits(rest: &mut &[u8], least: usize, most: usize) -> bool {
    let count = rest.iter().take(most).take_while(|b| b.is_ascii_digit());
    let count = count.count();
    *rest = &rest[count..];
    count >= least
}

fn one(rest: &mut &[u8], of: &[u8]) -> bool {
    match rest.first() {
        Some(first) if of.contains(first) => {
            *rest = &rest[1..];
            true
        }
        Some(_) | None => false,
    }
}

fn blanks(rest: &mut &[u8]) -> bool {
    let count = rest
        .iter()
        .take_while(|b| matches!(b, b' ' | b'\t'))
        .count();
    *rest = &rest[count..];
    count > 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_and_times_are_told_from_other_text() {
        for text in [
            "2026-11-20",
            "2026-1-2T3:04:05",
            "2026-11-20 08:05:00.5 +01:00",
            "2026-11-20t08:05:00Z",
        ] {
            assert!(is_timestamp(text), "{text}");
        }
        for text in [
            "2026-1-2",
            "2026-11-20T",
            "20261120",
            "2026-11-20x",
            "127.0.0.1",
        ] {
            assert!(!is_timestamp(text), "{text}");
        }
    }
}
