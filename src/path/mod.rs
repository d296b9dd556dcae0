//! Certification paths ([RFC 5280 §6](https://www.rfc-editor.org/rfc/rfc5280#section-6)).
