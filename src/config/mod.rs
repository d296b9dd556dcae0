//! An authority's settings: `certs.toml`.

mod notify;
mod serve;
mod workload;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::Spanned;

use crate::pki::algorithm::KeyType;
use crate::pki::escape::Escaped;
use crate::pki::profile::{
    BuiltIn, Location, Policy, PolicyId, Profile, ProfileSettings, SubjectSettings,
};
use crate::pki::validity::Lifetime;

pub use notify::{EventKind, MailServer, Notify, Recipients, WebhookUrl};
pub use serve::{
    Acme, ChallengeType, HttpListen, Limits, ListenAddress, Operators, PublicUrl, ResolverAddress,
    Role, Serve,
};
pub use workload::{
    DnsName, EndpointProfile, Federation, Selectors, Sha256, Workload, WorkloadEntry,
    WorkloadLifetime,
};

/// The content of `certs.toml`: changes to the built-in profiles, other profiles, and defaults for all.
#[derive(Clone, Debug, Default)]
pub struct Config {
    path: PathBuf,
    defaults: Defaults,
    crl: RevocationLists,
    ocsp: Ocsp,
    notify: Notify,
    serve: Serve,
    store: Store,
    workload: Option<Workload>,
    profiles: BTreeMap<String, ProfileSettings>,
}

impl Config {
    /// The settings in the content of a file; the defaults when there is no file.
    ///
    /// # Errors
    /// When it is not TOML, has an unknown field or an invalid value, or a profile that contradicts itself. The
    /// error has line and column.
    pub fn read(path: &Path, content: Option<&[u8]>) -> Result<Self, ConfigError> {
        let Some(content) = content else {
            return Ok(Config::default());
        };
        let source = ConfigText { path, content };
        let text = std::str::from_utf8(content)
            .map_err(|error| source.error(error.valid_up_to(), "it is not UTF-8"))?;
        let document: Document = toml::from_str(text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            source.error(at, error.message())
        })?;
        let starts: Vec<(String, usize)> = document
            .profiles
            .iter()
            .map(|(name, settings)| (name.clone(), settings.span().start))
            .collect();
        let defaults = document
            .defaults
            .as_ref()
            .map(|defaults| defaults.span().start);
        let notify = document.notify.as_ref().map(|notify| notify.span().start);
        let serve = document.serve.as_ref().map(|serve| serve.span().start);
        let config = Config {
            path: path.to_owned(),
            defaults: inner(document.defaults),
            crl: document.crl,
            ocsp: document.ocsp,
            notify: inner(document.notify),
            serve: inner(document.serve),
            store: document.store,
            workload: document.workload,
            profiles: document
                .profiles
                .into_iter()
                .map(|(name, settings)| (name, settings.into_inner()))
                .collect(),
        };
        for (name, start) in starts {
            config
                .resolve(&name)
                .map_err(|message| source.error(start, &message))?;
        }
        if let Some(start) = defaults {
            for built_in in BuiltIn::ALL {
                config.resolve(built_in.name).map_err(|message| {
                    source.error(start, &format!("[defaults] do not fit: {message}"))
                })?;
            }
        }
        if let (Some(start), Some(fault)) = (notify, config.notify.fault()) {
            return Err(source.error(start, &format!("[notify] {fault}")));
        }
        config
            .contradiction(serve)
            .map_or(Ok(()), |(start, what)| Err(source.error(start, &what)))?;
        Ok(config)
    }

    /// What does not fit together in the settings of the server and of workloads, and the byte of the file where it is.
    fn contradiction(&self, serve: Option<usize>) -> Option<(usize, String)> {
        let mut offered = self.serve.acme.profiles.iter();
        let unknown = offered.find(|name| !self.names().contains(&name.as_str()));
        let unknown = unknown.zip(serve).map(|(unknown, start)| {
            let what = format!("[serve.acme] there is no profile '{}'", Escaped(unknown));
            (start, what)
        });
        unknown.or_else(|| self.workload.as_ref()?.contradiction(self.longest_svid()))
    }

    /// Who is told of what.
    pub fn notify(&self) -> &Notify {
        &self.notify
    }

    /// The URL of the database that holds the inventory, when it is not in a file.
    pub fn store_url(&self) -> Option<&str> {
        self.store.url.as_deref()
    }

    /// The settings of workload identities, if there are any.
    pub fn workload(&self) -> Option<&Workload> {
        self.workload.as_ref()
    }

    /// How long an SVID may be valid, if the profile `svid` limits it.
    pub fn longest_svid(&self) -> Option<Lifetime> {
        // Every known profile was resolved when the file was read.
        self.resolve(SVID).ok()?.max_lifetime
    }

    /// The settings of the server.
    pub fn serve(&self) -> &Serve {
        &self.serve
    }

    /// The profile with this name: built in, from the file, or built in with changes from the file.
    ///
    /// # Errors
    /// When there is none.
    pub fn profile(&self, name: &str) -> Result<Profile, ConfigError> {
        // Every known profile was resolved when the file was read.
        self.resolve(name).map_err(|_| ConfigError::NoProfile {
            name: name.to_owned(),
            known: self.names().into_iter().map(str::to_owned).collect(),
        })
    }

    /// The names of all profiles: the built-in ones, then the others in alphabetical order.
    pub fn names(&self) -> Vec<&str> {
        let built_in = BuiltIn::ALL.map(|built_in| built_in.name);
        let own = self
            .profiles
            .keys()
            .map(String::as_str)
            .filter(|name| !built_in.contains(name));
        built_in.into_iter().chain(own).collect()
    }

    /// Whether the file has a profile with this name.
    pub fn mentions(&self, name: &str) -> bool {
        self.profiles.contains_key(name)
    }

    /// The time from a CRL's thisUpdate to its nextUpdate.
    pub fn crl_lifetime(&self) -> Lifetime {
        self.crl.lifetime.unwrap_or(CRL_LIFETIME)
    }

    /// The time from an OCSP answer's thisUpdate to its nextUpdate.
    pub fn ocsp_lifetime(&self) -> Lifetime {
        self.ocsp.lifetime.unwrap_or(OCSP_LIFETIME)
    }

    /// The file; empty when there is none.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn resolve(&self, name: &str) -> Result<Profile, String> {
        let wrong = |what: &str| format!("profile '{}': {what}", Escaped(name));
        if !is_profile_name(name) {
            return Err(wrong("its name may contain only a-z, 0-9, '-' and '_'"));
        }
        self.settings(name)?
            .profile(name)
            .map_err(|error| wrong(&error.to_string()))
    }

    /// The settings of a profile over those it extends, over the defaults, over the built-in ones.
    fn settings(&self, name: &str) -> Result<ProfileSettings, String> {
        let mut chain: Vec<(&str, &ProfileSettings)> = Vec::new();
        let mut at = name;
        let lowest = loop {
            let built_in = || BuiltIn::named(at).map(BuiltIn::settings);
            let unknown = || {
                let from = chain.last().map_or(String::new(), |(above, _)| {
                    format!(", which '{}' extends", Escaped(above))
                });
                format!("there is no profile '{}'{from}", Escaped(at))
            };
            let Some(own) = self.profiles.get(at) else {
                break built_in().ok_or_else(unknown)?;
            };
            if chain.len() == MAX_EXTENDS {
                return Err(format!(
                    "profile '{}' extends more than {MAX_EXTENDS} others",
                    Escaped(name)
                ));
            }
            match own.extends.as_deref() {
                Some(below) if chain.iter().any(|(above, _)| *above == below) => {
                    return Err(format!("profile '{}' extends itself", Escaped(below)));
                }
                Some(below) if below != at => {
                    chain.push((at, own));
                    at = below;
                }
                Some(_) => {
                    let lowest = built_in().ok_or_else(unknown)?;
                    chain.push((at, own));
                    break lowest;
                }
                None => {
                    let lowest = built_in().unwrap_or_default();
                    chain.push((at, own));
                    break lowest;
                }
            }
        };
        let lowest = self.defaults.clone().into_settings().over(lowest);
        let lowest = lowest.over(self.serve.locations());
        let settings = chain.into_iter().rev();
        Ok(settings.fold(lowest, |below, (_, own)| own.clone().over(below)))
    }
}

/// Settings of every profile, over those of the built-in ones and below those of the file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Defaults {
    key_types: Option<Vec<KeyType>>,
    crl_distribution_points: Option<Vec<Location>>,
    ca_issuers: Option<Vec<Location>>,
    ocsp: Option<Vec<Location>>,
    certificate_policies: Option<Vec<PolicyId>>,
    subject: SubjectSettings,
    policy: Policy,
}

impl Defaults {
    fn into_settings(self) -> ProfileSettings {
        ProfileSettings {
            key_types: self.key_types,
            crl_distribution_points: self.crl_distribution_points,
            ca_issuers: self.ca_issuers,
            ocsp: self.ocsp,
            certificate_policies: self.certificate_policies,
            subject: self.subject,
            policy: self.policy,
            ..ProfileSettings::default()
        }
    }
}

/// Where the inventory is.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Store {
    url: Option<String>,
}

/// Settings of OCSP answers.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Ocsp {
    lifetime: Option<Lifetime>,
}

/// Settings of revocation lists.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RevocationLists {
    lifetime: Option<Lifetime>,
}

/// The file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Document {
    defaults: Option<Spanned<Defaults>>,
    crl: RevocationLists,
    ocsp: Ocsp,
    notify: Option<Spanned<Notify>>,
    serve: Option<Spanned<Serve>>,
    store: Store,
    workload: Option<Workload>,
    profiles: BTreeMap<String, Spanned<ProfileSettings>>,
}

/// A section, or its defaults where there is none.
fn inner<T: Default>(section: Option<Spanned<T>>) -> T {
    section.map(Spanned::into_inner).unwrap_or_default()
}

/// Why settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// Something in the file is wrong.
    #[error("{}:{line}:{column}: {message}", Escaped(&path.to_string_lossy()))]
    Invalid {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The character in it, from 1.
        column: usize,
        /// What is wrong.
        message: String,
    },
    /// No such profile.
    #[error("there is no profile '{}'", Escaped(name))]
    NoProfile {
        /// The name.
        name: String,
        /// The names there are.
        known: Vec<String>,
    },
}

impl ConfigError {
    /// How to fix it.
    pub fn hint(&self) -> String {
        match self {
            ConfigError::Invalid { .. } => {
                "see every field with `openagents-certs template show certs.toml`".into()
            }
            ConfigError::NoProfile { known, .. } => format!(
                "choose one of {}, or add `[profiles.NAME]` to certs.toml",
                known.join(", ")
            ),
        }
    }
}

/// A file and its content.
struct ConfigText<'a> {
    path: &'a Path,
    content: &'a [u8],
}

impl ConfigText<'_> {
    /// An error at a byte of the file.
    fn error(&self, at: usize, message: &str) -> ConfigError {
        let before = &self.content[..at.min(self.content.len())];
        let line_start = before
            .iter()
            .rposition(|&byte| byte == b'\n')
            .map_or(0, |newline| newline + 1);
        ConfigError::Invalid {
            path: self.path.to_owned(),
            line: before.iter().filter(|&&byte| byte == b'\n').count() + 1,
            column: String::from_utf8_lossy(&before[line_start..])
                .chars()
                .count()
                + 1,
            message: Escaped(message).to_string(),
        }
    }
}

/// Whether a name needs quoting neither in TOML nor in a shell.
fn is_profile_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= MAX_NAME_BYTES
        && name
            .bytes()
            .all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_'))
}

/// The profile of X.509-SVIDs.
pub const SVID: &str = "svid";

const MAX_NAME_BYTES: usize = 64;

/// The longest chain of `extends`.
const MAX_EXTENDS: usize = 16;

/// Long enough to restart a server, short enough that a stapled answer is soon outdated.
const OCSP_LIFETIME: Lifetime = Lifetime::from_seconds(4 * 60 * 60);

/// OpenSSL's `default_crl_days`.
const CRL_LIFETIME: Lifetime = match Lifetime::from_days(30) {
    Some(lifetime) => lifetime,
    None => unreachable!(),
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_file_the_built_in_profiles_are_there() {
        let config = Config::read(Path::new("certs.toml"), None).unwrap();
        assert_eq!(
            config.names(),
            [
                "server",
                "client",
                "peer",
                "svid",
                "message",
                "intermediate"
            ]
        );
        assert_eq!(config.profile("server").unwrap(), BuiltIn::ALL[0].profile());
        let error = config.profile("web").unwrap_err();
        assert!(error.hint().contains("server, client"));
    }

    #[test]
    fn ones_own_settings_lie_over_the_defaults_over_the_built_in_ones() {
        let config = read(
            "[defaults]\nca_issuers = ['http://pki.test/ca.crt']\nsubject.organization = 'Acme'\n\
             [profiles.server]\nmax_lifetime = '30d'\nsubject.organization = 'Servers'\n\
             [profiles.web]\nextends = 'server'\nsubject.locality = 'Bern'",
        )
        .unwrap();
        let web = config.profile("web").unwrap();
        assert_eq!(web.max_lifetime.unwrap().to_string(), "30d");
        assert_eq!(web.default_lifetime.to_string(), "30d");
        assert_eq!(web.subject.organization.as_deref(), Some("Servers"));
        assert_eq!(web.subject.locality.as_deref(), Some("Bern"));
        assert_eq!(web.policy.max_names, Some(100));
        let client = config.profile("client").unwrap();
        assert_eq!(client.subject.organization.as_deref(), Some("Acme"));
        assert_eq!(client.ca_issuers[0].as_str(), "http://pki.test/ca.crt");
        assert_eq!(config.names().last(), Some(&"web"));
    }

    #[test]
    fn certificates_name_the_server_that_has_a_url_unless_the_defaults_say_otherwise() {
        let profile = |text: &str| read(text).unwrap().profile("server").unwrap();
        let first = |locations: &[Location]| locations.first().map(ToString::to_string);
        let none = profile("[serve]\nhttp_listen = '127.0.0.1:8080'");
        assert!(none.ocsp.is_empty() && none.crl_distribution_points.is_empty());
        let url = "[serve]\nhttp_url = 'http://pki.test/'\n";
        let all = profile(url);
        let of = |path| Some(format!("http://pki.test/{path}"));
        assert_eq!(first(&all.crl_distribution_points), of("crl.der"));
        assert_eq!(first(&all.ocsp), of("ocsp"));
        assert_eq!(first(&all.ca_issuers), of("ca.der"));
        let other = profile(&format!(
            "{url}[defaults]\nocsp = ['http://o.test/']\nca_issuers = []"
        ));
        assert_eq!(first(&other.ocsp), Some("http://o.test/".into()));
        assert!(other.ca_issuers.is_empty());
        assert_eq!(first(&other.crl_distribution_points), of("crl.der"));
    }

    #[test]
    fn an_invalid_value_is_reported_with_line_and_column() {
        for (text, expected) in [
            (
                "[profiles.server]\nmax_lifetime = '1d'\nmax_names = 3",
                "3:1: unknown field `max_names`",
            ),
            (
                "[profiles.server]\nmax_lifetime = '30 days'",
                "2:16: not a lifetime: '30 days'",
            ),
            ("\n  [profile.server]", "2:4: unknown field `profile`"),
            (
                "[profiles.a.policy]\npermitted_dns = ['*.a', 'a.*']",
                "2:17: not a pattern: 'a.*'",
            ),
            (
                "# \u{fc}\u{fc}\n[defaults]\nocsp = ['ftp://a/']  # \u{fc}",
                "3:8: not a URL to fetch from",
            ),
            (
                "[profiles.server]\npurpose = 'srever'",
                "2:11: unknown variant `srever`",
            ),
            ("[profiles.server]\na = ", "2:5: "),
            (
                "[profiles.server]\n[profiles.server]",
                "2:11: duplicate key",
            ),
            (
                "[serve]\nlisten = 'here'",
                "2:10: not an IP address with a port",
            ),
            (
                "[serve.acme]\nprofile = 'web'",
                "2:1: unknown field `profile`",
            ),
            (
                "[serve.acme]\nprofiles = ['web']",
                "1:2: [serve.acme] there is no profile 'web'",
            ),
            (
                "[serve.limits]\nheader_time = '31s'",
                "2:15: header_time is at most 30s",
            ),
            (
                "[serve.operators]\n'alice' = 'admin'",
                "2:11: unknown variant `admin`",
            ),
        ] {
            assert_error(text, expected);
        }
        let error = Config::read(Path::new("c"), Some(b"# \n\xff")).unwrap_err();
        assert_eq!(error.to_string(), "c:2:1: it is not UTF-8");
    }

    #[test]
    fn a_workload_entry_without_selector_or_of_another_trust_domain_is_refused() {
        for (text, expected) in [
            (
                "[workload]\njwt_ttl = '5m'",
                "1:1: missing field `trust_domain`",
            ),
            (
                "[workload]\ntrust_domain = 'Example.org'",
                "2:16: not a trust domain",
            ),
            (
                "[workload]\ntrust_domain = 'a'\n[[workload.entry]]\nspiffe_id = 'spiffe://a/x'",
                "3:1: the entry of spiffe://a/x has no selector",
            ),
            (
                "[workload]\ntrust_domain = 'a'\n[[workload.entry]]\nspiffe_id = 'spiffe://a'\nunix_uid = 0",
                "4:13: not a SPIFFE ID: 'spiffe://a': it has no path",
            ),
            (
                "[workload]\ntrust_domain = 'a'\n[[workload.entry]]\nspiffe_id = 'spiffe://b/x'\nunix_uid = 0",
                "3:1: spiffe://b/x is not in the trust domain a",
            ),
            (
                "[workload]\ntrust_domain = 'a'\n[[workload.entry]]\nspiffe_id = 'spiffe://a/x'\nunix_uid = 0\nttl = '59s'",
                "6:7: an SVID is valid for at least 1m",
            ),
            (
                "[profiles.svid]\nmax_lifetime = '1h'\n[workload]\ntrust_domain = 'a'\n[[workload.entry]]\nspiffe_id = 'spiffe://a/x'\nunix_uid = 0\nttl = '2h'",
                "5:1: a ttl of 2h is more than the 1h of profile 'svid'",
            ),
        ] {
            assert_error(text, expected);
        }
    }

    #[test]
    fn an_invalid_profile_is_reported_with_its_position() {
        for (text, expected) in [
            (
                "[profiles.web]\nmax_lifetime = '1d'",
                "1:1: profile 'web': it has no purpose",
            ),
            (
                "\n[profiles.web]\nextends = 'wob'",
                "2:1: there is no profile 'wob', which 'web' extends",
            ),
            (
                "[profiles.a]\nextends = 'b'\n[profiles.b]\nextends = 'a'",
                "1:1: profile 'a' extends itself",
            ),
            (
                "[profiles.peer]\ndefault_lifetime = '2d'\nmax_lifetime = '1d'",
                "1:1: profile 'peer': default_lifetime is 2d",
            ),
            (
                "\n[defaults]\nsubject.country = 'Switzerland'",
                "2:1: [defaults] do not fit: profile 'server': ",
            ),
            (
                "[profiles.\"a b\"]\nextends = 'server'",
                "1:1: profile 'a b': its name may contain only",
            ),
        ] {
            assert_error(text, expected);
        }
    }

    #[test]
    fn a_chain_of_60_000_profiles_is_refused_and_one_of_16_is_not() {
        let chain = |count: usize| {
            let link = |n| format!("[profiles.p{n:05}]\nextends = 'p{:05}'\n", n + 1);
            let links: String = (0..count).map(link).collect();
            read(&format!(
                "{links}[profiles.p{count:05}]\nextends = 'server'"
            ))
        };
        assert!(chain(15).is_ok());
        let error = chain(60_000).unwrap_err().to_string();
        assert!(error.contains("extends more than 16 others"), "{error}");
    }

    #[test]
    fn a_message_shows_nothing_of_the_file_unescaped() {
        let error = read("[profiles.server]\n\"\\u001b[31m\" = 1").unwrap_err();
        assert!(!error.to_string().contains('\u{1b}'));
    }

    fn assert_error(text: &str, expected: &str) {
        let error = read(text).unwrap_err().to_string();
        assert!(
            error.starts_with(&format!("certs.toml:{expected}")),
            "{error}"
        );
    }

    fn read(text: &str) -> Result<Config, ConfigError> {
        Config::read(Path::new("certs.toml"), Some(text.as_bytes()))
    }
}
