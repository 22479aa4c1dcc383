//! What is said of keys and names.

use super::super::{GOOD, connector, with};
use super::said;

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
orgtap.yaml:14:5: unknown key `colour`; known here: `name`, `format`, `directory`, `compression`, `max_events_per_second`, `backfill_events_per_second` and `max_age` [OT-CONF-03]
  at destinations[0].colour
  14 |     colour: ...
     |     ^^^^^^
",
    );
    said(
        &with("{ env: ACME_KEY }", "{ vault: acme }"),
        r"
orgtap.yaml:7:21: this key is not known here; known are `env`, `file`, `command` and `stored` [OT-CONF-03]
  at connectors[0].consumer_key.vault
  7 |     consumer_key: ...
    |                   ^^^
",
    );
}

#[test]
fn what_is_planned_is_told_from_what_is_wrong() {
    said(
        &format!("{GOOD}archive: {{}}\nledger: postgres://me@db/orgtap\n"),
        r"
orgtap.yaml:14:1: `archive` is not available in this version [OT-CONF-06]
  at archive
  14 | archive: ...
     | ^^^^^^^

orgtap.yaml:15:9: `postgres` is not available in this version [OT-CONF-06]
  at ledger
  15 | ledger: postgres://...
     |         ^^^^^^^^^^^
",
    );
    said(
        &connector(
            "    stored_objects: [LoginHistory]
    event_streams: [/event/LoginEventStream]
",
        ),
        r"
orgtap.yaml:10:5: `stored_objects` is not available in this version [OT-CONF-06]
  at connectors[0].stored_objects
  10 |     stored_objects: ...
     |     ^^^^^^^^^^^^^^

orgtap.yaml:11:5: `event_streams` is not available in this version [OT-CONF-06]
  at connectors[0].event_streams
  11 |     event_streams: ...
     |     ^^^^^^^^^^^^^
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
        "",
        r"
orgtap.yaml:1:1: there is nothing in this file [OT-CONF-04]
  1 | 
    | ^
",
    );
    said(
        "data_dir: x\n",
        r"
orgtap.yaml:1:1: missing keys `connectors` and `destinations` [OT-CONF-04]
  1 | data_dir: x
    | ^^^^^^^^^^^
",
    );
    said(
        "connectors:\n  - name: acme\n    type: salesforce_connector\ndestinations:\n  - name: siem\n",
        r"
orgtap.yaml:2:5: missing keys `instance_url`, `consumer_key`, `destinations` and `consumer_secret` [OT-CONF-04]
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
        "connectors:\ndestinations: []\n",
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
        "conectors: []\ndestinations: [{ name: x, type: stdout }]\n",
        r"
orgtap.yaml:1:1: unknown key `conectors`; did you mean `connectors`? [OT-CONF-03]
  at conectors
  1 | conectors: ...
    | ^^^^^^^^^
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
    // A destination that cannot be read still has its name.
    said(
        &with("directory: events", "direktory: events\n    more: x"),
        r"
orgtap.yaml:13:5: unknown key `direktory`; did you mean `directory`? [OT-CONF-03]
  at destinations[0].direktory
  13 |     direktory: ...
     |     ^^^^^^^^^

orgtap.yaml:14:5: unknown key `more`; known here: `name`, `format`, `directory`, `compression`, `max_events_per_second`, `backfill_events_per_second` and `max_age` [OT-CONF-03]
  at destinations[0].more
  14 |     more: ...
     |     ^^^^
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
