//! What a person chose for the window itself: language and colours. Kept in his own folder, and worth no complaint when it
//! cannot be read or written.

use std::path::PathBuf;

use faxpost_proto::advice::Language;

/// Larger files are not ours.
const LARGEST: u64 = 4096;

/// The choice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Preferences {
    /// `None`: as the system.
    pub language: Option<Language>,
    /// 0: as the system, 1: light, 2: dark.
    pub theme: i32,
}

impl Preferences {
    /// What was chosen before.
    #[must_use]
    pub fn load() -> Self {
        let Some(file) = file() else { return Self::default() };
        let is_small = std::fs::metadata(&file).is_ok_and(|known| known.len() <= LARGEST);
        let text = is_small.then(|| std::fs::read_to_string(file).ok()).flatten();
        text.map_or_else(Self::default, |text| Self::parse(&text))
    }

    /// Keeps it for the next time. Blocks.
    pub fn save(self) {
        let Some(file) = file() else { return };
        if let Some(folder) = file.parent() {
            let _ = std::fs::create_dir_all(folder);
        }
        let _ = std::fs::write(file, self.text());
    }

    fn parse(text: &str) -> Self {
        let mut preferences = Self::default();
        for (key, value) in text.lines().filter_map(|line| line.split_once('=')) {
            match (key.trim(), value.trim()) {
                ("language", "en") => preferences.language = Some(Language::En),
                ("language", "ru") => preferences.language = Some(Language::Ru),
                ("theme", "light") => preferences.theme = 1,
                ("theme", "dark") => preferences.theme = 2,
                // Of another version.
                _ => {}
            }
        }
        preferences
    }

    fn text(self) -> String {
        let language = match self.language {
            Some(Language::En) => "language = en\n",
            Some(Language::Ru) => "language = ru\n",
            None => "",
        };
        let theme = match self.theme {
            1 => "theme = light\n",
            2 => "theme = dark\n",
            _ => "",
        };
        format!("{language}{theme}")
    }
}

fn file() -> Option<PathBuf> {
    let variable = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    // The first is Windows'.
    let folder = variable("APPDATA")
        .or_else(|| variable("XDG_CONFIG_HOME"))
        .or_else(|| Some(variable("HOME")?.join(".config")));
    Some(folder?.join("faxpost").join("window.conf"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn g2_what_was_chosen_is_read_again() {
        for language in [None, Some(Language::En), Some(Language::Ru)] {
            for theme in 0..3 {
                let chosen = Preferences { language, theme };
                assert_eq!(Preferences::parse(&chosen.text()), chosen);
            }
        }
    }

    #[test]
    fn g2_a_file_of_another_version_does_no_harm() {
        let text = "font = 12\nlanguage=ru\n= =\ntheme = purple\n\u{0}";
        assert_eq!(Preferences::parse(text), Preferences { language: Some(Language::Ru), theme: 0 });
    }
}
