//! Which certificates are meant.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use crate::error::{Error, shown};
use crate::files;
use crate::ops::managed::{ForeignReason, Managed, ManagedCertificate};
use crate::pki::name::AttributeType;
use crate::store::Inventory;

/// Adds what is named by its path and stands elsewhere to what is managed, and gives the places of those that are
/// named: by the name of their files, one of their own names, or a path.
///
/// # Errors
/// When a name is nobody's, or several certificates'; when its file cannot be read.
pub(super) fn named(
    names: &[OsString],
    managed: &mut Managed,
    inventory: &dyn Inventory,
) -> Result<Vec<usize>, Error> {
    let mut chosen = Vec::new();
    for name in names {
        let found = match place_of(name, managed)? {
            Some(index) => index,
            None => added(name, managed, inventory)?,
        };
        if !chosen.contains(&found) {
            chosen.push(found);
        }
    }
    Ok(chosen)
}

/// The one certificate a name is of, if it is of any.
fn place_of(name: &OsStr, managed: &Managed) -> Result<Option<usize>, Error> {
    let rules: [&dyn Fn(&ManagedCertificate) -> bool; 3] = [
        &|certificate| is_file(Path::new(name), certificate),
        &|certificate| {
            let file = Path::new(&certificate.place.base);
            certificate.place.base == name || file.with_added_extension("crt") == Path::new(name)
        },
        &|certificate| has_name(&name.to_string_lossy(), certificate),
    ];
    for rule in rules {
        let fitting: Vec<usize> = (0..managed.certificates.len())
            .filter(|index| rule(&managed.certificates[*index]))
            .collect();
        match fitting[..] {
            [] => {}
            [only] => return Ok(Some(only)),
            [..] => {
                let paths = fitting
                    .iter()
                    .take(MAX_NAMED)
                    .map(|index| shown(&managed.certificates[*index].place.certificate()));
                return Err(Error::Usage {
                    message: format!(
                        "'{}' is the name of several certificates",
                        shown(Path::new(name))
                    ),
                    hint: format!("give the file: {}", paths.collect::<Vec<_>>().join(", ")),
                });
            }
        }
    }
    Ok(None)
}

/// Reads a file that is not in one of the directories, and takes it in.
fn added(name: &OsStr, managed: &mut Managed, inventory: &dyn Inventory) -> Result<usize, Error> {
    let path = Path::new(name);
    let is_path =
        path.extension() == Some(OsStr::new("crt")) || name.as_encoded_bytes().contains(&b'/');
    if !is_path || files::kind(path)? == files::Kind::Absent {
        return Err(Error::Usage {
            message: format!(
                "no certificate that is managed here is called '{}'",
                shown(path)
            ),
            hint: "see them with `openagents-certs renew --all --dry-run`, or give a file's path"
                .into(),
        });
    }
    let mut file = Managed::read_file(path, inventory)?;
    if let Some(error) = file.unreadable.pop() {
        return Err(error);
    }
    if let Some(foreign) = file.foreign.pop() {
        let hint = match foreign.reason {
            ForeignReason::Authority => "a CA is rolled over with `openagents-certs ca rotate`",
            ForeignReason::NotIssuedHere => {
                "if this CA issued it, record it with `openagents-certs ca adopt FILE`; otherwise renew it where it was issued"
            }
            ForeignReason::Copy => {
                "renew it where it was issued, or issue a new one with `openagents-certs issue`"
            }
        };
        return Err(Error::Usage {
            message: format!("{}: {}", shown(path), foreign.reason.clause()),
            hint: hint.into(),
        });
    }
    managed.certificates.append(&mut file.certificates);
    Ok(managed.certificates.len() - 1)
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

/// How many files are named where a name is several certificates'.
const MAX_NAMED: usize = 5;
