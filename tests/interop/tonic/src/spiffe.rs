//! The Workload API as the `spiffe` crate sees it: a source of X.509-SVIDs, and a JWT-SVID. Prints one JSON object; of
//! what SPIFFE_ENDPOINT_SOCKET names, nothing without it.

use std::error::Error;

use spiffe::{BundleSource as _, WorkloadApiClient, X509Source};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    if std::env::var_os("SPIFFE_ENDPOINT_SOCKET").is_none() {
        return Ok(());
    }
    let source = X509Source::new().await?;
    let svid = source.svid()?;
    let bundle = source.bundle_for_trust_domain(svid.spiffe_id().trust_domain())?;
    let client = WorkloadApiClient::connect_env().await?;
    let token = client.fetch_jwt_svid(["peer"], None).await?;
    let valid = client.validate_jwt_token("peer", token.token()).await?;
    let seen = serde_json::json!({
        "x509": svid.spiffe_id().to_string(),
        "anchors": bundle.map(|bundle| bundle.authorities().len()),
        "jwt": valid.spiffe_id().to_string(),
    });
    println!("{seen}");
    Ok(())
}
