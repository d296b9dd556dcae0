#![no_main]
//! Any certificates and revocation lists, the first of them for a host under the last, get an answer.

use libfuzzer_sys::fuzz_target;
use openagents_certs::path::{Profile, ReferenceName, Requirements};
use openagents_certs::path::{Candidates, judge, judge_alone};
use openagents_certs::pki::{certificate::Certificate, crl::RevocationList};

fuzz_target!(|bytes: &[u8]| {
    let (certificates, revocation_lists) = parts(bytes);
    let [end_entity, intermediates @ .., anchor] = certificates.as_slice() else { return };
    let anchors = std::slice::from_ref(anchor);
    for profile in [Profile::Tls, Profile::Rfc5280, Profile::Webpki] {
        let host = Some(ReferenceName::Dns("node.example.com".into()));
        let at = time::OffsetDateTime::from_unix_timestamp(1_795_161_900).unwrap();
        let requirements = Requirements { profile, host, all_paths: true, ..Requirements::at(at) };
        let revocation_lists = &revocation_lists;
        let judgement = judge(Candidates { end_entity, intermediates, anchors, revocation_lists }, &requirements);
        assert!(!judgement.is_good() || judgement.reaches_anchor);
        let findings = judgement.findings.into_iter().chain(judge_alone(end_entity, &requirements));
        findings.for_each(|finding| drop(finding.to_string()));
    }
});

/// What stands there one after the other: each a DER element.
fn parts(mut bytes: &[u8]) -> (Vec<Certificate>, Vec<RevocationList>) {
    let (mut certificates, mut lists) = (Vec::new(), Vec::new());
    while let [0x30, 0x82, high, low, ..] = bytes {
        let end = bytes.len().min(4 + usize::from(u16::from_be_bytes([*high, *low])));
        let (part, rest) = bytes.split_at(end);
        match Certificate::from_der(part.to_vec()) {
            Ok(certificate) => certificates.push(certificate),
            Err(_) => lists.extend(RevocationList::from_der(part.to_vec())),
        }
        bytes = rest;
    }
    (certificates, lists)
}
