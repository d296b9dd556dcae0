//! The one HTTP/1.1 question that is asked: what time it is.

use std::io::{Read, Write};

use super::http2::{self, Answer, End};

/// What came of an HTTP/1.1 question.
pub(super) struct Told {
    pub(super) answer: Answer,
    /// The `Date` as it stands there ([RFC 9110 §6.6.1](https://www.rfc-editor.org/rfc/rfc9110#section-6.6.1)).
    pub(super) date: Option<String>,
}

/// Asks for nothing but the head of an answer.
pub(super) fn ask(stream: &mut (impl Read + Write), host: &str) -> Told {
    let request = format!(
        "HEAD / HTTP/1.1\r\nHost: {host}\r\nUser-Agent: openagents-certs\r\nConnection: close\r\n\r\n"
    );
    // What the server had to say before it stopped listening can still be read.
    let written = stream
        .write_all(request.as_bytes())
        .and_then(|()| stream.flush());
    let mut head = Vec::new();
    let end = match (read_head(stream, &mut head), written) {
        (End::Closed, Err(error)) => http2::ended(&error),
        (end, _) => end,
    };
    let date = date_in(&String::from_utf8_lossy(&head));
    let answer = Answer {
        settings: false,
        end,
        round_trip: None,
    };
    Told { answer, date }
}

/// Reads until the head is there, or is none.
fn read_head(stream: &mut impl Read, head: &mut Vec<u8>) -> End {
    let mut buffer = [0; 2048];
    let mut searched = 0;
    while head.len() < MAX_HEAD_OCTETS && !ends(&head[searched..]) {
        searched = head.len().saturating_sub(END.len());
        let end = match stream.read(&mut buffer) {
            Ok(0) => End::Closed,
            Ok(count) => {
                head.extend_from_slice(&buffer[..count]);
                if BEGINNING
                    .iter()
                    .zip(&*head)
                    .all(|(one, other)| one == other)
                {
                    continue;
                }
                return http2::other(head);
            }
            Err(error) => http2::ended(&error),
        };
        return if head.starts_with(BEGINNING) {
            End::Http1
        } else {
            end
        };
    }
    End::Http1
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

const BEGINNING: &[u8] = b"HTTP/1.";
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
