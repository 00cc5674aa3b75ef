//! The mailer's side of the connection: jobs come in, each is a task, answers go out. When the connection ends, all ends.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::{mpsc, oneshot};
use tokio::task::{AbortHandle, JoinError, JoinSet};

use super::body::{Awaited, Remote};
use super::reader::Wiping;
use super::wire::{Carried, Done, Frame, Hello, Kind, Order, PROTOCOL, invalid};
use super::{Answer, perform};
use crate::mailer::progress::Gate;
use crate::mailer::{Body, Engine, is_worn_out};

/// Serves until the daemon ends the connection.
pub(super) async fn serve(
    reader: impl AsyncRead + Unpin,
    writer: impl AsyncWrite + Send + Unpin + 'static,
    confined: String,
    engine: Engine,
) -> io::Result<()> {
    let mut reader = Wiping::new(reader);
    let (out, frames) = mpsc::unbounded_channel();
    let mut writing = tokio::spawn(write(writer, frames));
    let mut jobs = Jobs { out, engine, running: HashMap::new(), ids: HashMap::new(), tasks: JoinSet::new() };
    jobs.say(Frame::with(Kind::Hello, 0, &Hello { protocol: PROTOCOL, confined })?);
    let (commands, mut heard) = mpsc::channel(16);
    // Reading must not be dropped in the middle of a frame, as a branch of a select is.
    let listening = async {
        while let Some(frame) = Frame::read(&mut reader).await? {
            if commands.send(frame).await.is_err() {
                break;
            }
        }
        io::Result::Ok(())
    };
    let working = async {
        loop {
            tokio::select! {
                Some(frame) = heard.recv() => jobs.hear(frame)?,
                Some(ended) = jobs.tasks.join_next_with_id() => if let Some(said) = jobs.ended(ended)? {
                    // Once the last answer is out. A job that comes at this moment was not begun, and goes to the next process.
                    let _ = said.await;
                    return Err(io::Error::other("calls that cannot be ended hang: another process goes on"));
                },
            }
        }
    };
    tokio::select! {
        ended = listening => ended,
        ended = working => ended,
        written = &mut writing => written.unwrap_or_else(|panic| Err(io::Error::other(panic))),
    }
}

struct Jobs {
    out: mpsc::UnboundedSender<Frame>,
    /// Keeps connections between jobs.
    engine: Engine,
    running: HashMap<u32, Running>,
    ids: HashMap<tokio::task::Id, u32>,
    tasks: JoinSet<Answer>,
}

struct Running {
    abort: AbortHandle,
    awaited: Option<Arc<Awaited>>,
}

impl Jobs {
    fn say(&self, frame: Frame) {
        // Nobody writes any more? Then the connection has ended, and so does this process.
        let _ = self.out.send(frame);
    }

    fn hear(&mut self, mut frame: Frame) -> io::Result<()> {
        match frame.kind {
            Kind::Start => self.begin(frame),
            Kind::Piece | Kind::Unreadable => {
                let running = self.running.get(&frame.id);
                // The job may have ended meanwhile.
                if let Some(awaited) = running.and_then(|running| running.awaited.as_ref()) {
                    let payload = std::mem::take(&mut frame.payload);
                    awaited.came(match frame.kind {
                        Kind::Piece => Ok(payload),
                        _ => Err(io::Error::other(String::from_utf8_lossy(&payload).into_owned())),
                    });
                }
                Ok(())
            }
            Kind::Cancel => {
                if let Some(running) = self.running.get(&frame.id) {
                    running.abort.abort();
                }
                Ok(())
            }
            Kind::Ping => {
                self.say(Frame::new(Kind::Pong, 0, Vec::new()));
                Ok(())
            }
            _ => Err(invalid("the frame is the mailer's to send")),
        }
    }

    fn begin(&mut self, frame: Frame) -> io::Result<()> {
        let id = frame.id;
        let (order, along) = frame.order()?;
        let Order { mut task, body: carried, told } = order;
        let mut awaited = None;
        if let Some(body) = task.body() {
            *body = match carried {
                Carried::Along => Body::Inline(along),
                Carried::Asked(size) => {
                    let (remote, pieces) = Remote::new(id, size, self.out.clone());
                    awaited = Some(pieces);
                    Body::Remote(remote)
                }
            };
        }
        let (events, mut happened) = mpsc::unbounded_channel();
        let (engine, work_out, out) = (self.engine.clone(), self.out.clone(), self.out.clone());
        let abort = self.tasks.spawn(async move {
            let work = perform(engine, task, told.then_some(events), gate(id, work_out));
            let telling = async {
                while let Some(event) = happened.recv().await {
                    if let Ok(frame) = Frame::with(Kind::Event, id, &event) {
                        let _ = out.send(frame);
                    }
                }
            };
            // The work drops its end of the events, so both end; and the answer is behind all of them.
            tokio::join!(work, telling).0
        });
        self.ids.insert(abort.id(), id);
        self.running.insert(id, Running { abort, awaited });
        Ok(())
    }

    /// Gives the answer, and tells when that is out if this process is to end then.
    fn ended(
        &mut self,
        ended: Result<(tokio::task::Id, Answer), JoinError>,
    ) -> io::Result<Option<oneshot::Receiver<()>>> {
        let (task, done) = match ended {
            Ok((task, answer)) => (task, Done::Answered(answer)),
            Err(error) if error.is_panic() => (error.id(), Done::Panicked),
            Err(error) => (error.id(), Done::Cancelled),
        };
        let Some(id) = self.ids.remove(&task) else { return Ok(None) };
        self.running.remove(&id);
        let mut frames = Frame::answer(id, &done)?;
        let mut said = None;
        if self.running.is_empty()
            && is_worn_out()
            && let Some(last) = frames.last_mut()
        {
            let (sender, receiver) = oneshot::channel();
            (last.written, said) = (Some(sender), Some(receiver));
        }
        for frame in frames {
            self.say(frame);
        }
        Ok(said)
    }
}

/// Before the final dot leaves, the daemon is told: should this process die then, the message may have arrived.
fn gate(id: u32, out: mpsc::UnboundedSender<Frame>) -> Gate {
    Box::new(move || {
        let (sender, written) = oneshot::channel();
        let mut frame = Frame::new(Kind::FinalDot, id, Vec::new());
        frame.written = Some(sender);
        let _ = out.send(frame);
        Box::pin(async move {
            // An error: the connection has ended, and this process does so, too.
            if written.await.is_err() {
                std::future::pending::<()>().await;
            }
        })
    })
}

async fn write(
    mut writer: impl AsyncWrite + Unpin,
    mut frames: mpsc::UnboundedReceiver<Frame>,
) -> io::Result<()> {
    let (mut gathered, mut awaited) = (Vec::new(), Vec::new());
    while let Some(mut frame) = frames.recv().await {
        // What has come meanwhile goes along: a system call costs more than a copy.
        loop {
            frame.write(&mut gathered).await?;
            awaited.extend(frame.written.take());
            if gathered.len() >= 64 * 1024 {
                break;
            }
            match frames.try_recv() {
                Ok(next) => frame = next,
                Err(_) => break,
            }
        }
        writer.write_all(&gathered).await?;
        writer.flush().await?;
        gathered.clear();
        for waiting in awaited.drain(..) {
            // The job may have been cancelled.
            let _: Result<(), ()> = waiting.send(());
        }
    }
    Ok(())
}
