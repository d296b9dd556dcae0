//! Why each finding matters, and what programs make of it that differ: data.

use super::finding::StackEffect;
use crate::path::finding::Severity;
use crate::path::rule::Rule;

/// A finding's name, why it matters, and what single programs do.
type Reason = (
    &'static str,
    &'static str,
    &'static [(&'static str, &'static str)],
);

/// Why a rule matters, and what the programs that differ do.
pub(super) fn of(rule: &Rule) -> (&'static str, Vec<StackEffect>) {
    let known = [DECIDING, SETUP, REVOCATION, CONFORMING]
        .into_iter()
        .flatten();
    match known.clone().find(|(id, ..)| *id == rule.id) {
        Some((_, why, stacks)) => {
            let effects = stacks
                .iter()
                .map(|&(stack, effect)| StackEffect { stack, effect });
            (why, effects.collect())
        }
        None => (by_severity(rule), Vec::new()),
    }
}

/// The findings that have a reason of their own.
#[cfg(test)]
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    let all = [DECIDING, SETUP, REVOCATION, CONFORMING];
    all.into_iter().flatten().map(|(id, ..)| *id)
}

fn by_severity(rule: &Rule) -> &'static str {
    match rule.severities.tls {
        Some(Severity::Error) => {
            "With this, some or all programs refuse the connection, or do not start."
        }
        Some(Severity::Warning) => {
            "Most programs connect nevertheless; some do not, or will not from their next version on."
        }
        Some(Severity::Note) => {
            "Nothing fails because of it today; it is worth knowing before it does."
        }
        None => "Private networks need not care; a public CA or a strict checker does.",
    }
}

/// What decides whether a connection comes about.
#[rustfmt::skip]
static DECIDING: &[Reason] = &[
    ("expired", "A certificate vouches for its key only until its last moment. Every program looks at the end entity's; grpc-core, OpenSSL and Go look at the CA's as well.", &[("grpc-core", "refuses an expired root too"), ("rustls", "does not look at the dates of a root"), ("server", "an expired certificate starts happily; only clients see it")]),
    ("not-yet-valid", "It is refused until its first moment by the clock of whoever looks. Nearly always a clock is wrong.", &[]),
    ("validity-reversed", "There is no moment at which it is valid.", &[]),
    ("outlives-issuer", "A path is good only while all of it is: when the issuer ends, this fails with it, though its own date says otherwise.", &[]),
    ("signature", "A path is a chain of signatures, and this one does not hold: the certificate was issued by another key of the same name, or was changed.", &[("grpc-core", "`certificate signature failure` or `BAD_SIGNATURE`"), ("rustls", "`UnknownIssuer` or `BadSignature`")]),
    ("signature-unsupported", "What cannot be checked is not trusted.", &[("rustls", "`UnsupportedSignatureAlgorithm`"), ("go", "`algorithm unimplemented`")]),
    ("issuer-missing", "Trust comes from an anchor through an unbroken chain of issuers; here one is missing. A TLS server has to send its intermediates, and a client has to hold the root.", &[("grpc-core", "`unable to get local issuer certificate`"), ("grpc-js", "`unable to verify the first certificate`"), ("rustls", "`UnknownIssuer`"), ("go", "`certificate signed by unknown authority`"), ("java", "`PKIX path building failed`")]),
    ("self-signed", "Nobody but itself vouches for it, so that whoever does not hold this very certificate must refuse it.", &[("grpc-core", "`self signed certificate`"), ("grpc-js", "`DEPTH_ZERO_SELF_SIGNED_CERT`"), ("rustls", "`UnknownIssuer`, or `CaUsedAsEndEntity` even where it is trusted")]),
    ("host-mismatch", "Without it any certificate of the same CA could stand for any server. Clients compare the dialled name with the SubjectAltNames: DNS names with names, IP addresses with addresses.", &[("grpc-core", "`Hostname Verification Check failed`; it takes the common name where there is no SubjectAltName, and an address written as a DNS name"), ("grpc-js", "`Hostname/IP does not match certificate's altnames`"), ("rustls", "`NotValidForName`")]),
    ("no-names", "Names are read from the SubjectAltName alone since RFC 6125; a common name no longer counts.", &[("grpc-core", "takes the common name all the same"), ("go", "`certificate relies on legacy Common Name field`"), ("rustls", "refuses it")]),
    ("dns-name-address", "An address is compared with IP names only, so this name never matches in most programs.", &[("grpc-core", "takes it"), ("grpc-js", "refuses it"), ("rustls", "refuses it")]),
    ("purpose", "An extendedKeyUsage that lists other uses forbids this one: a stolen client certificate must not pass for a server.", &[("grpc-core", "`unsupported certificate purpose`"), ("rustls", "`InvalidPurpose`"), ("server", "one for clients only starts happily; only clients see it")]),
    ("purpose-any", "anyExtendedKeyUsage looks like permission for everything, and these programs want the very use named.", &[("grpc-core", "refuses it"), ("openssl", "refuses it"), ("rustls", "refuses it"), ("go", "takes it")]),
    ("ca-purpose", "An extendedKeyUsage in a CA limits all that it issued, so that a CA for mail cannot make servers.", &[]),
    ("not-a-ca", "If any certificate could issue others, every server could pretend to be every other one.", &[("grpc-core", "`invalid CA certificate`"), ("rustls", "`EndEntityUsedAsCa`"), ("java", "`this is not a CA certificate`")]),
    ("key-usage-cert-sign", "The CA's own keyUsage forbids what it did.", &[("grpc-core", "`key usage does not include certificate signing`, for a root too"), ("rustls", "does not look at a root's keyUsage")]),
    ("path-length", "A CA's pathLenConstraint bounds how many CAs may stand below it, so that a subordinate cannot make more.", &[("rustls", "`PathLenConstraintViolated`; a root's constraint is not looked at")]),
    ("path-deep", "rustls follows at most six intermediates.", &[("rustls", "`MaximumPathDepthExceeded`")]),
    ("ca-as-end-entity", "A key that can sign certificates should not lie on a server; rustls insists on it.", &[("rustls", "`CaUsedAsEndEntity`"), ("grpc-core", "takes it"), ("go", "takes it")]),
    ("wrong-order", "A TLS server sends the file as it stands and signs with the key of its first certificate.", &[("grpc-core", "the server does not start: `Failed to bind to address`"), ("grpc-js", "the server does not start"), ("rustls", "the server does not start")]),
    ("key-mismatch", "The handshake is signed with the key and checked with the certificate; they have to be one pair.", &[("grpc-core", "the server does not start: `Invalid private key`, `Failed to bind to address`"), ("grpc-js", "`key values mismatch`"), ("rustls", "`KeyMismatch`")]),
    ("expires-soon", "More was asked to be left than there is.", &[]),
    ("byte-order-mark", "Three invisible octets, put there by some editors, stand before the first BEGIN line.", &[("grpc-core", "finds no block: the server does not start"), ("grpc-js", "takes it in a key, not everywhere")]),
    ("not-pem", "gRPC programs read PEM alone.", &[("grpc-core", "does not start"), ("grpc-js", "does not start")]),
    ("private-key-beside", "Certificates are handed out and copied freely; with the key in the same file it goes along.", &[]),
    ("key-type", "No TLS program in use offers signatures with such a key.", &[("grpc-core", "the server does not start")]),
    ("key-type-rare", "P-521 and Ed25519 are good keys, but BoringSSL does not offer their signatures by default, so that grpcio fails on either side.", &[("grpc-core", "`Socket closed`, `NO_COMMON_SIGNATURE_ALGORITHMS`"), ("grpc-js", "takes both"), ("rustls", "takes both")]),
    ("key-short", "RSA keys below 2048 bits can be broken by those who have the means.", &[("grpc-core", "takes 1024 bits"), ("rustls", "refuses them, and its server does not start"), ("openssl", "`ee key too small` at its default level")]),
    ("key-usage-only-encipherment", "TLS 1.3 and every ECDHE suite sign; keyEncipherment is only for the RSA key exchange that is gone.", &[("grpc-core", "`KEY_USAGE_BIT_INCORRECT`; with an EC key the server does not start")]),
    ("key-usage-digital-signature", "The handshake is a signature, which this keyUsage forbids.", &[("grpc-core", "`KEY_USAGE_BIT_INCORRECT`")]),
    ("signature-sha1", "SHA-1 can be forged with money.", &[("grpc-core", "takes it"), ("rustls", "refuses it"), ("go", "`insecure algorithm SHA1-RSA`"), ("openssl", "`CA signature digest algorithm too weak` at its default level")]),
    ("signature-broken-hash", "Anyone can make another certificate with the same hash.", &[]),
    ("name-not-permitted", "The CA was made for certain names only, and this certificate has one more.", &[("grpc-core", "`permitted subtree violation`"), ("rustls", "`NameConstraintViolation`"), ("go", "`is not permitted by any constraint`")]),
    ("name-excluded", "The CA was forbidden to issue for this name.", &[("grpc-core", "`excluded subtree violation`"), ("rustls", "`NameConstraintViolation`")]),
    ("name-constraint-ip", "BoringSSL does not compare addresses with constraints at all and refuses what it cannot compare.", &[("grpc-core", "`unsupported name constraint type`"), ("rustls", "compares them"), ("openssl", "compares them")]),
    ("name-constraints-too-many", "Comparing every name with every constraint is bounded, so that nobody can keep a program busy for ever.", &[("rustls", "`MaximumNameConstraintComparisonsExceeded`")]),
    ("unknown-critical-extension", "Critical means: refuse me if you do not understand this.", &[("grpc-core", "`unhandled critical extension`"), ("rustls", "`UnsupportedCriticalExtension`")]),
    ("informative-extension-critical", "An extension that only tells where to look must never be critical; programs that do not use it refuse.", &[("openssl", "refuses it"), ("rustls", "refuses it")]),
    ("key-identifier-mismatch", "OpenSSL and BoringSSL choose the issuer by its key identifier, so that the right CA is passed over.", &[("grpc-core", "`unable to get local issuer certificate`"), ("rustls", "does not look at it")]),
    ("authority-certificate-mismatch", "It names its issuer's certificate by serial number, and a renewed CA has another.", &[("grpc-core", "passes the issuer over"), ("rustls", "does not look at it")]),
    ("name-encoding-differs", "The same letters in another string type are other octets.", &[("rustls", "finds no issuer"), ("go", "finds no issuer"), ("grpc-core", "compares the letters")]),
    ("named-like-issuer", "Without key identifiers a certificate whose issuer has its own name looks self-signed.", &[("grpc-core", "`self signed certificate`"), ("openssl", "`self-signed certificate`")]),
    ("anchor-not-self-signed", "An intermediate was given as the root.", &[("grpc-core", "takes it"), ("grpc-js", "`unable to get issuer certificate`"), ("python", "`unable to get issuer certificate`"), ("rustls", "takes it"), ("go", "takes it")]),
    ("anchors-ambiguous", "Programs try the CAs of one name in an order of their own, and some try only one.", &[("grpc-core", "the order changed between 1.74 and 1.85")]),
    ("key-explicit-curve", "Who writes the curve out can choose one for which a secret key is known.", &[("openssl", "`certificate public key has explicit ECC parameters`"), ("grpc-core", "refuses it"), ("go", "refuses it")]),
    ("version", "Versions 1 and 2 have no extensions, thus neither names nor purposes.", &[("rustls", "`UnsupportedCertVersion`"), ("go", "refuses it"), ("grpc-core", "takes it where the common name fits")]),
    ("serial-not-positive", "RFC 5280 wants a positive number.", &[("go", "`negative serial number` since Go 1.23"), ("grpc-core", "takes it")]),
    ("serial-long", "RFC 5280 wants at most 20 octets.", &[("rustls", "refuses it")]),
    ("time-malformed", "A date that is not in seconds and UTC cannot be compared.", &[]),
    ("policy-required", "A CA of the path insists on a certificate policy.", &[("grpc-core", "`no explicit policy`"), ("rustls", "does not look at policies")]),
    ("max-depth", "Fewer intermediates were asked for.", &[]),
    ("budget-exhausted", "Whoever makes thousands of CAs of one name could keep a program busy for ever; the search ends before that.", &[]),
    ("too-many-certificates", "What is looked at is bounded for the same reason as the search.", &[]),
    ("dns-name-form", "A name that is no host name matches nothing, and some programs refuse the whole certificate for it.", &[("go", "refuses some of them"), ("rustls", "skips it")]),
    ("dns-name-underscore", "Host names have no underscore; most programs match it nevertheless.", &[]),
    ("ip-name-form", "An IP name has 4 or 16 octets.", &[("go", "refuses the certificate"), ("gnutls", "refuses the certificate")]),
    ("extension-malformed", "What cannot be read cannot be obeyed, so the certificate is refused.", &[]),
    ("extension-twice", "Of two that contradict each other nobody could say which counts.", &[]),
    ("nameless", "Nothing says whose certificate it is.", &[]),
];

/// Files, networks and live ports.
#[rustfmt::skip]
static SETUP: &[Reason] = &[
    ("file-empty", "An empty file is what is left of a copy that went wrong, or is read while it is being written.", &[("grpc-core", "a server does not start; a client with an empty client.crt or client.key ends the whole process")]),
    ("file-der", "gRPC programs read PEM alone: base64 between BEGIN and END lines.", &[("grpc-core", "`Failed to bind to address` or `Failed to create security handshaker`")]),
    ("file-byte-order-mark", "Three invisible octets, put there by some editors, stand before the first BEGIN line.", &[("grpc-core", "does not find the first block"), ("tonic", "does not find the first block"), ("grpc-js", "takes it in a key")]),
    ("pem-broken", "What follows a damaged block is dropped, mostly without a word, so that a CA or an intermediate is missing later.", &[("grpc-core", "reads up to it, in silence")]),
    ("key-encrypted", "A service has nobody to type a password, and no gRPC program can be given one.", &[("grpc-core", "`Invalid private key`, `Failed to bind to address`"), ("grpc-js", "`bad decrypt`"), ("tonic", "the server does not start")]),
    ("key-form", "RFC 5958 put the public key into the file as well, and OpenSSL and BoringSSL do not read that.", &[("grpc-core", "the server does not start"), ("grpc-js", "the server does not start"), ("tonic", "takes it")]),
    ("client-certificate-missing", "With mutual TLS the server takes nobody without a certificate. In TLS 1.3 the client only learns of it after its handshake is finished.", &[("grpc-core", "`Socket closed`"), ("grpc-js", "`Failed to connect` or `certificate required`"), ("tonic", "`CertificateRequired`, or a closed connection")]),
    ("key-open-to-all", "Whoever can read the key can be this server or this agent, and nobody will know.", &[]),
    ("anchors-one-name", "Which of two CAs of one name is tried differs from program to program and from version to version.", &[("grpc-core", "the order changed between 1.74 and 1.85")]),
    ("grpc-plaintext", "OpenAgents says nothing when TLS is off: agents connect, and everything can be read on the way.", &[]),
    ("tls-enabled-missing", "The block looks as if TLS were on, and the port serves plaintext.", &[]),
    ("mtls-without-ca", "The setting looks as if only known agents could connect, and anyone can.", &[]),
    ("tls-file-missing", "The log says `Failed to bind to address`, which looks as if the port were taken; with an HTTP transport beside it the network seems online.", &[]),
    ("http-beside-tls", "Agents that find the HTTP transport talk in plaintext, and /api/health shows the paths of the keys.", &[]),
    ("networks-share-port", "The kernel deals connections out between both, so that agents reach one network or the other by chance.", &[]),
    ("live-plaintext", "Who dials TLS gets `WRONG_VERSION_NUMBER`; who dials plaintext is read by everyone on the way.", &[]),
    ("live-alpn", "gRPC is HTTP/2, and TLS clients agree on that by ALPN.", &[("grpc-core", "`Cannot check peer: missing selected ALPN property`"), ("tonic", "`HTTP/2 was not negotiated`")]),
    ("live-no-settings", "A finished handshake proves nothing: only the HTTP/2 SETTINGS show that somebody speaks gRPC there.", &[]),
    ("live-other-serial", "A server reads its files once: after a renewal it serves the old certificate until it is started anew.", &[]),
    ("live-chain-incomplete", "Clients hold the root and have to be sent the rest.", &[]),
    ("live-stranger-taken", "Anybody can make such a certificate, so that mutual TLS protects nothing there.", &[]),
    ("live-certificates-differ", "An old process may still be there, so that what is mended seems broken by chance.", &[]),
    ("live-clock", "Dates of certificates are judged by the clock of each side.", &[]),
];

/// Revocation lists.
#[rustfmt::skip]
static REVOCATION: &[Reason] = &[
    ("revoked", "Its CA takes its word back: the key may be in other hands. gRPC programs look only where they are given the list.", &[("grpc-core", "looks only with a CRL directory, which OpenAgents does not set"), ("grpc-js", "looks where `crl` is given")]),
    ("revocation-unknown", "Where lists are checked at all, a certificate that none speaks of counts as revoked.", &[("rustls", "`UnknownRevocationStatus`"), ("openssl", "`unable to get certificate CRL`")]),
    ("crl-overdue", "An old list does not tell what was revoked since.", &[("openssl", "`CRL has expired`"), ("rustls", "`ExpiredRevocationList` where it is asked to look")]),
    ("crl-not-yet-valid", "Its first moment is still to come, by the clock here.", &[("openssl", "`CRL is not yet valid`")]),
    ("crl-signature", "Anyone could write a list; only the CA's signature makes it one.", &[("openssl", "`CRL signature failure`")]),
    ("crl-issuer", "The CA's own keyUsage lacks cRLSign.", &[("openssl", "`key usage does not include CRL signing`"), ("rustls", "`IssuerNotCrlSigner`")]),
    ("crl-number-missing", "Without a number an old list can be played back as the newest.", &[]),
    ("crl-next-update-missing", "Nobody can tell when it is out of date.", &[("rustls", "refuses the list")]),
    ("crl-version", "Version 1 lists have no extensions.", &[("rustls", "`UnsupportedCrlVersion`")]),
];

/// What only strict programs hold a certificate to.
#[rustfmt::skip]
static CONFORMING: &[Reason] = &[
    ("basic-constraints-not-critical", "Programs that do not know the extension would take the CA for an end entity.", &[("python", "3.13 refuses it (VERIFY_X509_STRICT)"), ("grpc-core", "takes it")]),
    ("subject-key-identifier-missing", "The CAs of one name are told apart by it.", &[("python", "3.13 refuses it (VERIFY_X509_STRICT)"), ("grpc-core", "takes it")]),
    ("authority-key-identifier-missing", "It says which of the CAs of one name is the issuer.", &[("python", "3.13 refuses it (VERIFY_X509_STRICT)"), ("grpc-core", "takes it")]),
    ("key-usage-missing", "A CA has to say that its key signs certificates.", &[("python", "3.13 refuses it (VERIFY_X509_STRICT)"), ("grpc-core", "takes it")]),
    ("anchor-key-usage-missing", "A CA has to say that its key signs certificates; old roots do not.", &[("python", "3.13 refuses it (VERIFY_X509_STRICT)"), ("grpc-core", "takes it")]),
    ("cert-sign-without-ca", "It claims a power that its basicConstraints deny.", &[("python", "3.13 refuses it (VERIFY_X509_STRICT)")]),
    ("key-identifier-critical", "A key identifier only helps to find the issuer, and must not be critical.", &[("openssl", "refuses it"), ("rustls", "refuses it")]),
    ("name-constraints-not-critical", "A program that does not understand them overlooks them, so that they bind nobody.", &[]),
    ("name-constraint-leading-dot", "RFC 5280 has no such form; some read it as all names below, others as none.", &[("grpc-core", "reads it as all names below"), ("go", "refuses or reads it by version")]),
    ("wildcard-public-suffix", "It stands for names of people who have nothing to do with each other.", &[("grpc-core", "takes `*.tld`")]),
    ("extended-key-usage-missing", "Without it the certificate is for any use: a client's could stand for a server.", &[]),
    ("extended-key-usage-any", "It is for any use: a client's could stand for a server.", &[]),
    ("crl-unknown-critical-extension", "A list with limits that are not understood may not speak of what it seems to.", &[]),
];
