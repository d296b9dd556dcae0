//! `openagents-certs-findings(7)`: every finding, from where the rules are.

use super::Page;
use crate::ops::explain::{Explained, all_findings};
use crate::path::finding::Severity;

pub(super) fn page() -> String {
    let mut page = Page::new("findings", "7", "everything that can be found wrong");
    page.heading("DESCRIPTION");
    page.paragraph(
        "verify, verify-chain and others report what is wrong as findings. Each has a name that does not \
         change, a severity, what was found, what mends it, and where the rule is written. An error makes \
         the answer no; a warning is what some programs refuse; a note is worth knowing. The severity is \
         that of the profile tls, which is the default; where the profiles rfc5280 (the standard by the \
         letter) and webpki (public CAs) differ, they are named. `openagents-certs explain NAME` shows the same.",
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
    page.heading("SEE ALSO");
    page.paragraph(
        "openagents-certs-verify(1), openagents-certs-explain(1), openagents-certs-json(7)",
    );
    page.end()
}

fn severities(finding: &Explained) -> String {
    let Some(severity) = finding.severity else {
        return String::new();
    };
    let name =
        |one: Option<Severity>| one.map_or("not looked for".to_owned(), |one| one.to_string());
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
