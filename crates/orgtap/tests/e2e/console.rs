//! Where the console listens, and the ways in that the command line makes.

use std::fs;
use std::net::TcpListener;

use rcgen::{CertificateParams, KeyPair};

use crate::api::{Api, curl};
use crate::browser::way_in;
use crate::daemon::{Daemon, wait_until};
use crate::support::{FILES, Scene, small_world};

fn configure(scene: &Scene, console: &str) {
    let text = format!("data_dir: data\nconsole: {console}\ndestinations:\n{FILES}");
    fs::write(scene.path("orgtap.yaml"), text).unwrap();
}

#[test]
fn a_console_with_a_certificate_speaks_tls_alone() {
    let scene = Scene::new(small_world(94));
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    fs::write(scene.path("console.crt"), params.self_signed(&key).unwrap().pem()).unwrap();
    fs::write(scene.path("console.key"), key.serialize_pem()).unwrap();
    let tls = "tls: { certificate: console.crt, key: console.key }";
    configure(&scene, &format!("{{ listen: \"127.0.0.1:0\", {tls} }}"));
    let daemon = Daemon::start(&mut scene.command(&["run"]));
    let (console, link) = way_in(&scene);
    assert!(console.starts_with("https://"), "{console}");
    let certificate = scene.path("console.crt").to_string_lossy().into_owned();
    let trust = ["--cacert", &certificate, "--connect-to"];
    let port = console.rsplit_once(':').unwrap().1;
    let to = format!("localhost:{port}:127.0.0.1:{port}");
    let page = format!("https://localhost:{port}/sign-in");
    let seen = curl(&[&trust[..], &[&to, "--include", &page]].concat());
    assert_eq!(seen.status, 200, "{seen:?}");
    let code = link.split_once('#').unwrap().1;
    let form = format!("code={code}&name=ada&password=correct+horse+battery");
    let form = format!("{form}&again=correct+horse+battery");
    let origin = format!("origin: https://localhost:{port}");
    let enter = format!("https://localhost:{port}/link");
    let entered = curl(
        &[&trust[..], &[&to, "--include", "--header", &origin, "--data", &form, &enter]].concat(),
    );
    assert_eq!(entered.status, 303, "{entered:?}");
    assert!(
        entered.text.contains("__Host-orgtap") && entered.text.contains("Secure"),
        "{entered:?}"
    );
    let plain = curl(&["--max-time", "5", &console.replace("https://", "http://")]);
    assert_eq!(plain.status, 0, "{plain:?}");
    assert_eq!(daemon.stop().code, Some(0));
}

#[test]
fn beyond_this_machine_a_console_needs_tls_or_a_proxy() {
    let scene = Scene::new(small_world(96));
    configure(&scene, "{ listen: \"0.0.0.0:0\" }");
    let ran = scene.run(&["config", "check"]);
    assert_eq!(ran.code, Some(2), "{}", ran.stdout);
    assert!(ran.stderr.contains("console.listen") && ran.stderr.contains("tls"), "{}", ran.stderr);
}

#[test]
fn whoever_is_locked_out_makes_a_link_on_the_machine() {
    let scene = Scene::new(small_world(97));
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    drop(taken);
    configure(&scene, &format!("{{ listen: \"127.0.0.1:{port}\" }}"));
    let none = scene.run(&["console", "link"]);
    assert_eq!(none.code, Some(2), "{none:?}");
    let daemon = Daemon::start(&mut scene.command(&["run"]));
    let first = Api::open(&scene, "viewer");
    let made = scene.run(&["--json", "console", "link"]);
    assert_eq!(made.code, Some(0), "{made:?}");
    let link = made.json()["link"].as_str().unwrap().to_owned();
    fs::write(scene.path("data/console-link"), format!("{link}\n")).unwrap();
    // With the name of somebody who is there, it gives them another password.
    let again = Api::open_as(&scene, "again", "viewer");
    assert_eq!(again.get("/connectors"), first.get("/connectors"));
    let spent =
        scene.run(&["--json", "console", "link"]).json()["link"].as_str().unwrap().to_owned();
    assert_ne!(spent, link);
    assert_eq!(daemon.stop().code, Some(0));
}

#[test]
fn a_port_that_is_taken_is_a_reason_to_stop_only_if_it_was_asked_for() {
    let scene = Scene::new(small_world(98));
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    configure(&scene, &format!("{{ listen: \"{}\" }}", taken.local_addr().unwrap()));
    let ran = scene.run(&["run"]);
    assert_ne!(ran.code, Some(0), "{ran:?}");
    assert!(
        ran.stderr.contains("OT-WEB-") && ran.stderr.contains("cannot listen"),
        "{}",
        ran.stderr
    );
    // This one says `console: off`.
    scene.configure_files("daily");
    let mut daemon = Daemon::start(&mut scene.command(&["run"]));
    wait_until("it runs", || {
        let ran = scene.run(&["status", "--json"]);
        ran.code == Some(0) && ran.json()["running"] == true
    });
    assert!(daemon.runs());
    assert!(!scene.path("data/console-link").exists());
    assert_eq!(daemon.stop().code, Some(0));
}
