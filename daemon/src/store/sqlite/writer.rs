//! The one writer: takes what has gathered, runs it in one transaction, commits once, then answers everybody.
//!
//! A commit that somebody waits for is on the disk when he is answered. One of works that nobody waits for (what came of
//! attempts) is with the system at once, so that no end of the daemon undoes it, and on the disk with the next commit that is
//! waited for, or within [`SYNCED_WITHIN`]: should the power go before, its attempts are made again, as after a cut within them.
//!
//! There is a thread for it. But who comes alone, to a disk that was swift the last time, commits for himself, where he is: to hand
//! the work over and the result back would take as long as the disk does.

use std::fs::File;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::StoreError;

/// Works in one transaction at most: bounds how long the first of them waits for the commit.
const BATCH: usize = 256;

/// How long works that nobody waits for may wait for others to share a commit with.
const LATER: Duration = Duration::from_millis(1);

/// How long what nobody waits for may be without its sync: few enough a second that the slowest disk has time for mail, and
/// short enough that hardly any is sent again after a power cut.
const SYNCED_WITHIN: Duration = Duration::from_millis(50);

/// Works that wait at most; who comes then waits outside, where giving up costs nothing.
const QUEUE: usize = 4 * BATCH;

/// A commit within this time keeps nobody waiting who shares a thread with it.
const SWIFT: Duration = Duration::from_millis(2);

/// How long somebody else, a backup perhaps, is waited for who holds the database.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

#[derive(Clone)]
pub(super) struct Writer {
    queue: mpsc::Sender<Queued>,
    /// Works in it.
    queued: Arc<AtomicUsize>,
    places: Arc<Semaphore>,
    desk: Arc<Mutex<Desk>>,
}

/// A work, and whether somebody waits for it.
type Queued = (Box<dyn Work>, bool);

impl Writer {
    pub(super) fn start(connection: Connection) -> Self {
        let (queue, works) = mpsc::channel();
        let behind = Behind::of(&connection);
        let desk = Arc::new(Mutex::new(Desk { connection, behind, was_swift: false, has_stopped: false }));
        let queued = Arc::new(AtomicUsize::new(0));
        let thread = Thread { works, queued: queued.clone(), desk: desk.clone() };
        thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || thread.write())
            .expect("a thread can be started while the daemon starts");
        Self { queue, queued, places: Arc::new(Semaphore::new(QUEUE)), desk }
    }

    /// Runs `work` in a transaction. An `Err` of the work undoes what it did, and only that.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.queue(work, true).await
    }

    /// As [`Self::run`], for what nobody waits for: it shares the commit of what comes next, if that comes soon.
    pub(super) async fn run_later<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.queue(work, false).await
    }

    async fn queue<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
        urgent: bool,
    ) -> Result<T, StoreError> {
        let (answer, answered) = oneshot::channel();
        let stopped = || StoreError::Failed("its writer has stopped after an earlier failure".to_owned());
        let place = self.places.clone().acquire_owned().await.map_err(|_| stopped())?;
        let job = Box::new(Job { work: Some(work), result: None, answer, _place: place });
        if let Some(mut desk) = urgent.then(|| self.begun_here()).flatten() {
            desk.end(vec![job]);
        } else {
            self.queued.fetch_add(1, Ordering::Relaxed);
            self.queue.send((job, urgent)).map_err(|_| stopped())?;
        }
        answered.await.map_err(|_| stopped())?
    }

    /// The desk, with a transaction begun, if nobody else has anything to commit, and nobody minds that this thread waits.
    fn begun_here(&self) -> Option<MutexGuard<'_, Desk>> {
        // What comes in between these two looks waits for this commit, as it would for any other.
        if self.queued.load(Ordering::Relaxed) > 0 || !others_go_on() {
            return None;
        }
        let mut desk = self.desk.try_lock().ok()?;
        (desk.was_swift && !desk.has_stopped && desk.begins_at_once()).then_some(desk)
    }
}

/// While this thread waits, the tasks of the runtime find another one.
fn others_go_on() -> bool {
    tokio::runtime::Handle::try_current().is_ok_and(|runtime| runtime.metrics().num_workers() > 1)
}

trait Work: Send {
    /// Inside the transaction. Whether its changes count.
    fn run(&mut self, connection: &Connection) -> bool;
    /// Why they do not.
    fn failure(&self) -> StoreError;
    /// After it.
    fn finish(self: Box<Self>, committed: Result<(), StoreError>);
}

struct Job<T, F> {
    work: Option<F>,
    result: Option<Result<T, StoreError>>,
    answer: oneshot::Sender<Result<T, StoreError>>,
    _place: OwnedSemaphorePermit,
}

impl<T: Send, F: FnOnce(&Connection) -> Result<T, StoreError> + Send> Work for Job<T, F> {
    fn run(&mut self, connection: &Connection) -> bool {
        self.result = self.work.take().map(|work| work(connection));
        matches!(self.result, Some(Ok(_)))
    }

    fn failure(&self) -> StoreError {
        match &self.result {
            Some(Err(error)) => error.clone(),
            _ => StoreError::Failed("the transaction ended within a work".to_owned()),
        }
    }

    fn finish(self: Box<Self>, committed: Result<(), StoreError>) {
        let result = match (committed, self.result) {
            (Ok(()), Some(result)) => result,
            (Err(error), _) => Err(error),
            (Ok(()), None) => Err(StoreError::Failed("the work was not run".to_owned())),
        };
        // Nobody waits any more? What was committed stays committed.
        let _ = self.answer.send(result);
    }
}

/// What has gathered since `first`, and whether somebody waits for any of it.
fn gather(first: Queued, works: &mpsc::Receiver<Queued>) -> (Vec<Box<dyn Work>>, bool) {
    let (work, mut urgent) = first;
    let mut batch = vec![work];
    let until = Instant::now() + LATER;
    while batch.len() < BATCH {
        let next = match works.try_recv() {
            Err(mpsc::TryRecvError::Empty) if !urgent => {
                works.recv_timeout(until.saturating_duration_since(Instant::now())).ok()
            }
            next => next.ok(),
        };
        let Some((work, is_urgent)) = next else { break };
        batch.push(work);
        urgent |= is_urgent;
    }
    (batch, urgent)
}

/// The thread's own.
struct Thread {
    works: mpsc::Receiver<Queued>,
    queued: Arc<AtomicUsize>,
    desk: Arc<Mutex<Desk>>,
}

impl Thread {
    fn write(self) {
        // Nobody else is behind with anything.
        let mut due = None;
        loop {
            let first = match due {
                None => self.works.recv().map_err(|_| mpsc::RecvTimeoutError::Disconnected),
                // However many wait: it is due.
                Some(Duration::ZERO) => Err(mpsc::RecvTimeoutError::Timeout),
                Some(due) => self.works.recv_timeout(due),
            };
            let gathered = first.map(|first| gather(first, &self.works));
            // Who failed in the middle of a work has left the desk as nobody should go on with it.
            let Ok(mut desk) = self.desk.lock() else { return };
            if desk.has_stopped {
                return;
            }
            match gathered {
                Ok((batch, urgent)) => {
                    self.queued.fetch_sub(batch.len(), Ordering::Relaxed);
                    desk.commit(batch, urgent);
                }
                Err(mpsc::RecvTimeoutError::Timeout) => desk.catch_up(),
                Err(mpsc::RecvTimeoutError::Disconnected) => {
                    desk.catch_up();
                    return;
                }
            }
            if desk.has_stopped {
                return;
            }
            due = desk.behind.due();
        }
    }
}

/// What commits: whoever has it is the one writer.
struct Desk {
    connection: Connection,
    behind: Behind,
    /// The last commit that waited for the disk.
    was_swift: bool,
    /// A commit failed; nobody knows what the disk holds.
    has_stopped: bool,
}

impl Desk {
    fn commit(&mut self, batch: Vec<Box<dyn Work>>, urgent: bool) {
        if let Err(error) = self.behind.begin(&self.connection, urgent) {
            // Somebody else holds the database. Nothing was begun, so the next may well succeed.
            tracing::warn!(%error, "a transaction could not begin");
            for work in batch {
                work.finish(Err(error.clone()));
            }
            return;
        }
        self.end(batch);
    }

    /// Begins a transaction whose commit waits for the disk, unless it would have to wait for somebody else.
    fn begins_at_once(&mut self) -> bool {
        let patience = |time| self.connection.busy_timeout(time).is_ok();
        if !patience(Duration::ZERO) {
            return false;
        }
        let begun = self.behind.begin(&self.connection, true).is_ok();
        let _ = self.connection.busy_timeout(PATIENCE);
        begun
    }

    /// After the beginning.
    fn end(&mut self, mut batch: Vec<Box<dyn Work>>) {
        let since = Instant::now();
        let committed = commit(&self.connection, &mut batch);
        if self.behind.waits {
            self.was_swift = since.elapsed() < SWIFT;
        }
        // After a failed commit nobody knows what the disk holds (a failed fsync may have dropped pages for good), so
        // no later commit may be trusted: the writer stops, and callers are told until the daemon is restarted.
        self.has_stopped = matches!(committed, Err(StoreError::Failed(_)));
        if self.has_stopped {
            tracing::error!(error = ?committed, "a commit failed; nothing more is accepted until a restart");
        }
        for work in batch {
            work.finish(committed.clone());
        }
    }

    fn catch_up(&mut self) {
        if let Err(error) = self.behind.catch_up() {
            tracing::error!(%error, "a sync failed; nothing more is accepted until a restart");
            self.has_stopped = true;
        }
    }
}

/// What is committed and may not be on the disk yet.
struct Behind {
    /// The WAL, whose sync is that of every commit before it; as long as the connection is open, SQLite keeps this file.
    path: PathBuf,
    wal: Option<File>,
    since: Option<Instant>,
    /// Commits of the connection wait for the disk (synchronous=FULL).
    waits: bool,
}

impl Behind {
    fn of(connection: &Connection) -> Self {
        let mut path = PathBuf::from(connection.path().unwrap_or_default()).into_os_string();
        path.push("-wal");
        Self { path: path.into(), wal: None, since: None, waits: true }
    }

    /// When it must be caught up with, from now.
    fn due(&self) -> Option<Duration> {
        self.since.map(|since| SYNCED_WITHIN.saturating_sub(since.elapsed()))
    }

    /// Begins a transaction whose commit waits for the disk, or does not.
    fn begin(&mut self, connection: &Connection, waits: bool) -> Result<(), StoreError> {
        // What could not be synced later waits now.
        let waits = waits || !self.is_open();
        if self.waits != waits {
            // Not prepared once for all: it takes effect when it is prepared.
            connection.pragma_update(None, "synchronous", if waits { "full" } else { "normal" })?;
            self.waits = waits;
        }
        run(connection, "BEGIN IMMEDIATE")?;
        if !waits {
            // A commit that waits brings the earlier ones to the disk too, unless it turns out to change nothing: one sync too
            // many is cheaper than telling.
            self.since.get_or_insert_with(Instant::now);
        }
        Ok(())
    }

    fn is_open(&mut self) -> bool {
        if self.wal.is_none() {
            // SQLite has no lock on it that closing it would end (as on POSIX systems it would).
            self.wal = File::options().write(true).open(&self.path).ok();
        }
        self.wal.is_some()
    }

    fn catch_up(&mut self) -> std::io::Result<()> {
        match (self.since.take(), &self.wal) {
            (Some(_), Some(wal)) => wal.sync_data(),
            _ => Ok(()),
        }
    }
}

fn commit(connection: &Connection, batch: &mut [Box<dyn Work>]) -> Result<(), StoreError> {
    let result = run_all(connection, batch).and_then(|()| run(connection, "COMMIT"));
    if result.is_err() && !connection.is_autocommit() {
        // SQLite rolls back by itself when the disk ran full or failed; where it did not, nothing may stay half-done.
        let _ = connection.execute_batch("ROLLBACK");
    }
    result
}

/// Kept prepared: parsing these few words costs as much as what they do.
fn run(connection: &Connection, words: &str) -> Result<(), StoreError> {
    connection.prepare_cached(words)?.execute([])?;
    Ok(())
}

fn run_all(connection: &Connection, batch: &mut [Box<dyn Work>]) -> Result<(), StoreError> {
    for work in batch {
        run(connection, "SAVEPOINT work")?;
        let counts = work.run(connection);
        if connection.is_autocommit() {
            // SQLite itself has rolled back the whole transaction, because the disk is full or failed: nothing of this batch is
            // left, and if the disk was full, the next one may well succeed.
            return Err(work.failure());
        }
        if !counts {
            run(connection, "ROLLBACK TO work")?;
        }
        run(connection, "RELEASE work")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn writer() -> (tempfile::TempDir, Writer) {
        let folder = tempfile::tempdir().unwrap();
        let connection = Connection::open(folder.path().join("db")).unwrap();
        connection.execute_batch("CREATE TABLE t (x INTEGER UNIQUE)").unwrap();
        (folder, Writer::start(connection))
    }

    #[tokio::test]
    async fn a_failed_work_undoes_itself_and_nobody_else() {
        let (_folder, writer) = writer();
        let insert = |x: i64, fail: bool| {
            let writer = writer.clone();
            async move {
                writer
                    .run(move |c| {
                        c.execute("INSERT INTO t VALUES (?1)", [x])?;
                        if fail { Err(StoreError::Failed("on purpose".to_owned())) } else { Ok(()) }
                    })
                    .await
            }
        };
        let (a, b, c) = tokio::join!(insert(1, false), insert(2, true), insert(3, false));
        assert!(a.is_ok() && c.is_ok());
        assert!(b.is_err());
        assert_eq!(rows(&writer).await, [1, 3]);
    }

    async fn rows(writer: &Writer) -> Vec<i64> {
        let read = |c: &Connection| {
            Ok(c.prepare("SELECT x FROM t ORDER BY x")?
                .query_map([], |r| r.get(0))?
                .collect::<Result<_, _>>()?)
        };
        writer.run(read).await.unwrap()
    }

    #[tokio::test]
    async fn f2_a_commit_waits_for_the_disk_if_anybody_waits_for_it() {
        let folder = tempfile::tempdir().unwrap();
        let connection = Connection::open(folder.path().join("db")).unwrap();
        super::super::configure(&connection).unwrap();
        let writer = Writer::start(connection);
        let (normal, full) = (1, 2);
        let synchronous =
            |c: &Connection| Ok(c.query_row("PRAGMA synchronous", [], |row| row.get::<_, i64>(0))?);
        for _ in 0..2 {
            assert_eq!(writer.run(synchronous).await.unwrap(), full);
            assert_eq!(writer.run_later(synchronous).await.unwrap(), normal);
            // Together in one transaction, or each in its own.
            let (first, second) = tokio::join!(writer.run_later(synchronous), writer.run(synchronous));
            assert!(first.is_ok());
            assert_eq!(second.unwrap(), full);
        }
    }

    #[test]
    fn f2_what_nobody_waits_for_is_due_on_the_disk_once_it_is_committed_and_until_it_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let connection = Connection::open(folder.path().join("db")).unwrap();
        super::super::configure(&connection).unwrap();
        let mut behind = Behind::of(&connection);
        assert_eq!(behind.due(), None);
        behind.begin(&connection, true).unwrap();
        run(&connection, "COMMIT").unwrap();
        assert_eq!(behind.due(), None, "it was waited for");
        behind.begin(&connection, false).unwrap();
        run(&connection, "COMMIT").unwrap();
        assert!(behind.due().is_some_and(|due| due <= SYNCED_WITHIN));
        behind.catch_up().unwrap();
        assert_eq!(behind.due(), None);
    }

    #[test]
    fn f2_what_cannot_be_synced_later_waits_for_the_disk_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let connection = Connection::open(folder.path().join("db")).unwrap();
        super::super::configure(&connection).unwrap();
        let mut behind = Behind { path: folder.path().join("none"), ..Behind::of(&connection) };
        behind.begin(&connection, false).unwrap();
        run(&connection, "COMMIT").unwrap();
        assert_eq!((behind.waits, behind.due()), (true, None));
    }

    /// The thread that a work runs on.
    async fn thread_of_a_work(writer: &Writer) -> Option<String> {
        writer.run(|_| Ok(thread::current().name().map(str::to_owned))).await.unwrap()
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn f2_who_comes_alone_to_a_swift_disk_commits_where_he_is() {
        let (folder, writer) = writer();
        let the_writers = Some("store-writer".to_owned());
        writer.desk.lock().unwrap().was_swift = false;
        assert_eq!(thread_of_a_work(&writer).await, the_writers);
        writer.desk.lock().unwrap().was_swift = true;
        assert_ne!(thread_of_a_work(&writer).await, the_writers);

        // Whom he would have to wait for, others do.
        writer.desk.lock().unwrap().was_swift = true;
        let other = Connection::open(folder.path().join("db")).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        let waits = tokio::spawn(async move { (thread_of_a_work(&writer).await, writer) });
        tokio::time::sleep(Duration::from_millis(50)).await;
        other.execute_batch("COMMIT").unwrap();
        let (thread, writer) = waits.await.unwrap();
        assert_eq!(thread, the_writers);

        // And what gives no answer yet is before him.
        writer.queued.fetch_add(1, Ordering::Relaxed);
        writer.desk.lock().unwrap().was_swift = true;
        assert_eq!(thread_of_a_work(&writer).await, the_writers);
    }

    #[tokio::test]
    async fn f2_nobody_commits_on_the_only_thread_of_all() {
        let (_folder, writer) = writer();
        writer.desk.lock().unwrap().was_swift = true;
        assert_eq!(thread_of_a_work(&writer).await, Some("store-writer".to_owned()));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn f2_after_a_failed_commit_nothing_more_is_accepted_wherever_it_was_made() {
        for was_swift in [true, false] {
            let (_folder, writer) = writer();
            let tables = |c: &Connection| {
                c.execute_batch(
                    "CREATE TABLE p (x PRIMARY KEY); CREATE TABLE c (x REFERENCES p DEFERRABLE INITIALLY DEFERRED)",
                )?;
                Ok(())
            };
            writer.run(tables).await.unwrap();
            {
                let mut desk = writer.desk.lock().unwrap();
                desk.connection.pragma_update(None, "foreign_keys", true).unwrap();
                desk.was_swift = was_swift;
            }
            let fails = |c: &Connection| Ok(c.execute("INSERT INTO c VALUES (1)", [])?);
            assert!(matches!(writer.run(fails).await, Err(StoreError::Failed(_))));
            for was_swift in [true, false, true] {
                writer.desk.lock().unwrap().was_swift = was_swift;
                let fine = |c: &Connection| Ok(c.execute("INSERT INTO t VALUES (1)", [])?);
                assert!(matches!(writer.run(fine).await, Err(StoreError::Failed(_))));
                assert!(writer.run_later(fine).await.is_err());
            }
        }
    }

    #[tokio::test]
    async fn f2_a_disk_that_is_full_within_a_work_refuses_the_batch_and_no_more() {
        let (_folder, writer) = writer();
        let large = |c: &Connection| {
            c.execute("CREATE TABLE large (content BLOB)", [])?;
            c.execute("INSERT INTO large VALUES (zeroblob(10000000))", [])?;
            Ok(())
        };
        let small = |x: i64| {
            let writer = writer.clone();
            async move { writer.run(move |c| Ok(c.execute("INSERT INTO t VALUES (?1)", [x])?)).await }
        };
        small(1).await.unwrap();
        let bound = |c: &Connection| Ok(c.query_row("PRAGMA max_page_count = 20", [], |_| Ok(()))?);
        writer.run(bound).await.unwrap();
        let (before, full, after) = tokio::join!(small(2), writer.run(large), small(3));
        assert!(matches!(full, Err(StoreError::Full)), "{full:?}");
        let kept =
            [(2, before), (3, after)].into_iter().filter_map(|(x, answer)| answer.is_ok().then_some(x));
        let kept: Vec<i64> = std::iter::once(1).chain(kept).collect();
        assert_eq!(rows(&writer).await, kept, "what was refused is not there, and what was accepted is");
        small(4).await.unwrap();
    }
}
