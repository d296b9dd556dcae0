//! The overview: what breaks next, and how many certificates there are.

mod timeline;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use askama::Template;
use axum::Extension;
use axum::extract::State;
use time::OffsetDateTime;

use self::timeline::Timeline;
use super::access::Shared;
use super::latest::{Age, Latest};
use super::networks;
use super::page::{Moment, number};
use super::{Access, Answer, Frame, Tab, html};
use crate::ops::overview::{self, Attention, Overview, Problem};
use crate::ops::status::Level;
use crate::server::core::Core;
use crate::server::failure::Failure;
use crate::server::metrics::Counted;

/// The page.
pub(super) async fn page(
    State(core): State<Arc<Core>>,
    Extension(shared): Extension<Arc<Shared>>,
    access: Access,
) -> Answer {
    html(&OverviewPage {
        live: Live::get(&core, &shared).await?,
        frame: Frame::new(&core, access, Tab::Overview, "Overview"),
    })
}

/// The part of the page that reloads itself.
pub(super) async fn live(
    State(core): State<Arc<Core>>,
    Extension(shared): Extension<Arc<Shared>>,
    _access: Access,
) -> Answer {
    html(&Live::get(&core, &shared).await?)
}

#[derive(Template)]
#[template(path = "overview.html")]
struct OverviewPage {
    frame: Frame,
    live: Live,
}

/// What the overview shows.
#[derive(Template)]
#[template(path = "overview_live.html")]
struct Live {
    overview: Arc<Overview>,
    at: Moment,
    tone: &'static str,
    /// The answer in one sentence.
    answer: String,
    attention: Vec<Row>,
    next: Option<Next>,
    timeline: Timeline,
    activity: Vec<Activity>,
}

/// A row of what needs attention.
struct Row {
    tone: &'static str,
    problem: &'static str,
    subject: String,
    /// The path of its page; may be empty.
    path: String,
    at: Option<Moment>,
    /// The parts of the advice, and whether each is code.
    advice: Vec<(bool, String)>,
}

/// The certificate that ends next.
struct Next {
    name: String,
    path: String,
    profile: String,
    end: Moment,
    due: Moment,
    is_due: bool,
}

/// Something that the server counts, since its start.
struct Activity {
    name: &'static str,
    /// Per minute, in the last minutes.
    rate: String,
    total: String,
    /// The counts of each kind, the most frequent first.
    parts: Vec<String>,
}

impl Live {
    async fn get(core: &Arc<Core>, shared: &Arc<Shared>) -> Result<Self, Failure> {
        let overview = latest(core, shared).await?;
        let now = core.now();
        let mut attention = of_server(core, now);
        attention.extend(overview.attention.iter().cloned());
        attention.extend(failing_networks(core, shared));
        Attention::sort(&mut attention);
        let worst = attention.first().map_or(Level::Ok, |first| first.level);
        Ok(Live {
            tone: worst.tone().class(),
            answer: answer(&overview, &attention),
            at: Moment::new(overview.at, now),
            attention: attention.iter().map(|one| Row::of(one, now)).collect(),
            next: overview.next.as_ref().map(|next| Next::of(next, now)),
            timeline: Timeline::new(&overview.days, overview.at),
            activity: shared.overview.activity(core),
            overview,
        })
    }
}

impl Row {
    fn of(attention: &Attention, now: OffsetDateTime) -> Self {
        let parts = attention.advice.split('`').enumerate();
        let serial = attention.serial.as_ref();
        Row {
            tone: attention.level.tone().class(),
            problem: attention.problem.words(),
            subject: attention.subject.clone(),
            path: match (serial, attention.problem) {
                (Some(serial), _) => format!("/certificates/{serial}"),
                (None, Problem::NetworkFails) => networks::address(&attention.subject),
                (None, _) => String::new(),
            },
            at: attention.at.map(|at| Moment::new(at, now)),
            advice: parts
                .map(|(at, part)| (at % 2 == 1, part.to_owned()))
                .filter(|(_, part)| !part.is_empty())
                .collect(),
        }
    }
}

impl Next {
    fn of(next: &overview::Ending, now: OffsetDateTime) -> Self {
        let entry = &next.entry;
        Next {
            name: entry.name(),
            path: format!("/certificates/{}", entry.serial),
            profile: entry.profile.clone(),
            end: Moment::new(entry.validity.not_after(), now),
            due: Moment::new(next.due_at, now),
            is_due: next.due_at <= now,
        }
    }
}

/// The overview as it is now, or as it was a moment ago.
async fn latest(core: &Arc<Core>, shared: &Arc<Shared>) -> Result<Arc<Overview>, Failure> {
    let latest = &shared.overview.latest;
    match latest.look() {
        Age::Current(overview) => Ok(overview),
        Age::Missing => latest.renew(async || core.read(overview::run).await).await,
        Age::Old(overview) => {
            if !latest.is_being_renewed() {
                let (core, shared) = (Arc::clone(core), Arc::clone(shared));
                tokio::spawn(async move {
                    let latest = &shared.overview.latest;
                    // A failure is in the log.
                    let _ = latest.renew(async || core.read(overview::run).await).await;
                });
            }
            Ok(overview)
        }
    }
}

/// The networks that not everybody reaches, as they were checked last; checking takes longer than a page may.
fn failing_networks(core: &Arc<Core>, shared: &Arc<Shared>) -> Vec<Attention> {
    let latest = &shared.overview.networks;
    if !matches!(latest.look(), Age::Current(_)) && !latest.is_being_renewed() {
        let (core, shared) = (Arc::clone(core), Arc::clone(shared));
        tokio::spawn(async move {
            let latest = &shared.overview.networks;
            // A failure is in the log.
            let _ = latest.renew(async || networks::failing(&core).await).await;
        });
    }
    latest.last().map(|last| last.to_vec()).unwrap_or_default()
}

/// What of the server itself needs attention.
fn of_server(core: &Core, now: OffsetDateTime) -> Vec<Attention> {
    let authority = core.authority();
    let issuer = &authority.signing.issuer;
    let name = authority.certificate.subject().to_string();
    let mut found = Vec::new();
    if !core.is_authority_usable() {
        found.push(Attention {
            level: Level::Critical,
            problem: Problem::AuthorityUnusable,
            subject: name.clone(),
            serial: None,
            at: None,
            advice: "Its key or certificate cannot be used: `openagents-certs ca show` says why"
                .into(),
        });
    }
    found.extend(Attention::of_authority(name, issuer.validity, now));
    for (what, end) in core.ends() {
        let end = OffsetDateTime::from_unix_timestamp(end).unwrap_or(now);
        let (problem, subject, advice) = match what {
            "crl" => (
                Problem::StaleRevocationList,
                "the CRL that is served",
                "Clients may refuse every certificate. The server’s log says why it signs no new one.",
            ),
            "server" => (
                Problem::Expired,
                "this server’s own certificate",
                "The server renews it by itself; its log says why it did not.",
            ),
            _ => continue,
        };
        if end < now {
            found.push(Attention {
                level: Level::Critical,
                problem,
                subject: subject.into(),
                serial: None,
                at: Some(end),
                advice: advice.into(),
            });
        }
    }
    found
}

/// What somebody wants to know first.
fn answer(overview: &Overview, attention: &[Attention]) -> String {
    let of = |problem| {
        attention
            .iter()
            .filter(|one| one.problem == problem)
            .count()
    };
    let counted = |count: usize, one: &str, many: &str| match count {
        0 => None,
        1 => Some(format!("1 {one}")),
        many_of_them if many_of_them >= overview::MAX_OF_A_KIND => {
            Some(format!("{many_of_them} or more {many}"))
        }
        some => Some(format!("{some} {many}")),
    };
    let not_renewed = of(Problem::NotRenewed);
    let others = attention.len() - of(Problem::Expired) - not_renewed;
    let parts = [
        counted(
            of(Problem::Expired),
            "certificate in use has expired",
            "certificates in use have expired",
        ),
        counted(
            not_renewed,
            "will expire unless it is renewed",
            "will expire unless they are renewed",
        ),
        counted(others, "other problem", "other problems"),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    match parts.is_empty() {
        false => parts.join(" · "),
        true if overview.counts.valid == 0 => "No certificates yet".into(),
        true => "Everything is in order".into(),
    }
}

/// What all browsers that show the overview share.
pub(super) struct SharedOverview {
    latest: Latest<Overview>,
    networks: Latest<Vec<Attention>>,
    /// Counts of earlier moments, the oldest first.
    samples: Mutex<VecDeque<Sample>>,
}

impl Default for SharedOverview {
    fn default() -> Self {
        SharedOverview {
            latest: Latest::for_at_least(Duration::from_secs(1)),
            networks: Latest::for_at_least(Duration::from_secs(60)),
            samples: Mutex::default(),
        }
    }
}

struct Sample {
    at: Instant,
    counts: [u64; COUNTED.len()],
}

impl SharedOverview {
    /// What the server does.
    fn activity(&self, core: &Core) -> Vec<Activity> {
        let counted = COUNTED.map(|(counted, _)| core.metrics().counted(counted));
        let total = |counts: &Vec<(String, u64)>| counts.iter().map(|(_, count)| count).sum();
        let now = Sample {
            at: Instant::now(),
            counts: std::array::from_fn(|i| total(&counted[i])),
        };
        let mut samples = self.samples.lock().unwrap_or_else(PoisonError::into_inner);
        while samples.len() > 1 && samples.get(1).is_some_and(|one| now.at - one.at > WINDOW) {
            samples.pop_front();
        }
        let activity =
            COUNTED
                .iter()
                .zip(counted)
                .enumerate()
                .map(|(i, ((_, name), mut parts))| {
                    parts.sort_by(|a, b| (b.1, &a.0).cmp(&(a.1, &b.0)));
                    Activity {
                        name,
                        rate: match samples.front() {
                            Some(first) => rate(now.counts[i] - first.counts[i], now.at - first.at),
                            None => "–".into(),
                        },
                        total: number(now.counts[i]),
                        parts: parts
                            .iter()
                            .map(|(part, count)| format!("{} {part}", number(count)))
                            .collect(),
                    }
                });
        let activity = activity.collect();
        let last = samples.back().map(|last| now.at - last.at);
        if last.is_none_or(|since| since > BETWEEN_SAMPLES) {
            samples.push_back(now);
        }
        activity
    }
}

/// A count in this time, per minute.
fn rate(count: u64, time: Duration) -> String {
    #[expect(clippy::cast_precision_loss, reason = "a rate is rounded anyway")]
    let per_minute = count as f64 * 60.0 / time.as_secs_f64().max(1.0);
    match per_minute {
        0.0..10.0 => format!("{per_minute:.1}"),
        _ => format!("{per_minute:.0}"),
    }
}

const COUNTED: [(Counted, &str); 4] = [
    (Counted::Issued, "Certificates issued"),
    (Counted::Revoked, "Certificates revoked"),
    (Counted::Ocsp, "OCSP responses"),
    (Counted::Orders, "ACME orders"),
];
/// The time that rates are of.
const WINDOW: Duration = Duration::from_secs(300);
const BETWEEN_SAMPLES: Duration = Duration::from_secs(5);
