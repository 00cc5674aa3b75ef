//! One process of the mailer, as the daemon sees it: jobs go in, events and answers come out, and the process is hostile
//! until it has proved nothing at all.
//!
//! Whatever it sends is bounded: a frame in its length, an answer in its parts, the events of a job and the pieces it asks
//! for in their number. Ids are the daemon's; every job has one answer. What is not so, and silence, ends the process; the
//! jobs that it had are [`Lost`], and the daemon goes on with another one.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use zeroize::{Zeroize as _, Zeroizing};

use super::body::Source;
use super::platform::Process;
use super::reader::Wiping;
use super::wire::{
    Carried, Done, Frame, Hello, INLINE, Kind, LONGEST_ANSWER, Order, PIECES, PROTOCOL, invalid,
};
use super::{Answer, Task};
use crate::mailer::{Body, Event, Step};

/// Jobs at once, with those that were cancelled and not yet confirmed. More than any setting asks for.
const MOST_JOBS: usize = 4096;

/// Events of one job: eight steps begin and end.
const MOST_EVENTS: usize = 64;

/// From its start to its first word.
const START: Duration = Duration::from_secs(20);

/// Between two questions whether it is alive.
const PING: Duration = Duration::from_secs(4);

/// How long it may leave one unanswered. Nothing in it takes so long without an await; a busy machine might.
const PATIENCE: Duration = Duration::from_secs(10);

/// Bytes of frames that are written at once.
const GATHERED: usize = 64 * 1024;

/// How long it may take to end when its connection has ended.
const FAREWELL: Duration = Duration::from_millis(500);

/// A process just started, and the way to it.
pub(super) struct Started {
    pub(super) process: Process,
    pub(super) reader: Box<dyn AsyncRead + Send + Unpin>,
    pub(super) writer: Box<dyn AsyncWrite + Send + Unpin>,
}

/// Why a job has no answer.
#[derive(Clone, Debug)]
pub(super) struct Lost {
    /// A sentence.
    pub(super) text: String,
    /// The final dot may have gone out.
    pub(super) final_dot: bool,
    /// The last step that is known to have begun.
    pub(super) step: Option<Step>,
}

impl Lost {
    /// The mailer never had the job.
    pub(super) fn unsent(text: impl Into<String>) -> Self {
        Self { text: text.into(), final_dot: false, step: None }
    }
}

/// A process, and its jobs.
pub(super) struct Link {
    table: Mutex<Table>,
    control: mpsc::UnboundedSender<Frame>,
    /// Pieces of bodies. Bounded: a mailer that asks and does not read gets no more.
    pieces: mpsc::Sender<Frame>,
    condemned: Notify,
    /// Cancelled when the process has ended.
    gone: CancellationToken,
}

#[derive(Default)]
struct Table {
    next: u32,
    jobs: HashMap<u32, Entry>,
    /// No more jobs; why.
    over: Option<String>,
    /// Asked whether it is alive, and not answered.
    pinged: Option<Instant>,
}

enum Entry {
    Wanted(Wanted),
    /// Its answer will come all the same, and nobody wants it.
    Cancelled,
}

struct Wanted {
    answer: oneshot::Sender<Result<Answer, Lost>>,
    events: Option<mpsc::UnboundedSender<Event>>,
    event_count: usize,
    step: Option<Step>,
    final_dot: bool,
    source: Option<Source>,
    parts: Vec<u8>,
}

impl Link {
    /// Waits for the process' first word, and then takes jobs for it. Dropped before, the process ends.
    pub(super) async fn open(started: Started) -> Result<Arc<Self>, Lost> {
        let Started { process, reader, writer } = started;
        let mut reader = Wiping::new(reader);
        let greeted = tokio::time::timeout(START, greeting(&mut reader)).await;
        let wrong = match greeted {
            Ok(Ok(confined)) => {
                tracing::info!(process = process.id(), confined, "the mailer is ready");
                None
            }
            Ok(Err(error)) => Some(error.to_string()),
            Err(_) => Some("it says nothing".to_owned()),
        };
        if let Some(wrong) = wrong {
            let ended = end(process, FAREWELL).await;
            return Err(Lost::unsent(format!("the mailer did not start: {wrong} ({ended})")));
        }
        let (control, controls) = mpsc::unbounded_channel();
        let (pieces, piece_frames) = mpsc::channel(PIECES);
        let condemned = Notify::new();
        let gone = CancellationToken::new();
        let link = Arc::new(Self { table: Mutex::default(), control, pieces, condemned, gone });
        let writing = tokio::spawn(write(writer, controls, piece_frames));
        tokio::spawn(link.clone().watch(process, reader, writing));
        Ok(link)
    }

    /// Takes jobs.
    pub(super) fn is_open(&self) -> bool {
        self.table().over.is_none()
    }

    /// Ends the process, and with it all its jobs.
    pub(super) fn condemn(&self, why: &str) {
        self.table().over.get_or_insert_with(|| why.to_owned());
        self.condemned.notify_one();
    }

    /// Returns when the process has ended.
    pub(super) async fn ended(&self) {
        self.gone.cancelled().await;
    }

    /// It answered, and not what it was asked.
    pub(super) fn is_wrong(&self) -> Lost {
        let why = "it answered something else than it was asked";
        self.condemn(why);
        Lost { text: format!("the mailer was ended: {why}"), final_dot: true, step: None }
    }

    /// Does a task. Dropping the future cancels it.
    pub(super) async fn call(
        self: &Arc<Self>,
        mut task: Task,
        events: Option<mpsc::UnboundedSender<Event>>,
    ) -> Result<Answer, Lost> {
        let told = events.is_some();
        let body = task.body().map(|body| std::mem::replace(body, Body::Inline(Vec::new())));
        let (carried, tail, asked) = match body {
            None => (Carried::Along, Vec::new(), None),
            Some(Body::Inline(bytes)) if bytes.len() <= INLINE => (Carried::Along, bytes, None),
            Some(body) => (Carried::Asked(body.size()), Vec::new(), Some(body)),
        };
        let (answer, answered) = oneshot::channel();
        let mut wanted = Wanted {
            answer,
            events,
            event_count: 0,
            step: None,
            final_dot: false,
            source: None,
            parts: Vec::new(),
        };
        let order = Order { task, body: carried, told };
        let ticket = {
            let mut table = self.table();
            if let Some(why) = &table.over {
                return Err(Lost::unsent(why.clone()));
            }
            if table.jobs.len() >= MOST_JOBS {
                return Err(Lost::unsent("the mailer has too many jobs"));
            }
            let id = table.free_id();
            let frame = Frame::start(id, &order, tail)
                .map_err(|error| Lost::unsent(format!("the job cannot be given to the mailer: {error}")))?;
            wanted.source = asked.map(|body| Source::new(id, body, self.pieces.clone()));
            table.jobs.insert(id, Entry::Wanted(wanted));
            // With the table held, so that nothing is sent of a job before its beginning. A process that is gone is
            // noticed by whoever reads from it.
            let _ = self.control.send(frame);
            Ticket { link: self.clone(), id }
        };
        let result = answered.await;
        drop(ticket);
        result.unwrap_or_else(|_| Err(Lost::unsent("the daemon stops")))
    }

    /// To the end of the process.
    async fn watch(
        self: Arc<Self>,
        process: Process,
        mut reader: impl AsyncRead + Unpin,
        writing: tokio::task::JoinHandle<io::Result<()>>,
    ) {
        let mut grace = Duration::ZERO;
        let why = tokio::select! {
            ended = self.listen(&mut reader) => match ended {
                // Its exit tells more than a broken connection.
                Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                    Some(format!("it does not keep to the rules: {error}"))
                }
                _ => { grace = FAREWELL; None }
            },
            () = self.ping() => Some("it does not answer".to_owned()),
            () = self.condemned.notified() => self.table().over.clone(),
        };
        // Before anything is waited for: no more jobs for this one.
        self.table().over.get_or_insert_with(|| "the mailer has ended".to_owned());
        writing.abort();
        let id = process.id();
        let ended = end(process, grace).await;
        let text = match why {
            Some(why) => format!("the mailer was ended: {why}"),
            None => format!("the mailer ended by itself ({ended})"),
        };
        let lost: Vec<_> = self.table().jobs.drain().collect();
        if lost.is_empty() {
            tracing::info!(process = id, "{text}");
        } else {
            tracing::error!(process = id, jobs = lost.len(), "{text}");
        }
        for (_, entry) in lost {
            let Entry::Wanted(wanted) = entry else { continue };
            let Wanted { answer, step, final_dot, .. } = wanted;
            let _ = answer.send(Err(Lost { text: text.clone(), final_dot, step }));
        }
        self.gone.cancel();
    }

    async fn listen(&self, reader: &mut (impl AsyncRead + Unpin)) -> io::Result<()> {
        while let Some(mut frame) = Frame::read(reader).await? {
            self.table().take(&mut frame)?;
        }
        Ok(())
    }

    /// Returns when it has been silent for too long. One without a job may be.
    async fn ping(&self) {
        loop {
            tokio::time::sleep(PING).await;
            let mut table = self.table();
            match table.pinged {
                Some(since) if since.elapsed() >= PATIENCE => return,
                None if !table.jobs.is_empty() => {
                    table.pinged = Some(Instant::now());
                    let _ = self.control.send(Frame::new(Kind::Ping, 0, Vec::new()));
                }
                _ => {}
            }
        }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn free_id(&mut self) -> u32 {
        loop {
            self.next = self.next.wrapping_add(1);
            if !self.jobs.contains_key(&self.next) {
                return self.next;
            }
        }
    }

    /// Whatever the process said. An error is the end of it.
    fn take(&mut self, frame: &mut Frame) -> io::Result<()> {
        if frame.kind == Kind::Pong {
            self.pinged = None;
            return Ok(());
        }
        let entry = self.jobs.get_mut(&frame.id).ok_or_else(|| invalid("there is no such job"))?;
        let wanted = match entry {
            Entry::Wanted(wanted) => wanted,
            Entry::Cancelled if frame.kind == Kind::Answer => {
                self.jobs.remove(&frame.id);
                return Ok(());
            }
            Entry::Cancelled => return Ok(()),
        };
        match frame.kind {
            Kind::Event => wanted.tell(frame.parse()?),
            Kind::FinalDot => {
                wanted.final_dot = true;
                Ok(())
            }
            Kind::Read => {
                let source = wanted.source.as_ref().ok_or_else(|| invalid("it has the message already"))?;
                source.ask(frame.offset()?)
            }
            Kind::Part => wanted.part(&mut frame.payload),
            Kind::Answer => {
                wanted.part(&mut frame.payload)?;
                let done: Done = serde_json::from_slice(&wanted.parts)?;
                let result = match done {
                    Done::Answered(answer) => Ok(answer),
                    Done::Panicked => Err(Lost {
                        text: "the mailer failed over this job; its log says where".to_owned(),
                        final_dot: wanted.final_dot,
                        step: wanted.step,
                    }),
                    Done::Cancelled => return Err(invalid("it stopped a job that is wanted")),
                };
                if let Some(Entry::Wanted(wanted)) = self.jobs.remove(&frame.id) {
                    // Dropped at this moment, it is cancelled; the ticket finds no job then.
                    let _ = wanted.answer.send(result);
                }
                Ok(())
            }
            _ => Err(invalid("the frame is the daemon's to send")),
        }
    }
}

impl Wanted {
    fn tell(&mut self, event: Event) -> io::Result<()> {
        self.event_count += 1;
        if self.event_count > MOST_EVENTS {
            return Err(invalid("a job with too many events"));
        }
        match &event {
            Event::Started(step) => self.step = Some(*step),
            Event::Finished(_) => {}
        }
        if let Some(events) = &self.events {
            // Whoever stopped listening does not stop the job.
            let _ = events.send(event);
        }
        Ok(())
    }

    fn part(&mut self, part: &mut Vec<u8>) -> io::Result<()> {
        if self.parts.len() + part.len() > LONGEST_ANSWER {
            return Err(invalid("an answer that is too long"));
        }
        if self.parts.is_empty() {
            self.parts = std::mem::take(part);
        } else {
            self.parts.append(part);
        }
        Ok(())
    }
}

/// A job under way; dropped before its answer, it is cancelled.
struct Ticket {
    link: Arc<Link>,
    id: u32,
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut table = self.link.table();
        // With its answer it has left the table.
        if let Some(entry @ Entry::Wanted(_)) = table.jobs.get_mut(&self.id) {
            *entry = Entry::Cancelled;
            let _ = self.link.control.send(Frame::new(Kind::Cancel, self.id, Vec::new()));
        }
    }
}

async fn greeting(reader: &mut (impl AsyncRead + Unpin)) -> io::Result<String> {
    let frame = Frame::read(reader).await?.ok_or(io::ErrorKind::UnexpectedEof)?;
    let hello: Hello =
        if frame.kind == Kind::Hello { frame.parse()? } else { return Err(invalid("no greeting")) };
    if hello.protocol != PROTOCOL {
        return Err(invalid("it is of another version"));
    }
    Ok(super::supervisor::legible(&hello.confined))
}

/// Writes what is to be said before what was asked for. What has come meanwhile goes along: a system call costs more than
/// a copy.
async fn write(
    mut writer: impl AsyncWrite + Unpin,
    mut controls: mpsc::UnboundedReceiver<Frame>,
    mut pieces: mpsc::Receiver<Frame>,
) -> io::Result<()> {
    // There are secrets in it: it is wiped, and never grows, which would leave a copy behind.
    let mut gathered = Zeroizing::new(Vec::with_capacity(GATHERED));
    // Only what was filled: wiping goes byte by byte, and the whole of it takes longer than most jobs' way to the mailer.
    let wipe = |gathered: &mut Vec<u8>| {
        gathered.as_mut_slice().zeroize();
        gathered.clear();
    };
    loop {
        let mut frame = tokio::select! {
            biased;
            frame = controls.recv() => frame,
            frame = pieces.recv() => frame,
        };
        if frame.is_none() {
            return Ok(());
        }
        while let Some(next) = frame {
            if gathered.len() + next.length() > GATHERED {
                writer.write_all(&gathered).await?;
                wipe(&mut gathered);
            }
            match next.length() > GATHERED {
                true => next.write(&mut writer).await?,
                false => next.write(&mut *gathered).await?,
            }
            frame = controls.try_recv().ok().or_else(|| pieces.try_recv().ok());
        }
        writer.write_all(&gathered).await?;
        wipe(&mut gathered);
        writer.flush().await?;
    }
}

async fn end(process: Process, grace: Duration) -> String {
    let ended = tokio::task::spawn_blocking(move || process.end(grace)).await;
    ended.unwrap_or_else(|_| "its end is not known".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mailer::{Outcome, Transcript};

    fn table() -> (Table, oneshot::Receiver<Result<Answer, Lost>>) {
        let (answer, answered) = oneshot::channel();
        let (out, _) = mpsc::channel(1);
        let _runtime = tokio::runtime::Handle::current();
        let wanted = Wanted {
            answer,
            events: None,
            event_count: 0,
            step: None,
            final_dot: false,
            source: Some(Source::new(1, Body::Inline(Vec::new()), out)),
            parts: Vec::new(),
        };
        (Table { jobs: HashMap::from([(1, Entry::Wanted(wanted))]), ..Table::default() }, answered)
    }

    fn answer(id: u32) -> Frame {
        let outcome = Outcome {
            reused: false,
            failure: None,
            recipients: Vec::new(),
            transcript: Transcript::default(),
            tls: None,
            answer: "ok".to_owned(),
        };
        Frame::answer(id, &Done::Answered(Answer::Deliver(Box::new(outcome)))).unwrap().remove(0)
    }

    #[tokio::test]
    async fn h6_a_job_has_one_answer_and_no_other_id_has_any() {
        let (mut table, answered) = table();
        assert!(table.take(&mut answer(2)).is_err());
        table.take(&mut answer(1)).unwrap();
        assert!(answered.await.unwrap().is_ok());
        assert!(table.take(&mut answer(1)).is_err(), "a second one");
    }

    #[tokio::test]
    async fn h6_what_is_endless_ends() {
        let (mut events, _one) = table();
        let event = || Frame::with(Kind::Event, 1, &Event::Started(Step::Ehlo)).unwrap();
        let taken = (0..1000).take_while(|_| events.take(&mut event()).is_ok()).count();
        assert_eq!(taken, MOST_EVENTS);

        let (mut reads, _two) = table();
        let read = || Frame::new(Kind::Read, 1, 0_u64.to_le_bytes().to_vec());
        let taken = (0..1000).take_while(|_| reads.take(&mut read()).is_ok()).count();
        assert_eq!(taken, PIECES);

        let (mut parts, _three) = table();
        let part = || Frame::new(Kind::Part, 1, vec![b' '; 1_000_000]);
        let taken = (0..1000).take_while(|_| parts.take(&mut part()).is_ok()).count();
        assert_eq!(taken, LONGEST_ANSWER / 1_000_000);
    }

    #[tokio::test]
    async fn h6_frames_of_the_daemon_and_wrong_payloads_are_refused() {
        let (mut table, _answered) = table();
        for kind in [Kind::Start, Kind::Piece, Kind::Unreadable, Kind::Cancel, Kind::Ping, Kind::Hello] {
            assert!(table.take(&mut Frame::new(kind, 1, Vec::new())).is_err(), "{kind:?}");
        }
        for kind in [Kind::Event, Kind::Read, Kind::Answer] {
            assert!(table.take(&mut Frame::new(kind, 1, b"garbage".to_vec())).is_err(), "{kind:?}");
        }
        assert!(table.take(&mut Frame::with(Kind::Answer, 1, &Done::Cancelled).unwrap()).is_err());
    }
}
