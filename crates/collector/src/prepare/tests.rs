//! Preparations that come to something and those that do not.

use std::fmt::Write as _;

use async_trait::async_trait;
use orgtap_codec::csv::Plain;
use orgtap_destinations::discard::Discard;
use orgtap_destinations::{Batch, Checked, Error, Kind, Limits, Promise, Receipt};
use orgtap_events::Interval;

use super::*;
use crate::counting::Counting;
use crate::inspect::{Besides, inspect};

fn unit() -> Arc<UnitInfo> {
    Arc::new(UnitInfo {
        event_type: "RestApi".into(),
        interval: Interval::Daily,
        sequence: 0,
        log_date: "2026-11-22T00:00:00Z".parse().unwrap(),
        created_date: "2026-11-23T03:00:00Z".parse().unwrap(),
        length: 1 << 20,
        ..crate::sample::unit()
    })
}

/// Rows of which each comes so many times, one after the other.
fn csv(rows: usize, times: usize) -> Vec<u8> {
    let mut csv = "TIMESTAMP_DERIVED,USER_ID,CLIENT_NAME,REQUEST_ID\n".to_owned();
    for row in 0..rows {
        for _ in 0..times {
            let user = row % 40;
            writeln!(csv, "2026-11-22T05:00:00.000Z,005{user:012},app {user},request {row}")
                .unwrap();
        }
    }
    csv.into_bytes()
}

/// What counting by itself says.
fn counted(bytes: &[u8]) -> Option<Rollup> {
    let folder = tempfile::tempdir().unwrap();
    let mut counter = Counter::new();
    let besides = Besides { count: Some(&mut counter), ..Besides::default() };
    let index = folder.path().join("rows");
    inspect(&mut Plain(bytes), &unit(), u64::MAX, &index, folder.path(), besides).unwrap();
    counter.finish()
}

/// Whether a unit's delivery is prepared, and what is counted on the way.
async fn prepared(bytes: Vec<u8>, counter: Counter) -> (bool, Option<Rollup>) {
    prepared_for(Arc::new(Discard::new("nowhere")), bytes, counter).await
}

async fn prepared_for(
    destination: Arc<dyn Destination>,
    bytes: Vec<u8>,
    counter: Counter,
) -> (bool, Option<Rollup>) {
    let mut preparing = Prepared::new().begin(&destination, &unit(), counter).unwrap();
    let reading = tokio::task::spawn_blocking(move || {
        let folder = tempfile::tempdir().unwrap();
        let besides = Besides { prepare: Some(&mut preparing), ..Besides::default() };
        let index = folder.path().join("rows");
        let found = inspect(&mut Plain(&*bytes), &unit(), u64::MAX, &index, folder.path(), besides)
            .unwrap();
        preparing.finish(found.rows)
    });
    let (ready, rollup) = reading.await.unwrap();
    (ready.is_some(), rollup)
}

/// What a destination does with a batch.
#[derive(Debug, Clone, Copy)]
enum Does {
    Fail,
    Hang,
    Panic,
}

/// A destination that takes one batch of each stream, and then does that.
struct Bad(Discard, Does);

#[async_trait]
impl Destination for Bad {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn kind(&self) -> &'static str {
        self.0.kind()
    }

    fn promise(&self) -> Promise {
        self.0.promise()
    }

    fn limits(&self) -> Limits {
        self.0.limits()
    }

    async fn check(&self, sample: Batch) -> Result<Checked, Error> {
        self.0.check(sample).await
    }

    async fn open(&self) -> Result<Box<dyn Stream>, Error> {
        Ok(Box::new(BadStream(self.1, 0)))
    }
}

struct BadStream(Does, u32);

#[async_trait]
impl Stream for BadStream {
    async fn write(&mut self, _: Batch) -> Result<Receipt, Error> {
        self.1 += 1;
        match self.0 {
            _ if self.1 == 1 => Ok(Receipt::durable()),
            Does::Fail => Err(Error::new(Kind::Misused, "bad", "it fails")),
            Does::Hang => std::future::pending().await,
            Does::Panic => panic!("it panics"),
        }
    }

    async fn flush(&mut self) -> Result<Receipt, Error> {
        Ok(Receipt::durable())
    }
}

#[tokio::test]
async fn a_destination_that_fails_or_hangs_spoils_its_own_delivery_and_no_more() {
    let bytes = csv(40_000, 1);
    let counts = counted(&bytes);
    for does in [Does::Fail, Does::Hang, Does::Panic] {
        let bad = Arc::new(Bad(Discard::new("bad"), does));
        let found = prepared_for(bad, bytes.clone(), Counter::new()).await;
        assert!(found == (false, counts.clone()), "{does:?}");
    }
}

#[tokio::test]
async fn rows_are_counted_whether_their_delivery_is_prepared_or_that_comes_to_nothing() {
    // Rows that there are several of are followed up to a number of them.
    for (rows, times, expected) in [(20_000, 1, true), (2_000, 3, true), (6_000, 2, false)] {
        let bytes = csv(rows, times);
        let counts = counted(&bytes);
        assert!(counts.as_ref().is_some_and(|rollup| !rollup.series.is_empty()));
        let (ready, rollup) = prepared(bytes, Counter::new()).await;
        assert_eq!(ready, expected, "{rows} rows, each {times} times");
        assert_eq!(rollup, counts, "{rows} rows, each {times} times");
    }
}

#[tokio::test]
async fn nothing_is_counted_where_nothing_is_to_be() {
    for (rows, times, expected) in [(20_000, 1, true), (6_000, 2, false)] {
        let off = Counting::new(None).counter();
        assert_eq!(prepared(csv(rows, times), off).await, (expected, None));
    }
}
