//! Names as indexes: whole ones in a table, parts of them and of labels in a full-text index of trigrams.
//!
//! Trigrams cost more to write than the entry itself, and far less when many are written at once. So the index lags
//! behind by up to [`LAG`] entries, which a search reads itself.

use rusqlite::{Connection, params};

use super::super::Entry;
use super::super::filter::{index_names, searchable};
use super::rows;

/// Adds the names of an entry that was just inserted.
pub(super) fn insert(connection: &Connection, entry: &Entry, id: i64) -> rusqlite::Result<()> {
    let mut statement =
        connection.prepare_cached("INSERT OR IGNORE INTO name (name, entry) VALUES (?1, ?2)")?;
    for name in index_names(entry) {
        statement.execute(params![name, id])?;
    }
    Ok(())
}

/// Removes the names of an entry.
pub(super) fn remove(connection: &Connection, entry: &Entry, id: i64) -> rusqlite::Result<()> {
    let mut statement =
        connection.prepare_cached("DELETE FROM name WHERE name = ?1 AND entry = ?2")?;
    for name in index_names(entry) {
        statement.execute(params![name, id])?;
    }
    if id <= indexed(connection)? {
        connection
            .prepare_cached("DELETE FROM search WHERE rowid = ?1")?
            .execute([id])?;
    }
    Ok(())
}

/// Forgets that entries behind the last one were indexed: their ids are given again.
pub(super) fn forget_removed(connection: &Connection) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "UPDATE ledger SET indexed = min(indexed, (SELECT ifnull(max(id), 0) FROM entry))",
        )?
        .execute([])?;
    Ok(())
}

/// Brings the full-text index up to the last entry if it lags too far behind.
pub(super) fn catch_up(connection: &Connection, last: i64) -> rusqlite::Result<()> {
    let indexed = indexed(connection)?;
    if last - indexed < LAG {
        return Ok(());
    }
    index_from(connection, indexed)
}

/// Fills both indexes from the entries, in a migration.
pub(super) fn fill(connection: &Connection) -> rusqlite::Result<()> {
    let query = format!("SELECT {}, id FROM entry ORDER BY id", rows::COLUMNS);
    let mut statement = connection.prepare(&query)?;
    let mut found = statement.query([])?;
    while let Some(row) = found.next()? {
        insert(connection, &rows::entry(row)?, row.get(rows::ID)?)?;
    }
    index_from(connection, 0)
}

/// Adds the labels of entries that the full-text index has without them, in a migration.
pub(super) fn index_labels(connection: &Connection) -> rusqlite::Result<()> {
    let query = format!(
        "SELECT {}, id FROM entry WHERE id <= ?1 AND labels IS NOT NULL",
        rows::COLUMNS
    );
    let mut statement = connection.prepare(&query)?;
    let mut remove = connection.prepare("DELETE FROM search WHERE rowid = ?1")?;
    let mut add = connection.prepare("INSERT INTO search (rowid, text) VALUES (?1, ?2)")?;
    let mut found = statement.query([indexed(connection)?])?;
    while let Some(row) = found.next()? {
        let id: i64 = row.get(rows::ID)?;
        remove.execute([id])?;
        add.execute(params![id, searchable(&rows::entry(row)?)])?;
    }
    Ok(())
}

fn index_from(connection: &Connection, mut indexed: i64) -> rusqlite::Result<()> {
    let query = format!(
        "SELECT {}, id FROM entry WHERE id > ?1 ORDER BY id",
        rows::COLUMNS
    );
    let mut statement = connection.prepare_cached(&query)?;
    let mut add = connection.prepare_cached("INSERT INTO search (rowid, text) VALUES (?1, ?2)")?;
    let mut found = statement.query([indexed])?;
    while let Some(row) = found.next()? {
        indexed = row.get(rows::ID)?;
        add.execute(params![indexed, searchable(&rows::entry(row)?)])?;
    }
    connection
        .prepare_cached("UPDATE ledger SET indexed = ?1")?
        .execute([indexed])?;
    Ok(())
}

/// The last entry in the full-text index.
pub(super) fn indexed(connection: &Connection) -> rusqlite::Result<i64> {
    connection
        .prepare_cached("SELECT indexed FROM ledger")?
        .query_row([], |row| row.get(0))
}

/// What matches every entry that contains a text, and few others; `None` when the text is too short, or so common
/// that reading all entries in order is faster.
pub(super) fn matching(connection: &Connection, text: &str) -> rusqlite::Result<Option<String>> {
    let Some(expression) = trigrams(text) else {
        return Ok(None);
    };
    let found: i64 = connection
        .prepare_cached(
            "SELECT count(*) FROM (SELECT 1 FROM search WHERE search MATCH ?1 LIMIT ?2)",
        )?
        .query_row(params![expression, COMMON], |row| row.get(0))?;
    Ok((found < COMMON).then_some(expression))
}

/// A full-text query for all trigrams of a text.
fn trigrams(text: &str) -> Option<String> {
    let characters: Vec<char> = text.to_ascii_lowercase().chars().collect();
    if characters.contains(&'\0') {
        return None;
    }
    let quoted = |trigram: &[char]| {
        let trigram: String = trigram.iter().collect();
        format!("\"{}\"", trigram.replace('"', "\"\""))
    };
    let mut all: Vec<String> = characters.windows(3).map(quoted).collect();
    // The end of a name tells more than its start.
    all.reverse();
    all.dedup();
    all.truncate(MAX_TRIGRAMS);
    (!all.is_empty()).then(|| all.join(" AND "))
}

/// How many entries the full-text index may lack.
const LAG: i64 = 1_000;
/// How many matches are many.
const COMMON: i64 = 5_000;
const MAX_TRIGRAMS: usize = 32;
