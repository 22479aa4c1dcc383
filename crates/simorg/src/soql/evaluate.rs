//! Running a plan over a table.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use super::plan::{Filter, Function, Output, Plan, Selection, SortKey};
use super::{Cell, Table};

/// What a query found.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Picked {
    /// So many.
    Count(u64),
    /// These records, by number, in order.
    Rows(Vec<usize>),
    /// These groups, one value per output.
    Groups(Vec<Vec<Cell>>),
}

/// Runs a plan over those records of a table that `visible` admits.
pub(crate) fn run(plan: &Plan, table: &dyn Table, visible: &dyn Fn(usize) -> bool) -> Picked {
    let mut rows: Vec<usize> = (0..table.len())
        .filter(|row| visible(*row) && admitted(plan.filter.as_ref(), table, *row))
        .collect();
    match &plan.selection {
        Selection::Count => {
            let counted = window(plan, rows).len();
            Picked::Count(counted as u64)
        }
        Selection::Fields(_) => {
            sort(&plan.order, table, &mut rows);
            Picked::Rows(window(plan, rows))
        }
        Selection::Groups { keys, outputs } => {
            Picked::Groups(window(plan, groups(keys, outputs, plan, table, rows)))
        }
    }
}

fn admitted(filter: Option<&Filter>, table: &dyn Table, row: usize) -> bool {
    filter.is_none_or(|filter| filter.holds(&|field| table.cell(row, field)))
}

/// What `OFFSET` and `LIMIT` leave.
fn window<T>(plan: &Plan, items: Vec<T>) -> Vec<T> {
    let skip = usize::try_from(plan.offset.unwrap_or(0)).unwrap_or(usize::MAX);
    let take = plan.limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
    items.into_iter().skip(skip).take(take).collect()
}

/// Sorts by the keys. Records that tie, and all of them without keys, come in the order of their
/// ids: an order nobody promised and nobody should lean on.
fn sort(keys: &[SortKey], table: &dyn Table, rows: &mut Vec<usize>) {
    let mut keyed: Vec<(Vec<Cell>, Cell, usize)> = rows
        .iter()
        .map(|row| {
            let cells = keys.iter().map(|key| table.cell(*row, key.field)).collect();
            (cells, table.cell(*row, "Id"), *row)
        })
        .collect();
    keyed.sort_by(|(a, a_id, _), (b, b_id, _)| {
        let by_keys = keys.iter().zip(a.iter().zip(b)).map(|(key, (a, b))| by_key(*key, a, b));
        by_keys.fold(Ordering::Equal, Ordering::then).then_with(|| compare(a_id, b_id))
    });
    rows.clear();
    rows.extend(keyed.into_iter().map(|(_, _, row)| row));
}

fn by_key(key: SortKey, a: &Cell, b: &Cell) -> Ordering {
    match (a == &Cell::Null, b == &Cell::Null) {
        (true, true) => Ordering::Equal,
        (true, false) if key.nulls_last => Ordering::Greater,
        (true, false) => Ordering::Less,
        (false, true) if key.nulls_last => Ordering::Less,
        (false, true) => Ordering::Greater,
        (false, false) if key.descending => compare(b, a),
        (false, false) => compare(a, b),
    }
}

fn compare(a: &Cell, b: &Cell) -> Ordering {
    match (a, b) {
        (Cell::Bool(a), Cell::Bool(b)) => a.cmp(b),
        (Cell::Int(a), Cell::Int(b)) => a.cmp(b),
        (Cell::Double(a), Cell::Double(b)) => a.total_cmp(b),
        (Cell::Text(a), Cell::Text(b)) => a.cmp(b),
        (Cell::Time(a), Cell::Time(b)) => a.cmp(b),
        _ => Ordering::Equal,
    }
}

fn groups(
    keys: &[&'static str],
    outputs: &[Output],
    plan: &Plan,
    table: &dyn Table,
    rows: Vec<usize>,
) -> Vec<Vec<Cell>> {
    let mut members: BTreeMap<Vec<String>, Vec<usize>> = BTreeMap::new();
    if keys.is_empty() {
        members.insert(Vec::new(), Vec::new());
    }
    for row in rows {
        let key = keys.iter().map(|key| label(&table.cell(row, key))).collect();
        members.entry(key).or_default().push(row);
    }
    let mut out: Vec<(Vec<Cell>, Vec<Cell>)> = members
        .into_values()
        .map(|rows| {
            let shown = outputs.iter().map(|output| value(output, table, &rows)).collect();
            let first = rows.first().copied();
            let sorted_by = plan
                .order
                .iter()
                .map(|key| first.map_or(Cell::Null, |row| table.cell(row, key.field)));
            (sorted_by.collect(), shown)
        })
        .collect();
    out.sort_by(|(a, _), (b, _)| {
        let by_keys =
            plan.order.iter().zip(a.iter().zip(b)).map(|(key, (a, b))| by_key(*key, a, b));
        by_keys.fold(Ordering::Equal, Ordering::then)
    });
    out.into_iter().map(|(_, shown)| shown).collect()
}

/// A value as a group's key.
fn label(cell: &Cell) -> String {
    match cell {
        Cell::Null => String::new(),
        Cell::Text(text) => text.clone(),
        other => format!("{other:?}"),
    }
}

fn value(output: &Output, table: &dyn Table, rows: &[usize]) -> Cell {
    let cells = || rows.iter().map(|row| table.cell(*row, output.field));
    let present = || cells().filter(|cell| *cell != Cell::Null);
    let numbers = || {
        present().filter_map(|cell| match cell {
            Cell::Int(n) => Some(n as f64),
            Cell::Double(n) => Some(n),
            _ => None,
        })
    };
    match output.function {
        None => cells().next().unwrap_or(Cell::Null),
        Some(Function::Count) => Cell::Int(present().count() as i64),
        Some(Function::CountDistinct) => {
            let distinct: BTreeSet<String> = present().map(|cell| label(&cell)).collect();
            Cell::Int(distinct.len() as i64)
        }
        Some(Function::Min) => present().min_by(compare).unwrap_or(Cell::Null),
        Some(Function::Max) => present().max_by(compare).unwrap_or(Cell::Null),
        Some(Function::Sum) => Cell::Double(numbers().sum()),
        Some(Function::Avg) => {
            let count = numbers().count();
            if count == 0 {
                Cell::Null
            } else {
                Cell::Double(numbers().sum::<f64>() / count as f64)
            }
        }
    }
}
