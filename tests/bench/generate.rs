//! How long `generate` takes for a CA and a server pair in a fresh directory, as a whole process,
//! beside the Python generator of OpenAgents and beside `openssl`.
//!
//! `OA_PYTHON=/venv/bin/python cargo bench --bench generate`; without `OA_PYTHON`, a Python that has
//! `openagents`, its generator is left out.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "it prints what it measured"
)]

mod race;

use std::path::{Path, PathBuf};
use std::process::Command;

use race::{Runner, program, race, ratio};

fn main() {
    let directory = tempfile::tempdir().unwrap();
    let fresh = |name: &str, round: usize| directory.path().join(format!("{name}-{round}"));
    let ours = Runner::new("openagents-certs generate", |round| {
        generate(&fresh("ours", round))
    });
    println!("a CA and a server pair, P-256, in a fresh directory");
    let openssl = Runner::new("openssl, three commands", |round| {
        lines(&fresh("openssl", round))
    });
    let times = race(100, &[ours, openssl]);
    println!("  {:.1} times as fast\n", ratio(times[1], times[0]));

    let Some(python) = std::env::var_os("OA_PYTHON") else {
        println!(
            "OA_PYTHON names no Python that has `openagents`: not compared with its generator"
        );
        return;
    };
    let generator = PathBuf::from(python).with_file_name("openagents");
    println!("beside OpenAgents' generator");
    let again = Runner::new("openagents-certs generate", |round| {
        generate(&fresh("again", round))
    });
    let theirs = Runner::new("openagents certs generate", |round| {
        let mut command = Command::new(&generator);
        command
            .args(["certs", "generate", "--output"])
            .arg(fresh("theirs", round));
        command
    });
    let times = race(10, &[again, theirs]);
    println!(
        "  {:.0} times as fast (at least 50)\n",
        ratio(times[1], times[0])
    );
}

fn generate(directory: &Path) -> Command {
    let mut command = Command::new(program());
    command.args(["generate", "--output"]).arg(directory);
    command
}

/// The same files from `openssl`, as they are written in many a README.
fn lines(directory: &Path) -> Command {
    let mut command = Command::new("sh");
    command.args(["-ec", OPENSSL_LINES, "sh"]).arg(directory);
    command
}

const OPENSSL_LINES: &str = r#"
mkdir "$1" && cd "$1"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.crt -days 3650 \
    -subj '/CN=CA' -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign
openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout server.key -out server.csr -subj '/CN=localhost'
printf '%s\n' basicConstraints=critical,CA:FALSE keyUsage=critical,digitalSignature extendedKeyUsage=serverAuth \
    'subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1' > server.ext
openssl x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 365 -extfile server.ext -out server.crt
"#;
