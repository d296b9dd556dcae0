//! Checks README.md and docs/ against the command line: every command in them parses, README.md names every
//! command, and its picture shows what the program prints.
//!
//! The `console` blocks are run by tests/commands.rs.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "it reads the page, and says what it leaves out"
)]

use std::path::Path;
use std::process::{Command, Output};

const PROGRAM: &str = "openagents-certs";

#[test]
fn every_command_in_it_parses() {
    let shown = shown();
    assert!(shown.len() > 40, "{shown:?}");
    for words in shown {
        let parsed = openagents_certs::cli::command().try_get_matches_from(without_hook(&words));
        match parsed {
            Ok(_) => (),
            Err(error) if !error.use_stderr() => (),
            Err(error) => panic!("{}\n{error}", words.join(" ")),
        }
    }
}

#[test]
fn it_names_every_command() {
    let page = page();
    let table: Vec<&str> = page
        .lines()
        .filter(|line| line.starts_with("| `"))
        .collect();
    for command in openagents_certs::cli::command().get_subcommands() {
        if command.is_hide_set() {
            continue;
        }
        let name = command.get_name();
        let stands = |line: &&str| {
            line.split('`')
                .any(|code| code.split(' ').next() == Some(name))
        };
        assert!(name == "help" || table.iter().any(stands), "{name}");
    }
}

#[test]
fn its_picture_shows_what_the_program_does() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/terminal.py");
    let drawn = Command::new("python3")
        .arg(script)
        .arg(env!("CARGO_BIN_EXE_openagents-certs"))
        .arg("--check")
        .output();
    let required =
        std::env::var_os("OPENAGENTS_CERTS_PEERS").is_some_and(|value| value == "required");
    match drawn {
        Ok(output) => assert!(
            output.status.success(),
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        ),
        Err(error) => {
            assert!(!required, "python3: {error}, and every peer is required");
            println!("left out: there is no python3 to make a terminal ({error})");
        }
    }
}

#[test]
fn the_ci_recipe_runs_a_job_with_a_certificate_that_is_gone_afterwards() {
    let directory = tempfile::tempdir().unwrap();
    let agent = directory.path().join("run-agent");
    std::fs::write(
        &agent,
        "#!/bin/sh\nset -e\nopenagents-certs verify \"$OPENAGENTS_CERTS_CERT\" --ca ci-root.crt --purpose client\n\
         echo \"$OPENAGENTS_CERTS_KEY\" > key-was-at\n",
    )
    .unwrap();
    let script = format!(
        "set -e\nchmod +x run-agent\nopenagents-certs ca init --quiet\ncp certs/ca.crt ci-root.crt\n{}",
        recipe("**CI.**")
    );
    let output = shell(&script, directory.path());
    assert!(output.status.success(), "{}", told(&output));
    let key = std::fs::read_to_string(directory.path().join("key-was-at")).unwrap();
    assert!(!Path::new(key.trim()).exists(), "{key}");
    assert!(!directory.path().join("job.ci.example.org.key").exists());
}

#[test]
fn the_fleet_recipe_enrolls_a_machine_that_renews() {
    let directory = tempfile::tempdir().unwrap();
    let watch = "openagents-certs watch -C agent";
    let recipe = recipe("**A fleet.**");
    assert!(recipe.contains(watch));
    // On a port of this machine, and once it is ready.
    let recipe = recipe
        .replace("0.0.0.0:8443", "127.0.0.1:0 --http-listen none")
        .replace(" --public-url https://ca.example.org:8443 &", " 2> log &\nserver=$!\ntrap 'kill $server' EXIT\nuntil grep -q listening log; do kill -0 $server; done")
        .replace(watch, "openagents-certs renew -C agent agent-7.example.org");
    let script = format!("set -e\nopenagents-certs ca init --quiet\n{recipe}");
    let output = shell(&script, directory.path());
    assert!(output.status.success(), "{}", told(&output));
    assert!(
        told(&output).contains("1 of 1 renewed"),
        "{}",
        told(&output)
    );
    let key = directory.path().join("agent/agent-7.example.org.key");
    assert!(key.exists());
}

/// The commands of a recipe: the block below the paragraph that begins with this.
fn recipe(title: &str) -> String {
    let page = page();
    let (_, below) = page.split_once(title).unwrap();
    let (_, block) = below.split_once("```sh\n").unwrap();
    block.split_once("```").unwrap().0.to_owned()
}

/// Runs a script that finds the program on its PATH.
fn shell(script: &str, directory: &Path) -> Output {
    let program = Path::new(env!("CARGO_BIN_EXE_openagents-certs"));
    let path = std::env::var_os("PATH").unwrap();
    let path =
        std::iter::once(program.parent().unwrap().to_owned()).chain(std::env::split_paths(&path));
    Command::new("sh")
        .args(["-c", script])
        .current_dir(directory)
        .env("PATH", std::env::join_paths(path).unwrap())
        .output()
        .unwrap()
}

fn told(output: &Output) -> String {
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    text(&output.stdout) + &text(&output.stderr)
}

fn page() -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap()
}

/// README.md and the pages of docs, one after the other.
fn pages() -> String {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    let files = std::fs::read_dir(docs)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let pages = files.filter(|path| path.extension().is_some_and(|extension| extension == "md"));
    let texts = pages.map(|path| std::fs::read_to_string(path).unwrap());
    texts.fold(page(), |pages, text| pages + "\n" + &text)
}

/// Every command line of its `sh` and `console` blocks and of its text, as words.
fn shown() -> Vec<Vec<String>> {
    let page = pages();
    let mut shown = Vec::new();
    let mut block = None;
    for line in page.lines() {
        if let Some(language) = line.strip_prefix("```") {
            block = block.is_none().then_some(language);
            continue;
        }
        match block {
            Some("sh") => {
                for (at, _) in line.match_indices(&format!("{PROGRAM} ")) {
                    shown.push(words(&line[at..]));
                }
            }
            Some("console") => {
                shown.extend(line.strip_prefix("$ ").map(words));
            }
            Some(_) => (),
            None => {
                let code = line.split('`').skip(1).step_by(2);
                let commands = code.filter(|code| code.starts_with(&format!("{PROGRAM} ")));
                shown.extend(commands.map(words));
            }
        }
    }
    shown
}

/// The words of a command as a shell has them, up to what ends it.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quote = None;
    for character in line.chars() {
        match (quote, character) {
            (Some(open), _) if open == character => quote = None,
            (None, '\'' | '"') => quote = Some(character),
            (None, '|' | '>' | '<' | ';' | '&' | ')') => break,
            (None, ' ') => words.push(String::new()),
            (Some(_) | None, _) => words.last_mut().unwrap().push(character),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// The words without the arguments of the program behind `--exec`, which are taken out before clap sees them.
fn without_hook(words: &[String]) -> Vec<&str> {
    let mut kept = Vec::new();
    let mut hook = 0;
    for word in words {
        hook = match (word.as_str(), hook) {
            ("--exec", _) => 1,
            (word, _) if word.starts_with("--") => 0,
            (_, 0) => 0,
            (_, place) => place + 1,
        };
        if hook < 3 {
            kept.push(word.as_str());
        }
    }
    kept
}
