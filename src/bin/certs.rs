//! `certs`, the short name of `openagents-certs`: see [`openagents_certs`].

use std::process::ExitCode;

fn main() -> ExitCode {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads the clock"
    )]
    openagents_certs::cli::main(time::OffsetDateTime::now_utc)
}
