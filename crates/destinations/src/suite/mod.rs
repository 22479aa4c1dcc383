//! The contract as tests: what every destination must do, under faults too.
//!
//! A destination joins by a [`Harness`], which owns its target and can spoil it. The macro
//! [`contract_suite!`](crate::contract_suite) makes one test of each rule in [`rules`].
//! [`Worker`] does what the collector does: it goes back to the last durable receipt after every
//! failure. What arrived is then held against the destination's own
//! [`Promise`](crate::Promise).

mod events;
pub mod rules;
mod worker;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

pub use self::events::{MARK, batch, batch_of, uids, unit, units};
pub use self::worker::{Worker, assert_arrived, poll_times};
use crate::Destination;

/// What can be wrong with a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// Nothing.
    Well,
    /// Nothing answers at its address.
    Down,
    /// The next connection breaks after so many bytes towards the target.
    CutAfter(usize),
    /// The next connection breaks at the first byte of an answer: the target has the request.
    CutAnswer,
    /// It asks to come back after this time.
    Busy(Duration),
    /// Bytes trickle, yet fast enough for every time-out.
    Slow,
    /// It refuses any request that holds one of these events.
    Refuses(BTreeSet<String>),
    /// It refuses every request.
    RefusesAll,
}

/// A destination with its target, for one test.
#[async_trait]
pub trait Harness: Send {
    /// The destination, reaching the target. The same one each time.
    fn destination(&self) -> Arc<dyn Destination>;

    /// Brings the target into a condition. False if this kind of target cannot be in it.
    async fn set(&mut self, condition: Condition) -> bool;

    /// The `event_uid`s that arrived so far, in the order of arrival. Waits until there are at
    /// least so many, for a while, where targets take them late. Always none where nothing is
    /// promised.
    async fn arrived(&mut self, at_least: usize) -> Vec<String>;

    /// Texts that must not appear in any error, besides events.
    fn secrets(&self) -> Vec<String> {
        Vec::new()
    }
}

/// Makes a module with one test per rule of the contract. The expression makes a fresh harness.
#[macro_export]
macro_rules! contract_suite {
    ($module:ident, $make:expr) => {
        $crate::contract_suite!(
            @rules $module, $make,
            delivers_each_event_once_and_in_order,
            delivers_the_same_from_a_thread_that_may_block,
            answers_batches_without_events,
            delivers_again_when_a_target_was_down,
            loses_nothing_when_the_connection_is_cut,
            loses_nothing_when_an_answer_is_lost,
            passes_on_the_wait_a_busy_target_asks_for,
            delivers_to_a_slow_target,
            rejects_exactly_the_events_the_target_refuses,
            pauses_when_everything_is_refused,
            loses_nothing_when_a_write_is_abandoned_at_any_await,
            loses_nothing_when_a_flush_is_abandoned_at_any_await,
            answers_nothing_on_a_stream_that_failed,
            keeps_streams_side_by_side_apart,
            shows_neither_secrets_nor_events_in_errors,
            checks_the_way_to_the_target,
        );
    };
    (@rules $module:ident, $make:expr, $($rule:ident),+ $(,)?) => {
        mod $module {
            #[allow(unused_imports, reason = "the expression may need none of them")]
            use super::*;
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $rule() {
                    let mut harness = $make.await;
                    $crate::suite::rules::$rule(&mut harness).await;
                }
            )+
        }
    };
}
