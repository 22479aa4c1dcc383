//! The token endpoint: asking for a session, and reading the answer.

use jiff::Timestamp;
use orgtap_transport::{Secret, http};
use reqwest::header::CONTENT_TYPE;
use serde_json::Value;
use url::{Url, form_urlencoded};

use crate::answer::{self, Head};
use crate::call::Call;
use crate::error::{Error, ErrorKind};
use crate::id;
use crate::refusal::{RATE_PAUSE, SignInRefusal};
use crate::session::{Session, SignedIn};
use crate::settings::{OrgSettings, SignIn};
use crate::wire::Wire;

/// Longest session token accepted; real ones have about 112 characters, JWTs a few thousand.
const LONGEST_TOKEN: usize = 16 * 1024;

/// Signs in once. Never tries again by itself.
pub(crate) async fn sign_in(wire: &Wire, settings: &OrgSettings) -> Result<Session, Error> {
    let mut url = settings.login_url().clone();
    url.set_path("/services/oauth2/token");
    let request = wire
        .client
        .post(url)
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(form(settings));
    let response = match wire.send(Call::SignIn, request, None).await {
        Ok(response) => response,
        Err(error) => return Err(hinted(error, settings)),
    };
    let answer = wire.json(Call::SignIn, response, None).await?;
    session(settings, &answer)
}

/// The form of the flow. Secrets go into the body: an address would be logged on the way.
fn form(settings: &OrgSettings) -> String {
    let SignIn::Password { user, password, security_token } = &settings.sign_in;
    let token = security_token.as_ref().map_or("", Secret::expose);
    let secret = Secret::new(format!("{}{token}", password.expose()));
    form_urlencoded::Serializer::new(String::new())
        .append_pair("grant_type", "password")
        .append_pair("client_id", settings.consumer_key.expose())
        .append_pair("client_secret", settings.consumer_secret.expose())
        .append_pair("username", user)
        .append_pair("password", secret.expose())
        .finish()
}

/// Reads an answer of the token endpoint that is no success; none if it is not a refusal but a
/// failure like any other.
pub(crate) fn refused(head: &Head, body: &[u8], clean: &dyn Fn(&[u8]) -> String) -> Option<Error> {
    let status = head.status.as_u16();
    let remote = answer::remote(body);
    let read = remote.as_ref().map(|said| SignInRefusal::read(&said.code, &said.message));
    let refusal = match (read, status) {
        (_, 429) => SignInRefusal::RateExceeded,
        // A known refusal is one whatever the status; an unknown text with a 5xx is a failure.
        (Some(SignInRefusal::Unrecognised), 300..=399 | 500..=599) => return None,
        (Some(refusal), _) => refusal,
        // Whatever this is, it must not be sent credentials again and again.
        (None, 400 | 401 | 404 | 405 | 410 | 411 | 415) => SignInRefusal::NoEndpoint,
        (None, _) => return None,
    };
    let said = match remote {
        Some(said) => clean(format!("{} ({})", said.code, said.message).as_bytes()),
        None => clean(body),
    };
    let error = Error::new(ErrorKind::SignIn(refusal), format!("HTTP {status} {said}"))
        .during(Call::SignIn)
        .with_status(status);
    if refusal == SignInRefusal::RateExceeded {
        let (least, most) = RATE_PAUSE;
        let after = head.retry_after.unwrap_or(least).clamp(least, most);
        return Some(error.retry_after(Some(after)));
    }
    Some(error)
}

/// Adds what the settings tell about a refusal.
fn hinted(error: Error, settings: &OrgSettings) -> Error {
    let SignIn::Password { security_token, .. } = &settings.sign_in;
    let no_token = security_token.as_ref().is_none_or(Secret::is_empty);
    if *error.kind() == ErrorKind::SignIn(SignInRefusal::Credentials) && no_token {
        return error.with_hint(
            "No security token is configured, so the calling address must be one the org trusts.",
        );
    }
    error
}

fn unusable(what: impl Into<String>) -> Error {
    Error::new(ErrorKind::SignIn(SignInRefusal::UnusableAnswer), what).during(Call::SignIn)
}

/// Reads a success. Nothing of the answer is quoted, because the token is in it.
fn session(settings: &OrgSettings, answer: &Value) -> Result<Session, Error> {
    let text = |name: &str| {
        answer
            .get(name)
            .and_then(Value::as_str)
            .filter(|text| !text.is_empty() && text.len() <= LONGEST_TOKEN)
            .ok_or_else(|| unusable(format!("no usable {name}")))
    };
    let token = Secret::new(text("access_token")?);
    let instance_url: Url =
        text("instance_url")?.parse().map_err(|_| unusable("instance_url is not a URL"))?;
    if !settings.trusts(&instance_url) {
        let shown = http::excerpt(instance_url.host_str().unwrap_or("no host").as_bytes());
        let detail = format!("instance_url {}://{shown}", instance_url.scheme());
        return Err(Error::new(ErrorKind::UntrustedAddress, detail).during(Call::SignIn));
    }
    let (org_id, user_id) = identity(text("id")?)
        .ok_or_else(|| unusable("id does not name an org (00D...) and a user (005...)"))?;
    let who = SignedIn { org_id, user_id, instance_url, at: Timestamp::now() };
    Session::new(token, who).ok_or_else(|| unusable("access_token cannot be a header"))
}

/// Org and user of `https://HOST/id/ORG/USER`, as 18-character ids.
fn identity(url: &str) -> Option<(String, String)> {
    let url = Url::parse(url).ok()?;
    let mut parts = url.path_segments()?;
    let (word, org, user) = (parts.next()?, parts.next()?, parts.next()?);
    let ends = parts.all(str::is_empty);
    let shaped = word == "id" && ends && org.starts_with("00D") && user.starts_with("005");
    if shaped { Some((id::canonical(org)?, id::canonical(user)?)) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_org_and_user_from_the_identity() {
        let both = Some(("00Dxx0000001gEREAY".to_owned(), "005xx000001SwiUAAS".to_owned()));
        for url in [
            "https://login.salesforce.com/id/00Dxx0000001gEREAY/005xx000001SwiUAAS",
            "https://login.salesforce.com/id/00Dxx0000001gER/005xx000001SwiU",
            "https://acme.my.salesforce.com/id/00Dxx0000001gEREAY/005xx000001SwiUAAS/",
        ] {
            assert_eq!(identity(url), both, "{url}");
        }
        for url in [
            "",
            "/id/00Dxx0000001gEREAY/005xx000001SwiUAAS",
            "https://login.salesforce.com/id/00Dxx0000001gEREAY",
            "https://login.salesforce.com/id/005xx000001SwiUAAS/00Dxx0000001gEREAY",
            "https://login.salesforce.com/id/00Dxx/005xx000001SwiUAAS",
            "https://login.salesforce.com/id/00Dxx0000001gEREAY/005xx000001SwiUAAS/more",
        ] {
            assert_eq!(identity(url), None, "{url}");
        }
    }
}
