//! What an error can mean: data.

use serde::Serialize;

/// A meaning that error texts of several programs have.
#[derive(Debug)]
pub(super) struct Topic {
    /// Its stable name.
    pub(super) id: &'static str,
    /// How much it tells.
    pub(super) telling: Telling,
    /// What it means: a sentence.
    pub(super) meaning: &'static str,
    /// What may have led to it, the likeliest first.
    pub(super) causes: &'static [Cause],
    /// Commands that tell more or mend it; names in braces stand for what was given, see `fill`.
    pub(super) next: &'static [&'static str],
}

/// How much a text tells, the most first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Telling {
    /// It names the fault.
    Cause,
    /// It says that the other side refused, or who gave up, but not why.
    Symptom,
    /// It says only that something failed.
    Wrapper,
}

/// One of the things that lead to an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Cause {
    /// The finding that shows it, where a check can.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finding: Option<&'static str>,
    /// What it is: a clause.
    pub message: &'static str,
}

/// A cause that a check finds.
pub(super) const fn found(finding: &'static str, message: &'static str) -> Cause {
    Cause {
        finding: Some(finding),
        message,
    }
}

/// A cause that lies outside of certificates.
pub(super) const fn outside(message: &'static str) -> Cause {
    Cause {
        finding: None,
        message,
    }
}

/// Who printed a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// The side that dials.
    Client,
    /// The side that listens.
    Server,
    /// It does not show.
    Either,
}

/// The program or library that printed a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stack {
    /// gRPC in C++, Python, Ruby and PHP, over BoringSSL.
    GrpcCore,
    /// gRPC in Node.
    GrpcJs,
    /// tonic, hyper and reqwest over rustls.
    Rustls,
    /// Go's crypto/tls and what stands on it.
    Go,
    /// OpenSSL's commands and library.
    Openssl,
    /// Python's ssl and what stands on it.
    Python,
    /// Node.
    Node,
    /// Java and what stands on it.
    Java,
    /// curl.
    Curl,
    /// GnuTLS.
    Gnutls,
    /// OpenAgents itself.
    Openagents,
    /// The operating system, whichever program shows it.
    System,
}

impl Stack {
    /// Its name as in JSON, for people.
    pub(super) fn name(self) -> &'static str {
        match self {
            Stack::GrpcCore => "grpc-core",
            Stack::GrpcJs => "grpc-js",
            Stack::Rustls => "rustls",
            Stack::Go => "go",
            Stack::Openssl => "openssl",
            Stack::Python => "python",
            Stack::Node => "node",
            Stack::Java => "java",
            Stack::Curl => "curl",
            Stack::Gnutls => "gnutls",
            Stack::Openagents => "openagents",
            Stack::System => "system",
        }
    }
}
