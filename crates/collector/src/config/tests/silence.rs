//! Nothing secret is in any message, whatever is wrong and wherever it stands.

use super::{GOOD, connector, with};
use crate::config::excerpt::Source;
use crate::config::{parse, tree};
use orgtap_transport::Explain;

/// Everything a person could be shown of a text.
fn everything_said(text: &str) -> String {
    match parse(text, "orgtap.yaml") {
        Ok(settings) => format!("{settings:?} {:?}", settings.warnings),
        Err(error) => {
            let problem = error.problem();
            let faults = serde_json::to_string(error.faults()).unwrap();
            format!("{error} {error:?} {} {problem:?} {faults}", error.render())
        }
    }
}

#[test]
fn a_secret_is_never_shown_whatever_is_wrong_with_its_line() {
    let shapes = [
        "hunter2",
        "\"hunter2",
        "'hunter2",
        "@hunter2",
        "%hunter2",
        "`hunter2`",
        "hunter2: x",
        "\"hunter2\" x",
        "{hunter2}",
        "{hunter2, hunter2}",
        "{ evn: hunter2 }",
        "{ env: A, file: hunter2 }",
        "{ file: [hunter2] }",
        "{ command: hunter2 }",
        "{ env: $hunter2 }",
        "[hunter2]",
        "[hunter2",
        "{ env: hunter2",
        "!hunter2",
        "!x hunter2",
        "*hunter2",
        "|\n      hunter2",
        ">\n      hunter2\n   bad: x",
        "|\n      instance_url: hunter2\n   bad: x",
        "\"x\n      hunter2\n      instance_url: hunter2\n",
        "\"x\n name: hunter2",
        "\n      evn: hunter2",
        "\n      - hunter2",
        "\n      hunter2: x\n     bad: x",
    ];
    let keys = ["salesforce_user_password", "consumer_key", "consumer_secret"];
    for shape in shapes {
        for (key, variable) in keys.iter().zip(["ACME_PASSWORD", "ACME_KEY", "ACME_SECRET"]) {
            let text = with(&format!("{{ env: {variable} }}"), shape);
            let said = everything_said(&text);
            assert!(!said.contains("hunter2"), "{key}: {shape}\n{said}");
            // The same below something else that is wrong.
            let said = everything_said(&text.replace("instance_url:", "instence_url:"));
            assert!(!said.contains("hunter2"), "{key}: {shape}\n{said}");
        }
        let said = everything_said(&connector(&format!("    Security Token: {shape}\n")));
        assert!(!said.contains("hunter2"), "{shape}\n{said}");
        let said = everything_said(&connector(&format!("    consumer_key: {shape}\n")));
        assert!(!said.contains("hunter2"), "{shape}\n{said}");
    }
}

#[test]
fn a_secret_under_a_misspelt_key_or_in_one_long_line_is_not_shown() {
    for text in [
        connector("    pasword: hunter2\n"),
        connector("    salesforce_usr_pw: hunter2\n"),
        connector("    console: { admin: hunter2 }\n"),
        with("{ env: ACME_KEY }", "hunter2").replace("env: ACME_SECRET", "evn: ACME_SECRET"),
        format!("vault: hunter2\n{GOOD}"),
        format!("x: [{{ y: hunter2 }}]\n{GOOD}"),
        "connectors: [{ name: a, password: hunter2, type: wrong }]".to_owned(),
        "connectors: [{ name: a, consumer_key: hunter2, nam: x }]\ndestinations: [".to_owned(),
        "{ \"consumer_key\":\"hunter2\", \"a\":".to_owned(),
        "connectors: [{ consumer_key:\nhunter2, type: x }]\n}".to_owned(),
        "connectors:\n- consumer_key:\n    hunter2\n  name: [".to_owned(),
        "# password hunter2 \u{7}: [\n- }".to_owned(),
    ] {
        let said = everything_said(&text);
        assert!(!said.contains("hunter2"), "{text}\n{said}");
    }
}

#[test]
fn addresses_are_shown_without_users_paths_and_queries() {
    let dnif = |url: &str| {
        with("type: file\n    directory: events", &format!("type: dnif\n    url: {url}"))
    };
    for text in [
        with("https://acme.my.salesforce.com", "https://u:hunter2@acme.my.salesforce.com"),
        with("https://acme.my.salesforce.com", "https://acme.my.salesforce.com/?t=hunter2"),
        with("https://acme.my.salesforce.com", "\"https://acme.my.salesforce.com/#hunter2\""),
        connector("    proxy: http://u:hunter2@proxy.example\n"),
        connector("    login_url: http://u:hunter2@proxy.example # hunter2\n"),
        format!("ledger: postgres://u:hunter2@db/orgtap\n{GOOD}"),
        dnif("https://siem.example/hunter2/events"),
        dnif("http://siem.example/hunter2/events\n    auth: { bearer: { token: { env: T } } }"),
        dnif("https://u:hunter2@siem.example/events"),
        dnif("https://siem.example/x\n    auth: hunter2"),
        dnif("https://siem.example/x\n    auth: { bearer: hunter2 }"),
        dnif("https://siem.example/x\n    auth: { hunter2: { token: x } }"),
        dnif(
            "https://siem.example/x\n    auth: { basic: { username: u, password: hunter2, x: y } }",
        ),
    ] {
        let said = everything_said(&text);
        assert!(!said.contains("hunter2"), "{text}\n{said}");
    }
}

#[test]
fn good_settings_with_plain_secrets_do_not_show_them() {
    let text = with("{ env: ACME_KEY }", "hunter2");
    assert!(!everything_said(&text).contains("hunter2"));
    assert!(everything_said(&text).contains("connectors[0].consumer_key on line 7"));
}

#[test]
fn terminals_get_no_control_characters() {
    for text in [
        "\"a\\e[31mb\": 1\n".to_owned(),
        format!("\"\\u202Ea\\r\\n\": 1\n{GOOD}"),
        with("name: siem", "name: \"s\\e]0;x\\ax\""),
        connector("    poll_interval: \"5\\e[31m\"\n"),
        connector("    poll_interval: 5\u{202e}m # \u{7}\n"),
    ] {
        let error = parse(text.as_str(), "orgtap.yaml").unwrap_err();
        let shown = error.render();
        let tidy = |c: char| c == '\n' || !c.is_control() && c != '\u{202e}';
        assert!(shown.chars().all(tidy), "{shown:?}");
        assert!(error.to_string().chars().all(tidy), "{error:?}");
    }
}

/// Files in which every line is what it seems, with a secret in every usual shape.
const SHAPES: [&str; 11] = [
    "consumer_key: hunter2\n",
    "consumer_key: \"a\n  hunter2\n  b hunter2\"\nname: x\n",
    "consumer_key:\n  hunter2\n",
    "consumer_key: |\n  hunter2\n  hunter2: x\n  name: hunter2\nname: x\n",
    "- name: x\n  auth:\n    basic:\n      username: u\n      password: hunter2\n      # hunter2\n",
    "auth:\n  basic:\n    name: hunter2\n\n    name: hunter2\n",
    "consumer_key: { command: [\n  a,\n  hunter2 ] }\nname: x\n",
    "consumer_key:\n  command:\n  - a\n  - hunter2\n",
    "{ name: x, consumer_key: hunter2, type: hunter2 }\n",
    "{ \"consumer_key\":\"hunter2\",\n\"name\":\"x\" }\n",
    "headers:\n  X-Tenant: hunter2\nname: x # hunter2\n",
];

#[test]
fn a_line_is_judged_by_its_looks_where_there_is_no_tree() {
    for shape in SHAPES {
        for text in [shape.to_owned(), shape.replace('\n', "\r\n")] {
            let source = Source::unread(&text);
            for at in 0..=text.len() {
                let excerpt = source.place(&(at..at)).excerpt;
                assert!(!excerpt.contains("hunter2"), "{text}\n{excerpt}");
            }
        }
    }
    let shown = Source::unread(GOOD);
    let line = |key: &str| shown.place(&(GOOD.find(key).unwrap()..GOOD.len())).excerpt;
    assert_eq!(line("type: s"), "    type: salesforce_connector");
    assert_eq!(line("- name"), "  - name: acme");
    assert_eq!(line("destinations: [siem]"), "    destinations: [siem]");
    assert_eq!(line("consumer_key"), "    consumer_key: ...");
}

#[test]
fn with_a_tree_every_value_is_hidden_by_its_key() {
    let tricky = [
        "consumer_key: \"a\n name: hunter2\n\n type: hunter2\"\nname: x\n",
        "consumer_key: \"\n  hunter2\", name: hunter2\n",
        "consumer_key: >-\n    a\n\n    name: hunter2\nname: x\n",
        "strange: [a,\nhunter2, { name: hunter2 }]\nname: x\n",
    ];
    for text in SHAPES.iter().chain(&tricky) {
        let Ok(parsed) = tree::parse(text) else { continue };
        let source = Source::read(text, &parsed.root, &parsed.repeated);
        // The name within the mapping of one line stands behind what is hidden.
        for at in 0..=text.len() {
            let excerpt = source.place(&(at..at)).excerpt;
            assert!(!excerpt.contains("hunter2"), "{text}\n{excerpt}");
        }
    }
    assert!(tricky.iter().filter(|text| tree::parse(text).is_ok()).count() >= 3);
}
