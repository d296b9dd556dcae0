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

/// Defines the kinds, each with its name in the inventory, which never changes.
macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident = $name:literal,)*) => {
        /// What a document is.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum DocumentKind {
            $($(#[$doc])* $kind,)*
        }

        impl DocumentKind {
            /// Every kind.
            pub const ALL: &'static [DocumentKind] = &[$(DocumentKind::$kind),*];

            /// Its name in the inventory.
            pub fn name(self) -> &'static str {
                match self {
                    $(DocumentKind::$kind => $name,)*
                }
            }
        }
    };
}

kinds! {
    /// A token for enrollment.
    Token = "token",
    /// A public key that used a token; the owner is the token.
    TokenUse = "token-use",
    /// An account of ACME.
    Account = "account",
    /// The account of a public key; the key's thumbprint is the document's key.
    AccountKey = "account-key",
    /// An order with its authorizations; the owner is the account.
    Order = "order",
    /// The order of a certificate, by serial number; the owner is the account.
    CertificateOrder = "certificate-order",
    /// A validation that has not ended.
    Validation = "validation",
    /// A nonce that was used.
    Nonce = "nonce",
    /// A secret of the ACME server.
    AcmeSecret = "acme-secret",
    /// Which trust anchors an enrolled client fetched last.
    AnchorsFetch = "anchors-fetch",
    /// A condition that somebody was told of.
    Notification = "notification",
    /// The URL that the server which started last gave out.
    ServerUrl = "server-url",
    /// An entry of a workload that is not in certs.toml.
    WorkloadEntry = "workload-entry",
    /// A key that signs JWT-SVIDs.
    JwtKey = "jwt-key",
    /// The bundle of another trust domain, as it was fetched last.
    FederatedBundle = "federated-bundle",
    /// The number of this trust domain's bundle.
    BundleSequence = "bundle-sequence",
    /// A link that signs in to the dashboard once.
    SignInLink = "sign-in-link",
    /// A session of the dashboard.
    Session = "session",
    /// The key of the dashboard's CSRF tokens.
    CsrfKey = "csrf-key",
}
