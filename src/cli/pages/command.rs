//! `openagents-certs-COMMAND(1)`: rendered from the command tree.

use clap::{Arg, ArgAction, Command};
use roff::{Inline, bold, italic, roman};

use super::{COMMANDS, PROGRAM, Page};

/// The page of a command and those of all below it.
pub(super) fn pages(command: &Command) -> Vec<(String, String)> {
    let mut pages: Vec<_> = visible(command).flat_map(pages).collect();
    pages.push((format!("{}.{COMMANDS}", page_name(command)), page(command)));
    pages
}

fn page(command: &Command) -> String {
    let summary = command
        .get_about()
        .map(ToString::to_string)
        .unwrap_or_default();
    let mut page = Page::new(&page_name(command), COMMANDS, &summary);
    synopsis(&mut page, command);
    page.heading("DESCRIPTION");
    let description = command.get_long_about().or_else(|| command.get_about());
    let description = description.map(ToString::to_string).unwrap_or_default();
    for paragraph in description.split("\n\n") {
        page.paragraph(paragraph);
    }
    subcommands(&mut page, command);
    arguments(&mut page, command);
    page.exit_status();
    page.heading("ENVIRONMENT");
    page.term(
        "OPENAGENTS_CERTS_DIR",
        "The PKI directory if -C is not given.",
    );
    page.term(
        "OPENAGENTS_CERTS_STORE",
        "The URL of the PostgreSQL database with the inventory; it counts more than [store] in certs.toml.",
    );
    page.term(
        "NO_COLOR",
        "If set and not empty, output has no colour unless --color asks for it.",
    );
    page.heading("FILES");
    page.paragraph("openagents-certs-files(5) describes the files in the PKI directory.");
    examples(&mut page, command);
    see_also(&mut page, command);
    page.end()
}

/// The command, its own options in the order of its help, the shared options in one word, then its arguments.
fn synopsis(page: &mut Page, command: &Command) {
    page.heading("SYNOPSIS");
    let mut line = vec![bold(command.get_bin_name().unwrap_or(PROGRAM))];
    for option in options(command).filter(|option| !is_shared(option)) {
        line.push(roman(if option.is_required_set() { " " } else { " [" }));
        line.extend(spelling(option, " | "));
        line.push(roman(if option.is_required_set() { "" } else { "]" }));
        if matches!(option.get_action(), ArgAction::Append) {
            line.push(roman("..."));
        }
    }
    line.extend([roman(" ["), italic("GLOBAL OPTIONS"), roman("]")]);
    if visible(command).next().is_some() {
        line.extend([roman(" "), italic("COMMAND")]);
    }
    for argument in command.get_positionals().filter(|one| !one.is_hide_set()) {
        let name = value_name(argument);
        let many = match argument.get_action() {
            ArgAction::Append => "...",
            _ => "",
        };
        let (open, close) = if argument.is_required_set() {
            ("", "")
        } else {
            ("[", "]")
        };
        line.extend([
            roman(format!(" {open}")),
            italic(name),
            roman(format!("{close}{many}")),
        ]);
    }
    page.0.text(line);
}

fn subcommands(page: &mut Page, command: &Command) {
    if visible(command).next().is_none() {
        return;
    }
    page.heading("COMMANDS");
    for child in visible(command) {
        let about = child
            .get_about()
            .map(ToString::to_string)
            .unwrap_or_default();
        page.term(&format!("{}(1)", page_name(child)), &about);
    }
}

/// Arguments and own options, then those every command takes.
fn arguments(page: &mut Page, command: &Command) {
    let positionals: Vec<_> = command
        .get_positionals()
        .filter(|one| !one.is_hide_set())
        .collect();
    if !positionals.is_empty() {
        page.heading("ARGUMENTS");
        for argument in positionals {
            described(page, argument, vec![italic(value_name(argument))]);
        }
    }
    page.heading("OPTIONS");
    for option in options(command).filter(|option| !is_shared(option)) {
        described(page, option, spelling(option, ", "));
    }
    page.subheading("Global options");
    for option in options(command).filter(|option| is_shared(option)) {
        described(page, option, spelling(option, ", "));
    }
}

fn described(page: &mut Page, argument: &Arg, term: Vec<Inline>) {
    let help = argument.get_long_help().or_else(|| argument.get_help());
    let mut text = help.map(ToString::to_string).unwrap_or_default();
    if !text.ends_with(['.', ']']) {
        text.push('.');
    }
    let defaults: Vec<_> = argument
        .get_default_values()
        .iter()
        .map(|value| value.to_string_lossy())
        .collect();
    if argument.get_action().takes_values()
        && !defaults.is_empty()
        && !argument.is_hide_default_value_set()
    {
        text.push_str(&format!(" The default is {}.", defaults.join(",")));
    }
    page.tagged(term, &text);
    for value in argument.get_possible_values() {
        if value.is_hide_set() || !argument.get_action().takes_values() {
            continue;
        }
        let help = value
            .get_help()
            .map(ToString::to_string)
            .unwrap_or_default();
        page.more(value.get_name(), &help);
    }
}

/// `-C DIR` and the examples of the help, as they are typed.
fn examples(page: &mut Page, command: &Command) {
    let help = command
        .get_after_long_help()
        .or_else(|| command.get_after_help());
    let help = help.map(ToString::to_string).unwrap_or_default();
    let (notes, examples): (Vec<_>, Vec<_>) = help
        .lines()
        .filter(|line| !line.trim_end().ends_with("xamples:") && !line.trim().is_empty())
        .partition(|line| !line.starts_with("  "));
    if !examples.is_empty() {
        page.heading("EXAMPLES");
        page.verbatim(examples.into_iter().map(str::trim));
    }
    if !notes.is_empty() {
        page.heading("NOTES");
        page.paragraph(&notes.join(" "));
    }
}

/// The command above, its siblings' parent, those below, and the pages on formats.
fn see_also(page: &mut Page, command: &Command) {
    let name = page_name(command);
    let mut pages: Vec<String> = visible(command)
        .map(|child| format!("{}(1)", page_name(child)))
        .collect();
    let words: Vec<&str> = command
        .get_bin_name()
        .unwrap_or(PROGRAM)
        .split(' ')
        .collect();
    if words.len() > 1 {
        pages.insert(0, format!("{}(1)", words[..words.len() - 1].join("-")));
    }
    pages.retain(|page| *page != format!("{name}(1)"));
    pages.extend(["files(5)", "findings(7)", "json(7)"].map(|page| format!("{PROGRAM}-{page}")));
    page.see_also(&pages);
}

/// `-d, --days N`, with the value in italics.
fn spelling(option: &Arg, between: &str) -> Vec<Inline> {
    let short = option.get_short().map(|short| format!("-{short}"));
    let long = option.get_long().map(|long| format!("--{long}"));
    let names: Vec<String> = short.into_iter().chain(long).collect();
    let mut parts = Vec::new();
    for (at, name) in names.iter().enumerate() {
        if at > 0 {
            parts.push(roman(between));
        }
        parts.push(bold(name));
    }
    if option.get_action().takes_values() {
        parts.extend([roman(" "), italic(value_name(option))]);
    }
    parts
}

fn value_name(argument: &Arg) -> String {
    match argument.get_value_names() {
        Some(names) => names.join(" "),
        None => argument.get_id().as_str().to_uppercase(),
    }
}

fn options(command: &Command) -> impl Iterator<Item = &Arg> {
    command
        .get_arguments()
        .filter(|one| !one.is_positional() && !one.is_hide_set())
}

/// Whether every command has it.
fn is_shared(option: &Arg) -> bool {
    option.is_global_set() || matches!(option.get_id().as_str(), "help" | "version")
}

fn visible(command: &Command) -> impl Iterator<Item = &Command> {
    command
        .get_subcommands()
        .filter(|child| !child.is_hide_set())
}

fn page_name(command: &Command) -> String {
    command.get_bin_name().unwrap_or(PROGRAM).replace(' ', "-")
}
