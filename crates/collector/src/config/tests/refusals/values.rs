//! What is said of values.

use super::super::{GOOD, connector, with};
use super::said;

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
orgtap.yaml:7:19: a secret has one of env, file, command, stored, not two [OT-CONF-05]
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
        &with("type: file\n    directory: events", "type: discrad"),
        r"
orgtap.yaml:12:11: `discrad` is not known here; did you mean `discard`? [OT-CONF-05]
  at destinations[0].type
  12 |     type: discrad
     |           ^^^^^^^
",
    );
    said(
        &with("type: file\n    directory: events", "type: discard\n    directory: events"),
        r"
orgtap.yaml:13:5: unknown key `directory`; known here: `name`, `format`, `max_events_per_second`, `backfill_events_per_second` and `max_age` [OT-CONF-03]
  at destinations[0].directory
  13 |     directory: events
     |     ^^^^^^^^^
",
    );
    said(
        "connectors",
        r"
orgtap.yaml:1:1: a mapping is wanted here, not a text [OT-CONF-05]
  1 | connectors
    | ^^^^^^^^^^
",
    );
    said(
        "- connectors",
        r"
orgtap.yaml:1:1: a mapping is wanted here, not a list [OT-CONF-05]
  1 | - connectors
    | ^^^^^^^^^^^^
",
    );
}

#[test]
fn what_is_said_of_daily_files_beside_hourly_ones_must_fit_together() {
    said(
        &connector(
            "    event_log_files: { interval: both, reconcile: off, reconcile_threshold: 101 }\n",
        ),
        r"
orgtap.yaml:10:51: `interval: both` takes daily files beside hourly ones: write `report` or `deliver`, or leave it out [OT-CONF-05]
  at connectors[0].event_log_files.reconcile
  10 |     event_log_files: { interval: both, reconcile: off, reconcile_threshold: 101 }
     |                                                   ^^^

orgtap.yaml:10:77: a share in percent is 0 to 100 [OT-CONF-05]
  at connectors[0].event_log_files.reconcile_threshold
  10 |     event_log_files: { interval: both, reconcile: off, reconcile_threshold: 101 }
     |                                                                             ^^^
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
orgtap.yaml:10:34: `never` is not known here; write `auto`, `both`, `hourly` or `daily` [OT-CONF-05]
  at connectors[0].event_log_files.interval
  10 |     event_log_files: { interval: never }
     |                                  ^^^^^
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
