//! How the values of the library's enums are spelled on the command line.

use clap::ValueEnum;
use clap::builder::PossibleValue;

use crate::config::Role;
use crate::ops::audit::Action;
use crate::ops::batch::manifest::Syntax;
use crate::ops::export;
use crate::ops::list::Status;
use crate::ops::quoting::Shell;
use crate::ops::trust::check::Runtime;
use crate::ops::trust::store::{Platform, Store};
use crate::path::Profile;
use crate::path::stacks::Stack;
use crate::pki::algorithm::KeyType;
use crate::pki::crl::RevocationReason;
use crate::pki::usage::Purpose;
use crate::render::{Color, Format};

/// A value in a line: its name, other spellings, and what it means.
macro_rules! values {
    ($($type:ty { $($variant:ident $name:literal $([$($alias:literal),+])? $help:literal)+ })+) => {$(
        impl ValueEnum for $type {
            fn value_variants<'a>() -> &'a [Self] {
                &[$(Self::$variant),+]
            }

            #[allow(unreachable_patterns, reason = "some variants cannot be requested")]
            fn to_possible_value(&self) -> Option<PossibleValue> {
                Some(match self {
                    $(Self::$variant => PossibleValue::new($name).help($help)$(.aliases([$($alias),+]))?,)+
                    _ => return None,
                })
            }
        }
    )+};
}

impl ValueEnum for Action {
    fn value_variants<'a>() -> &'a [Self] {
        Action::ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.name()))
    }
}

values! {
    Format {
        Text "text" "Text for people"
        Json "json" "JSON for programs"
        Csv "csv" "A table for spreadsheets (`list`, `audit`)"
        Prometheus "prometheus" "Metrics for Prometheus (`status`)"
    }
    Color {
        Auto "auto" "On a terminal, unless NO_COLOR is set"
        Always "always" "Always"
        Never "never" "Never"
    }
    Role {
        Viewer "viewer" "See everything"
        Operator "operator" "Change things, too"
    }
    KeyType {
        P256 "p256" "ECDSA on NIST P-256; works on every gRPC stack"
        P384 "p384" "ECDSA on NIST P-384"
        Ed25519 "ed25519" "Ed25519; small and fast, but grpc-core cannot use it"
        X25519 "x25519" "X25519, for messages only: it cannot sign"
        Rsa2048 "rsa-2048" "RSA, 2048 bits"
        Rsa3072 "rsa-3072" "RSA, 3072 bits"
        Rsa4096 "rsa-4096" "RSA, 4096 bits"
    }
    Purpose {
        Server "server" "serverAuth"
        Client "client" "clientAuth"
        Peer "peer" "serverAuth and clientAuth: an agent that both dials and listens"
        Message "message" "Encryption of messages"
    }
    RevocationReason {
        Unspecified "unspecified" "No reason given; the CRL leaves it out"
        KeyCompromise "key-compromise" ["keyCompromise"] "Its private key is, or may be, in other hands"
        CaCompromise "ca-compromise" ["cACompromise"] "The private key of a CA is, or may be, in other hands"
        AffiliationChanged "affiliation-changed" ["affiliationChanged"] "The subject's name or affiliation changed"
        Superseded "superseded" "Another certificate replaces it"
        CessationOfOperation "cessation-of-operation" ["cessationOfOperation"] "It is no longer needed"
        CertificateHold "certificate-hold" ["certificateHold"] "On hold; the only reason that `unrevoke` can undo"
        PrivilegeWithdrawn "privilege-withdrawn" ["privilegeWithdrawn"] "A privilege it states was withdrawn"
        AaCompromise "aa-compromise" ["aACompromise"] "The private key of an attribute authority is, or may be, in other hands"
    }
    Status {
        Valid "valid" "In use: within its validity period, not revoked, not replaced"
        NotYetValid "not_yet_valid" ["not-yet-valid"] "Before its notBefore"
        Expired "expired" "Past its notAfter"
        Revoked "revoked" "Revoked for good"
        OnHold "on_hold" ["on-hold"] "Revoked until `unrevoke`"
        Superseded "superseded" "Replaced by a renewal or a reissue"
        Retired "retired" "Of a CA that was rotated out"
    }
    Profile {
        Tls "tls" "What decides a TLS connection is an error, the rest a warning"
        Rfc5280 "rfc5280" "Every MUST of RFC 5280 is an error"
        Webpki "webpki" "RFC 5280 and the CA/Browser Forum's Baseline Requirements"
    }
    Stack {
        GrpcCore "grpc-core" "grpcio in Python, C++ and others: BoringSSL"
        GrpcJs "grpc-js" "@grpc/grpc-js on Node: OpenSSL"
        Tonic "tonic" "tonic: rustls with ring"
    }
    Shell {
        Sh "sh" "A POSIX shell, bash or zsh"
        Fish "fish" "fish"
        Powershell "powershell" "PowerShell"
        Systemd "systemd" "The [Service] section of a systemd unit"
        Dotenv "dotenv" "A .env file for Docker Compose and dotenv libraries"
    }
    export::Format {
        Fullchain "fullchain" "Leaf and intermediates as PEM, as servers want them"
        P12 "p12" ["pkcs12", "pfx"] "PKCS #12 with key, certificate, chain and trust anchors"
        Jks "jks" ["jks-ready", "jks-ready-p12", "truststore"] "PKCS #12 that Java's keytool and KeyStore read; for a CA, a truststore"
        K8sSecret "k8s-secret" ["kubernetes-secret"] "A Kubernetes Secret of type kubernetes.io/tls"
        K8sConfigmap "k8s-configmap" ["k8s-bundle", "kubernetes-configmap"] "A Kubernetes ConfigMap with the trust anchors"
        Env "env" "Lines for a .env file"
        DockerSecret "docker-secret" "The secrets of a Docker Compose file"
        Der "der" "The certificate alone, as DER"
        Jwk "jwk" "A JSON Web Key with the certificate"
        Bundle "bundle" "The trust anchors as PEM"
    }
    Runtime {
        Python "python" "Python's urllib with the ssl module's default trust store"
        Node "node" "Node.js"
        Java "java" "Java's HttpsURLConnection"
        Openssl "openssl" "openssl s_client"
        Grpc "grpc" "gRPC in Python: grpcio"
        Curl "curl" "curl"
    }
    Store {
        System "system" "The operating system's trust store"
        Nss "nss" "NSS databases of Chromium and Firefox"
        Java "java" "Java's trust store"
    }
    Platform {
        Debian "debian" "Debian, Ubuntu and Alpine: update-ca-certificates"
        Fedora "fedora" "Fedora and RHEL: update-ca-trust"
        Arch "arch" "Arch: trust extract-compat"
        Suse "suse" "openSUSE: update-ca-certificates, with its own directory"
        Macos "macos" "macOS: the System keychain"
        Windows "windows" "Windows: the Root store"
    }
    Syntax {
        Csv "csv" "A header line, then one row per line; separate several names with spaces"
        Jsonl "jsonl" "One JSON object per line"
        Toml "toml" "One [[certificate]] table per row"
    }
}
