//! Which flows the app offers, and client credentials.

use orgtap_simorg::{App, Flow, Flows, LoginRefusal, UserState};

use crate::support::{Client, TOKEN, assert_refused, json, small};

#[tokio::test]
async fn client_credentials_give_a_session_with_scope_and_without_refresh_token() {
    let mut client = Client::stranger(small()).await;
    let (status, answer) = client.ask(&client.app_form("client_credentials")).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["scope"], "api id");
    assert_eq!(answer["instance_url"], client.org.url());
    assert!(answer.get("refresh_token").is_none());
    answer["access_token"].as_str().unwrap().clone_into(&mut client.token);
    assert_eq!(client.query("SELECT Id FROM User LIMIT 1").await.0, 200);
}

#[tokio::test]
async fn key_and_secret_may_come_as_http_basic() {
    let client = Client::stranger(small()).await;
    let form = [("grant_type", "client_credentials")];
    let credentials = client.org.credentials();
    let ask = async |secret: &str| {
        let post = client.http.post(client.address(TOKEN)).form(&form);
        let answer = post.basic_auth(&credentials.consumer_key, Some(secret)).send().await.unwrap();
        (answer.status().as_u16(), json(answer).await)
    };
    assert_eq!(ask(&credentials.consumer_secret).await.0, 200);
    assert_refused(&ask("wrong").await, LoginRefusal::InvalidClientCredentials);
}

#[tokio::test]
async fn client_credentials_need_the_secret() {
    let client = Client::stranger(small()).await;
    let mut form = client.app_form("client_credentials");
    form.retain(|(name, _)| *name != "client_secret");
    assert_refused(&client.ask(&form).await, LoginRefusal::MissingParameter);
}

#[tokio::test]
async fn client_credentials_need_a_user_who_can_sign_in() {
    let client = Client::stranger(small()).await;
    let form = client.app_form("client_credentials");
    client.org.change(|org| org.run_as_user = false);
    assert_refused(&client.ask(&form).await, LoginRefusal::NoClientCredentialsUser);
    client.org.change(|org| org.run_as_user = true);
    for state in [UserState::Frozen, UserState::Inactive] {
        client.org.change(|org| org.user = state);
        assert_refused(&client.ask(&form).await, LoginRefusal::NoClientCredentialsUser);
    }
    client.org.change(|org| org.user = UserState::Active);
    assert_eq!(client.ask(&form).await.0, 200);
}

#[tokio::test]
async fn a_flow_that_the_app_does_not_offer_is_an_unsupported_grant() {
    let client = Client::stranger(small()).await;
    let mut refresh = client.app_form("refresh_token");
    refresh.push(("refresh_token", client.org.refresh_token()));
    for (flow, form) in [
        (Flow::Password, client.form()),
        (Flow::ClientCredentials, client.app_form("client_credentials")),
        (Flow::RefreshToken, refresh),
    ] {
        client.org.change(|org| org.flows = Flows::only(Flow::JwtBearer));
        assert_refused(&client.ask(&form).await, LoginRefusal::UnsupportedGrant);
        client.org.change(|org| org.flows = Flows::only(flow));
        assert_eq!(client.ask(&form).await.0, 200, "{flow}");
    }
}

#[tokio::test]
async fn an_external_client_app_has_no_password_flow() {
    let client = Client::stranger(small()).await;
    client.org.change(|org| org.app = App::ExternalClientApp);
    assert_refused(&client.ask(&client.form()).await, LoginRefusal::AuthenticationFailure);
    assert_eq!(client.ask(&client.app_form("client_credentials")).await.0, 200);
}

#[tokio::test]
async fn a_code_takes_the_place_of_the_security_token_for_users_with_a_second_factor() {
    let client = Client::stranger(small()).await;
    client.org.change(|org| org.permissions.two_factor_api = true);
    let ask = async |after: &str| {
        let mut form = client.form();
        form.retain(|(name, _)| *name != "password");
        form.push(("password", format!("{}{after}", client.org.credentials().password)));
        client.ask(&form).await
    };
    let token = client.org.credentials().security_token.clone();
    assert_refused(&ask(&token).await, LoginRefusal::AuthenticationFailure);
    let code = client.org.totp();
    assert_eq!(code.len(), 6);
    assert_eq!(ask(&code).await.0, 200);
    client.org.clock().advance(jiff::SignedDuration::from_mins(5)).unwrap();
    assert_refused(&ask(&code).await, LoginRefusal::AuthenticationFailure);
    assert_eq!(ask(&client.org.totp()).await.0, 200);
    assert_eq!(client.ask(&client.app_form("client_credentials")).await.0, 200);
}
