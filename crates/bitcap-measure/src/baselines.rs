//! What compressors that know nothing of the model make of the same tokens.

/// The highest of zstd's levels that does not ask for more memory when decompressing.
const ZSTD_LEVEL: i32 = 19;

/// The highest of xz's.
const XZ_LEVEL: u32 = 9;

/// How many bits the tokens of a dataset take, packed and then compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BaselineBits {
    /// Packed only: ceil(log2 V) bits a token, to whole bytes.
    pub packed: u64,
    /// The packed tokens through zstd, level 19.
    pub zstd: u64,
    /// The packed tokens through xz, level 9.
    pub xz: u64,
}

/// A compressor failed, for want of memory.
#[derive(Debug, thiserror::Error)]
#[error("{compressor} failed: {source}")]
pub struct BaselineError {
    compressor: &'static str,
    source: std::io::Error,
}

impl BaselineBits {
    /// Of `tokens` out of a vocabulary of V.
    ///
    /// # Errors
    ///
    /// Memory runs out.
    ///
    /// # Panics
    ///
    /// If V is below 2.
    pub fn of(tokens: &[u16], vocabulary: u32) -> Result<Self, BaselineError> {
        assert!(vocabulary >= 2, "one token has no bits");
        // Packed before it is compressed, or a compressor would be measured by how well it drops
        // the zeros above the bits of a u16.
        let packed = pack(tokens, vocabulary);
        let failed = |compressor| move |source| BaselineError { compressor, source };
        let zstd = zstd::bulk::compress(&packed, ZSTD_LEVEL).map_err(failed("zstd"))?;
        let xz = liblzma::encode_all(packed.as_slice(), XZ_LEVEL).map_err(failed("xz"))?;
        let bits = |bytes: &[u8]| 8 * bytes.len() as u64;
        Ok(Self {
            packed: bits(&packed),
            zstd: bits(&zstd),
            xz: bits(&xz),
        })
    }
}

/// ceil(log2 V) bits a token, most significant first, the last byte filled with zeros.
fn pack(tokens: &[u16], vocabulary: u32) -> Vec<u8> {
    let width = u32::BITS - (vocabulary - 1).leading_zeros();
    let mut bytes = Vec::with_capacity((tokens.len() * width as usize).div_ceil(8));
    // Bits that wait for a whole byte, at the lower end; at most 7 + 16.
    let (mut waiting, mut bits) = (0u32, 0);
    for &token in tokens {
        waiting = waiting << width | u32::from(token);
        bits += width;
        while bits >= 8 {
            bits -= 8;
            bytes.push((waiting >> bits) as u8);
        }
        waiting &= (1 << bits) - 1;
    }
    if bits > 0 {
        bytes.push((waiting << (8 - bits)) as u8);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::{BaselineBits, pack};

    #[test]
    fn packs_the_most_significant_bit_first() {
        assert_eq!(
            pack(&[1, 0, 1, 1, 0, 0, 0, 0, 1], 2),
            [0b1011_0000, 0b1000_0000]
        );
        assert_eq!(
            pack(&[0b101, 0b001, 0b111, 0b010], 8),
            [0b1010_0111, 0b1010_0000]
        );
        // 5 values need 3 bits, as 8 do; 9 need 4.
        assert_eq!(pack(&[4, 1], 5), [0b1000_0100]);
        assert_eq!(pack(&[8, 1], 9), [0x81]);
        assert_eq!(pack(&[0xabcd, 0x0123], 65536), [0xab, 0xcd, 0x01, 0x23]);
        assert_eq!(pack(&[0x7fff, 1], 32768), [0xff, 0xfe, 0x00, 0x04]);
    }

    #[test]
    fn packing_any_width_against_text() {
        for vocabulary in 2..600u32 {
            let width = f64::from(vocabulary).log2().ceil() as usize;
            let tokens: Vec<u16> = (0..41u32)
                .map(|at| (at * at * 31 % vocabulary) as u16)
                .collect();
            let mut text: String = tokens
                .iter()
                .map(|token| format!("{token:0width$b}"))
                .collect();
            text.extend(std::iter::repeat_n('0', (8 - text.len() % 8) % 8));
            let bytes: Vec<u8> = (0..text.len() / 8)
                .map(|at| u8::from_str_radix(&text[8 * at..8 * at + 8], 2).unwrap())
                .collect();
            assert_eq!(pack(&tokens, vocabulary), bytes, "{vocabulary}");
        }
    }

    #[test]
    fn compresses_what_repeats_and_not_what_does_not() {
        let mut state = 1u64;
        let random: Vec<u16> = (0..16000)
            .map(|_| {
                // Knuth's MMIX generator; its upper bits are random enough.
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                (state >> 56) as u16
            })
            .collect();
        let bits = BaselineBits::of(&random, 256).unwrap();
        assert_eq!(bits.packed, 128_000);
        for found in [bits.zstd, bits.xz] {
            assert!((128_000..129_000).contains(&found), "{found}");
        }
        let repeated: Vec<u16> = random[..1600].repeat(10);
        let bits = BaselineBits::of(&repeated, 256).unwrap();
        assert_eq!(bits.packed, 128_000);
        for found in [bits.zstd, bits.xz] {
            assert!((12_800..14_500).contains(&found), "{found}");
        }
    }
}
