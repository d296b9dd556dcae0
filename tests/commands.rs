//! Runs every command of README.md, docs/ and tests/cmd, and compares its output.
//!
//! Each file's commands run one after the other in an empty directory of their own, or in a copy of
//! `tests/cmd/NAME.in/` where there is one. `TRYCMD=overwrite cargo test --test integration commands::` writes the
//! answers anew.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "it lays out what the commands find"
)]

use std::path::{Path, PathBuf};

#[test]
fn every_command_answers_as_it_is_written() {
    let directory = tempfile::tempdir().unwrap();
    let pages: Vec<_> = pages()
        .into_iter()
        .map(|page| stage(page, directory.path()))
        .collect();
    let cases = trycmd::TestCases::new();
    cases.env("OPENAGENTS_CERTS_DIR", "./certs");
    cases.env("NO_COLOR", "1");
    for (_, staged) in &pages {
        cases.case(staged);
    }
    let outcome = std::panic::catch_unwind(|| cases.run());
    if std::env::var_os("TRYCMD").is_some_and(|value| value == "overwrite") {
        for (page, staged) in &pages {
            std::fs::copy(staged, page).unwrap();
        }
    }
    if let Err(failure) = outcome {
        std::panic::resume_unwind(failure);
    }
}

/// README.md and every page of docs and tests/cmd.
fn pages() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut pages = vec![root.join("README.md")];
    for (directory, extension) in [("docs", "md"), ("tests/cmd", "trycmd")] {
        for entry in std::fs::read_dir(root.join(directory)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|found| found == extension) {
                pages.push(path);
            }
        }
    }
    pages.sort();
    pages
}

/// Copies a page and what its commands find beside it; the `.out` makes them share a directory.
fn stage(page: PathBuf, directory: &Path) -> (PathBuf, PathBuf) {
    // A page of docs may have the name of one of tests/cmd.
    let kind = page.extension().unwrap().to_str().unwrap();
    let name = page.file_name().unwrap().to_str().unwrap();
    let staged = directory.join(format!("{kind}-{name}"));
    std::fs::copy(&page, &staged).unwrap();
    std::fs::create_dir(staged.with_extension("out")).unwrap();
    let inputs = staged.with_extension("in");
    std::fs::create_dir(&inputs).unwrap();
    if let Ok(entries) = std::fs::read_dir(page.with_extension("in")) {
        for entry in entries {
            let path = entry.unwrap().path();
            std::fs::copy(&path, inputs.join(path.file_name().unwrap())).unwrap();
        }
    }
    (page, staged)
}
