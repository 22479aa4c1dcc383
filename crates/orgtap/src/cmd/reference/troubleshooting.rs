//! The troubleshooting chapter: what Test Connection says to every refusal there is.
//!
//! Nothing in its tables is written by hand. Each row is a test of a simulated org that refuses
//! so, or in which that is wrong.

use orgtap_collector::{TestReport, tries_again};
use orgtap_simorg::{
    App, Fault, LoginRefusal, OrgSettings, PermittedUsers, RestRefusal, Running, UserState,
};

use super::scenario::{Bench, Scenario, SignsIn};

/// Writes the page.
pub(super) async fn page() -> anyhow::Result<String> {
    let bench = Bench::new()?;
    let mut text = String::from(INTRODUCTION);
    text.push_str(SIGN_IN);
    let org = bench.org().await?;
    let ordinary = Scenario::of(SignsIn::Password);
    for refusal in LoginRefusal::ALL {
        org.faults().always(Fault::Login(*refusal));
        let report = bench.test(&org, &ordinary).await?;
        org.faults().clear_all();
        let said = format!("`{}` {}", refusal.error(), refusal.description());
        text.push_str(&row(&[said], &report));
    }
    for (fault, said) in [
        (Fault::LoginUnavailable, "503 and nothing else"),
        (Fault::LoginHtml, "200 and a page for people"),
        (Fault::LoginRedirect, "a redirect"),
    ] {
        org.faults().always(fault);
        let report = bench.test(&org, &ordinary).await?;
        org.faults().clear_all();
        text.push_str(&row(&[said.to_owned()], &report));
    }
    text.push_str(STATES);
    for state in STATE {
        let org = bench.org().await?;
        org.change(state.change);
        (state.before)(&org);
        for _ in 1..state.tests {
            bench.test(&org, &state.scenario).await?;
        }
        let report = bench.test(&org, &state.scenario).await?;
        let label = org.login_history().last().and_then(|attempt| attempt.label);
        let label = label.map_or("nothing".to_owned(), |label| format!("\"{label}\""));
        text.push_str(&row(&[state.what.to_owned(), label], &report));
        org.stop().await;
    }
    text.push_str(CALLS);
    for refusal in RestRefusal::ALL {
        org.faults().always(Fault::Rest(*refusal));
        let report = bench.test(&org, &ordinary).await?;
        org.faults().clear_all();
        text.push_str(&row(&[answer(*refusal)], &report));
    }
    org.stop().await;
    text.push_str(SILENCE);
    for state in QUIET {
        let org = bench.org().await?;
        org.change(state.change);
        (state.before)(&org);
        let report = bench.test(&org, &state.scenario).await?;
        text.push_str(&format!("\n- **{}**: {}", state.what, warning(&report, state.about)));
        org.stop().await;
    }
    text.push_str(SEVERAL);
    for (code, causes) in orgtap_salesforce::possibilities() {
        text.push_str(&format!("\n### {code}\n"));
        for cause in causes {
            text.push_str(&format!(
                "\n- {}\n  - tells it apart: {}\n  - remedy: {}",
                cause.cause, cause.check, cause.remedy
            ));
        }
        text.push('\n');
    }
    Ok(text.trim_end().to_owned())
}

/// A row: what is given, then what Test Connection says, the code, and whether Orgtap goes on.
fn row(given: &[String], report: &TestReport) -> String {
    let (code, title, again) = match report.problem() {
        Some(problem) => {
            let anchor = problem.code.to_lowercase();
            let code = format!("[{}](errors.md#{anchor})", problem.code);
            (code, title_of(&problem.code), tries_again(problem))
        }
        None => ("-".to_owned(), String::new(), "nothing to try again"),
    };
    let cells = given.iter().map(|cell| cell.replace('|', "\\|").replace('\n', " "));
    let cells = cells.collect::<Vec<_>>().join(" | ");
    let message = report.message.replace('|', "\\|");
    format!("\n| {cells} | {message} | {code} {title} | {again} |")
}

/// The title of a code in the catalogue.
fn title_of(code: &str) -> String {
    let found = orgtap_salesforce::catalogue().into_iter().find(|entry| entry.0 == code);
    found.map(|entry| entry.1.to_owned()).unwrap_or_default()
}

/// An answer of the data API in short.
fn answer(refusal: RestRefusal) -> String {
    let message = refusal.message();
    let at = message.find("No such column").or_else(|| message.find("sObject type")).unwrap_or(0);
    let message: String = message.get(at..).unwrap_or(message).chars().take(70).collect();
    match refusal.error_code() {
        Some(code) => format!("{} `{code}` {message}", refusal.status()),
        None => format!("{} and no JSON: {message}", refusal.status()),
    }
}

/// The warning that is about something.
fn warning(report: &TestReport, about: &str) -> String {
    let found = report.warnings().find(|text| text.contains(about));
    found.map_or_else(|| report.message.clone(), str::to_owned)
}

/// Something that is wrong in the org or the configuration.
#[derive(Clone, Copy)]
struct State {
    what: &'static str,
    scenario: Scenario,
    change: fn(&mut OrgSettings),
    before: fn(&Running),
    /// How often the connection is tested; the last test counts.
    tests: u32,
    /// A word of the warning it brings.
    about: &'static str,
}

const fn state(what: &'static str, signs_in: SignsIn, change: fn(&mut OrgSettings)) -> State {
    State { what, scenario: Scenario::of(signs_in), change, before: |_| {}, tests: 1, about: "" }
}

const fn at_login_host(state: State) -> State {
    State { scenario: Scenario { at_login_host: true, ..state.scenario }, ..state }
}

const fn with(state: State, lines: &'static str, about: &'static str) -> State {
    State { scenario: Scenario { lines, ..state.scenario }, about, ..state }
}

const STATE: &[State] = &[
    state("no security token, address not trusted", SignsIn::PasswordWithoutToken, |_| {}),
    state("wrong password, or a token that was reset", SignsIn::WrongPassword, |_| {}),
    state("username-password flow off in the org", SignsIn::Password, |org| {
        org.flow_blocked = true;
    }),
    state("the app is an External Client App", SignsIn::Password, |org| {
        org.app = App::ExternalClientApp;
    }),
    state("the app does not have the flow switched on", SignsIn::Password, |org| {
        org.flows.password = false;
    }),
    state("user frozen", SignsIn::Password, |org| org.user = UserState::Frozen),
    state("user deactivated", SignsIn::Password, |org| org.user = UserState::Inactive),
    State {
        tests: 2,
        ..state("user locked out by wrong passwords", SignsIn::WrongPassword, |org| {
            org.lockout_after = 1;
        })
    },
    state("password expired", SignsIn::Password, |org| org.user = UserState::PasswordExpired),
    state("address outside the profile's Login IP Ranges", SignsIn::Password, |org| {
        org.ip_restricted = true;
    }),
    state("outside the profile's Login Hours", SignsIn::Password, |org| {
        org.outside_login_hours = true;
    }),
    state("one-time code demanded for API sign-ins", SignsIn::Password, |org| {
        org.permissions.two_factor_api = true;
    }),
    state("app blocked by an administrator", SignsIn::Password, |org| org.app_blocked = true),
    state("app not installed, and its use restricted", SignsIn::Password, |org| {
        org.app_installed = false;
        org.uninstalled_apps_restricted = true;
    }),
    state("app for approved users only, user not among them", SignsIn::Password, |org| {
        org.permitted_users = PermittedUsers::AdminApproved;
        org.pre_authorised = false;
    }),
    state("too many sign-ins within an hour", SignsIn::Password, |org| {
        org.hourly_login_limit = 0;
    }),
    state("org locked, closed or suspended", SignsIn::Password, |org| org.org_active = false),
    at_login_host(state(
        "sign-in at login.salesforce.com closed by the My Domain policy",
        SignsIn::Password,
        |org| org.login_host_closed = true,
    )),
    at_login_host(state(
        "a sandbox's user at the production login host, or the other way round",
        SignsIn::Password,
        |org| org.wrong_login_host = true,
    )),
    state("client credentials with a wrong secret", SignsIn::WrongSecret, |_| {}),
    state("client credentials without a run-as user", SignsIn::ClientCredentials, |org| {
        org.run_as_user = false;
    }),
    at_login_host(state(
        "client credentials at login.salesforce.com",
        SignsIn::ClientCredentials,
        |_| {},
    )),
    state("client credentials not switched on in the app", SignsIn::ClientCredentials, |org| {
        org.flows.client_credentials = false;
    }),
    state("the app is of another org and not installed", SignsIn::ClientCredentials, |org| {
        org.app = App::ExternalClientApp;
        org.app_installed = false;
    }),
    state("JWT: no certificate in the app, or another one", SignsIn::Jwt, |org| {
        org.certificate = None;
    }),
    state("JWT: audience is the My Domain", SignsIn::JwtForMyDomain, |_| {}),
    state("JWT: user not pre-authorised", SignsIn::Jwt, |org| org.pre_authorised = false),
    state("JWT: only approved users, user not among them", SignsIn::Jwt, |org| {
        org.permitted_users = PermittedUsers::AdminApproved;
        org.pre_authorised = false;
    }),
    state("refresh token expired, revoked or exchanged before", SignsIn::OldRefreshToken, |_| {}),
    state("refresh token of a user who is frozen", SignsIn::RefreshToken, |org| {
        org.user = UserState::Frozen;
    }),
    state("refresh token without the app's secret", SignsIn::RefreshTokenWithoutSecret, |_| {}),
    state("user lacks API Enabled", SignsIn::Password, |org| org.permissions.api_enabled = false),
    state("user lacks View Event Log Files", SignsIn::Password, |org| {
        org.permissions.view_event_log_files = false;
    }),
    state("the org's daily API calls are used up", SignsIn::Password, |org| {
        org.daily_api_limit = 1;
    }),
    with(
        state("api_version the org does not have", SignsIn::Password, |org| {
            org.newest_version = 60;
        }),
        "    api_version: \"66.0\"\n",
        "",
    ),
];

const QUIET: &[State] = &[
    with(
        state("No Event Monitoring licence", SignsIn::ClientCredentials, |org| {
            org.licensed = false;
        }),
        "",
        "licence",
    ),
    State {
        before: |org| {
            // Four quiet days after the switch.
            org.clock().advance(jiff::SignedDuration::from_hours(6 * 24)).ok();
        },
        ..with(
            state("Event log files not generated", SignsIn::ClientCredentials, |org| {
                org.event_log_generation = false;
            }),
            "",
            "Generate event",
        )
    },
    with(
        state("Hourly files asked for where there are none", SignsIn::ClientCredentials, |org| {
            org.interval_column = false;
        }),
        "    event_log_files: { interval: hourly }\n",
        "hourly files are asked for",
    ),
    with(
        state("event_types that match nothing", SignsIn::ClientCredentials, |_| {}),
        "    event_log_files: { event_types: [Logn] }\n",
        "admits none",
    ),
    with(
        state("A user with more rights than it needs", SignsIn::ClientCredentials, |org| {
            org.permissions.manage_users = true;
        }),
        "",
        "should not",
    ),
];

const INTRODUCTION: &str = "# Troubleshooting

Start with `orgtap test-connection`: it goes through the stages Configuration, Authentication,
Fetch Logs, Validation and Destination, and ends with `Connection successful` and its time, or with
the stage that failed in DNIF's words and cause, remedy and code beside them.

This page is made by `cargo x docs`. Each row of its tables is a run of Test Connection against a
simulated org that refuses so.
";

const SIGN_IN: &str = "
## The token endpoint refuses

Salesforce sends these with status 400. Orgtap sends a sign-in once and never repeats a refused one,
because Salesforce locks users.

| Salesforce says | Test Connection says | Code | Does Orgtap try again? |
|---|---|---|---|";

const STATES: &str = "

## Something in the org is not as it must be

The second column is what the user's Login History shows (Setup > Users > the user).

| What is wrong | Login History shows | Test Connection says | Code | Does Orgtap try again? |
|---|---|---|---|---|";

const CALLS: &str = "

## A call is refused

| The org answers | Test Connection says | Code | Does Orgtap try again? |
|---|---|---|---|";

const SILENCE: &str = "

## It says connected, but no data arrives

Test Connection then warns:
";

const SEVERAL: &str = "

## One answer, several causes

For these codes Test Connection lists the causes that are possible under the connector's settings,
the most likely first.
";
