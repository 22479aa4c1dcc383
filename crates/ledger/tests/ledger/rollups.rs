//! The cases about rollups over SQLite files.

use orgtap_ledger::{SqliteLedger, suite};

use crate::sqlite::Folder;

async fn fresh() -> (Folder, SqliteLedger) {
    let folder = Folder::new();
    let ledger = SqliteLedger::open(&folder.path()).await.expect("a ledger");
    (folder, ledger)
}

macro_rules! cases {
    ($($case:ident)*) => {
        $(
            #[tokio::test]
            async fn $case() {
                let (_folder, ledger) = fresh().await;
                suite::$case(&ledger).await;
            }
        )*
    };
}

cases! {
    a_unit_is_counted_once_and_not_before_it_is_admitted
    what_leaves_the_spool_uncounted_is_told
    counts_add_up_over_hours_days_weeks_and_connectors
    what_users_do_is_kept_and_joined
    what_is_too_old_is_forgotten_in_small_steps
    no_number_is_too_large_to_be_added
}
