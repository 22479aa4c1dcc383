//! Settings that are changed over HTTP or on the command line.

use std::time::Duration;

use serde::Deserialize;

use super::permissions::PermissionsPatch;
use super::{App, Flows, OrgSettings, PermittedUsers, UserState};

/// What is to change; what is left out stays.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct SettingsPatch {
    retention_hours: Option<u64>,
    licensed: Option<bool>,
    interval_column: Option<bool>,
    session_lifetime_seconds: Option<u64>,
    most_sessions: Option<usize>,
    trusted_ip: Option<bool>,
    flow_blocked: Option<bool>,
    org_active: Option<bool>,
    sandbox: Option<bool>,
    wrong_login_host: Option<bool>,
    login_host_closed: Option<bool>,
    app: Option<App>,
    flows: Option<Flows>,
    /// An empty text takes the certificate away.
    certificate: Option<String>,
    consumer_secret_required: Option<bool>,
    refresh_rotation: Option<bool>,
    run_as_user: Option<bool>,
    permitted_users: Option<PermittedUsers>,
    pre_authorised: Option<bool>,
    app_blocked: Option<bool>,
    app_installed: Option<bool>,
    uninstalled_apps_restricted: Option<bool>,
    ip_restricted: Option<bool>,
    outside_login_hours: Option<bool>,
    permission_sets: Option<Vec<String>>,
    event_log_generation: Option<bool>,
    user: Option<UserState>,
    permissions: PermissionsPatch,
    // The permissions asked for most can be given without the level between.
    api_enabled: Option<bool>,
    view_event_log_files: Option<bool>,
    view_setup: Option<bool>,
    two_factor_api: Option<bool>,
    daily_api_limit: Option<u64>,
    hourly_login_limit: Option<u64>,
    lockout_after: Option<u64>,
    gzip: Option<bool>,
    batch_size: Option<usize>,
    /// An empty text takes the address away.
    external_url: Option<String>,
}

fn put<T>(value: Option<T>, place: &mut T) {
    if let Some(value) = value {
        *place = value;
    }
}

impl SettingsPatch {
    /// Applies what was given.
    pub(crate) fn apply(self, org: &mut OrgSettings) {
        let hours =
            self.retention_hours.map(|hours| Duration::from_secs(hours.saturating_mul(3600)));
        put(hours, &mut org.retention);
        put(self.licensed, &mut org.licensed);
        put(self.interval_column, &mut org.interval_column);
        put(self.session_lifetime_seconds.map(Duration::from_secs), &mut org.session_lifetime);
        put(self.most_sessions, &mut org.most_sessions);
        put(self.trusted_ip, &mut org.trusted_ip);
        put(self.flow_blocked, &mut org.flow_blocked);
        put(self.org_active, &mut org.org_active);
        put(self.sandbox, &mut org.sandbox);
        put(self.wrong_login_host, &mut org.wrong_login_host);
        put(self.login_host_closed, &mut org.login_host_closed);
        put(self.app, &mut org.app);
        put(self.flows, &mut org.flows);
        let certificate = self.certificate.map(|pem| (!pem.is_empty()).then_some(pem));
        put(certificate, &mut org.certificate);
        put(self.consumer_secret_required, &mut org.consumer_secret_required);
        put(self.refresh_rotation, &mut org.refresh_rotation);
        put(self.run_as_user, &mut org.run_as_user);
        put(self.permitted_users, &mut org.permitted_users);
        put(self.pre_authorised, &mut org.pre_authorised);
        put(self.app_blocked, &mut org.app_blocked);
        put(self.app_installed, &mut org.app_installed);
        put(self.uninstalled_apps_restricted, &mut org.uninstalled_apps_restricted);
        put(self.ip_restricted, &mut org.ip_restricted);
        put(self.outside_login_hours, &mut org.outside_login_hours);
        put(self.permission_sets, &mut org.permission_sets);
        put(self.event_log_generation, &mut org.event_log_generation);
        put(self.user, &mut org.user);
        self.permissions.apply(&mut org.permissions);
        put(self.api_enabled, &mut org.permissions.api_enabled);
        put(self.view_event_log_files, &mut org.permissions.view_event_log_files);
        put(self.view_setup, &mut org.permissions.view_setup);
        put(self.two_factor_api, &mut org.permissions.two_factor_api);
        put(self.daily_api_limit, &mut org.daily_api_limit);
        put(self.hourly_login_limit, &mut org.hourly_login_limit);
        put(self.lockout_after, &mut org.lockout_after);
        put(self.gzip, &mut org.gzip);
        put(self.batch_size, &mut org.batch_size);
        let external_url = self.external_url.map(|url| (!url.is_empty()).then_some(url));
        put(external_url, &mut org.external_url);
    }
}
