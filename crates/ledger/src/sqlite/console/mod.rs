//! The console's record: the transaction around each method. The statements are beside.

mod access;
mod audit;
mod person;

use async_trait::async_trait;

use super::SqliteLedger;
use crate::{
    ApiToken, AuditEntry, ConsoleLedger, LedgerError, NewSession, NewToken, OpenSession, Person,
    PersonChange, PersonId, SecretHash, TokenId,
};

#[async_trait]
impl ConsoleLedger for SqliteLedger {
    async fn people(&self) -> Result<Vec<Person>, LedgerError> {
        Ok(person::all(&mut *self.reader().await?).await?)
    }

    async fn person(&self, name: &str) -> Result<Option<(Person, String)>, LedgerError> {
        Ok(person::of_name(&mut *self.reader().await?, name).await?)
    }

    async fn add_person(
        &self,
        name: &str,
        role: &str,
        password: &str,
        now: i64,
    ) -> Result<Option<PersonId>, LedgerError> {
        let mut tx = self.writer.begin().await?;
        let added = person::add(&mut tx, name, role, password, now).await;
        tx.finish(added).await
    }

    async fn set_password(&self, person: PersonId, password: &str) -> Result<bool, LedgerError> {
        let mut tx = self.writer.begin().await?;
        let set = person::set_password(&mut tx, person, password).await;
        tx.finish(set).await
    }

    async fn set_role(&self, person: PersonId, role: &str) -> Result<PersonChange, LedgerError> {
        let mut tx = self.writer.begin().await?;
        let set = person::set_role(&mut tx, person, role).await;
        tx.finish(set).await
    }

    async fn remove_person(&self, person: PersonId) -> Result<PersonChange, LedgerError> {
        let mut tx = self.writer.begin().await?;
        let removed = person::remove(&mut tx, person).await;
        tx.finish(removed).await
    }

    async fn open_link(&self, hash: &SecretHash, expires_at: i64) -> Result<(), LedgerError> {
        let mut tx = self.writer.begin().await?;
        let opened = access::open_link(&mut tx, hash, expires_at).await;
        tx.finish(opened).await
    }

    async fn has_link(&self, hash: &SecretHash, now: i64) -> Result<bool, LedgerError> {
        Ok(access::has_link(&mut *self.reader().await?, hash, now).await?)
    }

    async fn use_link(
        &self,
        hash: &SecretHash,
        name: &str,
        password: &str,
        now: i64,
    ) -> Result<Option<PersonId>, LedgerError> {
        let mut tx = self.writer.begin().await?;
        let used = access::use_link(&mut tx, hash, name, password, now).await;
        tx.finish(used).await
    }

    async fn open_session(&self, session: &NewSession, now: i64) -> Result<bool, LedgerError> {
        let mut tx = self.writer.begin().await?;
        let opened = access::open_session(&mut tx, session, now).await;
        tx.finish(opened).await
    }

    async fn session(
        &self,
        hash: &SecretHash,
        idle_since: i64,
        now: i64,
    ) -> Result<Option<OpenSession>, LedgerError> {
        Ok(access::session(&mut *self.reader().await?, hash, idle_since, now).await?)
    }

    async fn session_seen(&self, hash: &SecretHash, now: i64) -> Result<(), LedgerError> {
        let mut tx = self.writer.begin().await?;
        let seen = access::session_seen(&mut tx, hash, now).await;
        tx.finish(seen).await
    }

    async fn end_session(&self, hash: &SecretHash) -> Result<(), LedgerError> {
        let mut tx = self.writer.begin().await?;
        let ended = access::end_session(&mut tx, hash).await;
        tx.finish(ended).await
    }

    async fn end_sessions(&self, person: PersonId) -> Result<(), LedgerError> {
        let mut tx = self.writer.begin().await?;
        let ended = access::end_sessions(&mut tx, person).await;
        tx.finish(ended).await
    }

    async fn add_token(&self, token: &NewToken, now: i64) -> Result<Option<TokenId>, LedgerError> {
        let mut tx = self.writer.begin().await?;
        let added = access::add_token(&mut tx, token, now).await;
        tx.finish(added).await
    }

    async fn tokens(&self) -> Result<Vec<ApiToken>, LedgerError> {
        Ok(access::tokens(&mut *self.reader().await?).await?)
    }

    async fn token(&self, hash: &SecretHash, now: i64) -> Result<Option<ApiToken>, LedgerError> {
        Ok(access::token(&mut *self.reader().await?, hash, now).await?)
    }

    async fn token_used(&self, token: TokenId, now: i64) -> Result<(), LedgerError> {
        let mut tx = self.writer.begin().await?;
        let used = access::token_used(&mut tx, token, now).await;
        tx.finish(used).await
    }

    async fn remove_token(&self, token: TokenId) -> Result<bool, LedgerError> {
        let mut tx = self.writer.begin().await?;
        let removed = access::remove_token(&mut tx, token).await;
        tx.finish(removed).await
    }

    async fn note(&self, entry: &AuditEntry) -> Result<(), LedgerError> {
        let mut tx = self.writer.begin().await?;
        let noted = audit::note(&mut tx, entry).await;
        tx.finish(noted).await
    }

    async fn audit(&self, before: Option<i64>, limit: u32) -> Result<Vec<AuditEntry>, LedgerError> {
        Ok(audit::newest(&mut *self.reader().await?, before, limit).await?)
    }

    async fn forget(
        &self,
        idle_since: i64,
        audit_before: i64,
        now: i64,
    ) -> Result<(), LedgerError> {
        let mut tx = self.writer.begin().await?;
        let forgotten = async {
            access::forget(&mut tx, idle_since, now).await?;
            audit::forget(&mut tx, audit_before).await
        };
        let forgotten = forgotten.await;
        tx.finish(forgotten).await
    }
}
