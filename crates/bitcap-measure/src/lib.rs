//! Log-probabilities in, bits out: ceilings and accountings. No tensors.
