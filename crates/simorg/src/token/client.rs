//! Which app asks, and whether the org lets it.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Asked, Denied};
use crate::config::{App, Flow, PermittedUsers};
use crate::faults::LoginRefusal;
use crate::request::Request;

/// Consumer key and secret, from the header of HTTP Basic or else from the form.
pub(crate) fn named(
    request: &Request,
    form: &HashMap<String, String>,
) -> (Option<String>, Option<String>) {
    let basic = request.header("authorization").strip_prefix("Basic ").and_then(|encoded| {
        let decoded = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
        decoded.split_once(':').map(|(key, secret)| (key.to_owned(), secret.to_owned()))
    });
    match basic {
        Some((key, secret)) => (Some(key), Some(secret)),
        None => (form.get("client_id").cloned(), form.get("client_secret").cloned()),
    }
}

impl Asked<'_> {
    /// Checks key and secret. A secret that is not required may be left out, but not be wrong.
    pub(super) fn check_client(&self, secret_required: bool) -> Result<(), LoginRefusal> {
        let credentials = &self.org.credentials;
        let (key, secret) = named(self.request, &self.form);
        if key.ok_or(LoginRefusal::MissingParameter)? != credentials.consumer_key {
            return Err(LoginRefusal::ClientIdentifierInvalid);
        }
        match secret {
            Some(secret) if secret == credentials.consumer_secret => Ok(()),
            Some(_) => Err(LoginRefusal::InvalidClientCredentials),
            None if secret_required => Err(LoginRefusal::MissingParameter),
            None => Ok(()),
        }
    }

    /// Checks what the administrator decided about the app.
    pub(super) fn check_app(&self, flow: Flow) -> Result<(), Denied> {
        let settings = &self.settings;
        let unapproved = "Failed: Not approved for access";
        if settings.app_blocked {
            let label = "Failed: OAuth API access disabled";
            return Err(Denied::with(LoginRefusal::AppBlocked, label));
        }
        if !settings.app_installed && settings.app == App::ExternalClientApp {
            let label = "Package for this consumer is not installed in your organization";
            return Err(Denied::with(LoginRefusal::AppNotInstalled, label));
        }
        // Who authorised the app before the restriction keeps access: so a refresh token works.
        if !settings.app_installed
            && settings.uninstalled_apps_restricted
            && !settings.permissions.approve_uninstalled_apps
            && flow != Flow::RefreshToken
        {
            return Err(Denied::with(LoginRefusal::ApprovalError, unapproved));
        }
        if settings.permitted_users == PermittedUsers::AdminApproved && !settings.pre_authorised {
            return Err(Denied::with(LoginRefusal::NotAdminApproved, unapproved));
        }
        Ok(())
    }
}
