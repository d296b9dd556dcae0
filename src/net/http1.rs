//! The one HTTP/1.1 question that is asked: what time it is.

use std::io::{Read, Write};

/// The `Date` of the answer to a HEAD request, as it stands there
/// ([RFC 9110 §6.6.1](https://www.rfc-editor.org/rfc/rfc9110#section-6.6.1)); `None` when there is none.
pub(super) fn date(stream: &mut (impl Read + Write), host: &str) -> Option<String> {
    let request = format!(
        "HEAD / HTTP/1.1\r\nHost: {host}\r\nUser-Agent: openagents-certs\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).ok()?;
    stream.flush().ok()?;
    let mut head = Vec::new();
    let mut buffer = [0; 2048];
    let mut searched = 0;
    while head.len() < MAX_HEAD_OCTETS && !ends(&head[searched..]) {
        searched = head.len().saturating_sub(END.len());
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) => break,
            Ok(count) => head.extend_from_slice(&buffer[..count]),
        }
        if !b"HTTP/1."
            .iter()
            .zip(&head)
            .all(|(one, other)| one == other)
        {
            return None;
        }
    }
    date_in(&String::from_utf8_lossy(&head))
}

fn ends(head: &[u8]) -> bool {
    head.windows(END.len()).any(|window| window == END)
}

fn date_in(head: &str) -> Option<String> {
    let mut lines = head.split("\r\n");
    lines.next()?.strip_prefix("HTTP/1.")?;
    lines
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("date"))
        .map(|(_, value)| value.trim().chars().take(MAX_DATE_CHARACTERS).collect())
}

const END: &[u8] = b"\r\n\r\n";
const MAX_HEAD_OCTETS: usize = 16 * 1024;
const MAX_DATE_CHARACTERS: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_date_is_found_in_the_head_alone() {
        let date = "Fri, 20 Nov 2026 08:05:00 GMT";
        let found = |head: &str| date_in(head);
        assert_eq!(
            found(&format!(
                "HTTP/1.1 200 OK\r\nServer: a\r\ndate: {date}\r\n\r\n"
            ))
            .as_deref(),
            Some(date)
        );
        assert_eq!(found(&format!("HTTP/1.0 404 No\r\n\r\nDate: {date}")), None);
        assert_eq!(found(&format!("SSH-2.0\r\nDate: {date}\r\n\r\n")), None);
        assert_eq!(found(""), None);
    }
}
