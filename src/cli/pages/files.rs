//! `openagents-certs-files(5)`: what is on disk.

use super::{FORMATS, PROGRAM, Page};

pub(super) fn page() -> String {
    let name = format!("{PROGRAM}-files");
    let mut page = Page::new(&name, FORMATS, "the files of a PKI directory");
    page.heading("DESCRIPTION");
    page.paragraph(
        "Everything is in one directory: ./certs unless -C or OPENAGENTS_CERTS_DIR names another. Files appear whole \
         or not at all, and a certificate and its key always match, even if the program is killed. Nothing is \
         overwritten without --force, and a CA's key never is. Symbolic links are not written through. Two processes \
         that need the same directory wait for each other.",
    );
    page.heading("FILES");
    for (name, text) in FILES {
        page.term(name, text);
    }
    page.see_also(&["(1)", "-findings(7)", "-json(7)"].map(|page| format!("{PROGRAM}{page}")));
    page.end()
}

static FILES: &[(&str, &str)] = &[
    (
        "ca.crt",
        "The trust anchors to distribute, PEM: one, or the old and the new one during a rotation. Mode 0644.",
    ),
    (
        "ca.key",
        "The CA's private key, PKCS #8 in PEM, encrypted if a passphrase was given. Mode 0600. Back it up, and keep it secret: whoever has it can issue any certificate of the network.",
    ),
    (
        "issuer.crt",
        "Only in a subordinate authority: its certificate and those above it, without the trust anchor.",
    ),
    (
        "certs.toml",
        "Settings and profiles (optional). `openagents-certs template init` writes one that explains each setting.",
    ),
    (
        "inventory.db",
        "What was issued and revoked, in SQLite. A certificate is recorded here before it is released.",
    ),
    (
        "crl.pem",
        "The current certificate revocation list, once there is one.",
    ),
    (
        "server.crt, server.key",
        "The server's certificate followed by its intermediates, and its private key, mode 0600. Name them as cert_file and key_file in a network's tls block.",
    ),
    (
        "serve.crt, serve.key",
        "The certificate that `serve` presents, issued by its own CA and renewed by it, and its private key, mode 0600.",
    ),
    (
        "NAME.crt, NAME.key",
        "Any other certificate that was issued, and its private key.",
    ),
    ("ca-DATE.crt, ca-DATE.key", "A CA that was replaced."),
];
