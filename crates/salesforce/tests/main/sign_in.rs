//! Signing in: what is sent, what is understood, what is refused and how.

use std::time::Duration;

use orgtap_salesforce::{ApiVersion, ErrorKind, Org, SignIn, SignInRefusal};
use orgtap_transport::{Disposition, Explain, Secret};
use serde_json::{Value, json};

use crate::server::{
    FakeOrg, KEY, ORG, PASSWORD, Reply, SECRET, TOKEN, USER, settings, token_answer,
    versions_answer,
};

#[tokio::test]
async fn sends_the_form_in_the_body_and_reads_who_it_is() {
    let server = FakeOrg::start(|_| None).await;
    let org = server.org();
    assert!(org.signed_in().is_none());
    let who = org.sign_in().await.unwrap();
    assert_eq!((who.org_id.as_str(), who.user_id.as_str()), (ORG, USER));
    assert_eq!(who.instance_url, server.url);
    assert_eq!(org.signed_in().unwrap(), who);

    let seen = server.seen().remove(0);
    assert_eq!((seen.method.as_str(), seen.path.as_str()), ("POST", "/services/oauth2/token"));
    assert_eq!(seen.query, "");
    assert_eq!(seen.header("content-type"), "application/x-www-form-urlencoded");
    let form: Vec<(String, String)> =
        url::form_urlencoded::parse(seen.body.as_bytes()).into_owned().collect();
    let expected = [
        ("grant_type", "password".to_owned()),
        ("client_id", KEY.to_owned()),
        ("client_secret", SECRET.to_owned()),
        ("username", "collector@acme.example".to_owned()),
        ("password", format!("{PASSWORD}{TOKEN}")),
    ];
    assert_eq!(form, expected.map(|(name, value)| (name.to_owned(), value)));
    let id = seen.header("x-sfdc-request-id");
    assert!(id.starts_with("orgtap") && id.len() == 22, "{id}");
}

#[tokio::test]
async fn data_calls_go_to_the_instance_the_sign_in_named() {
    let data = FakeOrg::start(|seen| {
        let good = seen.header("authorization") == "Bearer token-of-the-login-host";
        (good && seen.is("/limits")).then(|| Reply::json(200, &json!({})))
    })
    .await;
    let instance = data.url.clone();
    let login = FakeOrg::start(move |_| {
        Some(Reply::json(200, &token_answer(&instance, "token-of-the-login-host")))
    })
    .await;
    let org = Org::new(login.settings()).unwrap();
    assert!(org.limits().await.unwrap().is_some());
    assert_eq!(login.seen().len(), 1, "only the sign-in went to the login host");
    assert_eq!(data.count("/services/data/"), 1, "versions come from the instance too");
}

#[tokio::test]
async fn a_login_url_is_used_for_the_sign_in_alone() {
    let data = FakeOrg::start(|_| None).await;
    let login = FakeOrg::start(|_| None).await;
    let mut settings = settings(data.url.clone());
    settings.login_url = Some(login.url.clone());
    let org = Org::new(settings).unwrap();
    org.versions().await.unwrap();
    org.sign_in().await.unwrap();
    assert_eq!((login.count("/token"), data.count("/token")), (1, 0));
    assert_eq!((login.count("/data/"), data.count("/data/")), (0, 1));
}

async fn refusal(reply: Reply) -> orgtap_salesforce::Error {
    let server = FakeOrg::start(move |_| Some(reply.clone())).await;
    let org = server.org();
    let error = org.sign_in().await.unwrap_err();
    assert_eq!(server.count("/token"), 1, "a sign-in is never tried twice");
    assert_eq!(org.calls().sign_in, 1);
    error
}

async fn refused(status: u16, error: &str, description: &str) -> orgtap_salesforce::Error {
    let body = json!({ "error": error, "error_description": description });
    refusal(Reply::json(status, &body)).await
}

#[tokio::test]
async fn a_refusal_is_explained_and_waits_for_a_person() {
    let error = refused(400, "invalid_grant", "authentication failure").await;
    assert_eq!(*error.kind(), ErrorKind::SignIn(SignInRefusal::Credentials));
    assert_eq!(error.disposition(), Disposition::Pause);
    assert_eq!(error.code(), "OT-AUTH-01");
    assert_eq!(
        error.to_string(),
        "signing in: sign-in refused: HTTP 400 invalid_grant (authentication failure)"
    );
    let labels: Vec<_> = error.likely_causes().iter().filter_map(|it| it.login_history).collect();
    assert_eq!(
        labels,
        [
            "Invalid Password",
            "Username-Password Flow Disabled",
            "Password Lockout",
            "User is frozen",
            "Failed: OAuth API access disabled"
        ],
        "a missing token is no suspect where there is one"
    );
    assert!(error.remedy().contains("Login History"));
}

#[tokio::test]
async fn a_missing_security_token_is_the_first_suspect() {
    let body = json!({ "error": "invalid_grant", "error_description": "authentication failure" });
    let server = FakeOrg::start(move |_| Some(Reply::json(400, &body))).await;
    let mut settings = server.settings();
    settings.sign_in = SignIn::Password {
        user: "u@acme.example".into(),
        password: Secret::new(PASSWORD),
        security_token: None,
    };
    let error = Org::new(settings).unwrap().sign_in().await.unwrap_err();
    let first = error.possibilities().remove(0);
    assert!(first.cause.starts_with("no security token is configured"), "{first:?}");
    assert!(first.check.contains("Failed: API security token required"), "{first:?}");
}

#[tokio::test]
async fn too_many_sign_ins_wait_between_15_and_60_minutes() {
    let minutes = |n: u64| Disposition::Retry { after: Some(Duration::from_secs(n * 60)) };
    let error = refused(400, "rate_limit_exceeded", "login rate exceeded").await;
    assert_eq!(error.disposition(), minutes(15));
    let reply = Reply::json(
        400,
        &json!({ "error": "invalid_grant", "error_description": "login rate exceeded" }),
    );
    let error = refusal(reply.clone().with("retry-after", "86400")).await;
    assert_eq!(error.disposition(), minutes(60));
    let error = refusal(reply.with("retry-after", "1800")).await;
    assert_eq!(error.disposition(), minutes(30));
    let error = refusal(Reply::html(429, "slow down")).await;
    assert_eq!(error.disposition(), minutes(15));
}

#[tokio::test]
async fn retry_your_request_is_not_retried() {
    for status in [400, 500, 503] {
        let error = refused(status, "unknown_error", "retry your request").await;
        assert_eq!(*error.kind(), ErrorKind::SignIn(SignInRefusal::WrongHost), "{status}");
        assert_eq!(error.disposition(), Disposition::Pause);
    }
}

#[tokio::test]
async fn an_unknown_refusal_keeps_its_words_but_not_all_of_them() {
    let error = refused(400, "brand_new_code", &"long story ".repeat(500)).await;
    assert_eq!(*error.kind(), ErrorKind::SignIn(SignInRefusal::Unrecognised));
    let text = error.to_string();
    assert!(text.contains("brand_new_code (long story"), "{text}");
    assert!(text.len() < 400, "{}", text.len());
}

#[tokio::test]
async fn failures_of_the_way_pass_and_are_tried_again_later() {
    for (reply, kind) in [
        (Reply::html(503, "Service Unavailable"), ErrorKind::ServerError),
        (Reply::new(503, "text/plain", ""), ErrorKind::ServerError),
        (Reply::json(500, &json!({ "error": "x" })), ErrorKind::ServerError),
        (Reply::html(200, "<html>Sign in to the proxy</html>"), ErrorKind::NotJson),
        (
            Reply::json(200, &Value::Null).with("x", "y"),
            ErrorKind::SignIn(SignInRefusal::UnusableAnswer),
        ),
        (Reply::new(200, "application/json", ""), ErrorKind::NotJson),
        (Reply::html(403, "blocked by the proxy"), ErrorKind::NotJson),
    ] {
        let error = refusal(reply).await;
        assert_eq!(*error.kind(), kind);
        let again = matches!(error.disposition(), Disposition::Retry { .. });
        assert_eq!(again, !matches!(kind, ErrorKind::SignIn(_)), "{error}");
    }
}

#[tokio::test]
async fn a_host_without_a_token_endpoint_is_not_asked_again() {
    for status in [400, 401, 404, 405] {
        let error = refusal(Reply::html(status, "<html>no such page</html>")).await;
        assert_eq!(*error.kind(), ErrorKind::SignIn(SignInRefusal::NoEndpoint), "{status}");
        assert_eq!(error.disposition(), Disposition::Pause);
    }
}

#[tokio::test]
async fn a_redirect_means_the_wrong_host() {
    for status in [301, 302, 303, 307, 308] {
        let moved = Reply::html(status, "").with("location", "https://acme.my.salesforce.com/x");
        let error = refusal(moved).await;
        assert_eq!(*error.kind(), ErrorKind::WrongHost, "{status}");
        assert!(error.to_string().contains("acme.my.salesforce.com"), "{error}");
    }
}

#[tokio::test]
async fn an_incomplete_success_is_refused_without_quoting_it() {
    let server = FakeOrg::start(|_| None).await;
    for (field, value) in [
        ("access_token", Value::Null),
        ("access_token", json!("")),
        ("access_token", json!(7)),
        ("access_token", json!("line\r\nbreak-planted")),
        ("instance_url", json!("not a url")),
        ("instance_url", Value::Null),
        ("id", json!("https://login.salesforce.com/id/nonsense")),
        ("id", Value::Null),
    ] {
        let mut answer = token_answer(&server.url, "00Dxx!TokenPlanted");
        answer[field] = value;
        let error = refusal(Reply::json(200, &answer)).await;
        assert_eq!(*error.kind(), ErrorKind::SignIn(SignInRefusal::UnusableAnswer), "{field}");
        let text = format!("{error} {error:?}");
        assert!(text.contains(field) && !text.contains("lanted"), "{text}");
    }
}

#[tokio::test]
async fn a_session_is_not_sent_to_a_host_nobody_configured() {
    for hostile in
        ["https://evil.example", "http://10.0.0.1", "https://salesforce.com.evil.example"]
    {
        let error = refusal(Reply::json(200, &token_answer(&hostile.parse().unwrap(), "t"))).await;
        assert_eq!(*error.kind(), ErrorKind::UntrustedAddress, "{hostile}");
        assert_eq!(error.disposition(), Disposition::Pause);
    }
}

#[tokio::test]
async fn uses_the_newest_version_both_know() {
    let server = FakeOrg::start(|_| None).await;
    let org = server.org();
    assert_eq!(org.versions().await.unwrap().len(), 7);
    assert_eq!(org.negotiate_version().await.unwrap(), ApiVersion::new(66));
    org.limits().await.unwrap();
    assert_eq!(server.count("/services/data/v66.0/limits"), 1);
    assert_eq!(server.count("/services/data/"), 2, "a version chosen once is kept");
    assert!(
        server
            .seen()
            .iter()
            .all(|seen| seen.path != "/services/data/" || seen.header("authorization").is_empty())
    );
}

#[tokio::test]
async fn a_configured_version_must_exist() {
    let server = FakeOrg::start(|_| None).await;
    let mut settings = server.settings();
    settings.api_version = Some(ApiVersion::new(61));
    let org = Org::new(settings.clone()).unwrap();
    assert_eq!(org.negotiate_version().await.unwrap(), ApiVersion::new(61));
    settings.api_version = Some(ApiVersion::new(44));
    let error = Org::new(settings).unwrap().limits().await.unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::UnsupportedVersion);
    assert!(error.to_string().contains("44.0 is configured and the org offers 60.0 to 66.0"));
}

#[tokio::test]
async fn a_version_the_org_dropped_is_chosen_again() {
    let server = FakeOrg::start(|seen| {
        if seen.path == "/services/data/" {
            let mut versions = versions_answer();
            if seen.nth > 0 {
                versions.as_array_mut().unwrap().pop();
            }
            return Some(Reply::json(200, &versions));
        }
        seen.path.contains("/v66.0/").then(|| Reply::error(410, "GONE", "retired"))
    })
    .await;
    let org = server.org();
    assert!(org.limits().await.is_ok());
    assert_eq!(server.count("/services/data/v65.0/limits"), 1);
}

#[tokio::test]
async fn a_version_that_stays_refused_is_reported() {
    let server = FakeOrg::start(|seen| {
        seen.is("/limits")
            .then(|| Reply::error(404, "UNSUPPORTED_API_VERSION", "Invalid Api version"))
    })
    .await;
    let error = server.org().limits().await.unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::UnsupportedVersion);
    assert_eq!(server.count("/limits"), 1);
}
