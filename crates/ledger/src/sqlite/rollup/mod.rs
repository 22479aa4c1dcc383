//! The rollups in the ledger's file. Here are only the transaction or connection of each method.

mod add;
pub(super) mod ask;
mod forget;
mod many;
mod sheet;
pub(super) mod texts;

use async_trait::async_trait;

use super::{SqliteLedger, between};
use crate::rollup::{
    Added, Asked, By, Horizon, Named, Notable, Point, Rollup, RollupLedger, Session, Span, Trait,
};
use crate::{LedgerError, Unit, UnitId};

#[async_trait]
impl RollupLedger for SqliteLedger {
    async fn uncounted(&self, connector: &str, limit: usize) -> Result<Vec<Unit>, LedgerError> {
        between!(self, |conn| ask::uncounted(&mut conn, connector, limit))
    }

    async fn count_units(&self, units: &[(UnitId, Rollup)]) -> Result<Vec<Added>, LedgerError> {
        let mut tx = self.writer.begin().await?;
        let added = add::count_units(&mut tx, units).await;
        tx.finish(added).await
    }

    async fn types_seen(&self, connector: Option<&str>) -> Result<Vec<(String, i64)>, LedgerError> {
        Ok(ask::types_seen(&mut *self.reader().await?, connector).await?)
    }

    async fn over_time(&self, asked: Asked<'_>, span: Span) -> Result<Vec<Point>, LedgerError> {
        let mut conn = self.reader().await?;
        Ok(ask::points(&mut conn, texts::OVER_TIME, asked, span).await?)
    }

    async fn by_name(&self, asked: Asked<'_>, span: Span) -> Result<Vec<Point>, LedgerError> {
        let mut conn = self.reader().await?;
        Ok(ask::points(&mut conn, texts::BY_NAME, asked, span).await?)
    }

    async fn top(
        &self,
        asked: Asked<'_>,
        spans: &[Span],
        by: By,
        limit: usize,
    ) -> Result<Vec<Named>, LedgerError> {
        Ok(ask::top(&mut *self.reader().await?, asked, spans, by, limit).await?)
    }

    async fn of_names(
        &self,
        asked: Asked<'_>,
        spans: &[Span],
        names: &[String],
    ) -> Result<Vec<Named>, LedgerError> {
        Ok(ask::of_names(&mut *self.reader().await?, asked, spans, names).await?)
    }

    async fn first_seen(
        &self,
        connector: Option<&str>,
        kind: &str,
        range: (i64, i64),
        settling: i64,
        limit: usize,
    ) -> Result<Vec<(String, Trait)>, LedgerError> {
        let mut conn = self.reader().await?;
        Ok(ask::first_seen(&mut conn, connector, kind, range, settling, limit).await?)
    }

    async fn sessions(
        &self,
        connector: Option<&str>,
        user: &str,
        range: (i64, i64),
        limit: usize,
    ) -> Result<Vec<(String, Session)>, LedgerError> {
        Ok(ask::sessions(&mut *self.reader().await?, connector, user, range, limit).await?)
    }

    async fn notables_of_user(
        &self,
        connector: Option<&str>,
        user: &str,
        range: (i64, i64),
        limit: usize,
    ) -> Result<Vec<(String, Notable)>, LedgerError> {
        Ok(ask::notables_of_user(&mut *self.reader().await?, connector, user, range, limit).await?)
    }

    async fn notables_of_types(
        &self,
        connector: Option<&str>,
        event_types: &[&str],
        range: (i64, i64),
        limit: usize,
    ) -> Result<Vec<Notable>, LedgerError> {
        let mut conn = self.reader().await?;
        Ok(ask::notables_of_types(&mut conn, connector, event_types, range, limit).await?)
    }

    async fn user_names(&self, users: &[String]) -> Result<Vec<(String, String)>, LedgerError> {
        Ok(ask::user_names(&mut *self.reader().await?, users).await?)
    }

    async fn forget(&self, horizon: Horizon, at: i64) -> Result<Option<i64>, LedgerError> {
        let mut tx = self.writer.begin().await?;
        let next = forget::forget(&mut tx, horizon, at).await;
        tx.finish(next).await
    }
}
