//! What programs print, a file for each family: data.

mod alerts;
mod go;
mod grpc;
mod java;
mod openssl;
mod platforms;
mod rust;

use super::topic::{Side, Stack, Topic};

/// Texts and what each means.
type Texts = &'static [(&'static str, &'static Topic)];

/// A text that some program prints.
pub(super) struct Text {
    /// What is looked for, see [`super::patterns::Patterns`]; not folded yet.
    pub(super) pattern: String,
    /// What it means.
    pub(super) topic: &'static Topic,
    /// Who prints it, where the line says nothing else.
    pub(super) stack: Stack,
    /// Which side prints it.
    pub(super) side: Side,
}

/// Every text, of two that match the same words the more telling one first.
pub(super) fn texts() -> Vec<Text> {
    let groups: [(Stack, Side, Texts); 13] = [
        (Stack::Openagents, Side::Either, grpc::OPENAGENTS),
        (Stack::GrpcCore, Side::Server, grpc::CORE_SERVER),
        (Stack::GrpcCore, Side::Client, grpc::CORE_CLIENT),
        (Stack::GrpcJs, Side::Either, grpc::JS),
        (Stack::Rustls, Side::Either, rust::TEXTS),
        (Stack::Go, Side::Either, go::TEXTS),
        (Stack::Java, Side::Either, java::TEXTS),
        (Stack::Python, Side::Either, platforms::PYTHON),
        (Stack::Node, Side::Either, platforms::NODE),
        (Stack::Curl, Side::Client, platforms::CURL),
        (Stack::Gnutls, Side::Either, platforms::GNUTLS),
        (Stack::Openssl, Side::Either, openssl::TEXTS),
        (Stack::System, Side::Either, platforms::SYSTEM),
    ];
    let mut all: Vec<Text> = Vec::new();
    for (number, text, topic) in openssl::VERIFICATIONS {
        let patterns = [
            (*text).to_owned(),
            format!("verify return code: {number}"),
            format!("verify error:num={number}"),
            format!("error {number} at * depth lookup"),
        ];
        all.extend(patterns.map(|pattern| Text {
            pattern,
            topic,
            stack: Stack::Openssl,
            side: Side::Either,
        }));
    }
    for alert in alerts::ALERTS {
        all.extend(alert.patterns().into_iter().map(|pattern| Text {
            pattern,
            topic: alert.3,
            stack: Stack::Openssl,
            side: Side::Either,
        }));
    }
    for (stack, side, texts) in groups {
        all.extend(texts.iter().map(|(pattern, topic)| Text {
            pattern: (*pattern).to_owned(),
            topic,
            stack,
            side,
        }));
    }
    all
}

/// Words that tell which program printed a line, the most particular first.
pub(super) static MARKS: &[(&str, Stack)] = &[
    ("no connection established. last error", Stack::GrpcJs),
    ("@grpc/grpc js", Stack::GrpcJs),
    ("14 unavailable:", Stack::GrpcJs),
    ("4 deadline exceeded:", Stack::GrpcJs),
    ("13 internal:", Stack::GrpcJs),
    ("openssl internal", Stack::GrpcCore),
    ("failed to connect to all addresses", Stack::GrpcCore),
    ("ssl transport security", Stack::GrpcCore),
    ("security connector.cc", Stack::GrpcCore),
    ("ssl utils.cc", Stack::GrpcCore),
    ("inactiverpcerror", Stack::GrpcCore),
    ("aiorpcerror", Stack::GrpcCore),
    ("debug error string", Stack::GrpcCore),
    ("tsi protocol failure", Stack::GrpcCore),
    ("tsi invalid argument", Stack::GrpcCore),
    ("grpc status:", Stack::GrpcCore),
    ("javax.net.ssl", Stack::Java),
    ("java.", Stack::Java),
    ("sun.security", Stack::Java),
    ("io.grpc", Stack::Java),
    ("io.netty", Stack::Java),
    ("sslhandshakeexception", Stack::Java),
    ("keytool error", Stack::Java),
    ("[x509: ", Stack::Python),
    ("[x509] ", Stack::Python),
    (" ssl.c:", Stack::Python),
    ("ssl.ssl", Stack::Python),
    ("sslerror(", Stack::Python),
    ("sslcertverificationerror", Stack::Python),
    ("urllib3", Stack::Python),
    ("requests.exceptions", Stack::Python),
    ("aiohttp", Stack::Python),
    ("httpx", Stack::Python),
    ("[ssl: ", Stack::Python),
    ("[errno ", Stack::Python),
    ("rpc error: code =", Stack::Go),
    ("x509: ", Stack::Go),
    ("error: tls: ", Stack::Go),
    ("tls: ", Stack::Go),
    ("http: tls handshake error", Stack::Go),
    ("invalid peer certificate", Stack::Rustls),
    ("rustls", Stack::Rustls),
    ("tonic", Stack::Rustls),
    ("hyper", Stack::Rustls),
    ("reqwest", Stack::Rustls),
    ("curl: (", Stack::Curl),
    ("gnutls", Stack::Gnutls),
    ("node:", Stack::Node),
    ("tlssocket", Stack::Node),
    ("code: '", Stack::Node),
    ("err tls ", Stack::Node),
    ("err ssl ", Stack::Node),
    ("deps/openssl/", Stack::Node),
    ("fetch failed", Stack::Node),
    ("verify error:", Stack::Openssl),
    ("depth lookup", Stack::Openssl),
];
