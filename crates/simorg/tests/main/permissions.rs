//! The objects that tell what the user may do.

use serde_json::{Value, json};

use crate::support::{Client, error, small};

#[tokio::test]
async fn the_running_user_can_ask_what_it_may_do() {
    let client = Client::new().await;
    let soql = "SELECT PermissionsApiEnabled, PermissionsViewEventLogFiles, \
                PermissionsViewDataLeakageEvents, PermissionsManageUsers FROM UserPermissionAccess";
    let records = client.records(soql).await;
    assert_eq!(records.len(), 1);
    let values = |record: &Value| {
        let names = ["ApiEnabled", "ViewEventLogFiles", "ViewDataLeakageEvents", "ManageUsers"];
        names.map(|name| record[format!("Permissions{name}")].as_bool().unwrap())
    };
    assert_eq!(values(&records[0]), [true, true, false, false]);
    client.org.change(|org| {
        org.permissions.view_event_log_files = false;
        org.permissions.manage_users = true;
    });
    assert_eq!(values(&client.records(soql).await[0]), [true, false, false, true]);
}

#[tokio::test]
async fn a_permission_the_org_does_not_know_is_no_column() {
    let client = Client::new().await;
    let soql = "SELECT PermissionsFlyToTheMoon FROM UserPermissionAccess";
    let (status, body) = client.query(soql).await;
    assert_eq!((status, error(&body).0), (400, "INVALID_FIELD"));
    assert!(error(&body).1.contains("No such column 'PermissionsFlyToTheMoon' on entity"));
}

#[tokio::test]
async fn every_permission_is_a_column_of_both_objects() {
    let client = Client::new().await;
    for object in ["UserPermissionAccess", "PermissionSet"] {
        let soql = format!("SELECT FIELDS(ALL) FROM {object} LIMIT 1");
        let record = client.records(&soql).await.remove(0);
        for name in ["ApiUserOnly", "ViewSetup", "TwoFactorApi", "ModifyMetadata"] {
            assert!(record[format!("Permissions{name}")].is_boolean(), "{object}: {name}");
        }
    }
}

#[tokio::test]
async fn permission_sets_are_found_by_name_when_they_are_assigned() {
    let client = Client::new().await;
    let soql = "SELECT Id, PermissionsViewEventLogFiles, IsOwnedByProfile FROM PermissionSet \
                WHERE Name = 'Orgtap_Collector'";
    assert!(client.records(soql).await.is_empty());
    client.org.change(|org| org.permission_sets = vec!["Orgtap_Collector".to_owned()]);
    let sets = client.records(soql).await;
    assert_eq!(sets.len(), 1);
    assert_eq!(sets[0]["PermissionsViewEventLogFiles"], true);
    assert_eq!(sets[0]["IsOwnedByProfile"], false);
    let id = sets[0]["Id"].as_str().unwrap();
    assert!(id.starts_with("0PS") && id.len() == 18, "{id}");
    let of_profile = "SELECT PermissionsViewEventLogFiles, PermissionsApiEnabled \
                      FROM PermissionSet WHERE IsOwnedByProfile = true";
    let profile = client.records(of_profile).await.remove(0);
    assert_eq!(profile["PermissionsViewEventLogFiles"], false, "the set carries it, not he");
    assert_eq!(profile["PermissionsApiEnabled"], true);
}

#[tokio::test]
async fn assignments_name_their_set_by_a_path() {
    let client = Client::new().await;
    client.org.change(|org| org.permission_sets = vec!["Orgtap_Collector".to_owned()]);
    let username = client.org.credentials().username.clone();
    let user = client.records(&format!("SELECT Id FROM User WHERE Username = '{username}'")).await;
    let user = user[0]["Id"].as_str().unwrap().to_owned();
    let soql = format!(
        "SELECT a.PermissionSet.Name, PermissionSet.Label, PermissionSetId \
         FROM PermissionSetAssignment a \
         WHERE AssigneeId = '{user}' AND PermissionSet.IsOwnedByProfile = false"
    );
    let assignments = client.records(&soql).await;
    assert_eq!(assignments.len(), 1);
    let set = assignments[0]["PermissionSetId"].as_str().unwrap();
    assert_eq!(
        assignments[0]["PermissionSet"],
        json!({
            "attributes": {
                "type": "PermissionSet",
                "url": format!("/services/data/v66.0/sobjects/PermissionSet/{set}"),
            },
            "Name": "Orgtap_Collector",
            "Label": "Orgtap Collector",
        })
    );
    let (status, body) = client.query("SELECT Nope.Name FROM PermissionSetAssignment").await;
    assert_eq!((status, error(&body).0), (400, "INVALID_FIELD"));
}

#[tokio::test]
async fn permission_sets_cannot_be_seen_without_the_right_to_see_the_set_up() {
    let client = Client::new().await;
    client.org.change(|org| org.permissions.view_setup = false);
    for object in ["PermissionSet", "PermissionSetAssignment"] {
        let (status, body) = client.query(&format!("SELECT Id FROM {object}")).await;
        assert_eq!((status, error(&body).0), (400, "INVALID_TYPE"), "{object}");
    }
    assert_eq!(client.records("SELECT Id FROM UserPermissionAccess").await.len(), 1);
}

#[tokio::test]
async fn the_org_and_the_user_show_the_settings() {
    let mut config = small();
    config.org.sandbox = true;
    let client = Client::of(config).await;
    let soql = "SELECT IsSandbox, OrganizationType, InstanceName, TrialExpirationDate \
                FROM Organization";
    let org = client.records(soql).await.remove(0);
    assert_eq!(org["IsSandbox"], true);
    assert_eq!(org["OrganizationType"], "Enterprise Edition");
    assert!(org["InstanceName"].is_string() && org["TrialExpirationDate"].is_null());
    let username = client.org.credentials().username.clone();
    let soql = format!("SELECT IsActive FROM User WHERE Username = '{username}'");
    assert_eq!(client.records(&soql).await[0]["IsActive"], true);
}
