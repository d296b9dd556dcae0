//! What the stacks are said to do, against what the real ones did.

#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "it looks at cases on the disk and tells how many are right"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::path::chain::{Draft, Key};
use openagents_certs::keys::{self, Password, PrivateKey};
use openagents_certs::ops::verify_chain::key_file;
use openagents_certs::path::stacks::{
    Affected, ClientFiles, Identity, KeyForm, KeyLookup, ServerFiles, Setup, Side, Stack, Verdicts,
    judge,
};
use openagents_certs::pki::algorithm::KeyType;
use openagents_certs::pki::pem;
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

#[test]
fn a_setup_that_conforms_connects_everywhere() {
    let made = Made::new(|_| {}, |_| {});
    let verdicts = made.judge("localhost");
    assert_eq!(verdicts.outcomes.len(), 9);
    assert!(verdicts.outcomes.iter().all(|o| o.connects == Some(true)));
    assert!(verdicts.causes.is_empty(), "{:?}", verdicts.causes);
}

#[test]
fn what_all_clients_refuse_is_one_cause() {
    let made = Made::new(|_| {}, |leaf| leaf.not_after = "260201000000Z".into());
    let verdicts = made.judge("localhost");
    assert!(verdicts.outcomes.iter().all(|o| o.connects == Some(false)));
    assert!(
        verdicts
            .outcomes
            .iter()
            .all(|o| o.server_starts == Some(true))
    );
    let [cause] = verdicts.causes.as_slice() else {
        panic!("{:?}", verdicts.causes);
    };
    assert_eq!(cause.finding.id, "expired");
    let client = |stack| Affected {
        stack,
        role: Side::Client,
    };
    assert_eq!(cause.affects, Stack::ALL.map(client));
}

#[test]
fn a_root_that_may_not_sign_certificates_is_refused_by_all_but_tonic() {
    let forget = |root: &mut Draft| {
        root.remove(KEY_USAGE);
        root.put(KEY_USAGE, true, vec![0x03, 0x02, 0x07, 0x80]);
    };
    let verdicts = Made::new(forget, |_| {}).judge("localhost");
    assert_eq!(refusing(&verdicts), [Stack::GrpcCore, Stack::GrpcJs]);
    assert!(
        verdicts
            .causes
            .iter()
            .all(|c| c.finding.id == "key-usage-cert-sign")
    );
    let said = |client| {
        let mut outcomes = verdicts.outcomes.iter().filter(|o| o.client == client);
        outcomes.next().unwrap().client_error.clone().unwrap()
    };
    assert!(said(Stack::GrpcCore).contains("unable to get local issuer certificate"));
    assert!(said(Stack::GrpcJs).contains("key usage does not include certificate signing"));
}

#[test]
fn a_byte_order_mark_hides_the_certificate_from_all_but_node() {
    let mut made = Made::new(|_| {}, |_| {});
    made.certificate.splice(..0, [0xef, 0xbb, 0xbf]);
    let verdicts = made.judge("localhost");
    let starting: Vec<_> = verdicts
        .outcomes
        .iter()
        .filter(|o| o.server_starts == Some(true))
        .map(|o| o.server)
        .collect();
    assert_eq!(starting, [Stack::GrpcJs; 3]);
    assert_eq!(verdicts.causes[0].finding.id, "file-byte-order-mark");
}

#[test]
fn of_two_roots_of_one_name_only_tonic_tries_both() {
    let strip = |draft: &mut Draft| {
        draft.remove(SUBJECT_KEY_IDENTIFIER);
        draft.remove(AUTHORITY_KEY_IDENTIFIER);
    };
    let mut made = Made::new(strip, strip);
    let other = Made::new(strip, strip);
    made.roots.splice(..0, other.roots);
    let verdicts = made.judge("localhost");
    assert_eq!(refusing(&verdicts), [Stack::GrpcCore, Stack::GrpcJs]);
    assert_eq!(verdicts.causes[0].finding.id, "anchors-ambiguous");
}

#[test]
fn without_the_client_it_is_told_whether_servers_start() {
    let made = Made::new(|_| {}, |_| {});
    let setup = Setup {
        server: Some(made.server()),
        ..Setup::default()
    };
    let verdicts = judge(&setup, AT);
    let outcomes = &verdicts.outcomes;
    assert!(outcomes.iter().all(|o| o.server_starts == Some(true)));
    assert!(outcomes.iter().all(|o| o.connects.is_none()));
}

#[test]
fn a_client_without_certificate_is_refused_where_one_is_asked_for() {
    let made = Made::new(|_| {}, |_| {});
    let setup = Setup {
        server: Some(ServerFiles {
            client_roots: Some(&made.roots),
            ..made.server()
        }),
        client: Some(made.client()),
        host: Some("localhost"),
    };
    let verdicts = judge(&setup, AT);
    assert!(verdicts.outcomes.iter().all(|o| o.connects == Some(false)));
    assert_eq!(verdicts.causes[0].finding.id, "client-certificate-missing");
}

#[test]
fn an_outcome_is_told_in_json_as_programs_expect_it() {
    let verdicts = Made::new(|_| {}, |_| {}).judge("elsewhere.test");
    let outcome = &verdicts.outcomes[0];
    let json = serde_json::to_value(outcome).unwrap();
    assert_eq!(json["client"], "grpc-core");
    assert_eq!(json["server"], "grpc-core");
    assert_eq!(json["server_starts"], true);
    assert_eq!(json["connects"], false);
    let error = json["client_error"].as_str().unwrap();
    assert!(error.contains("Hostname Verification Check failed"));
}

#[test]
fn an_encrypted_key_is_seen_for_one_without_its_password() {
    let key = PrivateKey::generate(KeyType::P256).unwrap();
    let password = Password::from_file(b"secret");
    let text = keys::to_pem(key.pkcs8(), Some(&password)).unwrap();
    let read = key_file(text.as_bytes());
    let KeyLookup::Key(block) = &read.grpc_core else {
        panic!("{read:?}");
    };
    assert_eq!(block.form, KeyForm::Encrypted);
    assert!(matches!(read.tonic, KeyLookup::Nothing { .. }));
    let plain = key_file(keys::to_pem(key.pkcs8(), None).unwrap().as_bytes());
    let KeyLookup::Key(block) = &plain.tonic else {
        panic!("{plain:?}");
    };
    assert_eq!(block.rustls_takes_it, Some(true));
    assert_eq!(
        block.public_key_info.as_deref(),
        Some(key.public_key_info())
    );
}

#[test]
fn octets_of_any_kind_are_judged_without_a_panic() {
    let made = Made::new(|_| {}, |_| {});
    for end in (0..made.certificate.len()).step_by(97) {
        let mut changed = Made::new(|_| {}, |_| {});
        changed.certificate[end] ^= 0x15;
        changed.roots.truncate(end);
        changed.judge("local\u{0}host");
    }
}

/// A root and a server's certificate for localhost.
struct Made {
    certificate: Vec<u8>,
    roots: Vec<u8>,
}

impl Made {
    fn new(root: impl FnOnce(&mut Draft), leaf: impl FnOnce(&mut Draft)) -> Self {
        let (ca, own) = (Key::new(), Key::new());
        let mut ca_draft = Draft::ca("Root", "Root", &ca, &ca);
        root(&mut ca_draft);
        let mut leaf_draft = Draft::server("localhost", "Root", &own, &ca);
        leaf(&mut leaf_draft);
        let text = |der: Vec<u8>| {
            pem::encode("CERTIFICATE", &der)
                .unwrap()
                .as_bytes()
                .to_vec()
        };
        Made {
            certificate: text(leaf_draft.sign(&own, &ca)),
            roots: text(ca_draft.sign(&ca, &ca)),
        }
    }

    fn server(&self) -> ServerFiles<'_> {
        ServerFiles {
            certificate: &self.certificate,
            key: None,
            client_roots: None,
        }
    }

    fn client(&self) -> ClientFiles<'_> {
        ClientFiles {
            roots: Some(&self.roots),
            identity: None,
        }
    }

    fn judge(&self, host: &str) -> Verdicts {
        let setup = Setup {
            server: Some(self.server()),
            client: Some(self.client()),
            host: Some(host),
        };
        judge(&setup, AT)
    }
}

/// The clients that do not reach a server of their own kind.
fn refusing(verdicts: &Verdicts) -> Vec<Stack> {
    let own = verdicts.outcomes.iter().filter(|o| o.client == o.server);
    own.filter(|o| o.connects == Some(false))
        .map(|o| o.client)
        .collect()
}

const KEY_USAGE: u8 = 15;
const SUBJECT_KEY_IDENTIFIER: u8 = 14;
const AUTHORITY_KEY_IDENTIFIER: u8 = 35;

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
            if column == &"py-py" && row.contains_key("py_client_error") {
                let seen = row["py_client_error"];
                let ours = said.client_error.as_deref().unwrap_or_default();
                if ours != seen {
                    wrong.push(format!(
                        "{} {pair}: said '{ours}', seen '{seen}'",
                        row["id"]
                    ));
                }
            }
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
