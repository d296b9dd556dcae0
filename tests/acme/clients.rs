//! The clients that people use: certbot, lego, uacme, dehydrated, acme-tiny, instant-acme.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use super::{Site, certs};
use crate::peer::is_here;

#[test]
fn certbot_issues_renews_and_revokes() {
    let certbot = certbot();
    if !is_here(&certbot, &["--version"]) {
        return;
    }
    let (site, port) = with_free_port("");
    let home = site.directory.join("certbot");
    let run = |arguments: &[&str]| {
        let mut command = Command::new(&certbot);
        command
            .env("REQUESTS_CA_BUNDLE", site.directory.join("ca.crt"))
            .arg("-n");
        for flag in ["--config-dir", "--work-dir", "--logs-dir"] {
            command.arg(flag).arg(&home);
        }
        succeed(command.args(arguments))
    };
    let directory = format!("{}/acme/directory", site.server.url);
    let port = port.to_string();
    run(&[
        "certonly",
        "--standalone",
        "--http-01-port",
        &port,
        "-d",
        "a.example",
        "-d",
        "b.example",
        "--server",
        &directory,
        "--agree-tos",
        "-m",
        "a@b.example",
    ]);
    let certificate = home.join("live/a.example/cert.pem");
    let chain = home.join("live/a.example/fullchain.pem");
    verified(&site, &chain, "b.example");
    run(&[
        "renew",
        "--force-renewal",
        "--no-random-sleep-on-renew",
        "--http-01-port",
        &port,
    ]);
    verified(&site, &chain, "a.example");
    run(&[
        "revoke",
        "--server",
        &directory,
        "--no-delete-after-revoke",
        "--cert-path",
        certificate.to_str().unwrap(),
    ]);
    assert_eq!(revoked(&site), 1);
}

#[test]
fn lego_proves_names_in_each_way_and_renews_and_revokes() {
    if !is_here("lego", &["--version"]) {
        return;
    }
    let (site, http) = with_free_port("");
    let tls = site.directory.join("tls-port");
    let tls = std::fs::read_to_string(tls).unwrap();
    let hook = site.directory.join("hook");
    // What lego is to publish, for the test's DNS server.
    let record = site.directory.join("record");
    let script = format!(
        "#!/bin/sh\n[ \"$1\" = present ] && echo \"$2 $3\" > '{}'\nexit 0\n",
        record.display()
    );
    std::fs::write(&hook, script).unwrap();
    succeed(Command::new("chmod").arg("755").arg(&hook));
    let lego = |arguments: &[&str]| {
        let mut command = Command::new("lego");
        command.env("LEGO_CA_CERTIFICATES", site.directory.join("ca.crt"));
        command
            .env("EXEC_PATH", &hook)
            .env("EXEC_POLLING_INTERVAL", "1")
            .env("EXEC_PROPAGATION_TIMEOUT", "20");
        command.args([
            "--server",
            &format!("{}/acme/directory", site.server.url),
            "--accept-tos",
        ]);
        command
            .args(["--email", "a@b.example", "--path"])
            .arg(site.directory.join("lego"));
        command.args(arguments);
        command
    };
    let file = |name: &str| site.directory.join("lego/certificates").join(name);
    let http = format!(":{http}");
    succeed(&mut lego(&[
        "--domains",
        "a.example",
        "--http",
        "--http.port",
        &http,
        "run",
    ]));
    verified(&site, &file("a.example.crt"), "a.example");
    succeed(&mut lego(&[
        "--domains",
        "t.example",
        "--tls",
        "--tls.port",
        &format!(":{tls}"),
        "run",
    ]));
    verified(&site, &file("t.example.crt"), "t.example");
    let resolver = site.dns.address.to_string();
    let mut by_dns = lego(&[
        "--domains",
        "*.w.example",
        "--dns",
        "exec",
        "--dns.disable-cp",
        "--dns.resolvers",
        &resolver,
        "run",
    ]);
    let mut running = by_dns.spawn().unwrap();
    crate::serve::server::until("the record to be published", || {
        let text = std::fs::read_to_string(&record).unwrap_or_default();
        let Some((name, value)) = text.trim_end().split_once(' ') else {
            return false;
        };
        site.dns.add_text(name.trim_end_matches('.'), value);
        true
    });
    assert!(running.wait().unwrap().success());
    verified(&site, &file("_.w.example.crt"), "x.w.example");
    succeed(&mut lego(&[
        "--domains",
        "a.example",
        "--http",
        "--http.port",
        &http,
        "renew",
        "--days",
        "9999",
        "--no-random-sleep",
    ]));
    verified(&site, &file("a.example.crt"), "a.example");
    succeed(&mut lego(&["--domains", "a.example", "revoke"]));
    assert_eq!(revoked(&site), 1);
}

#[test]
fn lego_binds_its_account_to_a_token() {
    if !is_here("lego", &["--version"]) {
        return;
    }
    let (site, http) = with_free_port("external_account_required = true\n");
    let token = site.token(&["a.example"], &[]);
    let eab = |name: &str| token["eab"][name].as_str().unwrap().to_owned();
    let mut command = Command::new("lego");
    command.env("LEGO_CA_CERTIFICATES", site.directory.join("ca.crt"));
    command.args([
        "--server",
        &format!("{}/acme/directory", site.server.url),
        "--accept-tos",
        "--eab",
    ]);
    command.args([
        "--kid",
        &eab("kid"),
        "--hmac",
        &eab("hmac_key"),
        "--email",
        "a@b.example",
        "--path",
    ]);
    command.arg(site.directory.join("lego"));
    succeed(command.args([
        "--domains",
        "a.example",
        "--http",
        "--http.port",
        &format!(":{http}"),
        "run",
    ]));
    verified(
        &site,
        &site.directory.join("lego/certificates/a.example.crt"),
        "a.example",
    );
}

#[test]
fn acme_tiny_issues() {
    if !is_here("acme-tiny", &["--help"]) || !is_here("openssl", &["version"]) {
        return;
    }
    let (site, port) = with_free_port("");
    let _web = Webroot::start(&site, port);
    let file = |name: &str| site.directory.join(name);
    let openssl = |arguments: &[&str]| {
        succeed(
            Command::new("openssl")
                .current_dir(&site.directory)
                .args(arguments),
        )
    };
    openssl(&["genrsa", "-out", "account.key", "2048"]);
    openssl(&[
        "req",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-keyout",
        "tiny.key",
        "-subj",
        "/",
        "-addext",
        "subjectAltName=DNS:a.example",
        "-out",
        "tiny.csr",
    ]);
    let mut command = Command::new("acme-tiny");
    command
        .env("SSL_CERT_FILE", file("ca.crt"))
        .arg("--disable-check");
    command
        .arg("--account-key")
        .arg(file("account.key"))
        .arg("--csr")
        .arg(file("tiny.csr"));
    command
        .arg("--acme-dir")
        .arg(file("www/.well-known/acme-challenge"));
    let output = succeed(command.args([
        "--directory-url",
        &format!("{}/acme/directory", site.server.url),
    ]));
    std::fs::write(file("tiny.crt"), output.stdout).unwrap();
    verified(&site, &file("tiny.crt"), "a.example");
}

#[test]
fn dehydrated_issues_and_revokes() {
    if !is_here("dehydrated", &["--version"]) {
        return;
    }
    let (site, port) = with_free_port("");
    let _web = Webroot::start(&site, port);
    let base = site.directory.join("dehydrated");
    std::fs::create_dir(&base).unwrap();
    let config = format!(
        "CA={}/acme/directory\nBASEDIR='{}'\nWELLKNOWN='{}'\nCURL_OPTS=\"--cacert {}\"\nKEY_ALGO=prime256v1\n",
        site.server.url,
        base.display(),
        site.directory
            .join("www/.well-known/acme-challenge")
            .display(),
        site.directory.join("ca.crt").display()
    );
    std::fs::write(base.join("config"), config).unwrap();
    let run = |arguments: &[&str]| {
        succeed(
            Command::new("dehydrated")
                .arg("-f")
                .arg(base.join("config"))
                .args(arguments),
        )
    };
    run(&["--register", "--accept-terms"]);
    run(&["-c", "-d", "a.example"]);
    let certificate = base.join("certs/a.example/cert.pem");
    verified(
        &site,
        &base.join("certs/a.example/fullchain.pem"),
        "a.example",
    );
    run(&["-r", certificate.to_str().unwrap()]);
    assert_eq!(revoked(&site), 1);
}

#[test]
fn uacme_issues() {
    // It trusts only what the system trusts: it gets a file system of its own where our anchor is among that.
    if !is_here("sh", &["-c", "command -v uacme"]) || !is_here("unshare", &["-rm", "true"]) {
        return;
    }
    let (site, port) = with_free_port("");
    let _web = Webroot::start(&site, port);
    let file = |name: &str| site.directory.join(name).display().to_string();
    let challenges = file("www/.well-known/acme-challenge");
    let hook = format!(
        "#!/bin/sh\n[ \"$2\" = http-01 ] || exit 1\n[ \"$1\" = begin ] && printf %s \"$5\" > '{challenges}'/\"$4\"\nexit 0\n"
    );
    std::fs::write(file("uacme-hook"), hook).unwrap();
    succeed(Command::new("chmod").args(["755", &file("uacme-hook")]));
    let (ca, home, url, hook) = (
        file("ca.crt"),
        file("uacme"),
        format!("{}/acme/directory", site.server.url),
        file("uacme-hook"),
    );
    let script = format!(
        "mount --bind '{ca}' /etc/ssl/certs/ca-certificates.crt && \
         uacme -c '{home}' -a {url} -y new && uacme -c '{home}' -a {url} -h '{hook}' issue a.example"
    );
    succeed(Command::new("unshare").args(["-rm", "sh", "-c", &script]));
    verified(
        &site,
        Path::new(&file("uacme/a.example/cert.pem")),
        "a.example",
    );
}

#[test]
fn instant_acme_issues() {
    use instant_acme::{Account, ChallengeType, Identifier, NewAccount, NewOrder, RetryPolicy};

    let site = Site::new("");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let url = format!("{}/acme/directory", site.server.url);
    let pem = runtime.block_on(async {
        let new = NewAccount {
            contact: &[],
            terms_of_service_agreed: true,
            only_return_existing: false,
        };
        let builder = Account::builder_with_root(site.directory.join("ca.crt")).unwrap();
        let (account, _) = builder.create(&new, url, None).await.unwrap();
        let identifiers = [Identifier::Dns("a.example".into())];
        let mut order = account
            .new_order(&NewOrder::new(&identifiers))
            .await
            .unwrap();
        let mut authorizations = order.authorizations();
        while let Some(authorization) = authorizations.next().await {
            let mut authorization = authorization.unwrap();
            let mut challenge = authorization.challenge(ChallengeType::Http01).unwrap();
            let text = challenge.key_authorization();
            site.web.publish(&challenge.token, text.as_str());
            challenge.set_ready().await.unwrap();
        }
        order.poll_ready(&RetryPolicy::default()).await.unwrap();
        order.finalize().await.unwrap();
        order
            .poll_certificate(&RetryPolicy::default())
            .await
            .unwrap()
    });
    let file = site.directory.join("instant.pem");
    std::fs::write(&file, pem).unwrap();
    verified(&site, &file, "a.example");
}

/// A site whose hosts are the clients themselves, on the port that is given.
fn with_free_port(settings: &str) -> (Site, u16) {
    let (http, tls) = (free_port(), free_port());
    let site = Site::with_ports(settings, http, tls);
    std::fs::write(site.directory.join("tls-port"), tls.to_string()).unwrap();
    (site, http)
}

/// A port that nobody listens on now.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    listener.local_addr().unwrap().port()
}

/// Files on a web server, which ends with this value.
struct Webroot(std::process::Child);

impl Webroot {
    fn start(site: &Site, port: u16) -> Self {
        let root = site.directory.join("www");
        std::fs::create_dir_all(root.join(".well-known/acme-challenge")).unwrap();
        let mut command = Command::new("python3");
        command.args([
            "-m",
            "http.server",
            "--bind",
            "127.0.0.1",
            &port.to_string(),
        ]);
        command
            .current_dir(root)
            .stderr(std::process::Stdio::null())
            .stdout(std::process::Stdio::null());
        let server = Webroot(command.spawn().unwrap());
        crate::serve::server::until("the web server", || {
            std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()
        });
        server
    }
}

impl Drop for Webroot {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn certbot() -> String {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/peers-python/bin/certbot");
    let beside: Option<PathBuf> = std::env::var_os("OPENAGENTS_CERTS_PYTHON")
        .map(|python| Path::new(&python).with_file_name("certbot"));
    let found = beside.into_iter().chain([own]).find(|path| path.exists());
    found.map_or_else(|| "certbot".into(), |path| path.display().to_string())
}

fn succeed(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    let text = [&output.stdout[..], &output.stderr].concat();
    assert!(
        output.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&text)
    );
    output
}

/// Checks that a certificate verifies for a host.
fn verified(site: &Site, certificate: &Path, host: &str) {
    certs(
        &site.directory,
        &["verify", certificate.to_str().unwrap(), "--host", host],
    );
}

/// How many certificates were revoked.
fn revoked(site: &Site) -> usize {
    let listed = String::from_utf8(certs(&site.directory, &["list", "--json"])).unwrap();
    listed.matches("\"status\":\"revoked\"").count()
        + listed.matches("\"status\": \"revoked\"").count()
}
