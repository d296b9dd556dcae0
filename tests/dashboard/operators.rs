//! Client certificates with a role.

use super::*;

#[test]
#[expect(clippy::too_many_lines, reason = "one step after the other")]
fn a_client_certificate_has_the_role_of_its_name() {
    let settings = "[serve.operators]\n'alice' = 'operator'\n'*.view.test' = 'viewer'\n'ops@x.test' = 'viewer'\n";
    let scene = Scene::new("dashboard-operators", settings);
    for (purpose, name) in [
        ("client", "alice"),
        ("client", "bob.view.test"),
        ("client", "mallory"),
        ("client", "view.test"),
        ("server", "carol.view.test"),
    ] {
        certs(&["issue", purpose, name, "--quiet"], &scene.directory);
    }
    let pair = |name: &str| {
        let file = |extension| scene.directory.join(format!("{name}.{extension}"));
        scene.server.client_with(&file("crt"), &file("key"))
    };
    let role = |name: &str| {
        let page = pair(name).get("/");
        let text = page.text();
        match page.status {
            200 if text.contains(">operator<") => "operator",
            200 if text.contains(">viewer<") => "viewer",
            401 => "none",
            other => panic!("{other}: {text}"),
        }
    };
    let roles = [
        "alice",
        "bob.view.test",
        "mallory",
        "view.test",
        "carol.view.test",
    ]
    .map(role);
    assert_eq!(roles, ["operator", "viewer", "none", "none", "none"]);

    // The page has a form for each session.
    let session = scene.browser("viewer");
    let page = pair("alice").get("/sessions");
    assert_eq!(page.header("set-cookie"), None);
    let body = format!("csrf={}&id=0123456789abcdef", csrf(&page));
    assert_eq!(
        post(&pair("alice"), "/sessions/end", &body, &OWN).status,
        200
    );
    // Certificates are sent along from other sites, too.
    let cross = [("Origin", "https://evil.example")];
    assert_eq!(
        post(&pair("alice"), "/sessions/end", &body, &cross).status,
        403
    );
    assert_eq!(
        post(&pair("alice"), "/sessions/end", "id=x", &OWN).status,
        403
    );
    let bob = post(&pair("bob.view.test"), "/sessions/end", &body, &OWN);
    assert_eq!(bob.status, 403);
    // Nor is the token of a certificate that of a session, or the other way round.
    assert_eq!(session.post_as("/logout", &body, &OWN).status, 403);
    let foreign = format!("csrf={}&id=x", csrf(&session.get("/")));
    assert_eq!(
        post(&pair("alice"), "/sessions/end", &foreign, &OWN).status,
        403
    );

    certs(
        &["revoke", "alice", "--reason", "superseded"],
        &scene.directory,
    );
    assert_eq!(role("alice"), "none");
}

#[test]
fn a_role_is_gone_as_soon_as_the_settings_say_so() {
    let scene = Scene::new(
        "dashboard-demoted",
        "[serve.operators]\n'alice' = 'operator'\n",
    );
    certs(&["issue", "client", "alice", "--quiet"], &scene.directory);
    let file = |extension| scene.directory.join(format!("alice.{extension}"));
    let client = scene.server.client_with(&file("crt"), &file("key"));
    scene.browser("viewer");
    let body = format!("csrf={}&id=x", csrf(&client.get("/sessions")));
    let settings = scene.directory.join("certs.toml");
    for (text, status) in [("'alice' = 'viewer'", 403), ("'bob' = 'operator'", 401)] {
        std::fs::write(&settings, format!("[serve.operators]\n{text}\n")).unwrap();
        scene.server.signal(rustix::process::Signal::HUP);
        crate::serve::until("the role is gone", || {
            post(&client, "/sessions/end", &body, &OWN).status == status
        });
    }
    assert_eq!(client.get("/").status, 401);
}

#[test]
fn a_certificate_of_another_authority_has_no_role() {
    let scene = Scene::new("dashboard-foreign", "[serve.operators]\n'*' = 'operator'\n");
    let other = scratch("dashboard-foreign-other");
    certs(&["ca", "init", "--quiet"], &other);
    certs(&["issue", "client", "alice", "--quiet"], &other);
    let file = |extension| other.join(format!("alice.{extension}"));
    let client = scene.server.client_with(&file("crt"), &file("key"));
    // Whether TLS or the dashboard refuses it, it sees no page.
    let status = client.try_connect().map(|_| client.get("/").status);
    assert!(matches!(status, None | Some(401)), "{status:?}");
}
