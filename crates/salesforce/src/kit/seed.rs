//! The connected app, profile and user of the username-password flow, as connectors have always
//! asked for them. Salesforce refuses most new connected apps since Spring '26; the guide says so.
//!
//! Elements stand in the order of Salesforce's own schema, which is alphabetical.

use serde_json::json;

use super::access;
use super::modern::{CALLBACK, SESSION_MINUTES};
use super::project::{CONNECTED_APP, Files, PERMISSION_SET, PROFILE, Project, SETTINGS};
use super::settings::Plan;
use super::xml::document;

/// The project's folder.
pub(super) const FOLDER: &str = "seed";

/// The record of the user, for the REST API.
pub(super) const USER: &str = "user.json";

/// What stands where only the person knows the value.
pub(super) const PROFILE_ID: &str = "REPLACE-WITH-ID-OF-PROFILE";
const USER_NAME: &str = "REPLACE-WITH-USER-NAME";

/// Writes the project, and the user's record beside it.
pub(super) fn write(plan: &Plan, files: &mut Files) {
    let mut project = Project::new(FOLDER, plan);
    project.add(CONNECTED_APP, &plan.name, connected_app(plan));
    project.add(PROFILE, &plan.name, profile(plan));
    project.add(PERMISSION_SET, plan.api_only_set(), api_only_set(plan));
    for (name, text) in access::org_settings(plan) {
        project.add(SETTINGS, name, text);
    }
    let allowed = document("OauthOidcSettings", |xml| xml.leaf("blockOAuthUnPwFlow", false));
    project.add(SETTINGS, "OauthOidc", allowed);
    project.write(files);
    files.insert(format!("{FOLDER}/{USER}"), user(plan));
}

fn connected_app(plan: &Plan) -> String {
    document("ConnectedApp", |xml| {
        xml.leaf("contactEmail", &plan.contact_email);
        xml.leaf("description", "Orgtap signs in here to collect event-monitoring data.");
        for range in &plan.ranges {
            xml.branch("ipRanges", |xml| {
                xml.leaf("description", &plan.label);
                xml.leaf("end", range.last);
                xml.leaf("start", range.first);
            });
        }
        xml.leaf("label", &plan.label);
        xml.branch("oauthConfig", |xml| {
            xml.leaf("callbackUrl", CALLBACK);
            xml.leaf("isAdminApproved", true);
            xml.leaf("isConsumerSecretOptional", false);
            xml.leaf("scopes", "Api");
        });
        xml.branch("oauthPolicy", |xml| {
            xml.leaf("ipRelaxation", "ENFORCE");
            xml.leaf("refreshTokenPolicy", "zero");
        });
        xml.leaf("profileName", &plan.name);
        xml.branch("sessionPolicy", |xml| xml.leaf("sessionTimeout", SESSION_MINUTES));
    })
}

fn profile(plan: &Plan) -> String {
    document("Profile", |xml| {
        xml.leaf("custom", true);
        xml.leaf("description", "What Orgtap needs to collect event-monitoring data, and no more.");
        for range in &plan.ranges {
            xml.branch("loginIpRanges", |xml| {
                xml.leaf("description", &plan.label);
                xml.leaf("endAddress", range.last);
                xml.leaf("startAddress", range.first);
            });
        }
        access::write_objects(xml, plan);
        xml.leaf("userLicense", "Salesforce");
        access::write_permissions(xml, &access::permissions(plan.sources.iter().copied()));
    })
}

/// On its own, because a user kept out of the browser cannot ask for a security token.
fn api_only_set(plan: &Plan) -> String {
    document("PermissionSet", |xml| {
        xml.leaf("description", "Keeps the user out of the browser. Assign it last.");
        xml.leaf("hasActivationRequired", false);
        xml.leaf("label", format!("{} API Only", plan.name));
        access::write_permissions(xml, &[access::API_ONLY]);
    })
}

fn user(plan: &Plan) -> String {
    let alias: String = plan.name.chars().filter(char::is_ascii_alphanumeric).take(8).collect();
    let user = json!({
        "Alias": alias.to_ascii_lowercase(),
        "Email": plan.contact_email,
        "EmailEncodingKey": "UTF-8",
        "LanguageLocaleKey": "en_US",
        "LastName": plan.label,
        "LocaleSidKey": "en_US",
        "ProfileId": PROFILE_ID,
        "TimeZoneSidKey": "GMT",
        "Username": plan.user.as_deref().unwrap_or(USER_NAME),
    });
    format!("{user:#}\n")
}
