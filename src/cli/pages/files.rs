//! `openagents-certs-files(5)`: what is on disk.

use super::Page;

pub(super) fn page() -> String {
    let mut page = Page::new("files", "5", "the files of a PKI directory");
    page.heading("DESCRIPTION");
    page.paragraph(
        "Everything lives in one directory, by default ./certs; -C names another, and so does the variable \
         OPENAGENTS_CERTS_DIR. Files appear whole or not at all, and a certificate and its key never disagree, \
         whatever is killed when. Nothing that is there is replaced without --force, and a CA's key never. \
         Links are not written through. Two processes at once wait for each other.",
    );
    page.heading("FILES");
    for (name, text) in FILES {
        page.term(name, text);
    }
    page.heading("ENVIRONMENT");
    page.term(
        "OPENAGENTS_CERTS_DIR",
        "The PKI directory, where -C names none.",
    );
    page.term(
        "NO_COLOR",
        "Where it is set and not empty, nothing is coloured, unless --color asks for it.",
    );
    page.heading("EXIT STATUS");
    page.term("0", "Done, or the answer is yes.");
    page.term("1", "The answer is no: invalid, expired, due, not recognised. One line on standard error says why.");
    page.term(
        "2",
        "It could not be told: wrong usage, input that cannot be read, a disk that refuses.",
    );
    page.heading("SEE ALSO");
    page.paragraph("openagents-certs(1), openagents-certs-json(7), openagents-certs-findings(7)");
    page.end()
}

static FILES: &[(&str, &str)] = &[
    (
        "ca.crt",
        "The trust anchors to hand out, PEM: one, and during a roll-over the old and the new. Mode 0644.",
    ),
    (
        "ca.key",
        "The CA's private key, PKCS #8 in PEM, encrypted where a passphrase was given. Mode 0600. Keep a copy, and keep it from others: who has it can make any certificate of the network.",
    ),
    (
        "issuer.crt",
        "In a subordinate authority: its own certificate and those above it, without the anchor.",
    ),
    (
        "certs.toml",
        "Settings and profiles, where there are any. `openagents-certs template init` writes one with every setting explained.",
    ),
    (
        "inventory.db",
        "What was issued and revoked, in SQLite. A certificate is recorded here before it is anywhere else.",
    ),
    ("crl.pem", "The current revocation list, once there is one."),
    (
        "server.crt, server.key",
        "The server's certificate, with intermediates behind it, and its private key, mode 0600. These are what cert_file and key_file of a network's tls block name.",
    ),
    (
        "NAME.crt, NAME.key",
        "Any other certificate that was issued, and its private key.",
    ),
    ("ca-DATE.crt, ca-DATE.key", "A CA that was replaced."),
];
