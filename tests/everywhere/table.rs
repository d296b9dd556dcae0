//! Every command with arguments that are usual for it.

/// A command line, for a copy of the scene.
pub(crate) struct Case {
    /// Where the command is in the tree.
    pub(crate) words: &'static [&'static str],
    /// What stands behind it; `@` begins a path in the scene.
    pub(crate) arguments: &'static [&'static str],
    /// The PKI directory, in the scene; `new` is one for this case alone.
    pub(crate) directory: &'static str,
    /// What it exits with when all is well.
    pub(crate) exit: i32,
    /// Whether it changes files.
    pub(crate) writes: bool,
}

/// At least one for every command there is, in an order in which each is good after the others. Those of
/// commands that are not in the tree are left out.
pub(crate) static CASES: &[Case] = &[
    writes("pki", &["generate"], &["--mtls", "--force"]),
    writes(
        "new",
        &["generate"],
        &["--client", "agent", "--san", "ip:10.0.0.7"],
    ),
    writes("new", &["ca", "init"], &["--common-name", "Root"]),
    writes("new", &["ca", "intermediate"], &["--parent", "@pki"]),
    writes(
        "new",
        &["ca", "import"],
        &["--cert", "@other/ca.crt", "--key", "@other/ca.key"],
    ),
    reads(&["ca", "show"], &[]),
    writes(
        "pki",
        &["issue", "server"],
        &["a.example.org", "--out", "@out"],
    ),
    writes("pki", &["issue", "client"], &["bob"]),
    writes(
        "pki",
        &["issue", "client"],
        &["--csr", "@requests/agent.csr", "carol"],
    ),
    writes("pki", &["issue", "peer"], &["p.example.org"]),
    writes(
        "pki",
        &["issue", "batch"],
        &["@manifest.csv", "--out", "@out"],
    ),
    writes("pki", &["csr", "create"], &["dave", "--out", "@out"]),
    writes(
        "pki",
        &["csr", "create"],
        &["erin", "--key", "@pki/alice.key", "--out", "@out"],
    ),
    writes(
        "pki",
        &["csr", "sign"],
        &[
            "@requests/agent.csr",
            "--out",
            "@out",
            "--profile",
            "client",
        ],
    ),
    reads(&["verify"], &["@pki/server.crt", "@pki/client.crt"]),
    reads(
        &["verify"],
        &[
            "@pki/alice.crt",
            "--ca",
            "@pki/ca.crt",
            "--crl",
            "@pki/crl.pem",
        ],
    ),
    reads(
        &["verify-chain"],
        &[
            "--cert",
            "@pki/server.crt",
            "--key",
            "@pki/server.key",
            "--ca",
            "@pki/ca.crt",
        ],
    ),
    reads(
        &["verify-chain"],
        &["--network", "@network.yaml", "--cwd", "@."],
    ),
    writes(
        "pki",
        &["verify-chain"],
        &[
            "--network",
            "@plain.yaml",
            "--cert",
            "@pki/server.crt",
            "--key",
            "@pki/server.key",
            "--client-ca",
            "@pki/ca.crt",
            "--write",
        ],
    ),
    writes("pki", &["verify-chain"], &["--html", "@out/chain.html"]),
    reads(
        &["inspect"],
        &[
            "@pki/server.crt",
            "@pki/server.key",
            "@pki/crl.pem",
            "@requests/agent.csr",
        ],
    ),
    writes("pki", &["renew"], &["--all"]),
    writes(
        "pki",
        &["renew"],
        &["@pki/alice.crt", "--rekey", "--combined", "--exec", "true"],
    ),
    reads(&["watch"], &["--interval", "1h"]),
    writes(
        "pki",
        &["serve"],
        &["--listen", ":0", "--http-listen", ":0"],
    ),
    writes(
        "pki",
        &["token", "create"],
        &["a.example.org", "--url", "https://localhost:8443"],
    ),
    reads(&["token", "list"], &[]),
    fails(&["token", "revoke"], &["0123456789abcdef"]),
    writes("pki", &["dashboard", "login"], &["--role", "viewer"]),
    reads(&["dashboard", "sessions"], &[]),
    fails(&["dashboard", "logout"], &["0123456789abcdef"]),
    fails(&["enroll"], &["oact1.0123456789abcdef"]),
    reads(&["store", "check"], &[]),
    writes(
        "pki",
        &["store", "copy"],
        &["--from", "@pki", "--to", "@copied"],
    ),
    reads(
        &["store", "prune"],
        &["--expired-before", "90d", "--dry-run"],
    ),
    fails(
        &["workload", "entry", "add"],
        &["spiffe://example.org/agent", "--uid", "1001"],
    ),
    fails(&["workload", "entry", "list"], &[]),
    fails(&["workload", "entry", "remove"], &["0123456789abcdef"]),
    fails(
        &["workload", "fetch"],
        &["--socket", "@pki/none.sock", "--out", "@out"],
    ),
    fails(&["workload", "agent"], &["--socket", "@pki/none.sock"]),
    reads(&["list"], &[]),
    reads(&["list"], &["--json"]),
    reads(&["list"], &["--format", "csv"]),
    reads(&["audit"], &[]),
    reads(&["audit"], &["--json", "--since", "1h"]),
    writes("pki", &["crl"], &["--out", "@out/list.pem"]),
    reads(&["crl", "show"], &[]),
    reads(&["show"], &["@@serial"]),
    reads(&["template", "list"], &[]),
    reads(&["template", "show"], &["certs.toml"]),
    reads(&["template", "show"], &["agent.py", "--for", "@pki"]),
    writes(
        "pki",
        &["template", "write"],
        &["agent.go", "--for", "@pki", "--out", "@out/agent.go"],
    ),
    writes("new", &["template", "init"], &[]),
    writes("pki", &["mint"], &["client", "job", "--", "true"]),
    // One is on hold.
    Case {
        exit: 1,
        ..reads(&["status"], &[])
    },
    reads(&["status"], &["@pki/server.crt", "--timeline"]),
    says_no("pki", &["status"], &["--html", "@out/status.html"]),
    reads(
        &["explain"],
        &["CERTIFICATE_VERIFY_FAILED: certificate has expired"],
    ),
    reads(&["explain"], &["--log", "@error.log"]),
    reads(&["export"], &["fullchain", "server"]),
    reads(&["export"], &["env", "client"]),
    reads(&["export"], &["k8s-secret", "server"]),
    reads(&["export"], &["jwk", "@pki/server.crt"]),
    writes(
        "pki",
        &["export"],
        &["docker-secret", "server", "--out", "@out/compose.yaml"],
    ),
    writes(
        "pki",
        &["export"],
        &[
            "p12",
            "server",
            "--password-file",
            "@password",
            "--out",
            "@out/server.p12",
        ],
    ),
    writes("pki", &["issue", "message"], &["frank"]),
    writes("pki", &["message", "key"], &["@out/shared.key"]),
    reads(&["message", "sign"], SENDING),
    reads(&["message", "verify"], RECEIVING),
    reads(
        &["message", "seal"],
        &[
            "--cert",
            "@pki/client.crt",
            "--key",
            "@pki/client.key",
            "--audience",
            "reader",
            "--scope",
            "read",
            "--to",
            "@mail/reader.message.crt",
            "@error.log",
        ],
    ),
    reads(
        &["message", "open"],
        &[
            "--cert",
            "@mail/reader.message.crt",
            "--key",
            "@mail/reader.message.key",
            "--ca",
            "@pki/ca.crt",
            "--audience",
            "reader",
            "--scope",
            "read",
            "@mail/sealed",
        ],
    ),
    reads(
        &["message", "seal-shared"],
        &["--shared-key", "@mail/shared.key", "@error.log"],
    ),
    reads(
        &["message", "open-shared"],
        &["--shared-key", "@mail/shared.key", "@mail/shared"],
    ),
    reads(
        &["message", "sign-request"],
        &[
            "--cert",
            "@pki/client.crt",
            "--key",
            "@pki/client.key",
            "@mail/plain.http",
        ],
    ),
    reads(
        &["message", "verify-request"],
        &[
            "--ca",
            "@pki/ca.crt",
            "--max-age",
            "1h",
            "@mail/signed.http",
        ],
    ),
    reads(&["message", "jwks"], &["@pki"]),
    reads(&["jwks"], &["@pki"]),
    reads(&["ca", "adopt"], &["@pki/server.crt"]),
    writes(
        "pki",
        &["ca", "backup"],
        &["@out/ca.backup", "--passphrase-file", "@password"],
    ),
    writes(
        "new",
        &["ca", "restore"],
        &["@ca.backup", "--passphrase-file", "@password"],
    ),
    reads(&["trust", "env"], &[]),
    writes("pki", &["unrevoke"], &["held"]),
    writes(
        "pki",
        &["revoke"],
        &["@pki/alice.crt", "--reason", "key-compromise"],
    ),
    reads(&["ca", "rotate", "status"], &[]),
    writes("pki", &["ca", "rotate", "prepare"], &[]),
    writes(
        "pki",
        &["ca", "rotate", "activate"],
        &["--trust", "@pki/ca.crt"],
    ),
    says_no("pki", &["ca", "rotate", "retire"], &[]),
    writes(
        "other",
        &["ca", "passphrase", "add"],
        &["--new-passphrase-file", "@password"],
    ),
    writes(
        "other",
        &["ca", "passphrase", "change"],
        &[
            "--passphrase-file",
            "@password",
            "--new-passphrase-file",
            "@password",
        ],
    ),
    writes(
        "other",
        &["ca", "passphrase", "remove"],
        &["--passphrase-file", "@password"],
    ),
];

const SENDING: &[&str] = &[
    "--cert",
    "@pki/client.crt",
    "--key",
    "@pki/client.key",
    "--audience",
    "reader",
    "--scope",
    "read",
    "@error.log",
];

const RECEIVING: &[&str] = &[
    "--ca",
    "@pki/ca.crt",
    "--audience",
    "reader",
    "--scope",
    "read",
    "@mail/signed",
];

const fn reads(words: &'static [&'static str], arguments: &'static [&'static str]) -> Case {
    Case {
        words,
        arguments,
        directory: "pki",
        exit: 0,
        writes: false,
    }
}

const fn writes(
    directory: &'static str,
    words: &'static [&'static str],
    arguments: &'static [&'static str],
) -> Case {
    Case {
        words,
        arguments,
        directory,
        exit: 0,
        writes: true,
    }
}

const fn says_no(
    directory: &'static str,
    words: &'static [&'static str],
    arguments: &'static [&'static str],
) -> Case {
    Case {
        words,
        arguments,
        directory,
        exit: 1,
        writes: true,
    }
}

const fn fails(words: &'static [&'static str], arguments: &'static [&'static str]) -> Case {
    Case {
        exit: 2,
        ..reads(words, arguments)
    }
}
