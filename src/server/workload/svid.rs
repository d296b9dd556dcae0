//! X.509-SVIDs: issued for one connection, and replaced before they expire.

use std::sync::Arc;
use std::time::Duration;

use time::OffsetDateTime;

use super::state::Grant;
use crate::config::{DnsName, SVID, WorkloadEntry};
use crate::error::Error;
use crate::keys::{PrivateKey, random_bytes};
use crate::net::grpc::{Code, Status};
use crate::net::workload::messages::X509Svid;
use crate::ops::issue::{self, End, Key};
use crate::ops::refused::Outcome;
use crate::pki::certificate::Certificate;
use crate::pki::fingerprint::Fingerprint;
use crate::server::acting;
use crate::server::core::Core;
use crate::server::failure::Failure;
use crate::server::log::{Event, Level};
use crate::store::Actor;

/// An X.509-SVID that a process has.
#[derive(Clone)]
pub(super) struct Svid {
    /// What it was issued for.
    pub(super) grant: Arc<Grant>,
    /// What the process is told; the bundle is added when it is sent.
    pub(super) message: X509Svid,
    /// SHA-256 of its issuer's certificate.
    pub(super) issuer: Fingerprint,
    /// When it is to be replaced.
    pub(super) renew_at: OffsetDateTime,
    not_after: OffsetDateTime,
}

impl Svid {
    /// Issues one: a new key, a new certificate, recorded before it is given away. The key is nowhere else.
    pub(super) async fn issue(core: &Core, grant: &Arc<Grant>, uid: u32) -> Result<Self, Status> {
        let entry = &grant.entry;
        let authority = core.authority();
        let by = format!("uid-{uid}@workload");
        let actor = Actor {
            actor: by.clone(),
            credential: format!("uid:{uid}"),
            origin: "the workload socket".into(),
        };
        let request = request(core, entry, Key::New(None), by).map_err(|_| unavailable())?;
        let issued = match acting::scope(actor, core.issue(request, PROTOCOL)).await {
            Ok(Outcome::Done(issued)) => issued,
            Ok(Outcome::Refused(refused)) => {
                let message = format!("{}: {}", entry.spiffe_id, refused.message);
                core.log(Event {
                    level: Level::Error,
                    ..Event::new("svid refused", message, core.now())
                });
                return Err(unavailable());
            }
            Err(_) => return Err(unavailable()),
        };
        let issuer = issued.entry.issuer_fingerprint.clone();
        // The CA may have been replaced meanwhile.
        let authority = match authority.signing.fingerprint == issuer {
            true => authority,
            false => core.authority(),
        };
        let chain = authority.signing.chain().iter().map(Certificate::as_der);
        let mut certificates = issued.entry.certificate.clone();
        certificates.extend(chain.flatten());
        let key = issued.key.ok_or_else(unavailable)?;
        let times = (issued.entry.issued_at, issued.entry.validity.not_after());
        Svid::new(grant, certificates, &key, issuer, times).map_err(|error| failed(core, error))
    }

    /// One that was issued: its certificates, DER one after the other; its key; when it was issued and when it ends.
    pub(super) fn new(
        grant: &Arc<Grant>,
        certificates: Vec<u8>,
        key: &PrivateKey,
        issuer: Fingerprint,
        (issued_at, not_after): (OffsetDateTime, OffsetDateTime),
    ) -> Result<Self, Error> {
        Ok(Svid {
            message: X509Svid {
                spiffe_id: grant.spiffe_id().to_string(),
                x509_svid: certificates,
                x509_svid_key: key.pkcs8().to_vec(),
                bundle: Vec::new(),
                hint: grant.hint(),
            },
            grant: Arc::clone(grant),
            issuer,
            renew_at: renew_at(issued_at, not_after)?,
            not_after,
        })
    }

    /// Whether it can still be used.
    pub(super) fn is_valid(&self, now: OffsetDateTime) -> bool {
        now + LAST_MOMENT < self.not_after
    }
}

impl Drop for Svid {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.message.x509_svid_key);
    }
}

/// What is issued for an entry.
pub(super) fn request(
    core: &Core,
    entry: &WorkloadEntry,
    key: Key,
    requested_by: String,
) -> Result<issue::Request, Failure> {
    let profile = core.config().profile(SVID);
    let profile = profile.map_err(|error| core.failure(error.into()))?;
    let names = entry.dns.iter().map(DnsName::typed);
    Ok(issue::Request {
        spiffe: Some(entry.spiffe_id.clone()),
        end: Some(End::After(entry.ttl.lifetime())),
        key,
        base: Some(BASE.into()),
        requested_by,
        ..issue::Request::new(Arc::new(profile), names)
    })
}

/// Half of the lifetime, a tenth of it earlier or later, so that many do not come together; and before the end.
fn renew_at(issued_at: OffsetDateTime, not_after: OffsetDateTime) -> Result<OffsetDateTime, Error> {
    let lifetime = not_after - issued_at;
    let jitter = f64::from(u16::from_be_bytes(random_bytes()?)) / f64::from(u16::MAX);
    let at = issued_at + lifetime * (0.45 + 0.1 * jitter);
    Ok(at.min(not_after - LAST_MOMENT))
}

fn failed(core: &Core, error: Error) -> Status {
    // What went wrong is in the log.
    let _ = core.failure(error);
    unavailable()
}

/// What a process is told when it gets nothing for now.
pub(super) fn unavailable() -> Status {
    let message = "the authority cannot issue now; try again later";
    Status::new(Code::Unavailable, message)
}

/// As it is counted.
pub(super) const PROTOCOL: &str = "workload";
/// No file is written by this name.
const BASE: &str = "svid";
/// An SVID is replaced at least so long before it expires.
const LAST_MOMENT: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;
    use crate::pki::validity::{Lifetime, Validity};

    #[test]
    fn an_svid_is_replaced_around_half_of_its_lifetime_and_before_its_end() {
        let now = datetime!(2026-11-01 00:00 UTC);
        for (seconds, from, to) in [(60, 26, 34), (3_600, 1_619, 1_981), (3, 0, 1)] {
            let validity = Validity::starting(now, Lifetime::from_seconds(seconds)).unwrap();
            for _ in 0..50 {
                let at = (renew_at(now, validity.not_after()).unwrap() - now).whole_seconds();
                assert!((from..=to).contains(&at), "{seconds}: {at}");
            }
        }
    }
}
