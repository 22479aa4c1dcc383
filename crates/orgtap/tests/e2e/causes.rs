//! What is really wrong in the org, against what Test Connection says may be wrong: the true
//! cause is always among those it lists, with the check that the org's own Login History answers.

use orgtap_simorg::{App, OrgSettings, PermittedUsers, UserState};
use serde_json::Value;

use crate::support::{Scene, world};

/// A connector by user name and password; the secrets come from the environment.
fn password_scene(change: fn(&mut OrgSettings)) -> Scene {
    let scene = Scene::new(world(11, 1, 0.1));
    scene.configure_files("auto");
    scene.org.change(change);
    scene
}

/// Exchanges a piece of the configuration.
fn rewrite(scene: &Scene, old: &str, new: &str) {
    let text = std::fs::read_to_string(scene.path("orgtap.yaml")).unwrap();
    assert!(text.contains(old), "{old}");
    std::fs::write(scene.path("orgtap.yaml"), text.replace(old, new)).unwrap();
}

/// The report of a test that fails, and the problem in it.
fn failing(scene: &Scene) -> (Value, Value) {
    let ran = scene.run(&["test-connection", "--json"]);
    assert_eq!(ran.code, Some(5), "{}", ran.stderr);
    let report = ran.json()["connectors"][0].clone();
    let stages = report["stages"].as_array().unwrap();
    let problem = stages.last().unwrap()["problem"].clone();
    (report, problem)
}

fn label(scene: &Scene) -> Option<&'static str> {
    scene.org.login_history().last().and_then(|attempt| attempt.label)
}

/// Where in the list of possible causes the one is that this label tells.
fn rank(problem: &Value, label: &str) -> Option<usize> {
    let possible = problem["possibilities"].as_array()?;
    possible.iter().position(|it| it["check"].as_str().is_some_and(|check| check.contains(label)))
}

#[test]
fn one_answer_for_many_causes_lists_the_true_one_with_the_check_that_shows_it() {
    type Cause = (&'static str, fn(&mut OrgSettings), &'static str, &'static str);
    let causes: [Cause; 4] = [
        ("flow off", |org| org.flow_blocked = true, "", "Username-Password Flow Disabled"),
        ("frozen", |org| org.user = UserState::Frozen, "", "User is frozen"),
        (
            "wrong password",
            |_| {},
            "salesforce_user_password: { env: ACME_KEY }",
            "Invalid Password",
        ),
        (
            "external client app",
            |org| org.app = App::ExternalClientApp,
            "",
            "Username-Password Flow Disabled",
        ),
    ];
    for (what, change, password, shown) in causes {
        let scene = password_scene(change);
        if !password.is_empty() {
            rewrite(&scene, "salesforce_user_password: { env: ACME_PASSWORD }", password);
        }
        let (report, problem) = failing(&scene);
        assert_eq!(problem["code"], "OT-AUTH-01", "{what}");
        assert!(report["message"].as_str().unwrap().contains("authentication failure"), "{what}");
        assert_eq!(label(&scene), Some(shown), "{what}: what the org itself records");
        assert!(rank(&problem, shown).is_some(), "{what}: {problem:#}");
    }
}

#[test]
fn a_missing_security_token_is_the_first_suspect_and_no_suspect_where_there_is_one() {
    let scene = password_scene(|_| {});
    rewrite(&scene, "  security_token: { env: ACME_TOKEN }\n", "");
    let (_, problem) = failing(&scene);
    let shown = "Failed: API security token required";
    assert_eq!((label(&scene), rank(&problem, shown)), (Some(shown), Some(0)));

    let scene = password_scene(|org| org.flow_blocked = true);
    let (_, problem) = failing(&scene);
    assert_eq!(rank(&problem, shown), None);
}

#[test]
fn a_locked_user_is_among_the_causes_and_not_locked_any_further() {
    let scene = password_scene(|org| org.lockout_after = 1);
    rewrite(&scene, "{ env: ACME_PASSWORD }", "{ env: ACME_KEY }");
    failing(&scene);
    let (_, problem) = failing(&scene);
    assert_eq!(label(&scene), Some("Password Lockout"));
    assert!(rank(&problem, "Password Lockout").is_some());
    let before = scene.org.login_history().len();
    for _ in 0..3 {
        scene.run(&["collect"]);
    }
    assert_eq!(scene.org.login_history().len(), before, "nothing tries by itself");
}

#[test]
fn a_sandboxs_user_at_the_other_login_host_is_told_so() {
    let scene = password_scene(|org| org.wrong_login_host = true);
    let login = format!("  login_url: {}\n  destinations:", scene.org.login_url());
    rewrite(&scene, "  destinations:", &login);
    let (_, problem) = failing(&scene);
    let possible = problem["possibilities"].as_array().unwrap();
    assert!(possible.iter().any(|it| it["cause"].as_str().unwrap().contains("production address")));
}

#[test]
fn addresses_and_hours_are_told_apart_by_login_history() {
    for (change, shown) in [
        ((|org| org.ip_restricted = true) as fn(&mut OrgSettings), "Restricted IP"),
        (|org| org.outside_login_hours = true, "Restricted "),
    ] {
        let scene = password_scene(change);
        let (_, problem) = failing(&scene);
        assert_eq!(problem["code"], "OT-AUTH-03");
        assert!(label(&scene).unwrap().starts_with(shown));
        assert_eq!(problem["possibilities"].as_array().unwrap().len(), 2);
    }
}

#[test]
fn what_the_app_or_the_org_forbids_has_a_code_of_its_own() {
    type Case = (&'static str, fn(&mut OrgSettings));
    let cases: [Case; 8] = [
        ("OT-AUTH-02", |org| org.user = UserState::Inactive),
        ("OT-AUTH-07", |org| {
            org.permitted_users = PermittedUsers::AdminApproved;
            org.pre_authorised = false;
        }),
        ("OT-AUTH-08", |org| org.app_blocked = true),
        ("OT-AUTH-09", |org| org.app_installed = false),
        ("OT-AUTH-10", |org| org.flows.password = false),
        ("OT-AUTH-11", |org| org.org_active = false),
        ("OT-ORG-32", |org| org.permissions.view_event_log_files = false),
        ("OT-ORG-33", |org| org.permissions.api_enabled = false),
    ];
    for (code, change) in cases {
        let scene = password_scene(change);
        let (report, problem) = failing(&scene);
        assert_eq!(problem["code"], code, "{report:#}");
        for key in ["message", "cause", "remedy"] {
            assert!(!problem[key].as_str().unwrap().is_empty(), "{code} {key}");
        }
    }
}

#[test]
fn what_works_and_will_disappoint_is_warned_of() {
    type Case = (&'static str, fn(&mut OrgSettings));
    let cases: [Case; 4] = [
        ("no Event Monitoring licence, as it seems: only these", |org| org.licensed = false),
        ("the user has Manage Users and should not", |org| org.permissions.manage_users = true),
        ("the username-password flow is closing", |_| {}),
        ("the user lacks Password Never Expires: the connector stops when", |org| {
            org.permissions.password_never_expires = false;
        }),
    ];
    for (warning, change) in cases {
        let scene = Scene::with(world(11, 1, 0.5), |sim| {
            // Free types are kept for a day: look on the day after.
            sim.clock = orgtap_simorg::ClockConfig::standing(
                crate::support::first_day() + jiff::SignedDuration::from_hours(40),
            );
        });
        scene.configure_files("auto");
        scene.org.change(change);
        let ran = scene.run(&["test-connection"]);
        assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
        assert!(ran.stdout.contains("Connection successful  ("), "{}", ran.stdout);
        assert!(ran.stdout.contains("  will collect "), "{}", ran.stdout);
        assert!(ran.stdout.contains(&format!("warning  {warning}")), "{}", ran.stdout);
    }
}

#[test]
fn the_check_of_the_set_up_names_what_is_missing_and_then_nothing() {
    let scene = password_scene(|org| {
        org.permissions.api_only_user = false;
        org.permissions.password_never_expires = false;
        org.permission_sets = vec!["Another".to_owned()];
    });
    let ran = scene.run(&["setup-kit", "check"]);
    assert_eq!(ran.code, Some(5), "{}{}", ran.stdout, ran.stderr);
    for line in [
        "  done     the app signs Orgtap in (password)",
        "  MISSING  the permission set Orgtap is assigned to the user",
        "sf org assign permset --name Orgtap",
        "  MISSING  the user has API Only User",
        "  MISSING  the user has Password Never Expires",
        "  done     the user has View Event Log Files",
        "  done     event log files are generated",
    ] {
        assert!(ran.stdout.contains(line), "{line}\n{}", ran.stdout);
    }
    scene.org.change(|org| {
        org.permissions.api_only_user = true;
        org.permissions.password_never_expires = true;
        org.permission_sets = vec!["Orgtap".to_owned()];
    });
    let ran = scene.run(&["setup-kit", "check", "--json"]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
    assert_eq!(ran.json()["connectors"][0]["complete"], true);
    assert_eq!(scene.org.login_history().len(), 1, "the second check took the first's session");
}

#[test]
fn the_check_of_the_set_up_says_when_it_cannot_even_sign_in() {
    let scene = password_scene(|org| org.flow_blocked = true);
    let ran = scene.run(&["setup-kit", "check"]);
    assert_eq!(ran.code, Some(5));
    assert!(ran.stdout.contains("MISSING  the app signs Orgtap in"), "{}", ran.stdout);
    assert!(ran.stdout.contains("orgtap test-connection"), "{}", ran.stdout);
}
