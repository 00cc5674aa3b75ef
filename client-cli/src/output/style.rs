//! The few styles of this program, and when to use them.

/// What a piece of text means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Style {
    #[default]
    Plain,
    Bold,
    Dim,
    Good,
    Bad,
    Warn,
}

/// Whether a terminal should get styles; asks Windows' console to take them.
pub(crate) fn wanted() -> bool {
    !anstyle_query::no_color()
        && anstyle_query::windows::enable_ansi_colors()
            .unwrap_or_else(anstyle_query::term_supports_ansi_color)
}

/// The text in that style.
pub(crate) fn paint(style: Style, text: &str, colour: bool) -> String {
    let code = match style {
        Style::Plain => return text.to_owned(),
        _ if !colour || text.trim().is_empty() => return text.to_owned(),
        Style::Bold => "1",
        Style::Dim => "2",
        Style::Good => "32",
        Style::Bad => "31;1",
        Style::Warn => "33;1",
    };
    format!("\u{1b}[{code}m{text}\u{1b}[0m")
}
