//! What the CA/Browser Forum asks of a subscriber's certificate beyond RFC 5280
//! ([Baseline Requirements](https://cabforum.org/working-groups/server/baseline-requirements/) §7.1).

use super::candidate::Candidate;
use super::finding::{Evidence, Role};
use super::profile::Profile;
use super::rule::{Drafts, Rule, Severities};
use crate::pki::general_name::GeneralName;
use crate::pki::name::AttributeType;

/// What is wrong with an end entity's names in public.
pub(super) fn examine(candidate: &Candidate<'_>, role: Role, drafts: &mut Drafts) {
    if role != Role::EndEntity || drafts.profile() != Profile::Webpki {
        return;
    }
    let names = candidate.extensions().names();
    let common_names = candidate
        .certificate
        .subject()
        .values(AttributeType::CommonName);
    if common_names.len() > 1 {
        drafts.add(&COMMON_NAMES);
    }
    for common_name in common_names.iter().take(MAX_REPORTED) {
        if !names.iter().any(|name| is_copy(common_name, name)) {
            drafts.with(&COMMON_NAME, || Evidence::found(common_name));
        }
    }
    let of_wrong_form = names.iter().find(|name| match name {
        GeneralName::Dns(_) | GeneralName::Ip(_) => false,
        GeneralName::Other(..)
        | GeneralName::Email(_)
        | GeneralName::X400(_)
        | GeneralName::Directory(_)
        | GeneralName::EdiParty(_)
        | GeneralName::Uri(_)
        | GeneralName::RegisteredId(_) => true,
    });
    if let Some(name) = of_wrong_form {
        drafts.with(&NAME_TYPE, || Evidence::found(name));
    }
    for name in names {
        if let GeneralName::Dns(pattern) = name
            && let Some(domain) = pattern.strip_prefix("*.")
            && is_public_suffix(domain)
        {
            drafts.with(&PUBLIC_SUFFIX, || Evidence::found(name));
        }
    }
}

/// Every rule of this file.
pub(super) static RULES: &[&Rule] = &[&COMMON_NAMES, &COMMON_NAME, &NAME_TYPE, &PUBLIC_SUFFIX];

/// Whether a common name is this name character for character: a DNS name as it stands, an address
/// in dots or as RFC 5952 has it.
fn is_copy(common_name: &str, name: &GeneralName) -> bool {
    match name {
        GeneralName::Dns(text) => text == common_name,
        GeneralName::Ip(_) => name
            .address()
            .is_some_and(|address| address.to_string() == common_name),
        GeneralName::Other(..)
        | GeneralName::Email(_)
        | GeneralName::X400(_)
        | GeneralName::Directory(_)
        | GeneralName::EdiParty(_)
        | GeneralName::Uri(_)
        | GeneralName::RegisteredId(_) => false,
    }
}

/// Whether names below this domain belong to different people, going by the Public Suffix List, private domains
/// included. Of a top-level domain that the list does not know its prevailing rule is that they do.
fn is_public_suffix(domain: &str) -> bool {
    public_suffix::DEFAULT_PROVIDER.is_effective_tld(&domain.to_ascii_lowercase())
}

const MAX_REPORTED: usize = 8;

static COMMON_NAMES: Rule = Rule {
    id: "common-name-twice",
    sentence: "it has more than one common name",
    hint: "have it issued anew with one common name or none",
    reference: "CABF BR §7.1.4.3",
    severities: Severities::WEBPKI,
};
static COMMON_NAME: Rule = Rule {
    id: "common-name-not-in-san",
    sentence: "its common name is no copy of one of its names",
    hint: "have it issued anew with a common name from the SubjectAltName, or none",
    reference: "CABF BR §7.1.4.3",
    severities: Severities::WEBPKI,
};
static NAME_TYPE: Rule = Rule {
    id: "san-type",
    sentence: "it has a name that is neither a DNS name nor an IP address",
    hint: "have it issued anew with DNS names and IP addresses alone",
    reference: "CABF BR §7.1.2.7.12",
    severities: Severities::WEBPKI,
};
static PUBLIC_SUFFIX: Rule = Rule {
    id: "wildcard-public-suffix",
    sentence: "its wildcard stands for the names of different people",
    hint: "have it issued anew for a domain of your own",
    reference: "CABF BR §3.2.2.6",
    severities: Severities::WEBPKI,
};
