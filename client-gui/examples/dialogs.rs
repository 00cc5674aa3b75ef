//! `dialogs`: the window with each of its dialogs, one after the other, for `tests/gui/screens`. Prints a dialog's name when
//! it stands, and goes on with the next line of its standard input. The daemon is that of `scene`.

use std::cell::Cell;
use std::io::{BufRead as _, Write as _};
use std::process::ExitCode;
use std::rc::Rc;
use std::time::{Duration, Instant};

use faxpost_gui::{Options, app};
use faxpost_gui_ui::{
    AccountView, App, CertificateView, CsrView, DiscoveryView, LogView, MainWindow, OutboxView, PageName,
    RequestsView, TestView,
};
use faxpost_proto::advice::Language;
use slint::{ComponentHandle as _, Model as _, ModelRc, Timer, TimerMode};

/// How often it is looked whether a dialog stands.
const PAUSE: Duration = Duration::from_millis(100);
/// So long one may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// A dialog: what leads to it, and whether it stands. Called again and again until it does; `first` says whether for the
/// first time.
struct Scene {
    name: &'static str,
    page: PageName,
    stands: fn(&MainWindow, first: bool) -> bool,
    close: fn(&MainWindow),
}

const SCENES: [Scene; 15] = [
    Scene {
        name: "discovery",
        page: PageName::Account,
        stands: |window, first| {
            let view = window.global::<DiscoveryView>();
            if first {
                view.invoke_offer();
                view.invoke_search();
            }
            let found = view.get_proposals().row_count() > 1;
            if found {
                view.invoke_choose(1);
            }
            found
        },
        close: |_| (),
    },
    Scene {
        name: "discovery-nothing",
        page: PageName::Account,
        stands: |window, first| {
            let view = window.global::<DiscoveryView>();
            if first {
                view.set_address("fax@nowhere.test".into());
                view.invoke_search();
            }
            !view.get_nothing().is_empty()
        },
        close: |window| window.global::<DiscoveryView>().invoke_leave(),
    },
    Scene {
        name: "csr-make",
        page: PageName::Certificate,
        stands: |window, first| {
            let view = window.global::<CsrView>();
            if first {
                view.invoke_offer();
                view.set_subject("somebody".into());
                view.invoke_make();
            }
            !view.get_subject_error().is_empty()
        },
        close: |window| window.global::<CsrView>().invoke_leave(),
    },
    Scene {
        name: "csr-show",
        page: PageName::Certificate,
        stands: |window, _| {
            let view = window.global::<CsrView>();
            view.invoke_show(0);
            view.get_showing()
        },
        close: |window| window.global::<CsrView>().invoke_leave(),
    },
    Scene {
        name: "csr-give-up",
        page: PageName::Certificate,
        stands: |window, _| {
            let view = window.global::<CsrView>();
            view.invoke_offer_give_up(0);
            view.get_giving_up()
        },
        close: |window| window.global::<CsrView>().invoke_leave(),
    },
    Scene {
        name: "csr-answer",
        page: PageName::Certificate,
        stands: |window, first| {
            if first {
                window.global::<CsrView>().invoke_take_answer();
            }
            window.global::<CertificateView>().get_choosing_file()
        },
        close: |window| window.global::<CertificateView>().invoke_cancel_file(),
    },
    Scene {
        name: "install",
        page: PageName::Certificate,
        stands: |window, first| {
            let view = window.global::<CertificateView>();
            if first {
                view.invoke_choose_file();
            }
            let at = view.get_files().iter().position(|file| !file.folder);
            if view.get_file().is_empty()
                && let Some(at) = at.and_then(|at| i32::try_from(at).ok())
            {
                view.invoke_pick_file(at);
            }
            !view.get_file().is_empty()
        },
        close: |window| window.global::<CertificateView>().invoke_cancel_file(),
    },
    Scene {
        name: "pin",
        page: PageName::Test,
        stands: |window, first| {
            let view = window.global::<TestView>();
            if first {
                view.invoke_start();
            }
            view.invoke_offer_pin();
            view.get_pinning()
        },
        close: |window| window.global::<TestView>().invoke_refuse_pin(),
    },
    Scene {
        name: "transcript",
        page: PageName::Log,
        stands: |window, first| {
            let view = window.global::<LogView>();
            if first {
                // A test's entry stands first, and has a dialogue.
                view.invoke_choose(0);
                view.invoke_read_transcript();
            }
            !view.get_transcript().is_empty()
        },
        close: |window| window.global::<LogView>().invoke_close(),
    },
    Scene {
        name: "export",
        page: PageName::Log,
        stands: |window, _| {
            window.global::<LogView>().invoke_offer_export();
            window.global::<LogView>().get_exporting()
        },
        close: |window| window.global::<LogView>().invoke_cancel_export(),
    },
    Scene {
        name: "cancel",
        page: PageName::Outbox,
        stands: |window, _| {
            let view = window.global::<OutboxView>();
            if view.get_cancel_barrier().is_empty() && view.get_has_details() {
                view.invoke_offer_cancel();
            } else if let Some(row) = next_row(&view.get_lines(), view.get_current()) {
                view.invoke_choose(row);
            }
            view.get_asking()
        },
        close: |window| window.global::<OutboxView>().invoke_keep_message(),
    },
    Scene {
        name: "approve",
        page: PageName::Requests,
        stands: |window, _| {
            let view = window.global::<RequestsView>();
            view.invoke_choose(0);
            view.invoke_offer_approve();
            view.get_approving()
        },
        close: |window| window.global::<RequestsView>().invoke_leave(),
    },
    Scene {
        name: "refuse",
        page: PageName::Requests,
        stands: |window, _| {
            window.global::<RequestsView>().invoke_offer_refuse();
            window.global::<RequestsView>().get_refusing()
        },
        close: |window| window.global::<RequestsView>().invoke_leave(),
    },
    Scene {
        name: "about",
        page: PageName::Status,
        stands: |window, _| {
            window.global::<App>().invoke_about(true);
            window.global::<App>().get_about_shown()
        },
        close: |window| window.global::<App>().invoke_about(false),
    },
    Scene {
        name: "close",
        page: PageName::Account,
        stands: |window, _| {
            window.global::<AccountView>().invoke_edit("sender_name".into(), "Somebody else".into());
            window.window().dispatch_event(slint::platform::WindowEvent::CloseRequested);
            window.global::<App>().get_closing()
        },
        close: |_| (),
    },
];

fn next_row<T: 'static>(lines: &ModelRc<T>, current: i32) -> Option<i32> {
    let rows = i32::try_from(lines.row_count()).ok().filter(|rows| *rows > 0)?;
    Some((current + 1).rem_euclid(rows))
}

fn main() -> ExitCode {
    let mut words = std::env::args().skip(1);
    let (Some(endpoint), Some(language)) = (words.next(), words.next()) else {
        eprintln!("usage: dialogs ENDPOINT en|ru");
        return ExitCode::from(64);
    };
    let language = if language == "ru" { Language::Ru } else { Language::En };
    let options =
        Options { endpoint, language: Some(language), theme: 1, remember: false, browse: |_| false };
    match show(options) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("dialogs: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Whether all of them came.
fn show(options: Options) -> Result<bool, slint::PlatformError> {
    let app = app::open(options)?;
    let (at, stands, came) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(false)), Rc::new(Cell::new(true)));
    let begun: Rc<Cell<Option<Instant>>> = Rc::default();
    let first = Cell::new(false);
    let (sender, next) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        std::io::stdin().lock().lines().try_for_each(|_| sender.send(()).map_err(drop))
    });
    let timer = Timer::default();
    let (driven, all_came) = (app.clone(), came.clone());
    timer.start(TimerMode::Repeated, PAUSE, move || {
        let window = driven.window();
        let Some(scene) = SCENES.get(at.get()) else { return };
        if stands.get() {
            if next.try_recv().is_ok() {
                (scene.close)(window);
                stands.set(false);
                at.set(at.get() + 1);
                begun.take();
                if at.get() == SCENES.len() {
                    let _ = slint::quit_event_loop();
                }
            }
            return;
        }
        let Some(since) = begun.get() else {
            driven.go(scene.page);
            begun.set(Some(Instant::now()));
            first.set(true);
            return;
        };
        // A page has a moment to read what it shows.
        let waited = since.elapsed();
        if waited < PAUSE * 8 {
            return;
        }
        if (scene.stands)(window, first.take()) {
            stands.set(true);
            println!("{}", scene.name);
            let _ = std::io::stdout().flush();
        } else if waited > PATIENCE {
            eprintln!("dialogs: {} did not come", scene.name);
            all_came.set(false);
            let _ = slint::quit_event_loop();
        }
    });
    app.window().run()?;
    Ok(came.get())
}
