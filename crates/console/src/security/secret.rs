//! Secrets the console makes: of sessions, tokens and links.

use aws_lc_rs::{digest, rand};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use orgtap_ledger::SecretHash;
use zeroize::Zeroizing;

use crate::error::{Error, Result};

/// 256 random bits as text. Only its holder has it: the ledger keeps [`SecretText::hash`].
pub(crate) struct SecretText(Zeroizing<String>);

/// Characters of a secret.
const LENGTH: usize = 43;

impl SecretText {
    /// A new one.
    pub(crate) fn random() -> Result<Self> {
        let mut bytes = Zeroizing::new([0_u8; 32]);
        rand::fill(bytes.as_mut())
            .map_err(|_| Error::Unexpected("the system has no random numbers".to_owned()))?;
        Ok(Self(Zeroizing::new(URL_SAFE_NO_PAD.encode(bytes.as_ref()))))
    }

    /// One that somebody sent. None if it cannot be one.
    pub(crate) fn sent(text: &str) -> Option<Self> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        let sound = text.len() == LENGTH && text.bytes().all(plain);
        sound.then(|| Self(Zeroizing::new(text.to_owned())))
    }

    /// The text, for the one who shall have it.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }

    /// What the ledger keeps.
    pub(crate) fn hash(&self) -> SecretHash {
        self.derived("kept")
    }

    /// What forms of a session carry: known to whoever has the secret, of no use to find it.
    pub(crate) fn csrf(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.derived("csrf"))
    }

    fn derived(&self, purpose: &str) -> SecretHash {
        let mut context = digest::Context::new(&digest::SHA256);
        context.update(purpose.as_bytes());
        context.update(b"\0");
        context.update(self.0.as_bytes());
        let mut hash = SecretHash::default();
        hash.copy_from_slice(context.finish().as_ref());
        hash
    }
}
