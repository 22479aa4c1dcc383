//! The objects that tell what the user may do: `UserPermissionAccess`, `PermissionSet` and
//! `PermissionSetAssignment`.

use jiff::Timestamp;

use crate::config::Permissions;
use crate::ids;
use crate::org::Org;
use crate::soql::{Cell, Table};

/// The id of records that have none.
const NO_ID: &str = "000000000000000AAA";

/// The one record of `UserPermissionAccess`: all that the running user may do.
pub(crate) struct UserPermissionAccess {
    permissions: Permissions,
    now: Timestamp,
}

impl UserPermissionAccess {
    pub(crate) fn of(org: &Org) -> Self {
        Self { permissions: org.settings().permissions, now: org.now() }
    }
}

impl Table for UserPermissionAccess {
    fn len(&self) -> usize {
        1
    }

    fn cell(&self, _row: usize, field: &str) -> Cell {
        match field {
            "Id" => Cell::text(NO_ID),
            "LastCacheUpdate" => Cell::Time(self.now),
            _ => self.permissions.column(field).map_or(Cell::Null, Cell::Bool),
        }
    }
}

/// A permission set of the user's.
struct Set {
    id: String,
    name: String,
    label: String,
    /// Whether it is what the profile gives, which the platform shows as a set as well.
    of_profile: bool,
    permissions: Permissions,
}

/// The records of `PermissionSet`: the profile's and those assigned. With sets assigned they carry
/// the permissions, and the profile only what users are made with.
pub(crate) struct PermissionSets {
    sets: Vec<Set>,
    profile_id: String,
    since: Timestamp,
}

impl PermissionSets {
    pub(crate) fn of(org: &Org) -> Self {
        let settings = org.settings();
        let all = settings.permissions;
        let bare = Permissions {
            api_enabled: all.api_enabled,
            api_only_user: all.api_only_user,
            password_never_expires: all.password_never_expires,
            view_event_log_files: false,
            view_setup: false,
            ..Permissions::default()
        };
        let profile = Set {
            id: ids::make("0PS", 0),
            name: format!("X{}", org.user.profile_id.get(..15).unwrap_or_default()),
            label: org.user.profile.clone(),
            of_profile: true,
            permissions: if settings.permission_sets.is_empty() { all } else { bare },
        };
        let assigned = settings.permission_sets.iter().zip(1..).map(|(name, number)| Set {
            id: ids::make("0PS", number),
            name: name.clone(),
            label: name.replace('_', " "),
            of_profile: false,
            permissions: all,
        });
        Self {
            sets: std::iter::once(profile).chain(assigned).collect(),
            profile_id: org.user.profile_id.clone(),
            since: org.world.config().start,
        }
    }
}

impl Table for PermissionSets {
    fn len(&self) -> usize {
        self.sets.len()
    }

    fn cell(&self, row: usize, field: &str) -> Cell {
        let Some(set) = self.sets.get(row) else { return Cell::Null };
        match field {
            "Id" => Cell::text(&set.id),
            "Name" => Cell::text(&set.name),
            "Label" => Cell::text(&set.label),
            "IsOwnedByProfile" => Cell::Bool(set.of_profile),
            "ProfileId" if set.of_profile => Cell::text(&self.profile_id),
            "CreatedDate" | "SystemModstamp" => Cell::Time(self.since),
            _ => set.permissions.column(field).map_or(Cell::Null, Cell::Bool),
        }
    }
}

/// The records of `PermissionSetAssignment`: one for each set, all to the user.
pub(crate) struct Assignments {
    sets: PermissionSets,
    user_id: String,
    username: String,
}

impl Assignments {
    pub(crate) fn of(org: &Org) -> Self {
        let (user_id, username) = (org.user.id.clone(), org.user.username.clone());
        Self { sets: PermissionSets::of(org), user_id, username }
    }
}

impl Table for Assignments {
    fn len(&self) -> usize {
        self.sets.len()
    }

    fn cell(&self, row: usize, field: &str) -> Cell {
        match field {
            "Id" => Cell::text(ids::make("0Pa", row as u64)),
            "AssigneeId" => Cell::text(&self.user_id),
            "Assignee.Username" => Cell::text(&self.username),
            "PermissionSetId" => self.sets.cell(row, "Id"),
            "IsActive" => Cell::Bool(true),
            "SystemModstamp" => self.sets.cell(row, field),
            _ => {
                let own = field.strip_prefix("PermissionSet.");
                own.map_or(Cell::Null, |field| self.sets.cell(row, field))
            }
        }
    }
}
