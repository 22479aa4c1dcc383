//! The external client app, which the client-credentials and JWT flows sign in to.
//!
//! Elements stand in the order of Salesforce's own schema, which is alphabetical.

use super::access;
use super::project::{
    APP, Files, GLOBAL_OAUTH, OAUTH, OAUTH_POLICIES, PERMISSION_SET, POLICIES, Project, SETTINGS,
};
use super::settings::Plan;
use super::xml::document;

/// The project's folder.
pub(super) const FOLDER: &str = "modern";

/// An app must have an address to come back to, though these flows never go there.
pub(super) const CALLBACK: &str = "https://login.salesforce.com/services/oauth2/success";

/// Minutes a session lasts without a call.
pub(super) const SESSION_MINUTES: u16 = 120;

/// Writes the project. The certificate is for the JWT flow.
pub(super) fn write(plan: &Plan, certificate: Option<&str>, files: &mut Files) {
    let mut project = Project::new(FOLDER, plan);
    project.add(APP, &plan.name, app(plan));
    project.add(OAUTH, &plan.name, oauth(plan));
    project.add(OAUTH_POLICIES, plan.policies(), oauth_policies(plan));
    project.add(POLICIES, plan.policies(), policies(plan));
    project.add(PERMISSION_SET, plan.permission_set(), access::permission_set(plan));
    for (name, text) in access::org_settings(plan) {
        project.add(SETTINGS, name, text);
    }
    project.add_sensitive(GLOBAL_OAUTH, &plan.name, global_oauth(plan, certificate));
    project.write(files);
}

fn app(plan: &Plan) -> String {
    document("ExternalClientApplication", |xml| {
        xml.leaf("contactEmail", &plan.contact_email);
        xml.leaf("description", "Orgtap signs in here to collect event-monitoring data.");
        xml.leaf("distributionState", "Local");
        xml.leaf("isProtected", false);
        xml.leaf("label", &plan.label);
    })
}

fn oauth(plan: &Plan) -> String {
    document("ExtlClntAppOauthSettings", |xml| {
        // The JWT flow is refused without the refresh scope, though it gets no refresh token.
        let scopes = if plan.flow.has_jwt() { "Api, RefreshToken" } else { "Api" };
        xml.leaf("commaSeparatedOauthScopes", scopes);
        xml.leaf("externalClientApplication", &plan.name);
        xml.leaf("label", &plan.label);
        for range in &plan.ranges {
            xml.branch("trustedIpRanges", |xml| {
                xml.leaf("description", &plan.label);
                xml.leaf("endIpAddress", range.last);
                xml.leaf("startIpAddress", range.first);
            });
        }
    })
}

/// Consumer key and secret are left out, so that Salesforce makes them and no file holds them.
fn global_oauth(plan: &Plan, certificate: Option<&str>) -> String {
    document("ExtlClntAppGlobalOauthSettings", |xml| {
        xml.leaf("callbackUrl", CALLBACK);
        if let Some(certificate) = certificate {
            xml.leaf("certificate", certificate.trim_end());
        }
        xml.leaf("externalClientApplication", &plan.name);
        xml.leaf("isClientCredentialsFlowEnabled", plan.flow.has_client_credentials());
        xml.leaf("isConsumerSecretOptional", false);
        xml.leaf("isDeviceFlowEnabled", false);
        xml.leaf("isIntrospectAllTokens", false);
        xml.leaf("isNamedUserJwtEnabled", false);
        xml.leaf("isPkceRequired", true);
        xml.leaf("isRefreshTokenRotationEnabled", true);
        xml.leaf("isSecretRequiredForRefreshToken", true);
        xml.leaf("isSecretRequiredForTokenExchange", true);
        xml.leaf("isTokenExchangeEnabled", false);
        xml.leaf("label", &plan.label);
        xml.leaf("shouldRotateConsumerKey", false);
        xml.leaf("shouldRotateConsumerSecret", false);
    })
}

fn oauth_policies(plan: &Plan) -> String {
    // Salesforce takes the one only with the other.
    let run_as = plan.user.as_ref().filter(|_| plan.flow.has_client_credentials());
    document("ExtlClntAppOauthConfigurablePolicies", |xml| {
        if let Some(user) = run_as {
            xml.leaf("clientCredentialsFlowUser", user);
        }
        xml.leaf("commaSeparatedPermissionSet", plan.permission_set());
        xml.leaf("externalClientApplication", &plan.name);
        xml.leaf("ipRelaxationPolicyType", "Enforce");
        xml.leaf("isClientCredentialsFlowEnabled", run_as.is_some());
        xml.leaf("label", plan.policies());
        xml.leaf("permittedUsersPolicyType", "AdminApprovedPreAuthorized");
        if plan.flow.has_jwt() {
            xml.leaf("refreshTokenPolicyType", "SpecificLifetime");
            xml.leaf("refreshTokenValidityPeriod", 1);
            xml.leaf("refreshTokenValidityUnit", "Days");
        } else {
            xml.leaf("refreshTokenPolicyType", "Zero");
        }
        xml.leaf("sessionTimeoutInMinutes", SESSION_MINUTES);
    })
}

fn policies(plan: &Plan) -> String {
    document("ExtlClntAppConfigurablePolicies", |xml| {
        xml.leaf("externalClientApplication", &plan.name);
        xml.leaf("isEnabled", true);
        xml.leaf("isOauthPluginEnabled", true);
        xml.leaf("label", plan.policies());
    })
}
