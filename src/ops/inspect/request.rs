//! Certificate signing requests.

use serde::Serialize;

use super::certificate::{ExtensionFields, add_extensions, add_problems, named};
use super::key::KeyFields;
use crate::ops::sheet::Sheet;
use crate::path;
use crate::path::finding::Finding;
use crate::path::request_problems;
use crate::pki::algorithm::AlgorithmIdentifier;
use crate::pki::csr::{CertificateSigningRequest, EXTENSION_REQUEST};
use crate::pki::extension_value::Named;
use crate::pki::fingerprint::Fingerprint;
use crate::pki::name::DistinguishedName;

/// A request's fields, without the values of attributes: one of them is a password.
#[derive(Debug, Serialize)]
pub(super) struct RequestFields {
    subject: DistinguishedName,
    #[serde(rename = "subject_alt_names")]
    names: Vec<String>,
    public_key: KeyFields,
    signature_algorithm: AlgorithmIdentifier,
    signature_confirmed: bool,
    #[serde(rename = "fingerprint_sha256")]
    sha256: Fingerprint,
    extensions: Vec<ExtensionFields>,
    other_attributes: Vec<Named>,
    problems: Vec<Finding>,
}

impl RequestFields {
    /// The fields of a request.
    pub(super) fn of(request: &CertificateSigningRequest) -> Self {
        let names = request
            .subject_alt_names()
            .ok()
            .flatten()
            .unwrap_or_default();
        let others = request
            .attributes()
            .iter()
            .filter(|oid| **oid != EXTENSION_REQUEST);
        RequestFields {
            subject: request.subject().clone(),
            names: names.iter().map(ToString::to_string).collect(),
            public_key: KeyFields::of(request.public_key_info()),
            signature_algorithm: request.signature_algorithm().clone(),
            signature_confirmed: path::is_signed_by_its_key(request),
            sha256: Fingerprint::sha256(request.as_der()),
            extensions: request
                .extensions()
                .iter()
                .map(ExtensionFields::of)
                .collect(),
            other_attributes: others.cloned().map(Named::from).collect(),
            problems: request_problems(request),
        }
    }

    /// Four lines.
    pub(super) fn add_short_to(&self, sheet: &mut Sheet) {
        sheet.row("subject", named(&self.subject));
        sheet.row(
            "names",
            if self.names.is_empty() {
                "none".into()
            } else {
                self.names.join(", ")
            },
        );
        sheet.row("key", self.public_key.title());
        sheet.row("sha256", &self.sha256);
    }

    /// All rows.
    pub(super) fn add_to(&self, sheet: &mut Sheet) {
        sheet.row("subject", named(&self.subject));
        self.public_key.add_to(sheet);
        sheet.row("signed with", &self.signature_algorithm);
        let confirmed = if self.signature_confirmed {
            "by the key in it"
        } else {
            "not confirmed"
        };
        sheet.row("signature", confirmed);
        sheet.row("sha256", &self.sha256);
        add_extensions(&self.extensions, sheet);
        if !self.other_attributes.is_empty() {
            let lines = self
                .other_attributes
                .iter()
                .map(|name| format!("{name} (not shown)"));
            sheet.lines("attributes", lines.collect());
        }
        add_problems(&self.problems, sheet);
    }
}
