//! Pages of a listing: read or refused, and what is read is safe to use in paths and queries.

use orgtap_events::id;
use orgtap_salesforce::parse_page;
use orgtap_transport::Explain as _;

/// Longest message of a refusal, bytes: it is shown to people and kept.
const LONGEST_MESSAGE: usize = 1_000;

/// Takes the bytes for the org's answer to a query.
pub fn soql_results(data: &[u8]) {
    let page = match parse_page(data) {
        Ok(page) => page,
        Err(error) => {
            assert!(error.to_string().len() <= LONGEST_MESSAGE, "an endless message");
            assert!(error.code().starts_with("OT-"), "a refusal without a code");
            return;
        }
    };
    let records = serde_json::from_slice::<serde_json::Value>(data)
        .ok()
        .and_then(|answer| answer.get("records")?.as_array().map(Vec::len));
    assert_eq!(Some(page.files.len()), records, "records were lost");
    for file in &page.files {
        assert_eq!(id::to_18(&file.id).as_ref(), Some(&file.id), "an id of another shape");
        let plain = |letter: char| letter.is_ascii_alphanumeric() || "_- ".contains(letter);
        assert!(file.event_type.chars().all(plain), "an event type with a way out");
        assert!(file.log_file_path.chars().count() <= 200, "an endless path");
    }
}
