//! A request is read: may it be forwarded, where to, and with which fields.

mod extended_connect;
pub mod headers;
pub mod hops;
pub mod http2;
pub mod route;
pub mod survey;
pub mod template;
pub mod validate;

pub use headers::MARK;
pub use route::{Match, Route, Routes};
pub use template::{PathTemplate, TemplateError};
