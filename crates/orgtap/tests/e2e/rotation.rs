//! Refresh tokens that are good once: the chain goes on through runs, deaths and rivals.

use std::fs;
use std::time::{Duration, Instant};

use orgtap_simorg::world::Interval;
use orgtap_simorg::{Flow, LoginRefusal};
use orgtap_transport::{Secret, Vault};
use serde_json::{Value, json};

use crate::daemon::{Daemon, wait_until};
use crate::front::{Deed, Front};
use crate::support::{REFRESH_TOKEN, Random, Scene, small_world};

fn scene(seed: u64) -> Scene {
    let scene = Scene::with(small_world(seed), |sim| sim.org.refresh_rotation = true);
    scene.configure_flow(Flow::RefreshToken);
    scene
}

/// The newest token that is kept for the next run.
fn kept(scene: &Scene) -> Option<String> {
    let text = Vault::new(&scene.path("data"), None).get("acme/newest_refresh_token").unwrap()?;
    let entry: Value = serde_json::from_str(text.expose()).unwrap();
    Some(entry["token"].as_str().unwrap().to_owned())
}

/// What the org says to a dead token is shown once with its remedy; then nothing is sent.
fn asserts_a_dead_token_is_told_and_not_tried_again(scene: &Scene) {
    let before = scene.org.login_history().len();
    let ran = scene.run(&["collect"]);
    assert_eq!(ran.code, Some(5), "{}{}", ran.stdout, ran.stderr);
    asserts_told(scene, &ran.stdout);
    assert_eq!(scene.org.login_history().len(), before + 1);
}

fn asserts_told(scene: &Scene, said: &str) {
    assert!(said.contains("[OT-AUTH-21]"), "{said}");
    assert!(
        said.contains("remedy: Authorise the app again and enter the new refresh token"),
        "{said}"
    );
    let attempts = scene.org.login_history().len();
    for _ in 0..3 {
        let ran = scene.run(&["collect"]);
        assert_eq!(ran.code, Some(5), "{}", ran.stdout);
        assert!(ran.stdout.contains("[OT-AUTH-50]"), "{}", ran.stdout);
    }
    assert_eq!(scene.org.login_history().len(), attempts, "a dead token was tried again");
}

/// A person authorises the app again and enters the new token.
fn authorise_again(scene: &Scene) {
    fs::write(scene.path(REFRESH_TOKEN), scene.org.authorise()).unwrap();
    let ran = scene.run(&["collect"]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
}

#[test]
fn each_run_goes_on_with_the_token_of_the_last_and_the_configured_one_stays() {
    let scene = scene(51);
    let files = || {
        let read = |name| fs::read_to_string(scene.path(name)).unwrap();
        (read("orgtap.yaml"), read(REFRESH_TOKEN))
    };
    let configured = files();
    for _ in 0..8 {
        scene.org.end_sessions();
        let ran = scene.run(&["collect"]);
        assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
    }
    scene.compare(Interval::Hourly);
    let history = scene.org.login_history();
    assert_eq!(history.len(), 8);
    assert!(history.iter().all(|attempt| attempt.refusal.is_none()), "{history:?}");
    assert_eq!(scene.org.refresh_tokens().len(), 9);
    assert_eq!(kept(&scene), scene.org.current_refresh_token());
    assert_eq!(files(), configured);
}

#[test]
fn a_chain_goes_on_when_the_apps_secret_or_the_login_url_changes() {
    let scene = scene(55);
    scene.org.change(|org| org.consumer_secret_required = false);
    let collects = |when: &str| {
        scene.org.end_sessions();
        let ran = scene.run(&["collect"]);
        assert_eq!(ran.code, Some(0), "{when}: {}{}", ran.stdout, ran.stderr);
        assert_eq!(kept(&scene), scene.org.current_refresh_token(), "{when}");
    };
    collects("at first");
    collects("with the next token");
    scene.reword("  consumer_secret: { env: ACME_SECRET }\n", "");
    collects("with another secret");
    let address = format!("  instance_url: {}\n", scene.org.url());
    scene.reword(&address, &format!("{address}  login_url: {}\n", scene.org.login_url()));
    collects("with another login URL");
    // Another token begins another chain, and the first one is still known when it is back.
    let first = fs::read_to_string(scene.path(REFRESH_TOKEN)).unwrap();
    fs::write(scene.path(REFRESH_TOKEN), "another").unwrap();
    assert_eq!(scene.run(&["collect"]).code, Some(5));
    fs::write(scene.path(REFRESH_TOKEN), first).unwrap();
    collects("after another chain");
}

#[test]
fn a_token_that_an_older_version_kept_is_found() {
    let scene = scene(56);
    let ran = scene.run(&["collect"]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
    let vault = Vault::new(&scene.path("data"), None);
    let text = vault.get("acme/newest_refresh_token").unwrap().unwrap();
    let entry: Value = serde_json::from_str(text.expose()).unwrap();
    let old = json!({ "credentials": entry["credentials"], "token": entry["token"] });
    vault.set("acme/newest_refresh_token", &Secret::new(old.to_string())).unwrap();
    scene.org.end_sessions();
    let ran = scene.run(&["collect"]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
    assert_eq!(kept(&scene), scene.org.current_refresh_token());
}

#[test]
fn a_death_between_the_orgs_answer_and_the_disk_is_told_and_healed_by_a_new_authorisation() {
    let scene = scene(52);
    let front = Front::before(scene.org.url(), None);
    let address = format!("{}\n  login_url: http://{}", scene.org.url(), front.address());
    scene.configure_flow_at(&address, Flow::RefreshToken);
    front.decide(|request| if request.is_sign_in() { Deed::HoldBack } else { Deed::Pass });
    let run = Daemon::start(&mut scene.command(&["collect"]));
    wait_until("the org has answered", || front.held() == 1);
    run.kill();
    assert_ne!(kept(&scene), scene.org.current_refresh_token(), "the answer came through");

    front.decide(|_| Deed::Pass);
    asserts_a_dead_token_is_told_and_not_tried_again(&scene);
    authorise_again(&scene);
    scene.compare(Interval::Hourly);
}

/// A count that no longer grows.
fn settled(count: impl Fn() -> usize) -> usize {
    let mut last = count();
    loop {
        std::thread::sleep(Duration::from_millis(50));
        let now = count();
        if now == last {
            return now;
        }
        last = now;
    }
}

#[test]
fn kill_nine_at_random_moments_never_leaves_a_dead_token_but_in_that_gap() {
    let scene = scene(53);
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let (mut killed, mut dead) = (0, 0);
    // Any moment of a run, however long this machine takes for one.
    scene.collect_all();
    scene.org.end_sessions();
    let start = Instant::now();
    assert_eq!(scene.run(&["collect"]).code, Some(0));
    let whole = u64::try_from(start.elapsed().as_micros()).unwrap();
    for _ in 0..20 {
        // So that every run has to exchange the token.
        scene.org.end_sessions();
        let mut run = Daemon::start(&mut scene.command(&["collect"]));
        std::thread::sleep(Duration::from_micros(random.below(whole)));
        killed += usize::from(run.runs());
        run.kill();

        // What it had sent may still be on its way.
        let attempts = settled(|| scene.org.login_history().len());
        scene.org.end_sessions();
        let before = kept(&scene);
        let ran = scene.run(&["collect"]);
        if ran.code == Some(0) {
            assert_eq!(kept(&scene), scene.org.current_refresh_token());
            continue;
        }
        // The org gave a token away that never came to the disk; nothing else is an excuse.
        let given = scene.org.refresh_tokens();
        let newest = given.last().filter(|_| given.len() > 1);
        assert!(newest.is_some() && before.as_ref() != newest, "{}{}", ran.stdout, ran.stderr);
        assert_eq!(ran.code, Some(5), "{}{}", ran.stdout, ran.stderr);
        assert_eq!(scene.org.login_history().len(), attempts + 1);
        asserts_told(&scene, &ran.stdout);
        authorise_again(&scene);
        dead += 1;
    }
    println!("{killed} killed, {dead} of them between the org's answer and the disk");
    assert!(killed >= 10, "only {killed} processes lived long enough to be killed");
    scene.collect_all();
    scene.compare(Interval::Hourly);
}

#[test]
fn processes_side_by_side_never_use_a_token_twice() {
    let scene = scene(54);
    for turn in 0..8 {
        scene.org.end_sessions();
        let commands: [&[&str]; 3] = [&["collect"], &["test-connection"], &["test-connection"]];
        let running = commands.map(|args| Daemon::start(&mut scene.command(args)));
        for (mut daemon, args) in running.into_iter().zip(commands) {
            let ran = daemon.end();
            assert_eq!(ran.code, Some(0), "turn {turn}, {args:?}: {}{}", ran.stdout, ran.stderr);
        }
        let history = scene.org.login_history();
        let refused =
            history.iter().find(|attempt| attempt.refusal == Some(LoginRefusal::ExpiredToken));
        assert_eq!(refused, None, "turn {turn}");
        assert_eq!(kept(&scene), scene.org.current_refresh_token(), "turn {turn}");
    }
    scene.collect_all();
    scene.compare(Interval::Hourly);
}
