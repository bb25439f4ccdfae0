//! The fuzz targets; what each of them holds is written in `tests/properties`, where the tests of the main package run it too.

#[path = "../../tests/properties/mod.rs"]
pub mod properties;
