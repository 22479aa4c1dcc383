//! Mixtures of faults worth a name.

use super::{Fault, Rule, When};
use crate::Error;

/// Names of the presets.
pub const PRESETS: [&str; 1] = ["bad-week"];

/// The faults of a preset.
///
/// `bad-week` is what a year brings, in one run. Nothing in it is beyond repair: a collector that
/// signs in again, starts a query anew, checks what it fetched, waits for young files and looks
/// back by more than ten minutes ends with every row once. So [`Fault::Vanish`] and
/// [`Fault::WrongLength`] are not in it, and no refused sign-in.
///
/// # Errors
/// [`Error::Fault`] if there is no such preset.
pub fn preset(name: &str) -> Result<Vec<(Fault, Rule)>, Error> {
    if name != "bad-week" {
        return Err(Error::Fault(format!("there is no preset named {name:?}")));
    }
    let rate = |rate| Rule::new(When::Rate(rate));
    Ok(vec![
        (Fault::SessionExpires, rate(0.01)),
        (Fault::InvalidLocator, rate(0.02)),
        (Fault::Burst5xx, rate(0.01)),
        (Fault::Html200, rate(0.01)),
        (Fault::Quota, rate(0.0005).amount(2)),
        (Fault::Concurrent, rate(0.005)),
        (Fault::TruncateClean, rate(0.02)),
        (Fault::TruncateCut, rate(0.02)),
        (Fault::CorruptGzip, rate(0.02)),
        (Fault::GzipRefused, rate(0.05)),
        (Fault::GzipMultiMember, rate(0.1)),
        (Fault::SlowDrip, rate(0.002)),
        (Fault::QueryTimeout, Rule::new(When::Always).amount(7)),
        (Fault::SmallBatches, rate(0.3).amount(250)),
        (Fault::StillWriting, rate(0.1)),
        (Fault::StillListing, rate(0.05)),
        (Fault::StillGrowing, rate(0.05)),
        (Fault::StaleListing, rate(0.05)),
        (Fault::ResetOnConnect, rate(0.02)),
        (Fault::LoginUnavailable, rate(0.1)),
    ])
}
