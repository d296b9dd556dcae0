//! Networks and agents: what each port really serves, who reaches it, and how to fix what does not work.

mod view;

use std::path::PathBuf;
use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::extract::{Multipart, Query, State};
use axum::http::HeaderMap;
use axum::routing::{get, post};
use serde::Deserialize;
use time::OffsetDateTime;
use tokio::sync::Semaphore;

use self::view::ResultView;
use super::page::{number, with_query};
use super::{Access, Answer, Change, Frame, Refusal, Tab, html};
use crate::authority;
use crate::error::{Error, shown};
use crate::ops::overview::{Attention, Problem};
use crate::ops::status::Level;
use crate::ops::verify_chain::networks::{self, GivenFiles, Source};
use crate::ops::verify_chain::{self, Connect, Files, Report, Request};
use crate::ops::{self, Verdict};
use crate::server::core::Core;
use crate::server::failure::Failure;

/// What the address of the page asks for.
#[derive(Debug, Default, Deserialize)]
struct Asked {
    /// A file or directory of the server's disk.
    path: Option<String>,
    /// The directory that its networks are started in, if another.
    cwd: Option<String>,
}

/// Where it is.
pub(super) fn routes() -> Router<Arc<Core>> {
    Router::new()
        .route("/networks", get(page))
        .route(UPLOAD, post(upload))
        .route("/networks/probe", post(probe))
}

/// The page, with the check of files on the server's disk if it is asked for.
async fn page(State(core): State<Arc<Core>>, access: Access, Query(asked): Query<Asked>) -> Answer {
    let text = |text: Option<String>| text.map(|text| text.trim().to_owned()).unwrap_or_default();
    let (path, cwd) = (text(asked.path), text(asked.cwd));
    let mut page = NetworksPage::new(&core, access);
    if path.is_empty() {
        return html(&page);
    }
    let source = Source::Below(readable(&core));
    let named = PathBuf::from(&path);
    let started_in = match cwd.is_empty() {
        true => None,
        false => Some(PathBuf::from(&cwd)),
    };
    (page.path, page.cwd) = (path, cwd);
    let check = Check {
        directory: core.directory().to_owned(),
        paths: vec![named],
        cwd: started_in,
        source,
    };
    page.run(&core, check).await
}

/// Checks files that a browser sends. Nothing of them is kept.
async fn upload(
    State(core): State<Arc<Core>>,
    access: Access,
    headers: HeaderMap,
    form: Multipart,
) -> Answer {
    let (csrf, mut given) = received(form).await?;
    access.permit_request(&headers, &csrf)?;
    let ca = core.directory().join(authority::CERTIFICATE);
    given.add_known(
        &ca,
        core.authority().anchors_pem.clone().into_bytes().into(),
    );
    let mut page = NetworksPage::new(&core, access);
    page.keys_left_out = given.keys_left_out;
    let given = Arc::new(given);
    let check = Check {
        directory: core.directory().to_owned(),
        paths: given.sent(),
        cwd: None,
        source: Source::Given(given),
    };
    page.run(&core, check).await
}

/// Probes live ports, for an operator who asks for it.
async fn probe(State(core): State<Arc<Core>>, change: Change) -> Answer {
    let ports = change.fields.all("ports").flat_map(str::split_whitespace);
    let targets: Vec<String> = ports.map(str::to_owned).collect();
    let mut page = NetworksPage::new(&core, change.access);
    page.ports = targets.join("\n");
    if targets.is_empty() || targets.len() > MAX_PORTS {
        page.problem =
            format!("name between 1 and {MAX_PORTS} ports, such as grpcs://localhost:8600");
        return html(&page);
    }
    let Ok(_permit) = PROBES.try_acquire() else {
        page.problem = "other ports are being probed; try again in a few seconds".into();
        return html(&page);
    };
    let request = Request {
        connect: Connect {
            targets,
            files: Files {
                ca: Some(core.directory().join(authority::CERTIFICATE)),
                ..Files::default()
            },
            ..Connect::default()
        },
        ..Request::of_networks(networks::Request::default())
    };
    let now = core.now();
    let probed = core.compute(move || Ok(seen(verify_chain::run(&request, now), now)));
    page.take(probed.await?)
}

/// A check of networks and agents.
struct Check {
    directory: PathBuf,
    paths: Vec<PathBuf>,
    cwd: Option<PathBuf>,
    source: Source,
}

impl Check {
    fn run(self, now: OffsetDateTime) -> Result<Report, Error> {
        let (networks, agents) = self.source.descriptions(&self.paths)?;
        if networks.is_empty() && agents.is_empty() {
            let place = self.paths.first().map(shown).unwrap_or_default();
            return Err(Error::Usage {
                message: format!("{place}: contains neither a network nor an agent"),
                hint: "name or upload network.yaml, YAML files of agents, or a CSV list of agents"
                    .into(),
            });
        }
        let beside = self.paths.first().filter(|_| !self.source.assumes_keys());
        let beside = beside.map(|path| match self.source.is_directory(path) {
            Ok(true) => path.clone(),
            Ok(false) | Err(_) => path.with_file_name(""),
        });
        let request = networks::Request {
            matrix: !networks.is_empty() && !agents.is_empty(),
            networks,
            agents,
            cwd: self.cwd.or(beside),
            directory: self.directory,
            source: self.source,
            ..networks::Request::default()
        };
        verify_chain::run(&Request::of_networks(request), now)
    }
}

/// The networks in `[serve] networks` that not everybody reaches. What cannot be read is for their page to say.
pub(super) async fn failing(core: &Core) -> Result<Vec<Attention>, Failure> {
    let (directory, readable, now) = (core.directory().to_owned(), readable(core), core.now());
    let check = move || {
        let paths = readable.iter().skip(1);
        let failing = paths.filter_map(|path| {
            let check = Check {
                directory: directory.clone(),
                paths: vec![path.clone()],
                cwd: None,
                source: Source::Below(readable.clone()),
            };
            let report = check.run(now).ok()?;
            Some(Attention {
                level: match report.verdict {
                    Verdict::No => Level::Critical,
                    Verdict::Undetermined => Level::Warning,
                    Verdict::Yes => return None,
                },
                problem: Problem::NetworkFails,
                subject: shown(path),
                serial: None,
                at: None,
                advice: ops::Report::reason(&report).unwrap_or_default(),
            })
        });
        Ok(failing.collect())
    };
    core.compute(check).await
}

/// The address of the check of a path.
pub(super) fn address(path: &str) -> String {
    with_query("/networks", &[("path", path)])
}

/// The directories that a path may name a file in.
fn readable(core: &Core) -> Vec<PathBuf> {
    let own = core.directory();
    let config = core.config();
    let others = config.serve().networks.iter().map(|path| own.join(path));
    std::iter::once(own.to_owned()).chain(others).collect()
}

/// The CSRF token and the files of a form.
async fn received(mut form: Multipart) -> Result<(String, GivenFiles), Refusal> {
    let unreadable = |_| Refusal::unreadable("the files cannot be read");
    let (mut csrf, mut given) = (String::new(), GivenFiles::default());
    let mut count = 0;
    while let Some(field) = form.next_field().await.map_err(unreadable)? {
        match field.file_name().map(str::to_owned) {
            None if field.name() == Some("csrf") => {
                csrf = field.text().await.map_err(unreadable)?
            }
            None => {}
            Some(name) => {
                let content = field.bytes().await.map_err(unreadable)?;
                // What a browser sends for a field without files.
                if name.is_empty() && content.is_empty() {
                    continue;
                }
                count += 1;
                if count > networks::MAX_DESCRIPTIONS {
                    return Err(Refusal::unreadable("these are too many files"));
                }
                given.add(&name, content.to_vec());
            }
        }
    }
    Ok((csrf, given))
}

/// A report as the page shows it, or why there is none.
fn seen(report: Result<Report, Error>, now: OffsetDateTime) -> Result<ResultView, String> {
    match report {
        Ok(report) => Ok(ResultView::of(&report, now)),
        Err(error) => Err(match error.hint() {
            Some(hint) => format!("{error}. To fix it: {hint}"),
            None => error.to_string(),
        }),
    }
}

#[derive(Template)]
#[template(path = "networks.html")]
struct NetworksPage {
    frame: Frame,
    path: String,
    cwd: String,
    ports: String,
    /// The directories that may be named.
    readable: Vec<String>,
    /// Why there is no result; empty if there is one, or none was asked for.
    problem: String,
    keys_left_out: usize,
    result: Option<ResultView>,
}

impl NetworksPage {
    fn new(core: &Core, access: Access) -> Self {
        NetworksPage {
            frame: Frame::new(core, access, Tab::Networks, "Networks"),
            path: String::new(),
            cwd: String::new(),
            ports: String::new(),
            readable: readable(core).iter().map(shown).collect(),
            problem: String::new(),
            keys_left_out: 0,
            result: None,
        }
    }

    async fn run(self, core: &Core, check: Check) -> Answer {
        let now = core.now();
        let checked = core.compute(move || Ok(seen(check.run(now), now)));
        self.take(checked.await?)
    }

    fn take(mut self, result: Result<ResultView, String>) -> Answer {
        match result {
            Ok(result) => self.result = Some(result),
            Err(problem) => self.problem = problem,
        }
        html(&self)
    }
}

/// Where files are uploaded to, and how much a request to it may contain.
pub(in crate::server) const UPLOAD: &str = "/networks/upload";
/// See [`UPLOAD`].
pub(in crate::server) const MAX_UPLOAD_BYTES: usize = 1024 * 1024;
/// How many ports are probed at once, one after the other.
const MAX_PORTS: usize = 20;
/// Probing takes a thread for as long as a port does not answer.
static PROBES: Semaphore = Semaphore::const_new(2);
