//! Codes of an authenticator app, which take the place of the security token for users who need
//! a second factor for the API.

use aws_lc_rs::hmac;
use jiff::Timestamp;

use crate::org::{Org, random_text};

/// Seconds for which a code counts.
const STEP: i64 = 30;

/// The code at this moment.
pub(crate) fn code(org: &Org, at: Timestamp) -> String {
    of_step(org, at.as_second().div_euclid(STEP))
}

/// Whether this is the code now, or was or will be half a minute ago or from now.
pub(super) fn fits(org: &Org, given: &str, now: Timestamp) -> bool {
    let step = now.as_second().div_euclid(STEP);
    (step - 1..=step + 1).any(|step| of_step(org, step) == given)
}

fn of_step(org: &Org, step: i64) -> String {
    let secret = random_text(org.world.config().seed, "totp", 20);
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret.as_bytes());
    let tag = hmac::sign(&key, &step.to_be_bytes());
    let tag = tag.as_ref();
    let from = usize::from(tag.last().copied().unwrap_or_default() & 0x0f);
    let number = tag.iter().skip(from).take(4).fold(0_u32, |n, byte| n << 8 | u32::from(*byte));
    format!("{:06}", (number & 0x7fff_ffff) % 1_000_000)
}
