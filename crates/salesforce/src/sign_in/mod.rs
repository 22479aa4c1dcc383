//! The token endpoint: asking for a session, and reading the answer.

mod form;
pub(crate) mod jwt;
pub(crate) mod kept;
pub(crate) mod renewal;

use jiff::Timestamp;
use orgtap_transport::{Secret, http};
use reqwest::header::CONTENT_TYPE;
use serde_json::Value;
use url::Url;

use form::{Form, form};

use crate::answer::{self, Head};
use crate::call::Call;
use crate::error::{Error, ErrorKind};
use crate::id;
use crate::refusal::{self, RATE_PAUSE, SignInRefusal};
use crate::session::{Session, SignedIn};
use crate::settings::{OrgSettings, SignIn};
use crate::wire::Wire;

/// Longest session token accepted; real ones have about 112 characters, JWTs a few thousand.
const LONGEST_TOKEN: usize = 16 * 1024;

/// What a sign-in brought.
pub(crate) struct Granted {
    pub(crate) session: Session,
    /// The token that takes the place of the one that was sent, where the org rotates them.
    pub(crate) refresh_token: Option<Secret>,
}

/// Signs in once. Never tries again by itself.
///
/// `refresh_token` is the newest of the chain the settings began, if they began one.
pub(crate) async fn sign_in(
    wire: &Wire,
    settings: &OrgSettings,
    refresh_token: Option<&Secret>,
) -> Result<Granted, Error> {
    if matches!(settings.sign_in, SignIn::JwtBearer { .. }) && wire.server_time().is_none() {
        // An assertion is good for two minutes by the org's clock, which this tells for nothing.
        // If it fails, this machine's clock has to do.
        reach(wire, settings.login_url()).await.ok();
    }
    let now = wire.server_time().unwrap_or_else(Timestamp::now);
    let Form { body, transient } = form(settings, refresh_token, now)
        .map_err(|detail| Error::new(ErrorKind::Settings, detail))?;
    wire.redactor.also(&transient);
    let mut url = settings.login_url().clone();
    url.set_path("/services/oauth2/token");
    let request = wire
        .client
        .post(url)
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(body.expose().to_owned());
    let response = match wire.send(Call::SignIn, request, None).await {
        Ok(response) => response,
        Err(error) => return Err(explained(error, settings)),
    };
    let answer = wire.json(Call::SignIn, response, None).await?;
    let granted = granted(settings, &answer)?;
    wire.redactor.also(granted.refresh_token.as_slice());
    Ok(granted)
}

/// Asks a host of the org for its versions, which needs no sign-in and counts against nothing:
/// the cheapest way to see that it is there. Also tells the org's time.
pub(crate) async fn reach(wire: &Wire, host: &Url) -> Result<reqwest::Response, Error> {
    let mut url = host.clone();
    url.set_path("/services/data/");
    wire.send(Call::Versions, wire.client.get(url), None).await
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
fn explained(error: Error, settings: &OrgSettings) -> Error {
    let ErrorKind::SignIn(refusal) = *error.kind() else { return error };
    error.with_possibilities(refusal::causes(refusal, settings))
}

fn unusable(what: impl Into<String>) -> Error {
    Error::new(ErrorKind::SignIn(SignInRefusal::UnusableAnswer), what).during(Call::SignIn)
}

/// Reads a success. Nothing of the answer is quoted, because the token is in it.
fn granted(settings: &OrgSettings, answer: &Value) -> Result<Granted, Error> {
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
    let session =
        Session::new(token, who).ok_or_else(|| unusable("access_token cannot be a header"))?;
    let refreshes = matches!(settings.sign_in, SignIn::RefreshToken { .. });
    let refresh_token = match answer.get("refresh_token") {
        Some(_) if refreshes => Some(Secret::new(text("refresh_token")?)),
        _ => None,
    };
    Ok(Granted { session, refresh_token })
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
