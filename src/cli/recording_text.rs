//! A recording's [`Report`] for people and spreadsheets, and its summary on standard error.

use serde::Serialize;

use super::args::Format;
use super::failure::Failure;
use super::recording::{Kind as Command, Place, Report};
use super::rows::{Column, Kind, Rows, maybe, shown};
use super::screen::{self, Screen};
use super::text::count;

/// Problems told one by one on standard error; the report has them all.
const TOLD: usize = 10;

const COLUMNS: &[Column] = &[
    shown("outcome", "Outcome", Kind::Text),
    shown("count", "Count", Kind::Number),
    maybe("file", "File", Kind::Text),
    maybe("line", "Line", Kind::Number),
    maybe("field", "Field", Kind::Text),
    maybe("value", "Value", Kind::Text),
    maybe("reason", "Reason", Kind::Text),
];

/// A count, or one entry that needs attention.
#[derive(Default, Serialize)]
struct Row<'a> {
    outcome: &'a str,
    count: u64,
    file: Option<&'a str>,
    line: Option<u64>,
    field: Option<String>,
    value: Option<&'a str>,
    reason: Option<&'a str>,
}

impl<'a> Row<'a> {
    fn at(outcome: &'a str, place: &'a Place) -> Self {
        Row { outcome, count: 1, file: Some(&place.file), line: Some(place.line), ..Row::default() }
    }
}

fn rows(report: &Report) -> Vec<Row<'_>> {
    let mut rows = vec![
        Row { outcome: "inserted", count: report.inserted, ..Row::default() },
        Row { outcome: "duplicates", count: report.duplicates, ..Row::default() },
    ];
    rows.extend(report.differences.iter().map(|differing| Row {
        field: Some(differing.fields.join(" ")),
        value: Some(&differing.key),
        reason: Some("the same fill, but these fields differ; the first stands"),
        ..Row::at("difference", &differing.place)
    }));
    rows.extend(report.conflicts.iter().map(|conflicting| Row {
        field: Some(conflicting.conflict.fields.join(" ")),
        reason: Some(&conflicting.reason),
        ..Row::at("conflict", &conflicting.place)
    }));
    rows.extend(report.unknown.iter().map(|unknown| Row {
        value: Some(&unknown.key),
        reason: Some(&unknown.reason),
        ..Row::at("unknown", &unknown.place)
    }));
    rows.extend(report.rejected.iter().map(|rejection| Row {
        outcome: "rejected",
        count: 1,
        file: Some(&rejection.file),
        line: Some(rejection.line),
        field: Some(rejection.field.clone()),
        value: Some(&rejection.value),
        reason: Some(&rejection.reason),
    }));
    rows.extend(report.skipped.iter().flatten().map(|skipped| Row {
        outcome: "skipped",
        count: skipped.count,
        reason: Some(&skipped.kind),
        ..Row::default()
    }));
    rows.extend(report.gaps.iter().flatten().map(|missing| Row {
        outcome: "gap",
        count: 1,
        value: Some(&missing.gap.order_id),
        reason: Some(&missing.message),
        ..Row::default()
    }));
    rows
}

/// The report as CSV.
pub fn csv(report: &Report, screen: &mut Screen) -> Result<(), Failure> {
    write(report, Format::Csv, screen)
}

/// The report as a table.
pub fn table(report: &Report, screen: &mut Screen) -> Result<(), Failure> {
    write(report, Format::Table, screen)
}

fn write(report: &Report, format: Format, screen: &mut Screen) -> Result<(), Failure> {
    let mut out = Rows::new(screen, format, COLUMNS);
    rows(report).iter().try_for_each(|row| out.push(row))?;
    out.finish("").map(drop)
}

/// Tells a person what happened, on standard error.
pub fn summary(report: &Report, command: Command, shown: Format, refused: bool, dir: &str) {
    // a table has told them already
    let problems = if shown == Format::Table { Vec::new() } else { problems(report) };
    for problem in problems.iter().take(TOLD) {
        screen::say(problem);
    }
    if let Some(more) = problems.len().checked_sub(TOLD).filter(|more| *more > 0) {
        screen::say(&format!("… and {more} more, all in the report"));
    }
    let verb = if command == Command::Import { "import" } else { "record" };
    let recorded = if refused {
        format!("nothing recorded in {dir}, as --all-or-nothing demands")
    } else {
        format!("{} recorded in {dir}", count(report.inserted, "fill"))
    };
    let mut parts = Vec::new();
    for (n, what) in [
        (report.duplicates, "already there"),
        (report.conflicts.len() as u64, "in conflict with the ledger"),
        (report.rejected.len() as u64, "rejected"),
        (report.unknown.len() as u64, "in doubt (record again)"),
        (report.skipped.iter().flatten().map(|skipped| skipped.count).sum(), "skipped (no fills)"),
    ] {
        if n > 0 {
            parts.push(format!("{n} {what}"));
        }
    }
    let besides = if parts.is_empty() { String::new() } else { format!("; {}", parts.join(", ")) };
    screen::say(&format!("{verb}: {recorded}{besides}"));
}

fn problems(report: &Report) -> Vec<String> {
    let at = |place: &Place| format!("{} line {}", place.file, place.line);
    let mut problems = Vec::new();
    for rejection in &report.rejected {
        let field = if rejection.field.is_empty() { String::new() } else { format!("{}: ", rejection.field) };
        let value = if rejection.value.is_empty() { String::new() } else { format!(" (value: {:?})", rejection.value) };
        problems.push(format!("rejected: {} line {}: {field}{}{value}", rejection.file, rejection.line, rejection.reason));
    }
    problems.extend(report.conflicts.iter().map(|c| format!("conflict: {}: {}", at(&c.place), c.reason)));
    problems.extend(report.unknown.iter().map(|u| format!("unknown: {}: {}: {}", at(&u.place), u.key, u.reason)));
    problems.extend(
        report
            .differences
            .iter()
            .map(|d| format!("difference: {}: {} is recorded with other {}; the first stands", at(&d.place), d.key, d.fields.join(", "))),
    );
    problems.extend(report.gaps.iter().flatten().map(|missing| format!("gap: {}", missing.message)));
    problems.extend(report.skipped.iter().flatten().map(|skipped| format!("skipped: {} × {}", skipped.count, skipped.kind)));
    problems
}
