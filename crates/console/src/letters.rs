//! What is done with dead letters, for the pages and the API alike.

use orgtap_ledger::{LetterChoice, LetterId, LettersAsked};

use crate::app::App;
use crate::error::{Error, Result};
use crate::security::{Role, Viewer};

/// Dead letters replayed at once.
const MOST: usize = 10_000;

/// Replays all open dead letters of a connector, up to a number. Answers how many.
pub(crate) async fn replay_all(app: &App, viewer: &Viewer, connector: &str) -> Result<usize> {
    viewer.may(Role::Operator)?;
    viewer.did("letters.replay", connector);
    let letters = app.ledger().letters(&LetterChoice::of(connector), MOST).await?;
    let letters: Vec<LetterId> = letters.iter().map(|found| found.id).collect();
    taken(&app.ledger().replay_letters(&letters, app.now()).await?)?;
    Ok(letters.len())
}

/// Replays one.
pub(crate) async fn replay(
    app: &App,
    viewer: &Viewer,
    connector: &str,
    letter: LetterId,
) -> Result<()> {
    viewer.may(Role::Operator)?;
    viewer.did("letters.replay", format!("{connector}/{letter}"));
    let letters = [own(app, connector, letter).await?];
    taken(&app.ledger().replay_letters(&letters, app.now()).await?)
}

/// Refused if some were not taken; all others are on their way.
fn taken(asked: &LettersAsked) -> Result<()> {
    asked.refusal().map_or(Ok(()), |refusal| Err(Error::conflict(refusal)))
}

/// Closes one for good.
pub(crate) async fn dismiss(
    app: &App,
    viewer: &Viewer,
    connector: &str,
    letter: LetterId,
) -> Result<()> {
    viewer.may(Role::Operator)?;
    viewer.did("letters.dismiss", format!("{connector}/{letter}"));
    app.ledger().dismiss(&[own(app, connector, letter).await?], app.now()).await?;
    Ok(())
}

/// The letter, if it is an open one of this connector.
async fn own(app: &App, connector: &str, letter: LetterId) -> Result<LetterId> {
    let choice = LetterChoice { letter: Some(letter), ..LetterChoice::of(connector) };
    let found = app.ledger().letters(&choice, 1).await?;
    let found = found.first().map(|found| found.id);
    found.ok_or_else(|| Error::no("open dead letter of that number"))
}
