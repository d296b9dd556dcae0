//! Certificates of public CAs and their keys, as files.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::{signer, state};
use crate::error::{Error, shown};
use crate::files::{self, Kind};
use crate::ops::issue::file_names;
use crate::pki::bundle;
use crate::pki::certificate::Certificate;
use crate::pki::san::SubjectAltName;

/// A certificate that a public CA issued, and its key.
#[derive(Clone, Debug)]
pub struct OrderedPair {
    /// The certificate's file.
    pub certificate: PathBuf,
    /// The key's file.
    pub private_key: PathBuf,
    /// Its names.
    pub names: Vec<SubjectAltName>,
}

/// The certificate in a directory that a public CA issued: the one for this name, or the only one.
///
/// # Errors
/// When there is none, or several, or what is known of them cannot be read.
pub fn ordered_pair(directory: &Path, name: Option<&str>) -> Result<OrderedPair, Error> {
    let mut pairs = Vec::new();
    for state in state::certificates(directory)? {
        let names = state.names.iter().map(|name| name.parse());
        let names = names.collect::<Result<Vec<SubjectAltName>, _>>()?;
        let is_meant = name.is_none_or(|name| names.iter().any(|own| own.value() == name));
        if state.serial.is_some() && is_meant {
            let at = match files::absolute(directory)? == state.directory {
                true => directory,
                false => &state.directory,
            };
            let pair = Pair::at(at, &state.base);
            pairs.push(OrderedPair {
                certificate: pair.certificate,
                private_key: pair.private_key,
                names,
            });
        }
    }
    match (pairs.pop(), pairs.is_empty()) {
        (Some(only), true) => Ok(only),
        (Some(_), false) => Err(Error::usage(
            format!(
                "{}: several certificates were issued by public CAs",
                shown(directory)
            ),
            "name the one of the server with `--common-name`",
        )),
        (None, _) => Err(Error::usage(
            format!(
                "{}: no certificate of a public CA for the server",
                shown(directory)
            ),
            "order one with `openagents-certs acme issue NAME --server letsencrypt`",
        )),
    }
}

/// The paths of a certificate and its key.
pub(super) struct Pair {
    pub(super) certificate: PathBuf,
    pub(super) private_key: PathBuf,
}

impl Pair {
    pub(super) fn at(directory: &Path, base: &str) -> Self {
        let (certificate, key) = file_names(OsStr::new(base));
        Pair {
            certificate: directory.join(certificate),
            private_key: directory.join(key),
        }
    }

    pub(super) fn refuse_existing(&self) -> Result<(), Error> {
        for path in [&self.certificate, &self.private_key] {
            if files::kind(path)? != Kind::Absent {
                return Err(Error::Exists {
                    path: path.clone(),
                    hint: "give another name with `--name`, or replace it with `--force`".into(),
                });
            }
        }
        Ok(())
    }

    /// The certificate in the file, if there is one, and its key is beside it.
    pub(super) fn read(&self) -> Option<Certificate> {
        let content = files::read(&self.certificate).ok()?;
        let leaf = bundle::certificates(&content).ok()?.swap_remove(0);
        let key = files::read(&self.private_key).ok()?;
        let signer = signer(&self.private_key, &String::from_utf8_lossy(&key)).ok()?;
        (signer.public_key_info() == leaf.public_key_info()).then_some(leaf)
    }
}
