//! Where the files of networks and agents are read from.

use std::collections::BTreeMap;
use std::fmt;
use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use zeroize::Zeroizing;

use crate::error::{Error, shown};
use crate::files::{self, Kind};
use crate::network::agent::{Agent, AgentFileError};

/// Where files are read from.
#[derive(Clone, Debug, Default)]
pub enum Source {
    /// The disk, as far as this process may read it.
    #[default]
    Disk,
    /// The disk, but only below these directories, symbolic links followed.
    Below(Vec<PathBuf>),
    /// Nothing but these files.
    Given(Arc<GivenFiles>),
}

impl Source {
    /// The content of a file.
    ///
    /// # Errors
    /// When it is not among what may be read, or cannot be read.
    pub(super) fn read(&self, path: &Path) -> Result<Zeroizing<Vec<u8>>, Error> {
        match self {
            Source::Disk => files::read(path),
            Source::Below(directories) => files::read(&below(path, directories)?),
            Source::Given(given) => given.read(path),
        }
    }

    /// As [`Source::read`], for the description of a network or of agents: where only some files may be read, a file
    /// of another type is refused, so that no error can quote a key.
    ///
    /// # Errors
    /// As [`Source::read`].
    pub(super) fn read_description(&self, path: &Path) -> Result<Zeroizing<Vec<u8>>, Error> {
        match self {
            Source::Disk | Source::Given(_) => {}
            Source::Below(_) => {
                let extension = path.extension().unwrap_or_default();
                let is_like = |known: &str| extension.eq_ignore_ascii_case(known);
                if !DESCRIPTIONS.iter().any(|known| is_like(known)) {
                    return Err(Error::Usage {
                        message: format!("{}: neither YAML nor a list of agents", shown(path)),
                        hint: "name a file that ends with .yaml, .yml, .csv or .txt".into(),
                    });
                }
            }
        }
        self.read(path)
    }

    /// The files in a directory, or those that match a pattern, in order; `None` for a single file.
    ///
    /// # Errors
    /// As [`files::matching`].
    pub(super) fn matching(&self, path: &Path) -> Result<Option<Vec<PathBuf>>, Error> {
        match self {
            Source::Disk => files::matching(path),
            Source::Below(directories) => files::matching(&below(path, directories)?),
            Source::Given(_) => Ok(None),
        }
    }

    /// Whether there is a directory at a path.
    ///
    /// # Errors
    /// When it cannot be accessed.
    pub fn is_directory(&self, path: &Path) -> Result<bool, Error> {
        let path = match self {
            Source::Disk => path.to_owned(),
            Source::Below(directories) => below(path, directories)?,
            Source::Given(_) => return Ok(false),
        };
        Ok(files::kind(&path)? == Kind::Other && files::matching(&path)?.is_some())
    }

    /// The networks that these files and directories describe, and the agents and lists of agents. YAML that is about
    /// something else, and files of other types, are left out.
    ///
    /// # Errors
    /// When a file may not or cannot be read, or there are more than [`MAX_DESCRIPTIONS`].
    pub fn descriptions(&self, paths: &[PathBuf]) -> Result<(Vec<PathBuf>, Vec<String>), Error> {
        let (mut networks, mut agents) = (Vec::new(), Vec::new());
        for path in paths {
            let files = self.matching(path)?;
            let is_one = files.is_none() && paths.len() == 1;
            for file in files.unwrap_or_else(|| vec![path.clone()]) {
                if networks.len() + agents.len() >= MAX_DESCRIPTIONS {
                    return Err(Error::Unreadable {
                        path: path.clone(),
                        what: "has too many networks and agents for one page",
                    });
                }
                let name = || file.to_string_lossy().into_owned();
                let extension = file.extension().unwrap_or_default().to_ascii_lowercase();
                match extension.to_str() {
                    Some("csv") => agents.push(name()),
                    Some("yaml" | "yml") => match Agent::from_yaml(&self.read(&file)?) {
                        Err(AgentFileError::NoId { is_network }) if is_network || is_one => {
                            networks.push(file);
                        }
                        Err(AgentFileError::NoId { .. }) => {}
                        // What is wrong with it is said when it is read as an agent.
                        Ok(_) | Err(_) => agents.push(name()),
                    },
                    Some(_) | None if is_one => agents.push(name()),
                    Some(_) | None => {}
                }
            }
        }
        Ok((networks, agents))
    }

    /// Whether a private key that is not there is assumed to match its certificate.
    pub fn assumes_keys(&self) -> bool {
        match self {
            Source::Disk | Source::Below(_) => false,
            Source::Given(_) => true,
        }
    }
}

/// The file at a path without symbolic links, if it is below one of these directories. Says the same of a path
/// elsewhere whether or not there is a file.
///
/// # Errors
/// When it is not.
fn below(path: &Path, directories: &[PathBuf]) -> Result<PathBuf, Error> {
    let absolute = files::absolute(path)?;
    let beside = || Some(files::resolved(absolute.parent()?)?.join(absolute.file_name()?));
    let mut allowed = directories.iter().filter_map(|one| files::resolved(one));
    if let Some(resolved) = files::resolved(&absolute).or_else(beside)
        && allowed.any(|directory| resolved.starts_with(directory))
    {
        return Ok(resolved);
    }
    Err(Error::Usage {
        message: format!("{}: not below a directory that may be read", shown(path)),
        hint: "add its directory to `networks` in [serve] of certs.toml, or upload the file".into(),
    })
}

/// Files from elsewhere, in memory. Private keys are never among them.
#[derive(Default)]
pub struct GivenFiles {
    by_path: BTreeMap<PathBuf, Zeroizing<Vec<u8>>>,
    /// How many private keys were left out.
    pub keys_left_out: usize,
}

impl GivenFiles {
    /// Adds a file that was sent, unless it contains a private key. Of its path, only names count: it stays relative.
    pub fn add(&mut self, path: &str, content: Vec<u8>) {
        let content = Zeroizing::new(content);
        if content
            .windows(PRIVATE_KEY.len())
            .any(|at| at == PRIVATE_KEY)
        {
            self.keys_left_out += 1;
            return;
        }
        let parts = Path::new(path).components();
        let parts = parts.filter(|part| matches!(part, Component::Normal(_)));
        self.by_path.insert(parts.collect(), content);
    }

    /// Adds a file that is found only by this absolute path.
    pub fn add_known(&mut self, path: &Path, content: Zeroizing<Vec<u8>>) {
        self.by_path.insert(path.to_owned(), content);
    }

    /// Every file that was sent.
    pub fn sent(&self) -> Vec<PathBuf> {
        let sent = self.by_path.keys().filter(|path| path.is_relative());
        sent.cloned().collect()
    }

    /// A file that is not found by its path is looked up by its name: where its owner keeps it does not matter.
    fn read(&self, path: &Path) -> Result<Zeroizing<Vec<u8>>, Error> {
        let by_name = || {
            let sent = self.by_path.iter().filter(|(sent, _)| sent.is_relative());
            let mut named = sent.filter(|(sent, _)| sent.file_name() == path.file_name());
            Some(named.next()?.1)
        };
        let found = self.by_path.get(path).or_else(by_name);
        found.cloned().ok_or_else(|| Error::Io {
            action: "find among the files that were sent",
            path: path.to_owned(),
            source: ErrorKind::NotFound.into(),
        })
    }
}

impl fmt::Debug for GivenFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.by_path.keys()).finish()
    }
}

/// How many networks, agents and lists of agents [`Source::descriptions`] gives.
pub const MAX_DESCRIPTIONS: usize = 1_000;
const DESCRIPTIONS: [&str; 4] = ["yaml", "yml", "csv", "txt"];
const PRIVATE_KEY: &[u8] = b"PRIVATE KEY-----";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a test of files")]
    fn only_files_below_the_directories_are_read() {
        let directory = tempfile::tempdir().unwrap();
        let (inside, outside) = (directory.path().join("in"), directory.path().join("out"));
        std::fs::create_dir_all(&inside).unwrap();
        std::fs::create_dir_all(&outside).unwrap();
        std::fs::write(inside.join("a.yaml"), "a").unwrap();
        std::fs::write(outside.join("b.yaml"), "b").unwrap();
        std::os::unix::fs::symlink(outside.join("b.yaml"), inside.join("link.yaml")).unwrap();
        let source = Source::Below(vec![inside.clone()]);
        let read = |path: &Path| source.read(path).map_err(|error| error.to_string());

        assert_eq!(*read(&inside.join("a.yaml")).unwrap(), b"a");
        assert!(
            read(&inside.join("c.yaml"))
                .unwrap_err()
                .contains("No such file")
        );
        for refused in [
            outside.join("b.yaml"),
            outside.join("missing.yaml"),
            inside.join("link.yaml"),
            inside.join("../out/b.yaml"),
            inside.join("missing/c.yaml"),
        ] {
            let error = read(&refused).unwrap_err();
            assert!(error.contains("not below"), "{error}");
        }
        std::fs::write(inside.join("ca.key"), "-").unwrap();
        assert!(source.read_description(&inside.join("ca.key")).is_err());
    }

    #[test]
    fn files_that_were_sent_are_found_by_name_and_keys_are_left_out() {
        let mut given = GivenFiles::default();
        given.add("../../etc/network.yaml", b"network:\n  name: n\n".to_vec());
        given.add("agent.yml", b"agent_id: a\n".to_vec());
        given.add("server.key", b"-----BEGIN PRIVATE KEY-----\n".to_vec());
        given.add_known(Path::new("/pki/ca.crt"), Zeroizing::new(b"ca".to_vec()));
        let given = Arc::new(given);
        let source = Source::Given(Arc::clone(&given));
        let (networks, agents) = source.descriptions(&given.sent()).unwrap();

        assert_eq!(networks, [Path::new("etc/network.yaml")]);
        assert_eq!(agents, ["agent.yml"]);
        assert_eq!(given.keys_left_out, 1);
        assert!(given.read(Path::new("/x/y/network.yaml")).is_ok());
        assert_eq!(*given.read(Path::new("/pki/ca.crt")).unwrap(), b"ca");
        assert!(given.read(Path::new("certs/ca.crt")).is_err());
        assert!(given.read(Path::new("server.key")).is_err());
    }
}
