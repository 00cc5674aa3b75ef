//! Tables: columns as wide as needed. Where the terminal is narrower, texts are shortened, and columns that one can do
//! without are left out. Ids are never shortened. What needs more room than a column has stands beneath its row.

use super::{
    escape::{one_line, shorten, width, wrap},
    style::{Style, paint},
};

/// Columns between two cells.
const GAP: usize = 2;

/// Columns before what stands beneath a row.
const INDENT: usize = 4;
/// A text is not shortened below this: less says nothing.
const NARROWEST: usize = 8;

/// What happens to a column that does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fit {
    /// Ids, times, numbers: stays whole, even if the line then breaks.
    Whole,
    /// Texts.
    Shorten,
    /// Whole; left out before lines would break.
    WholeOrDrop,
    /// Shortened; left out before lines would break.
    ShortenOrDrop,
}

impl Fit {
    fn shortens(self) -> bool {
        matches!(self, Self::Shorten | Self::ShortenOrDrop)
    }

    fn drops(self) -> bool {
        matches!(self, Self::WholeOrDrop | Self::ShortenOrDrop)
    }
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
    /// The title of what is said about rows beneath them.
    beneath: Option<&'static str>,
    /// That, a text for each row.
    remarks: Vec<Cell>,
}

impl Table {
    pub(crate) fn new(columns: impl Into<Vec<(&'static str, Fit)>>) -> Self {
        Self { columns: columns.into(), rows: Vec::new(), beneath: None, remarks: Vec::new() }
    }

    /// With something of any length about each row: on a terminal it has lines of its own, elsewhere it is the last column.
    pub(crate) fn with_remarks(mut self, title: &'static str) -> Self {
        self.beneath = Some(title);
        self
    }

    /// A row, and what is said about it.
    pub(crate) fn row_with(&mut self, cells: impl Into<Vec<Cell>>, remark: impl Into<Cell>) {
        self.row(cells);
        self.remarks.push(remark.into());
    }

    pub(crate) fn row(&mut self, cells: impl Into<Vec<Cell>>) {
        let cells = cells.into();
        debug_assert_eq!(cells.len(), self.columns.len());
        self.rows.push(cells);
    }

    /// The lines, titles first and in capitals; at most `columns` wide, if ids and the like allow it.
    pub(crate) fn render(&self, columns: Option<usize>, colour: bool) -> Vec<String> {
        if let (Some(title), None) = (self.beneath, columns) {
            return self.in_a_column(title).render(None, colour);
        }
        let widths = self.widths(columns);
        let titles: Vec<Cell> =
            self.columns.iter().map(|(title, _)| Cell::styled(title.to_uppercase(), Style::Bold)).collect();
        let mut lines = vec![line(&titles, &widths, colour)];
        for (at, row) in self.rows.iter().enumerate() {
            lines.push(line(row, &widths, colour));
            let Some(remark) = self.remarks.get(at).filter(|remark| !remark.text.is_empty()) else {
                continue;
            };
            let room = columns.unwrap_or(usize::MAX).saturating_sub(INDENT).max(2 * NARROWEST);
            let indented = |text| format!("{}{}", " ".repeat(INDENT), paint(remark.style, text, colour));
            lines.extend(wrap(&remark.text, room).into_iter().map(indented));
        }
        lines
    }

    /// The same with the remarks as a column.
    fn in_a_column(&self, title: &'static str) -> Self {
        let mut table = Self::new(self.columns.clone());
        table.columns.push((title, Fit::Whole));
        for (row, remark) in self.rows.iter().zip(&self.remarks) {
            table.row(row.iter().chain([remark]).cloned().collect::<Vec<_>>());
        }
        table
    }

    /// The width of every column; `None`: left out.
    fn widths(&self, columns: Option<usize>) -> Vec<Option<usize>> {
        let mut widths: Vec<Option<usize>> = (0..self.columns.len())
            .map(|column| {
                let cells = self.rows.iter().map(|row| width(&row[column].text));
                cells.chain([width(self.columns[column].0)]).max()
            })
            .collect();
        let Some(columns) = columns else { return widths };
        let least = |(width, (_, fit)): (&Option<usize>, &(_, Fit))| {
            width.map(|width| if fit.shortens() { width.min(NARROWEST) } else { width })
        };
        while total(widths.iter().zip(&self.columns).filter_map(least)) > columns {
            let last =
                (0..widths.len()).rfind(|&column| widths[column].is_some() && self.columns[column].1.drops());
            let Some(last) = last else { break };
            widths[last] = None;
        }
        let mut excess = total(widths.iter().flatten().copied()).saturating_sub(columns);
        // The widest text gives first, so that short ones stay whole.
        while excess > 0 {
            let texts = widths.iter_mut().zip(&self.columns).filter(|(_, (_, fit))| fit.shortens());
            let widest = texts.filter_map(|(width, _)| width.as_mut()).max();
            match widest {
                Some(widest) if *widest > NARROWEST => *widest -= 1,
                _ => break,
            }
            excess -= 1;
        }
        widths
    }
}

/// What columns of these widths take together.
fn total(widths: impl Iterator<Item = usize>) -> usize {
    widths.map(|width| width + GAP).sum::<usize>().saturating_sub(GAP)
}

fn line(row: &[Cell], widths: &[Option<usize>], colour: bool) -> String {
    let mut line = String::new();
    let mut pending = 0;
    for (cell, columns) in row.iter().zip(widths) {
        let &Some(columns) = columns else { continue };
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
    fn what_one_can_do_without_goes_before_lines_break() {
        let mut table = Table::new([
            ("ID", Fit::Whole),
            ("TIME", Fit::WholeOrDrop),
            ("A", Fit::Shorten),
            ("B", Fit::ShortenOrDrop),
        ]);
        table.row([ID.into(), "2026-11-23".into(), "a long recipient".into(), "a long error".into()]);
        let at = |columns| table.render(Some(columns), false).remove(1);
        assert_eq!(at(80), format!("{ID}  2026-11-23  a long recipient  a long error"));
        assert_eq!(at(60), format!("{ID}  2026-11-23  a long re…"));
        assert_eq!(at(50), format!("{ID}  a long reci…"));
        assert_eq!(at(20), format!("{ID}  a long…"));
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
    fn f3_what_is_said_about_a_row_stands_whole_beneath_it_or_in_the_last_column() {
        let mut table = Table::new([("ID", Fit::Whole), ("SUBJECT", Fit::Shorten)]).with_remarks("WHY");
        let why = "the server did not answer in time, and nobody knows when it will";
        table.row_with([ID.into(), "a fax".into()], Cell::styled(why, Style::Plain));
        table.row_with([ID.into(), "another".into()], "");
        assert_eq!(table.render(None, false)[1], format!("{ID}  a fax    {why}"));
        let lines = table.render(Some(50), false);
        assert_eq!(lines[0], format!("ID{}SUBJECT", " ".repeat(36)));
        assert_eq!(
            lines[1..4],
            [
                format!("{ID}  a fax"),
                "    the server did not answer in time, and nobody".to_owned(),
                "    knows when it will".to_owned(),
            ]
        );
        assert_eq!(lines[4], format!("{ID}  another"));
        assert_eq!(lines.len(), 5);
    }

    #[test]
    fn cells_from_outside_cannot_break_the_table() {
        let mut table = Table::new([("A", Fit::Shorten)]);
        table.row(["two\nlines \u{1b}[31m".into()]);
        assert_eq!(table.render(None, false)[1], "two lines \\u{1b}[31m");
    }
}
