//! The end of the guide: Orgtap's configuration, the test, and what comes later.

use super::{Guide, key_file, user};
use crate::kit::keys;
use crate::kit::settings::{Flow, Plan};

pub(super) fn write(guide: &mut Guide, plan: &Plan) {
    configure(guide, plan);
    test(guide);
    later(guide, plan);
}

fn configure(guide: &mut Guide, plan: &Plan) {
    guide.step("Configure Orgtap");
    guide.say(
        "In `orgtap.yaml`, beside the folder `secrets`; the address is the org's My Domain, and \
         the destination one that you have:",
    );
    for flow in [Flow::ClientCredentials, Flow::Jwt, Flow::Password] {
        if plan.flow == flow || plan.flow == Flow::All {
            if plan.flow == Flow::All {
                guide.say(match flow {
                    Flow::ClientCredentials => "For the client-credentials flow:",
                    Flow::Jwt => "For the JWT flow:",
                    _ => "For the username-password flow:",
                });
            }
            guide.block("yaml", &connector(plan, flow));
        }
    }
    if plan.flow.has_jwt() {
        guide.say("For a sandbox, `jwt_audience` is `https://test.salesforce.com`.");
    }
}

/// A configuration for a flow.
fn connector(plan: &Plan, flow: Flow) -> String {
    let auth = match flow {
        Flow::ClientCredentials => "client_credentials",
        Flow::Jwt => "jwt_bearer",
        Flow::Password | Flow::All => "password",
    };
    let mut keys = vec![
        ("instance_url", "https://MYDOMAIN.my.salesforce.com".to_owned()),
        ("auth", auth.to_owned()),
    ];
    let secret = |name: &'static str| (name, format!("{{ file: secrets/{name} }}"));
    match flow {
        Flow::ClientCredentials => keys.extend([secret("consumer_key"), secret("consumer_secret")]),
        Flow::Jwt => keys.extend([
            ("salesforce_user", user(plan).to_owned()),
            secret("consumer_key"),
            ("jwt_key", format!("{{ file: secrets/{} }}", key_file())),
            ("jwt_audience", "https://login.salesforce.com".to_owned()),
        ]),
        Flow::Password | Flow::All => {
            keys.push(("salesforce_user", user(plan).to_owned()));
            keys.extend(password_secrets(plan).into_iter().map(secret));
        }
    }
    let lines: String =
        keys.into_iter().map(|(key, value)| format!("    {key}: {value}\n")).collect();
    format!(
        "connectors:\n  - name: {}\n    type: salesforce_connector\n{lines}    destinations: \
         [files]\ndestinations:\n  - name: files\n    type: file\n    directory: events\n",
        plan.name.to_ascii_lowercase()
    )
}

/// The secrets of the username-password flow, as the configuration calls them.
pub(super) fn password_secrets(plan: &Plan) -> Vec<&'static str> {
    let mut names = vec!["salesforce_user_password", "consumer_key", "consumer_secret"];
    if plan.ranges.is_empty() {
        names.push("security_token");
    }
    names
}

fn test(guide: &mut Guide) {
    guide.step("Test");
    guide.say("The first command tests the connector stage by stage; the second asks the org what is still missing.");
    guide.shell("orgtap test-connection\norgtap setup-kit check");
}

fn later(guide: &mut Guide, plan: &Plan) {
    guide.part("Later");
    let mut items = vec![
        "Deployments set permission sets as the files say. What you change by hand in the org is \
         undone by the next one: change the files, or write the kit again with `--force`."
            .to_owned(),
        "Let Orgtap call from one fixed address of yours. Salesforce freezes users whose calls come \
         through anonymising proxies or VPNs."
            .to_owned(),
    ];
    if plan.flow.has_jwt() {
        items.push(format!(
            "The certificate ends: `openssl x509 -noout -enddate -in {}` says when. Before that, \
             write the kit again with `--force --new-key`, deploy the app, and give Orgtap the new \
             key.",
            keys::CERTIFICATE
        ));
    }
    if plan.flow.has_password() {
        items.push(
            "When you have moved to another flow: Setup > Identity > OAuth and OpenID Connect \
             Settings, and switch *Allow OAuth Username-Password Flows* off again."
                .to_owned(),
        );
    }
    guide.list(&items);
}
