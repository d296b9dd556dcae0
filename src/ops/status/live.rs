//! What servers show.

use std::time::Duration;

use super::reading::Chain;
use crate::error::Error;
use crate::net::{Target, presented_chain};

/// Whether a target is a URL and not a path.
pub(super) fn is_url(target: &str) -> bool {
    target.contains("://")
}

/// The certificate that a server shows, with those it shows behind it.
pub(super) fn read(url: &str) -> Result<Chain, Error> {
    let target: Target = url.parse()?;
    if target.scheme().is_some_and(|scheme| !scheme.is_tls()) {
        return Err(Error::Usage {
            message: format!("{target}: a port without TLS shows no certificate"),
            hint: "give grpcs://HOST:PORT or https://HOST:PORT".into(),
        });
    }
    let mut presented = presented_chain(&target, None, PATIENCE)?.proven(&target)?;
    let certificate = presented.remove(0);
    Ok(Chain {
        certificate,
        above: presented,
    })
}

/// How long each step of a connection may take.
const PATIENCE: Duration = Duration::from_secs(5);
