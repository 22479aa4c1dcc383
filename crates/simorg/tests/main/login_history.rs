//! What the administrator sees of attempts to sign in, where the client hears less.

use orgtap_simorg::{App, Fault, Flow, LoginRefusal, OrgSettings, UserState};
use serde_json::{Value, json};

use crate::support::{self, Client, small};

/// What an administrator does.
type Change = fn(&mut OrgSettings);

/// The label of the last attempt.
fn label(client: &Client) -> Option<&'static str> {
    client.org.login_history().last().unwrap().label
}

async fn ask_with_password(client: &Client, password: &str) {
    let mut form = client.form();
    form.retain(|(name, _)| *name != "password");
    form.push(("password", password.to_owned()));
    client.ask(&form).await;
}

#[tokio::test]
async fn attempts_are_noted_with_time_user_flow_and_answer() {
    let client = Client::stranger(small()).await;
    client.ask(&client.form()).await;
    client.org.clock().advance(jiff::SignedDuration::from_mins(1)).unwrap();
    client.org.change(|org| org.app_blocked = true);
    client.ask(&client.app_form("client_credentials")).await;
    let history = client.org.login_history();
    assert_eq!(history.len(), 2);
    let username = client.org.credentials().username.clone();
    assert!(history.iter().all(|attempt| attempt.user.as_ref() == Some(&username)));
    assert_eq!(
        (history[0].flow, history[1].flow),
        (Some(Flow::Password), Some(Flow::ClientCredentials))
    );
    assert_eq!((history[0].refusal, history[0].label), (None, Some("Success")));
    assert_eq!(history[1].refusal, Some(LoginRefusal::AppBlocked));
    assert_eq!(history[1].at, client.org.clock().now());
}

#[tokio::test]
async fn one_answer_to_the_client_has_many_reasons_in_the_history() {
    let reasons: [(Change, &str); 8] = [
        (|org| org.flow_blocked = true, "Username-Password Flow Disabled"),
        (|org| org.app = App::ExternalClientApp, "Username-Password Flow Disabled"),
        (|org| org.user = UserState::Frozen, "User is frozen"),
        (|org| org.user = UserState::Inactive, "User is inactive"),
        (|org| org.ip_restricted = true, "Restricted IP"),
        (|org| org.outside_login_hours = true, "Restricted time"),
        (|org| org.hourly_login_limit = 0, "Login rate exceeded"),
        (|org| org.permissions.two_factor_api = true, "Two-factor required"),
    ];
    for (change, expected) in reasons {
        let client = Client::stranger(small()).await;
        client.org.change(change);
        client.ask(&client.form()).await;
        assert_eq!(label(&client), Some(expected));
    }
}

#[tokio::test]
async fn a_wrong_password_a_missing_token_and_a_lockout_are_told_apart() {
    let client = Client::stranger(small()).await;
    let bare = client.org.credentials().password.clone();
    ask_with_password(&client, &bare).await;
    assert_eq!(label(&client), Some("Failed: API security token required"));
    for _ in 0..9 {
        ask_with_password(&client, "wrong").await;
        assert_eq!(label(&client), Some("Invalid Password"));
    }
    client.ask(&client.form()).await;
    assert_eq!(label(&client), Some("Password Lockout"));
    let history = client.org.login_history();
    let same = Some(LoginRefusal::AuthenticationFailure);
    assert!(history.iter().all(|attempt| attempt.refusal == same));
}

#[tokio::test]
async fn what_never_came_to_a_user_has_no_label() {
    let client = Client::stranger(small()).await;
    client.ask(&[("grant_type", "authorization_code".to_owned())]).await;
    client.org.faults().first(Fault::Login(LoginRefusal::InactiveUser), 1);
    client.ask(&client.form()).await;
    client.ask_login_host(&client.app_form("client_credentials")).await;
    let history = client.org.login_history();
    assert!(history.iter().all(|attempt| attempt.label.is_none()), "{history:?}");
    assert_eq!(history[1].refusal, Some(LoginRefusal::InactiveUser));
}

#[tokio::test]
async fn the_history_is_there_over_http() {
    let client = Client::stranger(small()).await;
    ask_with_password(&client, "wrong").await;
    let answer = client.http.get(client.address("/_sim/login_history")).send().await.unwrap();
    let history: Value = support::json(answer).await;
    assert_eq!(
        history,
        json!([{
            "at": "2026-10-08T00:00:00Z",
            "user": client.org.credentials().username,
            "flow": "password",
            "status": 400,
            "error": "invalid_grant",
            "error_description": "authentication failure",
            "label": "Invalid Password",
        }])
    );
}
