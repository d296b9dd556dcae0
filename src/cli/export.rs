//! `export`.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use super::context::Context;
use super::passphrase::PassphraseSource;
use super::{completing, prompt};
use crate::error::Error;
use crate::ops::export::{self, Format, Naming, Request, run};
use crate::ops::list::LabelFilter;
use crate::ops::passphrase::{Password, Source};
use crate::ops::{Verdict, targets};

/// Export a certificate as PKCS #12, Kubernetes objects, .env, JWK and more
///
/// Writes to standard output, or to a file with `--out`. The private key of a CA is never exported.
/// Several certificates, from standard input or by label, go to the directory that `--out` names.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  openagents-certs export p12 alice --out alice.p12 --password-file secret.txt
  openagents-certs export k8s-secret node.internal --namespace agents | kubectl apply -f -
  openagents-certs export jks ca --out truststore.p12 --password-env STORE_PASSWORD
  openagents-certs export fullchain --label team=red --out red")]
pub(super) struct Args {
    /// Output format
    #[arg(id = "form", value_enum, value_name = "FORMAT")]
    format: Format,

    /// A name in the PKI directory (alice for alice.crt, ca), a file, a serial number, or - to read them from standard input
    #[arg(
        default_value_if("form", "bundle", "ca"),
        default_value_if("form", "k8s-configmap", "ca"),
        add = completing::targets()
    )]
    name: Option<OsString>,

    /// Write to this file, or for several certificates to this directory
    #[arg(short, long, value_name = "FILE")]
    out: Option<PathBuf>,

    /// Replace an existing file
    #[arg(long, requires = "out")]
    force: bool,

    /// Show what would be written; write nothing
    #[arg(long, requires = "out")]
    dry_run: bool,

    /// Private key, if not beside the certificate
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,

    /// p12, jks: encrypt with the password in the first line of this file
    #[arg(long, value_name = "FILE", conflicts_with = "password_env")]
    password_file: Option<PathBuf>,

    /// p12, jks: encrypt with the password in this environment variable
    #[arg(long, value_name = "NAME")]
    password_env: Option<OsString>,

    /// p12, jks: use 3DES, RC2 and SHA-1 for macOS before 14 and Java before 8u301 (weak)
    #[arg(long)]
    legacy: bool,

    /// jwk: include the private key
    #[arg(long)]
    private: bool,

    /// env: write the contents of the files instead of their paths
    #[arg(long)]
    contents: bool,

    /// k8s-secret, k8s-configmap: name of the object
    #[arg(long, value_name = "NAME")]
    k8s_name: Option<String>,

    /// k8s-secret, k8s-configmap: namespace of the object
    #[arg(long, value_name = "NAME")]
    namespace: Option<String>,

    /// Export the current certificates with this label, NAME=VALUE or NAME; repeat to require several
    #[arg(long, value_name = "LABEL", conflicts_with = "key")]
    label: Vec<LabelFilter>,

    #[command(flatten)]
    passphrase: PassphraseSource,
}

impl Args {
    pub(super) fn run(self, context: &Context) -> Result<Verdict, Error> {
        if self.format.is_binary() && self.out.is_none() && context.renderer.is_terminal() {
            return Err(Error::usage(
                "this format is binary, and standard output is a terminal",
                "give `--out FILE`, or redirect the output with `>` or `|`",
            ));
        }
        let mut names: Vec<OsString> = self.name.iter().cloned().collect();
        let is_one = self.label.is_empty() && !targets::is_piped(&names);
        names = targets::expand(&names)?;
        if !self.label.is_empty() {
            names.extend(export::labelled(
                context.directory(),
                &self.label,
                context.now,
            )?);
        }
        match (&names[..], is_one) {
            ([name], _) => self.export(name, self.out.clone(), context),
            ([], true) => Err(Error::usage(
                "no certificate is named",
                "name one, as in `openagents-certs export p12 alice --out alice.p12`",
            )),
            (several, _) => {
                let mut verdict = Verdict::Yes;
                for name in several {
                    let out = self
                        .out
                        .as_ref()
                        .map(|directory| directory.join(export::file_name(name, self.format)));
                    verdict = self.export(name, out, context)?;
                }
                Ok(verdict)
            }
        }
    }

    /// Exports one certificate, to a file or to standard output.
    fn export(
        &self,
        name: &OsStr,
        out: Option<PathBuf>,
        context: &Context,
    ) -> Result<Verdict, Error> {
        let request = Request {
            format: self.format,
            name: name.to_owned(),
            directory: context.directory().to_owned(),
            key: self.key.clone(),
            legacy: self.legacy,
            private: self.private,
            contents: self.contents,
            naming: Naming {
                name: self.k8s_name.clone(),
                namespace: self.namespace.clone(),
            },
        };
        let passphrase = |path: &std::path::Path| self.passphrase.ask(path);
        let exported = run(&request, &passphrase, &|| self.password(), context.now)?;
        match &out {
            Some(path) => {
                let written = exported.write(path, self.force, self.dry_run)?;
                context.finish(&written)
            }
            None => {
                context.renderer.raw(&exported.content)?;
                Ok(Verdict::Yes)
            }
        }
    }

    /// The password that encrypts a PKCS #12 file; `--passphrase-file` and its like are accepted for it, too.
    fn password(&self) -> Result<Password, Error> {
        if let Some(path) = &self.password_file {
            return Source::File(path.clone()).read();
        }
        if let Some(name) = &self.password_env {
            return Source::Environment(name.clone()).read();
        }
        if let Some(source) = self.passphrase.given() {
            return source.read();
        }
        if !prompt::is_possible() {
            return Err(Error::usage(
                "no password was given, and there is no terminal to ask for one",
                "give `--password-file FILE` or `--password-env NAME`",
            ));
        }
        prompt::new_passphrase("the PKCS #12 file")
    }
}
