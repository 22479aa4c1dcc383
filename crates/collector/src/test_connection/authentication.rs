//! Authentication: one sign-in, never more.

use super::{Carried, Desk};
use crate::access::Access;
use crate::error::Result;

pub(super) async fn run(desk: &mut Desk<'_>, access: &Access, carried: &mut Carried) -> Result<()> {
    let Some(org) = &carried.org else { return Ok(()) };
    let signed_in = access.sign_in(&desk.settings.name, org, true).await?;
    let who = match &desk.settings.user {
        Some(user) => format!("{user} ({})", signed_in.user_id),
        None => format!("the app's user {}", signed_in.user_id),
    };
    desk.found(format!("signed in as {who} to org {}", signed_in.org_id));
    if signed_in.instance_url.host_str() != desk.settings.instance_url.host_str() {
        desk.found(format!("the org's data is at {}", signed_in.instance_url));
    }
    carried.org_id = signed_in.org_id;
    Ok(())
}
