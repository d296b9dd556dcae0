//! Holds `man/` and `completions/` to what the command line is.
//!
//! `SNAPSHOTS=overwrite cargo test --test integration rendered::` rewrites them.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "it reads and writes the rendered files"
)]

use std::collections::BTreeMap;
use std::path::Path;

type Files = BTreeMap<String, String>;

#[test]
fn man_pages_are_those_of_the_command_line() {
    hold(
        "man",
        &openagents_certs::cli::man_pages().into_iter().collect(),
    );
}

#[test]
fn completions_are_those_of_the_command_line() {
    let scripts = openagents_certs::cli::completion_scripts();
    hold("completions", &scripts.into_iter().collect());
}

/// Compares a folder of the repository with what it should hold, or writes it anew when told to.
fn hold(folder: &str, expected: &Files) {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    if std::env::var_os("SNAPSHOTS").is_some_and(|value| value == "overwrite") {
        std::fs::create_dir_all(&directory).unwrap();
        for name in files(&directory).keys() {
            std::fs::remove_file(directory.join(name)).unwrap();
        }
        for (name, content) in expected {
            std::fs::write(directory.join(name), content).unwrap();
        }
    }
    let found = files(&directory);
    let mut names: Vec<_> = expected.keys().chain(found.keys()).collect();
    names.sort();
    names.dedup();
    names.retain(|name| expected.get(*name) != found.get(*name));
    assert!(
        names.is_empty(),
        "{folder}/ is stale: {names:?}\nrewrite it with `SNAPSHOTS=overwrite cargo test --test integration rendered::`"
    );
}

fn files(directory: &Path) -> Files {
    let Ok(entries) = std::fs::read_dir(directory) else {
        return Files::new();
    };
    let paths = entries.map(|entry| entry.unwrap().path());
    let named = paths.map(|path| {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        (name, std::fs::read_to_string(&path).unwrap())
    });
    named.collect()
}
