//! The files below a directory, and those a pattern matches. Links that lead back and pipes do not make it endless.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Component, Path, PathBuf};

use glob::{MatchOptions, Pattern};

use super::{io_error, unreadable};
use crate::error::Error;

/// The identity of a file, links followed: the same whatever name it is reached by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Identity {
    device: u64,
    inode: u64,
}

/// What a path leads to, links followed.
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
/// When it does not exist, or cannot be accessed.
pub fn target(path: &Path) -> Result<Target, Error> {
    let metadata = fs::metadata(path).map_err(|source| io_error("read", path, source))?;
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
/// Names that start with a dot are left out, as are devices, pipes and sockets. A broken link counts as a
/// file, so that reading it reports the problem. A directory that cannot be read is an error among the files.
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

/// Whether a path is a pattern: contains `*`, `?` or `[`.
pub fn is_pattern(path: &OsStr) -> bool {
    path.as_bytes()
        .iter()
        .any(|byte| matches!(byte, b'*' | b'?' | b'['))
}

/// The files and directories a pattern such as `certs/**/*.crt` matches; `*` and `?` match neither a slash nor
/// a dot at the start of a name.
///
/// # Errors
/// When the pattern is malformed.
pub fn paths_matching(text: &str) -> Result<Vec<Result<PathBuf, Error>>, Error> {
    let pattern = Pattern::new(text).map_err(|source| {
        Error::usage(
            format!(
                "'{}' is not a valid pattern: {}",
                crate::pki::escape::Escaped(text),
                source.msg
            ),
            "`*` matches any characters of a name, `**` any directories, `[*]` a star itself",
        )
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

/// The files of a directory, or those whose names match a pattern with `*` in its last part, by name; `None`
/// if the path is neither.
///
/// # Errors
/// When the directory cannot be read, or holds more than a hundred thousand files.
pub fn matching(path: &Path) -> Result<Option<Vec<PathBuf>>, Error> {
    let name = path.file_name().map(OsStr::to_string_lossy);
    let pattern = name.filter(|name| name.contains('*') && !path.exists());
    let directory = match &pattern {
        Some(_) => path
            .parent()
            .filter(|parent| !parent.as_os_str().is_empty()),
        None if path.is_dir() => Some(path),
        None => return Ok(None),
    };
    let directory = directory.unwrap_or(Path::new("."));
    let failed = |source: std::io::Error| io_error("list", directory, source);
    // Only the star has a meaning here.
    let parts = |name: &str| -> Vec<String> { name.split('*').map(Pattern::escape).collect() };
    let pattern = pattern.map(|name| parts(&name).join("*").replace("**", "*"));
    let Ok(pattern) = pattern.map(|text| Pattern::new(&text)).transpose() else {
        return Ok(None);
    };
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        if pattern
            .as_ref()
            .is_none_or(|pattern| pattern.matches(&name.to_string_lossy()))
        {
            found.push(directory.join(name));
        }
        if found.len() > MAX_FILES {
            let what = "contains more files than can be read at once";
            return Err(unreadable(directory, what));
        }
    }
    found.retain(|path| path.is_file());
    found.sort();
    Ok(Some(found))
}

const MAX_FILES: usize = 100_000;

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
