//! rustls-webpki's answer to the same question.

use openagents_certs::path::ReferenceName;
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use time::OffsetDateTime;
use webpki::{EndEntityCert, KeyUsage, anchor_from_trusted_cert};

/// Whether rustls-webpki takes a server's certificate, given as DER, with its issuers and anchors.
pub(crate) fn accepts(
    end_entity: &[u8],
    intermediates: &[Vec<u8>],
    anchors: &[Vec<u8>],
    host: Option<&ReferenceName>,
    at: OffsetDateTime,
) -> Result<(), webpki::Error> {
    let end_entity = CertificateDer::from(end_entity);
    let end_entity = EndEntityCert::try_from(&end_entity)?;
    let intermediates: Vec<_> = intermediates
        .iter()
        .map(|der| CertificateDer::from(der.as_slice()))
        .collect();
    let anchors: Vec<_> = anchors
        .iter()
        .map(|der| CertificateDer::from(der.as_slice()))
        .collect();
    let anchors: Vec<_> = anchors
        .iter()
        .filter_map(|der| anchor_from_trusted_cert(der).ok())
        .collect();
    let seconds = u64::try_from(at.unix_timestamp()).unwrap_or_default();
    let at = UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds));
    end_entity.verify_for_usage(
        webpki::ALL_VERIFICATION_ALGS,
        &anchors,
        &intermediates,
        at,
        KeyUsage::server_auth(),
        None,
        None,
    )?;
    match host {
        Some(ReferenceName::Dns(name)) => {
            let name = ServerName::try_from(name.as_str());
            let name = name.map_err(|_| webpki::Error::MalformedDnsIdentifier)?;
            end_entity.verify_is_valid_for_subject_name(&name)
        }
        Some(ReferenceName::Ip(address)) => {
            let name = ServerName::from(*address);
            end_entity.verify_is_valid_for_subject_name(&name)
        }
        Some(ReferenceName::Email(_) | ReferenceName::Uri(_)) | None => Ok(()),
    }
}
