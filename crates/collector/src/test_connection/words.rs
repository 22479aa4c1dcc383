//! DNIF's words for what went wrong: people who come from there look for them.
//!
//! They name the stage and the kind of failure and no more; message, cause, remedy and code of our
//! own stand beside them.

use orgtap_destinations::Kind as DestinationKind;
use orgtap_salesforce::ErrorKind as OrgKind;
use orgtap_transport::Problem;

use super::TestStage;
use crate::config::FaultKind;
use crate::error::{Error, UnitFault};

/// What DNIF's connector validation would say.
pub(super) fn message(stage: TestStage, error: &Error) -> String {
    match error {
        Error::Config(faults) => match faults.faults().first().map(|fault| fault.kind) {
            Some(FaultKind::Secret) => "Credentials error".to_owned(),
            _ => "Configuration Error".to_owned(),
        },
        Error::Org(error) => org(stage, error),
        Error::Destination(error) => match error.kind() {
            DestinationKind::Configuration | DestinationKind::Secret => {
                "Configuration Error".to_owned()
            }
            DestinationKind::Unreachable | DestinationKind::Broken | DestinationKind::Untrusted => {
                "Unable to connect".to_owned()
            }
            _ => "Request Failed".to_owned(),
        },
        Error::Unit(UnitFault::Foreign(_)) => "File Type not supported".to_owned(),
        Error::Unit(_) => "Log reading error".to_owned(),
        _ => "Unknown Error".to_owned(),
    }
}

fn org(stage: TestStage, error: &orgtap_salesforce::Error) -> String {
    if *error.kind() == OrgKind::Settings {
        let credentials = ["key", "secret", "password", "token", "user"];
        let about_them = credentials.iter().any(|word| error.detail().contains(word));
        let said = if about_them { "Credentials error" } else { "Configuration Error" };
        return said.to_owned();
    }
    if *error.kind() == OrgKind::OtherOrg {
        return "Configuration Error".to_owned();
    }
    let late = matches!(
        error.kind(),
        OrgKind::Unreachable(orgtap_salesforce::Unreachable::Timeout) | OrgKind::QueryTimeout
    );
    if late && stage == TestStage::Validation {
        return "Request Timeout".to_owned();
    }
    if matches!(error.kind(), OrgKind::Unreachable(_)) {
        return "Unable to connect".to_owned();
    }
    if let Some(status) = error.http_status().filter(|status| *status != 200) {
        let said = error.detail().trim_start_matches("HTTP ");
        let reason = said.trim_start_matches(|c: char| c.is_ascii_digit()).trim();
        let reason = if reason.is_empty() { "none given" } else { reason };
        return format!("Request Failed \u{2013} response code: {status}, reason: {reason}");
    }
    match stage {
        TestStage::FetchLogs => "Log listing error",
        TestStage::Validation if *error.kind() == OrgKind::BadEncoding => "File Type not supported",
        TestStage::Validation => "Log reading error",
        _ => "Request Failed",
    }
    .to_owned()
}

/// Whether Orgtap tries again by itself after a failure, for a person.
pub fn tries_again(problem: &Problem) -> &'static str {
    match problem.disposition.as_str() {
        "retry" => "yes, by itself, waiting longer each time",
        "refresh_credentials" => "yes, after one sign-in",
        "reject" => "no: this one is set aside, and the others go on",
        _ if problem.code.starts_with("OT-AUTH-") => {
            "no: not until the credentials change or Test Connection succeeds"
        }
        "bug" => "every 15 minutes; it needs an update of Orgtap",
        _ if problem.code.starts_with("OT-ORG-") => {
            "every 15 minutes, to see whether it was put right"
        }
        _ => "no, not until it is put right",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_that_is_no_log_is_a_file_type_and_others_cannot_be_read() {
        let foreign = Error::Unit(UnitFault::Foreign("<html>".into()));
        assert_eq!(message(TestStage::Validation, &foreign), "File Type not supported");
        let damaged = Error::Unit(UnitFault::Damaged("x".into()));
        assert_eq!(message(TestStage::Validation, &damaged), "Log reading error");
        let worker = Error::Worker("x".into());
        assert_eq!(message(TestStage::Validation, &worker), "Unknown Error");
    }
}
