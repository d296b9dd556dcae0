//! Periods of validity ([RFC 5280 §4.1.2.5](https://www.rfc-editor.org/rfc/rfc5280#section-4.1.2.5)).

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::candidate::Candidate;
use super::finding::{Evidence, Severity};
use super::rule::{Drafts, Rule, Severities};
use crate::pki::moment::EARLY_GENERALIZED_TIME;

/// What is wrong with a certificate's dates at this moment. Anchors expire like the others.
pub(super) fn examine(candidate: &Candidate<'_>, at: OffsetDateTime, drafts: &mut Drafts) {
    let certificate = candidate.certificate;
    let (begin, end) = (certificate.not_before(), certificate.not_after());
    // Validity has whole seconds, and its last second lasts until the next begins.
    let at = at.replace_nanosecond(0).unwrap_or(at);
    if end < begin {
        drafts.with(&REVERSED, || {
            Evidence::found(format_args!("{} to {}", text(begin), text(end)))
        });
    } else if at < begin {
        drafts.with(&NOT_YET_VALID, || {
            Evidence::instead(
                format_args!("valid from {}", text(begin)),
                format_args!("no later than {}", text(at)),
            )
        });
    }
    if at > end {
        drafts.with(&EXPIRED, || {
            Evidence::instead(
                format_args!("valid until {}", text(end)),
                format_args!("no earlier than {}", text(at)),
            )
        });
    }
    if let Some(fault) = certificate.time_fault() {
        let rule = if fault == EARLY_GENERALIZED_TIME {
            &TIME_FORM
        } else {
            &TIME_MALFORMED
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
        drafts.with(&OUTLIVES_ISSUER, || {
            Evidence::instead(
                text(own),
                format_args!("no later than its issuer's {}", text(issuers)),
            )
        });
    }
}

/// Every rule of this file.
pub(super) static RULES: &[&Rule] = &[
    &EXPIRED,
    &NOT_YET_VALID,
    &REVERSED,
    &TIME_FORM,
    &TIME_MALFORMED,
    &OUTLIVES_ISSUER,
];

/// A moment as RFC 3339 has it.
pub(super) fn text(moment: OffsetDateTime) -> String {
    moment
        .format(&Rfc3339)
        .unwrap_or_else(|_| moment.to_string())
}

static EXPIRED: Rule = Rule {
    id: "expired",
    sentence: "it has expired",
    hint: "renew it; every program refuses it, and a clock that is wrong looks the same",
    reference: "RFC 5280 §4.1.2.5",
    severities: Severities::DECISIVE,
};
static NOT_YET_VALID: Rule = Rule {
    id: "not-yet-valid",
    sentence: "it is not valid yet",
    hint: "set the clock of this machine, or of the one that issued it",
    reference: "RFC 5280 §4.1.2.5",
    severities: Severities::DECISIVE,
};
static REVERSED: Rule = Rule {
    id: "validity-reversed",
    sentence: "it ends before it begins",
    hint: "have it issued anew",
    reference: "RFC 5280 §4.1.2.5",
    severities: Severities::DECISIVE,
};
static TIME_FORM: Rule = Rule {
    id: "time-form",
    sentence: "one of its dates is written as those from 2050 on are",
    hint: "have it issued anew by a CA that writes dates up to 2049 as UTCTime",
    reference: "RFC 5280 §4.1.2.5",
    severities: Severities::CONFORMANCE,
};
static TIME_MALFORMED: Rule = Rule {
    id: "time-malformed",
    sentence: "one of its dates is not written in whole seconds and UTC, so that no program reads it",
    hint: "have it issued anew by a CA that writes dates as RFC 5280 says",
    reference: "RFC 5280 §4.1.2.5",
    severities: Severities::DECISIVE,
};
static OUTLIVES_ISSUER: Rule = Rule {
    id: "outlives-issuer",
    sentence: "it ends after its issuer does, and will fail from then on",
    hint: "renew the issuer first, and then this",
    reference: "RFC 5280 §6.1.3",
    severities: Severities {
        tls: Some(Severity::Warning),
        rfc5280: Some(Severity::Note),
        webpki: Some(Severity::Note),
    },
};
