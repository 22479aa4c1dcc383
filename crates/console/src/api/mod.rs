//! The JSON API: what programs can do, which is what the pages can do.
//!
//! What a call answers is what `orgtap .. --json` prints of the same, where there is such a command.

mod connectors;
mod insights;
mod letters;
mod people;
mod problem;
mod read;
mod status;

use axum::{Json, Router};
use utoipa::OpenApi;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{
    ContentBuilder, OpenApi as Document, Ref, RefOr, ResponseBuilder, SecurityRequirement,
};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(crate) use problem::ProblemBody;

use crate::app::App;

/// Where all calls are.
pub(crate) const BASE: &str = "/api/v1";
/// The name of the way to sign in.
const BEARER: &str = "token";

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Orgtap",
        description = "What the console of `orgtap run` can do, for programs. Every call needs an \
                       API token, made in the console under *API tokens*; every refusal is a problem \
                       (RFC 9457) with its cause and its remedy."
    ),
    servers((url = "/api/v1")),
    components(schemas(ProblemBody))
)]
struct Outline;

/// Addresses of all calls, below [`BASE`].
pub(crate) fn routes() -> Router<App> {
    let (router, document) = described().split_for_parts();
    let document = finished(document);
    router.route("/openapi.json", axum::routing::get(async move || Json(document)))
}

/// What the API can do, as OpenAPI 3.1.
pub fn document() -> Document {
    finished(described().split_for_parts().1)
}

fn described() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(Outline::openapi())
        .routes(routes!(status::all))
        .routes(routes!(status::one))
        .routes(routes!(status::completeness))
        .routes(routes!(status::work))
        .routes(routes!(connectors::all, connectors::add))
        .routes(routes!(connectors::one, connectors::replace, connectors::remove))
        .routes(routes!(connectors::pause))
        .routes(routes!(connectors::resume))
        .routes(routes!(connectors::collect))
        .routes(routes!(connectors::test))
        .routes(routes!(letters::all))
        .routes(routes!(letters::replay_all))
        .routes(routes!(letters::replay))
        .routes(routes!(letters::dismiss))
        .routes(routes!(insights::monitoring))
        .routes(routes!(insights::security))
        .routes(routes!(insights::user))
        .routes(routes!(people::all, people::add))
        .routes(routes!(people::remove))
        .routes(routes!(people::set_role))
        .routes(routes!(people::set_password))
        .routes(routes!(people::tokens, people::add_token))
        .routes(routes!(people::remove_token))
        .routes(routes!(people::audit))
}

/// What is the same for every call: it needs a token, and may be refused.
fn finished(mut document: Document) -> Document {
    let scheme = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
    document.components.get_or_insert_default().add_security_scheme(BEARER, scheme);
    document.security = Some(vec![SecurityRequirement::new(BEARER, Vec::<String>::new())]);
    let problem = ContentBuilder::new().schema(Some(Ref::from_schema_name("ProblemBody"))).build();
    let refused = ResponseBuilder::new()
        .description("Refused, or failed: why, and what to do about it")
        .content("application/problem+json", problem)
        .build();
    for path in document.paths.paths.values_mut() {
        let operations = [&mut path.get, &mut path.put, &mut path.post, &mut path.delete];
        for operation in operations.into_iter().flatten() {
            let responses = &mut operation.responses.responses;
            responses.insert("default".to_owned(), RefOr::T(refused.clone()));
        }
    }
    document
}
