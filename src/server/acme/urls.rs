//! Where the resources are.

use crate::config::ChallengeType;

/// The URLs of the server as one client sees it.
#[derive(Clone, Debug)]
pub(super) struct Urls {
    base: String,
    /// As the client addressed it, when that is another name of the server.
    requested: Option<String>,
}

impl Urls {
    /// Those below the server's public URL, and below the host that the client addressed.
    pub(super) fn new(public: &str, host: Option<&str>) -> Self {
        let requested = host.map(|host| format!("https://{host}"));
        Urls {
            requested: requested.filter(|requested| requested != public),
            base: public.to_owned(),
        }
    }

    /// The URL of a path.
    pub(super) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// The path of a URL of this server.
    pub(super) fn path<'a>(&self, url: &'a str) -> Option<&'a str> {
        let bases = std::iter::once(&self.base).chain(&self.requested);
        let mut paths = bases.filter_map(|base| url.strip_prefix(base.as_str()));
        paths.find(|path| path.starts_with('/'))
    }

    /// The account that a URL is of.
    pub(super) fn account_id<'a>(&self, url: &'a str) -> Option<&'a str> {
        self.path(url)?.strip_prefix(ACCOUNT)
    }

    pub(super) fn account(&self, id: &str) -> String {
        self.url(&format!("{ACCOUNT}{id}"))
    }

    pub(super) fn orders(&self, account: &str) -> String {
        self.url(&format!("{ACCOUNT}{account}/orders"))
    }

    pub(super) fn order(&self, id: &str) -> String {
        self.url(&format!("/acme/order/{id}"))
    }

    pub(super) fn finalize(&self, order: &str) -> String {
        self.url(&format!("/acme/order/{order}/finalize"))
    }

    pub(super) fn authorization(&self, order: &str, index: usize) -> String {
        self.url(&format!("/acme/authorization/{order}/{index}"))
    }

    pub(super) fn challenge(&self, order: &str, index: usize, kind: ChallengeType) -> String {
        let kind = super::challenge::name(kind);
        self.url(&format!("/acme/challenge/{order}/{index}/{kind}"))
    }

    pub(super) fn certificate(&self, serial: &str) -> String {
        self.url(&format!("/acme/certificate/{serial}"))
    }
}

/// The path of an account, before its id.
const ACCOUNT: &str = "/acme/account/";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_of_this_server_by_either_name() {
        let urls = Urls::new("https://ca.example", Some("10.0.0.1:8443"));
        assert_eq!(urls.path("https://ca.example/acme/a"), Some("/acme/a"));
        assert_eq!(urls.path("https://10.0.0.1:8443/acme/a"), Some("/acme/a"));
        assert_eq!(
            urls.account_id("https://ca.example/acme/account/x"),
            Some("x")
        );
        for url in [
            "",
            "/acme/a",
            "http://ca.example/acme/a",
            "https://ca.example",
            "https://ca.example.org/acme/a",
            "https://ca.example:8443/acme/a",
        ] {
            assert_eq!(urls.path(url), None, "{url}");
        }
    }
}
