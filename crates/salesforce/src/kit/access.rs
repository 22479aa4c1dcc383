//! What the user may do and what the org must record, for the chosen sources and no more.
//!
//! Elements stand in the order of Salesforce's own schema, which is alphabetical: what is out of
//! order may be dropped without a word.

use super::settings::{Plan, Source};
use super::xml::{Xml, document};

/// Stored real-time events, with the oldest version of the API that has each.
///
/// Left out are `IdentityProviderEventStore` and `IdentityVerificationEvent`: they ask for the
/// right to customise the org, or to manage its users' second factors.
const REAL_TIME_OBJECTS: [(&str, u16); 17] = [
    ("ApiAnomalyEventStore", 50),
    ("ApiEvent", 46),
    ("BulkApiResultEventStore", 50),
    ("CredentialStuffingEventStore", 49),
    ("FileEventStore", 57),
    ("GuestUserAnomalyEventStore", 60),
    ("LightningUriEvent", 46),
    ("ListViewEvent", 46),
    ("LoginAnomalyEventStore", 64),
    ("LoginAsEvent", 46),
    ("LoginEvent", 36),
    ("LogoutEvent", 46),
    ("PermissionSetEventStore", 52),
    ("ReportAnomalyEventStore", 49),
    ("ReportEvent", 46),
    ("SessionHijackingEventStore", 49),
    ("UriEvent", 46),
];

/// Keeps a user out of the browser.
pub(super) const API_ONLY: &str = "ApiUserOnly";

/// The permissions that reading the sources takes, in order.
pub(super) fn permissions(sources: impl IntoIterator<Item = Source>) -> Vec<&'static str> {
    let mut names = vec!["ApiEnabled"];
    for source in sources {
        match source {
            Source::EventLogFiles => names.push("ViewEventLogFiles"),
            Source::RealTimeEvents => names.push("ViewDataLeakageEvents"),
            // Its permission has no published name: the guide says how to give it by hand.
            Source::EventLogObjects => {}
            Source::LoginHistory => names.push("MonitorLoginHistory"),
            // Salesforce does not give the one without the other.
            Source::SetupAuditTrail => names.extend(["ViewRoles", "ViewSetup"]),
        }
    }
    names.sort_unstable();
    names
}

/// What administrators read in Setup for a permission.
pub(super) fn label(permission: &'static str) -> &'static str {
    match permission {
        "ApiEnabled" => "API Enabled",
        "MonitorLoginHistory" => "Monitor Login History",
        "ViewDataLeakageEvents" => "View Real-Time Event Monitoring Data",
        "ViewEventLogFiles" => "View Event Log Files",
        "ViewRoles" => "View Roles and Role Hierarchy",
        "ViewSetup" => "View Setup and Configuration",
        API_ONLY => "API Only User",
        other => other,
    }
}

/// The objects that reading the sources takes, in order.
pub(super) fn objects(plan: &Plan) -> impl Iterator<Item = &'static str> {
    let wanted = plan.reads(Source::RealTimeEvents);
    let version = plan.api_version;
    REAL_TIME_OBJECTS
        .into_iter()
        .filter(move |(_, since)| wanted && *since <= version)
        .map(|(name, _)| name)
}

/// The permission set of users that only programs are.
pub(super) fn permission_set(plan: &Plan) -> String {
    document("PermissionSet", |xml| {
        xml.leaf("description", "What Orgtap needs to collect event-monitoring data, and no more.");
        xml.leaf("hasActivationRequired", false);
        xml.leaf("label", &plan.label);
        write_objects(xml, plan);
        let mut names = permissions(plan.sources.iter().copied());
        names.push(API_ONLY);
        names.sort_unstable();
        write_permissions(xml, &names);
    })
}

/// Read access to objects, as permission sets and profiles have it.
pub(super) fn write_objects(xml: &mut Xml, plan: &Plan) {
    for object in objects(plan) {
        xml.branch("objectPermissions", |xml| {
            xml.leaf("allowCreate", false);
            xml.leaf("allowDelete", false);
            xml.leaf("allowEdit", false);
            xml.leaf("allowRead", true);
            xml.leaf("modifyAllRecords", false);
            xml.leaf("object", object);
            xml.leaf("viewAllRecords", false);
        });
    }
}

/// Permissions, as permission sets and profiles have them.
pub(super) fn write_permissions(xml: &mut Xml, names: &[&str]) {
    for name in names {
        xml.branch("userPermissions", |xml| {
            xml.leaf("enabled", true);
            xml.leaf("name", name);
        });
    }
}

/// Settings of the org that make it record what is to be read: name of the component and content.
pub(super) fn org_settings(plan: &Plan) -> Vec<(&'static str, String)> {
    let mut settings = Vec::new();
    if plan.reads(Source::EventLogFiles) {
        let text = document("EventSettings", |xml| {
            xml.leaf("enableEventLogGeneration", true);
            if let Some(days) = plan.retention {
                xml.leaf("eventLogRetentionDuration", days);
            }
        });
        settings.push(("Event", text));
    }
    if plan.reads(Source::RealTimeEvents) {
        let text = document("RealTimeEventSettings", |xml| {
            for object in objects(plan) {
                xml.branch("realTimeEvents", |xml| {
                    xml.leaf("entityName", object);
                    xml.leaf("isEnabled", true);
                });
            }
        });
        settings.push(("RealTimeEvent", text));
    }
    settings
}
