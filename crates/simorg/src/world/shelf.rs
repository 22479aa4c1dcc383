//! What was made lately and may be wanted again: kept up to a bound.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::sync::Arc;

/// Values used lately, each with a weight; those not used for longest go when the weights exceed
/// the bound.
#[derive(Debug)]
pub(super) struct Shelf<K, V> {
    /// The most all weights may be.
    bound: usize,
    /// What they are.
    weight: usize,
    /// How often anything was used.
    uses: u64,
    /// What is kept.
    kept: HashMap<K, Kept<V>>,
    /// Keys by last use.
    order: BTreeMap<u64, K>,
}

/// One value.
#[derive(Debug)]
struct Kept<V> {
    /// Its share of the bound.
    weight: usize,
    /// When it was used last.
    used: u64,
    /// The value.
    value: Arc<V>,
}

impl<K: Eq + Hash + Clone, V> Shelf<K, V> {
    /// An empty one.
    pub(super) fn new(bound: usize) -> Self {
        Self { bound, weight: 0, uses: 0, kept: HashMap::new(), order: BTreeMap::new() }
    }

    /// What is kept under `key`.
    pub(super) fn get(&mut self, key: &K) -> Option<Arc<V>> {
        let kept = self.kept.get_mut(key)?;
        self.uses += 1;
        if let Some(key) = self.order.remove(&kept.used) {
            self.order.insert(self.uses, key);
        }
        kept.used = self.uses;
        Some(Arc::clone(&kept.value))
    }

    /// Keeps a value, unless it is too heavy to be kept at all.
    pub(super) fn put(&mut self, key: K, weight: usize, value: &Arc<V>) {
        if weight > self.bound || self.kept.contains_key(&key) {
            return;
        }
        self.uses += 1;
        self.order.insert(self.uses, key.clone());
        self.kept.insert(key, Kept { weight, used: self.uses, value: Arc::clone(value) });
        self.weight += weight;
        while self.weight > self.bound {
            let Some((_, oldest)) = self.order.pop_first() else { break };
            self.weight -= self.kept.remove(&oldest).map_or(0, |kept| kept.weight);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_used_for_longest_goes_first() {
        let mut shelf = Shelf::new(10);
        shelf.put(1, 4, &Arc::new("one"));
        shelf.put(2, 4, &Arc::new("two"));
        assert!(shelf.get(&1).is_some());
        shelf.put(3, 4, &Arc::new("three"));
        assert!(shelf.get(&2).is_none());
        assert_eq!(shelf.get(&1).as_deref(), Some(&"one"));
        shelf.put(4, 11, &Arc::new("too heavy"));
        assert!(shelf.get(&4).is_none());
        assert_eq!((shelf.kept.len(), shelf.order.len(), shelf.weight), (2, 2, 8));
    }

    #[test]
    fn weights_never_exceed_the_bound() {
        let mut shelf = Shelf::new(1000);
        for n in 0..10_000_usize {
            shelf.put(n, n % 97 * 3, &Arc::new(()));
            shelf.get(&(n / 2));
            assert!(shelf.weight <= 1000);
            assert_eq!(shelf.weight, shelf.kept.values().map(|kept| kept.weight).sum::<usize>());
        }
        assert_eq!(shelf.kept.len(), shelf.order.len());
    }
}
