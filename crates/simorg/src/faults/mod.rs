//! Faults by name: what goes wrong, when, how often.
//!
//! Whether a fault strikes follows from the fault seed and the number of the call (or, for faults
//! of a file, from the file alone), never from the machine's time: the same calls in the same
//! order meet the same faults. Faults change what the org shows, never what the world holds.

mod catalogue;
mod preset;
mod refusal;
mod rest;
mod rule;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use catalogue::Fault;
pub use preset::{PRESETS, preset};
pub use refusal::LoginRefusal;
pub(crate) use rest::RestBody;
pub use rest::RestRefusal;
pub use rule::{Rule, When};

use crate::stats::Call;

/// The faults that are switched on; cheap to clone, every clone is the same set.
#[derive(Debug, Clone)]
pub struct Faults {
    seed: u64,
    active: Arc<Mutex<BTreeMap<Fault, Active>>>,
}

/// A fault that is switched on, and what it has done.
#[derive(Debug, Clone)]
struct Active {
    rule: Rule,
    /// Calls (or files) it could have struck.
    seen: u64,
    /// Calls of the present run still to be struck.
    run_left: u64,
    /// Times it struck.
    struck: u64,
    /// Files already decided.
    files: HashMap<String, bool>,
}

impl Faults {
    /// No faults.
    pub fn new(seed: u64) -> Self {
        Self { seed, active: Arc::default() }
    }

    /// Switches a fault on, or changes when it strikes; its counts begin anew.
    pub fn set(&self, fault: Fault, rule: Rule) {
        let active = Active { rule, seen: 0, run_left: 0, struck: 0, files: HashMap::new() };
        self.lock().insert(fault, active);
    }

    /// Switches a fault on for every call it can strike.
    pub fn always(&self, fault: Fault) {
        self.set(fault, Rule::new(When::Always));
    }

    /// Switches a fault on for the first `n` calls it can strike.
    pub fn first(&self, fault: Fault, n: u64) {
        self.set(fault, Rule::new(When::First(n)));
    }

    /// Switches several on.
    pub fn set_all(&self, rules: impl IntoIterator<Item = (Fault, Rule)>) {
        for (fault, rule) in rules {
            self.set(fault, rule);
        }
    }

    /// Switches one off.
    pub fn clear(&self, fault: Fault) {
        self.lock().remove(&fault);
    }

    /// Switches all off.
    pub fn clear_all(&self) {
        self.lock().clear();
    }

    /// What is switched on.
    pub fn active(&self) -> Vec<(Fault, Rule)> {
        self.lock().iter().map(|(fault, active)| (*fault, active.rule.clone())).collect()
    }

    /// How often each fault that is switched on has struck.
    pub fn struck(&self) -> BTreeMap<&'static str, u64> {
        self.lock().iter().map(|(fault, active)| (fault.name(), active.struck)).collect()
    }

    /// Whether a fault strikes this call, and how many times it struck before.
    pub(crate) fn strikes(&self, fault: Fault, call: Call) -> Option<u64> {
        let mut all = self.lock();
        let active = all.get_mut(&fault)?;
        let eligible = match active.rule.only {
            Some(only) => only == call,
            None => fault.strikes_by_default(call),
        };
        if !eligible {
            return None;
        }
        active.seen += 1;
        let hit = if active.run_left > 0 {
            active.run_left -= 1;
            true
        } else {
            let hit = active.rule.when.strikes(active.seen, self.dice(fault, active.seen));
            if hit && fault.strikes_in_runs() {
                active.run_left = active.rule.amount_for(fault).saturating_sub(1);
            }
            hit
        };
        active.struck += u64::from(hit);
        hit.then(|| active.struck - 1)
    }

    /// The refusal of the token endpoint that is forced on this call, if one is.
    pub(crate) fn login_refusal(&self) -> Option<LoginRefusal> {
        let forced = |fault: &Fault| match fault {
            Fault::Login(refusal) => Some(*refusal),
            _ => None,
        };
        let active: Vec<_> = self.lock().keys().filter_map(forced).collect();
        let strikes = |refusal: &_| self.strikes(Fault::Login(*refusal), Call::Token).is_some();
        active.into_iter().find(strikes)
    }

    /// The refusal of the data API that is forced on this call, if one is.
    pub(crate) fn rest_refusal(&self, call: Call) -> Option<RestRefusal> {
        let forced = |fault: &Fault| match fault {
            Fault::Rest(refusal) => Some(*refusal),
            _ => None,
        };
        let active: Vec<_> = self.lock().keys().filter_map(forced).collect();
        active.into_iter().find(|refusal| self.strikes(Fault::Rest(*refusal), call).is_some())
    }

    /// Whether a fault concerns this file. Asked twice, the answer is the same.
    pub(crate) fn concerns(&self, fault: Fault, file: &str) -> bool {
        let mut all = self.lock();
        let Some(active) = all.get_mut(&fault) else { return false };
        if let Some(decided) = active.files.get(file) {
            return *decided;
        }
        active.seen += 1;
        let hash = file.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        let hit = active.rule.when.strikes(active.seen, self.dice(fault, hash));
        active.files.insert(file.to_owned(), hit);
        active.struck += u64::from(hit);
        hit
    }

    /// Whether a fault is switched on at all.
    pub(crate) fn is_on(&self, fault: Fault) -> bool {
        self.lock().contains_key(&fault)
    }

    /// The size of a fault: its rule's, or the usual one.
    pub(crate) fn amount(&self, fault: Fault) -> u64 {
        self.lock().get(&fault).map_or(fault.usual_amount(), |a| a.rule.amount_for(fault))
    }

    /// A number from 0 to 1 that follows from the seed, the fault and `n`.
    pub(crate) fn dice(&self, fault: Fault, n: u64) -> f64 {
        let salt = fault.name().bytes().fold(self.seed, |hash, byte| mix(hash ^ u64::from(byte)));
        (mix(salt ^ n) >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Fault, Active>> {
        self.active.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One step of the splitmix64 generator.
const fn mix(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests;
