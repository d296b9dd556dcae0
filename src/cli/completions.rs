//! `completions`.

use std::path::{Path, PathBuf};

use clap::ValueEnum;
use clap_complete::env::{Bash, Elvish, EnvCompleter, Fish, Powershell, Zsh};

use super::completing;
use super::context::Context;
use crate::error::Error;
use crate::ops::Verdict;
use crate::ops::placing::{self, Action, Request};

/// Set up shell completion of commands, options, files, names and serial numbers
///
/// `install` writes a small script to where the shell looks for it, and `uninstall` removes it; the name of a shell
/// prints the script instead. The script asks this program, so that it is always up to date.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  openagents-certs completions install
  openagents-certs completions install fish --dry-run
  openagents-certs completions bash > ~/.local/share/bash-completion/completions/openagents-certs")]
pub(super) struct Args {
    /// Action, or the shell whose script to print
    #[arg(value_enum, value_name = "ACTION|SHELL")]
    what: What,

    /// Shell [default: that of $SHELL]
    #[arg(value_enum, value_name = "SHELL")]
    shell: Option<Shell>,

    /// Print the script for this name of the program
    #[arg(long, value_name = "NAME", value_parser = PROGRAMS, default_value = PROGRAMS[0])]
    program: String,

    /// Show which files would be written or removed
    #[arg(long)]
    dry_run: bool,
}

/// An action or a shell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum What {
    /// Write the scripts to where the shell looks
    Install,
    /// Remove the scripts
    Uninstall,
    /// Print the script for bash
    Bash,
    /// Print the script for zsh
    Zsh,
    /// Print the script for fish
    Fish,
    /// Print the script for PowerShell
    #[value(name = "powershell", alias = "pwsh")]
    Pwsh,
    /// Print the script for elvish
    Elvish,
}

/// A shell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Shell {
    Bash,
    Zsh,
    Fish,
    #[value(name = "powershell", alias = "pwsh")]
    Pwsh,
    Elvish,
}

impl Args {
    pub(super) fn run(self, context: &Context) -> Result<Verdict, Error> {
        let (action, named) = match self.what {
            What::Install => (Some(Action::Place), None),
            What::Uninstall => (Some(Action::Remove), None),
            What::Bash => (None, Some(Shell::Bash)),
            What::Zsh => (None, Some(Shell::Zsh)),
            What::Fish => (None, Some(Shell::Fish)),
            What::Pwsh => (None, Some(Shell::Pwsh)),
            What::Elvish => (None, Some(Shell::Elvish)),
        };
        if let Some(shell) = named {
            if self.shell.is_some() || self.dry_run {
                return Err(Error::usage(
                    "a script is printed for one shell, and nothing is written",
                    "to write it where the shell looks, say `openagents-certs completions install SHELL`",
                ));
            }
            context.renderer.text(&shell.script(&self.program))?;
            return Ok(Verdict::Yes);
        }
        let shell = self.shell.map_or_else(Shell::of_environment, Ok)?;
        let (directory, note) = shell.place(&Home::of_environment())?;
        let action = action.unwrap_or(Action::Place);
        let request = Request {
            directory,
            files: shell.files(),
            action,
            mark: completing::VARIABLE,
            note: note.filter(|_| action == Action::Place),
            dry_run: self.dry_run,
        };
        context.finish(&placing::run(&request)?)
    }
}

/// Every completion script, by the name of its file.
pub fn completion_scripts() -> Vec<(String, String)> {
    Shell::value_variants()
        .iter()
        .flat_map(|shell| shell.files())
        .collect()
}

impl Shell {
    /// The shell of a user.
    fn of_environment() -> Result<Self, Error> {
        let path = std::env::var_os("SHELL").unwrap_or_default();
        let name = Path::new(&path)
            .file_name()
            .unwrap_or_default()
            .to_string_lossy();
        Shell::from_str(&name, true).map_err(|_| Error::usage("$SHELL names none of the shells that are known here", "name it: `openagents-certs completions install bash` (or zsh, fish, powershell, elvish)"))
    }

    /// The scripts for both names of the program, by the file names that the shell expects.
    fn files(self) -> Vec<(String, String)> {
        let files = PROGRAMS.iter().map(|program| {
            let name = match self {
                Shell::Bash => format!("{program}.bash"),
                Shell::Zsh => format!("_{program}"),
                Shell::Fish => format!("{program}.fish"),
                Shell::Pwsh => format!("_{program}.ps1"),
                Shell::Elvish => format!("{program}.elv"),
            };
            (name, self.script(program))
        });
        files.collect()
    }

    fn script(self, program: &str) -> String {
        let completer: &dyn EnvCompleter = match self {
            Shell::Bash => &Bash,
            Shell::Zsh => &Zsh,
            Shell::Fish => &Fish,
            Shell::Pwsh => &Powershell,
            Shell::Elvish => &Elvish,
        };
        let mut script = Vec::new();
        match completer.write_registration(
            completing::VARIABLE,
            program,
            program,
            program,
            &mut script,
        ) {
            Ok(()) => String::from_utf8_lossy(&script).trim_start().to_owned(),
            Err(error) => unreachable!("memory can be written to: {error}"),
        }
    }

    /// The directory where the shell looks, and what to configure if it does not look there by default.
    fn place(self, home: &Home) -> Result<(PathBuf, Option<String>), Error> {
        let place = match self {
            Shell::Bash => (home.data()?.join("bash-completion/completions"), None),
            Shell::Fish => (home.config()?.join("fish/completions"), None),
            Shell::Zsh if home.is_root => {
                (PathBuf::from("/usr/local/share/zsh/site-functions"), None)
            }
            Shell::Zsh => {
                let directory = home.data()?.join("zsh/site-functions");
                let note = format!(
                    "zsh looks there when ~/.zshrc says so, before `compinit`:\n  fpath=({} $fpath)",
                    crate::error::shown(&directory)
                );
                (directory, Some(note))
            }
            Shell::Pwsh => {
                let directory = home.config()?.join("powershell/completions");
                let note = format!(
                    "PowerShell reads it when $PROFILE says so:\n  Get-ChildItem '{}/*.ps1' | ForEach-Object {{ . $_ }}",
                    crate::error::shown(&directory)
                );
                (directory, Some(note))
            }
            Shell::Elvish => {
                let note =
                    "elvish reads them when rc.elv says so:\n  use openagents-certs; use certs";
                (home.config()?.join("elvish/lib"), Some(note.to_owned()))
            }
        };
        Ok(place)
    }
}

/// The directory of a user's files ([XDG](https://specifications.freedesktop.org/basedir-spec/latest/)).
struct Home {
    home: Option<PathBuf>,
    data: Option<PathBuf>,
    config: Option<PathBuf>,
    is_root: bool,
}

impl Home {
    fn of_environment() -> Self {
        // A path that is not absolute is to be ignored, says XDG.
        let variable = |name: &str| {
            let path = std::env::var_os(name).map(PathBuf::from);
            path.filter(|path| path.is_absolute())
        };
        Home {
            home: variable("HOME"),
            data: variable("XDG_DATA_HOME"),
            config: variable("XDG_CONFIG_HOME"),
            is_root: rustix::process::geteuid().is_root(),
        }
    }

    fn data(&self) -> Result<PathBuf, Error> {
        self.beside(&self.data, ".local/share")
    }

    fn config(&self) -> Result<PathBuf, Error> {
        self.beside(&self.config, ".config")
    }

    fn beside(&self, given: &Option<PathBuf>, usual: &str) -> Result<PathBuf, Error> {
        let usual = || self.home.as_ref().map(|home| home.join(usual));
        given.clone().or_else(usual).ok_or_else(|| Error::usage("HOME is not set, so that it cannot be told where the shell looks", "set HOME, or write the script yourself: `openagents-certs completions bash > FILE`"))
    }
}

/// Both names of the program.
const PROGRAMS: [&str; 2] = ["openagents-certs", "certs"];
