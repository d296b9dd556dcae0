//! What a server keeps beside the certificates: tokens, accounts, orders and the like.

use time::OffsetDateTime;

/// A value of one kind, found by its key.
///
/// The inventory does not look into `content`, and it gives a document that has expired like any other: what is
/// over is for the reader to judge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// What it is.
    pub kind: DocumentKind,
    /// Its name, unique among those of its kind.
    pub key: String,
    /// How often it was written: 0 for one that is not in the inventory yet.
    pub version: u64,
    /// Whose it is, to find all of one owner; empty for no one's.
    pub owner: String,
    /// When it can be removed, in whole seconds; `None` for one that is kept.
    pub expires_at: Option<OffsetDateTime>,
    /// JSON.
    pub content: String,
}

/// What a document is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DocumentKind {
    /// A token for enrollment.
    Token,
    /// A public key that used a token; the owner is the token.
    TokenUse,
    /// An account of ACME.
    Account,
    /// The account of a public key; the key's thumbprint is the document's key.
    AccountKey,
    /// An order with its authorizations; the owner is the account.
    Order,
    /// The order of a certificate, by serial number; the owner is the account.
    CertificateOrder,
    /// A validation that has not ended.
    Validation,
    /// A nonce that was used.
    Nonce,
    /// A secret of the ACME server.
    AcmeSecret,
    /// Which trust anchors an enrolled client fetched last.
    AnchorsFetch,
    /// A condition that somebody was told of.
    Notification,
    /// The URL that the server which started last gave out.
    ServerUrl,
    /// An entry of a workload that is not in certs.toml.
    WorkloadEntry,
    /// A key that signs JWT-SVIDs.
    JwtKey,
    /// The bundle of another trust domain, as it was fetched last.
    FederatedBundle,
    /// The number of this trust domain's bundle.
    BundleSequence,
}

impl DocumentKind {
    /// Its name in the inventory. It never changes.
    pub fn name(self) -> &'static str {
        match self {
            DocumentKind::Token => "token",
            DocumentKind::TokenUse => "token-use",
            DocumentKind::Account => "account",
            DocumentKind::AccountKey => "account-key",
            DocumentKind::Order => "order",
            DocumentKind::CertificateOrder => "certificate-order",
            DocumentKind::Validation => "validation",
            DocumentKind::Nonce => "nonce",
            DocumentKind::AcmeSecret => "acme-secret",
            DocumentKind::AnchorsFetch => "anchors-fetch",
            DocumentKind::Notification => "notification",
            DocumentKind::ServerUrl => "server-url",
            DocumentKind::WorkloadEntry => "workload-entry",
            DocumentKind::JwtKey => "jwt-key",
            DocumentKind::FederatedBundle => "federated-bundle",
            DocumentKind::BundleSequence => "bundle-sequence",
        }
    }
}
