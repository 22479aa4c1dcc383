//! Connectors saved beside the main file: read with it, checked with it, and named in what is said.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use orgtap_transport::{Explain, Secret, SecretRef};
use tempfile::TempDir;

use super::{GOOD, with};
use crate::config::{
    AuthFlow, ConfigError, FaultKind, NewConnector, Settings, SignInSettings, check_value, load,
    load_maybe_empty,
};

/// A folder with a main file and saved connectors.
struct Scene {
    folder: TempDir,
}

impl Scene {
    fn new(main: &str) -> Self {
        let scene = Self { folder: TempDir::new().unwrap() };
        fs::write(scene.main(), main).unwrap();
        scene
    }

    fn main(&self) -> PathBuf {
        self.folder.path().join("orgtap.yaml")
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join("data/connectors").join(name)
    }

    /// Puts a file among the saved connectors.
    fn saved(&self, name: &str, text: &str) -> &Self {
        fs::create_dir_all(self.file(name).parent().unwrap()).unwrap();
        fs::write(self.file(name), text).unwrap();
        fs::set_permissions(self.file(name), fs::Permissions::from_mode(0o600)).unwrap();
        self
    }

    fn load(&self) -> Settings {
        load(self.main()).unwrap_or_else(|error| panic!("{}", error.render()))
    }

    fn refusal(&self) -> ConfigError {
        load(self.main()).unwrap_err()
    }

    /// What is said, with names of files without their folder.
    fn said(&self) -> String {
        let folder = format!("{}/", self.folder.path().display());
        format!("\n{}", self.refusal().render().replace(&folder, ""))
    }
}

/// The main file without connectors.
const BARE: &str = "destinations: [{ name: siem, type: file, directory: events }]\n";

/// A saved connector.
const GLOBEX: &str = "\
connectors:
  - name: globex
    type: salesforce_connector
    instance_url: https://globex.my.salesforce.com
    consumer_key: { stored: globex/consumer_key }
    consumer_secret: { stored: globex/consumer_secret }
    destinations: [siem]
";

fn new_connector() -> NewConnector {
    let stored = |key: &'static str| (key, SecretRef::Stored(NewConnector::entry("globex", key)));
    NewConnector {
        instance_url: "https://globex.my.salesforce.com".to_owned(),
        secrets: vec![stored("consumer_key"), stored("consumer_secret")],
        destinations: vec!["siem".to_owned()],
        ..NewConnector::new("globex", AuthFlow::ClientCredentials)
    }
}

#[test]
fn saved_connectors_follow_those_of_the_main_file() {
    let scene = Scene::new(GOOD);
    scene.saved("globex.yaml", GLOBEX).saved("abc.yaml", &GLOBEX.replace("globex", "abc"));
    let settings = scene.load();
    let names: Vec<_> = settings.connectors.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names, ["acme", "abc", "globex"]);
    assert_eq!(settings.connectors[0].saved_in, None);
    assert_eq!(settings.connectors[2].saved_in, Some(scene.file("globex.yaml")));
    assert_eq!(settings.warnings, Vec::<String>::new());
    let uses: Vec<_> = settings.stored.iter().map(|one| (&*one.entry, &*one.name)).collect();
    assert!(uses.contains(&("globex/consumer_secret", "globex")), "{uses:?}");
}

#[test]
fn the_main_file_may_lack_connectors_when_there_are_saved_ones() {
    for main in [BARE.to_owned(), format!("connectors: []\n{BARE}"), format!("connectors:\n{BARE}")]
    {
        let scene = Scene::new(&main);
        scene.saved("globex.yaml", GLOBEX);
        assert_eq!(scene.load().connectors.len(), 1, "{main}");
    }
}

#[test]
fn a_configuration_without_any_connector_says_what_is_missing_unless_it_may_be_empty() {
    let scene = Scene::new(BARE);
    assert!(scene.refusal().to_string().ends_with("missing key `connectors`"));
    let empty = load_maybe_empty(scene.main()).unwrap();
    assert_eq!((empty.connectors, empty.warnings), (vec![], vec![]));
    let scene = Scene::new(&format!("connectors: []\n{BARE}"));
    assert!(scene.refusal().to_string().ends_with("there is no connector"));
    // Everything else must be right nevertheless.
    let scene = Scene::new("data_dir: data\n");
    let error = load_maybe_empty(scene.main()).unwrap_err();
    assert!(error.to_string().ends_with("missing key `destinations`"), "{error}");
}

#[test]
fn what_is_wrong_in_a_saved_file_is_told_with_that_file_and_its_line() {
    let scene = Scene::new(BARE);
    scene.saved("globex.yaml", &GLOBEX.replace("instance_url", "instence_url"));
    assert_eq!(
        scene.said(),
        r"
data/connectors/globex.yaml:4:5: unknown key `instence_url`; did you mean `instance_url`? [OT-CONF-03]
  at connectors[0].instence_url
  4 |     instence_url: ...
    |     ^^^^^^^^^^^^
"
    );
    scene.saved("globex.yaml", "connectors: [");
    assert!(scene.said().contains("data/connectors/globex.yaml:"), "{}", scene.said());
    assert_eq!(scene.refusal().code(), "OT-CONF-02");
    scene.saved("globex.yaml", "");
    assert!(scene.said().contains("globex.yaml"), "{}", scene.said());
    scene.saved("globex.yaml", "\u{0}\u{1}");
    assert!(scene.said().contains("globex.yaml"), "{}", scene.said());
}

#[test]
fn a_saved_connector_delivers_to_destinations_of_the_main_file() {
    let scene = Scene::new(BARE);
    scene.saved("globex.yaml", &GLOBEX.replace("[siem]", "[seim]"));
    assert_eq!(
        scene.said(),
        r"
data/connectors/globex.yaml:7:20: no destination has the name `seim`; did you mean `siem`? [OT-CONF-08]
  at connectors[0].destinations[0]
  7 |     destinations: [seim]
    |                    ^^^^
"
    );
}

#[test]
fn a_name_that_the_main_file_has_too_is_refused_with_both_files() {
    let scene = Scene::new(GOOD);
    scene.saved("acme.yaml", &GLOBEX.replace("globex", "acme"));
    let error = scene.refusal();
    assert_eq!(error.faults()[0].kind, FaultKind::Repeated);
    let said = error.to_string();
    assert!(said.contains("acme.yaml:2:11: the name `acme` stands in "), "{said}");
    assert!(said.ends_with("orgtap.yaml too"), "{said}");
}

#[test]
fn a_saved_file_holds_one_connector_of_its_name_and_nothing_else() {
    let scene = Scene::new(BARE);
    for (text, said) in [
        (GLOBEX.replace("name: globex", "name: other"), "2:11: `globex` is wanted here"),
        (format!("data_dir: x\n{GLOBEX}"), "1:1: `data_dir` belongs into the main file"),
        (format!("{BARE}{GLOBEX}"), "1:1: `destinations` belongs into the main file"),
        ("connectors: []\n".to_owned(), "1:13: this file is for one connector"),
        (
            format!("{GLOBEX}{}", GLOBEX.replace("connectors:\n", "").replace("globex", "b")),
            "2:3: this file is for one connector",
        ),
        ("retry: {}\n".to_owned(), "missing key `connectors`"),
        ("conectors: []\n".to_owned(), "did you mean `connectors`?"),
    ] {
        scene.saved("globex.yaml", &text);
        assert!(scene.said().contains(said), "{text}{}", scene.said());
    }
}

#[test]
fn relative_paths_in_a_saved_file_begin_at_its_own_folder() {
    let scene = Scene::new(BARE);
    scene.saved("globex.yaml", &format!("{GLOBEX}    ca_file: ca.pem\n"));
    assert_eq!(scene.load().connectors[0].ca_file, Some(scene.file("ca.pem")));
}

#[test]
fn warnings_look_across_the_files_and_name_the_one_they_are_about() {
    let scene = Scene::new(GOOD);
    scene.saved("twin.yaml", &GLOBEX.replace("https://globex", "https://acme"));
    fs::rename(scene.file("twin.yaml"), scene.file("globex.yaml")).unwrap();
    let warnings = scene.load().warnings;
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].contains("`acme` and `globex` collect from the same org"));

    let unused = with("destinations:\n", "destinations:\n  - { name: more, type: stdout }\n");
    let scene = Scene::new(&unused.replace("destinations: [siem]", "destinations: [more]"));
    assert!(scene.load().warnings[0].contains("no connector delivers to the destination `siem`"));
    let plain = GLOBEX.replace("{ stored: globex/consumer_key }", "hunter2");
    scene.saved("globex.yaml", &format!("{plain}    security_token: {{ env: T }}\n"));
    fs::set_permissions(scene.file("globex.yaml"), fs::Permissions::from_mode(0o644)).unwrap();
    scene.saved("globex.yaml.bak", "").saved("x.yaml.1.part", "");
    let warnings = scene.load().warnings;
    assert_eq!(warnings.len(), 4, "{warnings:?}");
    assert!(warnings[0].contains("globex.yaml.bak is not read"), "{}", warnings[0]);
    assert!(warnings[1].starts_with("connectors[0].consumer_key on line 5 is written out in /"));
    assert!(warnings[1].contains("globex.yaml; env"), "{}", warnings[1]);
    assert!(warnings[2].contains("`security_token` of the connector `globex` is not used"));
    assert!(warnings[3].ends_with("chmod 600 keeps them out"), "{}", warnings[3]);
    assert!(!format!("{warnings:?}").contains("hunter2"));
}

#[test]
fn what_is_saved_is_read_back_as_it_was_checked() {
    let scene = Scene::new(BARE);
    let settings = load_maybe_empty(scene.main()).unwrap();
    let mut new = new_connector();
    let checked = new.check(&settings, &scene.main()).unwrap();
    assert!(!scene.folder.path().join("data").exists(), "a check writes nothing");
    let path = new.save(&settings, Timestamp::UNIX_EPOCH).unwrap();
    assert_eq!(path, scene.file("globex.yaml"));
    assert_eq!(scene.load().connectors, [checked]);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.starts_with("# Made by Orgtap on 1970-01-01"), "{text}");

    new.auth = AuthFlow::JwtBearer;
    new.user = Some("o'neil+\"x\"@acme.example".to_owned());
    new.jwt_audience = Some("https://login.salesforce.com".to_owned());
    new.login_url = Some("https://login.salesforce.com".to_owned());
    new.api_version = Some("66.0".to_owned());
    new.proxy = Some("http://proxy.example:3128".to_owned());
    new.ca_file = Some("/a: b/{c}\u{85}#\u{2028}\\ü\t'\"/ca.pem".into());
    new.poll_interval = Some("90s".to_owned());
    new.start = Some("2026-11-01".to_owned());
    new.secrets = vec![
        ("jwt_key", SecretRef::File("/keys/key #1.pem".into())),
        ("consumer_key", SecretRef::Env("A.B-C".to_owned())),
    ];
    new.save(&settings, Timestamp::UNIX_EPOCH).unwrap();
    let one = scene.load().connectors.remove(0);
    assert_eq!(one, new.check(&settings, &scene.main()).unwrap());
    assert_eq!(one.user, new.user);
    assert_eq!(one.ca_file, new.ca_file);
    assert_eq!(one.consumer_key, new.secrets[1].1);
    let (key, audience) = (new.secrets[0].1.clone(), new.jwt_audience);
    assert_eq!(one.sign_in, SignInSettings::JwtBearer { key, audience });
}

#[test]
fn what_a_form_shows_of_a_connector_makes_the_same_connector_again() {
    let scene = Scene::new(BARE);
    let more = "    api_budget: { daily: 900, floor: \"500\" }\n    event_log_files:\n      \
                interval: hourly\n      reconcile: report\n      reconcile_threshold: 70\n      \
                event_types: [\"Login*\", \"!LoginAs\"]\n      settle: 90s\n      overlap: 2h\n    \
                start: 2026-11-01\n    login_url: https://login.salesforce.com\n";
    let jwt = GLOBEX
        .replace("    consumer_secret", "    salesforce_user: a@b\n    jwt_key")
        .replace("    consumer_key", "    auth: jwt_bearer\n    consumer_key");
    let password = GLOBEX.replace(
        "    consumer_key",
        "    salesforce_user: a@b\n    salesforce_user_password: { env: P }\n    \
         security_token: { file: /t }\n    consumer_key",
    );
    for text in [GLOBEX.to_owned(), format!("{GLOBEX}{more}"), jwt, password] {
        scene.saved("globex.yaml", &text);
        let settings = scene.load();
        let one = &settings.connectors[0];
        let again = NewConnector::of(one).check(&settings, &scene.main());
        assert_eq!(again.as_ref(), Ok(one), "{text}");
    }
}

#[test]
fn names_that_look_like_something_else_are_saved_as_names() {
    let scene = Scene::new(BARE);
    let settings = load_maybe_empty(scene.main()).unwrap();
    for name in ["null", "true", "66.0", "1e3", "-", "--", "a:b", "_", "0x1"] {
        let new = NewConnector { name: name.to_owned(), ..new_connector() };
        match new.check(&settings, &scene.main()) {
            Ok(connector) => assert_eq!(connector.name, name),
            Err(error) => assert!(check_value("name", name).is_err(), "{error}"),
        }
    }
}

#[test]
fn what_would_not_be_taken_is_not_saved_either() {
    let scene = Scene::new(GOOD);
    let settings = load_maybe_empty(scene.main()).unwrap();
    let refused = |change: fn(&mut NewConnector)| {
        let mut new = new_connector();
        change(&mut new);
        new.check(&settings, &scene.main()).unwrap_err().to_string()
    };
    assert!(refused(|new| new.name = "../x".to_owned()).contains("a name has 1 to 64 letters"));
    assert!(refused(|new| new.name = "acme".to_owned()).contains("stands in"));
    assert!(refused(|new| new.destinations.clear()).contains("no destination is named"));
    assert!(
        refused(|new| new.instance_url = "http://acme.example".to_owned()).contains("readable")
    );
    let plain = refused(|new| new.secrets[0].1 = SecretRef::Plain(Secret::new("hunter2")));
    assert!(plain.contains("missing key `consumer_key`") && !plain.contains("hunter2"), "{plain}");
}

#[test]
fn each_value_is_checked_as_in_a_file() {
    for (key, good, bad, said) in [
        ("name", "acme-1", "a/b", "1 to 64"),
        ("instance_url", "acme.my.salesforce.com", "http://acme.example", "readable"),
        ("login_url", "https://login.salesforce.com", "https://x/y", "ends after its host"),
        ("salesforce_user", "a@b", "a", "e-mail address"),
        ("jwt_audience", "https://login.salesforce.com", "login", "whole address"),
        ("proxy", "http://proxy:1", "proxy", "http://host:port"),
        ("api_version", "66.0", "20.0", "oldest"),
        ("poll_interval", "5m", "2d", "1d is the most"),
        ("poll_interval", "1s", "5", "not a duration"),
        ("start", "2026-11-01", "7d", "fixed moment"),
    ] {
        assert_eq!(check_value(key, good), Ok(()), "{key}");
        let refused = check_value(key, bad).unwrap_err();
        assert!(refused.contains(said), "{key}: {refused}");
    }
}
