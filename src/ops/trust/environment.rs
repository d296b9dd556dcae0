//! The environment variables that name the CA for runtimes.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::{Anchors, STORE_PASSWORD};
use crate::error::Error;
use crate::files::{self, Lock, NewFile};
use crate::keys::{Password, Pkcs12, Pkcs12Contents, Protection, write_pkcs12};
use crate::ops::quoting::Shell;

/// The variables and their values: the file of the anchors, and the truststore for Java, where there is one.
///
/// # Errors
/// When the working directory is gone.
pub fn variables(
    anchors: &Anchors,
    truststore: Option<&Path>,
) -> Result<Vec<(String, OsString)>, Error> {
    let path = files::absolute(&anchors.path)?;
    let names = NAMES
        .iter()
        .map(|name| ((*name).to_owned(), path.clone().into_os_string()));
    let mut variables: Vec<_> = names.collect();
    if let Some(truststore) = truststore {
        let options = java_options(files::absolute(truststore)?.as_os_str());
        variables.push((JAVA.to_owned(), options));
    }
    Ok(variables)
}

/// The lines that set the variables.
///
/// # Errors
/// When the shell cannot express a path.
pub fn lines(variables: &[(String, OsString)], shell: Shell) -> Result<Vec<u8>, Error> {
    let mut lines = Vec::new();
    for (name, value) in variables {
        lines.extend(shell.assignment(name, value)?);
    }
    Ok(lines)
}

/// The truststore for Java beside the anchors; written unless it already contains exactly these.
///
/// # Errors
/// When it cannot be written.
pub fn truststore(anchors: &Anchors) -> Result<PathBuf, Error> {
    let path = anchors.path.with_file_name(TRUSTSTORE);
    if is_current(&path, anchors) {
        return Ok(path);
    }
    let named: Vec<(String, &[u8])> = anchors
        .certificates
        .iter()
        .map(|anchor| (super::nickname(anchor), anchor.as_der()))
        .collect();
    let contents = Pkcs12Contents {
        name: "",
        private_key: None,
        certificates: &[],
        anchors: &named,
        anchors_are_trusted: true,
    };
    // Content and password are public: strong encryption protects nothing and slows every start of Java.
    let der = write_pkcs12(&contents, &store_password(), Protection::Legacy)?;
    let parent = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    let lock = Lock::acquire(parent.unwrap_or(Path::new(".")))?;
    let file = NewFile {
        name: TRUSTSTORE.as_ref(),
        content: &der,
        secret: false,
    };
    files::write_together(&lock, &[file], true)?;
    Ok(path)
}

/// Whether a truststore contains exactly these anchors.
fn is_current(path: &Path, anchors: &Anchors) -> bool {
    let Ok(content) = files::read(path) else {
        return false;
    };
    let Ok(store) = Pkcs12::read(&content, Some(&store_password())) else {
        return false;
    };
    let held = store.certificates.iter().map(|bag| bag.content.as_slice());
    held.eq(anchors.certificates.iter().map(|anchor| anchor.as_der()))
}

fn store_password() -> Password {
    Password::new(Zeroizing::new(STORE_PASSWORD.as_bytes().to_vec()))
}

/// Options as the JVM splits them: at white space outside quotes.
fn java_options(path: &OsStr) -> OsString {
    let mut options = b"-Djavax.net.ssl.trustStore=".to_vec();
    let is_plain = |byte: &u8| !byte.is_ascii_whitespace() && !b"'\"".contains(byte);
    if path.as_bytes().iter().all(is_plain) {
        options.extend_from_slice(path.as_bytes());
    } else {
        for (i, part) in path.as_bytes().split(|byte| *byte == b'\'').enumerate() {
            if i > 0 {
                options.extend_from_slice(b"\"'\"");
            }
            options.push(b'\'');
            options.extend_from_slice(part);
            options.push(b'\'');
        }
    }
    let rest = format!(
        " -Djavax.net.ssl.trustStorePassword={STORE_PASSWORD} -Djavax.net.ssl.trustStoreType=PKCS12"
    );
    options.extend_from_slice(rest.as_bytes());
    OsString::from_vec(options)
}

/// The variables that name a file of trust anchors in PEM.
const NAMES: [&str; 5] = [
    // gRPC in C, C++, Python, Ruby and PHP.
    "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH",
    // Node.js, in addition to its own roots.
    "NODE_EXTRA_CA_CERTS",
    // OpenSSL, Python's ssl, Go, Ruby, rustls-native-certs.
    "SSL_CERT_FILE",
    // Python's requests.
    "REQUESTS_CA_BUNDLE",
    // curl.
    "CURL_CA_BUNDLE",
];
const JAVA: &str = "JAVA_TOOL_OPTIONS";
/// The file of the truststore for Java, beside ca.crt.
const TRUSTSTORE: &str = "truststore.p12";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_for_java_is_quoted_as_the_jvm_reads_it() {
        let options = |path: &str| java_options(path.as_ref()).into_string().unwrap();
        assert!(options("/a/b").starts_with("-Djavax.net.ssl.trustStore=/a/b -D"));
        assert!(options("/a b").starts_with("-Djavax.net.ssl.trustStore='/a b' -D"));
        assert!(options("/a'b\"").starts_with("-Djavax.net.ssl.trustStore='/a'\"'\"'b\"' -D"));
    }
}
