//! What a private key file holds, as each stack finds it. Values only: no secret comes here.

use super::Stack;
use crate::pki::public_key::KeyKind;

/// A private key file seen by each stack: they do not agree where in it the key is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyFile {
    /// What grpc-core finds.
    pub grpc_core: FoundKey,
    /// What grpc-js finds.
    pub grpc_js: FoundKey,
    /// What tonic finds.
    pub tonic: FoundKey,
    /// Whether the file has no octets at all.
    pub is_empty: bool,
}

impl KeyFile {
    /// What this stack finds.
    pub fn found_by(&self, stack: Stack) -> &FoundKey {
        match stack {
            Stack::GrpcCore => &self.grpc_core,
            Stack::GrpcJs => &self.grpc_js,
            Stack::Tonic => &self.tonic,
        }
    }
}

/// What a stack finds when it looks for a private key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FoundKey {
    /// No block of a private key: another encoding, another label, or nothing.
    Nothing {
        /// What is there instead, as a clause.
        instead: String,
    },
    /// A block that cannot be read, or one before it.
    Broken {
        /// Why, as a clause.
        why: String,
    },
    /// A key.
    Key(KeyBlock),
}

/// A block of a private key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyBlock {
    /// How it is written.
    pub form: KeyForm,
    /// What kind of key it is, where that can be read.
    pub kind: Option<KeyKind>,
    /// Its public half as a DER SubjectPublicKeyInfo, where it is known.
    pub public_key_info: Option<Vec<u8>>,
    /// Whether rustls takes it with ring, by having been asked; `None` where it was not.
    pub rustls_takes_it: Option<bool>,
}

/// How a private key is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyForm {
    /// RSAPrivateKey.
    Pkcs1,
    /// ECPrivateKey.
    Sec1,
    /// PrivateKeyInfo.
    Pkcs8,
    /// OneAsymmetricKey of version 2, with the public key in it.
    Pkcs8WithPublicKey,
    /// Encrypted, in whatever way.
    Encrypted,
    /// No key that can be read.
    Unreadable,
}
