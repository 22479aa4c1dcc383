//! An org whose event log files come to look otherwise while a daemon runs.

use orgtap_simorg::Call;
use orgtap_simorg::world::Interval;

use crate::daemon::{Daemon, wait_until};
use crate::support::{FILES, Scene, small_world};

#[test]
fn an_org_that_loses_its_hourly_files_is_collected_on_without_them() {
    let scene = Scene::new(small_world(93));
    let files = "  event_log_files: { interval: auto }\n  poll_interval: 1s\n";
    scene.configure(files, FILES);
    scene.collect_all();
    let described = || scene.org.stats().of(Call::Describe);
    let status = || scene.run(&["status", "--json"]);
    let one = || status().json()["connectors"][0].clone();
    let daemon = Daemon::start(&mut scene.command(&["run"]));
    wait_until("it has polled", || status().code == Some(0) && one()["last_poll_ok"] == true);
    let before = described();

    scene.org.change(|org| org.interval_column = false);
    wait_until("it has asked for the columns anew", || described() > before);
    let polled = one()["last_poll"].clone();
    wait_until("it has polled", || {
        let one = one();
        assert_eq!(one["state"], "active", "{one:#}");
        one["last_poll"] != polled && one["last_poll_ok"] == true
    });
    assert_eq!(described(), before + 1, "a column that is gone is asked for once");
    assert_eq!(daemon.stop().code, Some(0));
    scene.compare(Interval::Both);
}
