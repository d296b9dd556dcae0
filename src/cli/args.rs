//! Arguments that several commands share.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use time::OffsetDateTime;

pub(super) use super::context::Global;
use super::passphrase::PassphraseSource;
use crate::authority::{AuthorityAt, Material, Recording, Source as MaterialSource};
use crate::ops::issue::{End, Existing, Label};
use crate::ops::live;
use crate::ops::passphrase::Ask;
use crate::ops::renew::{Hook, SignalTo};
pub(super) use crate::ops::requested_by;
use crate::pki::validity::{self, Lifetime};
use crate::render::Renderer;

/// The validity period of a certificate.
#[derive(Args, Debug)]
#[group(multiple = false)]
pub(super) struct Lasting {
    /// Validity in days [default: 365]
    #[arg(short, long, value_name = "N", value_parser = validity::days, allow_hyphen_values = true)]
    days: Option<Lifetime>,

    /// Validity period, such as 15m, 24h, 90d or 1y
    #[arg(long, value_name = "LIFETIME")]
    ttl: Option<Lifetime>,

    /// Expiry time, such as 2027-01-31T00:00:00Z
    #[arg(long, value_name = "TIME", value_parser = validity::moment)]
    not_after: Option<OffsetDateTime>,
}

impl Lasting {
    /// When it expires; `None` for the profile's default.
    pub(super) fn end(&self) -> Option<End> {
        let lifetime = self.ttl.or(self.days);
        self.not_after.map(End::At).or(lifetime.map(End::After))
    }
}

/// What the inventory records besides the certificate.
#[derive(Args, Debug)]
pub(super) struct Record {
    /// Note to store in the inventory
    #[arg(long, value_name = "TEXT")]
    pub(super) note: Option<String>,

    /// Label to store in the inventory, such as team=red; repeat for more
    #[arg(long, value_name = "NAME=VALUE")]
    pub(super) label: Vec<Label>,
}

/// Where the certificate goes.
#[derive(Args, Debug)]
pub(super) struct Output {
    /// Write to this directory [default: the PKI directory]
    #[arg(long, value_name = "DIR", value_parser = directory())]
    pub(super) out: Option<PathBuf>,

    /// Base name of the files, BASE.crt and BASE.key [default: the first name]
    #[arg(long, value_name = "BASE")]
    pub(super) name: Option<OsString>,

    /// Replace existing files
    #[arg(long)]
    pub(super) force: bool,

    /// Do nothing if the existing files satisfy the request and are not due for renewal, otherwise replace them
    #[arg(long, conflicts_with = "force")]
    pub(super) if_needed: bool,

    /// Write certificate and key to standard output as PEM; on disk only the inventory changes
    #[arg(long, conflicts_with_all = ["out", "name", "force", "if_needed"])]
    pub(super) stdout: bool,
}

/// What `--force` and `--if-needed` say about files that exist.
pub(super) fn existing(force: bool, if_needed: bool) -> Existing {
    match (force, if_needed) {
        (_, true) => Existing::KeepIfSatisfied,
        (true, false) => Existing::Replace,
        (false, false) => Existing::Refuse,
    }
}

/// The authority that issues.
#[derive(Args, Debug)]
pub(super) struct Issuer {
    /// CA certificate, if not in the PKI directory: FILE, env:NAME (PEM or its base64) or - (stdin)
    #[arg(long, value_name = "SOURCE", requires = "ca_key")]
    ca_cert: Option<OsString>,

    /// CA private key: FILE, env:NAME or - (stdin)
    #[arg(long, value_name = "SOURCE", requires = "ca_cert")]
    ca_key: Option<OsString>,

    /// Record in this inventory; with 'none' the certificate can be neither listed nor revoked
    #[arg(long, value_name = "FILE")]
    inventory: Option<OsString>,

    #[command(flatten)]
    pub(super) passphrase: PassphraseSource,
}

impl Issuer {
    /// The environment variables that contain the CA's key or its passphrase.
    pub(super) fn secret_variables(&self) -> Vec<OsString> {
        use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
        let name = |source: &OsString| source.as_bytes().strip_prefix(b"env:").map(<[u8]>::to_vec);
        let key = self.ca_key.as_ref().and_then(name).map(OsString::from_vec);
        let passphrase = self.passphrase.variable();
        key.into_iter().chain(passphrase).collect()
    }

    /// The authority for an operation.
    pub(super) fn at<'a>(&self, directory: &'a Path, ask: Ask<'a>) -> AuthorityAt<'a> {
        let material = self.ca_cert.as_ref().zip(self.ca_key.as_ref());
        AuthorityAt {
            directory,
            material: material.map(|(certificate, key)| Material {
                certificate: MaterialSource::named(certificate),
                key: MaterialSource::named(key),
            }),
            recording: match &self.inventory {
                None => Recording::Directory,
                Some(name) if name == "none" => Recording::Nowhere,
                Some(path) => Recording::File(path.into()),
            },
            passphrase: ask,
        }
    }
}

/// Parses a directory's path; refuses a URL, because nothing is written over a network.
pub(super) fn directory() -> impl clap::builder::TypedValueParser<Value = PathBuf> {
    use clap::builder::{PathBufValueParser, TypedValueParser as _};
    PathBufValueParser::new().try_map(|path| {
        if path.to_string_lossy().contains("://") {
            Err("a URL, not a local directory")
        } else {
            Ok(path)
        }
    })
}

/// How to dial live ports.
#[derive(Args, Debug)]
#[command(next_help_heading = "Live ports")]
pub(super) struct Dialling {
    /// Send this server name (SNI) to live ports instead of the host
    #[arg(long, value_name = "NAME")]
    servername: Option<String>,

    /// Time limit of each step with a live port, such as 5s or 500ms; three times as long for the whole
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = duration)]
    timeout: Duration,
}

impl Dialling {
    /// For an operation, with its default number of connections or this one.
    pub(super) fn options(self, connections: Option<usize>) -> live::Dialling {
        let usual = live::Dialling::default();
        live::Dialling {
            server_name: self.servername,
            timeout: self.timeout,
            connections: connections.unwrap_or(usual.connections),
        }
    }
}

/// What runs when new files are in place.
#[derive(Args, Clone, Debug)]
pub(super) struct Afterwards {
    /// Run this program afterwards, with the arguments that follow, up to the next option of this command or `;`
    #[arg(long, value_name = "PROGRAM")]
    exec: Option<OsString>,

    /// Pass one more argument to the program
    #[arg(
        long,
        value_name = "ARG",
        requires = "exec",
        allow_hyphen_values = true
    )]
    exec_arg: Vec<OsString>,

    /// Kill the program after this time
    #[arg(long, value_name = "LIFETIME", default_value = "60s")]
    exec_timeout: Lifetime,

    /// Then send a signal to the process whose PID is in this file [default: HUP]
    #[arg(long, value_name = "FILE[:SIGNAL]")]
    pub(super) signal: Vec<SignalTo>,
}

impl Afterwards {
    /// The program, without these environment variables.
    pub(super) fn hook(&self, hidden: Vec<OsString>, renderer: &Renderer) -> Option<Hook> {
        self.exec.as_ref().map(|program| Hook {
            program: program.clone(),
            arguments: self.exec_arg.clone(),
            timeout: waiting_time(self.exec_timeout),
            hidden,
            output: renderer.stderr_copy(),
        })
    }
}

/// A waiting time, a day at most.
pub(super) fn waiting_time(lifetime: Lifetime) -> Duration {
    lifetime.duration().unsigned_abs().min(LONGEST_WAIT)
}

const LONGEST_WAIT: Duration = Duration::from_secs(86400);

/// A duration: a whole number and `ms`, `s` or `m`; seconds without a unit.
fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let milliseconds = match &text[digits.len()..] {
        "ms" => 1,
        "s" | "" => 1000,
        "m" => 60_000,
        _ => return Err(DURATION.into()),
    };
    let is_number = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    let count: u64 = digits.parse().map_err(|_| DURATION.to_owned())?;
    let duration = Duration::from_millis(count.saturating_mul(milliseconds));
    if is_number && !duration.is_zero() && duration <= MAX_DURATION {
        Ok(duration)
    } else {
        Err(DURATION.into())
    }
}

const DURATION: &str = "give a duration from 1ms to 10m, such as 500ms, 5s or 1m";
const MAX_DURATION: Duration = Duration::from_secs(600);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn duration_is_a_whole_number_and_a_unit() {
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("5"), Ok(Duration::from_secs(5)));
        assert_eq!(duration("10m"), Ok(Duration::from_secs(600)));
        for text in [
            "",
            "0",
            "0ms",
            "11m",
            "+5s",
            "-1s",
            "5h",
            "1.5s",
            "s",
            "99999999999999999999s",
        ] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
