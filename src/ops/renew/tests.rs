use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::Path;

use time::Duration;

use super::*;
use crate::error::FileError;
use crate::ops::managed::tests::{NOW, authority_at, issue, make_authority};
use crate::ops::{Report as _, Verdict};
use crate::pki::bundle;
use crate::store::Revocation;

const DUE: OffsetDateTime = NOW.saturating_add(Duration::days(62));

#[test]
fn what_is_due_is_renewed_with_everything_but_dates_and_serial_number_as_it_was() {
    let scene = Scene::new();
    let before = scene.certificate("server");
    assert_eq!(scene.renew(&due(), NOW + Duration::days(59)).renewed, 0);
    let report = scene.renew(&due(), DUE);
    assert_eq!((report.renewed, report.due), (1, 1));
    let after = scene.certificate("server");
    assert_ne!(after.serial(), before.serial());
    assert_eq!(after.public_key_info(), before.public_key_info());
    assert_eq!(after.subject(), before.subject());
    assert_eq!(after.extensions(), before.extensions());
    assert_eq!(after.not_after(), DUE + Duration::days(90));
    let inventory = authority::open_inventory(scene.path(), Opening::MustExist).unwrap();
    let entry = inventory.find(after.serial()).unwrap().unwrap();
    assert_eq!(entry.replaces.as_ref(), Some(before.serial()));
    assert_eq!(entry.profile, "server");
    assert_eq!(scene.renew(&due(), DUE).renewed, 0);
}

#[test]
fn owner_and_mode_stay_and_the_key_is_not_touched() {
    let scene = Scene::new();
    let [certificate, key] = ["server.crt", "server.key"].map(|name| scene.path().join(name));
    for (path, mode) in [(&certificate, 0o640), (&key, 0o440)] {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        // Only root may give files away.
        let _ = chown(path, Some(12345), Some(54321));
    }
    let before = [&certificate, &key].map(|path| fs::metadata(path).unwrap());
    scene.renew(&due(), DUE);
    scene.renew(&rekey(), DUE + Duration::DAY);
    for (path, before) in [&certificate, &key].into_iter().zip(before) {
        let after = fs::symlink_metadata(path).unwrap();
        assert!(after.is_file());
        assert_eq!(
            (after.mode(), after.uid(), after.gid()),
            (before.mode(), before.uid(), before.gid())
        );
    }
}

#[test]
fn with_a_new_key_both_are_replaced_and_a_combined_file_follows() {
    let scene = Scene::new();
    let request = Request {
        combined: true,
        ..rekey()
    };
    let before = scene.certificate("server");
    let report = scene.renew(&request, DUE);
    assert!(report.certificates[0].rekeyed);
    let after = scene.certificate("server");
    assert_ne!(after.public_key_info(), before.public_key_info());
    assert_eq!(after.not_after() - before.not_after(), Duration::days(62));
    for request in [due(), rekey()] {
        let text = |name: &str| fs::read_to_string(scene.path().join(name)).unwrap();
        assert_eq!(text("server.pem"), text("server.crt") + &text("server.key"));
        assert_eq!(
            scene
                .renew(
                    &Request {
                        due_only: false,
                        ..request
                    },
                    DUE
                )
                .renewed,
            1
        );
    }
    let mode = fs::metadata(scene.path().join("server.pem"))
        .unwrap()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_file_in_the_combined_one_s_place_that_is_another_thing_is_left_alone() {
    let scene = Scene::new();
    fs::write(scene.path().join("server.pem"), "mine").unwrap();
    let mut report = scene.renew(
        &Request {
            combined: true,
            ..due()
        },
        DUE,
    );
    assert!(matches!(report.take_failures()[..], [Error::Exists { .. }]));
    assert_eq!(scene.renew(&due(), DUE).renewed, 1);
    assert_eq!(fs::read(scene.path().join("server.pem")).unwrap(), b"mine");
}

#[test]
fn the_revoked_stay_as_they_are_unless_forced_and_a_compromised_key_goes() {
    let scene = Scene::new();
    let serial = scene.certificate("server").serial().clone();
    let mut inventory = authority::open_inventory(scene.path(), Opening::MustExist).unwrap();
    let revocation = Revocation {
        at: NOW,
        reason: RevocationReason::KeyCompromise,
        invalidity_date: None,
    };
    inventory.revoke(&serial, revocation).unwrap();
    for request in [
        due(),
        rekey(),
        Request {
            force: true,
            ..named("server")
        },
    ] {
        let report = scene.renew(&request, DUE);
        let server = &report.certificates[0];
        assert_eq!(server.outcome, Outcome::Revoked);
        assert!(
            server
                .message
                .as_ref()
                .unwrap()
                .contains("revoked (keyCompromise)")
        );
    }
    assert_eq!(
        scene
            .renew(
                &Request {
                    force: true,
                    ..rekey()
                },
                DUE
            )
            .renewed,
        1
    );
}

#[test]
fn the_expired_are_renewed_and_names_are_of_files_or_certificates() {
    let scene = Scene::new();
    let long_after = NOW + Duration::days(400);
    assert_eq!(scene.renew(&due(), long_after).renewed, 1);
    let path = scene.path().join("server.crt");
    for name in [
        "server",
        "server.crt",
        "server.test",
        path.to_str().unwrap(),
    ] {
        assert_eq!(scene.renew(&named(name), long_after).renewed, 1, "{name}");
    }
    for name in ["nobody", "serve", "./nobody.crt", "ca"] {
        let refused = run(&named(name), &authority_at(scene.path()), NOW);
        assert!(matches!(refused, Err(Error::Usage { .. })), "{name}");
    }
    let only_if_due = Request {
        due_only: true,
        ..named("server")
    };
    assert_eq!(scene.renew(&only_if_due, long_after).renewed, 0);
}

#[test]
fn one_that_cannot_be_read_or_renewed_does_not_keep_the_others() {
    let scene = Scene::new();
    for name in ["a", "b"] {
        issue(scene.path(), name, scene.path(), "90d");
    }
    fs::write(scene.path().join("broken.crt"), "junk").unwrap();
    fs::copy(scene.path().join("a.key"), scene.path().join("b.key")).unwrap();
    let mut report = scene.renew(&due(), DUE);
    let outcomes = report
        .certificates
        .iter()
        .map(|one| (one.name.as_str(), one.outcome, one.state));
    assert_eq!(
        outcomes.collect::<Vec<_>>(),
        [
            ("a", Outcome::Renewed, State::New),
            ("b", Outcome::Failed, State::Old),
            ("server", Outcome::Renewed, State::New)
        ]
    );
    assert!(matches!(
        report.take_failures()[..],
        [
            Error::File {
                source: FileError::Bundle(_),
                ..
            },
            Error::KeyMismatch { .. }
        ]
    ));
}

#[test]
fn a_lifetime_is_cut_to_what_the_profile_allows_now_and_a_refusal_is_an_answer() {
    let scene = Scene::new();
    let config = scene.path().join("certs.toml");
    fs::write(&config, "[profiles.server]\nmax_lifetime = '30d'").unwrap();
    let report = scene.renew(&due(), DUE);
    assert_eq!(
        scene.certificate("server").not_after(),
        DUE + Duration::days(30)
    );
    assert!(report.certificates[0].notes[0].contains("30d"));
    fs::write(
        &config,
        "[profiles.server.policy]\npermitted_dns = ['*.other']",
    )
    .unwrap();
    let report = scene.renew(&named("server"), DUE);
    assert_eq!(report.certificates[0].outcome, Outcome::Refused);
    assert_eq!(report.verdict(), Verdict::No);
}

#[test]
fn a_certificate_that_cannot_last_longer_is_not_renewed_again_and_again() {
    let scene = Scene::new();
    let near_the_end = NOW + Duration::days(3600);
    assert_eq!(scene.renew(&due(), near_the_end).renewed, 1);
    let later = near_the_end + Duration::days(40);
    let report = scene.renew(&due(), later);
    assert_eq!(report.certificates[0].outcome, Outcome::Refused);
    assert_eq!(scene.renew(&named("server"), later).renewed, 1);
}

#[test]
fn a_program_that_fails_leaves_the_new_one_or_brings_back_the_old() {
    let fails = |rollback| Follow {
        hook: Some(hook("test \"$OPENAGENTS_CERTS_EVENT\" = rolled-back")),
        rollback,
        ..Follow::default()
    };
    for request in [
        due(),
        Request {
            due_only: false,
            ..rekey()
        },
    ] {
        let scene = Scene::new();
        let files =
            || ["server.crt", "server.key"].map(|name| fs::read(scene.path().join(name)).unwrap());
        let before = files();
        let mut report = scene.renew(
            &Request {
                follow: fails(true),
                ..request
            },
            DUE,
        );
        assert_eq!(report.certificates[0].state, State::RolledBack);
        assert!(matches!(
            report.take_failures()[..],
            [Error::RolledBack { .. }]
        ));
        assert_eq!((files(), report.renewed), (before.clone(), 0));
        let mut report = scene.renew(
            &Request {
                follow: fails(false),
                ..due()
            },
            DUE,
        );
        assert_eq!(report.certificates[0].state, State::New);
        assert!(report.take_failures().is_empty() && report.verdict() == Verdict::No);
        assert_ne!(files(), before);
        let pending = report.take_pending();
        assert_eq!(pending.len(), 1);
        let again = Request {
            follow: Follow {
                hook: Some(hook("true")),
                ..Follow::default()
            },
            ..due()
        };
        let mut report = follow_again(&again, scene.path(), pending, DUE);
        assert!(report.take_pending().is_empty());
    }
}

#[test]
fn an_encrypted_key_is_not_replaced_by_one_that_is_not() {
    let scene = Scene::new();
    let key = scene.path().join("server.key");
    let block = crate::pki::pem::blocks(&fs::read(&key).unwrap())
        .unwrap()
        .remove(0);
    let password = crate::keys::Password::from_file(b"hunter2");
    let encrypted = crate::keys::to_pem(&block.contents, Some(&password)).unwrap();
    fs::write(&key, encrypted.as_bytes()).unwrap();
    assert_eq!(
        scene.renew(&rekey(), DUE).certificates[0].outcome,
        Outcome::Failed
    );
    assert_eq!(scene.renew(&due(), DUE).renewed, 1);
    assert_eq!(fs::read(&key).unwrap(), encrypted.as_bytes());
}

#[test]
fn of_two_at_once_one_renews() {
    let scene = Scene::new();
    for names in [None, Some(vec!["server".into()])] {
        let due_only = names.is_none();
        let request = || Request {
            names: names.clone(),
            due_only,
            ..due()
        };
        let renewed: usize = std::thread::scope(|scope| {
            let start = || scope.spawn(|| scene.renew(&request(), DUE).renewed);
            let threads: Vec<_> = (0..4).map(|_| start()).collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .sum()
        });
        assert!(renewed >= 1 && (renewed == 1 || !due_only), "{renewed}");
    }
}

#[test]
fn nothing_due_is_told_apart_unless_a_timer_asks() {
    let scene = Scene::new();
    let report = scene.renew(&due(), NOW);
    assert_eq!(report.verdict(), Verdict::No);
    assert!(
        report
            .reason()
            .unwrap()
            .starts_with("nothing is due before 2027-01-")
    );
    let timer = Request {
        must_renew: false,
        ..due()
    };
    assert_eq!(scene.renew(&timer, NOW).verdict(), Verdict::Yes);
}

/// An authority with a server's pair for 90 days.
struct Scene(tempfile::TempDir);

impl Scene {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        make_authority(directory.path());
        issue(directory.path(), "server", directory.path(), "90d");
        Scene(directory)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn renew(&self, request: &Request, now: OffsetDateTime) -> Renewal {
        run(request, &authority_at(self.path()), now).unwrap()
    }

    fn certificate(&self, base: &str) -> Certificate {
        let path = self.path().join(base).with_extension("crt");
        bundle::certificates(&fs::read(path).unwrap())
            .unwrap()
            .remove(0)
    }
}

/// What is due, without more ado.
pub(in crate::ops) fn due() -> Request {
    Request {
        names: None,
        labels: Vec::new(),
        due_only: true,
        timing: Timing::default(),
        rekey: false,
        key_type: None,
        combined: false,
        force: false,
        dry_run: false,
        must_renew: true,
        requested_by: "joe@host".into(),
        follow: Follow::default(),
    }
}

fn rekey() -> Request {
    Request {
        rekey: true,
        due_only: false,
        ..due()
    }
}

fn named(name: &str) -> Request {
    Request {
        names: Some(vec![name.into()]),
        due_only: false,
        ..due()
    }
}

/// A program of the shell.
pub(in crate::ops) fn hook(script: &str) -> Hook {
    Hook {
        program: "sh".into(),
        arguments: vec!["-c".into(), script.into()],
        timeout: std::time::Duration::from_secs(20),
        hidden: Vec::new(),
        output: None,
    }
}
