//! What is done to an authority as a whole.

pub mod init;
