//! The OCSP responders of the authority's CAs.

use std::sync::{Arc, PoisonError, RwLock};

use time::OffsetDateTime;
use tokio::sync::Mutex;

use crate::authority::{Issuing, Signing};
use crate::ops::responder::Responder;
use crate::pki::certificate::Certificate;
use crate::pki::ocsp::CertId;
use crate::server::authority::Authority;
use crate::server::core::Core;
use crate::server::failure::Failure;

/// The responders, issued when they are needed and replaced when they are due or the authority is another.
#[derive(Default)]
pub(super) struct Responders {
    current: RwLock<Option<Arc<Set>>>,
    renewing: Mutex<()>,
}

/// The responders of one authority: of the CA that issues, then of the others.
pub(super) struct Set {
    authority: Arc<Authority>,
    responders: Vec<Arc<Responder>>,
}

impl Responders {
    /// The responders of the authority as it is now.
    ///
    /// # Errors
    /// When there are none, and none can be issued.
    pub(super) async fn of(&self, core: &Core) -> Result<Arc<Set>, Failure> {
        match self.current() {
            Some(set) if Arc::ptr_eq(&set.authority, &core.authority()) => Ok(set),
            Some(_) | None => self.renew(core).await,
        }
    }

    /// Issues responders for CAs that have none, and in the place of those that are due.
    ///
    /// # Errors
    /// When there are none, and none can be issued.
    pub(super) async fn renew(&self, core: &Core) -> Result<Arc<Set>, Failure> {
        let _renewing = self.renewing.lock().await;
        let (authority, now) = (core.authority(), core.now());
        let old = self.current();
        if let Some(old) = &old
            && Arc::ptr_eq(&old.authority, &authority)
            && !old.responders.iter().any(|responder| responder.is_due(now))
        {
            return Ok(Arc::clone(old));
        }
        let known = old
            .as_ref()
            .map_or(Vec::new(), |old| old.responders.clone());
        let of = Arc::clone(&authority);
        let issued = core.write(move |inventory, now| {
            let mut responders = Vec::new();
            let all = issuing(&of).into_iter().chain(each(&of.retired));
            for (place, issuing) in all.enumerate() {
                let known = known.iter().find(|known| known.is_of(issuing.signing));
                let responder = match known {
                    Some(known) if !known.is_due(now) => Ok(Arc::clone(known)),
                    Some(_) | None => {
                        let replaces = known.map(Arc::as_ref);
                        Responder::issue(&issuing, inventory, replaces, now).map(Arc::new)
                    }
                };
                match responder {
                    Ok(responder) => responders.push(responder),
                    // An old root may have expired; the one that issues has to answer.
                    Err(error) if place == 0 => return Err(error),
                    Err(_) => responders.extend(known.cloned()),
                }
            }
            Ok(responders)
        });
        let responders = match (issued.await, old) {
            (Ok(responders), _) => responders,
            (Err(_), Some(old)) if old.is_valid(now) => old.responders.clone(),
            (Err(failure), _) => return Err(failure),
        };
        let set = Arc::new(Set {
            authority,
            responders,
        });
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        *current = Some(Arc::clone(&set));
        Ok(set)
    }

    fn current(&self) -> Option<Arc<Set>> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        current.clone()
    }
}

impl Set {
    /// The responder for a certificate.
    pub(super) fn find(&self, id: &CertId<'_>) -> Option<&Arc<Responder>> {
        self.responders
            .iter()
            .find(|responder| responder.answers_for(id))
    }

    /// The one with the same CA as another.
    pub(super) fn in_place_of(&self, other: &Responder) -> Option<&Arc<Responder>> {
        let mut all = self.responders.iter();
        all.find(|responder| responder.authority() == other.authority())
    }

    /// All of them.
    pub(super) fn all(&self) -> &[Arc<Responder>] {
        &self.responders
    }

    fn is_valid(&self, now: OffsetDateTime) -> bool {
        let mut all = self.responders.iter();
        all.all(|responder| responder.certificate().not_after() > now)
    }
}

/// The CAs of an authority that sign revocation lists, the one that issues first.
pub(super) fn issuing(authority: &Authority) -> Vec<Issuing<'_>> {
    let own = Issuing {
        certificate: &authority.certificate,
        signing: &authority.signing,
    };
    std::iter::once(own)
        .chain(each(&authority.beside))
        .collect()
}

fn each<'a>(
    all: impl IntoIterator<Item = &'a (Certificate, Signing)>,
) -> impl Iterator<Item = Issuing<'a>> {
    all.into_iter().map(|(certificate, signing)| Issuing {
        certificate,
        signing,
    })
}
