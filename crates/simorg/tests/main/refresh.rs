//! Refresh tokens, with and without rotation.

use orgtap_simorg::LoginRefusal;
use serde_json::Value;

use crate::support::{Client, assert_refused, small};

async fn exchange(client: &Client, token: &str) -> (u16, Value) {
    let mut form = client.app_form("refresh_token");
    form.push(("refresh_token", token.to_owned()));
    client.ask(&form).await
}

/// Exchanges a living token; answers the session and the new refresh token.
async fn exchanged(client: &Client, token: &str) -> (String, String) {
    let (status, answer) = exchange(client, token).await;
    assert_eq!(status, 200, "{answer}");
    let text = |name: &str| answer[name].as_str().unwrap_or_default().to_owned();
    (text("access_token"), text("refresh_token"))
}

async fn rotating() -> Client {
    let mut config = small();
    config.org.refresh_rotation = true;
    Client::stranger(config).await
}

#[tokio::test]
async fn without_rotation_a_refresh_token_lives_on() {
    let client = Client::stranger(small()).await;
    let token = client.org.refresh_token();
    let (first, replacement) = exchanged(&client, &token).await;
    assert_eq!(replacement, "");
    let (second, _) = exchanged(&client, &token).await;
    assert!(client.is_alive(&first).await && client.is_alive(&second).await);
    assert_eq!(client.org.current_refresh_token(), Some(token));
    assert_refused(&exchange(&client, "5Aep861none").await, LoginRefusal::ExpiredToken);
}

#[tokio::test]
async fn rotation_gives_a_new_token_and_ends_the_session_before() {
    let client = rotating().await;
    let first = client.org.refresh_token();
    let (old_session, second) = exchanged(&client, &first).await;
    assert_eq!(client.org.current_refresh_token().as_ref(), Some(&second));
    assert_eq!(client.org.refresh_token(), first, "the family's first token stays its first");
    assert!(client.is_alive(&old_session).await);
    let (session, third) = exchanged(&client, &second).await;
    assert!(!client.is_alive(&old_session).await && client.is_alive(&session).await);
    assert!(first != second && second != third);
}

#[tokio::test]
async fn a_token_that_was_replaced_takes_the_whole_family_with_it() {
    let client = rotating().await;
    let first = client.org.refresh_token();
    let (session, second) = exchanged(&client, &first).await;
    assert_refused(&exchange(&client, &first).await, LoginRefusal::ExpiredToken);
    assert!(!client.is_alive(&session).await);
    assert_eq!(client.org.current_refresh_token(), None);
    assert_refused(&exchange(&client, &second).await, LoginRefusal::ExpiredToken);
    let anew = client.org.authorise();
    assert_refused(&exchange(&client, &second).await, LoginRefusal::ExpiredToken);
    assert_eq!(exchange(&client, &anew).await.0, 200);
}

#[tokio::test]
async fn a_token_nobody_gave_out_takes_nothing_with_it() {
    let client = rotating().await;
    let (session, second) = exchanged(&client, &client.org.refresh_token()).await;
    assert_refused(&exchange(&client, "5Aep861none").await, LoginRefusal::ExpiredToken);
    assert!(client.is_alive(&session).await);
    assert_eq!(client.org.current_refresh_token(), Some(second));
}

#[tokio::test]
async fn revoking_a_refresh_token_ends_its_sessions() {
    let client = Client::stranger(small()).await;
    let token = client.org.refresh_token();
    let (session, _) = exchanged(&client, &token).await;
    let revoke = [("token", token.clone())];
    assert_eq!(client.post_form("/services/oauth2/revoke", &revoke).await.status(), 200);
    assert!(!client.is_alive(&session).await);
    assert_refused(&exchange(&client, &token).await, LoginRefusal::ExpiredToken);
}

#[tokio::test]
async fn the_secret_may_be_left_out_where_the_app_says_so_but_not_be_wrong() {
    let client = Client::stranger(small()).await;
    let mut form = client.app_form("refresh_token");
    form.push(("refresh_token", client.org.refresh_token()));
    form.retain(|(name, _)| *name != "client_secret");
    assert_refused(&client.ask(&form).await, LoginRefusal::MissingParameter);
    client.org.change(|org| org.consumer_secret_required = false);
    assert_eq!(client.ask(&form).await.0, 200);
    form.push(("client_secret", "wrong".to_owned()));
    assert_refused(&client.ask(&form).await, LoginRefusal::InvalidClientCredentials);
}

#[tokio::test]
async fn the_same_seed_gives_the_same_tokens() {
    let (one, other) = (rotating().await, rotating().await);
    let first = one.org.refresh_token();
    assert_eq!(first, other.org.refresh_token());
    assert_eq!(exchanged(&one, &first).await, exchanged(&other, &first).await);
}
