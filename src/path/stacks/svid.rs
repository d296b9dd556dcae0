//! X.509-SVIDs: programs fetch them and replace them by themselves, so other things go wrong with them than with
//! certificates that people issue, and others fix it.

use time::OffsetDateTime;

use super::{Cause, File, Finding, Setup};
use crate::path::finding::{CertificateReference, Role};
use crate::pki::bundle;
use crate::pki::certificate::Certificate;
use crate::pki::general_name::GeneralName;
use crate::pki::spiffe::SpiffeId;
use crate::pki::validity::rfc3339;

/// Findings about the SVIDs of the two sides, whether or not a stack refuses them, and which file each is in. A
/// certificate without a URI like a SPIFFE ID is none.
pub fn examine_svids(
    server: Option<&Certificate>,
    client: Option<&Certificate>,
    at: OffsetDateTime,
) -> Vec<(File, Finding)> {
    let mut findings = Vec::new();
    let sides = [
        (File::ServerCertificate, server),
        (File::ClientCertificate, client),
    ];
    for (file, certificate) in sides {
        let Some(certificate) = certificate else {
            continue;
        };
        let reference = CertificateReference::new(Role::EndEntity, 0, certificate.subject());
        let of_one = examine(certificate, file, at).into_iter();
        findings.extend(of_one.map(|finding| (file, finding.about(reference.clone()))));
    }
    let [server, client] = [server, client].map(|side| SpiffeId::of_certificate(side?));
    if let (Some(server), Some(client)) = (server, client)
        && server.trust_domain() != client.trust_domain()
    {
        let (server, client) = (server.trust_domain(), client.trust_domain());
        let found = format!("server in {server}, client in {client}");
        let finding = Finding::of("svid-trust-domains").found(found);
        findings.push((File::ClientCertificate, finding));
    }
    findings
}

fn examine(certificate: &Certificate, file: File, at: OffsetDateTime) -> Vec<Finding> {
    let names = certificate.subject_alt_names().ok().flatten();
    let names = names.unwrap_or_default();
    let uris: Vec<_> = names.iter().filter_map(GeneralName::uri).collect();
    let is_spiffe = |uri: &&&str| uri.to_ascii_lowercase().starts_with(SCHEME);
    let Some(uri) = uris.iter().find(is_spiffe) else {
        return Vec::new();
    };
    let mut findings = Vec::new();
    if uris.len() > 1 {
        findings.push(Finding::of("svid-uri-several").found(format!("{} URIs", uris.len())));
    }
    if let Err(error) = uri.parse::<SpiffeId>() {
        findings.push(Finding::of("svid-id-invalid").found(error));
    }
    if file == File::ServerCertificate && GeneralName::dialled(&names).is_none() {
        findings.push(Finding::of("svid-no-dns-name"));
    }
    let (begin, end) = (certificate.not_before(), certificate.not_after());
    let lifetime = end - begin;
    if lifetime <= LONGEST && at < end && at > begin + lifetime * OVERDUE {
        let found = format!("valid from {} to {}", rfc3339(begin), rfc3339(end));
        findings.push(Finding::of("svid-overdue").found(found));
    }
    findings
}

/// Gives causes that are about an SVID the hints that fit it.
pub(super) fn advise(causes: &mut [Cause], setup: &Setup<'_>) {
    let is_svid = |file: Option<&[u8]>| {
        let certificates = file.and_then(|file| bundle::certificates(file).ok());
        let leaf = certificates.and_then(|all| all.into_iter().next());
        leaf.is_some_and(|leaf| SpiffeId::of_certificate(&leaf).is_some())
    };
    for cause in causes {
        let Some(hint) = hint(cause.finding.id) else {
            continue;
        };
        let file = match cause.file {
            File::ServerCertificate | File::ServerKey | File::ClientRoots => {
                setup.server.map(|server| server.certificate)
            }
            File::ClientCertificate | File::ClientKey | File::ServerRoots => {
                let identity = setup.client.and_then(|client| client.identity);
                identity.map(|identity| identity.certificate)
            }
        };
        if is_svid(file) {
            cause.finding.hint = hint.to_owned();
        }
    }
}

fn hint(rule: &str) -> Option<&'static str> {
    let rows = HINTS.lines().filter_map(|line| line.split_once('\t'));
    let mut of_rule = rows.filter(|(id, _)| *id == rule);
    of_rule.next().map(|(_, hint)| hint)
}

const HINTS: &str = include_str!("svid.tsv");
const SCHEME: &str = "spiffe://";
/// What is valid for longer is renewed by hand or by `renew`, which waits longer.
const LONGEST: time::Duration = time::Duration::hours(25);
/// The part of the lifetime after which an SVID has been replaced, with room for failures.
const OVERDUE: f64 = 0.75;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::path::finding::Rule;

    #[test]
    fn every_hint_is_of_a_rule() {
        let rows = HINTS.lines().filter(|line| !line.starts_with('#'));
        for row in rows {
            let (id, hint) = row.split_once('\t').unwrap();
            assert!(Rule::find(id).is_some(), "{id}");
            assert!(!hint.is_empty(), "{id}");
        }
    }
}
