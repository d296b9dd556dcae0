//! Pages of the manual, shown by the program that is made for it.

use std::io::{self, IsTerminal as _, Write as _};
use std::process::{Command, Stdio};

use super::Renderer;
use crate::error::Error;

impl Renderer {
    /// Shows a page of the manual by man(1) on a terminal; writes its source anywhere else, and where
    /// there is no man(1).
    ///
    /// # Errors
    /// As [`Renderer::result`].
    pub fn manual(&self, page: &str) -> Result<(), Error> {
        if io::stdout().is_terminal() && is_shown(page) {
            return Ok(());
        }
        self.raw(page.as_bytes())
    }
}

/// Whether man(1) is there and took the page.
fn is_shown(page: &str) -> bool {
    let mut man = Command::new("man");
    let Ok(mut child) = man.args(["-l", "-"]).stdin(Stdio::piped()).spawn() else {
        return false;
    };
    if let Some(mut stdin) = child.stdin.take() {
        // A reader who leaves early wants no more.
        let _ = stdin.write_all(page.as_bytes());
    }
    child.wait().is_ok_and(|status| status.success())
}
