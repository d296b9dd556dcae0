//! Why a message is refused.

use std::fmt;

/// One reason, and for people what was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denial {
    /// The reason.
    pub reason: Reason,
    /// What was found, as a lower-case clause; may quote the message, so escape it before showing it.
    pub detail: String,
}

impl Denial {
    /// A denial for this reason.
    pub fn new(reason: Reason, detail: impl fmt::Display) -> Self {
        let detail = detail.to_string();
        Denial { reason, detail }
    }

    /// The message is not of the form that is required.
    pub(super) fn malformed(detail: impl fmt::Display) -> Self {
        Denial::new(Reason::Malformed, detail)
    }
}

impl fmt::Display for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.reason, self.detail)
    }
}

/// The reasons for which a message is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The signature, the tag or the wrapped key is not what its key makes.
    BadSignature,
    /// The signer's certificate has no trusted path, may not sign, or its revocation is unknown.
    UntrustedSigner,
    /// A certificate of the signer's path has expired.
    ExpiredCertificate,
    /// A certificate of the signer's path is revoked.
    RevokedCertificate,
    /// The message is for another audience.
    WrongAudience,
    /// A required scope is not in the message.
    MissingScope,
    /// The message has expired.
    ExpiredMessage,
    /// The message, or a certificate of the signer's path, is from the future.
    NotYetValid,
    /// The message is valid longer than permitted.
    LifetimeTooLong,
    /// traceId or idempotencyKey is missing or empty.
    MissingTraceOrIdempotency,
    /// The message or its idempotency key was seen before.
    Replayed,
    /// The caller is not a name of the signer's certificate.
    CallerMismatch,
    /// The message is from another tenant.
    WrongTenant,
    /// The policy does not permit the caller this capability or scope.
    CapabilityNotAllowed,
    /// The policy requires an approval of this message.
    ApprovalRequired,
    /// The message or its header is larger than permitted.
    TooLarge,
    /// The message is not of the form that is required.
    Malformed,
    /// The message is sealed for others.
    NotARecipient,
}

impl Reason {
    /// All of them.
    pub const ALL: [Reason; 18] = [
        Reason::BadSignature,
        Reason::UntrustedSigner,
        Reason::ExpiredCertificate,
        Reason::RevokedCertificate,
        Reason::WrongAudience,
        Reason::MissingScope,
        Reason::ExpiredMessage,
        Reason::NotYetValid,
        Reason::LifetimeTooLong,
        Reason::MissingTraceOrIdempotency,
        Reason::Replayed,
        Reason::CallerMismatch,
        Reason::WrongTenant,
        Reason::CapabilityNotAllowed,
        Reason::ApprovalRequired,
        Reason::TooLarge,
        Reason::Malformed,
        Reason::NotARecipient,
    ];

    /// Its stable name.
    pub fn name(self) -> &'static str {
        match self {
            Reason::BadSignature => "bad_signature",
            Reason::UntrustedSigner => "untrusted_signer",
            Reason::ExpiredCertificate => "expired_certificate",
            Reason::RevokedCertificate => "revoked_certificate",
            Reason::WrongAudience => "wrong_audience",
            Reason::MissingScope => "missing_scope",
            Reason::ExpiredMessage => "expired_message",
            Reason::NotYetValid => "not_yet_valid",
            Reason::LifetimeTooLong => "lifetime_too_long",
            Reason::MissingTraceOrIdempotency => "missing_trace_or_idempotency",
            Reason::Replayed => "replayed",
            Reason::CallerMismatch => "caller_mismatch",
            Reason::WrongTenant => "wrong_tenant",
            Reason::CapabilityNotAllowed => "capability_not_allowed",
            Reason::ApprovalRequired => "approval_required",
            Reason::TooLarge => "too_large",
            Reason::Malformed => "malformed",
            Reason::NotARecipient => "not_a_recipient",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
