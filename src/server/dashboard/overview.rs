//! The overview: what needs attention.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;

use super::page::number;
use super::{Access, Answer, Frame, Tab, html};
use crate::server::core::Core;
use crate::store::Counts;

/// The page.
pub(super) async fn page(State(core): State<Arc<Core>>, access: Access) -> Answer {
    let counts = core.read(|inventory, now| Ok(inventory.counts(now)?));
    let counts = counts.await?;
    html(&OverviewPage {
        frame: Frame::new(&core, access, Tab::Overview, "Overview"),
        counts,
    })
}

#[derive(Template)]
#[template(path = "overview.html")]
struct OverviewPage {
    frame: Frame,
    counts: Counts,
}
