//! dns-01: a TXT record ([RFC 8555 §8.4](https://www.rfc-editor.org/rfc/rfc8555#section-8.4)).

use super::dial::Dialer;
use crate::message::jws::digest_base64url;
use crate::server::acme::identifier::Identifier;
use crate::server::acme::problem::{Problem, ProblemType};

/// Looks for the record.
///
/// # Errors
/// When it is not there.
pub(super) async fn validate(
    dialer: &Dialer,
    identifier: &Identifier,
    key_authorization: &str,
) -> Result<(), Problem> {
    let name = format!("_acme-challenge.{identifier}");
    let expected = digest_base64url(key_authorization.as_bytes());
    let texts = dialer.texts(&name).await?;
    if texts.iter().any(|text| text == expected.as_bytes()) {
        return Ok(());
    }
    let shown = |text: &Vec<u8>| format!("'{}'", String::from_utf8_lossy(text));
    let shown: Vec<String> = texts.iter().take(MOST_SHOWN).map(shown).collect();
    let detail = format!(
        "{name}: none of its TXT records is '{expected}': {}",
        shown.join(", ")
    );
    Err(Problem::new(ProblemType::IncorrectResponse, detail))
}

const MOST_SHOWN: usize = 5;
