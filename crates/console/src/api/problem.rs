//! What a program reads of a refusal (RFC 9457).

use http::StatusCode;
use orgtap_transport::{Possibility, Problem};
use serde::Serialize;
use utoipa::ToSchema;

/// Why a call was refused or failed.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProblemBody {
    /// `about:blank`: the code says more.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The status in words.
    title: &'static str,
    /// The status.
    status: u16,
    /// What happened.
    detail: String,
    /// Stable code, such as `OT-WEB-02`.
    code: String,
    /// Why it most likely happened.
    cause: String,
    /// What to do about it.
    remedy: String,
    /// What may be behind it where one answer has several causes, the most likely first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    possibilities: Vec<PossibilityBody>,
}

/// One of several causes, and what tells it apart.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PossibilityBody {
    cause: String,
    /// The check that tells it apart.
    check: String,
    remedy: String,
}

impl ProblemBody {
    pub(crate) fn new(status: StatusCode, problem: Problem) -> Self {
        let Problem { code, message, cause, remedy, possibilities, disposition: _ } = problem;
        Self {
            kind: "about:blank",
            title: status.canonical_reason().unwrap_or_default(),
            status: status.as_u16(),
            detail: message,
            code,
            cause,
            remedy,
            possibilities: possibilities.into_iter().map(PossibilityBody::from).collect(),
        }
    }
}

impl From<Possibility> for PossibilityBody {
    fn from(possibility: Possibility) -> Self {
        let Possibility { cause, check, remedy } = possibility;
        Self { cause, check, remedy }
    }
}
