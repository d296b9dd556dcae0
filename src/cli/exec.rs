//! `--exec`: a program and its arguments among our own.

use std::ffi::{OsStr, OsString};

use super::command;

/// The arguments with `--exec PROGRAM ARGUMENT…` spelled as clap can read it: `--exec=PROGRAM --exec-arg=ARGUMENT …`.
///
/// The program's arguments end before the next long option of ours, before `-C`, at `;` or at the end; after
/// `--exec --` only at `;` or at the end.
pub(super) fn spelled(arguments: Vec<OsString>) -> Vec<OsString> {
    let takes_it = arguments
        .iter()
        .position(|argument| COMMANDS.iter().any(|command| argument == command));
    let Some(first) =
        takes_it.filter(|first| arguments[*first..].iter().any(|argument| argument == EXEC))
    else {
        return arguments;
    };
    let own = own_options();
    let mut spelled = Vec::with_capacity(arguments.len());
    let mut left = arguments.into_iter().peekable();
    spelled.extend(left.by_ref().take(first));
    while let Some(argument) = left.next() {
        if argument == "--" {
            spelled.push(argument);
            spelled.extend(left);
            break;
        }
        if argument != EXEC {
            spelled.push(argument);
            continue;
        }
        let is_quoted = left.next_if(|next| next == "--").is_some();
        let ends = |next: &OsString| !is_quoted && is_own(next, &own);
        let Some(program) = left.next_if(|next| !ends(next) && next != END) else {
            spelled.push(argument);
            continue;
        };
        spelled.push(joined(EXEC, &program));
        while let Some(next) = left.next_if(|next| !ends(next)) {
            if next == END {
                break;
            }
            spelled.push(joined(ARGUMENT, &next));
        }
    }
    spelled
}

/// The commands with `--exec`; of `workload`, it is `fetch`.
const COMMANDS: [&str; 3] = ["renew", "watch", "fetch"];
const EXEC: &str = "--exec";
const ARGUMENT: &str = "--exec-arg";
const END: &str = ";";

fn joined(option: &str, value: &OsStr) -> OsString {
    let mut joined = OsString::from(option);
    joined.push("=");
    joined.push(value);
    joined
}

/// Whether an argument is one of our own options, with or without its value.
fn is_own(argument: &OsStr, own: &[String]) -> bool {
    let text = argument.to_string_lossy();
    let name = text.split_once('=').map_or(&*text, |(name, _)| name);
    name == "-C"
        || name
            .strip_prefix("--")
            .is_some_and(|name| own.iter().any(|known| known == name))
}

/// The long options of the commands that take `--exec`, and of every command.
fn own_options() -> Vec<String> {
    let mut whole = command();
    whole.build();
    let direct = whole.get_subcommands();
    let below = whole
        .get_subcommands()
        .flat_map(clap::Command::get_subcommands);
    let takes_it = direct.chain(below).filter(|command| {
        let mut arguments = command.get_arguments();
        COMMANDS.contains(&command.get_name())
            && arguments.any(|argument| argument.get_long() == Some("exec"))
    });
    let own = takes_it.flat_map(clap::Command::get_arguments);
    let options = own.chain(whole.get_arguments());
    options
        .filter_map(|option| option.get_long().map(str::to_owned))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_s_arguments_end_where_our_options_begin() {
        for (given, expected) in [
            ("renew --due", "renew --due"),
            (
                "renew --exec sh -c x --due",
                "renew --exec=sh --exec-arg=-c --exec-arg=x --due",
            ),
            ("renew --exec a --probe=b", "renew --exec=a --probe=b"),
            (
                "renew --exec a -v ; server",
                "renew --exec=a --exec-arg=-v server",
            ),
            (
                "renew --exec -- a --json ; --due",
                "renew --exec=a --exec-arg=--json --due",
            ),
            ("renew --exec a -C dir", "renew --exec=a -C dir"),
            ("renew --exec --due", "renew --exec --due"),
            ("renew -- --exec a", "renew -- --exec a"),
            ("mint a --exec b c", "mint a --exec b c"),
            (
                "workload fetch --exec a -b --watch --out d",
                "workload fetch --exec=a --exec-arg=-b --watch --out d",
            ),
        ] {
            let arguments = given.split(' ').map(OsString::from).collect();
            let spelled: Vec<_> = spelled(arguments)
                .into_iter()
                .map(|word| word.into_string().unwrap())
                .collect();
            assert_eq!(spelled.join(" "), expected, "{given}");
        }
    }
}
