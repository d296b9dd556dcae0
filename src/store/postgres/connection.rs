//! Asking the server: on a connection that is replaced when it breaks.

use std::time::Duration;

use tokio_postgres::Row;

use super::super::{Fault, Opening, StoreError};
use super::Postgres;
use super::session::{ANSWER_TIME, CHANGE_TIME, Failed, Parameter, Session, Waiting};

impl Postgres {
    pub(super) fn close(&self) {
        self.session.replace(None);
    }

    /// Does something on the connection: a new one when the old one is broken and no transaction was open on it.
    pub(super) fn on_session<T>(
        &self,
        work: impl FnOnce(&Session, &Waiting) -> Result<T, Failed>,
    ) -> Result<Result<T, Failed>, StoreError> {
        if self.open.is_none() {
            let session = self.session.borrow();
            let is_alive = session
                .as_ref()
                .is_some_and(|session| session.is_alive(&self.waiting));
            drop(session);
            if !is_alive {
                self.close();
                let session = Session::open(&self.waiting, &self.address)?;
                self.session.replace(Some(session));
                self.set_up(Opening::MustExist)
                    .inspect_err(|_| self.close())?;
            }
        }
        let done = match &*self.session.borrow() {
            Some(session) => work(session, &self.waiting),
            None => return Err(self.fault(Fault::Unreachable, "the connection was closed")),
        };
        if matches!(&done, Err(failed) if failed.is_broken()) {
            self.close();
        }
        Ok(done)
    }

    /// The rows of a query that changes nothing: asked again when the connection breaks.
    pub(super) fn rows(
        &self,
        text: &str,
        parameters: &[Parameter<'_>],
    ) -> Result<Vec<Row>, StoreError> {
        let run = || {
            self.on_session(|session, waiting| session.rows(waiting, text, parameters, ANSWER_TIME))
        };
        self.twice(run)
    }

    /// The same of a query that comes again.
    pub(super) fn again(
        &self,
        text: &'static str,
        parameters: &[Parameter<'_>],
    ) -> Result<Vec<Row>, StoreError> {
        let run = || {
            self.on_session(|session, waiting| {
                session.again(waiting, text, parameters, ANSWER_TIME)
            })
        };
        self.twice(run)
    }

    pub(super) fn twice<T>(
        &self,
        run: impl Fn() -> Result<Result<T, Failed>, StoreError>,
    ) -> Result<T, StoreError> {
        match run()? {
            Err(failed @ Failed::Refused(_)) if self.open.is_none() && failed.is_broken() => {
                run()?.map_err(|failed| failed.explain(self.shown()))
            }
            done => done.map_err(|failed| failed.explain(self.shown())),
        }
    }

    /// Changes something with one statement, and gives its rows.
    pub(super) fn change(
        &self,
        text: &'static str,
        parameters: &[Parameter<'_>],
    ) -> Result<Vec<Row>, StoreError> {
        let done = self
            .on_session(|session, waiting| session.again(waiting, text, parameters, CHANGE_TIME))?;
        done.map_err(|failed| failed.explain(self.shown()))
    }

    /// Runs statements, and gives the columns of the last row.
    pub(super) fn batch(&self, text: &str) -> Result<Vec<Option<String>>, StoreError> {
        self.batch_within(text, CHANGE_TIME)
    }

    pub(super) fn batch_within(
        &self,
        text: &str,
        limit: Duration,
    ) -> Result<Vec<Option<String>>, StoreError> {
        let done = match &*self.session.borrow() {
            Some(session) => session.batch(&self.waiting, text, limit),
            None => return Err(self.fault(Fault::Unreachable, "the connection was closed")),
        };
        if matches!(&done, Err(failed) if failed.is_broken()) {
            self.close();
        }
        done.map_err(|failed| failed.explain(self.shown()))
    }

    /// Commits, undoes and the like, where the caller wants to know how it failed.
    pub(super) fn try_batch(&self, text: &str) -> Result<(), Failed> {
        let done = match &*self.session.borrow() {
            Some(session) => session.batch(&self.waiting, text, CHANGE_TIME),
            None => return Err(Failed::Slow),
        };
        done.map(drop)
    }
}
