//! `dashboard`: links and sessions of the dashboard.

use clap::Subcommand;

use super::args::requested_by;
use super::context::Context;
use crate::config::Role;
use crate::error::Error;
use crate::ops::Verdict;
use crate::ops::dashboard::{self, Request};

/// Sign in to the dashboard of `serve`, list sessions, end them
///
/// A link signs in once. Operators with a client certificate need none: `[serve.operators]` in certs.toml
/// gives names in certificates a role.
#[derive(clap::Args, Debug)]
#[command(
    arg_required_else_help = true,
    after_help = "Examples:
  openagents-certs dashboard login
  openagents-certs dashboard sessions"
)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Create a link that signs in to the dashboard, and print it
    Login(Login),
    /// List the sessions of the dashboard, the newest first
    Sessions(Sessions),
    /// End a session of the dashboard
    Logout(Logout),
}

/// Create a link that signs in to the dashboard, and print it
///
/// The link works once, within 15 minutes; its session lasts 8 hours. Whoever opens it first is signed in, so
/// pass it on as you would a password.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  openagents-certs dashboard login
  openagents-certs dashboard login --role viewer -C /etc/certs")]
struct Login {
    /// What the session may do
    #[arg(long, value_name = "ROLE", default_value = "operator")]
    role: Role,
}

/// List the sessions of the dashboard, the newest first
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  openagents-certs dashboard sessions
  openagents-certs dashboard sessions --json")]
struct Sessions {}

/// End a session of the dashboard
///
/// Its browser is signed out at once.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  openagents-certs dashboard logout 3f2a8b0c91d4e657
  openagents-certs dashboard logout 3f2a8b0c91d4e657 -C /etc/certs")]
struct Logout {
    /// The session's id, as `dashboard sessions` shows it
    #[arg(value_name = "ID")]
    id: String,
}

impl Args {
    pub(super) fn run(self, context: &Context) -> Result<Verdict, Error> {
        let directory = context.directory();
        match self.command {
            Action::Login(Login { role }) => {
                let request = Request {
                    directory: directory.to_owned(),
                    role,
                    requested_by: requested_by(),
                };
                context.finish(&dashboard::login(&request, context.now)?)
            }
            Action::Sessions(Sessions {}) => {
                context.finish(&dashboard::sessions(directory, context.now)?)
            }
            Action::Logout(Logout { id }) => {
                context.finish(&dashboard::end_session(directory, &id)?)
            }
        }
    }
}
