//! DNS lookups: addresses, and which CA may certify a name.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{NameServerConfig, ResolverConfig};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::rdata::CAA;
use hickory_resolver::proto::rr::{RData, RecordType};
use tokio::runtime::Runtime;

/// Looks names up.
pub struct Resolver {
    runtime: Runtime,
    resolver: TokioResolver,
}

/// Whether a CA may certify a name ([RFC 8659](https://www.rfc-editor.org/rfc/rfc8659)).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CaaVerdict {
    /// It may.
    Permitted,
    /// It may not.
    Forbidden {
        /// The name that has the records.
        at: String,
        /// Who may.
        permitted: String,
    },
}

impl Resolver {
    /// A resolver that asks this server; by default those of the system.
    ///
    /// # Errors
    /// Why there is none, as a clause.
    pub fn new(server: Option<SocketAddr>) -> Result<Self, String> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| error.to_string())?;
        let mut builder = match server {
            None => TokioResolver::builder_tokio().map_err(|error| error.to_string())?,
            Some(server) => {
                let mut config = NameServerConfig::udp_and_tcp(server.ip());
                for connection in &mut config.connections {
                    connection.port = server.port();
                }
                let config = ResolverConfig::from_name_servers(vec![config]);
                TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
            }
        };
        let options = builder.options_mut();
        options.timeout = PATIENCE;
        options.attempts = ATTEMPTS;
        let resolver = builder.build().map_err(|error| error.to_string())?;
        Ok(Resolver { runtime, resolver })
    }

    /// The addresses of a name; at least one.
    ///
    /// # Errors
    /// Why there is none, as a clause.
    pub fn addresses(&self, name: &str) -> Result<Vec<IpAddr>, String> {
        let found = self
            .runtime
            .block_on(self.resolver.lookup_ip(absolute(name)));
        match found {
            Ok(found) => Ok(found.iter().collect()),
            Err(error) if error.is_nx_domain() => Err("there is no such name".into()),
            Err(error) if error.is_no_records_found() => Err("it has no address".into()),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Whether a CA with these names may certify a name, or its wildcard.
    ///
    /// # Errors
    /// Why that is unknown, as a clause.
    pub fn caa(&self, name: &str, is_wildcard: bool, ca: &[String]) -> Result<CaaVerdict, String> {
        if ca.is_empty() {
            return Ok(CaaVerdict::Permitted);
        }
        let mut at = name;
        loop {
            let query = self.resolver.lookup(absolute(at), RecordType::CAA);
            let records = match self.runtime.block_on(query) {
                Ok(found) => caa_records(found.answers().iter().map(|record| &record.data)),
                Err(error) if error.is_nx_domain() || error.is_no_records_found() => Vec::new(),
                Err(error) => return Err(error.to_string()),
            };
            if !records.is_empty() {
                return Ok(judge(at, &records, is_wildcard, ca));
            }
            at = match at.split_once('.') {
                Some((_, above)) if above.contains('.') => above,
                Some(_) | None => return Ok(CaaVerdict::Permitted),
            };
        }
    }
}

impl std::fmt::Debug for Resolver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Resolver(..)")
    }
}

fn caa_records<'a>(records: impl Iterator<Item = &'a RData>) -> Vec<(String, String)> {
    let text = |record: &CAA| {
        let value = String::from_utf8_lossy(&record.value).into_owned();
        (record.tag.to_ascii_lowercase(), value)
    };
    records
        .filter_map(|data| match data {
            RData::CAA(record) => Some(text(record)),
            _ => None,
        })
        .collect()
}

/// Judges by the tag that counts: `issuewild` for a wildcard if there is one, else `issue`.
fn judge(at: &str, records: &[(String, String)], is_wildcard: bool, ca: &[String]) -> CaaVerdict {
    let of = |tag: &str| -> Vec<&str> {
        let own = records.iter().filter(|(own, _)| own == tag);
        own.map(|(_, value)| value.split(';').next().unwrap_or_default().trim())
            .collect()
    };
    let wild = of("issuewild");
    let permitted = if is_wildcard && !wild.is_empty() {
        wild
    } else {
        of("issue")
    };
    let is_permitted = permitted
        .iter()
        .any(|name| ca.iter().any(|own| own.eq_ignore_ascii_case(name)));
    if permitted.is_empty() || is_permitted {
        return CaaVerdict::Permitted;
    }
    let names: Vec<&str> = permitted
        .into_iter()
        .filter(|name| !name.is_empty())
        .collect();
    CaaVerdict::Forbidden {
        at: at.to_owned(),
        permitted: if names.is_empty() {
            "no CA".into()
        } else {
            names.join(", ")
        },
    }
}

/// A name with its final dot, so that no search domain is appended.
fn absolute(name: &str) -> String {
    format!("{}.", name.trim_end_matches('.'))
}

const PATIENCE: Duration = Duration::from_secs(3);
const ATTEMPTS: usize = 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tag_that_counts_decides() {
        let records = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
            let pairs = pairs.iter();
            pairs
                .map(|(tag, value)| ((*tag).into(), (*value).into()))
                .collect()
        };
        let ca = ["letsencrypt.org".to_owned()];
        let permits = |pairs: &[(&str, &str)], is_wildcard| {
            judge("a.test", &records(pairs), is_wildcard, &ca) == CaaVerdict::Permitted
        };
        assert!(permits(
            &[("issue", "letsencrypt.org; accounturi=x")],
            false
        ));
        assert!(permits(&[("iodef", "mailto:a@a.test")], false));
        assert!(!permits(&[("issue", ";")], false));
        assert!(!permits(&[("issue", "other.test")], true));
        let both = [("issue", "other.test"), ("issuewild", "LetsEncrypt.org")];
        assert!(permits(&both, true));
        assert!(!permits(&both, false));
    }
}
