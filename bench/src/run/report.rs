//! What came of the comparisons, as tables for people and JSON for programs.

use serde::Serialize;

use super::measure::Figures;

/// One side of a comparison: what ran, over how much, and what each run took.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Side {
    /// What ran.
    pub(crate) name: String,
    /// Bytes of CSV each run went over.
    pub(crate) bytes: u64,
    /// Each run.
    pub(crate) runs: Vec<Figures>,
}

impl Side {
    /// Seconds from start to end, the median.
    pub(crate) fn wall(&self) -> f64 {
        median(self.runs.iter().map(|run| run.wall))
    }

    /// Seconds of processor time, the median.
    pub(crate) fn cpu(&self) -> f64 {
        median(self.runs.iter().map(|run| run.cpu))
    }

    /// Most memory any run took, MiB.
    pub(crate) fn peak(&self) -> f64 {
        let peak = self.runs.iter().map(|run| run.peak).max().unwrap_or_default();
        peak as f64 / 1024.0 / 1024.0
    }

    /// Bytes for a second, by the clock.
    pub(crate) fn rate(&self) -> f64 {
        self.bytes as f64 / self.wall()
    }

    /// Seconds of processor time for a gigabyte of CSV.
    pub(crate) fn cpu_per_gb(&self) -> f64 {
        self.cpu() * 1e9 / self.bytes as f64
    }
}

/// The middle one; with an even number, between the two in the middle. Not a number for none.
pub(crate) fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut sorted: Vec<f64> = values.collect();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => f64::NAN,
        odd if odd % 2 == 1 => sorted[middle],
        _ => f64::midpoint(sorted[middle - 1], sorted[middle]),
    }
}

/// What a figure must be.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Wanted {
    AtLeast(f64),
    AtMost(f64),
}

/// What a figure counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Unit {
    /// So many times.
    Times,
    /// A share.
    Percent,
    /// Memory.
    MiB,
}

impl Unit {
    fn shown(self, value: f64) -> String {
        match self {
            Self::Times => format!("{value:.2} x"),
            Self::Percent => format!("{value:.1} %"),
            Self::MiB => format!("{value:.1} MiB"),
        }
    }
}

/// A figure and what it must be.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Target {
    /// What the figure is.
    pub(crate) what: String,
    /// Its value.
    pub(crate) found: f64,
    /// What it must be.
    pub(crate) wanted: Wanted,
    /// What it counts.
    pub(crate) unit: Unit,
}

impl Target {
    /// Makes one.
    pub(crate) fn new(what: impl Into<String>, found: f64, wanted: Wanted, unit: Unit) -> Self {
        Self { what: what.into(), found, wanted, unit }
    }

    /// Whether it is met; a figure that is not a number never is.
    pub(crate) fn is_met(&self) -> bool {
        match self.wanted {
            Wanted::AtLeast(least) => self.found >= least,
            Wanted::AtMost(most) => self.found <= most,
        }
    }

    fn wish(&self) -> String {
        match self.wanted {
            Wanted::AtLeast(least) => format!("at least {}", self.unit.shown(least)),
            Wanted::AtMost(most) => format!("at most {}", self.unit.shown(most)),
        }
    }

    fn verdict(&self) -> &'static str {
        if self.is_met() { "met" } else { "MISSED" }
    }
}

/// A comparison that ran, or failed to.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Comparison {
    /// Its name on the command line.
    pub(crate) name: String,
    /// What is compared.
    pub(crate) title: String,
    /// What ran.
    pub(crate) sides: Vec<Side>,
    /// What is wanted.
    pub(crate) targets: Vec<Target>,
    /// What else is to be said.
    pub(crate) notes: Vec<String>,
    /// Why there is nothing.
    pub(crate) failure: Option<String>,
}

impl Comparison {
    /// The comparison as a section of a page.
    pub(crate) fn section(&self) -> String {
        let mut out = format!("## {}: {}\n", self.name, self.title);
        if let Some(failure) = &self.failure {
            out += &format!("\nFAILED: {failure}\n");
        }
        if !self.sides.is_empty() {
            let head = ["", "CSV", "wall", "rate", "CPU", "CPU for a GB", "peak memory", "runs"];
            let mut rows = vec![head.map(str::to_owned).to_vec()];
            rows.extend(self.sides.iter().map(side));
            out += &format!("\n{}", table(&rows));
        }
        if !self.targets.is_empty() {
            out += &format!("\n{}", targets(self.targets.iter()));
        }
        let mut list = false;
        for note in &self.notes {
            // Items of a list stand together.
            let item = note.starts_with("- ");
            out += if item && list { "" } else { "\n" };
            out += &format!("{note}\n");
            list = item;
        }
        out
    }
}

fn side(side: &Side) -> Vec<String> {
    vec![
        side.name.clone(),
        size(side.bytes),
        format!("{:.3} s", side.wall()),
        format!("{:.0} MB/s", side.rate() / 1e6),
        format!("{:.3} s", side.cpu()),
        format!("{:.2} s", side.cpu_per_gb()),
        format!("{:.1} MiB", side.peak()),
        side.runs.len().to_string(),
    ]
}

/// The table of these targets.
pub(crate) fn targets<'a>(all: impl Iterator<Item = &'a Target>) -> String {
    let mut rows = vec![["target", "wanted", "found", ""].map(str::to_owned).to_vec()];
    rows.extend(all.map(|target| {
        vec![
            target.what.clone(),
            target.wish(),
            target.unit.shown(target.found),
            target.verdict().to_owned(),
        ]
    }));
    table(&rows)
}

/// Bytes as a person reads them, in powers of ten.
pub(crate) fn size(bytes: u64) -> String {
    match bytes {
        0..1_000_000 => format!("{:.0} kB", bytes as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.0} MB", bytes as f64 / 1e6),
        _ => format!("{:.2} GB", bytes as f64 / 1e9),
    }
}

/// A table in Markdown, the first row its head, aligned so that it reads well as text too. All
/// columns but the first are aligned to the right, unless they hold words.
pub(crate) fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.first().map_or(0, Vec::len);
    let widths: Vec<usize> = (0..columns)
        .map(|column| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0).max(3))
        .collect();
    let right: Vec<bool> = (0..columns)
        .map(|column| {
            column > 0
                && rows.iter().skip(1).all(|row| row[column].starts_with(|c: char| c.is_numeric()))
        })
        .collect();
    let line = |cells: &[String]| {
        let mut out = String::from("|");
        for (column, cell) in cells.iter().enumerate() {
            let pad = " ".repeat(widths[column] - cell.chars().count());
            out +=
                &if right[column] { format!(" {pad}{cell} |") } else { format!(" {cell}{pad} |") };
        }
        out + "\n"
    };
    let mut out = String::new();
    for (number, row) in rows.iter().enumerate() {
        out += &line(row);
        if number == 0 {
            let rule = |(column, width): (usize, &usize)| {
                if right[column] { "-".repeat(width - 1) + ":" } else { "-".repeat(*width) }
            };
            out += &line(&widths.iter().enumerate().map(rule).collect::<Vec<_>>());
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_one_in_the_middle() {
        let of = |values: &[f64]| median(values.iter().copied());
        assert!((of(&[3.0, 1.0, 2.0]) - 2.0).abs() < 1e-9);
        assert!((of(&[4.0, 1.0, 2.0, 3.0]) - 2.5).abs() < 1e-9);
        assert!((of(&[9.0]) - 9.0).abs() < 1e-9);
        assert!(of(&[]).is_nan());
    }

    #[test]
    fn a_table_lines_up_and_figures_are_on_the_right() {
        let row = |cells: [&str; 3]| cells.map(str::to_owned).to_vec();
        let shown = table(&[row(["", "wall", "is"]), row(["é", "1.5 s", "met"])]);
        let expected = "|     |  wall | is  |\n| --- | ----: | --- |\n| é   | 1.5 s | met |\n";
        assert_eq!(shown, expected);
    }

    #[test]
    fn targets_are_met_or_missed_on_the_right_side() {
        let target = |found, wanted| Target::new("x", found, wanted, Unit::Times);
        assert!(target(4.0, Wanted::AtLeast(4.0)).is_met());
        assert!(!target(3.99, Wanted::AtLeast(4.0)).is_met());
        assert!(target(3.99, Wanted::AtMost(4.0)).is_met());
        assert!(!target(4.01, Wanted::AtMost(4.0)).is_met());
        assert!(!target(f64::NAN, Wanted::AtMost(4.0)).is_met());
        let shown = targets([target(3.0, Wanted::AtLeast(4.0))].iter());
        assert!(shown.contains("| at least 4.00 x | 3.00 x | MISSED |"), "{shown}");
    }

    #[test]
    fn rates_are_of_the_median_and_the_peak_of_the_worst() {
        let run = |wall, cpu, peak| Figures { wall, cpu, peak };
        let runs = vec![run(2.0, 1.0, 1 << 20), run(1.0, 3.0, 3 << 20), run(9.0, 2.0, 2 << 20)];
        let side = Side { name: "x".into(), bytes: 4_000_000_000, runs };
        assert!((side.rate() - 2e9).abs() < 1.0);
        assert!((side.cpu_per_gb() - 0.5).abs() < 1e-9);
        assert!((side.peak() - 3.0).abs() < 1e-9);
    }
}
