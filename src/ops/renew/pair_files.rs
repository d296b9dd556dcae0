//! The files of a pair before it is renewed.

use zeroize::Zeroizing;

use super::Request;
use crate::error::{Error, InFile as _, shown};
use crate::ops::managed::ManagedCertificate;
use crate::pki::{bundle, pem};
use crate::{files, keys};

/// The contents of a pair before it is renewed.
pub(super) struct PairFiles {
    pub(super) certificate: Zeroizing<Vec<u8>>,
    /// `None` when there is no key, or it may not be read.
    pub(super) key: Option<Zeroizing<Vec<u8>>>,
    /// The content of the file with both, or its future content; `None` when there is none.
    pub(super) combined: Option<Zeroizing<Vec<u8>>>,
}

impl PairFiles {
    /// Reads the files; `None` when they no longer contain the certificate to renew.
    ///
    /// # Errors
    /// When a file cannot be read, or the pair does not match.
    pub(super) fn read(
        of: &ManagedCertificate,
        is_key_replaced: bool,
        request: &Request,
    ) -> Result<Option<Self>, Error> {
        let place = &of.place;
        let path = place.certificate();
        let certificate = files::read(&path)?;
        let certificates = bundle::certificates(&certificate).in_file(&path)?;
        if certificates[0].as_der() != of.certificate.as_der() {
            return Ok(None);
        }
        let key = match (is_key_replaced, place.private_key()) {
            // A key that is kept need not be readable.
            (false, key) => key.and_then(|path| files::read(&path).ok()),
            (true, Some(key)) => Some(files::read(&key)?),
            (true, None) => {
                return Err(Error::usage(
                    format!(
                        "{}: no private key beside it that could be replaced",
                        shown(&path)
                    ),
                    "create a new request where its key is, and sign it with `openagents-certs csr sign`",
                ));
            }
        };
        let content = key.as_ref().map(|key| key.as_slice());
        check_pair(of, content, is_key_replaced)?;
        let combined = combined(of, request, &certificate, content)?;
        Ok(Some(PairFiles {
            certificate,
            key,
            combined,
        }))
    }
}

/// Checks that a key matches the certificate, or may be replaced.
fn check_pair(of: &ManagedCertificate, key: Option<&[u8]>, is_replaced: bool) -> Result<(), Error> {
    let path = || of.place.private_key().unwrap_or_default();
    let Some(content) = key else { return Ok(()) };
    let blocks = pem::blocks(content).in_file(path())?;
    let Some(block) = blocks.iter().find(|block| block.is_private_key()) else {
        return Err(Error::NoKey { path: path() });
    };
    let is_encrypted = block.label == ENCRYPTED || block.is_encrypted();
    if is_encrypted && is_replaced {
        return Err(Error::usage(
            format!(
                "{}: the key is encrypted, and a new one would not be",
                shown(path())
            ),
            "leave out `--rekey`, or issue a new pair with `openagents-certs issue --force`",
        ));
    }
    if is_encrypted || is_replaced {
        return Ok(());
    }
    let key = keys::read_pem_key(block, None).in_file(path())?;
    if key
        .public_key_info()
        .is_some_and(|info| info != of.certificate.public_key_info())
    {
        return Err(Error::KeyMismatch {
            path: path(),
            certificate: of.place.certificate(),
        });
    }
    Ok(())
}

/// The content of the file with certificate and key, or its future content; `None` when there is none.
fn combined(
    of: &ManagedCertificate,
    request: &Request,
    certificate: &[u8],
    key: Option<&[u8]>,
) -> Result<Option<Zeroizing<Vec<u8>>>, Error> {
    let Some(path) = of.place.combined() else {
        return match (request.combined, key) {
            (false, _) => Ok(None),
            (true, Some(key)) => Ok(Some(both(certificate, key))),
            (true, None) => Err(Error::usage(
                format!(
                    "{}: no private key beside it to combine it with",
                    shown(of.place.certificate())
                ),
                "leave out `--combined`",
            )),
        };
    };
    let content = files::read(&path)?;
    let is_ours = pem::blocks(&content).is_ok_and(|blocks| {
        blocks.iter().any(|block| block.is_private_key())
            && blocks
                .iter()
                .any(|block| block.contents[..] == *of.certificate.as_der())
    });
    match (is_ours, request.combined, key) {
        (true, _, Some(_)) => Ok(Some(content)),
        (true, _, None) => Err(Error::NoKey { path }),
        (false, false, _) => Ok(None),
        (false, true, _) => Err(Error::Exists {
            path,
            hint: "it does not contain this certificate and its key; move it away, or leave out `--combined`".into(),
        }),
    }
}

/// A certificate followed by its key.
pub(super) fn both(certificate: &[u8], key: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut both = Zeroizing::new(Vec::with_capacity(certificate.len() + key.len()));
    both.extend_from_slice(certificate);
    both.extend_from_slice(key);
    both
}

const ENCRYPTED: &str = "ENCRYPTED PRIVATE KEY";
