//! A table for people: aligned, figures to the right, colour only where it is welcome.

use comfy_table::{Attribute, Cell, CellAlignment, Color, LineStyle, Table as Layout, TableStyle};
use serde_json::{Map, Value};

use super::failure::Failure;
use super::rows::{Column, Kind};
use super::screen::Screen;
use super::text;

/// A laid-out table.
pub struct Table(Layout);

impl Table {
    /// Lays the records out under the columns that have a heading.
    pub fn of(columns: &[Column], records: &[Map<String, Value>], colour: bool) -> Self {
        let has_value = |column: &Column| records.iter().any(|record| record.get(column.field).is_some_and(|value| !value.is_null()));
        let columns: Vec<(&str, &Column)> = columns
            .iter()
            .filter(|column| !column.optional || has_value(column))
            .filter_map(|column| Some((column.heading?, column)))
            .collect();
        let mut layout = Layout::new();
        layout.load_style(TableStyle::new().header_separator(LineStyle::none().fill('-')));
        if colour {
            layout.enforce_styling();
        } else {
            layout.force_no_tty();
        }
        layout.set_header(columns.iter().map(|(heading, column)| aligned(Cell::new(heading), column.kind).add_attribute(Attribute::Bold)));
        for record in records {
            layout.add_row(columns.iter().map(|(_, column)| cell(column.kind, record.get(column.field))));
        }
        for column in layout.column_iter_mut() {
            column.set_padding((0, 2));
        }
        Self(layout)
    }

    /// Writes it, without blanks at the ends of lines.
    pub fn write(&self, screen: &mut Screen) -> Result<(), Failure> {
        self.0.lines().try_for_each(|line| screen.line(line.trim_end()))
    }
}

fn aligned(cell: Cell, kind: Kind) -> Cell {
    if kind.numeric() { cell.set_alignment(CellAlignment::Right) } else { cell }
}

fn cell(kind: Kind, value: Option<&Value>) -> Cell {
    let shown = shown(kind, value);
    let sign = if kind == Kind::Profit { shown.chars().find(|c| matches!(c, '-' | '1'..='9')) } else { None };
    let cell = aligned(Cell::new(&shown), kind);
    match sign {
        Some('-') if shown.len() > 1 => cell.fg(Color::Red),
        Some('1'..='9') => cell.fg(Color::Green),
        _ => cell,
    }
}

/// A value as a table shows it.
pub fn shown(kind: Kind, value: Option<&Value>) -> String {
    let raw = match value {
        None | Some(Value::Null) => return if let Kind::Named(word) = kind { word.to_owned() } else { "-".to_owned() },
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    match kind {
        Kind::Number => text::grouped(&raw, 0),
        Kind::Money | Kind::Profit => text::grouped(&raw, 2),
        Kind::Time => raw.strip_suffix("+00:00").map_or_else(|| raw.clone(), |instant| format!("{instant}Z")),
        Kind::Text | Kind::Named(_) => text::visible(&raw).into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::rows::shown;

    const COLUMNS: &[Column] = &[shown("symbol", "Symbol", Kind::Text), shown("pnl", "P&L", Kind::Profit)];

    fn table(colour: bool) -> Vec<String> {
        let row =
            |symbol: &str, pnl: &str| Map::from_iter([("symbol".to_owned(), Value::from(symbol)), ("pnl".to_owned(), Value::from(pnl))]);
        let rows = [row("UP", "1234.5"), row("DOWN", "-0.05"), row("FLAT", "0"), row("\u{1b}[2J", "1")];
        Table::of(COLUMNS, &rows, colour).0.lines().map(|line| line.trim_end().to_owned()).collect()
    }

    #[test]
    fn without_colour_a_table_is_plain_and_its_figures_stand_to_the_right() {
        let want = ["Symbol          P&L", "---------------------", "UP         1,234.50", "DOWN          -0.05", "FLAT           0.00"];
        assert_eq!(table(false)[..5], want);
        assert_eq!(table(false)[5], "\\u{1b}[2J      1.00");
    }

    #[test]
    fn with_colour_profit_is_green_and_loss_is_red() {
        let lines = table(true);
        let code = |line: &str| line.split("\u{1b}[").nth(1).map(|rest| rest.split('m').next().unwrap_or_default().to_owned());
        assert_eq!(code(&lines[2]).as_deref(), Some("38;5;10"));
        assert_eq!(code(&lines[3]).as_deref(), Some("38;5;9"));
        assert_eq!(code(&lines[4]), None);
        assert_eq!(code(&lines[0]).as_deref(), Some("1"));
        assert!(lines[5].starts_with("\\u{1b}[2J"));
    }
}
