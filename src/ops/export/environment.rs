//! Lines for a .env file.

use std::ffi::OsStr;

use zeroize::Zeroizing;

use super::ders;
use super::material::Material;
use crate::authority::{Ask, pem_of};
use crate::error::Error;
use crate::ops::quoting::Shell;
use crate::{files, keys};

/// The variables with the paths of a certificate's files, or with `contents` with what is in them; and
/// whether that includes a private key.
pub(super) fn lines(
    material: &Material,
    contents: bool,
    passphrase: Ask<'_>,
) -> Result<(Zeroizing<Vec<u8>>, bool), Error> {
    // Large enough for any export, so that growing leaves no copy of the key behind.
    let mut lines = Zeroizing::new(Vec::with_capacity(LARGEST));
    let mut line = |name: &str, value: &OsStr| {
        let line = Zeroizing::new(Shell::Dotenv.assignment(name, value)?);
        lines.extend_from_slice(&line);
        Ok::<(), Error>(())
    };
    if contents {
        let key = material.key(passphrase)?;
        line(CERTIFICATE, pem_of(material.served())?.as_ref())?;
        line(KEY, keys::to_pem(key.pkcs8(), None)?.as_str().as_ref())?;
        if let Some((_, anchors)) = &material.anchors {
            line(CA, pem_of(ders(anchors))?.as_ref())?;
        }
        return Ok((lines, true));
    }
    let key = material.key_path()?;
    let Some(path) = &material.path else {
        return Err(Error::Usage {
            message: "the certificate has no file on disk".into(),
            hint: "export its contents with `--contents`, or write it with `export fullchain --out FILE`".into(),
        });
    };
    line(CERTIFICATE, files::absolute(path)?.as_os_str())?;
    line(KEY, files::absolute(key)?.as_os_str())?;
    if let Some((path, _)) = &material.anchors {
        line(CA, files::absolute(path)?.as_os_str())?;
    }
    Ok((lines, false))
}

/// A key of 16,384 bits and a bundle of roots, quoted.
const LARGEST: usize = 1 << 20;
const CERTIFICATE: &str = "OPENAGENTS_CERTS_CERT";
const KEY: &str = "OPENAGENTS_CERTS_KEY";
const CA: &str = "OPENAGENTS_CERTS_CA";
