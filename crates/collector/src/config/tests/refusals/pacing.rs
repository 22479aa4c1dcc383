//! Rates and ages of destinations that cannot be.

use super::super::with;
use super::said;

#[test]
fn rates_and_ages_that_mean_nothing_are_refused() {
    let file = |more: &str| with("directory: events", &format!("directory: events\n    {more}"));
    said(
        &file("max_age: 59m\n    backfill_events_per_second: 0"),
        r"
orgtap.yaml:14:14: at least 1h is needed [OT-CONF-05]
  at destinations[0].max_age
  14 |     max_age: 59m
     |              ^^^

orgtap.yaml:15:33: a whole number above 0 is wanted here, and this one is too large or too small [OT-CONF-05]
  at destinations[0].backfill_events_per_second
  15 |     backfill_events_per_second: 0
     |                                 ^
",
    );
    said(
        &file("max_age: 59m\n    max_events_per_second: 9\n    backfill_events_per_second: 10"),
        r"
orgtap.yaml:14:14: at least 1h is needed [OT-CONF-05]
  at destinations[0].max_age
  14 |     max_age: 59m
     |              ^^^

orgtap.yaml:16:33: a part of the 9 of `max_events_per_second` is wanted [OT-CONF-05]
  at destinations[0].backfill_events_per_second
  16 |     backfill_events_per_second: 10
     |                                 ^^
",
    );
    said(
        &file("max_age: 401d"),
        r"
orgtap.yaml:14:14: 400d is the most: no org keeps its log files longer, so leave it out [OT-CONF-05]
  at destinations[0].max_age
  14 |     max_age: 401d
     |              ^^^^
",
    );
}
