//! Why an ACME server did not do what it was asked.

use time::OffsetDateTime;

use super::Problem;
use crate::net::https::HttpsError;
use crate::pki::escape::Escaped;
use crate::pki::validity::rfc3339;

/// Why an ACME server did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum AcmeError {
    /// There is no answer.
    #[error(transparent)]
    Https(#[from] HttpsError),
    /// The URL is not that of an ACME directory.
    #[error("{}: not an ACME directory: {}", Escaped(url), Escaped(reason))]
    NotADirectory {
        /// The URL.
        url: String,
        /// What is there instead.
        reason: String,
    },
    /// The server refuses.
    #[error("{}: refused: {problem}", Escaped(server))]
    Refused {
        /// The server.
        server: String,
        /// Why.
        problem: Problem,
    },
    /// The server's rate limit is exceeded.
    #[error("{}: rate limit exceeded until {}: {}", Escaped(server), rfc3339(*until), Escaped(detail))]
    RateLimited {
        /// The server.
        server: String,
        /// When it may be asked again.
        until: OffsetDateTime,
        /// What it says.
        detail: String,
    },
    /// The server rejects every nonce.
    #[error("{}: rejected {times} nonces in a row", Escaped(server))]
    Nonces {
        /// The server.
        server: String,
        /// How many.
        times: usize,
    },
    /// The server failed.
    #[error("{}: failed with status {status}{}", Escaped(url), after(*retry_after))]
    Failed {
        /// The URL.
        url: String,
        /// The status code.
        status: u16,
        /// When to ask again.
        retry_after: Option<OffsetDateTime>,
    },
    /// An answer that does not follow RFC 8555.
    #[error("{}: malformed answer: {}", Escaped(url), Escaped(reason))]
    Malformed {
        /// The URL.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Control of a name was not proven.
    #[error("{}: validation by {challenge} failed: {problem}", Escaped(name))]
    Validation {
        /// The name.
        name: String,
        /// The challenge.
        challenge: String,
        /// Why.
        problem: Problem,
    },
    /// The server did not finish in time.
    #[error("{}: {what} is not done after {waited} s", Escaped(server))]
    Unfinished {
        /// The server.
        server: String,
        /// What was waited for.
        what: &'static str,
        /// How long.
        waited: u64,
    },
}

impl AcmeError {
    /// Its stable name.
    pub fn code(&self) -> &'static str {
        match self {
            AcmeError::Https(HttpsError::Untrusted { .. }) => "acme-untrusted",
            AcmeError::Https(_) => "acme-unreachable",
            AcmeError::NotADirectory { .. } => "acme-directory",
            AcmeError::Refused { .. } => "acme-refused",
            AcmeError::RateLimited { .. } => "acme-rate-limited",
            AcmeError::Nonces { .. } => "acme-nonce",
            AcmeError::Failed { .. } => "acme-failed",
            AcmeError::Malformed { .. } => "acme-malformed",
            AcmeError::Validation { .. } => "acme-validation",
            AcmeError::Unfinished { .. } => "acme-unfinished",
        }
    }

    /// Whether it is the server's answer, and that answer is no.
    pub fn is_refusal(&self) -> bool {
        match self {
            AcmeError::Refused { .. }
            | AcmeError::RateLimited { .. }
            | AcmeError::Validation { .. } => true,
            AcmeError::Https(_)
            | AcmeError::NotADirectory { .. }
            | AcmeError::Nonces { .. }
            | AcmeError::Failed { .. }
            | AcmeError::Malformed { .. }
            | AcmeError::Unfinished { .. } => false,
        }
    }

    /// Whether the request may have been carried out all the same.
    pub fn is_outcome_unknown(&self) -> bool {
        match self {
            AcmeError::Https(error) => error.is_answer_lost(),
            AcmeError::Failed { .. } | AcmeError::Malformed { .. } => true,
            AcmeError::NotADirectory { .. }
            | AcmeError::Refused { .. }
            | AcmeError::RateLimited { .. }
            | AcmeError::Nonces { .. }
            | AcmeError::Validation { .. }
            | AcmeError::Unfinished { .. } => false,
        }
    }

    /// The type of the server's problem, such as `alreadyReplaced`.
    pub fn problem_code(&self) -> Option<&str> {
        match self {
            AcmeError::Refused { problem, .. } | AcmeError::Validation { problem, .. } => {
                Some(problem.code())
            }
            AcmeError::RateLimited { .. } => Some("rateLimited"),
            AcmeError::Https(_)
            | AcmeError::NotADirectory { .. }
            | AcmeError::Nonces { .. }
            | AcmeError::Failed { .. }
            | AcmeError::Malformed { .. }
            | AcmeError::Unfinished { .. } => None,
        }
    }

    /// When the server wants to be asked again.
    pub fn retry_after(&self) -> Option<OffsetDateTime> {
        match self {
            AcmeError::RateLimited { until, .. } => Some(*until),
            AcmeError::Failed { retry_after, .. } => *retry_after,
            AcmeError::Https(_)
            | AcmeError::NotADirectory { .. }
            | AcmeError::Refused { .. }
            | AcmeError::Nonces { .. }
            | AcmeError::Malformed { .. }
            | AcmeError::Validation { .. }
            | AcmeError::Unfinished { .. } => None,
        }
    }

    /// How to fix it.
    pub fn hint(&self) -> String {
        match self {
            AcmeError::Https(error) => error.hint(),
            AcmeError::NotADirectory { .. } => {
                "give the URL of the directory with `--server`, such as https://acme.example.org/directory".into()
            }
            AcmeError::Refused { problem, .. } => refusal_hint(problem.code()).into(),
            AcmeError::RateLimited { .. } => {
                "wait until then; try things out with `--server letsencrypt-staging`".into()
            }
            AcmeError::Nonces { .. } => {
                "the server is at fault; run the same command again later, it continues where it stopped".into()
            }
            AcmeError::Failed { .. } | AcmeError::Malformed { .. } | AcmeError::Unfinished { .. } => {
                "run the same command again later; it continues where it stopped".into()
            }
            AcmeError::Validation { challenge, problem, .. } => {
                validation_hint(challenge, problem.code()).into()
            }
        }
    }
}

fn after(retry_after: Option<OffsetDateTime>) -> String {
    retry_after.map_or(String::new(), |at| {
        format!(", and asks to wait until {}", rfc3339(at))
    })
}

fn refusal_hint(code: &str) -> &'static str {
    match code {
        "externalAccountRequired" => {
            "give the external account of the CA with `--eab-kid K --eab-key-file FILE`"
        }
        "accountDoesNotExist" => {
            "the server does not know this account; create a new one with `openagents-certs acme account deactivate --forget`"
        }
        "unauthorized" => {
            "check the account with `openagents-certs acme account show`, and the external account with `--eab-kid` and `--eab-key-file`"
        }
        "caa" => "add a CAA record that permits this CA, or choose another `--server`",
        "rejectedIdentifier" | "unsupportedIdentifier" => {
            "request only names that this CA certifies"
        }
        "invalidProfile" => "choose another `--profile`, or leave it out",
        "invalidContact" | "unsupportedContact" => "give another address with `--email`",
        "badCSR" | "badPublicKey" => "choose another `--key-type`, such as p256",
        "userActionRequired" => "read what the server asks for, and do it in its web interface",
        _ => "change the request as the server says, and run the command again",
    }
}

fn validation_hint(challenge: &str, code: &str) -> &'static str {
    match (challenge, code) {
        (_, "caa") => "add a CAA record that permits this CA, or choose another `--server`",
        (_, "dns") if challenge != "dns-01" => {
            "check that the name resolves to this machine, seen from the CA"
        }
        ("http-01", _) => {
            "check that the CA reaches port 80 of the name, and that it leads to `--http-01` or the webroot"
        }
        ("tls-alpn-01", _) => {
            "check that the CA reaches port 443 of the name, and that it leads to `--tls-alpn-01`"
        }
        ("dns-01", _) => {
            "check that the hook publishes the TXT record before it ends, or wait for it with `--dns-01-wait 60s`"
        }
        _ => "choose another challenge",
    }
}
