//! What is done to API tokens, for the pages and the API alike.

use std::time::Duration;

use orgtap_ledger::{ApiToken, NewToken, TokenId};
use zeroize::Zeroizing;

use crate::app::{App, micros};
use crate::error::{Error, Result};
use crate::security::{Role, SecretText, TOKEN_PREFIX, Viewer};

/// Longest life of a token that is given one, days.
const LONGEST_LIFE: u32 = 3_660;

/// A token that was just made.
pub(crate) struct MadeToken {
    pub(crate) id: TokenId,
    /// Shown now and never again.
    pub(crate) secret: Zeroizing<String>,
    pub(crate) expires_at: Option<i64>,
}

/// All tokens, for administrators.
pub(crate) async fn all(app: &App, viewer: &Viewer) -> Result<Vec<ApiToken>> {
    viewer.may(Role::Administrator)?;
    Ok(app.door().tokens().await?)
}

/// Makes a token that acts in the place of whoever makes it, with a role of its own at most.
pub(crate) async fn add(
    app: &App,
    viewer: &Viewer,
    name: &str,
    role: Role,
    days: Option<u32>,
) -> Result<MadeToken> {
    viewer.did("token.add", format!("{name}, {role}"));
    viewer.may(Role::Administrator)?;
    let is_plain = |c: char| !c.is_control();
    if name.trim() != name
        || !(1..=64).contains(&name.chars().count())
        || !name.chars().all(is_plain)
    {
        return Err(Error::unusable("a token's name has 1 to 64 characters"));
    }
    if days.is_some_and(|days| !(1..=LONGEST_LIFE).contains(&days)) {
        let message = format!("a token lives 1 to {LONGEST_LIFE} days, or until it is removed");
        return Err(Error::unusable(message));
    }
    let secret = SecretText::random()?;
    let now = app.now();
    let life = |days: u32| micros(Duration::from_hours(24 * u64::from(days)));
    let expires_at = days.map(|days| now.saturating_add(life(days)));
    let token = NewToken {
        hash: secret.hash(),
        person: viewer.person,
        name: name.to_owned(),
        role: role.name().to_owned(),
        expires_at,
    };
    let id = app.door().add_token(&token, now).await?;
    let id = id.ok_or_else(|| Error::conflict(format!("you have a token {name} already")))?;
    let secret = Zeroizing::new(format!("{TOKEN_PREFIX}{}", secret.expose()));
    Ok(MadeToken { id, secret, expires_at })
}

/// Removes a token.
pub(crate) async fn remove(app: &App, viewer: &Viewer, id: TokenId) -> Result<()> {
    viewer.did("token.remove", id.to_string());
    viewer.may(Role::Administrator)?;
    let removed = app.door().remove_token(id).await?;
    if removed { Ok(()) } else { Err(Error::no(format!("token {id}"))) }
}
