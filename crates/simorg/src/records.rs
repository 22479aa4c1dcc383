//! Records as JSON, and the small tables besides the log files.

use jiff::Timestamp;
use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::access::{Assignments, PermissionSets, UserPermissionAccess};
use crate::clock::record_time;
use crate::config::UserState;
use crate::org::Org;
use crate::soql::{Cell, Table};
use crate::world::User;

/// One record of an answer: `attributes`, then its values in the order asked for.
pub(crate) struct Record {
    /// The object's name, or `AggregateResult`.
    pub(crate) kind: &'static str,
    /// The record's address; groups have none.
    pub(crate) url: Option<String>,
    /// Names and values.
    pub(crate) values: Vec<(String, Value)>,
}

/// What a record shows under a name.
pub(crate) enum Value {
    /// A field of its own.
    Cell(Cell),
    /// A parent, with those of its fields that were asked for.
    Parent(Record),
}

impl Record {
    /// One record with these fields; those with a path are gathered in the parent they belong to.
    pub(crate) fn of(
        table: &dyn Table,
        row: usize,
        object: &'static str,
        fields: &[&'static str],
        version: &str,
    ) -> Self {
        let url = |object: &str, id: Cell| {
            let id = if let Cell::Text(id) = id { id } else { String::new() };
            Some(format!("/services/data/v{version}/sobjects/{object}/{id}"))
        };
        let mut values: Vec<(String, Value)> = Vec::with_capacity(fields.len());
        for path in fields {
            let cell = Value::Cell(table.cell(row, path));
            let Some((parent, field)) = path.split_once('.') else {
                values.push(((*path).to_owned(), cell));
                continue;
            };
            let known = values.iter_mut().find_map(|(name, value)| match value {
                Value::Parent(record) if name == parent => Some(record),
                _ => None,
            });
            if let Some(record) = known {
                record.values.push((field.to_owned(), cell));
                continue;
            }
            let kind = if parent == "Assignee" { "User" } else { parent };
            let url = url(kind, table.cell(row, &format!("{parent}Id")));
            let record = Self { kind, url, values: vec![(field.to_owned(), cell)] };
            values.push((parent.to_owned(), Value::Parent(record)));
        }
        Self { kind: object, url: url(object, table.cell(row, "Id")), values }
    }
}

/// The records of an object other than the log files.
pub(crate) fn table(org: &Org, object: &str) -> Box<dyn Table + Send + Sync> {
    match object {
        "User" => Box::new(Users::of(org)),
        "UserPermissionAccess" => Box::new(UserPermissionAccess::of(org)),
        "PermissionSet" => Box::new(PermissionSets::of(org)),
        "PermissionSetAssignment" => Box::new(Assignments::of(org)),
        _ => Box::new(Organization::of(org)),
    }
}

struct Attributes<'a>(&'a Record);

impl Serialize for Attributes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("type", self.0.kind)?;
        if let Some(url) = &self.0.url {
            map.serialize_entry("url", url)?;
        }
        map.end()
    }
}

impl Serialize for Record {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("attributes", &Attributes(self))?;
        for (name, value) in &self.values {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Cell(cell) => cell.serialize(serializer),
            Self::Parent(record) => record.serialize(serializer),
        }
    }
}

impl Serialize for Cell {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_none(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Int(value) => serializer.serialize_i64(*value),
            // Shown with its fraction even if that is nothing: 2692.0.
            Self::Double(value) => serializer.serialize_f64(*value),
            Self::Text(value) => serializer.serialize_str(value),
            Self::Time(value) => serializer.serialize_str(&record_time(*value)),
        }
    }
}

/// The records of `User`.
struct Users {
    users: Vec<User>,
    since: Timestamp,
}

impl Users {
    /// The world's users, and the one that signs in, if it is not one of them.
    fn of(org: &Org) -> Self {
        let active = org.settings().user != UserState::Inactive;
        let own = User { active, ..org.user.clone() };
        let mut users = org.world.users().to_vec();
        match users.iter_mut().find(|user| user.id == own.id) {
            Some(user) => *user = own,
            None => users.push(own),
        }
        Self { users, since: org.world.config().start }
    }
}

impl Table for Users {
    fn len(&self) -> usize {
        self.users.len()
    }

    fn cell(&self, row: usize, field: &str) -> Cell {
        let Some(user) = self.users.get(row) else { return Cell::Null };
        let (first, last) = user.name.rsplit_once(' ').unwrap_or(("", &user.name));
        match field {
            "Id" => Cell::text(&user.id),
            "Username" => Cell::text(&user.username),
            "Name" => Cell::text(&user.name),
            "FirstName" => Cell::text(first),
            "LastName" => Cell::text(last),
            "Email" => Cell::text(&user.email),
            "IsActive" => Cell::Bool(user.active),
            "UserType" => Cell::text("Standard"),
            "ProfileId" => Cell::text(&user.profile_id),
            "CreatedDate" | "SystemModstamp" => Cell::Time(self.since),
            _ => Cell::Null,
        }
    }
}

/// The one record of `Organization`.
struct Organization {
    id: String,
    name: String,
    sandbox: bool,
    since: Timestamp,
}

impl Organization {
    fn of(org: &Org) -> Self {
        let settings = org.settings();
        let (id, since) = (org.world.org_id().to_owned(), org.world.config().start);
        Self { id, name: settings.domain, sandbox: settings.sandbox, since }
    }
}

impl Table for Organization {
    fn len(&self) -> usize {
        1
    }

    fn cell(&self, _row: usize, field: &str) -> Cell {
        match field {
            "Id" => Cell::text(&self.id),
            "Name" => Cell::text(&self.name),
            "OrganizationType" => Cell::text("Enterprise Edition"),
            "InstanceName" => Cell::text("SIM1"),
            "IsSandbox" => Cell::Bool(self.sandbox),
            "LanguageLocaleKey" => Cell::text("en_US"),
            "TimeZoneSidKey" => Cell::text("America/Los_Angeles"),
            "CreatedDate" | "SystemModstamp" => Cell::Time(self.since),
            _ => Cell::Null,
        }
    }
}
