//! The only place that calls the daemon. No call runs on the window's thread: it goes to a runtime of its own, and what
//! it brings comes back as a [`Parcel`] that the window's thread opens.
//!
//! Each call and each stream belongs to a [`Task`]: dropping it ends the call, at the daemon too, and nothing of it
//! arrives any more. A call that takes longer than a moment says so once, so that a page can show that it waits.

mod reach;

pub mod account;
pub mod certificate;
pub mod log;
pub mod outbox;
pub mod requests;
pub mod sign_in;
pub mod test;

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::future::Future;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::Duration;

use faxpost_proto::connect::connect;
use tokio::runtime::Runtime;
use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tonic::Status;
use tonic::transport::Channel;

pub use reach::{Contact, News};

/// What is quicker than this needs no sign that something happens: it would only flicker.
const MOMENT: Duration = Duration::from_millis(300);

/// A page of entries with all their recipients and answers; tonic's own 4 MiB would refuse it.
pub const LARGEST_ANSWER: usize = 64 << 20;

/// A call with one answer that does not come is a fault that must be told. Not for streams, nor for what asks a provider.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// How a call ended.
pub type Answer<T> = Result<T, Status>;

/// Something for the window's thread, on its way from the runtime.
pub struct Parcel {
    task: u64,
    content: Content,
}

enum Content {
    /// The call is not over yet, a moment after it began.
    Slow,
    /// One of its answers.
    Piece(Box<dyn Any + Send>),
    /// There are no more.
    End,
}

/// Carries parcels to the window's thread, in their order.
pub type Post = Arc<dyn Fn(Parcel) + Send + Sync>;

/// Opens what a parcel holds.
type Open = dyn FnMut(Box<dyn Any + Send>);

/// What the window's thread does with the parcels of a task.
struct Receiver {
    waits: Rc<dyn Fn(bool)>,
    open: Rc<RefCell<Open>>,
    slow: bool,
}

/// The way to the daemon; lives on the window's thread.
pub struct Link {
    runtime: Option<Runtime>,
    post: Post,
    receivers: RefCell<HashMap<u64, Receiver>>,
    next: Cell<u64>,
    channel: RefCell<Option<Channel>>,
    again: Arc<Notify>,
    endpoint: RefCell<String>,
}

/// A call under way. Dropped, it ends.
#[must_use = "a call ends when its task is dropped"]
pub struct Task {
    id: u64,
    link: Weak<Link>,
    abort: AbortHandle,
}

impl Link {
    /// A link that is not connected yet.
    ///
    /// # Errors
    /// The system gives no threads.
    pub fn new(post: Post) -> std::io::Result<Rc<Self>> {
        // One thread: it only waits.
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        Ok(Rc::new(Self {
            runtime: Some(runtime),
            post,
            receivers: RefCell::default(),
            next: Cell::new(0),
            channel: RefCell::default(),
            again: Arc::default(),
            endpoint: RefCell::default(),
        }))
    }

    /// Stays in contact with the daemon at `endpoint`, and tells what changes.
    pub fn stay(self: &Rc<Self>, endpoint: &str, mut tell: impl FnMut(News) + 'static) -> Task {
        let link = Rc::downgrade(self);
        let again = self.again.clone();
        let endpoint = endpoint.to_owned();
        self.endpoint.replace(endpoint.clone());
        self.follow_without(
            move |send| reach::stay(endpoint, again, send),
            move |contact| {
                let Some(link) = link.upgrade() else { return };
                tell(match contact {
                    Contact::Channel(channel) => {
                        *link.channel.borrow_mut() = Some(channel);
                        News::Connected
                    }
                    Contact::News(news) => {
                        if news.is_lost() {
                            link.channel.borrow_mut().take();
                        }
                        news
                    }
                });
            },
        )
    }

    /// Tries to connect now, and not only when it is time.
    pub fn try_again(&self) {
        self.again.notify_one();
    }

    /// A connection for one call that carries a secret, and ends with it: whatever its buffers keep is freed then, and wiped
    /// by the program's allocator.
    pub fn own_connection(&self) -> impl Future<Output = Answer<Channel>> + Send + 'static + use<> {
        let endpoint = self.endpoint.borrow().clone();
        async move { connect(&endpoint).await.map_err(|error| Status::from_error(Box::new(error))) }
    }

    /// One call. `waits` hears when it takes longer than a moment, and when that is over.
    pub fn ask<T, F>(
        self: &Rc<Self>,
        waits: impl Fn(bool) + 'static,
        call: impl FnOnce(Channel) -> F,
        then: impl FnOnce(Answer<T>) + 'static,
    ) -> Task
    where
        T: Send + 'static,
        F: Future<Output = Answer<T>> + Send + 'static,
    {
        let future = self.channel().map(call);
        let mut then = Some(then);
        self.spawn(
            waits,
            move |answer: Answer<T>| {
                if let Some(then) = then.take() {
                    then(answer);
                }
            },
            move |send| async move {
                send.send(match future {
                    Some(future) => future.await,
                    None => Err(Status::unavailable("")),
                });
            },
        )
    }

    /// A call with many answers, until it ends or its task is dropped. The call gets the way to hand them over.
    pub fn follow<T, F>(
        self: &Rc<Self>,
        call: impl FnOnce(Channel, Sender<T>) -> F,
        each: impl FnMut(T) + 'static,
    ) -> Task
    where
        T: Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let channel = self.channel();
        self.follow_without(
            move |send| {
                let future = channel.map(|channel| call(channel, send));
                async move {
                    if let Some(future) = future {
                        future.await;
                    }
                }
            },
            each,
        )
    }

    /// Calls `tick` again and again, until the task is dropped. There is no clock running otherwise.
    pub fn every(self: &Rc<Self>, pause: Duration, mut tick: impl FnMut() + 'static) -> Task {
        self.follow_without(
            move |send: Sender<()>| async move {
                let mut interval = tokio::time::interval(pause);
                loop {
                    interval.tick().await;
                    send.send(());
                }
            },
            move |()| tick(),
        )
    }

    /// Work of this computer that may block (files, certificate stores), beside the window's thread.
    pub fn work<T: Send + 'static>(
        self: &Rc<Self>,
        waits: impl Fn(bool) + 'static,
        work: impl FnOnce() -> T + Send + 'static,
        then: impl FnOnce(T) + 'static,
    ) -> Task {
        let mut then = Some(then);
        self.spawn(
            waits,
            move |result: T| {
                if let Some(then) = then.take() {
                    then(result);
                }
            },
            move |send| async move {
                if let Ok(result) = tokio::task::spawn_blocking(work).await {
                    send.send(result);
                }
            },
        )
    }

    /// Opens a parcel. On the window's thread.
    pub fn receive(&self, parcel: Parcel) {
        match parcel.content {
            Content::Slow => {
                let waits = self.receivers.borrow_mut().get_mut(&parcel.task).map(|receiver| {
                    receiver.slow = true;
                    receiver.waits.clone()
                });
                if let Some(waits) = waits {
                    waits(true);
                }
            }
            Content::Piece(piece) => {
                // Not borrowed while it is opened: what is done with it may begin and end calls.
                let open = self.receivers.borrow().get(&parcel.task).map(|receiver| receiver.open.clone());
                if let Some(open) = open {
                    self.settle(parcel.task);
                    // Somebody who is opening one cannot get another: the window has one thread.
                    if let Ok(mut open) = open.try_borrow_mut() {
                        open(piece);
                    }
                }
            }
            Content::End => self.forget(parcel.task),
        }
    }

    fn channel(&self) -> Option<Channel> {
        self.channel.borrow().clone()
    }

    fn follow_without<T, F>(
        self: &Rc<Self>,
        call: impl FnOnce(Sender<T>) -> F,
        each: impl FnMut(T) + 'static,
    ) -> Task
    where
        T: Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        self.spawn(|_| (), each, call)
    }

    fn spawn<T, F>(
        self: &Rc<Self>,
        waits: impl Fn(bool) + 'static,
        mut each: impl FnMut(T) + 'static,
        call: impl FnOnce(Sender<T>) -> F,
    ) -> Task
    where
        T: Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let id = self.next.get();
        self.next.set(id + 1);
        let open = move |piece: Box<dyn Any + Send>| {
            if let Ok(piece) = piece.downcast() {
                each(*piece);
            }
        };
        let receiver = Receiver { waits: Rc::new(waits), open: Rc::new(RefCell::new(open)), slow: false };
        self.receivers.borrow_mut().insert(id, receiver);

        let post = self.post.clone();
        let sender = {
            let post = post.clone();
            Sender { post, task: id, kind: std::marker::PhantomData }
        };
        let future = call(sender);
        let work = async move {
            tokio::pin!(future);
            if tokio::time::timeout(MOMENT, &mut future).await.is_err() {
                post(Parcel { task: id, content: Content::Slow });
                future.await;
            }
            post(Parcel { task: id, content: Content::End });
        };
        let runtime = self.runtime.as_ref().expect("only dropping takes it");
        let abort = runtime.spawn(work).abort_handle();
        Task { id, link: Rc::downgrade(self), abort }
    }

    /// It does not wait any more.
    fn settle(&self, task: u64) {
        let waits = {
            let mut receivers = self.receivers.borrow_mut();
            let Some(receiver) = receivers.get_mut(&task) else { return };
            std::mem::take(&mut receiver.slow).then(|| receiver.waits.clone())
        };
        if let Some(waits) = waits {
            waits(false);
        }
    }

    fn forget(&self, task: u64) {
        self.settle(task);
        // Dropped after the map is free again: what it holds may be tasks.
        let gone = self.receivers.borrow_mut().remove(&task);
        drop(gone);
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // A read of a file that hangs must not keep the window from closing.
            runtime.shutdown_background();
        }
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.abort.abort();
        if let Some(link) = self.link.upgrade() {
            link.forget(self.id);
        }
    }
}

/// Hands the answers of a call over to the window's thread.
pub struct Sender<T> {
    post: Post,
    task: u64,
    kind: std::marker::PhantomData<fn(T)>,
}

impl<T: Send + 'static> Sender<T> {
    /// Hands one over.
    pub fn send(&self, piece: T) {
        (self.post)(Parcel { task: self.task, content: Content::Piece(Box::new(piece)) });
    }
}

/// A request with one answer that must come.
fn request<T>(message: T) -> tonic::Request<T> {
    let mut request = tonic::Request::new(message);
    request.set_timeout(PATIENCE);
    request
}
