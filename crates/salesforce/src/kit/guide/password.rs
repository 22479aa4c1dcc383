//! The steps of the username-password flow.

use super::{ADMIN, Guide, deploy, event_log_objects, permissions, ranges, switched_on, user};
use crate::kit::seed::{FOLDER, PROFILE_ID, USER};
use crate::kit::settings::Plan;

/// How many steps there are here.
const STEPS: u32 = 4;

pub(super) fn write(guide: &mut Guide, plan: &Plan) {
    if plan.flow.has_app() {
        let first = guide.steps + 1;
        guide.part("In place of these: username and password");
        guide.say(&format!(
            "For the username-password flow, steps {first} to {} are in place of steps 2 to {}. A \
             user is made only once: here or there.",
            first + STEPS - 1,
            guide.steps
        ));
    }
    deploy_all(guide, plan);
    make_user(guide, plan);
    token(guide, plan);
    key(guide, plan);
}

fn deploy_all(guide: &mut Guide, plan: &Plan) {
    guide.step("Deploy the connected app, the profile and the settings");
    guide.say("The first command only tries; the second does it.");
    deploy(guide, FOLDER, &["force-app"]);
    let mut items = vec![
        format!("profile `{}` gives {}", plan.name, permissions(plan)),
        "every user of the org may use the username-password flow, with any app that admits them"
            .to_owned(),
    ];
    items.extend(switched_on(plan));
    guide.say("This is what changes:");
    guide.list(&items);
    guide.say(&format!(
        "**New connected apps.** Since Spring '26 Salesforce refuses them, unless its Support has \
         allowed your org to make one. If the deployment says so: ask Support, or use a connected \
         app that the org already has. For the second, remove `{FOLDER}/force-app/main/default/connectedApps`, \
         deploy the rest, and admit the profile `{}` in Setup > Connected Apps > Manage Connected \
         Apps > the app > Manage Profiles.",
        plan.name
    ));
}

fn make_user(guide: &mut Guide, plan: &Plan) {
    guide.step("Make the user");
    guide.say(&format!(
        "Metadata cannot make users. Ask for the profile's id, put it into `{FOLDER}/{USER}` in \
         place of `{PROFILE_ID}`{}, and send the file:",
        match plan.user {
            Some(_) => "",
            None => ", with a user name of your choice",
        }
    ));
    guide.shell(&format!(
        "sf data query --query \"SELECT Id FROM Profile WHERE Name = '{name}'\" --target-org {ADMIN}\n\
         sf api request rest /services/data/v{version}/sobjects/User --method POST \
         --body @{FOLDER}/{USER} --target-org {ADMIN}",
        name = plan.name,
        version = plan.version(),
    ));
    guide.say(&format!(
        "Or do the same in Setup > Users > Users > New User, with the licence *Salesforce* and the \
         profile `{}`. Then let Salesforce mail a link to set the password: Setup > Users > the \
         user > Reset Password. Orgtap cannot follow when the password expires: choose it long, \
         and set *Password Never Expires* for the user if your rules allow it.",
        plan.name
    ));
    event_log_objects(guide, plan, user(plan));
}

fn token(guide: &mut Guide, plan: &Plan) {
    guide.step("Get the security token, then close the browser to the user");
    if plan.ranges.is_empty() {
        guide.say(
            "Sign in to Salesforce in a browser as the new user: picture in the corner > Settings > \
             My Personal Information > Reset My Security Token. It comes by mail, and a new one \
             comes whenever the password changes.",
        );
    } else {
        guide.say(&format!(
            "The profile lets the user sign in from {} and nowhere else. From there Salesforce asks \
             for no security token: leave `security_token` out of the configuration.",
            ranges(plan)
        ));
    }
    guide.say("From now on the user is a program's alone:");
    guide.shell(&format!(
        "sf org assign permset --name {} --on-behalf-of {} --target-org {ADMIN}",
        plan.api_only_set(),
        user(plan)
    ));
    if plan.ranges.is_empty() {
        guide.say(
            "A user who is kept out of the browser cannot ask for a token. To get a new one later, \
             take this permission set away for that moment.",
        );
    }
}

fn key(guide: &mut Guide, plan: &Plan) {
    guide.step("Fetch the connected app's consumer key and secret");
    guide.say(&format!(
        "Setup > Apps > App Manager > **{}** > View > Manage Consumer Details. Salesforce mails \
         you a code first. Where Orgtap runs, put each value into a file of its own that only \
         Orgtap's user may read (paste, Enter, Ctrl-D):",
        plan.label
    ));
    let mut commands = "mkdir -p -m 700 secrets\n".to_owned();
    for name in super::finish::password_secrets(plan) {
        commands.push_str(&format!("(umask 077; cat > secrets/{name})\n"));
    }
    guide.shell(&commands);
}
