//! Where data comes from: sources, exact entropies, dataset files. No tensors.
