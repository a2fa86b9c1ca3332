//! docs/experiment.schema.json and docs/experiment.md: that they are what the structs say, and that
//! the schema takes what the reader takes.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use bitcap_plan::{Experiment, ExperimentError, experiment_schema};
use serde_json::{Map, Value};

const PROLOGUE: &str = include_str!("experiment_docs/prologue.md");

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// docs/experiment.md.
fn markdown(schema: &Value) -> String {
    let mut page = PROLOGUE.to_owned();
    let (sections, keys): (Map<_, _>, Map<_, _>) = schema["properties"]
        .as_object()
        .unwrap()
        .clone()
        .into_iter()
        .partition(|(_, value)| value.get("$ref").is_some());
    let values = keys.into_iter().filter(|(key, _)| key != "grid").collect();
    page += "\n## Top level\n";
    table(&values, &mut page);
    for (name, section) in &sections {
        let section = resolve(schema, section);
        let about = description(section);
        write!(page, "\n## `[{name}]`\n\n{about}\n").unwrap();
        match section["oneOf"].as_array() {
            None => table(section["properties"].as_object().unwrap(), &mut page),
            Some(kinds) => {
                for kind in kinds {
                    let mut keys = kind["properties"].as_object().unwrap().clone();
                    let name = keys.shift_remove("kind").unwrap();
                    let about = description(kind);
                    write!(page, "\n### `kind = {}`\n\n{about}\n", name["const"]).unwrap();
                    table(&keys, &mut page);
                }
            }
        }
    }
    let about = description(&schema["properties"]["grid"]);
    write!(page, "\n## `[grid]`\n\n{about} As in\n").unwrap();
    page += "\n    [grid]\n    \"model.width\" = [8, 16]\n    \"data.load\" = [0.5, 1.0, 2.0]\n    \"seed\" = [0, 1]\n";
    page += "\nOr, where several settings of a section go together:\n\n    [[grid.model]]\n    kind = \"gpt2\"\n    width = 8\n\n    [[grid.model]]\n    kind = \"lstm\"\n    width = 12\n";
    page
}

/// A row for each key: type, default, meaning.
fn table(keys: &Map<String, Value>, page: &mut String) {
    *page += "\n| key | type | default | meaning |\n|---|---|---|---|\n";
    for (key, value) in keys {
        let mut meaning = description(value).to_owned();
        let mut default = value.get("default").map(shown).unwrap_or_default();
        if let Some(rest) = meaning.strip_suffix(" Required, here or in the grid.") {
            (meaning, default) = (rest.to_owned(), "required".into());
        } else if let Some((rest, named)) = meaning.clone().rsplit_once(" By default ") {
            (meaning, default) = (rest.to_owned(), named.trim_end_matches('.').to_owned());
        }
        for choice in value["oneOf"].as_array().into_iter().flatten() {
            if let (Some(name), Some(about)) = (choice.get("const"), choice.get("description")) {
                write!(meaning, " `{name}`: {}", about.as_str().unwrap()).unwrap();
            }
        }
        let row = format!("`{key}` | {} | {default} | {meaning}", type_of(value));
        writeln!(page, "| {row} |").unwrap();
    }
}

fn type_of(value: &Value) -> String {
    if let Some(choices) = value["oneOf"].as_array() {
        return choices.iter().map(type_of).collect::<Vec<_>>().join(", ");
    }
    if let Some(name) = value.get("const") {
        return format!("`{name}`");
    }
    match value["type"].as_str() {
        Some("string") => "text".into(),
        Some("boolean") => "true or false".into(),
        Some("array") => match value["maxItems"].as_u64() {
            Some(count) => format!("list of {count} {}s", type_of(&value["items"])),
            None if value["items"]["type"] == "string" => "list of texts".into(),
            None => format!("list of {}s", type_of(&value["items"])),
        },
        Some("object") => format!("section of {}s", type_of(&value["additionalProperties"])),
        Some(name) => name.into(),
        None => "section".into(),
    }
}

fn shown(value: &Value) -> String {
    format!("`{}`", value.to_string().replace(',', ", "))
}

fn description(value: &Value) -> &str {
    value["description"].as_str().unwrap()
}

fn resolve<'a>(schema: &'a Value, value: &Value) -> &'a Value {
    let place = value["$ref"].as_str().unwrap();
    schema.pointer(place.trim_start_matches('#')).unwrap()
}

#[test]
fn the_files_are_what_the_structs_say() {
    let schema = experiment_schema();
    let files = [
        ("docs/experiment.schema.json", format!("{schema:#}\n")),
        ("docs/experiment.md", markdown(&schema)),
    ];
    for (name, text) in files {
        let path = root().join(name);
        if std::env::var_os("BITCAP_WRITE_DOCS").is_some() {
            fs::write(&path, &text).unwrap();
        }
        let found = fs::read_to_string(&path).unwrap_or_default();
        assert!(
            found == text,
            "{name} is stale. BITCAP_WRITE_DOCS=1 cargo test -p bitcap-plan --test experiment_docs \
             writes it anew."
        );
    }
}

#[test]
fn experiments_of_the_repository_fit() {
    let schema = jsonschema::draft7::new(&experiment_schema()).unwrap();
    let mut count = 0;
    for entry in fs::read_dir(root().join("experiments")).unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        let file: Value = toml::from_str(&text).unwrap();
        // Cases of `bitcap toy` are no experiments, and have no name.
        if file.get("name").is_some() {
            let errors: Vec<_> = schema.iter_errors(&file).map(|e| e.to_string()).collect();
            assert!(errors.is_empty(), "{}: {errors:?}", path.display());
            count += 1;
        }
    }
    assert!(count >= 4, "{count}");
}

const BASE: &str = r#"name = "base"
[source]
kind = "uniform"
vocabulary = 4
length = 8
[data]
samples = 10
[model]
layers = 1
width = 4
heads = 2
start_token = true
[train]
learning_rate = 0.01
steps = 10
[measure]
[engine]
[sweep]
[grid]
"#;

fn read(text: &str) -> Result<(), ExperimentError> {
    Experiment::parse(text, "base.toml", &[])?.plan().map(drop)
}

/// Schema and reader agree; `true` where both are to take the change.
#[test]
fn the_schema_takes_what_the_reader_takes() {
    let schema = jsonschema::draft7::new(&experiment_schema()).unwrap();
    let cases = [
        ("", "", true),
        ("[train]", "[train]\nbatch = \"full\"", true),
        ("[train]", "[train]\nbatch = 4", true),
        ("[train]", "[train]\nbatch = 0", false),
        ("[train]", "[train]\nbatch = \"half\"", false),
        ("[train]", "[train]\nbatch = true", false),
        ("[train]", "[train]\nbetas = [0, 0.5]", true),
        ("[train]", "[train]\nbetas = [0.9]", false),
        ("[train]", "[train]\noptimizer = \"muon\"", true),
        ("[train]", "[train]\noptimizer = \"sgd\"", false),
        ("[train]", "[train]\nseed = -1", false),
        ("[train]", "[train]\nrate_factors.wte = 2", true),
        ("[train]", "[train]\nrate_factors = {wte = \"2\"}", false),
        ("[train]", "[train]\nrate_factors = 2.0", false),
        (
            "[grid]",
            "[grid]\ntrain.rate_factors.wte = [0.5, 2.0]",
            true,
        ),
        (
            "[grid]",
            "[grid]\ntrain.rate_factors = [{wte = 2.0}, {wte = 4.0, c_attn = 2.0}]",
            true,
        ),
        ("[grid]", "[grid]\n\"train.rate_factors.wte\" = 2.0", false),
        ("steps = 10", "steps = 10.5", false),
        ("steps = 10", "steps = \"10\"", false),
        ("learning_rate = 0.01", "learning_rate = 1", true),
        ("learning_rate = 0.01", "learning_rat = 0.01", false),
        ("[model]", "[model]\nkind = \"gpt2\"", true),
        ("[model]", "[model]\nkind = \"gpt7\"", false),
        ("[model]", "[model]\nkind = \"llama\"\nmlp_width = 7", true),
        ("[model]", "[model]\nmlp_width = 7", false),
        ("[model]", "[model]\nkind = \"llama\"\nmlp_ratio = 2", false),
        ("[model]", "[model]\nkind = \"moe\"\nexperts = 3", true),
        ("[model]", "[model]\nexperts = 3", false),
        ("heads = 2\n", "", true),
        (
            "[grid]",
            "[grid]\n\"model.kind\" = [\"gpt2\", \"llama\"]",
            true,
        ),
        ("[grid]", "[grid]\n\"model.kind\" = [\"gpt7\"]", false),
        ("[model]", "[model]\ntied_head = 1", false),
        ("width = 4\n", "width = [4]\n", false),
        ("samples = 10", "load = 2", true),
        ("samples = 10", "samples = 10\nload = 2.0", false),
        ("kind = \"uniform\"\n", "", false),
        ("\"uniform\"", "\"unifrom\"", false),
        ("\"uniform\"", "\"coin\"", false),
        ("\"uniform\"", "\"unigram\"\nconcentration = 1", true),
        ("vocabulary = 4", "vocabulary = 4\norder = 1", false),
        ("length = 8", "length = 8.5", false),
        (
            "kind = \"uniform\"\nvocabulary = 4\nlength = 8",
            "kind = \"copies\"\nlaw = \"constant\"\ncount = 2\n\
             of = { kind = \"uniform\", vocabulary = 4, length = 8 }",
            true,
        ),
        ("[engine]", "[engine]\ndevice = \"wgpu:cpu\"", true),
        ("[engine]", "[engine]\ndevice = \"cuda:1\"", true),
        ("[engine]", "[engine]\ndevice = \"cuda:cpu\"", false),
        ("[engine]", "[engine]\ndevice = \"flex:0\"", false),
        ("[engine]", "[engine]\nhosts = [\"2/gpu1\"]", true),
        ("[engine]", "[engine]\nhosts = \"2/gpu1\"", false),
        ("[measure]", "[measure]\nfresh = \"yes\"", false),
        ("[sweep]", "[sweep]\ndoubled_at_laod = 1.0", false),
        ("[sweep]", "[sweeps]", false),
        ("name = \"base\"", "", false),
        ("\"base\"", "\"a/b\"", false),
        ("[grid]", "[grid]\n\"data.load\" = [0.5, 1]", true),
        ("[grid]", "[grid]\ntrain.warmup_steps = [0, 1]", true),
        (
            "[grid]",
            "[grid]\nmodel = [{tied_head = true}, {tied_head = false}]",
            true,
        ),
        ("[grid]", "[grid]\nmodel = [3]", false),
        ("[grid]", "[grid]\ndata = [{samples = 3}]", false),
        ("[grid]", "[grid]\n\"data.load\" = 0.5", false),
        ("[grid]", "[grid]\n\"data.load\" = []", false),
        ("[grid]", "[grid]\n\"data.load\" = [1, 1.0]", false),
        ("[grid]", "[grid]\n\"data.load\" = [\"1\"]", false),
        ("[grid]", "[grid]\n\"train.step\" = [1]", false),
        ("[grid]", "[grid]\n\"engine.jobs\" = [1]", false),
    ];
    for (old, new, good) in cases {
        assert!(BASE.contains(old), "{old}");
        let text = BASE.replacen(old, new, 1);
        let error = read(&text).err().map(|error| error.to_string());
        assert_eq!(error.is_none(), good, "{error:?}\n{text}");
        let file = toml::from_str(&text).unwrap();
        assert_eq!(schema.is_valid(&file), good, "{text}");
    }
}

/// The reader names the keys that a section may have: they are those of the schema.
#[test]
fn the_schema_has_every_key() {
    let schema = experiment_schema();
    let check = |text: &str, section: &str, properties: &Value| {
        let Err(ExperimentError::UnknownKey { mut allowed, .. }) = read(text) else {
            panic!("{text}");
        };
        // Found and kept by bitcap, not written by people.
        allowed.retain(|key| key != "source.resolved" && key != "source.blake3");
        let keys = properties.as_object().unwrap().keys();
        let mut keys: Vec<String> = keys.map(|key| format!("{section}{key}")).collect();
        allowed.sort();
        keys.sort();
        assert_eq!(keys, allowed);
    };
    check(&format!("none = 1\n{BASE}"), "", &schema["properties"]);
    for (name, section) in schema["properties"].as_object().unwrap() {
        if section.get("$ref").is_none() {
            continue;
        }
        let section = resolve(&schema, section);
        let prefix = format!("{name}.");
        for kind in section["oneOf"]
            .as_array()
            .unwrap_or(&vec![section.clone()])
        {
            let mut text = BASE.replace(&format!("[{name}]"), &format!("[{name}]\nnone = 1"));
            match kind["properties"]["kind"].get("const") {
                Some(kind) if name == "source" => {
                    text = text.replace("\"uniform\"", &kind.to_string());
                }
                Some(kind) => text = text.replace("none = 1", &format!("none = 1\nkind = {kind}")),
                None => {}
            }
            check(&text, &prefix, &kind["properties"]);
        }
    }
}
