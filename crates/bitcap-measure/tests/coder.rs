//! The codec: data comes back from any model's code, the code is as long as was claimed, and nothing else passes.

use std::collections::HashMap;
use std::convert::Infallible;

use bitcap_measure::CodeLengths;
use bitcap_measure::coder::{
    CodeError, Coded, CodedFile, CodedFileError, Prefixes, decode, encode,
};
use bitcap_source::DataShape;
use proptest::prelude::*;

const MODEL: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// splitmix64, so that a model's logits are a function of what it reads.
fn mix(state: u64) -> u64 {
    let mut z = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A number in [0, 1).
fn unit(state: u64) -> f32 {
    (mix(state) >> 40) as f32 / (1u64 << 24) as f32
}

fn log_softmax(logits: &[f32]) -> Vec<f32> {
    let highest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f64 = logits.iter().map(|l| f64::from(l - highest).exp()).sum();
    logits
        .iter()
        .map(|l| (f64::from(l - highest) - sum.ln()) as f32)
        .collect()
}

/// Logits that are random, as wide apart as `spread` says, and raised by `knowledge` for tokens it learned.
struct Model {
    seed: u64,
    entries: usize,
    spread: f32,
    knowledge: f32,
    learned: HashMap<Vec<u16>, u16>,
    asked: Vec<(usize, usize)>,
}

impl Model {
    fn new(seed: u64, shape: DataShape, spread: f32) -> Self {
        Self {
            seed,
            entries: shape.rows(),
            spread,
            knowledge: 0.0,
            learned: HashMap::new(),
            asked: Vec::new(),
        }
    }

    /// One that knows what follows each prefix (the last time it occurs).
    fn knowing(mut self, tokens: &[u16], length: usize, knowledge: f32) -> Self {
        self.knowledge = knowledge;
        for sequence in tokens.chunks_exact(length) {
            for at in 0..length {
                self.learned.insert(sequence[..at].to_vec(), sequence[at]);
            }
        }
        self
    }

    fn row(&self, prefix: &[u16]) -> Vec<f32> {
        let state =
            prefix.iter().fold(
                mix(self.seed),
                |state, &token| mix(state ^ u64::from(token)),
            );
        let mut logits: Vec<f32> = (0..self.entries)
            .map(|entry| self.spread * unit(state ^ mix(entry as u64)))
            .collect();
        if let Some(&token) = self.learned.get(prefix) {
            logits[usize::from(token)] += self.knowledge;
        }
        log_softmax(&logits)
    }

    fn predict(&mut self, prefixes: Prefixes<'_>) -> Result<Vec<f32>, Infallible> {
        self.asked.push((prefixes.sequences, prefixes.position));
        assert_eq!(
            prefixes.tokens.len(),
            prefixes.sequences * prefixes.position
        );
        let row = |row| &prefixes.tokens[row * prefixes.position..][..prefixes.position];
        let rows = (0..prefixes.sequences).map(row);
        Ok(rows.flat_map(|prefix| self.row(prefix)).collect())
    }
}

fn random_tokens(seed: u64, samples: usize, shape: DataShape) -> Vec<u16> {
    (0..samples * shape.length)
        .map(|at| (mix(seed ^ mix(at as u64)) % u64::from(shape.vocabulary)) as u16)
        .collect()
}

/// -log2 p of every predicted token, by the measure.
fn claimed(model: &Model, tokens: &[u16], shape: DataShape) -> f64 {
    let log_probabilities: Vec<f32> = tokens
        .chunks_exact(shape.length)
        .flat_map(|sequence| {
            (shape.given()..sequence.len())
                .map(|at| model.row(&sequence[..at])[usize::from(sequence[at])])
                .collect::<Vec<f32>>()
        })
        .collect();
    CodeLengths::new(shape, &log_probabilities)
        .unwrap()
        .total_bits()
}

/// The payload less all that was claimed: what coding costs, at most 0.1 % and 64 bits. Below 0 only where tokens
/// have probabilities of 2^-32 and less, which the code rounds up.
fn difference_bits(coded: &Coded) -> f64 {
    coded.file.bits().payload as f64 - coded.first_token_bits - coded.claimed_bits
}

/// Codes and decodes; how many bits the payload has over what was claimed.
fn round_trip(tokens: &[u16], shape: DataShape, batch: usize, model: &mut Model) -> (f64, f64) {
    let coded = encode(tokens, shape, batch, MODEL, |p| model.predict(p)).unwrap();
    let asked = std::mem::take(&mut model.asked);
    let bytes = coded.file.to_bytes();
    let file = CodedFile::from_bytes(&bytes).unwrap();
    assert_eq!(file, coded.file);
    assert_eq!(decode(&file, MODEL, |p| model.predict(p)).unwrap(), tokens);
    assert_eq!(
        model.asked, asked,
        "the decoder must ask what the encoder asked"
    );

    let bits = file.bits();
    assert_eq!(
        bits.payload + bits.header + bits.hashes,
        8 * bytes.len() as u64
    );
    assert_eq!(bits.hashes, 8 * (64 + 64 + 32));
    let expected = claimed(model, tokens, shape);
    assert!((coded.claimed_bits - expected).abs() <= 1e-9 * expected + 1e-9);
    let given = shape.given() * tokens.len() / shape.length;
    assert_eq!(
        coded.first_token_bits,
        given as f64 * f64::from(shape.vocabulary).log2()
    );
    (
        difference_bits(&coded),
        coded.claimed_bits + coded.first_token_bits,
    )
}

fn shape(length: usize, vocabulary: u32, start_token: bool) -> DataShape {
    DataShape {
        vocabulary,
        length,
        start_token,
    }
}

proptest! {
    #[test]
    fn data_comes_back_and_the_code_is_as_long_as_claimed(
        seed: u64,
        (samples, length, vocabulary) in (1..40usize, 2..9usize, 2..300u32),
        batch in 1..50usize,
        start_token: bool,
        spread in prop_oneof![Just(0.0f32), Just(1.0), Just(12.0)],
        knowledge in prop_oneof![Just(0.0f32), Just(4.0), Just(40.0)],
    ) {
        let shape = shape(length, vocabulary, start_token);
        let tokens = random_tokens(seed, samples, shape);
        let mut model = Model::new(seed, shape, spread).knowing(&tokens, length, knowledge);
        let (difference, total) = round_trip(&tokens, shape, batch, &mut model);
        // All tokens here have more than 2^-32 times 1000, unless the model knows another token after this prefix.
        prop_assert!(difference <= 1e-3 * total + 64.0, "{difference} of {total}");
        if knowledge < 40.0 {
            prop_assert!(difference >= -1e-3 * total - 1e-3, "{difference} of {total}");
        }
    }
}

#[test]
fn many_tokens_cost_no_more_than_few() {
    // 60,000 tokens; a coder with a state of 64 bits is 0.03 bits a token off, 1,700 bits here.
    let shape = shape(10, 64, true);
    let tokens = random_tokens(1, 6000, shape);
    let mut untrained = Model::new(2, shape, 0.1);
    let mut memorized = Model::new(2, shape, 1.0).knowing(&tokens, 10, 8.0);
    for model in [&mut untrained, &mut memorized] {
        let (difference, total) = round_trip(&tokens, shape, 512, model);
        assert!(
            (0.0..=64.0).contains(&difference),
            "{difference} of {total}"
        );
    }
}

#[test]
fn largest_vocabularies() {
    for (vocabulary, start_token) in [(65536, true), (65536, false), (65535, true), (1025, false)] {
        let shape = shape(3, vocabulary, start_token);
        let mut tokens = random_tokens(5, 3, shape);
        tokens[4] = (vocabulary - 1) as u16;
        tokens[5] = 0;
        let mut model = Model::new(7, shape, 2.0);
        let (difference, _) = round_trip(&tokens, shape, 2, &mut model);
        assert!((0.0..=64.0).contains(&difference), "{difference}");
    }
}

/// Gives one row whatever it is asked.
struct Fixed(Vec<f32>);

impl Fixed {
    fn predict(&self, prefixes: Prefixes<'_>) -> Result<Vec<f32>, &'static str> {
        if self.0.is_empty() && prefixes.position > 1 {
            return Err("out of order");
        }
        let row = if self.0.is_empty() {
            &[-std::f32::consts::LN_2; 2][..]
        } else {
            &self.0
        };
        Ok(row.repeat(prefixes.sequences))
    }
}

#[test]
fn extreme_probabilities_come_back() {
    let zero = f32::NEG_INFINITY;
    let tokens: Vec<u16> = (0..4000).map(|at| u16::from(at % 7 == 0)).collect();
    let shape = shape(4, 2, false);
    for row in [
        vec![-1e-30, -69.0],   // 1 - 1e-30, and about that
        vec![-1e-45, -3.4e38], // a denormal, and the least f32
        vec![-103.0, -1e-38],  // the least denormal probability
        vec![0.0, -1e30],
    ] {
        let model = Fixed(row);
        let coded = encode(&tokens, shape, 64, MODEL, |p| model.predict(p)).unwrap();
        // A token that is next to impossible costs about 32 bits, whatever was claimed.
        assert!(coded.file.bits().payload <= 1000 + 32 * 3000 + 64);
        assert_eq!(
            decode(&coded.file, MODEL, |p| model.predict(p)).unwrap(),
            tokens
        );
    }
    // Certain of what comes: a code of no bits but the first tokens'.
    let tokens = vec![0; 4000];
    let coded = encode(&tokens, shape, 64, MODEL, |p| {
        Fixed(vec![0.0, zero]).predict(p)
    })
    .unwrap();
    assert_eq!(coded.claimed_bits, 0.0);
    assert!(difference_bits(&coded) <= 64.0);
    assert_eq!(
        decode(&coded.file, MODEL, |p| Fixed(vec![0.0, zero]).predict(p)).unwrap(),
        tokens
    );
}

#[test]
fn what_no_code_can_use_is_refused() {
    let error = |row: &[f32]| {
        let tokens = [0, 1, 0, 1, 1, 0];
        let batch = if row.is_empty() { 1 } else { 2 };
        encode(&tokens, shape(3, 2, false), batch, MODEL, |p| {
            Fixed(row.to_vec()).predict(p)
        })
        .unwrap_err()
        .to_string()
    };
    let cases = [
        (
            error(&[f32::NAN, -0.1]),
            "the model's distribution for token 1 of sequence 0: entry 0 is NaN; a log-probability must be at most 0",
        ),
        (error(&[-0.1, -0.1]), "sum to 1.80967"),
        (
            error(&[0.0, f32::NEG_INFINITY]),
            "token 1 of sequence 0: token 1 occurs there and has probability 0",
        ),
        (
            error(&[]),
            "the model failed at sequence 0, token 2: out of order",
        ),
    ];
    for (found, expected) in cases {
        assert!(found.contains(expected), "{found}\n{expected}");
    }
}

#[test]
#[should_panic(expected = "a log-probability for each sequence and entry")]
fn a_model_of_another_vocabulary() {
    let model = Fixed(vec![-1.0; 3]);
    drop(encode(&[0; 6], shape(3, 2, false), 2, MODEL, |p| {
        model.predict(p)
    }));
}

fn example() -> (DataShape, Vec<u16>, Model, CodedFile) {
    let shape = shape(6, 50, true);
    let tokens = random_tokens(3, 30, shape);
    let mut model = Model::new(4, shape, 3.0);
    let file = encode(&tokens, shape, 8, MODEL, |p| model.predict(p))
        .unwrap()
        .file;
    (shape, tokens, model, file)
}

#[test]
fn any_change_of_a_file_is_noticed() {
    let (_, _, _, file) = example();
    let bytes = file.to_bytes();
    let error = |bytes: &[u8]| CodedFile::from_bytes(bytes).unwrap_err().to_string();
    let (not_coded, cut, longer) = (
        "this is not a file that bitcap coded",
        "the file is cut",
        "something was added",
    );
    let altered = "the file was altered";
    for at in 0..bytes.len() {
        for bit in [0, 7] {
            let mut changed = bytes.clone();
            changed[at] ^= 1 << bit;
            let error = error(&changed);
            let told = |texts: &[&str]| texts.iter().any(|text| error.contains(text));
            assert!(
                match at {
                    0..14 => told(&[not_coded]),
                    // The lengths, when they change, say that there is too much, too little, or too long a header.
                    14..18 => !told(&[not_coded]),
                    _ => told(&[altered, cut, longer]),
                },
                "{at} {error}"
            );
        }
    }
    assert!(error(b"").starts_with(not_coded));
    assert!(error(b"{}").starts_with(not_coded));
    for end in 1..bytes.len() {
        let right = format!("{cut}: it has {end} bytes and should have ");
        let error = error(&bytes[..end]);
        assert!(error.starts_with(&right), "{error}");
    }
    let (found, right) = (bytes.len() + 1, bytes.len());
    assert_eq!(
        error(&[bytes.as_slice(), &[0]].concat()),
        format!("the file has {found} bytes and should have {right}: {longer}")
    );
}

/// A file of these parts, with a hash that is right.
fn forge(header: &str, payload: &[u8]) -> Result<CodedFile, CodedFileError> {
    let mut bytes = b"bitcap-code/1\n".to_vec();
    bytes.extend((header.len() as u32).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend((payload.len() as u64).to_le_bytes());
    bytes.extend(payload);
    let hash = blake3::hash(&bytes);
    bytes.extend(hash.as_bytes());
    CodedFile::from_bytes(&bytes)
}

/// Header and payload of a file.
fn parts(file: &CodedFile) -> (String, Vec<u8>) {
    let bytes = file.to_bytes();
    let length = u32::from_le_bytes(bytes[14..18].try_into().unwrap()) as usize;
    let header = String::from_utf8(bytes[18..18 + length].to_vec()).unwrap();
    (header, bytes[18 + length + 8..bytes.len() - 32].to_vec())
}

/// The file with its header's text replaced.
fn with_header(file: &CodedFile, from: &str, to: &str) -> Result<CodedFile, CodedFileError> {
    let (header, payload) = parts(file);
    assert!(header.contains(from), "{header}");
    forge(&header.replace(from, to), &payload)
}

#[test]
fn a_header_says_only_what_can_be() {
    let (_, _, mut model, file) = example();
    assert_eq!(
        with_header(&file, "\"samples\"", "\"samples\"").unwrap(),
        file
    );
    for (from, to, expected) in [
        (
            "\"vocabulary\":50",
            "\"vocabulary\":1",
            "`vocabulary` is 1; it must be from 2 to 65536",
        ),
        (
            "\"samples\":30",
            "\"samples\":0",
            "`samples` is 0; it must be from 1 to 768614336404564650",
        ),
        (
            "\"samples\":30",
            "\"samples\":768614336404564651",
            "`samples` is 768614336404564651; it must be from 1 to 768614336404564650",
        ),
        (
            "\"length\":6",
            "\"length\":5000",
            "`length` is 5000; it must be from 1 to 4096",
        ),
        (
            "\"batch\":8",
            "\"batch\":0",
            "`batch` is 0; it must be from 1 to 65536",
        ),
        (
            "\"batch\":8",
            "\"batch\":8,\"seed\":1",
            "unknown field `seed`",
        ),
        ("\"samples\":30,", "", "missing field `samples`"),
        ("code/1", "code/2", "unknown variant `bitcap-code/2`"),
        (
            MODEL,
            "x",
            "`model_blake3` is \"x\"; it must be 64 lower-case hexadecimal digits",
        ),
    ] {
        let found = with_header(&file, from, to).unwrap_err().to_string();
        assert!(found.starts_with("the header is wrong"), "{found}");
        assert!(found.contains(expected), "{found}\n{expected}");
    }
    let (header, payload) = parts(&file);
    let found = forge(&header, &payload[1..]).unwrap_err().to_string();
    assert!(found.ends_with("it must be whole words of 4"), "{found}");
    let found = forge(&" ".repeat(5000), &payload).unwrap_err().to_string();
    assert!(
        found.ends_with("it is 5000 bytes long; the longest is 4096"),
        "{found}"
    );
    // No payload and any payload are no panic either.
    for payload in [&[][..], &[0; 4], &[255; 400]] {
        let forged = forge(&header, payload).unwrap();
        let error = decode(&forged, MODEL, |p| model.predict(p)).unwrap_err();
        assert!(
            matches!(error, CodeError::OtherProbabilities { .. }),
            "{error}"
        );
    }
    // Forged sizes are no panic and no flood of memory, and the hash of the tokens tells them.
    for (from, to) in [
        ("\"samples\":30", "\"samples\":29"),
        ("\"samples\":30", "\"samples\":31"),
        ("\"batch\":8", "\"batch\":7"),
        ("\"length\":6", "\"length\":5"),
    ] {
        let forged = with_header(&file, from, to).unwrap();
        let error = decode(&forged, MODEL, |p| model.predict(p)).unwrap_err();
        assert!(
            matches!(error, CodeError::OtherProbabilities { .. }),
            "{from} {to} {error}"
        );
    }
}

/// A number of the header, and what may stand in its place.
fn forged_number() -> impl Strategy<Value = (&'static str, String)> {
    let numbers = [
        "\"samples\":30",
        "\"length\":6",
        "\"vocabulary\":50",
        "\"batch\":8",
    ];
    let near = |power: u32| (-1i128..=1).prop_map(move |off| (1i128 << power) + off);
    let number = prop_oneof![
        (0..66u32).prop_flat_map(near),
        -9i128..9,
        any::<u64>().prop_map(i128::from),
    ];
    (proptest::sample::select(numbers.to_vec()), number)
        .prop_map(|(key, number)| (key, number.to_string()))
}

proptest! {
    /// Whatever a header claims, nothing is allocated by its word, and what is taken can be coded.
    #[test]
    fn any_number_in_a_header_is_refused_or_possible((key, number) in forged_number()) {
        let (_, _, _, file) = example();
        let (name, _) = key.split_once(':').unwrap();
        match with_header(&file, key, &format!("{name}:{number}")) {
            Err(error) => {
                let error = error.to_string();
                prop_assert!(error.starts_with("the header is wrong: "), "{error}");
            }
            Ok(forged) => {
                let header = forged.header();
                prop_assert!(header.shape().validate().is_ok());
                prop_assert!((1..=65_536).contains(&header.batch));
                let bytes = header.samples.checked_mul(2 * header.length);
                prop_assert!(bytes.is_some_and(|bytes| (1..=isize::MAX as usize).contains(&bytes)));
            }
        }
    }
}

#[test]
fn another_model_is_told_from_an_altered_file() {
    let (shape, tokens, mut model, file) = example();
    assert_eq!(decode(&file, MODEL, |p| model.predict(p)).unwrap(), tokens);
    let other = MODEL.replace('a', "b");
    let error = decode(&file, &other, |p| model.predict(p)).unwrap_err();
    assert!(matches!(error, CodeError::OtherModel { .. }));
    assert!(error.to_string().contains(MODEL) && error.to_string().contains(&other));
    // The same weights by name, other probabilities in fact, be it by one rounding.
    for mut impostor in [Model::new(5, shape, 3.0), Model::new(4, shape, 3.001)] {
        let error = decode(&file, MODEL, |p| impostor.predict(p)).unwrap_err();
        assert!(
            matches!(error, CodeError::OtherProbabilities { .. }),
            "{error}"
        );
    }
}

#[test]
fn the_file_is_the_same_whoever_writes_it() {
    // Pinned: the format must not change without its name. The tokens' hash was made with Python's blake3, of their u16 little-endian.
    let shape = shape(3, 2, false);
    let model = Fixed(vec![-0.105_360_52, -std::f32::consts::LN_10]);
    let coded = encode(&[0, 1, 0, 0, 0, 0], shape, 2, MODEL, |p| model.predict(p)).unwrap();
    let bytes = coded.file.to_bytes();
    let hex: String = bytes[bytes.len() - 32..]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let header = String::from_utf8(bytes[18..bytes.len() - 32 - 8 - 4].to_vec()).unwrap();
    assert_eq!(
        header,
        format!(
            "{{\"format\":\"bitcap-code/1\",\"samples\":2,\"length\":3,\"vocabulary\":2,\"start_token\":false,\
             \"batch\":2,\"model_blake3\":\"{MODEL}\",\"tokens_blake3\":\"d8a315c5cfcf8211e140daf6c803cda44aa380e7fbc86edcbefe94846e68c578\"}}"
        )
    );
    assert_eq!(
        hex,
        "774993e48cf21e0f64de8707533815e383c241a0333ae2f691eee22eb34da1fa"
    );
}

#[test]
fn the_start_token_is_never_read_as_data() {
    let shape = shape(3, 2, true);
    let half = -std::f32::consts::LN_2;
    let coded = encode(&[1; 12], shape, 4, MODEL, |p| {
        Fixed(vec![half, half, -30.0]).predict(p)
    })
    .unwrap();
    // The upper half of all codes is nearly all the start token's now, which no model must be given as data.
    let impostor = Fixed(vec![-30.0, -30.0, 0.0]);
    let error = decode(&coded.file, MODEL, |p| impostor.predict(p)).unwrap_err();
    let place = "first noticed at token 0 of sequence 0";
    assert!(error.to_string().contains(place), "{error}");
}
