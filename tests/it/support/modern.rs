//! A backend that speaks TLS and HTTP/2: `modern().trailers().start()`, `modern().tls(&authority).start()`.

use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use bytes::Bytes;
use h2::server::SendResponse;
use http::{HeaderMap, Method, Request, Response, Uri, Version};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::LocalSet;
use tokio_rustls::TlsAcceptor;

use super::server::bound;
use super::{DEADLINE, eventually};

/// An authority of a test's own, and what it signs.
pub struct Authority {
    certificate: rcgen::Certificate,
    issuer: rcgen::Issuer<'static, rcgen::KeyPair>,
}

/// A certificate and its key, as PEM.
pub struct Identity {
    pub cert: String,
    pub key: String,
    der: (CertificateDer<'static>, Vec<u8>),
}

impl Authority {
    /// A new one, that nobody believes yet.
    pub fn new() -> Self {
        let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        params.distinguished_name.push(rcgen::DnType::CommonName, "a test");
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        Authority { certificate, issuer: rcgen::Issuer::new(params, key) }
    }

    /// Its own certificate.
    pub fn pem(&self) -> String {
        self.certificate.pem()
    }

    /// A certificate for these names and addresses.
    pub fn signs(&self, names: &[&str]) -> Identity {
        self.signs_with(names, |_| {})
    }

    /// The same, of a time that is over.
    pub fn signed_long_ago(&self, names: &[&str]) -> Identity {
        self.signs_with(names, |params| {
            params.not_before = rcgen::date_time_ymd(2001, 1, 1);
            params.not_after = rcgen::date_time_ymd(2002, 1, 1);
        })
    }

    fn signs_with(&self, names: &[&str], change: impl FnOnce(&mut rcgen::CertificateParams)) -> Identity {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = rcgen::CertificateParams::new(names).unwrap();
        change(&mut params);
        let key = rcgen::KeyPair::generate().unwrap();
        let cert = params.signed_by(&key, &self.issuer).unwrap();
        Identity {
            cert: cert.pem(),
            key: key.serialize_pem(),
            der: (cert.der().clone(), key.serialize_der()),
        }
    }
}

/// What is done with a request once it is there.
#[derive(Clone)]
pub enum Act {
    /// This whole answer.
    Answer { status: u16, headers: Vec<(String, String)>, body: Bytes, trailers: Option<(String, String)> },
    /// No stream was opened for it.
    Refuse,
    /// A head, half of the body that it promises, and a reset.
    ResetMidBody,
    /// The stream is reset at once.
    Reset,
    /// Nothing, for ever.
    Hang,
    /// The connection is dropped.
    Vanish,
}

/// What came.
#[derive(Clone, Debug)]
pub struct Seen {
    pub connection: usize,
    pub version: Version,
    pub method: Method,
    pub uri: Uri,
    pub headers: HeaderMap,
    pub body: Bytes,
    pub trailers: Option<HeaderMap>,
}

type Decide = Arc<dyn Fn(&Seen, usize) -> Act + Send + Sync>;

/// What a backend will be like.
#[derive(Clone)]
pub struct ModernBuilder {
    decide: Decide,
    tls: Option<Arc<ServerConfig>>,
    streams: Option<u32>,
    window: Option<u32>,
    reads: bool,
    greeted: bool,
}

/// A running backend; it stops when dropped.
pub struct Modern {
    addr: SocketAddr,
    secure: bool,
    state: Arc<State>,
    stop: Arc<Notify>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct State {
    seen: Mutex<Vec<Seen>>,
    connections: Mutex<usize>,
    resets: Mutex<usize>,
    resumed: Mutex<usize>,
    greetings: Mutex<Vec<String>>,
}

/// A backend that answers every request of HTTP/2 with 200 and `hello`.
pub fn modern() -> ModernBuilder {
    let decide = Arc::new(|_: &Seen, _| hello());
    ModernBuilder { decide, tls: None, streams: None, window: None, reads: true, greeted: false }
}

/// 200 and `hello`.
pub fn hello() -> Act {
    says(200, &[], "hello")
}

/// A whole answer.
pub fn says(status: u16, headers: &[(&str, &str)], body: &str) -> Act {
    let headers = headers.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
    Act::Answer { status, headers, body: Bytes::from(body.to_owned()), trailers: None }
}

impl ModernBuilder {
    /// Answers as a function of the request and of how many came before it.
    pub fn acts(mut self, decide: impl Fn(&Seen, usize) -> Act + Send + Sync + 'static) -> Self {
        self.decide = Arc::new(decide);
        self
    }

    /// Ends every answer with a trailer, and announces it.
    pub fn trailers(self) -> Self {
        self.acts(|_, _| Act::Answer {
            status: 200,
            headers: vec![("trailer".to_owned(), "grpc-status".to_owned())],
            body: Bytes::from_static(b"hello"),
            trailers: Some(("grpc-status".to_owned(), "0".to_owned())),
        })
    }

    /// Speaks TLS with this certificate, and offers these protocols.
    pub fn tls(self, identity: &Identity, protocols: &[&str]) -> Self {
        self.secured(identity, protocols, None)
    }

    /// The same, for clients that this authority knows.
    pub fn mutual_tls(self, identity: &Identity, authority: &Authority) -> Self {
        self.secured(identity, &["h2"], Some(authority))
    }

    fn secured(mut self, identity: &Identity, protocols: &[&str], clients: Option<&Authority>) -> Self {
        let provider = umbrage::tls::provider();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(identity.der.1.clone()));
        let builder = ServerConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .unwrap();
        let builder = match clients {
            None => builder.with_no_client_auth(),
            Some(authority) => {
                let mut roots = RootCertStore::empty();
                roots.add(authority.certificate.der().clone()).unwrap();
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
                builder.with_client_cert_verifier(verifier.build().unwrap())
            }
        };
        let mut config = builder.with_single_cert(vec![identity.der.0.clone()], key).unwrap();
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        self.tls = Some(Arc::new(config));
        self
    }

    /// Allows so many streams at once.
    pub fn streams(mut self, most: u32) -> Self {
        self.streams = Some(most);
        self
    }

    /// Takes a line of the PROXY protocol off each connection, before anything else.
    pub fn behind_proxy_protocol(mut self) -> Self {
        self.greeted = true;
        self
    }

    /// Opens no window for bodies, and reads none.
    pub fn opens_no_window(mut self) -> Self {
        (self.window, self.reads) = (Some(0), false);
        self
    }

    /// Begins to listen.
    pub fn start(self) -> Modern {
        let socket = bound((std::net::Ipv4Addr::LOCALHOST, 0).into());
        socket.listen(1024).unwrap();
        self.start_on(socket.into())
    }

    /// Takes the connections of this listener.
    pub fn start_on(self, listener: std::net::TcpListener) -> Modern {
        listener.set_nonblocking(true).unwrap();
        let addr = listener.local_addr().unwrap();
        let (state, stop, secure) = (Arc::new(State::default()), Arc::new(Notify::new()), self.tls.is_some());
        let (shared, told) = (state.clone(), stop.clone());
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            LocalSet::new().block_on(&runtime, async {
                let listener = TcpListener::from_std(listener).unwrap();
                tokio::select! {
                    () = accept(listener, Rc::new(self), shared) => {}
                    () = told.notified() => {}
                }
            });
        });
        Modern { addr, secure, state, stop, thread: Some(thread) }
    }
}

impl Modern {
    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The same as a URL.
    pub fn url(&self) -> String {
        format!("{}://{}", if self.secure { "https" } else { "http" }, self.addr)
    }

    /// Ends, and is somebody else at the same address.
    pub fn replace(self, builder: ModernBuilder) -> Modern {
        let socket = bound(self.addr);
        drop(self);
        socket.listen(1024).unwrap();
        builder.start_on(socket.into())
    }

    /// The requests that came, whole but for those whose body is not read.
    pub fn seen(&self) -> Vec<Seen> {
        lock(&self.state.seen).clone()
    }

    /// Connections whose handshake is done.
    pub fn connections(&self) -> usize {
        *lock(&self.state.connections)
    }

    /// Streams that the other end reset.
    pub fn resets(&self) -> usize {
        *lock(&self.state.resets)
    }

    /// The lines of the PROXY protocol that came, one for each connection.
    pub fn greetings(&self) -> Vec<String> {
        lock(&self.state.greetings).clone()
    }

    /// TLS handshakes that took up an earlier session.
    pub fn resumed(&self) -> usize {
        *lock(&self.state.resumed)
    }

    /// Waits until so many requests have come.
    #[track_caller]
    pub fn wait_for(&self, requests: usize) -> Vec<Seen> {
        eventually(DEADLINE, &format!("{requests} requests"), || self.seen().len() >= requests);
        self.seen()
    }
}

impl Drop for Modern {
    fn drop(&mut self) {
        self.stop.notify_one();
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            if !std::thread::panicking() {
                ended.expect("the backend panicked");
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn accept(listener: TcpListener, builder: Rc<ModernBuilder>, state: Arc<State>) {
    while let Ok((mut stream, _)) = listener.accept().await {
        stream.set_nodelay(true).unwrap();
        let (builder, state) = (builder.clone(), state.clone());
        tokio::task::spawn_local(async move {
            if builder.greeted {
                let Ok(line) = greeting(&mut stream).await else { return };
                lock(&state.greetings).push(line);
            }
            let Some(tls) = builder.tls.clone() else { return two(stream, &builder, &state).await };
            let Ok(stream) = TlsAcceptor::from(tls).accept(stream).await else { return };
            let session = stream.get_ref().1;
            if session.handshake_kind() == Some(rustls::HandshakeKind::Resumed) {
                *lock(&state.resumed) += 1;
            }
            if session.alpn_protocol() == Some(b"h2") {
                two(stream, &builder, &state).await;
            } else {
                one(stream, &builder, &state).await;
            }
        });
    }
}

/// A line to its end, and not a byte more.
async fn greeting(stream: &mut tokio::net::TcpStream) -> std::io::Result<String> {
    let mut line = Vec::new();
    while line.last() != Some(&b'\n') && line.len() < 107 {
        line.push(stream.read_u8().await?);
    }
    Ok(String::from_utf8_lossy(&line).into_owned())
}

fn connected(state: &State) -> usize {
    let mut connections = lock(&state.connections);
    *connections += 1;
    *connections - 1
}

fn decided(builder: &ModernBuilder, state: &State, seen: Seen) -> Act {
    let mut all = lock(&state.seen);
    let act = (builder.decide)(&seen, all.len());
    all.push(seen);
    act
}

/// HTTP/1.1, just enough of it: requests without a body.
async fn one(mut stream: impl AsyncRead + AsyncWrite + Unpin, builder: &ModernBuilder, state: &State) {
    let connection = connected(state);
    loop {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            match stream.read_u8().await {
                Ok(byte) => head.push(byte),
                Err(_) => return,
            }
        }
        let text = String::from_utf8(head).unwrap();
        let mut lines = text.split("\r\n");
        let first: Vec<&str> = lines.next().unwrap().split(' ').collect();
        let mut headers = HeaderMap::new();
        for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
            headers.append(http::HeaderName::try_from(name).unwrap(), value.parse().unwrap());
        }
        let seen = Seen {
            connection,
            version: Version::HTTP_11,
            method: first[0].parse().unwrap(),
            uri: first[1].parse().unwrap(),
            headers,
            body: Bytes::new(),
            trailers: None,
        };
        let Act::Answer { status, headers, body, .. } = decided(builder, state, seen) else { return };
        let mut answer = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n", body.len());
        for (name, value) in headers {
            answer += &format!("{name}: {value}\r\n");
        }
        if stream.write_all(format!("{answer}\r\n").as_bytes()).await.is_err() {
            return;
        }
        let _ = stream.write_all(&body).await;
    }
}

async fn two(
    stream: impl AsyncRead + AsyncWrite + Unpin + 'static,
    builder: &Rc<ModernBuilder>,
    state: &Arc<State>,
) {
    let mut settings = h2::server::Builder::new();
    settings.initial_window_size(builder.window.unwrap_or(65_535));
    if let Some(most) = builder.streams {
        settings.max_concurrent_streams(most);
    }
    let Ok(mut connection) = settings.handshake::<_, Bytes>(stream).await else { return };
    let number = connected(state);
    let ending = Rc::new(Notify::new());
    loop {
        let accepted = tokio::select! {
            accepted = connection.accept() => accepted,
            () = ending.notified() => return,
        };
        let Some(Ok((request, respond))) = accepted else { return };
        let (builder, state) = (builder.clone(), state.clone());
        let ending = ending.clone();
        tokio::task::spawn_local(async move {
            serve(request, respond, number, (&builder, &state), &ending).await;
        });
    }
}

async fn serve(
    request: Request<h2::RecvStream>,
    mut respond: SendResponse<Bytes>,
    connection: usize,
    (builder, state): (&ModernBuilder, &State),
    ending: &Notify,
) {
    let (parts, mut incoming) = request.into_parts();
    let mut body = Vec::new();
    while builder.reads
        && let Some(Ok(piece)) = incoming.data().await
    {
        let _ = incoming.flow_control().release_capacity(piece.len());
        body.extend_from_slice(&piece);
    }
    let trailers = if builder.reads { incoming.trailers().await.ok().flatten() } else { None };
    let seen = Seen {
        connection,
        version: parts.version,
        method: parts.method,
        uri: parts.uri,
        headers: parts.headers,
        body: body.into(),
        trailers,
    };
    match decided(builder, state, seen) {
        Act::Answer { status, headers, body, trailers } => {
            let mut head = Response::builder().status(status);
            for (name, value) in headers {
                head = head.header(name, value);
            }
            let ends = body.is_empty() && trailers.is_none();
            let Ok(mut stream) = respond.send_response(head.body(()).unwrap(), ends) else { return };
            if !ends {
                let _ = stream.send_data(body, trailers.is_none());
            }
            if let Some((name, value)) = trailers {
                let mut fields = HeaderMap::new();
                fields.insert(http::HeaderName::try_from(name).unwrap(), value.parse().unwrap());
                let _ = stream.send_trailers(fields);
            }
        }
        Act::Refuse => respond.send_reset(h2::Reason::REFUSED_STREAM),
        Act::Reset => respond.send_reset(h2::Reason::INTERNAL_ERROR),
        Act::ResetMidBody => {
            let head = Response::builder().header("content-length", "100").body(()).unwrap();
            let Ok(mut stream) = respond.send_response(head, false) else { return };
            let _ = stream.send_data(Bytes::from_static(&[b'x'; 50]), false);
            tokio::task::yield_now().await;
            stream.send_reset(h2::Reason::INTERNAL_ERROR);
        }
        Act::Hang => {
            let _ = std::future::poll_fn(|cx| respond.poll_reset(cx)).await;
            *lock(&state.resets) += 1;
        }
        Act::Vanish => {
            ending.notify_one();
            // Its stream must not be reset before the connection ends: that would be an answer of another kind.
            std::future::pending::<()>().await;
        }
    }
}
