//! Ways in, and how they end.

use std::time::Duration;

use axum::body::Body;
use http::{Method, Request, StatusCode, header};

use super::{House, PAGES, PASSWORD};
use crate::security::{LINK_FILE, Role, first_link};

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
async fn who_signs_in_in_a_second_tab_is_in_and_stays_in_in_the_first() {
    let house = House::new().await;
    let ada = house.person("ada", Role::Administrator).await;
    let fields = [("name", "ada"), ("password", PASSWORD), ("next", "/connectors")];
    let again = ada.post_from("http://localhost:8080", "", "/sign-in", &fields).await;
    assert_eq!((again.status, again.header("location")), (StatusCode::SEE_OTHER, "/connectors"));
    assert_eq!(ada.post("/account/sign-out-everywhere", &[]).await.header("location"), "/sign-in");
    // Somebody else is somebody else.
    let eve = house.person("eve", Role::Viewer).await;
    let other = eve.post_from("http://localhost:8080", "", "/sign-in", &fields).await;
    assert_ne!(other.header("set-cookie"), "");
    let forged = eve.post_from("http://evil.example", &eve.csrf, "/sign-in", &fields).await;
    assert_eq!(forged.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_token_ends_no_session_of_its_person() {
    let house = House::new().await;
    let ada = house.person("ada", Role::Administrator).await;
    let fields = [("name", "t"), ("role", "viewer"), ("days", "")];
    let page = ada.post("/tokens", &fields).await.body;
    let (_, secret) = page.split_once("<code class=\"break\">").unwrap();
    let token = format!("Bearer {}", secret.split_once('<').unwrap().0);
    let request = house.stranger().request(Method::POST, "/account/sign-out-everywhere");
    let request = request.header(header::AUTHORIZATION, token).body(Body::empty()).unwrap();
    let answer = house.stranger().send(request).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", answer.body);
    assert_eq!(ada.get("/status").await.status, StatusCode::OK);
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
