//! Tests of the running counts.
