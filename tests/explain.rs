//! Error texts as programs really print them: `tests/explain/observed.tsv` holds what was seen of each,
//! `documented.tsv` what their sources print. Columns: program, what it means, text.

#![allow(clippy::unwrap_used, reason = "tests")]

use openagents_certs::Error;
use openagents_certs::ops::explain::{Input, Report, Request, run};
use openagents_certs::ops::verify_chain::Files;
use openagents_certs::ops::{Report as _, Verdict};
use std::collections::BTreeSet;
use time::OffsetDateTime;
use time::macros::datetime;

#[test]
fn what_programs_really_print_is_recognised() {
    hold(include_str!("explain/observed.tsv"), 60);
}

#[test]
fn what_the_sources_of_programs_print_is_recognised() {
    hold(include_str!("explain/documented.tsv"), 700);
}

#[test]
fn a_log_gives_each_error_once_with_its_first_line_and_count() {
    let log = "starting\n\x1b[31mERROR\x1b[0m ssl.SSLError: [SSL: WRONG_VERSION_NUMBER] wrong version number (_ssl.c:1006)\n\
               x509: certificate is valid for localhost, not a.test\n\
               2026-11-20T08:00:00Z E [ssl: wrong_version_number]\n";
    let report = explained(log);
    let found: Vec<_> = report
        .matches
        .iter()
        .map(|one| (one.id, one.line, one.count))
        .collect();
    assert_eq!(
        found,
        [("plaintext-port", 2, 2), ("hostname-mismatch", 3, 1)]
    );
    assert!(report.matches[1].next[0].ends_with("--host a.test"));
}

#[test]
fn a_text_that_a_terminal_broke_into_lines_is_recognised() {
    let report = explained(
        "SSL routines: certificate\n  verify failed: unable to get local\n  issuer certificate",
    );
    assert_eq!(report.matches[0].id, "issuer-unknown");
}

#[test]
fn what_names_the_fault_comes_before_what_wraps_it() {
    let report = explained(
        "requests.exceptions.SSLError: Max retries exceeded\nssl.SSLError: ...\ncertificate has expired",
    );
    assert_eq!(report.matches[0].id, "certificate-expired");
    assert!(report.matches.len() > 1);
}

#[test]
fn of_a_number_and_a_text_the_text_counts() {
    let first = |text: &str| explained(text).matches[0].id;
    assert_eq!(
        first("error 24 at 1 depth lookup:invalid CA certificate"),
        "issuer-is-no-ca"
    );
    assert_eq!(
        first("error 18 at 0 depth lookup: ?"),
        "self-signed-certificate"
    );
    let nginx = "nginx: [emerg] SSL_CTX_use_PrivateKey(\"/etc/nginx/server.key\") failed \
                 (SSL: error:05800074:x509 certificate routines::key values mismatch)";
    assert_eq!(first(nginx), "key-mismatch");
}

#[test]
fn what_no_table_has_is_guessed_from_its_words_and_called_a_guess() {
    for (text, id) in [
        (
            "peer certificate issued by an unrecognized authority",
            "issuer-unknown",
        ),
        (
            "XTLS: the certificate expired on 2026-01-01",
            "certificate-expired",
        ),
        (
            "leaf certificate doesn't allow server auth EKU",
            "wrong-purpose",
        ),
        (
            "could not read PEM private key from /etc/x.key",
            "private-key-unreadable",
        ),
        (
            "the broker was reset during the TLS handshake",
            "connection-closed",
        ),
        (
            "server cert does not match the requested host name",
            "hostname-mismatch",
        ),
    ] {
        let report = explained(text);
        let found = &report.matches[0];
        assert_eq!((found.id, found.guess), (id, true), "{text}");
        assert!(report.to_string().contains("(a guess;"), "{report}");
    }
    for text in [
        "all is well",
        "session expired, please log in",
        "user revoked",
    ] {
        assert!(explained(text).matches.is_empty(), "{text}");
    }
}

#[test]
fn the_dialled_name_is_taken_from_the_text() {
    for (text, host) in [
        (
            "x509: certificate is valid for localhost, not a.test",
            "a.test",
        ),
        (
            "Hostname mismatch, certificate is not valid for 'b.test'. (_ssl.c:1006)",
            "b.test",
        ),
        (
            "No subject alternative DNS name matching c.test found.",
            "c.test",
        ),
        ("Peer name d.test is not in peer certificate", "d.test"),
        (
            "hostname \"e.test\" does not match the server certificate",
            "e.test",
        ),
        (
            "x509: cannot validate certificate for 10.0.0.7 because it doesn't contain any IP SANs",
            "10.0.0.7",
        ),
    ] {
        let next = &explained(text).matches[0].next;
        assert!(
            next.iter().any(|one| one.contains(host)),
            "{text}: {next:?}"
        );
    }
}

#[test]
fn what_is_not_known_is_answered_with_no_and_nothing_with_an_error() {
    let report = explained("all is well");
    assert_eq!(report.verdict(), Verdict::No);
    assert!(report.reason().is_some());
    for text in ["", " \n\t\n", "\x1b[0m"] {
        assert!(matches!(run(&request(text), NOW), Err(Error::Usage { .. })));
    }
}

#[test]
fn nothing_in_a_text_reaches_the_terminal_as_it_is() {
    let report = explained("x509: certificate is valid for \u{202e}evil, not \u{9b}31m;rm -rf");
    let shown = report.to_string();
    assert!(!shown.contains(['\u{202e}', '\u{9b}', '\u{1b}']));
}

#[test]
fn a_line_without_end_is_looked_through_to_its_end() {
    let text = format!("{}certificate has expired", "x".repeat(100_000));
    assert!(
        explained(&text).matches.is_empty(),
        "it is in the middle of a word"
    );
    let text = format!(
        "{} certificate has expired{}",
        "x ".repeat(50_000),
        " y".repeat(50_000)
    );
    let report = explained(&text);
    assert_eq!(
        (report.matches[0].id, report.matches[0].count),
        ("certificate-expired", 1)
    );
    assert!(report.matches[0].text.len() < 400);
}

#[test]
fn every_command_that_is_advised_is_one() {
    let tables = [
        include_str!("explain/observed.tsv"),
        include_str!("explain/documented.tsv"),
    ];
    let mut advised = BTreeSet::new();
    for text in tables.iter().flat_map(|table| table.lines()) {
        let text = text.splitn(3, '\t').nth(2).unwrap();
        advised.extend(explained(text).matches.into_iter().flat_map(|one| one.next));
    }
    let command = openagents_certs::cli::command();
    for line in &advised {
        assert!(!line.contains(['{', '}']), "{line}");
        let words: Vec<_> = line.split(' ').collect();
        let is_ours = words[0] == "openagents-certs" && command.find_subcommand(words[1]).is_some();
        if is_ours && let Err(error) = command.clone().try_get_matches_from(&words) {
            assert!(!error.use_stderr(), "{line}\n{error}");
        }
    }
}

fn hold(table: &str, least: usize) {
    let mut wrong = Vec::new();
    let mut rows = 0;
    for row in table.lines() {
        let [stack, id, text] = row.splitn(3, '\t').collect::<Vec<_>>()[..] else {
            panic!("not three columns: {row}");
        };
        rows += 1;
        let report = explained(text);
        let first = report.matches.first().map(|one| one.id);
        if first != Some(id) {
            wrong.push(format!("{stack}: {text}\n  expected {id}, found {first:?}"));
        }
    }
    assert!(rows >= least, "only {rows}");
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

fn explained(text: &str) -> Report {
    run(&request(text), NOW).unwrap()
}

fn request(text: &str) -> Request {
    Request {
        text: Input::Given(text.to_owned()),
        files: Files::default(),
        host: None,
    }
}

const NOW: OffsetDateTime = datetime!(2026-11-20 08:05 UTC);
