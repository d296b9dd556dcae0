//! Signed and sealed messages, as `openagents-certs message` writes and reads them. Needs openagents-certs as a library.
//!
//! ```text
//! message seal alice.crt alice.key bob.message.crt AUDIENCE SCOPE < payload > message.jws
//! message open bob.message.crt bob.message.key ca.crt AUDIENCE SCOPE < message.jws > payload
//! ```

#![allow(
    clippy::disallowed_methods,
    reason = "a program of its own reads the clock"
)]

use std::error::Error;
use std::io::{Read, Write};
use std::path::PathBuf;

use openagents_certs::message::{Capability, MessageDraft};
use openagents_certs::ops::message::{
    MAX_MESSAGE_BYTES, Pair, Reception, ReceptionRequest, recipients,
};
use time::{Duration, OffsetDateTime};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [command, certificate, private_key, other, audience, scope] = &arguments[..] else {
        return Err("expected seal or open, three files, an audience and a scope".into());
    };
    let pair = Pair {
        certificate: certificate.into(),
        private_key: private_key.into(),
        passphrase_file: None,
    };
    let mut input = Vec::new();
    std::io::stdin().read_to_end(&mut input)?;
    let output = match &**command {
        "seal" => seal(&pair, other.into(), audience, scope, input)?,
        _ => open(pair, other.into(), audience, scope, &input)?,
    };
    std::io::stdout().write_all(&output)?;
    Ok(())
}

/// Signs a payload, encrypted for the owner of one certificate.
fn seal(
    pair: &Pair,
    recipient: PathBuf,
    audience: &str,
    scope: &str,
    payload: Vec<u8>,
) -> Result<Vec<u8>, Box<dyn Error>> {
    let draft = MessageDraft {
        audience: audience.to_owned(),
        scopes: vec![scope.to_owned()],
        capability: Capability::ToolCall,
        ttl: Duration::minutes(1),
        subject: None,
        tenant_id: String::new(),
        service_id: None,
        issuer: None,
        trace_id: None,
        idempotency_key: None,
    };
    let now = OffsetDateTime::now_utc();
    let recipients = recipients(&[recipient], now)?;
    let sender = pair.sender(None)?;
    let message = sender.seal(&draft, payload.into(), &recipients, now)?;
    Ok(message.text.into_bytes())
}

/// Checks a sealed message and decrypts it. Keep the `Reception` where there are many, and name a replay database.
fn open(
    pair: Pair,
    ca: PathBuf,
    audience: &str,
    scope: &str,
    message: &[u8],
) -> Result<Vec<u8>, Box<dyn Error>> {
    let request = ReceptionRequest {
        ca,
        revocation_lists: Vec::new(),
        audience: audience.to_owned(),
        scopes: vec![scope.to_owned()],
        tenant: None,
        max_lifetime: Duration::hours(1),
        max_size: MAX_MESSAGE_BYTES,
        policy: None,
        approved: Vec::new(),
        approvals: Vec::new(),
        replay: None,
        trace: None,
        pair: Some(pair),
    };
    let now = OffsetDateTime::now_utc();
    let accepted = Reception::open(&request, now)?
        .receive(message, now)?
        .map_err(|denial| denial.to_string())?;
    let plaintext = accepted.plaintext.ok_or("the message is not sealed")?;
    Ok(plaintext.to_vec())
}
