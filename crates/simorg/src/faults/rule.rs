//! When a fault strikes, and how it is written down.

use std::fmt;
use std::str::FromStr;

use super::Fault;
use crate::Error;
use crate::stats::Call;

/// Which of the calls (or files) a fault could strike it does strike.
#[derive(Debug, Clone, PartialEq)]
pub enum When {
    /// Every one.
    Always,
    /// The first so many.
    First(u64),
    /// Every so-manieth.
    Every(u64),
    /// These, counted from 1.
    Calls(Vec<u64>),
    /// This share of them, from 0 to 1, by the seeded dice.
    Rate(f64),
}

impl When {
    /// Whether number `n` (from 1) is struck; `dice` is from 0 to 1.
    pub(super) fn strikes(&self, n: u64, dice: f64) -> bool {
        match self {
            Self::Always => true,
            Self::First(count) => n <= *count,
            Self::Every(step) => *step > 0 && n.is_multiple_of(*step),
            Self::Calls(calls) => calls.contains(&n),
            Self::Rate(rate) => dice < *rate,
        }
    }
}

/// When a fault strikes, how hard, and which calls.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// Which of the calls.
    pub when: When,
    /// The fault's size; what it means depends on the fault ([`Fault::amount_means`]).
    pub amount: Option<u64>,
    /// Strike only calls of this kind, instead of the fault's usual ones. Faults of files have
    /// no use for it.
    pub only: Option<Call>,
}

impl Rule {
    /// A rule with the fault's usual size and calls.
    pub const fn new(when: When) -> Self {
        Self { when, amount: None, only: None }
    }

    /// The same with this size.
    #[must_use]
    pub fn amount(self, amount: u64) -> Self {
        Self { amount: Some(amount), ..self }
    }

    /// The same for calls of this kind only.
    #[must_use]
    pub fn only(self, call: Call) -> Self {
        Self { only: Some(call), ..self }
    }

    pub(super) fn amount_for(&self, fault: Fault) -> u64 {
        self.amount.unwrap_or(fault.usual_amount())
    }

    /// Reads a fault with its rule: `NAME[/CALL][=WHEN][@AMOUNT]`, where `WHEN` is `always`, a rate
    /// from 0 to 1, `first:N`, `every:N` or `calls:N,N`. Without it, always.
    ///
    /// # Errors
    /// [`Error::Fault`] names the part that could not be read.
    pub fn parse(text: &str) -> Result<(Fault, Self), Error> {
        let (rest, amount) = text.split_once('@').map_or((text, None), |(r, a)| (r, Some(a)));
        let (target, when) = rest.split_once('=').map_or((rest, "always"), |(t, w)| (t, w));
        let (name, call) = target.split_once('/').map_or((target, None), |(n, c)| (n, Some(c)));
        let number = |text: &str| {
            text.parse().map_err(|_| Error::Fault(format!("{text:?} is not a whole number")))
        };
        let rule = Self {
            when: when.parse()?,
            amount: amount.map(number).transpose()?,
            only: call.map(Call::from_str).transpose()?,
        };
        Ok((name.parse()?, rule))
    }

    /// Writes a fault with its rule so that [`Rule::parse`] reads the same back.
    pub fn write(&self, fault: Fault) -> String {
        let only = self.only.map_or(String::new(), |call| format!("/{call}"));
        let amount = self.amount.map_or(String::new(), |amount| format!("@{amount}"));
        format!("{fault}{only}={}{amount}", self.when)
    }
}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Always => f.write_str("always"),
            Self::First(n) => write!(f, "first:{n}"),
            Self::Every(n) => write!(f, "every:{n}"),
            Self::Calls(calls) => {
                let list: Vec<String> = calls.iter().map(u64::to_string).collect();
                write!(f, "calls:{}", list.join(","))
            }
            Self::Rate(rate) => write!(f, "{rate}"),
        }
    }
}

impl FromStr for When {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong = || Error::Fault(format!("{text:?} does not say when a fault strikes"));
        if text == "always" {
            return Ok(Self::Always);
        }
        if let Some((kind, value)) = text.split_once(':') {
            let list: Result<Vec<u64>, _> = value.split(',').map(str::parse).collect();
            let list = list.map_err(|_| wrong())?;
            return match (kind, list.as_slice()) {
                ("first", [n]) => Ok(Self::First(*n)),
                ("every", [n]) if *n > 0 => Ok(Self::Every(*n)),
                ("calls", _) => Ok(Self::Calls(list)),
                _ => Err(wrong()),
            };
        }
        let rate: f64 = text.parse().map_err(|_| wrong())?;
        if (0.0..=1.0).contains(&rate) { Ok(Self::Rate(rate)) } else { Err(wrong()) }
    }
}
