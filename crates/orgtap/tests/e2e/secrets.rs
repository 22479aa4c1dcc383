//! Secrets show nowhere: in no output, no log, no file and no address, whatever goes well or wrong.

use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt as _;

use orgtap_simorg::Flow;

use crate::daemon::{Daemon, wait_until};
use crate::front::Front;
use crate::planted::{Listener, Planted};
use crate::support::{FILES, KIT, REFRESH_TOKEN, Scene, small_world};

const FLOWS: [Flow; 4] =
    [Flow::Password, Flow::ClientCredentials, Flow::JwtBearer, Flow::RefreshToken];
const TEXT: [&str; 2] = ["--log", "trace"];
const JSON: [&str; 4] = ["--log", "debug", "--log-format", "json"];

/// A value for places in which the org's own secrets cannot stand.
const STRAY: &str = "Pl4nted-5ecret-Th4t-N0body-M4y-Se3";

/// Everything that can be run with a configuration, besides `run`.
const COMMANDS: [&[&str]; 12] = [
    &["test-connection"],
    &["collect"],
    &["test-connection", "--json"],
    &["collect", "--json"],
    &["status"],
    &["status", "--json"],
    &["config", "check"],
    &["connector", "list", "--json"],
    &["connector", "show", "acme", "--json"],
    &["vault", "list", "--json"],
    &["setup-kit", "check"],
    &["healthcheck", "--json"],
];

#[test]
fn when_all_goes_well_nothing_shows_a_secret() {
    for flow in FLOWS {
        let scene = Scene::with(small_world(61), |sim| sim.org.refresh_rotation = true);
        let front = Front::before(scene.org.url(), None);
        let url = format!("http://{}", front.address());
        scene.org.change(|org| org.external_url = Some(url.clone()));
        scene.configure_flow_at(&url, flow);
        let mut listener = Listener::default();
        for (number, command) in COMMANDS.iter().enumerate() {
            let log: &[&str] = if number % 2 == 0 { &TEXT } else { &JSON };
            if number < 4 {
                scene.org.end_sessions();
            }
            let ran = listener.run(&scene, &[log, command].concat());
            // Nothing runs, and the org lacks what the kit would have brought.
            let well = match command[0] {
                "healthcheck" => 1,
                "setup-kit" => 5,
                _ => 0,
            };
            assert_eq!(ran.code, Some(well), "{command:?}: {}{}", ran.stdout, ran.stderr);
        }
        scene.org.end_sessions();
        let before = front.seen().len();
        let run = Daemon::start(&mut scene.command(&[&TEXT[..], &["run"]].concat()));
        wait_until("the daemon polls", || front.seen().len() > before + 4);
        listener.run(&scene, &["healthcheck"]);
        listener.keep("run", run.stop());
        let planted = Planted::of(&scene);
        listener.heard_none_of(&planted, &scene);
        assert!(listener.heard() > 20_000, "logging is off");
        assert!(scene.org.session_tokens().len() >= 4, "{:?}", scene.org.session_tokens());
        for request in front.seen() {
            let first_line = request.head.lines().next().unwrap();
            planted.are_not_in("the address of a request", first_line.as_bytes());
        }
    }
}

#[test]
fn making_a_key_shows_it_nowhere_but_in_its_file() {
    let scene = Scene::new(small_world(62));
    let mut listener = Listener::default();
    let kit = ["setup-kit", "--flow", "all", "--out", KIT, "--contact-email", "siem@acme.example"];
    for log in [&TEXT[..], &JSON] {
        for more in [&["--json"][..], &["--force"], &["--force", "--new-key", "--json"], &[]] {
            listener.run(&scene, &[log, &kit, more].concat());
        }
    }
    assert!(scene.path(KIT).join("keys/orgtap.key").exists());
    listener.heard_none_of(&Planted::of(&scene), &scene);
}

#[test]
fn a_vault_key_of_the_environment_is_written_nowhere() {
    for log in [&TEXT[..], &JSON] {
        let scene = Scene::new(small_world(63));
        scene.configure_flow(Flow::RefreshToken);
        scene.reword("data_dir: data\n", "data_dir: data\nvault: { key: { env: VAULT_KEY } }\n");
        let key = orgtap_transport::vault::new_key().unwrap();
        let mut listener = Listener::default();
        let mut hear = |args: &[&str], key: &str| {
            let mut command = scene.command(args);
            listener.hear(&args.join(" "), command.env("VAULT_KEY", key)).clone()
        };
        for command in COMMANDS {
            let ran = hear(&[log, command].concat(), key.expose());
            assert_ne!(ran.code, Some(2), "{command:?}: {}{}", ran.stdout, ran.stderr);
        }
        // Cut off while copying: it is no key, and still not to be shown.
        let half = &key.expose()[..30];
        for command in COMMANDS {
            hear(&[log, command].concat(), half);
        }
        let mut planted = Planted::of(&scene);
        planted.add("the vault's key", key.expose());
        listener.heard_none_of(&planted, &scene);
        assert!(!scene.path("data/vault.key").exists());
    }
}

#[test]
fn a_variable_that_is_not_text_is_not_shown() {
    let mut broken = STRAY.as_bytes().to_vec();
    broken.push(0xff);
    let broken = OsString::from_vec(broken);
    for variable in ["ACME_PASSWORD", "ACME_SECRET", "ACME_KEY", "VAULT_KEY"] {
        let scene = Scene::new(small_world(64));
        scene.configure_flow(Flow::Password);
        scene.reword("data_dir: data\n", "data_dir: data\nvault: { key: { env: VAULT_KEY } }\n");
        let mut listener = Listener::default();
        for command in COMMANDS {
            let args = [&TEXT[..], command].concat();
            listener.hear(&args.join(" "), scene.command(&args).env(variable, &broken));
        }
        let mut planted = Planted::of(&scene);
        planted.add("a variable that is not text", STRAY);
        listener.heard_none_of(&planted, &scene);
    }
}

/// A whole connector with secrets as plain values, one of them this text.
fn plain_text(scene: &Scene) -> String {
    format!(
        "data_dir: data\nconnectors:\n- name: acme\n  type: salesforce_connector\n  \
         instance_url: {}\n  salesforce_user: collector@acme.example\n  \
         salesforce_user_password: {STRAY}\n  consumer_key: {STRAY}\n  \
         consumer_secret: {STRAY}\n  security_token: {STRAY}\n  destinations: [files]\n\
         destinations:\n{FILES}",
        scene.org.url()
    )
}

#[test]
fn a_secret_in_the_wrong_place_of_the_configuration_is_not_shown() {
    let scene = Scene::new(small_world(65));
    let good = plain_text(&scene);
    let url = format!("instance_url: {}", scene.org.url());
    let line = format!("  consumer_secret: {STRAY}\n");
    let secret = |value: String| good.replace(&line, &format!("  consumer_secret: {value}\n"));
    let beside = |text: String| good.replace(&line, &format!("{line}{text}\n"));
    let address = |text: String| good.replace(&url, &text);
    let cases = [
        good.clone(),
        // Under keys there are not, or that others call so.
        beside(format!("  salesforce_user_pasword: {STRAY}")),
        beside(format!("  passwd: {STRAY}")),
        beside(format!("  Salesforce User Password: {STRAY}")),
        beside(format!("  client_secret: {STRAY}")),
        beside(format!("  something: {STRAY}")),
        beside(format!("  something: {{ deeper: [{STRAY}] }}")),
        beside(format!("  consumer_secret: {STRAY}-again")),
        beside(format!("  {STRAY}")),
        // In a shape it cannot have.
        secret(format!("[{STRAY}]")),
        secret(format!("{{ {STRAY}: x }}")),
        secret(format!("{{ envv: {STRAY} }}")),
        secret(format!("{{ env: [{STRAY}] }}")),
        secret(format!("{{ env: ACME_SECRET, plain: {STRAY} }}")),
        secret(format!("{{ env: \"${{{STRAY}}}\" }}")),
        secret(format!("\"{STRAY}")),
        secret(format!("'{STRAY}'x")),
        secret(format!("{STRAY}: x")),
        secret(format!("*{STRAY}")),
        secret(format!("!{STRAY} x")),
        secret(format!("&{STRAY}")),
        secret(format!("%{STRAY}")),
        secret(format!("@{STRAY}")),
        secret(format!("`{STRAY}`")),
        secret(format!("|\n{STRAY}")),
        secret(format!("\n\t{STRAY}")),
        secret(format!("{STRAY}\u{7}")),
        // In an address.
        address(format!("instance_url: https://collector:{STRAY}@acme.my.salesforce.com")),
        address(format!("instance_url: https://acme.my.salesforce.com/?password={STRAY}")),
        address(format!("instance_url: https://acme.my.salesforce.com/{STRAY}")),
        address(format!("instance_url: http://acme.example/{STRAY}")),
        beside(format!("  login_url: https://collector:{STRAY}@login.salesforce.com")),
        beside(format!("  proxy: http://siem:{STRAY}@proxy.example:3128")),
        beside(format!("  jwt_audience: https://login.salesforce.com/?{STRAY}")),
        // For another flow.
        beside(format!("  refresh_token: {STRAY}")),
        beside(format!("  auth: {STRAY}")),
        beside(format!("  auth: jwt_bearer\n  jwt_key: {STRAY}")),
        beside("  auth: jwt_bearer\n  jwt_key: { file: notes }".to_owned())
            .replace(&format!("  salesforce_user_password: {STRAY}\n"), "")
            .replace(&format!("  security_token: {STRAY}\n"), "")
            .replace(&line, ""),
        beside("  ca_file: notes".to_owned()),
        // In a destination.
        good.replace("  type: file\n", &format!("  type: file\n  token: {STRAY}\n")),
        good.replace(
            FILES,
            &format!(
                "- name: files\n  type: http\n  url: https://siem:{STRAY}@127.0.0.1:9/\n  \
                 headers: {{ x-key: {STRAY}, {STRAY}: x }}\n"
            ),
        ),
    ];
    fs::write(scene.path("notes"), format!("{STRAY}\n")).unwrap();
    let mut planted = Planted::default();
    planted.add("a secret in the wrong place", STRAY);
    for text in cases {
        fs::write(scene.path("orgtap.yaml"), &text).unwrap();
        let mut listener = Listener::default();
        for command in [
            &["config", "check"][..],
            &["config", "check", "--json"],
            &["test-connection", "--json"],
            &["connector", "list"],
            &["connector", "show", "acme", "--json"],
            &["vault", "list"],
            &["collect"],
        ] {
            listener.run(&scene, &[&TEXT[..], command].concat());
        }
        // The file itself and the notes are where the person put them.
        fs::remove_file(scene.path("orgtap.yaml")).unwrap();
        let notes = fs::read(scene.path("notes")).unwrap();
        fs::remove_file(scene.path("notes")).unwrap();
        listener.heard_none_of(&planted, &scene);
        fs::write(scene.path("notes"), notes).unwrap();
    }
}

#[test]
fn a_data_folder_that_cannot_be_used_shows_nothing_and_costs_no_refresh_token() {
    type Damage = fn(&Scene);
    let damages: [(&str, &'static str, Damage); 7] = [
        ("a file in place of the folder", "data", |scene| {
            fs::remove_dir_all(scene.path("data")).unwrap();
            fs::write(scene.path("data"), "").unwrap();
        }),
        ("a file in place of the vault", "data/vault", |scene| {
            fs::remove_dir_all(scene.path("data/vault")).unwrap();
            fs::write(scene.path("data/vault"), STRAY).unwrap();
        }),
        ("a folder in place of the vault's key", "\0", |scene| {
            fs::remove_file(scene.path("data/vault.key")).unwrap();
            fs::create_dir(scene.path("data/vault.key")).unwrap();
        }),
        ("another key", "\0", |scene| {
            let other = orgtap_transport::vault::new_key().unwrap();
            fs::write(scene.path("data/vault.key"), other.expose()).unwrap();
        }),
        ("no key", "\0", |scene| fs::remove_file(scene.path("data/vault.key")).unwrap()),
        ("a text in place of the key", "data/vault.key", |scene| {
            fs::write(scene.path("data/vault.key"), STRAY).unwrap();
        }),
        ("a text in place of the installation's key", "data/installation.key", |scene| {
            fs::write(scene.path("data/installation.key"), STRAY).unwrap();
        }),
    ];
    for (damage, home, strike) in damages {
        let scene = Scene::with(small_world(66), |sim| sim.org.refresh_rotation = true);
        scene.configure_flow(Flow::RefreshToken);
        scene.reword("attempts: 12", "attempts: 2");
        assert_eq!(scene.run(&["collect"]).code, Some(0));
        let mut planted = Planted::of(&scene);
        planted.add_with_home("the text of a damaged file", STRAY, home);
        strike(&scene);
        scene.org.end_sessions();
        let alive = scene.org.current_refresh_token();
        let mut listener = Listener::default();
        for (number, command) in COMMANDS.iter().enumerate() {
            let log: &[&str] = if number % 2 == 0 { &TEXT } else { &JSON };
            let ran = listener.run(&scene, &[log, command].concat());
            if command[0] == "collect" || command[0] == "test-connection" {
                assert_ne!(ran.code, Some(0), "{damage}: {}", ran.stdout);
            }
        }
        assert_eq!(scene.org.current_refresh_token(), alive, "{damage}: the token was used up");
        let history = scene.org.login_history();
        assert_eq!(history.len(), 1, "{damage}: {history:?}");
        assert_eq!(
            fs::read_to_string(scene.path(REFRESH_TOKEN)).unwrap(),
            scene.org.refresh_token()
        );
        listener.heard_none_of(&planted, &scene);
    }
}
