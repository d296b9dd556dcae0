//! The messages of the SPIFFE Workload API
//! ([SPIFFE_Workload_API](https://github.com/spiffe/spiffe/blob/main/standards/SPIFFE_Workload_API.md), `workload.proto`).

use std::collections::BTreeMap;

use prost::Message;

/// Asks for X.509-SVIDs.
#[derive(Clone, PartialEq, Message)]
pub struct X509SvidRequest {}

/// X.509-SVIDs, and the bundles of other trust domains.
#[derive(Clone, PartialEq, Message)]
pub struct X509SvidResponse {
    /// The SVIDs; the first is the default.
    #[prost(message, repeated, tag = "1")]
    pub svids: Vec<X509Svid>,
    /// Revocation lists, DER.
    #[prost(bytes = "vec", repeated, tag = "2")]
    pub crl: Vec<Vec<u8>>,
    /// The bundles of other trust domains, by their SPIFFE ID.
    #[prost(btree_map = "string, bytes", tag = "3")]
    pub federated_bundles: BTreeMap<String, Vec<u8>>,
}

/// An X.509-SVID with its key.
#[derive(Clone, PartialEq, Message)]
pub struct X509Svid {
    /// Its SPIFFE ID.
    #[prost(string, tag = "1")]
    pub spiffe_id: String,
    /// The certificate, then the chain without the trust anchor: DER, one after the other.
    #[prost(bytes = "vec", tag = "2")]
    pub x509_svid: Vec<u8>,
    /// The private key, PKCS #8.
    #[prost(bytes = "vec", tag = "3")]
    pub x509_svid_key: Vec<u8>,
    /// The trust anchors of its trust domain: DER, one after the other.
    #[prost(bytes = "vec", tag = "4")]
    pub bundle: Vec<u8>,
    /// Tells a program with several SVIDs which one to use.
    #[prost(string, tag = "5")]
    pub hint: String,
}

/// Asks for X.509 bundles.
#[derive(Clone, PartialEq, Message)]
pub struct X509BundlesRequest {}

/// X.509 bundles.
#[derive(Clone, PartialEq, Message)]
pub struct X509BundlesResponse {
    /// Revocation lists, DER.
    #[prost(bytes = "vec", repeated, tag = "1")]
    pub crl: Vec<Vec<u8>>,
    /// Trust anchors, DER, by the SPIFFE ID of the trust domain.
    #[prost(btree_map = "string, bytes", tag = "2")]
    pub bundles: BTreeMap<String, Vec<u8>>,
}

/// Asks for JWT-SVIDs.
#[derive(Clone, PartialEq, Message)]
pub struct JwtSvidRequest {
    /// Whom they are for.
    #[prost(string, repeated, tag = "1")]
    pub audience: Vec<String>,
    /// Of which SPIFFE ID; empty for all.
    #[prost(string, tag = "2")]
    pub spiffe_id: String,
}

/// JWT-SVIDs.
#[derive(Clone, PartialEq, Message)]
pub struct JwtSvidResponse {
    /// The SVIDs; the first is the default.
    #[prost(message, repeated, tag = "1")]
    pub svids: Vec<JwtSvid>,
}

/// A JWT-SVID.
#[derive(Clone, PartialEq, Message)]
pub struct JwtSvid {
    /// Its SPIFFE ID.
    #[prost(string, tag = "1")]
    pub spiffe_id: String,
    /// The token, a JWS in compact form.
    #[prost(string, tag = "2")]
    pub svid: String,
    /// Tells a program with several SVIDs which one to use.
    #[prost(string, tag = "3")]
    pub hint: String,
}

/// Asks for JWT bundles.
#[derive(Clone, PartialEq, Message)]
pub struct JwtBundlesRequest {}

/// JWT bundles.
#[derive(Clone, PartialEq, Message)]
pub struct JwtBundlesResponse {
    /// JWK Sets by the SPIFFE ID of the trust domain.
    #[prost(btree_map = "string, bytes", tag = "1")]
    pub bundles: BTreeMap<String, Vec<u8>>,
}

/// Asks whether a JWT-SVID is valid.
#[derive(Clone, PartialEq, Message)]
pub struct ValidateJwtSvidRequest {
    /// Who has to be in its audience.
    #[prost(string, tag = "1")]
    pub audience: String,
    /// The token.
    #[prost(string, tag = "2")]
    pub svid: String,
}

/// A JWT-SVID that is valid.
#[derive(Clone, PartialEq, Message)]
pub struct ValidateJwtSvidResponse {
    /// Its SPIFFE ID.
    #[prost(string, tag = "1")]
    pub spiffe_id: String,
    /// Its claims.
    #[prost(message, optional, tag = "2")]
    pub claims: Option<prost_types::Struct>,
}
