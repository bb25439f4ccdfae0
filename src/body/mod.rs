//! The one body type that passes through a proxy, and the tee that copies it up to a bound.
