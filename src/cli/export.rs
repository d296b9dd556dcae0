//! `export`.

use std::ffi::OsString;
use std::path::PathBuf;

use time::OffsetDateTime;

use super::args::{Global, PassphraseSource};
use super::{finish, prompt};
use crate::error::Error;
use crate::ops::Verdict;
use crate::ops::export::{Format, Naming, Request, run};
use crate::ops::passphrase::{Password, Source};
use crate::render::Renderer;

/// Export a certificate in the form another program takes: PKCS #12, Kubernetes, .env, JWK …
///
/// To standard output, or to a file with `--out`. A CA's private key is never exported.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  openagents-certs export p12 alice --out alice.p12 --password-file secret.txt
  openagents-certs export k8s-secret node.internal --namespace agents | kubectl apply -f -
  openagents-certs export jks ca --out truststore.p12 --password-env STORE_PASSWORD
  openagents-certs export env alice > .env")]
pub(super) struct Args {
    /// The form
    #[arg(id = "form", value_enum, value_name = "FORMAT")]
    format: Format,

    /// A name in the PKI directory (alice for alice.crt, ca), a file, or a serial number
    #[arg(
        default_value_if("form", "bundle", "ca"),
        default_value_if("form", "k8s-configmap", "ca")
    )]
    name: Option<OsString>,

    /// Write to this file
    #[arg(short, long, value_name = "FILE")]
    out: Option<PathBuf>,

    /// Replace the file that is there
    #[arg(long, requires = "out")]
    force: bool,

    /// Say what would be written, and write nothing
    #[arg(long, requires = "out")]
    dry_run: bool,

    /// The private key, where it is not beside the certificate
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,

    /// p12, jks: seal it with the first line of this file
    #[arg(long, value_name = "FILE", conflicts_with = "password_env")]
    password_file: Option<PathBuf>,

    /// p12, jks: seal it with this environment variable
    #[arg(long, value_name = "NAME")]
    password_env: Option<OsString>,

    /// p12, jks: triple DES, RC2 and SHA-1, for macOS before 14 and Java before 8u301; protects little
    #[arg(long)]
    legacy: bool,

    /// jwk: with the private key
    #[arg(long)]
    private: bool,

    /// env: what is in the files, and not where they are
    #[arg(long)]
    contents: bool,

    /// k8s-secret, k8s-configmap: the object's name
    #[arg(long, value_name = "NAME")]
    k8s_name: Option<String>,

    /// k8s-secret, k8s-configmap: the object's namespace
    #[arg(long, value_name = "NAME")]
    namespace: Option<String>,

    #[command(flatten)]
    passphrase: PassphraseSource,
}

impl Args {
    pub(super) fn run(
        self,
        global: &Global,
        renderer: &Renderer,
        now: OffsetDateTime,
    ) -> Result<Verdict, Error> {
        let Some(name) = self.name.clone() else {
            return Err(Error::Usage {
                message: "which certificate is to be exported is not said".into(),
                hint: "name one, such as `openagents-certs export p12 alice --out alice.p12`"
                    .into(),
            });
        };
        if self.format.is_binary() && self.out.is_none() && renderer.is_terminal() {
            return Err(Error::Usage {
                message: "this is no text, and standard output is a terminal".into(),
                hint: "give `--out FILE`, or send it on with `>` or `|`".into(),
            });
        }
        let request = Request {
            format: self.format,
            name,
            directory: global.directory().to_owned(),
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
        let exported = run(&request, &passphrase, &|| self.password(), now)?;
        match &self.out {
            Some(path) => {
                let written = exported.write(path, self.force, self.dry_run)?;
                finish(renderer, &written)
            }
            None => {
                renderer.raw(&exported.content)?;
                Ok(Verdict::Yes)
            }
        }
    }

    /// The password a PKCS #12 file is sealed with.
    fn password(&self) -> Result<Password, Error> {
        if let Some(path) = &self.password_file {
            return Source::File(path.clone()).read();
        }
        if let Some(name) = &self.password_env {
            return Source::Environment(name.clone()).read();
        }
        if !prompt::is_possible() {
            return Err(Error::Usage {
                message: "there is no password, and no terminal to ask for one on".into(),
                hint: "give `--password-file FILE` or `--password-env NAME`".into(),
            });
        }
        Source::Typed(prompt::new_passphrase("the PKCS #12 file")?).read()
    }
}
