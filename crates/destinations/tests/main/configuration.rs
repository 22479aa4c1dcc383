//! Destinations as written in YAML: what is read, what is refused, and where the error points.

use std::num::NonZeroU32;

use crate::no_vault;
use orgtap_destinations::file::Compression;
use orgtap_destinations::syslog::{Confirm, Framing, Transport};
use orgtap_destinations::webhook::AuthConfig;
use orgtap_destinations::{DestinationConfig, Format, Kind, Pacing};
use orgtap_transport::{ByteSize, ConfigDuration, SecretRef};
use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    destinations: Vec<DestinationConfig>,
}

fn read(yaml: &str) -> Result<DestinationConfig, String> {
    let mut file: File = serde_saphyr::from_str(yaml).map_err(|error| error.to_string())?;
    Ok(file.destinations.remove(0))
}

#[test]
fn a_dnif_destination_is_read_with_its_defaults() {
    let config = read(
        "destinations:
  - name: siem
    type: dnif
    format: raw
    url: https://tenant.example:2882/cluster/scope/auth/events
    auth: { basic: { username: u, password: { env: P } } }
",
    )
    .unwrap();
    assert_eq!((config.name(), config.kind()), ("siem", "dnif"));
    let DestinationConfig::Dnif(dnif) = config else { panic!("{config:?}") };
    assert_eq!(dnif.url.url().port(), Some(2882));
    let password = SecretRef::Env("P".into());
    assert_eq!(dnif.auth, AuthConfig::Basic { username: "u".into(), password });
    assert_eq!((dnif.batch.events.get(), dnif.batch.bytes), (500, ByteSize::mib(1)));
    assert_eq!(dnif.timeout, ConfigDuration::from_secs(60));
}

#[test]
fn every_option_of_every_type_is_read() {
    let config = read(
        "destinations:
  - type: http
    name: hook
    url: http://collector.example/in
    allow_plaintext: true
    method: PUT
    auth: { hmac: { header: X-Mac, secret: { file: /s }, algorithm: sha512, encoding: base64, prefix: 'v1=' } }
    headers: { X-Tenant: acme, X-Key: { command: [pass, siem] } }
    body: ndjson
    gzip: true
    batch: { events: 10, bytes: 64KiB }
    max_events_per_second: 1000
    timeout: 5s
    tls: { ca_file: /ca, certificate_file: /c, key_file: /k }
    proxy: http://proxy.example:3128
",
    )
    .unwrap();
    let DestinationConfig::Http(http) = config else { panic!("{config:?}") };
    assert_eq!((http.batch.events.get(), http.batch.bytes), (10, ByteSize::kib(64)));
    assert_eq!(http.max_events_per_second, NonZeroU32::new(1_000));
    assert_eq!(http.headers["X-Key"], SecretRef::Command(vec!["pass".into(), "siem".into()]));
    let config = read(
        "destinations:
  - { name: log, type: syslog, host: log.example, port: 601, transport: tcp, framing: newline,
      facility: local3, severity: notice, hostname: acme.my.salesforce.com, structured_data: true,
      max_message_bytes: 64KiB, confirm: none, confirm_wait: 3s, max_events_per_second: 5 }
",
    )
    .unwrap();
    let DestinationConfig::Syslog(syslog) = &config else { panic!("{config:?}") };
    assert_eq!((syslog.transport, syslog.framing), (Transport::Tcp, Framing::Newline));
    assert_eq!((syslog.confirm, syslog.port), (Confirm::None, Some(601)));
    config.build(&no_vault()).unwrap();
    let config =
        read("destinations: [{ name: f, type: file, directory: ./x, compression: gzip }]").unwrap();
    let DestinationConfig::File(file) = &config else { panic!("{config:?}") };
    assert_eq!(file.compression, Compression::Gzip);
    config.build(&no_vault()).unwrap();
    read("destinations: [{ name: out, type: stdout }]").unwrap().build(&no_vault()).unwrap();
    let config = read("destinations: [{ name: bin, type: discard, format: raw }]").unwrap();
    assert_eq!((config.name(), config.kind(), config.format()), ("bin", "discard", Format::Raw));
    config.build(&no_vault()).unwrap();
}

#[test]
fn every_type_takes_a_rate_a_lower_one_for_backfills_and_an_age() {
    for rest in [
        "type: dnif, url: 'https://t.example/c/s/a/events', auth: { bearer: { token: t } }",
        "type: http, url: 'https://x.example/'",
        "type: syslog, host: log.example",
        "type: file, directory: ./x",
        "type: stdout",
        "type: discard",
    ] {
        let keys = "max_events_per_second: 100, backfill_events_per_second: 20, max_age: 18h";
        let config = read(&format!("destinations: [{{ name: a, {rest}, {keys} }}]")).unwrap();
        let pacing = Pacing {
            max_events_per_second: NonZeroU32::new(100),
            backfill_events_per_second: NonZeroU32::new(20),
            max_age: Some(std::time::Duration::from_hours(18)),
        };
        assert_eq!(config.pacing(), pacing, "{rest}");
        let paced = config.build(&no_vault()).unwrap();
        assert_eq!(paced.pace().map(|pace| pace.pacing), Some(pacing));
        assert_eq!((paced.name(), paced.kind()), ("a", config.kind()));
        // A batch arrives at once.
        assert_eq!(paced.limits().events, 100);
        // Nothing is written before it is known that it may be.
        assert!(!paced.forgets_unfinished());
        let config = read(&format!("destinations: [{{ name: a, {rest} }}]")).unwrap();
        assert_eq!(config.pacing(), Pacing::default());
        assert!(config.build(&no_vault()).unwrap().pace().is_none(), "no rule, no default");
        for (key, wrong) in [
            ("max_events_per_second", "0"),
            ("max_events_per_second", "-1"),
            ("backfill_events_per_second", "4294967296"),
            ("backfill_events_per_second", "0.5"),
            ("max_age", "-18h"),
            ("max_age", "18"),
            ("max_age", "99999999999999999999d"),
        ] {
            let text = format!("destinations: [{{ name: a, {rest}, {key}: {wrong} }}]");
            assert!(read(&text).is_err(), "{text}");
        }
    }
}

#[test]
fn an_unknown_key_is_named_at_its_line_with_the_right_words() {
    let message = read(
        "destinations:
  - name: siem
    type: http
    url: https://x.example/
    bdoy: ndjson
",
    )
    .unwrap_err();
    assert!(message.contains("line 5"), "{message}");
    assert!(message.contains("bdoy") && message.contains("body"), "{message}");
    let nested = read(
        "destinations:
  - name: siem
    type: http
    url: https://x.example/
    batch:
      events: 5
      byts: 1MiB
",
    )
    .unwrap_err();
    assert!(nested.contains("line 7") && nested.contains("byts"), "{nested}");
}

#[test]
fn a_wrong_value_is_named_at_its_line() {
    for (line, value, wanted) in [
        ("timeout", "5", "5m"),
        ("batch", "{ events: 0 }", "zero"),
        ("method", "GET", "POST"),
        ("body", "xml", "ndjson"),
        ("url", "ftp://x.example/", "https://"),
    ] {
        let yaml = format!("destinations:\n  - name: siem\n    type: http\n    {line}: {value}\n");
        let message = read(&yaml).unwrap_err();
        assert!(message.contains("line 4") && message.contains(wanted), "{message}");
    }
}

#[test]
fn an_unknown_or_absent_type_is_explained() {
    let message = read("destinations:\n  - name: siem\n    type: htp\n").unwrap_err();
    assert!(message.contains("line 3") && message.contains("http"), "{message}");
    let message = read("destinations:\n  - name: siem\n").unwrap_err();
    assert!(message.contains("type"), "{message}");
    let message = read("destinations:\n  - { type: stdout }\n").unwrap_err();
    assert!(message.contains("name"), "{message}");
}

#[test]
fn keys_may_come_before_the_type() {
    let config = read(
        "destinations:
  - name: '007'
    url: https://x.example/
    headers: { X-A: b }
    timeout: 9s
    type: http
    gzip: true
",
    )
    .unwrap();
    let DestinationConfig::Http(http) = config else { panic!("{config:?}") };
    assert_eq!((http.name.as_str(), http.timeout), ("007", ConfigDuration::from_secs(9)));
    assert!(http.gzip && http.headers.contains_key("X-A"));
    let message =
        read("destinations:\n  - name: a\n    directry: x\n    type: file\n").unwrap_err();
    assert!(message.contains("directry"), "{message}");
}

fn refused(yaml: &str) -> String {
    let config = read(&format!("destinations:\n  - {yaml}")).unwrap();
    let Err(error) = config.build(&no_vault()) else { panic!("{yaml} was built") };
    assert!(matches!(error.kind(), Kind::Configuration | Kind::Secret), "{error:?}");
    error.to_string()
}

#[test]
fn what_cannot_work_is_refused_when_it_is_built() {
    let dnif = "name: d, type: dnif, auth: { bearer: { token: t } }";
    for (yaml, wanted) in [
        ("{ name: h, type: http, url: http://x.example/ }".to_owned(), "allow_plaintext"),
        ("{ name: 'a b', type: stdout }".to_owned(), "name"),
        (format!("{{ {dnif}, url: https://x.example/c/s/a/event }}"), "/events"),
        ("{ name: h, type: http, url: https://x.example/, timeout: 0s }".to_owned(), "timeout"),
        (
            "{ name: h, type: http, url: https://x.example/, headers: { 'a b': c } }".to_owned(),
            "header",
        ),
        (
            "{ name: h, type: http, url: https://x.example/, headers: { Authorization: c }, \
             auth: { bearer: { token: t } } }"
                .to_owned(),
            "twice",
        ),
        (
            "{ name: h, type: http, url: https://x.example/, auth: { bearer: { token: { env: \
             ORGTAP_NO_SUCH_VARIABLE } } } }"
                .to_owned(),
            "auth.bearer.token",
        ),
        (
            "{ name: h, type: http, url: https://x.example/, tls: { ca_file: /no/such } }"
                .to_owned(),
            "/no/such",
        ),
        (
            "{ name: h, type: http, url: https://x.example/, tls: { key_file: /dev/null } }"
                .to_owned(),
            "belong together",
        ),
        (
            "{ name: h, type: http, url: https://x.example/, tls: { ca_file: /dev/null } }"
                .to_owned(),
            "no certificate",
        ),
        (
            "{ name: h, type: http, url: https://x.example/, timeout: 3m }".to_owned(),
            "at most 150s",
        ),
        ("{ name: s, type: syslog, host: 'log.example:514' }".to_owned(), "port"),
        ("{ name: s, type: syslog, host: 'https://log' }".to_owned(), "host"),
        ("{ name: s, type: syslog, host: x, transport: tcp, tls: {} }".to_owned(), "transport"),
        ("{ name: s, type: syslog, host: x, transport: udp, framing: newline }".to_owned(), "udp"),
        ("{ name: s, type: syslog, host: x, transport: udp, confirm: none }".to_owned(), "udp"),
        (
            "{ name: s, type: syslog, host: x, transport: udp, max_message_bytes: 65508B }"
                .to_owned(),
            "max_message_bytes",
        ),
        ("{ name: s, type: syslog, host: x, hostname: 'a b' }".to_owned(), "hostname"),
        ("{ name: f, type: file, directory: '' }".to_owned(), "directory"),
    ] {
        let message = refused(&yaml);
        assert!(message.contains(wanted), "{yaml}: {message}");
    }
}

#[test]
fn no_error_repeats_a_secret() {
    for yaml in [
        "{ name: h, type: http, url: 'https://u:hunter2@x.example/' }",
        "{ name: h, type: http, url: https://x.example/, auth: { bearer: { token: [hunter2] } } }",
        "{ name: h, type: http, url: https://x.example/, headers: { X: { plain: hunter2 } } }",
    ] {
        // A snippet of the source would show whatever stands there; that is the caller's choice.
        let json: serde_json::Value = serde_saphyr::from_str(yaml).unwrap();
        let message = serde_json::from_value::<DestinationConfig>(json).unwrap_err().to_string();
        assert!(!message.contains("hunter2"), "{message}");
    }
    let yaml = "destinations: [{ name: h, type: http, url: https://x.example/, auth: { bearer: { token: hunter2 } } }]";
    assert!(!format!("{:?}", read(yaml).unwrap()).contains("hunter2"));
}

#[test]
fn the_schema_has_each_type_with_its_keys_and_no_others() {
    let schema = schemars::schema_for!(DestinationConfig).to_value();
    let variants = schema["oneOf"].as_array().unwrap();
    let mut types: Vec<&str> = Vec::new();
    for variant in variants {
        types.push(variant["properties"]["type"]["const"].as_str().unwrap());
        assert_eq!(variant["additionalProperties"], false);
        let required = variant["required"].as_array().unwrap();
        assert!(required.contains(&"name".into()) && required.contains(&"type".into()));
        for (key, property) in variant["properties"].as_object().unwrap() {
            let text = property.to_string();
            assert!(key == "type" || text.contains("description"), "{key} is not described");
        }
    }
    assert_eq!(types, ["dnif", "http", "syslog", "file", "stdout", "discard"]);
}
