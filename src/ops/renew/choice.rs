//! Which certificates a request selects.

use std::ffi::{OsStr, OsString};
use std::ops::ControlFlow;
use std::path::Path;

use time::OffsetDateTime;

use crate::error::{Error, shown};
use crate::files;
use crate::ops::managed::{ForeignReason, Managed, ManagedCertificate};
use crate::pki::name::AttributeType;
use crate::pki::serial::{SerialNumber, SerialPrefix};
use crate::store::{Filter, Inventory};

/// The places in `managed` of the certificates with these names: the name of their files, one of their own
/// names, their serial number, or a path. A path elsewhere is added to `managed`.
///
/// # Errors
/// When nothing has a name, or several certificates do; when a file cannot be read.
pub(super) fn named(
    names: &[OsString],
    managed: &mut Managed,
    inventory: &dyn Inventory,
) -> Result<Vec<usize>, Error> {
    let mut chosen = Vec::new();
    for name in names {
        let place = match place_of(name, managed)? {
            Some(place) => place,
            None => added(name, managed, inventory)?,
        };
        if !chosen.contains(&place) {
            chosen.push(place);
        }
    }
    Ok(chosen)
}

/// The place of the only certificate with a name, if there is one.
fn place_of(name: &OsStr, managed: &Managed) -> Result<Option<usize>, Error> {
    let text = name.to_string_lossy();
    let rules: [&dyn Fn(&ManagedCertificate) -> bool; 4] = [
        &|certificate| is_file(Path::new(name), certificate),
        &|certificate| {
            let file = Path::new(&certificate.place.base);
            certificate.place.base == name || file.with_added_extension("crt") == Path::new(name)
        },
        &|certificate| is_serial(&text, &certificate.entry.serial),
        &|certificate| has_name(&text, certificate),
    ];
    for rule in rules {
        let matching: Vec<usize> = (0..managed.certificates.len())
            .filter(|index| rule(&managed.certificates[*index]))
            .collect();
        match matching[..] {
            [] => {}
            [only] => return Ok(Some(only)),
            [..] => {
                let paths = matching
                    .iter()
                    .take(MAX_NAMED)
                    .map(|index| shown(managed.certificates[*index].place.certificate()));
                return Err(Error::usage(
                    format!("several certificates have the name '{}'", shown(name)),
                    format!("give the file: {}", paths.collect::<Vec<_>>().join(", ")),
                ));
            }
        }
    }
    Ok(None)
}

/// Reads a file outside the managed directories and adds it.
fn added(name: &OsStr, managed: &mut Managed, inventory: &dyn Inventory) -> Result<usize, Error> {
    let path = Path::new(name);
    let is_path =
        path.extension() == Some(OsStr::new("crt")) || name.as_encoded_bytes().contains(&b'/');
    if !is_path || files::kind(path)? == files::Kind::Absent {
        return Err(match recorded(&name.to_string_lossy(), inventory)? {
            Some(serial) => Error::usage(
                format!("{serial}: has no file on disk that could be renewed"),
                "issue a new certificate with `openagents-certs issue`",
            ),
            None => Error::usage(
                format!("no managed certificate has the name '{}'", shown(path)),
                "list them with `openagents-certs renew --all --dry-run`, or give the path of a file",
            ),
        });
    }
    let mut file = Managed::read_file(path, inventory)?;
    if let Some(error) = file.unreadable.pop() {
        return Err(error);
    }
    if let Some(foreign) = file.foreign.pop() {
        let hint = match foreign.reason {
            ForeignReason::Authority => "replace a CA with `openagents-certs ca rotate`",
            ForeignReason::NotIssuedHere => {
                "record it with `openagents-certs ca adopt FILE`, or issue a new one with `openagents-certs issue`"
            }
            ForeignReason::Copy => "renew the original",
        };
        return Err(Error::usage(
            format!("{}: {}", shown(path), foreign.reason.clause()),
            hint,
        ));
    }
    managed.certificates.append(&mut file.certificates);
    Ok(managed.certificates.len() - 1)
}

/// The serial number that a text is in full, if it is recorded.
fn recorded(text: &str, inventory: &dyn Inventory) -> Result<Option<SerialNumber>, Error> {
    let Ok(prefix) = text.parse::<SerialPrefix>() else {
        return Ok(None);
    };
    let filter = Filter {
        serial: Some(prefix),
        ..Filter::default()
    };
    let mut found = None;
    let now = OffsetDateTime::UNIX_EPOCH;
    inventory.visit(&filter, now, &mut |entry| {
        found = Some(entry.serial).filter(|serial| is_serial(text, serial));
        match found {
            Some(_) => ControlFlow::Break(()),
            None => ControlFlow::Continue(()),
        }
    })?;
    Ok(found)
}

/// Whether a text is a serial number in full, in hex, with or without colons.
fn is_serial(text: &str, serial: &SerialNumber) -> bool {
    let digits = |text: &str| text.replace(':', "").to_ascii_lowercase();
    digits(text) == digits(&serial.to_string())
}

fn is_file(path: &Path, certificate: &ManagedCertificate) -> bool {
    let place = certificate.place.certificate();
    path.components().count() > 1
        && files::absolute(path)
            .is_ok_and(|path| files::absolute(&place).is_ok_and(|place| place == path))
}

fn has_name(name: &str, certificate: &ManagedCertificate) -> bool {
    let entry = &certificate.entry;
    entry
        .subject
        .values(AttributeType::CommonName)
        .iter()
        .any(|common_name| common_name == name)
        || entry.names.iter().any(|own| own.value() == name)
}

/// How many files an error lists.
const MAX_NAMED: usize = 5;
