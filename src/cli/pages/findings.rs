//! `openagents-certs-findings(7)`: every finding, from the rule table.

use super::{MISCELLANEA, PROGRAM, Page};
use crate::ops::explain::{Explained, all_findings};
use crate::path::finding::Severity;

pub(super) fn page() -> String {
    let name = format!("{PROGRAM}-findings");
    let mut page = Page::new(&name, MISCELLANEA, "everything that a check can find");
    page.heading("DESCRIPTION");
    page.paragraph(
        "verify, verify-chain, inspect and status report findings. Each has an id that does not change, a severity, the \
         values found, how to fix it, and a reference. An error makes the answer no; a warning is something that some \
         programs refuse; a note is worth knowing. The severity is that of the default profile, tls; where the profiles \
         rfc5280 (the standard to the letter) and webpki (public CAs) differ, they are named. \
         `openagents-certs explain ID` shows the same.",
    );
    page.heading("FINDINGS");
    for finding in all_findings() {
        page.term(finding.id, &format!("{}. {}", finding.message, finding.why));
        for one in &finding.stacks {
            page.more(one.stack, one.effect);
        }
        page.more("severity", &severities(&finding));
        page.more("hint", finding.hint);
        page.more("see", finding.reference);
    }
    page.see_also(
        &["-explain(1)", "-verify(1)", "-json(7)"].map(|page| format!("{PROGRAM}{page}")),
    );
    page.end()
}

fn severities(finding: &Explained) -> String {
    let Some(severity) = finding.severity else {
        return String::new();
    };
    let name = |one: Option<Severity>| one.map_or("not checked".to_owned(), |one| one.to_string());
    let (tls, rfc5280, webpki) = (
        name(severity.tls),
        name(severity.rfc5280),
        name(severity.webpki),
    );
    if tls == rfc5280 && tls == webpki {
        tls
    } else {
        format!("{tls}; rfc5280: {rfc5280}; webpki: {webpki}")
    }
}
