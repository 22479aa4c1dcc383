//! How much of each event type there is, and who causes it.

/// Who causes the events of a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// People.
    People,
    /// Programs.
    Programs,
    /// People and programs.
    Both,
    /// Administrators.
    Admins,
    /// Visitors who are not signed in.
    Guests,
    /// The platform itself.
    Platform,
    /// Sign-ins, good and bad.
    SignIns,
    /// Ends of sessions.
    SignOuts,
}

/// Rows on a working day of forty people, and who causes them; the types not named here have
/// [`OTHERS`].
const TRAFFIC: [(&str, f64, Cause); 76] = [
    ("AuraRequest", 680.0, Cause::People),
    ("URI", 470.0, Cause::People),
    ("LightningInteraction", 390.0, Cause::People),
    ("LightningPageView", 320.0, Cause::People),
    ("LightningPerformance", 180.0, Cause::People),
    ("UITelemetryResourceTiming", 170.0, Cause::People),
    ("UITelemetryNavigationTiming", 45.0, Cause::People),
    ("LightningError", 14.0, Cause::People),
    ("LightningLogger", 9.0, Cause::People),
    ("ApiTotalUsage", 350.0, Cause::Programs),
    ("RestApi", 320.0, Cause::Programs),
    ("API", 120.0, Cause::Programs),
    ("ApexExecution", 320.0, Cause::Both),
    ("ApexTrigger", 140.0, Cause::Both),
    ("DatabaseSave", 70.0, Cause::Both),
    ("UniqueQuery", 45.0, Cause::Both),
    ("ApexCallout", 45.0, Cause::Both),
    ("QueuedExecution", 45.0, Cause::Both),
    ("FlowExecution", 90.0, Cause::Both),
    ("InvocableAction", 22.0, Cause::Both),
    ("NamedCredential", 19.0, Cause::Both),
    ("PlatformEncryption", 11.0, Cause::Platform),
    ("ApexUnexpectedException", 4.0, Cause::Platform),
    ("ApexRestApi", 22.0, Cause::Programs),
    ("ApexSoap", 5.0, Cause::Programs),
    ("BulkApi", 14.0, Cause::Programs),
    ("BulkApi2", 9.0, Cause::Programs),
    ("BulkApiRequest", 18.0, Cause::Programs),
    ("CompositeApi", 22.0, Cause::Programs),
    ("CompositeApiSubrequest", 70.0, Cause::Programs),
    ("MetadataApiOperation", 3.0, Cause::Admins),
    ("ConcurrentLongRunningApexLimit", 0.2, Cause::Both),
    ("ContinuationCalloutSummary", 2.0, Cause::People),
    ("ExternalCrossOrgCallout", 4.0, Cause::People),
    ("ExternalCustomApexCallout", 4.0, Cause::People),
    ("ExternalDataSourceCallout", 2.5, Cause::People),
    ("ExternalODataCallout", 6.0, Cause::People),
    ("Report", 45.0, Cause::People),
    ("AsyncReportRun", 6.0, Cause::People),
    ("ReportExport", 4.0, Cause::People),
    ("MultiBlockReport", 1.0, Cause::People),
    ("Dashboard", 19.0, Cause::People),
    ("Search", 52.0, Cause::People),
    ("SearchClick", 26.0, Cause::People),
    ("KnowledgeArticleView", 14.0, Cause::People),
    ("ContentTransfer", 30.0, Cause::People),
    ("ContentDocumentLink", 15.0, Cause::People),
    ("ContentDistribution", 0.8, Cause::People),
    ("DocumentAttachmentDownloads", 8.0, Cause::People),
    ("Attachment", 2.0, Cause::People),
    ("VisualforceRequest", 52.0, Cause::People),
    ("Console", 11.0, Cause::People),
    ("OneCommerceUsage", 9.0, Cause::Both),
    ("Pricing", 6.0, Cause::Both),
    ("TransactionSecurity", 3.0, Cause::Both),
    ("InsufficientAccess", 4.0, Cause::People),
    ("WaveInteraction", 11.0, Cause::People),
    ("WavePerformance", 11.0, Cause::People),
    ("WaveChange", 3.0, Cause::People),
    ("WaveDownload", 1.5, Cause::People),
    ("Sites", 34.0, Cause::Guests),
    ("CorsViolation", 1.5, Cause::Guests),
    ("CspViolation", 3.0, Cause::Guests),
    ("BlockedRedirect", 0.4, Cause::Guests),
    ("HostnameRedirects", 0.8, Cause::Guests),
    ("InsecureExternalAssets", 1.5, Cause::People),
    ("TimeBasedWorkflow", 6.0, Cause::Platform),
    ("PermissionUpdate", 1.1, Cause::Admins),
    ("GroupMembership", 0.5, Cause::Admins),
    ("PackageInstall", 0.15, Cause::Admins),
    ("ChangeSetOperation", 0.2, Cause::Admins),
    ("Sandbox", 0.08, Cause::Admins),
    ("LoginAs", 0.3, Cause::Admins),
    ("SalesforceLoginAs", 0.1, Cause::Platform),
    // Counted by sessions and attempts, not by rate.
    ("Login", 0.0, Cause::SignIns),
    ("Logout", 0.0, Cause::SignOuts),
];

/// What every other type has.
const OTHERS: (f64, Cause) = (12.0, Cause::Both);

/// Rate and cause of a type.
pub(super) fn of(event_type: &str) -> (f64, Cause) {
    TRAFFIC
        .iter()
        .find(|(name, ..)| *name == event_type)
        .map_or(OTHERS, |(_, rate, cause)| (*rate, *cause))
}

impl Cause {
    /// How much of it is left on a Saturday or Sunday.
    pub(super) fn at_weekends(self) -> f64 {
        match self {
            Self::People | Self::Admins => 0.12,
            Self::Both => 0.4,
            _ => 0.75,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::catalogue;

    #[test]
    fn every_type_of_the_catalogue_has_a_rate() {
        for each in catalogue::known() {
            assert!(TRAFFIC.iter().any(|(name, ..)| *name == each.name), "{}", each.name);
        }
        assert_eq!(catalogue::known().len(), TRAFFIC.len());
    }
}
