//! People, API tokens and the audit log, for administrators.

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use orgtap_events::time::rfc3339;
use orgtap_ledger::TokenId;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use zeroize::Zeroizing;

use super::read::{Asked, Given, Named};
use crate::app::App;
use crate::error::{Error, Result};
use crate::security::{Role, Viewer};
use crate::{people, tokens};

/// Somebody who may use the console.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Person {
    name: String,
    /// `viewer`, `operator` or `administrator`.
    role: String,
    /// RFC 3339.
    signed_in_at: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewPerson {
    name: String,
    role: Role,
    /// At least 12 characters.
    #[schema(value_type = String)]
    password: Zeroizing<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewRole {
    role: Role,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewPassword {
    /// At least 12 characters.
    #[schema(value_type = String)]
    password: Zeroizing<String>,
}

/// All people
#[utoipa::path(get, path = "/people", tag = "people",
    responses((status = 200, description = "All of them", body = Vec<Person>)))]
pub(super) async fn all(State(app): State<App>, viewer: Viewer) -> Result<Json<Vec<Person>>> {
    let all = people::all(&app, &viewer).await?.into_iter().map(|one| Person {
        name: one.name,
        role: one.role,
        signed_in_at: one.signed_in_at.map(rfc3339),
    });
    Ok(Json(all.collect()))
}

/// Adds a person
#[utoipa::path(post, path = "/people", tag = "people", request_body = NewPerson,
    responses((status = 201, description = "Added")))]
pub(super) async fn add(
    State(app): State<App>,
    viewer: Viewer,
    Given(new): Given<NewPerson>,
) -> Result<StatusCode> {
    people::add(&app, &viewer, &new.name, new.role, new.password).await?;
    Ok(StatusCode::CREATED)
}

/// Removes a person with their sessions and tokens
#[utoipa::path(delete, path = "/people/{name}", tag = "people",
    params(("name" = String, Path, description = "The person")),
    responses((status = 204, description = "Removed")))]
pub(super) async fn remove(
    State(app): State<App>,
    viewer: Viewer,
    Named(name): Named<String>,
) -> Result<StatusCode> {
    people::remove(&app, &viewer, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Sets a person's role
#[utoipa::path(put, path = "/people/{name}/role", tag = "people", request_body = NewRole,
    params(("name" = String, Path, description = "The person")),
    responses((status = 204, description = "Set; their sessions end")))]
pub(super) async fn set_role(
    State(app): State<App>,
    viewer: Viewer,
    Named(name): Named<String>,
    Given(NewRole { role }): Given<NewRole>,
) -> Result<StatusCode> {
    people::set_role(&app, &viewer, &name, role).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Sets a person's password
#[utoipa::path(put, path = "/people/{name}/password", tag = "people", request_body = NewPassword,
    params(("name" = String, Path, description = "The person")),
    responses((status = 204, description = "Set; their sessions end")))]
pub(super) async fn set_password(
    State(app): State<App>,
    viewer: Viewer,
    Named(name): Named<String>,
    Given(new): Given<NewPassword>,
) -> Result<StatusCode> {
    people::set_password(&app, &viewer, &name, new.password).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A token, without its secret.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Token {
    id: TokenId,
    name: String,
    /// In whose place it acts.
    person: String,
    /// At most as this.
    role: String,
    /// RFC 3339; none: until it is removed.
    expires_at: Option<String>,
    /// RFC 3339.
    used_at: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewToken {
    name: String,
    /// At most as this.
    role: Role,
    /// Days until it expires; none: until it is removed.
    #[schema(minimum = 1, maximum = 3660)]
    days: Option<u32>,
}

/// A new token.
#[derive(Serialize, ToSchema)]
pub(super) struct Made {
    id: TokenId,
    /// Told now and never again.
    token: String,
    /// RFC 3339.
    expires_at: Option<String>,
}

/// All API tokens
#[utoipa::path(get, path = "/tokens", tag = "tokens",
    responses((status = 200, description = "All of them", body = Vec<Token>)))]
pub(super) async fn tokens(State(app): State<App>, viewer: Viewer) -> Result<Json<Vec<Token>>> {
    let all = tokens::all(&app, &viewer).await?.into_iter().map(|one| Token {
        id: one.id,
        name: one.name,
        person: one.person.name,
        role: one.role,
        expires_at: one.expires_at.map(rfc3339),
        used_at: one.used_at.map(rfc3339),
    });
    Ok(Json(all.collect()))
}

/// Makes an API token that acts in your place
#[utoipa::path(post, path = "/tokens", tag = "tokens", request_body = NewToken,
    responses((status = 201, description = "Made", body = Made)))]
pub(super) async fn add_token(
    State(app): State<App>,
    viewer: Viewer,
    Given(NewToken { name, role, days }): Given<NewToken>,
) -> Result<(StatusCode, Json<Made>)> {
    let made = tokens::add(&app, &viewer, &name, role, days).await?;
    let told = Made {
        id: made.id,
        token: made.secret.to_string(),
        expires_at: made.expires_at.map(rfc3339),
    };
    Ok((StatusCode::CREATED, Json(told)))
}

/// Removes an API token
#[utoipa::path(delete, path = "/tokens/{id}", tag = "tokens",
    params(("id" = i64, Path, description = "The token")),
    responses((status = 204, description = "Removed")))]
pub(super) async fn remove_token(
    State(app): State<App>,
    viewer: Viewer,
    Named(id): Named<TokenId>,
) -> Result<StatusCode> {
    tokens::remove(&app, &viewer, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A line of the audit log.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Entry {
    id: i64,
    /// RFC 3339.
    at: String,
    /// The person; empty if nobody was signed in.
    who: String,
    /// The token they used.
    token: Option<String>,
    address: String,
    action: String,
    subject: String,
    /// `done`, or the code of the refusal.
    outcome: String,
}

/// Which lines.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Before {
    /// Those before this one. Default: the newest.
    before: Option<i64>,
    /// At most so many, 1 to 1000. Default: 100.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
}

/// The audit log
#[utoipa::path(get, path = "/audit", tag = "audit", params(Before),
    responses((status = 200, description = "Its lines, the newest first", body = Vec<Entry>)))]
pub(super) async fn audit(
    State(app): State<App>,
    viewer: Viewer,
    Asked(Before { before, limit }): Asked<Before>,
) -> Result<Json<Vec<Entry>>> {
    viewer.may(Role::Administrator)?;
    let limit = limit.unwrap_or(100);
    if !(1..=1_000).contains(&limit) {
        return Err(Error::unusable("limit is 1 to 1000"));
    }
    let entries = app.door().audit(before, limit).await?.into_iter().map(|one| Entry {
        id: one.id,
        at: rfc3339(one.at),
        who: one.who,
        token: one.token,
        address: one.address,
        action: one.action,
        subject: one.subject,
        outcome: one.outcome,
    });
    Ok(Json(entries.collect()))
}
