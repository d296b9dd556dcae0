//! The style sheet, the script and the icon, each below the hash of them all, so that a browser keeps them for good.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};

use crate::ops::view;
use crate::pki::fingerprint::Fingerprint;

/// The start of the paths of all assets: `/assets/` and a hash.
pub(super) fn base() -> &'static str {
    &BASE
}

/// Answers with an asset.
pub(super) async fn asset(Path((hash, name)): Path<(String, String)>) -> Response {
    let is_current = BASE.strip_prefix("/assets/") == Some(&*hash);
    let asset = ASSETS.iter().find(|asset| asset.name == name && is_current);
    let Some(asset) = asset else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let headers = [
        (header::CONTENT_TYPE, asset.kind),
        (header::CACHE_CONTROL, FOR_GOOD),
    ];
    (
        headers,
        [(header::ETAG, format!("\"{hash}\""))],
        &*asset.content,
    )
        .into_response()
}

struct Asset {
    name: &'static str,
    kind: &'static str,
    content: String,
}

static ASSETS: LazyLock<[Asset; 3]> = LazyLock::new(|| {
    let asset = |name, kind, parts: &[&str]| Asset {
        name,
        kind,
        content: parts.concat(),
    };
    // The dashboard has all components of reports, and more.
    let style = [
        view::STYLE,
        include_str!("dashboard.css"),
        include_str!("operations.css"),
    ];
    let script = [
        include_str!("assets/htmx.min.js"),
        "\n",
        include_str!("dashboard.js"),
    ];
    let icon = include_str!("assets/icon.svg");
    [
        asset("dashboard.css", "text/css; charset=utf-8", &style),
        asset("dashboard.js", "text/javascript; charset=utf-8", &script),
        asset("icon.svg", "image/svg+xml", &[icon]),
    ]
});

static BASE: LazyLock<String> = LazyLock::new(|| {
    let all: String = ASSETS.iter().map(|asset| &*asset.content).collect();
    let hash = Fingerprint::sha256(all.as_bytes());
    let hash = hash.as_bytes().iter().take(8);
    hash.fold("/assets/".to_owned(), |path, byte| {
        format!("{path}{byte:02x}")
    })
});

const FOR_GOOD: &str = "public, max-age=31536000, immutable";
