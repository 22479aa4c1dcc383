//! Ids and API versions: short texts that end up in paths.

use orgtap_events::id;
use orgtap_salesforce::ApiVersion;

/// Takes the bytes for an id and for an API version.
pub fn ids(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match id::to_18(text) {
        None => assert!(!id::is_id(text), "an id was refused"),
        Some(long) => {
            assert!(id::is_id(text) && long.len() == 18 && long.starts_with(text));
            assert!(long.bytes().all(|byte| byte.is_ascii_alphanumeric()), "an id with a way out");
            assert_eq!(id::to_18(&long).as_ref(), Some(&long), "a long id grew");
            if text.len() == 15 {
                assert_eq!(long[15..], suffix(text), "another suffix");
            }
        }
    }
    if let Ok(version) = text.parse::<ApiVersion>() {
        assert_eq!(version.to_string().parse(), Ok(version), "a version changed when written");
    }
}

/// The three letters that a short id's capitals give, bit by bit.
fn suffix(id: &str) -> String {
    let letter = |group: &[char]| {
        let bits: String =
            group.iter().rev().map(|it| if it.is_ascii_uppercase() { '1' } else { '0' }).collect();
        let value = u32::from_str_radix(&bits, 2).expect("five bits");
        char::from_digit(value.checked_sub(26).unwrap_or(value + 10), 36).expect("a digit")
    };
    let letters: Vec<char> = id.chars().collect();
    letters.chunks(5).map(letter).map(|it| it.to_ascii_uppercase()).collect()
}
