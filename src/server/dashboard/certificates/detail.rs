//! One certificate.

use std::ops::ControlFlow;
use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use time::OffsetDateTime;

use super::{Reason, is_revocable, reasons, short, tone, word};
use crate::authority::pem_of;
use crate::ops::list::{Filter, Status};
use crate::ops::quoting::posix;
use crate::ops::verify::{self, StackVerdict};
use crate::ops::{inspect, view};
use crate::pki::certificate::Certificate;
use crate::pki::crl::RevocationReason;
use crate::pki::fingerprint::Fingerprint;
use crate::pki::serial::SerialPrefix;
use crate::server::authority::Authority;
use crate::server::core::Core;
use crate::server::dashboard::audit::Record;
use crate::server::dashboard::page::Moment;
use crate::server::dashboard::{Access, Answer, Frame, Refusal, Tab, html};
use crate::store::{AuditFilter, Entry};

/// The page.
pub(super) async fn page(
    State(core): State<Arc<Core>>,
    access: Access,
    Path(serial): Path<String>,
) -> Answer {
    let entry = find(&core, &serial).await?;
    let filter = AuditFilter {
        serial: entry.serial.to_string().parse().ok(),
        limit: Some(MAX_HISTORY),
        ..AuditFilter::default()
    };
    let history = core.read(move |inventory, _| {
        let mut history = Vec::new();
        inventory.audit(&filter, &mut |record| {
            history.push(record);
            ControlFlow::Continue(())
        })?;
        Ok(history)
    });
    let now = core.now();
    let history = history.await?;
    let history = history.iter();
    let history = history.map(|record| Record::of(record, now)).collect();
    let authority = core.authority();
    let status = entry.status(now);
    let (above, anchor) = chain_of(&authority, &entry);
    let of_subject = entry.clone();
    let (facts, stacks, chain) = core
        .compute(move || {
            let facts = inspect::certificate_facts(&of_subject.certificate, now);
            let (stacks, chain) = judged(&of_subject, &above, anchor, now);
            Ok((facts.unwrap_or_default(), stacks, chain))
        })
        .await?;
    html(&CertificatePage {
        frame: Frame::new(&core, access, Tab::Certificates, short(&entry.name())),
        serial: entry.serial.to_string(),
        status: word(status),
        tone: tone(status),
        expires: Moment::new(entry.validity.not_after(), now),
        recorded: recorded(&entry),
        replaces: entry.replaces.as_ref().map(ToString::to_string),
        superseded_by: entry.superseded_by.as_ref().map(ToString::to_string),
        renewal: renewal(&entry),
        is_revocable: is_revocable(status),
        is_on_hold: status == Status::OnHold,
        facts,
        stacks,
        chain,
        history,
    })
}

/// The certificate with a serial number, or the start of one that only one has.
///
/// # Errors
/// When there is none, or the inventory cannot be read.
pub(super) async fn find(core: &Core, serial: &str) -> Result<Entry, Refusal> {
    let Ok(prefix) = serial.parse::<SerialPrefix>() else {
        return Err(Refusal::NotFound("certificate"));
    };
    let filter = Filter {
        serial: Some(prefix),
        limit: Some(2),
        ..Filter::default()
    };
    let found = core.read(move |inventory, now| {
        let mut found = Vec::new();
        inventory.visit(&filter, now, &mut |entry| {
            found.push(entry);
            ControlFlow::Continue(())
        })?;
        Ok(found)
    });
    let mut found = found.await?;
    let is_one = found.len() == 1;
    let one = found.pop().filter(|_| is_one);
    one.ok_or(Refusal::NotFound("certificate"))
}

/// The certificates above one that was issued here, as far as a server presents them, and the trust anchor.
pub(super) fn chain_of(
    authority: &Authority,
    entry: &Entry,
) -> (Vec<Certificate>, Option<Certificate>) {
    let beside = authority.beside.iter().chain(&authority.retired);
    let mut others = beside.filter(|(_, signing)| signing.fingerprint == entry.issuer_fingerprint);
    let above = match others.next() {
        _ if authority.signing.fingerprint == entry.issuer_fingerprint => {
            authority.signing.chain().to_vec()
        }
        Some((_, signing)) => signing.chain().to_vec(),
        None => Vec::new(),
    };
    let issuer = above.last().map_or(&entry.issuer, Certificate::issuer);
    let mut anchors = authority.anchors.iter();
    let anchor = anchors.find(|anchor| anchor.subject() == issuer);
    (above, anchor.cloned())
}

/// What each stack makes of a certificate, and its chain.
fn judged(
    entry: &Entry,
    above: &[Certificate],
    anchor: Option<Certificate>,
    now: OffsetDateTime,
) -> (Vec<Judged>, Vec<Link>) {
    let Ok(certificate) = Certificate::from_der(entry.certificate.clone()) else {
        return Default::default();
    };
    let served = std::iter::once(&certificate).chain(above);
    let links = served.chain(&anchor).enumerate();
    let last = above.len() + 1;
    let links = links
        .map(|(at, link)| Link::of(link, (at, last), now))
        .collect();
    let served = std::iter::once(&certificate).chain(above);
    let files = pem_of(served.map(Certificate::as_der)).and_then(|chain| {
        let roots = pem_of(anchor.iter().map(Certificate::as_der))?;
        Ok((chain, roots))
    });
    let Ok((chain, roots)) = files else {
        return (Vec::new(), links);
    };
    let verdicts = verify::by_stack(&certificate, chain.as_bytes(), roots.as_bytes(), now);
    (verdicts.into_iter().map(Judged::of).collect(), links)
}

/// What is recorded about a certificate beside what it says.
fn recorded(entry: &Entry) -> Vec<(&'static str, String)> {
    let mut recorded = vec![
        ("profile", entry.profile.clone()),
        ("issued", crate::pki::validity::rfc3339(entry.issued_at)),
        ("requested by", entry.requested_by.clone()),
    ];
    let row = entry.batch.as_ref();
    recorded.extend(row.map(|row| ("manifest row", row.row.to_string())));
    let file = entry.output.as_ref().map(|output| {
        let file = output.directory.join(format!("{}.crt", output.base));
        crate::error::shown(file)
    });
    recorded.extend(file.map(|file| ("file", file)));
    if !entry.labels.is_empty() {
        recorded.push(("labels", entry.labels.to_string()));
    }
    recorded.extend(entry.note.clone().map(|note| ("note", note)));
    if let Some(revocation) = entry.revocation {
        let at = crate::pki::validity::rfc3339(revocation.at);
        recorded.push(("revoked", format!("{at} ({})", revocation.reason)));
    }
    recorded
}

/// How a certificate is renewed: a sentence, and a command where there is one.
fn renewal(entry: &Entry) -> (&'static str, String) {
    let by = entry.requested_by.as_str();
    let on_its_machine = "openagents-certs renew".to_owned();
    match entry.output.as_ref() {
        _ if by.starts_with("acme:") => (
            "Its ACME client renews it. To do so at once, run the client on that machine.",
            String::new(),
        ),
        _ if by.ends_with("@workload") => (
            "The Workload API replaces it before it expires, while its process is connected.",
            String::new(),
        ),
        Some(output) => {
            let file = output.directory.join(format!("{}.crt", output.base));
            let word = posix(file.as_os_str().as_encoded_bytes());
            let word = String::from_utf8_lossy(&word);
            (
                "Renew it on the CA’s machine:",
                format!("openagents-certs renew {word}"),
            )
        }
        None if by.starts_with("token-") || by.starts_with("reenroll@") => (
            "It was enrolled. `watch` renews it on its machine; at once, in its directory there:",
            on_its_machine,
        ),
        None => (
            "It has no file here. Whoever holds its key requests the next one.",
            String::new(),
        ),
    }
}

/// A certificate of the chain.
struct Link {
    role: &'static str,
    subject: String,
    expires: Moment,
    fingerprint: String,
}

impl Link {
    fn of(certificate: &Certificate, (at, last): (usize, usize), now: OffsetDateTime) -> Self {
        Link {
            role: match at {
                0 => "this certificate",
                at if at == last => "trust anchor",
                _ => "intermediate",
            },
            subject: short(&certificate.subject().to_string()),
            expires: Moment::new(certificate.not_after(), now),
            fingerprint: Fingerprint::sha256(certificate.as_der()).to_string(),
        }
    }
}

/// A stack's verdict.
struct Judged {
    stack: String,
    role: &'static str,
    accepts: bool,
    reasons: Vec<String>,
}

impl Judged {
    fn of(verdict: StackVerdict) -> Self {
        let reasons = verdict.reasons.iter();
        Judged {
            stack: verdict.stack.to_string(),
            role: if verdict.is_client {
                "client"
            } else {
                "server"
            },
            accepts: verdict.accepts,
            reasons: reasons
                .map(|finding| format!("{} {}", view::finding(finding), finding.hint))
                .collect(),
        }
    }
}

#[derive(Template)]
#[template(path = "certificate.html")]
struct CertificatePage {
    frame: Frame,
    serial: String,
    status: &'static str,
    tone: &'static str,
    expires: Moment,
    recorded: Vec<(&'static str, String)>,
    replaces: Option<String>,
    superseded_by: Option<String>,
    renewal: (&'static str, String),
    is_revocable: bool,
    is_on_hold: bool,
    facts: Vec<(String, String)>,
    stacks: Vec<Judged>,
    chain: Vec<Link>,
    history: Vec<Record>,
}

impl CertificatePage {
    fn reasons(&self) -> Vec<Reason> {
        let mut all = reasons();
        all.retain(|reason| {
            !self.is_on_hold || reason.code != RevocationReason::CertificateHold.code()
        });
        all
    }
}

const MAX_HISTORY: usize = 100;
