//! An org, or what answers in its place, that repeats in its answers what it was sent.

use orgtap_simorg::{Flow, LoginRefusal};
use serde_json::json;

use crate::daemon::{Daemon, wait_until};
use crate::front::{Deed, Front, Request, answer};
use crate::planted::{Listener, Planted};
use crate::support::{Scene, small_world};

const FLOWS: [Flow; 4] =
    [Flow::Password, Flow::ClientCredentials, Flow::JwtBearer, Flow::RefreshToken];
const JSON: &str = "content-type: application/json\r\n";
const HTML: &str = "content-type: text/html\r\n";
const TEXT: &str = "content-type: text/plain\r\n";

/// A scene whose every request passes the front.
fn fronted(seed: u64, flow: Flow) -> (Scene, Front) {
    let scene = Scene::with(small_world(seed), |sim| sim.org.refresh_rotation = true);
    let front = Front::before(scene.org.url(), None);
    let url = format!("http://{}", front.address());
    scene.org.change(|org| org.external_url = Some(url.clone()));
    scene.configure_flow_at(&url, flow);
    (scene, front)
}

/// What was sent: the form as it came, its values as they were meant, and the headers' secrets.
fn told(request: &Request) -> Vec<String> {
    let mut told: Vec<String> = Vec::new();
    for pair in request.body.split('&').filter(|pair| !pair.is_empty()) {
        let (_, value) = pair.split_once('=').unwrap();
        told.push(value.to_owned());
        told.push(decoded(value));
    }
    told.extend(
        request
            .head
            .lines()
            .filter(|line| line.to_lowercase().starts_with("auth"))
            .map(str::to_owned),
    );
    // The short ones are no secrets, and push the others out of what is shown.
    told.retain(|text| text.len() > 20 || text.contains('%') || text.contains('&'));
    told
}

/// A value of a form.
fn decoded(value: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = value.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        match (first, after) {
            (b'%', [high, low, after @ ..]) => {
                let digits = [*high, *low];
                let digits = std::str::from_utf8(&digits).unwrap();
                bytes.push(u8::from_str_radix(digits, 16).unwrap());
                rest = after;
            }
            (b'+', _) => bytes.push(b' '),
            (byte, _) => bytes.push(*byte),
        }
    }
    String::from_utf8(bytes).unwrap()
}

fn in_html(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// Answers that repeat a text, of every kind the token endpoint or a thing before it can give.
fn answers_to_a_sign_in(text: &str) -> Vec<Deed> {
    let failure =
        |code: &str, said: &str| json!({ "error": code, "error_description": said }).to_string();
    let page =
        |text: &str| format!("<html><head><title>{text}</title></head><body>{text}</body></html>");
    let grant = |name: &str| {
        let mut grant = json!({
            "access_token": "00D7x00000qcqgJ!short",
            "instance_url": "http://127.0.0.1:9",
            "id": "https://login.salesforce.com/id/00D7x00000qcqgJ/0057x0000055pCK",
        });
        grant[name] = json!(text);
        grant.to_string()
    };
    let mut answers = vec![
        answer("400 Bad Request", JSON, &failure(text, "no")),
        answer(
            "400 Bad Request",
            JSON,
            &failure("invalid_grant", &format!("authentication failure {text}")),
        ),
        answer("400 Bad Request", HTML, &page(&in_html(text))),
        answer("400 Bad Request", TEXT, text),
        answer("401 Unauthorized", JSON, &failure("invalid_client", text)),
        answer("403 Forbidden", HTML, &page(text)),
        answer("404 Not Found", TEXT, text),
        answer("429 Too Many Requests", JSON, &failure("x", text)),
        answer("500 Internal Server Error", HTML, &page(text)),
        answer("503 Service Unavailable", TEXT, text),
        answer("200 OK", HTML, &page(text)),
        answer("200 OK", JSON, text),
        answer("200 OK", JSON, &json!({ "error": text }).to_string()),
    ];
    answers.extend(
        ["access_token", "instance_url", "id"].map(|name| answer("200 OK", JSON, &grant(name))),
    );
    let address = text.replace(' ', "+").replace(|c: char| !c.is_ascii_graphic(), "");
    let to = format!("location: https://elsewhere.example/?{address}\r\n");
    answers.push(answer("302 Found", &to, text));
    answers
}

/// Answers that repeat a text, of every kind the data API or a thing before it can give.
fn answers_to_a_call(text: &str) -> Vec<Deed> {
    let failure =
        |code: &str, said: &str| json!([{ "errorCode": code, "message": said }]).to_string();
    let page = |text: &str| format!("<html><body><pre>{text}</pre></body></html>");
    vec![
        answer("401 Unauthorized", JSON, &failure("INVALID_SESSION_ID", text)),
        answer("401 Unauthorized", HTML, &page(text)),
        answer("400 Bad Request", JSON, &failure(text, text)),
        answer("403 Forbidden", JSON, &failure("API_DISABLED_FOR_ORG", text)),
        answer("403 Forbidden", JSON, &failure("REQUEST_LIMIT_EXCEEDED", text)),
        answer("404 Not Found", HTML, &page(text)),
        answer("420 Enhance Your Calm", HTML, &page(text)),
        answer("500 Internal Server Error", JSON, &failure("UNKNOWN_EXCEPTION", text)),
        answer("503 Service Unavailable", HTML, &page(text)),
        answer("200 OK", HTML, &page(text)),
        answer("200 OK", JSON, &json!({ "records": text }).to_string()),
        answer("200 OK", JSON, text),
    ]
}

/// The `number`-th answer that repeats all a request told, or only its `which`-th secret.
fn repeat(answers: fn(&str) -> Vec<Deed>, number: usize, request: &Request, which: usize) -> Deed {
    let mut told = told(request);
    if which < told.len() {
        told = vec![told.swap_remove(which)];
    }
    let mut answers = answers(&told.join(" "));
    answers.swap_remove(number)
}

#[test]
fn a_token_endpoint_that_repeats_what_it_was_sent_is_not_quoted_with_it() {
    for flow in FLOWS {
        let (scene, front) = fronted(91, flow);
        let mut listener = Listener::default();
        // Every answer to one flow, and some to the others: what is taken out differs, and not how.
        let step = if flow == Flow::Password { 1 } else { 4 };
        let kinds = answers_to_a_sign_in("x").len();
        for number in (0..kinds).step_by(step) {
            front.decide(move |request| {
                if request.is_sign_in() {
                    // All of it, and in the next round each secret alone.
                    repeat(answers_to_a_sign_in, number, request, 100)
                } else {
                    Deed::Pass
                }
            });
            let log = ["trace", "debug"][number % 2];
            let ran = listener.run(&scene, &["--log", log, "test-connection"]);
            assert_eq!(ran.code, Some(5), "{flow}, answer {number}: {}", ran.stdout);
            if number % 8 == 0 {
                listener.run(&scene, &["--log", log, "--log-format", "json", "collect", "--json"]);
            }
        }
        for which in (0..8).step_by(step.min(2)) {
            front.decide(move |request| {
                if request.is_sign_in() {
                    repeat(answers_to_a_sign_in, which % 4, request, which)
                } else {
                    Deed::Pass
                }
            });
            listener.run(&scene, &["--log", "trace", "test-connection", "--json"]);
        }
        listener.run(&scene, &["status", "--json"]);
        // A daemon for which all this is new.
        std::fs::remove_dir_all(scene.path("data")).unwrap();
        let before = front.seen().len();
        let run = Daemon::start(&mut scene.command(&["--log", "trace", "run"]));
        let asked = || front.seen()[before..].iter().any(Request::is_sign_in);
        wait_until("the daemon signs in", asked);
        listener.keep("run", run.stop());
        listener.heard_none_of(&Planted::of(&scene), &scene);
        let seen = front.seen();
        assert!(
            seen.iter().filter(|request| request.is_sign_in()).count() >= kinds / step,
            "{flow}"
        );
    }
}

#[test]
fn every_refusal_that_repeats_the_form_is_recognised_and_not_quoted_with_it() {
    let (scene, front) = fronted(92, Flow::Password);
    let mut listener = Listener::default();
    for refusal in LoginRefusal::ALL {
        front.decide(move |request| {
            if !request.is_sign_in() {
                return Deed::Pass;
            }
            let description = format!("{}: {}", refusal.description(), told(request).join(" "));
            let body = json!({ "error": refusal.error(), "error_description": description });
            answer("400 Bad Request", JSON, &body.to_string())
        });
        let ran = listener.run(&scene, &["--log", "debug", "test-connection"]);
        assert!(ran.stdout.contains("[secret]"), "{refusal:?}: {}", ran.stdout);
        let known: String = refusal.description().chars().take(40).collect();
        assert!(ran.stdout.contains(&known), "{refusal:?}: {}", ran.stdout);
    }
    listener.run(&scene, &["status", "--json"]);
    listener.heard_none_of(&Planted::of(&scene), &scene);
}

#[test]
fn a_data_api_that_repeats_the_session_is_not_quoted_with_it() {
    let kinds = answers_to_a_call("x").len();
    // Before the listing, while listing, while downloading.
    for place in ["/describe", "/query", "/LogFile"] {
        let (scene, front) = fronted(93, Flow::Password);
        scene.reword("attempts: 12", "attempts: 2");
        let mut listener = Listener::default();
        // A pass takes longer than a test, and meets the most while it downloads.
        let every = if place == "/LogFile" { 2 } else { 4 };
        for number in 0..kinds {
            front.decide(move |request| {
                let here = request.target().split('?').next().unwrap().ends_with(place);
                if here { repeat(answers_to_a_call, number, request, 100) } else { Deed::Pass }
            });
            let log = ["trace", "debug"][number % 2];
            listener.run(&scene, &["--log", log, "test-connection", "--json"]);
            if number % every == 0 {
                listener.run(&scene, &["--log", log, "--log-format", "json", "collect"]);
            }
        }
        front.decide(|_| Deed::Pass);
        scene.collect_all();
        listener.run(&scene, &["status", "--json"]);
        listener.heard_none_of(&Planted::of(&scene), &scene);
        assert!(scene.org.session_tokens().len() > 3);
    }
}
