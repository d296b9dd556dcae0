//! `message`.

mod request;
mod shared;

use std::path::{Path, PathBuf};

use clap::Subcommand;
use time::OffsetDateTime;
use zeroize::Zeroizing;

use super::args::Global;
use crate::error::Error;
use crate::message::{
    Algorithm, Capability, Denial, MessageDraft, Payload, Reason, SignedMessage, lines,
};
use crate::ops::Verdict;
use crate::ops::message::{self, MAX_MESSAGE_BYTES, MAX_PAYLOAD_BYTES, Pair, ReceptionRequest};
use crate::pki::escape::Escaped;
use crate::pki::validity::Lifetime;
use crate::render::{Format, Renderer};
use request::{SignRequest, VerifyRequest};
use shared::{NewKey, OpenShared, SealShared};

type Clock<'a> = &'a dyn Fn() -> OffsetDateTime;

/// Sign, seal, verify and open messages between agents, and sign HTTP requests
///
/// A message is a JWS that carries its signer's certificate; a sealed one has a JWE for payload. Any JOSE library reads
/// and writes them. A message that is refused gives exit code 1, and `denied: REASON` in the last line of stderr.
#[derive(clap::Args, Debug)]
#[command(
    arg_required_else_help = true,
    after_help = "Examples:
  openagents-certs message sign --cert alice.crt --key alice.key --audience bob --scope read call.json
  openagents-certs message verify --ca ca.crt --audience bob --scope read message.jws"
)]
pub(super) struct Args {
    #[command(subcommand)]
    command: MessageCommand,
}

#[derive(Debug, Subcommand)]
enum MessageCommand {
    Sign(Sign),
    Seal(Seal),
    Verify(Verify),
    Open(Open),
    SealShared(SealShared),
    OpenShared(OpenShared),
    SignRequest(SignRequest),
    VerifyRequest(VerifyRequest),
    Key(NewKey),
    Jwks(Jwks),
}

impl Args {
    pub(super) fn run(
        self,
        global: &Global,
        renderer: &Renderer,
        clock: Clock<'_>,
    ) -> Result<Verdict, Error> {
        match self.command {
            MessageCommand::Sign(args) => args.run(renderer, clock),
            MessageCommand::Seal(args) => args.run(renderer, clock),
            MessageCommand::Verify(args) => args.run(renderer, clock),
            MessageCommand::Open(args) => args.run(renderer, clock),
            MessageCommand::SealShared(args) => args.run(renderer, clock),
            MessageCommand::OpenShared(args) => args.run(renderer, clock),
            MessageCommand::SignRequest(args) => args.run(renderer, clock),
            MessageCommand::VerifyRequest(args) => args.run(renderer, clock),
            MessageCommand::Key(args) => args.run(renderer),
            MessageCommand::Jwks(args) => args.run(global, renderer, clock()),
        }
    }
}

/// Sign a message
///
/// The payload is the input: as JSON if it is JSON, else as text or base64.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  openagents-certs message sign --cert alice.crt --key alice.key --audience bob --scope read call.json
  echo '{\"tool\":\"search\"}' | openagents-certs message sign --cert alice.crt --key alice.key --audience bob --scope search --capability tool_call")]
struct Sign {
    #[command(flatten)]
    outgoing: Outgoing,
    #[command(flatten)]
    input: Input,
}

impl Sign {
    fn run(self, renderer: &Renderer, clock: Clock<'_>) -> Result<Verdict, Error> {
        let sender = self.outgoing.pair.pair().sender(self.outgoing.alg)?;
        let draft = self.outgoing.draft();
        if self.input.lines {
            let send = &|line: lines::OutgoingLine, now| {
                let signed = sender.sign(&of_line(&draft, &line), line.payload(), now)?;
                Ok(signed.answer())
            };
            return send_lines(&self.input, self.outgoing.max_size, renderer, clock, send);
        }
        let payload = self.outgoing.payload(&self.input)?;
        self.input.write_signed(
            renderer,
            sender.sign(&draft, Payload::of(&payload), clock())?,
        )
    }
}

/// Seal a message: sign it, and encrypt its payload for one or many recipients
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  openagents-certs message seal --cert alice.crt --key alice.key --to bob.message.crt --audience bob --scope read call.json
  openagents-certs message seal --cert alice.crt --key alice.key --to bob.message.crt --to carol.message.crt --audience team --scope read call.json")]
struct Seal {
    #[command(flatten)]
    outgoing: Outgoing,

    /// Encrypt for the owner of this certificate; repeat for more
    #[arg(long, value_name = "CERT", required = true)]
    to: Vec<PathBuf>,

    #[command(flatten)]
    input: Input,
}

impl Seal {
    fn run(self, renderer: &Renderer, clock: Clock<'_>) -> Result<Verdict, Error> {
        let sender = self.outgoing.pair.pair().sender(self.outgoing.alg)?;
        let recipients = message::recipients(&self.to, clock())?;
        let draft = self.outgoing.draft();
        if self.input.lines {
            let send = &|line: lines::OutgoingLine, now| {
                let draft = of_line(&draft, &line);
                let sealed = sender.seal(&draft, line.into_bytes(), &recipients, now)?;
                Ok(sealed.answer())
            };
            return send_lines(&self.input, self.outgoing.max_size, renderer, clock, send);
        }
        let payload = self.outgoing.payload(&self.input)?;
        self.input.write_signed(
            renderer,
            sender.seal(&draft, payload, &recipients, clock())?,
        )
    }
}

/// Verify a message, and print what it claims
///
/// A sealed message is verified without opening it. Checks in this order: form, the signer's certificate, signature,
/// caller, audience, scopes, times, ids, tenant, policy, replay.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  openagents-certs message verify --ca ca.crt --audience bob --scope read message.jws
  openagents-certs message verify --ca ca.crt --audience bob --scope read --replay-db seen.db --trace trace.jsonl --lines messages.jsonl")]
struct Verify {
    #[command(flatten)]
    incoming: Incoming,
    #[command(flatten)]
    input: Input,
}

impl Verify {
    fn run(self, renderer: &Renderer, clock: Clock<'_>) -> Result<Verdict, Error> {
        receive(self.incoming.request(None), &self.input, renderer, clock)
    }
}

/// Verify a sealed message, then decrypt it, and print its payload exactly as it was sealed
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  openagents-certs message open --cert bob.message.crt --key bob.message.key --ca ca.crt --audience bob --scope read message.jws
  openagents-certs message open --cert bob.message.crt --key bob.message.key --ca ca.crt --audience bob --scope read --policy policy.toml message.jws > payload")]
struct Open {
    #[command(flatten)]
    pair: PairArgs,
    #[command(flatten)]
    incoming: Incoming,
    #[command(flatten)]
    input: Input,
}

impl Open {
    fn run(self, renderer: &Renderer, clock: Clock<'_>) -> Result<Verdict, Error> {
        let request = self.incoming.request(Some(self.pair.pair()));
        receive(request, &self.input, renderer, clock)
    }
}

/// Print certificates as a JWK Set, for peers that look keys up there
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  openagents-certs message jwks -C certs
  openagents-certs message jwks alice.crt bob.message.crt")]
pub(super) struct Jwks {
    /// Certificates, or directories with certificates [default: the PKI directory]
    #[arg(value_name = "FILE|DIR")]
    paths: Vec<PathBuf>,
}

impl Jwks {
    pub(super) fn run(
        self,
        global: &Global,
        renderer: &Renderer,
        now: OffsetDateTime,
    ) -> Result<Verdict, Error> {
        let directory = || vec![global.directory().to_owned()];
        let paths = if self.paths.is_empty() {
            directory()
        } else {
            self.paths
        };
        let set = message::key_set(&paths, now)?;
        let text = serde_json::to_string_pretty(&set).unwrap_or_default();
        renderer.raw((text + "\n").as_bytes())?;
        Ok(Verdict::Yes)
    }
}

/// What every message that is sent says.
#[derive(clap::Args, Debug)]
struct Outgoing {
    #[command(flatten)]
    pair: PairArgs,

    /// Who the message is for
    #[arg(long, value_name = "AUDIENCE")]
    audience: String,

    /// What the message may be used for; repeat for more
    #[arg(long, value_name = "SCOPE", required = true)]
    scope: Vec<String>,

    /// Who sends the message [default: the certificate's first URI, DNS or e-mail name, or its common name]
    #[arg(long, value_name = "NAME")]
    subject: Option<String>,

    /// The tenant of the sender
    #[arg(
        long,
        value_name = "TENANT",
        default_value = "",
        hide_default_value = true
    )]
    tenant: String,

    /// The service that sends the message [default: the subject]
    #[arg(long, value_name = "ID")]
    service_id: Option<String>,

    /// Who vouches for the sender [default: the certificate's issuer]
    #[arg(long, value_name = "NAME")]
    issuer: Option<String>,

    /// What the message asks for: read, delegate, tool_call or workflow_command
    #[arg(long, value_name = "CAPABILITY", default_value_t = Capability::Read)]
    capability: Capability,

    /// How long the message is valid, such as 60s or 5m
    #[arg(long, value_name = "LIFETIME", default_value = "60s")]
    ttl: Lifetime,

    /// The trace that the message is part of [default: a new one]
    #[arg(long, value_name = "ID")]
    trace_id: Option<String>,

    /// The key under which the receiver acts once [default: a new one]
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,

    /// Sign with ES256, ES384, EdDSA, PS256 or RS256 [default: what fits the key]
    #[arg(long, value_name = "ALG", value_parser = algorithm)]
    alg: Option<Algorithm>,

    /// Refuse a larger payload, in bytes
    #[arg(long, value_name = "BYTES", default_value_t = MAX_PAYLOAD_BYTES)]
    max_size: usize,

    /// Send this text instead of a file's content
    #[arg(long, value_name = "TEXT", conflicts_with_all = ["file", "lines"])]
    payload: Option<String>,
}

impl Outgoing {
    fn payload(&self, input: &Input) -> Result<Zeroizing<Vec<u8>>, Error> {
        match &self.payload {
            Some(text) => Ok(Zeroizing::new(text.clone().into_bytes())),
            None => payload(input, self.max_size),
        }
    }

    fn draft(&self) -> MessageDraft {
        MessageDraft {
            audience: self.audience.clone(),
            scopes: self.scope.clone(),
            capability: self.capability,
            ttl: self.ttl.duration(),
            subject: self.subject.clone(),
            tenant_id: self.tenant.clone(),
            service_id: self.service_id.clone(),
            issuer: self.issuer.clone(),
            trace_id: self.trace_id.clone(),
            idempotency_key: self.idempotency_key.clone(),
        }
    }
}

/// What messages that are received must be.
#[derive(clap::Args, Debug)]
struct Incoming {
    /// Trust the signers that these anchors lead to
    #[arg(long, value_name = "FILE")]
    ca: PathBuf,

    /// Accept messages for this audience
    #[arg(long, value_name = "AUDIENCE")]
    audience: String,

    /// Require this scope; repeat for more
    #[arg(long, value_name = "SCOPE", required = true)]
    scope: Vec<String>,

    /// Require this tenant
    #[arg(long, value_name = "TENANT")]
    tenant: Option<String>,

    /// Record ids in this database, and deny a message that was seen before
    #[arg(long, value_name = "FILE")]
    replay_db: Option<PathBuf>,

    /// Check callers, capabilities and scopes against this policy (TOML)
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,

    /// Approve the message with this id; repeat for more
    #[arg(long, value_name = "MESSAGE-ID")]
    approve: Vec<String>,

    /// Take this approval into account: a message with scope `approve` and payload {"approve":"MESSAGE-ID"}, signed by
    /// one of the policy's approvers; repeat for more
    #[arg(long, value_name = "FILE")]
    approval: Vec<PathBuf>,

    /// Look up the whole path of the signer in this revocation list; repeat for more
    #[arg(long, value_name = "FILE")]
    crl: Vec<PathBuf>,

    /// Append every decision to this file, as JSON lines
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,

    /// Deny a message that is valid longer, such as 1h
    #[arg(long, value_name = "LIFETIME", default_value = "1h")]
    max_lifetime: Lifetime,

    /// Deny a larger message, in bytes
    #[arg(long, value_name = "BYTES", default_value_t = MAX_MESSAGE_BYTES)]
    max_size: usize,
}

impl Incoming {
    fn request(self, pair: Option<Pair>) -> ReceptionRequest {
        ReceptionRequest {
            ca: self.ca,
            revocation_lists: self.crl,
            audience: self.audience,
            scopes: self.scope,
            tenant: self.tenant,
            max_lifetime: self.max_lifetime.duration(),
            max_size: self.max_size,
            policy: self.policy,
            approved: self.approve,
            approvals: self.approval,
            replay: self.replay_db,
            trace: self.trace,
            pair,
        }
    }
}

/// A certificate and its key.
#[derive(clap::Args, Debug)]
struct PairArgs {
    /// The certificate, with its intermediates behind it
    #[arg(long, value_name = "FILE")]
    cert: PathBuf,

    /// The private key of the certificate
    #[arg(long, value_name = "FILE")]
    key: PathBuf,

    /// Read the passphrase of the private key from the first line of this file
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
}

impl PairArgs {
    fn pair(&self) -> Pair {
        Pair {
            certificate: self.cert.clone(),
            private_key: self.key.clone(),
            passphrase_file: self.passphrase_file.clone(),
        }
    }
}

/// Where messages come from.
#[derive(clap::Args, Debug)]
struct Input {
    /// Read and write JSON lines, one message each
    #[arg(long)]
    lines: bool,

    /// Write to this file, which only you can read, instead of standard output
    #[arg(long, value_name = "FILE", conflicts_with = "lines")]
    out: Option<PathBuf>,

    /// The input; - for standard input
    #[arg(value_name = "FILE", default_value = "-", hide_default_value = true)]
    file: PathBuf,
}

impl Input {
    /// Writes a result to where it is wanted.
    fn write(&self, renderer: &Renderer, result: &[u8]) -> Result<(), Error> {
        match &self.out {
            Some(path) => message::write_new(path, result),
            None => renderer.raw(result),
        }
    }

    /// Writes a message: as it is sent, or as JSON.
    fn write_signed(&self, renderer: &Renderer, signed: SignedMessage) -> Result<Verdict, Error> {
        let mut answer = match (renderer.format, &self.out) {
            (Format::Json, None) => signed.answer(),
            (_, _) => signed.text,
        };
        answer.push('\n');
        self.write(renderer, answer.as_bytes())?;
        Ok(Verdict::Yes)
    }

    /// Refuses to write over a file, before anything is done that cannot be done again.
    fn check(&self) -> Result<(), Error> {
        self.out.as_deref().map_or(Ok(()), message::absent)
    }

    fn path(&self) -> Option<&Path> {
        named(&self.file)
    }
}

/// A file; none for `-`, standard input.
fn named(path: &Path) -> Option<&Path> {
    Some(path).filter(|path| *path != Path::new("-"))
}

fn algorithm(text: &str) -> Result<Algorithm, String> {
    Algorithm::from_jose_name(text)
        .ok_or_else(|| "expected ES256, ES384, EdDSA, PS256 or RS256".to_owned())
}

fn payload(input: &Input, limit: usize) -> Result<Zeroizing<Vec<u8>>, Error> {
    message::input(input.path(), limit)?.ok_or_else(|| larger(input.path()))
}

fn larger(path: Option<&Path>) -> Error {
    Error::Unreadable {
        path: path.unwrap_or(Path::new("-")).to_owned(),
        what: "is larger than `--max-size`",
    }
}

/// The draft with the ids of a line.
fn of_line(draft: &MessageDraft, line: &lines::OutgoingLine) -> MessageDraft {
    let mut draft = draft.clone();
    draft.trace_id = line.trace_id.clone().or(draft.trace_id);
    draft.idempotency_key = line.idempotency_key.clone().or(draft.idempotency_key);
    draft
}

fn send_lines(
    input: &Input,
    max_size: usize,
    renderer: &Renderer,
    clock: Clock<'_>,
    send: &message::Send<'_>,
) -> Result<Verdict, Error> {
    let write = &mut |line: &str| write_line(renderer, line);
    message::sign_lines(input.path(), max_size, clock, send, write)
}

/// Answers each line; no if any was denied.
fn answer_lines(
    input: &Input,
    limits: (usize, Option<&message::Reception>),
    renderer: &Renderer,
    clock: Clock<'_>,
    answer: &message::Answer<'_>,
) -> Result<Verdict, Error> {
    let write = &mut |line: &str| write_line(renderer, line);
    message::answer_lines(input.path(), limits, clock, answer, write)
}

fn receive(
    request: ReceptionRequest,
    input: &Input,
    renderer: &Renderer,
    clock: Clock<'_>,
) -> Result<Verdict, Error> {
    let max_size = request.max_size;
    input.check()?;
    let reception = message::Reception::open(&request, clock())?;
    for warning in &reception.warnings {
        renderer.warning(warning);
    }
    if input.lines {
        let limits = (max_size, Some(&reception));
        return answer_lines(input, limits, renderer, clock, &|line, now| {
            reception.answer(line, now)
        });
    }
    let limit = max_size.saturating_add(LINE_END_BYTES);
    let Some(message) = message::input(input.path(), limit)? else {
        let denial = reception.refuse(too_large(), clock())?;
        return Ok(deny(renderer, &denial));
    };
    match reception.receive(&message, clock())? {
        Ok(accepted) => {
            match &accepted.plaintext {
                Some(plaintext) => input.write(renderer, plaintext)?,
                None => input.write(renderer, (accepted.claims_line() + "\n").as_bytes())?,
            }
            Ok(Verdict::Yes)
        }
        Err(denial) => Ok(deny(renderer, &denial)),
    }
}

fn write_line(renderer: &Renderer, line: &str) -> Result<(), Error> {
    renderer.raw(&[line.as_bytes(), b"\n"].concat())
}

fn deny(renderer: &Renderer, denial: &Denial) -> Verdict {
    renderer.denied(denial.reason.name(), &Escaped(&denial.detail).to_string());
    Verdict::No
}

fn too_large() -> Denial {
    Denial::new(Reason::TooLarge, "it is larger than `--max-size`")
}

const LINE_END_BYTES: usize = 2;
