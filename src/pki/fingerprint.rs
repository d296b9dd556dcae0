//! Fingerprints: digests that name a certificate or a key.

use std::fmt;

use ring::digest;

/// A digest, shown as lower-case hex bytes with colons, as `openssl x509 -fingerprint` does but
/// for the case.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Fingerprint(Vec<u8>);

impl Fingerprint {
    /// SHA-256 over these bytes.
    pub fn sha256(der: &[u8]) -> Self {
        Fingerprint(digest::digest(&digest::SHA256, der).as_ref().to_vec())
    }

    /// SHA-1 over these bytes: what older tools show; nothing may rely on it.
    pub fn sha1(der: &[u8]) -> Self {
        Fingerprint(
            digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, der)
                .as_ref()
                .to_vec(),
        )
    }

    /// The digest with these bytes, taken as they are.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        Fingerprint(bytes.to_vec())
    }

    /// The digest in base64, as pins of public keys are written ([RFC 7469 §2.4](https://www.rfc-editor.org/rfc/rfc7469#section-2.4)).
    pub fn base64(&self) -> String {
        use base64ct::Encoding as _;
        base64ct::Base64::encode_string(&self.0)
    }

    /// The digest's bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Colons(&self.0).fmt(f)
    }
}

impl serde::Serialize for Fingerprint {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A digest over bytes that come one after the other.
pub struct Digest(digest::Context);

impl Digest {
    /// SHA-256.
    pub fn sha256() -> Self {
        Digest(digest::Context::new(&digest::SHA256))
    }

    /// Takes more bytes in.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The digest over all of them.
    pub fn finish(self) -> Fingerprint {
        Fingerprint(self.0.finish().as_ref().to_vec())
    }
}

/// Bytes as lower-case hex with colons between them.
pub struct Colons<'a>(pub &'a [u8]);

impl fmt::Display for Colons<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, byte) in self.0.iter().enumerate() {
            write!(f, "{}{byte:02x}", if i > 0 { ":" } else { "" })?;
        }
        Ok(())
    }
}

/// Bytes as lower-case hex.
pub struct Hex<'a>(pub &'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sha256_of_nothing_is_the_known_one() {
        assert!(
            Fingerprint::sha256(b"")
                .to_string()
                .starts_with("e3:b0:c4:42:98:fc:1c:14")
        );
    }
}
