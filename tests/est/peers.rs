//! EST clients that nobody here wrote: strongSwan's pki, and OpenSSL with curl.

use std::path::Path;
use std::process::Command;

use super::Scene;
use crate::peer::{is_here, run};

#[test]
fn strongswan_fetches_the_ca_enrolls_and_renews() {
    // Without its plugin for OpenSSL it knows no ECDSA (libstrongswan-standard-plugins).
    if !is_here("sh", &["-c", "pki --gen --type ecdsa --size 256"]) {
        return;
    }
    let scene = Scene::new("est-strongswan", "");
    let token = scene.token(&["moon.example.org"], &[]);
    let place = scene.directory.parent().unwrap();
    let url = &scene.server.url;
    let pki = |arguments: &str| shell(place, &format!("pki {arguments}"));
    pki(&format!(
        "--estca --url {url} --cacert ca/ca.crt --caout fetched.pem --outform pem"
    ));
    let same = "openssl x509 -in fetched.pem -outform der | cmp - fetched.der";
    shell(
        place,
        "openssl x509 -in ca/ca.crt -outform der > fetched.der",
    );
    shell(place, same);
    let make = |name: &str| {
        pki(&format!(
            "--gen --type ecdsa --size 256 --outform pem > {name}.key"
        ));
        pki(&format!(
            "--req --in {name}.key --type ecdsa --dn CN=moon.example.org --san moon.example.org > {name}.csr"
        ));
    };
    make("first");
    pki(&format!(
        "--est --url {url} --in first.csr --cacert ca/ca.crt --userpass {}:{} --outform pem > first.crt",
        token.id, token.secret
    ));
    shell(place, "openssl verify -CAfile ca/ca.crt first.crt");
    make("second");
    pki(&format!(
        "--est --url {url} --in second.csr --cacert ca/ca.crt --cert first.crt --key first.key --outform pem > second.crt"
    ));
    shell(place, "openssl verify -CAfile ca/ca.crt second.crt");
    let key = shell(place, "openssl x509 -in second.crt -noout -pubkey");
    assert_eq!(key, shell(place, "openssl pkey -in second.key -pubout"));
}

#[test]
fn openssl_and_curl_enroll_and_renew_by_hand() {
    if !(is_here("curl", &["--version"]) && is_here("openssl", &["version"])) {
        return;
    }
    let scene = Scene::new("est-curl", "");
    let token = scene.token(&["a.example.org"], &["--profile", "peer"]);
    let place = scene.directory.parent().unwrap();
    let url = format!("{}/.well-known/est", scene.server.url);
    shell(
        place,
        "openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout a.key -subj /CN=a.example.org \
         -addext subjectAltName=DNS:a.example.org -outform der -out a.csr && base64 a.csr > a.b64",
    );
    let curl = |credentials: &str, operation: &str, to: &str| {
        let command = format!(
            "curl -sSf --cacert ca/ca.crt {credentials} -H 'Content-Type: application/pkcs10' --data-binary @a.b64 \
             {url}/{operation} | base64 -d | openssl pkcs7 -inform der -print_certs -out {to}"
        );
        shell(place, &command);
        shell(place, &format!("openssl verify -CAfile ca/ca.crt {to}"));
    };
    let user = format!("-u {}:{}", token.id, token.secret);
    curl(&user, "simpleenroll", "a.crt");
    curl("--cert a.crt --key a.key", "simplereenroll", "b.crt");
    let large = format!(
        "head -c 100000 /dev/zero | curl -sS --cacert ca/ca.crt -o refusal -w '%{{http_code}}' {user} \
         -H 'Content-Type: application/pkcs10' --data-binary @- {url}/simpleenroll"
    );
    assert_eq!(shell(place, &large), "413");
}

fn shell(place: &Path, command: &str) -> String {
    let mut shell = Command::new("sh");
    shell.arg("-ec").arg(command).current_dir(place);
    String::from_utf8(run(&mut shell).stdout).unwrap()
}
