//! Who is signed in by a link. It is also an example of a page, and of a change that is confirmed.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse as _, Redirect};

use super::page::{Confirmation, Moment};
use super::{Access, Answer, Change, Frame, Refusal, confirm, html};
use crate::ops::dashboard::{self, Session};
use crate::server::core::Core;

/// The page.
pub(super) async fn page(State(core): State<Arc<Core>>, access: Access) -> Answer {
    let list = core.read(dashboard::sessions_in).await?;
    let now = core.now();
    let rows = list.sessions.into_iter().map(|session| Row {
        is_own: access.credential == format!("session {}", session.id),
        began: Moment::new(session.created_at, now),
        ends: Moment::new(session.expires_at, now),
        session,
    });
    let rows = rows.collect();
    html(&SessionsPage {
        frame: Frame::new(&core, access, None, "Sessions"),
        rows,
    })
}

/// Ends a session.
pub(super) async fn end(State(core): State<Arc<Core>>, change: Change) -> Answer {
    let Some(id) = change.fields.one("id").map(str::to_owned) else {
        return Err(Refusal::NotFound("session"));
    };
    let name = format!("end session {id}");
    if !change.is_confirmed(&name) {
        let confirmation = Confirmation {
            question: "End this session?".into(),
            consequences: vec![format!(
                "The browser with session {id} is signed out. Its next request needs a new link."
            )],
            action: "/sessions/end".into(),
            button: "End session",
            back: "/sessions".into(),
            change: &name,
        };
        return confirm(&core, None, &change, confirmation);
    }
    let ended = core.write(move |inventory, _| dashboard::end_session_in(inventory, &id));
    ended.await?;
    Ok(Redirect::to("/sessions").into_response())
}

struct Row {
    session: Session,
    began: Moment,
    ends: Moment,
    is_own: bool,
}

#[derive(Template)]
#[template(path = "sessions.html")]
struct SessionsPage {
    frame: Frame,
    rows: Vec<Row>,
}
