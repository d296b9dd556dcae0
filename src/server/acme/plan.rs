//! What the authority is asked to issue for an order.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;

use time::OffsetDateTime;

use super::identifier::Identifier;
use super::order::NewOrder;
use super::problem::{Problem, ProblemType};
use super::reply::problem_of;
use crate::error::Error;
use crate::ops::issue::{self, CommonName, End, Key, Labels, Planned};
use crate::ops::refused::{Outcome, Refused};
use crate::pki::csr::CertificateSigningRequest;
use crate::pki::profile::Profile;
use crate::pki::validity::{BACKDATE, Lifetime, rfc3339};
use crate::server::core::Core;
use crate::server::failure::Failure;

/// A certificate that is ordered.
pub(super) struct Ordered<'a> {
    /// Its profile.
    pub(super) profile: &'a str,
    /// Its names; the first host name becomes the common name.
    pub(super) identifiers: Vec<&'a Identifier>,
    /// When it is to become valid.
    pub(super) not_before: Option<OffsetDateTime>,
    /// When it is to expire.
    pub(super) not_after: Option<OffsetDateTime>,
    /// How long it is valid where the order does not say.
    pub(super) lifetime: Option<Lifetime>,
    /// Its key; `None` before there is one.
    pub(super) csr: Option<CertificateSigningRequest>,
    /// Who ordered it.
    pub(super) account: &'a str,
}

impl Ordered<'_> {
    /// The request to the authority.
    ///
    /// # Errors
    /// When its profile is no more.
    pub(super) fn request(self, core: &Core) -> Result<issue::Request, Error> {
        let profile = Arc::new(core.config().profile(self.profile)?);
        let lifetime = self.lifetime.map(|lifetime| within(&profile, lifetime));
        let key = match self.csr {
            Some(csr) => Key::Requested(PathBuf::from("the CSR"), Box::new(csr)),
            None => Key::New(None),
        };
        Ok(issue::Request {
            names: self.identifiers.iter().map(|one| one.typed()).collect(),
            profile,
            spiffe: None,
            common_name: CommonName::FirstHost,
            start: self.not_before,
            end: self.not_after.map(End::At).or(lifetime.map(End::After)),
            key,
            base: Some(OsString::from("acme")),
            requested_by: format!("acme:{}", self.account),
            note: None,
            labels: Labels::default(),
        })
    }
}

/// Plans what an order asks for, to refuse early what cannot be issued.
///
/// # Errors
/// Why not, for each identifier.
pub(super) fn planned(core: &Core, new: &NewOrder, now: OffsetDateTime) -> Result<(), Problem> {
    check_times(new, now)?;
    let names: Vec<&Identifier> = new.identifiers.iter().collect();
    let Some(refused) = refusal(core, new, &names, now)? else {
        return Ok(());
    };
    if NOT_OF_A_NAME.contains(&refused.rule.as_str()) {
        return Err(Problem::malformed(refused.message));
    }
    let mut problems = Vec::new();
    for identifier in &new.identifiers {
        if let Some(refused) = refusal(core, new, &[identifier], now)? {
            problems.push(
                Problem::new(ProblemType::RejectedIdentifier, refused.message)
                    .about(identifier.clone()),
            );
        }
    }
    let of_all = || Problem::new(ProblemType::RejectedIdentifier, refused.message);
    Err(Problem::of_each(problems).unwrap_or_else(of_all))
}

fn refusal(
    core: &Core,
    new: &NewOrder,
    identifiers: &[&Identifier],
    now: OffsetDateTime,
) -> Result<Option<Refused>, Problem> {
    let ordered = Ordered {
        profile: &new.profile,
        identifiers: identifiers.to_vec(),
        not_before: new.not_before,
        not_after: new.not_after,
        lifetime: None,
        csr: None,
        account: "",
    };
    let plan = |request: issue::Request| -> Result<Outcome<Planned>, Error> {
        issue::plan(&request, &core.authority().signing.issuer, now)
    };
    match ordered.request(core).and_then(plan) {
        Ok(Outcome::Done(_)) => Ok(None),
        Ok(Outcome::Refused(refused)) => Ok(Some(refused)),
        Err(error) => Err(of_error(core, error)),
    }
}

/// What a request that the authority cannot plan or sign is for a client.
pub(super) fn of_error(core: &Core, error: Error) -> Problem {
    match core.failure(error) {
        Failure::Request(error) => Problem::malformed(error.to_string()),
        failure @ (Failure::Unavailable | Failure::Internal) => problem_of(&failure),
    }
}

/// Refuses times that no certificate of an order can have.
fn check_times(new: &NewOrder, now: OffsetDateTime) -> Result<(), Problem> {
    let (start, end) = (new.not_before, new.not_after);
    if let Some(start) = start.filter(|start| *start < now - BACKDATE) {
        let detail = format!("notBefore, {}, has passed", rfc3339(start));
        return Err(Problem::malformed(detail));
    }
    if let Some(end) = end.filter(|end| *end <= start.unwrap_or(now).max(now)) {
        let detail = format!(
            "notAfter, {}, has passed, or is not after notBefore",
            rfc3339(end)
        );
        return Err(Problem::malformed(detail));
    }
    Ok(())
}

fn within(profile: &Profile, lifetime: Lifetime) -> Lifetime {
    profile
        .max_lifetime
        .map_or(lifetime, |most| lifetime.min(most))
}

/// The rules of a profile that are not about names.
const NOT_OF_A_NAME: [&str; 2] = ["max_lifetime", "key_types"];
