//! The one writer: takes what has gathered, runs it in one transaction, commits once, then answers everybody.

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
            .spawn(move || write(&connection, &works))
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

/// What has gathered since `first`.
fn gather(first: Queued, works: &mpsc::Receiver<Queued>) -> Vec<Box<dyn Work>> {
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
    batch
}

fn write(connection: &Connection, works: &mpsc::Receiver<Queued>) {
    while let Ok(first) = works.recv() {
        let mut batch = gather(first, works);

        if let Err(error) = run(connection, "BEGIN IMMEDIATE") {
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
