//! Questions on the terminal. Without a terminal, nothing is asked.

use std::io::{ErrorKind, IsTerminal as _};
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use zeroize::Zeroizing;

use crate::error::Error;
use crate::ops::passphrase::Password;

/// Whether there is a terminal to ask on.
pub(super) fn is_possible() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

/// A new passphrase, typed twice.
pub(super) fn new_passphrase(what: &str) -> Result<Password, Error> {
    let question = dialoguer::Password::new().with_prompt(format!("New passphrase for {what}"));
    answered(
        question
            .with_confirmation("Repeat the passphrase", "Passphrases do not match")
            .interact(),
    )
}

/// The passphrase of an encrypted file.
pub(super) fn passphrase(what: &str) -> Result<Password, Error> {
    answered(
        dialoguer::Password::new()
            .with_prompt(format!("Passphrase for {what}"))
            .interact(),
    )
}

/// The index of the chosen item.
pub(super) fn choice(question: &str, items: &[&str], default: usize) -> Result<usize, Error> {
    let select = dialoguer::Select::new()
        .with_prompt(question)
        .items(items)
        .default(default);
    uninterrupted(|| select.interact())
}

/// A line of text; asks again until it passes the check.
pub(super) fn text(
    question: &str,
    default: &str,
    check: fn(&str) -> Result<(), String>,
) -> Result<String, Error> {
    uninterrupted(|| {
        dialoguer::Input::new()
            .with_prompt(question)
            .default(default.to_owned())
            .validate_with(|text: &String| check(text))
            .interact_text()
    })
}

/// Yes or no.
pub(super) fn confirm(question: &str, default: bool) -> Result<bool, Error> {
    let confirm = dialoguer::Confirm::new()
        .with_prompt(question)
        .default(default);
    uninterrupted(|| confirm.interact())
}

/// Asks so that Ctrl-C ends the process as usual, with the cursor visible again.
fn uninterrupted<T>(ask: impl FnOnce() -> dialoguer::Result<T>) -> Result<T, Error> {
    watch_for_interrupt();
    IS_ASKING.store(true, Ordering::SeqCst);
    let answer = ask().map_err(|dialoguer::Error::IO(source)| {
        if source.kind() == ErrorKind::Interrupted {
            // The watcher is about to end the process.
            std::thread::park_timeout(INTERRUPT_PATIENCE);
        }
        unasked(source)
    });
    IS_ASKING.store(false, Ordering::SeqCst);
    answer
}

/// Whether a question is on the terminal.
static IS_ASKING: AtomicBool = AtomicBool::new(false);
const INTERRUPT_PATIENCE: Duration = Duration::from_secs(1);

/// From the first question on, an interrupt makes the cursor visible before it ends the process.
fn watch_for_interrupt() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let interrupt = rustix::process::Signal::INT.as_raw();
        // Where this fails, an interrupt ends the process with the cursor hidden.
        let Ok(mut signals) = signal_hook::iterator::Signals::new([interrupt]) else {
            return;
        };
        std::thread::spawn(move || {
            for signal in signals.forever() {
                if IS_ASKING.load(Ordering::SeqCst) {
                    let terminal = dialoguer::console::Term::stderr();
                    // The process ends; a failure has no consequence.
                    let _ = terminal.show_cursor();
                    let _ = terminal.write_line("\nCancelled; nothing written");
                }
                let _ = signal_hook::low_level::emulate_default_handler(signal);
            }
        });
    });
}

fn unasked(source: std::io::Error) -> Error {
    Error::Io {
        action: "ask on",
        path: "the terminal".into(),
        source,
    }
}

fn answered(answer: dialoguer::Result<String>) -> Result<Password, Error> {
    match answer {
        Ok(text) => Ok(Password::new(Zeroizing::new(text.into_bytes()))),
        Err(dialoguer::Error::IO(source)) => Err(unasked(source)),
    }
}
