//! What is needed for a change, and what is left of it.

use std::io::Read;

use axum::body::{Body, to_bytes};
use flate2::read::MultiGzDecoder;
use http::{Method, StatusCode, header};
use tower::ServiceExt;

use super::{HOST, House, PAGES, PASSWORD};
use crate::security::Role;

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
        let fields = [("auth", "password"), ("role", "administrator"), ("name", "t"), ("days", "")];
        for (who, role) in [(&viewer, Role::Viewer), (&operator, Role::Operator)]
            .into_iter()
            .filter(|it| it.1 < needs)
        {
            let answer = who.post(path, &fields).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{role} {path}");
            assert!(answer.body.contains("OT-WEB-02"), "{}", answer.body);
        }
    }
    let vera = house.app.door().person("vera").await.unwrap().unwrap().0;
    assert_eq!(vera.role, "viewer");
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
async fn a_long_answer_is_compressed_for_whoever_can_read_that() {
    let house = House::new().await;
    let ada = house.person("ada", Role::Administrator).await;
    let plain = ada.get("/people").await;
    assert_eq!(plain.header("content-encoding"), "");
    let asking = |path: &str| {
        let request = ada.request(Method::GET, path).header(header::ACCEPT_ENCODING, "gzip, br");
        house.router.clone().oneshot(request.body(Body::empty()).unwrap())
    };
    let short = asking("/api/v1/people").await.unwrap();
    assert_eq!(short.headers().get("content-encoding"), None);
    let long = asking("/people").await.unwrap();
    assert_eq!(long.headers()["content-encoding"], "gzip");
    assert_eq!(long.headers()["vary"], "accept-encoding");
    let squeezed = to_bytes(long.into_body(), usize::MAX).await.unwrap();
    let mut page = String::new();
    MultiGzDecoder::new(&*squeezed).read_to_string(&mut page).unwrap();
    // What comes before says when it was made.
    let content = |page: &str| page.split_once("<head>").unwrap().1.to_owned();
    assert_eq!(content(&page), content(&plain.body));
    assert!(squeezed.len() * 2 < page.len(), "{} of {}", squeezed.len(), page.len());
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
        of("ada", "sign-in", "OT-WEB-05"),
        of("vera", "request", "OT-WEB-02"),
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

#[tokio::test]
async fn every_call_needs_a_token_and_every_change_more_than_a_viewers() {
    let house = House::new().await;
    let ada = house.person("ada", Role::Administrator).await;
    let token = |role: &'static str| [("name", role), ("role", role), ("days", "")];
    let mut tokens = Vec::new();
    for role in ["viewer", "operator"] {
        let page = ada.post("/tokens", &token(role)).await.body;
        let (_, secret) = page.split_once("<code class=\"break\">").unwrap();
        let secret = secret.split_once('<').unwrap().0;
        tokens.push(format!("Bearer {secret}"));
    }
    let document = serde_json::to_value(crate::document()).unwrap();
    let mut calls = 0;
    for (path, methods) in document["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys().filter(|key| *key != "parameters") {
            calls += 1;
            let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
            let path = path.replace("{name}", "acme").replace("{id}", "1").replace("{user}", "u");
            let path = format!("/api/v1{path}");
            let send = async |token: Option<&str>| {
                let mut request = house.stranger().request(method.clone(), &path);
                if let Some(token) = token {
                    request = request.header(header::AUTHORIZATION, token);
                }
                house.stranger().send(request.body(Body::empty()).unwrap()).await
            };
            for nobody in [None, Some("Bearer ot_x"), Some("Basic YTpi")] {
                let answer = send(nobody).await;
                assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{method} {path} {nobody:?}");
                assert!(answer.body.contains("OT-WEB-01"), "{}", answer.body);
            }
            if method != Method::GET {
                let status = send(Some(&tokens[0])).await.status;
                // A body that is missing may be told first.
                let refused = [StatusCode::FORBIDDEN, StatusCode::UNSUPPORTED_MEDIA_TYPE];
                assert!(refused.contains(&status), "{method} {path}: {status}");
            }
        }
    }
    assert!(calls > 25, "{calls}");
    // Whoever loses a role or is removed takes it from their tokens.
    let other = house.person("eve", Role::Administrator).await;
    other.post("/people/ada/role", &[("role", "viewer")]).await;
    let pause = async || {
        let request = house.stranger().request(Method::POST, "/api/v1/connectors/acme/resume");
        let request = request.header(header::AUTHORIZATION, &tokens[1]).body(Body::empty());
        house.stranger().send(request.unwrap()).await.status
    };
    assert_eq!(pause().await, StatusCode::FORBIDDEN);
    other.post("/people/ada/remove", &[]).await;
    assert_eq!(pause().await, StatusCode::UNAUTHORIZED);
}
