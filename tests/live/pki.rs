//! Certificates made by the program, once for all tests.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use openagents_certs::ops::live::Basis;
use openagents_certs::pki::bundle::certificates;
use openagents_certs::pki::certificate::Certificate;
use rustls_pki_types::PrivatePkcs8KeyDer;
use rustls_pki_types::pem::PemObject as _;

/// A CA and what it issued for a server and a client.
pub(crate) struct Pki {
    pub(crate) directory: PathBuf,
    pub(crate) ca: Vec<Certificate>,
    pub(crate) server: Pair,
    pub(crate) client: Pair,
}

/// Certificates and the key of the first, as PKCS #8.
#[derive(Clone)]
pub(crate) struct Pair {
    pub(crate) certificates: Vec<Certificate>,
    pub(crate) key: Vec<u8>,
}

impl Pki {
    /// Judges by the CA, with the client's pair.
    pub(crate) fn with_client(&self) -> Basis<'_> {
        Basis {
            client: Some((&self.client.certificates, &self.client.key)),
            ..self.with_ca()
        }
    }

    /// Judges by the CA alone.
    pub(crate) fn with_ca(&self) -> Basis<'_> {
        Basis {
            anchors: &self.ca,
            ..Basis::default()
        }
    }

    fn read(directory: PathBuf) -> Self {
        let pair = |name: &str| Pair {
            certificates: read(&directory.join(format!("{name}.crt"))),
            key: PrivatePkcs8KeyDer::from_pem_file(directory.join(format!("{name}.key")))
                .unwrap()
                .secret_pkcs8_der()
                .to_vec(),
        };
        Pki {
            ca: read(&directory.join("ca.crt")),
            server: pair("server"),
            client: pair("client"),
            directory,
        }
    }
}

/// Ours.
pub(crate) static OURS: LazyLock<Pki> = LazyLock::new(|| {
    let directory = scratch("live-ours");
    run(&["generate", "--mtls"], &directory);
    Pki::read(directory)
});

/// Another one, of which ours knows nothing.
pub(crate) static THEIRS: LazyLock<Pki> = LazyLock::new(|| {
    let directory = scratch("live-theirs");
    run(&["generate", "--mtls"], &directory);
    Pki::read(directory)
});

/// One whose server needs an intermediate.
pub(crate) static SUBORDINATE: LazyLock<Pki> = LazyLock::new(|| {
    let root = scratch("live-subordinate");
    let (parent, directory) = (root.join("root"), root.join("sub"));
    run(&["ca", "init"], &parent);
    let parent = parent.to_str().unwrap();
    run(&["ca", "intermediate", "--parent", parent], &directory);
    run(&["generate", "--mtls"], &directory);
    Pki::read(directory)
});

pub(crate) fn read(path: &Path) -> Vec<Certificate> {
    certificates(&std::fs::read(path).unwrap()).unwrap()
}

/// An empty directory that outlives the tests, so that what failed can be looked at.
pub(crate) fn scratch(name: &str) -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    if directory.exists() {
        std::fs::remove_dir_all(&directory).unwrap();
    }
    directory
}

pub(crate) fn run(arguments: &[&str], directory: &Path) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_openagents-certs"));
    let output = command.args(arguments).arg("-C").arg(directory).output();
    let output = output.unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{arguments:?}: {said}");
}
