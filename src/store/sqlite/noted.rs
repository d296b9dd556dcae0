//! How many changes the database has seen, noted on the file itself.
//!
//! The latest changes are in the log beside the database, and SQLite takes a log that was removed,
//! cut off or overwritten for one that has nothing more to say. So the number of changes is kept as
//! an extended attribute of the database, where no one removes it by accident: one who opens the
//! database and finds fewer knows that some were lost. It is set after a change is on disk, so a crash
//! cannot make it say too much; where the file system has no such attributes, nothing is noticed.

use rusqlite::Connection;
use rustix::fs::XattrFlags;

use super::place::Place;

/// How many changes were noted; `None` when nothing readable was.
pub(super) fn read(place: &Place) -> Option<u64> {
    let mut value = [0; MAX_DIGITS];
    let length = rustix::fs::lgetxattr(&place.resolved, ATTRIBUTE, &mut value).ok()?;
    std::str::from_utf8(value.get(..length)?).ok()?.parse().ok()
}

/// Notes how many changes there are on disk, unless more are noted already.
pub(super) fn write(place: &Place, changes: u64) {
    if read(place).is_none_or(|noted| noted < changes) {
        // A note that cannot be made is one that will not be missed.
        let _ = rustix::fs::lsetxattr(
            &place.resolved,
            ATTRIBUTE,
            changes.to_string().as_bytes(),
            XattrFlags::empty(),
        );
    }
}

/// How many changes the database holds. It only grows: when entries are removed, the number of changes makes up for it.
pub(super) fn changes(connection: &Connection) -> rusqlite::Result<u64> {
    connection
        .prepare_cached("SELECT changes + ifnull((SELECT max(id) FROM entry), 0) FROM ledger")?
        .query_row([], |row| super::rows::count(row, 0))
}

/// The attribute's name, which `getfattr -d` shows.
const ATTRIBUTE: &str = "user.openagents-certs.changes";
const MAX_DIGITS: usize = 20; // of 2⁶⁴
