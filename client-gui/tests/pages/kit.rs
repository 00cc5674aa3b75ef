//! A window driven as a screen reader would: elements are found by what it says of them, and used by their actions. The
//! daemon is a real one.

use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use faxpost_gui::Options;
use faxpost_gui::app::App;
use faxpost_gui::link::Parcel;
use faxpost_gui_ui::{MainWindow, PageName};
use faxpost_proto::advice::Language;
use faxpost_tests::daemon::TestDaemon;
use i_slint_backend_testing::{AccessibleRole, ElementHandle, ElementRoot as _};
use slint::ComponentHandle as _;
use tokio::runtime::Runtime;

/// Generous: machines that run tests are busy.
const PATIENCE: Duration = Duration::from_secs(30);

/// A window with its parcels.
pub(crate) struct Gui {
    pub(crate) app: std::rc::Rc<App>,
    parcels: Receiver<Parcel>,
}

/// A runtime for the test's own calls.
pub(crate) fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

/// A daemon for a test.
pub(crate) fn daemon(runtime: &Runtime) -> TestDaemon {
    runtime.block_on(TestDaemon::start())
}

impl Gui {
    /// Opens a window at this endpoint. One for each thread.
    pub(crate) fn open(endpoint: &str) -> Self {
        Self::open_in(endpoint, Language::En)
    }

    pub(crate) fn open_in(endpoint: &str, language: Language) -> Self {
        i_slint_backend_testing::init_no_event_loop();
        let (sender, parcels) = channel();
        let sender = Mutex::new(sender);
        let post = Arc::new(move |parcel| {
            // Nobody receives any more when the test is over.
            let _ = sender.lock().unwrap().send(parcel);
        });
        let options = Options {
            endpoint: endpoint.to_owned(),
            language: Some(language),
            theme: 1,
            remember: false,
            browse: |_| true,
        };
        let app = App::new(options, post).unwrap();
        app.window().window().set_size(slint::PhysicalSize::new(1200, 2400));
        app.window().show().unwrap();
        Self { app, parcels }
    }

    /// At this daemon, connected, with this page.
    pub(crate) fn at(daemon: &TestDaemon, page: PageName) -> Self {
        let gui = Self::open(daemon.endpoint());
        gui.wait_for("Account", "the account page", |gui| gui.has("Sender's e-mail"));
        gui.app.go(page);
        gui
    }

    pub(crate) fn window(&self) -> &MainWindow {
        self.app.window()
    }

    /// Opens parcels until this is so.
    #[track_caller]
    pub(crate) fn until(&self, what: &str, is_so: impl Fn(&Self) -> bool) {
        self.wait_for("", what, is_so);
    }

    #[track_caller]
    fn wait_for(&self, place: &str, what: &str, is_so: impl Fn(&Self) -> bool) {
        let end = Instant::now() + PATIENCE;
        loop {
            i_slint_backend_testing::mock_elapsed_time(Duration::from_millis(16));
            if is_so(self) {
                return;
            }
            match self.parcels.recv_timeout(Duration::from_millis(20)) {
                Ok(parcel) => {
                    self.app.receive(parcel);
                    while let Ok(parcel) = self.parcels.try_recv() {
                        self.app.receive(parcel);
                    }
                }
                Err(RecvTimeoutError::Timeout) if Instant::now() < end => {}
                Err(error) => panic!("{place} never came to: {what} ({error}). There is:\n{}", self.all()),
            }
        }
    }

    /// Lets time pass, and opens what comes.
    #[cfg(target_os = "linux")]
    pub(crate) fn pass(&self, time: Duration) {
        let end = Instant::now() + time;
        while let Ok(parcel) = self.parcels.recv_timeout(end.saturating_duration_since(Instant::now())) {
            self.app.receive(parcel);
        }
    }

    /// Everything with a label.
    pub(crate) fn all(&self) -> String {
        let mut lines = Vec::new();
        self.visit(|element| {
            if let Some(label) = element.accessible_label() {
                let value = element.accessible_value().unwrap_or_default();
                let enabled = element.accessible_enabled().unwrap_or(true);
                lines.push(format!(
                    "{:?} {label:?} = {value:?}{}",
                    element.accessible_role(),
                    if enabled { "" } else { " (disabled)" }
                ));
            }
        });
        lines.join("\n")
    }

    /// Shows each element that there is.
    pub(crate) fn visit(&self, mut look: impl FnMut(&ElementHandle)) {
        self.window().root_element().visit_descendants(|element| {
            look(&element);
            std::ops::ControlFlow::<()>::Continue(())
        });
    }

    pub(crate) fn find_all(&self, label: &str) -> Vec<ElementHandle> {
        ElementHandle::find_by_accessible_label(self.window(), label).collect()
    }

    pub(crate) fn has(&self, label: &str) -> bool {
        !self.find_all(label).is_empty()
    }

    /// The control of this label; what only groups or says something is none.
    #[track_caller]
    pub(crate) fn find(&self, label: &str) -> ElementHandle {
        let mut found = self.find_all(label);
        let is_passive = |element: &ElementHandle| {
            matches!(
                element.accessible_role(),
                None | Some(
                    AccessibleRole::Text
                        | AccessibleRole::Groupbox
                        | AccessibleRole::List
                        | AccessibleRole::Tab
                )
            )
        };
        if let Some(at) = found.iter().position(|element| !is_passive(element)) {
            return found.swap_remove(at);
        }
        found.into_iter().next().unwrap_or_else(|| panic!("there is no {label:?} in:\n{}", self.all()))
    }

    /// Presses a button, turns a switch, chooses.
    #[track_caller]
    pub(crate) fn press(&self, label: &str) {
        let element = self.find(label);
        assert_ne!(element.accessible_enabled(), Some(false), "{label} is disabled");
        element.invoke_accessible_default_action();
    }

    /// Chooses the line of a list that says this.
    #[track_caller]
    pub(crate) fn choose(&self, part: &str) {
        let mut found = None;
        self.visit(|element| {
            let is_line = element.accessible_role() == Some(AccessibleRole::ListItem);
            if is_line && element.accessible_label().is_some_and(|label| label.contains(part)) {
                found.get_or_insert_with(|| element.clone());
            }
        });
        let line = found.unwrap_or_else(|| panic!("no line says {part:?} in:\n{}", self.all()));
        line.invoke_accessible_default_action();
    }

    /// Types into a line, or chooses in a list.
    #[track_caller]
    pub(crate) fn set(&self, label: &str, value: &str) {
        let element = self.find(label);
        assert_ne!(element.accessible_enabled(), Some(false), "{label} is disabled");
        element.set_accessible_value(value);
    }

    /// What a line or list shows.
    #[track_caller]
    pub(crate) fn value(&self, label: &str) -> String {
        self.find(label).accessible_value().unwrap_or_default().to_string()
    }

    pub(crate) fn is_enabled(&self, label: &str) -> bool {
        self.find(label).accessible_enabled().unwrap_or(true)
    }

    /// What a screen reader says of it beyond label and value.
    pub(crate) fn description(&self, label: &str) -> String {
        self.find(label).accessible_description().unwrap_or_default().to_string()
    }

    /// Whether anything with a label says this.
    pub(crate) fn says(&self, part: &str) -> bool {
        let mut found = false;
        self.visit(|element| {
            let said =
                [element.accessible_label(), element.accessible_description(), element.accessible_value()];
            found |= said.into_iter().flatten().any(|said| said.contains(part));
        });
        found
    }

    /// Presses a key with Ctrl.
    pub(crate) fn ctrl(&self, key: &str) {
        use slint::platform::{Key, WindowEvent};
        let window = self.window().window();
        let control = slint::SharedString::from(char::from(Key::Control));
        window.dispatch_event(WindowEvent::KeyPressed { text: control.clone() });
        window.dispatch_event(WindowEvent::KeyPressed { text: key.into() });
        window.dispatch_event(WindowEvent::KeyReleased { text: key.into() });
        window.dispatch_event(WindowEvent::KeyReleased { text: control });
    }
}
