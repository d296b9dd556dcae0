//! Whether certificates are revoked: OCSP and revocation lists, over plain HTTP.
//!
//! Answers and lists are kept in memory. A task asks the store a few times in a second whether any revocation has
//! changed, whoever changed it: the number it asks for is one row, and PostgreSQL can send it instead.

mod cache;
mod lists;
mod ocsp;
mod responders;

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::http::HeaderValue;
use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use tokio::time::sleep;

use self::lists::Lists;
use self::ocsp::Ocsp;
use super::core::Core;

/// OCSP and the revocation lists, kept current from now on.
pub(super) fn routes(core: &Arc<Core>) -> Router<Arc<Core>> {
    let ocsp = Arc::new(Ocsp::new(core));
    let lists = Arc::new(Lists::new(core));
    tokio::spawn(follow(
        Arc::clone(core),
        Arc::clone(&ocsp),
        Arc::clone(&lists),
    ));
    tokio::spawn(Arc::clone(&lists).keep_current());
    tokio::spawn(Arc::clone(&ocsp).keep_current());
    Router::new()
        .merge(ocsp::routes(ocsp))
        .merge(lists::routes(lists))
}

/// Follows the version of all revocations in the store.
async fn follow(core: Arc<Core>, ocsp: Arc<Ocsp>, lists: Arc<Lists>) {
    let mut seen = None;
    loop {
        let started = Instant::now();
        let version = core.read(|inventory, _| Ok(inventory.revocation_version()?));
        let pause = match version.await {
            Ok(version) if seen == Some(version) => {
                ocsp.cache().confirm(started);
                PERIOD
            }
            Ok(_) => {
                lists.check();
                match ocsp.reconcile().await {
                    Ok(version) => {
                        seen = Some(version);
                        ocsp.cache().confirm(started);
                        PERIOD
                    }
                    Err(_) => PAUSE,
                }
            }
            // Without the store no answer is given from memory.
            Err(_) => PAUSE,
        };
        sleep(pause).await;
    }
}

/// A moment as HTTP writes it ([RFC 9110 §5.6.7](https://www.rfc-editor.org/rfc/rfc9110#section-5.6.7)).
fn http_date(moment: OffsetDateTime) -> HeaderValue {
    let text = moment.to_offset(time::UtcOffset::UTC).format(HTTP_DATE);
    text.ok()
        .and_then(|text| HeaderValue::from_str(&text).ok())
        .unwrap_or(HeaderValue::from_static("Thu, 01 Jan 1970 00:00:00 GMT"))
}

/// Whether one of the entity tags of If-None-Match is this one, weak or not.
fn has_tag(header: &HeaderValue, tag: &HeaderValue) -> bool {
    let (Ok(all), Ok(tag)) = (header.to_str(), tag.to_str()) else {
        return false;
    };
    let mut all = all.split(',').map(str::trim);
    all.any(|one| one == "*" || one.strip_prefix("W/").unwrap_or(one) == tag)
}

const HTTP_DATE: &[BorrowedFormatItem<'_>] = format_description!(
    "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"
);

/// How often the store is asked.
const PERIOD: Duration = Duration::from_millis(250);
/// How long it is left alone when it does not answer.
const PAUSE: Duration = Duration::from_secs(2);
