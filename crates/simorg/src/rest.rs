//! The data API: versions, resources, describe, query, records, downloads, limits.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderName, Method};
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::config::UserState;
use crate::describe;
use crate::faults::Fault;
use crate::org::{LogFiles, Org, find_file};
use crate::query::{self, Asked, major};
use crate::records::{self, Record};
use crate::reply::{ApiError, Reply};
use crate::request::Request;
use crate::soql::{Cell, Table};
use crate::stats::Call;

/// Oldest version whose retirement the org still answers for by name.
const FIRST_RETIRED: u32 = 7;

/// What kind of call a path under a version is.
pub(crate) fn classify(rest: &[&str]) -> Call {
    match rest {
        [] | ["sobjects"] => Call::Resources,
        ["sobjects", _] | ["sobjects", _, "describe"] => Call::Describe,
        ["sobjects", _, _] => Call::Retrieve,
        ["sobjects", _, _, _] => Call::Download,
        ["query" | "queryAll"] => Call::Query,
        ["query" | "queryAll", _] => Call::QueryMore,
        ["limits"] => Call::Limits,
        _ => Call::Other,
    }
}

/// Answers `/services/data/`: the versions. No token needed, nothing counted.
pub(crate) fn versions(org: &Org) -> Reply {
    if let Some(reply) = forced(org, Call::Versions) {
        return reply;
    }
    let settings = org.settings();
    let versions: Vec<Value> = (settings.oldest_version..=settings.newest_version)
        .map(|number| {
            let version = format!("{number}.0");
            json!({
                "label": release(number),
                "url": format!("/services/data/v{version}"),
                "version": version,
            })
        })
        .collect();
    Reply::json(200, &versions)
}

/// The release that brought a version: three a year, v66 in spring 2026.
fn release(version: u32) -> String {
    let spring = 2_004 + version / 3;
    match version % 3 {
        0 => format!("Spring '{:02}", spring % 100),
        1 => format!("Summer '{:02}", spring % 100),
        _ => format!("Winter '{:02}", (spring + 1) % 100),
    }
}

/// Answers `/services/data/{version}/...`.
pub(crate) fn answer(org: &Org, version: &str, rest: &[&str], request: &Request) -> Reply {
    let call = classify(rest);
    if let Some(reply) = edge_fault(org, call).or_else(|| forced(org, call)) {
        return reply;
    }
    let token = match admit(org, version, call, request) {
        Ok(token) => token,
        Err(error) => return error.reply(),
    };
    let (left, used) = org.quota.charge(org.now(), org.settings().daily_api_limit);
    let over =
        |message: &'static str| ApiError::new(403, "REQUEST_LIMIT_EXCEEDED", message).reply();
    let reply = if !left || org.faults.strikes(Fault::Quota, call).is_some() {
        over("TotalRequests Limit exceeded.")
    } else if org.faults.strikes(Fault::Concurrent, call).is_some() {
        over("ConcurrentPerOrgLongTxn Limit exceeded.")
    } else if org.faults.strikes(Fault::Html200, call).is_some() {
        Reply::html(200, "Maintenance", "This instance is being moved. Please come back later.")
    } else {
        let version = version.trim_start_matches('v');
        call_of(org, version, rest, request, token).unwrap_or_else(|error| error.reply())
    };
    let most = org.settings().daily_api_limit;
    let info = format!("api-usage={used}/{most}");
    reply.with(HeaderName::from_static("sforce-limit-info"), &info)
}

/// Failures in front of the org: what the edge, the proxies and the CDN answer.
fn edge_fault(org: &Org, call: Call) -> Option<Reply> {
    let nth = org.faults.strikes(Fault::Burst5xx, call)?;
    let unknown = "An unexpected error occurred. Please include this ErrorId if you contact support: 1234567890-12345 (1234567890)";
    Some(match nth % 6 {
        0 => ApiError::new(503, "SERVER_UNAVAILABLE", "Server too busy").reply(),
        1 => Reply::html(502, "Bad Gateway", "The edge could not reach the instance."),
        2 => ApiError::new(500, "UNKNOWN_EXCEPTION", unknown).reply(),
        3 => Reply::html(503, "Service Unavailable", "The service is not available.")
            .with(http::header::SERVER, "AkamaiNetStorage"),
        4 => Reply::empty(503),
        _ => Reply::html(500, "Internal Server Error", "Something went wrong."),
    })
}

/// The refusal that a fault forces on a call, if one does. The org's own ones tell the calls used.
pub(crate) fn forced(org: &Org, call: Call) -> Option<Reply> {
    let refusal = org.faults.rest_refusal(call)?;
    let reply = Reply::refusal(refusal);
    if refusal.error_code().is_none() || refusal.status() == 401 || call == Call::Versions {
        return Some(reply);
    }
    let used = org.quota.used(org.now());
    let info = format!("api-usage={used}/{}", org.settings().daily_api_limit);
    Some(reply.with(HeaderName::from_static("sforce-limit-info"), &info))
}

/// Whether the call may be made at all; answers the session's token.
fn admit<'a>(
    org: &Org,
    version: &str,
    call: Call,
    request: &'a Request,
) -> Result<&'a str, ApiError> {
    let settings = org.settings();
    check_version(version, settings.oldest_version, settings.newest_version)?;
    let token = request
        .token()
        .map_err(|()| ApiError::new(401, "INVALID_AUTH_HEADER", "INVALID_HEADER_TYPE"))?
        .ok_or_else(ApiError::dead_session)?;
    if org.faults.strikes(Fault::SessionExpires, call).is_some() {
        org.end_session(token);
    }
    if matches!(settings.user, UserState::Frozen | UserState::Inactive) {
        org.end_session(token);
    }
    let life = SignedDuration::try_from(settings.session_lifetime).unwrap_or(SignedDuration::MAX);
    if !org.sessions.touch(token, org.now(), life) {
        org.cursors.drop_of(token);
        return Err(ApiError::dead_session());
    }
    if settings.user == UserState::PasswordExpired {
        let message = "Your password has expired. Please reset your password.";
        return Err(ApiError::new(401, "INVALID_OPERATION_WITH_EXPIRED_PASSWORD", message));
    }
    if !settings.org_active {
        return Err(ApiError::new(403, "ORG_LOCKED", "organization is locked"));
    }
    if !settings.permissions.api_enabled {
        let message = "The REST API is not enabled for this Organization.";
        return Err(ApiError::new(403, "API_DISABLED_FOR_ORG", message));
    }
    Ok(token)
}

/// `v66.0` and nothing like it: not `66.0`, not `v66`.
fn check_version(version: &str, oldest: u32, newest: u32) -> Result<(), ApiError> {
    let number = version.strip_prefix('v').and_then(|rest| rest.strip_suffix(".0"));
    let number =
        number.and_then(|text| text.parse::<u32>().ok()).ok_or_else(ApiError::not_found)?;
    if (FIRST_RETIRED..oldest).contains(&number) {
        return Err(ApiError::new(410, "GONE", "The requested resource is no longer available"));
    }
    if (oldest..=newest).contains(&number) { Ok(()) } else { Err(ApiError::not_found()) }
}

fn call_of(
    org: &Org,
    version: &str,
    rest: &[&str],
    request: &Request,
    token: &str,
) -> Result<Reply, ApiError> {
    if request.method != Method::GET && request.method != Method::HEAD {
        let message = format!("HTTP Method '{}' not allowed. Allowed are GET,HEAD", request.method);
        return Err(ApiError::new(405, "METHOD_NOT_ALLOWED", message));
    }
    let asked = || Asked {
        session: token.to_owned(),
        version: version.to_owned(),
        options: request
            .headers
            .get("sforce-query-options")
            .and_then(|v| v.to_str().ok())
            .map(str::to_owned),
    };
    match rest {
        [] => Ok(resources(org, version)),
        ["sobjects"] => Ok(all_objects(org, version)),
        ["sobjects", object] => describe_object(org, version, object, false),
        ["sobjects", object, "describe"] => describe_object(org, version, object, true),
        ["sobjects", object, id] => retrieve(org, version, object, id, request),
        ["sobjects", object, id, field] => download(org, version, object, id, field),
        ["query" | "queryAll"] => {
            let text = request.parameter("q").ok_or_else(|| {
                ApiError::new(400, "MALFORMED_QUERY", "A query string has to be specified")
            })?;
            query::first(org, &text, &asked())
        }
        ["query" | "queryAll", locator] => query::next(org, locator, &asked()),
        ["limits"] => limits(org),
        _ => Err(ApiError::not_found()),
    }
}

fn resources(org: &Org, version: &str) -> Reply {
    let base = format!("/services/data/v{version}");
    Reply::json(
        200,
        &json!({
            "identity": org.identity_url(),
            "limits": format!("{base}/limits"),
            "query": format!("{base}/query"),
            "queryAll": format!("{base}/queryAll"),
            "sobjects": format!("{base}/sobjects"),
        }),
    )
}

fn all_objects(org: &Org, version: &str) -> Reply {
    let objects = org.objects(major(version));
    let objects: Vec<Value> =
        objects.iter().map(|object| describe::brief(object, version)).collect();
    Reply::json(200, &json!({ "encoding": "UTF-8", "maxBatchSize": 200, "sobjects": objects }))
}

fn describe_object(org: &Org, version: &str, name: &str, full: bool) -> Result<Reply, ApiError> {
    let objects = org.objects(major(version));
    let object = objects.iter().find(|object| object.name.eq_ignore_ascii_case(name));
    let object = object.ok_or_else(ApiError::not_found)?;
    if full {
        return Ok(Reply::json(200, &describe::full(object, version)));
    }
    let brief = describe::brief(object, version);
    Ok(Reply::json(200, &json!({ "objectDescribe": brief, "recentItems": [] })))
}

fn retrieve(
    org: &Org,
    version: &str,
    name: &str,
    id: &str,
    request: &Request,
) -> Result<Reply, ApiError> {
    let objects = org.objects(major(version));
    let object = objects.iter().find(|object| object.name.eq_ignore_ascii_case(name));
    let object = object.ok_or_else(ApiError::not_found)?;
    let table: Box<dyn Table> = match object.name {
        "EventLogFile" => {
            Box::new(LogFiles::one(org, version, id).ok_or_else(ApiError::not_found)?)
        }
        name => records::table(org, name),
    };
    let wanted = crate::ids::significant(id).ok_or_else(ApiError::not_found)?;
    let is_it =
        |row: &usize| matches!(table.cell(*row, "Id"), Cell::Text(id) if id.starts_with(wanted));
    let row = (0..table.len()).find(is_it).ok_or_else(ApiError::not_found)?;
    let fields = match request.parameter("fields") {
        None => object.own_fields().map(|field| field.name).collect(),
        Some(list) => {
            let names = list.split(',').map(str::trim);
            let fields = names.map(|name| {
                object.field(name).map(|field| field.name).ok_or_else(|| {
                    let message =
                        format!("No such column '{name}' on sobject of type {}", object.name);
                    ApiError::new(400, "INVALID_FIELD", message)
                })
            });
            fields.collect::<Result<Vec<_>, _>>()?
        }
    };
    Ok(Reply::json(200, &Record::of(table.as_ref(), row, object.name, &fields, version)))
}

/// A log file's bytes, without copying them.
struct Content(Arc<Vec<u8>>);

impl AsRef<[u8]> for Content {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

fn download(
    org: &Org,
    version: &str,
    object: &str,
    id: &str,
    field: &str,
) -> Result<Reply, ApiError> {
    let visible = org.objects(major(version)).iter().any(|object| object.name == "EventLogFile");
    let right =
        object.eq_ignore_ascii_case("EventLogFile") && field.eq_ignore_ascii_case("LogFile");
    if !visible || !right {
        return Err(ApiError::not_found());
    }
    let file = find_file(org, id).ok_or_else(ApiError::not_found)?;
    let served = org.files.served_length(&file, org.now()).ok_or_else(ApiError::not_found)?;
    org.stats.downloaded(&file.id);
    let content = Bytes::from_owner(Content(org.files.content(&org.world, &file)));
    let served = usize::try_from(served).unwrap_or(usize::MAX).min(content.len());
    Ok(Reply::file(content.slice(..served)))
}

fn limits(org: &Org) -> Result<Reply, ApiError> {
    let settings = org.settings();
    if !settings.permissions.view_setup {
        let message = "You don't have permission to view the organization's limits";
        return Err(ApiError::new(403, "INSUFFICIENT_ACCESS", message));
    }
    let most = settings.daily_api_limit;
    let left = most.saturating_sub(org.quota.used(org.now()));
    let limit = |max: u64, remaining: u64| json!({ "Max": max, "Remaining": remaining });
    Ok(Reply::json(
        200,
        &json!({
            "DailyApiRequests": limit(most, left),
            "DailyAsyncApexExecutions": limit(250_000, 250_000),
            "DailyBulkApiBatches": limit(15_000, 15_000),
            "DailyBulkV2QueryJobs": limit(10_000, 10_000),
            "DailyBulkV2QueryFileStorageMB": limit(976_562, 976_562),
            "DailyDeliveredPlatformEvents": limit(50_000, 50_000),
            "DailyDurableStreamingApiEvents": limit(1_000_000, 1_000_000),
            "DurableStreamingApiConcurrentClients": limit(2_000, 2_000),
            "HourlyPublishedPlatformEvents": limit(250_000, 250_000),
            "HourlyPublishedStandardVolumePlatformEvents": limit(100_000, 100_000),
            "MonthlyPlatformEventsUsageEntitlement": limit(1_500_000, 1_500_000),
        }),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_have_their_names() {
        assert_eq!(release(66), "Spring '26");
        assert_eq!(release(67), "Summer '26");
        assert_eq!(release(68), "Winter '27");
        assert_eq!(release(31), "Summer '14");
    }

    #[test]
    fn only_whole_versions_of_the_right_form_are_served() {
        assert!(check_version("v66.0", 31, 68).is_ok());
        for strange in ["66.0", "v66", "v66.1", "v69.0", "v6.0", "vx.0", ""] {
            let status = check_version(strange, 31, 68).unwrap_err().reply().status;
            assert_eq!(status, 404, "{strange}");
        }
        assert_eq!(check_version("v30.0", 31, 68).unwrap_err().reply().status, 410);
    }
}
