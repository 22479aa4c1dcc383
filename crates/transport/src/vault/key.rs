//! The vault's keys: where they come from, and their form.
//!
//! A text of one or more words, each the base64 of 32 random bytes. The first encrypts; all of
//! them decrypt, so that a key can be exchanged without a moment in which something is unreadable.

use std::borrow::Cow;
use std::fmt;
use std::path::PathBuf;

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::error::VaultError;
use crate::disk;

/// Where the vault's key is.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyRef {
    /// A file; made when it is first needed.
    File(PathBuf),
    /// An environment variable. Orgtap can only read it.
    Env(String),
    /// An entry of this name in the operating system's keyring: on Linux the kernel's, which
    /// forgets everything when the machine restarts.
    Keyring(String),
}

impl fmt::Display for KeyRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "file {}", path.display()),
            Self::Env(name) => write!(f, "environment variable {name}"),
            Self::Keyring(name) => write!(f, "keyring entry {name}"),
        }
    }
}

impl JsonSchema for KeyRef {
    fn schema_name() -> Cow<'static, str> {
        "VaultKey".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let one = |name: &str, what: &str| {
            serde_json::json!({ "type": "object", "additionalProperties": false,
                "required": [name],
                "properties": { name: { "type": "string", "description": what } } })
        };
        json_schema!({
            "description": "Where the vault's key is: a file, an environment variable, or an entry in the operating system's keyring.",
            "oneOf": [
                one("file", "A file, made when it is needed."),
                one("env", "An environment variable, which Orgtap can only read."),
                one("keyring", "An entry in the kernel's keyring, which forgets everything when the machine restarts."),
            ]
        })
    }
}

/// Bytes of a key's id.
pub(super) const ID: usize = 8;
/// Bytes of a key.
const LENGTH: usize = 32;

/// One key.
#[derive(Clone)]
pub(super) struct Key(Zeroizing<[u8; LENGTH]>);

impl Key {
    pub(super) fn bytes(&self) -> &[u8] {
        self.0.as_slice()
    }

    /// What an entry's file names it by; says nothing about the key.
    pub(super) fn id(&self) -> [u8; ID] {
        let hash = digest::digest(&digest::SHA256, self.bytes());
        let mut id = [0; ID];
        id.iter_mut().zip(hash.as_ref()).for_each(|(to, from)| *to = *from);
        id
    }
}

/// The keys, the current one first. Never empty when read from somewhere.
#[derive(Clone, Default)]
pub(super) struct Keys(Vec<Key>);

impl Keys {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn current(&self) -> &Key {
        #[expect(clippy::expect_used, reason = "see the type: read or made, there is one")]
        self.0.first().expect("keys are never empty once read")
    }

    pub(super) fn find(&self, id: &[u8]) -> Option<&Key> {
        self.0.iter().find(|key| key.id() == id)
    }

    /// These, behind a new one.
    pub(super) fn with_new(&self) -> Result<Self, VaultError> {
        let mut key = Zeroizing::new([0; LENGTH]);
        aws_lc_rs::rand::fill(key.as_mut_slice()).map_err(|_| VaultError::Crypto)?;
        Ok(Self(std::iter::once(Key(key)).chain(self.0.iter().cloned()).collect()))
    }

    pub(super) fn only_current(&self) -> Self {
        Self(self.0.iter().take(1).cloned().collect())
    }

    fn parse(text: &str) -> Option<Self> {
        let mut keys = Vec::new();
        for word in text.split([' ', ',', '\n', '\r', '\t']).filter(|word| !word.is_empty()) {
            let bytes = Zeroizing::new(STANDARD.decode(word).ok()?);
            keys.push(Key(Zeroizing::new(bytes.as_slice().try_into().ok()?)));
        }
        if keys.is_empty() { None } else { Some(Self(keys)) }
    }

    fn text(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::new());
        for key in &self.0 {
            STANDARD.encode_string(key.bytes(), &mut text);
            text.push('\n');
        }
        text
    }
}

impl KeyRef {
    /// Whether Orgtap may put a new key there.
    pub(super) const fn is_writable(&self) -> bool {
        !matches!(self, Self::Env(_))
    }

    /// The keys; none if there are none yet.
    pub(super) fn read(&self) -> Result<Option<Keys>, VaultError> {
        let text = match self {
            Self::File(path) => match std::fs::read_to_string(path) {
                Ok(text) => Some(text),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
                Err(error) => return Err(self.error(&error)),
            },
            Self::Env(name) => match std::env::var(name) {
                Ok(text) => Some(text),
                Err(std::env::VarError::NotPresent) => None,
                // The error itself would show the value.
                Err(std::env::VarError::NotUnicode(_)) => {
                    return Err(self.error(&"it is not UTF-8"));
                }
            },
            Self::Keyring(name) => keyring::get(name).map_err(|error| self.error(&error))?,
        };
        let Some(text) = text.map(Zeroizing::new) else { return Ok(None) };
        match Keys::parse(&text) {
            Some(keys) => Ok(Some(keys)),
            None => Err(self.error(&"it is not the base64 of 32 bytes")),
        }
    }

    pub(super) fn write(&self, keys: &Keys) -> Result<(), VaultError> {
        let text = keys.text();
        match self {
            Self::File(path) => {
                disk::write_private(path, text.as_bytes()).map_err(|error| self.error(&error))
            }
            Self::Keyring(name) => keyring::set(name, &text).map_err(|error| self.error(&error)),
            Self::Env(_) => Err(VaultError::NoNewKey { from: self.to_string() }),
        }
    }

    fn error(&self, reason: &dyn fmt::Display) -> VaultError {
        VaultError::NoKey { from: self.to_string(), reason: reason.to_string() }
    }
}

#[cfg(target_os = "linux")]
mod keyring {
    use keyring_core::api::CredentialStoreApi;
    use keyring_core::{Entry, Error, Result};
    use linux_keyutils_keyring_store::Store;

    fn entry(name: &str) -> Result<Entry> {
        Store::new()?.build("orgtap", name, None)
    }

    pub(super) fn get(name: &str) -> Result<Option<String>> {
        match entry(name)?.get_password() {
            Ok(text) => Ok(Some(text)),
            Err(Error::NoEntry) => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(super) fn set(name: &str, text: &str) -> Result<()> {
        entry(name)?.set_password(text)
    }
}

#[cfg(not(target_os = "linux"))]
mod keyring {
    const UNSUPPORTED: &str = "keyrings are supported on Linux only";

    pub(super) fn get(_: &str) -> Result<Option<String>, &'static str> {
        Err(UNSUPPORTED)
    }

    pub(super) fn set(_: &str, _: &str) -> Result<(), &'static str> {
        Err(UNSUPPORTED)
    }
}

/// A fresh key in the form an environment variable takes.
pub fn new_key() -> Result<crate::Secret, VaultError> {
    Ok(crate::Secret::new(Keys::default().with_new()?.text().trim_end()))
}
