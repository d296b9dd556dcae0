//! `serve`.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use clap::ValueEnum;

use super::context::Context;
use super::passphrase::PassphraseSource;
use super::watch::{NOTIFY_SOCKET, watchdog};
use crate::config::{HttpListen, ListenAddress, PublicUrl, ResolverAddress};
use crate::error::Error;
use crate::ops::passphrase::{Password, Source};
use crate::ops::watch::ServiceManager;
use crate::ops::{self, Verdict};
use crate::render::{Format, Renderer};
use crate::server::{self, Event, Level, Overrides};

/// Run the CA as a service: ACME, EST, OCSP, CRLs and a dashboard
///
/// Serves ACME, EST, the trust anchors, health checks and metrics over https, and OCSP, CRLs and CA
/// certificates over plain HTTP. Its own certificate comes from the CA: `serve.crt` and `serve.key`, valid
/// for 30 days and renewed while it runs. Settings are in `[serve]` of certs.toml; options take precedence.
///
/// SIGTERM finishes open requests, for at most 10 s; SIGHUP reads certs.toml again. A CA rotation reaches it
/// by itself. Under systemd (Type=notify) it reports readiness and serves the watchdog. The
/// passphrase of an encrypted CA key comes from an option, from $OPENAGENTS_CERTS_PASSPHRASE, or from
/// the systemd credential `ca-passphrase`. Several servers may run on one directory.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  openagents-certs serve
  openagents-certs serve --listen 0.0.0.0:8443 --public-url https://ca.example.org:8443")]
pub(super) struct Args {
    /// Serve https on this address [default: 127.0.0.1:8443]
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<ListenAddress>,

    /// Serve OCSP, CRLs and CA certificates over plain HTTP on this address, or `none` [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDRESS:PORT")]
    http_listen: Option<HttpListen>,

    /// Tell clients this URL, and issue the server's certificate for its host [default: https://localhost:PORT]
    #[arg(long, value_name = "URL")]
    public_url: Option<PublicUrl>,

    /// Present this certificate, and the chain behind it, instead of one that the CA issues
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,

    /// The private key of --tls-cert
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,

    /// Validate ACME http-01 challenges on this port [default: 80]
    #[arg(long, value_name = "PORT")]
    acme_http01_port: Option<u16>,

    /// Validate ACME tls-alpn-01 challenges on this port [default: 443]
    #[arg(long, value_name = "PORT")]
    acme_tls_alpn01_port: Option<u16>,

    /// Ask this DNS server when validating ACME challenges, instead of the system's
    #[arg(long, value_name = "ADDRESS:PORT")]
    acme_resolver: Option<ResolverAddress>,

    /// Serve the SPIFFE Workload API on this Unix socket; certs.toml says who gets what
    #[arg(long, value_name = "PATH")]
    workload_socket: Option<PathBuf>,

    /// Write the log as text or as JSON lines [default: text, or json with --json]
    #[arg(long, value_enum, value_name = "FORMAT")]
    log_format: Option<LogFormat>,

    #[command(flatten)]
    passphrase: PassphraseSource,
}

/// How the log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum LogFormat {
    /// A line of text for each event
    Text,
    /// A JSON object for each event
    Json,
}

impl Args {
    pub(super) fn run(self, context: &Context) -> Result<Verdict, Error> {
        let renderer = self.log_renderer(&context.renderer);
        let request = server::Request {
            directory: context.directory().to_owned(),
            overrides: Overrides {
                listen: self.listen,
                http_listen: self.http_listen,
                public_url: self.public_url,
                acme_http01_port: self.acme_http01_port,
                acme_tls_alpn01_port: self.acme_tls_alpn01_port,
                acme_resolver: self.acme_resolver,
                workload_socket: self.workload_socket,
            },
            tls: self.tls_cert.zip(self.tls_key),
            passphrase: remembering(self.passphrase),
            service: ServiceManager::at(std::env::var_os(NOTIFY_SOCKET).as_deref()),
            alive_every: watchdog().and_then(|every| every.try_into().ok()),
            clock: context.clock,
            log_level: if context.global.is_verbose() {
                Level::Debug
            } else {
                Level::Info
            },
        };
        server::run(request, move |event| write(event, &renderer))?;
        Ok(Verdict::Yes)
    }

    fn log_renderer(&self, renderer: &Renderer) -> Renderer {
        let format = match self.log_format {
            None => renderer.format,
            Some(LogFormat::Text) => Format::Text,
            Some(LogFormat::Json) => Format::Json,
        };
        Renderer {
            format,
            ..*renderer
        }
    }
}

/// Writes an event to standard error. `--quiet` leaves only errors and where it listens.
pub(super) fn write(event: &Event, renderer: &Renderer) {
    let is_needed = match event.level {
        Level::Debug | Level::Info => !renderer.quiet || event.listening.is_some(),
        Level::Error => true,
    };
    if is_needed {
        renderer.log(event, event);
    }
}

/// The passphrase of the CA's key, read once and kept: the key is read again when its file changes.
fn remembering(source: PassphraseSource) -> server::Passphrase {
    let known: OnceLock<Password> = OnceLock::new();
    Arc::new(move |path: &Path| {
        if let Some(password) = known.get() {
            return Ok(password.again());
        }
        let password = match source.given().cloned().or_else(unasked) {
            Some(source) => source.read()?,
            None => source.ask(path)?,
        };
        Ok(known.get_or_init(|| password).again())
    })
}

/// The passphrase's place when no option names one: the environment variable, or the credential of systemd.
fn unasked() -> Option<Source> {
    if std::env::var_os(PASSPHRASE).is_some() {
        return Some(Source::Environment(OsString::from(PASSPHRASE)));
    }
    let credentials = std::env::var_os("CREDENTIALS_DIRECTORY")?;
    let path = Path::new(&credentials).join("ca-passphrase");
    ops::exists(&path)
        .is_ok_and(|exists| exists)
        .then_some(Source::File(path))
}

const PASSPHRASE: &str = "OPENAGENTS_CERTS_PASSPHRASE";
