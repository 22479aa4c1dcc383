//! The behaviour suite over SQLite and over the ledger in memory, random histories, and crashes.

mod crash;
mod history;
mod memory;
mod rollups;
mod sqlite;
mod states;
