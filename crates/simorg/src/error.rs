//! What can be wrong with an order to the simulated org. What goes wrong inside the org is an
//! answer, never an error.

use std::net::SocketAddr;

/// An order that could not be carried out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The address to listen at cannot be had.
    #[error("cannot listen at {0}")]
    Listen(SocketAddr, #[source] std::io::Error),
    /// The clock cannot be moved so.
    #[error("cannot move the clock: {0}")]
    Clock(String),
    /// No such fault, preset or kind of call, or a rule that cannot be read.
    #[error("cannot set the fault: {0}")]
    Fault(String),
    /// An order over HTTP that cannot be read.
    #[error("cannot read the order: {0}")]
    Control(String),
}
