//! What stands below a directory, and what a pattern matches: without end neither for links that lead back nor for pipes.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Component, Path, PathBuf};

use glob::{MatchOptions, Pattern};

use crate::error::Error;

/// A file, links followed, by what it is and not by what it is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Identity {
    device: u64,
    inode: u64,
}

/// Something a path leads to, links followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// A regular file.
    File(Identity),
    /// A directory.
    Directory(Identity),
    /// A device, a pipe or a socket.
    Special,
}

/// What a path leads to, links followed.
///
/// # Errors
/// When there is nothing, or the system does not tell.
pub fn target(path: &Path) -> Result<Target, Error> {
    let metadata = fs::metadata(path).map_err(|source| Error::Io {
        action: "read",
        path: path.to_owned(),
        source,
    })?;
    let identity = Identity {
        device: metadata.dev(),
        inode: metadata.ino(),
    };
    Ok(if metadata.is_dir() {
        Target::Directory(identity)
    } else if metadata.is_file() {
        Target::File(identity)
    } else {
        Target::Special
    })
}

/// Every file of a directory and of those below it, `depth` levels in all, by name; each directory is entered once.
///
/// Names that start with a dot are left out, as are devices, pipes and sockets. A link that leads nowhere
/// is a file, so that whoever reads it hears of it. A directory that cannot be read is an error among the files.
pub fn walk(root: &Path, depth: usize) -> Vec<Result<PathBuf, Error>> {
    let files = everything(root, depth).into_iter();
    files
        .filter_map(|found| match found {
            Ok((_, true)) => None,
            Ok((path, false)) => Some(Ok(path)),
            Err(error) => Some(Err(error)),
        })
        .collect()
}

/// Files and directories, and whether each is a directory.
fn everything(root: &Path, depth: usize) -> Vec<Result<(PathBuf, bool), Error>> {
    let mut found = Vec::new();
    let mut entered = HashSet::new();
    if let Ok(Target::Directory(identity)) = target(root) {
        entered.insert(identity);
    }
    let mut waiting = vec![(root.to_owned(), depth)];
    while let Some((directory, depth)) = waiting.pop() {
        let names = match super::names(&directory, usize::MAX) {
            Ok(names) => names,
            Err(error) => {
                found.push(Err(error));
                continue;
            }
        };
        let mut below = Vec::new();
        for name in names.into_iter().filter(|name| !is_hidden(name)) {
            let path = directory.join(name);
            match target(&path) {
                Ok(Target::Directory(identity)) => {
                    if depth > 1 && entered.insert(identity) {
                        below.push((path.clone(), depth - 1));
                    }
                    found.push(Ok((path, true)));
                }
                Ok(Target::Special) => {}
                Ok(Target::File(_)) | Err(_) => found.push(Ok((path, false))),
            }
        }
        waiting.extend(below.into_iter().rev());
    }
    found
}

fn is_hidden(name: &OsStr) -> bool {
    name.as_bytes().starts_with(b".")
}

/// Whether a path has characters that make it a pattern: `*`, `?` or `[`.
pub fn is_pattern(path: &OsStr) -> bool {
    path.as_bytes()
        .iter()
        .any(|octet| matches!(octet, b'*' | b'?' | b'['))
}

/// The files and directories a pattern such as `certs/**/*.crt` matches; `*` and `?` match no slash and no dot at the start of a name.
///
/// # Errors
/// When it is no pattern.
pub fn paths_matching(text: &str) -> Result<Vec<Result<PathBuf, Error>>, Error> {
    let pattern = Pattern::new(text).map_err(|source| Error::Usage {
        message: format!(
            "'{}' is no pattern: {}",
            crate::pki::escape::Escaped(text),
            source.msg
        ),
        hint: "`*` matches any characters of a name, `**` any directories, `[*]` a star itself"
            .into(),
    })?;
    let components: Vec<Component<'_>> = Path::new(text).components().collect();
    let literal = components
        .iter()
        .position(|component| is_pattern(component.as_os_str()))
        .unwrap_or(components.len());
    let root: PathBuf = components[..literal].iter().collect();
    let levels = if components.iter().any(|c| c.as_os_str() == "**") {
        usize::MAX
    } else {
        components.len() - literal
    };
    let here = Path::new(".");
    let start = if literal == 0 { here } else { &root };
    let options = MatchOptions {
        case_sensitive: true,
        require_literal_separator: true,
        require_literal_leading_dot: true,
    };
    let matches = |path: &PathBuf| {
        let tidy: PathBuf = path.components().collect();
        pattern.matches_with(&tidy.to_string_lossy(), options)
            || pattern.matches_with(&path.to_string_lossy(), options)
    };
    let found = everything(start, levels).into_iter();
    Ok(found
        .map(|found| {
            found.map(|(path, _)| match path.strip_prefix(here) {
                Ok(plain) if literal == 0 => plain.to_owned(),
                Ok(_) | Err(_) => path,
            })
        })
        .filter(|path| path.as_ref().map_or(true, matches))
        .collect())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn links_that_lead_back_are_followed_once() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        fs::create_dir_all(root.join("a/b")).unwrap();
        symlink(root, root.join("a/b/back")).unwrap();
        symlink("self", root.join("self")).unwrap();
        fs::write(root.join("a/b/x.crt"), "").unwrap();
        fs::write(root.join(".hidden"), "").unwrap();
        assert_eq!(paths(walk(root, usize::MAX), root), ["self", "a/b/x.crt"]);
        assert_eq!(paths(walk(root, 2), root), ["self"]);
    }

    #[test]
    fn a_pattern_matches_as_a_shell_does() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        fs::create_dir_all(root.join("a/b")).unwrap();
        for name in ["x.crt", "y.pem", "a/z.crt", "a/b/w.crt", "a/.no.crt"] {
            fs::write(root.join(name), "").unwrap();
        }
        let found = |pattern: &str| {
            paths(
                paths_matching(&format!("{}/{pattern}", root.display())).unwrap(),
                root,
            )
        };
        assert_eq!(found("*.crt"), ["x.crt"]);
        assert_eq!(found("a*"), ["a"]);
        assert_eq!(found("*/*.crt"), ["a/z.crt"]);
        assert_eq!(found("**/*.crt"), ["x.crt", "a/z.crt", "a/b/w.crt"]);
        assert_eq!(found("?.pem"), ["y.pem"]);
        assert!(paths_matching("a[").is_err());
    }

    fn paths(found: Vec<Result<PathBuf, Error>>, root: &Path) -> Vec<String> {
        let relative = |path: PathBuf| path.strip_prefix(root).unwrap().to_owned();
        found
            .into_iter()
            .map(|path| relative(path.unwrap()).to_string_lossy().into_owned())
            .collect()
    }
}
