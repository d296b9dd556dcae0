//! `issue`.

use std::path::{Path, PathBuf};

use super::args::{Issuer, Lasting, Output, Record, directory, requested_by};
use super::completing;
use super::context::Context;
use crate::authority::Recording;
use crate::error::{Error, shown};
use crate::ops::batch::manifest::Syntax;
use crate::ops::batch::{self, Event};
use crate::ops::issue::{Key, Label, Labels};
use crate::ops::refused::Outcome;
use crate::ops::{DryRun, Report as _, Verdict, issue};
use crate::pki::algorithm::KeyType;
use crate::pki::san::TypedName;
use crate::pki::spiffe::SpiffeId;
use crate::render::{Format, Progress, Renderer};
use clap::Subcommand;

/// Issue a certificate for a server, a client, or both
#[derive(clap::Args, Debug)]
#[command(
    arg_required_else_help = true,
    after_help = "Examples:
  openagents-certs issue server agents.example.org 10.0.0.7
  openagents-certs issue client agent-7 --ttl 24h"
)]
pub(super) struct Args {
    #[command(subcommand)]
    command: IssueCommand,
}

#[derive(Debug, Subcommand)]
enum IssueCommand {
    /// Issue a server certificate
    #[command(after_help = "Examples:
  openagents-certs issue server agents.example.org 10.0.0.7
  openagents-certs issue server localhost --ttl 24h --out run --name dev")]
    Server(Certificate),
    /// Issue a client certificate
    #[command(after_help = "Examples:
  openagents-certs issue client alice
  openagents-certs issue client alice@example.org --days 30 --key-type p384")]
    Client(Certificate),
    /// Issue a certificate for an agent that both listens and connects
    #[command(after_help = "Examples:
  openagents-certs issue peer agent-7.example.org
  openagents-certs issue peer agent-7.example.org --san uri:spiffe://example.org/agent-7")]
    Peer(Certificate),
    /// Issue a certificate that messages are encrypted to
    #[command(after_help = "Examples:
  openagents-certs issue message alice
  openagents-certs issue message spiffe://example.org/agent/alice --key-type x25519")]
    Message(Certificate),
    Batch(Batch),
}

/// Issue the certificates of a manifest: CSV, JSON lines or TOML
///
/// Each row has names, and optionally profile, ttl, key_type, spiffe, name (of its files), note and labels. In CSV,
/// spaces separate several names and labels:
///
///   names,profile,ttl,name,labels
///   agent-7.example.org 10.0.0.7,server,90d,agent-7,team=red
///   alice,client,24h,,
///
/// As a JSON line: {"names":["alice"],"profile":"client","ttl":"24h"}. Bad rows are reported by line number; the
/// others are issued.
#[derive(clap::Args, Debug)]
#[command(
    verbatim_doc_comment,
    after_help = "Examples:
  openagents-certs issue batch agents.csv --profile client --out agents
  generate-rows | openagents-certs issue batch - --syntax jsonl --stdout > issued.jsonl"
)]
struct Batch {
    /// Manifest file, or - for standard input
    #[arg(value_name = "MANIFEST")]
    manifest: PathBuf,

    /// Profile of rows that name none
    #[arg(long, value_name = "PROFILE", add = completing::profiles())]
    profile: Option<String>,

    /// Syntax [default: by file extension, otherwise JSON lines]
    #[arg(long, value_enum, value_name = "SYNTAX")]
    syntax: Option<Syntax>,

    /// Write to this directory [default: the PKI directory]
    #[arg(long, value_name = "DIR", value_parser = directory())]
    out: Option<PathBuf>,

    /// Write JSON lines with serial, certificate and private_key to standard output, and no files
    #[arg(long, conflicts_with = "out")]
    stdout: bool,

    /// Label for every certificate, such as team=red; repeat for more
    #[arg(long, value_name = "NAME=VALUE")]
    label: Vec<Label>,

    /// Issue nothing if any row is bad
    #[arg(long)]
    strict: bool,

    /// Skip rows that an earlier run of the same manifest released
    #[arg(long)]
    resume: bool,

    /// Check every row without issuing
    #[arg(long)]
    dry_run: bool,

    #[command(flatten)]
    issuer: Issuer,
}

impl Batch {
    fn run(self, context: &Context) -> Result<Verdict, Error> {
        let ask = |path: &Path| self.issuer.passphrase.ask(path);
        let from = self.issuer.at(context.directory(), &ask);
        warn_of_no_record(&from.recording, &context.renderer);
        let manifest = batch::read(&self.manifest)?;
        let mut progress = Progress::new(context.renderer, manifest.lines(), "rows");
        let request = batch::Request {
            syntax: self
                .syntax
                .unwrap_or_else(|| Syntax::of_name(&self.manifest)),
            manifest,
            destination: if self.stdout {
                batch::Destination::Stream
            } else {
                batch::Destination::Directory(
                    self.out.unwrap_or_else(|| context.directory().to_owned()),
                )
            },
            name: self.manifest,
            dry_run: self.dry_run,
            strict: self.strict,
            resume: self.resume,
            profile: self.profile,
            report_rows: context.renderer.format == Format::Json,
            labels: Labels::new(self.label),
            requested_by: requested_by(),
        };
        let result = batch::run(&request, &from, context.now, &mut |event| {
            match event {
                Event::Progress(done) => progress.set(done),
                Event::Bad { line, message } => {
                    progress.warning(&format!("{}:{line}: {message}", shown(&request.name)));
                }
                Event::Output(lines) => context.renderer.raw(lines)?,
            }
            Ok(())
        });
        progress.finish();
        let summary = result?;
        if !self.stdout {
            return context.finish(&summary);
        }
        context.renderer.notice(&summary);
        if let Some(reason) = summary.reason() {
            context
                .renderer
                .reason(&summary.verdict().to_string(), &reason);
        }
        Ok(summary.verdict())
    }
}

fn warn_of_no_record(recording: &Recording, renderer: &Renderer) {
    if *recording == Recording::Nowhere {
        renderer.warning("nothing is recorded: the certificate can be neither listed nor revoked");
    }
}

/// The options of `issue server` and the like.
#[derive(clap::Args, Debug)]
struct Certificate {
    /// Names: hosts, IP addresses, URIs or e-mail addresses, with or without a prefix (dns:, ip:, uri:, email:);
    /// the first becomes the common name
    #[arg(value_name = "NAME", required_unless_present_any = ["spiffe", "csr"])]
    names: Vec<String>,

    /// Another name
    #[arg(long, value_name = "NAME")]
    san: Vec<String>,

    /// Certify the key of this certificate signing request; grants the names given here, or without any those
    /// that it requests
    #[arg(long, value_name = "FILE")]
    csr: Option<PathBuf>,

    /// Use this profile of certs.toml instead
    #[arg(long, value_name = "PROFILE", add = completing::profiles())]
    profile: Option<String>,

    /// Key type [default: p256]
    #[arg(long, value_enum, value_name = "TYPE", conflicts_with = "csr")]
    key_type: Option<KeyType>,

    #[command(flatten)]
    issuance: Issuance,
}

/// The options of every command that issues one certificate to files.
#[derive(clap::Args, Debug)]
pub(super) struct Issuance {
    /// SPIFFE ID of an X.509-SVID, such as spiffe://example.org/agent
    #[arg(long, value_name = "ID")]
    spiffe: Option<SpiffeId>,

    #[command(flatten)]
    lasting: Lasting,

    #[command(flatten)]
    output: Output,

    #[command(flatten)]
    record: Record,

    #[command(flatten)]
    issuer: Issuer,

    /// Show what would be issued without issuing
    #[arg(long)]
    dry_run: bool,
}

impl Args {
    pub(super) fn run(self, context: &Context) -> Result<Verdict, Error> {
        let (profile, certificate) = match self.command {
            IssueCommand::Server(certificate) => ("server", certificate),
            IssueCommand::Client(certificate) => ("client", certificate),
            IssueCommand::Peer(certificate) => ("peer", certificate),
            IssueCommand::Message(certificate) => ("message", certificate),
            IssueCommand::Batch(batch) => return batch.run(context),
        };
        let key = match &certificate.csr {
            Some(path) => Key::Requested(path.clone(), Box::new(issue::read_request(path)?)),
            None => Key::New(certificate.key_type),
        };
        let profile = certificate.profile.as_deref().unwrap_or(profile);
        let names = [certificate.names, certificate.san].concat();
        certificate.issuance.run(profile, &names, key, context)
    }
}

impl Issuance {
    /// Issues a certificate, to files or to standard output.
    pub(super) fn run(
        self,
        profile: &str,
        names: &[String],
        key: Key,
        context: &Context,
    ) -> Result<Verdict, Error> {
        let (output, issuer) = (self.output, self.issuer);
        let names = names.iter().map(|name| name.parse());
        let request = issue::Request {
            profile: issue::profile(context.directory(), profile)?,
            names: names.collect::<Result<Vec<TypedName>, _>>()?,
            spiffe: self.spiffe,
            common_name: issue::CommonName::First,
            start: None,
            end: self.lasting.end(),
            key,
            base: output.name.clone(),
            requested_by: requested_by(),
            note: self.record.note,
            labels: Labels::new(self.record.label),
        };
        let ask = |path: &Path| issuer.passphrase.ask(path);
        let from = issuer.at(context.directory(), &ask);
        warn_of_no_record(&from.recording, &context.renderer);
        let out = output.out.as_deref().unwrap_or(context.directory());
        if self.dry_run {
            return context.finish(&issue::dry_run(&request, &from, out, context.now)?);
        }
        if !output.stdout {
            let issued = if output.if_needed {
                issue::run_if_needed(&request, &from, out, context.now)?
            } else {
                issue::run(&request, &from, out, output.force, context.now)?
            };
            return context.finish(&issued);
        }
        match issue::stream(&request, &from, context.now)? {
            Outcome::Done(streamed) => {
                let warnings = streamed.warnings.iter();
                warnings.for_each(|warning| context.renderer.warning(warning));
                context.renderer.raw(streamed.pem.as_bytes())?;
                Ok(Verdict::Yes)
            }
            Outcome::Refused(refused) => context.finish(&Outcome::<DryRun>::Refused(refused)),
        }
    }
}
