//! The console's JSON API, used by programs: `curl`, and `schemathesis`, which tries whatever the
//! document says and does not say.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::browser::way_in;
use crate::daemon::{Daemon, wait_until};
use crate::support::{FILES, Scene, small_world};

/// A running console and a token for its API.
pub(crate) struct Api {
    url: String,
    token: String,
}

/// What a call answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) text: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

pub(crate) fn curl(args: &[&str]) -> Answer {
    let mut command = Command::new("curl");
    command.args(["--silent", "--show-error", "--noproxy", "*", "--write-out", "\n%{http_code}"]);
    let ran = command.args(args).output().expect("curl is there: `cargo x setup`");
    let text = String::from_utf8(ran.stdout).unwrap();
    let (text, status) = text.rsplit_once('\n').unwrap();
    Answer { status: status.parse().unwrap(), text: text.to_owned() }
}

impl Api {
    /// Becomes the first administrator by the link, and makes a token.
    pub(crate) fn open(scene: &Scene, role: &str) -> Self {
        Self::open_as(scene, "test", role)
    }

    /// The same with another name for the token.
    pub(crate) fn open_as(scene: &Scene, token: &str, role: &str) -> Self {
        let (console, link) = way_in(scene);
        let jar = scene.path("cookies").to_string_lossy().into_owned();
        let origin = format!("origin: {console}");
        let code = link.split_once('#').unwrap().1;
        let form = format!("code={code}&name=ada&password=correct+horse+battery");
        let form = format!("{form}&again=correct+horse+battery");
        let into = format!("{console}/link");
        let entered = curl(&["--cookie-jar", &jar, "--header", &origin, "--data", &form, &into]);
        assert_eq!(entered.status, 303, "{entered:?}");
        let page = curl(&["--cookie", &jar, &format!("{console}/account")]).text;
        let csrf = page.split_once("name=\"csrf\" content=\"").unwrap().1;
        let csrf = format!("x-csrf-token: {}", csrf.split_once('"').unwrap().0);
        let new = json!({ "name": token, "role": role, "days": 1 }).to_string();
        let kind = "content-type: application/json";
        let made = curl(&[
            "--cookie",
            &jar,
            "--header",
            &origin,
            "--header",
            &csrf,
            "--header",
            kind,
            "--data",
            &new,
            &format!("{console}/api/v1/tokens"),
        ]);
        assert_eq!(made.status, 201, "{made:?}");
        let token = made.json()["token"].as_str().unwrap().to_owned();
        Self { url: format!("{console}/api/v1"), token }
    }

    /// Where the console is.
    pub(crate) fn console(&self) -> &str {
        self.url.trim_end_matches("/api/v1")
    }

    fn call(&self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        let token = format!("authorization: Bearer {}", self.token);
        let (url, body) = (format!("{}{path}", self.url), body.map(Value::to_string));
        let mut args = vec!["--compressed", "--request", method, "--header", &token, &url];
        if let Some(body) = &body {
            args.extend(["--header", "content-type: application/json", "--data", body]);
        }
        curl(&args)
    }

    pub(crate) fn get(&self, path: &str) -> Value {
        let answer = self.call("GET", path, None);
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        answer.json()
    }
}

/// An installation without connectors whose console listens somewhere.
fn empty(scene: &Scene) -> Daemon {
    let text =
        format!("data_dir: data\nconsole: {{ listen: \"127.0.0.1:0\" }}\ndestinations:\n{FILES}");
    fs::write(scene.path("orgtap.yaml"), text).unwrap();
    Daemon::start(&mut scene.command(&["run"]))
}

/// The last line of a test, which is its report.
fn report(answer: &Answer) -> Value {
    assert_eq!(answer.status, 200, "{answer:?}");
    let last: Value = serde_json::from_str(answer.text.lines().last().unwrap()).unwrap();
    assert_eq!(last["event"], "report", "{last}");
    last["report"].clone()
}

#[test]
fn a_program_can_do_what_the_form_can() {
    let scene = Scene::new(small_world(92));
    let daemon = empty(&scene);
    let api = Api::open(&scene, "administrator");
    assert_eq!(api.get("/connectors"), json!([]));
    let login = scene.org.credentials();
    let connector = json!({
        "name": "acme", "description": "Sales", "auth": "password",
        "instance_url": scene.org.url(), "salesforce_user": login.username,
        "destinations": ["files"],
    });
    let secrets = |password: &str| {
        json!({
            "salesforce_user_password": password, "consumer_key": login.consumer_key,
            "consumer_secret": login.consumer_secret, "security_token": login.security_token,
        })
    };
    let with = |password: &str| json!({ "connector": connector, "secrets": secrets(password) });

    // What is wrong is named by its key, and nothing is kept.
    let mut nowhere = with("x");
    nowhere["connector"]["destinations"] = json!(["nowhere"]);
    nowhere["connector"]["instance_url"] = json!("not an address");
    let refused = api.call("POST", "/connectors", Some(&nowhere));
    assert_eq!(refused.status, 422, "{refused:?}");
    let problem = refused.json();
    assert_eq!(problem["code"], "OT-WEB-08", "{problem}");
    for key in ["destinations", "instance_url"] {
        assert!(problem["detail"].as_str().unwrap().contains(key), "{problem}");
    }
    let mut unknown = with("x");
    unknown["connector"]["instance"] = json!("x");
    assert_eq!(api.call("POST", "/connectors", Some(&unknown)).status, 422);

    let added = api.call("POST", "/connectors", Some(&with("not the password")));
    assert_eq!(added.status, 201, "{added:?}");
    assert_eq!(
        api.call("POST", "/connectors", Some(&with("x"))).status,
        422,
        "it is there already"
    );
    let tested = report(&api.call("POST", "/connectors/acme/test", None));
    assert_eq!(tested["successful"], false);
    assert!(tested["message"].as_str().unwrap().starts_with("Authentication Stage:"), "{tested}");

    let changed = api.call("PUT", "/connectors/acme", Some(&with(&login.password)));
    assert_eq!(changed.status, 200, "{changed:?}");
    let tested = report(&api.call("POST", "/connectors/acme/test", None));
    assert_eq!(tested["message"], "Connection successful");
    let shown = api.get("/connectors/acme");
    assert_eq!(shown["connector"]["description"], "Sales");
    assert_eq!(shown["secrets"]["consumer_key"], json!({ "stored": "acme/consumer_key" }));
    assert!(!shown.to_string().contains(&login.consumer_key), "a secret came back");

    let status = || api.get("/connectors/acme/status");
    wait_until("all is delivered", || {
        let one = status();
        one["units"]["done"].as_u64() > Some(0) && one["units"].get("listed").is_none_or(|n| n == 0)
    });
    wait_until("it is active", || status()["state"] == "active");
    let day = |days: i64| (first(&scene) + jiff::SignedDuration::from_hours(24 * days)).to_string();
    let path = format!("/connectors/acme/completeness?from={}&to={}", day(0), day(1));
    let record = api.get(&path);
    let types = record["types"].as_array().unwrap();
    assert!(types.iter().any(|of| of["event_type"] == "Login"), "{record}");
    assert_eq!(api.get("/connectors/acme/dead-letters"), json!([]));

    assert_eq!(api.call("POST", "/connectors/acme/pause", Some(&json!({}))).status, 204);
    wait_until("it is paused", || status()["state"] == "paused");
    assert_eq!(api.call("POST", "/connectors/acme/resume", None).status, 204);
    wait_until("it goes on", || status()["state"] == "active");
    assert_eq!(api.call("POST", "/connectors/acme/collect", None).status, 202);
    let page = api.get(&format!("/insights/monitoring?from={}&to={}", day(0), day(1)));
    assert!(page["panels"].as_array().unwrap().len() > 5, "{page}");

    assert_eq!(api.call("DELETE", "/connectors/acme", None).status, 200);
    assert_eq!(api.call("GET", "/connectors/acme", None).status, 404);
    let log = api.get("/audit");
    for action in ["connector.add", "connector.change", "connector.test", "connector.remove"] {
        let done = log.as_array().unwrap().iter();
        let mut done = done.filter(|it| it["action"] == action && it["token"] == "test");
        assert!(done.next().is_some(), "{action} is not in {log}");
    }
    assert_eq!(daemon.stop().code, Some(0));
    scene.compare(orgtap_simorg::world::Interval::Hourly);
}

fn first(scene: &Scene) -> jiff::Timestamp {
    scene.org.world().config().start
}

#[test]
fn whatever_is_sent_is_answered_as_the_document_says() {
    let scene = Scene::new(small_world(93));
    let daemon = empty(&scene);
    let api = Api::open(&scene, "administrator");
    let program = target("schemathesis/venv/bin/st");
    let run = Command::new(&program)
        .current_dir(scene.path(""))
        .args(["run", &format!("{}/openapi.json", api.url)])
        .args(["--header", &format!("Authorization: Bearer {}", api.token)])
        .args(["--max-examples", "25", "--seed", "1", "--workers", "2", "--phases"])
        .args(["examples,coverage,fuzzing", "--checks"])
        .arg("not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance")
        // With these it would take its own token or its person away.
        .args(["--exclude-path-regex", r"^(/api/v1)?/(tokens/\{id\}|people/\{name\}.*)$"])
        .env("NO_PROXY", "*")
        .output()
        .expect("schemathesis is there: `cargo x setup`");
    let said = String::from_utf8_lossy(&run.stdout);
    assert!(run.status.success(), "{said}\n{}", String::from_utf8_lossy(&run.stderr));
    let log = daemon.stop();
    assert_eq!(log.code, Some(0), "{}", log.stderr);
    assert!(!log.stderr.contains("panicked"), "{}", log.stderr);
}

fn target(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target").join(name)
}
