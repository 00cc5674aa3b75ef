//! Tables: columns as wide as needed, and texts shortened where the terminal is narrower. Ids are never shortened.

use super::{
    escape::{escape, one_line, shorten, width},
    style::{Style, paint},
};

/// Columns between two cells.
const GAP: usize = 2;
/// A text is not shortened below this: less says nothing.
const NARROWEST: usize = 8;

/// What happens to a column that does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fit {
    /// Ids, times, numbers: stays whole, even if the line then breaks.
    Whole,
    /// Texts.
    Shorten,
}

/// One cell: a text from anywhere, and its style.
#[derive(Clone, Debug)]
pub(crate) struct Cell {
    text: String,
    style: Style,
}

impl Cell {
    pub(crate) fn styled(text: impl AsRef<str>, style: Style) -> Self {
        Self { text: one_line(text.as_ref()), style }
    }
}

impl<T: AsRef<str>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self::styled(text, Style::Plain)
    }
}

/// A table with a line of titles.
#[derive(Debug)]
pub(crate) struct Table {
    columns: Vec<(&'static str, Fit)>,
    rows: Vec<Vec<Cell>>,
}

impl Table {
    pub(crate) fn new(columns: impl Into<Vec<(&'static str, Fit)>>) -> Self {
        Self { columns: columns.into(), rows: Vec::new() }
    }

    pub(crate) fn row(&mut self, cells: impl Into<Vec<Cell>>) {
        let cells = cells.into();
        debug_assert_eq!(cells.len(), self.columns.len());
        self.rows.push(cells);
    }

    /// The lines, titles first; at most `columns` wide, if ids and the like allow it.
    pub(crate) fn render(&self, columns: Option<usize>, colour: bool) -> Vec<String> {
        let widths = self.widths(columns);
        let titles: Vec<Cell> =
            self.columns.iter().map(|(title, _)| Cell::styled(escape(title), Style::Bold)).collect();
        std::iter::once(&titles).chain(&self.rows).map(|row| line(row, &widths, colour)).collect()
    }

    fn widths(&self, columns: Option<usize>) -> Vec<usize> {
        let mut widths: Vec<usize> = (0..self.columns.len())
            .map(|column| {
                let cells = self.rows.iter().map(|row| width(&row[column].text));
                cells.chain([width(self.columns[column].0)]).max().unwrap_or(0)
            })
            .collect();
        let Some(columns) = columns else { return widths };
        let total = widths.iter().sum::<usize>() + GAP * widths.len().saturating_sub(1);
        let mut excess = total.saturating_sub(columns);
        // The widest text gives first, so that short ones stay whole.
        while excess > 0 {
            let widest = (0..widths.len())
                .filter(|&column| self.columns[column].1 == Fit::Shorten && widths[column] > NARROWEST)
                .max_by_key(|&column| widths[column]);
            let Some(widest) = widest else { break };
            widths[widest] -= 1;
            excess -= 1;
        }
        widths
    }
}

fn line(row: &[Cell], widths: &[usize], colour: bool) -> String {
    let mut line = String::new();
    let mut pending = 0;
    for (cell, &columns) in row.iter().zip(widths) {
        let text = shorten(&cell.text, columns);
        let used = width(&text);
        if !text.is_empty() {
            // Blanks only before text: no line ends in blanks.
            line.extend(std::iter::repeat_n(' ', pending));
            line.push_str(&paint(cell.style, &text, colour));
            pending = 0;
        }
        pending += columns - used + GAP;
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0193a5c0-0000-7000-8000-000000000001";

    fn sample() -> Table {
        let mut table = Table::new([("ID", Fit::Whole), ("STATE", Fit::Whole), ("SUBJECT", Fit::Shorten)]);
        table.row([ID.into(), "queued".into(), "Факс от +7 495 000-00-00, 12 страниц".into()]);
        table.row([ID.into(), "".into(), "short".into()]);
        table
    }

    #[test]
    fn without_a_terminal_nothing_is_shortened() {
        let lines = sample().render(None, false);
        assert_eq!(lines[1], format!("{ID}  queued  Факс от +7 495 000-00-00, 12 страниц"));
        assert_eq!(lines[2], format!("{ID}          short"));
    }

    #[test]
    fn at_every_width_ids_stay_whole_and_texts_fit_if_they_can() {
        for columns in 0..120 {
            let lines = sample().render(Some(columns), false);
            assert!(lines[1].contains(ID) && lines[1].contains("queued"));
            // 36 + 2 + 6 + 2 for what stays whole, and the least for the subject.
            let least = 46 + NARROWEST;
            for line in &lines {
                assert!(width(line) <= columns.max(least), "{columns}: {line:?}");
            }
        }
    }

    #[test]
    fn columns_stand_beneath_each_other_in_colour_too() {
        let mut table = Table::new([("A", Fit::Whole), ("B", Fit::Whole)]);
        table.row([Cell::styled("long one", Style::Good), "b".into()]);
        table.row([Cell::styled("x", Style::Bad), "b".into()]);
        let lines = table.render(None, true);
        assert_eq!(lines[1], "\u{1b}[32mlong one\u{1b}[0m  b");
        assert_eq!(lines[2], "\u{1b}[31;1mx\u{1b}[0m         b");
    }

    #[test]
    fn cells_from_outside_cannot_break_the_table() {
        let mut table = Table::new([("A", Fit::Shorten)]);
        table.row(["two\nlines \u{1b}[31m".into()]);
        assert_eq!(table.render(None, false)[1], "two lines \\u{1b}[31m");
    }
}
