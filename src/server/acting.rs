//! Who makes a request, for the audit trail.
//!
//! What runs for a request knows it without being told: a handler says who it is once it has verified that, and
//! every job that it lets the inventory do counts as theirs.

use std::cell::RefCell;
use std::future::Future;
use std::net::IpAddr;
use std::sync::Arc;

use crate::store::Actor;

tokio::task_local! {
    static ACTOR: RefCell<Arc<Actor>>;
}

/// Does some work for whoever is at an address, and has not said yet who they are.
pub(super) async fn from_address<T>(address: IpAddr, work: impl Future<Output = T>) -> T {
    let actor = Actor {
        actor: "anonymous".into(),
        credential: String::new(),
        origin: address.to_string(),
    };
    scope(actor, work).await
}

/// Does some work for someone.
pub(in crate::server) async fn scope<T>(actor: Actor, work: impl Future<Output = T>) -> T {
    ACTOR.scope(RefCell::new(Arc::new(actor)), work).await
}

/// Notes who makes the request that is being answered, now that it is verified, and what proved it.
pub(in crate::server) fn identify(name: &str, credential: &str) {
    // Outside a request there is nobody to note.
    let _ = ACTOR.try_with(|actor| {
        let identified = Actor {
            actor: name.to_owned(),
            credential: credential.to_owned(),
            origin: actor.borrow().origin.clone(),
        };
        actor.replace(Arc::new(identified));
    });
}

/// Who makes the request that is being answered; `None` outside one.
pub(super) fn current() -> Option<Arc<Actor>> {
    ACTOR.try_with(|actor| Arc::clone(&actor.borrow())).ok()
}
