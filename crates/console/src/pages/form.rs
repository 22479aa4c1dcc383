//! The form of a connector, in DNIF's words.

mod take;

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use orgtap_collector::config::{AuthFlow, NewConnector};
use orgtap_collector::{FieldFault, FormShown};
use serde::Deserialize;

use super::test::Tested;
use super::{done, status};
use crate::app::App;
use crate::error::Result;
use crate::frame::{Frame, show};
use crate::security::{Role, Viewer};

pub(super) use take::{add, change};

/// What is asked for beside the connector.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
    done: Option<String>,
}

/// One field, with what is wrong with it.
struct Field {
    key: &'static str,
    label: &'static str,
    value: String,
    hint: String,
    error: Option<String>,
    /// Cannot be changed.
    fixed: bool,
    /// Takes several lines.
    long: bool,
}

struct Flow {
    word: &'static str,
    title: &'static str,
    about: &'static str,
    chosen: bool,
}

struct Destination {
    name: String,
    about: String,
    chosen: bool,
}

#[derive(Template)]
#[template(path = "form.html")]
struct FormPage {
    frame: Frame,
    heading: String,
    action: String,
    done: Option<&'static str>,
    /// What is wrong and belongs to no field shown.
    errors: Vec<String>,
    is_known: bool,
    /// What is shown is a change of this; empty for a connector that is not there yet.
    version: String,
    under_test: bool,
    is_new: bool,
    is_from_file: bool,
    is_writable: bool,
    begin_test: bool,
    test: Option<Tested>,
    name: Field,
    description: Field,
    instance_url: Field,
    user: Field,
    password: Field,
    consumer_key: Field,
    consumer_secret: Field,
    security_token: Field,
    has_token: bool,
    jwt_key: Field,
    jwt_audience: Field,
    refresh_token: Field,
    login_url: Field,
    poll_interval: Field,
    start: Field,
    proxy: Field,
    ca_file: Field,
    api_version: Field,
    flows: Vec<Flow>,
    destinations: Vec<Destination>,
    destinations_error: Option<String>,
    more_open: bool,
}

/// What the form is filled with.
struct Filling<'f> {
    connector: &'f NewConnector,
    /// How the secrets that are set are kept; none of a connector that is not there yet.
    shown: Option<&'f FormShown>,
    faults: Vec<FieldFault>,
}

impl Filling<'_> {
    /// What is wrong with a field; it is told once.
    fn fault(&mut self, key: &str) -> Option<String> {
        let of = |fault: &FieldFault| fault.key.split(['.', '[']).next() == Some(key);
        let at = self.faults.iter().position(of)?;
        let fault = self.faults.remove(at);
        Some(format!("{}. {}", sentence(&fault.message), sentence(fault.remedy)))
    }

    fn text(
        &mut self,
        key: &'static str,
        label: &'static str,
        value: Option<&str>,
        hint: &str,
    ) -> Field {
        let (value, hint) = (value.unwrap_or_default().to_owned(), hint.to_owned());
        Field { key, label, value, hint, error: self.fault(key), fixed: false, long: false }
    }

    fn secret(&mut self, key: &'static str, label: &'static str, hint: &str) -> Field {
        let kept = self.shown.and_then(|shown| shown.secrets.get(key));
        let hint = match kept {
            Some(kept) => format!("Leave blank to use the current value ({kept})."),
            None => hint.to_owned(),
        };
        let long = key == "jwt_key";
        Field { key, label, value: String::new(), hint, error: self.fault(key), fixed: false, long }
    }
}

fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// The form of a new connector.
pub(super) async fn new(State(app): State<App>, viewer: Viewer) -> Result<Response> {
    viewer.may(Role::Administrator)?;
    let settings = app.settings();
    let mut connector = NewConnector::new("", AuthFlow::Password);
    if let [only] = &settings.destinations[..] {
        connector.destinations = vec![only.name().to_owned()];
    }
    let filling = Filling { connector: &connector, shown: None, faults: Vec::new() };
    show(&form(&app, viewer, filling, None, None))
}

/// The form of a connector there is.
pub(super) async fn edit(
    State(app): State<App>,
    viewer: Viewer,
    Path(name): Path<String>,
    Query(asked): Query<Asked>,
) -> Result<Response> {
    let shown = app.fleet().form_of(&name)?;
    let test = test(&app, &name).await?;
    let connector = shown.connector.clone();
    let filling = Filling { connector: &connector, shown: Some(&shown), faults: Vec::new() };
    show(&form(&app, viewer, filling, test, asked.done.as_deref()))
}

async fn test(app: &App, name: &str) -> Result<Option<Tested>> {
    let rows = status::rows(app).await?;
    Ok(rows.into_iter().find(|row| row.name == name).and_then(|row| row.test))
}

fn form(
    app: &App,
    viewer: Viewer,
    mut filling: Filling<'_>,
    test: Option<Tested>,
    asked: Option<&str>,
) -> FormPage {
    let connector = filling.connector;
    let is_known = filling.shown.is_some();
    let version = filling.shown.map(FormShown::version).unwrap_or_default();
    let is_from_file = filling.shown.is_some_and(|shown| !shown.is_saved);
    let is_writable = viewer.role >= Role::Administrator && !is_from_file;
    let f = &mut filling;
    let ca_file = connector.ca_file.as_ref().map(|path| path.to_string_lossy().into_owned());
    let name = Field {
        fixed: is_known,
        ..f.text("name", "Connector Name", Some(&connector.name), "Letters, digits, dots, dashes.")
    };
    let more = [
        f.text(
            "login_url",
            "Login URL",
            connector.login_url.as_deref(),
            "Where to sign in, if not at the Instance URL.",
        ),
        f.text(
            "poll_interval",
            "Poll interval",
            connector.poll_interval.as_deref(),
            "Time between two looks for new files, such as 5m.",
        ),
        f.text(
            "start",
            "Start",
            connector.start.as_deref(),
            "Files made before this are left alone; blank for all the org still has.",
        ),
        f.text(
            "proxy",
            "Proxy",
            connector.proxy.as_deref(),
            "http://, https:// or socks5h://, towards the org only.",
        ),
        f.text(
            "ca_file",
            "Certificate file",
            ca_file.as_deref(),
            "Authorities (PEM) trusted besides the system's own.",
        ),
        f.text(
            "api_version",
            "API version",
            connector.api_version.as_deref(),
            "Blank for the newest the org has.",
        ),
    ];
    let more_open = more.iter().any(|field| field.error.is_some());
    let [login_url, poll_interval, start, proxy, ca_file, api_version] = more;
    let page = FormPage {
        heading: if is_known {
            format!("{}: settings", connector.name)
        } else {
            "Add a connector".into()
        },
        action: if is_known {
            format!("/connectors/{}", connector.name)
        } else {
            "/connectors".into()
        },
        done: asked.and_then(done),
        is_known,
        version,
        under_test: app.under_test().has(&connector.name),
        is_new: test.is_none(),
        is_from_file,
        is_writable,
        begin_test: asked == Some("saved"),
        test,
        name,
        instance_url: f.text(
            "instance_url",
            "Instance URL",
            Some(&connector.instance_url),
            "The org's My Domain, such as https://acme.my.salesforce.com.",
        ),
        user: f.text("salesforce_user", "Salesforce User", connector.user.as_deref(), ""),
        password: f.secret("salesforce_user_password", "Salesforce User Password", ""),
        consumer_key: f.secret(
            "consumer_key",
            "Consumer key",
            "Of the org's External Client App or Connected App.",
        ),
        consumer_secret: f.secret("consumer_secret", "Consumer secret", ""),
        has_token: f.shown.is_some_and(|shown| shown.secrets.contains_key("security_token")),
        security_token: f.secret(
            "security_token",
            "Security Token",
            "Sent to the user by e-mail. Not needed from addresses the org trusts.",
        ),
        jwt_key: f.secret("jwt_key", "Private key", "RSA, PEM. Its certificate is in the app."),
        jwt_audience: f.text(
            "jwt_audience",
            "JWT audience",
            connector.jwt_audience.as_deref(),
            "Blank for the login host of the org's kind.",
        ),
        refresh_token: f.secret(
            "refresh_token",
            "Refresh token",
            "Of an authorisation given in the browser.",
        ),
        description: f.text(
            "description",
            "Description",
            connector.description.as_deref(),
            "What the org is called here, or what it is for.",
        ),
        login_url,
        poll_interval,
        start,
        proxy,
        ca_file,
        api_version,
        flows: flows(connector.auth),
        destinations: destinations(app, connector),
        destinations_error: f.fault("destinations"),
        more_open,
        errors: Vec::new(),
        frame: Frame::new(viewer, "connectors"),
    };
    let errors = filling.faults.iter().map(|fault| {
        let of = if fault.key.is_empty() { String::new() } else { format!("{}: ", fault.key) };
        format!("{of}{}. {}", sentence(&fault.message), sentence(fault.remedy))
    });
    FormPage { errors: errors.collect(), ..page }
}

fn flows(chosen: AuthFlow) -> Vec<Flow> {
    AuthFlow::ALL
        .into_iter()
        .map(|flow| {
            let (title, about) = match flow {
                AuthFlow::Password => (
                    "User and password",
                    "DNIF's eight fields. The org must allow the flow; newer ones do not.",
                ),
                AuthFlow::ClientCredentials => (
                    "Client credentials",
                    "The app's key and secret, with a run-as user in its policies.",
                ),
                AuthFlow::JwtBearer => {
                    ("JWT bearer", "A private key whose certificate the app has.")
                }
                AuthFlow::RefreshToken => {
                    ("Refresh token", "An authorisation given in the browser.")
                }
            };
            Flow { word: flow.word(), title, about, chosen: flow == chosen }
        })
        .collect()
}

fn destinations(app: &App, connector: &NewConnector) -> Vec<Destination> {
    let settings = app.settings();
    let all = settings.destinations.iter();
    all.map(|one| Destination {
        name: one.name().to_owned(),
        about: match app.fleet().promise(one.name()) {
            Some(promise) => format!("{}, {}", one.kind(), promise.guarantee.name()),
            None => one.kind().to_owned(),
        },
        chosen: connector.destinations.iter().any(|name| name == one.name()),
    })
    .collect()
}
