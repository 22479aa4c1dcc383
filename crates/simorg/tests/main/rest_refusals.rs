//! Refusals of the data API that are forced by name.

use std::collections::BTreeSet;

use orgtap_simorg::{Call, Fault, RestRefusal, Rule, When};
use serde_json::json;

use crate::support::{self, Client};

const LIMITS: &str = "/services/data/v66.0/limits";

#[tokio::test]
async fn every_refusal_is_answered_with_its_own_status_and_words() {
    let client = Client::new().await;
    for refusal in RestRefusal::ALL {
        client.org.faults().clear_all();
        client.org.faults().first(Fault::Rest(*refusal), 1);
        let answer = client.fetch(LIMITS).await;
        assert_eq!(answer.status(), refusal.status(), "{}", refusal.name());
        let kind = answer.headers().get("content-type").map(|kind| kind.to_str().unwrap());
        let is_json = kind.is_some_and(|kind| kind.starts_with("application/json"));
        assert_eq!(is_json, refusal.error_code().is_some(), "{}", refusal.name());
        if let Some(code) = refusal.error_code() {
            let body = support::json(answer).await;
            assert_eq!(support::error(&body), (code, refusal.message()));
        } else {
            let body = answer.text().await.unwrap();
            assert!(body.contains(refusal.message()), "{}: {body}", refusal.name());
        }
        assert_eq!(client.fetch(LIMITS).await.status(), 200, "the session is still alive");
    }
}

#[tokio::test]
async fn the_cdn_and_the_identity_service_speak_for_themselves() {
    let client = Client::new().await;
    client.org.faults().first(Fault::Rest(RestRefusal::CdnHtml503), 1);
    let answer = client.fetch(LIMITS).await;
    assert_eq!(answer.headers()["server"], "AkamaiNetStorage");
    assert_eq!(answer.headers()["content-type"], "text/html");
    client.org.faults().first(Fault::Rest(RestRefusal::BadOAuthToken), 1);
    assert_eq!(client.fetch(LIMITS).await.text().await.unwrap(), "Bad_OAuth_Token");
    client.org.faults().first(Fault::Rest(RestRefusal::MalformedId), 1);
    assert_eq!(support::json(client.fetch(LIMITS).await).await[0]["fields"], json!(["Id"]));
}

#[tokio::test]
async fn versions_and_tokens_are_spared_unless_the_rule_names_them() {
    let mut client = Client::new().await;
    let fault = Fault::Rest(RestRefusal::ServerUnavailable);
    client.org.faults().always(fault);
    client.sign_in().await;
    assert_eq!(client.fetch("/services/data/").await.status(), 200);
    assert_eq!(client.fetch("/services/oauth2/userinfo").await.status(), 200);
    assert_eq!(client.fetch(LIMITS).await.status(), 503);
    client.org.faults().set(fault, Rule::new(When::Always).only(Call::Versions));
    assert_eq!(client.fetch(LIMITS).await.status(), 200);
    assert_eq!(client.fetch("/services/data/").await.status(), 503);
    client.org.faults().set(fault, Rule::new(When::Always).only(Call::OAuth));
    assert_eq!(client.fetch("/services/oauth2/userinfo").await.status(), 503);
}

#[tokio::test]
async fn a_rule_narrows_a_refusal_to_one_kind_of_call() {
    let client = Client::new().await;
    let (fault, rule) = Rule::parse("rest_request_limit_exceeded/query=first:1").unwrap();
    client.org.faults().set(fault, rule);
    assert_eq!(client.fetch(LIMITS).await.status(), 200);
    let (status, body) = client.query("SELECT Id FROM User LIMIT 1").await;
    assert_eq!((status, support::error(&body).0), (403, "REQUEST_LIMIT_EXCEEDED"));
    assert_eq!(client.query("SELECT Id FROM User LIMIT 1").await.0, 200);
}

#[test]
fn no_two_refusals_say_the_same() {
    let said: BTreeSet<_> = RestRefusal::ALL
        .iter()
        .map(|refusal| (refusal.status(), refusal.error_code(), refusal.message()))
        .collect();
    assert_eq!(said.len(), RestRefusal::ALL.len());
}
