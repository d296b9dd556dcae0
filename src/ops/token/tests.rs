use time::Duration;
use time::macros::datetime;

use super::*;
use crate::store::{self, Opening};

const NOW: OffsetDateTime = datetime!(2026-11-20 08:05:00 UTC);

#[test]
fn a_token_is_known_by_its_secret_until_it_expires_or_is_revoked() {
    let (directory, mut inventory) = opened();
    let token = put(&mut *inventory, "a", 1);
    let check = |inventory: &dyn Inventory, secret, now| {
        authenticate(inventory, "a", secret, now).unwrap().is_some()
    };
    assert!(check(&*inventory, SECRET, NOW));
    assert!(!check(&*inventory, "secreT", NOW));
    assert!(
        authenticate(&*inventory, "b", SECRET, NOW)
            .unwrap()
            .is_none()
    );
    assert!(check(
        &*inventory,
        SECRET,
        token.expires_at() - Duration::SECOND
    ));
    assert!(!check(&*inventory, SECRET, token.expires_at()));
    let revoked = Token {
        version: 1,
        content: TokenRecord {
            revoked_at: Some(NOW),
            ..token.content
        },
        ..token
    };
    assert!(inventory.put_document(&revoked.document()).unwrap());
    assert!(!check(&*inventory, SECRET, NOW));
    drop(directory);
}

#[test]
fn a_token_is_used_by_as_many_keys_as_it_permits_and_by_those_again() {
    let (_directory, mut inventory) = opened();
    put(&mut *inventory, "a", 2);
    let mut used = |key: &[u8]| {
        let key = Fingerprint::sha256(key);
        count_use(&mut *inventory, "a", &key, NOW).unwrap()
    };
    let answers = [b"1", b"1", b"2", b"3", b"1", b"2", b"3"].map(|key| used(key));
    assert_eq!(answers, [true, true, true, false, true, true, false]);
    let token = Token::find(&*inventory, "a").unwrap().unwrap();
    assert_eq!((token.content.used, token.state(NOW)), (2, State::UsedUp));
    let key = Fingerprint::sha256(b"1");
    let late = token.expires_at();
    assert!(!count_use(&mut *inventory, "a", &key, late).unwrap());
    assert!(!count_use(&mut *inventory, "b", &key, NOW).unwrap());
}

#[test]
fn of_many_keys_at_once_no_more_than_permitted_use_a_token() {
    let (directory, mut inventory) = opened();
    put(&mut *inventory, "a", 5);
    let path = directory.path().join(INVENTORY);
    let granted = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..12_u8)
            .map(|n| {
                let path = &path;
                scope.spawn(move || {
                    let mut inventory = store::open(path, Opening::MustExist).unwrap();
                    let key = Fingerprint::sha256(&[n]);
                    count_use(&mut *inventory, "a", &key, NOW).unwrap()
                })
            })
            .collect();
        let granted = threads.into_iter().map(|thread| thread.join().unwrap());
        granted.filter(|granted| *granted).count()
    });
    assert_eq!(granted, 5);
}

#[test]
fn the_inventory_contains_no_secret() {
    let (_directory, mut inventory) = opened();
    let token = put(&mut *inventory, "a", 1);
    let content = token.document().content;
    assert!(!content.contains(SECRET));
    let eab = Base64UrlUnpadded::encode_string(&token.eab_key());
    assert!(!content.contains(&eab));
}

const SECRET: &str = "c2VjcmV0";

fn opened() -> (tempfile::TempDir, Box<dyn Inventory>) {
    let directory = tempfile::tempdir().unwrap();
    let inventory = store::open(&directory.path().join(INVENTORY), Opening::Create).unwrap();
    (directory, inventory)
}

fn put(inventory: &mut dyn Inventory, id: &str, uses: u64) -> Token {
    let token = Token {
        id: id.into(),
        version: 0,
        content: TokenRecord {
            names: vec!["*.a.test".parse().unwrap()],
            profile: "client".into(),
            uses,
            used: 0,
            certificate_lifetime: None,
            created_at: NOW,
            created_by: "joe@host".into(),
            expires_at: NOW + Duration::HOUR,
            revoked_at: None,
            secret_hash: base64url(text::secret_hash(SECRET).as_bytes()),
        },
    };
    assert!(inventory.put_document(&token.document()).unwrap());
    token
}
