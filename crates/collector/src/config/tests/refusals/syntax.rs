//! What is said of texts that are no YAML, and how places are shown.

use super::super::{GOOD, connector, with};
use super::said;

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
        "a: &a [*a]",
        r"
orgtap.yaml:1:8: an alias repeats only a value that ended above it [OT-CONF-02]
  1 | a: ...
    |    ^^^
",
    );
}

#[test]
fn a_place_is_counted_in_characters_and_shown_in_part_of_a_long_line() {
    said(
        &with("acme.example", "acmé.example, 世"),
        r"
orgtap.yaml:5:22: a Salesforce user name has the form of an e-mail address [OT-CONF-05]
  at connectors[0].salesforce_user
  5 |     salesforce_user: collector@acmé.example, 世
    |                      ^^^^^^^^^^^^^^^^^^^^^^^^^
",
    );
    said(
        &with("[siem]", "[siem] # hunter2\n    \"café\": 1"),
        r#"
orgtap.yaml:10:5: unknown key `café`; known here: `name`, `type`, `instance_url`, `description`, `salesforce_user`, `salesforce_user_password`, `consumer_key`, `consumer_secret`, `security_token`, `auth`, `jwt_key`, `jwt_audience`, `refresh_token`, `login_url`, `api_version`, `proxy`, `ca_file`, `poll_interval`, `start`, `api_budget`, `event_log_files` and `destinations` [OT-CONF-03]
  at connectors[0].café
  10 |     "café": ...
     |     ^^^^^^
"#,
    );
    said(
        &connector(&format!(
            "    event_log_files: {{ event_types: [{}\"!!\", Login, Logout] }}\n",
            "Login, ".repeat(30)
        )),
        r#"
orgtap.yaml:10:248: an event type is written with letters, digits, `_` and `*`, after `!` to exclude it [OT-CONF-05]
  at connectors[0].event_log_files.event_types[30]
  10 | ...gin, Login, Login, Login, Login, Login, Login, Login, Login, Login, Login, "!!", Login, Logout] }
     |                                                                               ^^^^
"#,
    );
    said(
        &connector(&format!("    start: {}\n", "9".repeat(300))),
        r"
orgtap.yaml:10:12: write a date such as 2026-11-01 or a time such as 2026-11-01T06:30:00Z [OT-CONF-05]
  at connectors[0].start
  10 |     start: 99999999999999999999999999999999999999999999999999999999999999999999999999999999999999999...
     |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
",
    );
}
