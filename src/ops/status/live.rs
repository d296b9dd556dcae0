//! What servers show.

use std::time::Duration;

use super::reading::Chain;
use crate::error::Error;
use crate::net::Target;
use crate::net::probe::served;

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
    let mut shown = served(&target, None, PATIENCE)?.certificates.into_iter();
    let certificate = shown.next().map(|first| first.certificate);
    let certificate = match certificate {
        Some(Ok(certificate)) => certificate,
        Some(Err(source)) => {
            return Err(Error::Certificate {
                path: target.to_string().into(),
                source,
            });
        }
        None => unreachable!("a server that was seen has shown a certificate"),
    };
    // What stands behind it and is no certificate leads nowhere, which the path shows.
    let above = shown.filter_map(|shown| shown.certificate.ok());
    Ok(Chain {
        certificate,
        above: above.collect(),
    })
}

/// How long each step of a connection may take.
const PATIENCE: Duration = Duration::from_secs(5);
