//! The login host and the My Domain are different hosts, though one listener plays both.

use orgtap_simorg::LoginRefusal;

use crate::support::{Client, assert_refused, small};

#[tokio::test]
async fn passwords_work_at_either_host_and_the_answer_names_the_my_domain() {
    let client = Client::stranger(small()).await;
    assert!(client.org.login_url().starts_with("http://localhost:"));
    let (status, answer) = client.ask_login_host(&client.form()).await;
    assert_eq!((status, &answer["instance_url"]), (200, &client.org.url().into()));
    assert_eq!(client.ask(&client.form()).await.0, 200);
}

#[tokio::test]
async fn client_credentials_work_at_the_my_domain_only() {
    let client = Client::stranger(small()).await;
    let form = client.app_form("client_credentials");
    assert_refused(&client.ask_login_host(&form).await, LoginRefusal::WrongDomain);
    assert_eq!(client.ask(&form).await.0, 200);
}

#[tokio::test]
async fn the_my_domains_policy_can_close_the_login_host() {
    let client = Client::stranger(small()).await;
    client.org.change(|org| org.login_host_closed = true);
    let answer = client.ask_login_host(&client.form()).await;
    assert_refused(&answer, LoginRefusal::AuthenticationFailure);
    assert_eq!(client.ask(&client.form()).await.0, 200);
}

#[tokio::test]
async fn a_user_is_unknown_at_the_login_host_of_the_other_kind_of_org() {
    let client = Client::stranger(small()).await;
    client.org.change(|org| org.sandbox = true);
    let (status, answer) = client.ask_login_host(&client.form()).await;
    assert_eq!(status, 200);
    assert!(answer["id"].as_str().unwrap().starts_with("https://test.salesforce.com/id/"));
    client.org.change(|org| org.wrong_login_host = true);
    let answer = client.ask_login_host(&client.form()).await;
    assert_refused(&answer, LoginRefusal::AuthenticationFailure);
    assert_eq!(client.ask(&client.form()).await.0, 200, "the My Domain is still the org's own");
}

#[tokio::test]
async fn the_real_names_of_the_login_hosts_mean_what_they_say() {
    let client = Client::stranger(small()).await;
    let ask = async |host: &str| {
        let post = client.http.post(client.address("/services/oauth2/token"));
        post.header("host", host).form(&client.form()).send().await.unwrap().status().as_u16()
    };
    for (sandbox, right, wrong) in [
        (false, "login.salesforce.com", "test.salesforce.com"),
        (true, "test.salesforce.com", "login.salesforce.com"),
    ] {
        client.org.change(|org| org.sandbox = sandbox);
        assert_eq!((ask(right).await, ask(wrong).await), (200, 400), "{right}");
    }
}
