//! Refusals as a person or a program reads them.

use askama::Template;
use axum::Json;
use axum::response::{Html, IntoResponse, Redirect, Response};
use http::{HeaderValue, Method, StatusCode, header};
use orgtap_transport::Problem;
use url::form_urlencoded::byte_serialize;

use super::Viewer;
use crate::api::ProblemBody;
use crate::error::Refused;
use crate::frame::Frame;

/// What was asked for.
pub(super) struct Asked {
    pub(super) method: Method,
    /// Path and query.
    pub(super) address: String,
    pub(super) viewer: Option<Viewer>,
    /// A script asks, and reads JSON.
    pub(super) by_script: bool,
}

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage<'a> {
    frame: Frame,
    status: StatusCode,
    problem: &'a Problem,
}

#[derive(Template)]
#[template(path = "error_outside.html")]
struct ErrorOutside<'a> {
    status: StatusCode,
    problem: &'a Problem,
}

/// The answer with its refusal, if it is one, as JSON or a page.
pub(super) fn told(response: Response, asked: &Asked) -> Response {
    let (mut parts, body) = response.into_parts();
    let is_api = asked.by_script || asked.address.starts_with("/api/");
    let refused = parts.extensions.remove::<Refused>();
    let problem = match refused {
        Some(refused) => refused.problem,
        None => return Response::from_parts(parts, body),
    };
    let status = parts.status;
    let mut told = if is_api {
        let mut response = (status, Json(ProblemBody::new(status, problem))).into_response();
        let kind = HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        if status == StatusCode::UNAUTHORIZED {
            let scheme = HeaderValue::from_static("Bearer");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, scheme);
        }
        response
    } else if problem.code == "OT-WEB-01" {
        return Redirect::to(&sign_in(asked)).into_response();
    } else {
        (status, Html(page(status, &problem, asked.viewer.as_ref()))).into_response()
    };
    for name in [header::RETRY_AFTER, header::ALLOW] {
        if let Some(value) = parts.headers.remove(&name) {
            told.headers_mut().insert(name, value);
        }
    }
    told
}

fn sign_in(asked: &Asked) -> String {
    if asked.method != Method::GET || asked.address == "/" {
        return "/sign-in".to_owned();
    }
    let next: String = byte_serialize(asked.address.as_bytes()).collect();
    format!("/sign-in?next={next}")
}

fn page(status: StatusCode, problem: &Problem, viewer: Option<&Viewer>) -> String {
    let rendered = match viewer {
        Some(viewer) => {
            ErrorPage { frame: Frame::new(viewer.clone(), ""), status, problem }.render()
        }
        None => ErrorOutside { status, problem }.render(),
    };
    rendered.unwrap_or_else(|_| problem.code.clone())
}
