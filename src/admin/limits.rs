//! Every bound of the admin API, with its reason.

use std::time::Duration;

/// Connections open at once; a dashboard, a few probes and scrapers need a dozen. One more is answered 503 and closed.
pub const MAX_CONNECTIONS: usize = 128;

/// Requests under way at once, probes not counted; one more is answered 503.
pub const MAX_REQUESTS: usize = 32;

/// Views (report, differences, samples, config) that may be running at once; each holds a thread, even after its
/// request timed out. One more is answered 503.
pub const MAX_VIEWS: usize = 4;

/// Renderings of `/metrics` that may be running at once: apart from the views, so that a hung store hides no metric.
pub const MAX_SCRAPES: usize = 2;

/// From the head of a request to its answer.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// For a request head, and for a kept-alive connection to bring its next one.
pub const HEADER_TIMEOUT: Duration = Duration::from_secs(30);

/// A connection older than this is closed after the answer under way: the only bound on a client that does not read.
pub const CONNECTION_LIFETIME: Duration = Duration::from_mins(10);

/// What an answer under way is given once its connection is to be closed.
pub const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// Largest request head in bytes; hyper takes nothing below 8 KiB.
pub const MAX_HEAD: usize = 16 * 1024;

/// Most fields of a request head.
pub const MAX_FIELDS: usize = 64;

/// Largest request body in bytes: the largest meaningful one is a line of JSON.
pub const MAX_BODY: usize = 4 * 1024;

/// Longest pause that ends by itself; who means longer means the config file.
pub const MAX_PAUSE: Duration = Duration::from_hours(30 * 24);

/// Rows of `/api/v1/differences` where the request names no number.
pub const DEFAULT_DIFFERENCES: usize = 100;

/// Most rows of `/api/v1/differences`.
pub const MAX_DIFFERENCES: usize = 1000;

/// Longest text in a query parameter, in bytes.
pub const MAX_PARAMETER: usize = 1024;

/// Endpoints shown on the page; the rest is in `/api/v1/report`.
pub const PAGE_ENDPOINTS: usize = 200;

/// Fields shown for each endpoint on the page.
pub const PAGE_FIELDS: usize = 20;

/// Rows of any other list on the page.
pub const PAGE_ROWS: usize = 64;

/// Characters of one value shown on the page.
pub const PAGE_TEXT: usize = 240;

/// How often the page asks again.
pub const PAGE_REFRESH: Duration = Duration::from_secs(5);
