//! A root whose clock is the tests'.

use std::path::{Path, PathBuf};

use openagents_certs::authority::{AuthorityAt, Recording};
use openagents_certs::ops::issue::{self, Key};
use openagents_certs::ops::{ca, crl, revoke};
use openagents_certs::pki::algorithm::KeyType;
use openagents_certs::pki::crl::{RevocationList, RevocationReason};
use openagents_certs::pki::name::AttributeType;
use serde_json::Value;
use time::OffsetDateTime;

/// A root named `Root`.
pub(crate) struct Clock {
    pub(crate) directory: PathBuf,
}

impl Clock {
    pub(crate) fn new(directory: &Path, now: OffsetDateTime) -> Self {
        let request = ca::Request {
            directory: directory.to_owned(),
            subject: vec![(AttributeType::CommonName, "Root".into())],
            lifetime: ca::USUAL_LIFETIME,
            key_type: KeyType::P256,
            path_length: None,
            name_constraints: Default::default(),
        };
        ca::init::run(&request, None, now).unwrap();
        Clock {
            directory: directory.to_owned(),
        }
    }

    pub(crate) fn at(&self) -> AuthorityAt<'_> {
        AuthorityAt {
            directory: &self.directory,
            material: None,
            recording: Recording::Directory,
            passphrase: &|_| unreachable!("the key is not encrypted"),
        }
    }

    /// Issues a server's certificate as NAME.crt and NAME.key, for 365 days.
    pub(crate) fn issue(&self, name: &str, now: OffsetDateTime) {
        let request = issue::Request {
            profile: issue::profile(&self.directory, "peer").unwrap(),
            names: vec![name.parse().unwrap()],
            spiffe: None,
            common_name: issue::CommonName::First,
            start: None,
            end: None,
            key: Key::New(None),
            base: Some(name.into()),
            requested_by: "joe@host".into(),
            note: None,
            labels: openagents_certs::store::Labels::default(),
        };
        issue::run(&request, &self.at(), &self.directory, true, now).unwrap();
    }

    pub(crate) fn revoke(
        &self,
        name: &str,
        reason: RevocationReason,
        now: OffsetDateTime,
    ) -> Value {
        let request = revoke::Request {
            targets: vec![name.into()],
            all: false,
            labels: Vec::new(),
            reason,
            invalidity_date: None,
            dry_run: false,
        };
        let report = revoke::run(&request, &self.at(), now).unwrap();
        serde_json::to_value(&report).unwrap()
    }

    pub(crate) fn unrevoke(&self, name: &str, now: OffsetDateTime) {
        let request = revoke::Request {
            targets: vec![name.into()],
            all: false,
            labels: Vec::new(),
            reason: RevocationReason::CertificateHold,
            invalidity_date: None,
            dry_run: false,
        };
        revoke::unrevoke(&request, &self.at(), now).unwrap();
    }

    /// A copy of the inventory.
    pub(crate) fn backup(&self) -> Vec<(&'static str, Option<Vec<u8>>)> {
        let read = |name| (name, std::fs::read(self.directory.join(name)).ok());
        INVENTORY_FILES.map(read).into()
    }

    /// Puts an earlier copy of the inventory back.
    pub(crate) fn restore(&self, backup: &[(&'static str, Option<Vec<u8>>)]) {
        for (name, content) in backup {
            let path = self.directory.join(name);
            if path.exists() {
                std::fs::remove_file(&path).unwrap();
            }
            if let Some(content) = content {
                std::fs::write(path, content).unwrap();
            }
        }
    }

    pub(crate) fn publish(&self, now: OffsetDateTime) -> RevocationList {
        let request = crl::Request {
            next_update: None,
            copy: None,
            der: false,
        };
        crl::run(&request, &self.at(), now).unwrap();
        let der = std::fs::read(self.directory.join("crl.der")).unwrap();
        RevocationList::from_der(der).unwrap()
    }
}

const INVENTORY_FILES: [&str; 3] = ["inventory.db", "inventory.db-wal", "inventory.db-shm"];
