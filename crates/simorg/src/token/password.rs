//! The username-password flow.

use super::host::Host;
use super::{Asked, Denied, Granted, Who, totp};
use crate::config::Flow;
use crate::faults::LoginRefusal::{AuthenticationFailure, MissingParameter};
use crate::org::Verdict;

/// Whatever is wrong with the user or the password, the client hears the same.
const fn failure(label: &'static str) -> Denied {
    Denied::with(AuthenticationFailure, label)
}

pub(super) fn sign_in(asked: &Asked<'_>, who: &mut Who) -> Result<Granted, Denied> {
    asked.check_client(true)?;
    let (Some(username), Some(password)) = (asked.field("username"), asked.field("password"))
    else {
        return Err(MissingParameter.into());
    };
    who.user = Some(username.to_owned());
    let org = asked.org;
    if asked.host == Host::OtherLogin {
        return Err(AuthenticationFailure.into());
    }
    asked.check_org()?;
    if !username.eq_ignore_ascii_case(&org.credentials.username) {
        return Err(match asked.host {
            // Which org is meant is known only at its own address.
            Host::MyDomain => failure("Invalid login"),
            Host::Login | Host::OtherLogin => AuthenticationFailure.into(),
        });
    }
    check_password(asked, password)?;
    if asked.password_flow_is_off() {
        return Err(failure("Username-Password Flow Disabled"));
    }
    asked.check_app(Flow::Password)?;
    asked.check_user()?;
    Ok(Granted { scope: None, ..asked.grant() })
}

fn check_password(asked: &Asked<'_>, password: &str) -> Result<(), Denied> {
    let credentials = &asked.org.credentials;
    let after = password.strip_prefix(credentials.password.as_str());
    let needs_code = asked.settings.permissions.two_factor_api;
    let right = match after {
        None => false,
        Some(code) if needs_code => totp::fits(asked.org, code, asked.now),
        Some(token) => {
            token == credentials.security_token || (token.is_empty() && asked.settings.trusted_ip)
        }
    };
    match asked.org.sign_ins.password(right, asked.now, asked.settings.lockout_after) {
        Verdict::Right => Ok(()),
        Verdict::LockedOut => Err(failure("Password Lockout")),
        Verdict::Wrong if after.is_none() => Err(failure("Invalid Password")),
        Verdict::Wrong if needs_code => Err(failure("Two-factor required")),
        Verdict::Wrong => Err(failure("Failed: API security token required")),
    }
}
