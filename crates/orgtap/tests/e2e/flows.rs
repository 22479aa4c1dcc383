//! The ways to sign in, and how few sign-ins it takes: sessions that outlive the process, die in
//! the middle or belong to others, and refusals that are not repeated.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use jiff::SignedDuration;
use orgtap_simorg::world::Interval;
use orgtap_simorg::{Call, Fault, Flow, LoginRefusal, Rule, UserState, When};

use crate::daemon::{Daemon, wait_until};
use crate::front::Front;
use crate::support::{Ran, Scene, small_world, world};

const FLOWS: [Flow; 4] =
    [Flow::Password, Flow::ClientCredentials, Flow::JwtBearer, Flow::RefreshToken];

fn collects(scene: &Scene) -> Ran {
    let ran = scene.run(&["collect"]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
    ran
}

/// Sign-ins by this flow that the org let through.
fn sign_ins(scene: &Scene, flow: Flow) -> usize {
    let history = scene.org.login_history();
    history.iter().filter(|it| it.flow == Some(flow) && it.refusal.is_none()).count()
}

#[test]
fn each_flow_collects_everything_exactly() {
    for flow in FLOWS {
        let scene = Scene::new(world(41, 1, 0.01));
        scene.configure_flow(flow);
        collects(&scene);
        scene.compare(Interval::Hourly);
        let history = scene.org.login_history();
        assert_eq!(history.len(), 1, "{flow}: {history:?}");
        assert_eq!(sign_ins(&scene, flow), 1, "{flow}: {history:?}");
    }
}

#[test]
fn who_signs_in_at_the_login_host_collects_at_the_instance() {
    for flow in [Flow::Password, Flow::JwtBearer, Flow::RefreshToken] {
        let scene = Scene::new(small_world(42));
        let front = Front::before(scene.org.url(), None);
        let login_url = format!("http://localhost:{}", front.address().port());
        let address = format!("{}\n  login_url: {login_url}", scene.org.url());
        scene.configure_flow_at(&address, flow);
        collects(&scene);
        scene.compare(Interval::Hourly);
        let tested = scene.run(&["test-connection"]);
        assert_eq!(tested.code, Some(0), "{flow}: {}", tested.stdout);
        assert!(tested.stdout.contains("the login host localhost answers"), "{}", tested.stdout);
        let seen = front.seen();
        assert_eq!(seen.iter().filter(|request| request.is_sign_in()).count(), 2, "{flow}");
        for request in seen {
            let target = request.target();
            assert!(request.is_sign_in() || target == "/services/data/", "{flow}: {target}");
            assert!(!request.has_session(), "{flow}: {target}");
        }
    }
}

#[test]
fn five_runs_are_one_sign_in() {
    for flow in FLOWS {
        let scene = Scene::new(small_world(43));
        scene.configure_flow(flow);
        for _ in 0..5 {
            collects(&scene);
        }
        assert_eq!(scene.org.login_history().len(), 1, "{flow}");
    }
}

#[test]
fn test_connection_and_runs_around_it_are_two_sign_ins_at_most() {
    let scene = Scene::new(small_world(44));
    scene.configure_flow(Flow::ClientCredentials);
    assert_eq!(scene.run(&["test-connection"]).code, Some(0));
    for _ in 0..5 {
        collects(&scene);
    }
    assert_eq!(scene.org.login_history().len(), 1, "the test's session is as good as any");
    // A person who asks sees a sign-in; its session is the one to go on with.
    assert_eq!(scene.run(&["test-connection"]).code, Some(0));
    for _ in 0..5 {
        collects(&scene);
    }
    assert_eq!(scene.org.login_history().len(), 2);
}

#[test]
fn a_session_is_for_the_credentials_it_came_from() {
    let scene = Scene::new(small_world(45));
    scene.configure_flow(Flow::Password);
    collects(&scene);
    let login = scene.org.credentials();

    let wrong = scene.command(&["collect"]).env("ACME_PASSWORD", "wrong").output().unwrap();
    assert_eq!(wrong.status.code(), Some(5), "{}", Ran::of(&wrong).stdout);
    let history = scene.org.login_history();
    assert_eq!(history.len(), 2, "a wrong password was hidden by the kept session");
    assert_eq!(history[1].label, Some("Invalid Password"));

    // The right ones still have theirs.
    collects(&scene);
    assert_eq!(scene.org.login_history().len(), 2);

    // The same to the org, and others to Orgtap.
    scene.reword("  security_token: { env: ACME_TOKEN }\n", "");
    let joined = login.password_with_token();
    let ran = scene.command(&["collect"]).env("ACME_PASSWORD", joined).output().unwrap();
    assert_eq!(ran.status.code(), Some(0), "{}", Ran::of(&ran).stdout);
    assert_eq!(scene.org.login_history().len(), 3);
}

/// Collects while something happens every so many downloads, as often as `times`.
fn collect_while(scene: &Scene, every: u64, times: usize, mut happens: impl FnMut()) -> usize {
    let (mut happened, mut next) = (0, every);
    let mut run = Daemon::start(&mut scene.command(&["collect"]));
    wait_until("the pass ends", || {
        // Looked at more often than the wait does, so that it strikes in the middle of calls.
        let end = Instant::now() + Duration::from_millis(200);
        while happened < times && run.runs() && Instant::now() < end {
            if scene.org.stats().of(Call::Download) >= next {
                next += every;
                happened += 1;
                happens();
            }
            std::thread::yield_now();
        }
        !run.runs()
    });
    run.end();
    happened
}

/// Files come slowly.
fn slow() -> Vec<(Fault, Rule)> {
    vec![(Fault::SlowDrip, Rule::new(When::Rate(1.0)).amount(1))]
}

#[test]
fn a_dead_session_costs_one_sign_in() {
    let scene = Scene::with(world(46, 1, 0.03), |sim| {
        sim.faults = vec![(Fault::SessionExpires, Rule::new(When::Rate(0.1)))];
    });
    scene.configure_files("hourly");
    scene.collect_all();
    scene.compare(Interval::Hourly);
    let deaths = scene.org.faults().struck()["session_expires"];
    let made = scene.org.stats().sign_ins;
    assert!(deaths > 5, "only {deaths} sessions died");
    assert!(made <= 1 + deaths, "{made} sign-ins for {deaths} dead sessions");
}

#[test]
fn sessions_that_run_out_in_the_middle_cost_one_sign_in_each() {
    let scene = Scene::with(world(47, 1, 0.03), |sim| {
        sim.org.session_lifetime = Duration::from_secs(15 * 60);
        sim.faults = slow();
    });
    scene.configure_files("hourly");
    let deaths = collect_while(&scene, 10, 8, || {
        scene.org.clock().advance(SignedDuration::from_mins(16)).unwrap();
    });
    scene.collect_all();
    scene.compare(Interval::Hourly);
    let made = scene.org.login_history().len();
    assert!(deaths >= 5, "only {deaths} sessions ran out");
    assert!(made <= 1 + deaths, "{made} sign-ins for {deaths} sessions that ran out");
}

#[test]
fn another_program_that_takes_the_users_only_session_costs_one_sign_in_each_time() {
    let scene = Scene::with(world(48, 1, 0.03), |sim| {
        sim.org.most_sessions = 1;
        // So that whoever strikes in between gets a turn, however busy the machine is.
        sim.faults = slow();
    });
    scene.configure_files("hourly");
    let login = scene.org.credentials();
    let form = format!(
        "grant_type=client_credentials&client_id={}&client_secret={}",
        login.consumer_key, login.consumer_secret
    );
    let taken = collect_while(&scene, 10, 8, || sign_in_elsewhere(scene.org.url(), &form));
    scene.collect_all();
    scene.compare(Interval::Hourly);
    let (ours, theirs) =
        (sign_ins(&scene, Flow::Password), sign_ins(&scene, Flow::ClientCredentials));
    assert_eq!(theirs, taken);
    assert!(taken >= 5, "only {taken} sessions were taken");
    assert!(ours <= 1 + taken, "{ours} sign-ins for {taken} sessions that were taken");
}

/// Another program of the same user signs in.
fn sign_in_elsewhere(org_url: &str, form: &str) {
    let address = org_url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    let length = form.len();
    write!(
        stream,
        "POST /services/oauth2/token HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\
         content-type: application/x-www-form-urlencoded\r\ncontent-length: {length}\r\n\r\n{form}"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[test]
fn a_daemon_whose_app_has_no_user_asks_once_and_goes_on_after_a_persons_test() {
    let scene = Scene::with(small_world(49), |sim| sim.org.run_as_user = false);
    scene.configure_flow(Flow::ClientCredentials);
    let mut daemon = Daemon::start(&mut scene.command(&["run"]));
    let one = || {
        let ran = scene.run(&["status", "--json"]);
        if ran.stdout.is_empty() {
            serde_json::Value::Null
        } else {
            ran.json()["connectors"][0].clone()
        }
    };
    wait_until("the refusal is known", || one()["state"] == "error");
    assert_eq!(one()["problem"]["code"], "OT-AUTH-24", "{:#}", one());

    // Put right, and still nobody has said so.
    scene.org.change(|org| org.run_as_user = true);
    let end = Instant::now() + Duration::from_secs(6);
    wait_until("six seconds pass", || {
        assert_eq!(scene.org.login_history().len(), 1, "a refused sign-in was repeated");
        assert!(daemon.runs());
        Instant::now() > end
    });
    assert_eq!(scene.run(&["test-connection"]).code, Some(0));
    wait_until("the daemon collects", || one()["units"]["done"].as_u64() > Some(0));
    assert_eq!(one()["state"], "active");
    let said = daemon.stop();
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    scene.collect_all();
    scene.compare(Interval::Hourly);
    assert_eq!(scene.org.login_history().len(), 2, "one refusal, one sign-in by the person");
}

/// What the org's administrator does to the user shows when the kept session is dead.
fn freeze(scene: &Scene) {
    scene.org.change(|org| org.user = UserState::Frozen);
    scene.org.end_sessions();
}

#[test]
fn a_refusal_after_the_kept_session_died_is_not_repeated_by_the_next_runs() {
    let scene = Scene::new(small_world(50));
    scene.configure_flow(Flow::Password);
    collects(&scene);
    freeze(&scene);
    for code in ["OT-AUTH-01", "OT-AUTH-50", "OT-AUTH-50", "OT-AUTH-50"] {
        let ran = scene.run(&["collect"]);
        assert_eq!(ran.code, Some(5), "{}", ran.stdout);
        assert!(ran.stdout.contains(code), "{code}: {}", ran.stdout);
    }
    assert_eq!(scene.org.login_history().len(), 2, "a refused sign-in was repeated");
}

#[test]
fn a_daemon_that_takes_up_a_dead_session_and_is_refused_asks_once() {
    let scene = Scene::new(small_world(50));
    scene.configure_flow(Flow::Password);
    collects(&scene);
    freeze(&scene);
    let mut daemon = Daemon::start(&mut scene.command(&["run"]));
    wait_until("it is refused", || scene.org.login_history().len() == 2);
    let end = Instant::now() + Duration::from_secs(6);
    wait_until("six seconds pass", || {
        assert_eq!(scene.org.login_history().len(), 2, "a refused sign-in was repeated");
        assert!(daemon.runs());
        Instant::now() > end
    });
    daemon.kill();
}

#[test]
fn a_refusal_in_the_middle_of_a_listing_is_not_repeated_by_the_next_runs() {
    let scene = Scene::with(small_world(50), |sim| {
        let first_query = Rule::new(When::First(1)).only(Call::Query);
        let second = Rule::new(When::Calls((2..100).collect()));
        sim.faults = vec![
            (Fault::SessionExpires, first_query),
            (Fault::Login(LoginRefusal::AuthenticationFailure), second),
        ];
    });
    scene.configure_flow(Flow::Password);
    for code in ["OT-AUTH-01", "OT-AUTH-50", "OT-AUTH-50"] {
        let ran = scene.run(&["collect"]);
        assert_eq!(ran.code, Some(5), "{}", ran.stdout);
        assert!(ran.stdout.contains(code), "{code}: {}", ran.stdout);
    }
    assert_eq!(scene.org.login_history().len(), 2, "a refused sign-in was repeated");
}
