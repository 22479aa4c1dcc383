//! What is read of a request, with a problem for what cannot be.

use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use http::header;
use http::request::Parts;
use serde::de::DeserializeOwned;

use crate::error::{Error, Result};

/// The body, as JSON.
pub(crate) struct Given<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Given<T> {
    type Rejection = Error;

    async fn from_request(request: Request, state: &S) -> Result<Self> {
        let kind = request.headers().get(header::CONTENT_TYPE);
        let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        if !kind
            .split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .eq_ignore_ascii_case("application/json")
        {
            return Err(Error::MediaType);
        }
        let body = bytes::Bytes::from_request(request, state).await;
        let body = body.map_err(|_| Error::TooLarge)?;
        let read = serde_json::from_slice(&body);
        read.map(Self).map_err(|error| Error::unusable(format!("the body cannot be read: {error}")))
    }
}

/// The query.
pub(crate) struct Asked<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Asked<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        let read = Query::<T>::from_request_parts(parts, state).await;
        let Query(asked) = read.map_err(|error| Error::unusable(error.body_text()))?;
        Ok(Self(asked))
    }
}

/// What stands in the address.
pub(crate) struct Named<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Named<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        let read = Path::<T>::from_request_parts(parts, state).await;
        let Path(named) = read.map_err(|error| Error::unusable(error.body_text()))?;
        Ok(Self(named))
    }
}
