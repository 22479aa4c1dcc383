//! The rules, one function each. A target that cannot be in a rule's condition passes it.

use std::collections::BTreeSet;
use std::time::Duration;

use orgtap_transport::{Disposition, Explain};
use tokio::runtime::Handle;
use tokio::task::spawn_blocking;

use super::{Condition, Harness, MARK, Worker, assert_arrived, batch, poll_times, uids, units};
use crate::error::Kind;
use crate::{Batch, Error, Guarantee};

/// Failures in a row after which a worker gives up.
const PATIENCE: usize = 20;

fn worker<H: Harness>(harness: &H) -> Worker {
    Worker::new(harness.destination(), units("acme"))
}

/// Tries until everything is delivered; every failure on the way must be worth a retry.
async fn finish(worker: &mut Worker) -> usize {
    for failures in 0..PATIENCE {
        match worker.attempt().await {
            Ok(()) => return failures,
            Err(error) => assert_retry(&error),
        }
    }
    panic!("still failing after {PATIENCE} attempts");
}

fn assert_retry(error: &Error) {
    let disposition = error.disposition();
    assert!(matches!(disposition, Disposition::Retry { .. }), "{disposition}: {error:?}");
}

/// Holds what arrived against what the worker wrote.
async fn assert_delivered<H: Harness>(harness: &mut H, worker: &Worker, disturbed: bool) {
    let rejected: BTreeSet<String> = worker.rejected().keys().cloned().collect();
    let expected = uids(worker.batches()).len() - rejected.len();
    let arrived = harness.arrived(expected).await;
    let promise = harness.destination().promise();
    assert_arrived(&promise, worker.batches(), &rejected, &arrived, disturbed);
}

/// Without faults each event arrives once, in order, and everything is durable.
pub async fn delivers_each_event_once_and_in_order<H: Harness>(harness: &mut H) {
    let mut worker = worker(harness);
    worker.attempt().await.expect("nothing is wrong");
    assert!(worker.rejected().is_empty());
    assert_delivered(harness, &worker, false).await;
}

/// It makes no difference whether batches are written from a thread that may block.
pub async fn delivers_the_same_from_a_thread_that_may_block<H: Harness>(harness: &mut H) {
    let (mut worker, runtime) = (worker(harness), Handle::current());
    let thread = spawn_blocking(move || worker.attempt_blocking(&runtime).map(|()| worker));
    let worker = thread.await.expect("it does not panic").expect("nothing is wrong");
    assert!(worker.rejected().is_empty());
    assert_delivered(harness, &worker, false).await;
}

/// A batch, and a unit, may hold no events.
pub async fn answers_batches_without_events<H: Harness>(harness: &mut H) {
    let empty =
        units("acme").into_iter().filter(|batch| batch.events.is_empty() && batch.rows.start == 0);
    let mut worker = Worker::new(harness.destination(), empty.collect());
    worker.attempt().await.expect("nothing is wrong");
    assert!(harness.arrived(0).await.is_empty());
}

/// A target that is not there is an error worth a retry, and then gets everything.
pub async fn delivers_again_when_a_target_was_down<H: Harness>(harness: &mut H) {
    let mut worker = worker(harness);
    if !harness.set(Condition::Down).await {
        return;
    }
    let Err(error) = worker.attempt().await else {
        let guarantee = harness.destination().promise().guarantee;
        assert_eq!(guarantee, Guarantee::BestEffort, "durable without a target");
        return;
    };
    assert_retry(&error);
    harness.set(Condition::Well).await;
    finish(&mut worker).await;
    assert_delivered(harness, &worker, true).await;
}

/// However much of a connection went through, nothing that was not durable is forgotten.
pub async fn loses_nothing_when_the_connection_is_cut<H: Harness>(harness: &mut H) {
    for (round, bytes) in [0, 1, 300, 5_000, 17_000, 40_000].into_iter().enumerate() {
        if !harness.set(Condition::CutAfter(bytes)).await {
            return;
        }
        let mut worker = Worker::new(harness.destination(), units(&format!("cut{round}")));
        let failures = finish(&mut worker).await;
        assert!(failures > 0 || bytes > 300, "a connection cut after {bytes} bytes was not missed");
        harness.set(Condition::Well).await;
        let arrived = of_connector(harness, &worker, &format!("cut{round}-")).await;
        let promise = harness.destination().promise();
        assert_arrived(&promise, worker.batches(), &BTreeSet::new(), &arrived, true);
    }
}

/// The target has the request, the answer is lost: it is sent again.
pub async fn loses_nothing_when_an_answer_is_lost<H: Harness>(harness: &mut H) {
    let mut worker = worker(harness);
    if !harness.set(Condition::CutAnswer).await {
        return;
    }
    let failures = finish(&mut worker).await;
    assert!(failures > 0, "the lost answer was not missed");
    assert_delivered(harness, &worker, true).await;
}

/// A busy target's wait reaches the collector.
pub async fn passes_on_the_wait_a_busy_target_asks_for<H: Harness>(harness: &mut H) {
    let mut worker = worker(harness);
    if !harness.set(Condition::Busy(Duration::from_secs(7))).await {
        return;
    }
    let error = worker.attempt().await.expect_err("the target is busy");
    let after = Some(Duration::from_secs(7));
    assert_eq!(error.disposition(), Disposition::Retry { after });
    assert_eq!(worker.durable(), 0);
    harness.set(Condition::Well).await;
    finish(&mut worker).await;
    assert_delivered(harness, &worker, true).await;
}

/// Slow is not broken.
pub async fn delivers_to_a_slow_target<H: Harness>(harness: &mut H) {
    let mut worker = worker(harness);
    if !harness.set(Condition::Slow).await {
        return;
    }
    worker.attempt().await.expect("slow is not broken");
    assert_delivered(harness, &worker, false).await;
}

/// Refused events are named, each with a reason; all others arrive.
pub async fn rejects_exactly_the_events_the_target_refuses<H: Harness>(harness: &mut H) {
    let mut worker = worker(harness);
    let all = uids(worker.batches());
    // The first of a batch, one in its middle, a whole half, and the very last.
    let refused: BTreeSet<String> =
        [7, 17, 21, 22, 23, 24, all.len() - 1].map(|index| all[index].clone()).into();
    if !harness.set(Condition::Refuses(refused.clone())).await {
        return;
    }
    worker.attempt().await.expect("the others are taken");
    let named: BTreeSet<String> = worker.rejected().keys().cloned().collect();
    assert_eq!(named, refused);
    for reason in worker.rejected().values() {
        assert!(!reason.is_empty() && reason.len() < 500 && !reason.contains(MARK), "{reason}");
    }
    assert_delivered(harness, &worker, false).await;
}

/// When nothing is taken, a person must act, and no event is given up.
pub async fn pauses_when_everything_is_refused<H: Harness>(harness: &mut H) {
    let mut worker = worker(harness);
    if !harness.set(Condition::RefusesAll).await {
        return;
    }
    let error = worker.attempt().await.expect_err("everything is refused");
    assert_eq!(error.disposition(), Disposition::Pause, "{error:?}");
    assert!(worker.rejected().is_empty() && worker.durable() == 0);
    harness.set(Condition::Well).await;
    finish(&mut worker).await;
    assert_delivered(harness, &worker, true).await;
}

/// A write may be dropped after any of its awaits.
pub async fn loses_nothing_when_a_write_is_abandoned_at_any_await<H: Harness>(harness: &mut H) {
    abandon(harness, "write", async |harness, worker, polls| {
        let mut stream = harness.destination().open().await.expect("opens");
        let first = worker.batches()[0].clone();
        let answer = poll_times(stream.write(first), polls).await;
        if let Some(answer) = &answer {
            worker.note(0, answer.as_ref().expect("nothing is wrong"));
        } else {
            let second = worker.batches()[1].clone();
            assert_dead(stream.write(second).await);
        }
        answer.is_some()
    })
    .await;
}

/// A flush may be dropped after any of its awaits.
pub async fn loses_nothing_when_a_flush_is_abandoned_at_any_await<H: Harness>(harness: &mut H) {
    abandon(harness, "flush", async |harness, worker, polls| {
        let mut stream = harness.destination().open().await.expect("opens");
        for index in 0..4 {
            let batch = worker.batches()[index].clone();
            let receipt = stream.write(batch).await.expect("nothing is wrong");
            worker.note(index, &receipt);
        }
        let answer = poll_times(stream.flush(), polls).await;
        if let Some(answer) = &answer {
            worker.note(3, answer.as_ref().expect("nothing is wrong"));
        } else {
            assert_dead(stream.flush().await);
        }
        answer.is_some()
    })
    .await;
}

/// Abandons a call after one poll, after two, and so on until it ends by itself, which it says
/// by true; each time the worker then goes on and everything must be there.
async fn abandon<H: Harness>(
    harness: &mut H,
    what: &str,
    call: impl AsyncFn(&H, &mut Worker, usize) -> bool,
) {
    for polls in 1..200 {
        let connector = format!("{what}{polls}");
        let mut worker = Worker::new(harness.destination(), units(&connector));
        let ended = call(harness, &mut worker, polls).await;
        finish(&mut worker).await;
        let arrived = of_connector(harness, &worker, &format!("{connector}-")).await;
        let promise = harness.destination().promise();
        assert_arrived(&promise, worker.batches(), &BTreeSet::new(), &arrived, true);
        if ended {
            return;
        }
    }
    panic!("{what} did not end");
}

/// What arrived of one connector. Earlier rounds of a rule may have left more.
async fn of_connector<H: Harness>(harness: &mut H, worker: &Worker, prefix: &str) -> Vec<String> {
    let expected = uids(worker.batches()).len();
    let mut arrived = harness.arrived(expected).await;
    arrived.retain(|uid| uid.starts_with(prefix));
    arrived
}

fn assert_dead<T: std::fmt::Debug>(answer: Result<T, Error>) {
    let error = answer.expect_err("the stream is dead");
    assert_eq!(error.kind(), Kind::Misused);
    assert_eq!(error.disposition(), Disposition::Bug);
}

/// After an error a stream takes nothing more.
pub async fn answers_nothing_on_a_stream_that_failed<H: Harness>(harness: &mut H) {
    let destination = harness.destination();
    if !harness.set(Condition::Down).await {
        return;
    }
    let mut stream = destination.open().await.expect("opens");
    let failed = match stream.write(batch(3)).await {
        Err(error) => Err(error),
        Ok(_) => stream.flush().await,
    };
    if failed.is_ok() {
        assert_eq!(destination.promise().guarantee, Guarantee::BestEffort);
        return;
    }
    harness.set(Condition::Well).await;
    assert_dead(stream.write(batch(3)).await);
    assert_dead(stream.flush().await);
}

/// Several lanes deliver at once.
pub async fn keeps_streams_side_by_side_apart<H: Harness>(harness: &mut H) {
    let mut running = Vec::new();
    for lane in 0..4 {
        let mut worker = Worker::new(harness.destination(), units(&format!("lane{lane}")));
        running.push(tokio::spawn(async move {
            worker.attempt().await.expect("nothing is wrong");
            worker
        }));
    }
    let mut sent: Vec<Batch> = Vec::new();
    for lane in running {
        sent.extend_from_slice(lane.await.expect("no panic").batches());
    }
    let arrived = harness.arrived(uids(&sent).len()).await;
    let promise = harness.destination().promise();
    assert_arrived(&promise, &sent, &BTreeSet::new(), &arrived, false);
}

/// Whatever goes wrong, no error shows what was sent or what it was sent with.
pub async fn shows_neither_secrets_nor_events_in_errors<H: Harness>(harness: &mut H) {
    let conditions = [
        Condition::Down,
        Condition::CutAfter(300),
        Condition::CutAnswer,
        Condition::Busy(Duration::from_secs(1)),
        Condition::RefusesAll,
    ];
    let mut forbidden = harness.secrets();
    forbidden.push(MARK.to_owned());
    for condition in conditions {
        if !harness.set(condition.clone()).await {
            continue;
        }
        let mut worker = worker(harness);
        if let Err(error) = worker.attempt().await {
            let problem = error.problem();
            let shown = format!("{error} {error:?} {problem:?}");
            for text in &forbidden {
                assert!(!shown.contains(text), "{condition:?}: {shown}");
            }
            for part in [&problem.code, &problem.message, &problem.cause, &problem.remedy] {
                assert!(!part.is_empty());
            }
        }
        harness.set(Condition::Well).await;
    }
}

/// A check tells a target that takes events from one that is not there.
pub async fn checks_the_way_to_the_target<H: Harness>(harness: &mut H) {
    let destination = harness.destination();
    let checked = destination.check(batch(1)).await.expect("nothing is wrong");
    assert!(!checked.proof.is_empty());
    let left = harness.arrived(usize::from(checked.leaves.is_some())).await;
    assert_eq!(left.is_empty(), checked.leaves.is_none(), "{checked:?}");
    if harness.set(Condition::Down).await && destination.check(batch(1)).await.is_ok() {
        assert_eq!(destination.promise().guarantee, Guarantee::BestEffort);
    }
}
