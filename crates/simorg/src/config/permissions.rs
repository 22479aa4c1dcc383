//! What the user may do, under our names and the platform's.

use serde::Deserialize;

/// Declares the permissions: field, the platform's name, its label, the usual value.
macro_rules! permissions {
    ($($(#[$doc:meta])* $field:ident $api:literal $label:literal $usual:literal;)*) => {
        /// What the user may do. The usual values are those of a user made for a collector.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub struct Permissions {
            $($(#[$doc])* pub $field: bool,)*
        }

        impl Default for Permissions {
            fn default() -> Self {
                Self { $($field: $usual,)* }
            }
        }

        impl Permissions {
            /// Columns of the objects that tell permissions, and their labels.
            pub(crate) const COLUMNS: &'static [(&'static str, &'static str)] =
                &[$((concat!("Permissions", $api), $label),)*];

            /// The value of one of the [`Self::COLUMNS`].
            pub(crate) fn column(&self, name: &str) -> Option<bool> {
                match name {
                    $(concat!("Permissions", $api) => Some(self.$field),)*
                    _ => None,
                }
            }
        }

        /// Permissions to change; what is left out stays.
        #[derive(Debug, Clone, Copy, Default, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub(super) struct PermissionsPatch {
            $($field: Option<bool>,)*
        }

        impl PermissionsPatch {
            /// Applies what was given.
            pub(super) fn apply(self, permissions: &mut Permissions) {
                $(if let Some(value) = self.$field { permissions.$field = value; })*
            }
        }
    };
}

permissions! {
    /// "API Enabled".
    api_enabled "ApiEnabled" "API Enabled" true;
    /// "API Only User".
    api_only_user "ApiUserOnly" "Api Only User" true;
    /// "View Event Log Files".
    view_event_log_files "ViewEventLogFiles" "View Event Log Files" true;
    /// "View Setup and Configuration".
    view_setup "ViewSetup" "View Setup and Configuration" true;
    /// "View Real-Time Event Monitoring Data".
    view_real_time_events "ViewDataLeakageEvents" "View Real-Time Event Monitoring Data" false;
    /// "View Login Forensics Events".
    view_login_forensics "ViewPlatformEvents" "View Login Forensics Events" false;
    /// "View Threat Detection Events".
    view_threat_detection "ViewAnomalyEvents" "View Threat Detection Events" false;
    /// "Monitor Login History".
    monitor_login_history "MonitorLoginHistory" "Monitor Login History" false;
    /// "Manage Users".
    manage_users "ManageUsers" "Manage Users" false;
    /// "Manage Internal Users".
    manage_internal_users "ManageInternalUsers" "Manage Internal Users" false;
    /// "View All Users".
    view_all_users "ViewAllUsers" "View All Users" false;
    /// "View Roles and Role Hierarchy".
    view_roles "ViewRoles" "View Roles and Role Hierarchy" false;
    /// "View All Profiles".
    view_all_profiles "ViewAllProfiles" "View All Profiles" false;
    /// "Customize Application".
    customize_application "CustomizeApplication" "Customize Application" false;
    /// "View All Data".
    view_all_data "ViewAllData" "View All Data" false;
    /// "Password Never Expires".
    password_never_expires "PasswordNeverExpires" "Password Never Expires" true;
    /// "Multi-Factor Authentication for API Logins": a code takes the place of the security token.
    two_factor_api "TwoFactorApi" "Multi-Factor Authentication for API Logins" false;
    /// "Approve Uninstalled Connected Apps".
    approve_uninstalled_apps "CanApproveUninstalledApps" "Approve Uninstalled Connected Apps" false;
    /// "Manage Connected Apps".
    manage_connected_apps "ManageRemoteAccess" "Manage Connected Apps" false;
    /// "Create, edit and delete External Client Apps".
    external_client_app_admin "ExternalClientAppAdmin" "External Client App Admin" false;
    /// "Develop External Client Apps".
    external_client_app_developer "ExternalClientAppDeveloper" "External Client App Developer" false;
    /// "View External Client Apps".
    external_client_app_viewer "ExternalClientAppViewer" "External Client App Viewer" false;
    /// "View External Client Apps Consumer Secrets in Metadata".
    view_client_secret "ViewClientSecret" "View External Client Apps Consumer Secrets in Metadata" false;
    /// "Modify Metadata Through Metadata API Functions".
    modify_metadata "ModifyMetadata" "Modify Metadata Through Metadata API Functions" false;
}
