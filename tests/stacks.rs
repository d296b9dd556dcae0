//! What the stacks are said to do, against what the real ones did.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use openagents_certs::ops::verify_chain::key_file;
use openagents_certs::path::stacks::{ClientFiles, Identity, ServerFiles, Setup, Stack, judge};
use time::OffsetDateTime;
use time::macros::datetime;

/// When the cases were made and run.
const AT: OffsetDateTime = datetime!(2026-11-20 08:05 UTC);

/// Cases whose column we say wrongly, and why.
const EXCEPTIONS: &[(&str, &str, &str)] = &[];

#[test]
fn real_stacks_do_what_is_said() {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/stacks");
    let Ok(table) = fs::read_to_string(shared.join("expect.tsv")) else {
        println!(
            "not run: there are no observed cases in {}",
            shared.display()
        );
        return;
    };
    check(&table, &shared.join("cases"), AT);
}

/// The same for observations elsewhere: `STACK_OBSERVATIONS` names a directory like `../shared/stacks`,
/// `STACK_OBSERVATIONS_AT` the second they were made at.
#[test]
fn real_stacks_do_what_is_said_elsewhere() {
    let Some(directory) = std::env::var_os("STACK_OBSERVATIONS").map(PathBuf::from) else {
        println!("not run: STACK_OBSERVATIONS names no directory");
        return;
    };
    let table = fs::read_to_string(directory.join("expect.tsv")).unwrap();
    let at = std::env::var("STACK_OBSERVATIONS_AT").ok();
    let at = at.map_or(AT, |seconds| {
        OffsetDateTime::from_unix_timestamp(seconds.parse().unwrap()).unwrap()
    });
    check(&table, &directory.join("cases"), at);
}

fn check(table: &str, cases: &Path, at: OffsetDateTime) {
    let mut lines = table.lines();
    let header: Vec<_> = lines.next().unwrap().split('\t').collect();
    let mut wrong = Vec::new();
    let mut counts: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for line in lines {
        let row: BTreeMap<_, _> = header.iter().copied().zip(line.split('\t')).collect();
        let Some(said) = said(
            &cases.join(row["id"]),
            row["host"],
            row["mtls"] == "true",
            at,
        ) else {
            println!("{}: not there", row["id"]);
            continue;
        };
        for (pair, said) in &said {
            let Some(observed) = row
                .get(pair.as_str())
                .filter(|o| **o != "-" && !o.is_empty())
            else {
                continue;
            };
            let column = header.iter().find(|column| **column == pair).unwrap();
            let count = counts.entry(column).or_default();
            count.1 += 1;
            if said.verdict == *observed {
                count.0 += 1;
            } else if !EXCEPTIONS.iter().any(|e| (e.0, e.1) == (row["id"], pair)) {
                wrong.push(format!(
                    "{} {pair}: said {} ({:?} / {:?}), observed {observed}: {}",
                    row["id"],
                    said.verdict,
                    said.client_error,
                    said.server_error,
                    row.get(format!("{pair}_error").as_str()).unwrap_or(&"")
                ));
            } else {
                count.0 += 1;
            }
        }
    }
    println!("right: {counts:?}");
    assert!(
        wrong.is_empty(),
        "{} wrong\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

struct Said {
    verdict: &'static str,
    client_error: Option<String>,
    server_error: Option<String>,
}

fn said(
    directory: &Path,
    host: &str,
    is_mutual: bool,
    at: OffsetDateTime,
) -> Option<BTreeMap<String, Said>> {
    let read = |name: &str| fs::read(directory.join(name)).ok();
    let key = key_file(&read("server.key")?);
    let (certificate, roots) = (read("server.crt")?, read("ca.crt")?);
    let client_key = key_file(&read("client.key").unwrap_or_default());
    let client_certificate = read("client.crt");
    let client_roots = read("client_ca.crt");
    let identity = client_certificate.as_deref().filter(|_| is_mutual);
    let setup = Setup {
        server: Some(ServerFiles {
            certificate: &certificate,
            key: Some(&key),
            client_roots: client_roots.as_deref().filter(|_| is_mutual),
        }),
        client: Some(ClientFiles {
            roots: Some(&roots),
            identity: identity.map(|certificate| Identity {
                certificate,
                key: Some(&client_key),
            }),
        }),
        host: Some(host),
    };
    let verdicts = judge(&setup, at);
    let said = verdicts.outcomes.into_iter().map(|outcome| {
        let verdict = match (outcome.server_starts, outcome.connects) {
            (Some(false), _) => "nostart",
            (_, Some(true)) => "ok",
            (_, _) => "fail",
        };
        let pair = format!("{}-{}", short(outcome.client), short(outcome.server));
        let said = Said {
            verdict,
            client_error: outcome.client_error,
            server_error: outcome.server_error,
        };
        (pair, said)
    });
    Some(said.collect())
}

fn short(stack: Stack) -> &'static str {
    match stack {
        Stack::GrpcCore => "py",
        Stack::GrpcJs => "js",
        Stack::Tonic => "rs",
    }
}
