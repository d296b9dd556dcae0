use std::fs;

use time::OffsetDateTime;
use time::macros::datetime;

use super::*;
use crate::authority::{AuthorityAt, Recording, open_inventory};
use crate::keys::Password;
use crate::ops::ca;
use crate::ops::issue::{self, End, Key};
use crate::pki::algorithm::KeyType;
use crate::pki::general_name::NameConstraints;
use crate::store::Opening;

#[test]
fn what_the_inventory_issued_is_managed_and_the_rest_is_told_of() {
    let directory = tempfile::tempdir().unwrap();
    let [own, another] = ["own", "another"].map(|name| directory.path().join(name));
    for authority in [&own, &another] {
        make_authority(authority);
    }
    issue(&own, "server", &own, "90d");
    issue(&another, "other", &own, "90d");
    fs::write(own.join("broken.crt"), "junk").unwrap();
    fs::copy(own.join("server.crt"), own.join("server-old.crt")).unwrap();
    fs::copy(own.join("ca.crt"), own.join("ca-old.crt")).unwrap();
    let managed = read(&own);
    let [server] = &managed.certificates[..] else {
        panic!("{managed:?}")
    };
    assert_eq!(server.place.certificate(), own.join("server.crt"));
    assert_eq!(server.place.private_key(), Some(own.join("server.key")));
    assert_eq!(server.place.combined(), None);
    let foreign = managed.foreign.iter().map(|foreign| {
        let name = foreign.path.file_name().unwrap().to_str().unwrap();
        (name, foreign.reason)
    });
    assert_eq!(
        foreign.collect::<Vec<_>>(),
        [
            ("ca-old.crt", ForeignReason::Authority),
            ("other.crt", ForeignReason::NotIssuedHere),
            ("server-old.crt", ForeignReason::Copy)
        ]
    );
    assert_eq!(managed.unreadable.len(), 1);
}

#[test]
fn other_directories_that_were_written_to_are_looked_into_unless_this_one_is_a_copy() {
    let directory = tempfile::tempdir().unwrap();
    let [own, agents, copy] = ["own", "agents", "copy"].map(|name| directory.path().join(name));
    make_authority(&own);
    issue(&own, "server", &own, "90d");
    issue(&own, "alice", &agents, "90d");
    fs::write(agents.join("junk.crt"), "junk").unwrap();
    let managed = read(&own);
    assert_eq!(managed.certificates.len(), 2);
    assert!(managed.unreadable.is_empty() && managed.foreign.is_empty());
    fs::create_dir(&copy).unwrap();
    for name in files::names(&own, usize::MAX).unwrap() {
        fs::copy(own.join(&name), copy.join(&name)).unwrap();
    }
    let managed = read(&copy);
    assert_eq!(managed.certificates.len(), 1);
    assert_eq!(managed.copied_from, Some(own));
}

#[test]
fn a_directory_of_a_thousand_is_read_by_several_threads_in_order() {
    let directory = tempfile::tempdir().unwrap();
    make_authority(directory.path());
    issue(directory.path(), "server", directory.path(), "90d");
    let content = fs::read(directory.path().join("server.crt")).unwrap();
    for number in 0..1000 {
        fs::write(directory.path().join(format!("{number:04}.crt")), &content).unwrap();
    }
    let managed = read(directory.path());
    assert_eq!(managed.certificates.len(), 1);
    let names = managed.foreign.iter().map(|foreign| &foreign.path);
    assert!(names.is_sorted() && managed.foreign.len() == 1000);
}

fn read(directory: &Path) -> Managed {
    let inventory = open_inventory(directory, Opening::MustExist).unwrap();
    Managed::read(directory, &*inventory).unwrap()
}

/// The moment every authority and certificate of these tests is made.
pub(in crate::ops) const NOW: OffsetDateTime = datetime!(2026-11-20 08:05:00 UTC);

/// A root for ten years.
pub(in crate::ops) fn make_authority(directory: &Path) {
    let request = ca::Request {
        directory: directory.to_owned(),
        subject: Vec::new(),
        lifetime: "10y".parse().unwrap(),
        key_type: KeyType::P256,
        path_length: None,
        name_constraints: NameConstraints::default(),
    };
    ca::init::run(&request, None, NOW).unwrap();
}

/// The authority in a directory, whose key is not encrypted.
pub(in crate::ops) fn authority_at(directory: &Path) -> AuthorityAt<'_> {
    AuthorityAt {
        directory,
        material: None,
        recording: Recording::Directory,
        passphrase: &|_: &Path| Ok(Password::from_file(b"")),
    }
}

/// A server's pair for a name, `BASE.test`.
pub(in crate::ops) fn issue(authority: &Path, base: &str, out: &Path, lifetime: &str) {
    let request = issue::Request {
        profile: issue::profile(authority, "server").unwrap(),
        names: vec![format!("{base}.test").parse().unwrap()],
        spiffe: None,
        common_name: issue::CommonName::First,
        start: None,
        end: Some(End::After(lifetime.parse().unwrap())),
        key: Key::New(None),
        base: Some(base.into()),
        requested_by: "joe@host".into(),
        note: None,
        labels: crate::store::Labels::default(),
    };
    issue::run(&request, &authority_at(authority), out, false, NOW).unwrap();
}
