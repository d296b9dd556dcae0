//! The files of a setup: those that are named or found by name, and their content.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use rustls::crypto::ring::sign::any_supported_type;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs1KeyDer, PrivatePkcs8KeyDer, PrivateSec1KeyDer};
use zeroize::Zeroizing;

use crate::authority;
use crate::error::Error;
use crate::files::{self, Kind};
use crate::keys::{KeyFormat, KeyReader, ReadKeyError};
use crate::ops::crl::read_lists;
use crate::ops::workload::fetch;
use crate::path::stacks::{
    File as FileRole, KeyBlock, KeyFile, KeyForm, KeyLookup, PrivateKeyBlock, Stack,
    private_key_block,
};
use crate::pki::bundle::Bundle;
use crate::pki::certificate::Certificate;
use crate::pki::crl::RevocationList;
use crate::pki::oid::ObjectIdentifier;
use crate::pki::pem;
use crate::pki::public_key::KeyKind;
use crate::pki::usage::{CLIENT_AUTH, SERVER_AUTH};

/// Where the files of a setup are.
#[derive(Clone, Debug, Default)]
pub struct Files {
    /// The server's certificate and those above it.
    pub certificate: Option<PathBuf>,
    /// The server's private key.
    pub key: Option<PathBuf>,
    /// The client's trust anchors.
    pub ca: Option<PathBuf>,
    /// The client's certificate and those above it.
    pub client_certificate: Option<PathBuf>,
    /// The client's private key.
    pub client_key: Option<PathBuf>,
    /// The server's trust anchors, for its clients' certificates.
    pub client_ca: Option<PathBuf>,
    /// The CRLs that were named: each certificate must be covered by one.
    pub revocation_lists: Vec<PathBuf>,
    /// The CRLs beside the trust anchors: what they revoke is revoked.
    pub lists_beside: Vec<PathBuf>,
}

impl Files {
    /// Whether none is named; CRLs alone are not a setup.
    pub fn is_empty(&self) -> bool {
        self.named().next().is_none()
    }

    /// Every CRL, named or found.
    pub(super) fn all_lists(&self) -> impl Iterator<Item = &PathBuf> {
        self.revocation_lists.iter().chain(&self.lists_beside)
    }

    /// The named files and their roles.
    pub(super) fn named(&self) -> impl Iterator<Item = (FileRole, &Path)> {
        [
            (FileRole::ServerCertificate, &self.certificate),
            (FileRole::ServerKey, &self.key),
            (FileRole::ClientRoots, &self.ca),
            (FileRole::ClientCertificate, &self.client_certificate),
            (FileRole::ClientKey, &self.client_key),
            (FileRole::ServerRoots, &self.client_ca),
        ]
        .into_iter()
        .filter_map(|(role, path)| Some((role, path.as_deref()?)))
    }

    /// Finds the files of a directory by their names: `server.crt`, `client.crt`, their keys, `ca.crt`,
    /// `client_ca.crt`, `crl.pem`, and those that `workload fetch` writes, for both sides. Without `server.crt` or `client.crt`, the first pair whose
    /// certificate has that purpose is used.
    ///
    /// # Errors
    /// When the directory cannot be listed, or contains neither certificate.
    pub fn of_directory(directory: &Path) -> Result<Self, Error> {
        let names = files::names(directory, MAX_NAMES)?;
        let there = |name: &str| -> Option<PathBuf> {
            let is_there = names.iter().any(|other| other == name);
            is_there.then(|| directory.join(name))
        };
        let first = |candidates: &[&str]| candidates.iter().find_map(|name| there(name));
        let mut found = Files {
            certificate: first(&["server.crt", "server.pem", fetch::CERTIFICATE]),
            key: first(&["server.key", "server-key.pem", fetch::KEY]),
            ca: first(&[authority::CERTIFICATE, "ca.pem", fetch::BUNDLE]),
            client_certificate: first(&["client.crt", "client.pem", fetch::CERTIFICATE]),
            client_key: first(&["client.key", "client-key.pem", fetch::KEY]),
            client_ca: first(&["client_ca.crt", "client-ca.crt"]),
            ..Files::default()
        };
        if found.certificate.is_none() || found.client_certificate.is_none() {
            found.take_pairs(directory, &names);
        }
        if found.certificate.is_none() && found.client_certificate.is_none() && found.ca.is_none() {
            return Err(Error::NoSetup {
                path: directory.to_owned(),
            });
        }
        Ok(found.completed(Some(directory)))
    }

    /// Uses pairs with other names for those that are missing.
    fn take_pairs(&mut self, directory: &Path, names: &[OsString]) {
        let extension = |name: &OsString| Path::new(name).extension() == Some(OsStr::new("crt"));
        for name in names.iter().filter(|name| extension(name)).take(MAX_PAIRS) {
            let path = directory.join(name);
            let key = path.with_extension("key");
            let is_missing = |key: &Path| matches!(files::kind(key), Ok(Kind::Absent) | Err(_));
            if *name == *authority::CERTIFICATE || is_missing(&key) {
                continue;
            }
            let Some(usages) = usages(&path) else {
                continue;
            };
            if self.certificate.is_none() && is_for(&usages, SERVER_AUTH) {
                self.certificate = Some(path);
                self.key = Some(key);
            } else if self.client_certificate.is_none() && is_for(&usages, CLIENT_AUTH) {
                self.client_certificate = Some(path);
                self.client_key = Some(key);
            }
        }
    }

    /// Adds what was not named: the key beside each certificate, the `ca.crt` beside it or in the
    /// PKI directory, the same anchors for the server, and the `crl.pem` beside the anchors.
    pub fn completed(mut self, directory: Option<&Path>) -> Self {
        let key = |certificate: &PathBuf| existing(certificate.with_extension("key"));
        let ca = |file: &PathBuf| {
            let names = [authority::CERTIFICATE, fetch::BUNDLE];
            names
                .iter()
                .find_map(|name| existing(file.with_file_name(name)))
        };
        if self.key.is_none() {
            self.key = self.certificate.as_ref().and_then(key);
        }
        if self.client_key.is_none() {
            self.client_key = self.client_certificate.as_ref().and_then(key);
        }
        if self.ca.is_none() {
            let beside = self
                .certificate
                .as_ref()
                .or(self.client_certificate.as_ref());
            self.ca = beside
                .and_then(ca)
                .or_else(|| existing(directory?.join(authority::CERTIFICATE)));
        }
        if self.client_ca.is_none() && self.client_certificate.is_some() {
            self.client_ca.clone_from(&self.ca);
        }
        for anchors in [&self.ca, &self.client_ca].into_iter().flatten() {
            let list = existing(anchors.with_file_name(REVOCATION_LIST));
            let is_known = |list: &PathBuf| {
                self.revocation_lists.contains(list) || self.lists_beside.contains(list)
            };
            if let Some(list) = list.filter(|list| !is_known(list)) {
                self.lists_beside.push(list);
            }
        }
        self
    }
}

impl FileRole {
    /// Whether it should contain a private key.
    pub(super) fn is_key(self) -> bool {
        match self {
            FileRole::ServerKey | FileRole::ClientKey => true,
            FileRole::ServerCertificate
            | FileRole::ClientRoots
            | FileRole::ClientCertificate
            | FileRole::ServerRoots => false,
        }
    }

    /// Whether it should contain trust anchors.
    pub(super) fn is_anchors(self) -> bool {
        match self {
            FileRole::ClientRoots | FileRole::ServerRoots => true,
            FileRole::ServerCertificate
            | FileRole::ServerKey
            | FileRole::ClientCertificate
            | FileRole::ClientKey => false,
        }
    }
}

/// One file and its content.
pub(super) struct FileContent {
    pub(super) role: FileRole,
    pub(super) path: PathBuf,
    pub(super) bytes: Zeroizing<Vec<u8>>,
    /// The certificates, if the whole file can be parsed.
    pub(super) certificates: Vec<Certificate>,
}

/// Every file and its content.
pub(super) struct Contents {
    pub(super) files: Vec<FileContent>,
    pub(super) revocation_lists: Vec<RevocationList>,
    /// The file of each list.
    pub(super) list_paths: Vec<PathBuf>,
    /// How many of them, the first, come from named files.
    pub(super) named_lists: usize,
}

impl Contents {
    /// Reads every file; their content may be anything.
    pub(super) fn read(named: &Files) -> Result<Self, Error> {
        let mut files = Vec::new();
        for (role, path) in named.named() {
            files.push(FileContent::read(role, path)?);
        }
        let (mut revocation_lists, mut list_paths) = (Vec::new(), Vec::new());
        let mut named_lists = 0;
        for path in named.all_lists() {
            let lists = read_lists(path)?;
            if named.revocation_lists.contains(path) {
                named_lists += lists.len();
            }
            list_paths.extend(lists.iter().map(|_| path.clone()));
            revocation_lists.extend(lists);
        }
        Ok(Contents {
            files,
            revocation_lists,
            list_paths,
            named_lists,
        })
    }

    /// The file with this role.
    pub(super) fn of(&self, role: FileRole) -> Option<&FileContent> {
        self.files.iter().find(|file| file.role == role)
    }
}

impl FileContent {
    fn read(role: FileRole, path: &Path) -> Result<Self, Error> {
        let bytes = files::read(path)?;
        let bundle = (!role.is_key())
            .then(|| Bundle::read(&bytes).ok())
            .flatten();
        Ok(FileContent {
            role,
            path: path.to_owned(),
            certificates: bundle.map_or(Vec::new(), |bundle| bundle.certificates),
            bytes,
        })
    }
}

fn existing(path: PathBuf) -> Option<PathBuf> {
    matches!(files::kind(&path), Ok(kind) if kind != Kind::Absent).then_some(path)
}

/// The extended key usages of a file's first certificate, if it can be parsed.
fn usages(path: &Path) -> Option<Vec<ObjectIdentifier>> {
    let bundle = Bundle::read(&files::read(path).ok()?).ok()?;
    bundle.certificates.first()?.extended_key_usages().ok()?
}

fn is_for(usages: &[ObjectIdentifier], usage: const_oid::ObjectIdentifier) -> bool {
    usages
        .iter()
        .any(|other| other.as_bytes() == usage.as_bytes())
}

const REVOCATION_LIST: &str = "crl.pem";
/// A directory may contain the certificates of a whole fleet.
const MAX_NAMES: usize = 100_000;
const MAX_PAIRS: usize = 32;

/// What each stack finds in the bytes of a private key file.
///
/// Wipes every copy of a secret; the result has only public values.
pub fn key_file(bytes: &[u8]) -> KeyFile {
    let found = |stack| match private_key_block(stack, bytes) {
        Ok(Some(block)) => KeyLookup::Key(key_block(stack, &block)),
        Ok(None) => KeyLookup::Nothing {
            instead: instead(bytes),
        },
        Err(why) => KeyLookup::Broken {
            why: why.to_owned(),
        },
    };
    KeyFile {
        grpc_core: found(Stack::GrpcCore),
        grpc_js: found(Stack::GrpcJs),
        tonic: found(Stack::Tonic),
        is_empty: bytes.is_empty(),
    }
}

fn key_block(stack: Stack, block: &PrivateKeyBlock) -> KeyBlock {
    let unreadable = |form| KeyBlock {
        form,
        kind: None,
        public_key_info: None,
        rustls_takes_it: None,
    };
    if block.is_encrypted {
        return unreadable(KeyForm::Encrypted);
    }
    let rustls_takes_it = (stack == Stack::Tonic).then(|| rustls_accepts(block));
    let public = |form, kind| KeyBlock {
        kind: Some(kind),
        rustls_takes_it,
        ..unreadable(form)
    };
    let key = match KeyReader::new(None).plain(whole(&block.contents)) {
        Ok(key) => key,
        Err(ReadKeyError::Dsa) => return public(KeyForm::Pkcs8, KeyKind::Dsa),
        Err(ReadKeyError::UnnamedCurve) => return public(KeyForm::Sec1, KeyKind::EcExplicit),
        Err(_) => {
            return KeyBlock {
                rustls_takes_it,
                ..unreadable(KeyForm::Unreadable)
            };
        }
    };
    let is_labelled = block.label != "PRIVATE KEY";
    let form = match key.format() {
        KeyFormat::Pkcs1 if is_labelled => KeyForm::Pkcs1,
        KeyFormat::Sec1 if is_labelled => KeyForm::Sec1,
        // No stack looks for another form under the PKCS #8 label.
        KeyFormat::Pkcs1 | KeyFormat::Sec1 => KeyForm::Unreadable,
        KeyFormat::Pkcs8 => KeyForm::Pkcs8,
        KeyFormat::Pkcs8WithPublicKey => KeyForm::Pkcs8WithPublicKey,
    };
    KeyBlock {
        form,
        kind: Some(key.kind()),
        public_key_info: key.public_key_info().map(<[u8]>::to_vec),
        rustls_takes_it,
    }
}

/// The first DER element; BoringSSL and OpenSSL ignore what follows it.
fn whole(der: &[u8]) -> &[u8] {
    let length = match der {
        [_, short @ 0..=0x7f, ..] => 2 + usize::from(*short),
        [_, 0x81, one, ..] => 3 + usize::from(*one),
        [_, 0x82, two, one, ..] => 4 + usize::from(u16::from_be_bytes([*two, *one])),
        _ => der.len(),
    };
    &der[..length.min(der.len())]
}

/// Whether rustls with ring can sign with the key, read as its PEM label says.
fn rustls_accepts(block: &PrivateKeyBlock) -> bool {
    let der = block.contents.as_slice();
    let key = match block.label.as_str() {
        "RSA PRIVATE KEY" => PrivateKeyDer::Pkcs1(PrivatePkcs1KeyDer::from(der)),
        "EC PRIVATE KEY" => PrivateKeyDer::Sec1(PrivateSec1KeyDer::from(der)),
        _ => PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(der)),
    };
    any_supported_type(&key).is_ok()
}

/// The content of a file without a private key, as a clause.
fn instead(bytes: &[u8]) -> String {
    if bytes.is_empty() {
        return "an empty file".to_owned();
    }
    let blocks = pem::blocks(bytes).unwrap_or_default();
    let has_mark = pem::has_byte_order_mark(bytes);
    match blocks.first() {
        Some(block) if block.label == "ENCRYPTED PRIVATE KEY" => "an encrypted key".to_owned(),
        Some(_) if has_mark => "a byte order mark before the key".to_owned(),
        Some(block) => format!("a {}", block.label),
        None if bytes.starts_with(&[DER_SEQUENCE]) => "DER".to_owned(),
        None => "no PEM block".to_owned(),
    }
}

const DER_SEQUENCE: u8 = 0x30;
