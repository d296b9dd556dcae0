//! Enrollment: tokens, ACME accounts and orders, and the machines that enrolled over EST.

mod created;

use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect};
use axum::routing::{get, post};
use serde::Deserialize;
use time::OffsetDateTime;

use self::created::CreatedPage;
use super::page::{Confirmation, Moment, confirm, number};
use super::{Access, Answer, Change, Frame, Refusal, Tab, html};
use crate::authority::rotation::Rotation;
use crate::config::Config;
use crate::error::Error;
use crate::ops::enrollment::{self, Machine};
use crate::ops::refused::Outcome;
use crate::ops::token::{self, ListedToken, State as TokenState};
use crate::pki::certificate::Certificate;
use crate::pki::profile::NamePattern;
use crate::pki::validity::Lifetime;
use crate::server::acme::overview::{AccountSummary, OrderStatus, OrderSummary, accounts, orders};
use crate::server::core::Core;
use crate::store::Inventory;

/// What the address of the page asks for.
#[derive(Debug, Default, Deserialize)]
struct Asked {
    /// The serial number of the last machine of the page before.
    after: Option<String>,
}

/// Where it is.
pub(super) fn routes() -> Router<Arc<Core>> {
    Router::new()
        .route("/enrollment", get(page))
        .route("/enrollment/acme", get(acme))
        .route("/enrollment/tokens", post(create))
        .route("/enrollment/tokens/{id}/revoke", post(revoke))
}

/// The page.
async fn page(State(core): State<Arc<Core>>, access: Access, Query(asked): Query<Asked>) -> Answer {
    show(&core, access, asked, Form::default()).await
}

/// The part of the page about ACME, which renews itself.
async fn acme(State(core): State<Arc<Core>>, _: Access) -> Answer {
    let acme = core.read(|inventory, now| AcmePart::read(inventory, now));
    html(&AcmeTemplate { acme: acme.await? })
}

/// Creates a token, and shows its secret this once.
async fn create(State(core): State<Arc<Core>>, change: Change) -> Answer {
    let form = Form::of(&change);
    let request = match form.request(&core, &change.access) {
        Ok(request) => request,
        Err(problem) => return refused(&core, change.access, form, problem).await,
    };
    let created = core.write(move |inventory, now| token::create_in(inventory, &request, now));
    match created.await? {
        Outcome::Refused(why) => {
            refused(
                &core,
                change.access,
                form,
                format!("{}: {}", why.message, why.hint),
            )
            .await
        }
        Outcome::Done(token) => html(&CreatedPage::new(
            Frame::new(&core, change.access, Tab::Enrollment, "Token created"),
            &token,
            core.settings().acme.enabled,
            core.now(),
        )),
    }
}

/// Revokes a token, once that is confirmed.
async fn revoke(State(core): State<Arc<Core>>, Path(id): Path<String>, change: Change) -> Answer {
    let named = format!("revoke token {id}");
    if !change.is_confirmed(&named) {
        let known = id.clone();
        let known = core.read(move |inventory, _| Ok(token::Token::find(inventory, &known)?));
        let known = known.await?.ok_or(Refusal::NotFound("token"))?;
        let names: Vec<String> = known.names().iter().map(ToString::to_string).collect();
        let confirmation = Confirmation {
            question: "Revoke this token?".into(),
            consequences: vec![
                format!("Token {id} is for {}.", names.join(", ")),
                "No machine can enroll with it any more, and the orders of its ACME accounts are not finalized.".into(),
                "Certificates that it was used for stay valid. To end those, revoke them as well.".into(),
            ],
            action: format!("/enrollment/tokens/{id}/revoke"),
            button: "Revoke the token",
            back: "/enrollment".into(),
            change: &named,
        };
        return confirm(&core, Tab::Enrollment, &change, confirmation);
    }
    core.write(move |inventory, now| token::revoke_in(inventory, &id, now))
        .await?;
    Ok(Redirect::to("/enrollment#tokens").into_response())
}

/// The page again, with what is wrong with the form.
async fn refused(core: &Core, access: Access, form: Form, problem: String) -> Answer {
    let form = Form { problem, ..form };
    let page = show(core, access, Asked::default(), form).await?;
    Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
}

async fn show(core: &Core, access: Access, asked: Asked, form: Form) -> Answer {
    let new_root = new_root(core).await?;
    let config = core.config();
    let is_rotating = new_root.is_some();
    let read = move |inventory: &dyn Inventory, now| {
        let tokens = token::list_in(inventory, now)?.tokens;
        let after = asked.after.as_deref();
        let mut machines = enrollment::machines(inventory, after, MACHINES + 1)?;
        let has_more = machines.len() > MACHINES;
        machines.truncate(MACHINES);
        let last = machines
            .last()
            .map(|machine| machine.fetch.serial.to_string());
        let machines = machines
            .into_iter()
            .map(|machine| MachineRow::of(machine, new_root.as_ref(), now));
        Ok((
            tokens
                .iter()
                .map(|token| TokenRow::of(token, now))
                .collect(),
            machines.collect(),
            last.filter(|_| has_more),
            AcmePart::read(inventory, now)?,
        ))
    };
    let (tokens, machines, last, acme): (Vec<TokenRow>, _, Option<String>, _) =
        core.read(read).await?;
    html(&EnrollmentPage {
        usable: tokens.iter().filter(|token| token.is_live).count(),
        profiles: profiles(&config),
        next: last.map_or_else(String::new, |last| {
            format!("/enrollment?after={last}#machines")
        }),
        frame: Frame::new(core, access, Tab::Enrollment, "Enrollment"),
        form,
        tokens,
        acme,
        machines,
        is_rotating,
    })
}

/// The new root, while one is taking the place of another.
async fn new_root(core: &Core) -> Result<Option<Certificate>, Refusal> {
    if core.authority().beside.is_none() {
        return Ok(None);
    }
    let directory = core.directory().to_owned();
    let rotation = core.compute(move || Rotation::read(&directory));
    Ok(rotation.await?.into_new_root())
}

/// The profiles that a token can be for.
fn profiles(config: &Config) -> Vec<String> {
    let is_of_end_entity = |name: &&str| {
        let profile = config.profile(name);
        profile.is_ok_and(|profile| profile.purpose.end_entity().is_some())
    };
    let names = config.names().into_iter().filter(is_of_end_entity);
    names.map(str::to_owned).collect()
}

#[derive(Template)]
#[template(path = "enrollment.html")]
struct EnrollmentPage {
    frame: Frame,
    form: Form,
    profiles: Vec<String>,
    tokens: Vec<TokenRow>,
    /// How many tokens can still be used.
    usable: usize,
    acme: AcmePart,
    machines: Vec<MachineRow>,
    /// Where the next machines are; empty for nowhere.
    next: String,
    is_rotating: bool,
}

/// The fields of the form that creates a token, as they were sent.
struct Form {
    names: String,
    profile: String,
    ttl: String,
    uses: String,
    certificate_ttl: String,
    /// What is wrong with them; empty for nothing.
    problem: String,
}

impl Default for Form {
    fn default() -> Self {
        Form {
            names: String::new(),
            profile: "client".into(),
            ttl: "1h".into(),
            uses: "1".into(),
            certificate_ttl: String::new(),
            problem: String::new(),
        }
    }
}

impl Form {
    fn of(change: &Change) -> Self {
        let one = |name| change.fields.one(name).unwrap_or_default().to_owned();
        Form {
            names: one("names"),
            profile: one("profile"),
            ttl: one("ttl"),
            uses: one("uses"),
            certificate_ttl: one("certificate_ttl"),
            problem: String::new(),
        }
    }

    /// The token that is asked for, or what is wrong.
    fn request(&self, core: &Core, access: &Access) -> Result<token::Request, String> {
        let is_between = |c: char| c.is_whitespace() || c == ',';
        let names = self.names.split(is_between).filter(|name| !name.is_empty());
        let names: Result<Vec<NamePattern>, _> = names.map(str::parse).collect();
        let names = names.map_err(|error| error.to_string())?;
        if names.is_empty() {
            return Err("enter at least one name that the token permits".into());
        }
        let lifetime = |text: &str| text.parse::<Lifetime>().map_err(|error| error.to_string());
        let uses: u64 = self.uses.parse().unwrap_or(0);
        if uses == 0 {
            return Err("the number of uses is a number from 1".into());
        }
        let certificate_lifetime = Some(&*self.certificate_ttl).filter(|text| !text.is_empty());
        Ok(token::Request {
            directory: core.directory().to_owned(),
            names,
            profile: self.profile.clone(),
            lifetime: lifetime(&self.ttl)?,
            uses,
            certificate_lifetime: certificate_lifetime.map(lifetime).transpose()?,
            url: Some(core.settings().public_url.clone()),
            requested_by: access.who.clone(),
        })
    }
}

struct TokenRow {
    id: String,
    names: String,
    profile: String,
    tone: &'static str,
    state: &'static str,
    uses: String,
    expires: Moment,
    created_by: String,
    is_live: bool,
}

impl TokenRow {
    fn of(token: &ListedToken, now: OffsetDateTime) -> Self {
        let names: Vec<String> = token.names.iter().map(ToString::to_string).collect();
        TokenRow {
            id: token.id.clone(),
            names: names.join(", "),
            profile: token.profile.clone(),
            tone: match token.state {
                TokenState::Usable => "good",
                TokenState::UsedUp | TokenState::Expired => "plain",
                TokenState::Revoked => "bad",
            },
            state: token.state.words(),
            uses: format!("{} of {}", number(token.used), number(token.uses)),
            expires: Moment::new(token.expires_at, now),
            created_by: token.created_by.clone(),
            is_live: matches!(token.state, TokenState::Usable | TokenState::UsedUp),
        }
    }
}

/// A machine that enrolled, and which trust anchors it has.
struct MachineRow {
    serial: String,
    name: String,
    profile: String,
    expires: Option<Moment>,
    fetched: Option<Moment>,
    has_new_root: bool,
}

impl MachineRow {
    fn of(machine: Machine, new_root: Option<&Certificate>, now: OffsetDateTime) -> Self {
        let Machine { fetch, entry } = machine;
        let entry = entry.as_ref();
        let name = entry.map(|entry| match entry.names.first() {
            Some(name) => name.value().into_owned(),
            None => entry.subject.to_string(),
        });
        MachineRow {
            name: name.unwrap_or_default(),
            profile: entry.map(|entry| entry.profile.clone()).unwrap_or_default(),
            expires: entry.map(|entry| Moment::new(entry.validity.not_after(), now)),
            fetched: fetch.fetched_at.map(|at| Moment::new(at, now)),
            has_new_root: new_root.is_some_and(|root| fetch.contains(root)),
            serial: fetch.serial.to_string(),
        }
    }
}

#[derive(Template)]
#[template(path = "acme.html")]
struct AcmeTemplate {
    acme: AcmePart,
}

/// ACME accounts and orders.
struct AcmePart {
    orders: Vec<OrderRow>,
    failed: usize,
    accounts: Vec<AccountRow>,
    /// Whether there are more orders and accounts than are shown.
    has_more: bool,
}

struct OrderRow {
    order: OrderSummary,
    tone: &'static str,
    names: String,
    created: Moment,
}

struct AccountRow {
    account: AccountSummary,
    contact: String,
    created: Moment,
}

impl AcmePart {
    fn read(inventory: &dyn Inventory, now: OffsetDateTime) -> Result<Self, Error> {
        let (mut accounts, has_more_accounts) = accounts(inventory)?;
        let (mut orders, has_more_orders) = orders(inventory, now)?;
        let has_more =
            has_more_accounts || has_more_orders || accounts.len() > SHOWN || orders.len() > SHOWN;
        accounts.truncate(SHOWN);
        let failed = orders
            .iter()
            .filter(|order| order.problem.is_some())
            .count();
        orders.truncate(SHOWN);
        let orders = orders.into_iter().map(|order| OrderRow {
            names: order.names.join(", "),
            created: Moment::new(order.created_at, now),
            tone: match order.status {
                OrderStatus::Pending | OrderStatus::Ready => "plain",
                OrderStatus::Valid => "good",
                OrderStatus::Invalid => "bad",
            },
            order,
        });
        let accounts = accounts.into_iter().map(|account| AccountRow {
            contact: account.contact.join(", "),
            created: Moment::new(account.created_at, now),
            account,
        });
        Ok(AcmePart {
            orders: orders.collect(),
            failed,
            accounts: accounts.collect(),
            has_more,
        })
    }
}

/// How many orders, and how many accounts, a page has.
const SHOWN: usize = 50;
/// How many machines a page has.
const MACHINES: usize = 50;
