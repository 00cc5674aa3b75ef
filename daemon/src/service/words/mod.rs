//! What an administrator reads who installs, starts, stops or removes the service, or lets a machine join others. One struct: a text that a language lacks
//! does not compile. What is logged stays English, and so do the words of the operating system.

mod en;
mod ru;

use std::path::Path;

use faxpost_proto::advice::Language;

pub use en::EN;
pub use ru::RU;

type Text = &'static str;
/// A sentence with a place to fill.
type With1 = fn(&str) -> String;

/// All texts of one language.
pub struct Words {
    /// Before what went wrong.
    pub error: Text,
    /// Instead, before the daemon's own words, which are those of its log.
    pub failed: Text,
    /// Linux: the command that does it there.
    pub systemds: With1,
    /// Of `faxpostd service`, typed by a person.
    pub not_typed: Text,

    /// What was done.
    pub registered: Text,
    /// The registration was there.
    pub up_to_date: Text,
    /// Settings of the service that this system has not.
    pub lacks: With1,
    /// The state is kept.
    pub removed: Text,
    /// With the state, whose folder this is.
    pub removed_with_data: fn(&Path) -> String,
    /// What of the folder is not Faxpost's, and so was kept.
    pub others_kept: fn(&Path, &str) -> String,
    /// There was no such folder.
    pub no_data: fn(&Path) -> String,
    /// It runs.
    pub runs: Text,
    /// It ran before.
    pub runs_already: Text,
    /// It has ended.
    pub ended: Text,
    /// There was nothing to end.
    pub not_running: Text,

    /// Rows, and bodies of waiting mail beside them.
    pub moved: fn(u64, u64) -> String,
    /// There was nothing more to do.
    pub moved_before: Text,
    /// What to do after [`Self::moved`]: with the database.
    pub moved_to_server: With1,
    /// The same, of the way back.
    pub moved_from_server: With1,
    /// Messages without their body.
    pub moved_lost: fn(u64) -> String,

    /// Whose program it is: the command line.
    pub others_service: With1,
    /// The path of the program, and who may change it.
    pub open_program: fn(&Path, &str) -> String,
    /// The path of the program.
    pub cannot_look: fn(&Path) -> String,
    /// Where this program is.
    pub no_path: Text,
    /// The command line of the service.
    pub no_text: Text,
    /// The Event Log.
    pub source_not_registered: Text,
    /// The same.
    pub source_not_removed: Text,
    /// The machine's PATH.
    pub path_not_changed: Text,
    /// Which setting of the service.
    pub not_set: With1,
    /// Nothing to remove.
    pub nothing_to_remove: Text,
    /// How it ended.
    pub ended_at_once: With1,
    /// A code of the service's own.
    pub own_code: With1,
    /// It is still starting.
    pub does_not_come_up: Text,
    /// It is still stopping.
    pub does_not_end: Text,
    /// Windows: access denied.
    pub administrators_only: Text,
    /// Windows: no such service.
    pub not_registered: Text,
    /// Windows: marked for delete.
    pub being_removed: Text,
    /// Windows: anything else.
    pub refused: Text,
    /// The service could not be handed over.
    pub not_handed_over: Text,
    /// The state, whose folder this is.
    pub data_kept: fn(&Path) -> String,
    /// What it has not, and the daemon's folder would.
    pub not_ours: Text,

    /// Beside the code.
    pub invited: Text,
    /// Before a code is typed.
    pub code_prompt: Text,
    /// This machine has the key.
    pub joined: Text,
    /// It had it.
    pub joined_before: Text,
    /// No PostgreSQL database is named.
    pub no_server: Text,
    /// The database has no key.
    pub no_fleet: Text,
    /// Nobody is invited.
    pub not_invited: Text,
    /// Standard input failed.
    pub code_not_read: Text,
    /// What was typed cannot be a code.
    pub no_code: Text,
    /// The checksum is another.
    pub mistyped: Text,
    /// How many tries are left.
    pub wrong_code: fn(i64) -> String,
}

/// The words of a language.
#[must_use]
pub fn words(language: Language) -> &'static Words {
    match language {
        Language::En => &EN,
        Language::Ru => &RU,
    }
}
