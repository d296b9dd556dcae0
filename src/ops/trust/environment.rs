//! How each runtime is made to connect.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

use serde::Serialize;
use zeroize::Zeroizing;

use super::{Anchors, STORE_PASSWORD};
use crate::error::Error;
use crate::files::{self, Lock, NewFile};
use crate::keys::{Password, Pkcs12, Pkcs12Contents, Protection, write_pkcs12};
use crate::ops::quoting::Shell;

/// A runtime.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Runtime {
    /// Python's urllib, with the anchors of the ssl module.
    Python,
    /// Node.js.
    Node,
    /// Java's HttpsURLConnection.
    Java,
    /// openssl s_client.
    Openssl,
    /// gRPC in Python: grpcio.
    Grpc,
    /// curl.
    Curl,
}

impl Runtime {
    /// Every runtime.
    pub const ALL: [Runtime; 6] = [
        Runtime::Python,
        Runtime::Node,
        Runtime::Java,
        Runtime::Openssl,
        Runtime::Grpc,
        Runtime::Curl,
    ];

    /// Its name.
    pub(super) fn name(self) -> &'static str {
        match self {
            Runtime::Python => "python",
            Runtime::Node => "node",
            Runtime::Java => "java",
            Runtime::Openssl => "openssl",
            Runtime::Grpc => "grpc",
            Runtime::Curl => "curl",
        }
    }

    /// The program and the arguments that make it connect to `localhost` on a port; Java's source is in a directory.
    pub(super) fn call(
        self,
        port: u16,
        python: &OsString,
        directory: &Path,
    ) -> (OsString, Vec<OsString>) {
        let url = format!("https://localhost:{port}/");
        let words = |words: &[&str]| words.iter().map(OsString::from).collect::<Vec<_>>();
        match self {
            Runtime::Python => (python.clone(), words(&["-c", PYTHON, &url])),
            Runtime::Grpc => {
                let target = format!("localhost:{port}");
                (python.clone(), words(&["-c", GRPC, &target]))
            }
            Runtime::Node => ("node".into(), words(&["-e", NODE, &url])),
            Runtime::Java => {
                let source = directory.join(JAVA_FILE).into_os_string();
                ("java".into(), vec![source, url.into()])
            }
            Runtime::Openssl => {
                let peer = format!("localhost:{port}");
                let name = ["-servername", "localhost", "-verify_hostname", "localhost"];
                let mut arguments = words(&["s_client", "-connect", &peer]);
                arguments.extend(words(&name));
                arguments.extend(words(&["-verify_return_error", "-brief"]));
                ("openssl".into(), arguments)
            }
            Runtime::Curl => {
                // Our server speaks only as much HTTP/2 as gRPC needs.
                let quiet = [
                    "--http1.1",
                    "--silent",
                    "--show-error",
                    "--fail",
                    "--output",
                    "/dev/null",
                ];
                let mut arguments = words(&quiet);
                arguments.extend(words(&["--noproxy", "*", &url]));
                ("curl".into(), arguments)
            }
        }
    }

    /// Whether the output says that the runtime is not installed.
    pub(super) fn is_absent(self, text: &str) -> bool {
        match self {
            Runtime::Grpc => text.contains("No module named 'grpc'"),
            Runtime::Python | Runtime::Node | Runtime::Java | Runtime::Openssl | Runtime::Curl => {
                false
            }
        }
    }

    /// The line of the output that says why.
    pub(super) fn reason(self, text: &str) -> String {
        let is_output = |line: &&str| !line.is_empty() && !line.starts_with("Picked up ");
        let lines = || text.lines().map(str::trim).filter(is_output);
        let telling = lines().find(|line| {
            let lower = line.to_ascii_lowercase();
            ["verif", "certificate", "self-signed", "pkix", "trust"]
                .iter()
                .any(|word| lower.contains(word))
        });
        let line = telling
            .or_else(|| lines().next_back())
            .unwrap_or("no output");
        line.chars().take(MAX_REASON).collect()
    }
}

const MAX_REASON: usize = 300;
/// The name of Java's source file.
pub(super) const JAVA_FILE: &str = "Check.java";

const PYTHON: &str = "\
import sys, urllib.request
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
try:
    assert opener.open(sys.argv[1], timeout=10).read() == b'ok'
except Exception as error:
    sys.exit(str(error))
";

const GRPC: &str = "\
import os, sys
os.environ.setdefault('GRPC_VERBOSITY', 'ERROR')
import grpc
channel = grpc.secure_channel(sys.argv[1], grpc.ssl_channel_credentials(), [('grpc.enable_http_proxy', 0)])
try:
    grpc.channel_ready_future(channel).result(timeout=8)
except grpc.FutureTimeoutError:
    sys.exit('the certificate is not trusted: no connection within 8 s')
";

const NODE: &str = "\
require('https').get(process.argv[1], answer => process.exit(answer.statusCode === 200 ? 0 : 1))
  .on('error', error => { console.error(error.message); process.exit(1); });
";

/// Java's source.
pub(super) const JAVA: &str = r#"
import java.net.Proxy;
import java.net.URL;
import javax.net.ssl.HttpsURLConnection;

public class Check {
    public static void main(String[] arguments) throws Exception {
        try {
            var url = new URL(arguments[0]);
            var connection = (HttpsURLConnection) url.openConnection(Proxy.NO_PROXY);
            connection.setConnectTimeout(10000);
            connection.setReadTimeout(10000);
            System.exit(connection.getResponseCode() == 200 ? 0 : 1);
        } catch (java.io.IOException error) {
            System.err.println(error.getMessage());
            System.exit(1);
        }
    }
}
"#;

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
        variables.push((JAVA_OPTIONS.to_owned(), options));
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
const JAVA_OPTIONS: &str = "JAVA_TOOL_OPTIONS";
/// The file of the truststore for Java, beside ca.crt.
const TRUSTSTORE: &str = "truststore.p12";

#[cfg(test)]
mod environment_tests {
    use super::*;

    #[test]
    fn a_path_for_java_is_quoted_as_the_jvm_reads_it() {
        let options = |path: &str| java_options(path.as_ref()).into_string().unwrap();
        assert!(options("/a/b").starts_with("-Djavax.net.ssl.trustStore=/a/b -D"));
        assert!(options("/a b").starts_with("-Djavax.net.ssl.trustStore='/a b' -D"));
        assert!(options("/a'b\"").starts_with("-Djavax.net.ssl.trustStore='/a'\"'\"'b\"' -D"));
    }
}
