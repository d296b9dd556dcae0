//! Periods of validity ([RFC 5280 §4.1.2.5](https://www.rfc-editor.org/rfc/rfc5280#section-4.1.2.5)).

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::candidate::Candidate;
use super::finding::Evidence;
use super::rule::Drafts;
use crate::pki::moment::EARLY_GENERALIZED_TIME;

/// What is wrong with a certificate's dates at this moment. Anchors expire like the others.
pub(super) fn examine(candidate: &Candidate<'_>, at: OffsetDateTime, drafts: &mut Drafts) {
    let certificate = candidate.certificate;
    let (begin, end) = (certificate.not_before(), certificate.not_after());
    // Validity has whole seconds, and its last second lasts until the next begins.
    let at = at.replace_nanosecond(0).unwrap_or(at);
    if end < begin {
        drafts.with("validity-reversed", || {
            Evidence::found(format_args!("{} to {}", text(begin), text(end)))
        });
    } else if at < begin {
        drafts.with("not-yet-valid", || {
            Evidence::instead(
                format_args!("valid from {}", text(begin)),
                format_args!("no later than {}", text(at)),
            )
        });
    }
    if at > end {
        drafts.with("expired", || {
            Evidence::instead(
                format_args!("valid until {}", text(end)),
                format_args!("no earlier than {}", text(at)),
            )
        });
    }
    for fault in certificate.time_faults() {
        let rule = if fault == EARLY_GENERALIZED_TIME {
            "time-form"
        } else {
            "time-malformed"
        };
        drafts.with(rule, || Evidence::found(fault));
    }
}

/// Whether a certificate ends before its issuer does.
pub(super) fn examine_issue(
    candidate: &Candidate<'_>,
    issuer: &Candidate<'_>,
    drafts: &mut Drafts,
) {
    let own = candidate.certificate.not_after();
    let issuers = issuer.certificate.not_after();
    if own > issuers {
        drafts.with("outlives-issuer", || {
            Evidence::instead(
                text(own),
                format_args!("no later than its issuer's {}", text(issuers)),
            )
        });
    }
}

/// A moment as RFC 3339 has it.
pub(super) fn text(moment: OffsetDateTime) -> String {
    moment
        .format(&Rfc3339)
        .unwrap_or_else(|_| moment.to_string())
}
