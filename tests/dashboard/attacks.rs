//! What other sites, old pages and weak roles may not do, and what every answer tells the browser.

use super::*;

#[test]
fn every_answer_keeps_other_sites_and_caches_out() {
    let scene = Scene::new("dashboard-headers", "");
    let browser = scene.browser("viewer");
    let page = browser.get("/");
    let asset = |name: &str| {
        let text = page.text();
        let end = text.find(name).unwrap() + name.len();
        let start = text[..end].rfind('"').unwrap() + 1;
        text[start..end].to_owned()
    };
    let assets = [
        asset("dashboard.css"),
        asset("dashboard.js"),
        asset("icon.svg"),
    ];
    let client = scene.server.client();
    let mut answers = vec![
        client.get("/"),
        client.get("/login/x"),
        browser.get("/sessions"),
    ];
    answers.extend(assets.iter().map(|path| client.get(path)));
    for answer in answers.iter().chain([&page]) {
        let policy = answer.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'; style-src 'self'; script-src 'self';"));
        assert!(policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe"));
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "same-origin"),
            ("strict-transport-security", "max-age=31536000"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
        ] {
            assert_eq!(answer.header(name), Some(value));
        }
    }
    let transferred: usize = answers[3..].iter().map(|asset| asset.body.len()).sum();
    assert!(transferred + page.body.len() <= 120 * 1024, "{transferred}");
    for answer in &answers[3..] {
        let caching = answer.header("cache-control").unwrap();
        assert!(caching.contains("immutable"), "{caching}");
    }
    for page in answers[..3].iter().chain([&page]) {
        assert_eq!(page.header("cache-control"), Some("no-store"));
        let text = page.text();
        assert!(
            !text.contains(" style=") && !text.contains("<style") && !text.contains(" onclick")
        );
    }
    assert_eq!(
        client.get("/assets/0000000000000000/dashboard.css").status,
        404
    );
}

#[test]
fn nobody_without_a_role_sees_a_page() {
    let scene = Scene::new("dashboard-closed", "");
    let client = scene.server.client();
    for path in ["/", "/overview", "/sessions"] {
        let answer = client.get(path);
        assert_eq!(answer.status, 401, "{path}");
        assert!(answer.text().contains("openagents-certs dashboard login"));
        assert!(!answer.text().contains("data-testid=\"overview\""));
        // A part of a page that reloads itself leaves the page then.
        assert_eq!(answer.header("hx-redirect"), Some("/"));
    }
    for path in ["/logout", "/sessions/end"] {
        assert_eq!(post(&client, path, "", &OWN).status, 401, "{path}");
    }
    for path in [
        "/healthz",
        "/readyz",
        "/metrics",
        "/ca.crt",
        "/acme/directory",
    ] {
        assert_eq!(client.get(path).status, 200, "{path}");
    }
    assert_eq!(scene.server.get_plain("/").status, 404);
}

#[test]
fn a_change_needs_the_token_of_its_session() {
    let scene = Scene::new("dashboard-csrf", "");
    let (browser, other) = (scene.browser("operator"), scene.browser("operator"));
    let (own, foreign) = (csrf(&browser.get("/")), csrf(&other.get("/")));
    assert_ne!(own, foreign);
    let status = |body: &str, headers: &[(&str, &str)]| {
        browser.post_as("/sessions/end", body, headers).status
    };
    let good = format!("csrf={own}&id=0123456789abcdef");
    for body in [
        "id=0123456789abcdef".to_owned(),
        "csrf=&id=0123456789abcdef".to_owned(),
        format!("csrf={foreign}&id=0123456789abcdef"),
        format!("csrf={}&id=0123456789abcdef", &own[..own.len() - 1]),
    ] {
        assert_eq!(status(&body, &OWN), 403, "{body}");
    }
    for headers in [
        [
            ("Origin", "https://evil.example"),
            ("Sec-Fetch-Site", "same-origin"),
        ],
        [
            ("Origin", "http://localhost"),
            ("Sec-Fetch-Site", "same-origin"),
        ],
        [("Origin", "null"), ("Sec-Fetch-Site", "same-origin")],
        [
            ("Origin", "https://localhost.evil.example"),
            ("X-Other", "1"),
        ],
        [
            ("Origin", "https://localhost"),
            ("Sec-Fetch-Site", "cross-site"),
        ],
        [
            ("Origin", "https://localhost"),
            ("Sec-Fetch-Site", "same-site"),
        ],
    ] {
        assert_eq!(status(&good, &headers), 403, "{headers:?}");
    }
    // It asks for confirmation.
    assert_eq!(status(&good, &OWN), 200);
    // GET changes nothing.
    assert_eq!(browser.get(&format!("/sessions/end?{good}")).status, 405);
}

#[test]
fn a_viewer_changes_nothing_and_a_role_does_not_grow() {
    let scene = Scene::new("dashboard-viewer", "");
    let (viewer, operator) = (scene.browser("viewer"), scene.browser("operator"));
    let id = session_ids(&operator.get("/sessions"))[0].clone();
    assert!(!viewer.get("/sessions").text().contains("/sessions/end"));
    let refused = viewer.post("/sessions/end", &format!("id={id}&role=operator"));
    assert_eq!(refused.status, 403);
    assert!(refused.text().contains("signed in as viewer"));
    // The confirmation of one session is not good for another.
    let page = operator.post("/sessions/end", &format!("id={id}"));
    let confirmed = field(&page, "confirmed");
    let stolen = viewer.post("/sessions/end", &format!("id={id}&confirmed={confirmed}"));
    assert_eq!(stolen.status, 403);
    let other = format!("id=0123456789abcdef&confirmed={confirmed}");
    assert_eq!(operator.post("/sessions/end", &other).status, 200);
}

#[test]
fn a_session_ends_by_signing_out_by_an_operator_and_by_the_command() {
    let scene = Scene::new("dashboard-ending", "");
    let browsers = [(); 4].map(|()| scene.browser("operator"));
    let [first, second, third, fourth] = &browsers;
    let out = first.post("/logout", "");
    assert_eq!(out.status, 303);
    assert!(out.header("set-cookie").unwrap().contains("Max-Age=0"));
    assert_eq!(first.get("/").status, 401);

    let own = own_id(second);
    let page = third.post("/sessions/end", &format!("id={own}"));
    assert!(page.text().contains("data-testid=\"confirm\"") && second.get("/").status == 200);
    let fields = format!("id={own}&confirmed={}", field(&page, "confirmed"));
    assert_eq!(third.post("/sessions/end", &fields).status, 303);
    assert_eq!(second.get("/").status, 401);
    assert_eq!(third.post("/sessions/end", &fields).status, 400);

    certs(&["dashboard", "logout", &own_id(third)], &scene.directory);
    assert_eq!(third.get("/").status, 401);
    let list = certs(&["dashboard", "sessions"], &scene.directory);
    assert!(
        list.contains(&own_id(fourth)) && list.lines().count() == 2,
        "{list}"
    );
}

#[test]
fn signing_in_gives_a_new_session_and_ends_the_old_one() {
    let scene = Scene::new("dashboard-fixation", "");
    let client = scene.server.client();
    // A cookie that somebody planted is not taken over.
    let planted = "__Host-openagents-certs=planted";
    let answer = get(&client, &scene.link("viewer"), &[("Cookie", planted)]);
    let session = cookie(&answer);
    assert_ne!(session, planted);
    assert_eq!(get(&client, "/", &[("Cookie", planted)]).status, 401);
    let next = get(&client, &scene.link("operator"), &[("Cookie", &session)]);
    assert_ne!(cookie(&next), session);
    assert_eq!(get(&client, "/", &[("Cookie", &session)]).status, 401);
    assert_eq!(get(&client, "/", &[("Cookie", &cookie(&next))]).status, 200);
}

#[test]
fn a_session_survives_a_restart() {
    let scene = Scene::new("dashboard-restart", "");
    let browser = scene.browser("viewer");
    let token = csrf(&browser.get("/"));
    let Scene { server, directory } = scene;
    server.stop();
    let server = Server::start(&directory, &[]);
    let page = get(&server.client(), "/", &[("Cookie", &browser.cookie)]);
    assert_eq!((page.status, csrf(&page)), (200, token));
}

/// The ids of the sessions on the page of them.
fn session_ids(page: &Response) -> Vec<String> {
    let rows = page.text().split("<code class=\"unbroken\">").skip(1);
    rows.map(|row| row[..16].to_owned()).collect()
}

/// The id of a browser's own session.
fn own_id(browser: &Browser) -> String {
    let page = browser.get("/sessions");
    let (_, rest) = page.text().split_once("by session ").unwrap();
    rest[..16].to_owned()
}

/// The value of a hidden field.
fn field(page: &Response, name: &str) -> String {
    let (_, rest) = page
        .text()
        .split_once(&format!("name=\"{name}\" value=\""))
        .unwrap();
    rest.split('"').next().unwrap().to_owned()
}
