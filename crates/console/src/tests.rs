//! Who may what, asked of the whole router as a browser or a program asks it.

use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use http::{HeaderMap, Method, Request, StatusCode, header};
use orgtap_collector::Fleet;
use orgtap_collector::config::MainFile;
use tower::ServiceExt;
use url::form_urlencoded::Serializer;

use crate::app::App;
use crate::security::{LINK_FILE, Role, first_link};
use crate::server::router;

const HOST: &str = "localhost:8080";
const PASSWORD: &str = "correct horse battery";

/// Every page; those after the first four are an administrator's.
const PAGES: [&str; 9] = [
    "/status",
    "/connectors",
    "/insights/monitoring",
    "/account",
    "/connectors/new",
    "/people",
    "/tokens",
    "/audit",
    "/audit.csv",
];

/// A console without connectors, and its folder.
struct House {
    app: App,
    router: Router,
    folder: tempfile::TempDir,
}

impl House {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("orgtap.yaml");
        let data = folder.path().join("data");
        let text = format!(
            "data_dir: {}\nconsole: {{ hosts: [orgtap.example] }}\n\
             destinations:\n- name: nowhere\n  type: discard\n",
            data.display()
        );
        std::fs::write(&path, text).unwrap();
        let main = MainFile::read(&path).unwrap();
        let fleet = Fleet::open(main, &[], &[]).await.unwrap();
        let console = fleet.settings().console.clone().unwrap();
        let app = App::open(fleet, Vec::new(), console).await.unwrap();
        Self { router: router(app.clone()), app, folder }
    }

    /// A person of this role, signed in.
    async fn person(&self, name: &str, role: Role) -> Browser<'_> {
        let password = PASSWORD.to_owned().into();
        let hash = self.app.passwords().hash(password).await.unwrap();
        self.app.door().add_person(name, role.name(), &hash, self.app.now()).await.unwrap();
        let mut browser = self.stranger();
        assert_eq!(browser.sign_in(name, PASSWORD).await.status, StatusCode::SEE_OTHER);
        browser
    }

    fn stranger(&self) -> Browser<'_> {
        Browser { house: self, cookie: None, csrf: String::new() }
    }

    async fn audit(&self) -> Vec<(String, String, String)> {
        let entries = self.app.door().audit(None, 100).await.unwrap();
        entries.into_iter().map(|it| (it.who, it.action, it.outcome)).collect()
    }
}

struct Browser<'a> {
    house: &'a House,
    cookie: Option<String>,
    csrf: String,
}

#[derive(Debug)]
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

impl Browser<'_> {
    fn request(&self, method: Method, path: &str) -> http::request::Builder {
        let mut request = Request::builder().method(method).uri(path).header(header::HOST, HOST);
        if let Some(cookie) = &self.cookie {
            request = request.header(header::COOKIE, cookie);
        }
        request
    }

    async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.house.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap();
        let body = String::from_utf8(body.to_vec()).unwrap();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path).body(Body::empty()).unwrap()).await
    }

    /// Posts a form as a page of the console does.
    async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.post_from(&format!("http://{HOST}"), &self.csrf, path, fields).await
    }

    async fn post_from(
        &self,
        origin: &str,
        csrf: &str,
        path: &str,
        fields: &[(&str, &str)],
    ) -> Answer {
        let body =
            Serializer::new(String::new()).extend_pairs(fields).append_pair("csrf", csrf).finish();
        let request = self
            .request(Method::POST, path)
            .header(header::ORIGIN, origin)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from(body))
            .unwrap();
        self.send(request).await
    }

    async fn sign_in(&mut self, name: &str, password: &str) -> Answer {
        let answer = self.post("/sign-in", &[("name", name), ("password", password)]).await;
        self.take_cookie(&answer).await;
        answer
    }

    async fn take_cookie(&mut self, answer: &Answer) {
        if let Some((cookie, _)) = answer.header("set-cookie").split_once(';') {
            self.cookie = Some(cookie.to_owned());
            let page = self.get("/account").await.body;
            let (_, rest) = page.split_once("name=\"csrf\" content=\"").unwrap();
            rest.split_once('"').unwrap().0.clone_into(&mut self.csrf);
        }
    }
}

#[tokio::test]
async fn a_stranger_is_shown_the_way_in_and_nothing_else() {
    let house = House::new().await;
    let stranger = house.stranger();
    for page in PAGES.into_iter().chain(["/nothing/of/this/name"]) {
        let answer = stranger.get(page).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{page}");
        assert!(answer.header("location").starts_with("/sign-in?next=%2F"), "{page}");
        assert!(answer.body.is_empty());
    }
    let answer = stranger.get("/api/v1/nothing").await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert_eq!(answer.header("content-type"), "application/problem+json");
    assert!(answer.body.contains("OT-WEB-01"), "{}", answer.body);
    let changed = stranger.post("/people", &[("name", "eve"), ("role", "administrator")]).await;
    assert_eq!(changed.header("location"), "/sign-in");
    assert!(house.app.door().people().await.unwrap().is_empty());
}

#[tokio::test]
async fn the_first_link_makes_one_administrator_and_is_spent() {
    let house = House::new().await;
    let data = house.folder.path().join("data");
    let made = first_link(house.app.door(), &data, "http://localhost:8080").await.unwrap();
    let (link, file) = made.unwrap();
    assert_eq!(std::fs::read_to_string(file).unwrap().trim(), link);
    let (_, code) = link.split_once('#').unwrap();
    let fields =
        |name| [("code", code), ("name", name), ("password", PASSWORD), ("again", PASSWORD)];
    let mut ada = house.stranger();
    let short = [("code", code), ("name", "ada"), ("password", "short"), ("again", "short")];
    assert_eq!(ada.post("/link", &short).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    let answer = ada.post("/link", &fields("ada")).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
    ada.take_cookie(&answer).await;
    assert_eq!(ada.get("/people").await.status, StatusCode::OK);
    let late = house.stranger().post("/link", &fields("eve")).await;
    assert_eq!(late.status, StatusCode::GONE);
    // One who is signed in opens a link as well, and is told the same.
    assert_eq!(ada.post("/link", &fields("ada")).await.status, StatusCode::GONE);
    assert_eq!(first_link(house.app.door(), &data, "http://x").await.unwrap(), None);
    assert!(!data.join(LINK_FILE).exists());
    let old = house.stranger().post("/link", &[("code", "x"), ("name", "eve")]).await;
    assert!(old.status.is_client_error(), "{old:?}");
}

#[tokio::test]
async fn a_link_is_void_after_an_hour() {
    let house = House::new().await;
    let data = house.folder.path().join("data");
    let (link, _) = first_link(house.app.door(), &data, "http://x").await.unwrap().unwrap();
    house.app.pass(Duration::from_mins(61));
    let code = link.split_once('#').unwrap().1;
    let fields = [("code", code), ("name", "ada"), ("password", PASSWORD), ("again", PASSWORD)];
    assert_eq!(house.stranger().post("/link", &fields).await.status, StatusCode::GONE);
}

#[tokio::test]
async fn a_change_comes_from_a_page_of_this_console_and_this_session_or_not_at_all() {
    let house = House::new().await;
    let ada = house.person("ada", Role::Administrator).await;
    let new = [("name", "bob"), ("role", "viewer"), ("password", PASSWORD)];
    let here = format!("http://{HOST}");
    let other = house.person("other", Role::Administrator).await.csrf.clone();
    for (origin, csrf) in
        [(here.as_str(), ""), (&here, "x"), (&here, &other), ("http://evil.example", &ada.csrf)]
    {
        let answer = ada.post_from(origin, csrf, "/people", &new).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{origin} {csrf}");
        assert!(answer.body.contains("OT-WEB-04"), "{}", answer.body);
    }
    assert_eq!(ada.post("/people", &new).await.status, StatusCode::SEE_OTHER);
    // Not even the sign-in takes what another site sends.
    let stranger = house.stranger();
    let fields = [("name", "ada"), ("password", PASSWORD)];
    let answer = stranger.post_from("http://evil.example", "", "/sign-in", &fields).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn each_role_may_what_it_may() {
    let house = House::new().await;
    let viewer = house.person("vera", Role::Viewer).await;
    let operator = house.person("otto", Role::Operator).await;
    let administrator = house.person("ada", Role::Administrator).await;
    for (at, page) in PAGES.into_iter().enumerate() {
        let wanted = if at < 4 { StatusCode::OK } else { StatusCode::FORBIDDEN };
        assert_eq!(viewer.get(page).await.status, wanted, "{page}");
        assert_eq!(operator.get(page).await.status, wanted, "{page}");
        assert_eq!(administrator.get(page).await.status, StatusCode::OK, "{page}");
    }
    for (path, needs) in [
        ("/connectors/acme/pause", Role::Operator),
        ("/connectors/acme/resume", Role::Operator),
        ("/connectors/acme/collect", Role::Operator),
        ("/connectors/acme/test", Role::Operator),
        ("/connectors/acme/letters/replay", Role::Operator),
        ("/connectors/acme/letters/1/dismiss", Role::Operator),
        ("/connectors", Role::Administrator),
        ("/connectors/acme", Role::Administrator),
        ("/connectors/acme/remove", Role::Administrator),
        ("/people/vera/role", Role::Administrator),
        ("/tokens", Role::Administrator),
    ] {
        let fields = [("auth", "password"), ("role", "administrator"), ("name", "t")];
        for (who, role) in [(&viewer, Role::Viewer), (&operator, Role::Operator)]
            .into_iter()
            .filter(|it| it.1 < needs)
        {
            let answer = who.post(path, &fields).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{role} {path}");
            assert!(answer.body.contains("OT-WEB-03"), "{}", answer.body);
        }
    }
    let vera = house.app.door().person("vera").await.unwrap().unwrap().0;
    assert_eq!(vera.role, "viewer");
}

#[tokio::test]
async fn a_session_ends_when_idle_and_in_any_case_and_a_page_that_keeps_itself_current_is_idle() {
    let house = House::new().await;
    let ada = house.person("ada", Role::Administrator).await;
    let is_in = async || ada.get("/status").await.status == StatusCode::OK;
    for _ in 0..3 {
        house.app.pass(Duration::from_mins(29));
        assert!(is_in().await);
    }
    // What the page asks for by itself is nobody at work.
    for _ in 0..2 {
        house.app.pass(Duration::from_mins(16));
        let live = ada.request(Method::GET, "/status").header("x-live", "1");
        ada.send(live.body(Body::empty()).unwrap()).await;
    }
    assert!(!is_in().await, "idle for half an hour");
    let mut ada = house.stranger();
    ada.sign_in("ada", PASSWORD).await;
    for _ in 0..48 {
        house.app.pass(Duration::from_mins(15));
        ada.get("/status").await;
    }
    assert_ne!(ada.get("/status").await.status, StatusCode::OK, "twelve hours are the most");
}

#[tokio::test]
async fn signing_out_another_password_and_another_role_end_sessions_at_once() {
    let house = House::new().await;
    let ada = house.person("ada", Role::Administrator).await;
    let bob = house.person("bob", Role::Operator).await;
    ada.post("/people/bob/role", &[("role", "viewer")]).await;
    assert_eq!(bob.get("/status").await.status, StatusCode::SEE_OTHER);
    let mut bob = house.stranger();
    bob.sign_in("bob", PASSWORD).await;
    ada.post("/people/bob/password", &[("password", "another horse battery")]).await;
    assert_eq!(bob.get("/status").await.status, StatusCode::SEE_OTHER);
    assert_eq!(bob.sign_in("bob", PASSWORD).await.status, StatusCode::UNAUTHORIZED);
    ada.post("/sign-out", &[]).await;
    assert_eq!(ada.get("/status").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn the_last_administrator_stays_one() {
    let house = House::new().await;
    let ada = house.person("ada", Role::Administrator).await;
    for (path, fields) in
        [("/people/ada/role", &[("role", "viewer")][..]), ("/people/ada/remove", &[])]
    {
        let answer = ada.post(path, fields).await;
        assert_eq!(answer.status, StatusCode::CONFLICT, "{path}");
    }
    assert_eq!(ada.get("/people").await.status, StatusCode::OK);
}

#[tokio::test]
async fn guessing_passwords_gets_slow_and_the_right_one_is_not_told_apart_meanwhile() {
    let house = House::new().await;
    house.person("ada", Role::Administrator).await;
    let mut stranger = house.stranger();
    for _ in 0..5 {
        assert_eq!(stranger.sign_in("ada", "wrong").await.status, StatusCode::UNAUTHORIZED);
    }
    let slowed = stranger.sign_in("ada", PASSWORD).await;
    assert_eq!(slowed.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(slowed.header("retry-after").parse::<u64>().unwrap() >= 1);
    house.app.pass(Duration::from_secs(3));
    assert_eq!(stranger.sign_in("ada", PASSWORD).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn only_the_consoles_own_names_are_answered() {
    let house = House::new().await;
    for (host, wanted) in [
        ("localhost:8080", StatusCode::OK),
        ("127.0.0.1:8080", StatusCode::OK),
        ("[::1]:8080", StatusCode::OK),
        ("orgtap.example", StatusCode::OK),
        ("evil.example", StatusCode::MISDIRECTED_REQUEST),
        ("localhost.evil.example", StatusCode::MISDIRECTED_REQUEST),
        ("", StatusCode::MISDIRECTED_REQUEST),
    ] {
        let request = Request::get("/sign-in").header(header::HOST, host);
        let answer = house.stranger().send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status, wanted, "{host:?}");
    }
}

#[tokio::test]
async fn every_answer_forbids_what_pages_do_not_need() {
    let house = House::new().await;
    let ada = house.person("ada", Role::Administrator).await;
    for (who, path) in [
        (&ada, "/status"),
        (&ada, "/nothing"),
        (&ada, "/api/v1/nothing"),
        (&house.stranger(), "/status"),
        (&house.stranger(), "/sign-in"),
    ] {
        let answer = who.get(path).await;
        let policy = answer.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'; script-src 'self'"), "{path}: {policy}");
        assert!(!policy.contains("unsafe") && !policy.contains('*'), "{policy}");
        assert_eq!(answer.header("x-frame-options"), "DENY", "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("cache-control"), "no-store", "{path}");
        let page = answer.body;
        assert!(
            !page.contains("style=") && !page.contains("onclick"),
            "{path} needs what is forbidden"
        );
        assert!(!page.contains("//cdn") && !page.contains("https://fonts"), "{path}");
    }
    let set = house.stranger().post("/sign-in", &[("name", "ada"), ("password", PASSWORD)]).await;
    let cookie = set.header("set-cookie");
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
}

#[tokio::test]
async fn a_body_without_end_is_refused() {
    let house = House::new().await;
    let ada = house.person("ada", Role::Administrator).await;
    let long = "x".repeat(17 << 10);
    let fields = [("name", long.as_str()), ("password", "x")];
    let answer = house.stranger().post("/sign-in", &fields).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    let longer = "x".repeat(2 << 20);
    let answer = ada.post("/people", &[("name", &longer)]).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn every_change_and_every_refusal_of_one_is_written_down() {
    let house = House::new().await;
    let ada = house.person("ada", Role::Administrator).await;
    let vera = house.person("vera", Role::Viewer).await;
    ada.post("/people", &[("name", "bob"), ("role", "viewer"), ("password", PASSWORD)]).await;
    vera.post("/connectors/acme/pause", &[]).await;
    house.stranger().sign_in("ada", "wrong").await;
    ada.post_from("http://evil.example", &ada.csrf, "/people/bob/remove", &[]).await;
    let of = |who: &str, action: &str, outcome: &str| {
        (who.to_owned(), action.to_owned(), outcome.to_owned())
    };
    let expected = [
        of("ada", "request", "OT-WEB-04"),
        of("ada", "sign-in", "OT-WEB-02"),
        of("vera", "request", "OT-WEB-03"),
        of("ada", "person.add", "done"),
    ];
    assert_eq!(house.audit().await[..4], expected);
    let csv = ada.get("/audit.csv").await.body;
    assert!(csv.starts_with("time,who,token,address,action,subject,outcome\r\n"), "{csv}");
    assert!(csv.contains("\"person.add\",\"bob, viewer\",\"done\""), "{csv}");
    assert!(!csv.contains(PASSWORD), "no password is in the audit log");
}

#[tokio::test]
async fn a_person_is_added_by_name_and_not_twice() {
    let house = House::new().await;
    let ada = house.person("ada", Role::Administrator).await;
    let new = [("name", "bob"), ("role", "viewer"), ("password", PASSWORD)];
    assert_eq!(ada.post("/people", &new).await.status, StatusCode::SEE_OTHER);
    assert_eq!(ada.post("/people", &new).await.status, StatusCode::CONFLICT);
    for wrong in ["", "a b", "<script>", &"n".repeat(65)] {
        let fields = [("name", wrong), ("role", "viewer"), ("password", PASSWORD)];
        let answer = ada.post("/people", &fields).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{wrong}");
        assert!(!answer.body.contains("<script>"), "{}", answer.body);
    }
    let names: Vec<String> =
        house.app.door().people().await.unwrap().into_iter().map(|it| it.name).collect();
    assert_eq!(names, ["ada", "bob"]);
}
