//! What programs call an error, and what to do about it.

use super::{Error, content, shown};
use crate::keys::KeyError;

impl Error {
    /// The error's stable name, for programs.
    #[expect(clippy::too_many_lines, reason = "one row per variant")]
    pub fn code(&self) -> &'static str {
        match self {
            Error::Usage { .. } => "usage",
            Error::Io { .. } => "io",
            Error::Unreadable { .. } => "unreadable",
            Error::File { source, .. } => source.code(),
            Error::Exists { .. } => "exists",
            Error::SymbolicLink { .. } => "symbolic-link",
            Error::Missing { .. } => "missing",
            Error::ExistingDiffers { .. } => "existing-differs",
            Error::Locked { .. } => "locked",
            Error::ForeignDirectory { .. } => "foreign-directory",
            Error::NothingToShow { .. } => "nothing-to-show",
            Error::NoSetup { .. } => "no-setup",
            Error::NoAuthority { .. } => "no-authority",
            Error::UnknownAuthority { .. } => "unknown-authority",
            Error::NotAnAuthority { .. } => "not-an-authority",
            Error::NotSelfSigned { .. } => "not-self-signed",
            Error::AuthorityExpired { .. } => "authority-expired",
            Error::AuthorityNotYetValid { .. } => "authority-not-yet-valid",
            Error::NoRevocationList { .. } => "no-revocation-list",
            Error::KeyMismatch { .. } => "key-mismatch",
            Error::NoKey { .. } => "private-key",
            Error::NoRequest { .. } => "no-request",
            Error::PassphraseNeeded { .. } => "passphrase-needed",
            Error::KeyProtection { .. } => "key-protection",
            Error::Backup { .. } => "backup",
            Error::ForeignRevocationList { .. } => "foreign-revocation-list",
            Error::Subtree(_) => "name-constraints",
            Error::KeyGeneration(_) => "key-generation",
            Error::ReadBack(_) => "read-back",
            Error::PublicKey(_) => "public-key",
            Error::Name(_) => "name",
            Error::Attribute(_) => "subject",
            Error::Validity(_) => "validity",
            Error::Encoding(_) => "encoding",
            Error::Lint(_) => "lint",
            Error::Unverifiable { .. } => "unverifiable",
            Error::TokenText { .. } => "token",
            Error::Est(_) => "est",
            Error::Enrollment { .. } => "enrollment",
            Error::NoToken { .. } => "no-token",
            Error::NotInstalled { .. } => "not-installed",
            Error::ProgramFailed { .. } => "program",
            Error::ChangedMeanwhile { .. } => "changed-meanwhile",
            Error::Unvalidated { .. } => "unvalidated",
            Error::DnsUpdate { .. } => "dns-update",
            Error::NoSession { .. } => "no-session",
            Error::Workload(error) => error.code(),
            Error::NoRoot { .. } => "no-root",
            Error::NoRowProfile => "no-row-profile",
            Error::Store(error) => error.code(),
            Error::AmbiguousEntry { .. } => "ambiguous-entry",
            Error::Selection(_) => "selection",
            Error::TargetList(_) => "target-list",
            Error::Message(_) => "message",
            Error::Config(_) => "config",
            Error::Target(_) => "target",
            Error::Probe(_) => "probe",
            Error::RolledBack { .. } => "rolled-back",
            Error::Identity(_) => "client-key",
            Error::Listen { .. } => "listen",
            Error::ServerNames { .. } => "server-names",
            Error::Acme(error) => error.code(),
            Error::Notification { .. } | Error::Webhook(_) | Error::Mail(_) => "notification",
            Error::Output { .. } => "output",
        }
    }

    /// What to type or change to fix it.
    #[expect(clippy::too_many_lines, reason = "one row per variant")]
    pub fn hint(&self) -> Option<String> {
        match self {
            Error::Usage { hint, .. }
            | Error::Unverifiable { hint, .. }
            | Error::NotInstalled { hint, .. }
            | Error::Unvalidated { hint, .. }
            | Error::Exists { hint, .. }
            | Error::Missing { hint, .. } => Some(hint.clone()),
            Error::Io { source, path, .. } => content::io_hint(source, path),
            Error::Unreadable { .. } => Some(
                "name a file with certificates, keys, requests or CRLs".into(),
            ),
            Error::SymbolicLink { path } => Some(format!(
                "remove the link, or use another directory: {}",
                shown(path)
            )),
            Error::ExistingDiffers { .. } => {
                Some("leave out the option that differs, or use another directory (`-C DIR`)".into())
            }
            Error::Locked { .. } => Some("wait until it finishes, or stop it, and try again".into()),
            Error::ForeignDirectory { path, .. } => Some(format!(
                "remove {}, or run the command as its owner",
                shown(path)
            )),
            Error::NothingToShow { .. } => Some("the CA's key is missing or encrypted: give a certificate for localhost with `--cert` and `--key`, or the passphrase with `--passphrase-file`".into()),
            Error::NoSetup { .. } => Some("create one with `openagents-certs generate`, or name the files with `--cert`, `--key` and `--ca`".into()),
            Error::NoAuthority { .. } => {
                Some("create one with `openagents-certs ca init`, or name another directory with `-C DIR`".into())
            }
            Error::UnknownAuthority { .. } => {
                Some("restore the changed file from a backup, or import the CA into a new directory with `openagents-certs ca import`".into())
            }
            Error::File { source, path } => source.hint(path),
            Error::AuthorityExpired { .. } => {
                Some("create a new CA in another directory (`openagents-certs ca init -C DIR`), or with `generate --new-ca`".into())
            }
            Error::AuthorityNotYetValid { .. } => Some("correct this machine's clock".into()),
            Error::KeyMismatch { .. } => {
                Some("restore the matching key, or issue a new pair with `openagents-certs issue … --force`".into())
            }
            Error::NotAnAuthority { path }
            | Error::NotSelfSigned { path }
            | Error::NoKey { path }
            | Error::NoRequest { path }
            | Error::NoRevocationList { path } => Some(content::inspect(path)),
            Error::PassphraseNeeded { .. } => Some("use `--passphrase-file FILE`, `--passphrase-env NAME` or `--passphrase-fd N`".into()),
            Error::KeyProtection { is_encrypted, .. } => Some(if *is_encrypted {
                "change the passphrase with `openagents-certs ca passphrase change`".into()
            } else {
                "add a passphrase with `openagents-certs ca passphrase add`".into()
            }),
            Error::Backup { .. } => {
                Some("use another copy of the backup".into())
            }
            Error::ForeignRevocationList { path } => Some(format!(
                "see who signed it with `openagents-certs inspect {}`",
                shown(path)
            )),
            Error::Subtree(_) => Some("domains are like agents.example.org, networks like 10.0.0.0/8".into()),
            Error::KeyGeneration(KeyError::NotInThisBuild { .. }) => {
                Some("choose `--key-type p256`, or build with `--features rsa`".into())
            }
            Error::KeyGeneration(_) => Some("choose another `--key-type`".into()),
            Error::ReadBack(_) => {
                Some("nothing was issued; report this as a bug, with the command and its output".into())
            }
            Error::PublicKey(_) => Some("choose another key".into()),
            Error::Encoding(_) => Some("choose other names, or a shorter lifetime".into()),
            Error::Lint(_) => {
                Some("see the profile with `openagents-certs template show NAME`".into())
            }
            Error::Listen { flag, .. } => Some(format!(
                "stop what listens there (`ss -ltnp` shows it), or choose another address with `{flag}`"
            )),
            Error::ServerNames { .. } => Some(
                "choose a host that the CA may issue for with `--public-url`, or give a certificate with `--tls-cert` and `--tls-key`".into(),
            ),
            Error::Output { .. } => {
                Some("write the output elsewhere; changes already made remain".into())
            }
            Error::Name(error) => Some(error.hint()),
            Error::TokenText { .. } => {
                Some("copy the whole line that `openagents-certs token create` printed".into())
            }
            Error::Est(error) => Some(error.hint()),
            Error::Enrollment { .. } => Some("enroll again with a new token".into()),
            Error::NoToken { .. } => Some("see the tokens with `openagents-certs token list`".into()),
            Error::NoSession { .. } => {
                Some("see the sessions with `openagents-certs dashboard sessions`".into())
            }
            Error::ProgramFailed { hint, .. } | Error::ChangedMeanwhile { hint, .. } => {
                Some((*hint).into())
            }
            Error::DnsUpdate { .. } => Some(
                "check the server, and that the key may update TXT records of this name".into(),
            ),
            Error::Workload(error) => Some(error.hint()),
            Error::NoRoot { .. } => Some("add the root that signed issuer.crt to it".into()),
            Error::NoRowProfile => Some("add the column `profile`, or give `--profile`".into()),
            Error::Store(error) => Some(error.hint()),
            Error::RolledBack { .. } => Some(
                "fix what failed and renew again; the old certificate stays in place until then".into(),
            ),
            Error::AmbiguousEntry { .. } => Some("give the serial number of one of them".into()),
            Error::Selection(error) => Some(error.hint()),
            Error::TargetList(error) => Some(error.hint()),
            Error::Message(error) => error.hint(),
            Error::Config(error) => Some(error.hint()),
            Error::Target(error) => Some(error.hint()),
            Error::Probe(error) => Some(error.hint()),
            Error::Acme(error) => Some(error.hint()),
            Error::Notification { .. } | Error::Webhook(_) | Error::Mail(_) => Some(
                "correct `[notify]` in certs.toml, and see whether it helps with `openagents-certs notify test`".into(),
            ),
            Error::Identity(_) => Some("issue a client pair with a P-256 key: `openagents-certs issue client NAME`".into()),
            Error::Attribute(_) => {
                Some("choose another value; host names belong in `--san`".into())
            }
            Error::Validity(_) => {
                Some("use `--days 365`, `--ttl 24h` or `--not-after 2027-01-31T00:00:00Z`".into())
            }
        }
    }
}
