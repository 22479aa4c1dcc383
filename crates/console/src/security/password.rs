//! Passwords: what they must be, and their hashes.

use argon2::Argon2;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use crate::error::{Error, Result};

/// Hashes made at the same time. Each takes 19 MiB and tens of milliseconds of a core.
const AT_ONCE: usize = 2;
/// How long one waits for its turn.
const PATIENCE: Duration = Duration::from_secs(5);
/// Fewest characters of a password, by NIST SP 800-63B and a little more.
const SHORTEST: usize = 12;
/// Most bytes of a password.
pub(crate) const LONGEST: usize = 512;
/// Most bytes of a person's name.
const LONGEST_NAME: usize = 64;

/// Makes and checks hashes (argon2id, the parameters OWASP recommends), off the async threads.
pub(crate) struct Passwords {
    turns: Arc<Semaphore>,
}

impl Passwords {
    pub(crate) fn new() -> Self {
        Self { turns: Arc::new(Semaphore::new(AT_ONCE)) }
    }

    /// The hash of a password, as a PHC string with its parameters and salt.
    pub(crate) async fn hash(&self, password: Zeroizing<String>) -> Result<String> {
        self.work(move || {
            let hash = Argon2::default().hash_password(password.as_bytes());
            hash.map(|hash| hash.to_string()).map_err(|error| Error::Unexpected(error.to_string()))
        })
        .await?
    }

    /// Whether a password is the one that was hashed. Takes as long when there is no hash.
    pub(crate) async fn fits(
        &self,
        password: Zeroizing<String>,
        hash: Option<String>,
    ) -> Result<bool> {
        self.work(move || match hash {
            Some(hash) => Argon2::default().verify_password(password.as_bytes(), &*hash).is_ok(),
            // Nobody's: the same work, whatever comes of it.
            None => Argon2::default().hash_password(password.as_bytes()).is_err(),
        })
        .await
    }

    async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T> {
        let turn = Arc::clone(&self.turns).acquire_owned();
        let turn = tokio::time::timeout(PATIENCE, turn).await.map_err(|_| Error::Busy)?;
        let done = tokio::task::spawn_blocking(move || {
            let done = work();
            drop(turn);
            done
        });
        done.await.map_err(|error| Error::Unexpected(error.to_string()))
    }
}

/// Whether a password may be chosen. The error says why not, without repeating it.
pub(crate) fn check_new_password(password: &str, name: &str) -> Result<()> {
    let mut different: Vec<char> = password.chars().collect();
    let count = different.len();
    different.sort_unstable();
    different.dedup();
    let message = if count < SHORTEST {
        format!("a password has at least {SHORTEST} characters")
    } else if password.len() > LONGEST {
        format!("a password has at most {LONGEST} bytes")
    } else if different.len() < 5 {
        "this password repeats the same few characters".to_owned()
    } else if !name.is_empty()
        && password.to_lowercase().contains(&name.to_lowercase())
        && count < SHORTEST + name.chars().count()
    {
        "this password is little more than the name".to_owned()
    } else {
        return Ok(());
    };
    Err(Error::unusable(message))
}

/// Whether a person may have a name.
pub(crate) fn check_person_name(name: &str) -> Result<()> {
    let plain = |c: char| c.is_alphanumeric() || "._-@+".contains(c);
    if name.is_empty() || name.len() > LONGEST_NAME || !name.chars().all(plain) {
        return Err(Error::unusable(
            "a person's name has 1 to 64 letters, digits, `.`, `-`, `_`, `+` and `@`",
        ));
    }
    Ok(())
}
