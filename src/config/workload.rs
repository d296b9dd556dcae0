//! `[workload]` of `certs.toml`: which processes get which SPIFFE IDs.

use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use toml::Spanned;

use crate::pki::profile::Location;
use crate::pki::san::{SubjectAltName, TypedName};
use crate::pki::spiffe::{SpiffeId, TrustDomain};
use crate::pki::validity::Lifetime;

/// The settings of workload identities.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Workload {
    /// The trust domain of every SPIFFE ID that is issued.
    pub trust_domain: TrustDomain,
    /// How long a JWT-SVID is valid; an entry's `ttl` limits it.
    #[serde(default = "jwt_lifetime")]
    pub jwt_ttl: WorkloadLifetime,
    /// How often other trust domains should fetch the bundle.
    #[serde(default = "refresh_hint")]
    pub refresh_hint: Lifetime,
    /// The trust domains that are trusted beside this one.
    #[serde(default, rename = "federation")]
    federations: Vec<Spanned<Federation>>,
    #[serde(default, rename = "entry")]
    entries: Vec<Spanned<SharedEntry>>,
}

impl Workload {
    /// Who gets an identity, in the order of the file.
    pub fn entries(&self) -> impl Iterator<Item = &Arc<WorkloadEntry>> {
        self.entries.iter().map(|entry| &entry.get_ref().0)
    }

    /// The trust domains that are trusted beside this one.
    pub fn federations(&self) -> impl Iterator<Item = &Federation> {
        self.federations.iter().map(Spanned::get_ref)
    }

    /// What does not fit together, and the byte of the file where it is. `longest` is how long a certificate may be valid.
    pub(super) fn contradiction(&self, longest: Option<Lifetime>) -> Option<(usize, String)> {
        let of_entry = self.entries.iter().find_map(|entry| {
            let what = entry
                .get_ref()
                .0
                .contradiction(&self.trust_domain, longest)?;
            Some((entry.span().start, what))
        });
        of_entry.or_else(|| {
            self.federations.iter().find_map(|federation| {
                let what = federation.get_ref().contradiction(&self.trust_domain)?;
                Some((federation.span().start, what))
            })
        })
    }
}

/// An entry that a server keeps as long as it is the same: there may be many.
#[derive(Clone, Debug, Deserialize)]
#[serde(from = "WorkloadEntry")]
struct SharedEntry(Arc<WorkloadEntry>);

impl From<WorkloadEntry> for SharedEntry {
    fn from(entry: WorkloadEntry) -> Self {
        SharedEntry(Arc::new(entry))
    }
}

/// Which processes get a SPIFFE ID: all selectors that are given must match.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "EntryForm")]
pub struct WorkloadEntry {
    /// The SPIFFE ID.
    pub spiffe_id: SpiffeId,
    /// The node whose agent serves it; `None` for this machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<SpiffeId>,
    /// What a process must be.
    #[serde(flatten)]
    pub selectors: Selectors,
    /// How long an SVID is valid.
    pub ttl: WorkloadLifetime,
    /// DNS names of the X.509-SVID.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dns: Vec<DnsName>,
    /// Tells a program with several SVIDs which one to use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl WorkloadEntry {
    /// Why it cannot be an entry of a trust domain.
    pub fn contradiction(
        &self,
        trust_domain: &TrustDomain,
        longest: Option<Lifetime>,
    ) -> Option<String> {
        let foreign = |id: &&SpiffeId| !trust_domain.contains(id);
        let ids = [Some(&self.spiffe_id), self.node.as_ref()];
        if let Some(id) = ids.into_iter().flatten().find(foreign) {
            return Some(format!("{id} is not in the trust domain {trust_domain}"));
        }
        let ttl = self.ttl.lifetime();
        let longest = longest.filter(|longest| ttl > *longest)?;
        Some(format!(
            "a ttl of {ttl} is more than the {longest} of profile 'svid'"
        ))
    }
}

/// What a process must be to get an SVID; at least one is given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub struct Selectors {
    /// Its user's number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unix_uid: Option<u32>,
    /// Its primary group's number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unix_gid: Option<u32>,
    /// Its user's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unix_user: Option<String>,
    /// The program that it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exe: Option<PathBuf>,
    /// SHA-256 of the program, in hex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exe_sha256: Option<Sha256>,
}

impl Selectors {
    /// Each that is given, as `name:value`.
    pub fn texts(&self) -> Vec<String> {
        let exe = self.exe.as_ref().map(|exe| exe.display().to_string());
        let all = [
            ("unix_uid", self.unix_uid.map(|uid| uid.to_string())),
            ("unix_gid", self.unix_gid.map(|gid| gid.to_string())),
            ("unix_user", self.unix_user.clone()),
            ("exe", exe),
            ("exe_sha256", self.exe_sha256.clone().map(String::from)),
        ];
        let given = all
            .into_iter()
            .filter_map(|(name, value)| Some(format!("{name}:{}", value?)));
        given.collect()
    }

    /// Whether the program has to be looked at.
    pub fn names_program(&self) -> bool {
        self.exe.is_some() || self.exe_sha256.is_some()
    }
}

/// Another trust domain, and where its bundle is.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Federation {
    /// The trust domain.
    pub trust_domain: TrustDomain,
    /// Its bundle endpoint.
    pub url: Location,
    /// How the endpoint is authenticated.
    #[serde(default)]
    pub profile: EndpointProfile,
    /// The SPIFFE ID of the endpoint, with `https_spiffe`.
    #[serde(default)]
    pub endpoint_spiffe_id: Option<SpiffeId>,
    /// A file with the bundle to begin with; with `https_web` the certificates to trust, if not the system's.
    #[serde(default)]
    pub bundle: Option<PathBuf>,
}

impl Federation {
    fn contradiction(&self, own: &TrustDomain) -> Option<String> {
        let domain = &self.trust_domain;
        let has_id = self.endpoint_spiffe_id.is_some();
        match self.profile {
            _ if domain == own => Some(format!("{domain} is the trust domain of this authority")),
            _ if !self.url.as_str().starts_with("https://") => Some(format!(
                "the bundle endpoint of {domain} is not an https URL"
            )),
            EndpointProfile::HttpsSpiffe if !has_id || self.bundle.is_none() => Some(format!(
                "the profile https_spiffe of {domain} needs endpoint_spiffe_id and bundle"
            )),
            EndpointProfile::HttpsWeb if has_id => Some(format!(
                "endpoint_spiffe_id of {domain} is for the profile https_spiffe"
            )),
            EndpointProfile::HttpsSpiffe | EndpointProfile::HttpsWeb => None,
        }
    }
}

/// How a bundle endpoint is authenticated
/// ([SPIFFE Federation §5.2](https://github.com/spiffe/spiffe/blob/main/standards/SPIFFE_Federation.md)).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EndpointProfile {
    /// By a certificate for its host, of a public CA.
    #[default]
    HttpsWeb,
    /// By an X.509-SVID.
    HttpsSpiffe,
}

/// The lifetime of an SVID: at least a minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(try_from = "Lifetime", into = "Lifetime")]
pub struct WorkloadLifetime(Lifetime);

impl WorkloadLifetime {
    /// The lifetime.
    pub fn lifetime(self) -> Lifetime {
        self.0
    }
}

impl TryFrom<Lifetime> for WorkloadLifetime {
    type Error = String;

    fn try_from(lifetime: Lifetime) -> Result<Self, String> {
        if lifetime < SHORTEST {
            return Err(format!(
                "an SVID is valid for at least {SHORTEST}, and this is {lifetime}"
            ));
        }
        Ok(WorkloadLifetime(lifetime))
    }
}

impl From<WorkloadLifetime> for Lifetime {
    fn from(lifetime: WorkloadLifetime) -> Lifetime {
        lifetime.0
    }
}

impl FromStr for WorkloadLifetime {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let lifetime: Lifetime = text.parse().map_err(|error| format!("{error}"))?;
        lifetime.try_into()
    }
}

/// A DNS name of an SVID; no wildcard.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct DnsName(String);

impl DnsName {
    /// The name for a certificate.
    pub fn typed(&self) -> TypedName {
        TypedName {
            name: SubjectAltName::Dns(self.0.clone()),
            notes: Vec::new(),
        }
    }
}

impl FromStr for DnsName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.parse() {
            Ok(SubjectAltName::Dns(name)) if !name.starts_with('*') => Ok(DnsName(name)),
            Ok(_) => Err(format!("not the DNS name of a host: '{text}'")),
            Err(error) => Err(error.to_string()),
        }
    }
}

impl TryFrom<String> for DnsName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<DnsName> for String {
    fn from(name: DnsName) -> String {
        name.0
    }
}

/// A SHA-256 digest, as 64 hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Sha256([u8; 32]);

impl Sha256 {
    /// The digest.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl FromStr for Sha256 {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("not a SHA-256 digest of 64 hexadecimal digits: '{text}'");
        let digits = text.as_bytes();
        if digits.len() != 64 || !digits.iter().all(u8::is_ascii_hexdigit) {
            return Err(wrong());
        }
        let mut digest = [0; 32];
        for (byte, pair) in digest.iter_mut().zip(digits.chunks(2)) {
            let pair = std::str::from_utf8(pair).map_err(|_| wrong())?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| wrong())?;
        }
        Ok(Sha256(digest))
    }
}

impl TryFrom<String> for Sha256 {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Sha256> for String {
    fn from(digest: Sha256) -> String {
        digest.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// An entry as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EntryForm {
    spiffe_id: SpiffeId,
    node: Option<SpiffeId>,
    unix_uid: Option<u32>,
    unix_gid: Option<u32>,
    unix_user: Option<String>,
    exe: Option<PathBuf>,
    exe_sha256: Option<Sha256>,
    ttl: Option<WorkloadLifetime>,
    #[serde(default)]
    dns: Vec<DnsName>,
    hint: Option<String>,
}

impl TryFrom<EntryForm> for WorkloadEntry {
    type Error = String;

    fn try_from(form: EntryForm) -> Result<Self, String> {
        let selectors = Selectors {
            unix_uid: form.unix_uid,
            unix_gid: form.unix_gid,
            unix_user: form.unix_user,
            exe: form.exe,
            exe_sha256: form.exe_sha256,
        };
        let id = &form.spiffe_id;
        if selectors == Selectors::default() {
            return Err(format!(
                "the entry of {id} has no selector; give unix_uid, unix_gid, unix_user, exe or exe_sha256"
            ));
        }
        if let Some(relative) = selectors.exe.as_ref().filter(|exe| !exe.is_absolute()) {
            return Err(format!(
                "the exe of {id} is not an absolute path: '{}'",
                relative.display()
            ));
        }
        if form
            .hint
            .as_ref()
            .is_some_and(|hint| hint.len() > MAX_HINT_BYTES)
        {
            return Err(format!(
                "the hint of {id} is longer than {MAX_HINT_BYTES} bytes"
            ));
        }
        Ok(WorkloadEntry {
            spiffe_id: form.spiffe_id,
            node: form.node,
            selectors,
            ttl: form.ttl.unwrap_or(DEFAULT),
            dns: form.dns,
            hint: form.hint,
        })
    }
}

fn jwt_lifetime() -> WorkloadLifetime {
    WorkloadLifetime(Lifetime::from_seconds(5 * 60))
}

fn refresh_hint() -> Lifetime {
    Lifetime::from_seconds(5 * 60)
}

const SHORTEST: Lifetime = Lifetime::from_seconds(60);
const DEFAULT: WorkloadLifetime = WorkloadLifetime(Lifetime::from_seconds(60 * 60));
const MAX_HINT_BYTES: usize = 1_024; // SPIFFE_Workload_API §5.2.1
