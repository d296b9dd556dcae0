//! Who runs this process, for the inventory and its audit trail.

use std::cell::RefCell;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use crate::files;
use crate::store::Actor;

/// Does some work on this thread for somebody else than the one who runs the process: inventories that it opens are
/// changed in their name.
pub fn acting_for<T>(actor: Arc<Actor>, work: impl FnOnce() -> T) -> T {
    struct Before(Option<Arc<Actor>>);
    impl Drop for Before {
        fn drop(&mut self) {
            ACTOR.set(self.0.take());
        }
    }
    let _before = Before(ACTOR.replace(Some(actor)));
    work()
}

/// Who acts on this thread: at a command line or in a server the one who runs the process.
pub fn process_actor() -> Arc<Actor> {
    if let Some(actor) = ACTOR.with_borrow(Clone::clone) {
        return actor;
    }
    let program = PROGRAM.get().copied().unwrap_or("cli");
    Arc::new(Actor {
        actor: requested_by(),
        credential: format!("uid:{}", rustix::process::getuid().as_raw()),
        origin: format!("{program}@{}", host()),
    })
}

/// Says what this process is, unless it is a command line. Only the first call counts.
pub fn set_program(program: &'static str) {
    let _ = PROGRAM.set(program);
}

thread_local! {
    static ACTOR: RefCell<Option<Arc<Actor>>> = const { RefCell::new(None) };
}

static PROGRAM: OnceLock<&str> = OnceLock::new();

/// Who makes the request, as `user@host`.
pub fn requested_by() -> String {
    let user = ["USER", "LOGNAME"]
        .into_iter()
        .find_map(|name| std::env::var(name).ok());
    let user = user.or_else(user_name);
    let user = user.unwrap_or_else(|| rustix::process::getuid().as_raw().to_string());
    format!("{user}@{}", host())
}

fn host() -> String {
    let name = rustix::system::uname();
    name.nodename().to_string_lossy().into_owned()
}

/// The name of our user in /etc/passwd.
fn user_name() -> Option<String> {
    let own = rustix::process::getuid().as_raw().to_string();
    let accounts = files::read(Path::new("/etc/passwd")).ok()?;
    let accounts = String::from_utf8_lossy(&accounts);
    let mut accounts = accounts
        .lines()
        .map(|line| line.split(':').collect::<Vec<_>>());
    let account = accounts.find(|fields| fields.get(2) == Some(&&*own))?;
    account.first().map(|name| (*name).to_owned())
}
