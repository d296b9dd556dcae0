//! Servers that fail, and a client that is killed: nothing is lost, nothing is ordered twice.

use std::time::{Duration, Instant};

use super::proxy::Fault;
use super::*;

/// The steps of an order, by the paths of Pebble.
const STEPS: [&str; 8] = [
    "/dir",
    "/sign-me-up",
    "/order-plz",
    "/authZ/",
    "/chalZ/",
    "/finalize-order/",
    "/my-order/",
    "/certZ/",
];

#[test]
fn a_run_that_was_killed_at_any_step_is_continued() {
    let Some(scene) = Scene::start("killed", &[], false) else {
        return;
    };
    for is_forwarded in [false, true] {
        for step in STEPS {
            let proxy = scene.proxy();
            let url = url(proxy.address.port());
            let name = format!(
                "{}-{is_forwarded}.test",
                step.trim_matches('/').to_lowercase()
            );
            proxy.fail(step, Fault::Stop { is_forwarded }, 1);
            let mut command = scene.issue(&[&name], &url);
            let mut child = command
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            proxy.wait_for_stop();
            child.kill().unwrap();
            child.wait().unwrap();
            assert!(!scene.pki().join(format!("{name}.crt")).exists());
            proxy.heal();
            succeeds(&mut scene.issue(&[&name], &url));
            assert!(scene.pki().join(format!("{name}.crt")).exists());
            // Pebble may look for the proof when the client is gone; then the order has failed.
            let most = if step == "/chalZ/" && is_forwarded {
                2
            } else {
                1
            };
            let orders = proxy.forwarded("/order-plz");
            assert!(
                (1..=most).contains(&orders),
                "{step}, {is_forwarded}: {orders}"
            );
        }
    }
}

#[test]
fn a_lost_answer_does_not_matter_at_any_step() {
    let Some(scene) = Scene::start("lost", &[], false) else {
        return;
    };
    for step in STEPS {
        let proxy = scene.proxy();
        let name = format!("{}.test", step.trim_matches('/').to_lowercase());
        proxy.fail(step, Fault::AnswerLost, 1);
        succeeds(&mut scene.issue(&[&name], &url(proxy.address.port())));
        assert_eq!(proxy.forwarded("/order-plz"), 1, "{step}");
    }
}

#[test]
fn a_server_that_fails_once_is_asked_again() {
    let Some(scene) = Scene::start("fails-once", &[], false) else {
        return;
    };
    for (status, retry_after) in [(500, None), (503, Some(1)), (502, None)] {
        for step in STEPS {
            let proxy = scene.proxy();
            let name = format!("{}-{status}.test", step.trim_matches('/').to_lowercase());
            proxy.fail(step, Fault::Status(status, retry_after), 1);
            succeeds(&mut scene.issue(&[&name], &url(proxy.address.port())));
        }
    }
}

#[test]
fn a_server_that_keeps_failing_is_an_error_and_the_run_is_continued_later() {
    let Some(scene) = Scene::start("keeps-failing", &[], false) else {
        return;
    };
    for step in STEPS {
        let proxy = scene.proxy();
        let url = url(proxy.address.port());
        let name = format!("{}.test", step.trim_matches('/').to_lowercase());
        let before = proxy.forwarded("/order-plz");
        proxy.fail(step, Fault::Status(503, Some(3600)), 100);
        let mut command = scene.issue(&[&name], &url);
        command.args(["--timeout", "5s"]);
        let text = fails(2, &mut command);
        assert!(
            text.contains("503") || text.contains("not done after"),
            "{step}: {text}"
        );
        proxy.heal();
        succeeds(&mut scene.issue(&[&name], &url));
        assert_eq!(proxy.forwarded("/order-plz"), before + 1, "{step}");
    }
}

#[test]
fn a_rate_limit_is_remembered_for_the_server() {
    let Some(scene) = Scene::start("limited", &[], false) else {
        return;
    };
    let proxy = scene.proxy();
    let url = url(proxy.address.port());
    proxy.fail("/order-plz", Fault::Status(429, Some(3600)), 1);
    let text = fails(1, &mut scene.issue(&["a.test"], &url));
    assert!(text.contains("rate limit exceeded until 20"), "{text}");
    let text = fails(1, &mut scene.issue(&["b.test"], &url));
    assert!(text.contains("rate limit exceeded until 20"), "{text}");
    assert_eq!(proxy.forwarded("/order-plz"), 0, "the server is left alone");
    assert_eq!(proxy.forwarded("/dir"), 1);
    succeeds(&mut scene.issue(&["a.test"], &scene.url()));
}

#[test]
fn a_silent_server_is_an_error_within_a_minute() {
    let Some(scene) = Scene::start("silent", &[], false) else {
        return;
    };
    let proxy = scene.proxy();
    proxy.fail("/order-plz", Fault::Silence, 100);
    let started = Instant::now();
    let text = fails(2, &mut scene.issue(&["a.test"], &url(proxy.address.port())));
    assert!(text.contains("no answer within"), "{text}");
    assert!(started.elapsed() < Duration::from_secs(60));
}

#[test]
fn rejected_nonces_are_replaced_and_a_server_that_rejects_all_is_an_error() {
    if let Some(scene) = Scene::start("nonces", &[("PEBBLE_WFE_NONCEREJECT", "80")], false) {
        succeeds(&mut scene.issue(&["a.test"], &scene.url()));
    }
    if let Some(scene) = Scene::start("no-nonces", &[("PEBBLE_WFE_NONCEREJECT", "100")], false) {
        let text = fails(2, &mut scene.issue(&["a.test"], &scene.url()));
        assert!(text.contains("nonces in a row"), "{text}");
    }
}

#[test]
fn a_name_that_is_not_proven_is_refused_with_the_reason() {
    let Some(scene) = Scene::start("unproven", &[], false) else {
        return;
    };
    let elsewhere = free_ports::<1>()[0];
    let listen = format!("127.0.0.1:{elsewhere}");
    let options = ["--http-01", &listen];
    let text = fails(
        1,
        &mut scene.issue_with(&["a.test"], &scene.url(), &options),
    );
    assert!(
        text.contains("a.test: validation by http-01 failed"),
        "{text}"
    );
    assert!(text.contains("port 80"), "{text}");
    let text = fails(1, &mut scene.issue(&["blocked.test"], &scene.url()));
    assert!(text.contains("refused"), "{text}");
    succeeds(&mut scene.issue(&["a.test"], &scene.url()));
}

#[test]
fn a_server_of_another_ca_and_a_url_of_another_thing_are_told_apart() {
    let Some(scene) = Scene::start("strangers", &[], false) else {
        return;
    };
    certs(&["ca", "init"], &scene.root.join("other"));
    let mut command = program(
        &["acme", "issue", "a.test", "--server", &scene.url()],
        &scene.pki(),
    );
    command
        .arg("--ca-bundle")
        .arg(scene.root.join("other/ca.crt"));
    let text = fails(2, command.args(["--http-01", "127.0.0.1:0"]));
    assert!(
        text.contains("certificate is not trusted") && text.contains("--ca-bundle"),
        "{text}"
    );
    let wrong = scene.url().replace("/dir", "/nowhere");
    let text = fails(2, &mut scene.issue(&["a.test"], &wrong));
    assert!(text.contains("not an ACME directory"), "{text}");
    let port = free_ports::<1>()[0];
    let text = fails(2, &mut scene.issue(&["a.test"], &url(port)));
    assert!(text.contains("cannot connect"), "{text}");
    let occupied = format!("127.0.0.1:{}", scene.pebble.directory);
    let options = ["--http-01", &occupied];
    let text = fails(
        2,
        &mut scene.issue_with(&["a.test"], &scene.url(), &options),
    );
    assert!(
        text.contains("cannot listen on") && text.contains("--http-01"),
        "{text}"
    );
}
