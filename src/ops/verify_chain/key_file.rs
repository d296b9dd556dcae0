//! A private key file as the stacks see it, without its secrets.

use rustls::crypto::ring::sign::any_supported_type;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs1KeyDer, PrivatePkcs8KeyDer, PrivateSec1KeyDer};

use crate::keys::{KeyFormat, KeyReader, ReadKeyError};
use crate::path::stacks::{
    KeyBlock, KeyFile, KeyForm, KeyLookup, PrivateKeyBlock, Stack, private_key_block,
};
use crate::pki::pem;
use crate::pki::public_key::KeyKind;

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
