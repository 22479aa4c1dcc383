//! What becomes of connectors, whoever asks for it and however long they stay.

use std::path::PathBuf;
use std::time::Duration;

use axum::body::Body;
use http::{Method, StatusCode, header};
use orgtap_collector::Form;
use serde_json::json;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::House;
use crate::security::Role;

impl House {
    /// Saves the connector `acme`, whose org is at this address.
    async fn connect(&self, instance_url: &str) {
        let form: Form = serde_json::from_value(json!({
            "is_new": true,
            "connector": {
                "name": "acme", "instance_url": instance_url, "auth": "client_credentials",
                "destinations": ["nowhere"],
            },
            "secrets": { "consumer_key": "key-of-acme", "consumer_secret": "hunter2" },
        }))
        .unwrap();
        self.app.fleet().save(form).await.unwrap();
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("data/connectors/acme.yaml")
    }
}

#[tokio::test]
async fn a_change_is_made_to_its_end_and_written_down_although_nobody_waits_for_it() {
    let house = House::new().await;
    let ada = house.person("ada", Role::Administrator).await;
    house.connect("http://127.0.0.1:1").await;
    let cancel = CancellationToken::new();
    let (fleet, told) = (house.app.fleet().clone(), cancel.clone());
    let mut running = Box::pin(async move { fleet.run(&told).await });
    tokio::select! {
        ended = &mut running => panic!("{ended:?}"),
        () = until(async || house.app.fleet().progress("acme").is_some()) => {}
    }
    // Nobody looks after the connectors for a while: the one to be deleted does not end.
    tokio::select! {
        answer = ada.post("/connectors/acme/remove", &[]) => panic!("{answer:?}"),
        () = until(async || !house.file().exists()) => {}
    }
    let running = tokio::spawn(running);
    let removed = ("ada".to_owned(), "connector.remove".to_owned(), "done".to_owned());
    until(async || house.audit().await.contains(&removed)).await;
    assert_eq!(house.app.settings().vault.names().unwrap(), Vec::<String>::new());
    cancel.cancel();
    running.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_connector_is_tested_once_at_a_time() {
    let house = House::new().await;
    let ada = house.person("ada", Role::Administrator).await;
    // It takes connections, and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    house.connect(&format!("http://{}", silent.local_addr().unwrap())).await;
    let test = |accept: &'static str| {
        let request = ada.request(Method::POST, "/connectors/acme/test");
        let request = request.header(header::ACCEPT, accept).header("x-csrf-token", &ada.csrf);
        request.body(Body::empty()).unwrap()
    };
    tokio::select! {
        answer = ada.send(test("application/x-ndjson")) => panic!("{answer:?}"),
        () = until(async || house.app.under_test().has("acme")) => {}
    }
    // Whoever began it is gone, and it goes on.
    for accept in ["application/x-ndjson", "text/html"] {
        let refused = ada.send(test(accept)).await;
        assert_eq!(refused.status, StatusCode::CONFLICT);
        assert!(refused.body.contains("OT-WEB-09") && refused.body.contains("under way"));
        assert_eq!(refused.body.starts_with('{'), accept == "application/x-ndjson");
    }
    let page = ada.get("/connectors/acme/edit").await.body;
    assert!(page.contains("A test is under way"), "{page}");
    drop(silent);
    until(async || !house.app.under_test().has("acme")).await;
    assert!(!ada.get("/connectors/acme/edit").await.body.contains("A test is under way"));
}

#[tokio::test]
async fn what_somebody_else_saved_meanwhile_is_not_undone_unseen() {
    let house = House::new().await;
    let ada = house.person("ada", Role::Administrator).await;
    let eve = house.person("eve", Role::Administrator).await;
    house.connect("http://127.0.0.1:1").await;
    let version = |page: &str| {
        let (_, rest) = page.split_once("name=\"version\" value=\"").unwrap();
        rest.split_once('"').unwrap().0.to_owned()
    };
    let opened = version(&ada.get("/connectors/acme/edit").await.body);
    let description = || house.app.fleet().connector("acme").unwrap().description;
    let save = async |who: &super::Browser<'_>, version: &str, description: &str| {
        let fields = [
            ("version", version),
            ("auth", "client_credentials"),
            ("instance_url", "http://127.0.0.1:1"),
            ("destinations", "nowhere"),
            ("description", description),
        ];
        who.post("/connectors/acme", &fields).await
    };
    assert_eq!(save(&eve, &opened, "of eve").await.status, StatusCode::SEE_OTHER);
    let refused = save(&ada, &opened, "of ada").await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
    assert!(refused.body.contains("of ada") && refused.body.contains("Somebody has changed"));
    assert_eq!(description().as_deref(), Some("of eve"));
    let outcome = ("ada".to_owned(), "connector.change".to_owned(), "OT-WEB-09".to_owned());
    assert!(house.audit().await.contains(&outcome));
    // Who has seen that may do so.
    let again = save(&ada, &version(&refused.body), "of ada").await;
    assert_eq!(again.status, StatusCode::SEE_OTHER);
    assert_eq!(description().as_deref(), Some("of ada"));
}

#[tokio::test]
async fn a_program_can_say_what_it_changes_and_is_refused_when_that_is_no_more() {
    let house = House::new().await;
    let ada = house.person("ada", Role::Administrator).await;
    house.connect("http://127.0.0.1:1").await;
    let path = "/api/v1/connectors/acme";
    let tag = async || ada.get(path).await.header("etag").to_owned();
    let put = async |tag: Option<&str>, description: &str| {
        let request = ada.request(Method::PUT, path).header("x-csrf-token", &ada.csrf);
        let request = request.header(header::CONTENT_TYPE, "application/json");
        let request = match tag {
            Some(tag) => request.header(header::IF_MATCH, tag),
            None => request,
        };
        let body = json!({ "connector": {
            "name": "acme", "instance_url": "http://127.0.0.1:1", "auth": "client_credentials",
            "destinations": ["nowhere"], "description": description,
        } });
        ada.send(request.body(Body::from(body.to_string())).unwrap()).await
    };
    let asked = tag().await;
    assert_eq!(put(Some(&asked), "first").await.status, StatusCode::OK);
    let refused = put(Some(&asked), "second").await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
    assert!(refused.body.contains("OT-WEB-09"), "{refused:?}");
    let described = || house.app.fleet().connector("acme").unwrap().description;
    assert_eq!(described().as_deref(), Some("first"));
    for (tag, description) in
        [(Some(tag().await), "third"), (Some("*".into()), "fourth"), (None, "fifth")]
    {
        assert_eq!(put(tag.as_deref(), description).await.status, StatusCode::OK);
        assert_eq!(described().as_deref(), Some(description));
    }
}

#[tokio::test]
async fn no_connector_is_called_like_the_page_of_a_new_one() {
    let house = House::new().await;
    let ada = house.person("ada", Role::Administrator).await;
    let fields = [
        ("name", "new"),
        ("auth", "client_credentials"),
        ("instance_url", "http://127.0.0.1:1"),
        ("consumer_key", "k"),
        ("consumer_secret", "s"),
        ("destinations", "nowhere"),
    ];
    let refused = ada.post("/connectors", &fields).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.body.contains("Choose another name"), "{}", refused.body);
    assert!(house.app.fleet().connector("new").is_none());
}

async fn until(done: impl AsyncFn() -> bool) {
    tokio::time::timeout(Duration::from_secs(10), async {
        while !done().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await
    .expect("within ten seconds");
}
