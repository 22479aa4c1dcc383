//! The control endpoint, for clients in other languages.

use serde_json::{Value, json};

use crate::support::{self, Client, small};

async fn order(client: &Client, path: &str, body: Value) -> (u16, Value) {
    let answer = client.http.post(client.address(path)).json(&body).send().await.unwrap();
    (answer.status().as_u16(), support::json(answer).await)
}

#[tokio::test]
async fn the_clock_moves_forward_on_request_and_all_times_with_it() {
    let client = Client::stranger(small()).await;
    let (status, clock) = order(&client, "/_sim/clock", json!({ "advance": "3h" })).await;
    assert_eq!((status, &clock["now"]), (200, &json!("2026-10-08T03:00:00Z")));
    let answer = client.http.get(client.address("/services/data/")).send().await.unwrap();
    assert_eq!(answer.headers()["date"], "Thu, 08 Oct 2026 03:00:00 GMT");
    let (_, clock) = order(&client, "/_sim/clock", json!({ "to": "2026-10-09T00:00:00Z" })).await;
    assert_eq!(clock["now"], "2026-10-09T00:00:00Z");
    for wrong in [
        json!({ "advance": "-1h" }),
        json!({ "advance": "soon" }),
        json!({ "to": "2026-10-01T00:00:00Z" }),
        json!({ "factor": -1 }),
        json!({ "back": "1h" }),
        json!([]),
    ] {
        let (status, body) = order(&client, "/_sim/clock", wrong.clone()).await;
        assert!(status == 400 && body["error"].is_string(), "{wrong}: {body}");
    }
    assert_eq!(client.org.clock().now().to_string(), "2026-10-09T00:00:00Z");
}

#[tokio::test]
async fn faults_are_switched_over_http() {
    let client = Client::new().await;
    let set = json!({ "set": ["quota=first:1", "small_batches=always@3"] });
    let (status, body) = order(&client, "/_sim/faults", set).await;
    assert_eq!(status, 200);
    assert_eq!(body["active"], json!(["quota=first:1", "small_batches=always@3"]));
    assert_eq!(client.query("SELECT Id FROM User").await.0, 403);
    assert_eq!(client.query("SELECT Id FROM User").await.1["records"].as_array().unwrap().len(), 3);
    let (status, _) =
        order(&client, "/_sim/faults", json!({ "clear_all": true, "set": ["nope"] })).await;
    assert_eq!(status, 400);
    assert_eq!(client.org.faults().active().len(), 2, "a wrong order changes nothing");
    let (_, body) =
        order(&client, "/_sim/faults", json!({ "clear_all": true, "preset": "bad-week" })).await;
    assert!(body["active"].as_array().unwrap().len() > 15);
    order(&client, "/_sim/faults", json!({ "clear": ["vanish"], "clear_all": true })).await;
    assert!(client.org.faults().active().is_empty());
}

#[tokio::test]
async fn settings_and_sessions_are_changed_over_http() {
    let client = Client::new().await;
    let (status, _) =
        order(&client, "/_sim/org", json!({ "user": "frozen", "batch_size": 9 })).await;
    assert_eq!(status, 200);
    assert_eq!(client.org.settings().user, orgtap_simorg::UserState::Frozen);
    assert_eq!(client.org.settings().batch_size, 9);
    assert_eq!(order(&client, "/_sim/org", json!({ "users": 1 })).await.0, 400);
    order(&client, "/_sim/org", json!({ "user": "active" })).await;
    order(&client, "/_sim/sessions", json!({})).await;
    assert_eq!(client.query("SELECT Id FROM User").await.0, 401);
}

#[tokio::test]
async fn every_setting_of_sign_ins_is_changed_over_http() {
    let client = Client::new().await;
    let settings = json!({
        "app": "external_client_app",
        "flows": { "client_credentials": false },
        "certificate": "-----BEGIN CERTIFICATE-----",
        "consumer_secret_required": false,
        "refresh_rotation": true,
        "run_as_user": false,
        "permitted_users": "admin_approved",
        "pre_authorised": false,
        "app_blocked": true,
        "app_installed": false,
        "uninstalled_apps_restricted": false,
        "ip_restricted": true,
        "outside_login_hours": true,
        "two_factor_api": true,
        "org_active": false,
        "sandbox": true,
        "wrong_login_host": true,
        "login_host_closed": true,
        "permission_sets": ["Orgtap_Collector"],
        "event_log_generation": false,
        "permissions": { "monitor_login_history": true },
    });
    assert_eq!(order(&client, "/_sim/org", settings).await.0, 200);
    let now = client.org.settings();
    assert_eq!(now.app, orgtap_simorg::App::ExternalClientApp);
    assert!(now.flows.password && !now.flows.client_credentials);
    assert!(now.certificate.is_some() && now.refresh_rotation && now.app_blocked && now.sandbox);
    assert!(now.ip_restricted && now.outside_login_hours && now.permissions.two_factor_api);
    assert!(now.wrong_login_host && now.login_host_closed);
    assert!(now.permissions.monitor_login_history && now.permissions.api_enabled);
    assert!(!now.consumer_secret_required && !now.run_as_user && !now.pre_authorised);
    assert!(!now.app_installed && !now.uninstalled_apps_restricted && !now.org_active);
    assert_eq!(now.permission_sets, ["Orgtap_Collector"]);
    assert!(!now.event_log_generation);
    order(&client, "/_sim/org", json!({ "certificate": "" })).await;
    assert_eq!(client.org.settings().certificate, None);
    let unknown = json!({ "permissions": { "fly": true } });
    assert_eq!(order(&client, "/_sim/org", unknown).await.0, 400);
    let (_, anew) = order(&client, "/_sim/authorise", json!({})).await;
    assert_eq!(anew["refresh_token"], client.org.current_refresh_token().unwrap());
}

#[tokio::test]
async fn the_overview_counts_calls_but_not_those_of_the_control() {
    let client = Client::new().await;
    client.query("SELECT Id FROM User").await;
    let overview = client.http.get(client.address("/_sim")).send().await.unwrap();
    let overview = support::json(overview).await;
    assert_eq!(overview["stats"]["calls"], json!({ "query": 1, "token": 1 }));
    assert_eq!(overview["stats"]["sign_ins"], 1);
    assert_eq!(overview["live_sessions"], 1);
    let unknown = client.http.get(client.address("/_sim/nothing")).send().await.unwrap();
    assert_eq!(unknown.status(), 404);
}
