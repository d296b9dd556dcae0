//! Sending mail.

use std::time::Duration;

use lettre::message::header::ContentType;
use lettre::message::{Mailbox, Message};
use lettre::transport::smtp::SmtpTransport;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, CertificateStore, Tls, TlsParameters};
use lettre::{Address, Transport as _};

/// A mail server, and how it is used.
#[derive(Debug)]
pub struct MailRelay {
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// When TLS starts.
    pub encryption: Encryption,
    /// Its CA, as DER; the system's by default.
    pub ca: Vec<Vec<u8>>,
    /// User and password.
    pub login: Option<(String, String)>,
}

/// When TLS starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encryption {
    /// At once.
    Immediate,
    /// With STARTTLS.
    Upgraded,
    /// With STARTTLS where the server offers it.
    Opportunistic,
}

/// Why a mail was not sent.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// Not the address of a mailbox.
    #[error("'{}' is not a mail address", text.escape_debug())]
    Address {
        /// The text.
        text: String,
    },
    /// The mail cannot be composed.
    #[error("the mail cannot be composed: {0}")]
    Message(#[from] lettre::error::Error),
    /// The server did not take it.
    #[error("{host}:{port}: {reason}")]
    Server {
        /// The server.
        host: String,
        /// Its port.
        port: u16,
        /// Why.
        reason: String,
    },
}

impl MailRelay {
    /// Sends a mail.
    ///
    /// # Errors
    /// When an address is malformed, or the server cannot be reached or does not take it.
    pub fn send(
        &self,
        from: &str,
        to: &[String],
        subject: &str,
        text: &str,
    ) -> Result<(), MailError> {
        let mut message = Message::builder()
            .from(mailbox(from)?)
            .subject(subject)
            .header(ContentType::TEXT_PLAIN);
        for recipient in to {
            message = message.to(mailbox(recipient)?);
        }
        let message = message.body(text.to_owned())?;
        let transport = self.transport()?;
        let sent = transport.send(&message);
        sent.map(drop).map_err(|error| self.failed(&error))
    }

    fn transport(&self) -> Result<SmtpTransport, MailError> {
        let mut builder = TlsParameters::builder(self.host.clone());
        if !self.ca.is_empty() {
            builder = builder.certificate_store(CertificateStore::None);
        }
        for der in &self.ca {
            let certificate = Certificate::from_der(der.clone());
            builder =
                builder.add_root_certificate(certificate.map_err(|error| self.failed(&error))?);
        }
        let parameters = builder
            .build_rustls()
            .map_err(|error| self.failed(&error))?;
        let mut transport = SmtpTransport::builder_dangerous(&self.host)
            .port(self.port)
            .timeout(Some(PATIENCE))
            .tls(match self.encryption {
                Encryption::Immediate => Tls::Wrapper(parameters),
                Encryption::Upgraded => Tls::Required(parameters),
                Encryption::Opportunistic => Tls::Opportunistic(parameters),
            });
        if let Some((user, password)) = &self.login {
            transport = transport.credentials(Credentials::new(user.clone(), password.clone()));
        }
        Ok(transport.build())
    }

    fn failed(&self, error: &lettre::transport::smtp::Error) -> MailError {
        let mut reason = error.to_string();
        let mut source = std::error::Error::source(error);
        while let Some(cause) = source {
            reason = format!("{reason}: {cause}");
            source = cause.source();
        }
        MailError::Server {
            host: self.host.clone(),
            port: self.port,
            reason,
        }
    }
}

fn mailbox(text: &str) -> Result<Mailbox, MailError> {
    let wrong = || MailError::Address {
        text: text.to_owned(),
    };
    // `Name <address>`, or the address alone.
    match text.parse::<Mailbox>() {
        Ok(mailbox) => Ok(mailbox),
        Err(_) => {
            let address = text.parse::<Address>().map_err(|_| wrong())?;
            Ok(Mailbox::new(None, address))
        }
    }
}

const PATIENCE: Duration = Duration::from_secs(20);
