//! What a rule is, and how what it finds is gathered.

use super::finding::{Evidence, Severity};
use super::profile::Profile;

/// A rule that a certification path can break: data, so that a profile decides how much it counts
/// and nothing else has to.
#[derive(Debug)]
pub struct Rule {
    /// Its stable name.
    pub id: &'static str,
    /// What is wrong where it is broken: a lower-case clause.
    pub sentence: &'static str,
    /// What mends it.
    pub hint: &'static str,
    /// Where it is written.
    pub reference: &'static str,
    /// How much it counts.
    pub severities: Severities,
}

/// How much a rule counts under each profile; `None` for nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Severities {
    /// Under [`Profile::Tls`].
    pub tls: Option<Severity>,
    /// Under [`Profile::Rfc5280`].
    pub rfc5280: Option<Severity>,
    /// Under [`Profile::Webpki`].
    pub webpki: Option<Severity>,
}

impl Severities {
    /// Decides a connection, so it is an error everywhere.
    pub const DECISIVE: Severities = Severities {
        tls: Some(Severity::Error),
        rfc5280: Some(Severity::Error),
        webpki: Some(Severity::Error),
    };
    /// A MUST of RFC 5280 that only strict programs hold a certificate to.
    pub const CONFORMANCE: Severities = Severities {
        tls: Some(Severity::Warning),
        rfc5280: Some(Severity::Error),
        webpki: Some(Severity::Error),
    };
    /// A MUST of RFC 5280 that the CA/Browser Forum does not repeat.
    pub const RFC_ONLY: Severities = Severities {
        tls: Some(Severity::Warning),
        rfc5280: Some(Severity::Error),
        webpki: Some(Severity::Warning),
    };
    /// A MUST of the CA/Browser Forum alone, that a private CA need not care for.
    pub const WEBPKI: Severities = Severities {
        tls: None,
        rfc5280: None,
        webpki: Some(Severity::Error),
    };
    /// The same, where some TLS programs refuse it too.
    pub const WEBPKI_WARNED: Severities = Severities {
        tls: Some(Severity::Warning),
        rfc5280: None,
        webpki: Some(Severity::Error),
    };
    /// Decides a TLS connection, though RFC 5280 allows it.
    pub const TLS_ONLY: Severities = Severities {
        tls: Some(Severity::Error),
        rfc5280: None,
        webpki: Some(Severity::Error),
    };
    /// Some TLS programs refuse it, though no rule says that they should.
    pub const TLS_ADVICE: Severities = Severities {
        tls: Some(Severity::Warning),
        rfc5280: None,
        webpki: None,
    };
    /// Worth knowing, never more.
    pub const ADVICE: Severities = Severities {
        tls: Some(Severity::Warning),
        rfc5280: Some(Severity::Warning),
        webpki: Some(Severity::Warning),
    };

    /// How much it counts under this profile.
    pub fn under(&self, profile: Profile) -> Option<Severity> {
        match profile {
            Profile::Tls => self.tls,
            Profile::Rfc5280 => self.rfc5280,
            Profile::Webpki => self.webpki,
        }
    }
}

/// A finding before it is known whom it is about but by position.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    pub(super) rule: &'static Rule,
    pub(super) severity: Severity,
    /// The certificate's place in the path, the end entity's being 0; `None` for the path as a whole.
    pub(super) place: Option<usize>,
    pub(super) evidence: Option<Evidence>,
}

impl Draft {
    pub(super) fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

/// Gathers what is found, leaving out what does not count under the profile.
#[derive(Clone, Debug)]
pub(super) struct Drafts {
    profile: Profile,
    place: Option<usize>,
    pub(super) all: Vec<Draft>,
}

impl Drafts {
    pub(super) fn new(profile: Profile) -> Self {
        Drafts {
            profile,
            place: None,
            all: Vec::new(),
        }
    }

    /// What follows is about the certificate at this place.
    pub(super) fn about(&mut self, place: usize) -> &mut Self {
        self.place = Some(place);
        self
    }

    /// Takes over what was found about the certificate at this place.
    pub(super) fn extend(&mut self, place: usize, drafts: &[Draft]) {
        self.all.extend(drafts.iter().map(|draft| Draft {
            place: Some(place),
            ..draft.clone()
        }));
    }

    pub(super) fn profile(&self) -> Profile {
        self.profile
    }

    /// The rule is broken, and that says it all.
    pub(super) fn add(&mut self, rule: &'static Rule) {
        self.push(rule, || None);
    }

    /// The rule is broken, as this shows; it is only put together where the rule counts.
    pub(super) fn with(&mut self, rule: &'static Rule, evidence: impl FnOnce() -> Evidence) {
        self.push(rule, || Some(evidence()));
    }

    fn push(&mut self, rule: &'static Rule, evidence: impl FnOnce() -> Option<Evidence>) {
        if let Some(severity) = rule.severities.under(self.profile) {
            let evidence = evidence();
            self.all.push(Draft {
                rule,
                severity,
                place: self.place,
                evidence,
            });
        }
    }
}
