//! `watch`.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use time::Duration;

use super::context::Context;
use super::renew::How;
use crate::error::Error;
use crate::ops::watch::{self, Awaiting, Exporter, ServiceManager, Signals, Watching};
use crate::ops::{Verdict, renew};
use crate::pki::validity::Lifetime;
use crate::render::Renderer;

/// Run continuously and renew certificates when they are due
///
/// Checks at startup, when the next certificate is due, every `--interval`, and on SIGHUP; SIGTERM and
/// SIGINT end it with exit code 0. Failures are retried, first after 5 s and at most every 15 min. The
/// wall clock counts, so a machine that slept catches up. A published CRL is refreshed before it expires.
///
/// Each event is one line, or one JSON object with `--json`. Under systemd (Type=notify) it reports
/// readiness and serves the watchdog; give the watchdog more time than --exec-timeout and
/// --probe-timeout together. Several instances may watch one directory: only one of them renews.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  openagents-certs watch --exec systemctl reload openagents
  openagents-certs watch --metrics 127.0.0.1:9187 --probe grpcs://localhost:8600 --rollback --json")]
pub(super) struct Args {
    #[command(flatten)]
    how: How,

    /// Check at least this often
    #[arg(long, value_name = "LIFETIME", default_value = "60s")]
    interval: Lifetime,

    /// Serve Prometheus metrics on this port, or address and port [default address: 127.0.0.1]
    #[arg(long, value_name = "[ADDRESS:]PORT", value_parser = address)]
    metrics: Option<SocketAddr>,

    /// Write Prometheus metrics to this file, such as /var/lib/node_exporter/certs.prom
    #[arg(long, value_name = "FILE")]
    metrics_file: Option<PathBuf>,
}

impl Args {
    pub(super) fn run(self, context: &Context) -> Result<Verdict, Error> {
        let ask = self.how.issuer.passphrase.remembering();
        let ask = |path: &Path| ask(path);
        let from = self.how.issuer.at(context.directory(), &ask);
        let mut signals = Signals::take()?;
        let watching = Watching {
            request: self.request(&context.renderer),
            interval: self.interval.duration(),
            exporter: self.metrics.map(serve_metrics).transpose()?,
            metrics_file: self.metrics_file,
            service: ServiceManager::at(std::env::var_os(NOTIFY_SOCKET).as_deref()),
            alive_every: watchdog(),
        };
        let awaiting = Awaiting {
            clock: &context.clock,
            sleep: &mut |time| signals.sleep(time),
        };
        let mut written = Ok(());
        watch::run(&watching, &from, awaiting, &mut |event| {
            // A log that cannot be written must not let certificates expire; the error is returned at the end.
            let line = context.renderer.event(event, event);
            written = std::mem::replace(&mut written, Ok(())).and(line);
        })?;
        written.map(|()| Verdict::Yes)
    }

    fn request(&self, renderer: &Renderer) -> renew::Request {
        let mut request = self.how.request(renderer);
        if let Some(hook) = &mut request.follow.hook {
            hook.hidden
                .extend([NOTIFY_SOCKET, WATCHDOG_INTERVAL, WATCHDOG_PROCESS].map(Into::into));
        }
        request
    }
}

pub(super) const NOTIFY_SOCKET: &str = "NOTIFY_SOCKET";
const WATCHDOG_INTERVAL: &str = "WATCHDOG_USEC";
const WATCHDOG_PROCESS: &str = "WATCHDOG_PID";

/// Half of the service manager's watchdog interval, if it watches this process (sd_watchdog_enabled(3)).
pub(super) fn watchdog() -> Option<Duration> {
    let number = |name| std::env::var(name).ok()?.parse::<i64>().ok();
    let own = i64::from(std::process::id());
    let is_meant = number(WATCHDOG_PROCESS).is_none_or(|process| process == own);
    let microseconds =
        number(WATCHDOG_INTERVAL).filter(|microseconds| is_meant && *microseconds > 0);
    microseconds.map(|microseconds| Duration::microseconds(microseconds / 2))
}

fn serve_metrics(address: SocketAddr) -> Result<Exporter, Error> {
    Exporter::serve(address).map_err(|source| Error::Io {
        action: "listen",
        path: PathBuf::from(address.to_string()),
        source,
    })
}

/// An address and a port, or a port of the loopback address.
fn address(text: &str) -> Result<SocketAddr, &'static str> {
    let port = text.strip_prefix(':').unwrap_or(text);
    match (port.parse(), text.parse()) {
        (Ok(port), _) => Ok(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port)),
        (Err(_), Ok(address)) => Ok(address),
        (Err(_), Err(_)) => Err("not a port, or an IP address with a port, such as 127.0.0.1:9187"),
    }
}
