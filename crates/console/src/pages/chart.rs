//! Charts, drawn as SVG: lines over time. What a chart shows stands in a table behind it as well.
//!
//! The drawing is stretched to its place, so it holds no text; labels stand around it.

use std::fmt::Write as _;

use orgtap_transport::words;

/// Width and height of the drawing's own coordinates.
const WIDTH: f64 = 1_000.0;
const HEIGHT: f64 = 200.0;
/// Lines that have a colour of their own.
pub(crate) const COLOURS: usize = 8;

/// Lines over time, ready for a template.
#[derive(Debug, Clone)]
pub(crate) struct Chart {
    /// What it shows, for those who do not see it.
    pub(crate) about: String,
    /// The inside of the SVG element.
    pub(crate) drawing: String,
    /// Labels of the upright axis, from the top.
    pub(crate) up: Vec<String>,
    /// Labels of the level axis, from the left.
    pub(crate) along: Vec<String>,
    /// Names of the lines, in their colours' order.
    pub(crate) lines: Vec<String>,
}

impl Chart {
    /// Draws lines of values at evenly spaced times. All lines have as many values as `along` has
    /// labels; of these at most five are shown.
    pub(crate) fn new(about: String, along: &[String], lines: &[(String, Vec<f64>)]) -> Self {
        let most = lines.iter().flat_map(|(_, values)| values).copied().fold(0.0, f64::max);
        let top = round_up(most);
        let mut drawing = String::new();
        for part in [0.0, 0.5] {
            let y = HEIGHT * part;
            write!(drawing, r#"<line class="grid" x1="0" x2="{WIDTH}" y1="{y}" y2="{y}"/>"#).ok();
        }
        for (colour, (_, values)) in lines.iter().enumerate().take(COLOURS) {
            line(&mut drawing, colour + 1, values, top);
        }
        Self {
            about,
            drawing,
            up: [1.0, 0.5, 0.0].map(|part| words::about(top * part)).to_vec(),
            along: spread(along, 5),
            lines: lines.iter().map(|(name, _)| name.clone()).collect(),
        }
    }
}

/// One line. A single value becomes a level stroke, so that it can be seen.
fn line(drawing: &mut String, colour: usize, values: &[f64], top: f64) {
    let last = values.len().saturating_sub(1).max(1) as f64;
    write!(drawing, r#"<polyline class="k{colour}" fill="none" points=""#).ok();
    let mut points: Vec<(f64, f64)> = Vec::with_capacity(values.len() + 1);
    points.extend(values.iter().enumerate().map(|(at, value)| (at as f64 / last, *value)));
    if let [(_, only)] = points[..] {
        points.push((1.0, only));
    }
    for (at, value) in points {
        let (x, y) = (at * WIDTH, HEIGHT * (1.0 - (value / top).clamp(0.0, 1.0)));
        write!(drawing, "{x:.1},{y:.1} ").ok();
    }
    drawing.push_str(r#""/>"#);
}

/// The least of 1, 2, 5 times a power of ten that is not below.
fn round_up(value: f64) -> f64 {
    if !value.is_finite() || value <= 1.0 {
        return 1.0;
    }
    let power = 10_f64.powf(value.log10().floor());
    [1.0, 2.0, 5.0, 10.0]
        .map(|step| step * power)
        .into_iter()
        .find(|it| *it >= value)
        .unwrap_or(value)
}

/// At most so many of the labels, evenly spread, first and last among them.
fn spread(labels: &[String], most: usize) -> Vec<String> {
    if labels.len() <= most {
        return labels.to_vec();
    }
    let last = labels.len() - 1;
    (0..most).map(|at| labels[at * last / (most - 1)].clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(count: usize) -> Vec<String> {
        (0..count).map(|at| at.to_string()).collect()
    }

    #[test]
    fn the_axis_ends_at_a_round_number_that_holds_the_largest_value() {
        let rounded = [0.0, 1.0, 3.0, 20.0, 21.0, 501.0, f64::NAN].map(|top| round_up(top) as i64);
        assert_eq!(rounded, [1, 1, 5, 20, 50, 1000, 1]);
    }

    #[test]
    fn a_line_goes_from_edge_to_edge_with_its_largest_value_highest() {
        let lines = [("Login".to_owned(), vec![0.0, 5.0, 10.0])];
        let chart = Chart::new(String::new(), &labels(3), &lines);
        assert!(chart.drawing.contains("points=\"0.0,200.0 500.0,100.0 1000.0,0.0 \""));
        assert_eq!(chart.up, ["10", "5", "0"]);
    }

    #[test]
    fn one_value_is_a_level_line_and_none_is_no_line() {
        let chart = Chart::new(String::new(), &labels(1), &[("a".into(), vec![1.0])]);
        assert!(chart.drawing.contains("points=\"0.0,0.0 1000.0,0.0 \""));
        let chart = Chart::new(String::new(), &[], &[("a".into(), vec![])]);
        assert!(chart.drawing.contains("points=\"\""));
    }

    #[test]
    fn of_many_labels_five_are_shown_with_both_ends() {
        assert_eq!(spread(&labels(25), 5), ["0", "6", "12", "18", "24"]);
        assert_eq!(spread(&labels(2), 5), ["0", "1"]);
    }
}
