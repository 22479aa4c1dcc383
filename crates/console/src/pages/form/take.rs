//! The form of a connector as it comes back.

use std::collections::{BTreeMap, BTreeSet};

use axum::Form as Body;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use http::StatusCode;
use orgtap_collector::config::{AuthFlow, NewConnector};
use orgtap_collector::{FieldFault, Form, FormError};
use orgtap_transport::{Secret, SecretRef};

use super::{Filling, form, test};
use crate::app::App;
use crate::error::{Error, Result};
use crate::frame::show;
use crate::security::{Outcome, Role, Viewer};

/// The name in whose place the form of a new connector is.
const ADDING: &str = "new";

/// Takes the form of a new connector.
pub(in crate::pages) async fn add(
    State(app): State<App>,
    viewer: Viewer,
    Body(fields): Body<Vec<(String, String)>>,
) -> Result<Response> {
    viewer.may(Role::Administrator)?;
    save(&app, viewer, filled(fields, None)?, None).await
}

/// Takes the form of a connector there is.
pub(in crate::pages) async fn change(
    State(app): State<App>,
    viewer: Viewer,
    Path(name): Path<String>,
    Body(fields): Body<Vec<(String, String)>>,
) -> Result<Response> {
    viewer.may(Role::Administrator)?;
    let shown = app.fleet().form_of(&name)?;
    let version = fields.iter().find(|(key, _)| key == "version").map(|(_, value)| value.clone());
    save(&app, viewer, filled(fields, Some(shown.connector))?, version).await
}

async fn save(app: &App, viewer: Viewer, form_: Form, version: Option<String>) -> Result<Response> {
    let (connector, is_new) = (form_.connector.clone(), form_.is_new);
    let name = connector.name.clone();
    viewer.did(if is_new { "connector.add" } else { "connector.change" }, &name);
    let saved = match version {
        _ if is_new && name == ADDING => Err(FormError::Fields(vec![taken()])),
        Some(version) => app.fleet().save_over(&version, form_).await,
        None => app.fleet().save(form_).await.map(Some),
    };
    let is_outdated = matches!(saved, Ok(None));
    let faults = match saved {
        Ok(None) => vec![outdated()],
        Ok(Some(_)) => {
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
    *page.status_mut() =
        if is_outdated { StatusCode::CONFLICT } else { StatusCode::UNPROCESSABLE_ENTITY };
    page.extensions_mut().insert(Outcome(code));
    Ok(page)
}

/// A connector of this name would have its page where the form of a new one is.
fn taken() -> FieldFault {
    FieldFault {
        key: "name".to_owned(),
        code: "OT-WEB-08",
        message: format!("{ADDING:?} is a word of the console's own"),
        remedy: "choose another name",
    }
}

/// Somebody else was quicker.
fn outdated() -> FieldFault {
    FieldFault {
        key: String::new(),
        code: "OT-WEB-09",
        message: "somebody has changed this connector since you opened its form".to_owned(),
        remedy: "what you typed is still here, but for secrets: look into another tab for what is \
                 there now, and save again to replace it",
    }
}

/// What came back, upon what there was before: what the form does not show stays.
fn filled(fields: Vec<(String, String)>, before: Option<NewConnector>) -> Result<Form> {
    let is_new = before.is_none();
    let mut values: BTreeMap<String, String> = BTreeMap::new();
    let mut destinations = Vec::new();
    let mut forget = BTreeSet::new();
    for (key, value) in fields {
        match key.as_str() {
            "destinations" => destinations.push(value),
            // The one secret that may be there and need not.
            "forget" if value == "security_token" => drop(forget.insert(value)),
            _ => drop(values.insert(key, value)),
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
    forget.retain(|key| !secrets.contains_key(key));
    Ok(Form { connector, secrets, forget, is_new })
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
    fn a_security_token_is_taken_away_unless_another_is_typed() {
        let fields = |token| {
            pairs(&[
                ("auth", "password"),
                ("security_token", token),
                ("forget", "security_token"),
                ("forget", "consumer_key"),
            ])
        };
        let before = || Some(NewConnector::new("acme", AuthFlow::Password));
        let form = filled(fields(""), before()).unwrap();
        assert_eq!(form.forget.iter().collect::<Vec<_>>(), ["security_token"]);
        assert!(filled(fields("new"), before()).unwrap().forget.is_empty());
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
