//! Completions as real shells see them. A shell that is not on this machine is said to be absent.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "tests"
)]

use std::path::Path;
use std::process::{Command, Stdio};

#[test]
fn bash_completes_commands_files_profiles_and_what_was_issued() {
    let script = r#"
source <(openagents-certs completions bash)
t() { COMP_WORDS=("$@"); COMP_CWORD=$(($#-1)); COMP_TYPE=9; COMPREPLY=()
  _clap_complete_openagents_certs "$1" "${@: -1}" "${@: -2:1}"; echo "${COMPREPLY[*]}"; }
t openagents-certs insp
t openagents-certs verify certs/server.
t openagents-certs issue server --profile cl
t openagents-certs list --name loc
t openagents-certs explain host-mi
t openagents-certs -C certs show "$SERIAL"
"#;
    let Some(said) = said("bash", &["--norc", "-c"], script) else {
        return;
    };
    let lines: Vec<_> = said.lines().collect();
    assert_eq!(
        lines[..5],
        [
            "inspect",
            "certs/server.crt certs/server.key",
            "client",
            "localhost",
            "host-mismatch"
        ]
    );
    assert_eq!(lines[5].len(), 32, "{said}");
}

#[test]
fn fish_completes_commands_files_and_profiles() {
    let script = r#"
openagents-certs completions fish | source
complete -C "openagents-certs insp"
complete -C "openagents-certs verify certs/server.c"
complete -C "openagents-certs issue server --profile cl"
"#;
    let Some(said) = said("fish", &["--no-config", "-c"], script) else {
        return;
    };
    let first = |line: &str| line.split('\t').next().unwrap_or_default().to_owned();
    let words: Vec<_> = said.lines().map(first).collect();
    assert_eq!(words, ["inspect", "certs/server.crt", "client"]);
}

#[test]
fn zsh_completes_commands() {
    let script = r#"
autoload -U compinit && compinit -u -d "$HOME/.zcompdump"
source <(openagents-certs completions zsh)
compdef() { : }
_describe() { print -l -- "${completions[@]}" "${(@P)4}" "${(@P)2}"; }
words=(openagents-certs insp) CURRENT=2
_clap_dynamic_completer_openagents_certs
"#;
    let Some(said) = said("zsh", &["-f", "-c"], script) else {
        return;
    };
    assert!(said.contains("inspect"), "{said}");
}

#[test]
fn scripts_are_put_in_place_once_and_taken_away() {
    let home = network();
    let ours = home
        .path()
        .join(".local/share/bash-completion/completions/certs.bash");
    let run = |words: &[&str]| {
        let mut command = program(home.path());
        let output = command
            .args(["completions", "--json"])
            .args(words)
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(run(&["install", "bash", "--dry-run"]).contains("written"));
    assert!(!ours.exists());
    assert!(run(&["install", "bash"]).contains("written"));
    assert!(run(&["install", "bash"]).contains("unchanged"));
    assert!(run(&["uninstall", "bash"]).contains("removed"));
    assert!(run(&["uninstall", "bash"]).contains("absent"));
    std::fs::write(&ours, "somebody's own").unwrap();
    let refused = program(home.path())
        .args(["completions", "install", "bash"])
        .output()
        .unwrap();
    assert_eq!(refused.status.code(), Some(2));
    assert_eq!(std::fs::read_to_string(&ours).unwrap(), "somebody's own");
}

#[test]
fn without_a_home_it_is_said_what_to_do() {
    let home = network();
    let output = program(home.path())
        .env_remove("HOME")
        .args(["completions", "install", "bash"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.contains("HOME is not set") && said.contains("hint: "),
        "{said}"
    );
}

/// What a shell prints in a directory with a PKI; `None` where there is no such shell.
fn said(shell: &str, options: &[&str], script: &str) -> Option<String> {
    let home = network();
    let found = Command::new(shell)
        .arg("--version")
        .stdout(Stdio::null())
        .status();
    if found.is_err() {
        eprintln!("no {shell} on this machine: not tested");
        return None;
    }
    let listed = program(home.path())
        .args(["list", "--json"])
        .output()
        .unwrap();
    let listed: serde_json::Value = serde_json::from_slice(&listed.stdout).unwrap();
    let serial = listed["certificates"][0]["serial"].as_str().unwrap();
    let binary = Path::new(env!("CARGO_BIN_EXE_openagents-certs"));
    let path = format!(
        "{}:{}",
        binary.parent().unwrap().display(),
        std::env::var("PATH").unwrap_or_default()
    );
    let output = Command::new(shell)
        .args(options)
        .arg(script)
        .current_dir(home.path())
        .env("HOME", home.path())
        .env("PATH", path)
        .env("SERIAL", &serial.replace(':', "")[..6])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{said}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Some(said)
}

/// A directory with a PKI in `certs`.
fn network() -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    let made = program(home.path()).arg("generate").output().unwrap();
    assert!(made.status.success(), "{made:?}");
    home
}

fn program(home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_openagents-certs"));
    command.current_dir(home).env("HOME", home);
    for name in ["XDG_DATA_HOME", "XDG_CONFIG_HOME", "OPENAGENTS_CERTS_DIR"] {
        command.env_remove(name);
    }
    command
}
