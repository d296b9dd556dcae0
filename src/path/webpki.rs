//! What the CA/Browser Forum asks of a subscriber's certificate beyond RFC 5280
//! ([Baseline Requirements](https://cabforum.org/working-groups/server/baseline-requirements/) §7.1).

use super::candidate::Candidate;
use super::finding::{Evidence, Role};
use super::profile::Profile;
use super::rule::Drafts;
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
        drafts.add("common-name-twice");
    }
    for common_name in common_names.iter().take(MAX_REPORTED) {
        let agrees = |name| is_copy(common_name, name) || is_beside(common_name, name);
        if !names.iter().any(agrees) {
            drafts.with("common-name-not-in-san", || Evidence::found(common_name));
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
        drafts.with("san-type", || Evidence::found(name));
    }
    for name in names {
        if let GeneralName::Dns(pattern) = name
            && let Some(domain) = pattern.strip_prefix("*.")
            && is_public_suffix(domain)
        {
            drafts.with("wildcard-public-suffix", || Evidence::found(name));
        }
    }
}

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

/// Whether a common name is the domain of a wildcard, as many CAs write it.
fn is_beside(common_name: &str, name: &GeneralName) -> bool {
    matches!(name, GeneralName::Dns(pattern) if pattern.strip_prefix("*.") == Some(common_name))
}

/// Whether names below this domain belong to different people: it is an ICANN suffix of the Public Suffix List, or
/// a top-level domain that the list does not know. Suffixes that companies register for their customers do not
/// count: wildcards below them are in use.
fn is_public_suffix(domain: &str) -> bool {
    let domain = domain.to_ascii_lowercase();
    psl::suffix(domain.as_bytes())
        .is_some_and(|suffix| suffix == domain.as_str() && suffix.typ() != Some(psl::Type::Private))
}

const MAX_REPORTED: usize = 8;
