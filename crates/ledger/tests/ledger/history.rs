//! Random histories: SQLite answers every step like the ledger in memory.

use std::sync::atomic::{AtomicUsize, Ordering};

use orgtap_ledger::SqliteLedger;
use orgtap_ledger::suite::model::{Step, Which, assert_like_memory};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

/// Mostly the right lease; stale and foreign ones too.
fn which() -> impl Strategy<Value = Which> {
    prop_oneof![9 => Just(Which::Last), 1 => any::<u8>().prop_map(Which::Any)]
}

/// Mostly 0.
fn off() -> impl Strategy<Value = i8> {
    prop_oneof![9 => Just(0), 1 => -2..3_i8]
}

/// Mostly the events that lead to deliveries.
fn event() -> impl Strategy<Value = u8> {
    prop_oneof![3 => 0..5_u8, 1 => any::<u8>()]
}

fn step() -> impl Strategy<Value = Step> {
    let deliver = (any::<u8>(), which(), 0..2_u8, off(), -1..20_i8, 0..3_u8, any::<bool>());
    prop_oneof![
        2 => (0..2_u8, 0..4_u8).prop_map(|(connector, bits)| Step::Register(connector, bits)),
        4 => (0..2_u8, prop::collection::vec((0..2_u8, 0..4_u8), 0..5), off(), -1..4_i8)
            .prop_map(|(connector, files, off, by)| Step::List { connector, files, off, by }),
        2 => (0..2_u8, prop::collection::vec((0..2_u8, 0..4_u8), 0..5))
            .prop_map(|(connector, files)| Step::Backfill(connector, files)),
        8 => (0..4_u8, 0..3_u8, 0..2_u8, 1..30_u8)
            .prop_map(|(lane, stage, owner, ttl)| Step::Lease(lane, stage, owner, ttl)),
        1 => (any::<u8>(), 1..30_u8).prop_map(|(lease, ttl)| Step::Renew(lease, ttl)),
        1 => any::<u8>().prop_map(Step::Release),
        1 => Just(Step::BreakLeases),
        12 => (any::<u8>(), which(), event(), any::<u8>())
            .prop_map(|(unit, lease, event, rows)| Step::Apply(unit, lease, event, rows)),
        3 => (any::<u8>(), which(), 0..3_u8, 0..20_u8)
            .prop_map(|(unit, lease, stage, wait)| Step::Postpone(unit, lease, stage, wait)),
        8 => deliver.prop_map(|(unit, lease, destination, off, by, rejected, done)| {
            Step::Deliver { unit, lease, destination, off, by, rejected, done }
        }),
        2 => (any::<u8>(), which(), 0..2_u8)
            .prop_map(|(unit, lease, from)| Step::Withhold(unit, lease, from)),
        3 => (any::<u8>(), 0..2_u8).prop_map(|(unit, to)| Step::AskUnit(unit, to)),
        3 => (0..2_u8, any::<u8>()).prop_map(|(of, which)| Step::AskLetters(of, which)),
        1 => (0..2_u8, any::<u8>()).prop_map(|(of, which)| Step::Dismiss(of, which)),
        4 => (any::<u8>(), -1..20_i8, 0..3_u8, any::<bool>())
            .prop_map(|(which, by, rejected, done)| Step::Replay(which, by, rejected, done)),
        1 => (any::<u8>(), 0..9_u8).prop_map(|(which, wait)| Step::ReplayFails(which, wait)),
        1 => (0..2_u8).prop_map(Step::Wake),
        1 => (0..2_u8).prop_map(Step::Reconsider),
        1 => any::<u8>().prop_map(Step::SpoolReleased),
        2 => (0..20_u8).prop_map(Step::Wait),
    ]
}

/// Starts where deliveries can be reached, goes on at random.
fn steps() -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec(step(), 1..100).prop_map(|random| {
        let mut steps = vec![Step::Register(0, 3), Step::Register(1, 1)];
        steps.push(Step::List { connector: 0, files: vec![(0, 0), (0, 1)], off: 0, by: 2 });
        steps.extend([0, 1, 2].map(|stage| Step::Lease(0, stage, 0, 200)));
        for (unit, fetched) in [(0, 0), (1, 1)] {
            steps.extend([fetched, 3].map(|event| Step::Apply(unit, Which::Last, event, 20)));
        }
        steps.extend(random);
        steps
    })
}

/// A folder in memory if there is one: these histories are about answers, not about disks.
fn folder() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).expect("a folder")
}

#[test]
fn sqlite_answers_random_histories_like_the_ledger_in_memory() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (all, taken) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let config = ProptestConfig { cases: 48, failure_persistence: None, ..Default::default() };
    let result = TestRunner::new(config).run(&steps(), |steps| {
        let folder = folder();
        let went_well = runtime.block_on(async {
            let ledger = SqliteLedger::open(&folder.path().join("ledger.db")).await.unwrap();
            assert_like_memory(&ledger, &steps).await
        });
        all.fetch_add(steps.len(), Ordering::Relaxed);
        taken.fetch_add(went_well, Ordering::Relaxed);
        Ok(())
    });
    result.unwrap();
    // If nearly all were refused the histories would prove little.
    let (all, taken) = (all.into_inner(), taken.into_inner());
    assert!(taken * 2 > all, "only {taken} of {all} steps were taken");
}
