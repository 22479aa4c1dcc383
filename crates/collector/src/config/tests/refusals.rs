//! What is said of wrong files, word for word.

use super::{GOOD, connector, refusal, with};

/// Compares what is said of a text with what is expected, which begins with a line end.
#[track_caller]
fn said(text: &str, expected: &str) {
    assert_eq!(format!("\n{}", refusal(text)), expected, "{text}");
}

#[test]
fn a_misspelt_key_names_the_nearest_one() {
    said(
        &with("instance_url", "instence_url"),
        r"
orgtap.yaml:4:5: unknown key `instence_url`; did you mean `instance_url`? [OT-CONF-03]
  at connectors[0].instence_url
  4 |     instence_url: ...
    |     ^^^^^^^^^^^^
",
    );
    said(
        &format!("{GOOD}spool_retension: 1d\n"),
        r"
orgtap.yaml:14:1: unknown key `spool_retension`; did you mean `spool_retention`? [OT-CONF-03]
  at spool_retension
  14 | spool_retension: ...
     | ^^^^^^^^^^^^^^^
",
    );
    said(
        &connector("    event_log_files: { event_type: [Login] }\n"),
        r"
orgtap.yaml:10:24: unknown key `event_type`; did you mean `event_types`? [OT-CONF-03]
  at connectors[0].event_log_files.event_type
  10 |     event_log_files: { event_type: ...
     |                        ^^^^^^^^^^
",
    );
    said(
        &with("directory:", "folder:"),
        r"
orgtap.yaml:13:5: unknown key `folder`; did you mean `directory`? [OT-CONF-03]
  at destinations[0].folder
  13 |     folder: ...
     |     ^^^^^^
",
    );
}

#[test]
fn a_label_of_dnifs_form_names_its_key() {
    said(
        &with("name: acme", "Connector Name: acme").replace("type: s", "Connector Type: s"),
        r"
orgtap.yaml:2:5: unknown key `Connector Name`; did you mean `name`? [OT-CONF-03]
  at connectors[0].Connector Name
  2 |   - Connector Name: ...
    |     ^^^^^^^^^^^^^^

orgtap.yaml:3:5: unknown key `Connector Type`; did you mean `type`? [OT-CONF-03]
  at connectors[0].Connector Type
  3 |     Connector Type: ...
    |     ^^^^^^^^^^^^^^
",
    );
    said(
        &with("instance_url", "Instance URL")
            .replace("salesforce_user:", "Salesforce User:")
            .replace("salesforce_user_password:", "Salesforce User Password:")
            .replace("consumer_key:", "Consumer key:")
            .replace("consumer_secret:", "Consumer secret:")
            .replace("    destinations:", "    Security Token: x\n    destinations:"),
        r"
orgtap.yaml:4:5: unknown key `Instance URL`; did you mean `instance_url`? [OT-CONF-03]
  at connectors[0].Instance URL
  4 |     Instance URL: ...
    |     ^^^^^^^^^^^^

orgtap.yaml:5:5: unknown key `Salesforce User`; did you mean `salesforce_user`? [OT-CONF-03]
  at connectors[0].Salesforce User
  5 |     Salesforce User: ...
    |     ^^^^^^^^^^^^^^^

orgtap.yaml:6:5: unknown key `Salesforce User Password`; did you mean `salesforce_user_password`? [OT-CONF-03]
  at connectors[0].Salesforce User Password
  6 |     Salesforce User Password: ...
    |     ^^^^^^^^^^^^^^^^^^^^^^^^

orgtap.yaml:7:5: unknown key `Consumer key`; did you mean `consumer_key`? [OT-CONF-03]
  at connectors[0].Consumer key
  7 |     Consumer key: ...
    |     ^^^^^^^^^^^^

orgtap.yaml:8:5: unknown key `Consumer secret`; did you mean `consumer_secret`? [OT-CONF-03]
  at connectors[0].Consumer secret
  8 |     Consumer secret: ...
    |     ^^^^^^^^^^^^^^^

orgtap.yaml:9:5: unknown key `Security Token`; did you mean `security_token`? [OT-CONF-03]
  at connectors[0].Security Token
  9 |     Security Token: ...
    |     ^^^^^^^^^^^^^^
",
    );
    said(
        &with("type: salesforce_connector", "type: Salesforce Connector"),
        r"
orgtap.yaml:3:11: `Salesforce Connector` is not known here; did you mean `salesforce_connector`? [OT-CONF-05]
  at connectors[0].type
  3 |     type: Salesforce Connector
    |           ^^^^^^^^^^^^^^^^^^^^
",
    );
}

#[test]
fn a_key_in_the_wrong_place_names_the_right_one() {
    said(
        &format!("{GOOD}poll_interval: 1m\n"),
        r"
orgtap.yaml:14:1: `poll_interval` does not belong here but in a connector [OT-CONF-03]
  at poll_interval
  14 | poll_interval: 1m
     | ^^^^^^^^^^^^^
",
    );
    said(
        &connector("    settle: 1m\n    attempts: 3\n    data_dir: x\n"),
        r"
orgtap.yaml:10:5: `settle` does not belong here but in `event_log_files` of a connector [OT-CONF-03]
  at connectors[0].settle
  10 |     settle: 1m
     |     ^^^^^^

orgtap.yaml:11:5: `attempts` does not belong here but in `retry` [OT-CONF-03]
  at connectors[0].attempts
  11 |     attempts: 3
     |     ^^^^^^^^

orgtap.yaml:12:5: `data_dir` does not belong here but at the top level [OT-CONF-03]
  at connectors[0].data_dir
  12 |     data_dir: x
     |     ^^^^^^^^
",
    );
}

#[test]
fn a_stranger_is_told_what_is_known() {
    said(
        &with("directory: events", "directory: events\n    colour: red"),
        r"
orgtap.yaml:14:5: unknown key `colour`; known here: `name`, `format`, `directory` and `compression` [OT-CONF-03]
  at destinations[0].colour
  14 |     colour: ...
     |     ^^^^^^
",
    );
    said(
        &with("{ env: ACME_KEY }", "{ vault: acme }"),
        r"
orgtap.yaml:7:21: this key is not known here; known are `env`, `file` and `command` [OT-CONF-03]
  at connectors[0].consumer_key
  7 |     consumer_key: ...
    |                   ^^^
",
    );
}

#[test]
fn what_is_planned_is_told_from_what_is_wrong() {
    said(
        &format!(
            "{GOOD}console: {{ listen: 127.0.0.1:8080 }}\narchive: {{}}\nledger: postgres://me@db/orgtap\n"
        ),
        r"
orgtap.yaml:14:1: `console` is not available in this version [OT-CONF-06]
  at console
  14 | console: ...
     | ^^^^^^^

orgtap.yaml:15:1: `archive` is not available in this version [OT-CONF-06]
  at archive
  15 | archive: ...
     | ^^^^^^^

orgtap.yaml:16:9: `postgres` is not available in this version [OT-CONF-06]
  at ledger
  16 | ledger: postgres://...
     |         ^^^^^^^^^^^
",
    );
    said(
        &connector(
            "    auth: client_credentials
    stored_objects: [LoginHistory]
    event_streams: [/event/LoginEventStream]
    event_log_files: { interval: both, reconcile: deliver }
",
        ),
        r"
orgtap.yaml:10:11: `client_credentials` is not available in this version [OT-CONF-06]
  at connectors[0].auth
  10 |     auth: ...
     |           ^^^

orgtap.yaml:11:5: `stored_objects` is not available in this version [OT-CONF-06]
  at connectors[0].stored_objects
  11 |     stored_objects: ...
     |     ^^^^^^^^^^^^^^

orgtap.yaml:12:5: `event_streams` is not available in this version [OT-CONF-06]
  at connectors[0].event_streams
  12 |     event_streams: ...
     |     ^^^^^^^^^^^^^

orgtap.yaml:13:34: `both` is not available in this version [OT-CONF-06]
  at connectors[0].event_log_files.interval
  13 |     event_log_files: { interval: both, reconcile: ...
     |                                  ^^^^

orgtap.yaml:13:40: `reconcile` is not available in this version [OT-CONF-06]
  at connectors[0].event_log_files.reconcile
  13 |     event_log_files: { interval: both, reconcile: ...
     |                                        ^^^^^^^^^
",
    );
    said(
        &with("{ env: ACME_KEY }", "{ stored: acme }"),
        r"
orgtap.yaml:7:21: `stored` is not available in this version [OT-CONF-06]
  at connectors[0].consumer_key
  7 |     consumer_key: ...
    |                   ^^^
",
    );
    said(
        &with("type: file\n    directory: events", "type: splunk_hec"),
        r"
orgtap.yaml:12:11: `splunk_hec` is not available in this version [OT-CONF-06]
  at destinations[0].type
  12 |     type: splunk_hec
     |           ^^^^^^^^^^
",
    );
    said(
        &with("directory: events", "directory: events\n    format: ocsf"),
        r"
orgtap.yaml:14:13: `ocsf` is not available in this version [OT-CONF-06]
  at destinations[0].format
  14 |     format: ocsf
     |             ^^^^
",
    );
}

#[test]
fn everything_missing_in_a_block_is_told_at_once() {
    said(
        &String::new(),
        r"
orgtap.yaml:1:1: there is nothing in this file [OT-CONF-04]
  1 | 
    | ^
",
    );
    said(
        &"data_dir: x\n".to_owned(),
        r"
orgtap.yaml:1:1: missing keys `connectors` and `destinations` [OT-CONF-04]
  1 | data_dir: x
    | ^^^^^^^^^^^
",
    );
    said(
        &"connectors:\n  - name: acme\n    type: salesforce_connector\ndestinations:\n  - name: siem\n".to_owned(),
        r"
orgtap.yaml:2:5: missing keys `instance_url`, `salesforce_user`, `salesforce_user_password`, `consumer_key`, `consumer_secret` and `destinations` [OT-CONF-04]
  at connectors[0]
  2 |   - name: acme
    |     ^^^^^^^^^^

orgtap.yaml:5:5: missing key `type` [OT-CONF-04]
  at destinations[0]
  5 |   - name: siem
    |     ^^^^^^^^^^
",
    );
    said(
        &"connectors:\ndestinations: []\n".to_owned(),
        r"
orgtap.yaml:1:1: there is no connector [OT-CONF-05]
  at connectors
  1 | connectors:
    | ^^^^^^^^^^

orgtap.yaml:2:15: there is no destination [OT-CONF-05]
  at destinations
  2 | destinations: []
    |               ^^
",
    );
    said(
        &"conectors: []\ndestinations: [{ name: x, type: stdout }]\n".to_owned(),
        r"
orgtap.yaml:1:1: unknown key `conectors`; did you mean `connectors`? [OT-CONF-03]
  at conectors
  1 | conectors: ...
    | ^^^^^^^^^
",
    );
}

#[test]
fn a_value_of_the_wrong_kind_is_told_what_is_wanted() {
    said(
        &format!("retry: {{ attempts: many, max: [1m] }}\n{GOOD}"),
        r#"
orgtap.yaml:1:20: a whole number is wanted here, not a text [OT-CONF-05]
  at retry.attempts
  1 | retry: { attempts: many, max: [1m] }
    |                    ^^^^

orgtap.yaml:1:31: a number with its unit (write a whole number and ms, s, m, h or d, for example "5m") is wanted here, not a list [OT-CONF-05]
  at retry.max
  1 | retry: { attempts: many, max: [1m] }
    |                               ^^^^
"#,
    );
    said(
        &format!("retry: {{ attempts: 1.5 }}\n{GOOD}"),
        r"
orgtap.yaml:1:20: a whole number is wanted here, not a number with a fraction [OT-CONF-05]
  at retry.attempts
  1 | retry: { attempts: 1.5 }
    |                    ^^^
",
    );
    said(
        &format!("retry: {{ attempts: -1, initial: 5 }}\n{GOOD}"),
        r#"
orgtap.yaml:1:20: a whole number is wanted here, and this one is too large or too small [OT-CONF-05]
  at retry.attempts
  1 | retry: { attempts: -1, initial: 5 }
    |                    ^^

orgtap.yaml:1:33: "5" is not a duration: write a whole number and ms, s, m, h or d, for example "5m" [OT-CONF-05]
  at retry.initial
  1 | retry: { attempts: -1, initial: 5 }
    |                                 ^
"#,
    );
    said(
        &format!("retry: 5m\n{GOOD}"),
        r"
orgtap.yaml:1:8: a mapping is wanted here, not a text [OT-CONF-05]
  at retry
  1 | retry: 5m
    |        ^^
",
    );
    said(
        &with("[siem]", "siem"),
        r"
orgtap.yaml:9:19: a list is wanted here, not a text [OT-CONF-05]
  at connectors[0].destinations
  9 |     destinations: siem
    |                   ^^^^
",
    );
    said(
        &with("name: acme", "name:"),
        r"
orgtap.yaml:2:5: a text is wanted here, and there is nothing [OT-CONF-05]
  at connectors[0].name
  2 |   - name:
    |     ^^^^
",
    );
    said(
        &with("{ env: ACME_KEY }", "12345678"),
        r"
orgtap.yaml:7:19: a secret must be a string; put it in quotes [OT-CONF-05]
  at connectors[0].consumer_key
  7 |     consumer_key: ...
    |                   ^^^
",
    );
    said(
        &with("{ env: ACME_KEY }", ""),
        r"
orgtap.yaml:7:5: a secret is wanted here, and there is nothing [OT-CONF-05]
  at connectors[0].consumer_key
  7 |     consumer_key:
    |     ^^^^^^^^^^^^
",
    );
    said(
        &with("{ env: ACME_KEY }", "{ env: A, file: b }"),
        r"
orgtap.yaml:7:19: a secret has one of env, file, command, not two [OT-CONF-05]
  at connectors[0].consumer_key
  7 |     consumer_key: ...
    |                   ^^^
",
    );
    said(
        &with(
            "type: file\n    directory: events",
            "type: dnif\n    url: https://h/x\n    auth: basic",
        ),
        r"
orgtap.yaml:14:11: `basic:` and its own keys are wanted here [OT-CONF-05]
  at destinations[0].auth
  14 |     auth: ...
     |           ^^^
",
    );
    said(
        &with("type: file\n    directory: events", "type: stdout\n    format: 3"),
        r"
orgtap.yaml:13:13: `3` is not known here; write `raw` [OT-CONF-05]
  at destinations[0].format
  13 |     format: 3
     |             ^
",
    );
    said(
        &"connectors".to_owned(),
        r"
orgtap.yaml:1:1: a mapping is wanted here, not a text [OT-CONF-05]
  1 | connectors
    | ^^^^^^^^^^
",
    );
    said(
        &"- connectors".to_owned(),
        r"
orgtap.yaml:1:1: a mapping is wanted here, not a list [OT-CONF-05]
  1 | - connectors
    | ^^^^^^^^^^^^
",
    );
}

#[test]
fn a_value_out_of_bounds_is_told_the_bounds() {
    said(
        &connector("    poll_interval: 100ms\n    event_log_files: { settle: 2d, overlap: 30d }\n"),
        r"
orgtap.yaml:10:20: at least 1s is needed [OT-CONF-05]
  at connectors[0].poll_interval
  10 |     poll_interval: 100ms
     |                    ^^^^^

orgtap.yaml:11:32: 1d is the most: some orgs keep their log files for a day only [OT-CONF-05]
  at connectors[0].event_log_files.settle
  11 |     event_log_files: { settle: 2d, overlap: 30d }
     |                                ^^

orgtap.yaml:11:45: 7d is the most: each look lists that much again [OT-CONF-05]
  at connectors[0].event_log_files.overlap
  11 |     event_log_files: { settle: 2d, overlap: 30d }
     |                                             ^^^
",
    );
    said(
        &connector("    poll_interval: 5 minutes\n"),
        r#"
orgtap.yaml:10:20: "5 minutes" is not a duration: write a whole number and ms, s, m, h or d, for example "5m" [OT-CONF-05]
  at connectors[0].poll_interval
  10 |     poll_interval: 5 minutes
     |                    ^^^^^^^^^
"#,
    );
    said(
        &format!("spool_retention: 1000d\nretry: {{ initial: 10m, attempts: 0 }}\n{GOOD}"),
        r"
orgtap.yaml:1:18: 400d is the most: no org keeps its log files longer [OT-CONF-05]
  at spool_retention
  1 | spool_retention: 1000d
    |                  ^^^^^

orgtap.yaml:2:19: the first wait is longer than the longest, `max` [OT-CONF-05]
  at retry.initial
  2 | retry: { initial: 10m, attempts: 0 }
    |                   ^^^

orgtap.yaml:2:34: 1 to 100 tries are possible [OT-CONF-05]
  at retry.attempts
  2 | retry: { initial: 10m, attempts: 0 }
    |                                  ^
",
    );
    said(
        &connector("    start: 7d\n    api_version: 32.0\n"),
        r"
orgtap.yaml:10:12: a fixed moment is wanted, because a span would begin anew at every start; write a date such as 2026-11-01 [OT-CONF-05]
  at connectors[0].start
  10 |     start: 7d
     |            ^^

orgtap.yaml:11:18: 37.0 is the oldest that tells hourly files from daily ones [OT-CONF-05]
  at connectors[0].api_version
  11 |     api_version: 32.0
     |                  ^^^^
",
    );
    said(
        &connector("    start: 2026-13-01\n    api_version: latest\n"),
        r#"
orgtap.yaml:10:12: write a date such as 2026-11-01 or a time such as 2026-11-01T06:30:00Z [OT-CONF-05]
  at connectors[0].start
  10 |     start: 2026-13-01
     |            ^^^^^^^^^^

orgtap.yaml:11:18: an API version looks like "66.0" [OT-CONF-05]
  at connectors[0].api_version
  11 |     api_version: latest
     |                  ^^^^^^
"#,
    );
    said(
        &with("collector@acme.example", "collector"),
        r"
orgtap.yaml:5:22: a Salesforce user name has the form of an e-mail address [OT-CONF-05]
  at connectors[0].salesforce_user
  5 |     salesforce_user: collector
    |                      ^^^^^^^^^
",
    );
    said(
        &with("name: acme", "name: .acme").replace("name: siem", "name: si em"),
        r"
orgtap.yaml:2:11: a name has 1 to 64 letters, digits, `-`, `_` and `.`, and does not begin with a dot [OT-CONF-05]
  at connectors[0].name
  2 |   - name: .acme
    |           ^^^^^

orgtap.yaml:9:20: no destination has the name `siem`; did you mean `si em`? [OT-CONF-08]
  at connectors[0].destinations[0]
  9 |     destinations: [siem]
    |                    ^^^^

orgtap.yaml:11:11: a name has 1 to 64 letters, digits, `-`, `_` and `.`, and does not begin with a dot [OT-CONF-05]
  at destinations[0].name
  11 |   - name: si em
     |           ^^^^^
",
    );
}

#[test]
fn an_address_that_cannot_be_used_says_why() {
    said(
        &with("https://acme.my", "http://acme.my"),
        r"
orgtap.yaml:4:19: passwords would cross the network readable: write https:// [OT-CONF-05]
  at connectors[0].instance_url
  4 |     instance_url: http://acme.my.salesforce.com
    |                   ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
",
    );
    said(
        &with(
            "https://acme.my.salesforce.com",
            "https://acme.lightning.force.com/lightning/page/home",
        ),
        r"
orgtap.yaml:4:19: an org's address ends after its host: remove what follows [OT-CONF-05]
  at connectors[0].instance_url
  4 |     instance_url: https://acme.lightning.force.com/...
    |                   ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
",
    );
    said(
        &with("https://acme.my.salesforce.com", "https://acme.lightning.force.com"),
        r"
orgtap.yaml:4:19: this host is for browsers; the API is at https://acme.my.salesforce.com [OT-CONF-05]
  at connectors[0].instance_url
  4 |     instance_url: https://acme.lightning.force.com
    |                   ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
",
    );
    said(
        &connector("    login_url: ftp://acme.example\n    proxy: proxy.example:3128\n"),
        r"
orgtap.yaml:10:16: this is no address of an org: write https://, then its host [OT-CONF-05]
  at connectors[0].login_url
  10 |     login_url: ftp://acme.example
     |                ^^^^^^^^^^^^^^^^^^

orgtap.yaml:11:12: write a proxy as http://host:port [OT-CONF-05]
  at connectors[0].proxy
  11 |     proxy: proxy.example:3128
     |            ^^^^^^^^^^^^^^^^^^
",
    );
    said(
        &with(
            "type: file\n    directory: events",
            "type: dnif\n    auth: { bearer: { token: { env: T } } }\n    url: http://siem.example/c/s/a/events",
        ),
        r"
orgtap.yaml:14:10: events would cross the network readable: write https://, or allow it with allow_plaintext: true [OT-CONF-05]
  at destinations[0].url
  14 |     url: http://siem.example/...
     |          ^^^^^^^^^^^^^^^^^^^^
",
    );
    said(
        &with("type: file\n    directory: events", "type: http\n    url: siem.example"),
        r"
orgtap.yaml:13:10: not an address: write https://host:port/path [OT-CONF-05]
  at destinations[0].url
  13 |     url: siem.example
     |          ^^^^^^^^^^^^
",
    );
}

#[test]
fn event_types_that_mean_nothing_are_refused() {
    said(
        &connector("    event_log_files: { event_types: [] }\n"),
        r#"
orgtap.yaml:10:37: no event type is named; write ["*"] for all [OT-CONF-05]
  at connectors[0].event_log_files.event_types
  10 |     event_log_files: { event_types: [] }
     |                                     ^^
"#,
    );
    said(
        &connector("    event_log_files:\n      event_types: [Login, Log-out]\n"),
        r"
orgtap.yaml:11:28: an event type is written with letters, digits, `_` and `*`, after `!` to exclude it [OT-CONF-05]
  at connectors[0].event_log_files.event_types[1]
  11 |       event_types: [Login, Log-out]
     |                            ^^^^^^^
",
    );
    said(
        &connector("    event_log_files: { event_types: [\"*\", \"!*\"] }\n"),
        r#"
orgtap.yaml:10:37: this excludes every event type it names [OT-CONF-05]
  at connectors[0].event_log_files.event_types
  10 |     event_log_files: { event_types: ["*", "!*"] }
     |                                     ^^^^^^^^^^^
"#,
    );
    said(
        &connector("    event_log_files: { event_types: [*] }\n"),
        r"
orgtap.yaml:10:38: a word that begins with `*` or `&` must be in quotes [OT-CONF-02]
  10 |     event_log_files: { event_types: [*] }
     |                                      ^
",
    );
    said(
        &connector("    event_log_files: { event_types: [Login, !API] }\n"),
        r"
orgtap.yaml:10:45: tags are not read; a word that begins with `!` must be in quotes [OT-CONF-02]
  10 |     event_log_files: { event_types: [Login, !API] }
     |                                             ^^^^
",
    );
    said(
        &connector("    event_log_files: { interval: hourli }\n"),
        r"
orgtap.yaml:10:34: `hourli` is not known here; did you mean `hourly`? [OT-CONF-05]
  at connectors[0].event_log_files.interval
  10 |     event_log_files: { interval: hourli }
     |                                  ^^^^^^
",
    );
    said(
        &connector("    event_log_files: { interval: never }\n"),
        r"
orgtap.yaml:10:34: `never` is not known here; write `auto`, `hourly` or `daily` [OT-CONF-05]
  at connectors[0].event_log_files.interval
  10 |     event_log_files: { interval: never }
     |                                  ^^^^^
",
    );
}

#[test]
fn names_must_be_unique_and_lead_somewhere() {
    said(
        &with("[siem]", "[sime, siem, siem, archive]"),
        r"
orgtap.yaml:9:20: no destination has the name `sime`; did you mean `siem`? [OT-CONF-08]
  at connectors[0].destinations[0]
  9 |     destinations: [sime, siem, siem, archive]
    |                    ^^^^

orgtap.yaml:9:32: `siem` is named twice [OT-CONF-07]
  at connectors[0].destinations[2]
  9 |     destinations: [sime, siem, siem, archive]
    |                                ^^^^

orgtap.yaml:9:38: no destination has the name `archive` [OT-CONF-08]
  at connectors[0].destinations[3]
  9 |     destinations: [sime, siem, siem, archive]
    |                                      ^^^^^^^
",
    );
    said(
        &with("[siem]", "[]"),
        r"
orgtap.yaml:9:19: no destination is named, so nothing could be delivered [OT-CONF-05]
  at connectors[0].destinations
  9 |     destinations: []
    |                   ^^
",
    );
    said(
        &format!("{GOOD}  - {{ name: siem, type: stdout }}\n"),
        r"
orgtap.yaml:14:13: the name `siem` stands on line 11 too [OT-CONF-07]
  at destinations[1].name
  14 |   - { name: siem, type: stdout }
     |             ^^^^
",
    );
    said(
        &format!("{GOOD}  - {{ name: two, type: file, directory: ./events }}\n"),
        r"
orgtap.yaml:14:41: the destination `siem` writes into this folder too [OT-CONF-05]
  at destinations[1].directory
  14 |   - { name: two, type: file, directory: ./events }
     |                                         ^^^^^^^^
",
    );
    said(
        &format!("{GOOD}data_dir: a\ndata_dir: b\n"),
        r"
orgtap.yaml:15:1: `data_dir` stands a second time; the first is on line 14 [OT-CONF-07]
  15 | data_dir: ...
     | ^^^^^^^^
",
    );
    said(
        &with("[siem]", "[siem]\n    consumer_key: { env: OTHER }"),
        r"
orgtap.yaml:10:5: `consumer_key` stands a second time; the first is on line 7 [OT-CONF-07]
  10 |     consumer_key: ...
     |     ^^^^^^^^^^^^
",
    );
    said(
        &// A destination that cannot be read still has its name.
        with("directory: events", "direktory: events\n    more: x"),
        r"
orgtap.yaml:13:5: unknown key `direktory`; did you mean `directory`? [OT-CONF-03]
  at destinations[0].direktory
  13 |     direktory: ...
     |     ^^^^^^^^^

orgtap.yaml:14:5: unknown key `more`; known here: `name`, `format`, `directory` and `compression` [OT-CONF-03]
  at destinations[0].more
  14 |     more: ...
     |     ^^^^
",
    );
}

#[test]
fn references_to_secrets_that_give_nothing_are_refused() {
    said(
        &with("{ env: ACME_KEY }", "{ env: $ACME_KEY }")
            .replace("{ env: ACME_SECRET }", "{ command: [] }"),
        r"
orgtap.yaml:7:19: write the name of an environment variable, without `$` [OT-CONF-05]
  at connectors[0].consumer_key
  7 |     consumer_key: ...
    |                   ^^^

orgtap.yaml:8:22: a command begins with a program [OT-CONF-05]
  at connectors[0].consumer_secret
  8 |     consumer_secret: ...
    |                      ^^^
",
    );
    said(
        &with("{ env: ACME_KEY }", "\"\"").replace("{ env: ACME_SECRET }", "{ file: \"\" }"),
        r"
orgtap.yaml:7:19: a secret cannot be empty [OT-CONF-05]
  at connectors[0].consumer_key
  7 |     consumer_key: ...
    |                   ^^^

orgtap.yaml:8:30: a path cannot be empty [OT-CONF-05]
  at connectors[0].consumer_secret.file
  8 |     consumer_secret: ...
    |                      ^^^
",
    );
    said(
        &with("{ env: ACME_KEY }", "{ file: ~/key }").replace("{ env: ACME_SECRET }", "{ evn: S }"),
        r"
orgtap.yaml:7:27: `~` has no meaning here; write the whole path [OT-CONF-05]
  at connectors[0].consumer_key.file
  7 |     consumer_key: ...
    |                   ^^^

orgtap.yaml:8:24: unknown key `evn`; did you mean `env`? [OT-CONF-03]
  at connectors[0].consumer_secret
  8 |     consumer_secret: ...
    |                      ^^^
",
    );
}

#[test]
fn what_is_no_yaml_is_told_in_words() {
    said(
        &with("    type: s", "\ttype: s"),
        r"
orgtap.yaml:2:11: lines are indented with blanks, not tabs [OT-CONF-02]
  2 |   - name: acme
    |           ^
",
    );
    said(
        &with("    type: s", "   type: s"),
        r"
orgtap.yaml:3:4: the indentation does not fit the lines above [OT-CONF-02]
  3 |    type: salesforce_connector
    |    ^
",
    );
    said(
        &with("name: acme", "name: \"acme"),
        r#"
orgtap.yaml:2:11: a quote is not closed [OT-CONF-02]
  2 |   - name: "acme
    |           ^
"#,
    );
    said(
        &with("{ env: ACME_KEY }", "@key"),
        r"
orgtap.yaml:7:19: a value that begins with `@` must be in quotes [OT-CONF-02]
  7 |     consumer_key: ...
    |                   ^^^
",
    );
    said(
        &with("name: acme", "name: acme: prod"),
        r"
orgtap.yaml:2:15: this colon makes a key where none can be; a text with a colon must be in quotes [OT-CONF-02]
  2 |   - name: acme: ...
    |               ^
",
    );
    said(
        &with("[siem]", "[siem"),
        r"
orgtap.yaml:10:13: this is not YAML: illegal placement of ':' indicator [OT-CONF-02]
  10 | destinations:
     |             ^
",
    );
    said(
        &with("name: acme", "name: !text acme"),
        r"
orgtap.yaml:2:11: tags are not read; a word that begins with `!` must be in quotes [OT-CONF-02]
  2 |   - name: !text acme
    |           ^^^^^
",
    );
    said(
        &with("{ env: ACME_KEY }", "*key"),
        r"
orgtap.yaml:7:19: a word that begins with `*` or `&` must be in quotes [OT-CONF-02]
  7 |     consumer_key: ...
    |                   ^^^
",
    );
    said(
        &with("  - name: acme", "  - <<: x\n    name: acme"),
        r"
orgtap.yaml:2:5: merge keys (`<<`) are not read; write the keys out [OT-CONF-02]
  2 |   - <<: ...
    |     ^^
",
    );
    said(
        &format!("{GOOD}---\nname: second\n"),
        r"
orgtap.yaml:14:1: only one document is read: nothing may follow `---` [OT-CONF-02]
  14 | ---
     | ^^^
",
    );
    said(
        &format!("{GOOD}? [a]\n: b\n"),
        r"
orgtap.yaml:14:3: a key must be a word [OT-CONF-02]
  14 | ...
     | ^^^
",
    );
    said(
        &"a: &a [*a]".to_owned(),
        r"
orgtap.yaml:1:8: an alias cannot stand inside the value it names [OT-CONF-02]
  1 | a: ...
    |    ^^^
",
    );
}

#[test]
fn several_problems_are_told_in_the_order_of_the_text() {
    said(
        &with("https://acme", "http://acme")
            .replace("acme.example", "acme.example\n    auht: password")
            .replace("[siem]", "[siem, seim]\n    poll_interval: 0s")
            .replace("directory: events", "directory: events\n    compression: bzip2"),
        r"
orgtap.yaml:4:19: passwords would cross the network readable: write https:// [OT-CONF-05]
  at connectors[0].instance_url
  4 |     instance_url: http://acme.my.salesforce.com
    |                   ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

orgtap.yaml:6:5: unknown key `auht`; did you mean `auth`? [OT-CONF-03]
  at connectors[0].auht
  6 |     auht: ...
    |     ^^^^

orgtap.yaml:10:26: no destination has the name `seim`; did you mean `siem`? [OT-CONF-08]
  at connectors[0].destinations[1]
  10 |     destinations: [siem, seim]
     |                          ^^^^

orgtap.yaml:11:20: at least 1s is needed [OT-CONF-05]
  at connectors[0].poll_interval
  11 |     poll_interval: 0s
     |                    ^^

orgtap.yaml:16:18: `bzip2` is not known here; write `none`, `gzip` or `zstd` [OT-CONF-05]
  at destinations[0].compression
  16 |     compression: bzip2
     |                  ^^^^^
",
    );
}
