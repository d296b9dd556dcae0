//! Questions on the terminal; nothing is ever asked without one.

use std::io::IsTerminal as _;

use zeroize::Zeroizing;

use crate::error::Error;

/// Whether somebody is there to answer.
pub(super) fn is_possible() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

/// A new passphrase, asked for twice.
pub(super) fn new_passphrase(what: &str) -> Result<Zeroizing<Vec<u8>>, Error> {
    let question = dialoguer::Password::new().with_prompt(format!("New passphrase for {what}"));
    answered(
        question
            .with_confirmation("The same again", "They differ, try again")
            .interact(),
    )
}

/// The passphrase of something that is encrypted.
pub(super) fn passphrase(what: &str) -> Result<Zeroizing<Vec<u8>>, Error> {
    answered(
        dialoguer::Password::new()
            .with_prompt(format!("Passphrase of {what}"))
            .interact(),
    )
}

fn answered(answer: dialoguer::Result<String>) -> Result<Zeroizing<Vec<u8>>, Error> {
    match answer {
        Ok(text) => Ok(Zeroizing::new(text.into_bytes())),
        Err(dialoguer::Error::IO(source)) => Err(Error::Io {
            action: "ask on",
            path: "the terminal".into(),
            source,
        }),
    }
}
