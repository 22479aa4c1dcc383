//! Several statements in one go.
//!
//! The driver runs a connection on a thread of its own, and to hand it one statement costs more
//! than most statements do. So statements whose answers nobody waits for go together. Scripts of
//! the same statements have the same text, and the driver keeps them prepared.

use sqlx::error::BoxDynError;
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{Arguments, AssertSqlSafe, Encode, Sqlite, SqliteConnection, Type};

use super::dialect::{self, Stop};

/// Statements in one script at most: more would only make texts that never come again.
const MOST: usize = 32;

/// Statements with what is bound to them.
#[derive(Default)]
pub(super) struct Script {
    text: String,
    bound: SqliteArguments,
    statements: usize,
    wrong: Option<BoxDynError>,
}

impl Script {
    /// Adds a statement. What is bound from now on is its $1, $2 and so on, and it must be all.
    pub(super) fn push(&mut self, statement: &'static str) -> &mut Self {
        let before = self.bound.len();
        let mut parts = statement.split('$');
        self.text.push_str(parts.next().unwrap_or_default());
        for part in parts {
            let digits = part.bytes().take_while(u8::is_ascii_digit).count();
            let (number, rest) = part.split_at(digits);
            let number: usize = number.parse().unwrap_or_default();
            self.text.push('$');
            self.text.push_str(&(before + number).to_string());
            self.text.push_str(rest);
        }
        self.text.push(';');
        self.statements += 1;
        self
    }

    /// Binds the next value of the last statement.
    pub(super) fn bind<'t, T>(&mut self, value: T) -> &mut Self
    where
        T: Encode<'t, Sqlite> + Type<Sqlite>,
    {
        if let Err(error) = self.bound.add(value) {
            self.wrong = Some(error);
        }
        self
    }

    /// Whether it should be run before more is added.
    pub(super) const fn is_full(&self) -> bool {
        self.statements >= MOST
    }

    /// Runs the statements, and ends the transaction they are in for good.
    pub(super) async fn commit(&mut self, conn: &mut SqliteConnection) -> Result<(), Stop> {
        self.push(dialect::COMMIT);
        self.run(conn).await?;
        Ok(())
    }

    /// Runs the statements and empties the script. Answers how many rows they changed together.
    pub(super) async fn run(&mut self, conn: &mut SqliteConnection) -> Result<u64, Stop> {
        if self.statements == 0 {
            return Ok(0);
        }
        let (text, bound) = self.take()?;
        let done = sqlx::query_with(AssertSqlSafe(text), bound).execute(conn).await?;
        Ok(done.rows_affected())
    }

    /// Runs the statements and empties the script. Answers the rows of all of them.
    pub(super) async fn rows(
        &mut self,
        conn: &mut SqliteConnection,
    ) -> Result<Vec<SqliteRow>, Stop> {
        if self.statements == 0 {
            return Ok(Vec::new());
        }
        let (text, bound) = self.take()?;
        Ok(sqlx::query_with(AssertSqlSafe(text), bound).fetch_all(conn).await?)
    }

    fn take(&mut self) -> Result<(String, SqliteArguments), Stop> {
        self.statements = 0;
        match self.wrong.take() {
            Some(error) => Err(sqlx::Error::Encode(error).into()),
            None => Ok((std::mem::take(&mut self.text), std::mem::take(&mut self.bound))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_statement_has_numbers_of_its_own() {
        let mut script = Script::default();
        script.push("a $1 $2").bind(1_i64).bind("x").push("b").push("c $2, $1").bind(2_i64);
        assert_eq!(script.text, "a $1 $2;b;c $4, $3;");
        assert_eq!((script.statements, script.bound.len()), (3, 3));
    }
}
