//! What somebody may have meant by a key.

/// The known key that was most likely meant by this one; `None` where it resembles none.
pub(super) fn meant<'a>(key: &str, known: &[&'a str]) -> Option<&'a str> {
    let key: String = snake(&key.chars().take(MAX_KEY_CHARACTERS).collect::<String>());
    if let Some(same) = known.iter().find(|known| **known == key) {
        return Some(same);
    }
    let distance = |known: &str| strsim::damerau_levenshtein(&key, known);
    let nearest = known.iter().min_by_key(|known| distance(known))?;
    let allowed = match nearest.len() {
        0..4 => 0,
        4 | 5 => 1,
        6..12 => 2,
        _ => 4,
    };
    (distance(nearest) <= allowed).then_some(nearest)
}

/// The same for the keys of a `tls:` block, where other programs' names are known too.
pub(super) fn meant_in_tls(key: &str) -> Option<&'static str> {
    let name = snake(&key.chars().take(MAX_KEY_CHARACTERS).collect::<String>());
    let other = OTHER_NAMES
        .iter()
        .find(|(_, names)| names.contains(&name.as_str()));
    match other {
        Some((known, _)) => Some(known),
        None => meant(key, super::tls::KEYS),
    }
}

/// Whether a key names TLS settings, in whatever way.
pub(super) fn is_tls(key: &str) -> bool {
    let name = snake(&key.chars().take(MAX_KEY_CHARACTERS).collect::<String>());
    SECTION_NAMES.contains(&name.as_str())
}

/// `requireClientCert` and `require-client-cert` as `require_client_cert`.
fn snake(key: &str) -> String {
    let mut name = String::with_capacity(key.len());
    let mut before_is_lower = false;
    for c in key.trim().chars() {
        if c.is_ascii_uppercase() && before_is_lower {
            name.push('_');
        }
        before_is_lower = c.is_ascii_lowercase();
        name.push(match c {
            '-' | ' ' | '.' => '_',
            c => c.to_ascii_lowercase(),
        });
    }
    name
}

const MAX_KEY_CHARACTERS: usize = 64;

const SECTION_NAMES: &[&str] = &[
    "tls",
    "ssl",
    "tsl",
    "tls_config",
    "ssl_config",
    "tls_settings",
    "ssl_settings",
    "mtls",
    "grpcs",
    "secure",
    "tls_enabled",
    "ssl_enabled",
    "use_tls",
    "use_ssl",
    "enable_tls",
    "enable_ssl",
    "tls_cert_file",
    "security",
    "credentials",
    "certificates",
];

const OTHER_NAMES: &[(&str, &[&str])] = &[
    (
        "enabled",
        &[
            "enable",
            "on",
            "active",
            "use_tls",
            "use_ssl",
            "tls",
            "is_enabled",
            "tls_enabled",
        ],
    ),
    (
        "cert_file",
        &[
            "cert",
            "certificate",
            "cert_path",
            "certificate_file",
            "crt",
            "crt_file",
            "server_cert",
            "ssl_cert",
            "tls_cert",
            "ssl_certfile",
            "cert_chain",
            "certificate_chain",
            "ssl_cert_file",
            "server_cert_file",
            "public_cert",
        ],
    ),
    (
        "key_file",
        &[
            "key",
            "private_key",
            "key_path",
            "private_key_file",
            "server_key",
            "ssl_key",
            "tls_key",
            "ssl_keyfile",
            "ssl_key_file",
            "server_key_file",
            "privkey",
        ],
    ),
    (
        "ca_file",
        &[
            "ca",
            "ca_cert",
            "ca_cert_file",
            "ca_certs",
            "cacert",
            "ca_path",
            "ca_crt",
            "root_ca",
            "root_cert",
            "root_certificates",
            "ssl_ca_cert",
            "client_ca",
            "client_ca_file",
            "client_ca_cert",
            "trusted_ca",
            "ca_bundle",
            "ca_certificate",
            "trust_anchors",
        ],
    ),
    (
        "require_client_cert",
        &[
            "mtls",
            "mutual_tls",
            "mutual",
            "client_auth",
            "require_client_auth",
            "verify_client",
            "client_cert_required",
            "require_client_certificate",
            "client_certificate_required",
            "require_client_certs",
            "request_client_cert",
            "require_mtls",
            "require_cert",
            "client_cert",
            "verify_client_cert",
            "enforce_client_cert",
            "mtls_enabled",
        ],
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_meant_is_found_and_the_rest_left_alone() {
        for key in [
            "require_client_certs",
            "requireClientCert",
            "require-client-cert",
            "require_client_auth",
            "require_clent_cert",
            "mtls",
        ] {
            assert_eq!(meant_in_tls(key), Some("require_client_cert"), "{key}");
        }
        assert_eq!(meant_in_tls("cert_fiel"), Some("cert_file"));
        assert_eq!(meant_in_tls("key"), Some("key_file"));
        assert_eq!(meant_in_tls("CA_FILE"), Some("ca_file"));
        assert_eq!(meant_in_tls("enabeld"), Some("enabled"));
        assert_eq!(meant_in_tls("session_tickets"), None);
        assert!(is_tls("ssl") && is_tls("TLS") && !is_tls("host"));
    }
}
