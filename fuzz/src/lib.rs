//! What reads hostile input, as functions over any bytes.
//!
//! Each function feeds the bytes to one reader of the product and asserts what must hold for
//! every input: no panic, no difference to a slow and obvious reader, nothing lost. cargo-fuzz
//! calls them without end (`cargo x fuzz`); the tests call them on the seeds and on changed copies
//! of those, so that the stable toolchain and every test run has them too.

mod configuration;
mod csv_reader;
mod ids;
mod json_escape;
mod raw_event;
mod soql_results;
mod times;

pub use configuration::configuration;
pub use csv_reader::csv_reader;
pub use ids::ids;
pub use json_escape::json_escape;
pub use raw_event::raw_event;
pub use soql_results::soql_results;
pub use times::times;

/// A function under fuzzing.
pub type Target = fn(&[u8]);

/// Every target by its name, which is that of its folder of seeds.
pub const TARGETS: &[(&str, Target)] = &[
    ("configuration", configuration),
    ("csv_reader", csv_reader),
    ("ids", ids),
    ("json_escape", json_escape),
    ("raw_event", raw_event),
    ("soql_results", soql_results),
    ("times", times),
];
