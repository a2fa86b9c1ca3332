//! The JSON schema of an experiment file, for editors and for docs/experiment.md. It is derived from
//! the structs that a file is read into.

use bitcap_source::SourceSettings;
use schemars::Schema;
use schemars::generate::SchemaSettings;
use schemars::transform::{RecursiveTransform, Transform};
use serde_json::{Map, Value, json};

use crate::experiment::grid::is_section;
use crate::experiment::resolve::DataSection;
use crate::settings::{
    EngineSettings, MeasureSettings, ModelSettings, SweepSettings, TrainSettings,
};

/// The JSON schema (draft 7) of an experiment file.
///
/// It is as strict as [`Experiment`](crate::Experiment) about keys and types, and leaves to it what
/// the values may be. A key that must be given may stand in the grid and not in its section: that it
/// is required is the last sentence of its description. So is a default that is no constant.
#[must_use]
pub fn experiment_schema() -> Value {
    let mut generator = SchemaSettings::draft07().into_generator();
    let varied = [
        ("source", generator.subschema_for::<SourceSettings>()),
        ("data", generator.subschema_for::<DataSection>()),
        ("model", generator.subschema_for::<ModelSettings>()),
        ("train", generator.subschema_for::<TrainSettings>()),
    ];
    let fixed = [
        ("measure", generator.subschema_for::<MeasureSettings>()),
        ("engine", generator.subschema_for::<EngineSettings>()),
        ("sweep", generator.subschema_for::<SweepSettings>()),
    ];
    let definitions = generator.take_definitions(true);
    let mut properties = json!({
        "name": {
            "type": "string",
            "pattern": "^[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}$",
            "description": "Name of the experiment and of its folder in `outputs`: 1 to 100 \
                letters, digits, `-`, `_` and `.`, not beginning with `.`.",
        },
        "seed": {
            "type": "integer",
            "minimum": 0,
            "default": 0,
            "description": "The value of every other seed that is not given; below \
                2^63.",
        },
    });
    let grid = grid(&varied, &definitions);
    for (name, section) in varied.into_iter().chain(fixed) {
        properties[name] = section.into();
    }
    properties["grid"] = grid;
    let mut schema = schemars::json_schema!({
        "$schema": generator.settings().meta_schema,
        "title": "bitcap experiment",
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
        "definitions": definitions,
    });
    RecursiveTransform(tidy).transform(&mut schema);
    // After `tidy`, which takes this word out of every section.
    schema.insert("required".into(), json!(["name"]));
    // The grid may have the sources.
    let has = |section: &str| json!({"required": [section]});
    schema.insert("anyOf".into(), json!([has("source"), has("grid")]));
    schema.into()
}

/// The `[grid]` section: a list for each key of `sections`, by its dotted path.
fn grid(sections: &[(&str, Schema)], definitions: &Map<String, Value>) -> Value {
    let list = |element: Value| {
        json!({
            "type": "array",
            "items": element,
            "minItems": 1,
            "uniqueItems": true,
        })
    };
    let of = |place: &str| json!({"$ref": place});
    let mut keys = Map::new();
    keys.insert("seed".into(), list(of("#/properties/seed")));
    for (section, schema) in sections {
        // A key that is written without quotes makes a table.
        let mut alternatives = vec![json!({"type": "object"})];
        if is_section(section) {
            // Its keys may stand in the section that all of them share.
            alternatives.push(list(json!({"type": "object"})));
        }
        keys.insert((*section).into(), json!({"anyOf": alternatives}));
        let place = schema.get("$ref").and_then(Value::as_str).unwrap_or("");
        let name = place.trim_start_matches("#/definitions/");
        // A section that has kinds is a list of alternatives, any other has its keys itself.
        let kinds: Vec<(String, &Value)> = match definitions[name]["oneOf"].as_array() {
            Some(kinds) => (0..)
                .zip(kinds)
                .map(|(i, kind)| (format!("{place}/oneOf/{i}"), kind))
                .collect(),
            None => vec![(place.to_owned(), &definitions[name])],
        };
        let names = kinds
            .iter()
            .map(|(_, kind)| &kind["properties"]["kind"]["const"]);
        let names: Vec<&Value> = names.collect();
        for (place, kind) in &kinds {
            for (key, value) in kind["properties"].as_object().into_iter().flatten() {
                let list = match value.get("const") {
                    None => list(of(&format!("{place}/properties/{key}"))),
                    Some(_) if *section == "model" => list(json!({"enum": names})),
                    // The kind of the source says which other keys there are.
                    Some(_) => continue,
                };
                keys.entry(format!("{section}.{key}")).or_insert(list);
            }
        }
    }
    json!({
        "type": "object",
        "description": "Lists of values, each by the dotted key that it is for. They are crossed. `source`, `model` \
            and `train` may be lists of sections, whose settings go together.",
        "properties": keys,
        "patternProperties": {
            "^source\\.of\\.": {"type": "array", "minItems": 1},
            "^train\\.rate_factors\\.": list(json!({"type": "number"})),
        },
        "additionalProperties": false,
    })
}

/// Makes of what serde reads what stands in a TOML file, which has no null.
fn tidy(schema: &mut Schema) {
    // No format of the standard: "uint32", "double".
    schema.remove("format");
    if schema.get("default") == Some(&Value::Null) {
        schema.remove("default");
    }
    if let Some(Value::Array(types)) = schema.get_mut("type") {
        types.retain(|name| name != "null");
        let only = types[0].take();
        schema.insert("type".into(), only);
    }
    if let Some(Value::String(text)) = schema.get_mut("description") {
        // Lines end where those of the source do.
        *text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    }
    if schema.get("properties").is_none() {
        return;
    }
    let required = schema.remove("required").unwrap_or_default();
    let keys = required.as_array().into_iter().flatten();
    for key in keys.filter_map(Value::as_str) {
        let more = match key {
            "kind" => {
                // It says which other keys there are.
                schema.insert("required".into(), json!([key]));
                continue;
            }
            "seed" => " By default the top-level `seed`.",
            _ => " Required, here or in the grid.",
        };
        let description = schema.pointer_mut(&format!("/properties/{key}/description"));
        if let Some(Value::String(text)) = description {
            *text += more;
        }
    }
}
