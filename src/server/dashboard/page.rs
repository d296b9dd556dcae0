//! What every page has: its frame, and values as they are shown.

use std::fmt::Display;

use askama::Template;
use axum::response::{Html, IntoResponse as _, Response};
use time::{Duration, OffsetDateTime};

use super::access::{Access, Change};
use super::assets;
use super::refusal::Refusal;
use crate::ops::Span;
use crate::pki::validity::rfc3339;
use crate::server::core::Core;
use crate::server::failure::Failure;

/// What a handler answers with.
pub(in crate::server) type Answer = Result<Response, Refusal>;

/// The frame of a page: a template that extends `layout.html` has it in its field `frame`.
#[derive(Debug)]
pub(in crate::server) struct Frame {
    /// The page's title and heading.
    pub(super) title: String,
    /// Where in the navigation the page is; `None` for a page that is not there.
    pub(super) tab: Option<Tab>,
    /// Who sees it.
    pub(super) access: Access,
    /// The server's host.
    pub(super) host: String,
    /// The start of the paths of assets.
    pub(super) assets: &'static str,
}

impl Frame {
    /// The frame of a page with this title.
    pub(in crate::server) fn new(
        core: &Core,
        access: Access,
        tab: impl Into<Option<Tab>>,
        title: impl Into<String>,
    ) -> Self {
        Frame {
            title: title.into(),
            tab: tab.into(),
            access,
            host: core.settings().public_url.host().to_owned(),
            assets: assets::base(),
        }
    }

    pub(super) fn tabs(&self) -> &'static [Tab] {
        Tab::ALL
    }

    pub(super) fn is_current(&self, tab: &Tab) -> bool {
        self.tab.as_ref() == Some(tab)
    }
}

/// A page of the navigation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::server) enum Tab {
    Overview,
    Certificates,
    Networks,
    Enrollment,
    Rotation,
    Audit,
}

impl Tab {
    const ALL: &'static [Tab] = &[
        Tab::Overview,
        Tab::Certificates,
        Tab::Networks,
        Tab::Enrollment,
        Tab::Rotation,
        Tab::Audit,
    ];

    /// Its path.
    pub(in crate::server) fn path(self) -> &'static str {
        match self {
            Tab::Overview => "/",
            Tab::Certificates => "/certificates",
            Tab::Networks => "/networks",
            Tab::Enrollment => "/enrollment",
            Tab::Rotation => "/rotation",
            Tab::Audit => "/audit",
        }
    }

    pub(super) fn label(self) -> &'static str {
        match self {
            Tab::Overview => "Overview",
            Tab::Certificates => "Certificates",
            Tab::Networks => "Networks",
            Tab::Enrollment => "Enrollment",
            Tab::Rotation => "Rotation",
            Tab::Audit => "Audit",
        }
    }
}

/// Renders a page, or a part of one.
///
/// # Errors
/// When a value cannot be written.
pub(in crate::server) fn html(template: &impl Template) -> Answer {
    let text = template.render();
    let text = text.map_err(|_| Refusal::Failure(Failure::Internal))?;
    Ok(Html(text).into_response())
}

/// A moment as pages show it: `{% call ui::moment(m) %}{% endcall %}`.
#[derive(Clone, Debug)]
pub(in crate::server) struct Moment {
    /// RFC 3339.
    pub(super) rfc3339: String,
    /// `2026-11-29 08:05 UTC`.
    pub(super) utc: String,
    /// `in 3 days 4 hours`, `2 hours ago`, or `now`.
    pub(super) relative: String,
}

impl Moment {
    /// A moment, as seen at `now`.
    pub(in crate::server) fn new(time: OffsetDateTime, now: OffsetDateTime) -> Self {
        let time = time.replace_nanosecond(0).unwrap_or(time);
        let rfc3339 = rfc3339(time);
        let left = time - now;
        let relative = match left.abs() < Duration::SECOND {
            true => "now".to_owned(),
            false if left.is_negative() => format!("{} ago", Span(left.abs())),
            false => format!("in {}", Span(left)),
        };
        let utc = rfc3339.get(..16).unwrap_or(&rfc3339).replace('T', " ");
        Moment {
            utc: format!("{utc} UTC"),
            rfc3339,
            relative,
        }
    }
}

/// A page that asks whether somebody means a change, without JavaScript: it sends the same form again, with
/// `confirmed`. See [`Change::is_confirmed`].
pub(in crate::server) struct Confirmation<'a> {
    /// The question, such as `Revoke agent-7.example.org?`
    pub(in crate::server) question: String,
    /// What will happen, as sentences.
    pub(in crate::server) consequences: Vec<String>,
    /// The path that the form goes to.
    pub(in crate::server) action: String,
    /// What the button says, a verb first.
    pub(in crate::server) button: &'a str,
    /// The path of the page to go back to.
    pub(in crate::server) back: String,
    /// As for [`Change::is_confirmed`].
    pub(in crate::server) change: &'a str,
}

/// Asks for confirmation of a change.
///
/// # Errors
/// As [`html`].
pub(in crate::server) fn confirm(
    core: &Core,
    tab: impl Into<Option<Tab>>,
    change: &Change,
    confirmation: Confirmation<'_>,
) -> Answer {
    let page = ConfirmationPage {
        confirmed: change.access.confirmation(confirmation.change),
        fields: change.fields.others(),
        frame: Frame::new(
            core,
            change.access.clone(),
            tab,
            confirmation.question.clone(),
        ),
        confirmation,
    };
    html(&page)
}

#[derive(Template)]
#[template(path = "confirm.html")]
struct ConfirmationPage<'a> {
    frame: Frame,
    confirmation: Confirmation<'a>,
    confirmed: String,
    fields: Vec<(String, String)>,
}

/// A number with thin spaces between its thousands.
pub(in crate::server) fn number(number: impl Display) -> String {
    let digits = number.to_string();
    let mut shown = String::with_capacity(digits.len() + 4);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            shown.push('\u{202f}');
        }
        shown.push(digit);
    }
    shown
}

/// A path with a query of the fields that are not empty.
pub(in crate::server) fn with_query(path: &str, fields: &[(&str, &str)]) -> String {
    let mut address = path.to_owned();
    let fields = fields.iter().filter(|(_, value)| !value.is_empty());
    for (at, (name, value)) in fields.enumerate() {
        address.push(if at == 0 { '?' } else { '&' });
        address.push_str(name);
        address.push('=');
        for byte in value.bytes() {
            match byte {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                    address.push(char::from(byte));
                }
                _ => address.push_str(&format!("%{byte:02X}")),
            }
        }
    }
    address
}
