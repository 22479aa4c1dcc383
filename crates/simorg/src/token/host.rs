//! Which of the platform's hosts a request was sent to: one listener plays them all.

use crate::config::OrgSettings;
use crate::org::login_host;

/// A host, as far as sign-ins differ by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Host {
    /// The org's own.
    MyDomain,
    /// The login host of orgs of this kind.
    Login,
    /// The login host of the other kind: production's for a sandbox, or the other way round.
    OtherLogin,
}

impl Host {
    /// The host named in the header: `localhost` is a login host, any other address the org's own.
    pub(super) fn of(header: &str, settings: &OrgSettings) -> Self {
        let name = header.rsplit_once(':').map_or(header, |(name, _)| name).to_ascii_lowercase();
        if name == login_host(!settings.sandbox) {
            return Self::OtherLogin;
        }
        match name.as_str() {
            "localhost" if settings.wrong_login_host => Self::OtherLogin,
            "localhost" => Self::Login,
            name if name == login_host(settings.sandbox) => Self::Login,
            _ => Self::MyDomain,
        }
    }
}
