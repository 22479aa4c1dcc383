//! What the console keeps: people, sessions, tokens, links, and the audit log.
//!
//! It does not move with `state export`: another machine gets its own people, and hashes of
//! passwords stay where they are.

use async_trait::async_trait;

use crate::LedgerError;

/// A person's number.
pub type PersonId = i64;
/// A token's number.
pub type TokenId = i64;

/// Hash of a secret that only its holder has.
pub type SecretHash = [u8; 32];

/// A person who may use the console.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Number.
    pub id: PersonId,
    /// Name; unique whatever its case.
    pub name: String,
    /// `viewer`, `operator` or `administrator`.
    pub role: String,
    /// When they were added, microseconds since 1970.
    pub made_at: i64,
    /// When they last signed in.
    pub signed_in_at: Option<i64>,
}

/// What became of a change to a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PersonChange {
    /// It is done.
    Done,
    /// There is no such person.
    Gone,
    /// Nobody could change people any more.
    LastAdministrator,
}

/// A session to open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewSession {
    /// Hash of its secret.
    pub hash: SecretHash,
    /// Whose it is.
    pub person: PersonId,
    /// When it ends, whatever happens.
    pub ends_at: i64,
}

/// A session that is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenSession {
    /// Whose it is.
    pub person: Person,
    /// When it was last used, as far as that was noted.
    pub seen_at: i64,
}

/// A token to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewToken {
    /// Hash of its secret.
    pub hash: SecretHash,
    /// In whose place it acts.
    pub person: PersonId,
    /// Its name; unique among the person's.
    pub name: String,
    /// The role it has at most.
    pub role: String,
    /// When it ends; none: when it is removed.
    pub expires_at: Option<i64>,
}

/// A token for programs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiToken {
    /// Number.
    pub id: TokenId,
    /// In whose place it acts.
    pub person: Person,
    /// Its name.
    pub name: String,
    /// The role it has at most.
    pub role: String,
    /// When it was made.
    pub made_at: i64,
    /// When it ends; none: when it is removed.
    pub expires_at: Option<i64>,
    /// When it was last used, as far as that was noted.
    pub used_at: Option<i64>,
}

/// A line of the audit log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// Number, growing; 0 before it is written.
    pub id: i64,
    /// When.
    pub at: i64,
    /// The person's name; empty: nobody signed in.
    pub who: String,
    /// The name of the token they used.
    pub token: Option<String>,
    /// From which address.
    pub address: String,
    /// What, in a word such as `connector.pause`.
    pub action: String,
    /// To what.
    pub subject: String,
    /// `done`, or the code of what was in the way.
    pub outcome: String,
}

/// The console's record.
#[async_trait]
pub trait ConsoleLedger: Send + Sync {
    /// All people, by name.
    async fn people(&self) -> Result<Vec<Person>, LedgerError>;

    /// A person by name, with the hash of their password.
    async fn person(&self, name: &str) -> Result<Option<(Person, String)>, LedgerError>;

    /// Adds a person. None if the name is taken.
    async fn add_person(
        &self,
        name: &str,
        role: &str,
        password: &str,
        now: i64,
    ) -> Result<Option<PersonId>, LedgerError>;

    /// Sets the hash of a password, and ends the person's sessions. False: no such person.
    async fn set_password(&self, person: PersonId, password: &str) -> Result<bool, LedgerError>;

    /// Sets a role, and ends the person's sessions.
    async fn set_role(&self, person: PersonId, role: &str) -> Result<PersonChange, LedgerError>;

    /// Removes a person with their sessions and tokens.
    async fn remove_person(&self, person: PersonId) -> Result<PersonChange, LedgerError>;

    /// Makes a one-time link. Those made before are void.
    async fn open_link(&self, hash: &SecretHash, expires_at: i64) -> Result<(), LedgerError>;

    /// Whether a link could be used.
    async fn has_link(&self, hash: &SecretHash, now: i64) -> Result<bool, LedgerError>;

    /// Uses up a link: the person of that name, new or not, is an administrator with this
    /// password, and has no session. None: there is no such link (any more).
    async fn use_link(
        &self,
        hash: &SecretHash,
        name: &str,
        password: &str,
        now: i64,
    ) -> Result<Option<PersonId>, LedgerError>;

    /// Opens a session, and notes the sign-in. False: no such person.
    async fn open_session(&self, session: &NewSession, now: i64) -> Result<bool, LedgerError>;

    /// An open session that was used after `idle_since`.
    async fn session(
        &self,
        hash: &SecretHash,
        idle_since: i64,
        now: i64,
    ) -> Result<Option<OpenSession>, LedgerError>;

    /// Notes that a session was used.
    async fn session_seen(&self, hash: &SecretHash, now: i64) -> Result<(), LedgerError>;

    /// Ends a session.
    async fn end_session(&self, hash: &SecretHash) -> Result<(), LedgerError>;

    /// Ends all sessions of a person.
    async fn end_sessions(&self, person: PersonId) -> Result<(), LedgerError>;

    /// Makes a token. None: the person has one of that name.
    async fn add_token(&self, token: &NewToken, now: i64) -> Result<Option<TokenId>, LedgerError>;

    /// All tokens, by person and name.
    async fn tokens(&self) -> Result<Vec<ApiToken>, LedgerError>;

    /// A token that has not ended.
    async fn token(&self, hash: &SecretHash, now: i64) -> Result<Option<ApiToken>, LedgerError>;

    /// Notes that a token was used.
    async fn token_used(&self, token: TokenId, now: i64) -> Result<(), LedgerError>;

    /// Removes a token. False: no such token.
    async fn remove_token(&self, token: TokenId) -> Result<bool, LedgerError>;

    /// Writes a line of the audit log.
    async fn note(&self, entry: &AuditEntry) -> Result<(), LedgerError>;

    /// Lines of the audit log, the newest first: those before the line `before`, if given.
    async fn audit(&self, before: Option<i64>, limit: u32) -> Result<Vec<AuditEntry>, LedgerError>;

    /// Forgets what has ended: sessions, links, and lines of the audit log from before a moment.
    async fn forget(&self, idle_since: i64, audit_before: i64, now: i64)
    -> Result<(), LedgerError>;
}
