//! A leg that ails, what the proxy should call it, and its cure.

use std::any::Any;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crate::support::{RawResponse, RecordedRequest, Server, ServerBuilder, answer, server};

/// What ran before the cure or runs after it; whatever it holds ends when it is dropped.
pub type Backend = Box<dyn Any>;

/// See the module.
pub struct Ailing {
    /// Where the leg is.
    pub url: String,
    /// More lines of its section in the config.
    pub keys: Vec<String>,
    /// Labels one of which must be seen; no others but those of a busy machine may.
    pub outcomes: &'static [&'static str],
    /// What it may take beside what all may, in MiB.
    pub beside_mib: usize,
    /// Makes it well, at the same address.
    pub cure: Box<dyn FnOnce() -> Backend>,
    /// What happens meanwhile: called again and again, with a pause given, while clients ask.
    pub meanwhile: Option<(Duration, Box<dyn FnMut()>)>,
    /// Told where the proxy listens.
    pub told: Arc<OnceLock<SocketAddr>>,
}

impl Ailing {
    /// One that is cured by `cure`.
    pub fn new<B: Any>(
        url: String,
        outcomes: &'static [&'static str],
        cure: impl FnOnce() -> B + 'static,
    ) -> Self {
        let cure = Box::new(move || Box::new(cure()) as Backend);
        let (keys, meanwhile, told) = (Vec::new(), None, Arc::default());
        Ailing { url, keys, outcomes, beside_mib: 0, cure, meanwhile, told }
    }

    /// A backend that is what `sick` says until it is started again as what all are.
    pub fn server(sick: ServerBuilder, outcomes: &'static [&'static str]) -> Self {
        let server = sick.start();
        Self::new(server.url(), outcomes, move || recovered(server))
    }

    /// A backend that answers everything with this.
    pub fn answers(sick: RawResponse, outcomes: &'static [&'static str]) -> Self {
        Self::server(server().always(sick), outcomes)
    }

    /// With one more line in its section.
    pub fn with(mut self, line: String) -> Self {
        self.keys.push(line);
        self
    }

    /// With so much that it may take beside `mirror.memory`.
    pub fn takes(mut self, mib: usize) -> Self {
        self.beside_mib = mib;
        self
    }
}

/// A backend that is well.
pub fn well() -> ServerBuilder {
    server().answers_with(echo)
}

/// What every leg answers that is well: the target, and the body or one in its place.
pub fn echo(request: &RecordedRequest) -> RawResponse {
    answer(200, &fields(&request.target), body(&request.target, &request.body))
}

/// The fields of that answer.
pub fn fields(target: &str) -> [(&'static str, &str); 2] {
    [("Content-Type", "application/json"), ("X-Target", target)]
}

/// The body of that answer.
pub fn body(target: &str, asked: &[u8]) -> Vec<u8> {
    if asked.is_empty() { format!("{{\"target\":\"{target}\"}}").into_bytes() } else { asked.to_vec() }
}

fn recovered(mut server: Server) -> Server {
    server.recover(well());
    server
}
