//! Backfills of the ledger in memory, and what a listing records.

use super::world::{Answer, World, fresh, identity};
use crate::rules::{check_backfill, check_backfill_move, check_cursor};
use crate::{
    Backfill, BackfillId, BackfillState, Cursor, LedgerError, Listed, NewBackfill, NewUnit, UnitId,
};

impl World {
    /// Records the units that are not known yet, as those of a backfill if it is one's.
    pub(super) fn record(
        &mut self,
        connector: &str,
        units: &[NewUnit],
        backfill: Option<BackfillId>,
        now: i64,
    ) -> Answer<Listed> {
        let mut listed = Listed::default();
        for new in units {
            if new.lane.connector != connector {
                return Err(LedgerError::Corrupt("a unit of another".to_owned()));
            }
            if self.units.iter().any(|unit| identity(&unit.listed) == identity(new)) {
                listed.known += 1;
            } else {
                listed.new += 1;
                let id = self.units.len() as UnitId + 1;
                self.units.push(fresh(id, new, now));
                self.backfilled.extend(backfill.map(|backfill| (id, backfill)));
            }
        }
        Ok(listed)
    }

    pub(super) fn begin_backfill(&mut self, wish: &NewBackfill, now: i64) -> BackfillId {
        let same = |one: &&Backfill| one.wish == *wish && one.state.is_under_way();
        if let Some(found) = self.backfills.iter().find(same) {
            return found.id;
        }
        let id = self.backfills.len() as BackfillId + 1;
        self.backfills.push(Backfill {
            id,
            wish: wish.clone(),
            state: BackfillState::Open,
            cursor: None,
            begun_at: now,
            ended_at: None,
            files: 0,
            known: 0,
            finished: 0,
            bytes: 0,
        });
        id
    }

    fn backfill(&mut self, id: BackfillId) -> Answer<&mut Backfill> {
        let found = self.backfills.iter_mut().find(|one| one.id == id);
        found.ok_or_else(|| LedgerError::Corrupt("no such backfill".to_owned()))
    }

    pub(super) fn feed_backfill(
        &mut self,
        id: BackfillId,
        units: &[NewUnit],
        from: Option<&Cursor>,
        to: Option<&Cursor>,
        now: i64,
    ) -> Answer<Listed> {
        let found = self.backfill(id)?;
        check_backfill(id, found.state, BackfillState::Open)?;
        check_cursor(String::new, found.cursor.as_ref(), from, to)?;
        found.cursor = to.cloned();
        let connector = found.wish.connector.clone();
        let listed = self.record(&connector, units, Some(id), now)?;
        self.backfill(id)?.known += listed.known as i64;
        Ok(listed)
    }

    pub(super) fn move_backfill(
        &mut self,
        id: BackfillId,
        from: BackfillState,
        to: BackfillState,
        now: i64,
    ) -> Answer<()> {
        let found = self.backfill(id)?;
        check_backfill_move(id, found.state, from, to)?;
        found.state = to;
        found.ended_at = (!to.is_under_way()).then_some(now);
        Ok(())
    }

    pub(super) fn shown_backfills(&self, connector: &str) -> Vec<Backfill> {
        let own = self.backfills.iter().rev().filter(|one| one.wish.connector == connector);
        own.map(|one| {
            let mut shown = one.clone();
            for unit in &self.units {
                if self.backfilled.get(&unit.id) == Some(&one.id) {
                    shown.files += 1;
                    shown.bytes += unit.listed.length;
                    shown.finished += i64::from(unit.final_at.is_some());
                }
            }
            shown
        })
        .collect()
    }
}
