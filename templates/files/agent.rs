//! Connects to the network over TLS with tonic (feature `tls-ring`).

use tonic::transport::{Certificate, Channel, ClientTlsConfig};

/// Connects to the network.
pub async fn dial() -> Result<Channel, Box<dyn std::error::Error>> {
    let anchors = Certificate::from_pem(std::fs::read({{rust:ca}})?);
    let tls = ClientTlsConfig::new().ca_certificate(anchors);
    {{mtls:}}let certificate = std::fs::read({{rust:client_cert}})?;
    {{mtls:}}let key = std::fs::read({{rust:client_key}})?;
    {{mtls:}}let tls = tls.identity(tonic::transport::Identity::from_pem(certificate, key));
    let endpoint = Channel::from_static({{rust:https_url}}).tls_config(tls)?;
    Ok(endpoint.connect().await?)
}
