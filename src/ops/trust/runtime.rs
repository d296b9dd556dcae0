//! How each runtime is made to connect.

use std::ffi::OsString;
use std::path::Path;

use serde::Serialize;

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
