//! What every database behind [`Ledger`] must do, as cases that run over any of them.
//!
//! A new database implements [`Storage`] in its tests and names every case with
//! [`ledger_suite!`](crate::ledger_suite), or calls [`run_all`]. It is finished when all pass, and
//! when random steps leave it like the ledger in memory (see [`model`]).
//!
//! The cases use only the contract. Each gets storage of its own, empty at first.

#![allow(clippy::unwrap_used, reason = "a case that fails is to stop there")]

mod backfills;
mod connectors;
mod deliveries;
mod disputes;
mod durability;
mod leases;
mod letters;
mod listing;
mod memory;
pub mod model;
mod replays;
mod rollups;
mod scene;
mod status;
mod together;
mod units;
mod withheld;

use std::sync::Arc;

use async_trait::async_trait;

use crate::Ledger;

pub use backfills::*;
pub use connectors::*;
pub use deliveries::*;
pub use disputes::*;
pub use durability::*;
pub use leases::*;
#[cfg(test)]
pub(crate) use letters::letters_and_replays;
pub use letters::{
    a_dismissed_letter_is_closed_and_remembered, an_undecodable_unit_is_listed_anew_when_asked_for,
    closed_letters_of_a_lane_are_forgotten, dead_letters_are_chosen_and_counted,
    open_letters_of_rows_are_in_their_units_account,
};
pub use listing::*;
pub use memory::MemoryLedger;
pub use replays::*;
pub use rollups::*;
pub use status::*;
pub use together::*;
pub use units::*;
pub use withheld::*;

/// Where one case keeps its ledger.
#[async_trait]
pub trait Storage: Send + Sync {
    /// Opens a ledger over this storage, as a further process would. Those opened before may
    /// still be open, or may have been dropped without being closed.
    async fn open(&self) -> Arc<dyn Ledger>;
}

/// Writes the list of cases once, for [`run_all`] and [`ledger_suite!`].
macro_rules! cases {
    ($dollar:tt $($case:ident)*) => {
        /// Runs every case, each over fresh storage. Panics at the first that fails.
        pub async fn run_all<S, F>(fresh: impl Fn() -> F)
        where
            S: Storage,
            F: Future<Output = S>,
        {
            $($case(&fresh().await).await;)*
        }

        /// Makes a `#[tokio::test]` of every case. The argument is a path to an async function
        /// that answers fresh, empty [`Storage`](crate::suite::Storage).
        #[macro_export]
        macro_rules! ledger_suite {
            ($dollar fresh:path) => {
                $(
                    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                    async fn $case() {
                        $dollar crate::suite::$case(&$dollar fresh().await).await;
                    }
                )*
            };
        }
    };
}

cases! { $
    a_fresh_ledger_knows_nothing
    a_listed_page_is_recorded_with_its_cursor
    listing_the_same_files_again_changes_nothing
    a_file_made_anew_is_another_unit
    a_listing_from_the_wrong_cursor_is_refused_whole
    a_cursor_is_never_moved_backwards
    tracks_and_connectors_have_cursors_of_their_own
    a_unit_of_another_connector_is_refused_with_its_page
    a_page_of_two_thousand_files_is_recorded_whole
    two_listings_from_one_cursor_have_one_winner

    a_lane_is_leased_to_one_owner_at_a_time
    stages_of_a_lane_are_leased_apart
    a_stage_of_an_unknown_kind_is_refused
    epochs_grow_with_every_grant_and_across_release
    an_expired_lease_still_writes_until_it_is_taken_over
    a_second_worker_fences_the_first
    a_renewed_lease_lives_longer
    releasing_a_lost_lease_leaves_the_holder_alone
    a_released_lease_writes_no_more
    broken_leases_fence_their_holders
    a_lease_gives_no_right_to_another_lane
    a_lease_gives_no_right_to_another_stage
    two_workers_racing_for_a_lane_have_one_winner

    a_unit_goes_from_listed_to_admitted
    an_event_that_does_not_fit_changes_nothing
    a_unit_that_is_not_there_is_named
    units_of_a_lane_come_in_the_order_they_are_handled
    gone_and_covered_units_are_final
    an_undecodable_unit_is_final_and_says_why
    admitting_without_destinations_is_refused_whole
    being_delivered_comes_of_deliveries_alone
    a_postponed_unit_waits_and_is_counted
    success_clears_failures_and_keeps_the_warning
    a_unit_past_collecting_is_not_postponed_there
    lanes_are_due_oldest_file_first
    a_lane_under_a_live_lease_is_not_due
    the_next_due_time_is_the_earliest_wait_of_all_stages
    waking_makes_what_waits_due_at_once

    steps_that_join_up_move_a_delivery
    a_step_from_the_wrong_position_is_refused
    a_step_backwards_is_refused
    steps_of_several_units_happen_all_or_none
    refused_events_become_dead_letters_in_the_same_step
    a_unit_is_done_when_its_last_destination_is
    a_unit_with_nothing_admitted_is_finished_by_an_empty_step
    a_finished_delivery_moves_no_more
    a_later_unit_may_finish_before_an_earlier_one
    a_postponed_delivery_holds_up_its_lane_at_its_destination_alone
    a_step_that_gets_further_clears_failures
    two_steps_from_one_position_have_one_winner

    a_withheld_delivery_is_finished_with_nothing_sent
    a_delivery_that_has_begun_is_not_withheld
    a_withheld_unit_is_counted_until_a_replay_has_brought_it
    deliveries_are_withheld_all_or_none

    a_disputed_unit_is_final_keeps_its_bytes_and_says_why
    disputed_units_are_reconsidered_for_one_connector
    a_disputed_unit_is_decided_again_when_its_letter_is_replayed
    the_letter_of_a_reconsidered_unit_is_closed
    a_dispute_counts_until_a_later_version_is_admitted
    a_unit_fetched_in_vain_may_be_covered
    rows_by_hour_are_kept_with_the_admission
    accounts_are_those_of_a_range_of_log_dates

    many_lanes_are_leased_but_for_those_held
    many_leases_are_given_back_but_for_those_lost
    many_events_of_a_lane_are_applied_in_order
    many_events_happen_all_or_none
    many_steps_join_up_within_a_call
    an_outbox_has_what_a_destination_has_not_finished

    what_is_kept_about_a_connector_is_replaced_whole
    a_pause_lasts_whatever_else_is_written_until_it_is_ended
    only_registered_connectors_are_named
    dropping_a_destination_finishes_units_that_waited_for_it_alone
    dropping_a_destination_keeps_what_it_finished
    a_destination_gets_what_is_admitted_while_it_is_registered

    a_summary_counts_units_rows_and_deliveries
    an_overview_holds_what_each_connector_is_asked_for
    a_vanished_unit_is_lost_unless_a_later_version_is_listed
    what_is_at_work_comes_with_its_deliveries_and_bounded
    connectors_do_not_see_each_other
    dead_letters_come_newest_first_and_bounded
    payloads_of_dead_letters_are_cut
    only_final_units_without_dead_letters_are_releasable
    released_units_are_not_releasable_again

    calls_are_added_up_by_connector_day_and_purpose
    a_backfill_with_the_same_wish_is_the_one_under_way
    a_backfill_brings_only_files_that_are_not_known
    a_backfill_from_the_wrong_cursor_is_refused_whole
    a_backfill_that_is_not_open_takes_no_more_files
    a_backfill_ends_once
    files_of_a_backfill_are_due_after_all_others
    a_backfill_counts_what_of_it_is_final
    dead_letters_are_chosen_and_counted
    open_letters_of_rows_are_in_their_units_account
    a_dismissed_letter_is_closed_and_remembered
    closed_letters_of_a_lane_are_forgotten
    an_undecodable_unit_is_listed_anew_when_asked_for

    units_are_replayable_where_they_are_not_on_their_way
    a_replay_moves_in_steps_beside_the_delivery
    what_is_new_is_due_before_replays
    a_replayed_letter_is_closed_with_its_step
    a_replayed_unit_closes_and_makes_letters
    a_postponed_replay_waits_alone
    a_replay_that_can_never_be_done_ends_with_a_letter
    replays_end_with_their_destination
    letters_of_a_destination_that_is_gone_are_not_replayed
    released_bytes_may_come_back

    everything_is_there_after_reopening
    a_ledger_opened_twice_is_one_ledger
    epochs_grow_across_reopening
    a_refused_write_leaves_nothing_behind
}
