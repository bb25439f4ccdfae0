//! A pool on behalf of one client: where the leg is told who asks, a connection carries the requests of nobody else.

use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use http_body::Body;

use super::{ConnectError, Lease, Pool, Settings};
use crate::model::Ends;

/// See [`Pool::on_behalf_of`].
pub struct OnBehalf<'a, B> {
    pool: &'a Rc<Pool<B>>,
    /// `None` where it does not matter who asks.
    client: Option<Arc<Ends>>,
}

impl<B> Pool<B>
where
    B: Body<Data = Bytes> + Unpin + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    /// The pool for the requests of one client; `client` is asked for where the leg is told, and tells clients apart by
    /// where it stands in memory: connections to the leg are kept for as long as anybody holds it.
    pub fn on_behalf_of(self: &Rc<Self>, client: impl FnOnce() -> Option<Arc<Ends>>) -> OnBehalf<'_, B> {
        let told = self.settings().proxy_protocol.is_on();
        OnBehalf { pool: self, client: if told { client() } else { None } }
    }
}

impl<B> OnBehalf<'_, B>
where
    B: Body<Data = Bytes> + Unpin + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    /// Where the pool leads.
    pub fn settings(&self) -> &Arc<Settings> {
        self.pool.settings()
    }

    /// As [`Pool::checkout`].
    ///
    /// # Errors
    /// As of [`Pool::checkout`].
    pub async fn checkout(&self) -> Result<Lease<B>, ConnectError> {
        self.pool.checkout_for(self.client.as_ref()).await
    }

    /// As of [`OnBehalf::checkout`].
    ///
    /// # Errors
    /// As of [`Pool::checkout`].
    pub async fn checkout_to_switch(&self) -> Result<Lease<B>, ConnectError> {
        self.pool.checkout_to_switch(self.client.as_ref()).await
    }
}
