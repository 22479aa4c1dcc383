//! What a column holds: a recipe per column, found by type and name, then by name, then by the
//! name's ending and the declared type.
//!
//! A recipe needs the event and nothing else, so any value can be made alone.

mod by_name;
mod by_type;
mod text;
mod value;

use super::catalogue::EventType;
use super::random::label;

pub(super) use value::write;

/// How a value is made.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Kind {
    /// Nothing.
    Empty,
    /// One of the texts.
    Pick(&'static [&'static str]),
    /// One of the texts, the same in all columns and events of a request that draw from them.
    Theme(&'static [&'static str]),
    /// This many times in a thousand something, else nothing.
    Rarely(u64, &'static Kind),
    /// Something when the event failed, else nothing.
    Failed(&'static Kind),
    /// One text for an event that worked, another for one that did not.
    Outcome(&'static str, &'static str),
    /// A number from, to; all as likely.
    Int(u64, u64),
    /// A number from, to; small ones as likely as large ones.
    Spread(u64, u64),
    /// `1` so many times in a thousand, else `0`.
    Flag(u64),
    /// `true` so many times in a thousand, else `false`.
    Bool(u64),
    /// A 15-character id of one of a few hundred records with this prefix.
    Id(&'static str),
    /// The 18-character form of the id in the named column.
    Long(&'static str, &'static str),
    /// Random letters and digits.
    Opaque(usize),
    /// Random hexadecimal digits.
    Hex(usize),
    /// Random, in the shape of a UUID.
    Uuid,
    /// The event's name.
    EventType,
    /// When, compact.
    Stamp,
    /// When, ISO 8601.
    StampIso,
    /// When, ms since 1970, at most so much earlier.
    StampMs(u64),
    /// The transaction.
    RequestId,
    /// Another transaction.
    OtherRequestId,
    /// The org.
    Org,
    /// Who, 15 characters.
    User,
    /// Who, 18 characters.
    UserLong,
    /// Who, login name.
    UserName,
    /// Licence class.
    UserType,
    /// Any user but who.
    OtherUser,
    /// Who really sat there, 15 characters.
    Delegate,
    /// Who really sat there, 18 characters.
    DelegateLong,
    /// Who really sat there, login name.
    DelegateName,
    /// Hashed login.
    LoginKey,
    /// Hashed session.
    SessionKey,
    /// Address.
    Ip,
    /// Address, never the platform's own words.
    TrueIp,
    /// Country code of the address.
    Country,
    /// Country and state of the address.
    Geo,
    /// The client's own words.
    Agent,
    /// The client as a number.
    AgentCode,
    /// Browser.
    Browser,
    /// Browser's version.
    BrowserVersion,
    /// Operating system.
    Os,
    /// Operating system's version.
    OsVersion,
    /// Experience and form.
    Platform,
    /// Telephone's model.
    Model,
    /// The connected app's name.
    AppName,
    /// The connected app's id.
    AppId,
    /// What the program calls itself.
    Client,
    /// API version asked for.
    ApiVersion,
    /// `LOGIN_STATUS`.
    LoginStatus,
    /// `LOGIN_TYPE`.
    LoginType,
    /// `LOGIN_SUB_TYPE`.
    LoginSubType,
    /// 1 if the button was pressed.
    LogoutPressed,
    /// Path requested.
    Uri(Style),
    /// The id in the path, if it names a record.
    UriId(Style),
    /// sObject of the request.
    Entity,
    /// Its key prefix.
    EntityPrefix,
    /// Record of the request, 15 characters.
    Record,
    /// Record of the request, 18 characters.
    RecordLong,
    /// Report of the request, 15 characters.
    Report,
    /// Report of the request, 18 characters.
    ReportLong,
    /// Report of the request, its name.
    ReportName,
    /// Rows a query gave.
    Rows,
    /// Query text.
    Soql,
    /// Stack trace, several lines.
    Stack,
    /// What went wrong.
    Problem,
    /// A sentence.
    Sentence,
    /// What was searched for.
    SearchText,
    /// Request headers.
    Headers,
    /// Apex actions and their times.
    Actions,
    /// A JSON object.
    Json,
    /// Path of a page.
    PageUrl,
    /// 1 if the event worked, else 0.
    Worked,
    /// HTTP status, the same for all of a request.
    HttpStatus,
    /// HTTP verb, as the path asks for it.
    Verb(Style),
    /// Kind of API.
    Family,
    /// Letter of the SOAP API, if it was that.
    ApiLetter,
    /// Elapsed time, ms.
    RunTime,
    /// So many percent of the elapsed time at least and at most, ms.
    Share(u64, u64),
    /// The same in nanoseconds.
    ShareNs(u64, u64),
    /// A moment so many thousandths into the loading of a page, ms.
    Phase(u64),
}

/// How paths look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// Like the session's use.
    Any,
    /// Pages of the user interface.
    Ui,
    /// Any API.
    Api,
    /// REST.
    Rest,
    /// SOAP.
    Soap,
    /// Bulk.
    Bulk,
    /// Aura's single endpoint.
    Aura,
    /// Visualforce pages.
    Page,
    /// Signing in.
    Login,
}

/// One column of a file.
#[derive(Debug, Clone)]
pub(super) struct Column {
    /// Its name in the header.
    pub(super) name: String,
    /// How its values are made.
    pub(super) kind: Kind,
    /// Tells its chance from that of other columns.
    pub(super) salt: u64,
}

impl Column {
    /// A column by its name.
    pub(super) fn new(name: &str, kind: Kind) -> Self {
        Self { name: name.to_owned(), kind, salt: label(name) }
    }

    /// Whether it holds text somebody could have typed.
    pub(super) fn is_free_text(&self) -> bool {
        fn free(kind: Kind) -> bool {
            match kind {
                Kind::Rarely(_, inner) | Kind::Failed(inner) => free(*inner),
                Kind::Agent
                | Kind::Client
                | Kind::Soql
                | Kind::Stack
                | Kind::Problem
                | Kind::Sentence
                | Kind::SearchText
                | Kind::Headers
                | Kind::Actions
                | Kind::Json
                | Kind::PageUrl
                | Kind::ReportName
                | Kind::Uri(_) => true,
                _ => false,
            }
        }
        free(self.kind)
    }
}

/// The columns of a type, in file order.
pub(super) fn columns(event_type: &EventType) -> Vec<Column> {
    let name = &event_type.name;
    event_type.columns.iter().map(|(c, t)| Column::new(c, kind(name, c, t))).collect()
}

/// The recipe for a column.
fn kind(event_type: &str, column: &str, declared: &str) -> Kind {
    named(event_type, column).unwrap_or_else(|| fallback(column, declared))
}

/// The recipe somebody wrote down for a column.
fn named(event_type: &str, column: &str) -> Option<Kind> {
    if event_type == "HostnameRedirects" && by_type::BLANK_REDIRECT.contains(&column) {
        return Some(Kind::Empty);
    }
    if matches!(column, "URI" | "URI_ID_DERIVED" | "REQUEST_URI" | "REQUEST_PATH") {
        let style = by_type::style(event_type);
        let id = column == "URI_ID_DERIVED";
        return Some(if id { Kind::UriId(style) } else { Kind::Uri(style) });
    }
    let special = by_type::KINDS.iter().find(|(t, c, _)| *t == event_type && *c == column);
    if let Some((.., kind)) = special {
        return Some(*kind);
    }
    by_name::KINDS.iter().find(|(c, _)| *c == column).map(|(_, kind)| *kind)
}

/// The recipe for a column nobody thought of, by its ending and declared type.
fn fallback(column: &str, declared: &str) -> Kind {
    let ends = |endings: &[&str]| endings.iter().any(|each| column.ends_with(each));
    match declared {
        "Boolean" => Kind::Flag(200),
        "Number" if ends(&["_TIME", "_MS", "TIME"]) => Kind::Share(1, 60),
        "Number" if ends(&["_SIZE", "BYTES"]) => Kind::Spread(64, 400_000),
        "Number" => Kind::Spread(0, 60),
        "Id" => Kind::Id("a0X"),
        _ if ends(&["_ID", "_IDENTIFIER"]) => Kind::Id("a0X"),
        _ => Kind::Sentence,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::catalogue;

    #[test]
    fn every_text_column_has_a_recipe_of_its_own() {
        let mut missing = Vec::new();
        for each in catalogue::known().iter().chain(&catalogue::unknown()) {
            for (column, declared) in &each.columns {
                if named(&each.name, column).is_none()
                    && !matches!(declared.as_str(), "Number" | "Boolean")
                {
                    missing.push(format!("{}.{column}", each.name));
                }
            }
        }
        assert!(missing.is_empty(), "{missing:?}");
    }

    #[test]
    fn no_recipe_is_for_a_column_that_does_not_exist() {
        let all = catalogue::known();
        let has = |event_type: &str, column: &str| {
            all.iter().any(|each| {
                (event_type.is_empty() || each.name == event_type)
                    && each.columns.iter().any(|(name, _)| name == column)
            })
        };
        for (column, _) in by_name::KINDS {
            assert!(has("", column), "{column}");
        }
        for (event_type, column, _) in by_type::KINDS {
            assert!(has(event_type, column), "{event_type}.{column}");
        }
    }

    #[test]
    fn a_long_id_names_the_column_its_short_form_is_in() {
        for each in catalogue::known() {
            for column in columns(&each) {
                if let Kind::Long(prefix, short) = column.kind {
                    let short = columns(&each).into_iter().find(|other| other.name == short);
                    assert!(short.is_some_and(|s| s.kind == Kind::Id(prefix)), "{column:?}");
                }
            }
        }
    }
}
