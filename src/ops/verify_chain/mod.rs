//! `verify-chain`: what the files of a `grpcs://` setup will do.

mod key_file;

pub use key_file::key_file;
