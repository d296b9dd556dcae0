//! The wizard on a terminal of its own, which Python's `pty` makes; where there is no Python that is said.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "it looks at what the program left, and says what it leaves out"
)]

use std::path::Path;
use std::process::{Command, Output};

const ENTER: &str = "\r";
const DOWN: &str = "\u{1b}[B";
const CTRL_C: &str = "\u{3}";

#[test]
fn its_answers_make_what_its_command_line_says() {
    let directory = tempfile::tempdir().unwrap();
    let answers = [
        ("Directory for", ENTER.to_owned()),
        ("Who will connect", format!("{DOWN}{ENTER}")),
        ("Host names or", format!("x..y{ENTER}")),
        (
            "a label is empty",
            format!("{}agents.example.org 10.0.0.7{ENTER}", "\u{7f}".repeat(4)),
        ),
        ("mutual TLS", "y".into()),
        ("Number of agents", format!("2{ENTER}")),
        ("Validity period", format!("{DOWN}{ENTER}")),
        ("Protect the CA", "y".into()),
        ("Generate?", ENTER.to_owned()),
        ("New passphrase", format!("correct horse{ENTER}")),
        ("Repeat the passphrase", format!("correct horse{ENTER}")),
    ];
    let Some(output) = on_a_terminal(directory.path(), &[], &answers) else {
        return;
    };
    let shown = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{shown}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let line = "openagents-certs generate -o ./certs --for grpcs://agents.example.org:8600 \
                --san 10.0.0.7 --client agent-1 --client agent-2 --ttl 90d \
                --passphrase-file FILE";
    assert!(shown.contains(line), "{shown}");
    for file in [
        "ca.crt",
        "server.crt",
        "server.key",
        "agent-1.key",
        "agent-2.crt",
    ] {
        assert!(directory.path().join("certs").join(file).exists(), "{file}");
    }
    let key = std::fs::read_to_string(directory.path().join("certs/ca.key")).unwrap();
    assert!(key.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----"));
}

#[test]
fn breaking_it_off_at_any_question_leaves_nothing() {
    let questions = [
        "Directory for",
        "Who will connect",
        "mutual TLS",
        "Number of",
        "Validity period",
        "Protect the CA",
        "Generate?",
    ];
    for last in 0..questions.len() {
        let directory = tempfile::tempdir().unwrap();
        let mut answers: Vec<_> = questions[..last]
            .iter()
            .map(|question| {
                (
                    *question,
                    if *question == "mutual TLS" {
                        "y"
                    } else {
                        ENTER
                    }
                    .to_owned(),
                )
            })
            .collect();
        answers.push((questions[last], CTRL_C.into()));
        let arguments = ["generate", "--interactive"];
        let Some(output) = on_a_terminal(directory.path(), &arguments, &answers) else {
            return;
        };
        let shown = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(130), "{shown}");
        assert!(shown.contains("nothing written"), "{shown}");
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
    }
}

#[test]
fn nothing_is_asked_without_a_terminal() {
    let output = Command::new(env!("CARGO_BIN_EXE_openagents-certs"))
        .args(["generate", "--interactive"])
        .stdin(std::process::Stdio::null())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("needs a terminal"));
}

/// Runs it with these answers; `None` where there is no Python to make the terminal.
fn on_a_terminal(
    directory: &Path,
    arguments: &[&str],
    answers: &[(&str, String)],
) -> Option<Output> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop/terminal.py");
    let output = Command::new("python3")
        .arg(script)
        .arg(serde_json::to_string(answers).unwrap())
        .arg(env!("CARGO_BIN_EXE_openagents-certs"))
        .args(arguments)
        .current_dir(directory)
        .env("TERM", "xterm")
        .output();
    let required =
        std::env::var_os("OPENAGENTS_CERTS_PEERS").is_some_and(|value| value == "required");
    match output {
        Ok(output) => Some(output),
        Err(error) => {
            assert!(!required, "python3: {error}, and every peer is required");
            println!("left out: there is no python3 to make a terminal ({error})");
            None
        }
    }
}
