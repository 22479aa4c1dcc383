//! What the org says about itself and about the signed-in user: permissions, permission sets,
//! edition. Asked only when a person wants to know, by Test Connection and the set-up check.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::call::Call;
use crate::describe::LogFileShape;
use crate::error::{Error, ErrorKind};
use crate::org::Org;
use crate::{soql, time};

/// What kind of org it is, as far as it says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Organization {
    /// Its name.
    pub name: Option<String>,
    /// Its edition, for example `Enterprise Edition`.
    pub edition: Option<String>,
    /// The instance it lives on, for example `USA123`.
    pub instance: Option<String>,
    /// Whether it is a sandbox.
    pub is_sandbox: Option<bool>,
    /// When its trial ends, if it is one.
    pub trial_ends: Option<Timestamp>,
}

/// Most columns one question asks for: more make the address too long.
const MOST_COLUMNS: usize = 40;

impl Org {
    /// Which of these permissions (API names such as `ViewEventLogFiles`) the signed-in user has.
    /// None for one the org does not know or does not tell.
    pub async fn permissions(
        &self,
        names: &[&str],
    ) -> Result<BTreeMap<String, Option<bool>>, Error> {
        let mut held: BTreeMap<String, Option<bool>> =
            names.iter().map(|name| ((*name).to_owned(), None)).collect();
        let mut asked: Vec<&str> = names.iter().take(MOST_COLUMNS).copied().collect();
        // A column the org lacks fails the whole question, which then is asked without it.
        while !asked.is_empty() {
            let columns: Vec<String> =
                asked.iter().map(|name| format!("Permissions{name}")).collect();
            let soql = format!("SELECT {} FROM UserPermissionAccess", columns.join(", "));
            match self.select(&soql).await {
                Ok(rows) => {
                    let row = rows.into_iter().next().unwrap_or_default();
                    for (name, column) in asked.iter().zip(columns) {
                        held.insert((*name).to_owned(), row.get(&column).and_then(Value::as_bool));
                    }
                    break;
                }
                Err(error) => {
                    let ErrorKind::InvalidField(column) = error.kind() else {
                        return unknown(error, held);
                    };
                    let before = asked.len();
                    let name = column.strip_prefix("Permissions").unwrap_or(column);
                    asked.retain(|asked| !asked.eq_ignore_ascii_case(name));
                    if asked.len() == before {
                        return unknown(error, held);
                    }
                }
            }
        }
        Ok(held)
    }

    /// What the org says about itself.
    pub async fn organization(&self) -> Result<Organization, Error> {
        let soql = "SELECT Name, OrganizationType, InstanceName, IsSandbox, TrialExpirationDate \
                    FROM Organization";
        let row = self.select(soql).await?.into_iter().next().unwrap_or_default();
        let text = |name: &str| row.get(name).and_then(Value::as_str).map(str::to_owned);
        Ok(Organization {
            name: text("Name"),
            edition: text("OrganizationType"),
            instance: text("InstanceName"),
            is_sandbox: row.get("IsSandbox").and_then(Value::as_bool),
            trial_ends: text("TrialExpirationDate").and_then(|text| time::parse(&text)),
        })
    }

    /// Names of the permission sets the signed-in user has. None if the user may not see them,
    /// which needs the permission View Setup and Configuration.
    pub async fn permission_sets(&self) -> Result<Option<Vec<String>>, Error> {
        let user = self.connect().await?.user_id;
        let soql = format!(
            "SELECT PermissionSet.Name FROM PermissionSetAssignment WHERE AssigneeId = {}",
            soql::quote(&user)
        );
        let rows = match self.select(&soql).await {
            Ok(rows) => rows,
            Err(error) if is_hidden(&error) => return Ok(None),
            Err(error) => return Err(error),
        };
        let name = |row: &Map<String, Value>| {
            Some(row.get("PermissionSet")?.get("Name")?.as_str()?.to_owned())
        };
        Ok(Some(rows.iter().filter_map(name).collect()))
    }

    /// When the oldest log file the org still has was made: a lower bound of its retention.
    pub async fn oldest_log_file(&self, shape: &LogFileShape) -> Result<Option<Timestamp>, Error> {
        let interval = if shape.has_interval { "WHERE Interval = 'Daily' " } else { "" };
        let soql = format!(
            "SELECT CreatedDate FROM EventLogFile {interval}ORDER BY CreatedDate ASC LIMIT 1"
        );
        let rows = self.select(&soql).await?;
        let text = rows.first().and_then(|row| row.get("CreatedDate")).and_then(Value::as_str);
        Ok(text.and_then(time::parse))
    }

    /// The rows of a query whose answer is one page.
    async fn select(&self, soql: &str) -> Result<Vec<Map<String, Value>>, Error> {
        let mut answer = self.ask_account(soql).await?;
        let Some(Value::Array(records)) = answer.get_mut("records").map(Value::take) else {
            return Err(Error::new(ErrorKind::BadAnswer, "no records").during(Call::Account));
        };
        let rows = records.into_iter().filter_map(|record| match record {
            Value::Object(row) => Some(row),
            _ => None,
        });
        Ok(rows.collect())
    }
}

/// Whether an object or column is hidden from the user, or not there at all.
fn is_hidden(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::PermissionMissing | ErrorKind::InvalidField(_))
}

/// What is not told is unknown; anything else is a failure.
fn unknown(
    error: Error,
    held: BTreeMap<String, Option<bool>>,
) -> Result<BTreeMap<String, Option<bool>>, Error> {
    if is_hidden(&error) { Ok(held) } else { Err(error) }
}
