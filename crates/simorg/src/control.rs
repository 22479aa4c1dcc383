//! The control endpoint `/_sim`: the clock, the faults, the settings and the counts over HTTP,
//! for clients that are not written in Rust and for people with curl. It asks for no sign-in.

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::Error;
use crate::config::SettingsPatch;
use crate::faults::{Fault, Rule, preset};
use crate::org::{Org, SignInAttempt};
use crate::reply::Reply;
use crate::request::Request;
use crate::token::totp;

/// Answers `/_sim/...`.
pub(crate) fn answer(org: &Org, path: &[&str], request: &Request) -> Reply {
    let post = request.method == http::Method::POST;
    let outcome = match (path, post) {
        ([] | ["stats"], false) => Ok(overview(org)),
        (["clock"], false) => Ok(clock(org)),
        (["clock"], true) => parse(request).and_then(|order| move_clock(org, &order)),
        (["faults"], false) => Ok(faults(org)),
        (["faults"], true) => parse(request).and_then(|order| change_faults(org, &order)),
        (["org"], true) => parse::<SettingsPatch>(request).map(|patch| {
            org.change(|settings| patch.apply(settings));
            json!({})
        }),
        (["login_history"], false) => {
            let attempts = org.login_history.all();
            Ok(attempts.iter().map(SignInAttempt::to_json).collect())
        }
        (["authorise"], true) => Ok(json!({ "refresh_token": org.refresh_tokens.authorise() })),
        (["sessions"], true) => {
            org.end_all_sessions();
            Ok(json!({}))
        }
        _ => return Reply::json(404, &json!({ "error": "there is no such control" })),
    };
    match outcome {
        Ok(value) => Reply::json(200, &value),
        Err(error) => Reply::json(400, &json!({ "error": error.to_string() })),
    }
}

fn parse<T: DeserializeOwned>(request: &Request) -> Result<T, Error> {
    serde_json::from_slice(&request.body).map_err(|error| Error::Control(error.to_string()))
}

fn overview(org: &Org) -> Value {
    json!({
        "org_id": org.world.org_id(),
        "url": org.url,
        "login_url": org.login_url(),
        "refresh_token": org.refresh_tokens.current(),
        "totp": totp(org, org.now()),
        "clock": clock(org),
        "faults": faults(org),
        "live_sessions": org.sessions.live(),
        "stats": org.stats.snapshot(),
    })
}

fn clock(org: &Org) -> Value {
    json!({ "now": org.now().to_string(), "factor": org.clock.factor() })
}

/// What can be done to the clock; all of it that is given is done, in this order.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClockOrder {
    /// For example `3h` or `90m`.
    advance: Option<String>,
    /// A moment, not in the org's past.
    to: Option<String>,
    /// The new pace; 0 stands still.
    factor: Option<f64>,
}

fn move_clock(org: &Org, order: &ClockOrder) -> Result<Value, Error> {
    if let Some(by) = &order.advance {
        let by: SignedDuration =
            by.parse().map_err(|error: jiff::Error| Error::Clock(error.to_string()))?;
        org.clock.advance(by)?;
    }
    if let Some(to) = &order.to {
        let to: Timestamp =
            to.parse().map_err(|error: jiff::Error| Error::Clock(error.to_string()))?;
        org.clock.advance_to(to)?;
    }
    if let Some(factor) = order.factor {
        org.clock.set_factor(factor)?;
    }
    Ok(clock(org))
}

fn faults(org: &Org) -> Value {
    let active: Vec<String> =
        org.faults.active().iter().map(|(fault, rule)| rule.write(*fault)).collect();
    json!({ "active": active, "struck": org.faults.struck() })
}

/// What can be done to the faults; all of it that is given is done, in this order.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FaultsOrder {
    #[serde(default)]
    clear_all: bool,
    #[serde(default)]
    clear: Vec<String>,
    preset: Option<String>,
    /// Written as [`Rule::parse`] reads them.
    #[serde(default)]
    set: Vec<String>,
}

fn change_faults(org: &Org, order: &FaultsOrder) -> Result<Value, Error> {
    // Read everything before anything changes.
    let cleared =
        order.clear.iter().map(|name| name.parse::<Fault>()).collect::<Result<Vec<_>, _>>()?;
    let mut rules = match &order.preset {
        Some(name) => preset(name)?,
        None => Vec::new(),
    };
    for text in &order.set {
        rules.push(Rule::parse(text)?);
    }
    if order.clear_all {
        org.faults.clear_all();
    }
    for fault in cleared {
        org.faults.clear(fault);
    }
    org.faults.set_all(rules);
    Ok(faults(org))
}
