//! Architectures in Burn, their parameter counts, loading and saving weights.
