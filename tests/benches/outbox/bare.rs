//! The least that a server of gRPC can do before it says that it has accepted a message: to read the request, write what came, and
//! have it synced. Nothing is looked at, nothing can be found again, and no other thread is woken.

use std::convert::Infallible;
use std::fs::File;
use std::future::{Ready, ready};
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::task::{Context, Poll};

use faxpost_proto::v1;
use faxpost_proto::v1::mail_client::MailClient;
use hyper_util::rt::TokioIo;
use prost::Message as _;
use tokio::net::UnixStream;
use tokio_stream::StreamExt as _;
use tonic::body::Body;
use tonic::codegen::{BoxFuture, Service, http};
use tonic::server::{Grpc, NamedService, UnaryService};
use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Request, Response, Status};
use tonic_prost::ProstCodec;

#[derive(Clone)]
struct Bare(Arc<File>);

impl NamedService for Bare {
    const NAME: &'static str = "faxpost.v1.Mail";
}

impl Service<http::Request<Body>> for Bare {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Self::Response, Infallible>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let written = self.clone();
        Box::pin(async move { Ok(Grpc::new(ProstCodec::default()).unary(written, request).await) })
    }
}

impl UnaryService<v1::SendMailRequest> for Bare {
    type Response = v1::SendMailResponse;
    type Future = Ready<Result<Response<Self::Response>, Status>>;

    fn call(&mut self, request: Request<v1::SendMailRequest>) -> Self::Future {
        (&*self.0).write_all(&request.into_inner().encode_to_vec()).expect("written");
        self.0.sync_data().expect("synced");
        ready(Ok(Response::new(v1::SendMailResponse::default())))
    }
}

/// A client of such a server, which has a thread of its own, as the daemon has on two processors.
pub(crate) async fn client(folder: &Path) -> MailClient<Channel> {
    let file = Arc::new(File::create(folder.join("bare")).expect("a file"));
    let (ours, theirs) = std::os::unix::net::UnixStream::pair().expect("a pair of sockets");
    for end in [&ours, &theirs] {
        end.set_nonblocking(true).expect("set");
    }
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        runtime.expect("a runtime").block_on(async {
            // Without an end: it would be the server's, too.
            let incoming = tokio_stream::once(UnixStream::from_std(theirs)).chain(tokio_stream::pending());
            let server = Server::builder().add_service(Bare(file)).serve_with_incoming(incoming);
            server.await.expect("served");
        });
    });
    let mut ours = Some(ours);
    let connector = tower::service_fn(move |_: http::Uri| {
        let end = ours.take().ok_or(std::io::ErrorKind::NotConnected.into());
        ready(end.and_then(UnixStream::from_std).map(TokioIo::new))
    });
    let channel = Endpoint::from_static("http://localhost").connect_with_connector(connector).await;
    MailClient::new(channel.expect("connected"))
}
