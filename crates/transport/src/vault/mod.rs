//! The vault: secrets and sessions at rest, encrypted, one file each.
//!
//! ```text
//! DATA/vault/NAME.secret     magic "OTV1", id of the key, nonce, AES-256-GCM-SIV of the value
//! DATA/vault/lock            held while something changes
//! DATA/vault.key             the key, unless the configuration has it elsewhere
//! ```
//!
//! The name is authenticated with the value, so that files cannot be exchanged. Nothing is cached:
//! every call reads the key and the file anew, so that other processes' changes count at once.

mod error;
mod key;

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, LessSafeKey, Nonce, UnboundKey};

use crate::disk;
use crate::secret::{LONGEST, Secret};
pub use error::{CATALOGUE, VaultError};
use key::{Key, Keys};
pub use key::{KeyRef, new_key};

/// Secrets at rest below one folder. Cheap to clone; making one touches nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vault {
    folder: PathBuf,
    key: KeyRef,
}

/// How an entry's file begins.
const MAGIC: &[u8; 4] = b"OTV1";
const NONCE: usize = 12;
const HEAD: usize = MAGIC.len() + key::ID + NONCE;
/// Longest entry: the longest secret, and room for what surrounds it.
const LONGEST_ENTRY: u64 = 2 * LONGEST as u64;

/// Keeps others from changing something as long as it lives, in this process and others.
#[derive(Debug)]
#[must_use = "the lock ends when it is dropped"]
pub struct VaultLock(#[expect(dead_code, reason = "locked as long as it is open")] File);

impl Vault {
    /// The vault of a data folder. Without a key reference the key is the file `vault.key` there,
    /// made when it is first needed.
    pub fn new(data_dir: &Path, key: Option<KeyRef>) -> Self {
        let key = key.unwrap_or_else(|| KeyRef::File(data_dir.join("vault.key")));
        Self { folder: data_dir.join("vault"), key }
    }

    /// Where its key comes from.
    pub fn key(&self) -> &KeyRef {
        &self.key
    }

    /// The value of a name; none if there is none. Blocks.
    pub fn get(&self, name: &str) -> Result<Option<Secret>, VaultError> {
        match self.get_unlocked(name) {
            // A rotation may have ended between the reading of the entry and that of the keys.
            Err(unknown @ VaultError::UnknownKey { .. }) => {
                let Ok(_lock) = self.lock("vault") else { return Err(unknown) };
                self.get_unlocked(name)
            }
            other => other,
        }
    }

    fn get_unlocked(&self, name: &str) -> Result<Option<Secret>, VaultError> {
        let Some(sealed) = self.read(name)? else { return Ok(None) };
        let keys = self.keys()?.ok_or_else(|| self.lost_key(name))?;
        open(&keys, name, sealed).map(Some)
    }

    /// Keeps a value under a name, in place of an older one. It is on disk when this ends. Blocks.
    pub fn set(&self, name: &str, value: &Secret) -> Result<(), VaultError> {
        let _lock = self.lock("vault")?;
        let keys = match self.keys()? {
            Some(keys) => keys,
            None => self.make_key()?,
        };
        self.write(name, keys.current(), value)
    }

    /// Removes a name. Answers whether there was one. Blocks.
    pub fn remove(&self, name: &str) -> Result<bool, VaultError> {
        let path = self.path(name);
        if !path.exists() {
            return Ok(false);
        }
        // A rotation that has read the entry must not write it again afterwards.
        let _lock = self.lock("vault")?;
        match fs::remove_file(&path) {
            Ok(()) => {
                disk::sync_folder(&self.folder).map_err(VaultError::disk(&self.folder))?;
                Ok(true)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(VaultError::disk(&path)(error)),
        }
    }

    /// The names there are, sorted. Blocks.
    pub fn names(&self) -> Result<Vec<String>, VaultError> {
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(VaultError::disk(&self.folder)(error)),
        };
        let mut names = Vec::new();
        for entry in entries {
            let file = entry.map_err(VaultError::disk(&self.folder))?.file_name();
            let part = file.to_str().and_then(|file| file.strip_suffix(".secret"));
            names.extend(part.and_then(disk::text_of_part));
        }
        names.sort_unstable();
        Ok(names)
    }

    /// Encrypts everything with a new key and forgets the old ones. Answers how many entries.
    ///
    /// A key in a file or keyring is made anew. One in an environment variable has to be put
    /// there by a person, before the old one. Ended at any moment, everything stays readable, and
    /// the next rotation completes it. Blocks.
    pub fn rotate(&self) -> Result<usize, VaultError> {
        let _lock = self.lock("vault")?;
        let keys = match self.keys()? {
            Some(keys) => keys,
            None if self.key.is_writable() => self.make_key()?,
            None => Keys::default(),
        };
        let keys = if self.key.is_writable() {
            let with_new = keys.with_new()?;
            self.key.write(&with_new)?;
            with_new
        } else {
            if keys.len() < 2 {
                return Err(VaultError::NoNewKey { from: self.key.to_string() });
            }
            keys
        };
        let names = self.names()?;
        for name in &names {
            let Some(sealed) = self.read(name)? else { continue };
            let value = open(&keys, name, sealed)?;
            self.write(name, keys.current(), &value)?;
        }
        if self.key.is_writable() {
            self.key.write(&keys.only_current())?;
        }
        Ok(names.len())
    }

    /// Waits until no other holds the lock of this name, and takes it. Blocks.
    pub fn lock(&self, name: &str) -> Result<VaultLock, VaultError> {
        disk::create_private_folder(&self.folder).map_err(VaultError::disk(&self.folder))?;
        let path = self.folder.join(format!("{}.lock", disk::path_part(name)));
        let mut options = File::options();
        options.create(true).truncate(false).write(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&path).map_err(VaultError::disk(&path))?;
        file.lock().map_err(VaultError::disk(&path))?;
        Ok(VaultLock(file))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{}.secret", disk::path_part(name)))
    }

    fn keys(&self) -> Result<Option<Keys>, VaultError> {
        self.key.read()
    }

    /// There is no key, and this entry was encrypted with one.
    fn lost_key(&self, entry: &str) -> VaultError {
        let reason = format!("there is none, and {entry} in the vault was encrypted with one");
        VaultError::NoKey { from: self.key.to_string(), reason }
    }

    /// Makes the first key where that is Orgtap's to do.
    fn make_key(&self) -> Result<Keys, VaultError> {
        if !self.key.is_writable() {
            let reason = "it is not set".to_owned();
            return Err(VaultError::NoKey { from: self.key.to_string(), reason });
        }
        // A key that is gone while entries are there was lost, not never made.
        if let Some(name) = self.names()?.into_iter().next() {
            return Err(self.lost_key(&name));
        }
        let keys = Keys::default().with_new()?;
        self.key.write(&keys)?;
        Ok(keys)
    }

    fn read(&self, name: &str) -> Result<Option<Vec<u8>>, VaultError> {
        let path = self.path(name);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(VaultError::disk(&path)(error)),
        };
        let mut sealed = Vec::new();
        io::Read::read_to_end(&mut io::Read::take(file, LONGEST_ENTRY), &mut sealed)
            .map_err(VaultError::disk(&path))?;
        Ok(Some(sealed))
    }

    fn write(&self, name: &str, key: &Key, value: &Secret) -> Result<(), VaultError> {
        let path = self.path(name);
        let sealed = seal(key, name, value)?;
        disk::write_private(&path, &sealed).map_err(VaultError::disk(&path))
    }
}

fn cipher(key: &Key) -> Result<LessSafeKey, VaultError> {
    let unbound = UnboundKey::new(&AES_256_GCM_SIV, key.bytes());
    Ok(LessSafeKey::new(unbound.map_err(|_| VaultError::Crypto)?))
}

fn seal(key: &Key, name: &str, value: &Secret) -> Result<Vec<u8>, VaultError> {
    let mut nonce = [0; NONCE];
    aws_lc_rs::rand::fill(&mut nonce).map_err(|_| VaultError::Crypto)?;
    let mut body = value.expose().as_bytes().to_vec();
    let nonce_used = Nonce::assume_unique_for_key(nonce);
    cipher(key)?
        .seal_in_place_append_tag(nonce_used, Aad::from(name.as_bytes()), &mut body)
        .map_err(|_| VaultError::Crypto)?;
    let mut sealed = Vec::with_capacity(HEAD + body.len());
    sealed.extend_from_slice(MAGIC);
    sealed.extend_from_slice(&key.id());
    sealed.extend_from_slice(&nonce);
    sealed.extend_from_slice(&body);
    Ok(sealed)
}

fn open(keys: &Keys, name: &str, mut sealed: Vec<u8>) -> Result<Secret, VaultError> {
    let damaged = || VaultError::Damaged { name: name.to_owned() };
    if sealed.len() < HEAD || !sealed.starts_with(MAGIC) {
        return Err(damaged());
    }
    let mut body = sealed.split_off(HEAD);
    let (id, nonce) = sealed.split_at(MAGIC.len()).1.split_at(key::ID);
    let key = keys.find(id).ok_or_else(|| VaultError::UnknownKey { name: name.to_owned() })?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| damaged())?;
    let opened = cipher(key)?.open_in_place(nonce, Aad::from(name.as_bytes()), &mut body);
    let value = opened.ok().and_then(|bytes| std::str::from_utf8(bytes).ok()).map(Secret::new);
    // The plain text is in this buffer too.
    zeroize::Zeroize::zeroize(&mut body);
    value.ok_or_else(damaged)
}

#[cfg(test)]
mod tests;
