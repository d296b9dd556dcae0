//! What `template write` makes, as those read it that it is for.
//!
//! Who is not installed is named and left out; with `OPENAGENTS_CERTS_PEERS=required` its absence fails.
//! `OPENAGENTS_CERTS_PYTHON` names a Python with `tests/interop/requirements.txt`, and
//! `OPENAGENTS_CERTS_OPENAGENTS` one with OpenAgents, without which no network is started.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "it makes files and looks at them"
)]

use std::ffi::{OsStr, OsString};
use std::io::Write as _;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use base64ct::{Base64, Encoding as _};
use serde_json::Value;
use tempfile::TempDir;

#[test]
fn systemd_takes_the_units() {
    if !is_here("systemd-analyze", &["--version"]) {
        return;
    }
    for name in [usual(), unusual(), no_text()] {
        let made = Made::new(&name);
        let units = [
            "renew.service",
            "renew.timer",
            "watch.service",
            "serve.service",
            "fetch.service",
        ];
        let units = units.map(|unit| made.write(&format!("openagents-certs-{unit}")));
        let output = run(Command::new("systemd-analyze").arg("verify").args(units));
        assert!(output.stderr.is_empty(), "{}", said(&output));
    }
}

#[test]
fn nginx_takes_the_block() {
    if !is_here("nginx", &["-v"]) {
        return;
    }
    for name in [usual(), "a b \"c\" 'd' \\e é; {f} #g".into()] {
        let made = Made::new(&name);
        let block = made.write("nginx.conf");
        let text = format!(
            "pid nginx.pid; error_log stderr; events {{}} http {{ access_log off; include {}; }}",
            block.display()
        );
        let main = made.path("main.conf");
        std::fs::write(&main, text).unwrap();
        let mut command = Command::new("nginx");
        run(command
            .args(["-t", "-p"])
            .arg(made.root.path())
            .arg("-c")
            .arg(main));
    }
    for name in ["a\nb", "a$b"] {
        assert_refused(&Made::new(OsStr::new(name)), "nginx.conf");
    }
}

#[test]
fn caddy_takes_the_file_and_asks_the_ca() {
    if !is_here("caddy", &["version"]) {
        return;
    }
    for name in [usual(), "a b 'c' $HOME é; #g".into()] {
        let made = Made::new(&name);
        let file = made.write("Caddyfile");
        let adapted = run(Command::new("caddy")
            .args(["adapt", "--validate", "--config"])
            .arg(file)
            .env("HOME", made.root.path())
            .env("XDG_DATA_HOME", made.root.path()));
        let adapted: Value = serde_json::from_slice(&adapted.stdout).unwrap();
        let issuer = &adapted["apps"]["tls"]["automation"]["policies"][0]["issuers"][0];
        assert_eq!(issuer["ca"], "https://localhost:8443/acme/directory");
        let anchors = made.directory().join("ca.crt");
        let named = &issuer["trusted_roots_pem_files"][0];
        assert_eq!(named.as_str(), anchors.to_str());
    }
    assert_refused(&Made::new(OsStr::new("a{b}")), "Caddyfile");
}

#[test]
fn clients_of_acme_are_called_with_the_url_of_the_ca() {
    for name in [usual(), unusual()] {
        let made = Made::new(&name);
        let settings = "[serve]\npublic_url = 'https://ca.example.org'\n";
        std::fs::write(made.directory().join("certs.toml"), settings).unwrap();
        let anchors = made.directory().join("ca.crt");
        let bin = made.path("bin");
        std::fs::create_dir(&bin).unwrap();
        for (program, variable) in [
            ("certbot", "REQUESTS_CA_BUNDLE"),
            ("lego", "LEGO_CA_CERTIFICATES"),
        ] {
            let script = format!("#!/bin/sh\nprintf '%s\\n' \"${variable}\" \"$@\"\n");
            let fake = bin.join(program);
            std::fs::write(&fake, script).unwrap();
            std::fs::set_permissions(&fake, std::fs::Permissions::from_mode(0o755)).unwrap();
            let file = made.write(&format!("{program}.sh"));
            let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
            let output = run(Command::new("sh").arg(file).env("PATH", path));
            let said = String::from_utf8(output.stdout).unwrap();
            assert!(said.starts_with(anchors.to_str().unwrap()), "{said}");
            let url = "\n--server\nhttps://ca.example.org/acme/directory\n";
            assert!(said.contains(url), "{said}");
            assert!(said.contains("\nlocalhost\n"), "{said}");
        }
    }
}

#[test]
fn yaml_names_the_ca_and_its_url() {
    if !python_has("ruamel.yaml") {
        return;
    }
    let made = Made::new(&unusual());
    let anchors = made.directory().join("ca.crt");
    let url = "https://localhost:8443/acme/directory";
    let issuer = read("yaml", &made.write("cert-manager-issuer.yaml"));
    let acme = &issuer[0]["spec"]["acme"];
    assert_eq!(acme["server"], url);
    let pem = Base64::decode_vec(acme["caBundle"].as_str().unwrap()).unwrap();
    assert_eq!(pem, std::fs::read(&anchors).unwrap());
    let traefik = read("yaml", &made.write("traefik.yaml"));
    let acme = &traefik[0]["certificatesResolvers"]["openagents-certs"]["acme"];
    assert_eq!(acme["caServer"], url);
    assert_eq!(acme["caCertificates"][0].as_str(), anchors.to_str());
    let deployment = read("yaml", &made.write("kubernetes-deployment.yaml"));
    let pod = &deployment[0]["spec"]["template"]["spec"];
    let command = pod["containers"][0]["command"].as_array().unwrap();
    let words = command.iter().map(|word| word.as_str().unwrap());
    let words: Vec<&str> = words.skip(3).collect();
    assert_eq!(words[0], "serve");
    // The options are ones that `serve` has.
    let mut tree = openagents_certs::cli::command();
    tree.build();
    let mut line = vec!["openagents-certs"];
    line.extend(&words);
    tree.try_get_matches_from(line).unwrap();
}

#[test]
fn schemas_of_jobs_and_containers_take_them() {
    for (name, kind, module) in [
        ("github-actions.yml", "github", "check_jsonschema"),
        ("gitlab-ci.yml", "gitlab", "check_jsonschema"),
        (
            "kubernetes-cronjob.yaml",
            "kubernetes",
            "kubernetes_validate",
        ),
        ("docker-compose-serve.yml", "compose", "check_jsonschema"),
        (
            "kubernetes-deployment.yaml",
            "manifests",
            "kubernetes_validate",
        ),
    ] {
        if python_has(module) {
            let made = Made::new(&usual());
            read(kind, &made.write(name));
        }
    }
}

#[test]
fn compose_and_envoy_take_theirs_and_find_the_files() {
    for name in [usual(), unusual()] {
        let made = Made::new(&name);
        let file = |file: &str| made.directory().join(file).to_str().unwrap().to_owned();
        if python_has("check_jsonschema") {
            let compose = read("compose", &made.write("docker-compose.yml"));
            let key = compose["secrets"]["server_key"]["file"].as_str().unwrap();
            assert_eq!(key.replace("$$", "$"), file("server.key"));
        }
        if python_has("envoy.config.bootstrap.v3.bootstrap_pb2") {
            let envoy = read("envoy", &made.write("envoy.yaml"));
            let listener = &envoy["static_resources"]["listeners"][0];
            let tls = &listener["filter_chains"][0]["transport_socket"]["typed_config"];
            let pair = &tls["common_tls_context"]["tls_certificates"][0];
            assert_eq!(pair["certificate_chain"]["filename"], file("server.crt"));
            assert_eq!(tls["require_client_certificate"], true);
        }
    }
    for name in [
        "docker-compose.yml",
        "envoy.yaml",
        "network-tls.yaml",
        "agent.ts",
        "agent.rs",
    ] {
        assert_refused(&Made::new(&no_text()), name);
    }
}

#[test]
fn programs_are_written_well_and_name_the_files() {
    for name in [usual(), unusual(), no_text()] {
        let made = Made::new(&name);
        let ca = made.directory().join("ca.crt");
        if python_has("ast") {
            let arguments = read("python", &made.write("agent.py"));
            assert_eq!(arguments["ssl_ca_cert"], hex(&ca));
        }
        if is_here("gofmt", &["-h"]) && is_here("go", &["version"]) {
            let agent = made.write("agent.go");
            let output = run(Command::new("gofmt").arg("-l").arg(&agent));
            assert!(output.stdout.is_empty(), "{}", said(&output));
            let literal = between(&agent, "os.ReadFile(", ")");
            let source = format!(
                "package main\n\nimport \"os\"\n\nfunc main() {{ os.Stdout.WriteString({literal}) }}\n"
            );
            let main = made.path("main.go");
            std::fs::write(&main, source).unwrap();
            let mut go = Command::new("go");
            go.arg("run")
                .arg(main)
                .env("GOCACHE", made.path("go"))
                .env("GO111MODULE", "off");
            assert_eq!(run(&mut go).stdout, ca.as_os_str().as_bytes());
        }
        if name.to_str().is_none() {
            continue;
        }
        if is_here("node", &["--version"]) {
            let agent = made.write("agent.ts");
            let module = made.path("agent.mjs");
            std::fs::copy(&agent, &module).unwrap();
            run(Command::new("node").arg("--check").arg(module));
            let literal = between(&agent, "readFileSync(", ")");
            let script = format!("process.stdout.write({literal})");
            let output = run(Command::new("node").args(["-e", &script]));
            assert_eq!(output.stdout, ca.as_os_str().as_bytes());
        }
        let agent = made.write("agent.rs");
        if is_here("rustfmt", &["--version"]) {
            run(Command::new("rustfmt")
                .args(["--check", "--edition", "2024", "--config", "max_width=1000"])
                .arg(&agent));
        }
        if is_here("rustc", &["--version"]) {
            let literal = between(&agent, "std::fs::read(", ")?");
            let (main, program) = (made.path("main.rs"), made.path("main"));
            std::fs::write(
                &main,
                format!("fn main() {{ print!(\"{{}}\", {literal}); }}\n"),
            )
            .unwrap();
            run(Command::new("rustc").arg(main).arg("-o").arg(&program));
            assert_eq!(
                run(&mut Command::new(program)).stdout,
                ca.as_os_str().as_bytes()
            );
        }
    }
}

#[test]
fn the_commands_in_them_run() {
    let made = Made::new(&usual());
    let bin = made.path("bin");
    std::fs::create_dir(&bin).unwrap();
    symlink(PROGRAM, bin.join("openagents-certs")).unwrap();
    let agent = made.path("run-agent");
    std::fs::write(
        &agent,
        "#!/bin/sh\ntest -s \"$OPENAGENTS_CERTS_KEY\" && echo ran\n",
    )
    .unwrap();
    std::fs::set_permissions(&agent, std::fs::Permissions::from_mode(0o755)).unwrap();
    let shell = |line: &str| {
        let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
        let pem = |name: &str| std::fs::read_to_string(made.directory().join(name)).unwrap();
        let mut command = Command::new("sh");
        command
            .args(["-ec", line])
            .current_dir(made.root.path())
            .env("PATH", path);
        run(command
            .env("CA_CERT", pem("ca.crt"))
            .env("CA_KEY", pem("ca.key")))
    };
    for name in ["github-actions.yml", "gitlab-ci.yml"] {
        let text = std::fs::read_to_string(made.write(name)).unwrap();
        let job = text.split_once("openagents-certs mint ").unwrap().1;
        let line = format!(
            "openagents-certs mint {}",
            job.replace("\\\n", " ").replace('\n', " ")
        );
        assert_eq!(shell(&line).stdout, b"ran\n", "{line}");
    }
    let cron = std::fs::read_to_string(made.write("kubernetes-cronjob.yaml")).unwrap();
    let words = cron
        .split_once("command: ")
        .unwrap()
        .1
        .lines()
        .next()
        .unwrap();
    let words: Vec<String> = serde_json::from_str(words).unwrap();
    shell(
        &words
            .join(" ")
            .replace("/authority", made.directory().to_str().unwrap()),
    );
    let unit = std::fs::read_to_string(made.write("openagents-certs-renew.service")).unwrap();
    for line in unit
        .lines()
        .filter_map(|line| line.strip_prefix("ExecStart="))
    {
        shell(line);
    }
}

#[test]
fn openagents_starts_the_networks_and_its_agent_joins() {
    let Some(openagents) = std::env::var_os("OPENAGENTS_CERTS_OPENAGENTS") else {
        return say("OPENAGENTS_CERTS_OPENAGENTS names no Python with OpenAgents");
    };
    for (template, name) in [
        ("network-tls.yaml", usual()),
        ("network-mtls.yaml", usual()),
        ("network-mtls.yaml", unusual()),
    ] {
        let made = Made::new(&name);
        let files = [made.write(template), made.write("agent.py")];
        let script = interop("openagents_network.py");
        run(Command::new(&openagents)
            .arg(script)
            .arg(made.root.path())
            .args(files));
    }
}

/// A PKI with a client's pair, and beside it what is written from it.
struct Made {
    root: TempDir,
    name: OsString,
}

impl Made {
    fn new(name: &OsStr) -> Self {
        let made = Made {
            root: tempfile::tempdir().unwrap(),
            name: name.to_owned(),
        };
        let mut command = Command::new(PROGRAM);
        run(command
            .arg("-C")
            .arg(made.directory())
            .args(["generate", "--mtls"]));
        made
    }

    fn directory(&self) -> PathBuf {
        self.root.path().join(&self.name)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    fn write(&self, name: &str) -> PathBuf {
        run(&mut self.writing(name));
        self.path(name)
    }

    fn writing(&self, name: &str) -> Command {
        let mut command = Command::new(PROGRAM);
        command
            .args(["template", "write", name, "--for"])
            .arg(self.directory());
        command.arg("--out").arg(self.path(name));
        command
    }
}

fn usual() -> OsString {
    "certs".into()
}

fn unusual() -> OsString {
    "a b\t'c' \"d\" $HOME `e` \\f %h {g} #i\nj; é 漢 \u{202e}k".into()
}

fn no_text() -> OsString {
    let mut name = unusual().into_vec();
    name.extend(b"\xff\xfe\xc3");
    OsString::from_vec(name)
}

/// That a path which a language cannot say is an error, and nothing is written.
fn assert_refused(made: &Made, name: &str) {
    let output = made.writing(name).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.starts_with(&format!("error: {name}: ")), "{stderr}");
    assert!(!made.path(name).exists());
}

/// The text between the first of these and what ends its line.
fn between(file: &Path, begin: &str, end: &str) -> String {
    let text = std::fs::read_to_string(file).unwrap();
    let line = text.lines().find(|line| line.contains(begin)).unwrap();
    let rest = line.split_once(begin).unwrap().1;
    rest.rsplit_once(end)
        .unwrap()
        .0
        .trim_end_matches(')')
        .to_owned()
}

fn hex(path: &Path) -> String {
    path.as_os_str()
        .as_bytes()
        .iter()
        .map(|octet| format!("{octet:02x}"))
        .collect()
}

/// A file as those see it that it is for.
fn read(kind: &str, file: &Path) -> Value {
    let mut command = Command::new(python());
    let output = run(command.arg(interop("templates.py")).arg(kind).arg(file));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn interop(script: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/interop")
        .join(script)
}

fn python() -> String {
    std::env::var("OPENAGENTS_CERTS_PYTHON").unwrap_or_else(|_| "python3".into())
}

fn python_has(module: &str) -> bool {
    is_here(&python(), &["-c", &format!("import {module}")])
}

/// Whether a program answers; when not, says so.
fn is_here(program: &str, arguments: &[&str]) -> bool {
    // gofmt ends its help with 2.
    if Command::new(program)
        .args(arguments)
        .output()
        .is_ok_and(|output| output.status.success() || program == "gofmt")
    {
        return true;
    }
    let missing = format!("`{program} {}` does not work here", arguments.join(" "));
    let required =
        std::env::var_os("OPENAGENTS_CERTS_PEERS").is_some_and(|value| value == "required");
    assert!(!required, "{missing}, and every peer is required");
    say(&missing);
    false
}

/// Says what was not checked, past the capture of a test's output.
#[expect(clippy::explicit_write, reason = "what the macro prints is captured")]
fn say(missing: &str) {
    writeln!(std::io::stderr(), "not checked: {missing}").unwrap();
}

/// Runs a command that must succeed.
fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", said(&output));
    output
}

fn said(output: &Output) -> String {
    format!(
        "{}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

const PROGRAM: &str = env!("CARGO_BIN_EXE_openagents-certs");
