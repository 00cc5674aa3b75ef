//! As narrow as the window can be, and as wide as it opens: nothing is wider than the window, and nothing stands on another.

use faxpost_gui_ui::PageName;
use faxpost_proto::advice::Language;
use faxpost_proto::v1;
use i_slint_backend_testing::{AccessibleRole, ElementHandle};

use crate::kit::{Gui, daemon, runtime};

/// So high that no page scrolls: what is below the fold is looked at, too.
const HEIGHT: u32 = 4000;

/// The narrowest that the window can be.
const NARROWEST: u32 = 640;

/// The narrowest with labels beside their fields.
const BESIDE: u32 = 860;

/// Each page, and what it says when it was read, in English and Russian.
const PAGES: [(PageName, [&str; 2]); 8] = [
    (PageName::Account, ["Pinned SHA-256", "Закреплённый SHA-256"]),
    (PageName::SignIn, ["SmtpClientAuthenticationDisabled", "SmtpClientAuthenticationDisabled"]),
    (PageName::Certificate, ["Certificates", "Сертификаты"]),
    (PageName::Test, ["Steps", "Шаги"]),
    (PageName::Log, ["Nothing was sent yet.", "Пока ничего не отправлено."]),
    (PageName::Outbox, ["The outbox is empty.", "Исходящих нет."]),
    (PageName::Requests, ["Nobody asks for anything.", "Никто ни о чём не просит."]),
    (PageName::Status, ["Who you are", "Кто вы"]),
];

#[test]
fn g2_pages_fit_a_narrow_window() {
    fits(Language::En, "More settings", 0, &[NARROWEST]);
}

#[test]
fn g2_russian_pages_fit_a_narrow_window() {
    // Russian needs more room: what fits in it fits in English.
    fits(Language::Ru, "Больше настроек", 1, &[NARROWEST, BESIDE]);
}

#[track_caller]
fn fits(language: Language, more: &str, column: usize, widths: &[u32]) {
    let runtime = runtime();
    let daemon = daemon(&runtime);
    // The provider with the longest hints, and long words in them.
    let account = v1::Account {
        id: "default".into(),
        sender_email: "fax-room.of-the-head-office@department.long-name.example".into(),
        server: "smtp.office365.com".into(),
        authentication: true,
        oauth: true,
        oauth_profile: "microsoft".into(),
        oauth_client_id: "6b1f6b5e-0000-4000-8000-000000000000".into(),
        ..v1::Account::default()
    };
    let fields = ["sender_email", "server", "authentication", "oauth", "oauth_profile", "oauth_client_id"];
    runtime.block_on(daemon.set(account, &fields)).unwrap();
    let gui = Gui::open_in(daemon.endpoint(), language);
    gui.until("the account", |gui| gui.has(more));
    gui.press(more);
    let mut wrong = Vec::new();
    for &width in widths {
        slint::ComponentHandle::window(gui.window()).set_size(slint::PhysicalSize::new(width, HEIGHT));
        for (page, says) in PAGES {
            gui.app.go(page);
            gui.until("the page", |gui| gui.says(says[column]));
            let shown = shown(&gui);
            for one in &shown {
                if one.right() > width as f32 + 0.5 {
                    wrong.push(format!("{page:?} at {width}: {one} is cut off"));
                }
            }
            for (at, one) in shown.iter().enumerate() {
                for other in shown.iter().skip(at + 1).filter(|other| one.stands_on(other)) {
                    wrong.push(format!("{page:?} at {width}: {one} and {other} stand on each other"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// What a person reads or uses, and where it is.
struct Shown {
    label: String,
    x: f32,
    y: f32,
    width: f32,
    height: f32,
}

impl Shown {
    fn of(element: &ElementHandle) -> Option<Self> {
        let role = element.accessible_role()?;
        let single = matches!(
            role,
            AccessibleRole::Text
                | AccessibleRole::Button
                | AccessibleRole::Checkbox
                | AccessibleRole::Combobox
                | AccessibleRole::RadioButton
                | AccessibleRole::TextInput
        );
        let (place, size) = (element.absolute_position(), element.size());
        (single && size.width > 1.0 && size.height > 1.0 && element.computed_opacity() > 0.0).then(|| Self {
            label: format!("{role:?} {:?}", element.accessible_label().unwrap_or_default()),
            x: place.x,
            y: place.y,
            width: size.width,
            height: size.height,
        })
    }

    fn right(&self) -> f32 {
        self.x + self.width
    }

    /// Neither is a part of the other, and they have more than an edge in common.
    fn stands_on(&self, other: &Self) -> bool {
        let common_width = self.right().min(other.right()) - self.x.max(other.x);
        let common_height = (self.y + self.height).min(other.y + other.height) - self.y.max(other.y);
        let within = |inner: &Self, outer: &Self| {
            common_width >= inner.width - 1.0
                && common_height >= inner.height - 1.0
                && outer.width * outer.height > inner.width * inner.height
        };
        common_width > 1.0 && common_height > 1.0 && !within(self, other) && !within(other, self)
    }
}

impl std::fmt::Display for Shown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({:.0},{:.0} {:.0}×{:.0})", self.label, self.x, self.y, self.width, self.height)
    }
}

fn shown(gui: &Gui) -> Vec<Shown> {
    let mut shown = Vec::new();
    gui.visit(|element| shown.extend(Shown::of(element)));
    shown
}
