//! What good files give.

use std::path::{Path, PathBuf};
use std::time::Duration;

use orgtap_destinations::config::DestinationConfig;
use orgtap_salesforce::{ApiVersion, SignIn};
use orgtap_transport::{Backoff, Secret, SecretRef, Vault};

use super::{GOOD, connector, with};
use crate::Floor;
use crate::config::{
    ConnectorSettings, IntervalPolicy, Reconcile, Settings, SignInSettings, parse,
};

fn settings(text: &str) -> Settings {
    parse(text, "orgtap.yaml").unwrap_or_else(|error| panic!("{}", error.render()))
}

fn vault() -> Vault {
    Vault::new(Path::new("/no/such/folder"), None)
}

fn security_token(connector: &ConnectorSettings) -> Option<&SecretRef> {
    match &connector.sign_in {
        SignInSettings::Password { security_token, .. } => security_token.as_ref(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_eight_fields_and_a_destination_are_enough() {
    let settings = settings(GOOD);
    assert_eq!(settings.data_dir, Path::new("data"));
    assert_eq!(settings.spool_retention, Duration::from_hours(24));
    assert_eq!(settings.spool_limit, None);
    assert_eq!(settings.rows_retention, Duration::from_hours(35 * 24));
    let backoff = Backoff { initial: Duration::from_secs(1), max: Duration::from_mins(5) };
    assert_eq!((settings.retry.backoff, settings.retry.attempts), (backoff, 6));
    assert_eq!(settings.warnings, Vec::<String>::new());
    let [acme] = settings.connectors.as_slice() else { panic!("one connector") };
    assert_eq!(acme.name, "acme");
    assert_eq!(acme.instance_url.as_str(), "https://acme.my.salesforce.com/");
    assert_eq!(acme.user.as_deref(), Some("collector@acme.example"));
    let password = SecretRef::Env("ACME_PASSWORD".to_owned());
    assert_eq!(acme.sign_in, SignInSettings::Password { password, security_token: None });
    assert_eq!((acme.start, acme.api_version, &acme.proxy), (None, None, &None));
    assert_eq!(acme.poll_interval, Duration::from_mins(5));
    assert_eq!(acme.settle, Duration::from_mins(5));
    assert_eq!(acme.overlap, Duration::from_hours(1));
    assert_eq!(acme.interval, IntervalPolicy::Auto);
    assert_eq!((acme.reconcile, acme.reconcile_threshold), (Reconcile::Deliver, 90));
    assert_eq!((acme.api_budget.daily, acme.api_budget.floor), (None, Floor::Share(10)));
    assert!(acme.event_types.admits_all());
    assert_eq!(acme.destinations, ["siem"]);
    assert_eq!(settings.destination("siem").map(DestinationConfig::kind), Some("file"));
    assert!(settings.destination("other").is_none());
}

#[test]
fn every_setting_is_taken() {
    let text = connector(
        "    security_token: { env: T }
    auth: password
    login_url: https://login.salesforce.com
    api_version: 66.0
    proxy: http://proxy.example:3128
    poll_interval: 90s
    start: 2026-11-01
    api_budget: { daily: 5000, floor: 20% }
    event_log_files:
      interval: daily
      reconcile: report
      reconcile_threshold: 0
      event_types: [Login, \"Api*\", \"!ApiTotalUsage\"]
      settle: 0s
      overlap: 2h
",
    );
    let text = format!(
        "data_dir: /var/lib/orgtap\nledger: sqlite\nspool_retention: 7d\nspool_limit: 20GiB\nretry: {{ initial: 2s, max: 1m, attempts: 3 }}\n{text}"
    );
    let settings = settings(&text);
    assert_eq!(settings.data_dir, Path::new("/var/lib/orgtap"));
    assert_eq!(settings.spool_retention, Duration::from_hours(7 * 24));
    assert_eq!(settings.spool_limit, Some(20 << 30));
    assert_eq!(settings.retry.backoff.initial, Duration::from_secs(2));
    assert_eq!(settings.retry.backoff.max, Duration::from_mins(1));
    assert_eq!(settings.retry.attempts, 3);
    let acme = &settings.connectors[0];
    assert_eq!(security_token(acme), Some(&SecretRef::Env("T".to_owned())));
    assert_eq!(acme.login_url.as_ref().unwrap().host_str(), Some("login.salesforce.com"));
    assert_eq!(acme.api_version, Some(ApiVersion::new(66)));
    assert_eq!(acme.proxy.as_ref().unwrap().port(), Some(3128));
    assert_eq!(acme.poll_interval, Duration::from_secs(90));
    assert_eq!(acme.start.unwrap().to_string(), "2026-11-01T00:00:00Z");
    let api_budget = acme.api_budget;
    assert_eq!((api_budget.daily, api_budget.floor), (Some(5_000), Floor::Share(20)));
    assert_eq!(acme.interval, IntervalPolicy::Daily);
    assert_eq!((acme.reconcile, acme.reconcile_threshold), (Reconcile::Report, 0));
    assert!(acme.event_types.admits("login") && acme.event_types.admits("API"));
    assert!(!acme.event_types.admits("ApiTotalUsage") && !acme.event_types.admits("Logout"));
    assert_eq!((acme.settle, acme.overlap), (Duration::ZERO, Duration::from_hours(2)));
}

#[test]
fn a_start_may_be_a_date_or_a_time_with_any_offset() {
    for (written, time) in [
        ("2026-11-01", "2026-11-01T00:00:00Z"),
        ("2026-11-01T06:30:00Z", "2026-11-01T06:30:00Z"),
        ("\"2026-11-01T06:30:00+05:30\"", "2026-11-01T01:00:00Z"),
    ] {
        let settings = settings(&connector(&format!("    start: {written}\n")));
        assert_eq!(settings.connectors[0].start.unwrap().to_string(), time, "{written}");
    }
}

#[test]
fn a_floor_may_be_a_share_or_a_number_of_calls() {
    for (written, floor) in [
        ("0%", Floor::Share(0)),
        ("100 %", Floor::Share(100)),
        ("0", Floor::Calls(0)),
        ("\"2500\"", Floor::Calls(2_500)),
    ] {
        let text = connector(&format!("    api_budget: {{ floor: {written} }}\n"));
        assert_eq!(settings(&text).connectors[0].api_budget.floor, floor, "{written}");
    }
    for wrong in ["101%", "-5", "x", "5.5%", "\"\""] {
        let text = connector(&format!("    api_budget: {{ floor: {wrong} }}\n"));
        let said = parse(&text, "orgtap.yaml").unwrap_err().render();
        assert!(said.contains("write a share such as 20%"), "{wrong}: {said}");
    }
}

#[test]
fn keys_without_a_value_and_blocks_all_commented_out_mean_the_defaults() {
    let text = connector("    proxy:\n    event_log_files:\n#      settle: 1m\n");
    let acme = &settings(&format!("retry:\n{text}")).connectors[0];
    assert_eq!((acme.settle, &acme.proxy), (Duration::from_mins(5), &None));
}

#[test]
fn an_alias_repeats_what_it_names() {
    let text =
        with("{ env: ACME_KEY }", "&app { env: ACME_APP }").replace("{ env: ACME_SECRET }", "*app");
    let acme = &settings(&text).connectors[0];
    assert_eq!(acme.consumer_key, SecretRef::Env("ACME_APP".to_owned()));
    assert_eq!(acme.consumer_secret.as_ref(), Some(&acme.consumer_key));
}

#[test]
fn the_order_of_keys_does_not_matter() {
    let text = with(
        "  - name: siem\n    type: file\n    directory: events\n",
        "  - directory: events\n    compression: gzip\n    name: siem\n    type: file\n",
    );
    assert_eq!(settings(&text).destinations[0].kind(), "file");
}

/// If this fails after an update of serde, see `is_path` in `reader.rs`.
#[test]
fn every_relative_path_begins_at_the_folder_of_the_file() {
    let text = connector("    ca_file: tls/ca.pem\n    security_token: { file: ../token }\n")
        + "  - name: siem2
    type: dnif
    url: https://siem.example/events
    auth: { bearer: { token: { file: ./secrets/siem } } }
    tls: { ca_file: ca.pem, certificate_file: /abs/me.pem, key_file: me.key }
";
    let text = text.replace("destinations: [siem]", "destinations: [siem, siem2]");
    let settings = parse(format!("data_dir: ./spool\n{text}"), "/etc/orgtap/orgtap.yaml")
        .unwrap_or_else(|error| panic!("{}", error.render()));
    assert_eq!(settings.data_dir, Path::new("/etc/orgtap/spool"));
    let acme = &settings.connectors[0];
    assert_eq!(acme.ca_file.as_deref(), Some(Path::new("/etc/orgtap/tls/ca.pem")));
    let token = SecretRef::File(PathBuf::from("/etc/orgtap/../token"));
    assert_eq!(security_token(acme), Some(&token));
    let DestinationConfig::File(file) = &settings.destinations[0] else { panic!("a file") };
    assert_eq!(file.directory, Path::new("/etc/orgtap/events"));
    let DestinationConfig::Dnif(dnif) = &settings.destinations[1] else { panic!("dnif") };
    assert_eq!(dnif.tls.ca_file.as_deref(), Some(Path::new("/etc/orgtap/ca.pem")));
    assert_eq!(dnif.tls.certificate_file.as_deref(), Some(Path::new("/abs/me.pem")));
    assert_eq!(dnif.tls.key_file.as_deref(), Some(Path::new("/etc/orgtap/me.key")));
    assert!(format!("{:?}", dnif.auth).contains("/etc/orgtap/secrets/siem"));
    let default = parse(GOOD, "/etc/orgtap/orgtap.yaml").unwrap();
    assert_eq!(default.data_dir, Path::new("/etc/orgtap/data"));
}

#[test]
fn org_settings_carry_the_secrets_and_the_way_there() {
    let text = connector("    security_token: \"tok\"\n    proxy: http://proxy.example:3128\n")
        .replace("{ env: ACME_PASSWORD }", "{ command: [printf, pass] }")
        .replace("{ env: ACME_KEY }", "key")
        .replace("{ env: ACME_SECRET }", "\"secret\"");
    let org = settings(&text).connectors[0].org_settings(&vault()).unwrap();
    assert_eq!(org.instance_url.as_str(), "https://acme.my.salesforce.com/");
    assert_eq!(org.consumer_key, Secret::new("key"));
    assert_eq!(org.consumer_secret, Some(Secret::new("secret")));
    assert_eq!(org.client.proxy.unwrap().port(), Some(3128));
    let SignIn::Password { user, password, security_token } = org.sign_in else {
        panic!("the password flow")
    };
    assert_eq!(user, "collector@acme.example");
    assert_eq!(password, Secret::new("pass"));
    assert_eq!(security_token, Some(Secret::new("tok")));
}

#[test]
fn what_should_not_stay_is_warned_of() {
    let text = with("{ env: ACME_KEY }", "hunter2")
        + "  - name: loose
    type: http
    url: http://siem.example/hunter2
    allow_plaintext: true
    headers: { X-Key: hunter2 }
  - name: lines
    type: syslog
    host: siem.example
    transport: tcp
  - name: local
    type: syslog
    host: 127.0.0.1
    transport: tcp
";
    let text = text.replace("[siem]", "[siem, loose, local]");
    let twin = text
        .split("  - name: acme\n")
        .nth(1)
        .and_then(|rest| rest.split("destinations:\n").next())
        .map(|block| format!("  - name: twin\n{block}"))
        .unwrap();
    let text = text.replacen("destinations:\n", &format!("{twin}destinations:\n"), 1);
    assert_eq!(
        settings(&text).warnings,
        [
            "connectors[0].consumer_key on line 7 is written out in the file; env, file, command or stored keep it elsewhere",
            "connectors[1].consumer_key on line 15 is written out in the file; env, file, command or stored keep it elsewhere",
            "destinations[1].headers on line 26 is written out in the file; env, file, command or stored keep it elsewhere",
            "the destination `loose` sends events unencrypted: everybody on the way can read them",
            "the destination `lines` sends events unencrypted: everybody on the way can read them",
            "no connector delivers to the destination `lines`",
            "the connectors `acme` and `twin` collect from the same org and deliver to `siem`: events they share arrive twice there",
        ]
    );
}

#[test]
fn a_destination_that_keeps_nothing_is_warned_of() {
    let text = with("type: file\n    directory: events", "type: discard");
    assert_eq!(settings(&text).warnings, ["the destination `siem` throws every event away"]);
}

#[test]
fn two_connectors_that_share_only_their_user_are_warned_of() {
    let block =
        GOOD.split("connectors:\n").nth(1).unwrap().split("destinations:\n").next().unwrap();
    let twin = block.replace("acme\n", "twin\n").replace("[siem]", "[other]");
    let text = with("destinations:\n", &format!("{twin}destinations:\n"))
        + "  - { name: other, type: file, directory: other }\n";
    assert_eq!(
        settings(&text).warnings,
        [
            "the connectors `acme` and `twin` sign in to the same org as the same user: Salesforce ends older sessions of a user"
        ]
    );
}

#[test]
fn the_console_is_on_at_home_unless_it_is_switched_off() {
    let console = |text: &str| parse(format!("{GOOD}{text}"), "orgtap.yaml").unwrap().console;
    let usual = console("").unwrap();
    assert_eq!((usual.listen.to_string().as_str(), usual.is_written), ("127.0.0.1:8080", false));
    assert_eq!(usual.session_idle, Duration::from_mins(30));
    assert_eq!(console("console: off\n"), None);
    assert_eq!(console("console: false\n"), None);
    let written = console("console: { listen: '[::1]:0', hosts: [Orgtap.Example] }\n").unwrap();
    assert!(written.is_written && written.listen.is_ipv6());
    assert_eq!(written.hosts, ["orgtap.example"]);
    let abroad = "console: { listen: 0.0.0.0:443, behind_proxy: true, session_idle: 5m }\n";
    assert_eq!(console(abroad).unwrap().session_idle, Duration::from_mins(5));
    let tls = "console: { listen: 0.0.0.0:443, tls: { certificate: c.pem, key: k.pem } }\n";
    assert!(console(tls).unwrap().tls.is_some());
}

#[test]
fn a_console_that_others_could_listen_in_on_is_refused() {
    let refused = |text: &str| {
        let error = parse(format!("{GOOD}{text}"), "orgtap.yaml").unwrap_err();
        error.faults().iter().map(|fault| fault.message.clone()).collect::<Vec<_>>().join("\n")
    };
    for address in ["0.0.0.0:8080", "192.168.1.2:80", "'[::]:8080'", "'[::ffff:10.0.0.1]:8080'"] {
        let said = refused(&format!("console: {{ listen: {address} }}\n"));
        assert!(said.contains("passwords would cross the network readable"), "{said}");
    }
    assert!(refused("console: { listen: localhost }\n").contains("an address and a port"));
    assert!(refused("console: of\n").contains("did you mean `off`?"));
    assert!(refused("console: { lisen: 127.0.0.1:1 }\n").contains("did you mean `listen`?"));
    assert!(refused("console: { hosts: ['a:1'] }\n").contains("without port"));
    assert!(refused("console: { session_idle: 1s }\n").contains("at least 1m"));
}
