//! JWE ([RFC 7516](https://www.rfc-editor.org/rfc/rfc7516)) with A256GCM: compact for one recipient, general JSON for
//! several, and for shared keys `dir`.

use std::borrow::Cow;
use std::collections::HashSet;

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::base64::{decode_url, decode_url_exactly, encode_url};
use super::recipient::{ContentKey, EphemeralKey, KeyHeader, OpeningKey, Recipient};
use super::{Denial, MessageError, Reason, json};
use crate::keys::random_bytes;

/// What ties a ciphertext to its envelope: a signer who puts it into another one cannot have it opened.
#[derive(Clone, Copy, Debug)]
pub(super) struct Binding<'a> {
    pub(super) message_id: &'a str,
    pub(super) audience: &'a str,
    pub(super) subject: &'a str,
}

/// Encrypts for 1 to 1,000 recipients under a new content key; the JWE as JSON: a string, or an object for several.
///
/// # Errors
/// When there are too many recipients, or one twice, or no randomness.
pub(super) fn seal(
    plaintext: Zeroizing<Vec<u8>>,
    binding: Binding<'_>,
    recipients: &[Recipient],
) -> Result<String, MessageError> {
    if !(1..=MAX_RECIPIENTS).contains(&recipients.len()) {
        let count = recipients.len();
        return Err(MessageError::Recipients {
            count,
            most: MAX_RECIPIENTS,
        });
    }
    let mut kids = HashSet::new();
    if !recipients
        .iter()
        .all(|recipient| kids.insert(recipient.kid()))
    {
        return Err(MessageError::DuplicateRecipient);
    }
    let content: ContentKey = Zeroizing::new(random_bytes()?);
    let mut wrapped = recipients.iter().map(|recipient| recipient.wrap(&content));
    let protected = |key: KeyHeader| {
        let header = Protected {
            key,
            enc: ENC,
            message_id: binding.message_id,
            audience: binding.audience,
            subject: binding.subject,
        };
        let header = serde_json::to_vec(&header).map_err(|_| MessageError::Signing)?;
        Ok::<_, MessageError>(encode_url(&header))
    };
    if recipients.len() == 1 {
        let Some((key, encrypted_key)) = wrapped.next().transpose()? else {
            return Err(MessageError::Signing);
        };
        let header = protected(key)?;
        let text = EncryptedContent::encrypt(plaintext, &content, &header)?
            .compact(&header, &encrypted_key);
        return Ok(format!("\"{text}\""));
    }
    let recipients = wrapped
        .map(|one| {
            let (header, encrypted_key) = one?;
            Ok(OwnedRecipient {
                header,
                encrypted_key: encode_url(&encrypted_key),
            })
        })
        .collect::<Result<Vec<_>, MessageError>>()?;
    let protected = protected(KeyHeader::default())?;
    let EncryptedContent {
        iv,
        ciphertext,
        tag,
    } = EncryptedContent::encrypt(plaintext, &content, &protected)?;
    let general = GeneralOut {
        protected,
        recipients,
        iv,
        ciphertext,
        tag,
    };
    serde_json::to_string(&general).map_err(|_| MessageError::Signing)
}

/// A JWE for recipients, whose form was checked and whose binding is the envelope's.
#[derive(Debug)]
pub(super) struct Jwe<'a> {
    protected: &'a str,
    recipients: Vec<(KeyHeader, Vec<u8>)>,
    iv: [u8; IV_BYTES],
    ciphertext: &'a str,
    tag: [u8; TAG_BYTES],
}

impl<'a> Jwe<'a> {
    /// Reads a JWE as it is in an envelope: a JSON string, or an object.
    pub(super) fn read(text: &'a str, binding: Binding<'_>) -> Result<Self, Denial> {
        let wrong = |error: &dyn std::fmt::Display| {
            Denial::malformed(format_args!("encryptedPayload: {error}"))
        };
        let parts: GeneralJwe<'a> = if text.starts_with('"') {
            let text: &str = serde_json::from_str(text).map_err(|e| wrong(&e))?;
            let [protected, encrypted_key, iv, ciphertext, tag] = compact_parts(text)?;
            let recipients = vec![RecipientIn {
                header: None,
                encrypted_key,
            }];
            GeneralJwe {
                protected,
                recipients,
                iv,
                ciphertext,
                tag,
            }
        } else {
            serde_json::from_str(text).map_err(|e| wrong(&e))?
        };
        if !(1..=MAX_RECIPIENTS).contains(&parts.recipients.len()) {
            return Err(wrong(&"no recipients, or too many"));
        }
        let header = decode_header(parts.protected)?;
        let protected: ProtectedIn = json::read(&header).map_err(|e| wrong(&e))?;
        let is_bound = protected.message_id == binding.message_id
            && protected.audience == binding.audience
            && protected.subject == binding.subject;
        if protected.enc != ENC || !is_bound {
            return Err(wrong(&"not encrypted with A256GCM for this very envelope"));
        }
        let recipients = recipients(parts.recipients, protected)?;
        let mut kids = HashSet::new();
        if !recipients
            .iter()
            .all(|(header, _)| kids.insert(&header.kid))
        {
            return Err(wrong(&"two recipients have one kid"));
        }
        let (iv, tag) = iv_and_tag(parts.iv, parts.tag)?;
        let (protected, ciphertext) = (parts.protected, parts.ciphertext);
        Ok(Jwe {
            protected,
            recipients,
            iv,
            ciphertext,
            tag,
        })
    }

    /// Decrypts it with the key of one of its recipients.
    pub(super) fn open(&self, key: &OpeningKey) -> Result<Zeroizing<Vec<u8>>, Denial> {
        let ours = self
            .recipients
            .iter()
            .find(|(header, _)| header.kid.as_deref() == Some(key.kid()));
        let Some((header, encrypted_key)) = ours else {
            let detail = "the message is sealed for other certificates than `--cert`";
            return Err(Denial::new(Reason::NotARecipient, detail));
        };
        let content = key.unwrap(header, encrypted_key)?;
        decrypt(
            &content,
            self.iv,
            self.protected.as_bytes(),
            self.ciphertext,
            self.tag,
        )
    }
}

/// Encrypts under a shared key: compact, or with associated data flattened JSON.
///
/// # Errors
/// When there is no randomness.
pub(super) fn seal_shared(
    plaintext: Zeroizing<Vec<u8>>,
    key: &ContentKey,
    aad: Option<&str>,
) -> Result<String, MessageError> {
    let protected = encode_url(br#"{"alg":"dir","enc":"A256GCM"}"#);
    let Some(aad) = aad.map(|aad| encode_url(aad.as_bytes())) else {
        return Ok(EncryptedContent::encrypt(plaintext, key, &protected)?.compact(&protected, &[]));
    };
    let EncryptedContent {
        iv,
        ciphertext,
        tag,
    } = EncryptedContent::encrypt(plaintext, key, &format!("{protected}.{aad}"))?;
    let flattened = Flattened {
        protected: protected.into(),
        aad: Some(aad.into()),
        iv: iv.into(),
        ciphertext: ciphertext.into(),
        tag: tag.into(),
    };
    serde_json::to_string(&flattened).map_err(|_| MessageError::Signing)
}

/// Decrypts what [`seal_shared`] gives.
pub(super) fn open_shared(
    text: &[u8],
    key: &ContentKey,
    aad: Option<&str>,
) -> Result<Zeroizing<Vec<u8>>, Denial> {
    let text = std::str::from_utf8(text).map_err(Denial::malformed)?;
    let parts: Flattened<'_> = if text.starts_with('{') {
        json::read(text.as_bytes()).map_err(Denial::malformed)?
    } else {
        let [protected, encrypted_key, iv, ciphertext, tag] = compact_parts(text)?;
        if !encrypted_key.is_empty() {
            return Err(Denial::malformed(
                "a message under a shared key has no encrypted key",
            ));
        }
        let aad = None;
        let [protected, iv, ciphertext, tag] = [protected, iv, ciphertext, tag].map(Cow::Borrowed);
        Flattened {
            protected,
            aad,
            iv,
            ciphertext,
            tag,
        }
    };
    let header = decode_header(&parts.protected)?;
    let header: DirectHeader<'_> = json::read(&header).map_err(Denial::malformed)?;
    if header.alg != "dir" || header.enc != ENC {
        return Err(Denial::malformed(
            "it is not encrypted with dir and A256GCM",
        ));
    }
    let (iv, tag) = iv_and_tag(&parts.iv, &parts.tag)?;
    let found = parts.aad.as_deref().map(decode_url);
    if found == Some(None) {
        return Err(Denial::malformed("aad is not base64url"));
    }
    if found.flatten().as_deref() != aad.map(str::as_bytes) {
        return Err(Denial::new(
            Reason::BadSignature,
            "the associated data differs from `--aad`",
        ));
    }
    let authenticated = match &parts.aad {
        Some(aad) => format!("{}.{aad}", parts.protected),
        None => parts.protected.into_owned(),
    };
    decrypt(key, iv, authenticated.as_bytes(), &parts.ciphertext, tag)
}

/// The encrypted content in base64url.
struct EncryptedContent {
    iv: String,
    ciphertext: String,
    tag: String,
}

impl EncryptedContent {
    /// Encrypts in place under a new random IV.
    fn encrypt(
        mut plaintext: Zeroizing<Vec<u8>>,
        key: &ContentKey,
        aad: &str,
    ) -> Result<Self, MessageError> {
        let iv: [u8; IV_BYTES] = random_bytes()?;
        let (nonce, aad) = (Nonce::assume_unique_for_key(iv), Aad::from(aad.as_bytes()));
        let tag = cipher(key)
            .and_then(|cipher| cipher.seal_in_place_separate_tag(nonce, aad, &mut plaintext))
            .map_err(|ring::error::Unspecified| MessageError::Signing)?;
        Ok(EncryptedContent {
            iv: encode_url(&iv),
            ciphertext: encode_url(&plaintext),
            tag: encode_url(tag.as_ref()),
        })
    }

    fn compact(&self, protected: &str, encrypted_key: &[u8]) -> String {
        let encrypted_key = encode_url(encrypted_key);
        [
            protected,
            &encrypted_key,
            &self.iv,
            &self.ciphertext,
            &self.tag,
        ]
        .join(".")
    }
}

fn decrypt(
    key: &ContentKey,
    iv: [u8; IV_BYTES],
    aad: &[u8],
    ciphertext: &str,
    tag: [u8; TAG_BYTES],
) -> Result<Zeroizing<Vec<u8>>, Denial> {
    let malformed = || Denial::malformed("the ciphertext is not base64url");
    let mut content = Zeroizing::new(decode_url(ciphertext).ok_or_else(malformed)?);
    let nonce = Nonce::assume_unique_for_key(iv);
    cipher(key)
        .and_then(|cipher| {
            let tag = tag.into();
            cipher.open_in_place_separate_tag(nonce, Aad::from(aad), tag, &mut content, 0..)?;
            Ok(())
        })
        .map_err(|ring::error::Unspecified| {
            Denial::new(
                Reason::BadSignature,
                "the ciphertext was changed, or its key is another one",
            )
        })?;
    Ok(content)
}

fn cipher(key: &ContentKey) -> Result<LessSafeKey, ring::error::Unspecified> {
    UnboundKey::new(&AES_256_GCM, &**key).map(LessSafeKey::new)
}

/// The header of each recipient: its own and the protected one's part, which for several has no key in it.
fn recipients(
    given: Vec<RecipientIn<'_>>,
    protected: ProtectedIn,
) -> Result<Vec<(KeyHeader, Vec<u8>)>, Denial> {
    let ProtectedIn {
        alg,
        kid,
        epk,
        apu,
        apv,
        ..
    } = protected;
    if given.len() > 1 && (alg.is_some() || kid.is_some() || epk.is_some()) {
        return Err(Denial::malformed(
            "alg, kid and epk of several recipients are in their own headers",
        ));
    }
    let shared = KeyHeader {
        alg,
        kid,
        epk,
        apu,
        apv,
    };
    given
        .into_iter()
        .map(|one| {
            let header = one.header.unwrap_or_default().with(&shared)?;
            let encrypted_key = decode_url(one.encrypted_key)
                .ok_or_else(|| Denial::malformed("an encrypted key is not base64url"))?;
            header.check(&encrypted_key)?;
            Ok((header, encrypted_key))
        })
        .collect()
}

fn compact_parts(text: &str) -> Result<[&str; 5], Denial> {
    let mut parts = text.split('.');
    let mut next = || parts.next().unwrap_or_default();
    let five = [next(), next(), next(), next(), next()];
    if text.bytes().filter(|byte| *byte == b'.').count() == 4 {
        Ok(five)
    } else {
        Err(Denial::malformed("a compact JWE has five parts"))
    }
}

fn decode_header(text: &str) -> Result<Vec<u8>, Denial> {
    if text.len() > MAX_HEADER_BYTES {
        return Err(Denial::new(
            Reason::TooLarge,
            "the header of the JWE is larger than 64 KiB",
        ));
    }
    decode_url(text).ok_or_else(|| Denial::malformed("the header of the JWE is not base64url"))
}

fn iv_and_tag(iv: &str, tag: &str) -> Result<([u8; IV_BYTES], [u8; TAG_BYTES]), Denial> {
    let wrong = || Denial::malformed("the IV or the tag has the wrong length");
    Ok((
        decode_url_exactly(iv).ok_or_else(wrong)?,
        decode_url_exactly(tag).ok_or_else(wrong)?,
    ))
}

/// The protected header: for one recipient with how its key is wrapped.
#[derive(Serialize)]
struct Protected<'a> {
    #[serde(flatten)]
    key: KeyHeader,
    enc: &'static str,
    #[serde(rename = "messageId")]
    message_id: &'a str,
    audience: &'a str,
    subject: &'a str,
}

/// The same as it is read.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ProtectedIn {
    enc: String,
    #[serde(rename = "messageId")]
    message_id: String,
    audience: String,
    subject: String,
    #[serde(default, deserialize_with = "json::present")]
    alg: Option<String>,
    #[serde(default, deserialize_with = "json::present")]
    kid: Option<String>,
    #[serde(default, deserialize_with = "json::present")]
    epk: Option<EphemeralKey>,
    #[serde(default, deserialize_with = "json::present")]
    apu: Option<String>,
    #[serde(default, deserialize_with = "json::present")]
    apv: Option<String>,
}

/// The JSON forms, as they are read and written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GeneralJwe<'a> {
    protected: &'a str,
    recipients: Vec<RecipientIn<'a>>,
    iv: &'a str,
    ciphertext: &'a str,
    tag: &'a str,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RecipientIn<'a> {
    #[serde(default, deserialize_with = "json::present")]
    header: Option<KeyHeader>,
    encrypted_key: &'a str,
}

#[derive(Serialize)]
struct GeneralOut {
    protected: String,
    recipients: Vec<OwnedRecipient>,
    iv: String,
    ciphertext: String,
    tag: String,
}

#[derive(Serialize)]
struct OwnedRecipient {
    header: KeyHeader,
    encrypted_key: String,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Flattened<'a> {
    #[serde(borrow)]
    protected: Cow<'a, str>,
    #[serde(
        borrow,
        default,
        deserialize_with = "json::present",
        skip_serializing_if = "Option::is_none"
    )]
    aad: Option<Cow<'a, str>>,
    #[serde(borrow)]
    iv: Cow<'a, str>,
    #[serde(borrow)]
    ciphertext: Cow<'a, str>,
    #[serde(borrow)]
    tag: Cow<'a, str>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DirectHeader<'a> {
    #[serde(borrow)]
    alg: Cow<'a, str>,
    #[serde(borrow)]
    enc: Cow<'a, str>,
}

const ENC: &str = "A256GCM";
const IV_BYTES: usize = 12; // NIST SP 800-38D §8.2, RFC 7518 §5.3
const TAG_BYTES: usize = 16; // RFC 7518 §5.3
const MAX_RECIPIENTS: usize = 1_000;
pub(super) const MAX_HEADER_BYTES: usize = 64 << 10;
