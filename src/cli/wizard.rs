//! `generate --interactive`: questions, and the command line that the answers amount to.

use std::path::Path;

use super::prompt;
use crate::error::{Error, shown};
use crate::ops;
use crate::pki::san::TypedName;

/// Asks about the network. Gives the equivalent arguments of `generate`, and whether the key of a new CA is to be
/// encrypted. Refuses before the other questions if files would be replaced.
pub(super) fn ask(directory: &Path) -> Result<(Vec<String>, bool), Error> {
    let mut arguments = vec!["-o".to_owned()];
    let place = prompt::text("Directory for the certificates", &shown(directory), |_| {
        Ok(())
    })?;
    refuse_existing(Path::new(&place))?;
    let is_new = !ops::exists(&Path::new(&place).join("ca.key"))?;
    arguments.push(place);
    let who = prompt::choice(
        "Who will connect to this network",
        &[
            "programs on this machine only",
            "other machines, by name or address",
        ],
        0,
    )?;
    if who > 0 {
        let nodename = rustix::system::uname()
            .nodename()
            .to_string_lossy()
            .into_owned();
        let question = "Host names or IP addresses (the first is the primary)";
        let names = prompt::text(question, &nodename, |text| check(text, NAMES))?;
        let names = words(&names);
        if let Some(first) = names.first() {
            arguments.extend(["--for".to_owned(), url(first)]);
        }
        for name in names.iter().skip(1) {
            arguments.extend(["--san".to_owned(), (*name).to_owned()]);
        }
    }
    if prompt::confirm("Require client certificates (mutual TLS)", true)? {
        let question = "Number of agents, or their names";
        let agents = prompt::text(question, "1", |text| check(text, MAX_AGENTS))?;
        arguments.extend(clients(&agents));
    }
    let lifetimes = ["1 year", "90 days", "30 days", "24 hours"];
    let spellings = ["365d", "90d", "30d", "24h"];
    let chosen = prompt::choice("Validity period of the certificates", &lifetimes, 0)?;
    if chosen > 0 {
        arguments.extend(["--ttl".to_owned(), spellings[chosen].to_owned()]);
    }
    let question = "Protect the CA's key with a passphrase";
    let encrypt = is_new && prompt::confirm(question, false)?;
    Ok((arguments, encrypt))
}

/// Refuses a directory that has a server pair already.
fn refuse_existing(directory: &Path) -> Result<(), Error> {
    let path = directory.join("server.crt");
    if ops::exists(&path)? {
        return Err(Error::Exists {
            path,
            hint: "choose another directory, or replace the pairs with `openagents-certs generate --force`".into(),
        });
    }
    Ok(())
}

/// A command line, quoted for a shell.
pub(super) fn command_line(arguments: &[String], encrypt: bool) -> String {
    let source = encrypt.then(|| "--passphrase-file FILE".to_owned());
    let quoted = arguments.iter().map(|argument| quoted(argument));
    let all: Vec<String> = ["openagents-certs".to_owned(), "generate".to_owned()]
        .into_iter()
        .chain(quoted)
        .chain(source)
        .collect();
    all.join(" ")
}

/// The flags for the agents' pairs.
fn clients(agents: &str) -> Vec<String> {
    match agents.trim().parse::<usize>() {
        Ok(1) => vec!["--mtls".to_owned()],
        Ok(count) => (1..=count)
            .flat_map(|number| ["--client".to_owned(), format!("agent-{number}")])
            .collect(),
        Err(_) => words(agents)
            .into_iter()
            .flat_map(|name| ["--client".to_owned(), name.to_owned()])
            .collect(),
    }
}

/// Whether an answer is a list of names, or a number from 1 to `max_number`.
fn check(text: &str, max_number: usize) -> Result<(), String> {
    if let Ok(number) = text.trim().parse::<usize>()
        && max_number > 0
    {
        return if (1..=max_number).contains(&number) {
            Ok(())
        } else {
            Err(format!("give a number from 1 to {max_number}, or names"))
        };
    }
    let names = words(text);
    if names.is_empty() {
        return Err("give at least one name".into());
    }
    for name in names {
        name.parse::<TypedName>()
            .map_err(|error| error.to_string())?;
    }
    Ok(())
}

fn words(text: &str) -> Vec<&str> {
    text.split([',', ' '])
        .filter(|word| !word.is_empty())
        .collect()
}

fn url(name: &str) -> String {
    if name.contains(':') && !name.contains('/') {
        format!("grpcs://[{name}]:8600")
    } else {
        format!("grpcs://{name}:8600")
    }
}

fn quoted(argument: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@,+%".contains(c);
    if !argument.is_empty() && argument.chars().all(is_plain) {
        argument.to_owned()
    } else {
        format!("'{}'", argument.replace('\'', r"'\''"))
    }
}

const NAMES: usize = 0;
const MAX_AGENTS: usize = 500;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_of_agents_gives_numbered_names_and_names_are_kept() {
        assert_eq!(clients("1"), ["--mtls"]);
        assert_eq!(clients("2"), ["--client", "agent-1", "--client", "agent-2"]);
        assert_eq!(
            clients("alice, bob"),
            ["--client", "alice", "--client", "bob"]
        );
    }

    #[test]
    fn an_invalid_answer_is_refused() {
        assert!(check("501", MAX_AGENTS).is_err());
        assert!(check("0", MAX_AGENTS).is_err());
        assert!(check("", NAMES).is_err());
        assert!(check("x..y", NAMES).is_err());
        assert!(check("agents.example.org 10.0.0.7", NAMES).is_ok());
    }

    #[test]
    fn arguments_are_quoted_for_a_shell() {
        let line = command_line(&["-o".into(), "it's here".into(), "--mtls".into()], false);
        assert_eq!(line, r"openagents-certs generate -o 'it'\''s here' --mtls");
    }
}
