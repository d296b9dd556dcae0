//! The server's state as documents in the store.

use serde::Serialize;
use serde::de::DeserializeOwned;
use time::OffsetDateTime;

use super::problem::{Problem, ProblemType, Refusal};
use crate::authority::INVENTORY;
use crate::error::Error;
use crate::keys::random_bytes;
use crate::message::jws::encode_base64url;
use crate::pki::escape::Escaped;
use crate::store::{Document, DocumentKind, Inventory, StoreError};

/// What is stored as a document of one kind.
pub(super) trait Storable: Serialize + DeserializeOwned {
    /// The kind.
    const KIND: DocumentKind;
}

/// A value with the name it is stored under.
#[derive(Debug)]
pub(super) struct Stored<T> {
    /// Its name.
    pub(super) id: String,
    /// Whose it is; empty for no one's.
    pub(super) owner: String,
    /// When it can be removed.
    pub(super) expires_at: Option<OffsetDateTime>,
    /// The value.
    pub(super) value: T,
    version: u64,
}

impl<T: Storable> Stored<T> {
    /// A value that is not stored yet.
    pub(super) fn new(id: String, owner: String, value: T) -> Self {
        Stored {
            id,
            owner,
            expires_at: None,
            value,
            version: 0,
        }
    }

    /// The value of this name.
    ///
    /// # Errors
    /// When the store cannot be read, or holds something else under the name.
    pub(super) fn load(inventory: &dyn Inventory, id: &str) -> Result<Option<Self>, Error> {
        let document = inventory.document(T::KIND, id)?;
        document.map(Stored::read).transpose()
    }

    /// The value in a document.
    ///
    /// # Errors
    /// When it is something else.
    pub(super) fn read(document: Document) -> Result<Self, Error> {
        let value = serde_json::from_str(&document.content);
        let value = value.map_err(|error| damaged::<T>(&document.key, &error))?;
        Ok(Stored {
            id: document.key,
            owner: document.owner,
            expires_at: document.expires_at,
            value,
            version: document.version,
        })
    }

    /// Stores it, if it was not changed since it was loaded.
    ///
    /// # Errors
    /// When it was, or the store cannot be written.
    pub(super) fn save(&mut self, inventory: &mut dyn Inventory) -> Result<(), Refusal> {
        let document = Document {
            kind: T::KIND,
            key: self.id.clone(),
            version: self.version,
            owner: self.owner.clone(),
            expires_at: self.expires_at,
            content: super::json(&self.value),
        };
        if !inventory.put_document(&document)? {
            return Err(changed_meanwhile().into());
        }
        self.version += 1;
        Ok(())
    }
}

/// A new name, which nobody can guess.
///
/// # Errors
/// When the system gives no randomness.
pub(super) fn new_id() -> Result<String, Error> {
    Ok(encode_base64url(&random_bytes::<ID_BYTES>()?))
}

fn damaged<T: Storable>(id: &str, error: &serde_json::Error) -> StoreError {
    StoreError::Damaged {
        path: INVENTORY.into(),
        what: format!("the {} {}: {error}", T::KIND.name(), Escaped(id)),
    }
}

fn changed_meanwhile() -> Problem {
    let detail = "another request changed it at the same time; try again";
    Problem {
        retry_after: Some(1),
        ..Problem::new(ProblemType::ServerInternal, detail).with_status(503)
    }
}

const ID_BYTES: usize = 16;
