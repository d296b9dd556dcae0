//! Answers for shells that complete a command line.
//!
//! Failures are silent: a shell that is completing cannot show an error.

use std::ffi::{OsStr, OsString};
use std::ops::ControlFlow;
use std::path::PathBuf;

use clap_complete::engine::{
    ArgValueCandidates, ArgValueCompleter, CompletionCandidate, PathCompleter, ValueCompleter as _,
};
use clap_complete::env::Shells;
use time::OffsetDateTime;

use super::context::DIRECTORY_VARIABLE;
use crate::ops::list::{self, Filter};
use crate::ops::template;

/// The variable in which a completion script names its shell.
pub(super) const VARIABLE: &str = "_OPENAGENTS_CERTS_COMPLETE";

/// The answer to a completion script; `None` when no script is asking.
pub(super) fn answer() -> Option<Vec<u8>> {
    let shell = std::env::var_os(VARIABLE)?;
    let mut answer = Vec::new();
    let shells = Shells::builtins();
    if let Some(shell) = shells.completer(&shell.to_string_lossy()) {
        let words: Vec<OsString> = std::env::args_os()
            .skip_while(|word| word != "--")
            .skip(1)
            .collect();
        if !words.is_empty() {
            let mut command = super::named_by(&words);
            let directory = std::env::current_dir().ok();
            // A partial answer is useless.
            let completed =
                shell.write_complete(&mut command, words, directory.as_deref(), &mut answer);
            if completed.is_err() {
                answer.clear();
            }
        }
    }
    Some(answer)
}

/// The names of the profiles in the PKI directory.
pub(super) fn profiles() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        let Ok(templates) = template::list(&directory()) else {
            return Vec::new();
        };
        let profiles = templates.profiles();
        profiles
            .map(|(name, description)| {
                CompletionCandidate::new(name)
                    .help((!description.is_empty()).then(|| description.into()))
            })
            .collect()
    })
}

/// The serial numbers in the inventory that start with what was typed.
pub(super) fn serials() -> ArgValueCompleter {
    ArgValueCompleter::new(matching_serials)
}

/// The names in the inventory.
pub(super) fn names() -> ArgValueCompleter {
    ArgValueCompleter::new(matching_names)
}

/// Whatever selects a certificate: names, serial numbers and files.
pub(super) fn targets() -> ArgValueCompleter {
    ArgValueCompleter::new(|typed: &OsStr| {
        let mut candidates = matching_names(typed);
        if !typed.is_empty() {
            candidates.extend(matching_serials(typed));
        }
        candidates.extend(PathCompleter::any().complete(typed));
        candidates
    })
}

/// The names of the templates.
pub(super) fn templates() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        let Ok(templates) = template::list(&directory()) else {
            return Vec::new();
        };
        let all = templates.templates.iter();
        all.map(|template| CompletionCandidate::new(&template.name))
            .collect()
    })
}

/// The names of the manual pages.
pub(super) fn pages() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        super::pages::names()
            .into_iter()
            .map(CompletionCandidate::new)
            .collect()
    })
}

/// The names of all findings.
pub(super) fn findings() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        let rules = crate::ops::explain::rules().into_iter();
        rules
            .map(|rule| CompletionCandidate::new(rule.id).help(Some(rule.message.into())))
            .collect()
    })
}

fn matching_serials(typed: &OsStr) -> Vec<CompletionCandidate> {
    let typed = typed.to_string_lossy().to_lowercase();
    let filter = Filter {
        serial: typed.trim_end_matches(':').parse().ok(),
        limit: Some(MAX_CANDIDATES),
        ..Filter::default()
    };
    let mut candidates = Vec::new();
    each(&filter, |listed| {
        let serial = listed.serial.to_string();
        let plain = serial.replace(':', "");
        // Shells break words at colons; the plain form is easier to complete.
        let value = if typed.contains(':') { serial } else { plain };
        if value.starts_with(&typed) {
            candidates.push(CompletionCandidate::new(value).help(Some(listed.identity().into())));
        }
    });
    candidates
}

fn matching_names(typed: &OsStr) -> Vec<CompletionCandidate> {
    let typed = typed.to_string_lossy();
    let filter = Filter {
        name: (!typed.is_empty()).then(|| typed.clone().into_owned()),
        limit: Some(MAX_CANDIDATES),
        ..Filter::default()
    };
    let mut names = Vec::new();
    each(&filter, |listed| {
        let own = listed.subject_alt_names.iter().map(ToString::to_string);
        // Without its type, as it is usually typed.
        let own = own.filter_map(|name| Some(name.split_once(':')?.1.to_owned()));
        names.extend(
            own.filter(|name| name.starts_with(&*typed) && !name.contains(char::is_control)),
        );
    });
    names.sort_unstable();
    names.dedup();
    names.into_iter().map(CompletionCandidate::new).collect()
}

/// Visits the inventory of the PKI directory, if there is one.
fn each(filter: &Filter, mut visit: impl FnMut(list::Listed)) {
    // No candidate depends on the time.
    let _ = list::run(
        &directory(),
        filter,
        OffsetDateTime::UNIX_EPOCH,
        &mut |listed| {
            visit(listed);
            Ok(ControlFlow::Continue(()))
        },
    );
}

/// The PKI directory of the command line that is being completed.
fn directory() -> PathBuf {
    let words: Vec<OsString> = std::env::args_os().collect();
    let named = words.iter().enumerate().rev().find_map(|(i, word)| {
        let text = word.to_str()?;
        match text
            .strip_prefix("--dir=")
            .or_else(|| text.strip_prefix("-C"))
        {
            Some("") => words.get(i + 1).map(PathBuf::from),
            Some(rest) => Some(PathBuf::from(rest)),
            None if text == "--dir" => words.get(i + 1).map(PathBuf::from),
            None => None,
        }
    });
    let variable = || std::env::var_os(DIRECTORY_VARIABLE).map(PathBuf::from);
    named.or_else(variable).unwrap_or_else(|| "./certs".into())
}

const MAX_CANDIDATES: usize = 100;
