//! What an operation may touch of a certificate authority: its certificate, its key, its inventory.

mod directory;
mod material;
pub mod rotation;

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use time::OffsetDateTime;

pub use directory::{
    CERTIFICATE, CONFIG, CRL, CRL_DER, INVENTORY, ISSUER, KEY, certificate_in, exists,
    open_inventory, open_inventory_file, pem_of, read_config, write, write_public,
};
pub use material::{AuthorityAt, Material, Recording, Source};

use crate::error::Error;
use crate::files::{self, Kind};
use crate::keys::{self, Password, ReadKey, Signer};
use crate::pki::bundle;
use crate::pki::certificate::Certificate;
use crate::pki::crl_plan::{RevocationListPlan, RevokedEntries};
use crate::pki::fingerprint::Fingerprint;
use crate::pki::issuer::Issuer;
use crate::pki::pem;
use crate::pki::plan::IssuancePlan;
use crate::pki::serial::SerialNumber;
use crate::store::{Entry, Inventory, Opening};

/// A certificate authority that can sign and record.
pub struct Authority {
    directory: PathBuf,
    certificate: Certificate,
    signing: Signing,
    inventory: Option<Box<dyn Inventory>>,
    /// The CA it is taking turns with during a roll-over, once it was opened too.
    beside: Option<(Certificate, Signing)>,
}

/// A CA that signs, and its certificate.
#[derive(Clone, Copy)]
pub struct Issuing<'a> {
    /// Its certificate.
    pub certificate: &'a Certificate,
    /// What signs.
    pub signing: &'a Signing,
}

/// What is needed to sign, and nothing else: any number of threads may use it at once.
pub struct Signing {
    /// What a plan takes from its issuer.
    pub issuer: Issuer,
    /// SHA-256 over the issuer's certificate.
    pub fingerprint: Fingerprint,
    signer: Signer,
    /// What is served behind a leaf: a subordinate's certificate and those above it, anchor excluded.
    chain: Vec<Certificate>,
}

/// Gives the passphrase of the encrypted key in a file; called only when there is one.
pub type Ask<'a> = &'a dyn Fn(&Path) -> Result<Password, Error>;

impl Authority {
    /// The authority in a directory: `ca.crt`, for a subordinate `issuer.crt`, `ca.key` and the inventory.
    ///
    /// # Errors
    /// When one of them is missing or damaged, they do not belong together, the certificate is no CA's, or it
    /// is not valid `now`.
    pub fn open(directory: &Path, passphrase: Ask<'_>, now: OffsetDateTime) -> Result<Self, Error> {
        let key_path = directory.join(KEY);
        if !exists(directory)? {
            return Err(Error::NoAuthority {
                path: directory.to_owned(),
            });
        }
        let signer = read_signer(&key_path, passphrase)?;
        let subordinate = files::kind(&directory.join(ISSUER))? != Kind::Absent;
        let path = directory.join(if subordinate { ISSUER } else { CERTIFICATE });
        let certificates = read_certificates(&path)?;
        let belongs =
            |certificate: &&Certificate| certificate.public_key_info() == signer.public_key_info();
        let Some(certificate) = certificates.iter().find(belongs).cloned() else {
            return Err(Error::KeyMismatch {
                path: key_path,
                certificate: path,
            });
        };
        let mut inventory = open_inventory(directory, Opening::MustExist)?;
        match inventory
            .authorities()?
            .iter()
            .find(|record| record.certificate == certificate.as_der())
        {
            Some(record) if record.complete => {}
            // Killed between writing the files and saying so.
            Some(_) => inventory
                .complete_authority(certificate.as_der())
                .map(|_| ())?,
            None => {
                return Err(Error::UnknownAuthority {
                    path,
                    inventory: directory.join(INVENTORY),
                });
            }
        }
        let issuer = valid_issuer(&path, &certificate, now)?;
        let chain = if subordinate {
            certificates
        } else {
            rotation::chain(directory, &certificate, now)?
        };
        let signing = Signing::new(&certificate, issuer, signer, chain);
        Ok(Authority {
            directory: directory.to_owned(),
            certificate,
            signing,
            inventory: Some(inventory),
            beside: None,
        })
    }

    /// A root from what was just made.
    ///
    /// # Errors
    /// When nothing can be issued under the certificate.
    pub fn root(
        directory: &Path,
        certificate: Certificate,
        signer: Signer,
        inventory: Box<dyn Inventory>,
    ) -> Result<Self, Error> {
        let issuer = issuer(&directory.join(CERTIFICATE), &certificate)?;
        let directory = directory.to_owned();
        let signing = Signing::new(&certificate, issuer, signer, Vec::new());
        Ok(Authority {
            directory,
            certificate,
            signing,
            inventory: Some(inventory),
            beside: None,
        })
    }

    /// Records what was issued, durably, before it is released.
    ///
    /// # Errors
    /// When the inventory cannot be written.
    pub fn record(&mut self, entries: &[Entry]) -> Result<(), Error> {
        match &mut self.inventory {
            Some(inventory) => Ok(inventory.record(entries)?),
            None => Ok(()),
        }
    }

    /// Its certificate.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// The trust anchors it hands out.
    ///
    /// # Errors
    /// When `ca.crt` cannot be read.
    pub fn anchors(&self) -> Result<Vec<Certificate>, Error> {
        read_certificates(&self.directory.join(CERTIFICATE))
    }

    /// What signs.
    pub fn signing(&self) -> &Signing {
        &self.signing
    }

    /// What a plan takes from its issuer.
    pub fn issuer(&self) -> &Issuer {
        &self.signing.issuer
    }

    /// Every CA here that signs revocation lists, its own first; and what records.
    pub fn issuing(&mut self) -> (Vec<Issuing<'_>>, Option<&mut Box<dyn Inventory>>) {
        let own = Issuing {
            certificate: &self.certificate,
            signing: &self.signing,
        };
        let beside = self.beside.as_ref().map(|(certificate, signing)| Issuing {
            certificate,
            signing,
        });
        let all = std::iter::once(own).chain(beside).collect();
        (all, self.inventory.as_mut())
    }

    /// What signs, and what records: the second for one thread.
    pub fn split(&mut self) -> (&Signing, Option<&mut Box<dyn Inventory>>) {
        (&self.signing, self.inventory.as_mut())
    }
}

impl Signing {
    /// What signs for a CA that has no CA above it.
    ///
    /// # Errors
    /// When nothing can be issued under the certificate.
    pub fn of_root(path: &Path, certificate: &Certificate, signer: Signer) -> Result<Self, Error> {
        let issuer = issuer(path, certificate)?;
        Ok(Signing::new(certificate, issuer, signer, Vec::new()))
    }

    fn new(
        certificate: &Certificate,
        issuer: Issuer,
        signer: Signer,
        chain: Vec<Certificate>,
    ) -> Self {
        Signing {
            issuer,
            fingerprint: Fingerprint::sha256(certificate.as_der()),
            signer,
            chain,
        }
    }

    /// Signs a plan for this public key and serial number: the certificate's DER.
    ///
    /// # Errors
    /// When our own lint refuses the plan, or it cannot be encoded or signed.
    pub fn sign(
        &self,
        plan: &IssuancePlan,
        public_key_info: &[u8],
        serial: &SerialNumber,
    ) -> Result<Vec<u8>, Error> {
        sign(&self.signer, plan, public_key_info, serial)
    }

    /// Certifies the key of another CA under its own name: the cross-certificate's DER
    /// ([RFC 4949](https://www.rfc-editor.org/rfc/rfc4949), "cross-certification").
    ///
    /// # Errors
    /// When our own lint refuses the plan, or it cannot be encoded or signed.
    pub fn cross_sign(
        &self,
        plan: &IssuancePlan,
        subject: &Issuer,
        serial: &SerialNumber,
    ) -> Result<Vec<u8>, Error> {
        let lints = crate::pki::lint::lint(plan);
        if !lints.is_empty() {
            return Err(Error::Lint(lints));
        }
        let (key, identifier) = (&subject.public_key_info, &subject.key_identifier);
        Ok(self
            .signer
            .cross_certificate(plan, key, identifier, serial)?)
    }

    /// Signs a revocation list: its DER.
    ///
    /// # Errors
    /// When it cannot be encoded or signed.
    pub fn sign_revocation_list(
        &self,
        plan: &RevocationListPlan,
        entries: RevokedEntries,
    ) -> Result<Vec<u8>, Error> {
        Ok(self.signer.revocation_list(plan, entries)?)
    }

    /// The PEM a leaf is served as: itself, then the chain.
    ///
    /// # Errors
    /// Never for what was read or signed.
    pub fn served(&self, certificate: &[u8]) -> Result<String, Error> {
        pem_of(std::iter::once(certificate).chain(self.chain.iter().map(Certificate::as_der)))
    }
}

/// Signs a plan with any key, as a root does with its own: the certificate's DER.
///
/// # Errors
/// When our own lint refuses the plan, or it cannot be encoded or signed.
pub fn sign(
    signer: &Signer,
    plan: &IssuancePlan,
    public_key_info: &[u8],
    serial: &SerialNumber,
) -> Result<Vec<u8>, Error> {
    let lints = crate::pki::lint::lint(plan);
    if !lints.is_empty() {
        return Err(Error::Lint(lints));
    }
    Ok(signer.certificate(plan, public_key_info, serial)?)
}

/// A certificate that was just signed, read back.
///
/// # Errors
/// Never for what [`sign`] made.
pub fn read_back(der: Vec<u8>) -> Result<Certificate, Error> {
    Certificate::from_der(der).map_err(|source| Error::Certificate {
        path: CERTIFICATE.into(),
        source,
    })
}

/// What a CA's certificate in a file gives to those it issues.
///
/// # Errors
/// When it is malformed.
fn issuer(path: &Path, certificate: &Certificate) -> Result<Issuer, Error> {
    Issuer::of(certificate).map_err(|source| Error::Issuer {
        path: path.to_owned(),
        source,
    })
}

/// What a certificate in a file gives to those it issues, when any may be issued under it.
///
/// # Errors
/// When it is malformed, no CA's, or not valid `now`.
pub fn valid_issuer(
    path: &Path,
    certificate: &Certificate,
    now: OffsetDateTime,
) -> Result<Issuer, Error> {
    let issuer = issuer(path, certificate)?;
    let path = || path.to_owned();
    let (not_before, not_after) = (issuer.validity.not_before(), issuer.validity.not_after());
    if !issuer.is_ca {
        return Err(Error::NotAnAuthority { path: path() });
    }
    if now > not_after {
        return Err(Error::AuthorityExpired {
            path: path(),
            not_after,
        });
    }
    if now < not_before {
        return Err(Error::AuthorityNotYetValid {
            path: path(),
            not_before,
            now,
        });
    }
    Ok(issuer)
}

/// The certificates in a file.
///
/// # Errors
/// When there is none, or one is broken.
pub fn read_certificates(path: &Path) -> Result<Vec<Certificate>, Error> {
    bundle::certificates(&files::read(path)?).map_err(|source| Error::Bundle {
        path: path.to_owned(),
        source,
    })
}

fn read_signer(path: &Path, password: Ask<'_>) -> Result<Signer, Error> {
    let (key, _) = read_key(path, password)?;
    Signer::from_pkcs8(key.pkcs8()).map_err(|source| Error::Key {
        path: path.to_owned(),
        source,
    })
}

/// Asks at most once, and gives the same passphrase for every file: of keys that are encrypted alike.
pub fn once(ask: Ask<'_>) -> impl Fn(&Path) -> Result<Password, Error> {
    let given: RefCell<Option<Password>> = RefCell::new(None);
    move |path| {
        let known = given.borrow().as_ref().map(Password::again);
        if let Some(known) = known {
            return Ok(known);
        }
        let password = ask(path)?;
        *given.borrow_mut() = Some(password.again());
        Ok(password)
    }
}

/// The private key in a file, whatever form it has, with the password that was asked for when it is encrypted.
///
/// # Errors
/// When there is none, it is damaged, or the password is wrong.
pub fn read_key(path: &Path, password: Ask<'_>) -> Result<(ReadKey, Option<Password>), Error> {
    read_key_in(path, &files::read(path)?, password)
}

/// Whether the private key in a file needs a passphrase.
///
/// # Errors
/// When the file cannot be read, or contains no private key.
pub fn is_key_encrypted(path: &Path) -> Result<bool, Error> {
    let blocks = pem::blocks(&files::read(path)?).map_err(|source| Error::Pem {
        path: path.to_owned(),
        source,
    })?;
    let key = blocks.iter().find(|block| block.is_private_key());
    key.map(needs_password).ok_or_else(|| Error::NoKey {
        path: path.to_owned(),
    })
}

fn needs_password(block: &pem::Block) -> bool {
    block.label == "ENCRYPTED PRIVATE KEY" || block.is_encrypted()
}

/// The private key in the content of a file.
///
/// # Errors
/// As [`read_key`].
pub fn read_key_in(
    path: &Path,
    octets: &[u8],
    password: Ask<'_>,
) -> Result<(ReadKey, Option<Password>), Error> {
    let blocks = pem::blocks(octets).map_err(|source| Error::Pem {
        path: path.to_owned(),
        source,
    })?;
    let Some(block) = blocks.iter().find(|block| block.is_private_key()) else {
        return Err(Error::NoKey {
            path: path.to_owned(),
        });
    };
    let password = if needs_password(block) {
        Some(password(path)?)
    } else {
        None
    };
    let key = keys::read_pem_key(block, password.as_ref());
    Ok((
        key.map_err(|source| Error::ReadKey {
            path: path.to_owned(),
            source,
        })?,
        password,
    ))
}
