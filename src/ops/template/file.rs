//! File templates, filled in from the certificates of a directory.
//!
//! `{{language:value}}` is a value as a string of that language. A line is omitted where one of its values does not
//! exist; a line that begins with `{{mtls:}}` is omitted without a client certificate and key.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use base64ct::{Base64, Encoding as _};

use crate::config::PublicUrl;
use crate::error::Error;
use crate::ops::verify_chain::Files;
use crate::pki::bundle::Bundle;
use crate::pki::general_name::GeneralName;
use crate::{authority, files};

use crate::ops::quoting::{Language, Unwritable};

/// A file template.
#[derive(Debug)]
pub struct FileTemplate {
    /// Its name, and the default name of the file.
    pub name: &'static str,
    /// What it is for.
    pub description: &'static str,
    text: &'static str,
}

/// Every file template.
pub static FILES: &[FileTemplate] = &[
    FileTemplate {
        name: "network-tls.yaml",
        description: "A network.yaml whose gRPC port uses TLS.",
        text: include_str!("../../../templates/files/network-tls.yaml"),
    },
    FileTemplate {
        name: "network-mtls.yaml",
        description: "A network.yaml whose gRPC port requires client certificates.",
        text: include_str!("../../../templates/files/network-mtls.yaml"),
    },
    FileTemplate {
        name: "agent.py",
        description: "An OpenAgents agent in Python.",
        text: include_str!("../../../templates/files/agent.py"),
    },
    FileTemplate {
        name: "agent.ts",
        description: "A @grpc/grpc-js client in TypeScript.",
        text: include_str!("../../../templates/files/agent.ts"),
    },
    FileTemplate {
        name: "agent.go",
        description: "A grpc-go client.",
        text: include_str!("../../../templates/files/agent.go"),
    },
    FileTemplate {
        name: "agent.rs",
        description: "A tonic client in Rust.",
        text: include_str!("../../../templates/files/agent.rs"),
    },
    FileTemplate {
        name: "message.py",
        description: "Signed and sealed messages in Python, with joserfc.",
        text: include_str!("../../../templates/files/message.py"),
    },
    FileTemplate {
        name: "message.ts",
        description: "Signed and sealed messages in TypeScript, with jose.",
        text: include_str!("../../../templates/files/message.ts"),
    },
    FileTemplate {
        name: "message.rs",
        description: "Signed and sealed messages in Rust.",
        text: include_str!("../../../templates/files/message.rs"),
    },
    FileTemplate {
        name: "a2a-agent.py",
        description: "An A2A agent over gRPC, with certificates of the Workload API.",
        text: include_str!("../../../templates/files/a2a-agent.py"),
    },
    FileTemplate {
        name: "slim-agent.py",
        description: "A SLIM node and agent, with identities of the Workload API.",
        text: include_str!("../../../templates/files/slim-agent.py"),
    },
    FileTemplate {
        name: "agntcy-dir.py",
        description: "A client of the AGNTCY directory, with the Workload API.",
        text: include_str!("../../../templates/files/agntcy-dir.py"),
    },
    FileTemplate {
        name: "dapr-client.py",
        description: "A Dapr client with a client certificate.",
        text: include_str!("../../../templates/files/dapr-client.py"),
    },
    FileTemplate {
        name: "openagents-certs-renew.service",
        description: "A systemd service that renews due certificates.",
        text: include_str!("../../../templates/files/openagents-certs-renew.service"),
    },
    FileTemplate {
        name: "openagents-certs-renew.timer",
        description: "A systemd timer that starts it every hour.",
        text: include_str!("../../../templates/files/openagents-certs-renew.timer"),
    },
    FileTemplate {
        name: "openagents-certs-watch.service",
        description: "A systemd service that renews continuously.",
        text: include_str!("../../../templates/files/openagents-certs-watch.service"),
    },
    FileTemplate {
        name: "kubernetes-cronjob.yaml",
        description: "A Kubernetes CronJob that renews due certificates.",
        text: include_str!("../../../templates/files/kubernetes-cronjob.yaml"),
    },
    FileTemplate {
        name: "github-actions.yml",
        description: "A GitHub Actions job with a short-lived certificate.",
        text: include_str!("../../../templates/files/github-actions.yml"),
    },
    FileTemplate {
        name: "gitlab-ci.yml",
        description: "A GitLab CI job with a short-lived certificate.",
        text: include_str!("../../../templates/files/gitlab-ci.yml"),
    },
    FileTemplate {
        name: "docker-compose.yml",
        description: "A network in a container without the CA's key.",
        text: include_str!("../../../templates/files/docker-compose.yml"),
    },
    FileTemplate {
        name: "nginx.conf",
        description: "nginx as TLS proxy for a gRPC server.",
        text: include_str!("../../../templates/files/nginx.conf"),
    },
    FileTemplate {
        name: "envoy.yaml",
        description: "Envoy as TLS proxy for a gRPC server.",
        text: include_str!("../../../templates/files/envoy.yaml"),
    },
    FileTemplate {
        name: "openagents-certs-serve.service",
        description: "A hardened systemd service that runs the CA.",
        text: include_str!("../../../templates/files/openagents-certs-serve.service"),
    },
    FileTemplate {
        name: "openagents-certs-fetch.service",
        description: "A systemd service that keeps the files of a SPIFFE identity current.",
        text: include_str!("../../../templates/files/openagents-certs-fetch.service"),
    },
    FileTemplate {
        name: "docker-compose-serve.yml",
        description: "The CA as a service in a container.",
        text: include_str!("../../../templates/files/docker-compose-serve.yml"),
    },
    FileTemplate {
        name: "kubernetes-deployment.yaml",
        description: "The CA as a service in Kubernetes.",
        text: include_str!("../../../templates/files/kubernetes-deployment.yaml"),
    },
    FileTemplate {
        name: "cert-manager-issuer.yaml",
        description: "A ClusterIssuer by which cert-manager uses the CA.",
        text: include_str!("../../../templates/files/cert-manager-issuer.yaml"),
    },
    FileTemplate {
        name: "Caddyfile",
        description: "Caddy with certificates of the CA.",
        text: include_str!("../../../templates/files/Caddyfile"),
    },
    FileTemplate {
        name: "traefik.yaml",
        description: "Traefik with certificates of the CA.",
        text: include_str!("../../../templates/files/traefik.yaml"),
    },
    FileTemplate {
        name: "certbot.sh",
        description: "A certificate of the CA with certbot.",
        text: include_str!("../../../templates/files/certbot.sh"),
    },
    FileTemplate {
        name: "lego.sh",
        description: "A certificate of the CA with lego.",
        text: include_str!("../../../templates/files/lego.sh"),
    },
];

impl FileTemplate {
    /// The template with this name.
    pub fn named(name: &str) -> Option<&'static FileTemplate> {
        FILES.iter().find(|file| file.name == name)
    }

    /// The only template with this name before its extension.
    pub fn of_stem(name: &str) -> Option<&'static FileTemplate> {
        let mut matching = FILES.iter().filter(|file| {
            file.name
                .rsplit_once('.')
                .is_some_and(|(stem, _)| stem == name)
        });
        matching.next().filter(|_| matching.next().is_none())
    }

    /// The text for these values.
    ///
    /// # Errors
    /// When the file's language cannot express a path.
    pub fn fill(&self, values: &Values) -> Result<String, Unwritable> {
        let mut text = String::new();
        for line in self.text.split_inclusive('\n') {
            if let Some(line) = filled(line, values)? {
                text.push_str(&line);
            }
        }
        Ok(text)
    }
}

/// A line with its values; `None` where one of them does not exist.
fn filled(line: &str, values: &Values) -> Result<Option<String>, Unwritable> {
    let mut out = String::new();
    let mut rest = line;
    while let Some((before, after)) = rest.split_once("{{") {
        let Some((inside, behind)) = after.split_once("}}") else {
            break;
        };
        let placeholder = inside.split_once(':');
        let Some((language, value)) = placeholder.filter(|_| !inside.contains(' ')) else {
            // Braces of another program.
            out.extend([before, "{{", inside, "}}"]);
            rest = behind;
            continue;
        };
        out.push_str(before);
        rest = behind;
        if language == "mtls" {
            if !values.has_client() {
                return Ok(None);
            }
            continue;
        }
        let Some(value) = values.get(value) else {
            return Ok(None);
        };
        out.push_str(&Language::named(language).quote(&value)?);
    }
    out.push_str(rest);
    Ok(Some(out))
}

/// The values for a template.
#[derive(Clone, Debug)]
pub struct Values {
    directory: PathBuf,
    absolute: PathBuf,
    program: PathBuf,
    files: Files,
    host: String,
    /// The URL of the authority as a service.
    server: PublicUrl,
    /// The socket of its Workload API.
    socket: PathBuf,
}

impl Values {
    /// The certificates of a directory; without any, the names that `generate` uses.
    ///
    /// # Errors
    /// When the directory has no absolute path.
    pub fn of_directory(directory: &Path, program: &Path) -> Result<Self, Error> {
        let mut files = Files::of_directory(directory).unwrap_or_default();
        let usual = |path: &mut Option<PathBuf>, name: &str| {
            path.get_or_insert_with(|| directory.join(name));
        };
        usual(&mut files.certificate, "server.crt");
        usual(&mut files.key, "server.key");
        usual(&mut files.ca, authority::CERTIFICATE);
        let settings = authority::read_config(directory)?;
        let server = settings.serve().public_url.clone();
        let socket = settings.serve().workload_socket.as_deref();
        let absolute = files::absolute(directory)?;
        Ok(Values {
            server: server.unwrap_or_else(|| PublicUrl::new("localhost", SERVER_PORT)),
            socket: socket.map_or_else(|| SOCKET.into(), |socket| absolute.join(socket)),
            absolute,
            directory: directory.to_owned(),
            program: program.to_owned(),
            host: files
                .certificate
                .as_deref()
                .and_then(host)
                .unwrap_or_else(|| "localhost".into()),
            files,
        })
    }

    fn has_client(&self) -> bool {
        self.files.client_certificate.is_some() && self.files.client_key.is_some()
    }

    fn get(&self, name: &str) -> Option<OsString> {
        if let Some(name) = name.strip_prefix("absolute_") {
            let path = self.path(name)?;
            let within = path.strip_prefix(&self.directory).unwrap_or(path);
            let absolute = if within.as_os_str().is_empty() {
                self.absolute.clone()
            } else {
                self.absolute.join(within)
            };
            return Some(absolute.into());
        }
        let bracketed = if self.host.contains(':') {
            format!("[{}]", self.host)
        } else {
            self.host.clone()
        };
        match name {
            "host" => Some(self.host.clone().into()),
            "authority" => Some(format!("{bracketed}:{PORT}").into()),
            "url" => Some(format!("grpcs://{bracketed}:{PORT}").into()),
            "https_url" => Some(format!("https://{bracketed}:{PORT}").into()),
            "server_url" => Some(self.server.to_string().into()),
            "acme_url" => Some(format!("{}/acme/directory", self.server).into()),
            "ca_base64" => {
                let anchors = self.files.ca.as_deref().and_then(|ca| files::read(ca).ok());
                Some(Base64::encode_string(&anchors.unwrap_or_default()).into())
            }
            "program" => Some(self.program.clone().into()),
            "socket_url" => {
                let mut url = OsString::from("unix://");
                url.push(&self.socket);
                Some(url)
            }
            "socket" => Some(self.socket.clone().into()),
            name => self.path(name).map(OsString::from),
        }
    }

    fn path(&self, name: &str) -> Option<&Path> {
        match name {
            "directory" => Some(&self.directory),
            "cert" => self.files.certificate.as_deref(),
            "key" => self.files.key.as_deref(),
            "ca" => self.files.ca.as_deref(),
            "client_cert" => self.files.client_certificate.as_deref(),
            "client_key" => self.files.client_key.as_deref(),
            _ => None,
        }
    }
}

/// The name by which clients dial the server.
fn host(certificate: &Path) -> Option<String> {
    let bundle = Bundle::read(&files::read(certificate).ok()?).ok()?;
    let names = bundle.certificates.first()?.subject_alt_names().ok()??;
    GeneralName::dialled(&names)
}

const PORT: u16 = 8600;
const SERVER_PORT: u16 = 8443;
/// As in the documentation.
const SOCKET: &str = "/run/certs/workload.sock";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_placeholder_is_known() {
        let directory = tempfile::tempdir().unwrap();
        for name in ["client.crt", "client.key"] {
            std::fs::write(directory.path().join(name), "").unwrap();
        }
        let values = Values::of_directory(directory.path(), Path::new("/bin/certs")).unwrap();
        for file in FILES {
            let text = file.fill(&values).unwrap();
            let lines = |text: &str| text.lines().count();
            assert_eq!(lines(&text), lines(file.text), "{}", file.name);
            assert!(
                !text.contains("{{") || text.contains("${{ secrets"),
                "{}",
                file.name
            );
        }
    }

    #[test]
    fn lines_about_a_client_are_left_out_where_there_is_none() {
        let directory = tempfile::tempdir().unwrap();
        let values = Values::of_directory(directory.path(), Path::new("/bin/certs")).unwrap();
        let text = FileTemplate::named("agent.py")
            .unwrap()
            .fill(&values)
            .unwrap();
        assert!(text.contains("ssl_ca_cert=") && !text.contains("ssl_client_cert"));
        let text = FileTemplate::named("nginx.conf")
            .unwrap()
            .fill(&values)
            .unwrap();
        assert!(!text.contains("ssl_verify_client"));
    }
}
