//! What is counted of which event type: the one table that says so.
//!
//! All types, those not in it too, are counted by row, and together by user where they have one.
//! Columns an org does not write are passed over.

use orgtap_ledger::USER;

/// By page.
pub const PAGE: &str = "page";
/// By application of the org.
pub const APP: &str = "app";
/// By program that calls from outside: connected app or client.
pub const CLIENT: &str = "client";
/// By object.
pub const ENTITY: &str = "entity";
/// By version of the API.
pub const VERSION: &str = "version";
/// By report.
pub const REPORT: &str = "report";
/// By status of a sign-in.
pub const STATUS: &str = "status";
/// By address.
pub const ADDRESS: &str = "address";
/// Failures only, by address.
pub const ADDRESS_FAILED: &str = "address_failed";
/// By country.
pub const COUNTRY: &str = "country";
/// By country as a local database has it for the address.
pub const COUNTRY_FOUND: &str = "country_found";
/// By network as a local database has it for the address.
pub const NETWORK: &str = "network";
/// Failures only, by such a network.
pub const NETWORK_FAILED: &str = "network_failed";
/// By user agent.
pub const AGENT: &str = "agent";
/// By where Apex was entered.
pub const ENTRY_POINT: &str = "entry_point";
/// By kind of exception or error.
pub const EXCEPTION: &str = "exception";
/// By who acted as whom.
pub const WHO_AS_WHOM: &str = "who_as_whom";
/// By kind of change.
pub const CHANGE: &str = "change";

/// Between the parts of a name that is made of several columns.
pub const BETWEEN: char = '\u{1f}';

/// Columns of which the first that has a value counts.
pub type FirstOf = &'static [&'static str];

/// How a value becomes a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// As it is.
    Plain,
    /// A user's id: its first 15 characters.
    User,
    /// A path: without query, and with `*` for ids.
    Path,
}

/// Counted by one or several columns.
#[derive(Debug, Clone, Copy)]
pub struct By {
    /// What it is called.
    pub dimension: &'static str,
    /// Each part of the name. A row with a blank part is not counted here.
    pub parts: &'static [(FirstOf, Shape)],
    /// Only rows whose column has such a value.
    pub only: Option<(&'static str, Values)>,
}

/// Which values of a column.
#[derive(Debug, Clone, Copy)]
pub enum Values {
    /// These.
    Of(&'static [&'static str]),
    /// All but this.
    But(&'static str),
}

impl Values {
    /// Whether a value is one of them.
    pub(crate) fn have(self, value: &[u8]) -> bool {
        match self {
            Self::Of(values) => values.iter().any(|one| one.as_bytes() == value),
            Self::But(other) => other.as_bytes() != value,
        }
    }
}

/// A row worth a line of its own.
#[derive(Debug, Clone, Copy)]
pub struct Noted {
    /// The user whose line it is.
    pub user: FirstOf,
    /// What happened.
    pub what: FirstOf,
    /// More about it, as far as it is there.
    pub detail: &'static [&'static str],
}

/// What is counted of an event type.
#[derive(Debug, Clone, Copy)]
pub struct Measure {
    /// The event type.
    pub event_type: &'static str,
    /// How many records or report rows.
    pub rows: FirstOf,
    /// How many bytes.
    pub bytes: FirstOf,
    /// Bytes in one of the unit that `bytes` is in.
    pub bytes_in: i64,
    /// How long, milliseconds.
    pub millis: FirstOf,
    /// Counted by, for each hour, or by [`USER`] for each day.
    pub by: &'static [By],
    /// Whether users are compared by how much they do of it: then it is counted by [`USER`] for
    /// each day. Where only some rows are meant, that is in `by`.
    pub volume: bool,
    /// What users are seen with: the kind, and its column.
    pub traits: &'static [(&'static str, FirstOf)],
    /// Lines each row is worth.
    pub noted: &'static [Noted],
    /// What the user signs in as.
    pub user_name: Option<(FirstOf, &'static str)>,
}

const fn by(dimension: &'static str, parts: &'static [(FirstOf, Shape)]) -> By {
    By { dimension, parts, only: None }
}

const NOTHING: Measure = Measure {
    event_type: "",
    rows: &[],
    bytes: &[],
    bytes_in: 1,
    millis: &[],
    by: &[],
    volume: false,
    traits: &[],
    noted: &[],
    user_name: None,
};

/// The user's id.
pub const USER_ID: FirstOf = &["USER_ID", "USER_ID_DERIVED"];
/// Of a user who acts as another.
const DELEGATED: FirstOf = &["DELEGATED_USER_ID", "DELEGATED_USER_ID_DERIVED"];
/// Where a row came from.
pub const FROM: FirstOf = &["CLIENT_IP", "SOURCE_IP"];
/// Where a sign-in came from: of one with a token the client is the platform itself.
const SIGN_IN_FROM: FirstOf = &["SOURCE_IP", "CLIENT_IP"];
/// The status of a sign-in that succeeded.
pub const SUCCESS: &str = "LOGIN_NO_ERROR";

/// Transfers of content that take it out: not what is stored, nor what is looked at.
const DOWNLOADS: Values = Values::Of(&["VersionDownloadAction", "VersionDownloadApi"]);

/// Every type of which more is counted than rows.
pub const MEASURES: &[Measure] = &[
    Measure {
        event_type: "Login",
        by: &[
            by(STATUS, &[(&["LOGIN_STATUS"], Shape::Plain)]),
            by(ADDRESS, &[(SIGN_IN_FROM, Shape::Plain)]),
            By {
                dimension: ADDRESS_FAILED,
                parts: &[(SIGN_IN_FROM, Shape::Plain)],
                only: Some(("LOGIN_STATUS", Values::But(SUCCESS))),
            },
            by(COUNTRY, &[(&["COUNTRY_CODE"], Shape::Plain)]),
            by(AGENT, &[(&["BROWSER_TYPE"], Shape::Plain)]),
        ],
        traits: &[(ADDRESS, SIGN_IN_FROM), (AGENT, &["BROWSER_TYPE"])],
        noted: &[Noted {
            user: USER_ID,
            what: &["LOGIN_STATUS"],
            detail: &["LOGIN_TYPE", "LOGIN_SUB_TYPE", "BROWSER_TYPE"],
        }],
        user_name: Some((USER_ID, "USER_NAME")),
        ..NOTHING
    },
    Measure {
        event_type: "LoginAs",
        by: &[by(WHO_AS_WHOM, &[(DELEGATED, Shape::User), (USER_ID, Shape::User)])],
        noted: &[
            Noted {
                user: USER_ID,
                what: &["DELEGATED_USER_NAME", "DELEGATED_USER_ID"],
                detail: &[],
            },
            Noted { user: DELEGATED, what: USER_ID, detail: &[] },
        ],
        user_name: Some((&["DELEGATED_USER_ID"], "DELEGATED_USER_NAME")),
        ..NOTHING
    },
    Measure {
        event_type: "LightningPageView",
        millis: &["EFFECTIVE_PAGE_TIME"],
        by: &[
            by(PAGE, &[(&["PAGE_URL"], Shape::Path)]),
            by(APP, &[(&["PAGE_APP_NAME", "APP_NAME"], Shape::Plain)]),
        ],
        ..NOTHING
    },
    Measure {
        event_type: "URI",
        millis: &["RUN_TIME"],
        by: &[by(PAGE, &[(&["URI"], Shape::Path)])],
        ..NOTHING
    },
    Measure {
        event_type: "VisualforceRequest",
        bytes: &["RESPONSE_SIZE"],
        millis: &["RUN_TIME"],
        by: &[by(PAGE, &[(&["PAGE_NAME"], Shape::Plain)])],
        ..NOTHING
    },
    Measure {
        event_type: "Report",
        rows: &["ROW_COUNT"],
        millis: &["RUN_TIME"],
        by: &[
            by(REPORT, &[(&["REPORT_ID", "REPORT_ID_DERIVED"], Shape::User)]),
            by(ENTITY, &[(&["ENTITY_NAME"], Shape::Plain)]),
        ],
        ..NOTHING
    },
    Measure {
        event_type: "AsyncReportRun",
        rows: &["ROW_COUNT"],
        millis: &["RUN_TIME"],
        by: &[by(REPORT, &[(&["REPORT_ID", "REPORT_ID_DERIVED"], Shape::User)])],
        ..NOTHING
    },
    Measure {
        event_type: "ReportExport",
        volume: true,
        by: &[by(REPORT, &[(&["URI_ID_DERIVED", "URI"], Shape::User)])],
        noted: &[Noted {
            user: USER_ID,
            what: &["EVENT_TYPE"],
            detail: &["REPORT_DESCRIPTION", "URI", "CLIENT_INFO"],
        }],
        ..NOTHING
    },
    Measure {
        event_type: "WaveDownload",
        volume: true,
        rows: &["NUMBER_OF_RECORDS"],
        noted: &[Noted {
            user: USER_ID,
            what: &["DOWNLOAD_FORMAT"],
            detail: &["ASSET_TYPE", "ASSET_ID"],
        }],
        ..NOTHING
    },
    Measure {
        event_type: "ContentTransfer",
        bytes: &["SIZE_BYTES"],
        by: &[
            by(CHANGE, &[(&["TRANSACTION_TYPE"], Shape::Plain)]),
            By { only: Some(("TRANSACTION_TYPE", DOWNLOADS)), ..BY_USER },
        ],
        ..NOTHING
    },
    Measure { event_type: "DocumentAttachmentDownloads", volume: true, ..NOTHING },
    Measure {
        event_type: "API",
        volume: true,
        rows: &["ROWS_PROCESSED"],
        bytes: &["RESPONSE_SIZE"],
        millis: &["RUN_TIME"],
        by: &[
            by(CLIENT, &[(&["CLIENT_NAME"], Shape::Plain)]),
            by(ENTITY, &[(&["ENTITY_NAME"], Shape::Plain)]),
            by(VERSION, &[(&["API_VERSION"], Shape::Plain)]),
        ],
        traits: &[(CLIENT, &["CLIENT_NAME"])],
        ..NOTHING
    },
    Measure {
        event_type: "RestApi",
        volume: true,
        rows: &["ROWS_PROCESSED"],
        bytes: &["RESPONSE_SIZE"],
        millis: &["RUN_TIME"],
        by: &[
            by(CLIENT, &[(&["CLIENT_NAME", "CONNECTED_APP_ID"], Shape::Plain)]),
            by(ENTITY, &[(&["ENTITY_NAME"], Shape::Plain)]),
            by(AGENT, &[(&["USER_AGENT"], Shape::Plain)]),
        ],
        traits: &[(CLIENT, &["CLIENT_NAME", "CONNECTED_APP_ID"]), (AGENT, &["USER_AGENT"])],
        ..NOTHING
    },
    Measure {
        event_type: "ApiTotalUsage",
        by: &[
            by(
                CLIENT,
                &[(&["CONNECTED_APP_NAME", "CLIENT_NAME", "CONNECTED_APP_ID"], Shape::Plain)],
            ),
            by(ENTITY, &[(&["ENTITY_NAME"], Shape::Plain)]),
            by(VERSION, &[(&["API_VERSION"], Shape::Plain)]),
        ],
        traits: &[(CLIENT, &["CONNECTED_APP_NAME", "CLIENT_NAME", "CONNECTED_APP_ID"])],
        user_name: Some((USER_ID, "USER_NAME")),
        ..NOTHING
    },
    Measure {
        event_type: "BulkApi",
        volume: true,
        rows: &["ROWS_PROCESSED"],
        millis: &["RUN_TIME"],
        by: &[by(ENTITY, &[(&["ENTITY_TYPE"], Shape::Plain)])],
        ..NOTHING
    },
    Measure {
        event_type: "BulkApi2",
        volume: true,
        rows: &["RECORDS_PROCESSED"],
        bytes: &["RESULT_SIZE_MB"],
        bytes_in: 1_000_000,
        millis: &["RUN_TIME"],
        by: &[by(ENTITY, &[(&["ENTITY_TYPE"], Shape::Plain)])],
        ..NOTHING
    },
    Measure {
        event_type: "ApexExecution",
        millis: &["EXEC_TIME", "RUN_TIME"],
        by: &[by(ENTRY_POINT, &[(&["ENTRY_POINT"], Shape::Plain)])],
        ..NOTHING
    },
    Measure {
        event_type: "ApexTrigger",
        millis: &["EXEC_TIME", "RUN_TIME"],
        by: &[by(ENTRY_POINT, &[(&["TRIGGER_NAME"], Shape::Plain)])],
        ..NOTHING
    },
    Measure {
        event_type: "ApexUnexpectedException",
        by: &[by(EXCEPTION, &[(&["EXCEPTION_TYPE"], Shape::Plain)])],
        ..NOTHING
    },
    Measure {
        event_type: "LightningError",
        by: &[by(EXCEPTION, &[(&["UI_EVENT_TYPE", "COMPONENT_NAME"], Shape::Plain)])],
        ..NOTHING
    },
    Measure {
        event_type: "PermissionUpdate",
        by: &[by(CHANGE, &[(&["UPDATE_TYPE", "PERMISSION_TYPE"], Shape::Plain)])],
        noted: &[Noted {
            user: USER_ID,
            what: &["UPDATE_TYPE"],
            detail: &["PERMISSION_TYPE", "DESCRIPTION"],
        }],
        ..NOTHING
    },
    Measure {
        event_type: "GroupMembership",
        by: &[by(CHANGE, &[(&["OPERATION"], Shape::Plain)])],
        noted: &[Noted {
            user: USER_ID,
            what: &["OPERATION"],
            detail: &["GROUP_TYPE", "GROUP_ID", "MEMBER_ID"],
        }],
        ..NOTHING
    },
    Measure {
        event_type: "PackageInstall",
        by: &[by(CHANGE, &[(&["OPERATION_TYPE"], Shape::Plain)])],
        noted: &[Noted {
            user: USER_ID,
            what: &["OPERATION_TYPE"],
            detail: &["PACKAGE_NAME", "FAILURE_TYPE"],
        }],
        ..NOTHING
    },
    Measure {
        event_type: "ChangeSetOperation",
        by: &[by(CHANGE, &[(&["OPERATION"], Shape::Plain)])],
        noted: &[Noted { user: USER_ID, what: &["OPERATION"], detail: &["CHANGE_SET_NAME"] }],
        ..NOTHING
    },
    Measure {
        event_type: "MetadataApiOperation",
        by: &[by(CHANGE, &[(&["OPERATION"], Shape::Plain)])],
        noted: &[Noted { user: USER_ID, what: &["OPERATION"], detail: &["API_VERSION"] }],
        ..NOTHING
    },
    Measure {
        event_type: "Sandbox",
        by: &[by(CHANGE, &[(&["STATUS"], Shape::Plain)])],
        noted: &[Noted { user: USER_ID, what: &["STATUS"], detail: &["SANDBOX_ID"] }],
        ..NOTHING
    },
];

/// What all types are counted by together.
pub(crate) const BY_USER: By = by(USER, &[(USER_ID, Shape::User)]);

/// What is counted of an event type.
pub fn of(event_type: &str) -> &'static Measure {
    let known = orgtap_events::catalogue::find(event_type).map(|known| known.name.as_str());
    let name = known.unwrap_or(event_type);
    MEASURES.iter().find(|measure| measure.event_type == name).unwrap_or(&NOTHING)
}
