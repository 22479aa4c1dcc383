//! The objects this org shows: names, fields, and what may be done with each field.

use crate::config::Permissions;

/// Type of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Id,
    Reference,
    Text,
    Picklist,
    Boolean,
    Int,
    Double,
    Time,
    /// A file: shown as its address.
    Base64,
}

impl Kind {
    /// Name in describe and in error messages.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Reference => "reference",
            Self::Text => "string",
            Self::Picklist => "picklist",
            Self::Boolean => "boolean",
            Self::Int => "int",
            Self::Double => "double",
            Self::Time => "dateTime",
            Self::Base64 => "base64",
        }
    }
}

/// A field of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) label: &'static str,
    pub(crate) kind: Kind,
    /// Characters, for text; digits, for whole numbers.
    pub(crate) length: u32,
    pub(crate) filterable: bool,
    pub(crate) sortable: bool,
    pub(crate) groupable: bool,
    pub(crate) nillable: bool,
    /// Values of a picklist.
    pub(crate) values: Vec<String>,
    /// Objects a reference points to.
    pub(crate) refers_to: &'static [&'static str],
}

impl Field {
    /// A field with what is usual for its type.
    fn new(name: &'static str, label: &'static str, kind: Kind) -> Self {
        let length = match kind {
            Kind::Id | Kind::Reference => 18,
            Kind::Text | Kind::Picklist => 255,
            Kind::Int => 9,
            Kind::Boolean | Kind::Double | Kind::Time | Kind::Base64 => 0,
        };
        Self {
            name,
            label,
            kind,
            length,
            filterable: kind != Kind::Base64,
            sortable: kind != Kind::Base64,
            groupable: !matches!(kind, Kind::Base64 | Kind::Double | Kind::Time),
            nillable: false,
            values: Vec::new(),
            refers_to: &[],
        }
    }

    fn long_text(name: &'static str, label: &'static str, length: u32) -> Self {
        let (filterable, sortable, groupable) = (false, false, false);
        let field = Self::new(name, label, Kind::Text);
        Self { length, filterable, sortable, groupable, nillable: true, ..field }
    }

    fn user(name: &'static str, label: &'static str) -> Self {
        Self { refers_to: &["User"], ..Self::new(name, label, Kind::Reference) }
    }

    fn picklist(name: &'static str, label: &'static str, values: Vec<String>) -> Self {
        Self { values, nillable: true, ..Self::new(name, label, Kind::Picklist) }
    }

    fn optional(self) -> Self {
        Self { nillable: true, ..self }
    }

    /// Whether it is a parent's field, named by a path, and not one of the object's own.
    pub(crate) fn is_parents(&self) -> bool {
        self.name.contains('.')
    }
}

/// An object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Object {
    pub(crate) name: &'static str,
    pub(crate) label: &'static str,
    pub(crate) plural: &'static str,
    /// First three characters of its records' ids.
    pub(crate) prefix: &'static str,
    pub(crate) fields: Vec<Field>,
}

impl Object {
    /// A field by its name, whatever its case.
    pub(crate) fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name.eq_ignore_ascii_case(name))
    }

    /// The fields that are the object's own.
    pub(crate) fn own_fields(&self) -> impl Iterator<Item = &Field> {
        self.fields.iter().filter(|field| !field.is_parents())
    }
}

/// `EventLogFile`. `Interval` and `Sequence` came with version 37; `Interval` is there only for
/// orgs with hourly files.
pub(crate) fn event_log_file(event_types: Vec<String>, interval: bool, version: u32) -> Object {
    let mut fields = vec![
        Field::new("Id", "Event Log File ID", Kind::Id),
        Field::new("IsDeleted", "Deleted", Kind::Boolean),
        Field::new("CreatedDate", "Created Date", Kind::Time),
        Field::user("CreatedById", "Created By ID"),
        Field::new("LastModifiedDate", "Last Modified Date", Kind::Time),
        Field::user("LastModifiedById", "Last Modified By ID"),
        Field::new("SystemModstamp", "System Modstamp", Kind::Time),
        Field::picklist("EventType", "Event Type", event_types),
        Field::new("LogDate", "Log Date", Kind::Time).optional(),
        Field::new("LogFileLength", "Log File Length", Kind::Double),
        Field::new("LogFileContentType", "Log File Content Type", Kind::Text),
        Field::new("ApiVersion", "API Version", Kind::Double),
        Field::long_text("LogFileFieldNames", "Log File Field Names", 1333),
        Field::long_text("LogFileFieldTypes", "Log File Field Types", 1333),
        Field::new("LogFile", "Log File", Kind::Base64),
    ];
    if version >= 37 {
        fields.push(Field::new("Sequence", "Sequence", Kind::Int).optional());
        if interval {
            let values = vec!["Daily".to_owned(), "Hourly".to_owned()];
            fields.push(Field::picklist("Interval", "Interval", values));
        }
    }
    Object {
        name: "EventLogFile",
        label: "Event Log File",
        plural: "Event Log Files",
        prefix: "0AT",
        fields,
    }
}

/// `User`.
pub(crate) fn user() -> Object {
    let fields = vec![
        Field::new("Id", "User ID", Kind::Id),
        Field { length: 80, ..Field::new("Username", "Username", Kind::Text) },
        Field { length: 80, ..Field::new("LastName", "Last Name", Kind::Text) },
        Field { length: 40, ..Field::new("FirstName", "First Name", Kind::Text) }.optional(),
        Field { length: 121, ..Field::new("Name", "Full Name", Kind::Text) },
        Field { length: 128, ..Field::new("Email", "Email", Kind::Text) },
        Field::new("IsActive", "Active", Kind::Boolean),
        Field::picklist("UserType", "User Type", vec!["Standard".to_owned(), "Guest".to_owned()]),
        Field { refers_to: &["Profile"], ..Field::new("ProfileId", "Profile ID", Kind::Reference) },
        Field::new("CreatedDate", "Created Date", Kind::Time),
        Field::new("SystemModstamp", "System Modstamp", Kind::Time),
    ];
    Object { name: "User", label: "User", plural: "Users", prefix: "005", fields }
}

/// `Organization`.
pub(crate) fn organization() -> Object {
    let fields = vec![
        Field::new("Id", "Organization ID", Kind::Id),
        Field { length: 80, ..Field::new("Name", "Name", Kind::Text) },
        Field::picklist(
            "OrganizationType",
            "Edition",
            [
                "Team Edition",
                "Professional Edition",
                "Enterprise Edition",
                "Developer Edition",
                "Unlimited Edition",
            ]
            .map(str::to_owned)
            .to_vec(),
        ),
        Field { length: 5, ..Field::new("InstanceName", "Instance Name", Kind::Text) }.optional(),
        Field::new("IsSandbox", "Is Sandbox", Kind::Boolean),
        Field::picklist("LanguageLocaleKey", "Language", vec!["en_US".to_owned()]),
        Field::picklist("TimeZoneSidKey", "Time Zone", vec!["America/Los_Angeles".to_owned()]),
        Field { length: 40, ..Field::new("NamespacePrefix", "Namespace Prefix", Kind::Text) }
            .optional(),
        Field::new("TrialExpirationDate", "Trial Expiration Date", Kind::Time).optional(),
        Field::new("CreatedDate", "Created Date", Kind::Time),
        Field::new("SystemModstamp", "System Modstamp", Kind::Time),
    ];
    Object {
        name: "Organization",
        label: "Organization",
        plural: "Organizations",
        prefix: "00D",
        fields,
    }
}

/// One column for each permission.
fn permissions() -> impl Iterator<Item = Field> {
    Permissions::COLUMNS.iter().map(|(name, label)| Field::new(name, label, Kind::Boolean))
}

/// `UserPermissionAccess`.
pub(crate) fn user_permission_access() -> Object {
    let mut fields = vec![
        Field::new("Id", "User Permission Access ID", Kind::Id),
        Field::new("LastCacheUpdate", "Last Cache Update", Kind::Time),
    ];
    fields.extend(permissions());
    Object {
        name: "UserPermissionAccess",
        label: "User Permission Access",
        plural: "User Permission Access",
        prefix: "",
        fields,
    }
}

/// `PermissionSet`.
pub(crate) fn permission_set() -> Object {
    let profile = Field::new("ProfileId", "Profile ID", Kind::Reference).optional();
    let mut fields = vec![
        Field::new("Id", "PermissionSet ID", Kind::Id),
        Field { length: 80, ..Field::new("Name", "Permission Set Name", Kind::Text) },
        Field { length: 80, ..Field::new("Label", "Permission Set Label", Kind::Text) },
        Field::new("IsOwnedByProfile", "Is Owned By Profile", Kind::Boolean),
        Field { refers_to: &["Profile"], ..profile },
        Field::new("CreatedDate", "Created Date", Kind::Time),
        Field::new("SystemModstamp", "System Modstamp", Kind::Time),
    ];
    fields.extend(permissions());
    Object {
        name: "PermissionSet",
        label: "Permission Set",
        plural: "Permission Sets",
        prefix: "0PS",
        fields,
    }
}

/// `PermissionSetAssignment`.
pub(crate) fn permission_set_assignment() -> Object {
    let set = Field::new("PermissionSetId", "PermissionSet ID", Kind::Reference);
    let fields = vec![
        Field::new("Id", "PermissionSetAssignment ID", Kind::Id),
        Field { refers_to: &["PermissionSet"], ..set },
        Field::user("AssigneeId", "Assignee ID"),
        Field::new("IsActive", "Is Active", Kind::Boolean),
        Field::new("SystemModstamp", "System Modstamp", Kind::Time),
        Field::new("PermissionSet.Name", "Permission Set Name", Kind::Text),
        Field::new("PermissionSet.Label", "Permission Set Label", Kind::Text),
        Field::new("PermissionSet.IsOwnedByProfile", "Is Owned By Profile", Kind::Boolean),
        Field::new("Assignee.Username", "Username", Kind::Text),
    ];
    Object {
        name: "PermissionSetAssignment",
        label: "Permission Set Assignment",
        plural: "Permission Set Assignments",
        prefix: "0Pa",
        fields,
    }
}
