//! What settings are refused, shown and trusted.

use super::*;

fn settings(instance: &str) -> OrgSettings {
    OrgSettings {
        instance_url: instance.parse().unwrap(),
        login_url: None,
        consumer_key: Secret::new("key"),
        consumer_secret: Some(Secret::new("secret")),
        sign_in: SignIn::Password {
            user: "u@acme.example".into(),
            password: Secret::new("password"),
            security_token: Some(Secret::new("token")),
        },
        api_version: None,
        client: ClientSettings::default(),
        keep: None,
    }
}

fn url(text: &str) -> Url {
    text.parse().unwrap()
}

#[test]
fn takes_https_anywhere_and_http_only_to_this_machine() {
    for good in [
        "https://acme.my.salesforce.com",
        "https://acme--dev.sandbox.my.salesforce.com/",
        "https://login.salesforce.com",
        "http://127.0.0.1:8080",
        "http://localhost:1",
        "http://[::1]:8080",
    ] {
        assert!(settings(good).validate().is_ok(), "{good}");
    }
    for bad in [
        "http://acme.my.salesforce.com",
        "http://127.0.0.1.evil.example",
        "ftp://acme.my.salesforce.com",
        "https://user:hunter22@acme.my.salesforce.com",
        "https://acme.my.salesforce.com/services",
        "https://acme.my.salesforce.com/?x=1",
        "https://acme.my.salesforce.com/#x",
        "data:text/plain,x",
    ] {
        let error = settings(bad).validate().unwrap_err();
        assert_eq!(*error.kind(), ErrorKind::Settings, "{bad}");
        assert!(!error.to_string().contains("hunter22"));
    }
}

#[test]
fn no_password_or_key_shows_in_a_debug_print() {
    let mut shown = settings("https://user:planted1@acme.my.salesforce.com");
    shown.client.proxy = Some(url("http://user:planted2@proxy.example"));
    shown.client.identity_pem = Some(b"planted3".to_vec());
    let text = format!("{shown:?}");
    assert!(text.contains("acme.my.salesforce.com"), "{text}");
    assert!(!text.contains("planted") && !text.contains("112, 108"), "{text}");
}

#[test]
fn names_the_api_host_for_a_browser_host() {
    let error = settings("https://acme.lightning.force.com").validate().unwrap_err();
    assert!(error.to_string().contains("https://acme.my.salesforce.com"), "{error}");
}

#[test]
fn empty_values_are_refused() {
    let mut empty = settings("https://acme.my.salesforce.com");
    empty.consumer_secret = Some(Secret::new(""));
    assert!(empty.validate().unwrap_err().to_string().contains("consumer secret is empty"));
}

#[test]
fn a_session_goes_only_to_salesforce_or_to_a_configured_host() {
    let cloud = settings("https://acme.my.salesforce.com");
    for good in [
        "https://acme.my.salesforce.com",
        "https://na139.salesforce.com",
        "https://acme.my.salesforce.mil",
        "https://acme.my.sfcrmproducts.cn",
    ] {
        assert!(cloud.trusts(&url(good)), "{good}");
    }
    for bad in [
        "https://evil.example",
        "https://evilsalesforce.com",
        "https://salesforce.com.evil.example",
        "https://salesforce.com",
        "http://acme.my.salesforce.com",
        "http://127.0.0.1:9",
        "https://u@acme.my.salesforce.com",
        "https://acme.my.salesforce.com/path",
    ] {
        assert!(!cloud.trusts(&url(bad)), "{bad}");
    }
    let local = settings("http://127.0.0.1:8080");
    assert!(local.trusts(&url("http://127.0.0.1:9")));
    assert!(!local.trusts(&url("http://10.0.0.1:9")));
}

#[test]
fn the_fingerprint_changes_with_any_credential_and_with_the_key() {
    let key = [7; 32];
    let base = settings("https://acme.my.salesforce.com");
    let mut prints = vec![
        base.fingerprint(&key),
        base.fingerprint(&[8; 32]),
        settings("https://other.my.salesforce.com").fingerprint(&key),
    ];
    assert_eq!(prints[0], base.clone().fingerprint(&key));
    assert_eq!(prints[0].len(), 32);
    let mut changed = base.clone();
    changed.consumer_secret = Some(Secret::new("other"));
    prints.push(changed.fingerprint(&key));
    for (password, token) in [("passwordt", Some("oken")), ("passwordtoken", None)] {
        let mut changed = base.clone();
        changed.sign_in = SignIn::Password {
            user: "u@acme.example".into(),
            password: Secret::new(password),
            security_token: token.map(Secret::new),
        };
        prints.push(changed.fingerprint(&key));
    }
    let distinct: std::collections::BTreeSet<_> = prints.iter().collect();
    assert_eq!(distinct.len(), prints.len());
}

#[test]
fn a_chain_belongs_to_the_app_and_the_token_that_began_it() {
    let begun = |key: &str, token: &str| {
        let sign_in = SignIn::RefreshToken { token: Secret::new(token) };
        let base = settings("https://acme.my.salesforce.com");
        OrgSettings { consumer_key: Secret::new(key), sign_in, ..base }
    };
    let chain = |settings: &OrgSettings| settings.chain(&[0; 32]).unwrap();
    let base = begun("key", "token");
    let mut changed = base.clone();
    changed.consumer_secret = Some(Secret::new("other"));
    changed.login_url = Some(url("https://login.salesforce.com"));
    assert_eq!(chain(&changed), chain(&base));
    assert_ne!(chain(&begun("key", "other")), chain(&base));
    assert_ne!(chain(&begun("other", "token")), chain(&base));
    assert_eq!(settings("https://acme.my.salesforce.com").chain(&[0; 32]), None);
}

#[test]
fn a_refresh_token_moves_within_salesforce_and_to_no_other_host() {
    for (before, now, may) in [
        ("https://acme.my.salesforce.com", "https://login.salesforce.com", true),
        ("https://acme.my.salesforce.com", "https://renamed.my.salesforce.com", true),
        ("https://gate.acme.example", "https://gate.acme.example", true),
        ("https://gate.acme.example", "https://acme.my.salesforce.com", true),
        ("https://acme.my.salesforce.com", "https://gate.acme.example", false),
        ("https://acme.my.salesforce.com", "https://acme.my.salesforce.com.evil.example", false),
        ("https://acme.my.salesforce.com", "https://evilsalesforce.com", false),
        ("https://gate.acme.example", "https://gate.acme.example:8443", false),
        ("http://127.0.0.1:80", "http://localhost:81", true),
        ("https://acme.my.salesforce.com", "http://localhost:81", false),
    ] {
        assert_eq!(settings(now).may_move(&url(before)), may, "{before} {now}");
    }
}
