//! Streams of random words: one a (seed, purpose), the same on every platform.

use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;

/// The context of the key derivation. It parts our keys from everybody else's; changing it changes
/// every dataset and every initial weight, so it never changes.
const CONTEXT: &str = "bitcap 2026-11 random stream";

/// The stream of random words for one seed and one purpose ("data", "fresh", "weights", "batches").
///
/// The ChaCha8 key is BLAKE3's `derive_key` of the seed (8 bytes, little-endian) followed by the
/// purpose; nonce and block counter begin at zero. Streams of different seeds or purposes are
/// independent of each other. Draw raw words from it (`next_u32`, `next_u64`, `fill_bytes`): a
/// distribution of a library may change its algorithm with a version, and with it every dataset.
#[must_use]
pub fn stream(seed: u64, purpose: &str) -> ChaCha8Rng {
    // The seed has a fixed length, so that no two pairs of seed and purpose give the same bytes.
    let key = blake3::Hasher::new_derive_key(CONTEXT)
        .update(&seed.to_le_bytes())
        .update(purpose.as_bytes())
        .finalize();
    ChaCha8Rng::from_seed(*key.as_bytes())
}
