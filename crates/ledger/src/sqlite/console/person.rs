//! People, their roles and the hashes of their passwords.

use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};

use crate::sqlite::dialect::Stop;
use crate::{Person, PersonChange, PersonId};

/// Columns of a person `p`.
macro_rules! person_columns {
    () => {
        "p.id as person, p.name as person_name, p.role as person_role, p.made_at as person_made_at,
         p.signed_in_at"
    };
}
pub(super) use person_columns;

const ALL: &str =
    concat!("select ", person_columns!(), " from console_person p order by p.name collate nocase");
const OF_NAME: &str =
    concat!("select p.password, ", person_columns!(), " from console_person p where p.name = $1");
const ADD: &str = "
    insert into console_person (name, role, password, made_at) values ($1, $2, $3, $4)
    on conflict do nothing returning id";
const SET_PASSWORD: &str = "update console_person set password = $2 where id = $1";
const SET_ROLE: &str = "update console_person set role = $2 where id = $1";
const REMOVE: &str = "delete from console_person where id = $1";
const ROLE: &str = "select role from console_person where id = $1";
const OTHER_ADMINISTRATORS: &str =
    "select count(*) from console_person where role = 'administrator' and id <> $1";

/// Reads the columns of [`person_columns`].
pub(super) fn read(row: &SqliteRow) -> Result<Person, Stop> {
    Ok(Person {
        id: row.try_get("person")?,
        name: row.try_get("person_name")?,
        role: row.try_get("person_role")?,
        made_at: row.try_get("person_made_at")?,
        signed_in_at: row.try_get("signed_in_at")?,
    })
}

pub(super) async fn all(conn: &mut SqliteConnection) -> Result<Vec<Person>, Stop> {
    sqlx::query(ALL).fetch_all(conn).await?.iter().map(read).collect()
}

pub(super) async fn of_name(
    conn: &mut SqliteConnection,
    name: &str,
) -> Result<Option<(Person, String)>, Stop> {
    let row = sqlx::query(OF_NAME).bind(name).fetch_optional(conn).await?;
    row.map(|row| Ok((read(&row)?, row.try_get("password")?))).transpose()
}

pub(super) async fn add(
    conn: &mut SqliteConnection,
    name: &str,
    role: &str,
    password: &str,
    now: i64,
) -> Result<Option<PersonId>, Stop> {
    let query = sqlx::query_scalar(ADD).bind(name).bind(role).bind(password).bind(now);
    Ok(query.fetch_optional(conn).await?)
}

pub(super) async fn set_password(
    conn: &mut SqliteConnection,
    person: PersonId,
    password: &str,
) -> Result<bool, Stop> {
    let done = sqlx::query(SET_PASSWORD).bind(person).bind(password).execute(&mut *conn).await?;
    super::access::end_sessions(conn, person).await?;
    Ok(done.rows_affected() > 0)
}

pub(super) async fn set_role(
    conn: &mut SqliteConnection,
    person: PersonId,
    role: &str,
) -> Result<PersonChange, Stop> {
    if let Some(refused) = refused(conn, person, role == "administrator").await? {
        return Ok(refused);
    }
    sqlx::query(SET_ROLE).bind(person).bind(role).execute(&mut *conn).await?;
    super::access::end_sessions(conn, person).await?;
    Ok(PersonChange::Done)
}

pub(super) async fn remove(
    conn: &mut SqliteConnection,
    person: PersonId,
) -> Result<PersonChange, Stop> {
    if let Some(refused) = refused(conn, person, false).await? {
        return Ok(refused);
    }
    sqlx::query(REMOVE).bind(person).execute(conn).await?;
    Ok(PersonChange::Done)
}

/// Why a person cannot be changed, if they will be an administrator afterwards or not.
async fn refused(
    conn: &mut SqliteConnection,
    person: PersonId,
    stays: bool,
) -> Result<Option<PersonChange>, Stop> {
    let role: Option<String> =
        sqlx::query_scalar(ROLE).bind(person).fetch_optional(&mut *conn).await?;
    let Some(role) = role else { return Ok(Some(PersonChange::Gone)) };
    if stays || role != "administrator" {
        return Ok(None);
    }
    let others: i64 = sqlx::query_scalar(OTHER_ADMINISTRATORS).bind(person).fetch_one(conn).await?;
    Ok((others == 0).then_some(PersonChange::LastAdministrator))
}
