//! What the server counts and measures, for Prometheus.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::ops::metrics::{Exposition, Sample};

/// Counters and histograms since the start.
#[derive(Default)]
pub(in crate::server) struct Metrics {
    /// By method, route and status.
    requests: Mutex<BTreeMap<(&'static str, String, u16), u64>>,
    /// By route.
    latencies: Mutex<BTreeMap<String, Histogram>>,
    /// By name and label.
    events: Mutex<BTreeMap<(Counted, String), u64>>,
    store_writes: Histogram,
    store_reads: Histogram,
    /// Connections that are open now.
    pub(in crate::server) connections: AtomicI64,
    /// Connections that a limit refused.
    pub(in crate::server) refused_connections: AtomicU64,
}

/// What is counted beside requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::server) enum Counted {
    /// Certificates issued, by protocol: `acme`, `est`, `serve`.
    Issued,
    /// Certificates revoked, by protocol.
    Revoked,
    /// ACME orders, by state: `new`, `valid`, `invalid`.
    Orders,
    /// ACME challenges validated, by result: `valid`, `invalid`.
    Validations,
    /// OCSP responses, by answer: `good`, `revoked`, `unknown`, `refused`.
    Ocsp,
    /// CRLs signed.
    RevocationLists,
}

impl Metrics {
    /// Counts something, by a label of a fixed set.
    pub(in crate::server) fn count(&self, counted: Counted, label: &str) {
        let mut events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        *events.entry((counted, label.to_owned())).or_default() += 1;
    }

    /// How much was counted since the start, by label.
    pub(in crate::server) fn counted(&self, counted: Counted) -> Vec<(String, u64)> {
        let events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        let of_it = events.iter().filter(|((one, _), _)| *one == counted);
        of_it
            .map(|((_, label), count)| (label.clone(), *count))
            .collect()
    }

    /// Counts a request by its route, not by its path: there are not many routes.
    pub(super) fn request(&self, method: &'static str, route: &str, status: u16, took: Duration) {
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (method, route.to_owned(), status);
        *requests.entry(key).or_default() += 1;
        drop(requests);
        let mut latencies = self.latencies.lock();
        let latencies = latencies.as_mut().unwrap_or_else(|error| error.get_mut());
        match latencies.get(route) {
            Some(histogram) => histogram.observe(took),
            None => latencies.entry(route.to_owned()).or_default().observe(took),
        }
    }

    pub(super) fn store_write(&self, took: Duration) {
        self.store_writes.observe(took);
    }

    pub(super) fn store_read(&self, took: Duration) {
        self.store_reads.observe(took);
    }

    /// Adds everything to an exposition.
    pub(super) fn expose(&self, exposition: &mut Exposition) {
        let requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        let samples = requests.iter().map(|((method, route, status), count)| {
            let labels = vec![
                ("method", (*method).to_owned()),
                ("route", route.clone()),
                ("status", status.to_string()),
            ];
            (labels, whole(*count))
        });
        exposition.counters("http_requests_total", "HTTP requests.", samples);
        drop(requests);
        let latencies = self.latencies.lock();
        let latencies = latencies.unwrap_or_else(PoisonError::into_inner);
        let histograms = latencies.iter().map(|(route, histogram)| {
            let labels = vec![("route", route.clone())];
            (labels, histogram)
        });
        let help = "How long HTTP requests took, in seconds.";
        expose_histograms(
            exposition,
            "http_request_duration_seconds",
            help,
            histograms,
        );
        drop(latencies);
        self.expose_events(exposition);
        for (name, help, histogram) in [
            (
                "store_write_duration_seconds",
                "How long transactions took, in seconds.",
                &self.store_writes,
            ),
            (
                "store_read_duration_seconds",
                "How long reads took, in seconds.",
                &self.store_reads,
            ),
        ] {
            expose_histograms(exposition, name, help, [(Vec::new(), histogram)]);
        }
        let open = self.connections.load(Ordering::Relaxed);
        exposition.gauge("connections", "Open connections.", [(Vec::new(), open)]);
        let refused = whole(self.refused_connections.load(Ordering::Relaxed));
        exposition.counter(
            "connections_refused_total",
            "Connections over a limit.",
            refused,
        );
    }

    fn expose_events(&self, exposition: &mut Exposition) {
        let events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        for (counted, name, label, help) in COUNTED {
            let of_it = events.iter().filter(|((one, _), _)| *one == counted);
            let mut samples: Vec<Sample> = of_it
                .map(|((_, value), count)| (vec![(label, value.clone())], whole(*count)))
                .collect();
            if samples.is_empty() {
                samples.push((Vec::new(), 0));
            }
            exposition.counters(name, help, samples);
        }
    }
}

const COUNTED: [(Counted, &str, &str, &str); 6] = [
    (
        Counted::Issued,
        "certificates_issued_total",
        "protocol",
        "Certificates issued.",
    ),
    (
        Counted::Revoked,
        "certificates_revoked_total",
        "protocol",
        "Certificates revoked.",
    ),
    (
        Counted::Orders,
        "acme_orders_total",
        "state",
        "ACME orders.",
    ),
    (
        Counted::Validations,
        "acme_validations_total",
        "result",
        "ACME challenges validated.",
    ),
    (
        Counted::Ocsp,
        "ocsp_responses_total",
        "answer",
        "OCSP responses.",
    ),
    (
        Counted::RevocationLists,
        "crls_signed_total",
        "reason",
        "CRLs signed.",
    ),
];

/// How many times something took at most so long.
#[derive(Default)]
struct Histogram {
    buckets: [AtomicU64; BOUNDS_MICROSECONDS.len()],
    count: AtomicU64,
    microseconds: AtomicU64,
}

impl Histogram {
    fn observe(&self, took: Duration) {
        let took = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        for (bound, bucket) in BOUNDS_MICROSECONDS.iter().zip(&self.buckets) {
            if took <= *bound {
                bucket.fetch_add(1, Ordering::Relaxed);
            }
        }
        self.count.fetch_add(1, Ordering::Relaxed);
        self.microseconds.fetch_add(took, Ordering::Relaxed);
    }
}

fn expose_histograms<'a>(
    exposition: &mut Exposition,
    name: &str,
    help: &str,
    histograms: impl IntoIterator<Item = (Vec<(&'static str, String)>, &'a Histogram)>,
) {
    let histograms = histograms.into_iter().map(|(labels, histogram)| {
        let buckets = BOUNDS_MICROSECONDS.iter().zip(&histogram.buckets);
        let buckets = buckets.map(|(bound, bucket)| (*bound, bucket.load(Ordering::Relaxed)));
        let count = histogram.count.load(Ordering::Relaxed);
        let sum = histogram.microseconds.load(Ordering::Relaxed);
        (labels, buckets.collect(), count, sum)
    });
    exposition.histograms(name, help, histograms);
}

fn whole(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

const BOUNDS_MICROSECONDS: [u64; 11] = [
    500, 1_000, 2_500, 5_000, 10_000, 25_000, 100_000, 500_000, 1_000_000, 5_000_000, 30_000_000,
];
