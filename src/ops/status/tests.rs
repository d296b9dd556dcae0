//! Whole runs at fixed moments.

use std::collections::HashSet;
use std::path::Path;

use time::macros::datetime;
use time::{Duration, OffsetDateTime};

use super::*;
use crate::ops::Verdict;
use crate::ops::managed::tests::{NOW, issue, make_authority};
use crate::pki::validity::Lifetime;

#[test]
fn a_certificate_ends_with_the_first_of_it_and_its_anchor() {
    let (directory, report) = with_authority(NOW);
    let leaf = &report.certificates[0];
    assert_eq!(leaf.limited_by, LimitKind::Certificate);
    assert_eq!(leaf.effective_not_after, leaf.facts.expiry.not_after);
    assert_eq!(leaf.reaches_anchor, Some(true));
    assert_eq!(report.level, Level::Ok);
    let late = datetime!(2036-11-10 08:05 UTC);
    let (late, errors) = run(&request(&directory), late).unwrap();
    assert!(errors.is_empty());
    let anchor = &late.certificates[1];
    assert_eq!((anchor.role, anchor.level), (Role::Anchor, Level::Warning));
    assert_eq!(late.authorities[0].level, Level::Warning);
}

#[test]
fn what_is_issued_elsewhere_is_looked_at_too() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().join("certs");
    make_authority(&root);
    let elsewhere = directory.path().join("elsewhere");
    issue(&root, "node", &elsewhere, "90d");
    let (report, errors) = run(&request(&root), NOW).unwrap();
    assert!(errors.is_empty(), "{errors:?}");
    let node = &report.certificates[0];
    assert!(node.path.ends_with("elsewhere/node.crt"));
    assert!(node.managed);
    assert_eq!(node.reaches_anchor, Some(true));
}

#[test]
fn levels_change_at_the_moment_the_threshold_is_crossed() {
    let (directory, report) = with_authority(NOW);
    let end = report.certificates[0].facts.expiry.not_after;
    let level = |before: Duration| {
        let (report, _) = run(&request(&directory), end - before).unwrap();
        (report.certificates[0].level, report.verdict)
    };
    let (days, second) = (Duration::days, Duration::SECOND);
    assert_eq!(level(days(30)), (Level::Ok, Verdict::Yes));
    assert_eq!(level(days(30) - second), (Level::Warning, Verdict::No));
    assert_eq!(level(days(7)), (Level::Warning, Verdict::No));
    assert_eq!(level(days(7) - second), (Level::Critical, Verdict::No));
    assert_eq!(level(Duration::ZERO), (Level::Critical, Verdict::No));
    let (report, _) = run(&request(&directory), end + second).unwrap();
    let leaf = &report.certificates[0];
    assert_eq!(leaf.status, crate::store::Status::Expired);
    assert_eq!(leaf.problem.as_deref(), Some("certificate expired 1s ago"));
}

#[test]
fn an_anchor_that_was_named_has_to_be_the_one() {
    let (directory, _) = with_authority(NOW);
    let other = tempfile::tempdir().unwrap();
    make_authority(other.path());
    let request = Request {
        ca: Some(other.path().join("ca.crt")),
        ..request(&directory)
    };
    let (report, _) = run(&request, NOW).unwrap();
    let leaf = &report.certificates[0];
    assert_eq!(
        (leaf.level, leaf.reaches_anchor),
        (Level::Critical, Some(false))
    );
}

#[test]
fn metrics_are_what_prometheus_reads() {
    let (directory, _) = with_authority(NOW);
    let odd = directory.join("a \"b\\c\nd.crt");
    std::fs::copy(directory.join("node.crt"), odd).unwrap();
    let (report, _) = run(&request(&directory), NOW).unwrap();
    let text = Metrics(&report).to_string();
    assert!(text.ends_with('\n'));
    let (mut declared, mut series) = (HashSet::new(), HashSet::new());
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            assert_eq!(kind, "gauge");
            assert!(
                declared.insert(name.to_owned()),
                "{name} stands in two places"
            );
        } else if !line.starts_with("# HELP ") {
            let (labelled, value) = line.rsplit_once(' ').unwrap();
            value.parse::<i64>().unwrap();
            assert!(series.insert(labelled.to_owned()), "twice: {labelled}");
            let name = labelled.split('{').next().unwrap();
            assert!(declared.contains(name), "{name} has no TYPE");
            assert!(
                name.bytes()
                    .all(|b| b.is_ascii_lowercase() || b == b'_' || b.is_ascii_digit())
            );
            assert_labels(&labelled[name.len()..]);
        }
    }
    assert!(series.len() > 10);
}

#[test]
fn a_page_of_a_thousand_certificates_is_small() {
    let (_, mut report) = with_authority(NOW);
    let one = report.certificates[0].clone();
    report.certificates.extend(std::iter::repeat_n(one, 1000));
    assert!(page(&report).to_html().len() < 2 << 20);
}

#[test]
fn screens_and_calendars_fit_any_width() {
    let (_, report) = with_authority(NOW);
    for columns in [20, 40, 59, 60, 80, 120] {
        let (report, columns_given) = (&report, Some(columns));
        let texts = [
            Screen {
                report,
                columns: columns_given,
            }
            .to_string(),
            Timeline {
                report,
                columns: columns_given,
            }
            .to_string(),
        ];
        for line in texts.iter().flat_map(|text| text.lines()) {
            let plain = without_escapes(line);
            let width = unicode_width::UnicodeWidthStr::width(plain.as_str());
            assert!(width <= columns, "{width} of {columns}: {plain}");
        }
    }
}

/// `{name="value",…}` with nothing in a value that has to be escaped, or nothing at all.
fn assert_labels(text: &str) {
    let Some(inner) = text
        .strip_prefix('{')
        .and_then(|text| text.strip_suffix('}'))
    else {
        return assert!(text.is_empty(), "{text}");
    };
    let mut rest = inner;
    while !rest.is_empty() {
        let (name, after) = rest.split_once("=\"").unwrap();
        assert!(
            name.bytes()
                .all(|b| b.is_ascii_lowercase() || b == b'_' || b.is_ascii_digit())
        );
        let mut escaped = false;
        let end = after.char_indices().find(|(_, c)| {
            let ends = *c == '"' && !escaped;
            escaped = *c == '\\' && !escaped;
            ends
        });
        let (end, _) = end.unwrap();
        rest = &after[end + 1..];
        rest = rest.strip_prefix(',').unwrap_or(rest);
    }
}

fn without_escapes(line: &str) -> String {
    let mut plain = String::new();
    let mut rest = line;
    while let Some((before, after)) = rest.split_once('\u{1b}') {
        plain.push_str(before);
        rest = after.split_once('m').map_or("", |(_, rest)| rest);
    }
    plain + rest
}

/// An authority with a certificate for 90 days, and what is said of it.
fn with_authority(now: OffsetDateTime) -> (PathBuf, Report) {
    let directory = tempfile::tempdir().unwrap().keep();
    make_authority(&directory);
    issue(&directory, "node", &directory, "90d");
    let (report, errors) = run(&request(&directory), now).unwrap();
    assert!(errors.is_empty(), "{errors:?}");
    (directory, report)
}

fn request(directory: &Path) -> Request {
    let both = |days, part| Threshold::Both(Lifetime::from_days(days).unwrap(), part);
    Request {
        targets: Vec::new(),
        directory: directory.to_owned(),
        ca: None,
        revocation_lists: Vec::new(),
        thresholds: Thresholds {
            warning: both(30, 1.0 / 3.0),
            critical: both(7, 0.1),
        },
        labels: Vec::new(),
        depth: 4,
    }
}
