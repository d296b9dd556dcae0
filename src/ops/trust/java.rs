//! Java's own trust anchors.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::plan::{Call, Step};
use super::short_fingerprint;
use crate::error::Error;
use crate::pki::certificate::Certificate;

/// A keystore of Java: that of its installation, or another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Keystore {
    /// `lib/security/cacerts` of the Java that is called.
    OfJava,
    /// A file.
    File(PathBuf),
}

impl Keystore {
    /// The steps that have it trust these anchors that it does not hold; `files` has a file for each.
    pub(super) fn install(
        &self,
        keytool: &OsString,
        anchors: &[Certificate],
        files: &[PathBuf],
    ) -> Result<Vec<Step>, Error> {
        let mut steps = Vec::new();
        for (anchor, file) in anchors.iter().zip(files) {
            if self.holds(keytool, anchor)? {
                continue;
            }
            let mut call = self.call(keytool, "-importcert", anchor);
            call.arguments
                .extend(["-noprompt".into(), "-file".into(), file.into()]);
            steps.push(Step::Run(call));
        }
        Ok(steps)
    }

    /// The steps that take the trust back, from what holds it.
    pub(super) fn uninstall(
        &self,
        keytool: &OsString,
        anchors: &[Certificate],
    ) -> Result<Vec<Step>, Error> {
        let mut steps = Vec::new();
        for anchor in anchors {
            if self.holds(keytool, anchor)? {
                steps.push(Step::Run(self.call(keytool, "-delete", anchor)));
            }
        }
        Ok(steps)
    }

    /// Whether it holds an anchor.
    pub(super) fn holds(&self, keytool: &OsString, anchor: &Certificate) -> Result<bool, Error> {
        Ok(self.call(keytool, "-list", anchor).ask()?.code == Some(0))
    }

    fn call(&self, keytool: &OsString, action: &str, anchor: &Certificate) -> Call {
        let mut call = Call::new(keytool, [action]);
        match self {
            Keystore::OfJava => call.arguments.push("-cacerts".into()),
            Keystore::File(path) => call.arguments.extend(["-keystore".into(), path.into()]),
        }
        let alias = format!("openagents-certs-{}", short_fingerprint(anchor));
        let rest = ["-storepass", STORE_PASSWORD, "-alias", &alias];
        call.arguments.extend(rest.map(OsString::from));
        call
    }
}

/// The program that changes keystores: of the Java that JAVA_HOME names, else what is called so.
pub(super) fn keytool(java_home: Option<&Path>) -> OsString {
    java_home.map_or_else(|| "keytool".into(), |home| home.join("bin/keytool").into())
}

/// The password of every Java's trust anchors, which protects nothing: they are public.
pub(super) const STORE_PASSWORD: &str = "changeit";
