//! What it ran on.

use std::fs;
use std::path::Path;

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

/// Why figures of now are worth little, if they are.
pub(crate) fn busy() -> Option<String> {
    let load: f64 = read("/proc/loadavg").split_whitespace().next()?.parse().ok()?;
    (load > 0.5).then(|| {
        format!(
            "The machine was busy with something else when this began (load {load:.1}): walls and \
             ratios of walls are worth little, CPU somewhat more."
        )
    })
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}
