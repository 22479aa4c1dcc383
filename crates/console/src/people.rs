//! What is done to people, for the pages and the API alike.

use orgtap_ledger::{Person, PersonChange, PersonId};
use zeroize::Zeroizing;

use crate::app::App;
use crate::error::{Error, Result};
use crate::security::{Role, Viewer, check_new_password, check_person_name};

/// All people, for administrators.
pub(crate) async fn all(app: &App, viewer: &Viewer) -> Result<Vec<Person>> {
    viewer.may(Role::Administrator)?;
    Ok(app.door().people().await?)
}

/// Adds a person.
pub(crate) async fn add(
    app: &App,
    viewer: &Viewer,
    name: &str,
    role: Role,
    password: Zeroizing<String>,
) -> Result<PersonId> {
    viewer.did("person.add", format!("{name}, {role}"));
    viewer.may(Role::Administrator)?;
    check_person_name(name)?;
    check_new_password(&password, name)?;
    let password = app.passwords().hash(password).await?;
    let added = app.door().add_person(name, role.name(), &password, app.now()).await?;
    added.ok_or_else(|| Error::conflict(format!("there is a person {name} already")))
}

/// Sets another's password, and ends their sessions.
pub(crate) async fn set_password(
    app: &App,
    viewer: &Viewer,
    name: &str,
    password: Zeroizing<String>,
) -> Result<()> {
    viewer.did("person.password", name);
    viewer.may(Role::Administrator)?;
    let person = of_name(app, name).await?;
    check_new_password(&password, name)?;
    let password = app.passwords().hash(password).await?;
    app.door().set_password(person.id, &password).await?;
    Ok(())
}

/// Sets a role, and ends the person's sessions.
pub(crate) async fn set_role(app: &App, viewer: &Viewer, name: &str, role: Role) -> Result<()> {
    viewer.did("person.role", format!("{name}, {role}"));
    viewer.may(Role::Administrator)?;
    let person = of_name(app, name).await?;
    changed(app.door().set_role(person.id, role.name()).await?, name)
}

/// Removes a person with their sessions and tokens.
pub(crate) async fn remove(app: &App, viewer: &Viewer, name: &str) -> Result<()> {
    viewer.did("person.remove", name);
    viewer.may(Role::Administrator)?;
    let person = of_name(app, name).await?;
    changed(app.door().remove_person(person.id).await?, name)
}

async fn of_name(app: &App, name: &str) -> Result<Person> {
    let found = app.door().person(name).await?;
    found.map(|(person, _)| person).ok_or_else(|| no_person(name))
}

fn no_person(name: &str) -> Error {
    Error::no(format!("person {name}"))
}

fn changed(change: PersonChange, name: &str) -> Result<()> {
    match change {
        PersonChange::Done => Ok(()),
        PersonChange::Gone => Err(no_person(name)),
        PersonChange::LastAdministrator => {
            let message = format!("{name} is the last administrator; make another one first");
            Err(Error::conflict(message))
        }
    }
}
