//! A connection to the server, and waiting for its answers.
//!
//! The client is asynchronous and the inventory is not: each has a small runtime of its own, which runs only while
//! one waits for an answer. A caller that is itself in a runtime waits on another thread, because runtimes do not
//! nest.

use std::cell::RefCell;
use std::collections::HashMap;
use std::future::Future;
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Handle, Runtime};
use tokio_postgres::config::SslMode;
use tokio_postgres::error::SqlState;
use tokio_postgres::tls::NoTls;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Error, Row, SimpleQueryMessage, Statement};

use super::super::{Fault, StoreError};
use super::address::{Address, CONNECT_TIME};
use super::tls::Connector;

/// A parameter and its type, so that the server need not be asked for it.
pub(super) type Parameter<'a> = (&'a (dyn ToSql + Sync), Type);

/// A runtime of one's own.
#[derive(Debug)]
pub(super) struct Waiting(Option<Runtime>);

impl Waiting {
    pub(super) fn new(store: &str) -> Result<Self, StoreError> {
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| StoreError::Server {
            store: store.to_owned(),
            fault: Fault::Other,
            what: error.to_string(),
        })?;
        Ok(Waiting(Some(runtime)))
    }

    /// Waits for an answer, at most for this long.
    fn wait<T: Send>(
        &self,
        limit: Duration,
        work: impl Future<Output = Result<T, Error>> + Send,
    ) -> Result<T, Failed> {
        let Some(runtime) = &self.0 else {
            return Err(Failed::Slow);
        };
        let run = || {
            runtime.block_on(async {
                match tokio::time::timeout(limit, work).await {
                    Ok(done) => done.map_err(Failed::Refused),
                    Err(_) => Err(Failed::Slow),
                }
            })
        };
        if Handle::try_current().is_err() {
            return run();
        }
        std::thread::scope(|scope| match scope.spawn(run).join() {
            Ok(done) => done,
            Err(panic) => std::panic::resume_unwind(panic),
        })
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            // Waiting for its tasks is not allowed in another runtime, and there is nothing to wait for.
            runtime.shutdown_background();
        }
    }
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Failed {
    Slow,
    Refused(Error),
}

impl Failed {
    /// Whether the connection cannot be used any more, so that nobody knows what the server did.
    pub(super) fn is_broken(&self) -> bool {
        match self {
            Failed::Slow => true,
            Failed::Refused(error) => error.as_db_error().is_none_or(|error| {
                let code = error.code().code();
                code.starts_with("57P") || code.starts_with("08")
            }),
        }
    }

    /// Whether a row was refused because there is one with that key.
    pub(super) fn is_not_unique(&self) -> bool {
        matches!(self, Failed::Refused(error) if error.code() == Some(&SqlState::UNIQUE_VIOLATION))
    }

    /// The error of a store.
    pub(super) fn explain(&self, store: &str) -> StoreError {
        let (fault, what) = match self {
            Failed::Slow => (Fault::Slow, "does not answer in time".to_owned()),
            Failed::Refused(error) => match error.as_db_error() {
                Some(refusal) => (fault_of(refusal.code()), refusal.message().to_owned()),
                None => without_answer(error),
            },
        };
        StoreError::Server {
            store: store.to_owned(),
            fault,
            what,
        }
    }
}

/// What a server's refusal means.
fn fault_of(code: &SqlState) -> Fault {
    match code.code() {
        "28000" | "28P01" | "3D000" => Fault::Login,
        // It ended this connection, all, or is not ready.
        "57P01" | "57P02" | "57P03" | "57P05" | "53300" | "55P03" | "40P01" | "40001" => {
            Fault::Busy
        }
        "57014" | "25P03" => Fault::Slow,
        "25006" => Fault::ReadOnly,
        "53100" | "53200" => Fault::Full,
        "42501" => Fault::Privileges,
        "3F000" => Fault::NoSchema,
        // Without a file: the disk.
        "58030" => Fault::Full,
        code if code.starts_with("08") => Fault::Unreachable,
        _ => Fault::Other,
    }
}

/// What an error means that did not come from the server.
fn without_answer(error: &Error) -> (Fault, String) {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    let text = error.to_string();
    let fault = if text.contains("TLS") {
        Fault::Tls
    } else if text.contains("authentication") || text.contains("configuration") {
        Fault::Login
    } else {
        Fault::Unreachable
    };
    let what = match fault {
        Fault::Unreachable if error.is_closed() => "the connection was closed".into(),
        _ => cause.to_string(),
    };
    (fault, what)
}

/// A connection.
pub(super) struct Session {
    client: Client,
    /// The statements that were used: prepared from the second time on.
    statements: RefCell<HashMap<&'static str, Option<Statement>>>,
    used: std::cell::Cell<Instant>,
}

impl Session {
    /// Connects. A server that is starting or has no connection left is tried for a while.
    pub(super) fn open(waiting: &Waiting, address: &Address) -> Result<Self, StoreError> {
        let started = Instant::now();
        loop {
            match Self::connect(waiting, address) {
                Err(StoreError::Server {
                    fault: Fault::Busy, ..
                }) if started.elapsed() < PATIENCE => {
                    std::thread::sleep(PAUSE);
                }
                connected => return connected,
            }
        }
    }

    fn connect(waiting: &Waiting, address: &Address) -> Result<Self, StoreError> {
        let config = &address.config;
        // Of several servers, the first may be the one that does not answer.
        let hosts = u32::try_from(config.get_hosts().len()).unwrap_or(1);
        let limit = CONNECT_TIME * hosts.clamp(1, 3);
        let client = if config.get_ssl_mode() == SslMode::Disable {
            waiting.wait(limit, async {
                let (client, connection) = config.connect(NoTls).await?;
                tokio::spawn(connection);
                Ok(client)
            })
        } else {
            let connector = Connector::new(&address.security);
            let connector = connector.map_err(|what| StoreError::Server {
                store: address.shown.clone(),
                fault: Fault::Tls,
                what,
            })?;
            waiting.wait(limit, async {
                let (client, connection) = config.connect(connector).await?;
                tokio::spawn(connection);
                Ok(client)
            })
        };
        Ok(Session {
            client: client.map_err(|failed| failed.explain(&address.shown))?,
            statements: RefCell::default(),
            used: std::cell::Cell::new(Instant::now()),
        })
    }

    /// Whether the server is still there; asked only when it was silent for a while.
    pub(super) fn is_alive(&self, waiting: &Waiting) -> bool {
        if self.client.is_closed() {
            return false;
        }
        self.used.get().elapsed() < SILENCE
            || waiting
                .wait(CHANGE_TIME, self.client.check_connection())
                .is_ok()
    }

    /// Runs one statement.
    pub(super) fn rows(
        &self,
        waiting: &Waiting,
        text: &str,
        parameters: &[Parameter<'_>],
        limit: Duration,
    ) -> Result<Vec<Row>, Failed> {
        let done = waiting.wait(limit, self.client.query_typed(text, parameters));
        self.used.set(Instant::now());
        done
    }

    /// Runs one statement that comes again: prepared when it does.
    pub(super) fn again(
        &self,
        waiting: &Waiting,
        text: &'static str,
        parameters: &[Parameter<'_>],
        limit: Duration,
    ) -> Result<Vec<Row>, Failed> {
        let known = self.statements.borrow().get(text).cloned();
        let statement = match known {
            None => {
                self.statements.borrow_mut().insert(text, None);
                return self.rows(waiting, text, parameters, limit);
            }
            Some(Some(statement)) => statement,
            Some(None) => {
                let types: Vec<Type> = parameters.iter().map(|(_, kind)| kind.clone()).collect();
                let prepared = self.client.prepare_typed(text, &types);
                let statement = waiting.wait(limit, prepared)?;
                self.statements
                    .borrow_mut()
                    .insert(text, Some(statement.clone()));
                statement
            }
        };
        let values: Vec<&(dyn ToSql + Sync)> = parameters.iter().map(|(value, _)| *value).collect();
        let done = waiting.wait(limit, self.client.query(&statement, &values));
        self.used.set(Instant::now());
        done
    }

    /// Runs statements without parameters, and gives the columns of the last row, as text.
    pub(super) fn batch(
        &self,
        waiting: &Waiting,
        text: &str,
        limit: Duration,
    ) -> Result<Vec<Option<String>>, Failed> {
        let done = waiting.wait(limit, self.client.simple_query(text));
        self.used.set(Instant::now());
        let last = done?.into_iter().rev().find_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some(row),
            _ => None,
        });
        let columns = last
            .iter()
            .flat_map(|row| (0..row.len()).map(|i| row.get(i)));
        Ok(columns.map(|text| text.map(str::to_owned)).collect())
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Session")
    }
}

/// How long to wait for an answer to a question: the server gives up a second earlier.
pub(super) const ANSWER_TIME: Duration = Duration::from_secs(8);
/// How long to wait for a change to be made.
pub(super) const CHANGE_TIME: Duration = Duration::from_secs(5);
/// How long to try a server that is not ready.
const PATIENCE: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(50);
/// After how long without an answer the server is asked whether it is there.
const SILENCE: Duration = Duration::from_secs(1);
