//! The dashboard over HTTP: who is let in, who may change something, and what every answer says to the browser.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "helpers of tests"
)]

mod attacks;
mod browser;
mod certificates;
mod operators;
mod overview;
mod signing_in;

use std::path::PathBuf;

use crate::peer::{certs, scratch};
use crate::serve::{Client, Response, Server};

/// A server, and what signs in to it.
pub(crate) struct Scene {
    pub(crate) server: Server,
    pub(crate) directory: PathBuf,
}

impl Scene {
    /// A new authority with these settings.
    pub(crate) fn new(name: &str, settings: &str) -> Self {
        let directory = scratch(name);
        certs(&["ca", "init", "--quiet"], &directory);
        std::fs::write(directory.join("certs.toml"), settings).unwrap();
        let server = Server::start(&directory, &[]);
        Scene { server, directory }
    }

    /// The path of a new link.
    pub(crate) fn link(&self, role: &str) -> String {
        let url = certs(&["dashboard", "login", "--role", role], &self.directory);
        let at = url.find("/login/").unwrap();
        url[at..].trim().to_owned()
    }

    /// A browser that has signed in.
    pub(crate) fn browser(&self, role: &str) -> Browser {
        let client = self.server.client();
        let answer = client.get(&self.link(role));
        assert_eq!(answer.status, 303, "{}", answer.head);
        Browser {
            cookie: cookie(&answer),
            client,
        }
    }
}

/// A client with a session.
pub(crate) struct Browser {
    pub(crate) client: Client,
    pub(crate) cookie: String,
}

impl Browser {
    /// Sends GET.
    pub(crate) fn get(&self, path: &str) -> Response {
        get(&self.client, path, &[("Cookie", &self.cookie)])
    }

    /// Sends a form with the CSRF token of a page, as a browser does from there.
    pub(crate) fn post(&self, path: &str, fields: &str) -> Response {
        let token = csrf(&self.get("/"));
        self.post_as(path, &format!("csrf={token}&{fields}"), &OWN)
    }

    /// Sends a form as it is.
    pub(crate) fn post_as(&self, path: &str, body: &str, headers: &[(&str, &str)]) -> Response {
        let headers = [&[("Cookie", &*self.cookie)], headers].concat();
        post(&self.client, path, body, &headers)
    }
}

/// Sends GET with these headers.
pub(crate) fn get(client: &Client, path: &str, headers: &[(&str, &str)]) -> Response {
    let headers = lines(headers);
    client.send(
        &format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n"),
        &[],
    )
}

/// Sends a form with these headers.
pub(crate) fn post(client: &Client, path: &str, body: &str, headers: &[(&str, &str)]) -> Response {
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         Content-Length: {}\r\n{}\r\n",
        body.len(),
        lines(headers)
    );
    client.send(&head, body.as_bytes())
}

fn lines(headers: &[(&str, &str)]) -> String {
    let lines = headers.iter();
    lines
        .map(|(name, value)| format!("{name}: {value}\r\n"))
        .collect()
}

/// The cookie that an answer sets, as a request sends it.
pub(crate) fn cookie(answer: &Response) -> String {
    let cookie = answer.header("set-cookie").expect("a cookie");
    cookie.split(';').next().unwrap().to_owned()
}

/// The CSRF token of a page.
pub(crate) fn csrf(page: &Response) -> String {
    let text = page.text();
    let (_, rest) = text
        .split_once("name=\"csrf\" value=\"")
        .expect("a CSRF token");
    rest.split('"').next().unwrap().to_owned()
}

/// The headers that a browser sends with a form of this server.
pub(crate) const OWN: [(&str, &str); 2] = [
    ("Origin", "https://localhost"),
    ("Sec-Fetch-Site", "same-origin"),
];
