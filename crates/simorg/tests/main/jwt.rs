//! The JWT bearer flow.

use std::sync::LazyLock;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use orgtap_simorg::{LoginRefusal, PermittedUsers, UserState};
use serde_json::{Value, json};

use crate::support::{Client, assert_refused, small};

/// A key and its certificate.
struct Identity {
    key: RsaKeyPair,
    certificate: String,
}

impl Identity {
    fn new() -> Self {
        let pair =
            rcgen::KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, rcgen::RsaKeySize::_2048);
        let pair = pair.unwrap();
        let params = rcgen::CertificateParams::new(vec!["collector.example".to_owned()]).unwrap();
        let certificate = params.self_signed(&pair).unwrap().pem();
        Self { key: RsaKeyPair::from_pkcs8(&pair.serialize_der()).unwrap(), certificate }
    }

    fn sign(&self, header: &Value, claims: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(header), part(claims));
        let mut signature = vec![0; self.key.public_modulus_len()];
        let random = SystemRandom::new();
        self.key.sign(&RSA_PKCS1_SHA256, &random, signed.as_bytes(), &mut signature).unwrap();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

/// Making a key takes a while, so all tests share one.
static OURS: LazyLock<Identity> = LazyLock::new(Identity::new);

/// An org to which our certificate was uploaded.
async fn org() -> Client {
    let mut config = small();
    config.org.certificate = Some(OURS.certificate.clone());
    Client::stranger(config).await
}

/// Right claims, a minute to live.
fn claims(client: &Client) -> Value {
    json!({
        "iss": client.org.credentials().consumer_key,
        "sub": client.org.credentials().username,
        "aud": "https://login.salesforce.com",
        "exp": client.org.clock().now().as_second() + 60,
    })
}

fn form(assertion: String) -> [(&'static str, String); 2] {
    let grant_type = "urn:ietf:params:oauth:grant-type:jwt-bearer".to_owned();
    [("grant_type", grant_type), ("assertion", assertion)]
}

/// Asks with these claims, signed as they should be.
async fn ask(client: &Client, claims: &Value) -> (u16, Value) {
    client.ask(&form(OURS.sign(&json!({ "alg": "RS256" }), claims))).await
}

#[tokio::test]
async fn an_assertion_signed_with_the_uploaded_key_signs_in_at_either_host() {
    let mut client = org().await;
    let (status, answer) = ask(&client, &claims(&client)).await;
    assert_eq!(status, 200, "{answer}");
    let fields: Vec<&String> = answer.as_object().unwrap().keys().collect();
    assert_eq!(fields, ["access_token", "id", "instance_url", "scope", "token_type"]);
    answer["access_token"].as_str().unwrap().clone_into(&mut client.token);
    assert_eq!(client.query("SELECT Id FROM User LIMIT 1").await.0, 200);
    let form = form(OURS.sign(&json!({ "alg": "RS256" }), &claims(&client)));
    assert_eq!(client.ask_login_host(&form).await.0, 200);
}

#[tokio::test]
async fn a_signature_of_another_key_is_refused() {
    let client = org().await;
    let stranger = Identity::new();
    let assertion = stranger.sign(&json!({ "alg": "RS256" }), &claims(&client));
    let asked = client.ask(&form(assertion)).await;
    assert_refused(&asked, LoginRefusal::InvalidAssertion);
    client.org.change(|org| org.certificate = None);
    assert_refused(&ask(&client, &claims(&client)).await, LoginRefusal::InvalidAssertion);
    client.org.change(|org| org.certificate = Some(stranger.certificate.clone()));
    assert_refused(&ask(&client, &claims(&client)).await, LoginRefusal::InvalidAssertion);
}

#[tokio::test]
async fn an_assertion_that_is_none_is_refused() {
    let client = org().await;
    let right = OURS.sign(&json!({ "alg": "RS256" }), &claims(&client));
    let other_algorithm = OURS.sign(&json!({ "alg": "none" }), &claims(&client));
    let (unsigned, _) = right.rsplit_once('.').unwrap();
    for wrong in
        ["", "a.b.c", unsigned, &format!("{unsigned}."), &format!("{right}.x"), &other_algorithm]
    {
        let asked = client.ask(&form((*wrong).to_owned())).await;
        assert_refused(&asked, LoginRefusal::InvalidAssertion);
    }
    for certificate in ["", "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----"] {
        client.org.change(|org| org.certificate = Some(certificate.to_owned()));
        let asked = client.ask(&form(right.clone())).await;
        assert_refused(&asked, LoginRefusal::InvalidAssertion);
    }
}

#[tokio::test]
async fn the_audience_is_the_login_host_and_exactly_that() {
    let client = org().await;
    let with = |audience: Value| {
        let mut claims = claims(&client);
        claims["aud"] = audience;
        claims
    };
    let played = client.org.login_url();
    for right in ["https://login.salesforce.com", played.as_str()] {
        assert_eq!(ask(&client, &with(json!(right))).await.0, 200, "{right}");
    }
    for wrong in [
        json!("login.salesforce.com"),
        json!(["https://login.salesforce.com"]),
        json!("https://test.salesforce.com"),
        json!("https://acme.my.salesforce.com"),
        json!(client.org.url()),
        Value::Null,
    ] {
        assert_refused(&ask(&client, &with(wrong)).await, LoginRefusal::AudienceInvalid);
    }
    client.org.change(|org| org.sandbox = true);
    assert_eq!(ask(&client, &with(json!("https://test.salesforce.com"))).await.0, 200);
    let asked = ask(&client, &with(json!("https://login.salesforce.com"))).await;
    assert_refused(&asked, LoginRefusal::AudienceInvalid);
}

#[tokio::test]
async fn an_assertion_lives_for_three_minutes_at_most_by_the_orgs_clock() {
    let client = org().await;
    let with = |seconds: i64| {
        let mut claims = claims(&client);
        claims["exp"] = json!(client.org.clock().now().as_second() + seconds);
        claims
    };
    assert_eq!(ask(&client, &with(180)).await.0, 200);
    for wrong in [-60, 200, 300] {
        assert_refused(&ask(&client, &with(wrong)).await, LoginRefusal::ExpiredCode);
    }
    let mut claims = with(60);
    claims["exp"] = json!(claims["exp"].to_string());
    assert_eq!(ask(&client, &claims).await.0, 200, "a number may be written as text");
    claims["exp"] = Value::Null;
    assert_refused(&ask(&client, &claims).await, LoginRefusal::InvalidAssertion);
}

#[tokio::test]
async fn the_older_name_of_the_users_claim_wins() {
    let client = org().await;
    let mut claims = claims(&client);
    claims["prn"] = json!("someone@else.example");
    assert_refused(&ask(&client, &claims).await, LoginRefusal::NotApproved);
    claims["prn"] = claims["sub"].clone();
    claims["sub"] = json!("someone@else.example");
    assert_eq!(ask(&client, &claims).await.0, 200);
    claims["iss"] = json!("3MVG9wrong");
    assert_refused(&ask(&client, &claims).await, LoginRefusal::ClientIdentifierInvalid);
}

#[tokio::test]
async fn a_user_who_is_not_authorised_beforehand_is_told_so_in_the_words_of_the_policy() {
    let client = org().await;
    client.org.change(|org| org.pre_authorised = false);
    assert_refused(&ask(&client, &claims(&client)).await, LoginRefusal::NotApproved);
    client.org.change(|org| org.permitted_users = PermittedUsers::AdminApproved);
    assert_refused(&ask(&client, &claims(&client)).await, LoginRefusal::NotAdminApproved);
    client.org.change(|org| org.pre_authorised = true);
    assert_eq!(ask(&client, &claims(&client)).await.0, 200);
}

#[tokio::test]
async fn the_users_state_decides_over_assertions_too() {
    let client = org().await;
    for (state, refusal) in [
        (UserState::Inactive, LoginRefusal::InactiveUser),
        (UserState::Frozen, LoginRefusal::AuthenticationFailure),
    ] {
        client.org.change(|org| org.user = state);
        assert_refused(&ask(&client, &claims(&client)).await, refusal);
    }
}
