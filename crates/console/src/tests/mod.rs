//! Who may what, asked of the whole router as a browser or a program asks it.

mod changing;
mod connectors;
mod entering;

use axum::Router;
use axum::body::{Body, to_bytes};
use http::{HeaderMap, Method, Request, StatusCode, header};
use orgtap_collector::Fleet;
use orgtap_collector::config::MainFile;
use tower::ServiceExt;
use url::form_urlencoded::Serializer;

use crate::app::App;
use crate::security::Role;
use crate::server::router;

const HOST: &str = "localhost:8080";
const PASSWORD: &str = "correct horse battery";

/// Every page; those after the first four are an administrator's.
const PAGES: [&str; 9] = [
    "/status",
    "/connectors",
    "/insights/monitoring",
    "/account",
    "/connectors/new",
    "/people",
    "/tokens",
    "/audit",
    "/audit.csv",
];

/// A console without connectors, and its folder.
struct House {
    app: App,
    router: Router,
    folder: tempfile::TempDir,
}

impl House {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("orgtap.yaml");
        let data = folder.path().join("data");
        let text = format!(
            "data_dir: {}\nconsole: {{ hosts: [orgtap.example] }}\n\
             destinations:\n- name: nowhere\n  type: discard\n",
            data.display()
        );
        std::fs::write(&path, text).unwrap();
        let main = MainFile::read(&path).unwrap();
        let fleet = Fleet::open(main, &[], &[]).await.unwrap();
        let console = fleet.settings().console.clone().unwrap();
        let app = App::open(fleet, Vec::new(), console).await.unwrap();
        Self { router: router(app.clone()), app, folder }
    }

    /// A person of this role, signed in.
    async fn person(&self, name: &str, role: Role) -> Browser<'_> {
        let password = PASSWORD.to_owned().into();
        let hash = self.app.passwords().hash(password).await.unwrap();
        self.app.door().add_person(name, role.name(), &hash, self.app.now()).await.unwrap();
        let mut browser = self.stranger();
        assert_eq!(browser.sign_in(name, PASSWORD).await.status, StatusCode::SEE_OTHER);
        browser
    }

    fn stranger(&self) -> Browser<'_> {
        Browser { house: self, cookie: None, csrf: String::new() }
    }

    async fn audit(&self) -> Vec<(String, String, String)> {
        let entries = self.app.door().audit(None, 100).await.unwrap();
        entries.into_iter().map(|it| (it.who, it.action, it.outcome)).collect()
    }
}

struct Browser<'a> {
    house: &'a House,
    cookie: Option<String>,
    csrf: String,
}

#[derive(Debug)]
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

impl Browser<'_> {
    fn request(&self, method: Method, path: &str) -> http::request::Builder {
        let mut request = Request::builder().method(method).uri(path).header(header::HOST, HOST);
        if let Some(cookie) = &self.cookie {
            request = request.header(header::COOKIE, cookie);
        }
        request
    }

    async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.house.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap();
        let body = String::from_utf8(body.to_vec()).unwrap();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path).body(Body::empty()).unwrap()).await
    }

    /// Posts a form as a page of the console does.
    async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.post_from(&format!("http://{HOST}"), &self.csrf, path, fields).await
    }

    async fn post_from(
        &self,
        origin: &str,
        csrf: &str,
        path: &str,
        fields: &[(&str, &str)],
    ) -> Answer {
        let body =
            Serializer::new(String::new()).extend_pairs(fields).append_pair("csrf", csrf).finish();
        let request = self
            .request(Method::POST, path)
            .header(header::ORIGIN, origin)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from(body))
            .unwrap();
        self.send(request).await
    }

    async fn sign_in(&mut self, name: &str, password: &str) -> Answer {
        let answer = self.post("/sign-in", &[("name", name), ("password", password)]).await;
        self.take_cookie(&answer).await;
        answer
    }

    async fn take_cookie(&mut self, answer: &Answer) {
        if let Some((cookie, _)) = answer.header("set-cookie").split_once(';') {
            self.cookie = Some(cookie.to_owned());
            let page = self.get("/account").await.body;
            let (_, rest) = page.split_once("name=\"csrf\" content=\"").unwrap();
            rest.split_once('"').unwrap().0.clone_into(&mut self.csrf);
        }
    }
}
