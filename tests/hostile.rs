//! What was made to hurt: every reader ends at once, with a clear error or a safe report.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests look at the disk themselves"
)]

use std::ffi::OsStr;
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use openagents_certs::pki::algorithm::SignatureAlgorithm;
use openagents_certs::pki::general_name::NameConstraints;
use openagents_certs::pki::name::DistinguishedName;
use openagents_certs::pki::pem;
use openagents_certs::pki::plan::{self, BasicConstraints, IssuancePlan, KeyUsage};
use openagents_certs::pki::san::SubjectAltName;
use openagents_certs::pki::serial::SerialNumber;
use openagents_certs::pki::validity::Validity;

#[test]
fn what_is_no_certificate_or_key_is_refused_at_once() {
    let directory = tempfile::tempdir().unwrap();
    for (name, content) in floods().into_iter().chain(broken()).chain(costly()) {
        let path = directory.path().join(&name);
        std::fs::write(&path, content).unwrap();
        assert_refused(&name, &path, &inspect(&path));
    }
}

#[test]
fn special_files_neither_hang_nor_fill_the_memory() {
    let directory = tempfile::tempdir().unwrap();
    let fifo = directory.path().join("fifo");
    rustix::fs::mkfifoat(rustix::fs::CWD, &fifo, rustix::fs::Mode::RUSR).unwrap();
    let sparse = directory.path().join("sparse");
    std::fs::File::create(&sparse)
        .unwrap()
        .set_len(1 << 40)
        .unwrap();
    let link = directory.path().join("loop");
    std::os::unix::fs::symlink(&link, &link).unwrap();
    let absent = directory.path().join("absent");
    let paths = ["/dev/zero", "/dev/null", "/proc/self/mem", "/", ""].map(PathBuf::from);
    for path in paths.into_iter().chain([fifo, sparse, link, absent]) {
        assert_refused(&path.to_string_lossy(), &path, &inspect(&path));
    }
}

#[test]
fn names_cannot_move_the_cursor_forge_a_line_or_hide() {
    let directory = tempfile::tempdir().unwrap();
    let name = "a\x1b[2J\x1b]0;t\x07\r\nproblems  none\u{202e}\u{200b}\u{9b}m\0";
    let names = [
        "x\n  valid until  2999".into(),
        "\x1b[31m".into(),
        "\t\x7f".into(),
    ];
    let path = directory
        .path()
        .join(OsStr::from_bytes(b"\x1b[31mfile\n\xff.crt"));
    std::fs::write(&path, certificate(name.as_bytes(), &names)).unwrap();
    for arguments in [&[][..], &["--short"], &["--format", "json"]] {
        let output = run(arguments, &path);
        assert_eq!(output.status.code(), Some(0));
        assert_safe("names", &output);
        let text = String::from_utf8(output.stdout).unwrap();
        for forged in ["problems  none", "valid until  2999"] {
            assert!(
                !text
                    .lines()
                    .any(|line| line.trim_start().starts_with(forged))
            );
        }
    }
}

#[test]
fn very_many_names_are_shown_in_measure() {
    let directory = tempfile::tempdir().unwrap();
    let names: Vec<String> = (0..60_000)
        .map(|i| format!("agent-{i}.example.org"))
        .collect();
    let path = directory.path().join("many");
    std::fs::write(&path, certificate(b"Agent", &names)).unwrap();
    let output = inspect(&path);
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stdout.len() < 20_000);
    assert!(
        String::from_utf8(output.stdout)
            .unwrap()
            .contains("… and 59900 more")
    );
    let whole: serde_json::Value = serde_json::from_slice(&run(&["--json"], &path).stdout).unwrap();
    let all = whole["files"][0]["objects"][0]["subject_alt_names"]
        .as_array()
        .unwrap();
    assert_eq!(all.len(), 60_000);
}

#[test]
fn a_private_key_beside_a_certificate_is_never_shown() {
    let directory = tempfile::tempdir().unwrap();
    let key = openagents_certs::keys::PrivateKey::generate(Default::default()).unwrap();
    let key = openagents_certs::keys::to_pem(key.pkcs8(), None).unwrap();
    let certificate = pem::encode("CERTIFICATE", &certificate(b"Agent", &[])).unwrap();
    let path = directory.path().join("both");
    std::fs::write(&path, format!("{}{}", *key, *certificate)).unwrap();
    for arguments in [&[][..], &["--short"], &["--json"], &["--pem"]] {
        let output = run(arguments, &path);
        assert_eq!(output.status.code(), Some(0));
        let shown = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        let mut lines = key.lines().filter(|line| !line.starts_with('-'));
        assert!(lines.all(|line| !shown.contains(&line[..line.len().min(20)])));
    }
}

#[test]
fn the_shared_corpus_finds_nothing_that_is_not_explained() {
    let Some(corpus) = corpus() else {
        say(
            "hostile: no shared corpus (OPENAGENTS_CERTS_CORPUS, ../shared/corpus): it was NOT run",
        );
        return;
    };
    let scratch = tempfile::tempdir().unwrap();
    let unpacked = if corpus.join("files").is_dir() {
        corpus.clone()
    } else {
        let to = scratch.path().join("corpus");
        let mut unpack = Command::new(corpus.join("unpack.sh"));
        let status = unpack.arg(&to).stdout(Stdio::null()).status().unwrap();
        assert!(status.success(), "the corpus does not unpack");
        to
    };
    let result = scratch.path().join("result.json");
    let show = format!("{BINARY} inspect {{file}}");
    let mut runner = Command::new("python3");
    runner
        .arg(unpacked.join("run_corpus.py"))
        .arg("--fs")
        .arg("--json")
        .arg(&result);
    for flag in ["--inspect", "--key", "--csr", "--crl"] {
        runner.arg(flag).arg(&show);
    }
    let output = runner
        .arg("--p12")
        .arg(format!("{show} --password-file {{pwfile}}"))
        .output();
    let result = std::fs::read(&result).unwrap_or_else(|_| panic!("the runner fails: {output:?}"));
    let runs: Vec<serde_json::Value> = serde_json::from_slice(&result).unwrap();
    let unexplained: Vec<_> = runs
        .iter()
        .filter(|run| !run["problems"].as_array().unwrap().is_empty())
        .filter(|run| !EXPLAINED.contains(&run["name"].as_str().unwrap()))
        .collect();
    say(&format!(
        "hostile: ran {} inputs of {}",
        runs.len(),
        corpus.display()
    ));
    assert!(unexplained.is_empty(), "{unexplained:#?}");
}

/// Good objects that the corpus wants refused because it asks for another kind, which `inspect`,
/// that shows whatever is there, is not told.
const EXPLAINED: [&str; 4] = ["key/cert", "key/pub", "crl/is-cert", "p12/cert-in-p12"];
const BINARY: &str = env!("CARGO_BIN_EXE_openagents-certs");
/// What an unoptimised build is given; an optimised one needs a fraction of it.
const PATIENCE: Duration = Duration::from_secs(20);

/// Much of the same.
fn floods() -> Vec<(String, Vec<u8>)> {
    let block = "-----BEGIN A-----\nAAAA\n-----END A-----\n";
    let begin = "-----BEGIN CERTIFICATE-----\n";
    [
        ("begin-flood", begin.repeat(500_000).into()),
        (
            "begin-flood-in-a-line",
            "-----BEGIN ".repeat(900_000).into(),
        ),
        ("block-flood", block.repeat(700_000).into()),
        (
            "header-flood",
            format!("{begin}{}", "a: b\n".repeat(2_000_000)).into(),
        ),
        ("dash-flood", vec![b'-'; 20 << 20]),
        ("line-end-flood", vec![b'\r'; 20 << 20]),
        (
            "long-line",
            format!("{begin}{}", "A".repeat(20 << 20)).into(),
        ),
        ("nested", nested(60_000)),
        ("indefinite", [0x30, 0x80].repeat(60_000)),
    ]
    .map(|(name, content)| (name.to_owned(), content))
    .into()
}

/// Less or more than one object.
fn broken() -> Vec<(String, Vec<u8>)> {
    let certificate = certificate(b"Agent", &["agent.example".into()]);
    let text = pem::encode("CERTIFICATE", &certificate).unwrap();
    let behind = format!("{}-----BEGIN CERTIFICATE-----\nMIIB\n", *text);
    let mut all: Vec<(String, Vec<u8>)> = vec![
        ("empty".into(), Vec::new()),
        (
            "huge-length".into(),
            vec![0x30, 0x84, 0x7f, 0xff, 0xff, 0xff, 0x30],
        ),
        ("broken-behind-good".into(), behind.into()),
        ("trailing".into(), [&certificate[..], &[0]].concat()),
    ];
    for length in (1..certificate.len()).step_by(23) {
        all.push((format!("cut-{length}"), certificate[..length].to_vec()));
        all.push((
            format!("cut-text-{length}"),
            text.as_bytes()[..length].to_vec(),
        ));
    }
    all
}

/// Numbers that would take for ever.
fn costly() -> Vec<(String, Vec<u8>)> {
    [
        ("pbkdf2-rounds", encrypted_key(&pbkdf2(&[0x7f; 8]))),
        ("pbkdf2-more-rounds", encrypted_key(&pbkdf2(&[0x7f; 200]))),
        (
            "pbkdf2-ten-million",
            encrypted_key(&pbkdf2(&10_000_000_u32.to_be_bytes())),
        ),
        ("pbkdf2-no-rounds", encrypted_key(&pbkdf2(&[0]))),
        (
            "scrypt-gigabytes",
            encrypted_key(&scrypt(&[0x40, 0, 0, 0], &[8], &[1])),
        ),
        (
            "scrypt-parallel",
            encrypted_key(&scrypt(&[0x40, 0], &[8], &[0x7f, 0xff])),
        ),
        (
            "scrypt-wide",
            encrypted_key(&scrypt(&[2], &[0x7f, 0xff, 0xff, 0xff], &[1])),
        ),
        (
            "pkcs12-rounds",
            pkcs12_with_rounds(&[0x7f, 0xff, 0xff, 0xff]),
        ),
        ("rsa-megabytes", huge_rsa_key()),
    ]
    .map(|(name, content)| (name.to_owned(), content))
    .into()
}

fn corpus() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus");
    let given = std::env::var_os("OPENAGENTS_CERTS_CORPUS").map(PathBuf::from);
    let mut places = [given, Some(beside)].into_iter().flatten();
    places.find(|path| path.join("manifest.jsonl").is_file())
}

/// Writes past the test harness, which would keep it to itself.
fn say(message: &str) {
    let line = format!("{message}\n");
    std::io::stderr().write_all(line.as_bytes()).unwrap();
}

fn inspect(path: &Path) -> Output {
    run(&["--password-file", "Cargo.toml"], path)
}

/// Runs `inspect` within half a gigabyte of address space, and ends it when it hangs.
fn run(arguments: &[&str], path: &Path) -> Output {
    let mut child = Command::new("sh")
        .args([
            "-c",
            "ulimit -v 524288; exec \"$@\"",
            "sh",
            BINARY,
            "inspect",
        ])
        .args(arguments)
        .arg("--")
        .arg(path)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut stdout, mut stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    std::thread::scope(|scope| {
        let stdout = scope.spawn(move || octets(&mut stdout));
        let stderr = scope.spawn(move || octets(&mut stderr));
        let started = Instant::now();
        let status = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break status;
            }
            if started.elapsed() > PATIENCE {
                child.kill().unwrap();
                panic!("{} hangs", path.display());
            }
            std::thread::sleep(Duration::from_millis(2));
        };
        Output {
            status,
            stdout: stdout.join().unwrap(),
            stderr: stderr.join().unwrap(),
        }
    })
}

fn octets(stream: &mut impl std::io::Read) -> Vec<u8> {
    let mut octets = Vec::new();
    stream.read_to_end(&mut octets).unwrap();
    octets
}

fn assert_refused(name: &str, path: &Path, output: &Output) {
    assert_safe(name, output);
    let message = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{name}: {message}");
    assert!(message.starts_with("error: "), "{name}: {message}");
    let file = path.file_name().unwrap_or_default().to_string_lossy();
    assert!(message.contains(&*file), "{name}: {message}");
    assert!(message.len() < 600, "{name}: {message}");
}

/// Nothing that a terminal would obey.
fn assert_safe(name: &str, output: &Output) {
    for stream in [&output.stdout, &output.stderr] {
        let text = std::str::from_utf8(stream).unwrap();
        let hides = |c| matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{feff}');
        let bad = text
            .chars()
            .find(|&c| (c.is_control() && c != '\n') || hides(c));
        assert_eq!(bad, None, "{name}: {text}");
        assert!(!text.contains("panicked"), "{name}: {text}");
    }
}

/// A certificate with this common name and these DNS names, octet for octet, and no good signature.
fn certificate(common_name: &[u8], names: &[String]) -> Vec<u8> {
    let now = time::macros::datetime!(2026-11-20 08:05:00 UTC);
    let attribute = element(
        0x30,
        &[&[0x06, 3, 0x55, 4, 3], &element(0x0c, &[common_name])],
    );
    let name = element(0x30, &[&element(0x31, &[&attribute])]);
    let plan = IssuancePlan {
        subject: DistinguishedName::from_der(&name),
        issuer: DistinguishedName::from_der(&name),
        validity: Validity::until(now + time::Duration::DAY, now).unwrap(),
        subject_alt_names: names.iter().cloned().map(SubjectAltName::Dns).collect(),
        basic_constraints: BasicConstraints::EndEntity,
        key_usage: KeyUsage::EndEntity,
        extended_key_usages: Vec::new(),
        authority_key_identifier: None,
        name_constraints: NameConstraints::default(),
        crl_distribution_points: Vec::new(),
        ca_issuers: Vec::new(),
        ocsp: Vec::new(),
        certificate_policies: Vec::new(),
        no_check: false,
    };
    let algorithm = SignatureAlgorithm::Ed25519;
    let key = element(
        0x30,
        &[&[0x30, 5, 6, 3, 0x2b, 0x65, 0x70], &element(3, &[&[0; 33]])],
    );
    let serial = SerialNumber::from_random([7; 16]);
    let fields = plan.to_be_signed(&key, &serial, algorithm).unwrap();
    plan::signed(&fields, algorithm, &[0; 64])
}

/// SEQUENCEs in each other, as deep as that.
fn nested(depth: usize) -> Vec<u8> {
    let mut headers = Vec::new();
    let mut length = 0;
    for _ in 0..depth {
        headers.push(header(0x30, length));
        length += headers.last().map_or(0, Vec::len);
    }
    headers.into_iter().rev().flatten().collect()
}

fn encrypted_key(derivation: &[u8]) -> Vec<u8> {
    let aes = oid(&[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 1, 0x2a]);
    let cipher = element(0x30, &[&aes, &element(4, &[&[0; 16]])]);
    let pbes2 = oid(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 5, 0x0d]);
    let encryption = element(0x30, &[&pbes2, &element(0x30, &[derivation, &cipher])]);
    let der = element(0x30, &[&encryption, &element(4, &[&[0; 64]])]);
    pem::encode("ENCRYPTED PRIVATE KEY", &der)
        .unwrap()
        .as_bytes()
        .to_vec()
}

fn pbkdf2(rounds: &[u8]) -> Vec<u8> {
    let parameters = element(0x30, &[&element(4, &[b"salt"]), &element(2, &[rounds])]);
    element(
        0x30,
        &[
            &oid(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 5, 0x0c]),
            &parameters,
        ],
    )
}

fn scrypt(cost: &[u8], block_size: &[u8], parallel: &[u8]) -> Vec<u8> {
    let numbers = [cost, block_size, parallel].map(|number| element(2, &[number]));
    let parameters = element(0x30, &[&element(4, &[b"salt"]), &numbers.concat()]);
    element(
        0x30,
        &[&oid(&[0x2b, 6, 1, 4, 1, 0xda, 0x47, 4, 0x0b]), &parameters],
    )
}

fn pkcs12_with_rounds(rounds: &[u8]) -> Vec<u8> {
    let data = oid(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 1]);
    let safe = element(
        0x30,
        &[
            &data,
            &element(0xa0, &[&element(4, &[&element(0x30, &[])])]),
        ],
    );
    let sha256 = element(0x30, &[&oid(&[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1])]);
    let digest = element(0x30, &[&sha256, &element(4, &[&[0; 32]])]);
    let mac = element(
        0x30,
        &[&digest, &element(4, &[b"salt"]), &element(2, &[rounds])],
    );
    element(0x30, &[&[2, 1, 3], &safe, &mac])
}

/// PKCS #1 with numbers of a megabyte.
fn huge_rsa_key() -> Vec<u8> {
    let number = element(2, &[&vec![0x7f; 1 << 20]]);
    let numbers: Vec<&[u8]> = std::iter::once(&[2, 1, 0][..])
        .chain([&number[..]; 8])
        .collect();
    element(0x30, &numbers)
}

fn oid(content: &[u8]) -> Vec<u8> {
    element(6, &[content])
}

fn element(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    [header(tag, content.len()), content].concat()
}

fn header(tag: u8, length: usize) -> Vec<u8> {
    let octets = (length as u32).to_be_bytes();
    match length {
        0..0x80 => vec![tag, octets[3]],
        0x80..0x100 => vec![tag, 0x81, octets[3]],
        0x100..0x1_0000 => vec![tag, 0x82, octets[2], octets[3]],
        _ => vec![tag, 0x83, octets[1], octets[2], octets[3]],
    }
}
