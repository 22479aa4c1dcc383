//! Each way to sign in: what is sent, and what never is.

use std::collections::HashMap;

use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use orgtap_salesforce::{ErrorKind, Org, OrgSettings, SignIn, SignInRefusal};
use orgtap_transport::{Explain, Secret};
use rcgen::{KeyPair, PKCS_RSA_SHA256, PublicKeyData, RsaKeySize};
use serde_json::{Value, json};

use crate::server::{FakeOrg, KEY, Reply, SECRET, Seen, token_answer};

const USER_NAME: &str = "collector@acme.example";

fn form(seen: &Seen) -> HashMap<String, String> {
    url::form_urlencoded::parse(seen.body.as_bytes()).into_owned().collect()
}

/// The forms sent to the token endpoint, in order.
fn forms(server: &FakeOrg) -> Vec<HashMap<String, String>> {
    server.seen().iter().filter(|seen| seen.is("/token")).map(form).collect()
}

fn with(settings: OrgSettings, sign_in: SignIn) -> OrgSettings {
    OrgSettings { sign_in, ..settings }
}

fn jwt(key: &KeyPair, audience: Option<&str>) -> SignIn {
    SignIn::JwtBearer {
        user: USER_NAME.into(),
        key: Secret::new(key.serialize_pem()),
        audience: audience.map(str::to_owned),
    }
}

fn rsa() -> KeyPair {
    KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap()
}

#[tokio::test]
async fn client_credentials_send_key_and_secret_and_no_user() {
    let server = FakeOrg::start(|_| None).await;
    let org = Org::new(with(server.settings(), SignIn::ClientCredentials)).unwrap();
    org.sign_in().await.unwrap();
    let expected =
        [("grant_type", "client_credentials"), ("client_id", KEY), ("client_secret", SECRET)];
    let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(forms(&server).remove(0), HashMap::from(expected));
    assert!(server.seen().iter().all(|seen| seen.query.is_empty()));
}

#[test]
fn client_credentials_at_a_host_of_all_orgs_are_refused_before_anything_is_sent() {
    let mut settings = crate::server::settings("https://acme.my.salesforce.com".parse().unwrap());
    settings.sign_in = SignIn::ClientCredentials;
    assert!(Org::new(settings.clone()).is_ok());
    settings.login_url = Some("https://login.salesforce.com".parse().unwrap());
    let error = Org::new(settings).unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Settings);
    assert!(error.to_string().contains("My Domain"), "{error}");
}

/// Checks an assertion's signature and answers its claims.
fn claims(assertion: &str, key: &KeyPair) -> Value {
    let (signed, signature) = assertion.rsplit_once('.').unwrap();
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    // rcgen gives the whole SubjectPublicKeyInfo; the key proper is its last part.
    UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key.der_bytes())
        .verify(signed.as_bytes(), &signature)
        .unwrap();
    let (header, payload) = signed.split_once('.').unwrap();
    let read =
        |part| -> Value { serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap() };
    assert_eq!(read(header)["alg"], "RS256");
    read(payload)
}

#[tokio::test]
async fn jwt_bearer_sends_a_signed_assertion_and_no_secret() {
    let server = FakeOrg::start(|_| None).await;
    let key = rsa();
    let org = Org::new(with(server.settings(), jwt(&key, None))).unwrap();
    org.sign_in().await.unwrap();
    let form = forms(&server).remove(0);
    assert_eq!(form["grant_type"], "urn:ietf:params:oauth:grant-type:jwt-bearer");
    assert_eq!(form.len(), 2, "neither secret nor key: {:?}", form.keys());
    let claims = claims(&form["assertion"], &key);
    assert_eq!(claims["iss"], KEY);
    assert_eq!(claims["sub"], USER_NAME);
    assert_eq!(claims["aud"], "https://login.salesforce.com");
    assert_eq!(claims.get("prn"), None);
    let ahead = claims["exp"].as_i64().unwrap() - Timestamp::now().as_second();
    assert!((60..=180).contains(&ahead), "{ahead}");
}

#[tokio::test]
async fn the_audience_can_be_set_apart_from_the_endpoint() {
    let server = FakeOrg::start(|_| None).await;
    let key = rsa();
    let site = "https://acme.my.site.com/partners";
    let org = Org::new(with(server.settings(), jwt(&key, Some(site)))).unwrap();
    org.sign_in().await.unwrap();
    assert_eq!(claims(&forms(&server)[0]["assertion"], &key)["aud"], site);
}

#[tokio::test]
async fn an_assertion_is_dated_by_the_orgs_clock_where_this_machines_is_wrong() {
    // The org lives three hours in the past, as this machine would seem to with a wrong clock.
    let server = FakeOrg::start(|seen| {
        let reply = Reply::json(200, &crate::server::versions_answer());
        (seen.path == "/services/data/")
            .then(|| reply.with("date", "Mon, 23 Nov 2026 19:00:00 GMT"))
    })
    .await;
    let key = rsa();
    let org = Org::new(with(server.settings(), jwt(&key, None))).unwrap();
    org.sign_in().await.unwrap();
    let expires = claims(&forms(&server)[0]["assertion"], &key)["exp"].as_i64().unwrap();
    let then: Timestamp = "2026-11-23T19:00:00Z".parse().unwrap();
    assert!((60..=180).contains(&(expires - then.as_second())), "{expires}");
}

#[test]
fn a_key_that_cannot_sign_is_refused_before_anything_is_sent() {
    let mut settings = crate::server::settings("https://acme.my.salesforce.com".parse().unwrap());
    settings.sign_in = SignIn::JwtBearer {
        user: USER_NAME.into(),
        key: Secret::new("KeyPlanted"),
        audience: None,
    };
    let error = Org::new(settings).unwrap_err();
    assert_eq!(error.code(), "OT-ORG-01");
    assert!(error.to_string().contains("RSA") && !error.to_string().contains("KeyPlanted"));
}

#[tokio::test]
async fn a_refresh_token_is_exchanged_with_or_without_a_secret() {
    for secret in [Some(Secret::new(SECRET)), None] {
        let server = FakeOrg::start(|_| None).await;
        let token = SignIn::RefreshToken { token: Secret::new("5Aep861.first") };
        let mut settings = with(server.settings(), token);
        settings.consumer_secret.clone_from(&secret);
        Org::new(settings).unwrap().sign_in().await.unwrap();
        let form = forms(&server).remove(0);
        assert_eq!(form["grant_type"], "refresh_token");
        assert_eq!(form["refresh_token"], "5Aep861.first");
        assert_eq!(
            form.get("client_secret").map(String::as_str),
            secret.as_ref().map(Secret::expose)
        );
    }
}

#[tokio::test]
async fn a_rotated_refresh_token_is_the_next_one_sent_even_without_a_vault() {
    let server = FakeOrg::start(rotating).await;
    let token = SignIn::RefreshToken { token: Secret::new("first") };
    let org = Org::new(with(server.settings(), token)).unwrap();
    for _ in 0..3 {
        org.sign_in().await.unwrap();
    }
    let sent: Vec<_> = forms(&server).iter().map(|form| form["refresh_token"].clone()).collect();
    assert_eq!(sent, ["first", "rotated-0", "rotated-1"]);
}

/// Answers every exchange with a new refresh token.
fn rotating(seen: &Seen) -> Option<Reply> {
    seen.is("/token").then(|| {
        let base = "http://127.0.0.1:1".parse().unwrap();
        let mut answer = token_answer(&base, "session");
        answer["refresh_token"] = json!(format!("rotated-{}", seen.nth));
        Reply::json(200, &answer)
    })
}

#[tokio::test]
async fn each_flow_names_its_own_suspects() {
    let refuse = |description: &'static str| {
        move |seen: &Seen| {
            let body = json!({ "error": "invalid_grant", "error_description": description });
            seen.is("/token").then(|| Reply::json(400, &body))
        }
    };
    let first = async |server: &FakeOrg, sign_in: SignIn| {
        let org = Org::new(with(server.settings(), sign_in)).unwrap();
        let error = org.sign_in().await.unwrap_err();
        (error.code(), error.likely_causes()[0].cause)
    };
    let refresh = || SignIn::RefreshToken { token: Secret::new("t") };

    let server = FakeOrg::start(refuse("authentication failure")).await;
    let (code, cause) = first(&server, SignIn::ClientCredentials).await;
    assert!(code == "OT-AUTH-01" && cause.contains("run-as user"), "{code} {cause}");
    let server = FakeOrg::start(refuse("user hasn't approved this consumer")).await;
    let (code, cause) = first(&server, jwt(&rsa(), None)).await;
    assert!(code == "OT-AUTH-07" && cause.contains("pre-authorized"), "{code} {cause}");
    let server = FakeOrg::start(refuse("invalid assertion")).await;
    let (code, cause) = first(&server, jwt(&rsa(), None)).await;
    assert!(code == "OT-AUTH-20" && cause.contains("certificate"), "{code} {cause}");
    let server = FakeOrg::start(refuse("expired access/refresh token")).await;
    let (code, cause) = first(&server, refresh()).await;
    assert!(code == "OT-AUTH-21" && cause.contains("exchanged"), "{code} {cause}");
}

#[tokio::test]
async fn an_echo_of_the_request_shows_no_assertion_and_no_refresh_token() {
    let server = FakeOrg::start(|seen| {
        let echo = json!({ "error": "invalid_grant", "error_description": seen.body });
        seen.is("/token").then(|| Reply::json(400, &echo))
    })
    .await;
    let key = rsa();
    let token = Secret::new("5Aep861.RefreshPlanted");
    for sign_in in [jwt(&key, None), SignIn::RefreshToken { token }] {
        let org = Org::new(with(server.settings(), sign_in)).unwrap();
        let error = org.sign_in().await.unwrap_err();
        assert_eq!(*error.kind(), ErrorKind::SignIn(SignInRefusal::Unrecognised));
        let said = format!("{error} {error:?} {org:?} {:?}", error.problem());
        assert!(said.contains("[secret]"), "{said}");
        assert!(!said.contains("Planted") && !said.contains("eyJ"), "{said}");
    }
}
