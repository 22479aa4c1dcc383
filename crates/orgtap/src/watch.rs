//! Progress bars while a pass runs, on a terminal only.

use std::io::IsTerminal;
use std::sync::Arc;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use orgtap_collector::Progress;
use orgtap_transport::words::{bytes, count};

/// Bars for one connector; gone when dropped.
pub(crate) struct Watch {
    task: tokio::task::JoinHandle<()>,
    bars: MultiProgress,
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.task.abort();
        // The bars are decoration; a terminal that is gone is no failure.
        drop(self.bars.clear());
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

/// Shows a connector's progress on standard error, if that is a terminal and `wanted`.
pub(crate) fn watch(connector: &str, progress: &Arc<Progress>, wanted: bool) -> Option<Watch> {
    if !wanted || !std::io::stderr().is_terminal() {
        return None;
    }
    let bars = MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
    let bar = |name: &str| {
        let bar = bars.add(ProgressBar::new(0));
        bar.set_style(style("{prefix:>14} {bar:28.cyan/dim} {pos:>7}/{len:<7} {msg}"));
        bar.set_prefix(name.to_owned());
        bar
    };
    let fetch = bar(connector);
    let outs: Vec<(String, ProgressBar)> =
        progress.destinations.keys().map(|name| (name.clone(), bar(name))).collect();
    let progress = Arc::clone(progress);
    let task = tokio::spawn(async move {
        let mut tick = tokio::time::interval(Duration::from_millis(100));
        loop {
            tick.tick().await;
            let listed = Progress::get(&progress.listed);
            fetch.set_length(listed);
            fetch.set_position(Progress::get(&progress.fetched).min(listed));
            fetch.set_message(format!(
                "files, {} of events",
                bytes(Progress::get(&progress.raw_bytes))
            ));
            for (name, out) in &outs {
                let Some(delivered) = progress.destinations.get(name) else { continue };
                out.set_length(listed);
                out.set_position(Progress::get(&delivered.units).min(listed));
                out.set_message(format!(
                    "files, {} events",
                    count(Progress::get(&delivered.events))
                ));
            }
        }
    });
    Some(Watch { task, bars })
}
