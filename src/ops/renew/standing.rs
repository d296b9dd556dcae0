//! What is in the files of a pair that is to be renewed.

use zeroize::Zeroizing;

use super::Request;
use super::replace::Wanted;
use crate::error::{Error, shown};
use crate::files;
use crate::keys;
use crate::ops::managed::ManagedCertificate;
use crate::pki::{bundle, pem};

/// What stands in the files of a pair before it is renewed.
pub(super) struct Standing {
    pub(super) certificate: Zeroizing<Vec<u8>>,
    /// Nothing where there is no key, or nobody lets us read it.
    pub(super) key: Option<Zeroizing<Vec<u8>>>,
    /// What is in the file with both, or would be; nothing when none is kept.
    pub(super) combined: Option<Zeroizing<Vec<u8>>>,
}

impl Standing {
    /// What is in the files now; nothing when it is no longer the certificate that was to be renewed.
    ///
    /// # Errors
    /// When a file cannot be read, or the pair does not match.
    pub(super) fn read(one: &Wanted<'_>, request: &Request) -> Result<Option<Self>, Error> {
        let place = &one.of.place;
        let path = place.certificate();
        let certificate = files::read(&path)?;
        let certificates = bundle::certificates(&certificate);
        let certificates = certificates.map_err(|source| Error::Bundle {
            path: path.clone(),
            source,
        })?;
        if certificates[0].as_der() != one.of.certificate.as_der() {
            return Ok(None);
        }
        let key = match (one.renewal.new_key, place.private_key()) {
            // Nobody needs the key to keep it, so that it may be one we must not read.
            (None, key) => key.and_then(|path| files::read(&path).ok()),
            (Some(_), Some(key)) => Some(files::read(&key)?),
            (Some(_), None) => {
                return Err(Error::Usage {
                    message: format!("{}: there is no key beside it to replace", shown(&path)),
                    hint:
                        "sign a new request where its key is kept, with `openagents-certs csr sign`"
                            .into(),
                });
            }
        };
        let octets = key.as_ref().map(|key| key.as_slice());
        check_pair(one.of, octets, one.renewal.new_key.is_some())?;
        let combined = combined(one.of, request, &certificate, octets)?;
        Ok(Some(Standing {
            certificate,
            key,
            combined,
        }))
    }
}

/// Says whether a key that can be read is the certificate's, or may be replaced.
fn check_pair(of: &ManagedCertificate, key: Option<&[u8]>, is_replaced: bool) -> Result<(), Error> {
    let path = || of.place.private_key().unwrap_or_default();
    let Some(octets) = key else { return Ok(()) };
    let blocks = pem::blocks(octets).map_err(|source| Error::Pem {
        path: path(),
        source,
    })?;
    let Some(block) = blocks.iter().find(|block| block.is_private_key()) else {
        return Err(Error::NoKey { path: path() });
    };
    let is_encrypted = block.label == ENCRYPTED || block.is_encrypted();
    if is_encrypted && is_replaced {
        return Err(Error::Usage {
            message: format!(
                "{}: is encrypted, and a new key would not be",
                shown(&path())
            ),
            hint: "leave out `--rekey`, or issue a new pair in its place".into(),
        });
    }
    if is_encrypted || is_replaced {
        return Ok(());
    }
    let key = keys::read_pem_key(block, None);
    let key = key.map_err(|source| Error::ReadKey {
        path: path(),
        source,
    })?;
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

/// What is in the file with certificate and key, or would be; nothing when none is kept.
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
            (true, None) => Err(Error::Usage {
                message: format!(
                    "{}: there is no key beside it to combine it with",
                    shown(&of.place.certificate())
                ),
                hint: "leave out `--combined`".into(),
            }),
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
            hint: "it does not hold this certificate and its key: move it away, or leave out `--combined`".into(),
        }),
    }
}

/// A certificate and its key, one behind the other.
pub(super) fn both(certificate: &[u8], key: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut both = Zeroizing::new(Vec::with_capacity(certificate.len() + key.len()));
    both.extend_from_slice(certificate);
    both.extend_from_slice(key);
    both
}

const ENCRYPTED: &str = "ENCRYPTED PRIVATE KEY";
