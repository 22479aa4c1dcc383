//! What is sent to the token endpoint.

use jiff::Timestamp;
use orgtap_transport::Secret;
use url::form_urlencoded::Serializer;

use super::jwt;
use crate::settings::{OrgSettings, SignIn};

/// A form, and the secrets in it that the settings do not hold.
pub(super) struct Form {
    /// The body. Secrets go there: an address would be logged on the way.
    pub(super) body: Secret,
    /// To be kept out of whatever the other side says back.
    pub(super) transient: Vec<Secret>,
}

/// The form of the flow. `refresh_token` is the newest of a chain; `now` is the org's time.
///
/// # Errors
/// Says why the assertion cannot be signed.
pub(super) fn form(
    settings: &OrgSettings,
    refresh_token: Option<&Secret>,
    now: Timestamp,
) -> Result<Form, String> {
    let mut form = Serializer::new(String::new());
    let mut transient = Vec::new();
    match &settings.sign_in {
        SignIn::Password { user, password, security_token } => {
            let token = security_token.as_ref().map_or("", Secret::expose);
            let secret = Secret::new(format!("{}{token}", password.expose()));
            form.append_pair("grant_type", "password");
            app(&mut form, settings);
            form.append_pair("username", user).append_pair("password", secret.expose());
        }
        SignIn::ClientCredentials => {
            form.append_pair("grant_type", "client_credentials");
            app(&mut form, settings);
        }
        SignIn::JwtBearer { user, key, audience } => {
            let audience = audience.clone().unwrap_or_else(|| jwt::audience(settings));
            let assertion = jwt::assertion(settings, user, key, &audience, now)?;
            form.append_pair("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer")
                .append_pair("assertion", assertion.expose());
            transient.push(assertion);
        }
        SignIn::RefreshToken { token } => {
            let token = refresh_token.unwrap_or(token);
            form.append_pair("grant_type", "refresh_token");
            app(&mut form, settings);
            form.append_pair("refresh_token", token.expose());
            transient.push(token.clone());
        }
    }
    Ok(Form { body: Secret::new(form.finish()), transient })
}

/// The app's key, and its secret if it has one.
fn app(form: &mut Serializer<'_, String>, settings: &OrgSettings) {
    form.append_pair("client_id", settings.consumer_key.expose());
    if let Some(secret) = settings.consumer_secret.as_ref().filter(|secret| !secret.is_empty()) {
        form.append_pair("client_secret", secret.expose());
    }
}
