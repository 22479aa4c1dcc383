//! The set-up kit as a person meets it, and what each flow and source puts into it.

mod metadata;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{Ran, all_files};

const ALL_SOURCES: &str =
    "event-log-files,real-time-events,event-log-objects,login-history,setup-audit-trail";

/// A kit in a folder of its own.
struct Kit {
    _folder: TempDir,
    path: PathBuf,
}

impl Kit {
    fn new(args: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kit");
        let ran = run(&path, args);
        assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
        Self { _folder: folder, path }
    }

    fn text(&self, name: &str) -> String {
        let path = self.path.join(name);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// A component's text.
    fn component(&self, name: &str) -> String {
        self.text(&format!("{}-meta.xml", name.replacen('/', "/force-app/main/default/", 1)))
    }

    fn global_oauth(&self) -> String {
        self.text(
            "modern/oauth-app/main/default/extlClntAppGlobalOauthSets/Orgtap.ecaGlblOauth-meta.xml",
        )
    }
}

fn run(out: &Path, args: &[&str]) -> Ran {
    let output = Command::new(env!("CARGO_BIN_EXE_orgtap"))
        .args(["setup-kit", "--contact-email", "siem@acme.example", "--out"])
        .arg(out)
        .args(args)
        .output()
        .unwrap();
    Ran::of(&output)
}

#[test]
fn the_user_may_do_what_the_sources_take_and_no_more() {
    let granted = |sources: &str, component: &str| {
        let kit = Kit::new(&["--flow", "all", "--sources", sources]);
        let text = kit.component(component);
        text.split("<name>")
            .skip(1)
            .map(|part| part.split('<').next().unwrap().to_owned())
            .collect::<Vec<_>>()
            .join(" ")
    };
    for (sources, expected) in [
        ("event-log-files", "ViewEventLogFiles"),
        ("real-time-events", "ViewDataLeakageEvents"),
        ("event-log-objects", ""),
        ("login-history", "MonitorLoginHistory"),
        ("setup-audit-trail", "ViewRoles ViewSetup"),
    ] {
        let set = granted(sources, "modern/permissionsets/Orgtap.permissionset");
        assert_eq!(set, format!("ApiEnabled ApiUserOnly {expected}").trim());
        let profile = granted(sources, "seed/profiles/Orgtap.profile");
        assert_eq!(profile, format!("ApiEnabled {expected}").trim());
    }
    let api_only = granted("event-log-files", "seed/permissionsets/Orgtap_Api_Only.permissionset");
    assert_eq!(api_only, "ApiUserOnly");
    let kit = Kit::new(&["--sources", "real-time-events", "--api-version", "61.0"]);
    let set = kit.component("modern/permissionsets/Orgtap.permissionset");
    assert!(set.contains("<object>LoginEvent</object>"));
    assert!(!set.contains("LoginAnomalyEventStore"), "it came with 64.0");
    for forbidden in ["allowCreate", "allowDelete", "allowEdit", "modifyAllRecords"] {
        assert!(!set.contains(&format!("<{forbidden}>true")));
    }
}

#[test]
fn each_flow_gets_what_it_needs() {
    let policies = "modern/extlClntAppOauthPolicies/Orgtap_defaultPolicy.ecaOauthPlcy";
    let scopes = "modern/extlClntAppOauthSettings/Orgtap.ecaOauth";
    let user = "<clientCredentialsFlowUser>collector@acme.example</clientCredentialsFlowUser>";
    let switch =
        |on: bool| format!("<isClientCredentialsFlowEnabled>{on}</isClientCredentialsFlowEnabled>");

    let kit = Kit::new(&["--user", "collector@acme.example"]);
    let text = kit.component(policies);
    assert!(text.contains(user) && text.contains(&switch(true)), "{text}");
    assert!(kit.component(scopes).contains(">Api<"));
    assert!(kit.global_oauth().contains(&switch(true)));
    assert!(!kit.global_oauth().contains("<certificate>") && !kit.path.join("keys").exists());
    assert!(!kit.path.join("seed").exists());

    let kit = Kit::new(&[]);
    let text = kit.component(policies);
    assert!(!text.contains("clientCredentialsFlowUser") && text.contains(&switch(false)), "{text}");
    assert!(kit.text("GUIDE.md").contains("Enable Client Credentials Flow"));

    let kit = Kit::new(&["--flow", "jwt", "--user", "collector@acme.example"]);
    let text = kit.component(policies);
    assert!(!text.contains(user) && text.contains(&switch(false)), "{text}");
    assert!(kit.component(scopes).contains(">Api, RefreshToken<"));
    assert!(kit.global_oauth().contains(kit.text("keys/orgtap.crt").trim_end()));
    assert!(!kit.path.join("seed").exists());

    let kit = Kit::new(&["--flow", "password"]);
    assert!(!kit.path.join("modern").exists() && !kit.path.join("keys").exists());
    let allowed = kit.component("seed/settings/OauthOidc.settings");
    assert!(allowed.contains("<blockOAuthUnPwFlow>false</blockOAuthUnPwFlow>"));
    assert!(kit.text("GUIDE.md").contains("easier to attack"));
    let user: Value = serde_json::from_str(&kit.text("seed/user.json")).unwrap();
    assert_eq!(user["Email"], "siem@acme.example");
}

#[test]
fn the_key_is_for_its_owner_alone_and_fits_the_certificate_in_the_app() {
    use std::os::unix::fs::PermissionsExt as _;

    use rustls::pki_types::pem::PemObject as _;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer};

    let kit = Kit::new(&["--flow", "jwt", "--certificate-days", "30"]);
    let path = kit.path.join("keys/orgtap.key");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let key = kit.text("keys/orgtap.key");
    assert!(key.starts_with("-----BEGIN PRIVATE KEY-----"));

    let app = kit.global_oauth();
    let start = app.find("-----BEGIN CERTIFICATE-----").unwrap();
    let end = app.find("</certificate>").unwrap();
    let certificate = CertificateDer::from_pem_slice(&app.as_bytes()[start..end]).unwrap();
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
    let signer = rustls::crypto::aws_lc_rs::sign::any_supported_type(&key).unwrap();
    assert_eq!(signer.algorithm(), rustls::SignatureAlgorithm::RSA);
    let pair = rustls::sign::CertifiedKey::new(vec![certificate.clone()], signer);
    pair.keys_match().unwrap();

    // Two times of the form YYMMDDhhmmssZ, a month and a day apart.
    let times: Vec<jiff::civil::Date> = certificate
        .windows(15)
        .filter(|part| part.starts_with(&[0x17, 13]) && part.ends_with(b"Z"))
        .map(|part| std::str::from_utf8(&part[2..8]).unwrap())
        .map(|day| format!("20{}-{}-{}", &day[..2], &day[2..4], &day[4..6]).parse().unwrap())
        .collect();
    let [from, until] = times[..] else { panic!("{times:?}") };
    assert_eq!(from.until(until).unwrap().get_days(), 31);
}

#[test]
fn no_file_but_the_key_holds_a_secret() {
    let kit = Kit::new(&["--flow", "all"]);
    for path in all_files(&kit.path) {
        let text = fs::read_to_string(&path).unwrap();
        let is_key = path.ends_with("keys/orgtap.key");
        assert_eq!(text.contains("PRIVATE KEY"), is_key, "{}", path.display());
        for element in ["<consumerKey>", "<consumerSecret>"] {
            assert!(!text.contains(element), "{}", path.display());
        }
    }
    let ignored = kit.text(".gitignore");
    assert!(ignored.contains("/keys/") && ignored.contains("/modern/oauth-app/"), "{ignored}");
}

#[test]
fn a_kit_is_written_again_with_force_only_and_its_key_stays() {
    let kit = Kit::new(&["--flow", "jwt"]);
    let key = kit.text("keys/orgtap.key");
    let ran = run(&kit.path, &["--flow", "jwt"]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("holds a kit already [OT-CONF-00]"), "{}", ran.stderr);
    assert!(ran.stderr.contains("remedy: Add --force"), "{}", ran.stderr);
    let ran = run(&kit.path, &["--flow", "jwt", "--force"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(ran.stdout.contains("keys/orgtap.key  (as it was)"), "{}", ran.stdout);
    assert_eq!(kit.text("keys/orgtap.key"), key);
    assert_eq!(run(&kit.path, &["--flow", "jwt", "--force", "--new-key"]).code, Some(0));
    assert_ne!(kit.text("keys/orgtap.key"), key);
    assert!(kit.global_oauth().contains(kit.text("keys/orgtap.crt").trim_end()));
}

#[test]
fn a_folder_with_something_else_in_it_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("thesis.doc"), "years of work").unwrap();
    for args in [&[][..], &["--force"]] {
        let ran = run(folder.path(), args);
        assert_eq!(ran.code, Some(2));
        assert!(ran.stderr.contains("is no kit [OT-CONF-00]"), "{}", ran.stderr);
    }
    assert_eq!(all_files(folder.path()).len(), 1);
}

#[test]
fn what_salesforce_would_refuse_is_refused_with_cause_and_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("kit");
    for wrong in [
        ["--name", "1st"],
        ["--name", "../../etc"],
        ["--label", "a\u{7}b"],
        ["--user", "collector"],
        ["--api-version", "12.0"],
        ["--event-log-retention", "7"],
        ["--address", "0.0.0.0/0"],
        ["--certificate-days", "0"],
    ] {
        let ran = run(&out, &wrong);
        assert_eq!(ran.code, Some(2), "{wrong:?}: {}", ran.stdout);
        let first = format!("error: {} {:?} cannot be used [OT-CONF-00]\n", wrong[0], wrong[1]);
        let numbers = format!("error: {} \"{}\" cannot be used [OT-CONF-00]\n", wrong[0], wrong[1]);
        assert!(
            ran.stderr.starts_with(&first) || ran.stderr.starts_with(&numbers),
            "{}",
            ran.stderr
        );
        assert!(ran.stderr.contains("\n  cause:  ") && ran.stderr.contains("\n  remedy: "));
        let ran = run(&out, &[&wrong[..], &["--json"]].concat());
        let problem: Value = serde_json::from_str(&ran.stderr).unwrap();
        assert_eq!(problem["problem"]["code"], "OT-CONF-00");
    }
    assert!(!out.exists());
}

#[test]
fn json_names_every_file_and_what_to_do_next() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("kit");
    let answer = run(&out, &["--flow", "all", "--json"]).json();
    let listed: Vec<&str> =
        answer["files"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    let mut found: Vec<String> = all_files(&out)
        .iter()
        .map(|path| path.strip_prefix(&out).unwrap().to_str().unwrap().to_owned())
        .collect();
    found.sort();
    assert_eq!(listed, found);
    assert_eq!(answer["kept"].as_array().unwrap().len(), 0);
    assert!(answer["next"][0].as_str().unwrap().ends_with("GUIDE.md"), "{answer}");
}

#[test]
fn the_guide_speaks_of_the_chosen_names_alone() {
    let args = ["--flow", "all", "--name", "Acme_Siem", "--user", "logs@acme.example"];
    let kit =
        Kit::new(&[&args[..], &["--address", "203.0.113.7", "--label", "Acme logs"]].concat());
    let guide = kit.text("GUIDE.md");
    for text in [
        "# Connect Orgtap to your org: Acme logs",
        "sf org assign permset --name Acme_Siem --on-behalf-of logs@acme.example",
        "sf org assign permset --name Acme_Siem_Api_Only --on-behalf-of logs@acme.example",
        "WHERE Name = 'Acme_Siem'",
        "- name: acme_siem\n",
        "`203.0.113.7`",
        "--source-dir force-app --source-dir oauth-app --target-org orgtap-setup --dry-run",
        "orgtap test-connection\norgtap setup-kit check\n",
    ] {
        assert!(guide.contains(text), "{text}\n{guide}");
    }
    for text in ["`Orgtap`", "Orgtap Collector", "collector@", "USER-NAME"] {
        assert!(!guide.contains(text), "{text}\n{guide}");
    }
}

#[test]
fn the_configuration_in_the_guide_passes_its_check() {
    let kit = Kit::new(&["--flow", "password", "--user", "collector@acme.example"]);
    let guide = kit.text("GUIDE.md");
    let (_, yaml) = guide.split_once("```yaml\n").unwrap();
    let (yaml, _) = yaml.split_once("```").unwrap();
    fs::write(kit.path.join("orgtap.yaml"), yaml).unwrap();
    fs::create_dir(kit.path.join("secrets")).unwrap();
    for (_, rest) in
        guide.match_indices("cat > secrets/").map(|(at, found)| guide[at..].split_at(found.len()))
    {
        let name = rest.split(')').next().unwrap();
        fs::write(kit.path.join("secrets").join(name), "secret\n").unwrap();
    }
    let output = Command::new(env!("CARGO_BIN_EXE_orgtap"))
        .current_dir(&kit.path)
        .args(["config", "check"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{yaml}\n{}", String::from_utf8_lossy(&output.stderr));
}
