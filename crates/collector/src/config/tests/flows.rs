//! The ways to sign in: what each needs, which is meant when none is named, and what is said of
//! keys that belong to another.

use orgtap_salesforce::SignIn;
use orgtap_transport::vault::KeyRef;
use orgtap_transport::{Secret, SecretRef, Vault};

use super::{GOOD, refusal};
use crate::config::{ConnectorSettings, Settings, SignInSettings, parse};

/// [`GOOD`] with these lines in the place of user, password, key and secret.
fn signing_in(lines: &str) -> String {
    let from = GOOD.find("    salesforce_user:").unwrap();
    let to = GOOD.find("    destinations: [siem]").unwrap();
    format!("{}{lines}{}", &GOOD[..from], &GOOD[to..])
}

fn settings(text: &str) -> Settings {
    parse(text, "orgtap.yaml").unwrap_or_else(|error| panic!("{}", error.render()))
}

fn connector(lines: &str) -> ConnectorSettings {
    settings(&signing_in(lines)).connectors.remove(0)
}

fn env(name: &str) -> SecretRef {
    SecretRef::Env(name.to_owned())
}

#[test]
fn a_key_and_a_secret_alone_mean_client_credentials() {
    for auth in ["", "    auth: client_credentials\n"] {
        let lines = "    consumer_key: { env: K }\n    consumer_secret: { env: S }\n";
        let connector = connector(&format!("{lines}{auth}"));
        assert_eq!(connector.sign_in, SignInSettings::ClientCredentials);
        assert_eq!(connector.consumer_secret, Some(env("S")));
        assert_eq!(connector.user, None);
    }
}

#[test]
fn a_jwt_needs_a_user_and_a_key_and_no_secret() {
    let lines = "    auth: jwt_bearer\n    salesforce_user: u@acme.example\n    consumer_key: { env: K }\n    jwt_key: { file: key.pem }\n";
    let one = connector(lines);
    let key = SecretRef::File("key.pem".into());
    assert_eq!(one.sign_in, SignInSettings::JwtBearer { key: key.clone(), audience: None });
    assert_eq!((one.user.as_deref(), &one.consumer_secret), (Some("u@acme.example"), &None));
    let one = connector(&format!("{lines}    jwt_audience: https://test.salesforce.com\n"));
    let audience = Some("https://test.salesforce.com".to_owned());
    assert_eq!(one.sign_in, SignInSettings::JwtBearer { key, audience });
}

#[test]
fn a_refresh_token_may_do_without_user_and_secret() {
    let one = connector(
        "    auth: refresh_token\n    consumer_key: { env: K }\n    refresh_token: { stored: acme/first }\n",
    );
    let token = SecretRef::Stored("acme/first".to_owned());
    assert_eq!(one.sign_in, SignInSettings::RefreshToken { token });
}

#[test]
fn what_a_flow_lacks_is_told_all_at_once_and_with_its_name() {
    for (lines, said) in [
        (
            "    consumer_key: { env: K }\n",
            "missing key `consumer_secret`, for `auth: client_credentials`",
        ),
        (
            "    auth: jwt_bearer\n    consumer_key: { env: K }\n",
            "missing keys `salesforce_user` and `jwt_key`, for `auth: jwt_bearer`",
        ),
        (
            "    auth: password\n    consumer_key: { env: K }\n",
            "missing keys `salesforce_user`, `salesforce_user_password` and `consumer_secret`, for `auth: password`",
        ),
        (
            "    auth: refresh_token\n    consumer_key: { env: K }\n",
            "missing key `refresh_token`, for `auth: refresh_token`",
        ),
    ] {
        let text = refusal(&signing_in(lines));
        assert!(text.contains(said) && text.contains("OT-CONF-04"), "{text}");
    }
}

#[test]
fn a_misspelt_key_is_not_told_as_missing_too() {
    let text = refusal(&signing_in(
        "    auth: jwt_bearer\n    salesforce_user: u@acme.example\n    consumer_key: { env: K }\n    jwt_kee: { env: J }\n",
    ));
    assert!(text.contains("did you mean `jwt_key`?") && !text.contains("missing"), "{text}");
}

#[test]
fn an_audience_is_a_whole_address() {
    let with = |audience: &str| {
        signing_in(&format!(
            "    auth: jwt_bearer\n    salesforce_user: u@acme.example\n    consumer_key: {{ env: K }}\n    jwt_key: {{ env: J }}\n    jwt_audience: {audience}\n"
        ))
    };
    for good in ["https://login.salesforce.com", "https://acme.my.site.com/partners"] {
        settings(&with(good));
    }
    for bad in ["login.salesforce.com", "http://login.salesforce.com", "https://u:hunter2@x"] {
        let text = refusal(&with(bad));
        assert!(text.contains("a whole address") && !text.contains("hunter2"), "{bad}: {text}");
    }
    assert!(refusal(&with("[https://login.salesforce.com]")).contains("a text is wanted"));
}

#[test]
fn keys_of_another_flow_are_warned_of() {
    let text = signing_in(
        "    auth: client_credentials\n    salesforce_user: u@acme.example\n    salesforce_user_password: { env: P }\n    security_token: { env: T }\n    consumer_key: { env: K }\n    consumer_secret: { env: S }\n",
    );
    assert_eq!(
        settings(&text).warnings,
        [
            "`salesforce_user_password` and `security_token` of the connector `acme` are not used: it \
          signs in by client_credentials"
        ]
    );
}

#[test]
fn stored_secrets_come_from_the_vault_of_the_data_folder() {
    let folder = tempfile::tempdir().unwrap();
    let lines =
        "    consumer_key: { stored: acme/key }\n    consumer_secret: { stored: acme/secret }\n";
    let text = format!("data_dir: {}\n{}", folder.path().display(), signing_in(lines));
    let settings = settings(&text);
    let error = settings.connectors[0].org_settings(&settings.vault).unwrap_err();
    assert!(error.to_string().contains("orgtap vault set acme/key"), "{error}");
    for (name, value) in [("acme/key", "a key"), ("acme/secret", "hunter2")] {
        Vault::new(folder.path(), None).set(name, &Secret::new(value)).unwrap();
    }
    let org = settings.connectors[0].org_settings(&settings.vault).unwrap();
    assert_eq!(org.sign_in, SignIn::ClientCredentials);
    assert_eq!(org.consumer_secret, Some(Secret::new("hunter2")));
    assert_eq!(org.keep.unwrap().connector, "acme");
}

#[test]
fn the_vaults_key_may_be_elsewhere() {
    for (written, expected) in [
        ("{ env: VAULT_KEY }", KeyRef::Env("VAULT_KEY".into())),
        ("{ keyring: orgtap }", KeyRef::Keyring("orgtap".into())),
        ("{ file: keys/vault.key }", KeyRef::File("/etc/orgtap/keys/vault.key".into())),
    ] {
        let text = format!("vault: {{ key: {written} }}\n{GOOD}");
        let settings = parse(text, "/etc/orgtap/orgtap.yaml").unwrap();
        assert_eq!(*settings.vault.key(), expected);
    }
    let settings = parse(GOOD, "/etc/orgtap/orgtap.yaml").unwrap();
    assert_eq!(*settings.vault.key(), KeyRef::File("/etc/orgtap/data/vault.key".into()));
    let text = refusal(&format!("vault: {{ key: hunter2 }}\n{GOOD}"));
    assert!(!text.contains("hunter2"), "{text}");
}
