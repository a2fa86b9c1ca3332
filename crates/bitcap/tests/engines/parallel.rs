//! GNU parallel.
