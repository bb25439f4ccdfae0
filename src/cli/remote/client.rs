//! Asks the admin API of a running umbrage: one request, one connection, bounded in time and size.

use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONNECTION, CONTENT_TYPE, HOST};
use http::uri::{Authority, Uri};
use http::{HeaderValue, Method, Request};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

/// Where the admin API listens unless configured otherwise.
pub const DEFAULT_ADMIN: &str = "http://127.0.0.1:9901";

/// From connecting to the last byte; longer than the admin API takes before it gives up itself.
pub const TIMEOUT: Duration = Duration::from_secs(15);

/// Largest answer in bytes; a report of ten thousand endpoints stays below.
pub const MAX_ANSWER: usize = 64 * 1024 * 1024;

/// Whom to ask.
#[derive(Clone)]
pub struct Target {
    authority: Authority,
    port: u16,
    token: Option<HeaderValue>,
    timeout: Duration,
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status code.
    pub status: u16,
    /// The body.
    pub body: Value,
}

/// The address or token cannot be used: wrong usage.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// Not of the form `http://host:port`.
    #[error("'{0}' is not of the form http://host:port")]
    Address(String),
    /// The admin API has no TLS of its own.
    #[error("the admin API speaks plain http; put http:// before its address")]
    Scheme,
    /// The token holds what no header field can.
    #[error("the token has characters that cannot be sent")]
    Token,
}

/// Why there is no answer; each says what to try.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// No connection.
    #[error(
        "no answer at {address}: {reason}; is umbrage running? where its admin.address is another, name its config with -c, or give --admin URL"
    )]
    Unreachable {
        /// Where it was tried.
        address: String,
        /// Why it failed.
        reason: String,
    },
    /// Connected, and too slow.
    #[error("{address} did not answer within {}", humantime::format_duration(*.after))]
    Timeout {
        /// Who was asked.
        address: String,
        /// The bound.
        after: Duration,
    },
    /// Connected, and something else than this API answered.
    #[error("what listens at {address} does not answer like umbrage's admin API: {reason}")]
    Strange {
        /// Who was asked.
        address: String,
        /// What was wrong.
        reason: String,
    },
    /// The machine has no more of something.
    #[error("could not start asking: {0}")]
    Local(#[from] std::io::Error),
}

impl Target {
    /// Reads `http://host:port`, where `http://` may be left out.
    ///
    /// # Errors
    /// [`TargetError`] says what is wrong with it.
    pub fn parse(admin: &str, token: Option<&str>) -> Result<Self, TargetError> {
        let bad = || TargetError::Address(admin.to_owned());
        let text = if admin.contains("://") { admin.to_owned() } else { format!("http://{admin}") };
        let uri: Uri = text.parse().map_err(|_| bad())?;
        if uri.scheme_str() != Some("http") {
            return Err(TargetError::Scheme);
        }
        let authority = uri.authority().cloned().ok_or_else(bad)?;
        let plain =
            matches!(uri.path(), "" | "/") && uri.query().is_none() && !authority.as_str().contains('@');
        if !plain || authority.host().is_empty() {
            return Err(bad());
        }
        // The port is asked for: 80 is never meant, and an address that is guessed is one that is not seen.
        let port = authority.port_u16().ok_or_else(bad)?;
        let token = token.map(|token| {
            let mut value =
                HeaderValue::from_str(&format!("Bearer {token}")).map_err(|_| TargetError::Token)?;
            value.set_sensitive(true);
            Ok(value)
        });
        Ok(Target { authority, port, token: token.transpose()?, timeout: TIMEOUT })
    }

    /// The address as it is shown.
    #[must_use]
    pub fn address(&self) -> String {
        format!("http://{}", self.authority)
    }

    #[cfg(test)]
    pub(super) fn within(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Looks something up.
    ///
    /// # Errors
    /// [`ClientError`] if there is no answer; an answer with an error status is an answer.
    pub fn get(&self, path: &'static str) -> Result<Answer, ClientError> {
        self.ask(Method::GET, path, None)
    }

    /// Changes something; `body` is its arguments.
    ///
    /// # Errors
    /// [`ClientError`] if there is no answer; an answer with an error status is an answer.
    pub fn post(&self, path: &'static str, body: &Value) -> Result<Answer, ClientError> {
        self.ask(Method::POST, path, Some(body))
    }

    fn ask(&self, method: Method, path: &'static str, body: Option<&Value>) -> Result<Answer, ClientError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let exchange = self.exchange(method, path, body);
        let answer = runtime.block_on(async { tokio::time::timeout(self.timeout, exchange).await });
        // A resolver that hangs must not hold up the end.
        runtime.shutdown_background();
        answer.unwrap_or_else(|_| Err(ClientError::Timeout { address: self.address(), after: self.timeout }))
    }

    async fn exchange(
        &self,
        method: Method,
        path: &'static str,
        body: Option<&Value>,
    ) -> Result<Answer, ClientError> {
        let host = self.authority.host().trim_matches(['[', ']']);
        let connected = TcpStream::connect((host, self.port)).await;
        let stream = connected
            .map_err(|e| ClientError::Unreachable { address: self.address(), reason: e.to_string() })?;
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(|e| self.strange(&e))?;
        let request = self.request(method, path, body).map_err(|e| self.strange(&e))?;
        let answer = async move {
            let response = sender.send_request(request).await.map_err(|e| self.strange(&e))?;
            let status = response.status().as_u16();
            let read = Limited::new(response.into_body(), MAX_ANSWER).collect().await;
            let body = read.map_err(|e| self.strange(e.as_ref()))?.to_bytes();
            let body = serde_json::from_slice(&body).map_err(|_| self.strange(&NotJson(status)))?;
            Ok(Answer { status, body })
        };
        let mut connection = std::pin::pin!(connection);
        let mut answer = std::pin::pin!(answer);
        // The connection moves the bytes while the answer is waited for; its own end is no news, since the answer
        // then ends as well.
        tokio::select! {
            answer = &mut answer => answer,
            _ = &mut connection => answer.await,
        }
    }

    fn request(
        &self,
        method: Method,
        path: &'static str,
        body: Option<&Value>,
    ) -> http::Result<Request<Full<Bytes>>> {
        let mut request = Request::builder().method(method).uri(path);
        request = request.header(HOST, self.authority.as_str()).header(CONNECTION, "close");
        if let Some(token) = &self.token {
            request = request.header(AUTHORIZATION, token);
        }
        match body {
            Some(body) => request
                .header(CONTENT_TYPE, "application/json")
                .body(Full::new(Bytes::from(body.to_string()))),
            None => request.body(Full::default()),
        }
    }

    fn strange(&self, error: &dyn std::error::Error) -> ClientError {
        ClientError::Strange { address: self.address(), reason: error.to_string() }
    }
}

#[derive(Debug, thiserror::Error)]
#[error("status {0}, and the body is not JSON")]
struct NotJson(u16);

impl Answer {
    /// The answer if its status is a success, else one line that says why not and what to try.
    ///
    /// # Errors
    /// The line.
    pub fn success(self) -> Result<Value, String> {
        match self.status {
            200..=299 => Ok(self.body),
            401 => Err(
                "the admin API wants its token: name its config with -c, give --token, or set UMBRAGE_TOKEN"
                    .to_owned(),
            ),
            status => {
                let said = self.body["error"].as_str().map_or_else(|| format!("status {status}"), visible);
                Err(format!("the admin API refused: {said}"))
            }
        }
    }
}

/// Text from the other side without control characters but line feeds, for a terminal.
#[must_use]
pub fn visible(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
#[path = "client_tests.rs"]
pub(super) mod tests;
