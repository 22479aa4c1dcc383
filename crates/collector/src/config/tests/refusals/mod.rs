//! What is said of wrong files, word for word.

mod keys;
mod pacing;
mod syntax;
mod values;

/// Compares what is said of a text with what is expected, which begins with a line end.
#[track_caller]
fn said(text: &str, expected: &str) {
    assert_eq!(format!("\n{}", super::refusal(text)), expected, "{text}");
}
