//! Records as JSON, and the two small tables besides the log files.

use jiff::Timestamp;
use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::clock::record_time;
use crate::soql::{Cell, Table};
use crate::world::User;

/// One record of an answer: `attributes`, then its values in the order asked for.
pub(crate) struct Record {
    /// The object's name, or `AggregateResult`.
    pub(crate) kind: &'static str,
    /// The record's address; groups have none.
    pub(crate) url: Option<String>,
    /// Names and values.
    pub(crate) values: Vec<(String, Cell)>,
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
pub(crate) struct Users {
    pub(crate) users: Vec<User>,
    pub(crate) since: Timestamp,
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
pub(crate) struct Organization {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) since: Timestamp,
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
            "IsSandbox" => Cell::Bool(false),
            "LanguageLocaleKey" => Cell::text("en_US"),
            "TimeZoneSidKey" => Cell::text("America/Los_Angeles"),
            "CreatedDate" | "SystemModstamp" => Cell::Time(self.since),
            _ => Cell::Null,
        }
    }
}
