//! The refresh-token flow, with and without rotation.

use super::host::Host;
use super::{Asked, Denied, Granted, Who};
use crate::config::Flow;
use crate::faults::LoginRefusal::{ExpiredToken, MissingParameter};
use crate::org::Exchange;

pub(super) fn sign_in(asked: &Asked<'_>, who: &mut Who) -> Result<Granted, Denied> {
    asked.check_client(asked.settings.consumer_secret_required)?;
    let token = asked.field("refresh_token").ok_or(MissingParameter)?;
    if asked.host == Host::OtherLogin {
        return Err(ExpiredToken.into());
    }
    let org = asked.org;
    who.user = Some(org.user.username.clone());
    asked.check_org()?;
    asked.check_app(Flow::RefreshToken)?;
    asked.check_user()?;
    match org.refresh_tokens.exchange(token, asked.settings.refresh_rotation) {
        Exchange::Dead { ended } => {
            org.end_sessions(&ended);
            Err(Denied::with(ExpiredToken, "Failed: Invalid Token"))
        }
        Exchange::Alive { replacement, ended } => {
            org.end_sessions(&ended);
            let granted = asked.grant();
            org.refresh_tokens.made(&granted.access_token);
            let scope = Some("refresh_token api id");
            Ok(Granted { refresh_token: replacement, scope, ..granted })
        }
    }
}
