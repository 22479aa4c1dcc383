//! The guide: what a person does with the kit, step by step, for the chosen flow and names.
//!
//! Every name in it comes from the settings, and every command can be copied as it is once the
//! org's address is filled in.

mod app;
mod finish;
mod password;

use super::settings::{Flow, Plan, Source};
use super::{access, keys, modern, seed};

/// The administrator's session in the Salesforce CLI.
const ADMIN: &str = "orgtap-setup";

/// Writes the guide.
pub(super) fn write(plan: &Plan) -> String {
    let mut guide = Guide { text: String::new(), steps: 0 };
    head(&mut guide, plan);
    before(&mut guide, plan);
    if plan.flow.has_app() {
        app::write(&mut guide, plan);
    }
    if plan.flow.has_password() {
        password::write(&mut guide, plan);
    }
    finish::write(&mut guide, plan);
    guide.text
}

/// A page being written.
struct Guide {
    text: String,
    steps: u32,
}

impl Guide {
    /// Begins the next step.
    fn step(&mut self, title: &str) {
        self.steps += 1;
        self.text.push_str(&format!("\n## {}. {title}\n", self.steps));
    }

    /// Begins a part that is no step.
    fn part(&mut self, title: &str) {
        self.text.push_str(&format!("\n## {title}\n"));
    }

    fn say(&mut self, paragraph: &str) {
        self.text.push_str(&format!("\n{paragraph}\n"));
    }

    fn list(&mut self, items: &[String]) {
        self.text.push('\n');
        for item in items {
            self.text.push_str(&format!("- {item}\n"));
        }
    }

    fn shell(&mut self, commands: &str) {
        self.block("sh", commands);
    }

    fn block(&mut self, language: &str, lines: &str) {
        self.text.push_str(&format!("\n```{language}\n{}\n```\n", lines.trim_end()));
    }
}

fn head(guide: &mut Guide, plan: &Plan) {
    let way = match plan.flow {
        Flow::ClientCredentials => "the OAuth client-credentials flow",
        Flow::Jwt => "the OAuth JWT bearer flow",
        Flow::Password => "the OAuth username-password flow",
        Flow::All => "each of three OAuth flows; you need only one of them",
    };
    guide.text.push_str(&format!("# Connect Orgtap to your org: {}\n", plan.label));
    guide.say(&format!(
        "`orgtap setup-kit` wrote this folder. It prepares a Salesforce org for Orgtap, which will \
         sign in by {way}. Run the commands from this folder, with the Salesforce CLI (`sf`)."
    ));
    guide.text.push_str("\n| in this folder | makes in your org |\n|---|---|\n");
    let mut row = |place: &str, what: &str| {
        guide.text.push_str(&format!("| `{place}` | {what} |\n"));
    };
    let name = &plan.name;
    if plan.flow.has_app() {
        let main = format!("{}/force-app", modern::FOLDER);
        row(&main, &format!("external client app `{name}`, permission set `{name}`, settings"));
        row(&format!("{}/oauth-app", modern::FOLDER), "the app's OAuth settings");
    }
    if plan.flow.has_jwt() {
        row("keys", "nothing: the app gets the certificate, Orgtap the private key");
    }
    if plan.flow.has_password() {
        let what = format!(
            "connected app `{name}`, profile `{name}`, permission set `{}`, settings",
            plan.api_only_set()
        );
        row(&format!("{}/force-app", seed::FOLDER), &what);
        row(&format!("{}/{}", seed::FOLDER, seed::USER), "a user, when you send it");
    }
    if plan.flow == Flow::All {
        guide.say(
            "Client credentials are the simplest. The JWT flow needs no secret but a key that \
             never leaves your machine. The username-password flow is there for orgs that cannot \
             have an external client app.",
        );
    }
    if plan.flow.has_password() {
        guide.say(
            "**Think twice about the username-password flow.** This kit switches it on for the \
             whole org, where Salesforce has it off for good reason: anybody with a user's \
             password and an app's key can then sign in without a browser and without a second \
             factor. It makes the org easier to attack. Salesforce is also retiring it.",
        );
    }
}

fn before(guide: &mut Guide, plan: &Plan) {
    guide.step("Before you begin");
    let mut items = vec![
        "Licence: most event types take Salesforce Shield or the Event Monitoring add-on. Without \
         them an org has a few types, such as logins, and keeps them for a day."
            .to_owned(),
        "You: a user who may customise the application, change metadata and manage users, as a System \
         Administrator may."
            .to_owned(),
        "A sandbox: do all of this there first. The steps are the same.".to_owned(),
    ];
    if plan.flow.has_app() {
        items.push(
            "Setup > External Client Apps > Settings: switch on **Opt in to External Client Apps**, \
             and **Allow Access to OAuth Consumer Secrets via Metadata API** where the page has \
             it. Your user needs the permission *View External Client Apps Consumer Secrets in \
             Metadata*."
                .to_owned(),
        );
    }
    if plan.reads(Source::EventLogObjects) {
        items.push(
            "Event log objects are not in every org: it must be on Hyperforce and have the \
             licence."
                .to_owned(),
        );
    }
    guide.list(&items);
    guide.say("Sign the Salesforce CLI in, with your org's My Domain:");
    guide.shell(&format!(
        "sf org login web --alias {ADMIN} --instance-url https://MYDOMAIN.my.salesforce.com"
    ));
}

/// The permissions for the sources, as Setup calls them.
fn permissions(plan: &Plan) -> String {
    let labels: Vec<String> = access::permissions(plan.sources.iter().copied())
        .into_iter()
        .map(|name| format!("*{}*", access::label(name)))
        .collect();
    labels.join(", ")
}

/// What the deployed settings switch on, for a person who must answer for it.
fn switched_on(plan: &Plan) -> Vec<String> {
    let mut items = Vec::new();
    if plan.reads(Source::EventLogFiles) {
        let kept = match plan.retention {
            Some(days) => format!(", kept for {days} days"),
            None => String::new(),
        };
        items.push(format!("event log files are generated{kept}"));
    }
    if plan.reads(Source::RealTimeEvents) {
        items.push(
            "real-time events are stored from now on, each kind of them, and may be read. If the \
             deployment refuses a kind that your org does not have, remove it from all files of the \
             project and deploy again"
                .to_owned(),
        );
    }
    items
}

/// What no metadata can give for event log objects.
fn event_log_objects(guide: &mut Guide, plan: &Plan, user: &str) {
    if plan.reads(Source::EventLogObjects) {
        guide.say(&format!(
            "Event log objects need one permission more, whose name Salesforce does not publish: \
             in Setup > Permission Sets make another permission set with **View Event Log Object \
             Data** and assign it to `{user}`. Do not add it to `{}`: the next deployment would \
             take it away.",
            plan.name
        ));
    }
}

/// The user's name, or what stands for it.
fn user(plan: &Plan) -> &str {
    plan.user.as_deref().unwrap_or("USER-NAME")
}

/// The same deployment twice: as a trial, then for real.
fn deploy(guide: &mut Guide, folder: &str, directories: &[&str]) {
    let sources: String =
        directories.iter().map(|directory| format!(" --source-dir {directory}")).collect();
    let command = format!("sf project deploy start{sources} --target-org {ADMIN}");
    guide.shell(&format!("cd {folder}\n{command} --dry-run\n{command}\ncd .."));
}

/// Ranges of addresses, for a person.
fn ranges(plan: &Plan) -> String {
    let texts: Vec<String> = plan
        .ranges
        .iter()
        .map(|range| {
            if range.first == range.last {
                format!("`{}`", range.first)
            } else {
                format!("`{}` to `{}`", range.first, range.last)
            }
        })
        .collect();
    texts.join(", ")
}

/// The private key's file name alone.
fn key_file() -> &'static str {
    keys::KEY.rsplit('/').next().unwrap_or(keys::KEY)
}
