//! What servers keep beside the certificates.

use time::OffsetDateTime;
use tokio_postgres::types::Type;

use super::super::{AuditEvent, Document, DocumentKind, StoreError};
use super::session::Parameter;
use super::{Postgres, query, rows};

impl Postgres {
    /// As [`Inventory::put_document`](super::super::Inventory::put_document).
    pub(super) fn write_document(&mut self, document: &Document) -> Result<bool, StoreError> {
        match AuditEvent::written(document) {
            // Most are not told of, and take one statement.
            None => self.write_one(document),
            Some(event) => self.transact(|this| {
                let is_written = this.write_one(document)?;
                this.tell(is_written.then_some(event))?;
                Ok(is_written)
            }),
        }
    }

    fn write_one(&self, document: &Document) -> Result<bool, StoreError> {
        let version = i64::try_from(document.version).unwrap_or(i64::MAX);
        let expires_at = document.expires_at.map(OffsetDateTime::unix_timestamp);
        let kind = document.kind.name();
        let [key, owner] = [&document.key, &document.owner].map(|value| rows::text(value));
        let content = document.content.as_bytes();
        let mut parameters: Vec<Parameter<'_>> = vec![
            (&kind, Type::TEXT),
            (&key, Type::TEXT),
            (&owner, Type::TEXT),
            (&expires_at, Type::INT8),
            (&content, Type::BYTEA),
        ];
        let written = if version == 0 {
            self.change(query::ADD_DOCUMENT, &parameters)?
        } else {
            parameters.push((&version, Type::INT8));
            self.change(query::REPLACE_DOCUMENT, &parameters)?
        };
        Ok(!written.is_empty())
    }

    /// As [`Inventory::documents`](super::super::Inventory::documents).
    pub(super) fn list_documents(
        &self,
        kind: DocumentKind,
        owner: Option<&str>,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Document>, StoreError> {
        let (name, after) = (kind.name(), rows::text(after.unwrap_or_default()));
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let owner = owner.map(rows::text);
        let mut parameters: Vec<Parameter<'_>> = vec![
            (&name, Type::TEXT),
            (&after, Type::TEXT),
            (&limit, Type::INT8),
        ];
        let found = match &owner {
            Some(owner) => {
                parameters.push((owner, Type::TEXT));
                self.again(query::DOCUMENTS_OF_OWNER, &parameters)?
            }
            None => self.again(query::DOCUMENTS, &parameters)?,
        };
        self.read_all(&found, |row| rows::document(row, kind))
    }

    /// As [`Inventory::remove_document`](super::super::Inventory::remove_document).
    pub(super) fn drop_document(
        &mut self,
        kind: DocumentKind,
        key: &str,
    ) -> Result<bool, StoreError> {
        let stored = rows::text(key);
        let remove = |this: &Self| {
            let removed = this.change(
                "DELETE FROM certs_document WHERE kind = $1 AND key = $2 RETURNING version",
                &[(&kind.name(), Type::TEXT), (&stored, Type::TEXT)],
            )?;
            Ok(!removed.is_empty())
        };
        match AuditEvent::removed(kind, key) {
            None => remove(self),
            Some(event) => self.transact(|this| {
                let is_removed = remove(this)?;
                this.tell(is_removed.then_some(event))?;
                Ok(is_removed)
            }),
        }
    }

    /// As [`Inventory::remove_expired`](super::super::Inventory::remove_expired).
    pub(super) fn drop_expired(
        &mut self,
        now: OffsetDateTime,
        limit: usize,
    ) -> Result<u64, StoreError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let removed = self.change(
            query::REMOVE_EXPIRED,
            &[(&now.unix_timestamp(), Type::INT8), (&limit, Type::INT8)],
        )?;
        self.read(removed.first().map_or(Ok(0), |row| rows::count(row, 0)))
    }

    /// As [`Inventory::document`](super::super::Inventory::document).
    pub(super) fn read_document(
        &self,
        kind: DocumentKind,
        key: &str,
    ) -> Result<Option<Document>, StoreError> {
        let key = rows::text(key);
        let found = self.again(
            query::DOCUMENT,
            &[(&kind.name(), Type::TEXT), (&key, Type::TEXT)],
        )?;
        let found = self.read_all(&found, |row| rows::document(row, kind))?;
        Ok(found.into_iter().next())
    }
}
