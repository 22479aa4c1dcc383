//! What an administrator decides about the app, the user and the org, and what clients hear of it.

use orgtap_simorg::{App, LoginRefusal, OrgSettings, PermittedUsers};

use crate::support::{Client, assert_refused, small};

/// Every flow that works without a certificate, in a form of its own.
fn forms(client: &Client) -> [Vec<(&'static str, String)>; 3] {
    let mut refresh = client.app_form("refresh_token");
    refresh.push(("refresh_token", client.org.refresh_token()));
    [client.form(), client.app_form("client_credentials"), refresh]
}

async fn all_refused(change: impl Fn(&mut OrgSettings), refusal: LoginRefusal) {
    let client = Client::stranger(small()).await;
    client.org.change(&change);
    for form in forms(&client) {
        assert_refused(&client.ask(&form).await, refusal);
    }
    client.org.change(|org| *org = OrgSettings::default());
    for form in forms(&client) {
        assert_eq!(client.ask(&form).await.0, 200, "{form:?}");
    }
}

#[tokio::test]
async fn a_blocked_app_is_refused_in_every_flow() {
    all_refused(|org| org.app_blocked = true, LoginRefusal::AppBlocked).await;
}

#[tokio::test]
async fn an_org_that_is_locked_is_refused_in_every_flow() {
    all_refused(|org| org.org_active = false, LoginRefusal::InactiveOrg).await;
}

#[tokio::test]
async fn addresses_and_hours_are_refused_alike_in_every_flow() {
    all_refused(|org| org.ip_restricted = true, LoginRefusal::IpRestricted).await;
    all_refused(|org| org.outside_login_hours = true, LoginRefusal::IpRestricted).await;
}

#[tokio::test]
async fn a_user_without_the_administrators_approval_is_refused_in_every_flow() {
    let unapproved = |org: &mut OrgSettings| {
        org.permitted_users = PermittedUsers::AdminApproved;
        org.pre_authorised = false;
    };
    all_refused(unapproved, LoginRefusal::NotAdminApproved).await;
}

#[tokio::test]
async fn an_external_client_app_must_be_installed() {
    let client = Client::stranger(small()).await;
    let change = |org: &mut OrgSettings| {
        org.app = App::ExternalClientApp;
        org.app_installed = false;
    };
    client.org.change(change);
    let answer = client.ask(&client.app_form("client_credentials")).await;
    assert_refused(&answer, LoginRefusal::AppNotInstalled);
    client.org.change(|org| org.app_installed = true);
    assert_eq!(client.ask(&client.app_form("client_credentials")).await.0, 200);
}

#[tokio::test]
async fn an_uninstalled_connected_app_needs_a_permission_or_an_earlier_authorisation() {
    let client = Client::stranger(small()).await;
    client.org.change(|org| org.app_installed = false);
    let [password, _, refresh] = forms(&client);
    assert_refused(&client.ask(&password).await, LoginRefusal::ApprovalError);
    assert_eq!(client.ask(&refresh).await.0, 200);
    client.org.change(|org| org.permissions.approve_uninstalled_apps = true);
    assert_eq!(client.ask(&password).await.0, 200);
    client.org.change(|org| {
        org.permissions.approve_uninstalled_apps = false;
        org.uninstalled_apps_restricted = false;
    });
    assert_eq!(client.ask(&password).await.0, 200);
}

#[tokio::test]
async fn an_org_that_is_locked_answers_no_call() {
    let client = Client::new().await;
    client.org.change(|org| org.org_active = false);
    let (status, body) = client.query("SELECT Id FROM User").await;
    assert_eq!((status, crate::support::error(&body).0), (403, "ORG_LOCKED"));
}
