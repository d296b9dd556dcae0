//! A program of its own that makes a CA, issues a certificate and asks whether it is good.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "it is a program of its own"
)]

use openagents_certs::authority::AuthorityAt;
use openagents_certs::ops::refused::Outcome;
use openagents_certs::ops::{ca, issue, verify};
use time::OffsetDateTime;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    #[expect(clippy::disallowed_methods, reason = "a program reads the clock once")]
    let now = OffsetDateTime::now_utc();
    let directory = tempfile::tempdir()?;
    let directory = directory.path();

    let authority = ca::init::run(&ca::Request::new(directory), None, now)?;
    println!("{authority}");

    let names = ["agents.example.org".parse()?, "10.0.0.7".parse()?];
    let request = issue::Request::new(issue::profile(directory, "server")?, names);
    let from = AuthorityAt::directory(directory);
    let issued = match issue::run(&request, &from, directory, false, now)? {
        Outcome::Done(issued) => issued,
        Outcome::Refused(refused) => return Err(refused.message.into()),
    };
    println!("{issued}");

    let (report, _) = verify::run(&verify::Request::new(&issued.certificate), now)?;
    for finding in report
        .certificates
        .iter()
        .flat_map(|certificate| &certificate.findings)
    {
        println!("{finding}");
    }
    println!("{report}");
    Ok(())
}

#[test]
fn it_runs_to_its_end() {
    main().unwrap();
}
