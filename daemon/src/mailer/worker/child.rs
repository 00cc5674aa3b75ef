//! `faxpostd mailer`: the process itself. First it gives away what it may do, then it reads its first byte.

use std::process::ExitCode;

use super::{Arguments, platform, serve};
use crate::mailer::Engine;

/// A process that has given away what it does not need.
pub struct Confined {
    /// The way to the daemon.
    pub connection: platform::Connection,
    /// What was done, for the log.
    pub how: String,
}

/// Becomes the service account and gives everything away that the mailer does not need. For a process that has no threads
/// yet; there is no way back.
///
/// # Errors
/// It is not started by the daemon, or what has to be given away stays.
pub fn confine(arguments: &Arguments) -> anyhow::Result<Confined> {
    platform::confine(arguments)
}

/// The whole process.
#[must_use]
pub fn main(arguments: &Arguments) -> ExitCode {
    let served = confine(arguments).and_then(|confined| {
        // One thread carries what a network brings: to wake another costs more than what there is to do for a message. Hashing for a
        // sign-in, signing and files have threads of their own.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let engine = Engine::with_programs_beside(&arguments.keys);
        // A task like those that it hears from: whatever the runtime itself waits for is woken through the system.
        let serving = runtime.spawn(async move {
            let (reader, writer) = confined.connection.open()?;
            serve::serve(reader, writer, confined.how, engine).await
        });
        let served = runtime.block_on(serving)?;
        // A look-up of names may hang, and nobody waits for it.
        runtime.shutdown_background();
        Ok(served?)
    });
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("faxpostd mailer: {error:#}");
            ExitCode::FAILURE
        }
    }
}
