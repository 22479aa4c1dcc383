//! The client-credentials flow: the app signs in as the user its policy names.

use super::host::Host;
use super::{Asked, Denied, Granted, Who};
use crate::config::{Flow, UserState};
use crate::faults::LoginRefusal::{NoClientCredentialsUser, WrongDomain};

pub(super) fn sign_in(asked: &Asked<'_>, who: &mut Who) -> Result<Granted, Denied> {
    if asked.host != Host::MyDomain {
        return Err(WrongDomain.into());
    }
    asked.check_client(true)?;
    if !asked.settings.run_as_user {
        return Err(NoClientCredentialsUser.into());
    }
    who.user = Some(asked.org.user.username.clone());
    asked.check_org()?;
    asked.check_app(Flow::ClientCredentials)?;
    // A user who cannot sign in is as good as none.
    match asked.settings.user {
        UserState::Frozen => return Err(Denied::with(NoClientCredentialsUser, "User is frozen")),
        UserState::Inactive => {
            return Err(Denied::with(NoClientCredentialsUser, "User is inactive"));
        }
        UserState::Active | UserState::PasswordExpired => {}
    }
    asked.check_user()?;
    Ok(asked.grant())
}
