//! A report for people and for CI: text for terminals, Markdown, `JUnit` XML.

pub mod figure;
mod junit;
mod markdown;
mod phrase;
mod plain;
mod text;

pub use junit::junit;
pub use markdown::markdown;
pub use plain::plain;
pub use text::text;

#[cfg(test)]
#[path = "render_tests.rs"]
mod tests;
