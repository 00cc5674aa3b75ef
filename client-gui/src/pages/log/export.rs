//! Copies what is found into a file.

use std::path::Path;

use faxpost_gui_ui::LogView;
use faxpost_proto::refusal::without_number;
use jiff::Zoned;
use slint::ComponentHandle as _;

use super::{LogPage, Notice, Page as _};
use crate::lang::Texts;
use crate::lang::failure::failure;
use crate::link::Task;
use crate::link::log::{self as calls, ExportError, Progress};
use crate::pages::Saying;
use crate::state::certificate::home;

/// The dialog that exports.
#[derive(Default)]
pub(super) struct Export {
    pub(super) open: bool,
    pub(super) task: Option<Task>,
    pub(super) written: u64,
    pub(super) error: Saying,
}

impl LogPage {
    pub(super) fn offer_export(&self) {
        let Some(window) = self.desk.context.window.upgrade() else { return };
        let name = format!("faxpost-log-{}.jsonl", Zoned::now().date());
        let path = home().join(name).display().to_string();
        window.global::<LogView>().set_export_path(path.into());
        self.export.replace(Export { open: true, ..Export::default() });
    }

    pub(super) fn export(&self) {
        let Some(window) = self.desk.context.window.upgrade() else { return };
        let view = window.global::<LogView>();
        let path = view.get_export_path().trim().to_owned();
        if path.is_empty() || self.export.borrow().task.is_some() {
            return;
        }
        let filter = match self.search.borrow().filter(&Zoned::now()) {
            Ok(filter) => filter,
            Err(typed) => {
                self.export.borrow_mut().error = Saying::new(move |texts| (texts.log.no_day)(&typed));
                return;
            }
        };
        let (transcripts, me) = (view.get_export_transcripts(), self.desk.me.clone());
        let file = Path::new(&path).to_owned();
        let task = self.desk.context.link.follow(
            move |channel, to| calls::export(channel, filter, transcripts, file, to),
            move |progress| {
                if let Some(page) = me.upgrade() {
                    page.exported(progress, &path);
                    page.show();
                }
            },
        );
        self.export.replace(Export { open: true, task: Some(task), ..Export::default() });
    }

    fn exported(&self, progress: Progress, path: &str) {
        let mut export = self.export.borrow_mut();
        match progress {
            Progress::Written(count) => export.written = count,
            Progress::Done(Ok(count)) => {
                *export = Export::default();
                let path = path.to_owned();
                self.desk.say(Notice::good(move |texts| (texts.log.exported)(count, &path)));
            }
            Progress::Done(Err(why)) => {
                export.task = None;
                export.written = 0;
                export.error = Saying::new(move |texts| unwritten(&why, texts));
            }
        }
    }
}

fn unwritten(why: &ExportError, texts: &Texts) -> String {
    match why {
        ExportError::Exists => texts.log.exists.to_owned(),
        ExportError::File(error) => (texts.log.cannot_write)(without_number(&error.to_string())),
        ExportError::Refused(status) => {
            let said = failure(status, texts);
            format!("{} {}", said.sentence, said.detail).trim().to_owned()
        }
    }
}
