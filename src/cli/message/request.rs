//! `message sign-request` and `message verify-request`.

use std::path::{Path, PathBuf};

use super::{Clock, deny, larger, named, too_large, write_line};
use crate::error::{Error, InFile as _};
use crate::message::http::{
    DEFAULT_COMPONENTS, RequestDraft, RequestSigner, RequestVerifier, SHARED_KEY_ID,
    VerificationKey,
};
use crate::ops::Verdict;
use crate::ops::message::{self, MAX_MESSAGE_BYTES, Pair};
use crate::pki::validity::Lifetime;
use crate::render::Renderer;

/// Sign an HTTP/1.1 request (RFC 9421), and print it with its signature
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  openagents-certs message sign-request --cert alice.crt --key alice.key request.http
  openagents-certs message sign-request --shared-key team.key --keyid team --components @method,@target-uri request.http")]
pub(super) struct SignRequest {
    #[command(flatten)]
    signer: RequestKey,

    /// Cover these components, separated by commas [default: method, target, authority, content-digest, content-type]
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = component)]
    components: Option<Vec<String>>,

    /// How long the signature is valid, such as 30s
    #[arg(long, value_name = "LIFETIME", default_value = "30s")]
    ttl: Lifetime,

    /// The name of the signature
    #[arg(long, value_name = "LABEL", default_value = "sig1")]
    label: String,

    /// What the signature is for
    #[arg(long, value_name = "TAG")]
    tag: Option<String>,

    #[command(flatten)]
    request: RequestInput,
}

impl SignRequest {
    pub(super) fn run(self, renderer: &Renderer, clock: Clock<'_>) -> Result<Verdict, Error> {
        let signer = match (self.signer.shared_key, self.signer.cert, self.signer.key) {
            (Some(path), _, _) => RequestSigner::Shared(message::mac_key(&path)?),
            (None, Some(certificate), Some(private_key)) => {
                let passphrase_file = self.signer.passphrase_file;
                Pair {
                    certificate,
                    private_key,
                    passphrase_file,
                }
                .request_signer()?
            }
            (None, _, _) => {
                return Err(Error::usage(
                    "there is nothing to sign the request with",
                    "give `--cert` and `--key`, or `--shared-key`",
                ));
            }
        };
        let draft = RequestDraft {
            components: self.components,
            ttl: self.ttl.duration(),
            label: self.label,
            tag: self.tag,
            scheme: self.request.scheme.clone(),
            keyid: self.signer.keyid,
        };
        let path = self.request.path();
        let request = message::input(path, MAX_MESSAGE_BYTES)?.ok_or_else(|| larger(path))?;
        let signed = signer
            .sign(&request, &draft, clock())
            .in_file(path.map_or_else(|| "-".into(), ToOwned::to_owned))?;
        renderer.raw(&signed)?;
        Ok(Verdict::Yes)
    }
}

/// Verify a signed HTTP/1.1 request (RFC 9421), and print who signed what
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  openagents-certs message verify-request --ca ca.crt --replay-db seen.db request.http
  openagents-certs message verify-request --shared-key team.key --keyid team request.http")]
pub(super) struct VerifyRequest {
    /// Trust the signers that these anchors lead to
    #[arg(long, value_name = "FILE", required_unless_present_any = ["shared_key", "cert"])]
    ca: Option<PathBuf>,

    /// Accept only this certificate, which then need not be in the request
    #[arg(long, value_name = "FILE", conflicts_with = "shared_key")]
    cert: Option<PathBuf>,

    /// Look up the whole path of the signer in this revocation list; repeat for more
    #[arg(long, value_name = "FILE")]
    crl: Vec<PathBuf>,

    /// Verify with the shared key in this file: 32 to 128 bytes, raw, in hexadecimal or base64
    #[arg(long, value_name = "FILE", conflicts_with_all = ["ca", "crl"])]
    shared_key: Option<PathBuf>,

    /// Require this name of the shared key
    #[arg(long, value_name = "ID", default_value = SHARED_KEY_ID)]
    keyid: String,

    /// Require these components to be covered, separated by commas
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = component, default_values = DEFAULT_COMPONENTS)]
    components: Vec<String>,

    /// Deny a request that was signed longer ago, such as 5m
    #[arg(long, value_name = "LIFETIME", default_value = "5m")]
    max_age: Lifetime,

    /// Deny a signature that is valid longer, such as 1h
    #[arg(long, value_name = "LIFETIME", default_value = "1h")]
    max_lifetime: Lifetime,

    /// Verify the signature of this name [default: the only one]
    #[arg(long, value_name = "LABEL")]
    label: Option<String>,

    /// Record nonces in this database, and deny a request that was seen before
    #[arg(long, value_name = "FILE")]
    replay_db: Option<PathBuf>,

    /// Append every decision to this file, as JSON lines
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,

    #[command(flatten)]
    request: RequestInput,
}

impl VerifyRequest {
    pub(super) fn run(self, renderer: &Renderer, clock: Clock<'_>) -> Result<Verdict, Error> {
        let verifier = RequestVerifier {
            key: self.verification_key()?,
            components: self.components,
            max_age: self.max_age.duration(),
            max_lifetime: self.max_lifetime.duration(),
            label: self.label,
            scheme: self.request.scheme.clone(),
            max_size: MAX_MESSAGE_BYTES,
        };
        let mut reception = message::RequestReception::open(
            verifier,
            self.replay_db.as_ref(),
            self.trace.as_ref(),
        )?;
        let request = message::input(self.request.path(), MAX_MESSAGE_BYTES)?;
        let Some(request) = request else {
            return Ok(deny(renderer, &too_large()));
        };
        match reception.receive(&request, clock())? {
            Ok(verified) => {
                write_line(renderer, &serde_json::json!(verified).to_string())?;
                Ok(Verdict::Yes)
            }
            Err(denial) => Ok(deny(renderer, &denial)),
        }
    }

    fn verification_key(&self) -> Result<VerificationKey, Error> {
        if let Some(path) = &self.shared_key {
            let key = message::mac_key(path)?;
            return Ok(VerificationKey::Shared(key, self.keyid.clone()));
        }
        let anchors = self.ca.as_ref().or(self.cert.as_ref());
        let trust = message::trust(anchors.map_or(Path::new(""), PathBuf::as_path), &self.crl)?;
        Ok(match &self.cert {
            Some(path) => VerificationKey::Pinned(trust, message::chain(path)?),
            None => VerificationKey::Trust(trust),
        })
    }
}

/// What a request is signed with.
#[derive(clap::Args, Debug)]
struct RequestKey {
    /// The certificate, with its intermediates behind it
    #[arg(
        long,
        value_name = "FILE",
        requires = "key",
        required_unless_present = "shared_key"
    )]
    cert: Option<PathBuf>,

    /// The private key of the certificate
    #[arg(long, value_name = "FILE", requires = "cert")]
    key: Option<PathBuf>,

    /// Read the passphrase of the private key from the first line of this file
    #[arg(long, value_name = "FILE", requires = "key")]
    passphrase_file: Option<PathBuf>,

    /// Sign with the shared key in this file: 32 to 128 bytes, raw, in hexadecimal or base64
    #[arg(long, value_name = "FILE", conflicts_with_all = ["cert", "key"])]
    shared_key: Option<PathBuf>,

    /// The name of the key [default: the certificate's thumbprint, or `shared`]
    #[arg(long, value_name = "ID")]
    keyid: Option<String>,
}

/// Where a request comes from.
#[derive(clap::Args, Debug)]
struct RequestInput {
    /// The scheme of the request's target
    #[arg(long, value_name = "SCHEME", default_value = "https", value_parser = ["https", "http"])]
    scheme: String,

    /// The request; - for standard input
    #[arg(value_name = "FILE", default_value = "-", hide_default_value = true)]
    file: PathBuf,
}

impl RequestInput {
    fn path(&self) -> Option<&Path> {
        named(&self.file)
    }
}

/// A component as it is covered: names of header fields are in lower case.
#[expect(clippy::unnecessary_wraps, reason = "clap's form")]
fn component(text: &str) -> Result<String, String> {
    Ok(text.trim().trim_matches('"').to_ascii_lowercase())
}
