//! Holds the cut of the rooms: reads the sources, and names the file and line that breaks it.
//!
//! Tests inside the sources may name whom they like; comments and strings are not looked at.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "it reads the sources"
)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Who may use whom. `main` stands for both binaries; `lib.rs` names every room and is left out.
const MAY_USE: &[(&str, &[&str])] = &[
    ("main", &["cli"]),
    (
        "cli",
        &[
            "ops",
            "server",
            "render",
            "authority",
            "config",
            "pki",
            "path",
            "network",
            "message",
            "error",
        ],
    ),
    // Of pki only how text is escaped.
    ("render", &["error", "pki"]),
    (
        "ops",
        &[
            "authority",
            "config",
            "keys",
            "store",
            "net",
            "files",
            "message",
            "network",
            "path",
            "pki",
            "process",
            "error",
        ],
    ),
    (
        "server",
        &[
            "ops",
            "message",
            "authority",
            "config",
            "keys",
            "store",
            "net",
            "files",
            "message",
            "path",
            "pki",
            "error",
        ],
    ),
    (
        "authority",
        &["keys", "store", "files", "config", "path", "pki", "error"],
    ),
    ("message", &["keys", "store", "path", "pki"]),
    ("network", &["path", "pki"]),
    ("path", &["pki"]),
    ("keys", &["pki", "error"]),
    ("store", &["pki", "error"]),
    ("net", &["pki", "error"]),
    ("files", &["pki", "error"]),
    ("config", &["pki", "error"]),
    ("process", &["error"]),
    // A macro, which has no path: what verifies handshakes uses it.
    ("handshake", &[]),
    // Of keys, store, config and net only the types of their errors, which become its variants.
    (
        "error",
        &[
            "pki", "path", "network", "keys", "store", "config", "message", "net",
        ],
    ),
    ("pki", &[]),
];

/// Which files may name a crate: a room, or one file of it.
const CRATES: &[(&str, &[&str])] = &[
    ("clap", &["cli"]),
    ("clap_complete", &["cli"]),
    ("roff", &["cli"]),
    ("dialoguer", &["cli/prompt.rs"]),
    ("rcgen", &["keys/generate.rs", "net/challenge.rs"]),
    ("ring", &["pki", "path", "keys", "message", "net"]),
    ("aws_lc_rs", &["pki", "path", "keys", "message"]),
    ("x509_parser", &["pki", "path", "keys"]),
    ("x509_cert", &["pki", "path", "keys"]),
    ("webpki", &["pki", "path", "keys"]),
    ("pkcs8", &["pki", "path", "keys"]),
    ("p12_keystore", &["pki", "path", "keys"]),
    ("rusqlite", &["store"]),
    // What dials shakes hands with it, and what tonic does is asked of it.
    (
        "rustls",
        &[
            "net",
            "path/stacks",
            "ops/verify_chain/setup.rs",
            "server",
            "store/postgres",
            "handshake.rs",
            "error",
        ],
    ),
    ("tokio", &["server", "net", "store/postgres"]),
    ("tokio_postgres", &["store/postgres", "store/postgres.rs"]),
    ("axum", &["server"]),
    ("askama", &["server/dashboard"]),
    ("hickory_resolver", &["server", "net"]),
    ("lettre", &["net"]),
    ("hyper", &["server", "net"]),
    ("prost", &["server/workload", "net"]),
    ("nix", &["server/workload"]),
    // Measuring a column leaves out the escapes that colour it.
    ("anstream", &["render.rs", "ops/columns.rs"]),
    ("fs_err", &["files", "store"]),
    ("tempfile", &["files", "store"]),
];

/// One door for each effect: the words that open it, and the files that may.
const EFFECTS: &[(&[&str], &[&str])] = &[
    (
        &["println!", "eprintln!", "print!", "eprint!", "dbg!"],
        &["render.rs"],
    ),
    // A question is asked only where both are a terminal.
    (&["stdout()", "stderr()"], &["render.rs", "cli/prompt.rs"]),
    // A database makes its own file; the room is told where.
    (
        &["fs::", "File::open", "File::create", "OpenOptions"],
        &["files", "store"],
    ),
    (&["now_utc", "SystemTime::now"], &["main.rs", "bin"]),
    (
        &["SystemRandom", "getrandom", "rand::rng", "thread_rng"],
        &["keys"],
    ),
    (&["process::exit"], &[]),
    (&["Command::new("], &["process.rs"]),
];

const MAX_LINES_OF_CODE: usize = 450;

/// Names that say nothing of what is inside.
const EMPTY_NAMES: &[&str] = &[
    "util", "utils", "helper", "helpers", "manager", "common", "misc",
];

#[test]
fn rooms_use_only_those_they_may() {
    let mut broken = Vec::new();
    for source in sources() {
        let Some((_, allowed)) = MAY_USE.iter().find(|(room, _)| *room == source.room()) else {
            broken.push(format!(
                "{}: say in tests/layering.rs whom '{}' may use",
                source.path.display(),
                source.room()
            ));
            continue;
        };
        for (line, used) in source.rooms_used() {
            if used != source.room() && !allowed.contains(&used.as_str()) {
                broken.push(format!(
                    "{}:{line}: {} may not use {used}",
                    source.path.display(),
                    source.room()
                ));
            }
        }
    }
    assert_none(&broken);
}

#[test]
fn crates_stay_in_their_rooms() {
    let mut broken = Vec::new();
    for source in sources() {
        for (name, places) in CRATES {
            if source.is_in(places) {
                continue;
            }
            for (line, path) in source.paths_from(name) {
                broken.push(format!(
                    "{}:{line}: {path} may be named only in {places:?}",
                    source.path.display()
                ));
            }
        }
    }
    assert_none(&broken);
}

#[test]
fn each_effect_has_one_door() {
    let mut broken = Vec::new();
    for source in sources() {
        for (words, places) in EFFECTS {
            if source.is_in(places) {
                continue;
            }
            for (line, word) in words.iter().flat_map(|word| source.uses_of(word)) {
                broken.push(format!(
                    "{}:{line}: {word} may stand only in {places:?}",
                    source.path.display()
                ));
            }
        }
    }
    assert_none(&broken);
}

#[test]
fn files_are_short_and_named_after_what_is_in_them() {
    let mut broken = Vec::new();
    for source in sources() {
        let lines = source
            .code
            .lines()
            .filter(|line| !line.trim().is_empty())
            .count();
        if lines > MAX_LINES_OF_CODE {
            broken.push(format!(
                "{}: {lines} lines of code, over {MAX_LINES_OF_CODE}: make it two",
                source.path.display()
            ));
        }
        for name in source.path.with_extension("").iter() {
            if EMPTY_NAMES.iter().any(|empty| name == *empty) {
                broken.push(format!(
                    "{}: its name says nothing of what is inside",
                    source.path.display()
                ));
            }
        }
    }
    assert_none(&broken);
}

#[test]
fn every_spelling_of_a_use_is_seen() {
    let source = Source::new(
        Path::new("pki/san/name.rs"),
        r##"
        // crate::comment  "
        use crate::{error::Error, keys::{self, PrivateKey}};
        use super::super::super::ops::Verdict;
        fn one() -> super::Sibling { ("crate::text", r#"crate::raw"#, 'c', '"'); crate::files::read() }
        #[cfg(test)]
        mod tests { use crate::render; fn f() { if true { {} } } }
        fn two(x: &'static str) { super::super::super::store::x(a::ring::b, ::ring::rand::c, ring::d) }
        "##,
    );
    let used = ["error", "keys", "ops", "files", "store"];
    let lines = [3, 3, 4, 5, 8];
    assert_eq!(
        source.rooms_used(),
        lines.into_iter().zip(used.map(String::from)).collect()
    );
    assert_eq!(
        source.paths_from("ring"),
        [(8, "ring::rand".to_owned()), (8, "ring::d".to_owned())]
    );
    assert_eq!(source.uses_of("read()"), [(5, "read()")]);
}

/// A source file: where it is under `src`, and its code without comments, strings and tests.
struct Source {
    path: PathBuf,
    code: String,
}

impl Source {
    fn new(path: &Path, text: &str) -> Self {
        let path = path.to_owned();
        let code = without_tests(&without_comments_and_strings(text));
        Source { path, code }
    }

    /// The room it belongs to; the binaries are both `main`.
    fn room(&self) -> &str {
        let first = self.path.iter().next().unwrap().to_str().unwrap();
        let name = first.strip_suffix(".rs").unwrap_or(first);
        if name == "bin" { "main" } else { name }
    }

    fn is_in(&self, places: &[&str]) -> bool {
        places.iter().any(|place| self.path.starts_with(place))
    }

    /// The rooms it names, and on which line.
    fn rooms_used(&self) -> BTreeSet<(usize, String)> {
        let mut roots = vec!["crate::".to_owned(), "openagents_certs::".to_owned()];
        roots.push("super::".repeat(self.depth()));
        let mut used = BTreeSet::new();
        for root in roots {
            for at in self.starts_of(&root) {
                let line = self.line(at);
                for name in first_names(&self.code[at + root.len()..]) {
                    // The root itself offers nothing but the error.
                    let room = if name == "Error" {
                        "error".to_owned()
                    } else {
                        name
                    };
                    used.insert((line, room));
                }
            }
        }
        used
    }

    /// How many modules it is below the crate's root.
    fn depth(&self) -> usize {
        let file = self.path.file_name().unwrap();
        self.path.components().count() - usize::from(file == "mod.rs")
    }

    /// The first two names of each path that begins with a crate, and on which line.
    fn paths_from(&self, name: &str) -> Vec<(usize, String)> {
        let root = format!("{name}::");
        let mut paths = Vec::new();
        for at in self.starts_of(&root) {
            for next in first_names(&self.code[at + root.len()..]) {
                paths.push((self.line(at), format!("{root}{next}")));
            }
        }
        paths
    }

    /// The lines on which a word stands that is not the end of a longer one.
    fn uses_of<'a>(&self, word: &'a str) -> Vec<(usize, &'a str)> {
        let whole = |at: &usize| !self.code[..*at].ends_with(is_name_character);
        let found = self.code.match_indices(word).map(|(at, _)| at);
        found
            .filter(whole)
            .map(|at| (self.line(at), word))
            .collect()
    }

    /// Where a path begins with these words: not in the middle of a name or of a longer path.
    fn starts_of(&self, root: &str) -> Vec<usize> {
        let begins = |at: &usize| {
            let before = &self.code[..*at];
            let path = before.strip_suffix("::").unwrap_or(before);
            !before.ends_with(is_name_character)
                && (path.len() == before.len()
                    || !path.ends_with(|c| is_name_character(c) || c == '>'))
        };
        let found = self.code.match_indices(root).map(|(at, _)| at);
        found.filter(begins).collect()
    }

    fn line(&self, at: usize) -> usize {
        self.code[..at].matches('\n').count() + 1
    }
}

/// The names a path goes on with: one, or the first ones of each branch of a `{…}`.
fn first_names(rest: &str) -> Vec<String> {
    let name = |text: &str| -> String {
        let text = text.trim_start();
        text.chars()
            .take_while(|c| is_name_character(*c) || *c == '*')
            .collect()
    };
    let Some(group) = rest.strip_prefix('{') else {
        return vec![name(rest)];
    };
    let mut names = vec![name(group)];
    let mut depth = 0;
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => names.push(name(&group[at + 1..])),
            _ => {}
        }
    }
    names.retain(|name| !name.is_empty());
    names
}

fn is_name_character(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The text with everything blank that the compiler takes for no code; lines keep their numbers.
fn without_comments_and_strings(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let skipped = match c {
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => rest.find("*/").map_or(rest.len(), |at| at + 2),
            '"' => string_length(rest),
            'r' if !code.ends_with(|c| is_name_character(c) && c != 'b') => raw_string_length(rest),
            '\'' => character_length(rest),
            _ => 0,
        };
        let taken = skipped.max(c.len_utf8());
        if skipped == 0 {
            code.push(c);
        } else {
            code.extend(
                rest[..taken]
                    .chars()
                    .map(|c| if c == '\n' { c } else { ' ' }),
            );
        }
        rest = &rest[taken..];
    }
    code
}

fn string_length(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            '"' if !escaped => return at + 1,
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    text.len()
}

/// Zero when it is a name that begins with `r`.
fn raw_string_length(text: &str) -> usize {
    let hashes = text[1..].len() - text[1..].trim_start_matches('#').len();
    if !text[1 + hashes..].starts_with('"') {
        return 0;
    }
    let end = format!("\"{}", "#".repeat(hashes));
    let start = 2 + hashes;
    text[start..]
        .find(&end)
        .map_or(text.len(), |at| start + at + end.len())
}

/// Zero when it is a lifetime.
fn character_length(text: &str) -> usize {
    let mut characters = text.char_indices().skip(1);
    match (characters.next(), characters.next()) {
        (Some((_, '\\')), Some((after, _))) => text[after + 1..]
            .find('\'')
            .map_or(0, |at| after + 1 + at + 1),
        (Some(_), Some((at, '\''))) => at + 1,
        (_, _) => 0,
    }
}

/// The code with every `#[cfg(test)]` item blank.
fn without_tests(code: &str) -> String {
    let mut code = code.to_owned();
    while let Some(start) = code.find("#[cfg(test)]") {
        let end = item_end(&code[start..]).map_or(code.len(), |length| start + length);
        let blank: String = code[start..end]
            .chars()
            .map(|c| if c == '\n' { c } else { ' ' })
            .collect();
        code.replace_range(start..end, &blank);
    }
    code
}

/// The length of an item: to the first `;`, or to the end of its first `{…}`.
fn item_end(code: &str) -> Option<usize> {
    let first = code.find([';', '{'])?;
    if code[first..].starts_with(';') {
        return Some(first + 1);
    }
    let mut depth = 0_usize;
    for (at, c) in code[first..].char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(first + at + 1);
        }
    }
    None
}

/// Every source but the root, which names all rooms, and files that are tests as a whole.
fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut sources = Vec::new();
    let mut directories = vec![root.clone()];
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            let relative = path.strip_prefix(&root).unwrap();
            let is_source = path.extension().is_some_and(|extension| extension == "rs");
            if path.is_dir() {
                directories.push(path);
            } else if is_source && relative != "lib.rs" && !path.ends_with("tests.rs") {
                sources.push(Source::new(
                    relative,
                    &std::fs::read_to_string(&path).unwrap(),
                ));
            }
        }
    }
    sources.sort_by(|one, other| one.path.cmp(&other.path));
    assert!(!sources.is_empty(), "no sources in {}", root.display());
    sources
}

fn assert_none(broken: &[String]) {
    assert!(broken.is_empty(), "\n{}\n", broken.join("\n"));
}
