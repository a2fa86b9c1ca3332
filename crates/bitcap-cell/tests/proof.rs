//! Datasets through trained models into code and back.

mod common;

use std::path::{Path, PathBuf};

use bitcap_cell::{Compressed, TrainedCell, compress, decompress, run_cell};
use bitcap_plan::DeviceSpec;
use bitcap_plan::{CellFolder, Experiment, ExperimentFolder};
use bitcap_source::{Split, file};
use proptest::prelude::*;

/// An empty folder of the test's own.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    match std::fs::remove_dir_all(&folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => panic!("{error}"),
        _ => std::fs::create_dir_all(&folder).unwrap(),
    }
    folder
}

const UNIFORM: &str = "kind = \"uniform\"\nvocabulary = 5\nlength = 7";
const MARKOV: &str =
    "kind = \"markov\"\nvocabulary = 5\nlength = 7\norder = 1\nconcentration = 0.3";

struct Case<'a> {
    source: &'a str,
    samples: u64,
    seed: u64,
    start_token: bool,
    /// Steps and rate.
    training: (u64, f64),
}

fn trained(outputs: &Path, case: &Case<'_>) -> CellFolder {
    let Case {
        source,
        samples,
        seed,
        start_token,
        training: (steps, rate),
    } = case;
    let text = format!(
        "name = \"x\"\nseed = {seed}\n[source]\n{source}\n[data]\nsamples = {samples}\n[model]\nlayers = 1\n\
         width = 16\nheads = 2\nstart_token = {start_token}\n[train]\noptimizer = \"muon\"\n\
         learning_rate = {rate:?}\nsteps = {steps}\n[measure]\nfresh = false"
    );
    let plan = Experiment::parse(&text, "x.toml", &[])
        .unwrap()
        .plan()
        .unwrap();
    let cell = ExperimentFolder::new(outputs, "x").cell(&plan.cells[0].name);
    run_cell(
        &cell,
        &plan.cells[0].settings,
        &common::OPTIONS,
        &mut |_| {},
    )
    .unwrap();
    cell
}

/// Codes the training data, decodes them, and holds tokens and figures against what they must be.
fn round_trip(outputs: &Path, case: &Case<'_>) -> (Compressed, f64) {
    let cell = trained(outputs, case);
    let coded = outputs.join("coded");
    let opened = TrainedCell::open_on_processor(cell.root()).unwrap();
    let found = compress(&opened, None, &coded, &mut |_| {}).unwrap();
    let measured = opened.measure().unwrap();

    // The model's folder and the coded file, moved where nothing else is.
    let away = outputs.join("away");
    std::fs::create_dir_all(&away).unwrap();
    for name in ["config.json", "model.safetensors"] {
        std::fs::copy(cell.path("model").join(name), away.join(name)).unwrap();
    }
    let out = outputs.join("data.safetensors");
    let info = decompress(&away, &coded, &out, DeviceSpec::FLEX, &mut |_| {}).unwrap();
    let (back, _) = file::read(&out).unwrap();
    let settings = bitcap_plan::CellSettings::read(&cell.path("cell.toml")).unwrap();
    let data = bitcap_source::draw(
        &settings.source,
        settings.data.seed,
        case.samples,
        Split::Training,
    )
    .unwrap();
    assert_eq!(back, data);
    assert_eq!(info.tokens_blake3, data.tokens_blake3());

    let allowed = 1e-3 * found.claimed_bits + 64.0;
    assert!(found.difference_bits.abs() <= allowed, "{found:?}");
    assert_eq!(
        found.file_bits,
        found.payload_bits + found.header_bits + found.hash_bits
    );
    let memorized = measured.memorized_bits_strict.unwrap();
    let proven = found.proven_bits.unwrap();
    assert!((memorized - proven - found.difference_bits).abs() < 1e-6 * found.claimed_bits + 1e-6);
    (found, memorized / measured.ceiling_bits_strict.unwrap())
}

#[test]
fn memorized_half_memorized_and_untrained_models_prove_their_claims() {
    let outputs = folder("proof-three");
    for start_token in [true, false] {
        let of = |samples, training| {
            let case = Case {
                source: UNIFORM,
                samples,
                seed: 1,
                start_token,
                training,
            };
            round_trip(&outputs, &case)
        };
        let (memorized, share) = of(30, (300, 0.05));
        assert!(share > 0.97, "{share}");
        // Neither zstd nor xz can do that: the data is random.
        assert!(memorized.payload_bits < memorized.zstd_bits.min(memorized.xz_bits));
        let (_, share) = of(400, (150, 0.05));
        assert!((0.2..0.8).contains(&share), "{share}");
        let (untrained, _) = of(30, (1, 1e-9));
        let uniform = 30.0 * (6.0 + f64::from(u8::from(start_token))) * 5f64.log2();
        assert!((untrained.claimed_bits / uniform - 1.0).abs() < 0.3);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn any_data_comes_back_from_any_model(
        (markov, start_token) in (any::<bool>(), any::<bool>()),
        samples in 1..60u64,
        seed in 0..1000u64,
        steps in 1..40u64,
        rate in prop::sample::select(vec![1e-9, 0.01, 0.1]),
    ) {
        let outputs = folder("proof-any");
        round_trip(&outputs, &Case {
            source: if markov { MARKOV } else { UNIFORM },
            samples,
            seed,
            // Structured data need it.
            start_token: start_token || markov,
            training: (steps, rate),
        });
    }
}

#[test]
fn files_that_are_not_right_are_refused() {
    let outputs = folder("proof-wrong");
    let case = |seed| Case {
        source: MARKOV,
        samples: 20,
        seed,
        start_token: true,
        training: (20, 0.05),
    };
    let (cell, other) = (trained(&outputs, &case(0)), trained(&outputs, &case(1)));
    let coded = outputs.join("coded");
    let opened = TrainedCell::open_on_processor(cell.root()).unwrap();
    compress(&opened, None, &coded, &mut |_| {}).unwrap();
    let bytes = std::fs::read(&coded).unwrap();
    let out = outputs.join("out");
    let refused = |model: &CellFolder, bytes: &[u8]| {
        std::fs::write(&coded, bytes).unwrap();
        let error = decompress(model.root(), &coded, &out, DeviceSpec::FLEX, &mut |_| {});
        assert!(!out.exists());
        error.unwrap_err().to_string()
    };
    let cut = refused(&cell, &bytes[..bytes.len() - 9]);
    assert!(cut.contains("coded: the file is cut"), "{cut}");
    let mut altered = bytes.clone();
    let middle = bytes.len() / 2;
    altered[middle] ^= 4;
    let altered = refused(&cell, &altered);
    assert!(altered.contains("altered"), "{altered}");
    let longer = refused(&cell, &[&bytes[..], b"x"].concat());
    assert!(longer.contains("something was added"), "{longer}");
    let other = refused(&other, &bytes);
    assert!(
        other.contains("made with the model whose weights"),
        "{other}"
    );
    assert!(refused(&cell, b"hello").contains("not a file that bitcap coded"));
    let nothing = CellFolder::new(&outputs.join("nowhere"));
    assert!(refused(&nothing, &bytes).contains("there is no config.json here"));
    assert!(
        TrainedCell::open_on_processor(&outputs)
            .is_err_and(|e| e.to_string().contains("no cell.toml"))
    );
}

#[test]
fn models_are_measured_again_and_on_other_data() {
    let outputs = folder("proof-measure");
    let cell = trained(
        &outputs,
        &Case {
            source: MARKOV,
            samples: 30,
            seed: 3,
            start_token: true,
            training: (40, 0.05),
        },
    );
    let opened = TrainedCell::open_on_processor(cell.root()).unwrap();
    let again = opened.measure().unwrap();
    assert_eq!(again, cell.read_json("measurement.json").unwrap());

    // Its own training data in a file are the same data.
    let settings = bitcap_plan::CellSettings::read(&cell.path("cell.toml")).unwrap();
    let path = outputs.join("data.safetensors");
    let source = &settings.source;
    file::generate(&path, source, 3, 30, Split::Training, &mut |_| {}).unwrap();
    let own = opened.measure_data(&path).unwrap().measurement;
    assert_eq!(own.in_training, 30);
    assert_eq!(own.memorized_bits_strict, again.memorized_bits_strict);
    assert_eq!(own.decomposition, again.decomposition);
    assert_eq!(own.extraction, again.extraction);

    // The tokens alone say nothing of their source.
    let coded = outputs.join("coded");
    compress(&opened, Some(&path), &coded, &mut |_| {}).unwrap();
    let bare = outputs.join("bare.safetensors");
    decompress(cell.root(), &coded, &bare, DeviceSpec::FLEX, &mut |_| {}).unwrap();
    let found = opened.measure_data(&bare).unwrap().measurement;
    assert_eq!(
        (found.entropy_bits, found.memorized_bits_strict),
        (None, None)
    );
    assert_eq!(found.code_bits, own.code_bits);
    assert_eq!(found.in_training, 30);

    let other = bitcap_plan::read_source(
        "kind = \"coin\", length = 7, prior = [0.5, 0.5], \
        probabilities = [0.1, 0.9]",
        0,
        "in --source",
    )
    .unwrap();
    file::generate(&path, &other, 0, 5, Split::Training, &mut |_| {}).unwrap();
    let error = opened.measure_data(&path).unwrap_err().to_string();
    assert!(
        error.contains("of 7 tokens out of 2; the model's are of 7 out of 5"),
        "{error}"
    );
}
