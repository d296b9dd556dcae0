//! What only a database on disk can go wrong in.

use std::fs;
use std::ops::ControlFlow;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use time::macros::datetime;

use super::*;
use crate::store::tests::entry;

#[test]
fn a_new_inventory_is_readable_by_its_owner_only_and_so_is_what_stands_beside_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("inventory.db");
    record(&path, 1);
    for file in fs::read_dir(directory.path()).unwrap() {
        let mode = file.unwrap().metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

#[test]
fn a_missing_inventory_is_made_only_when_that_was_asked_for() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("inventory.db");
    let refused = Sqlite::open(&path, Opening::MustExist);
    assert!(matches!(refused, Err(StoreError::Missing { .. })));
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[test]
fn an_empty_file_is_never_taken_for_a_new_inventory() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("inventory.db");
    fs::write(&path, b"").unwrap();
    for opening in [Opening::MustExist, Opening::Create] {
        let refused = Sqlite::open(&path, opening);
        assert!(matches!(refused, Err(StoreError::Damaged { .. })));
    }
}

#[test]
fn a_log_without_its_database_is_not_answered_with_a_new_one() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("inventory.db");
    record(&path, 1);
    fs::remove_file(&path).unwrap();
    let refused = Sqlite::open(&path, Opening::Create);
    assert!(matches!(refused, Err(StoreError::Damaged { .. })));
}

#[test]
fn a_link_to_the_directory_is_followed_and_one_to_the_file_is_not() {
    let directory = tempfile::tempdir().unwrap();
    let real = directory.path().join("real");
    fs::create_dir(&real).unwrap();
    symlink(&real, directory.path().join("link")).unwrap();
    record(&directory.path().join("link/inventory.db"), 1);
    symlink(
        real.join("inventory.db"),
        directory.path().join("inventory.db"),
    )
    .unwrap();
    let refused = Sqlite::open(&directory.path().join("inventory.db"), Opening::Create);
    assert!(matches!(refused, Err(StoreError::SymbolicLink { .. })));
}

#[test]
fn another_program_s_database_and_a_newer_schema_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("inventory.db");
    let database = Connection::open(&path).unwrap();
    database.execute_batch("CREATE TABLE theirs (x)").unwrap();
    let refused = Sqlite::open(&path, Opening::Create);
    assert!(matches!(refused, Err(StoreError::Foreign { .. })));
    fs::remove_file(&path).unwrap();
    record(&path, 1);
    let database = Connection::open(&path).unwrap();
    database.pragma_update(None, "user_version", 99).unwrap();
    let refused = Sqlite::open(&path, Opening::MustExist).unwrap_err();
    let message = refused.to_string();
    assert!(
        message.contains("99") && message.contains("up to 12"),
        "{message}"
    );
}

#[test]
fn an_inventory_of_the_first_schema_becomes_one_of_the_newest() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("inventory.db");
    let old = super::schema::first_database(&path);
    old.execute(
        "INSERT INTO entry VALUES (1, x'01', 0, 9, NULL, NULL, 'server', '', '', x'3000', x'3000', \
         x'00', x'00', 'p256', x'2F61', 'a', 'joe@host', NULL, 0, NULL, NULL, x'00')",
        [],
    )
    .unwrap();
    drop(old);
    let inventory = Sqlite::open(&path, Opening::MustExist).unwrap();
    assert_eq!(inventory.directories().unwrap(), [Path::new("/a")]);
    let documents = inventory.documents(DocumentKind::Token, None, None, 1);
    assert_eq!(documents.unwrap(), []);
    let mut replaced = Vec::new();
    inventory
        .visit(
            &Filter::default(),
            datetime!(2026-11-20 8:05 UTC),
            &mut |entry| {
                replaced.push(entry.replaces);
                ControlFlow::Continue(())
            },
        )
        .unwrap();
    assert_eq!(replaced, [None]);
}

#[test]
fn the_audit_trail_cannot_be_changed() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("inventory.db");
    record(&path, 1);
    let database = Connection::open(&path).unwrap();
    for change in [
        "UPDATE audit SET actor = 'someone else'",
        "DELETE FROM audit",
        "INSERT OR REPLACE INTO audit SELECT * FROM audit",
    ] {
        let refused = database.execute_batch(change).unwrap_err();
        assert!(refused.to_string().contains("append-only"), "{refused}");
    }
    let told = Sqlite::open(&path, Opening::MustExist).unwrap();
    assert_eq!(told.audit_after(0, 9).unwrap().len(), 1);
}

#[test]
fn damage_is_refused_by_name_or_does_no_harm() {
    for entries in [1, 5, 60] {
        let directory = tempfile::tempdir().unwrap();
        let sound = directory.path().join("sound");
        fs::create_dir(&sound).unwrap();
        (1..=entries).for_each(|n| record(&sound.join("inventory.db"), n));
        if noted::read(&Place::new(&sound.join("inventory.db")).unwrap()).is_none() {
            return; // Without extended attributes a lost log cannot be noticed.
        }
        for file in ["inventory.db", "inventory.db-wal", "inventory.db-shm"] {
            for (what, damage) in DAMAGES {
                let place = directory.path().join(format!("{what}-{file}"));
                copy(&sound, &place);
                damage(&place.join(file));
                match held(&place.join("inventory.db")) {
                    Ok(held) => assert_eq!(held, usize::from(entries), "{what} {file}"),
                    Err(error) => {
                        let message = error.to_string();
                        let named = if message.contains("-wal") {
                            "inventory.db"
                        } else {
                            file
                        };
                        assert!(message.contains(named), "{what} {file}: {message}");
                    }
                }
            }
        }
    }
}

#[test]
fn the_log_is_emptied_now_and_then_and_nothing_is_lost_by_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("inventory.db");
    let log = |path: &Path| fs::metadata(path.with_extension("db-wal")).unwrap().len();
    for n in 1..=100 {
        record(&path, n);
        assert!(log(&path) < 2 * CHECKPOINT_OCTETS);
    }
    assert_eq!(held(&path).unwrap(), 100);
}

#[test]
fn many_at_once_all_succeed_from_the_first_moment() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("inventory.db");
    std::thread::scope(|scope| {
        for n in 1..=32 {
            let path = &path;
            scope.spawn(move || record(path, n));
        }
    });
    assert_eq!(held(&path).unwrap(), 32);
}

type Damage = fn(&Path);

const DAMAGES: [(&str, Damage); 8] = [
    ("removed", |path| fs::remove_file(path).unwrap()),
    ("empty", |path| fs::write(path, b"").unwrap()),
    ("half", |path| {
        let content = fs::read(path).unwrap();
        fs::write(path, &content[..content.len() / 2]).unwrap();
    }),
    ("zeros", |path| {
        fs::write(path, vec![0; fs::metadata(path).unwrap().len() as usize]).unwrap();
    }),
    ("flipped", |path| {
        let mut content = fs::read(path).unwrap();
        let middle = content.len() / 2;
        if let Some(octet) = content.get_mut(middle) {
            *octet ^= 1;
        }
        fs::write(path, content).unwrap();
    }),
    ("appended", |path| {
        let garbage = [fs::read(path).unwrap(), b"garbage\n\xff".to_vec()].concat();
        fs::write(path, garbage).unwrap();
    }),
    ("directory", |path| {
        fs::remove_file(path).unwrap();
        fs::create_dir(path).unwrap();
    }),
    ("loop", |path| {
        fs::remove_file(path).unwrap();
        symlink(path.file_name().unwrap(), path).unwrap();
    }),
];

/// As a process of its own would.
fn record(path: &Path, number: u8) {
    let mut inventory = Sqlite::open(path, Opening::Create).unwrap();
    inventory.record(&[entry(number)]).unwrap();
}

fn held(path: &Path) -> Result<usize, StoreError> {
    let mut held = 0;
    let mut all = |_| {
        held += 1;
        ControlFlow::Continue(())
    };
    let now = datetime!(2026-11-20 08:05:00 UTC);
    Sqlite::open(path, Opening::MustExist)?.visit(&Filter::default(), now, &mut all)?;
    Ok(held)
}

/// Copies a directory of files with their extended attributes, as `cp -a` does.
fn copy(from: &Path, to: &PathBuf) {
    fs::create_dir(to).unwrap();
    for file in fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), to.join(file.file_name())).unwrap();
    }
    let place = |directory: &Path| Place::new(&directory.join("inventory.db")).unwrap();
    noted::write(&place(to), noted::read(&place(from)).unwrap());
}
