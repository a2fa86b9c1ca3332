//! runs.csv as a record: written as the experiments have it, and read back.

use std::path::{Path, PathBuf};

use bitcap_plan::{ModelKind, Run, Timing};

/// The tables of our own experiments.
fn published() -> Vec<PathBuf> {
    let files = |folder: &Path| -> Vec<PathBuf> {
        let entries = std::fs::read_dir(folder).unwrap();
        entries.map(|entry| entry.unwrap().path()).collect()
    };
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../outputs/published");
    let mut tables: Vec<PathBuf> = files(&root)
        .iter()
        .flat_map(|folder| files(folder))
        .collect();
    tables.retain(|path| {
        let name = path.file_name().unwrap().to_str().unwrap();
        name.starts_with("runs") && name.ends_with(".csv")
    });
    tables
}

fn written(rows: &[impl serde::Serialize]) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for row in rows {
        writer.serialize(row).unwrap();
    }
    String::from_utf8(writer.into_inner().unwrap()).unwrap()
}

fn read<T: serde::de::DeserializeOwned>(text: &str) -> Vec<T> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    reader.deserialize().collect::<Result<_, _>>().unwrap()
}

#[test]
fn published_runs_are_read_and_written_again_to_the_byte() {
    let files = published();
    assert!(files.len() >= 6, "{files:?}");
    for path in files {
        let text = std::fs::read_to_string(&path).unwrap();
        let rows: Vec<Run> = read(&text);
        assert_eq!(rows.len(), text.lines().count() - 1);
        assert!(Run::table(&rows) == text.as_bytes(), "{}", path.display());
    }
}

/// Tables with another architecture have its columns; those of GPT-2s alone what they always had, with
/// bounds where there are any.
#[test]
fn columns_of_other_architectures_are_where_there_is_one() {
    let gpt2 = Run {
        heads: Some(2),
        mlp_ratio: Some(4),
        ..Run::default()
    };
    let llama = Run {
        model: ModelKind::Llama,
        mlp_ratio: None,
        mlp_width: Some(22),
        ..gpt2.clone()
    };
    let mamba = Run {
        model: ModelKind::Mamba,
        heads: None,
        mlp_ratio: None,
        state: Some(16),
        expand: Some(2),
        conv_kernel: Some(4),
        ..gpt2.clone()
    };
    let table = |rows: &[Run]| String::from_utf8(Run::table(rows)).unwrap();
    let alone = table(std::slice::from_ref(&gpt2));
    let moe = Run {
        model: ModelKind::Moe,
        experts: Some(8),
        experts_per_token: Some(2),
        auxiliary_loss: Some(0.5),
        active_parameters: Some(99),
        ..llama.clone()
    };
    let polished = table(&[Run {
        polish_steps: Some(7),
        ..moe.clone()
    }]);
    let with_mamba = table(&[mamba]);
    let both = table(&[gpt2.clone(), llama.clone()]);
    let three = table(&[gpt2.clone(), llama, moe]);
    let bounded = table(&[Run {
        entropy_bound_bits: Some(9.0),
        ..gpt2
    }]);
    let [alone, both, three, bounded] =
        [&alone, &both, &three, &bounded].map(|text| text.lines().collect::<Vec<_>>());
    assert!(alone[0].ends_with(",fresh_extraction_32"), "{}", alone[0]);
    let bounds = ",entropy_bound_bits,memorized_bound_bits";
    assert_eq!(bounded[0], format!("{}{bounds}", alone[0]));
    assert!(bounded[1].ends_with(",9.0,"), "{}", bounded[1]);
    assert_eq!(both[0], format!("{}{bounds},model,mlp_width", alone[0]));
    assert_eq!(both[1], format!("{},,,gpt2,", alone[1]));
    assert!(both[2].ends_with(",,,llama,22"), "{}", both[2]);
    let with_mamba: Vec<&str> = with_mamba.lines().collect();
    assert_eq!(
        with_mamba[0],
        format!("{},state,expand,conv_kernel", both[0])
    );
    assert!(
        with_mamba[1].ends_with(",,,mamba,,16,2,4"),
        "{}",
        with_mamba[1]
    );
    let experts = ",experts,experts_per_token,auxiliary_loss,active_parameters";
    assert_eq!(three[0], format!("{}{experts}", with_mamba[0]));
    assert_eq!(three[2], format!("{},,,,,,,", both[2]));
    assert!(three[3].ends_with(",moe,22,,,,8,2,0.5,99"), "{}", three[3]);
    let polished: Vec<&str> = polished.lines().collect();
    assert_eq!(polished[0], format!("{},polish_steps", three[0]));
    assert_eq!(polished[1], format!("{},7", three[3]));
}

#[test]
fn empty_fields_quotes_and_flags_are_kept() {
    let run = Run {
        cell: "l1-w8".to_owned(),
        label: "betas=[0.9, 0.99], path=\"x\"".to_owned(),
        doubled: true,
        seed: u64::MAX,
        samples: 1,
        learning_rate: 1e-9,
        training_flops: 1.5e21,
        entropy_bits: Some(0.1 + 0.2),
        oracle: Some("source".to_owned()),
        ..Run::default()
    };
    let text = written(std::slice::from_ref(&run));
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let fields = reader.records().next().unwrap().unwrap();
    assert_eq!(fields.len(), 82);
    assert_eq!((&fields[4], &fields[26]), ("1", ""), "doubled, source_bits");
    // A file as collect writes it has no zeros where a whole number from 1 must be.
    let mut error = csv::Reader::from_reader(text.as_bytes());
    let error = error.deserialize::<Run>().next().unwrap().unwrap_err();
    let error = error.to_string();
    assert!(
        error.contains("it must be a whole number from 1"),
        "{error}"
    );
    let counts = "vocabulary length layers width parameters";
    let names = text.lines().next().unwrap().split(',');
    let counted = names.clone().zip(&fields).map(|(name, field)| {
        match counts.split(' ').any(|count| count == name) {
            true => "7",
            false => field,
        }
    });
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(names.clone()).unwrap();
    writer.write_record(counted).unwrap();
    let text = String::from_utf8(writer.into_inner().unwrap()).unwrap();
    let rows: Vec<Run> = read(&text);
    assert_eq!(
        (&rows[0].label, rows[0].seed, rows[0].doubled),
        (&run.label, u64::MAX, true)
    );
    assert_eq!(
        (rows[0].entropy_bits, rows[0].source_bits),
        (run.entropy_bits, None)
    );
    assert_eq!(written(&rows), text);
}

#[test]
fn timings_are_read_and_written_again_to_the_byte() {
    let text = "\
cell,host,device,started,seconds,training_tokens,tokens_per_second,flops_per_second
l1-w8-n14-t600-s0-424e8913,alpha,flex,2026-11-23T10:00:00Z,1.25,134400,107520.0,990904320.0
";
    let rows: Vec<Timing> = read(text);
    assert_eq!((rows[0].seconds, &rows[0].device[..]), (1.25, "flex"));
    assert_eq!(written(&rows), text);
}
