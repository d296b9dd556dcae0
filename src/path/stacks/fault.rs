//! What X509_verify_cert can report, in the words of BoringSSL and of OpenSSL (`faults.tsv`), and the
//! rule of the engine that the fault comes down to: the libraries only name kinds of faults.

use std::sync::LazyLock;

use super::chain::{Builder, may_sign};
use super::pem::Dialect;
use crate::path::finding::{Drafts, Evidence, Role};
use crate::path::identifiers;
use crate::path::judgement::{self, Profile, Requirements};
use crate::path::signature::is_signed_by;
use crate::pki::usage::Purpose;

/// A fault of a path, in the order of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    IssuerNotFound,
    IssuerOfIntermediateNotFound,
    LeafUnverifiable,
    SelfSigned,
    SelfSignedInChain,
    ChainTooLong,
    InvalidExtension,
    UnhandledCritical,
    InvalidCa,
    Purpose,
    PathLength,
    CertSign,
    LeafKeyTooSmall,
    CaKeyTooSmall,
    HashTooWeak,
    KeyUndecodable,
    DescribedCurve,
    Signature,
    NotYetValid,
    Expired,
    NotBeforeForm,
    NotAfterForm,
    Permitted,
    Excluded,
    ConstraintType,
    NameSyntax,
    ConstraintsWithoutNames,
    PolicyExtension,
    Policy,
    Unspecified,
}

impl Fault {
    /// X509_verify_cert_error_string.
    pub(super) fn text(self, dialect: Dialect) -> &'static str {
        match dialect {
            Dialect::BoringSsl => self.row().boring_ssl,
            Dialect::OpenSsl => self.row().openssl,
        }
    }

    /// The rule that a fault of the certificate at this place of the pool comes down to.
    pub(super) fn cause(
        self,
        builder: &Builder<'_>,
        index: usize,
        role: Role,
        is_server: bool,
    ) -> Cause {
        let own = |fault: Fault| fault.engine_finding(builder, index, role, is_server);
        let is_issuer_missing = matches!(
            self,
            Fault::IssuerNotFound | Fault::LeafUnverifiable | Fault::SelfSignedInChain
        );
        let cause = if is_issuer_missing && builder.is_invalid(index) {
            own(Fault::InvalidExtension)
        } else if is_issuer_missing {
            missing_issuer(builder, index)
        } else if self == Fault::IssuerOfIntermediateNotFound {
            Some(("anchor-not-self-signed", None, None))
        } else if self == Fault::SelfSigned {
            mistaken_root(builder, index)
        } else if self == Fault::Signature {
            wrong_namesake(builder, index)
        } else {
            own(self)
        };
        cause.unwrap_or_else(|| {
            let rule = self.row().rule;
            let issuer = builder.candidate(index).certificate.issuer();
            let is_missing = rule == "issuer-missing";
            let evidence = is_missing.then(|| Evidence::found(format_args!("issuer {issuer}")));
            (rule, evidence, None)
        })
    }

    /// What the engine finds wrong with the certificate itself, among the rules that the fault may be.
    fn engine_finding(
        self,
        builder: &Builder<'_>,
        index: usize,
        role: Role,
        is_server: bool,
    ) -> Option<Cause> {
        let purpose = if is_server {
            Purpose::Server
        } else {
            Purpose::Client
        };
        let requirements = Requirements {
            purpose: Some(purpose),
            ..Requirements::at(builder.at)
        };
        let drafts = judgement::examine(builder.candidate(index), role, &requirements);
        self.row().narrower_rules.iter().find_map(|rule| {
            let draft = drafts.iter().find(|draft| draft.rule.id == *rule)?;
            Some((draft.rule.id, draft.evidence.clone(), None))
        })
    }

    fn row(self) -> &'static Row {
        // A test checks that the rows are in the order of the variants.
        &ROWS[self as usize]
    }
}

/// The rule, the evidence, and the certificate it is about, if that is another one.
type Cause = (&'static str, Option<Evidence>, Option<usize>);

/// A row of `faults.tsv`.
struct Row {
    boring_ssl: &'static str,
    openssl: &'static str,
    rule: &'static str,
    /// Rules that say more, the most likely first.
    narrower_rules: Vec<&'static str>,
}

impl Row {
    fn read(line: &'static str) -> Option<Row> {
        let mut columns = line.split('\t');
        columns.next()?;
        Some(Row {
            boring_ssl: columns.next()?,
            openssl: columns.next()?,
            rule: columns.next()?,
            narrower_rules: columns
                .next()
                .unwrap_or_default()
                .split_whitespace()
                .collect(),
        })
    }
}

/// Why a certificate that has the issuer's name does not count as the issuer.
fn missing_issuer(builder: &Builder<'_>, index: usize) -> Option<Cause> {
    let candidate = builder.candidate(index);
    for namesake in builder.pool.issuers(index) {
        let issuer = builder.candidate(*namesake);
        if !may_sign(issuer) {
            return Some(("key-usage-cert-sign", None, Some(*namesake)));
        }
        let mut drafts = Drafts::new(Profile::Tls);
        identifiers::examine_issue(candidate, issuer, &mut drafts);
        let mismatch = |rule: &str| MISMATCHES.contains(&rule);
        if let Some(draft) = drafts.all.iter().find(|draft| mismatch(draft.rule.id)) {
            return Some((draft.rule.id, draft.evidence.clone(), None));
        }
    }
    None
}

/// A certificate with its issuer's name that did not issue itself.
fn mistaken_root(builder: &Builder<'_>, index: usize) -> Option<Cause> {
    let certificate = builder.candidate(index).certificate;
    (!is_signed_by(certificate, certificate)).then_some(("named-like-issuer", None, None))
}

/// Another certificate of the issuer's name has the key that was looked for.
fn wrong_namesake(builder: &Builder<'_>, index: usize) -> Option<Cause> {
    let certificate = builder.candidate(index).certificate;
    let namesakes = builder.pool.issuers(index);
    let is_signer =
        |place: &&usize| is_signed_by(certificate, builder.candidate(**place).certificate);
    let is_ambiguous = namesakes
        .iter()
        .take(MAX_NAMESAKES)
        .any(|place| is_signer(&place));
    let found = || {
        Evidence::found(format_args!(
            "{} certificates of this name",
            namesakes.len()
        ))
    };
    (is_ambiguous && certificate.signature_algorithms_agree())
        .then(|| ("anchors-ambiguous", Some(found()), None))
}

const MISMATCHES: [&str; 2] = ["key-identifier-mismatch", "authority-certificate-mismatch"];
const MAX_NAMESAKES: usize = 8;
static ROWS: LazyLock<Vec<Row>> =
    LazyLock::new(|| TEXT.lines().skip(1).filter_map(Row::read).collect());
const TEXT: &str = include_str!("faults.tsv");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::path::finding::Rule;

    #[test]
    fn the_table_has_every_fault_in_its_place_and_names_only_known_rules() {
        let names = TEXT
            .lines()
            .skip(1)
            .map(|line| line.split('\t').next().unwrap());
        assert_eq!(
            names.collect::<Vec<_>>(),
            ALL.map(|fault| format!("{fault:?}"))
        );
        for (place, (fault, row)) in ALL.iter().zip(ROWS.iter()).enumerate() {
            assert_eq!(*fault as usize, place);
            for id in row.narrower_rules.iter().chain([&row.rule]) {
                assert!(Rule::find(id).is_some(), "{fault:?}: {id}");
            }
        }
        assert_eq!(ROWS.len(), ALL.len());
    }

    const ALL: [Fault; 30] = [
        Fault::IssuerNotFound,
        Fault::IssuerOfIntermediateNotFound,
        Fault::LeafUnverifiable,
        Fault::SelfSigned,
        Fault::SelfSignedInChain,
        Fault::ChainTooLong,
        Fault::InvalidExtension,
        Fault::UnhandledCritical,
        Fault::InvalidCa,
        Fault::Purpose,
        Fault::PathLength,
        Fault::CertSign,
        Fault::LeafKeyTooSmall,
        Fault::CaKeyTooSmall,
        Fault::HashTooWeak,
        Fault::KeyUndecodable,
        Fault::DescribedCurve,
        Fault::Signature,
        Fault::NotYetValid,
        Fault::Expired,
        Fault::NotBeforeForm,
        Fault::NotAfterForm,
        Fault::Permitted,
        Fault::Excluded,
        Fault::ConstraintType,
        Fault::NameSyntax,
        Fault::ConstraintsWithoutNames,
        Fault::PolicyExtension,
        Fault::Policy,
        Fault::Unspecified,
    ];
}
