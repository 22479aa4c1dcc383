//! `orgtap-bench org`: an org that answers what Orgtap asks, as fast as files can be sent.
//!
//! It has no users, faults or clock of its own; the simulated org has. Sign-ins are granted to
//! everybody. Each org of the world listens on a port of its own.

mod listing;
mod world;

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

pub(crate) use world::{LogFile, OrgFiles, World, file_id, org_id};

use crate::wire::{self, Reply, Request, Service};
use listing::Query;

/// The one version it offers.
const VERSION: &str = "66.0";
/// Largest page of a listing.
const PAGE: usize = 2_000;
/// Where it tells how many files it has sent.
pub(crate) const COUNT: &str = "/bench/count";

/// One org.
struct Org {
    files: OrgFiles,
    /// Its own address, known once it listens.
    url: Mutex<String>,
    /// Where listings under way stand: what they found.
    cursors: Mutex<HashMap<String, Arc<Vec<Value>>>>,
    downloads: Arc<AtomicU64>,
}

impl Org {
    fn route(&self, request: &Request) -> Result<Reply> {
        let (path, query) = request.target.split_once('?').unwrap_or((&request.target, ""));
        // Some clients put one at the end.
        let path = path.trim_end_matches('/');
        let below = path
            .strip_prefix("/services/data/v")
            .and_then(|rest| rest.split_once('/'))
            .map_or("", |(_, below)| below);
        match path {
            "/services/oauth2/token" => return Ok(self.token()),
            "/services/data" => {
                return Ok(fine(&json!([{
                    "label": "Spring '26", "url": format!("/services/data/v{VERSION}"),
                    "version": VERSION,
                }])));
            }
            COUNT => {
                return Ok(fine(&json!({ "downloads": self.downloads.load(Ordering::SeqCst) })));
            }
            _ => {}
        }
        match below.split('/').collect::<Vec<_>>()[..] {
            ["limits"] => {
                let all = json!({ "Max": 1_000_000, "Remaining": 999_000 });
                Ok(fine(&json!({ "DailyApiRequests": all })))
            }
            ["sobjects", "EventLogFile", "describe"] => Ok(fine(&self.describe())),
            ["sobjects", "EventLogFile", id, "LogFile"] => self.download(id, request),
            ["query"] => Ok(self.query(query)),
            ["query", locator] => Ok(self.next_page(locator)),
            _ => Ok(refused(404, "NOT_FOUND", "The requested resource does not exist")),
        }
    }

    fn url(&self) -> String {
        self.url.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn token(&self) -> Reply {
        let url = self.url();
        fine(&json!({
            "access_token": format!("{}!bench", self.files.id),
            "instance_url": url,
            "id": format!("{url}/id/{}/0055j00000BENCHAAA", self.files.id),
            "token_type": "Bearer",
            "issued_at": "1790000000000",
            "signature": "bench",
        }))
    }

    fn describe(&self) -> Value {
        let mut types: Vec<&str> =
            self.files.files.iter().map(|file| file.event_type.as_str()).collect();
        types.sort_unstable();
        types.dedup();
        let values: Vec<Value> =
            types.iter().map(|name| json!({ "value": name, "active": true })).collect();
        json!({
            "name": "EventLogFile",
            "queryable": true,
            "fields": [
                { "name": "Id" }, { "name": "EventType", "picklistValues": values },
                { "name": "LogDate" }, { "name": "CreatedDate" }, { "name": "LogFileLength" },
                { "name": "LogFile" }, { "name": "Interval" }, { "name": "Sequence" },
            ],
        })
    }

    fn download(&self, id: &str, request: &Request) -> Result<Reply> {
        let Some(file) = self.files.files.iter().find(|file| file.id == id) else {
            return Ok(refused(404, "NOT_FOUND", "The requested resource does not exist"));
        };
        let open = File::open(&file.path)
            .with_context(|| format!("the world's file {}", file.path.display()))?;
        self.downloads.fetch_add(1, Ordering::SeqCst);
        Ok(if request.reads_gzip { Reply::Gzip(open) } else { Reply::Unpacked(open, file.length) })
    }

    fn query(&self, query: &str) -> Reply {
        let read = listing::parameter(query, "q").and_then(|text| Query::read(&text));
        let query = match read {
            Ok(query) => query,
            Err(why) => return refused(400, "MALFORMED_QUERY", &why.to_string()),
        };
        let found: Vec<Value> = self
            .files
            .files
            .iter()
            .filter(|file| query.wants(file))
            .take(query.limit)
            .map(|file| query.record(file, VERSION))
            .collect();
        if found.len() <= PAGE {
            return page(&found, 0, None);
        }
        let mut cursors = self.cursors.lock().unwrap_or_else(PoisonError::into_inner);
        let locator = format!("01g5j00000BENCH{:03}", cursors.len());
        let found = Arc::new(found);
        cursors.insert(locator.clone(), Arc::clone(&found));
        page(&found, 0, Some(&locator))
    }

    fn next_page(&self, locator: &str) -> Reply {
        let cursors = self.cursors.lock().unwrap_or_else(PoisonError::into_inner);
        let found = locator
            .rsplit_once('-')
            .and_then(|(id, from)| Some((id, cursors.get(id)?, from.parse().ok()?)));
        match found {
            Some((id, found, from)) => page(found, from, Some(id)),
            None => refused(400, "INVALID_QUERY_LOCATOR", "invalid query locator"),
        }
    }
}

impl Service for Org {
    fn answer(&self, request: &Request, body: &mut dyn BufRead) -> Result<Reply> {
        io::copy(body, &mut io::sink())?;
        self.route(request)
    }
}

fn fine(answer: &Value) -> Reply {
    Reply::Json(200, answer.to_string())
}

fn refused(status: u16, code: &str, message: &str) -> Reply {
    Reply::Json(status, json!([{ "errorCode": code, "message": message }]).to_string())
}

/// The page of what was found that begins at `from`.
fn page(found: &[Value], from: usize, locator: Option<&str>) -> Reply {
    let to = found.len().min(from.saturating_add(PAGE));
    let records = found.get(from..to).unwrap_or_default();
    let mut answer =
        json!({ "totalSize": found.len(), "done": to == found.len(), "records": records });
    if let Some(locator) = locator.filter(|_| to < found.len()) {
        answer["nextRecordsUrl"] = json!(format!("/services/data/v{VERSION}/query/{locator}-{to}"));
    }
    fine(&answer)
}

/// Serves the world in this file until whoever started it goes away; tells its URLs first.
pub(crate) fn command(world: &Path) -> Result<()> {
    let downloads = Arc::new(AtomicU64::new(0));
    let mut urls = Vec::new();
    for mut files in World::load(world)?.orgs {
        files.files.sort_by(|a, b| (a.created_date, &a.id).cmp(&(b.created_date, &b.id)));
        let org = Arc::new(Org {
            files,
            url: Mutex::default(),
            cursors: Mutex::default(),
            downloads: Arc::clone(&downloads),
        });
        let url = wire::listen(Arc::clone(&org) as Arc<dyn Service>)?;
        url.clone_into(&mut org.url.lock().unwrap_or_else(PoisonError::into_inner));
        urls.push(url);
    }
    println!("{}", json!({ "urls": urls }));
    wire::until_abandoned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn org(count: usize) -> Org {
        let file = |n: usize| LogFile {
            id: world::file_id(n as u64),
            event_type: "RestApi".into(),
            path: "/nowhere".into(),
            log_date: "2026-11-20T00:00:00Z".parse().unwrap(),
            created_date: "2026-11-21T00:00:00Z".parse().unwrap(),
            length: 1,
            hourly: false,
        };
        let files = OrgFiles { id: world::org_id(1), files: (0..count).map(file).collect() };
        Org { files, url: Mutex::default(), cursors: Mutex::default(), downloads: Arc::default() }
    }

    fn ask(org: &Org, target: &str) -> (u16, Value) {
        let request = Request::get(target);
        let Reply::Json(status, text) = org.route(&request).unwrap() else { panic!("a file") };
        (status, serde_json::from_str(&text).unwrap())
    }

    #[test]
    fn a_long_listing_comes_in_pages_that_join_up() {
        let org = org(4_500);
        let (_, first) = ask(&org, "/services/data/v66.0/query?q=SELECT+Id+FROM+EventLogFile");
        let (mut page, mut seen) = (first, Vec::new());
        loop {
            seen.extend(page["records"].as_array().unwrap().clone());
            let Some(next) = page["nextRecordsUrl"].as_str() else { break };
            let next = next.to_owned();
            page = ask(&org, &next).1;
        }
        assert_eq!(page["done"], true);
        let ids: Vec<_> = seen.iter().map(|record| record["Id"].as_str().unwrap()).collect();
        assert_eq!(ids.len(), 4_500);
        assert!(ids.windows(2).all(|pair| pair[0] < pair[1]));
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        let org = org(1);
        for (target, status) in [
            ("/services/data/v66.0/query?q=SELECT+Id+FROM+User", 400),
            ("/services/data/v66.0/query?x=1", 400),
            ("/services/data/v66.0/query/gone-2000", 400),
            ("/services/data/v66.0/sobjects/EventLogFile/0AT000000000009AAA/LogFile", 404),
            ("/elsewhere", 404),
        ] {
            assert_eq!(ask(&org, target).0, status, "{target}");
        }
    }
}
