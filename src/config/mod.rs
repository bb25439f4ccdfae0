//! From the file as written to the config as relied upon.
