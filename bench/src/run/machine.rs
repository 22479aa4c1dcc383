//! What it ran on.

use std::fs;
use std::path::Path;
use std::time::Duration;

use super::tools::first_line;

/// What of the machine matters, by name.
pub(crate) fn described() -> Vec<(String, String)> {
    let cpuinfo = read("/proc/cpuinfo");
    let model = cpuinfo
        .lines()
        .find_map(|line| Some(line.strip_prefix("model name")?.split_once(':')?.1.trim()))
        .unwrap_or("unknown");
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let memory = read("/proc/meminfo")
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:")?.trim().strip_suffix(" kB")?.parse().ok())
        .unwrap_or(0_u64);
    let virtual_machine = if cpuinfo.contains("hypervisor") { " (virtual machine)" } else { "" };
    [
        ("processor", format!("{model}, {cores} cores{virtual_machine}")),
        ("memory", format!("{:.1} GiB", memory as f64 / 1024.0 / 1024.0)),
        ("kernel", read("/proc/sys/kernel/osrelease").trim().to_owned()),
        ("sources", first_line(Path::new("git"), &["describe", "--always", "--dirty"])),
        ("rustc", first_line(Path::new("rustc"), &["--version"])),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .to_vec()
}

/// How long it is looked whether the machine is busy.
const LOOK: Duration = Duration::from_secs(2);

/// Why figures of now are worth little, if they are. What ran before does not count, such as the build
/// of what is to be measured.
pub(crate) fn busy() -> Option<String> {
    let (work, all) = ticks()?;
    std::thread::sleep(LOOK);
    let (work_later, all_later) = ticks()?;
    let share = 100.0 * (work_later - work) as f64 / (all_later - all).max(1) as f64;
    (share > 10.0).then(|| {
        format!(
            "The machine was busy with something else when this began ({share:.0} % of its \
             processors): walls and ratios of walls are worth little, CPU somewhat more."
        )
    })
}

/// Ticks of all processors at work, what others took of them included; and all ticks.
fn ticks() -> Option<(u64, u64)> {
    let stat = read("/proc/stat");
    let numbers = stat.lines().next()?.strip_prefix("cpu ")?.split_whitespace();
    let numbers: Vec<u64> = numbers.map_while(|number| number.parse().ok()).collect();
    // user nice system idle iowait irq softirq steal; what guests took is part of user and nice.
    let [user, nice, system, idle, iowait, irq, softirq, steal] = *numbers.first_chunk()?;
    let work = user + nice + system + irq + softirq + steal;
    Some((work, work + idle + iowait))
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_counted_and_only_grow() {
        let (work, all) = ticks().unwrap();
        let mut sum = 0_u64;
        while ticks().unwrap().1 < all + 5 {
            sum = std::hint::black_box(sum.wrapping_add(1));
        }
        let (work_later, all_later) = ticks().unwrap();
        assert!(work_later > work && all_later >= all + 5 && work_later - work <= all_later - all);
    }
}
