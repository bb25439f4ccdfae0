//! Which path leads to which handler, and behind which limits.

use std::sync::Arc;

use axum::Router;
use axum::error_handling::HandleErrorLayer;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn_with_state, map_response};
use axum::routing::{get, post};
use tower::limit::GlobalConcurrencyLimitLayer;
use tower::load_shed::LoadShedLayer;
use tower::timeout::TimeoutLayer;

use super::desk::Desk;
use super::limits::{MAX_BODY, MAX_REQUESTS, REQUEST_TIMEOUT};
use super::{access, answer, mirror, views};

/// The whole API. Probes stand outside of token and limits: they are asked by machines that hold no token, and must
/// answer while everything else is busy.
pub(super) fn router(desk: Arc<Desk>) -> Router {
    let probes = Router::new().route("/healthz", get(views::health)).route("/readyz", get(views::ready));
    let inner = Router::new()
        .route("/", get(views::index))
        .route("/metrics", get(views::metrics))
        .route("/config", get(views::config))
        .route("/api/v1/report", get(views::report))
        .route("/api/v1/differences", get(views::differences))
        .route("/api/v1/samples/{id}", get(views::sample))
        .route("/api/v1/mirror/pause", post(mirror::pause))
        .route("/api/v1/mirror/resume", post(mirror::resume))
        .route("/api/v1/mirror/percent", post(mirror::percent))
        .route("/-/reload", post(views::reload))
        .fallback(answer::not_found)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        // From outside in: what a limit turns away becomes an answer; full means refused at once, not queued.
        .layer((
            HandleErrorLayer::new(answer::limited),
            LoadShedLayer::new(),
            GlobalConcurrencyLimitLayer::new(MAX_REQUESTS),
            TimeoutLayer::new(REQUEST_TIMEOUT),
        ))
        .layer(from_fn_with_state(desk.clone(), access::check));
    inner
        .merge(probes)
        .method_not_allowed_fallback(answer::method_not_allowed)
        .layer(map_response(answer::guarded))
        .with_state(desk)
}

#[cfg(test)]
#[path = "router_tests.rs"]
mod tests;
