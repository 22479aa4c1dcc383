//! What each kind of destination promises, for documents.

use std::fmt::Write as _;

use crate::{Promise, discard, dnif, file, http, stdout, syslog};

/// Every kind of destination, with its variants, and what it promises.
pub fn promises() -> Vec<(&'static str, Promise)> {
    vec![
        ("dnif", dnif::PROMISE),
        ("http", http::PROMISE),
        ("syslog over tls or tcp, confirm: close", syslog::PROMISE_CONFIRMED),
        ("syslog over tls or tcp, confirm: none", syslog::PROMISE_UNCONFIRMED),
        ("syslog over udp", syslog::PROMISE_UDP),
        ("file", file::PROMISE),
        ("stdout", stdout::PROMISE),
        ("discard", discard::PROMISE),
    ]
}

/// The same as a table in Markdown.
pub fn promises_table() -> String {
    let mut table = String::from(
        "| destination | guarantee | repeated | lost | out of order |\n|---|---|---|---|---|\n",
    );
    let or_never = |text: &'static str| if text.is_empty() { "never" } else { text };
    for (kind, promise) in promises() {
        // Writing to a string cannot fail.
        writeln!(
            table,
            "| {kind} | {} | {} | {} | {} |",
            promise.guarantee.name(),
            or_never(promise.repeats),
            or_never(promise.loss),
            or_never(promise.reorder),
        )
        .ok();
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Guarantee;

    #[test]
    fn the_table_in_the_documentation_is_the_generated_one() {
        let table = promises_table();
        assert_eq!(include_str!("promises.md"), table, "put this into src/promises.md:\n{table}");
    }

    #[test]
    fn no_promise_contradicts_its_guarantee() {
        for (kind, promise) in promises() {
            // What keeps nothing has nothing twice.
            let no_repeats =
                matches!(promise.guarantee, Guarantee::EffectivelyOnce | Guarantee::Nothing);
            assert_eq!(no_repeats, promise.repeats.is_empty(), "{kind}");
            if matches!(promise.guarantee, Guarantee::BestEffort | Guarantee::Nothing) {
                assert!(!promise.loss.is_empty(), "{kind}");
            }
        }
    }
}
