//! The steps of the external client app.

use super::{ADMIN, Guide, deploy, event_log_objects, ranges, switched_on, user};
use crate::kit::modern::{CALLBACK, FOLDER, SESSION_MINUTES};
use crate::kit::settings::Plan;
use crate::kit::{access, keys};

pub(super) fn write(guide: &mut Guide, plan: &Plan) {
    permissions(guide, plan);
    make_user(guide, plan);
    deploy_app(guide, plan);
    by_hand(guide, plan);
    key(guide, plan);
}

fn permissions(guide: &mut Guide, plan: &Plan) {
    guide.step("Deploy the permission set and the settings");
    let has_settings = !access::org_settings(plan).is_empty();
    let mut directories = vec!["force-app/main/default/permissionsets"];
    if has_settings {
        directories.push("force-app/main/default/settings");
    }
    guide.say("The first command only tries; the second does it.");
    deploy(guide, FOLDER, &directories);
    let mut items = vec![format!(
        "permission set `{}` gives {}, and with *{}* keeps its users out of the browser",
        plan.permission_set(),
        super::permissions(plan),
        access::label(access::API_ONLY)
    )];
    items.extend(switched_on(plan));
    guide.say("This is what changes:");
    guide.list(&items);
}

fn make_user(guide: &mut Guide, plan: &Plan) {
    guide.step("Make the user and assign the permission set");
    let name = match &plan.user {
        Some(user) => format!("the user name `{user}`"),
        None => "a user name of your choice (it has the form of an e-mail address)".to_owned(),
    };
    guide.say(&format!(
        "Metadata cannot make users. In Setup > Users > Users > New User enter {name}, and as user \
         licence *Salesforce Integration* with the profile *Minimum Access - API Only \
         Integrations* if one is free, else *Salesforce* with *Minimum Access - Salesforce*. With \
         *Salesforce Integration*, also assign the permission set licence *Salesforce API \
         Integration* on the user's page."
    ));
    guide.shell(&format!(
        "sf org assign permset --name {} --on-behalf-of {} --target-org {ADMIN}",
        plan.permission_set(),
        user(plan)
    ));
    event_log_objects(guide, plan, user(plan));
    if !plan.ranges.is_empty() {
        guide.say(&format!(
            "The app will trust {}. To let the user sign in from nowhere else, enter the same \
             under Login IP Ranges of a profile that only this user has.",
            ranges(plan)
        ));
    }
}

fn deploy_app(guide: &mut Guide, plan: &Plan) {
    guide.step("Deploy the app");
    guide.say(
        "All parts of an app must come in one deployment, its OAuth settings included: they refer \
         to each other.",
    );
    deploy(guide, FOLDER, &["force-app", "oauth-app"]);
    if plan.flow.has_jwt() {
        guide.say(&format!(
            "`oauth-app` holds the certificate `{}`. Deploy it every time you deploy the app: \
             left out, the certificate may be taken from the app.",
            keys::CERTIFICATE
        ));
    }
    guide.say(
        "Keep `oauth-app` out of packages and version control; `.gitignore` says so. It holds no \
         secret as written, because Salesforce makes the consumer key and secret. A retrieval \
         from the org could put them there.",
    );
    guide.say(&format!(
        "Then look at Setup > External Client Apps > External Client App Manager > **{}** > \
         Policies: under *Admin approved users are pre-authorized* the permission set `{}` must be \
         selected. Some orgs take no name here in a deployment: then select it by hand.",
        plan.label,
        plan.permission_set()
    ));
    if plan.flow.has_client_credentials() && plan.user.is_none() {
        guide.say(
            "No user was named when this kit was written. In the same Policies choose **Edit**, \
             tick **Enable Client Credentials Flow**, and enter the user of the step before as \
             **Run As**. A later deployment takes it away again, unless the kit was written anew \
             with `--user`.",
        );
    }
    guide.say("A new app can take up to ten minutes to work.");
}

fn by_hand(guide: &mut Guide, plan: &Plan) {
    guide.say(
        "If the org refuses the OAuth settings because they come by metadata, make the app by \
         hand: External Client App Manager > New External Client App, with",
    );
    let mut items = vec![
        format!(
            "name `{}`, label {}, contact {}, distribution *Local*",
            plan.name, plan.label, plan.contact_email
        ),
        format!("OAuth enabled, callback URL `{CALLBACK}`"),
    ];
    items.push(if plan.flow.has_jwt() {
        "the scopes *Manage user data via APIs (api)* and *Perform requests at any time \
         (refresh_token, offline_access)*, without which the JWT flow is refused"
            .to_owned()
    } else {
        "the scope *Manage user data via APIs (api)* and no other".to_owned()
    });
    if plan.flow.has_client_credentials() {
        items.push(format!(
            "*Enable Client Credentials Flow*, and in Policies the same with `{}` as Run As",
            user(plan)
        ));
    }
    if plan.flow.has_jwt() {
        items.push(format!("*Enable JWT Bearer Flow*, with the file `{}`", keys::CERTIFICATE));
    }
    items.push(format!(
        "Policies: *Admin approved users are pre-authorized*, permission set `{}`, *Enforce IP \
         restrictions*, session timeout {SESSION_MINUTES} minutes",
        plan.permission_set()
    ));
    guide.list(&items);
}

fn key(guide: &mut Guide, plan: &Plan) {
    let has_secret = plan.flow.has_client_credentials();
    let what = if has_secret { "consumer key and secret" } else { "consumer key" };
    guide.step(&format!("Fetch the {what}"));
    guide.say(&format!(
        "External Client App Manager > **{}** > Settings > OAuth Settings > **Consumer Key and \
         Secret**. Salesforce mails you a code first. Where Orgtap runs, put each value into a \
         file of its own that only Orgtap's user may read (paste, Enter, Ctrl-D):",
        plan.label,
    ));
    let mut commands =
        "mkdir -p -m 700 secrets\n(umask 077; cat > secrets/consumer_key)\n".to_owned();
    if has_secret {
        commands.push_str("(umask 077; cat > secrets/consumer_secret)\n");
    }
    guide.shell(&commands);
    if plan.flow.has_jwt() {
        guide.say(&format!(
            "Move the private key there too, and keep no copy: who has it can sign in as `{}`.",
            user(plan)
        ));
        guide.shell(&format!("mv {} secrets/", keys::KEY));
    }
}
