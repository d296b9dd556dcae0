//! The known key that an unknown one was probably meant to be.

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
    let other = TLS_KEYS.iter().find(|key| is_other_name(&name, key));
    match other {
        Some(known) => Some(known),
        None => meant(key, TLS_KEYS),
    }
}

/// Whether a key names TLS settings, in whatever way.
pub(super) fn is_tls(key: &str) -> bool {
    let name = snake(&key.chars().take(MAX_KEY_CHARACTERS).collect::<String>());
    is_other_name(&name, SECTION)
}

fn is_other_name(name: &str, key: &str) -> bool {
    let row = OTHER_NAMES.lines().filter_map(|row| row.split_once('\t'));
    let mut names = row.filter(|(known, _)| *known == key);
    names.any(|(_, names)| names.split(' ').any(|other| other == name))
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

/// The keys of a `tls:` block that OpenAgents reads.
pub(super) const TLS_KEYS: &[&str] = &[
    "enabled",
    "cert_file",
    "key_file",
    "ca_file",
    "require_client_cert",
];
const SECTION: &str = "tls:";
/// For `tls:` and each key in it, the names other programs use.
const OTHER_NAMES: &str = include_str!("spelling.tsv");

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
