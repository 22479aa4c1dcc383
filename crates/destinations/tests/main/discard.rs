//! Nowhere. The suite sees here that receipts, checks and abandoned calls are as they must be;
//! that nothing arrives is what is promised, and there is no place to look.

use std::future::ready;
use std::sync::Arc;

use async_trait::async_trait;
use orgtap_destinations::discard::{Discard, PROMISE};
use orgtap_destinations::suite::{Condition, Harness, batch, units};
use orgtap_destinations::{Destination, Guarantee, Receipt, contract_suite};

struct Nowhere(Arc<dyn Destination>);

impl Nowhere {
    fn new() -> Self {
        Self(Arc::new(Discard::new("bin")))
    }
}

#[async_trait]
impl Harness for Nowhere {
    fn destination(&self) -> Arc<dyn Destination> {
        Arc::clone(&self.0)
    }

    async fn set(&mut self, condition: Condition) -> bool {
        condition == Condition::Well
    }

    async fn arrived(&mut self, _: usize) -> Vec<String> {
        Vec::new()
    }
}

contract_suite!(nowhere, ready(Nowhere::new()));

#[tokio::test]
async fn every_batch_is_durable_at_once_and_none_is_rejected() {
    let mut stream = Discard::new("bin").open().await.unwrap();
    for batch in units("acme") {
        assert_eq!(stream.write(batch).await.unwrap(), Receipt::durable());
    }
    assert_eq!(stream.flush().await.unwrap(), Receipt::durable());
}

#[tokio::test]
async fn a_check_says_that_nothing_arrives() {
    let checked = Discard::new("bin").check(batch(1)).await.unwrap();
    assert!(checked.proof.contains("nothing arrives anywhere"), "{}", checked.proof);
    assert_eq!(checked.leaves, None);
}

#[test]
fn it_promises_nothing_and_says_so() {
    assert_eq!(PROMISE.guarantee, Guarantee::Nothing);
    assert!(PROMISE.loss.contains("every event"), "{}", PROMISE.loss);
}
