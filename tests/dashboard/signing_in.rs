//! Links, sessions and client certificates.

use super::*;

#[test]
fn a_link_signs_in_once() {
    let scene = Scene::new("dashboard-link", "");
    let client = scene.server.client();
    assert_eq!(client.get("/").status, 401);
    let link = scene.link("viewer");
    let answer = client.get(&link);
    let set = answer.header("set-cookie").unwrap();
    assert!(set.starts_with("__Host-openagents-certs="), "{set}");
    let attributes = "; Path=/; Max-Age=28800; Secure; HttpOnly; SameSite=Strict";
    assert!(set.ends_with(attributes), "{set}");
    let browser = Browser {
        cookie: cookie(&answer),
        client: client.clone(),
    };
    let page = browser.get("/");
    assert_eq!(page.status, 200);
    assert!(page.text().contains("data-testid=\"overview\""));
    assert!(page.text().contains(">viewer<"));
    let again = client.get(&link);
    assert_eq!(again.status, 401);
    assert!(again.text().contains("data-testid=\"login-error\""));
    assert!(again.text().contains("already used"));
    assert!(again.text().contains("openagents-certs dashboard login"));
    assert_eq!(again.header("set-cookie"), None);
    let secret = link.strip_prefix("/login/").unwrap();
    assert!(!scene.server.log().contains(secret));
    let stored = std::fs::read(scene.directory.join("inventory.db")).unwrap();
    let session = browser.cookie.split_once('=').unwrap().1;
    for secret in [secret, session] {
        let is_in = |part: &[u8]| part == secret.as_bytes();
        assert!(!stored.windows(secret.len()).any(is_in));
    }
}

#[test]
fn a_link_is_not_used_up_by_looking_or_fetching_ahead() {
    let scene = Scene::new("dashboard-ahead", "");
    let client = scene.server.client();
    let link = scene.link("viewer");
    let head = format!("HEAD {link} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    assert_eq!(client.send(&head, &[]).status, 204);
    let ahead = get(&client, &link, &[("Sec-Purpose", "prefetch")]);
    assert_eq!((ahead.status, ahead.header("set-cookie")), (204, None));
    // From another site, a cookie with SameSite=Strict is not sent along a redirection.
    let answer = get(&client, &link, &[("Sec-Fetch-Site", "cross-site")]);
    assert_eq!(answer.status, 200);
    assert!(answer.text().contains("http-equiv=\"refresh\""));
    assert!(answer.header("set-cookie").is_some());
}

#[test]
fn an_unknown_link_and_a_made_up_session_sign_nobody_in() {
    let scene = Scene::new("dashboard-unknown", "");
    let client = scene.server.client();
    let long = "A".repeat(8000);
    for secret in ["", "x", "a/b", "%00", "..%2f", "%3Cscript%3E", &long] {
        let answer = client.get(&format!("/login/{secret}"));
        assert!([401, 404].contains(&answer.status), "{secret}");
        assert_eq!(answer.header("set-cookie"), None);
        assert!(!answer.text().contains("<script"));
    }
    let browser = scene.browser("operator");
    let (name, secret) = browser.cookie.split_once('=').unwrap();
    let tampered = format!("{}{}", &secret[1..], &secret[..1]);
    for value in [&tampered, "", "x", &secret[..20], &secret.to_uppercase()] {
        let cookie = format!("{name}={value}");
        let answer = get(&client, "/", &[("Cookie", &cookie)]);
        assert_eq!(answer.status, 401, "{cookie}");
    }
    let other_name = format!("openagents-certs={secret}");
    assert_eq!(get(&client, "/", &[("Cookie", &other_name)]).status, 401);
}
