//! What is told about the program itself.

use std::path::{Path, PathBuf};

use faxpost_gui_ui::AboutView;
use faxpost_proto::advice::Language;
use slint::ComponentHandle as _;

use super::Context;

/// Puts it into the window.
pub fn present(context: &Context) {
    let Some(window) = context.window.upgrade() else { return };
    let view = window.global::<AboutView>();
    view.set_service(context.status().version.as_str().into());
    let program = std::env::current_exe().ok();
    let folder = program.as_deref().and_then(Path::parent);
    let guide = guide(folder, context.language(), |path| path.is_file());
    view.set_guide(guide.map(|path| path.display().to_string()).unwrap_or_default().into());
}

/// The guide, where packages put it, as seen from the program's folder; in the person's language, if it is there.
fn guide(program: Option<&Path>, language: Language, is_there: impl Fn(&Path) -> bool) -> Option<PathBuf> {
    let beside = program.map(|folder| folder.join("docs"));
    let shared = program.and_then(Path::parent).map(|prefix| prefix.join("share/doc/faxpost/docs"));
    let names = match language {
        Language::En => ["guide.md", "guide.ru.md"],
        Language::Ru => ["guide.ru.md", "guide.md"],
    };
    let places = beside.into_iter().chain(shared);
    places.flat_map(|folder| names.map(|name| folder.join(name))).find(|path| is_there(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn g2_the_guide_is_found_beside_the_program_or_where_packages_put_it() {
        let of = |language, there: &[&str]| {
            let found = guide(Some(Path::new("/usr/bin")), language, |path| {
                there.iter().any(|known| path == Path::new(known))
            });
            found.map(|path| path.display().to_string().replace('\\', "/"))
        };
        let both = ["/usr/share/doc/faxpost/docs/guide.md", "/usr/share/doc/faxpost/docs/guide.ru.md"];
        assert_eq!(of(Language::En, &both).as_deref(), Some(both[0]));
        assert_eq!(of(Language::Ru, &both).as_deref(), Some(both[1]));
        assert_eq!(of(Language::Ru, &both[..1]).as_deref(), Some(both[0]));
        assert_eq!(of(Language::En, &["/usr/bin/docs/guide.md"]).as_deref(), Some("/usr/bin/docs/guide.md"));
        assert_eq!(of(Language::En, &[]), None);
        assert_eq!(guide(None, Language::En, |_| true), None);
    }
}
