//! Programs that ask by themselves: GnuTLS, nginx, OpenSSL with a fetched CRL.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

use super::{Scene, after_a_second};
use crate::peer::{certs, is_here, run};
use crate::serve::until;

#[test]
fn ocsptool_accepts_the_answer() {
    if !is_here("ocsptool", &["--version"]) {
        return;
    }
    let scene = Scene::new("ocsp-gnutls", &["a"], "");
    let ask = || {
        let mut command = Command::new("ocsptool");
        command.arg(format!("--ask=http://{}/ocsp", scene.server.http));
        command.args(["--load-issuer", &scene.path("ca.crt")]);
        command.args(["--load-trust", &scene.path("ca.crt")]);
        command.args(["--load-cert", &scene.path("a.crt")]);
        let output = command.output().unwrap();
        String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
    };
    let text = ask();
    assert!(text.contains("Verifying OCSP Response: Success"), "{text}");
    assert!(text.contains("Certificate Status: good"), "{text}");
    certs(&["revoke", "a.test"], &scene.directory);
    let text = after_a_second(ask);
    assert!(text.contains("Certificate Status: revoked"), "{text}");
}

#[test]
fn nginx_staples_the_answer() {
    if !is_here("nginx", &["-v"]) || !is_here("openssl", &["version"]) {
        return;
    }
    let scene = Scene::new("ocsp-nginx", &["a"], "");
    let port = free_port();
    let configuration = format!(
        "daemon off; master_process off; pid nginx.pid; error_log stderr; events {{}} \
         http {{ access_log off; client_body_temp_path b; proxy_temp_path p; fastcgi_temp_path f; \
         uwsgi_temp_path u; scgi_temp_path s; server {{ listen 127.0.0.1:{port} ssl; \
         ssl_certificate {}; ssl_certificate_key {}; ssl_trusted_certificate {}; \
         ssl_stapling on; ssl_stapling_verify on; \
         ssl_stapling_responder http://{}/ocsp; }} }}",
        scene.path("a.crt"),
        scene.path("a.key"),
        scene.path("ca.crt"),
        scene.server.http,
    );
    std::fs::write(scene.directory.join("nginx.conf"), configuration).unwrap();
    let mut command = Command::new("nginx");
    command.args(["-p", &scene.path(""), "-c", &scene.path("nginx.conf")]);
    command.args(["-e", "stderr"]);
    let _nginx = Running(command.stderr(Stdio::null()).spawn().unwrap());
    // The first handshake makes nginx ask.
    until("nginx staples", || {
        let text = handshake(&scene, port);
        text.contains("OCSP Response Status: successful") && text.contains("Cert Status: good")
    });
}

#[test]
fn openssl_takes_the_list_that_certificates_name() {
    if !is_here("openssl", &["version"]) {
        return;
    }
    let port = free_port();
    let settings = format!(
        "[serve]\nhttp_listen = '127.0.0.1:{port}'\nhttp_url = 'http://127.0.0.1:{port}'\n"
    );
    let directory = crate::peer::scratch("crl-openssl");
    certs(&["ca", "init"], &directory);
    std::fs::write(directory.join("certs.toml"), settings).unwrap();
    super::issue(&directory, "a");
    let mut command = crate::serve::server::command(&directory);
    command.args(["--listen", "127.0.0.1:0"]);
    let server = crate::serve::Server::spawn(&mut command, &directory);
    let scene = Scene { directory, server };
    let verify = || {
        let mut command = Command::new("openssl");
        command.args(["verify", "-CAfile", &scene.path("ca.crt")]);
        command.args(["-crl_check", "-crl_download", &scene.path("a.crt")]);
        let output = command.output().unwrap();
        String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
    };
    let text = verify();
    assert!(text.contains("a.crt: OK"), "{text}");
    let shown = run(Command::new("openssl").args([
        "x509",
        "-noout",
        "-ext",
        "authorityInfoAccess,crlDistributionPoints",
        "-in",
        &scene.path("a.crt"),
    ]));
    let shown = String::from_utf8(shown.stdout).unwrap();
    for path in ["ocsp", "ca.der", "crl.der"] {
        let url = format!("URI:http://127.0.0.1:{port}/{path}\n");
        assert!(shown.contains(&url), "{path}: {shown}");
    }
    certs(&["revoke", "a.test"], &scene.directory);
    let text = after_a_second(verify);
    assert!(text.contains("certificate revoked"), "{text}");
}

/// A process that ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn handshake(scene: &Scene, port: u16) -> String {
    let mut command = Command::new("openssl");
    command.args([
        "s_client",
        "-status",
        "-connect",
        &format!("127.0.0.1:{port}"),
    ]);
    command.args(["-CAfile", &scene.path("ca.crt")]);
    let output = command.stdin(Stdio::null()).output().unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A port that nobody uses now.
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}
