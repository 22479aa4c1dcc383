//! The token endpoint and what hangs on it.

use base64::Engine as _;
use orgtap_simorg::{Fault, LoginRefusal, UserState};
use serde_json::Value;

use crate::support::{Client, error, json, small};

const TOKEN: &str = "/services/oauth2/token";

/// Sends a changed form; answers status, `error` and `error_description`.
async fn refusal(client: &Client, name: &str, value: Option<&str>) -> (u16, String, String) {
    let mut form = client.form();
    form.retain(|(field, _)| *field != name || value.is_some());
    for (field, old) in &mut form {
        if *field == name {
            value.unwrap_or_default().clone_into(old);
        }
    }
    let answer = client.post_form(TOKEN, &form).await;
    read(answer).await
}

async fn read(answer: reqwest::Response) -> (u16, String, String) {
    let status = answer.status().as_u16();
    let body = json(answer).await;
    let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
    (status, text("error"), text("error_description"))
}

fn no(error: &str, description: &str) -> (u16, String, String) {
    (400, error.to_owned(), description.to_owned())
}

#[tokio::test]
async fn a_right_sign_in_is_answered_with_strings_only() {
    let client = Client::stranger(small()).await;
    let answer = client.post_form(TOKEN, &client.form()).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["content-type"], "application/json;charset=UTF-8");
    assert_eq!(answer.headers()["date"], "Thu, 08 Oct 2026 00:00:00 GMT");
    let body = json(answer).await;
    let fields: Vec<&String> = body.as_object().unwrap().keys().collect();
    let expected = ["access_token", "id", "instance_url", "issued_at", "signature", "token_type"];
    assert_eq!(fields, expected);
    assert!(body.as_object().unwrap().values().all(Value::is_string), "{body}");
    let org_id = client.org.world().org_id();
    assert!(body["access_token"].as_str().unwrap().starts_with(&format!("{}!", &org_id[..15])));
    assert_eq!(body["instance_url"], client.org.url());
    assert_eq!(body["issued_at"], "1791417600000");
    let id = body["id"].as_str().unwrap();
    assert!(id.starts_with(&format!("https://login.salesforce.com/id/{org_id}/005")), "{id}");
    let key = aws_lc_rs::hmac::Key::new(
        aws_lc_rs::hmac::HMAC_SHA256,
        client.org.credentials().consumer_secret.as_bytes(),
    );
    let signature =
        base64::engine::general_purpose::STANDARD.decode(body["signature"].as_str().unwrap());
    aws_lc_rs::hmac::verify(&key, format!("{id}1791417600000").as_bytes(), &signature.unwrap())
        .unwrap();
    assert_eq!(client.org.stats().sign_ins, 1);
}

#[tokio::test]
async fn every_wrong_part_is_refused_in_its_own_words() {
    let client = Client::stranger(small()).await;
    let failure = no("invalid_grant", "authentication failure");
    let unsupported = no("unsupported_grant_type", "grant type not supported");
    let bare = client.org.credentials().password.clone();
    for (name, value, expected) in [
        ("password", Some("wrong"), &failure),
        ("password", Some(bare.as_str()), &failure),
        ("username", Some("someone@else.example"), &failure),
        ("client_id", Some("3MVG9wrong"), &no("invalid_client_id", "client identifier invalid")),
        ("client_secret", Some("wrong"), &no("invalid_client", "invalid client credentials")),
        ("grant_type", Some("authorization_code"), &unsupported),
        ("grant_type", None, &unsupported),
        ("password", None, &no("invalid_request", "missing required parameters")),
    ] {
        assert_eq!(refusal(&client, name, value).await, *expected, "{name} {value:?}");
    }
    assert_eq!(client.org.stats().refused_sign_ins, 8);
    assert_eq!(client.org.stats().sign_ins, 0);
}

#[tokio::test]
async fn only_a_form_in_the_body_is_read() {
    let client = Client::stranger(small()).await;
    let unsupported = no("unsupported_grant_type", "grant type not supported");
    let form = client.form();
    let json_body: serde_json::Map<String, Value> =
        form.iter().map(|(name, value)| ((*name).to_owned(), value.as_str().into())).collect();
    let post = || client.http.post(client.address(TOKEN));
    assert_eq!(read(post().json(&json_body).send().await.unwrap()).await, unsupported);
    assert_eq!(read(post().query(&form).send().await.unwrap()).await, unsupported);
    assert_eq!(read(post().send().await.unwrap()).await, unsupported);
    let get = client.http.get(client.address(TOKEN)).query(&form).send().await.unwrap();
    assert_eq!(read(get).await, no("invalid_request", "must use POST"));
}

#[tokio::test]
async fn the_security_token_is_not_needed_from_a_trusted_address() {
    let client = Client::stranger(small()).await;
    client.org.change(|org| org.trusted_ip = true);
    let bare = client.org.credentials().password.clone();
    assert_eq!(refusal(&client, "password", Some(&bare)).await.0, 200);
    assert_eq!(client.post_form(TOKEN, &client.form()).await.status(), 200);
}

#[tokio::test]
async fn the_users_state_and_the_orgs_policy_decide() {
    let client = Client::stranger(small()).await;
    let ask = async || read(client.post_form(TOKEN, &client.form()).await).await;
    client.org.change(|org| org.user = UserState::Inactive);
    assert_eq!(ask().await, no("invalid_grant", "inactive user"));
    client.org.change(|org| org.user = UserState::Frozen);
    assert_eq!(ask().await, no("invalid_grant", "authentication failure"));
    client.org.change(|org| org.user = UserState::Active);
    client.org.change(|org| org.flow_blocked = true);
    assert_eq!(ask().await, no("invalid_grant", "authentication failure"));
    client.org.change(|org| org.flow_blocked = false);
    client.org.change(|org| org.hourly_login_limit = 4);
    assert_eq!(ask().await.0, 200);
    assert_eq!(ask().await, no("rate_limit_exceeded", "login rate exceeded"));
    client.org.clock().advance(jiff::SignedDuration::from_hours(1)).unwrap();
    assert_eq!(ask().await.0, 200);
}

#[tokio::test]
async fn wrong_passwords_in_a_row_lock_the_user_out() {
    let client = Client::stranger(small()).await;
    for _ in 0..10 {
        refusal(&client, "password", Some("wrong")).await;
    }
    let ask = async || client.post_form(TOKEN, &client.form()).await.status().as_u16();
    assert_eq!(ask().await, 400);
    client.org.clock().advance(jiff::SignedDuration::from_mins(15)).unwrap();
    assert_eq!(ask().await, 200);
}

#[tokio::test]
async fn an_expired_password_signs_in_and_then_may_do_nothing() {
    let mut client = Client::stranger(small()).await;
    client.org.change(|org| org.user = UserState::PasswordExpired);
    client.sign_in().await;
    let (status, body) = client.query("SELECT Id FROM User").await;
    assert_eq!(status, 401);
    assert_eq!(error(&body).0, "INVALID_OPERATION_WITH_EXPIRED_PASSWORD");
}

#[tokio::test]
async fn freezing_the_user_ends_its_sessions() {
    let client = Client::new().await;
    client.org.change(|org| org.user = UserState::Frozen);
    let (status, body) = client.query("SELECT Id FROM User").await;
    assert_eq!((status, error(&body)), (401, ("INVALID_SESSION_ID", "Session expired or invalid")));
    client.org.change(|org| org.user = UserState::Active);
    assert_eq!(client.query("SELECT Id FROM User").await.0, 401);
}

#[tokio::test]
async fn a_sixth_session_ends_the_first() {
    let mut client = Client::new().await;
    let first = client.token.clone();
    for _ in 0..5 {
        client.sign_in().await;
    }
    assert_eq!(client.query("SELECT Id FROM User LIMIT 1").await.0, 200);
    client.token = first;
    assert_eq!(client.query("SELECT Id FROM User LIMIT 1").await.0, 401);
}

#[tokio::test]
async fn every_refusal_can_be_forced_by_name() {
    let client = Client::stranger(small()).await;
    for refusal in LoginRefusal::ALL {
        client.org.faults().first(Fault::Login(*refusal), 1);
        let answer = read(client.post_form(TOKEN, &client.form()).await).await;
        assert_eq!(answer, no(refusal.error(), refusal.description()), "{}", refusal.name());
        assert_eq!(client.post_form(TOKEN, &client.form()).await.status(), 200);
    }
}

#[tokio::test]
async fn the_endpoint_itself_can_be_down() {
    let client = Client::stranger(small()).await;
    let faults = client.org.faults();
    faults.first(Fault::LoginUnavailable, 1);
    let answer = client.post_form(TOKEN, &client.form()).await;
    assert_eq!(answer.status(), 503);
    assert!(answer.bytes().await.unwrap().is_empty());
    faults.first(Fault::LoginHtml, 1);
    let answer = client.post_form(TOKEN, &client.form()).await;
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["content-type"]),
        (200, &"text/html".parse().unwrap())
    );
    faults.first(Fault::LoginRedirect, 1);
    let answer = client.post_form(TOKEN, &client.form()).await;
    assert_eq!(answer.status(), 301);
    assert_eq!(
        answer.headers()["location"],
        "https://acme.my.salesforce.com/services/oauth2/token"
    );
}

#[tokio::test]
async fn a_token_can_be_asked_about_and_revoked() {
    let client = Client::new().await;
    let info = client.fetch("/services/oauth2/userinfo").await;
    assert_eq!(info.status(), 200);
    let info = json(info).await;
    assert_eq!(info["preferred_username"], client.org.credentials().username.as_str());
    assert_eq!(info["organization_id"], client.org.world().org_id());
    let credentials = client.org.credentials();
    let about = vec![
        ("token", client.token.clone()),
        ("token_type_hint", "access_token".to_owned()),
        ("client_id", credentials.consumer_key.clone()),
        ("client_secret", credentials.consumer_secret.clone()),
    ];
    let introspect =
        async || json(client.post_form("/services/oauth2/introspect", &about).await).await;
    let before = introspect().await;
    assert_eq!(before["active"], true);
    assert_eq!(before["exp"].as_i64().unwrap() - before["iat"].as_i64().unwrap(), 7_200);
    let token = vec![("token", client.token.clone())];
    assert_eq!(client.post_form("/services/oauth2/revoke", &token).await.status(), 200);
    assert_eq!(introspect().await["active"], false);
    let again = read(client.post_form("/services/oauth2/revoke", &token).await).await;
    assert_eq!((again.0, again.1.as_str()), (400, "invalid_token"));
    let info = client.fetch("/services/oauth2/userinfo").await;
    assert_eq!(info.status(), 403);
    assert_eq!(info.text().await.unwrap(), "Bad_OAuth_Token");
    assert_eq!(client.query("SELECT Id FROM User").await.0, 401);
}
