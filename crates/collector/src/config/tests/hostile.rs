//! Hostile texts: no panic, no waste, no surprise.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::{GOOD, refusal};
use crate::config::parse;

#[test]
fn a_bomb_of_aliases_is_refused() {
    let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..12 {
        let below = vec![format!("*a{}", level - 1); 10].join(", ");
        writeln!(text, "a{level}: &a{level} [{below}]").unwrap();
    }
    assert!(refusal(&text).contains("more values here than any configuration has"));
    let long = "x".repeat(500_000);
    let text = format!("a: &a {long}\nb: [{}]\n", vec!["*a"; 1_000].join(", "));
    assert!(refusal(&text).contains("more values here than any configuration has"));
}

#[test]
fn too_long_too_deep_and_too_many_are_refused_quickly() {
    let begun = Instant::now();
    let deep = "[".repeat(100_000);
    assert!(refusal(&deep).contains("nested too deep"));
    let deep = (0..500).map(|level| " ".repeat(level) + "a:\n").collect::<String>();
    assert!(refusal(&deep).contains("nested too deep"));
    assert!(refusal(&"#".repeat((1 << 20) + 1)).contains("larger than 1 MiB"));
    assert!(refusal(&format!("[{}]", "x,".repeat(400_000))).contains("more values here"));
    let repeated: String = "a: 1\n".repeat(15_000);
    assert!(refusal(&repeated).contains("there is more"));
    let unknown: String = (0..20_000).fold(String::new(), |mut text, index| {
        writeln!(text, "k{index}: 1").unwrap();
        text
    });
    assert!(refusal(&unknown).contains("there is more"));
    let connectors = "  - {}\n".repeat(20_000);
    assert!(refusal(&format!("connectors:\n{connectors}")).contains("there is more"));
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
}

#[test]
fn what_is_not_utf8_is_refused_with_its_line() {
    let error = parse(b"a: 1\nb: \xff\n", "orgtap.yaml").unwrap_err();
    assert_eq!(error.to_string(), "orgtap.yaml: line 2 is not UTF-8 text");
}

#[test]
fn line_ends_of_all_kinds_and_a_byte_order_mark_change_nothing() {
    let text = GOOD.replace("siem]", "sime]");
    let expected = refusal(&text);
    assert!(expected.starts_with("orgtap.yaml:9:20:"), "{expected}");
    assert_eq!(refusal(&text.replace('\n', "\r\n")), expected);
    assert_eq!(refusal(&text.replace('\n', "\r")), expected);
    assert_eq!(refusal(&format!("\u{feff}{text}")), expected);
    assert!(parse(GOOD.replace('\n', "\r\n"), "x").is_ok());
    assert!(parse(format!("\u{feff}{GOOD}"), "x").is_ok());
}

/// Pieces that real files and attacks are made of.
fn pieces() -> impl Strategy<Value = String> {
    let words = [
        "connectors:",
        "destinations:",
        "- ",
        "name: ",
        "type: ",
        "{",
        "}",
        "[",
        "]",
        ", ",
        "\n",
        "\n  ",
        "\n    ",
        "auth: ",
        "event_log_files: ",
        "interval: ",
        "\"",
        "'",
        "*a",
        "&a ",
        "!x ",
        "|",
        ">",
        "é",
        "\u{feff}",
        "\t",
        "\r",
        "#",
        ": ",
        "salesforce_connector",
        "dnif",
        "5m",
        "https://u:p@h/",
        "consumer_key: ",
        "env: ",
        "~",
        "? ",
        "---\n",
        "...\n",
        "<<: ",
        "retry: ",
        "%YAML 1.2\n",
        "\u{0}",
    ];
    let piece = prop_oneof![
        8 => proptest::sample::select(words.to_vec()).prop_map(str::to_owned),
        1 => ".{0,4}",
    ];
    proptest::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        if let Err(error) = parse(&bytes, "x") {
            prop_assert!(!error.faults().is_empty());
            let _ = error.render();
        }
    }

    #[test]
    fn arbitrary_pieces_of_configurations_never_panic(text in pieces()) {
        if let Err(error) = parse(&text, "x") {
            prop_assert!(!error.faults().is_empty());
            let _ = error.render();
        }
    }

    #[test]
    fn a_good_file_cut_or_garbled_anywhere_never_panics(
        at in 0..GOOD.len(),
        length in 0..30usize,
        new in pieces(),
    ) {
        let end = (at + length).min(GOOD.len());
        let text = format!("{}{new}{}", &GOOD[..at], &GOOD[end..]);
        if let Err(error) = parse(&text, "x") {
            for fault in error.faults() {
                if let Some(place) = &fault.place {
                    prop_assert!(place.line >= 1 && place.column >= 1 && place.width >= 1);
                    prop_assert!(place.excerpt.chars().count() <= 110);
                }
            }
            let _ = error.render();
        }
    }
}
