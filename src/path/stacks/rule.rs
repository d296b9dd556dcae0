//! The rules that only stacks have: what a path is judged by has its own.

use crate::path::rule::{Rule, Severities};

/// Every rule of the stacks.
pub(super) static RULES: &[&Rule] = &[
    &FILE_EMPTY,
    &FILE_DER,
    &FILE_UTF16,
    &FILE_BYTE_ORDER_MARK,
    &PEM_MISSING,
    &PEM_INDENTED,
    &PEM_LABEL,
    &PEM_BROKEN,
    &PEM_BROKEN_LATER,
    &PRIVATE_KEY_BESIDE,
    &CHAIN_ORDER,
    &CERTIFICATE_TWICE,
    &ANCHORS_ONE_NAME,
    &CERTIFICATE_UNREADABLE,
    &KEY_MISSING,
    &KEY_ENCRYPTED,
    &KEY_FORM,
    &KEY_UNREADABLE,
    &KEY_MISMATCH,
    &KEY_TYPE_UNSUPPORTED,
    &KEY_NOT_NEGOTIATED,
    &CLIENT_CERTIFICATE_MISSING,
    &HOST_FORM,
    &CHAIN_LARGE,
    &ROOTS_LARGE,
    &CRITICAL_UNSUPPORTED,
    &UNDETERMINED,
];

/// The rule with this id, of the engine's or of the stacks'.
pub(super) fn by_id(id: &str) -> &'static Rule {
    let all = crate::path::validation::rules().chain(RULES.iter().copied());
    let mut found = all.filter(|rule| rule.id == id);
    found.next().unwrap_or(&UNDETERMINED)
}

static FILE_EMPTY: Rule = Rule {
    id: "file-empty",
    sentence: "the file is empty",
    hint: "issue it anew with `openagents-certs generate` or `openagents-certs issue`; an interrupted copy leaves such a file",
    reference: "RFC 7468 §2",
    severities: Severities::DECISIVE,
};
static FILE_DER: Rule = Rule {
    id: "file-der",
    sentence: "the file is DER, and gRPC reads PEM alone",
    hint: "convert it with `openssl x509 -inform DER -in FILE -out FILE.pem`, a key with `openssl pkey -inform DER`",
    reference: "RFC 7468 §2",
    severities: Severities::DECISIVE,
};
static FILE_UTF16: Rule = Rule {
    id: "file-utf16",
    sentence: "the file is UTF-16, as PowerShell's `>` writes it",
    hint: "write it with `openagents-certs … --out`, or convert it with `Set-Content -Encoding ascii`",
    reference: "RFC 7468 §2",
    severities: Severities::DECISIVE,
};
static FILE_BYTE_ORDER_MARK: Rule = Rule {
    id: "file-byte-order-mark",
    sentence: "the file begins with a byte order mark, which hides its first block from grpc-core and rustls",
    hint: "save it as UTF-8 without a byte order mark, or issue it anew with `openagents-certs issue`",
    reference: "RFC 7468 §2",
    severities: Severities::DECISIVE,
};
static PEM_MISSING: Rule = Rule {
    id: "pem-missing",
    sentence: "the file holds no PEM block",
    hint: "give the file that `openagents-certs generate` or `openagents-certs issue` wrote",
    reference: "RFC 7468 §2",
    severities: Severities::DECISIVE,
};
static PEM_INDENTED: Rule = Rule {
    id: "pem-indented",
    sentence: "no line begins with BEGIN: indented blocks are not read",
    hint: "take the spaces off the beginnings of the lines; a YAML block scalar does it by itself",
    reference: "RFC 7468 §3",
    severities: Severities::DECISIVE,
};
static PEM_LABEL: Rule = Rule {
    id: "pem-label",
    sentence: "the block has a label that not every stack reads",
    hint: "write it anew with the label CERTIFICATE: `openssl x509 -in FILE -out FILE`",
    reference: "RFC 7468 §4",
    severities: Severities::DECISIVE,
};
static PEM_BROKEN: Rule = Rule {
    id: "pem-broken",
    sentence: "a PEM block is damaged; what follows it is not read either",
    hint: "issue it anew with `openagents-certs issue`, or copy it once more as a whole",
    reference: "RFC 7468 §3",
    severities: Severities::DECISIVE,
};
static PEM_BROKEN_LATER: Rule = Rule {
    id: "pem-broken-later",
    sentence: "a block behind good ones is damaged: grpc-core leaves it and all that follows out without a word, the others refuse the file",
    hint: "copy the file once more as a whole, or take the damaged block out",
    reference: "RFC 7468 §3",
    severities: Severities::ADVICE,
};
static PRIVATE_KEY_BESIDE: Rule = Rule {
    id: "private-key-beside",
    sentence: "a private key stands in a file of certificates, which is handed out",
    hint: "take it out, and issue anew with `openagents-certs issue server NAME --force` if the file was handed out already",
    reference: "RFC 5280 §8",
    severities: Severities::ADVICE,
};
static CHAIN_ORDER: Rule = Rule {
    id: "chain-order",
    sentence: "it issued a certificate that stands behind it",
    hint: "put the end entity first and each issuer behind what it issued, as `openagents-certs issue` does",
    reference: "RFC 8446 §4.4.2",
    severities: Severities::ADVICE,
};
static CERTIFICATE_TWICE: Rule = Rule {
    id: "certificate-twice",
    sentence: "it stands in the file twice",
    hint: "take one of them out; each handshake sends both",
    reference: "RFC 8446 §4.4.2",
    severities: Severities::ADVICE,
};
static ANCHORS_ONE_NAME: Rule = Rule {
    id: "anchors-one-name",
    sentence: "another anchor has its name and another key: without key identifiers grpc-core and Node try the first alone",
    hint: "keep both only while `openagents-certs ca rotate` is under way, and have key identifiers in all certificates",
    reference: "RFC 5280 §4.2.1.1",
    severities: Severities::ADVICE,
};
static CERTIFICATE_UNREADABLE: Rule = Rule {
    id: "certificate-unreadable",
    sentence: "the block is no certificate that can be read",
    hint: "issue it anew with `openagents-certs issue`",
    reference: "RFC 5280 §4.1",
    severities: Severities::DECISIVE,
};
static KEY_MISSING: Rule = Rule {
    id: "key-missing",
    sentence: "the file holds no private key that is read",
    hint: "give the key that was written beside the certificate, or issue both anew with `openagents-certs issue server NAME --force`",
    reference: "RFC 7468 §10",
    severities: Severities::DECISIVE,
};
static KEY_ENCRYPTED: Rule = Rule {
    id: "key-encrypted",
    sentence: "the private key is encrypted, and no gRPC stack asks for its password",
    hint: "decrypt a copy with `openssl pkey -in FILE -out NEW`, mode 0600, or issue anew with `openagents-certs issue`",
    reference: "RFC 5958 §3",
    severities: Severities::DECISIVE,
};
static KEY_FORM: Rule = Rule {
    id: "key-form",
    sentence: "the private key is PKCS #8 version 2, with the public key in it, which only rustls reads",
    hint: "issue it anew with `openagents-certs issue`, which writes version 1",
    reference: "RFC 5958 §2",
    severities: Severities::DECISIVE,
};
static KEY_UNREADABLE: Rule = Rule {
    id: "key-unreadable",
    sentence: "the private key cannot be read",
    hint: "issue the pair anew with `openagents-certs issue server NAME --force`",
    reference: "RFC 5958 §2",
    severities: Severities::DECISIVE,
};
static KEY_MISMATCH: Rule = Rule {
    id: "key-mismatch",
    sentence: "the private key does not belong to the first certificate of the file",
    hint: "put the end entity's certificate first, or issue a pair anew with `openagents-certs issue server NAME --force`",
    reference: "RFC 8446 §4.4.2",
    severities: Severities::DECISIVE,
};
static KEY_TYPE_UNSUPPORTED: Rule = Rule {
    id: "key-type-unsupported",
    sentence: "the stack does not take a key of this kind or size for its own",
    hint: "issue it anew with `--key-type p256`, which works everywhere",
    reference: "RFC 8446 §4.2.3",
    severities: Severities::DECISIVE,
};
static KEY_NOT_NEGOTIATED: Rule = Rule {
    id: "key-type-not-offered",
    sentence: "the other side takes no signature of a key of this kind",
    hint: "issue it anew with `--key-type p256`, which works everywhere",
    reference: "RFC 8446 §4.2.3",
    severities: Severities::DECISIVE,
};
static CLIENT_CERTIFICATE_MISSING: Rule = Rule {
    id: "client-certificate-missing",
    sentence: "the server asks for a client certificate, and there is none",
    hint: "issue one with `openagents-certs issue client NAME` and give it to the agent",
    reference: "RFC 8446 §4.4.2.4",
    severities: Severities::DECISIVE,
};
static CHAIN_LARGE: Rule = Rule {
    id: "chain-large",
    sentence: "the certificates that are sent are too large for the other side",
    hint: "send the end entity and its intermediates alone, and issue for fewer names",
    reference: "RFC 8446 §4.4.2",
    severities: Severities::DECISIVE,
};
static ROOTS_LARGE: Rule = Rule {
    id: "roots-large",
    sentence: "the names of the CAs are too many for a server to send",
    hint: "keep in the file only the CAs that issue for agents",
    reference: "RFC 8446 §4.2.4",
    severities: Severities::DECISIVE,
};
static HOST_FORM: Rule = Rule {
    id: "host-form",
    sentence: "the name that is dialled is none that TLS can carry",
    hint: "dial the A-label form of the name, or its address",
    reference: "RFC 6066 §3",
    severities: Severities::DECISIVE,
};
static CRITICAL_UNSUPPORTED: Rule = Rule {
    id: "critical-extension-unsupported",
    sentence: "it has a critical extension that this stack does not understand",
    hint: "have it issued anew without it, or with it not critical",
    reference: "RFC 5280 §4.2",
    severities: Severities::DECISIVE,
};
static UNDETERMINED: Rule = Rule {
    id: "stack-refuses",
    sentence: "the stack refuses it",
    hint: "issue it anew with `openagents-certs issue`",
    reference: "RFC 5280 §6.1",
    severities: Severities::DECISIVE,
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_rule_of_the_stacks_has_the_id_of_another() {
        let mut ids = std::collections::HashSet::new();
        for rule in crate::path::validation::rules().chain(RULES.iter().copied()) {
            assert!(ids.insert(rule.id), "{}", rule.id);
        }
    }
}
