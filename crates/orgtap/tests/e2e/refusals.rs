//! The refusal table: each way in which Salesforce says no is forced on the simulated org, and
//! held against what Test Connection must say and what Orgtap must then do.

use std::sync::Arc;

use orgtap_collector::{Collected, Collector, Progress, TestReport, config};
use orgtap_simorg::{Fault, LoginRefusal, RestRefusal};
use tokio_util::sync::CancellationToken;

use crate::support::{Scene, world};

/// What a refusal must lead to: stage, code, disposition.
type Expected = (&'static str, &'static str, &'static str);

const AUTH: &str = "Authentication";
const FETCH: &str = "Fetch Logs";

/// Written from Salesforce's own pages, independently of the product's table.
fn of_login(refusal: LoginRefusal) -> Expected {
    use LoginRefusal as R;
    let code = match refusal {
        R::AuthenticationFailure | R::InvalidUserCredentials | R::MustUseSecurityToken => "01",
        R::InactiveUser | R::UserIsInactive => "02",
        R::IpRestricted | R::IpRestrictedCapital => "03",
        R::ClientIdentifierInvalid | R::ClientUnknown => "04",
        R::InvalidClientCredentials | R::ClientSecretInvalid => "05",
        R::AppNotInstalled | R::AppNotFound => "06",
        R::NotAdminApproved | R::AppAccessDenied | R::NotApproved => "07",
        R::AppBlocked => "08",
        R::ApprovalError => "09",
        R::UnsupportedGrant => "10",
        R::InactiveOrg => "11",
        R::RateExceeded | R::GrantRateExceeded => "12",
        R::UnknownError | R::WrongDomain => "13",
        R::MustUseHttps => "14",
        R::MustUsePost | R::MissingParameter => "15",
        R::ActivationSecret => "16",
        R::InvalidAssertion => "20",
        R::ExpiredToken => "21",
        R::ExpiredCode => "22",
        R::AudienceInvalid | R::AudienceInvalidNamed | R::AudienceFailed => "23",
        R::NoClientCredentialsUser => "24",
        R::UnsupportedResponseType
        | R::RedirectMissing
        | R::RedirectMismatch
        | R::ImmediateUnsuccessful
        | R::AccessDenied
        | R::InvalidScope => "25",
    };
    let disposition = match code {
        "12" => "retry",
        "15" => "bug",
        _ => "pause",
    };
    (AUTH, code, disposition)
}

fn of_rest(refusal: RestRefusal) -> Expected {
    use RestRefusal as R;
    let code = match refusal {
        R::InvalidSession | R::InvalidAuthHeader | R::InvalidJwtFormat | R::BadOAuthToken => "31",
        R::RequestLimitExceeded => "40",
        R::ConcurrentLimitExceeded
        | R::ConcurrentLimitExceeded429
        | R::ServerUnavailable
        | R::QueryTimeout
        | R::QueryTimeout500 => "22",
        R::ApiDisabledForOrg
        | R::ApiDisabledForUser
        | R::ApiCurrentlyDisabled
        | R::ApiCurrentlyDisabled400
        | R::ApiCurrentlyDisabled401 => "33",
        R::InvalidField => "42",
        R::InvalidType
        | R::NotFound
        | R::InsufficientAccess
        | R::InsufficientAccess400
        | R::InsufficientAccessOrReadonly
        | R::InsufficientAccessOrReadonly403 => "32",
        R::MalformedQuery | R::MalformedId | R::InvalidFilterOperator | R::Html414 | R::Html431 => {
            "44"
        }
        R::InvalidLocator => "43",
        R::QueryTooComplicated | R::ExceededIdLimit => "41",
        R::TxnSecurity => "35",
        R::FunctionalityNotEnabled | R::FunctionalityNotEnabled403 => "36",
        R::UnsupportedVersion | R::UnsupportedVersion400 | R::RetiredVersion => "46",
        R::ExpiredPassword401
        | R::ExpiredPassword403
        | R::PasswordLockout401
        | R::PasswordLockout403
        | R::RestrictedDomain401
        | R::RestrictedDomain403
        | R::RestrictedTime401
        | R::RestrictedTime403
        | R::OrgLocked401
        | R::OrgLocked403
        | R::TrialExpired401
        | R::TrialExpired403 => "34",
        R::BigObjectUnsupported => "37",
        R::UnknownException | R::CdnHtml503 | R::Html502 | R::Empty503 => "21",
        R::Html200 | R::Html420 => "20",
    };
    let disposition = match code {
        "20" | "21" | "22" | "37" | "40" | "41" | "43" => "retry",
        "44" => "bug",
        _ => "pause",
    };
    (FETCH, code, disposition)
}

fn scene() -> Scene {
    let scene = Scene::new(world(11, 1, 0.1));
    scene.configure_files("auto");
    // In-process runs have no environment of their own.
    let login = scene.org.credentials();
    let text = std::fs::read_to_string(scene.path("orgtap.yaml")).unwrap();
    let text = text
        .replace("{ env: ACME_PASSWORD }", &format!("{:?}", login.password))
        .replace("{ env: ACME_KEY }", &format!("{:?}", login.consumer_key))
        .replace("{ env: ACME_SECRET }", &format!("{:?}", login.consumer_secret))
        .replace("{ env: ACME_TOKEN }", &format!("{:?}", login.security_token));
    std::fs::write(scene.path("orgtap.yaml"), text).unwrap();
    scene
}

async fn test(scene: &Scene) -> TestReport {
    let settings = config::load(scene.path("orgtap.yaml")).unwrap();
    let connector = settings.connectors[0].clone();
    orgtap_collector::test_connection(&settings, &connector, |_| {}).await.unwrap()
}

async fn collect(scene: &Scene) -> Collected {
    let settings = config::load(scene.path("orgtap.yaml")).unwrap();
    let connector = settings.connectors[0].clone();
    let collector = Collector::open(settings).await.unwrap();
    let progress = Arc::new(Progress::new(&connector.destinations));
    collector.collect(&connector, &progress, &CancellationToken::new()).await.unwrap()
}

/// From here the collector knows nothing of earlier turns: it has a data folder of its
/// own. The old one is left alone, as a ledger just let go of may still be closing in it.
fn forget(scene: &Scene, turn: &str) {
    let path = scene.path("orgtap.yaml");
    let config = std::fs::read_to_string(&path).unwrap();
    let (first, rest) = config.split_once('\n').unwrap();
    assert!(first.starts_with("data_dir: "), "{first}");
    std::fs::write(&path, format!("data_dir: data-{turn}\n{rest}")).unwrap();
}

fn assert_said(report: &TestReport, (stage, code, disposition): Expected, name: &str) {
    let area = if stage == AUTH { "OT-AUTH" } else { "OT-ORG" };
    assert!(!report.successful, "{name}");
    let problem = report.problem().unwrap();
    assert_eq!(problem.code, format!("{area}-{code}"), "{name}: {}", report.message);
    assert_eq!(problem.disposition, disposition, "{name}");
    assert_eq!(report.stages.last().unwrap().stage.name(), stage, "{name}");
    assert!(report.message.starts_with(&format!("{stage} Stage: ")), "{}", report.message);
    for text in [&problem.message, &problem.cause, &problem.remedy] {
        assert!(!text.is_empty(), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_refusal_of_the_token_endpoint_is_named_and_none_is_repeated() {
    let scene = tokio::task::spawn_blocking(scene).await.unwrap();
    for refusal in LoginRefusal::ALL {
        let name = refusal.name();
        scene.org.faults().always(Fault::Login(*refusal));
        forget(&scene, name);
        let before = scene.org.login_history().len();
        let report = test(&scene).await;
        assert_said(&report, of_login(*refusal), name);
        let reason = format!("reason: {} ({}", refusal.error(), refusal.description());
        let reason: String = reason.chars().take(60).collect();
        assert!(report.message.contains("response code: 400"), "{}", report.message);
        assert!(report.message.contains(&reason), "{name}: {}", report.message);

        // What the daemon and a scheduled collect do afterwards: nothing, to the org.
        for _ in 0..2 {
            let collected = collect(&scene).await;
            assert!(!collected.is_complete(), "{name}");
        }
        let attempts = scene.org.login_history().len() - before;
        let most = if of_login(*refusal).2 == "retry" { 3 } else { 1 };
        assert!(attempts <= most, "{name}: {attempts} sign-ins");
        scene.org.faults().clear_all();
    }
    forget(&scene, "without-a-fault");
    assert!(test(&scene).await.successful, "without a fault it works");
    tokio::task::spawn_blocking(move || drop(scene)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_refusal_of_the_data_api_is_named_at_its_stage() {
    let scene = tokio::task::spawn_blocking(scene).await.unwrap();
    for refusal in RestRefusal::ALL {
        scene.org.faults().always(Fault::Rest(*refusal));
        forget(&scene, refusal.name());
        let before = scene.org.login_history().len();
        let report = test(&scene).await;
        assert_said(&report, of_rest(*refusal), refusal.name());
        let attempts = scene.org.login_history().len() - before;
        assert!(attempts <= 2, "{}: one renewal at the most", refusal.name());
        scene.org.faults().clear_all();
    }
    tokio::task::spawn_blocking(move || drop(scene)).await.unwrap();
}
