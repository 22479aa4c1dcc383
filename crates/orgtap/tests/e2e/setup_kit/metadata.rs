//! The kit's metadata: read by Salesforce's own library, and held against a list of what its types
//! may hold.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;

use super::{ALL_SOURCES, Kit};
use crate::support::{Ran, all_files};

/// What each type may hold, in the order of Salesforce's schema. Written from its reference, not
/// from our code.
const ELEMENTS: &[(&str, &str)] = &[
    (
        "ConnectedApp",
        "contactEmail contactPhone description iconUrl infoUrl ipRanges label logoUrl oauthConfig \
         oauthPolicy permissionSetName profileName sessionPolicy startUrl",
    ),
    ("ConnectedApp/ipRanges", "description end start"),
    (
        "ConnectedApp/oauthConfig",
        "callbackUrl certificate consumerKey consumerSecret isAdminApproved \
         isClientCredentialEnabled isConsumerSecretOptional oauthClientCredentialUser scopes",
    ),
    ("ConnectedApp/oauthPolicy", "ipRelaxation refreshTokenPolicy"),
    ("ConnectedApp/sessionPolicy", "policyAction sessionLevel sessionTimeout"),
    (
        "EventSettings",
        "bypassMeteringBlock enableDeleteMonitoringData enableDynamicStreamingChannel \
         enableEventLogGeneration enableEventLogWaveIntegration enableLightningLoggerEvents \
         enableStreamingApi enableTransactionSecurityPolicies eventLogRetentionDuration",
    ),
    (
        "ExternalClientApplication",
        "contactEmail contactPhone description distributionState iconUrl infoUrl isProtected label \
         logoUrl orgScopedExternalApp",
    ),
    (
        "ExtlClntAppConfigurablePolicies",
        "externalClientApplication isEnabled isOauthPluginEnabled label",
    ),
    (
        "ExtlClntAppGlobalOauthSettings",
        "callbackUrl certificate externalClientApplication idTokenConfig \
         isClientCredentialsFlowEnabled isConsumerSecretOptional isDeviceFlowEnabled \
         isIntrospectAllTokens isNamedUserJwtEnabled isPkceRequired isRefreshTokenRotationEnabled \
         isSecretRequiredForRefreshToken isSecretRequiredForTokenExchange isTokenExchangeEnabled \
         label shouldRotateConsumerKey shouldRotateConsumerSecret",
    ),
    (
        "ExtlClntAppOauthConfigurablePolicies",
        "clientCredentialsFlowUser commaSeparatedPermissionSet commaSeparatedProfile \
         externalClientApplication ipRelaxationPolicyType isClientCredentialsFlowEnabled label \
         namedUserJwtTimeout permittedUsersPolicyType policyAction refreshTokenPolicyType \
         refreshTokenValidityPeriod refreshTokenValidityUnit requiredSessionLevel \
         sessionTimeoutInMinutes",
    ),
    (
        "ExtlClntAppOauthSettings",
        "commaSeparatedOauthScopes externalClientApplication label oauthLink singleLogoutUrl \
         trustedIpRanges",
    ),
    ("ExtlClntAppOauthSettings/trustedIpRanges", "description endIpAddress startIpAddress"),
    (
        "OauthOidcSettings",
        "blockOAuthUnPwFlow blockOAuthUsrAgtFlow isPkceRequired oAuthCdCrdtFlowEnable",
    ),
    ("Package", "types version"),
    ("Package/types", "members name"),
    (
        "PermissionSet",
        "description hasActivationRequired label license objectPermissions userPermissions",
    ),
    (
        "PermissionSet/objectPermissions",
        "allowCreate allowDelete allowEdit allowRead modifyAllRecords object viewAllFields \
         viewAllRecords",
    ),
    ("PermissionSet/userPermissions", "enabled name"),
    (
        "Profile",
        "custom description loginHours loginIpRanges objectPermissions userLicense userPermissions",
    ),
    ("Profile/loginIpRanges", "description endAddress startAddress"),
    (
        "Profile/objectPermissions",
        "allowCreate allowDelete allowEdit allowRead modifyAllRecords object viewAllFields \
         viewAllRecords",
    ),
    ("Profile/userPermissions", "enabled name"),
    ("RealTimeEventSettings", "realTimeEvents"),
    ("RealTimeEventSettings/realTimeEvents", "entityName isEnabled"),
];

/// Kits of every flow, with few and with all sources, and options that add elements.
fn kits() -> Vec<Kit> {
    let user = ["--user", "collector@acme.example"];
    let more = ["--event-log-retention", "90", "--address", "203.0.113.0/24", "--address", "::1"];
    let mut kits = Vec::new();
    for flow in ["client-credentials", "jwt", "password", "all"] {
        kits.push(Kit::new(&["--flow", flow]));
        let args = [&["--flow", flow, "--sources", ALL_SOURCES], &user[..], &more[..]].concat();
        kits.push(Kit::new(&args));
    }
    for source in ALL_SOURCES.split(',') {
        kits.push(Kit::new(&["--flow", "all", "--sources", source, "--label", "R&D <\"'s\"> é"]));
    }
    kits
}

/// Runs Salesforce's library over projects, installing it the first time.
fn salesforce_reads(projects: &[PathBuf]) -> Ran {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
    let check = root.join("xtask/metadata-check");
    for program in ["node", "npm"] {
        let found = Command::new(program).arg("--version").output().is_ok();
        assert!(found, "there is no {program}: apt-get install nodejs npm");
    }
    let setup = Command::new("bash").arg(check.join("setup.sh")).output().unwrap();
    assert!(setup.status.success(), "{}", String::from_utf8_lossy(&setup.stderr));
    let output = Command::new("node")
        .arg(check.join("check.mjs"))
        .args(projects)
        .env("NODE_PATH", root.join("target/interop/metadata-check/node_modules"))
        .output()
        .unwrap();
    Ran::of(&output)
}

#[test]
fn salesforce_finds_every_component_and_no_other() {
    let plain = Kit::new(&["--flow", "all", "--name", "Acme_Siem"]);
    let full = Kit::new(&["--flow", "all", "--sources", ALL_SOURCES]);
    let bare = Kit::new(&["--flow", "all", "--sources", "login-history,event-log-objects"]);
    let modern = |kit: &Kit| kit.path.join("modern");
    let seed = |kit: &Kit| kit.path.join("seed");
    let projects: Vec<PathBuf> =
        [&plain, &full, &bare].into_iter().flat_map(|kit| [modern(kit), seed(kit)]).collect();
    let ran = salesforce_reads(&projects);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let app = |name: &str, more: &[&str]| {
        let mut main = vec![
            format!("ExternalClientApplication:{name}"),
            format!("ExtlClntAppConfigurablePolicies:{name}_defaultPolicy"),
            format!("ExtlClntAppOauthConfigurablePolicies:{name}_defaultPolicy"),
            format!("ExtlClntAppOauthSettings:{name}"),
            format!("PermissionSet:{name}"),
        ];
        main.extend(more.iter().map(|setting| format!("Settings:{setting}")));
        json!({ "force-app": main, "oauth-app": [format!("ExtlClntAppGlobalOauthSettings:{name}")] })
    };
    let connected = |name: &str, more: &[&str]| {
        let mut main = vec![
            format!("ConnectedApp:{name}"),
            format!("PermissionSet:{name}_Api_Only"),
            format!("Profile:{name}"),
        ];
        main.extend(more.iter().map(|setting| format!("Settings:{setting}")));
        json!({ "force-app": main })
    };
    let expected = [
        app("Acme_Siem", &["Event"]),
        connected("Acme_Siem", &["Event", "OauthOidc"]),
        app("Orgtap", &["Event", "RealTimeEvent"]),
        connected("Orgtap", &["Event", "OauthOidc", "RealTimeEvent"]),
        app("Orgtap", &[]),
        connected("Orgtap", &["OauthOidc"]),
    ];
    let found = ran.json();
    for (project, expected) in projects.iter().zip(expected) {
        assert_eq!(found[project.to_str().unwrap()], expected, "{}", project.display());
    }
}

#[test]
fn salesforce_reads_the_kit_of_every_flow_and_source() {
    let kits = kits();
    let projects: Vec<PathBuf> = kits
        .iter()
        .flat_map(|kit| ["modern", "seed"].map(|project| kit.path.join(project)))
        .filter(|project| project.exists())
        .collect();
    assert_eq!(projects.len(), 2 * (1 + 1 + 1 + 2) + 5 * 2);
    let ran = salesforce_reads(&projects);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert_eq!(ran.json().as_object().unwrap().len(), projects.len());
}

#[test]
fn a_project_that_salesforce_would_not_understand_is_found_out() {
    type Spoil = fn(&Path);
    let ways: [(&str, Spoil); 4] = [
        ("is no component", |main| {
            fs::write(main.join("settings/notes.txt"), "").unwrap();
        }),
        ("manifests", |main| {
            fs::remove_file(main.join("settings/Event.settings-meta.xml")).unwrap();
        }),
        ("Event.settings-meta.xml", |main| {
            let path = main.join("settings/Event.settings-meta.xml");
            let text = fs::read_to_string(&path).unwrap();
            fs::write(path, text.replace("</EventSettings>", "")).unwrap();
        }),
        ("Orgtap.permissionset", |main| {
            let path = main.join("permissionsets/Orgtap.permissionset-meta.xml");
            let text = fs::read_to_string(&path).unwrap();
            fs::write(path, text.replace("PermissionSet", "Permissions")).unwrap();
        }),
    ];
    for (what, spoil) in ways {
        let kit = Kit::new(&[]);
        spoil(&kit.path.join("modern/force-app/main/default"));
        let ran = salesforce_reads(&[kit.path.join("modern")]);
        assert_ne!(ran.code, Some(0), "{what}");
        assert!(ran.stderr.contains(what), "{what}: {}", ran.stderr);
    }
}

/// Every element of a document below its root: where it stands, and its name. As our writer lays
/// it out; that the document is XML at all, Salesforce's library has seen.
fn elements(text: &str) -> Vec<(String, String)> {
    let mut path: Vec<String> = Vec::new();
    let mut found = Vec::new();
    for tag in text.split('<').skip(2).filter_map(|part| part.split('>').next()) {
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(path.pop().as_deref(), Some(name));
        } else {
            let name = tag.split(' ').next().unwrap().to_owned();
            if !path.is_empty() {
                found.push((path.join("/"), name.clone()));
            }
            path.push(name);
        }
    }
    assert!(path.is_empty(), "{path:?}");
    found
}

#[test]
fn every_element_is_one_salesforce_knows_and_stands_in_its_place() {
    let known: BTreeMap<&str, Vec<&str>> =
        ELEMENTS.iter().map(|(place, names)| (*place, names.split(' ').collect())).collect();
    let mut seen = BTreeMap::new();
    for kit in kits() {
        for path in all_files(&kit.path) {
            if path.extension().is_none_or(|ending| ending != "xml") {
                continue;
            }
            let mut last: BTreeMap<String, usize> = BTreeMap::new();
            for (place, name) in elements(&fs::read_to_string(&path).unwrap()) {
                let names = known.get(place.as_str());
                let rank = names.and_then(|names| names.iter().position(|known| *known == name));
                let rank = rank.unwrap_or_else(|| panic!("{place}/{name} in {}", path.display()));
                // A new parent begins anew.
                last.remove(&format!("{place}/{name}"));
                let before = last.insert(place.clone(), rank).unwrap_or(0);
                assert!(before <= rank, "{place}/{name} is out of order in {}", path.display());
                *seen.entry(place).or_insert(0) += 1;
            }
        }
    }
    assert_eq!(seen.len(), known.len(), "{seen:?}");
}
