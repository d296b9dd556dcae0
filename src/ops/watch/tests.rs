use std::cell::Cell;
use std::fs;

use time::macros::datetime;

use super::*;
use crate::ops::managed::tests::{NOW, authority_at, issue, make_authority};
use crate::ops::renew::Follow;
use crate::ops::renew::tests::{due, hook};

#[test]
fn a_certificate_is_renewed_whenever_it_is_due_for_years() {
    let scene = Scene::new();
    let events = scene.watch(&scene.watching(), 800);
    let renewed = events.iter().filter(|event| event.event == Kind::Renewed);
    let times: Vec<_> = renewed.map(|event| event.time).collect();
    assert!(times.len() >= 12, "{}", times.len());
    let apart = times.windows(2).map(|pair| pair[1] - pair[0]);
    apart.for_each(|apart| assert!((60..=61).contains(&apart.whole_days()), "{apart}"));
    assert_eq!(events.first().map(|event| event.event), Some(Kind::Started));
    assert_eq!(events.last().map(|event| event.event), Some(Kind::Stopped));
}

#[test]
fn a_revocation_list_that_is_there_never_runs_out() {
    let scene = Scene::new();
    let from = authority_at(scene.path());
    crl::run(&crl::Request::default(), &from, NOW).unwrap();
    let events = scene.watch(&scene.watching(), 100);
    let lists = events
        .iter()
        .filter(|event| event.event == Kind::ListRenewed);
    let times: Vec<_> = lists.map(|event| event.time).collect();
    assert!(times.len() >= 4, "{times:?}");
    let apart = times
        .windows(2)
        .map(|pair| (pair[1] - pair[0]).whole_days());
    apart.for_each(|days| assert!((20..=21).contains(&days), "{days}"));
}

#[test]
fn a_machine_that_slept_past_the_moment_looks_when_it_wakes() {
    let scene = Scene::new();
    let clock = Cell::new(NOW);
    let mut sleeps = 0;
    let events = scene.watch_by(&scene.watching(), &clock, &mut |_| {
        sleeps += 1;
        clock.set(
            clock.get()
                + if sleeps == 1 {
                    Duration::days(70)
                } else {
                    Duration::SECOND
                },
        );
        if sleeps < 3 { Wake::Time } else { Wake::End }
    });
    let renewed = events
        .iter()
        .find(|event| event.event == Kind::Renewed)
        .unwrap();
    assert_eq!(renewed.time, NOW + Duration::days(70));
}

#[test]
fn it_looks_when_it_is_told_to_and_ends_when_it_is_told_to() {
    let scene = Scene::new();
    let clock = Cell::new(NOW);
    let mut wakes = vec![Wake::End, Wake::Look];
    let events = scene.watch_by(&scene.watching(), &clock, &mut |_| {
        clock.set(NOW + Duration::days(70));
        wakes.pop().unwrap()
    });
    let kinds: Vec<_> = events.iter().map(|event| event.event).collect();
    assert_eq!(
        kinds,
        [
            Kind::Started,
            Kind::Waiting,
            Kind::Asked,
            Kind::Renewed,
            Kind::Waiting,
            Kind::Stopped
        ]
    );
}

#[test]
fn what_follows_is_tried_again_less_and_less_often_until_it_succeeds() {
    let scene = Scene::new();
    let marker = scene.path().join("marker");
    let mut watching = scene.watching();
    watching.request.follow = Follow {
        hook: Some(hook(&format!("test -e '{}'", marker.display()))),
        ..Follow::default()
    };
    let clock = Cell::new(NOW + Duration::days(70));
    let start = clock.get();
    let events = scene.watch_by(&watching, &clock, &mut |time| {
        clock.set(clock.get() + time);
        if clock.get() - start > Duration::minutes(10) {
            fs::write(&marker, "").unwrap();
        }
        if clock.get() - start < Duration::hours(1) {
            Wake::Time
        } else {
            Wake::End
        }
    });
    let failures = events
        .iter()
        .filter(|event| event.event == Kind::FollowFailed);
    let times: Vec<_> = failures.map(|event| event.time - start).collect();
    assert!((5..=9).contains(&times.len()), "{times:?}");
    assert!(
        times
            .windows(3)
            .all(|three| three[2] - three[1] > (three[1] - three[0]) / 2)
    );
    assert_eq!(
        events
            .iter()
            .filter(|event| event.event == Kind::Followed)
            .count(),
        1
    );
}

#[test]
fn what_is_wrong_for_long_is_told_once_and_the_metrics_count_it() {
    let scene = Scene::new();
    fs::write(scene.path().join("broken.crt"), "junk").unwrap();
    let watching = Watching {
        metrics_file: Some(scene.path().join("metrics/certs.prom")),
        ..scene.watching()
    };
    let events = scene.watch(&watching, 70);
    let failed = events.iter().filter(|event| event.event == Kind::Failed);
    assert_eq!(failed.count(), 1);
    let metrics = fs::read_to_string(scene.path().join("metrics/certs.prom")).unwrap();
    for line in [
        "openagents_certs_managed 1",
        "openagents_certs_renewals_total 1",
        "openagents_certs_due 0",
    ] {
        assert!(
            metrics.lines().any(|other| other == line),
            "{line}: {metrics}"
        );
    }
    assert_eq!(
        files::names(&scene.path().join("metrics"), usize::MAX).unwrap(),
        ["certs.prom"]
    );
}

#[test]
fn an_event_is_one_line_and_one_json_object() {
    let event = Event::new(
        Kind::Waiting,
        "1 managed",
        datetime!(2026-11-20 8:05:00.5 UTC),
    );
    assert_eq!(event.to_string(), "2026-11-20T08:05:00Z waiting: 1 managed");
    let json = serde_json::to_value(&event).unwrap();
    assert_eq!(json["event"], "waiting");
}

#[test]
fn waits_after_failures_double_up_to_a_quarter_of_an_hour() {
    for (failures, seconds) in [
        (1, 4..=6),
        (2, 8..=12),
        (3, 16..=24),
        (9, 720..=1080),
        (u32::MAX, 720..=1080),
    ] {
        let wait = backoff(failures).whole_seconds();
        assert!(seconds.contains(&wait), "{failures}: {wait}");
    }
}

/// An authority with a server's pair for 90 days.
struct Scene(tempfile::TempDir);

impl Scene {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        make_authority(directory.path());
        issue(directory.path(), "server", directory.path(), "90d");
        Scene(directory)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn watching(&self) -> Watching {
        Watching {
            request: due(),
            interval: Duration::DAY,
            exporter: None,
            metrics_file: None,
            service: ServiceManager::default(),
            alive_every: None,
        }
    }

    /// Watches for so many days, an hour to a sleep.
    fn watch(&self, watching: &Watching, days: i64) -> Vec<Event> {
        let clock = Cell::new(NOW);
        let end = NOW + Duration::days(days);
        self.watch_by(watching, &clock, &mut |_| {
            clock.set(clock.get() + Duration::HOUR);
            if clock.get() < end {
                Wake::Time
            } else {
                Wake::End
            }
        })
    }

    fn watch_by(
        &self,
        watching: &Watching,
        clock: &Cell<OffsetDateTime>,
        sleep: &mut dyn FnMut(std::time::Duration) -> Wake,
    ) -> Vec<Event> {
        let mut events = Vec::new();
        let awaiting = Awaiting {
            clock: &|| clock.get(),
            sleep,
        };
        run(
            watching,
            &authority_at(self.path()),
            awaiting,
            &mut |event| {
                let certificate = event.certificate.clone();
                let error = event.error.clone();
                events.push(Event {
                    certificate,
                    error,
                    ..Event::new(event.event, event.message.clone(), event.time)
                });
            },
        )
        .unwrap();
        events
    }
}
