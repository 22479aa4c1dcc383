//! The form of a connector, in DNIF's words.

use std::collections::{BTreeMap, BTreeSet};

use askama::Template;
use axum::Form as Body;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use http::StatusCode;
use orgtap_collector::config::{AuthFlow, NewConnector};
use orgtap_collector::{FieldFault, Form, FormError, FormShown};
use orgtap_transport::{Secret, SecretRef};
use serde::Deserialize;

use super::test::Tested;
use super::{done, status};
use crate::app::App;
use crate::error::{Error, Result};
use crate::frame::{Frame, show};
use crate::security::{Outcome, Role, Viewer};

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

/// Takes the form of a new connector.
pub(super) async fn add(
    State(app): State<App>,
    viewer: Viewer,
    Body(fields): Body<Vec<(String, String)>>,
) -> Result<Response> {
    viewer.may(Role::Administrator)?;
    save(&app, viewer, filled(fields, None)?).await
}

/// Takes the form of a connector there is.
pub(super) async fn change(
    State(app): State<App>,
    viewer: Viewer,
    Path(name): Path<String>,
    Body(fields): Body<Vec<(String, String)>>,
) -> Result<Response> {
    viewer.may(Role::Administrator)?;
    let shown = app.fleet().form_of(&name)?;
    save(&app, viewer, filled(fields, Some(shown.connector))?).await
}

async fn save(app: &App, viewer: Viewer, form_: Form) -> Result<Response> {
    let (connector, is_new) = (form_.connector.clone(), form_.is_new);
    let name = connector.name.clone();
    viewer.did(if is_new { "connector.add" } else { "connector.change" }, &name);
    let faults = match app.fleet().save(form_).await {
        Ok(_) => {
            let address = format!("/connectors/{name}/edit?done=saved");
            return Ok(Redirect::to(&address).into_response());
        }
        Err(FormError::Fields(faults)) => faults,
        Err(FormError::Other(error)) => return Err(error.into()),
    };
    let shown = if is_new { None } else { Some(app.fleet().form_of(&name)?) };
    let test = if is_new { None } else { test(app, &name).await? };
    let filling = Filling { connector: &connector, shown: shown.as_ref(), faults };
    let code = filling.faults.first().map_or("OT-WEB-08", |fault| fault.code);
    let mut page = show(&form(app, viewer, filling, test, None))?;
    *page.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
    page.extensions_mut().insert(Outcome(code));
    Ok(page)
}

/// What came back, upon what there was before: what the form does not show stays.
fn filled(fields: Vec<(String, String)>, before: Option<NewConnector>) -> Result<Form> {
    let is_new = before.is_none();
    let mut values: BTreeMap<String, String> = BTreeMap::new();
    let mut destinations = Vec::new();
    for (key, value) in fields {
        if key == "destinations" {
            destinations.push(value);
        } else {
            values.insert(key, value);
        }
    }
    let mut take = |key: &str| values.remove(key).filter(|value| !value.trim().is_empty());
    let auth = take("auth").and_then(|word| AuthFlow::of_word(&word));
    let auth = auth.ok_or_else(|| Error::unusable("choose how the connector signs in"))?;
    let mut connector = before.unwrap_or_else(|| NewConnector::new("", auth));
    if is_new {
        take("name").unwrap_or_default().trim().clone_into(&mut connector.name);
    }
    connector.auth = auth;
    connector.description = take("description").map(|text| text.trim().to_owned());
    connector.instance_url = take("instance_url").unwrap_or_default();
    // Of fields that belong to another way to sign in, nothing is kept.
    let belongs = |key: &str| auth.needs().contains(&key) || auth.may_have().contains(&key);
    connector.user = take("salesforce_user").filter(|_| belongs("salesforce_user"));
    connector.jwt_audience = take("jwt_audience").filter(|_| belongs("jwt_audience"));
    connector.login_url = take("login_url");
    connector.api_version = take("api_version");
    connector.proxy = take("proxy");
    connector.ca_file = take("ca_file").map(|path| path.trim().into());
    connector.poll_interval = take("poll_interval");
    connector.start = take("start");
    connector.destinations = destinations;
    let mut secrets = BTreeMap::new();
    for key in NewConnector::SECRETS {
        let value = take(key).filter(|_| key == "consumer_key" || belongs(key));
        if let Some(value) = value {
            secrets.insert(key.to_owned(), SecretRef::Plain(Secret::new(value)));
        }
    }
    Ok(Form { connector, secrets, forget: BTreeSet::new(), is_new })
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

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(of: &[(&str, &str)]) -> Vec<(String, String)> {
        of.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn a_blank_secret_is_not_sent_and_so_keeps_the_present_one() {
        let form = filled(
            pairs(&[
                ("auth", "password"),
                ("name", "acme"),
                ("consumer_key", "  "),
                ("security_token", "t"),
            ]),
            None,
        )
        .unwrap();
        assert_eq!(form.secrets.keys().collect::<Vec<_>>(), ["security_token"]);
        assert!(form.is_new);
    }

    #[test]
    fn what_belongs_to_another_way_to_sign_in_is_left_out() {
        let form = filled(
            pairs(&[
                ("auth", "client_credentials"),
                ("name", "acme"),
                ("jwt_key", "k"),
                ("jwt_audience", "a"),
            ]),
            None,
        )
        .unwrap();
        assert!(form.secrets.is_empty() && form.connector.jwt_audience.is_none());
    }

    #[test]
    fn the_name_of_a_connector_there_is_stays() {
        let before = NewConnector::new("acme", AuthFlow::Password);
        let fields = pairs(&[
            ("auth", "password"),
            ("name", "other"),
            ("destinations", "a"),
            ("destinations", "b"),
        ]);
        let form = filled(fields, Some(before)).unwrap();
        assert_eq!(form.connector.name, "acme");
        assert_eq!(form.connector.destinations, ["a", "b"]);
        assert!(filled(pairs(&[("auth", "magic")]), None).is_err());
    }
}
