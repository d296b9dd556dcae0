//! Accounts and orders as an operator sees them.

use time::OffsetDateTime;

use super::account::{Account, AccountStatus};
use super::document::{Storable, Stored};
use super::order::{LIFETIME, Order};
use crate::error::Error;
use crate::store::Inventory;

pub(in crate::server) use super::order::OrderStatus;

/// An account.
pub(in crate::server) struct AccountSummary {
    /// Its id.
    pub(in crate::server) id: String,
    /// Whether it can be used; its owner may have given it up.
    pub(in crate::server) is_valid: bool,
    /// Where its owner is reached: `mailto:` URLs.
    pub(in crate::server) contact: Vec<String>,
    /// The id of the token it is bound to, if it is.
    pub(in crate::server) token: Option<String>,
    /// When it was created.
    pub(in crate::server) created_at: OffsetDateTime,
}

/// An order.
pub(in crate::server) struct OrderSummary {
    /// Its id.
    pub(in crate::server) id: String,
    /// The id of its account.
    pub(in crate::server) account: String,
    /// The names it is for.
    pub(in crate::server) names: Vec<String>,
    /// `pending`, `ready`, `valid` or `invalid` (RFC 8555 §7.1.6).
    pub(in crate::server) status: OrderStatus,
    /// When it was created.
    pub(in crate::server) created_at: OffsetDateTime,
    /// The serial number of its certificate, if it was issued.
    pub(in crate::server) serial: Option<String>,
    /// Why it failed, if it did.
    pub(in crate::server) problem: Option<String>,
}

/// Accounts, the newest first, and whether there are more than were looked at: at most [`MAX_LOOKED_AT`].
///
/// # Errors
/// When the store cannot be read, or holds something else.
pub(in crate::server) fn accounts(
    inventory: &dyn Inventory,
) -> Result<(Vec<AccountSummary>, bool), Error> {
    let (stored, has_more) = first::<Account>(inventory)?;
    let summary = |Stored { id, value, .. }: Stored<Account>| AccountSummary {
        id,
        is_valid: value.status == AccountStatus::Valid,
        contact: value.contact,
        token: value.token,
        created_at: value.created_at,
    };
    let mut accounts: Vec<AccountSummary> = stored.into_iter().map(summary).collect();
    accounts.sort_by(|a, b| (b.created_at, &b.id).cmp(&(a.created_at, &a.id)));
    Ok((accounts, has_more))
}

/// Orders, those that failed first and then the newest, and whether there are more than were looked at: at most
/// [`MAX_LOOKED_AT`].
///
/// # Errors
/// When the store cannot be read, or holds something else.
pub(in crate::server) fn orders(
    inventory: &dyn Inventory,
    now: OffsetDateTime,
) -> Result<(Vec<OrderSummary>, bool), Error> {
    let (stored, has_more) = first::<Order>(inventory)?;
    let summary = |Stored {
                       id, owner, value, ..
                   }: Stored<Order>| OrderSummary {
        id,
        account: owner,
        names: value.identifiers().map(ToString::to_string).collect(),
        status: value.status(now),
        created_at: value.expires - LIFETIME,
        serial: value.serial().map(str::to_owned),
        problem: value.problem().map(|problem| problem.detail.into()),
    };
    let mut orders: Vec<OrderSummary> = stored.into_iter().map(summary).collect();
    orders.sort_by(|a, b| {
        let key = |order: &OrderSummary| (order.problem.is_some(), order.created_at);
        key(b).cmp(&key(a)).then_with(|| a.id.cmp(&b.id))
    });
    Ok((orders, has_more))
}

/// The first values of a kind, by id.
fn first<T: Storable>(inventory: &dyn Inventory) -> Result<(Vec<Stored<T>>, bool), Error> {
    let mut documents = inventory.documents(T::KIND, None, None, MAX_LOOKED_AT + 1)?;
    let has_more = documents.len() > MAX_LOOKED_AT;
    documents.truncate(MAX_LOOKED_AT);
    let stored: Result<_, Error> = documents.into_iter().map(Stored::read).collect();
    Ok((stored?, has_more))
}

/// How many accounts, and how many orders, are read for a page.
pub(in crate::server) const MAX_LOOKED_AT: usize = 1_000;
