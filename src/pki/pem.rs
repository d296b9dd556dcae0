//! PEM: the textual encoding ([RFC 7468](https://www.rfc-editor.org/rfc/rfc7468)).

use der::pem::LineEnding;
use zeroize::Zeroizing;

/// The PEM text of one block, 64 columns, LF line ends. Wiped on drop, for it may be a key's.
///
/// # Errors
/// When the label is none RFC 7468 allows.
pub fn encode(label: &str, der: &[u8]) -> der::Result<Zeroizing<String>> {
    Ok(Zeroizing::new(der::pem::encode_string(
        label,
        LineEnding::LF,
        der,
    )?))
}
