//! Encryption at rest (FORMAT section 18): the keyring of a trail, and what its keys encrypt.
//!
//! A master key, which is never in the trail, wraps the keyring's generations; a generation wraps
//! the key of each file; that key encrypts the file. So another master key takes new objects in
//! the keyring only, and a new generation concerns new files only.

mod due;
mod file;
mod keyring;
mod log;
mod objects;
mod wrapped;

#[cfg(test)]
mod tests;

pub(crate) use file::is_encrypted;
pub use file::{Opening, Sealing};
pub use keyring::{
    Generation, GenerationInfo, Keyring, MASTER_KEY_VARIABLE, MasterSource, is_generation,
};
pub(crate) use log::LogCipher;
pub use log::LogSealing;
pub(crate) use objects::is_keyring_object;
pub use wrapped::{open_object, seal_object};
