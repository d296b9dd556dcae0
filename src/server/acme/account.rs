//! Accounts ([RFC 8555 §7.3](https://www.rfc-editor.org/rfc/rfc8555#section-7.3)).

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::document::{Storable, Stored, new_id};
use super::problem::{Problem, ProblemType, Refusal};
use super::request::AccountKey;
use crate::message::jws::encode_base64url;
use crate::store::{DocumentKind, Inventory};

/// An account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Account {
    /// Whether it can be used.
    pub(super) status: AccountStatus,
    /// The SubjectPublicKeyInfo of its key, in base64url.
    pub(super) public_key: String,
    /// Where its owner is reached: `mailto:` URLs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) contact: Vec<String>,
    /// The token it is bound to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) token: Option<String>,
    /// When it was created.
    #[serde(with = "time::serde::rfc3339")]
    pub(super) created_at: OffsetDateTime,
}

impl Storable for Account {
    const KIND: DocumentKind = DocumentKind::Account;
}

/// Whether an account can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum AccountStatus {
    /// It can.
    Valid,
    /// Its owner gave it up.
    Deactivated,
}

/// The account of a key; its id is the key's thumbprint.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct AccountOfKey {
    /// The account's id.
    account: String,
}

impl Storable for AccountOfKey {
    const KIND: DocumentKind = DocumentKind::AccountKey;
}

/// What a client asks of an account, new or not.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct AccountRequest<'a> {
    contact: Option<Vec<String>>,
    /// Whether to look only for an account there is.
    pub(super) only_return_existing: bool,
    /// The signed binding to a token.
    #[serde(borrow)]
    pub(super) external_account_binding: Option<&'a serde_json::value::RawValue>,
    status: Option<String>,
}

impl AccountRequest<'_> {
    /// The contacts that are asked for.
    ///
    /// # Errors
    /// The first that cannot be used.
    pub(super) fn contacts(&self) -> Result<Option<Vec<String>>, Problem> {
        let Some(contacts) = &self.contact else {
            return Ok(None);
        };
        if contacts.len() > MAX_CONTACTS {
            let detail = format!("an account has at most {MAX_CONTACTS} contacts");
            return Err(Problem::new(ProblemType::InvalidContact, detail));
        }
        contacts.iter().try_for_each(|contact| check(contact))?;
        Ok(Some(contacts.clone()))
    }
}

impl Account {
    /// The account of a key.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(super) fn of_key(
        inventory: &dyn Inventory,
        key: &AccountKey,
    ) -> Result<Option<Stored<Account>>, Refusal> {
        match Stored::<AccountOfKey>::load(inventory, key.thumbprint())? {
            Some(of_key) => Ok(Stored::load(inventory, &of_key.value.account)?),
            None => Ok(None),
        }
    }

    /// A new account, not stored yet.
    ///
    /// # Errors
    /// When the system gives no randomness.
    pub(super) fn new(
        key: &AccountKey,
        contact: Vec<String>,
        now: OffsetDateTime,
    ) -> Result<Stored<Account>, Refusal> {
        let account = Account {
            status: AccountStatus::Valid,
            public_key: encode_base64url(key.info()),
            contact,
            token: None,
            created_at: now.replace_nanosecond(0).unwrap_or(now),
        };
        Ok(Stored::new(new_id()?, String::new(), account))
    }

    /// The JSON of the account.
    pub(super) fn json(&self, orders: &str) -> String {
        #[derive(Serialize)]
        struct Shown<'a> {
            status: AccountStatus,
            contact: &'a [String],
            #[serde(rename = "termsOfServiceAgreed")]
            terms_of_service_agreed: bool,
            orders: &'a str,
        }
        super::json(&Shown {
            status: self.status,
            contact: &self.contact,
            terms_of_service_agreed: true,
            orders,
        })
    }

    /// Refuses an account that was deactivated.
    ///
    /// # Errors
    /// When it was.
    pub(super) fn check(&self) -> Result<(), Problem> {
        match self.status {
            AccountStatus::Valid => Ok(()),
            AccountStatus::Deactivated => Err(Problem::unauthorized("the account is deactivated")),
        }
    }
}

impl Stored<Account> {
    /// Stores a new account, and that the key is its own.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub(super) fn create(
        &mut self,
        inventory: &mut dyn Inventory,
        key: &AccountKey,
    ) -> Result<(), Refusal> {
        self.save(inventory)?;
        bind(inventory, key, &self.id)
    }

    /// Changes contacts, or deactivates the account.
    ///
    /// # Errors
    /// When that is not what is asked for, or the store cannot be written.
    pub(super) fn update(
        &mut self,
        inventory: &mut dyn Inventory,
        request: &AccountRequest<'_>,
    ) -> Result<(), Refusal> {
        let contacts = request.contacts()?;
        match request.status.as_deref() {
            None | Some("valid") => {}
            Some("deactivated") => self.value.status = AccountStatus::Deactivated,
            Some(_) => {
                let detail = "the status of an account can only become 'deactivated'";
                return Err(Problem::malformed(detail).into());
            }
        }
        if request.status.is_none() && contacts.is_none() {
            return Ok(());
        }
        if let Some(contacts) = contacts {
            self.value.contact = contacts;
        }
        self.save(inventory)
    }

    /// Gives the account another key (RFC 8555 §7.3.5).
    ///
    /// # Errors
    /// When another account has it, or the store cannot be written.
    pub(super) fn change_key(
        &mut self,
        inventory: &mut dyn Inventory,
        old: &AccountKey,
        new: &AccountKey,
    ) -> Result<(), Refusal> {
        if let Some(other) = Account::of_key(inventory, new)? {
            let problem = Problem::malformed("an account already has the new key");
            return Err(Problem {
                account: Some(other.id.into()),
                ..problem.with_status(409)
            }
            .into());
        }
        self.value.public_key = encode_base64url(new.info());
        self.save(inventory)?;
        bind(inventory, new, &self.id)?;
        inventory.remove_document(DocumentKind::AccountKey, old.thumbprint())?;
        Ok(())
    }
}

fn bind(inventory: &mut dyn Inventory, key: &AccountKey, account: &str) -> Result<(), Refusal> {
    let value = AccountOfKey {
        account: account.to_owned(),
    };
    let mut of_key = Stored::new(key.thumbprint().to_owned(), account.to_owned(), value);
    of_key.save(inventory)
}

fn check(contact: &str) -> Result<(), Problem> {
    let Some(address) = contact.strip_prefix("mailto:") else {
        let detail = format!("contact '{contact}': only mailto: is supported");
        return Err(Problem::new(ProblemType::UnsupportedContact, detail));
    };
    let is_plain = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic());
    let is_address = contact.len() <= MAX_CONTACT_BYTES
        && !address.contains(['?', ',', '%', '"', '<', '>'])
        && address.rsplit_once('@').is_some_and(|(local, domain)| {
            is_plain(local) && is_plain(domain) && !local.contains('@')
        });
    if !is_address {
        let detail = format!("contact '{contact}' is not one plain e-mail address");
        return Err(Problem::new(ProblemType::InvalidContact, detail));
    }
    Ok(())
}

const MAX_CONTACTS: usize = 10;
const MAX_CONTACT_BYTES: usize = 320;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_contact_is_one_plain_mail_address() {
        for contact in ["mailto:a@b.example", "mailto:a.b+c@d.example"] {
            assert!(check(contact).is_ok(), "{contact}");
        }
        for (contact, kind) in [
            ("tel:+41", ProblemType::UnsupportedContact),
            ("a@b.example", ProblemType::UnsupportedContact),
            ("mailto:", ProblemType::InvalidContact),
            (
                "mailto:a@b.example,c@d.example",
                ProblemType::InvalidContact,
            ),
            ("mailto:a@b.example?subject=x", ProblemType::InvalidContact),
            ("mailto:a@b@c", ProblemType::InvalidContact),
            ("mailto:a b@c", ProblemType::InvalidContact),
            ("mailto:é@c", ProblemType::InvalidContact),
        ] {
            assert_eq!(check(contact).unwrap_err().kind, kind, "{contact}");
        }
        assert!(check(&format!("mailto:{}@b", "a".repeat(400))).is_err());
    }
}
