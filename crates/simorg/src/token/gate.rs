//! What of the org and of the user every flow checks.

use super::host::Host;
use super::{Asked, Denied};
use crate::config::UserState;
use crate::faults::LoginRefusal::{
    AuthenticationFailure, InactiveOrg, InactiveUser, IpRestricted, RateExceeded,
};

impl Asked<'_> {
    /// Whether anybody of the org may sign in at this host, and as often as this.
    pub(super) fn check_org(&self) -> Result<(), Denied> {
        if !self.settings.org_active {
            return Err(Denied::with(InactiveOrg, "Organization is inactive"));
        }
        if self.host == Host::Login && self.settings.login_host_closed {
            return Err(Denied::with(AuthenticationFailure, "Restricted domain"));
        }
        if !self.org.sign_ins.attempt(self.now, self.settings.hourly_login_limit) {
            return Err(Denied::with(RateExceeded, "Login rate exceeded"));
        }
        Ok(())
    }

    /// Whether the user may sign in from here and now.
    pub(super) fn check_user(&self) -> Result<(), Denied> {
        if self.settings.ip_restricted {
            return Err(Denied::with(IpRestricted, "Restricted IP"));
        }
        if self.settings.outside_login_hours {
            return Err(Denied::with(IpRestricted, "Restricted time"));
        }
        match self.settings.user {
            // The endpoint does not give a frozen user away.
            UserState::Frozen => Err(Denied::with(AuthenticationFailure, "User is frozen")),
            UserState::Inactive => Err(Denied::with(InactiveUser, "User is inactive")),
            UserState::Active | UserState::PasswordExpired => Ok(()),
        }
    }
}
