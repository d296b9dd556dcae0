//! The rotation of the root: its stage, what it waits for, and its next step.

use std::path::Path as FilePath;
use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::extract::{Path, State};
use axum::routing::{get, post};
use serde::Deserialize;
use time::OffsetDateTime;

use super::page::{Confirmation, Moment, confirm, number};
use super::{Access, Answer, Change, Frame, Refusal, Tab, html};
use crate::authority::AuthorityAt;
use crate::authority::rotation::Stage;
use crate::error::{Error, shown};
use crate::ops::ca::rotate::{
    self, Blocking, Gate, Passage, Root, RotationStatus, StageOutcome, StageReport,
};
use crate::ops::live::Dialling;
use crate::ops::{Report as _, Verdict};
use crate::pki::algorithm::KeyType;
use crate::pki::name::AttributeType;
use crate::pki::validity::Lifetime;
use crate::server::core::Core;

/// Where it is.
pub(super) fn routes() -> Router<Arc<Core>> {
    Router::new()
        .route("/rotation", get(page))
        .route("/rotation/{step}", post(step))
}

/// The page.
async fn page(State(core): State<Arc<Core>>, access: Access) -> Answer {
    let (directory, now) = (core.directory().to_owned(), core.now());
    let status = core.compute(move || answered(rotate::status(&directory, now)));
    let frame = Frame::new(&core, access, Tab::Rotation, "Rotation");
    let page = match status.await? {
        Ok(status) => RotationPage::of(frame, &status, now),
        Err((message, hint)) => RotationPage::without(frame, format!("{message}: {hint}")),
    };
    html(&page)
}

/// Leads to the next stage: shows what would happen, and once that is confirmed, does it.
async fn step(State(core): State<Arc<Core>>, Path(step): Path<Step>, change: Change) -> Answer {
    let plan = Plan::of(step, &change)?;
    let named = format!("rotate {} {}", step.word(), plan.is_forced);
    let is_confirmed = change.is_confirmed(&named);
    let report = run(&core, plan, &change.access, !is_confirmed).await?;
    if is_confirmed || report.verdict() == Verdict::No {
        let frame = Frame::new(&core, change.access, Tab::Rotation, "Rotation");
        return html(&StepPage::of(frame, step, &report, core.now()));
    }
    let confirmation = Confirmation {
        question: step.question().into(),
        consequences: consequences(step, &report),
        action: format!("/rotation/{}", step.word()),
        button: step.button(),
        back: "/rotation".into(),
        change: &named,
    };
    confirm(&core, Tab::Rotation, &change, confirmation)
}

/// The same as `ca rotate` does.
async fn run(
    core: &Core,
    plan: Plan,
    access: &Access,
    dry_run: bool,
) -> Result<StageReport, Refusal> {
    let (directory, now) = (core.directory().to_owned(), core.now());
    let passphrase = Arc::clone(&core.authority().passphrase);
    let who = access.who.clone();
    let run = move || {
        let ask = |path: &FilePath| passphrase(path);
        let from = AuthorityAt {
            passphrase: &ask,
            ..AuthorityAt::directory(&directory)
        };
        let how = (plan.is_forced, dry_run);
        answered(match &plan.what {
            What::Prepare(request) => rotate::prepare(request, &from, &who, dry_run, now),
            What::Activate(gate) => rotate::activate(gate, &from, how, &who, now),
            What::Retire => rotate::retire(&from, how, now),
        })
    };
    let report = core.compute(run).await?;
    report.map_err(|(message, hint)| Refusal::Request(message, hint))
}

/// Keeps apart what a person can fix, with what is wrong and how to fix it, from a fault of the server.
fn answered<T>(result: Result<T, Error>) -> Result<Result<T, (String, String)>, Error> {
    match result {
        Ok(done) => Ok(Ok(done)),
        Err(error @ Error::Store(_)) => Err(error),
        Err(error) => Ok(Err((error.to_string(), error.hint().unwrap_or_default()))),
    }
}

/// A step of a rotation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Step {
    Prepare,
    Activate,
    Retire,
}

impl Step {
    const ALL: [Step; 3] = [Step::Prepare, Step::Activate, Step::Retire];

    /// The step that follows a stage.
    fn after(stage: Stage) -> Self {
        match stage {
            Stage::None => Step::Prepare,
            Stage::Prepared => Step::Activate,
            Stage::Activated => Step::Retire,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Step::Prepare => "prepare",
            Step::Activate => "activate",
            Step::Retire => "retire",
        }
    }

    fn title(self) -> &'static str {
        match self {
            Step::Prepare => "Prepare a new root",
            Step::Activate => "Activate the new root",
            Step::Retire => "Retire the old root",
        }
    }

    fn summary(self) -> &'static str {
        match self {
            Step::Prepare => "Both roots are in ca.crt; the old one issues.",
            Step::Activate => "The new root issues; the old one is still trusted.",
            Step::Retire => "Only the new root is in ca.crt.",
        }
    }

    fn question(self) -> &'static str {
        match self {
            Step::Prepare => "Prepare a new root?",
            Step::Activate => "Activate the new root?",
            Step::Retire => "Retire the old root?",
        }
    }

    fn button(self) -> &'static str {
        match self {
            Step::Prepare => "Prepare the new root",
            Step::Activate => "Activate the new root",
            Step::Retire => "Retire the old root",
        }
    }

    fn done(self) -> &'static str {
        match self {
            Step::Prepare => "The new root is prepared",
            Step::Activate => "The new root issues now",
            Step::Retire => "The old root is retired",
        }
    }

    fn refused(self) -> &'static str {
        match self {
            Step::Prepare => "No new root was prepared",
            Step::Activate => "Not everyone trusts the new root yet",
            Step::Retire => "Certificates depend on the old root",
        }
    }
}

/// A step as a form asks for it.
struct Plan {
    what: What,
    is_forced: bool,
}

enum What {
    Prepare(rotate::Request),
    Activate(Gate),
    Retire,
}

impl Plan {
    fn of(step: Step, change: &Change) -> Result<Self, Refusal> {
        let one = |name| change.fields.one(name);
        let what = match step {
            Step::Prepare => {
                let unreadable = |what: String| Refusal::Request(what, String::new());
                let lifetime = one("ttl").map(str::parse::<Lifetime>).transpose();
                let key_type: Option<KeyType> = one("key_type")
                    .map(str::parse)
                    .transpose()
                    .map_err(|error| unreadable(format!("not a type of key: {error}")))?;
                let common_name = one("common_name");
                let common_name = common_name.map(|name| (AttributeType::CommonName, name.into()));
                What::Prepare(rotate::Request {
                    subject: common_name.into_iter().collect(),
                    lifetime: lifetime.map_err(|error| unreadable(error.to_string()))?,
                    key_type: key_type.unwrap_or_default(),
                })
            }
            Step::Activate => {
                let endpoints = one("endpoints").unwrap_or_default().split_whitespace();
                let endpoints: Vec<String> = endpoints.map(str::to_owned).collect();
                if endpoints.len() > MAX_ENDPOINTS {
                    let what = format!("at most {MAX_ENDPOINTS} ports are probed at once");
                    return Err(Refusal::Request(what, "Name fewer.".into()));
                }
                What::Activate(Gate {
                    endpoints,
                    networks: Vec::new(),
                    trust: Vec::new(),
                    enrolled: one("enrolled").is_some(),
                    dialling: Dialling::default(),
                })
            }
            Step::Retire => What::Retire,
        };
        Ok(Plan {
            what,
            is_forced: one("force").is_some(),
        })
    }
}

/// What will happen, as sentences.
fn consequences(step: Step, report: &StageReport) -> Vec<String> {
    let mut sentences = match step {
        Step::Prepare => vec![
            "A new root is created, and both roots certify each other.".into(),
            "ca.crt then contains both. The old root continues to issue.".into(),
        ],
        Step::Activate => vec![
            "From then on the new root issues. The old root stays in ca.crt until you retire it.".into(),
            "Whoever does not have the new root yet still accepts its certificates through the cross-certificate, if their chain is complete.".into(),
        ],
        Step::Retire => vec![
            "The old root is no longer in ca.crt, and nobody who fetches it trusts the old root any more.".into(),
            "Its key is kept on the server’s disk.".into(),
        ],
    };
    let waiting = match &report.outcome {
        StageOutcome::Prepare {} => 0,
        StageOutcome::Activate { gate, .. } => {
            gate.iter().filter(|passage| !passage.passed).count()
        }
        StageOutcome::Retire { blocking, .. } => blocking.len(),
    };
    match step {
        Step::Activate if waiting > 0 => sentences.push(format!(
            "Warning: {} of those who were checked do not trust the new root.",
            number(waiting)
        )),
        Step::Retire if waiting > 0 => sentences.push(format!(
            "Warning: {} valid certificates depend on the old root. They will be refused.",
            number(waiting)
        )),
        Step::Prepare | Step::Activate | Step::Retire => {}
    }
    sentences.extend(
        report
            .warnings()
            .iter()
            .map(|warning| format!("Warning: {warning}.")),
    );
    sentences
}

#[derive(Template)]
#[template(path = "rotation.html")]
struct RotationPage {
    frame: Frame,
    /// Why there is nothing to rotate; empty if there is.
    problem: String,
    steps: Vec<StepState>,
    next: Step,
    roots: Vec<RootView>,
    blocking: Vec<BlockingRow>,
    blocking_count: String,
    replaced: usize,
    machines: Option<Machines>,
    key_types: Vec<String>,
}

/// A step in the list of them.
struct StepState {
    step: Step,
    is_done: bool,
    is_next: bool,
}

struct RootView {
    label: &'static str,
    subject: String,
    fingerprint: String,
    expires: Moment,
    tone: &'static str,
}

struct BlockingRow {
    serial: String,
    name: String,
    profile: String,
    expires: Moment,
}

/// The enrolled machines.
struct Machines {
    total: usize,
    fetched: usize,
    waiting: Vec<WaitingRow>,
}

struct WaitingRow {
    serial: String,
    name: String,
    expires: Moment,
    fetched: Option<Moment>,
}

impl RotationPage {
    fn without(frame: Frame, problem: String) -> Self {
        RotationPage {
            frame,
            problem,
            steps: Vec::new(),
            next: Step::Prepare,
            roots: Vec::new(),
            blocking: Vec::new(),
            blocking_count: String::new(),
            replaced: 0,
            machines: None,
            key_types: Vec::new(),
        }
    }

    fn of(frame: Frame, status: &RotationStatus, now: OffsetDateTime) -> Self {
        let next = Step::after(status.stage);
        let at = Step::ALL.iter().position(|step| *step == next);
        let steps = Step::ALL.iter().enumerate();
        let steps = steps.map(|(place, step)| StepState {
            step: *step,
            is_done: Some(place) < at,
            is_next: *step == next,
        });
        let machines = status.enrolled.as_ref();
        RotationPage {
            frame,
            problem: String::new(),
            steps: steps.collect(),
            next,
            roots: roots(status.stage, &status.current, status.other.as_ref(), now),
            blocking: blocking_rows(&status.blocking, now),
            blocking_count: number(status.blocking.len()),
            replaced: status.replaced,
            machines: machines.map(|machines| Machines {
                total: machines.machines,
                fetched: machines.fetched,
                waiting: machines
                    .waiting
                    .iter()
                    .take(SHOWN)
                    .map(|one| WaitingRow {
                        serial: one.serial.to_string(),
                        name: one.name.clone(),
                        expires: Moment::new(one.not_after, now),
                        fetched: one.fetched_at.map(|at| Moment::new(at, now)),
                    })
                    .collect(),
            }),
            key_types: KeyType::ALL
                .iter()
                .filter(|key_type| **key_type != KeyType::X25519)
                .map(ToString::to_string)
                .collect(),
        }
    }
}

fn roots(stage: Stage, current: &Root, other: Option<&Root>, now: OffsetDateTime) -> Vec<RootView> {
    let (of_current, of_other) = match stage {
        Stage::None => ("Root", ""),
        Stage::Prepared => ("Old root, issuing", "New root, prepared"),
        Stage::Activated => ("New root, issuing", "Old root, still trusted"),
    };
    let view = |(label, root): (&'static str, &Root)| RootView {
        label,
        subject: root.subject.to_string(),
        fingerprint: root
            .fingerprint_sha256
            .as_ref()
            .map_or_else(String::new, ToString::to_string),
        expires: Moment::new(root.expiry.not_after, now),
        tone: if root.expiry.not_after <= now {
            "bad"
        } else {
            "plain"
        },
    };
    let both = [(of_current, Some(current)), (of_other, other)];
    let both = both
        .into_iter()
        .filter_map(|(label, root)| Some((label, root?)));
    both.map(view).collect()
}

/// What a step did, or why it did nothing.
#[derive(Template)]
#[template(path = "rotation_step.html")]
struct StepPage {
    frame: Frame,
    heading: &'static str,
    is_done: bool,
    gate: Vec<PassageRow>,
    blocking: Vec<BlockingRow>,
    files: Vec<String>,
    rewritten: usize,
    stale: Vec<(String, String)>,
    next: Vec<String>,
    warnings: Vec<String>,
    kept: String,
}

struct PassageRow {
    target: String,
    passed: bool,
    message: String,
}

impl StepPage {
    fn of(frame: Frame, step: Step, report: &StageReport, now: OffsetDateTime) -> Self {
        let is_done = report.verdict() == Verdict::Yes && !report.dry_run;
        let mut page = StepPage {
            frame,
            heading: if is_done { step.done() } else { step.refused() },
            is_done,
            gate: Vec::new(),
            blocking: Vec::new(),
            files: report.files.iter().filter(|_| is_done).map(shown).collect(),
            rewritten: report.chains.chained.len(),
            stale: report
                .chains
                .unchained
                .iter()
                .map(|one| (shown(&one.path), one.message.clone()))
                .collect(),
            next: report.next.iter().filter(|_| is_done).cloned().collect(),
            warnings: report.warnings(),
            kept: String::new(),
        };
        match &report.outcome {
            StageOutcome::Prepare {} => {}
            StageOutcome::Activate { gate, .. } => page.gate = gate.iter().map(passage).collect(),
            StageOutcome::Retire { blocking, kept, .. } => {
                page.kept = kept.as_ref().map(shown).unwrap_or_default();
                page.blocking = blocking_rows(blocking, now);
            }
        }
        page
    }
}

fn blocking_rows(blocking: &[Blocking], now: OffsetDateTime) -> Vec<BlockingRow> {
    let row = |one: &Blocking| BlockingRow {
        serial: one.serial.to_string(),
        name: one.name.clone(),
        profile: one.profile.clone(),
        expires: Moment::new(one.not_after, now),
    };
    blocking.iter().take(SHOWN).map(row).collect()
}

fn passage(passage: &Passage) -> PassageRow {
    PassageRow {
        target: passage.target.clone(),
        passed: passage.passed,
        message: passage.message.clone(),
    }
}

/// How many certificates, and how many machines, a page has.
const SHOWN: usize = 100;
/// How many ports are probed before the new root issues.
const MAX_ENDPOINTS: usize = 20;
