//! Holds the manual and the help to what the program does.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "tests look at the disk themselves"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use openagents_certs::cli::{command, json_fields, man_pages};
use serde_json::Value;

#[test]
fn every_field_that_is_printed_is_in_the_manual_and_every_one_there_is_printed() {
    let mut printed: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    let directory = tempfile::tempdir().unwrap();
    prepare(directory.path());
    for (name, words) in RUNS {
        let report = json(directory.path(), words);
        gather(&report, "", printed.entry(name).or_default());
    }
    let mut wrong = Vec::new();
    for (name, paths) in &printed {
        let fields = json_fields(name);
        let is_told = |path: &String| {
            fields.iter().any(|(told, _)| match told.strip_suffix("*") {
                Some(above) => path.starts_with(above),
                None => path == told,
            })
        };
        wrong.extend(
            paths
                .iter()
                .filter(|path| !is_told(path))
                .map(|path| format!("{name}: {path} is not documented")),
        );
        let is_printed = |told: &String| told.ends_with('*') || paths.contains(told);
        let always = fields
            .iter()
            .filter(|(_, text)| !text.contains("(not always)"));
        wrong.extend(
            always
                .filter(|(told, _)| !is_printed(told))
                .map(|(told, _)| format!("{name}: {told} is never printed")),
        );
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn every_finding_is_in_the_manual() {
    let pages: BTreeMap<_, _> = man_pages().into_iter().collect();
    let page = &pages["openagents-certs-findings.7"];
    for rule in openagents_certs::ops::explain::rules() {
        let id = rule.id.replace('-', "\\-");
        assert!(page.contains(&format!("\\fB{id}\\fR")), "{id}");
    }
}

#[test]
fn every_command_has_two_examples_that_are_right() {
    let mut wrong = Vec::new();
    let root = built();
    let mut commands = vec![(String::new(), &root)];
    while let Some((path, command)) = commands.pop() {
        let children: Vec<_> = command
            .get_subcommands()
            .filter(|child| !child.is_hide_set())
            .collect();
        commands.extend(
            children
                .iter()
                .map(|child| (format!("{path} {}", child.get_name()), *child)),
        );
        let help = command
            .get_after_long_help()
            .or_else(|| command.get_after_help());
        let help = help.map(ToString::to_string).unwrap_or_default();
        let examples: Vec<_> = help.lines().filter_map(example).collect();
        if examples.len() < 2 {
            wrong.push(format!(
                "openagents-certs{path}: {} examples",
                examples.len()
            ));
        }
        for example in examples {
            if let Err(error) = root.clone().try_get_matches_from(words(&example)) {
                wrong.push(format!("{example}\n{error}"));
            }
            if !example.starts_with(&format!("openagents-certs{path}")) {
                wrong.push(format!("openagents-certs{path}: not of it: {example}"));
            }
        }
        if command.get_about().is_none() {
            wrong.push(format!("openagents-certs{path}: says nothing of itself"));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn a_command_s_summary_is_that_of_its_help() {
    let (listed, built) = (command(), built());
    for one in listed.get_subcommands() {
        let whole = built.find_subcommand(one.get_name()).unwrap();
        let text = |command: &clap::Command| command.get_about().map(ToString::to_string);
        assert_eq!(text(one), text(whole), "{}", one.get_name());
    }
}

#[test]
fn the_first_help_groups_every_command_by_task() {
    let root = built();
    let help = root.clone().render_help().to_string();
    let listed = root
        .get_subcommands()
        .filter(|command| !command.is_hide_set());
    for name in listed.map(clap::Command::get_name) {
        let line = format!("\n  {name} ");
        assert_eq!(help.matches(&line).count(), 1, "{name} in\n{help}");
    }
    for heading in ["Start:", "Issue:", "Check:", "Operate:"] {
        assert!(help.contains(heading), "{help}");
    }
    let whole = root.clone().render_long_help().to_string();
    assert!(whole.len() > help.len());
}

#[test]
fn every_option_says_what_it_is_for() {
    let root = built();
    let mut wrong = Vec::new();
    let mut commands = vec![&root];
    while let Some(command) = commands.pop() {
        commands.extend(command.get_subcommands());
        let silent = command
            .get_arguments()
            .filter(|argument| argument.get_help().is_none() && !argument.is_hide_set());
        wrong
            .extend(silent.map(|argument| format!("{} {}", command.get_name(), argument.get_id())));
    }
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[test]
fn a_slip_is_answered_with_what_was_meant() {
    for (words, meant) in [
        (&["verfy", "x"][..], "verify"),
        (&["verify", "x", "--hots", "a"], "--host"),
        (&["generate", "--common-nam", "a"], "--common-name"),
        (&["issue", "sever", "a"], "server"),
    ] {
        let error = command()
            .try_get_matches_from([&["openagents-certs"], words].concat())
            .unwrap_err();
        assert!(error.to_string().contains(meant), "{words:?}: {error}");
    }
}

/// The commands, by the name they have in the manual, and what they are run as.
const RUNS: &[(&str, &str)] = &[
    ("generate", "generate --mtls"),
    ("generate", "generate -C other --dry-run"),
    ("ca init", "ca init -C root"),
    ("ca init", "ca init -C root2 --dry-run"),
    ("ca show", "ca show"),
    ("ca intermediate", "ca intermediate -C sub --parent root"),
    (
        "ca intermediate",
        "ca intermediate -C sub2 --parent root --dry-run",
    ),
    (
        "ca import",
        "ca import -C imported --cert root/ca.crt --key root/ca.key",
    ),
    ("ca adopt", "ca adopt -C root sub/issuer.crt"),
    ("issue", "issue server host.example.test"),
    ("issue", "issue client two.example.test --dry-run"),
    ("issue batch", "issue batch rows.jsonl"),
    ("csr create", "csr create agent.example.test"),
    ("csr sign", "csr sign agent.example.test.csr"),
    (
        "inspect",
        "inspect certs/server.crt certs/server.key agent.example.test.csr",
    ),
    (
        "verify",
        "verify certs/server.crt certs/client.crt --host other.test --all-paths --key certs/server.key",
    ),
    ("list", "list"),
    (
        "token create",
        "token create a.example.test --url https://localhost:8443",
    ),
    ("token list", "token list"),
    ("show", "show SERIAL"),
    ("verify-chain", "verify-chain -C certs --host other.test"),
    ("revoke", "revoke certs/client.crt"),
    ("renew", "renew --all --dry-run"),
    ("crl", "crl"),
    ("crl", "crl --dry-run"),
    ("ca rotate status", "ca rotate status"),
    ("crl show", "crl show"),
    ("status", "status"),
    ("export", "export der server --out server.der"),
    ("trust env", "trust env"),
    (
        "trust install",
        "trust install --store system --platform debian --dry-run",
    ),
    (
        "trust status",
        "trust status --store system --platform debian",
    ),
    ("template write", "template write agent.go"),
    ("template list", "template list"),
    ("template show", "template show server"),
    ("template init", "template init"),
    (
        "explain",
        "explain certificate has expired --cert certs/server.crt --host other.test --ca certs/ca.crt --key certs/client.key",
    ),
    ("explain FINDING", "explain expired plaintext-port"),
    ("explain --list", "explain --list"),
    ("completions", "completions install zsh --dry-run"),
    ("man", "man --out pages --dry-run"),
];

fn prepare(directory: &Path) {
    let row = r#"{"profile":"client","names":["a.example.test"],"ttl":"24h","name":"a"}"#;
    std::fs::write(directory.join("rows.jsonl"), row).unwrap();
}

fn json(directory: &Path, words: &str) -> Value {
    if words.contains("SERIAL") {
        let listed = json(directory, "list");
        let serial = listed["certificates"][0]["serial"].as_str().unwrap();
        return json(directory, &words.replace("SERIAL", serial));
    }
    let output = Command::new(env!("CARGO_BIN_EXE_openagents-certs"))
        .args(words.split(' '))
        .arg("--json")
        .current_dir(directory)
        .env("HOME", directory)
        .env_remove("OPENAGENTS_CERTS_DIR")
        .output()
        .unwrap();
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{words}: {error}: {output:?}"))
}

fn gather(value: &Value, path: &str, paths: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let below = if path.is_empty() {
                    name.clone()
                } else {
                    format!("{path}.{name}")
                };
                gather(value, &below, paths);
                paths.insert(below);
            }
        }
        Value::Array(members) => {
            for member in members {
                gather(member, &format!("{path}[]"), paths);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The command of an example's line: without what it is piped from or to.
fn example(line: &str) -> Option<String> {
    let start = line.find("openagents-certs ")?;
    let rest = &line[start..];
    let end = rest.find([';', '|', '>', '#', ')']).unwrap_or(rest.len());
    // What stands behind it is another program's.
    let end = rest[..end].find(" --exec").unwrap_or(end);
    line.starts_with("  ")
        .then(|| rest[..end].trim().to_owned())
}

/// The words of a command line, as a shell takes them apart.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quote = None;
    for c in line.chars() {
        match quote {
            Some(end) if c == end => quote = None,
            None if c == '\'' || c == '"' => quote = Some(c),
            None if c == ' ' => words.push(String::new()),
            Some(_) | None => words.last_mut().unwrap().push(c),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// The command tree with every command put together.
fn built() -> clap::Command {
    let mut root = command().disable_help_subcommand(true);
    root.build();
    root
}
