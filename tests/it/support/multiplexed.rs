//! A lawful HTTP/2 client: `multiplexed(addr).get("/")`.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use h2::client::SendRequest;
use http::{HeaderMap, Request, Response};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;

use super::deadline::DEADLINE;

/// One connection; it goes on while something is awaited.
pub struct Multiplexed {
    runtime: Runtime,
    /// Opens streams.
    pub send: SendRequest<Bytes>,
}

/// What a stream was answered.
#[derive(Debug)]
pub struct Reply {
    pub head: Response<()>,
    pub body: Vec<u8>,
    pub trailers: Option<HeaderMap>,
}

/// A connection in the clear.
pub fn multiplexed(addr: SocketAddr) -> Multiplexed {
    let runtime = runtime();
    let send = runtime.block_on(async { begin(&runtime, TcpStream::connect(addr).await.unwrap()).await });
    Multiplexed { runtime, send }
}

/// A connection in the clear that grants so much of each stream, and of all of them, before it has taken it.
pub fn multiplexed_narrow(addr: SocketAddr, window: u32) -> Multiplexed {
    let runtime = runtime();
    let send = runtime.block_on(async {
        let mut builder = h2::client::Builder::new();
        builder.initial_window_size(window);
        let stream = TcpStream::connect(addr).await.unwrap();
        // Small words about windows must not wait for each other.
        stream.set_nodelay(true).unwrap();
        let (send, connection) = builder.handshake(stream).await.unwrap();
        runtime.spawn(async move {
            let _ = connection.await;
        });
        send
    });
    Multiplexed { runtime, send }
}

/// A connection over TLS, to this name.
pub fn multiplexed_tls(addr: SocketAddr, config: Arc<ClientConfig>, name: &str) -> Multiplexed {
    let runtime = runtime();
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let send = runtime.block_on(async {
        let stream = TcpStream::connect(addr).await.unwrap();
        let stream = tokio_rustls::TlsConnector::from(config).connect(name, stream).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
        begin(&runtime, stream).await
    });
    Multiplexed { runtime, send }
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

async fn begin<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    runtime: &Runtime,
    stream: S,
) -> SendRequest<Bytes> {
    // Room for a stalled stream and its neighbours.
    let mut builder = h2::client::Builder::new();
    builder.initial_connection_window_size(4 << 20);
    let (send, connection) = builder.handshake(stream).await.unwrap();
    runtime.spawn(async move {
        let _ = connection.await;
    });
    send
}

/// A request for a path.
pub fn request(method: &str, path: &str) -> Request<()> {
    Request::builder().method(method).uri(format!("http://a.example{path}")).body(()).unwrap()
}

impl Multiplexed {
    /// Waits for something to come to its end.
    #[track_caller]
    pub fn wait<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(async { tokio::time::timeout(DEADLINE, future).await.expect("in time") })
    }

    /// The same for something that takes its time.
    #[track_caller]
    pub fn wait_long<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(async { tokio::time::timeout(DEADLINE * 12, future).await.expect("in time") })
    }

    /// Sends a request whole and reads its answer whole.
    #[track_caller]
    pub fn ask(
        &mut self,
        request: Request<()>,
        body: &[u8],
        trailers: Option<HeaderMap>,
    ) -> Result<Reply, h2::Error> {
        let send = self.send.clone();
        let body = Bytes::copy_from_slice(body);
        self.wait(async {
            let mut send = send.ready().await?;
            let alone = body.is_empty() && trailers.is_none();
            let (reply, mut stream) = send.send_request(request, alone)?;
            if !alone {
                stream.send_data(body, trailers.is_none())?;
            }
            if let Some(trailers) = trailers {
                stream.send_trailers(trailers)?;
            }
            whole(reply.await?).await
        })
    }

    /// Asks for a path.
    #[track_caller]
    pub fn get(&mut self, path: &str) -> Reply {
        self.ask(request("GET", path), b"", None).expect("an answer")
    }
}

/// Reads an answer to its end.
pub async fn whole(response: Response<h2::RecvStream>) -> Result<Reply, h2::Error> {
    let (parts, mut stream) = response.into_parts();
    let mut body = Vec::new();
    while let Some(piece) = stream.data().await {
        let piece = piece?;
        stream.flow_control().release_capacity(piece.len())?;
        body.extend_from_slice(&piece);
    }
    let trailers = stream.trailers().await?;
    Ok(Reply { head: Response::from_parts(parts, ()), body, trailers })
}

impl Reply {
    /// Its status.
    pub fn status(&self) -> u16 {
        self.head.status().as_u16()
    }

    /// A field's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.headers().get(name).and_then(|value| value.to_str().ok())
    }

    /// Its body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}
