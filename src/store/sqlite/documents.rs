//! What servers keep beside the certificates.

use std::ops::ControlFlow;

use rusqlite::{Row, ToSql};

use super::super::{Document, DocumentKind, StoreError};
use super::{Sqlite, query, rows};

impl Sqlite {
    /// As [`Inventory::document`](super::super::Inventory::document).
    pub(super) fn read_document(
        &self,
        kind: DocumentKind,
        key: &str,
    ) -> Result<Option<Document>, StoreError> {
        let mut found = None;
        let parameters: [&dyn ToSql; 2] = [&kind.name(), &key];
        let read = |row: &Row<'_>| rows::document(row, kind);
        self.each(query::DOCUMENT, &parameters, read, |document| {
            found = Some(document);
            ControlFlow::Break(())
        })?;
        Ok(found)
    }

    /// As [`Inventory::documents`](super::super::Inventory::documents).
    pub(super) fn list_documents(
        &self,
        kind: DocumentKind,
        owner: Option<&str>,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Document>, StoreError> {
        let mut found = Vec::new();
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let after = after.unwrap_or_default();
        let query = match owner {
            Some(_) => query::DOCUMENTS_OF_OWNER,
            None => query::DOCUMENTS,
        };
        let name = kind.name();
        let mut parameters: Vec<&dyn ToSql> = vec![&name, &after, &limit];
        parameters.extend(owner.as_ref().map(|owner| owner as &dyn ToSql));
        let read = |row: &Row<'_>| rows::document(row, kind);
        self.each(query, &parameters, read, |document| {
            found.push(document);
            ControlFlow::Continue(())
        })?;
        Ok(found)
    }
}
