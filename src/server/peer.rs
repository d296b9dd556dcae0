//! Who sent a request.

use std::net::SocketAddr;
use std::sync::Arc;

/// Who sent a request: an extension of each one.
#[derive(Clone, Debug)]
pub(in crate::server) struct Peer {
    /// The address it came from.
    pub(in crate::server) address: SocketAddr,
    /// The DER of the client certificate, whose key TLS has proved. Whether it is one of ours, in date and not
    /// revoked is not checked yet. Not there over plain HTTP.
    pub(in crate::server) client_certificate: Option<Arc<[u8]>>,
    /// Names the request in the log; its answer has it in `X-Request-Id`.
    pub(in crate::server) request_id: String,
}
