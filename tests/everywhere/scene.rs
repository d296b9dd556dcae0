//! A directory with something of everything in it, and programs run in it.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use openagents_certs::keys::Signer;
use openagents_certs::pki::{bundle, pem};
use tempfile::TempDir;

use super::table::{CASES, Case};

/// A PKI, another one, a request, a manifest and two networks, in a directory of any name.
pub(crate) struct Scene {
    /// Holds the directory, and nothing else.
    pub(crate) parent: TempDir,
    root: PathBuf,
    serial: String,
    format: &'static str,
}

impl Scene {
    /// Made by the program itself in a directory of this name.
    pub(crate) fn new(name: &str) -> Self {
        Scene::speaking("text", OsStr::new(name))
    }

    /// The same; its cases answer in this format.
    pub(crate) fn speaking(format: &'static str, name: &OsStr) -> Self {
        let parent = tempfile::tempdir().unwrap();
        let root = parent.path().join(name);
        std::fs::create_dir(&root).unwrap();
        let mut scene = Scene {
            parent,
            root,
            serial: String::new(),
            format,
        };
        for words in [
            &["-C", "@pki", "generate", "--mtls"][..],
            &["-C", "@pki", "issue", "client", "alice"],
            &["-C", "@pki", "issue", "client", "held"],
            &[
                "-C",
                "@pki",
                "revoke",
                "held",
                "--reason",
                "certificate-hold",
            ],
            &["-C", "@other", "ca", "init"],
            &["csr", "create", "agent", "--out", "@requests"],
            &[
                "-C",
                "@pki",
                "issue",
                "message",
                "reader",
                "--out",
                "@mail",
                "--inventory",
                "none",
            ],
            &["message", "key", "@mail/shared.key"],
        ] {
            let output = scene.program(words).output().unwrap();
            assert!(output.status.success(), "{words:?}: {}", said(&output));
        }
        let list = scene.program(&["-C", "@pki", "list", "--json"]).output();
        let list: serde_json::Value = serde_json::from_slice(&list.unwrap().stdout).unwrap();
        scene.serial = list["certificates"][0]["serial"].as_str().unwrap().into();
        std::fs::write(scene.path("manifest.csv"), MANIFEST).unwrap();
        scene.write_messages();
        std::fs::write(scene.path("password"), "a long password\n").unwrap();
        std::fs::write(scene.path("error.log"), ERROR_LOG).unwrap();
        let backup = [
            "-C",
            "@pki",
            "ca",
            "backup",
            "@ca.backup",
            "--passphrase-file",
            "@password",
        ];
        assert!(scene.program(&backup).output().unwrap().status.success());
        scene.write_networks();
        std::fs::create_dir(scene.path("out")).unwrap();
        scene
    }

    /// Writes a message of each kind, valid for an hour.
    fn write_messages(&self) {
        std::fs::write(self.path("mail/plain.http"), REQUEST).unwrap();
        let pair = ["--cert", "@pki/client.crt", "--key", "@pki/client.key"];
        let claims = ["--audience", "reader", "--scope", "read", "--ttl", "1h"];
        let sign = [
            &["message", "sign", "--out", "@mail/signed"],
            &pair[..],
            &claims,
        ]
        .concat();
        let to = ["--to", "@mail/reader.message.crt"];
        let seal = [
            &["message", "seal", "--out", "@mail/sealed"],
            &pair[..],
            &claims,
            &to,
        ]
        .concat();
        let shared = ["--shared-key", "@mail/shared.key", "--out", "@mail/shared"];
        let shared = [&["message", "seal-shared"], &shared[..]].concat();
        let request = ["message", "sign-request", "--ttl", "1h", "@mail/plain.http"];
        let request = [&request[..], &pair].concat();
        for words in [sign, seal, shared] {
            let output = self.program(&words).output().unwrap();
            assert!(output.status.success(), "{words:?}: {}", said(&output));
        }
        let output = self.program(&request).output().unwrap();
        std::fs::write(self.path("mail/signed.http"), &output.stdout).unwrap();
    }

    /// Writes the networks as they were.
    pub(crate) fn write_networks(&self) {
        std::fs::write(self.path("network.yaml"), NETWORK).unwrap();
        std::fs::write(self.path("plain.yaml"), PLAIN_NETWORK).unwrap();
    }

    /// Writes a file into each directory in it.
    pub(crate) fn write_once_more(&self) {
        for directory in self.directories() {
            let arguments = ["template", "write", "agent.py", "--force", "--out"];
            let mut command = Command::new(PROGRAM);
            let output = command
                .args(arguments)
                .arg(directory.join("by-the-way.py"))
                .output();
            assert!(output.unwrap().status.success());
        }
    }

    /// It, and every directory in it but those for unfinished work.
    fn directories(&self) -> Vec<PathBuf> {
        let mut found = vec![self.root.clone()];
        let mut at = 0;
        while let Some(directory) = found.get(at) {
            let entries = std::fs::read_dir(directory).unwrap();
            let inside = entries.map(|entry| entry.unwrap().path());
            let is_hidden = |path: &PathBuf| path.file_name().unwrap().as_bytes()[0] == b'.';
            let inside: Vec<_> = inside
                .filter(|path| path.is_dir() && !is_hidden(path))
                .collect();
            found.extend(inside);
            at += 1;
        }
        found
    }

    /// A path in it.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// The program with these arguments, in which `@` begins a path.
    pub(crate) fn program(&self, words: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command.args(words.iter().map(|word| self.argument(word)));
        quiet(&mut command, self.parent.path());
        command
    }

    /// A case's command line, with these words before the program's own name.
    pub(crate) fn command(&self, case: &Case, before: &[&str]) -> Command {
        let before = before.iter().map(OsString::from);
        self.of_line(&before.chain(self.line(case)).collect::<Vec<_>>())
    }

    /// Runs a command line.
    pub(crate) fn run(&self, line: &[OsString]) -> Output {
        self.of_line(line).output().unwrap()
    }

    fn of_line(&self, line: &[OsString]) -> Command {
        let mut command = Command::new(&line[0]);
        command.args(&line[1..]);
        quiet(&mut command, self.parent.path());
        command
    }

    /// A case's command line, which is ended when it takes too long.
    pub(crate) fn line(&self, case: &Case) -> Vec<OsString> {
        let limit = match case.words {
            ["watch" | "serve"] => "2",
            _ => "60",
        };
        let mut line: Vec<OsString> = ["timeout", "--preserve-status", limit, PROGRAM]
            .map(OsString::from)
            .into();
        line.extend(["-C".into(), self.directory(case).into()]);
        if !case.arguments.contains(&"csv") {
            line.extend(["--format", self.format].map(OsString::from));
        }
        line.extend(case.words.iter().map(OsString::from));
        line.extend(case.arguments.iter().map(|word| self.argument(word)));
        line
    }

    /// The case's PKI directory.
    pub(crate) fn directory(&self, case: &Case) -> PathBuf {
        let at = CASES.iter().position(|other| std::ptr::eq(other, case));
        match (case.directory, at) {
            ("new", Some(at)) => self.path(&format!("new-{at}")),
            (name, _) => self.path(name),
        }
    }

    fn argument(&self, word: &str) -> OsString {
        match word.strip_prefix('@') {
            Some("@serial") => self.serial.clone().into(),
            Some(".") => self.root.clone().into(),
            Some(name) => self.path(name).into(),
            None => word.into(),
        }
    }

    /// That every certificate is whole and belongs to the key beside it, nothing is left of the work, and
    /// the inventory can be read.
    pub(crate) fn assert_whole(&self, what: &str) {
        for directory in self.directories() {
            for entry in std::fs::read_dir(&directory).unwrap() {
                let path = entry.unwrap().path();
                let is_left = path.file_name().unwrap().as_bytes()[0] == b'.';
                assert!(!is_left, "{what}: {} was left behind", path.display());
                if path.extension().is_some_and(|extension| extension == "crt") {
                    assert_pair(&path, what);
                }
            }
        }
        let output = self.program(&["-C", "@pki", "list"]).output().unwrap();
        assert!(output.status.success(), "{what}: {}", said(&output));
    }
}

/// A name with what is unusual in names, as text.
pub(crate) fn unusual_text() -> OsString {
    "a b\t'c' \"d\" $HOME `e` \\f %g {h} #i\nj; é 漢 \u{202e}k".into()
}

/// The same, and it is no text.
pub(crate) fn unusual_octets() -> OsString {
    let mut name = unusual_text().into_vec();
    name.extend(b"\xff\xfe\xc3");
    OsString::from_vec(name)
}

/// What a program wrote, for messages.
pub(crate) fn said(output: &Output) -> String {
    format!(
        "{}\n--- stdout\n{}--- stderr\n{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// That a command ended as commands end: no panic and no signal; one line on why the answer is no, an
/// error and its hint when it could not be told; and nothing raw on standard error.
pub(crate) fn assert_ended(output: &Output, allowed: &[i32], what: &str) {
    let code = output.status.code();
    let message = || format!("{what}: {}", said(output));
    assert!(
        code.is_some_and(|code| allowed.contains(&code)),
        "expected {allowed:?}: {}",
        message()
    );
    let stderr = std::str::from_utf8(&output.stderr).unwrap_or_else(|_| panic!("{}", message()));
    assert!(!stderr.contains("panicked"), "{}", message());
    let raw = |c: char| c != '\n' && (c.is_control() || c == '\u{202e}');
    assert!(!stderr.contains(raw), "{}", message());
    let begins = |label: &str| {
        stderr
            .lines()
            .filter(|line| line.starts_with(label))
            .count()
    };
    let (error, hint) = (begins("error: "), begins("hint: "));
    let reasons = ["no: ", "denied: ", "{\"reason\"", "{\"denied\""];
    let no: usize = reasons.map(begins).iter().sum();
    match code {
        Some(2) if stderr.starts_with('{') => {}
        Some(2) => assert!(error > 0 && hint == error && no == 0, "{}", message()),
        Some(1) => assert!(no == 1 && error == 0, "{}", message()),
        _ => assert!(error == 0 && no == 0, "{}", message()),
    }
}

fn assert_pair(certificate: &Path, what: &str) {
    // What a subordinate authority issues from is beside its anchor.
    let issuer = certificate.with_file_name("issuer.crt");
    let certificate = if certificate.ends_with("ca.crt") && issuer.exists() {
        &issuer
    } else {
        certificate
    };
    let content = std::fs::read(certificate).unwrap();
    let certificates = bundle::certificates(&content);
    let certificates =
        certificates.unwrap_or_else(|error| panic!("{what}: {certificate:?}: {error}"));
    let key = match certificate.file_stem() {
        Some(name) if name == "issuer" => certificate.with_file_name("ca.key"),
        Some(_) | None => certificate.with_extension("key"),
    };
    let Ok(content) = std::fs::read(&key) else {
        return;
    };
    if String::from_utf8_lossy(&content).contains("ENCRYPTED") {
        return;
    }
    let blocks = pem::blocks(&content).unwrap();
    let signer = Signer::from_pkcs8(&blocks[0].contents).unwrap();
    let belongs = certificates
        .iter()
        .any(|certificate| certificate.public_key_info() == signer.public_key_info());
    assert!(belongs, "{what}: {key:?} is another's key");
}

/// Nothing to read, and no more of our environment than what finds programs.
fn quiet(command: &mut Command, home: &Path) {
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", home)
        .stdin(Stdio::null());
}

/// How many words stand before the program in a case's command line, to end it in time.
pub(crate) const LIMIT_WORDS: usize = 3;

const PROGRAM: &str = env!("CARGO_BIN_EXE_openagents-certs");

const ERROR_LOG: &str = "E0000 ssl_transport_security.cc:1659] Handshake failed with fatal error SSL_ERROR_SSL: \
    error:1000007d:SSL routines:OPENSSL_internal:CERTIFICATE_VERIFY_FAILED: certificate has expired\n";
const MANIFEST: &str = "profile,names,ttl\nclient,agent-1,24h\nclient,agent-2,24h\n";
const PLAIN_NETWORK: &str = "network:
  name: Agents
  transports:
    - type: grpc
      config:
        host: localhost
        port: 8600
";
const NETWORK: &str = "network:
  name: Agents
  transports:
    - type: grpc
      config:
        host: localhost
        port: 8600
        tls:
          enabled: true
          cert_file: pki/server.crt
          key_file: pki/server.key
";

const REQUEST: &str = "GET /tools HTTP/1.1\r\nHost: agents.example.org\r\n\r\n";
