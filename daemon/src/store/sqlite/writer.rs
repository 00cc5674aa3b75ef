//! The one writer: takes what has gathered, runs it in one transaction, commits once, then answers everybody.
//!
//! A commit that somebody waits for is on the disk when he is answered. One of works that nobody waits for (what came of
//! attempts) is with the system at once, so that no end of the daemon undoes it, and on the disk with the next commit that is
//! waited for, or within [`SYNCED_WITHIN`]: should the power go before, its attempts are made again, as after a cut within them.

use std::fs::File;
use std::path::PathBuf;
use std::sync::{Arc, mpsc};
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

#[derive(Clone)]
pub(super) struct Writer {
    queue: mpsc::Sender<Queued>,
    places: Arc<Semaphore>,
}

/// A work, and whether somebody waits for it.
type Queued = (Box<dyn Work>, bool);

impl Writer {
    pub(super) fn start(connection: Connection) -> Self {
        let (queue, works) = mpsc::channel();
        thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || write(&connection, &works, &mut Behind::of(&connection)))
            .expect("a thread can be started while the daemon starts");
        Self { queue, places: Arc::new(Semaphore::new(QUEUE)) }
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
        let job = Job { work: Some(work), result: None, answer, _place: place };
        self.queue.send((Box::new(job), urgent)).map_err(|_| stopped())?;
        answered.await.map_err(|_| stopped())?
    }
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

fn write(connection: &Connection, works: &mpsc::Receiver<Queued>, behind: &mut Behind) {
    loop {
        let first = match behind.due() {
            None => works.recv().map_err(|_| mpsc::RecvTimeoutError::Disconnected),
            // However many wait: it is due.
            Some(Duration::ZERO) => Err(mpsc::RecvTimeoutError::Timeout),
            Some(due) => works.recv_timeout(due),
        };
        if first.is_err()
            && let Err(error) = behind.catch_up()
        {
            tracing::error!(%error, "a sync failed; nothing more is accepted until a restart");
            return;
        }
        let first = match first {
            Ok(first) => first,
            Err(mpsc::RecvTimeoutError::Timeout) => continue,
            Err(mpsc::RecvTimeoutError::Disconnected) => return,
        };
        let (mut batch, urgent) = gather(first, works);

        if let Err(error) = behind.begin(connection, urgent) {
            // Somebody else holds the database, a backup perhaps. Nothing was begun, so the next may well succeed.
            tracing::warn!(%error, "a transaction could not begin");
            for work in batch {
                work.finish(Err(error.clone()));
            }
            continue;
        }
        let committed = commit(connection, &mut batch);
        // After a failed commit nobody knows what the disk holds (a failed fsync may have dropped pages for good), so
        // no later commit may be trusted: the writer stops, and callers are told until the daemon is restarted.
        let fatal = matches!(committed, Err(StoreError::Failed(_)));
        for work in batch {
            work.finish(committed.clone());
        }
        if fatal {
            tracing::error!(error = ?committed, "a commit failed; nothing more is accepted until a restart");
            return;
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
    // It has ended already where a work that was alone has failed.
    let end = || if connection.is_autocommit() { Ok(()) } else { run(connection, "COMMIT") };
    let result = run_all(connection, batch).and_then(|()| end());
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
    if let [alone] = batch {
        // It is the transaction: what a savepoint would undo need not be copied.
        return match (alone.run(connection), connection.is_autocommit()) {
            (_, true) => Err(alone.failure()),
            (true, false) => Ok(()),
            (false, false) => run(connection, "ROLLBACK"),
        };
    }
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
        assert!(insert(4, true).await.is_err(), "alone, too");
        assert_eq!(rows(&writer).await, [1, 3]);
        assert!(insert(5, false).await.is_ok());
        assert_eq!(rows(&writer).await, [1, 3, 5]);
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
