//! Certificates as files.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{Path, Query, State};
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use hyper::body::Frame;
use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::detail::{chain_of, find};
use super::query::ListQuery;
use crate::authority::pem_of;
use crate::ops::list::{CSV_COLUMNS, Listed, csv_line};
use crate::pki::bundle::certificates_only;
use crate::pki::certificate::Certificate;
use crate::server::core::Core;
use crate::server::dashboard::{Access, Answer, Refusal};
use crate::store::Search;

/// A certificate, or its chain, as a file.
pub(super) async fn file(
    State(core): State<Arc<Core>>,
    _access: Access,
    Path((serial, name)): Path<(String, String)>,
) -> Answer {
    let entry = find(&core, &serial).await?;
    let authority = core.authority();
    let (above, _) = chain_of(&authority, &entry);
    let der = entry.certificate.as_slice();
    let chain = || std::iter::once(der).chain(above.iter().map(Certificate::as_der));
    let pem = |text: Result<String, _>| text.map(String::into_bytes);
    let (kind, content) = match name.as_str() {
        "certificate.pem" => ("application/x-pem-file", pem(pem_of([der]))),
        "certificate.crt" => ("application/pkix-cert", Ok(der.to_vec())),
        "chain.pem" => ("application/x-pem-file", pem(pem_of(chain()))),
        "chain.p7c" => ("application/pkcs7-mime", Ok(certificates_only(chain()))),
        _ => return Err(Refusal::NotFound("file")),
    };
    let content = content.map_err(|error| core.failure(error))?;
    let plain = entry.serial.to_string().replace(':', "").to_lowercase();
    let (_, end) = name.rsplit_once('.').unwrap_or_default();
    Ok(attachment(
        kind,
        &format!("{plain}.{end}"),
        Body::from(content),
    ))
}

/// The certificates of the list as CSV.
pub(super) async fn csv(
    State(core): State<Arc<Core>>,
    _access: Access,
    Query(query): Query<ListQuery>,
) -> Answer {
    let search = Search {
        from: None,
        is_before: false,
        ..query.search()?
    };
    let body = streamed(move |to| write_csv(core, search, to));
    Ok(attachment(
        "text/csv; charset=utf-8",
        "certificates.csv",
        body,
    ))
}

/// Writes pages, each read when the client has taken those before it.
async fn write_csv(core: Arc<Core>, mut search: Search, to: Sender<Chunk>) {
    let mut text = csv_line(CSV_COLUMNS);
    search.filter.limit = Some(PAGE);
    loop {
        let asked = search.clone();
        let page = core.read(move |inventory, now| {
            let page = inventory.page(&asked, now)?;
            let last = page.last().map(|(place, _)| place.clone());
            let listed = page.into_iter().map(|(_, entry)| Listed::of(entry, now));
            let lines: String = listed.map(|one| csv_line(one.csv_fields())).collect();
            Ok((last, lines))
        });
        let chunk = match page.await {
            Ok((last, lines)) => {
                text.push_str(&lines);
                search.from = last;
                Ok(std::mem::take(&mut text).into())
            }
            // A file that is not whole must not look so: the connection breaks.
            Err(_) => Err(std::io::Error::other("the inventory cannot be read")),
        };
        let is_over = chunk.is_err() || search.from.is_none();
        if to.send(chunk).await.is_err() || is_over {
            return;
        }
    }
}

/// A file to keep.
pub(in crate::server::dashboard) fn attachment(
    kind: &'static str,
    name: &str,
    body: Body,
) -> Response {
    let disposition = format!("attachment; filename=\"{name}\"");
    let headers = [
        (header::CONTENT_TYPE, kind.to_owned()),
        (header::CONTENT_DISPOSITION, disposition),
    ];
    (headers, body).into_response()
}

/// A body whose parts are made while it is sent.
pub(in crate::server::dashboard) fn streamed<F>(make: impl FnOnce(Sender<Chunk>) -> F) -> Body
where
    F: Future<Output = ()> + Send + 'static,
{
    let (to, parts) = channel(2);
    tokio::spawn(make(to));
    Body::new(Streamed(parts))
}

/// A part, or why there is no more.
pub(in crate::server::dashboard) type Chunk = Result<Bytes, std::io::Error>;

struct Streamed(Receiver<Chunk>);

impl HttpBody for Streamed {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        let part = self.0.poll_recv(context);
        part.map(|part| part.map(|part| part.map(Frame::data)))
    }
}

const PAGE: usize = 1_000;
