//! Every command, wherever it is run: paths of any octets, streams that are closed or full, no environment,
//! a read-only directory, twice, at once, and killed.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "it makes files and looks at them"
)]

mod scene;
mod table;

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use scene::{LIMIT_WORDS, Scene, assert_ended, said, unusual_octets, unusual_text};
use table::{CASES, Case};

#[test]
fn every_command_is_in_the_table() {
    let mut known = BTreeSet::new();
    let mut tree = openagents_certs::cli::command().disable_help_subcommand(true);
    tree.build();
    leaves(&tree, &mut Vec::new(), &mut known);
    let tabled: BTreeSet<_> = CASES.iter().map(|case| case.words.join(" ")).collect();
    let missing: Vec<_> = known
        .iter()
        .filter(|words| !tabled.contains(*words) && !LEFT_OUT.contains(&words.as_str()))
        .collect();
    assert!(
        missing.is_empty(),
        "give {missing:?} a line in tests/everywhere/table.rs"
    );
}

#[test]
fn each_ends_as_it_should() {
    walk(&Scene::new("plain"), |scene, case, what| {
        let output = scene.command(case, &[]).output().unwrap();
        assert_ended(&output, &[case.exit], what);
    });
}

#[test]
fn a_path_of_any_text_goes_through_unharmed() {
    unusual(&unusual_text(), "text");
    unusual(&unusual_text(), "json");
}

#[test]
fn a_path_that_is_no_text_goes_through_unharmed() {
    unusual(&unusual_octets(), "text");
    unusual(&unusual_octets(), "json");
}

#[test]
fn a_stream_that_is_closed_changes_nothing() {
    for closed in [">&-", "2>&-", "<&-", "2>/dev/full", "<&- >&- 2>&-"] {
        walk(&Scene::new("plain"), |scene, case, what| {
            let shell = format!("exec \"$@\" {closed}");
            let output = scene.command(case, &["sh", "-c", &shell, "sh"]).output();
            let what = format!("{what} {closed}");
            let code = output.as_ref().unwrap().status.code();
            assert_eq!(
                code,
                Some(case.exit),
                "{what}: {}",
                said(output.as_ref().unwrap())
            );
        });
    }
}

#[test]
fn a_full_device_is_an_error_and_a_reader_that_went_away_is_none() {
    for format in ["text", "json"] {
        let scene = |name: &str| Scene::speaking(format, OsStr::new(name));
        let usual = scene("usual");
        walk(&scene("full"), |scene, case, what| {
            let says_something = !usual.command(case, &[]).output().unwrap().stdout.is_empty();
            let full = ["sh", "-c", "exec \"$@\" >/dev/full", "sh"];
            let output = scene.command(case, &full).output().unwrap();
            let expected = if says_something { 2 } else { case.exit };
            assert_ended(&output, &[expected], &format!("{what} >/dev/full"));
        });
        walk(&scene("pipe"), |scene, case, what| {
            let (reader, writer) = std::io::pipe().unwrap();
            drop(reader);
            let child = scene
                .command(case, &[])
                .stdout(writer)
                .stderr(Stdio::piped())
                .spawn();
            let output = child.unwrap().wait_with_output().unwrap();
            assert_ended(&output, &[case.exit], &format!("{what} | true"));
        });
    }
}

#[test]
fn no_home_and_no_environment_change_nothing() {
    let before: [&[&str]; 4] = [
        &["env", "-u", "HOME"],
        &["env", "HOME=/proc"],
        &[
            "env",
            "HOME=/nonexistent",
            "TMPDIR=/nonexistent",
            "XDG_RUNTIME_DIR=/nonexistent",
        ],
        &["env", "-i", "PATH=/usr/bin:/bin"],
    ];
    for before in before {
        walk(&Scene::new("plain"), |scene, case, what| {
            let output = scene.command(case, before).output().unwrap();
            assert_ended(&output, &[case.exit], &format!("{before:?} {what}"));
        });
    }
}

#[test]
fn a_terminal_of_twenty_columns_is_wide_enough() {
    let terminal = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/interop/terminal.py");
    if Command::new("python3").arg("--version").output().is_err() {
        println!("left out: there is no python3 to make a terminal");
        return;
    }
    walk(&Scene::new("plain"), |scene, case, what| {
        let mut command = scene.command(case, &["python3", terminal, "[]"]);
        let output = command
            .env("TERMINAL_COLUMNS", "20")
            .env("TERM", "xterm")
            .output()
            .unwrap();
        let said = said(&output);
        assert_eq!(output.status.code(), Some(case.exit), "{what}: {said}");
        assert!(!said.contains("panicked"), "{what}: {said}");
    });
    let scene = Scene::new("plain");
    for case in CASES.iter().filter(|case| is_there(case)) {
        let mut command = scene.program(case.words);
        let output = command.arg("--help").env("COLUMNS", "20").output().unwrap();
        assert!(
            output.status.success(),
            "{:?}: {}",
            case.words,
            said(&output)
        );
    }
}

#[test]
fn what_is_asked_twice_or_by_two_at_once_leaves_whole_files() {
    walk(&Scene::new("twice"), |scene, case, what| {
        for _ in 0..2 {
            let output = scene.command(case, &[]).output().unwrap();
            assert_ended(&output, &[0, 1, 2], what);
        }
        scene.assert_whole(what);
    });
    walk(&Scene::new("at once"), |scene, case, what| {
        let start = || {
            let mut command = scene.command(case, &[]);
            command.stdout(Stdio::piped()).stderr(Stdio::piped());
            command.spawn().unwrap()
        };
        for child in [start(), start()] {
            assert_ended(&child.wait_with_output().unwrap(), &[0, 1, 2], what);
        }
        scene.assert_whole(what);
    });
}

#[test]
fn what_is_killed_leaves_nothing_that_the_next_run_does_not_mend() {
    walk(&Scene::new("killed"), |scene, case, what| {
        if !case.writes {
            return;
        }
        for moment in 0..12 {
            // Without what would end it in time, which would be killed instead.
            let line = scene.line(case);
            let mut command = Command::new(&line[LIMIT_WORDS]);
            command.args(&line[LIMIT_WORDS + 1..]).stdin(Stdio::null());
            command.stdout(Stdio::null()).stderr(Stdio::null());
            let mut child = command.spawn().unwrap();
            std::thread::sleep(Duration::from_millis(2 + 4 * moment));
            child.kill().unwrap();
            child.wait().unwrap();
        }
        let output = scene.command(case, &[]).output().unwrap();
        assert_ended(&output, &[0, 1, 2], what);
        // One that writes nothing, for all is there, mends nothing.
        scene.write_once_more();
        scene.assert_whole(what);
    });
}

#[test]
fn a_directory_that_is_missing_or_none_is_an_error_or_is_made() {
    let scene = Scene::new("plain");
    walk(&scene, |scene, case, what| {
        let own = OsString::from(scene.directory(case));
        let nowhere = [
            scene.directory(case).join("missing"),
            scene.path("manifest.csv"),
        ];
        for directory in nowhere.map(OsString::from) {
            let mut line = scene.line(case);
            for word in line.iter_mut().filter(|word| **word == own) {
                *word = directory.clone();
            }
            let output = scene.run(&line);
            assert_ended(&output, &[0, 1, 2], &format!("{what} -C {directory:?}"));
        }
    });
    scene.assert_whole("directories that are none");
}

#[test]
fn a_file_that_is_missing_empty_endless_or_nonsense_is_an_error_that_names_it() {
    let scene = Scene::new("plain");
    std::fs::write(scene.path("empty"), "").unwrap();
    std::fs::write(scene.path("nonsense"), b"\x30\x82\xff\xff\0nonsense\xff\n").unwrap();
    std::fs::create_dir(scene.path("directory")).unwrap();
    let names = ["missing", "empty", "nonsense", "directory"];
    let prepared = scene.program(&["-C", "@pki", "ca", "rotate", "prepare"]);
    assert!({ prepared }.status().unwrap().success());
    walk(&scene, |scene, case, what| {
        let line = scene.line(case);
        let given = line.len() - case.arguments.len()..line.len();
        for at in given.filter(|at| Path::new(&line[*at]).is_file()) {
            let bad = names.map(|name| scene.path(name));
            // Any bytes can be a payload or a message that is denied, and a directory may have nothing to adopt.
            let is_payload =
                case.words[0] == "message" && at + 1 == line.len() || case.words == ["ca", "adopt"];
            for bad in bad.into_iter().chain(["/dev/zero".into()]) {
                let mut line = line.clone();
                line[at] = bad.clone().into();
                scene.write_networks();
                let output = scene.run(&line);
                let what = format!("{what} with {bad:?}");
                // A manifest of no rows is one.
                let is_empty_manifest = line[at - 1] == "batch" && bad.ends_with("empty");
                // Any line is a password, any text may be one that nobody has an explanation for, and a file of a
                // command's own is written anew.
                let is_text = [
                    "--password-file",
                    "--passphrase-file",
                    "--new-passphrase-file",
                    "--log",
                    "--out",
                ]
                .iter()
                .any(|flag| line[at - 1] == *flag)
                    || is_payload;
                let allowed: &[i32] = match (is_empty_manifest, is_text) {
                    (true, _) => &[0],
                    (false, true) => &[0, 1, 2],
                    (false, false) => &[1, 2],
                };
                assert_ended(&output, allowed, &what);
                let said = said(&output);
                let is_named = said.contains(bad.to_str().unwrap());
                assert!(is_named || is_text, "{what}: {said}");
            }
        }
    });
    scene.assert_whole("files that are none");
}

#[test]
fn a_directory_that_nothing_can_be_written_to_is_read_and_kept() {
    let scene = Scene::new("plain");
    let Some(user) = ReadOnly::of(&scene) else {
        return;
    };
    walk(&scene, |scene, case, what| {
        let mut command = scene.command(case, &[]);
        user.take_over(&mut command);
        let allowed: &[i32] = match case.words {
            // It writes to memory.
            ["mint"] => &[0, 2],
            // It writes to an inventory that is there already.
            ["token", "create"] | ["dashboard", "login"] => &[0, 2],
            _ if case.writes => &[1, 2],
            _ => &[case.exit],
        };
        assert_ended(&command.output().unwrap(), allowed, what);
    });
}

/// Somebody who may read a scene, and write nothing in it.
struct ReadOnly {
    user: Option<u32>,
}

impl ReadOnly {
    /// Root may always write, so that root becomes somebody else; `None` where that one cannot run the program.
    fn of(scene: &Scene) -> Option<Self> {
        use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
        let is_root = std::fs::metadata("/proc/self").unwrap().uid() == 0;
        let user = is_root.then_some(65534);
        let mut directories = vec![scene.parent.path().to_owned()];
        while let Some(directory) = directories.pop() {
            for entry in std::fs::read_dir(&directory).unwrap() {
                let path = entry.unwrap().path();
                chown(&path, user, None).unwrap();
                if path.is_dir() {
                    directories.push(path);
                }
            }
            chown(&directory, user, None).unwrap();
            let mode = std::fs::Permissions::from_mode(0o500);
            std::fs::set_permissions(&directory, mode).unwrap();
        }
        let own = ReadOnly { user };
        let mut command = Command::new(env!("CARGO_BIN_EXE_openagents-certs"));
        own.take_over(command.arg("--version"));
        if command.output().is_ok_and(|output| output.status.success()) {
            return Some(own);
        }
        println!("left out: another user cannot run the program here");
        None
    }

    fn take_over(&self, command: &mut Command) {
        use std::os::unix::process::CommandExt as _;
        if let Some(user) = self.user {
            command.uid(user).gid(user);
        }
    }
}

/// Holds every case in turn to something, and then says which do not hold.
fn walk(scene: &Scene, hold: impl Fn(&Scene, &Case, &str)) {
    let mut failed = Vec::new();
    for case in CASES.iter().filter(|case| is_there(case)) {
        let what = format!("{:?} {:?}", case.words, case.arguments);
        let held = std::panic::AssertUnwindSafe(|| hold(scene, case, &what));
        if std::panic::catch_unwind(held).is_err() {
            failed.push(what);
        }
    }
    assert!(
        failed.is_empty(),
        "{} do not hold:\n{}",
        failed.len(),
        failed.join("\n")
    );
}

fn unusual(name: &OsStr, format: &'static str) {
    walk(&Scene::speaking(format, name), |scene, case, what| {
        let output = scene.command(case, &[]).output().unwrap();
        // What is written in a language of text refuses what is none.
        let stderr = String::from_utf8_lossy(&output.stderr);
        let is_refused = name.to_str().is_none() && stderr.contains("UTF-8");
        assert_ended(&output, &[if is_refused { 2 } else { case.exit }], what);
        let beside = std::fs::read_dir(scene.parent.path()).unwrap().count();
        assert_eq!(beside, 1, "{what} wrote beside its directory");
        scene.assert_whole(what);
    });
}

fn is_there(case: &Case) -> bool {
    let mut tree = openagents_certs::cli::command();
    tree.build();
    let mut at = &tree;
    case.words.iter().all(|word| {
        let found = at.find_subcommand(word);
        at = found.unwrap_or(at);
        found.is_some()
    })
}

/// The command lines that do something: the leaves, and what does something without a subcommand too.
fn leaves(command: &clap::Command, words: &mut Vec<String>, found: &mut BTreeSet<String>) {
    let children: Vec<_> = command
        .get_subcommands()
        .filter(|child| child.get_name() != "help")
        .collect();
    let wants_one = command.is_subcommand_required_set() || command.is_arg_required_else_help_set();
    if children.is_empty() || !wants_one {
        found.insert(words.join(" "));
    }
    for child in children {
        words.push(child.get_name().to_owned());
        leaves(child, words, found);
        words.pop();
    }
}

/// What speaks to a shell or a pager, or changes the machine.
const LEFT_OUT: &[&str] = &[
    "completions",
    "completions install",
    "man",
    "trust status",
    "trust install",
    "trust uninstall",
    "trust check",
    // Each needs a server; tests/acme_client and tests/notifications.rs run them.
    "acme issue",
    "acme account show",
    "acme account contact",
    "acme account key-rollover",
    "acme account deactivate",
    "notify test",
    "",
];
