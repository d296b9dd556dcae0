//! Fetches the bundles of other trust domains, as often as they want it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use crate::config::{Federation, Workload};
use crate::ops::workload::federation::{self, ForeignBundle};
use crate::server::core::Core;
use crate::server::log::Event;

/// Fetches until the server drains.
pub(in crate::server) async fn follow(core: Arc<Core>, mut draining: watch::Receiver<bool>) {
    let mut due: HashMap<Federation, (Instant, String)> = HashMap::new();
    loop {
        let config = core.config();
        let all = config
            .workload()
            .into_iter()
            .flat_map(Workload::federations);
        let all: Vec<Federation> = all.cloned().collect();
        due.retain(|known, _| all.contains(known));
        for federation in all {
            let now = Instant::now();
            let (at, failure) = due
                .get(&federation)
                .cloned()
                .unwrap_or((now, String::new()));
            if at <= now {
                let next = refresh(&core, &federation, failure).await;
                due.insert(federation, next);
            }
        }
        tokio::select! {
            () = sleep(LOOK_EVERY) => {}
            _ = draining.changed() => return,
        }
    }
}

/// Fetches one bundle. Gives when it is due again, and why it failed; a failure is reported once.
async fn refresh(core: &Arc<Core>, of: &Federation, last: String) -> (Instant, String) {
    let (directory, federation) = (core.directory().to_owned(), of.clone());
    let to_read = of.clone();
    let known = core.read(move |inventory, _| ForeignBundle::find(inventory, &to_read));
    let known = known.await.ok().flatten();
    let fetched = tokio::task::spawn_blocking(move || {
        federation::fetch(&directory, &federation, known.as_ref())
    });
    let later = |pause| Instant::now() + pause;
    let bundle = match fetched.await {
        Ok(Ok(bundle)) => bundle,
        Ok(Err(error)) => {
            let text = error.to_string();
            if text != last {
                core.log(Event::of_error("federation", &error, core.now()));
            }
            return (later(AFTER_FAILURE), text);
        }
        Err(_) => return (later(AFTER_FAILURE), last),
    };
    let hint = bundle.refresh_hint.map(Duration::from_secs);
    let pause = hint.unwrap_or(USUAL).clamp(SHORTEST, LONGEST);
    let (to_keep, domain) = (of.clone(), of.trust_domain.to_string());
    let kept = core.write(move |inventory, _| bundle.keep(inventory, &to_keep));
    if let Ok(true) = kept.await {
        let message = format!("the bundle of {domain} is new");
        core.log(Event::new("federation", message, core.now()));
    }
    (later(pause), String::new())
}

const LOOK_EVERY: Duration = Duration::from_secs(2);
const AFTER_FAILURE: Duration = Duration::from_secs(10);
/// SPIFFE Federation §5.1: five minutes where there is no hint.
const USUAL: Duration = Duration::from_secs(5 * 60);
const SHORTEST: Duration = Duration::from_secs(5);
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);
