//! The top-level help: commands grouped by task.

use clap::builder::{StyledStr, Styles};

/// The help template of the program itself.
pub(super) fn first(command: &clap::Command) -> StyledStr {
    let heading = Styles::styled();
    let heading = heading.get_header();
    let name_of = clap::Command::get_name;
    let all: Vec<_> = command
        .get_subcommands()
        .filter(|one| !one.is_hide_set())
        .collect();
    let width = all.iter().map(|one| name_of(one).len()).max().unwrap_or(0);
    let known = |name: &str| TASKS.iter().any(|(_, names)| names.contains(&name));
    let others: Vec<_> = all
        .iter()
        .map(|one| name_of(one))
        .filter(|name| !known(name))
        .collect();
    let mut text = "{about-with-newline}\n{usage-heading} {usage}\n".to_owned();
    for (task, names) in TASKS
        .iter()
        .copied()
        .chain([(OTHER_TASKS, others.as_slice())])
    {
        let of_task: Vec<_> = names
            .iter()
            .filter_map(|name| all.iter().find(|one| name_of(one) == *name))
            .collect();
        if of_task.is_empty() {
            continue;
        }
        text.push_str(&format!("\n{heading}{task}:{heading:#}\n"));
        for one in of_task {
            let about = one.get_about().map(ToString::to_string).unwrap_or_default();
            text.push_str(&format!(
                "  {:width$}  {}\n",
                name_of(one),
                wrapped(&about, width + 4)
            ));
        }
    }
    text.push_str(&format!(
        "\n{heading}Options:{heading:#}\n{{options}}{{after-help}}"
    ));
    text.into()
}

/// Wraps a text to 80 columns and indents every line but the first.
fn wrapped(text: &str, indent: usize) -> String {
    let mut lines = String::new();
    let mut column = indent;
    for word in text.split(' ') {
        let length = word.chars().count();
        if column + length >= MAX_COLUMNS && column > indent {
            lines.push_str(&format!("\n{:indent$}", ""));
            column = indent;
        } else if column > indent {
            lines.push(' ');
            column += 1;
        }
        lines.push_str(word);
        column += length;
    }
    lines
}

const MAX_COLUMNS: usize = 80;

/// Tasks and the commands for them.
const TASKS: &[(&str, &[&str])] = &[
    ("Start", &["generate", "mint"]),
    ("Issue", &["ca", "issue", "csr"]),
    ("Check", &["verify", "verify-chain", "inspect", "explain"]),
    (
        "Operate",
        &[
            "list", "show", "status", "renew", "watch", "rotate", "revoke", "unrevoke", "crl",
        ],
    ),
    ("Distribute", &["export", "trust", "template"]),
    ("Exchange", &["message"]),
];
/// The heading of all other commands.
const OTHER_TASKS: &str = "Set up";
